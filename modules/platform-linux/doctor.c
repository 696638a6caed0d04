/* SPDX-License-Identifier: MIT
 * platform-linux/doctor.c - adit.doctor/1: what of this machine the platform relies on
 *
 * What can be tried is tried, in a fresh namespace that goes again; the rest is read from /proc.
 */
#include "doctor.h"

#include "pass.h"
#include "place.h"
#include "tproxy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>

struct doctor {
	adit_finding finding;
	void *arg;
};

static void tell(const struct doctor *d, int32_t level, const char *name, const char *text,
                 const char *cure)
{
	d->finding(d->arg, level, name, text, cure);
}

/* The first line of a small file; false when it cannot be read. */
static int read_line(const char *path, char *out, size_t room)
{
	FILE *f = fopen(path, "re");
	int ok = f && fgets(out, (int)room, f);

	if (f)
		fclose(f);
	if (ok)
		out[strcspn(out, "\n")] = '\0';
	return ok;
}

static void look_kernel(const struct doctor *d)
{
	struct utsname u;
	int major = 0, minor = 0;

	if (uname(&u) || sscanf(u.release, "%d.%d", &major, &minor) != 2)
		tell(d, ADIT_DOCTOR_WARN, "kernel", "its version is not known", NULL);
	else if (major < 4 || (major == 4 && minor < 19))
		tell(d, ADIT_DOCTOR_BAD, "kernel", u.release, "Linux 4.19 or newer is needed");
	else if (major < 6 || (major == 6 && minor < 2))
		tell(d, ADIT_DOCTOR_WARN, "kernel", u.release,
		     "UDP super-packets (USO) come with Linux 6.2; without, UDP is slower");
	else
		tell(d, ADIT_DOCTOR_OK, "kernel", u.release, NULL);
}

static void look_tun(const struct doctor *d, adit_place *p)
{
	struct tun_wish wish = {
		.name = "adit%d", .mtu = 1500, .queues = 1, .offloads = TUN_OFFLOADS};
	struct tun_made made;
	struct why why = {""};
	char text[120];
	int fd;

	if (place_tun(p, &wish, &fd, &made, &why)) {
		tell(d, ADIT_DOCTOR_BAD, "TUN device", why.text, NULL);
		return;
	}
	tell(d, ADIT_DOCTOR_OK, "TUN device", "a device can be made", NULL);
	snprintf(text, sizeof(text), "checksum %s, TSO %s, USO %s",
	         made.offloads & TUN_CHECKSUM ? "yes" : "no",
	         made.offloads & TUN_TSO ? "yes" : "no", made.offloads & TUN_USO ? "yes" : "no");
	tell(d, made.offloads & TUN_TSO ? ADIT_DOCTOR_OK : ADIT_DOCTOR_WARN, "TUN offloads", text,
	     made.offloads & TUN_TSO
	             ? NULL
	             : "bulk transfers cost many times the processor time; use a newer kernel");
	pass_close(&fd, 1);
}

static void look_tproxy(const struct doctor *d, adit_place *p)
{
	struct why why = {""};
	adit_result result = tproxy_probe(p, &why);

	if (result)
		tell(d, ADIT_DOCTOR_WARN, "nft tproxy", why.text,
		     "load the modules nf_tables and nft_tproxy; until then the stack \"system\" "
		     "uses a slower form");
	else
		tell(d, ADIT_DOCTOR_OK, "nft tproxy", "accepted", NULL);
}

static void look_place(const struct doctor *d)
{
	struct why why = {""};
	adit_place *p;

	if (place_open("new", &p, &why)) {
		tell(d, ADIT_DOCTOR_BAD, "namespaces", why.text, NULL);
		return;
	}
	tell(d, ADIT_DOCTOR_OK, "namespaces", "a network namespace of our own can be made", NULL);
	look_tun(d, p);
	look_tproxy(d, p);
	place_close(p);
}

static void look_ping(const struct doctor *d)
{
	unsigned long long low = 1, high = 0;
	char line[80], text[120];

	if (read_line("/proc/sys/net/ipv4/ping_group_range", line, sizeof(line)))
		sscanf(line, "%llu %llu", &low, &high);
	snprintf(text, sizeof(text), "groups %llu to %llu", low, high);
	if (low > high)
		tell(d, ADIT_DOCTOR_WARN, "echo sockets",
		     "no group may make them (net.ipv4.ping_group_range)",
		     "pings through the device need root or: sysctl -w "
		     "net.ipv4.ping_group_range='0 2147483647'");
	else
		tell(d, ADIT_DOCTOR_OK, "echo sockets", text, NULL);
}

static void look_limits(const struct doctor *d)
{
	struct rlimit r;
	char line[80], text[160];
	int low, high;

	if (!getrlimit(RLIMIT_NOFILE, &r)) {
		snprintf(text, sizeof(text), "%llu now, at most %llu",
		         (unsigned long long)r.rlim_cur, (unsigned long long)r.rlim_max);
		tell(d, r.rlim_max < 4096 ? ADIT_DOCTOR_WARN : ADIT_DOCTOR_OK, "descriptor limit",
		     text,
		     r.rlim_max < 4096
		             ? "each TCP flow takes two; raise it (ulimit -Hn, LimitNOFILE=)"
		             : NULL);
	}
	if (read_line("/proc/sys/net/ipv4/ip_local_port_range", line, sizeof(line)) &&
	    sscanf(line, "%d %d", &low, &high) == 2) {
		snprintf(text, sizeof(text), "%d to %d", low, high);
		tell(d, high - low < 16384 ? ADIT_DOCTOR_WARN : ADIT_DOCTOR_OK, "port range", text,
		     high - low < 16384 ? "few flows to one server at a time; sysctl -w "
		                          "net.ipv4.ip_local_port_range='10000 65000'"
		                        : NULL);
	}
	if (read_line("/proc/sys/net/ipv4/tcp_congestion_control", line, sizeof(line)))
		tell(d, ADIT_DOCTOR_OK, "congestion control", line, NULL);
}

static void ADIT_CALL run(adit_finding finding, void *arg)
{
	const struct doctor d = {finding, arg};

	look_kernel(&d);
	look_place(&d);
	look_ping(&d);
	look_limits(&d);
}

const adit_doctor_1 doctor_table = {sizeof(adit_doctor_1), 0, run};
