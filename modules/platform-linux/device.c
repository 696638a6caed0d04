/* SPDX-License-Identifier: MIT
 * platform-linux/device.c - the one device that all instances of the platform share
 */
#include "device.h"

#include "facts.h"
#include "owner.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

adit_result device_new(const adit_env *env, struct device **out, struct why *why)
{
	struct device *d = calloc(1, sizeof(*d));
	adit_result result;

	if (!d)
		return why_set(why, ADIT_ENOMEM, "no memory for a device");
	d->refs = 1;
	d->host = env->host;
	result = settings_read(&d->settings, env, why);
	if (result) {
		free(d);
		return result;
	}
	facts_use(&d->settings.facts);
	*out = d;
	return 0;
}

static adit_result adopt(struct device *d, struct why *why)
{
	adit_result result =
		tun_adopt(d->settings.fd, d->settings.wish.offloads, &d->made, &d->header, why);

	if (result)
		return result;
	d->fds[0] = d->settings.fd;
	d->n_fds = 1;
	return 0;
}

static adit_result make(struct device *d, struct why *why)
{
	adit_result result = place_tun(d->place, &d->settings.wish, d->fds, &d->made, why);

	if (result)
		return result;
	d->n_fds = d->settings.wish.queues;
	d->header = TUN_HEADER;
	return 0;
}

adit_result device_open(struct device *d, struct why *why)
{
	struct why no_owners;
	adit_result result;
	int diag;

	if (d->place)
		return 0;
	result = place_open(d->settings.place, &d->place, why);
	if (result)
		return result;
	result = d->settings.fd >= 0 ? adopt(d, why) : make(d, why);
	if (result) {
		place_close(d->place);
		d->place = NULL;
		return result;
	}
	if (place_diag(d->place, &diag, &no_owners) == 0)
		owner_use(diag); /* without it owners are not known, and who needs them is told so */
	place_set_device(d->place, d->made.name, d->settings.wish.addresses,
	                 d->settings.fd < 0 ? d->settings.wish.n_addresses : 0);
	return 0;
}

int device_unref(struct device *d)
{
	uint32_t i;

	if (!d || --d->refs)
		return 0;
	for (i = 0; i < d->n_fds; i++)
		close(d->fds[i]);
	if (d->place) {
		owner_use(-1);
		place_set_device(NULL, NULL, NULL, 0);
		place_close(d->place);
	}
	facts_use(NULL);
	free(d);
	return 1;
}

adit_result device_protect(const struct device *d, int sock, struct why *why)
{
	const struct settings *s = &d->settings;

	/* Our own sockets are elsewhere then and cannot meet the device. */
	if (!d->place || !place_is_here(d->place))
		return 0;
	if (s->mark && setsockopt(sock, SOL_SOCKET, SO_MARK, &s->mark, sizeof(s->mark)))
		return why_errno(why, errno,
		                 "cannot mark a socket (\"mark\": %u needs CAP_NET_ADMIN; "
		                 "\"bypass_device\" does not)",
		                 s->mark);
	if (s->bypass[0] &&
	    setsockopt(sock, SOL_SOCKET, SO_BINDTODEVICE, s->bypass, (socklen_t)strlen(s->bypass)))
		return why_errno(why, errno,
		                 "cannot bind a socket to the device %s (\"bypass_device\")",
		                 s->bypass);
	return 0;
}
