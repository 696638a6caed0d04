/* SPDX-License-Identifier: MIT
 * tests/unit/test_platform_will.c - the last will of a place: carried out whatever the end
 */
#include "tests/lib/platform-rig.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* A request about a route of 10.0.0.0/8 in table 77. */
static size_t route_request(uint8_t *out, uint16_t type, uint16_t flags, uint32_t index)
{
	struct {
		struct nlmsghdr head;
		struct rtmsg route;
		struct rtattr out;
		uint32_t index;
	} m = {
		{sizeof(m), type, NLM_F_REQUEST | NLM_F_ACK | flags, 1, 0},
		{.rtm_family = AF_INET, .rtm_dst_len = 8, .rtm_table = 77, .rtm_protocol = 173,
	         .rtm_scope = RT_SCOPE_HOST, .rtm_type = RTN_LOCAL},
		{RTA_LENGTH(4), RTA_OIF},
		index,
	};
	struct rtattr to = {RTA_LENGTH(4), RTA_DST};
	const uint8_t ten[4] = {10};

	m.head.nlmsg_len += sizeof(to) + sizeof(ten);
	memcpy(out, &m, sizeof(m));
	memcpy(out + sizeof(m), &to, sizeof(to));
	memcpy(out + sizeof(m) + sizeof(to), ten, sizeof(ten));
	return m.head.nlmsg_len;
}

/* How many routes of table 77 the namespace of a process has. */
static int routes_there(pid_t pid)
{
	char command[160];
	int n = 0, c;
	FILE *f;

	snprintf(command, sizeof(command), "nsenter -t %d %s -n ip route show table 77 2>/dev/null",
	         (int)pid, getuid() ? "-U --preserve-credentials" : "");
	f = popen(command, "r");
	check(f);
	while ((c = fgetc(f)) != EOF)
		n += c == '\n';
	pclose(f);
	return n;
}

enum ending { KILLED, CLOSED, WITHDRAWN };

/* Makes a route and wills that it go; then ends in one way or another. */
static void leave_will(const char *place, enum ending ending)
{
	uint8_t set[128], undo[256];
	char why[200];
	size_t size, n;
	uint32_t lo;

	rig_prepare();
	fakehost_set(rig.f, "namespace", place);
	rig_start();
	lo = rig.place->index(rig.place->device(), "lo");
	/* What fails first must not keep the rest from being done. */
	n = route_request(undo, RTM_DELROUTE, 0, lo + 1000);
	n += route_request(undo + n, RTM_DELROUTE, 0, lo);
	check(!rig.place->will(rig.place->device(), NETLINK_ROUTE, undo, n), "%s",
	      fakehost_why(rig.f));
	size = route_request(set, RTM_NEWROUTE, NLM_F_CREATE, lo);
	check(!rig.place->netlink(rig.place->device(), NETLINK_ROUTE, set, size, why, sizeof(why)),
	      "%s", why);
	if (ending == WITHDRAWN)
		check(!rig.place->will(rig.place->device(), NETLINK_ROUTE, NULL, 0));
	if (ending == KILLED)
		kill(getpid(), SIGKILL);
	rig_finish();
	_exit(0);
}

static void test_will(void)
{
	static const int left[] = {[KILLED] = 0, [CLOSED] = 0, [WITHDRAWN] = 1};
	char name[64];
	int hold, ending, i, n;
	pid_t pid = rig_other_namespace(&hold);

	snprintf(name, sizeof(name), "/proc/%d/ns/net", (int)pid);
	for (ending = KILLED; ending <= WITHDRAWN; ending++) {
		pid_t child = fork();

		if (!child)
			leave_will(name, (enum ending)ending);
		check(waitpid(child, NULL, 0) == child);
		for (i = 0; i < 200; i++) {
			n = routes_there(pid);
			if (n == left[ending] && (ending != WITHDRAWN || i > 20))
				break;
			usleep(10000);
		}
		check(n == left[ending], "ending %d: %d routes are there", ending, n);
	}
	close(hold);
	check(waitpid(pid, NULL, 0) == pid);
}

static void test_will_checked(void)
{
	static uint8_t big[ADIT_PLACE_WILL + 1];
	uint8_t m[128];
	adit_place *p;
	adit_addr a;
	uint32_t bits;
	size_t n;

	rig_prepare_new();
	p = rig.place->device();
	n = route_request(m, RTM_DELROUTE, 0, 1);
	check(rig.place->will(p, NETLINK_ROUTE, big, sizeof(big)) == ADIT_ELIMIT);
	check(rig.place->will(p, NETLINK_ROUTE, m, n - 3) == ADIT_EINVAL);
	check(rig.place->will(p, NETLINK_AUDIT, m, n) == ADIT_EINVAL);
	check(!rig.place->device_address(0, &a, &bits) && a.family == 4 && bits == 16);
	check(!rig.place->device_address(1, &a, &bits) && a.family == 6 && bits == 64);
	check(rig.place->device_address(2, &a, &bits) == ADIT_ENOENT);
	rig_finish();
	rig_prepare();
	rig_be_somewhere();
	rig_start();
	check(rig.place->will(rig.place->device(), NETLINK_ROUTE, m, n) == ADIT_ENOSYS);
	check(strstr(fakehost_why(rig.f), "namespace"), "%s", fakehost_why(rig.f));
	rig_finish();
}

int main(void)
{
	int skipped = sandbox_enter(), failed = 0, nobody = !getuid();
	uid_t who = getuid();

	if (skipped)
		return skipped;
	printf("1..%d\n", nobody ? 4 : 2);
	for (;; who = SANDBOX_NOBODY, nobody = 0) {
		failed |= sandbox_run("it is carried out, also after SIGKILL", test_will, who, 20);
		failed |= sandbox_run("it is checked", test_will_checked, who, 20);
		if (!nobody)
			return failed;
	}
}
