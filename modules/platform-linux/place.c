/* SPDX-License-Identifier: MIT
 * platform-linux/place.c - places, and adit.place/1
 */
#include "place.h"

#include "agent.h"
#include "link.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct adit_place {
	int here;
	int has_agent;
	struct agent agent;
};

/* The functions of adit.place/1 carry no context: one process has one device, and one host. */
static struct {
	const adit_host *host;
	adit_place *device;
	const char *name;             /* of the device there */
	const struct cidr *addresses; /* that were given to it */
	uint32_t n_addresses;
} home;

void place_set_host(const adit_host *host)
{
	home.host = host;
}

void place_set_device(adit_place *p, const char *name, const struct cidr *addresses, uint32_t n)
{
	home.device = p;
	home.name = name;
	home.addresses = addresses;
	home.n_addresses = n;
}

adit_result place_fail(adit_result result, const struct why *why)
{
	if (home.host && result && why->text[0])
		return home.host->fail(home.host, result, why->text, strlen(why->text));
	return result;
}

/* "pid:N" as the path of N's network namespace; 0: it is not of that form. */
static int pid_path(const char *name, char *path, size_t room)
{
	char *end;
	long pid;

	if (strncmp(name, "pid:", 4))
		return 0;
	errno = 0;
	pid = strtol(name + 4, &end, 10);
	if (errno || *end || pid <= 0 || pid > INT32_MAX || name[4] < '0' || name[4] > '9')
		return 0;
	snprintf(path, room, "/proc/%ld/ns/net", pid);
	return 1;
}

adit_result place_open(const char *name, adit_place **out, struct why *why)
{
	adit_place *p;
	char path[64];
	adit_result result = 0;

	p = calloc(1, sizeof(*p));
	if (!p)
		return why_set(why, ADIT_ENOMEM, "no memory for a place");
	if (!strcmp(name, "here"))
		p->here = 1;
	else if (!strcmp(name, "new"))
		result = agent_start(NULL, &p->agent, why);
	else if (pid_path(name, path, sizeof(path)))
		result = agent_start(path, &p->agent, why);
	else if (name[0] == '/')
		result = agent_start(name, &p->agent, why);
	else
		result = why_set(why, ADIT_ECONFIG,
		                 "the namespace \"%s\" is none of \"here\", \"new\", \"pid:N\" and "
		                 "an absolute path",
		                 name);
	if (result) {
		free(p);
		return result;
	}
	p->has_agent = !p->here;
	*out = p;
	return 0;
}

void place_close(adit_place *p)
{
	if (!p)
		return;
	if (p->has_agent)
		agent_stop(&p->agent);
	free(p);
}

int place_is_here(const adit_place *p)
{
	return p->here;
}

adit_result place_agent(adit_place *p, struct agent **out, struct why *why)
{
	if (!p->has_agent) {
		adit_result result = agent_start("", &p->agent, why);

		if (result)
			return result;
		p->has_agent = 1;
	}
	*out = &p->agent;
	return 0;
}

static adit_result call(adit_place *p, struct agent_ask *ask, const void *data, size_t size,
                        struct agent_answer *answer, int *fds, size_t *n_fds, struct why *why)
{
	adit_result result = agent_call(&p->agent, ask, data, size, NULL, 0, answer, fds, n_fds);

	if (why)
		*why = answer->why;
	return result;
}

adit_result place_tun(adit_place *p, const struct tun_wish *wish, int *fds, struct tun_made *made,
                      struct why *why)
{
	struct agent_ask ask = {.op = AGENT_TUN};
	struct agent_answer answer;
	size_t n = wish->queues;
	adit_result result = tun_check(wish, why);

	if (result || p->here)
		return result ? result : tun_make(wish, fds, made, why);
	ask.u.tun = *wish;
	result = call(p, &ask, NULL, 0, &answer, fds, &n, why);
	if (!result)
		*made = answer.u.made;
	return result;
}

adit_result place_diag(adit_place *p, int *fd, struct why *why)
{
	struct agent_ask ask = {.op = AGENT_DIAG};
	struct agent_answer answer;
	size_t n = 1;

	return p->here ? duty_diag(fd, why) : call(p, &ask, NULL, 0, &answer, fd, &n, why);
}

static adit_place *ADIT_CALL get_device(void)
{
	return home.device;
}

static const char *ADIT_CALL get_device_name(void)
{
	return home.name;
}

/* "here" is the machine's, or that of whoever started us. */
static int32_t ADIT_CALL is_ours(adit_place *p)
{
	return !p->here;
}

static adit_result ADIT_CALL fresh(adit_place **out)
{
	struct why why = {""};

	return place_fail(place_open("new", out, &why), &why);
}

static adit_result ADIT_CALL make_socket(adit_place *p, int32_t proto, const adit_addr *bind,
                                         uint32_t flags, intptr_t *out)
{
	struct agent_ask ask = {.op = AGENT_SOCKET};
	struct agent_answer answer;
	struct why why = {""};
	size_t n = 1;
	int fd = -1;
	adit_result result;

	ask.u.socket.proto = proto;
	ask.u.socket.flags = flags;
	ask.u.socket.bind = *bind;
	if (p->here)
		result = duty_socket(proto, bind, flags, &fd, &why);
	else
		result = call(p, &ask, NULL, 0, &answer, &fd, &n, &why);
	if (!result)
		*out = fd;
	return place_fail(result, &why);
}

/* What the SDK calls the offloads. */
static uint32_t offload_flags(uint32_t granted)
{
	return (granted & TUN_CHECKSUM ? ADIT_BUF_CSUM_NEEDED : 0) |
	       (granted & TUN_TSO ? ADIT_BUF_GSO_TCP4 | ADIT_BUF_GSO_TCP6 | ADIT_BUF_GSO_ECN : 0) |
	       (granted & TUN_USO ? ADIT_BUF_GSO_UDP : 0);
}

static adit_result ADIT_CALL make_tun(adit_place *p, const char *name, uint32_t mtu,
                                      uint32_t queues, intptr_t *fds, uint32_t *offloads)
{
	struct tun_wish wish = {.mtu = mtu, .queues = queues, .offloads = TUN_OFFLOADS};
	struct tun_made made;
	struct why why = {""};
	int made_fds[TUN_QUEUES];
	adit_result result;
	uint32_t i;

	if (strlen(name) >= sizeof(wish.name))
		return place_fail(why_set(&why, ADIT_EINVAL,
		                          "the device name %s is longer than 15 letters", name),
		                  &why);
	strcpy(wish.name, name);
	result = place_tun(p, &wish, made_fds, &made, &why);
	if (result)
		return place_fail(result, &why);
	for (i = 0; i < queues; i++)
		fds[i] = made_fds[i];
	*offloads = offload_flags(made.offloads);
	return 0;
}

static adit_result ADIT_CALL ask_netlink(adit_place *p, int32_t proto, const void *msg, size_t size,
                                         char *words, size_t room)
{
	struct agent_ask ask = {.op = AGENT_NETLINK};
	struct agent_answer answer;
	struct why why = {""};
	adit_result result;

	ask.u.netlink = proto;
	if (p->here)
		result = duty_netlink(proto, msg, size, &why);
	else
		result = call(p, &ask, msg, size, &answer, NULL, NULL, &why);
	if (words && room)
		snprintf(words, room, "%s", result ? why.text : "");
	return result;
}

static adit_result ADIT_CALL write_sysctl(adit_place *p, const char *path, const char *value)
{
	struct agent_ask ask = {.op = AGENT_SYSCTL};
	struct agent_answer answer;
	struct why why = {""};
	adit_result result;

	if (p->here)
		return place_fail(duty_sysctl(path, value, &why), &why);
	if (strlen(path) >= DUTY_PATH || strlen(value) >= DUTY_VALUE)
		return place_fail(why_set(&why, ADIT_EINVAL, "a sysctl path or value is too long"),
		                  &why);
	strcpy(ask.u.sysctl.path, path);
	strcpy(ask.u.sysctl.value, value);
	result = call(p, &ask, NULL, 0, &answer, NULL, NULL, &why);
	return place_fail(result, &why);
}

static uint32_t ADIT_CALL find_index(adit_place *p, const char *name)
{
	struct agent_ask ask = {.op = AGENT_INDEX};
	struct agent_answer answer;

	if (p->here)
		return link_index(name);
	if (strlen(name) >= TUN_NAME)
		return 0;
	strcpy(ask.u.name, name);
	return call(p, &ask, NULL, 0, &answer, NULL, NULL, NULL) ? 0 : answer.u.index;
}

static adit_result ADIT_CALL set_will(adit_place *p, int32_t proto, const void *msg, size_t size)
{
	struct agent_ask ask = {.op = AGENT_WILL};
	struct agent_answer answer;
	struct why why = {""};
	adit_result result;

	if (!p->has_agent)
		return place_fail(why_set(&why, ADIT_ENOSYS,
		                          "nobody is there to carry out a last will: the namespace "
		                          "is adit's own"),
		                  &why);
	if (size > ADIT_PLACE_WILL) /* the agent would say so too */
		return place_fail(why_set(&why, ADIT_ELIMIT,
		                          "a last will of %zu bytes; %d are the most", size,
		                          ADIT_PLACE_WILL),
		                  &why);
	ask.u.netlink = proto;
	result = call(p, &ask, msg, size, &answer, NULL, NULL, &why);
	return place_fail(result, &why);
}

static adit_result ADIT_CALL device_address(uint32_t n, adit_addr *out, uint32_t *bits)
{
	if (n >= home.n_addresses)
		return ADIT_ENOENT;
	*out = home.addresses[n].addr;
	*bits = home.addresses[n].bits;
	return 0;
}

const adit_place_1 place_table = {
	sizeof(adit_place_1), 0,           get_device,      fresh,
	place_close,          make_socket, make_tun,        ask_netlink,
	write_sysctl,         find_index,  get_device_name, is_ours,
	set_will,             device_address,
};
