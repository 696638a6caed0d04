/* SPDX-License-Identifier: MIT
 * tests/facts/fact_queue_listener.c - a packet of TUN queue k is accepted by listener k, through
 * nft tproxy
 *
 * stack-system relies on it: SO_ATTACH_REUSEPORT_CBPF with SKF_AD_QUEUE sees the queue that a
 * packet was written to, counted from 1, also where nft tproxy picked the listener, and numbers the
 * sockets in the order in which they began to listen. Also proven here: the same packets without
 * the program are spread by hash, so the test can fail.
 *
 *      SYN written to queue k --> device --> prerouting, tproxy --> one of LISTENERS transparent
 * listeners answer <-- the connection's SYN+ACK is read from the device; ACK completes it; which
 * listener has it?
 */
#include "tests/lib/sandbox.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LISTENERS = 3, FLOWS = 60, PORT = 7777 };

static int queues[LISTENERS], listeners[LISTENERS];

static void command(const char *line)
{
	check(!system(line), "%s", line);
}

static void make_device(void)
{
	struct ifreq req;
	int i;

	memset(&req, 0, sizeof(req));
	strcpy(req.ifr_name, "fact0");
	req.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_MULTI_QUEUE;
	for (i = 0; i < LISTENERS; i++) {
		queues[i] = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
		check(queues[i] >= 0 && !ioctl(queues[i], TUNSETIFF, &req), "%s", strerror(errno));
	}
	command("ip link set fact0 up mtu 1500 && ip addr add 10.9.0.1/24 dev fact0 && ip route "
	        "add default dev fact0");
	command("sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.fact0.rp_filter=0");
	command("ip rule add iif fact0 lookup 100 && ip route add local default dev lo table 100");
	command("nft 'table inet fact { chain c { type filter hook prerouting priority mangle; "
	        "iifname fact0 meta l4proto tcp tproxy ip to :7777 accept; }; }'");
}

static void make_listeners(void)
{
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(PORT)};
	int i, one = 1;

	for (i = 0; i < LISTENERS; i++) {
		listeners[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		check(!setsockopt(listeners[i], IPPROTO_IP, IP_TRANSPARENT, &one, sizeof(one)),
		      "%s", strerror(errno));
		check(!setsockopt(listeners[i], SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)));
		check(!bind(listeners[i], (struct sockaddr *)&any, sizeof(any)) &&
		              !listen(listeners[i], 128),
		      "%s", strerror(errno));
	}
}

static void attach(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_QUEUE)),
		BPF_STMT(BPF_ALU | BPF_SUB | BPF_K, 1),
		BPF_STMT(BPF_RET | BPF_A, 0),
	};
	struct sock_fprog program = {.len = 3, .filter = code};

	check(!setsockopt(listeners[0], SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program,
	                  sizeof(program)),
	      "%s", strerror(errno));
}

static uint32_t sum(uint32_t s, const uint8_t *p, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		s += (uint32_t)p[i] << (i % 2 ? 0 : 8);
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return s;
}

static void put(uint8_t *p, uint32_t v, int bytes)
{
	while (bytes--) {
		p[bytes] = (uint8_t)v;
		v >>= 8;
	}
}

static void send_tcp(int fd, uint16_t port, uint32_t seq, uint32_t ack, uint8_t flags)
{
	uint8_t p[40] = {0x45, 0, 0, 40, 0, 0, 0x40, 0, 64, 6, 0, 0, 10, 9, 0, 2, 192, 0, 2, 7};

	put(p + 10, ~sum(0, p, 20), 2);
	put(p + 20, port, 2);
	put(p + 22, 80, 2);
	put(p + 24, seq, 4);
	put(p + 28, ack, 4);
	p[32] = 0x50;
	p[33] = flags;
	put(p + 34, 60000, 2);
	put(p + 36, ~sum(sum(6 + 20, p + 12, 8), p + 20, 20), 2);
	check(write(fd, p, sizeof(p)) == sizeof(p), "%s", strerror(errno));
}

/* The sequence number of the SYN+ACK to a port, from whichever queue the kernel sends it to. */
static uint32_t await_answer(uint16_t port)
{
	struct pollfd p[LISTENERS];
	uint8_t b[2048];
	int i, tries;

	for (tries = 0; tries < 100; tries++) {
		for (i = 0; i < LISTENERS; i++) {
			p[i].fd = queues[i];
			p[i].events = POLLIN;
		}
		check(poll(p, LISTENERS, 1000) > 0, "no answer to port %u", port);
		for (i = 0; i < LISTENERS; i++) {
			ssize_t n = read(queues[i], b, sizeof(b));

			if (n >= 40 && b[0] == 0x45 && b[9] == 6 && (b[22] << 8 | b[23]) == port &&
			    b[33] == 0x12)
				return (uint32_t)b[24] << 24 | (uint32_t)b[25] << 16 |
				       (uint32_t)b[26] << 8 | b[27];
		}
	}
	sandbox_failed(__FILE__, __LINE__, "an answer", " none to port %u", port);
}

/* Which listener has the connection; it is the one whose peer is the port. */
static int who_accepted(uint16_t port)
{
	struct sockaddr_in peer;
	socklen_t size = sizeof(peer);
	int i, fd, tries;

	for (tries = 0; tries < 100; tries++, usleep(1000)) {
		for (i = 0; i < LISTENERS; i++) {
			fd = accept(listeners[i], (struct sockaddr *)&peer, &size);
			if (fd < 0)
				continue;
			close(fd);
			check(ntohs(peer.sin_port) == port);
			return i;
		}
	}
	return -1;
}

/* How many of the flows were accepted by the listener with their queue's number. */
static int matches(uint16_t first)
{
	int i, right = 0;

	for (i = 0; i < FLOWS; i++) {
		int k = i % LISTENERS;
		uint16_t port = (uint16_t)(first + i);

		send_tcp(queues[k], port, 1000, 0, 0x02);
		send_tcp(queues[k], port, 1001, await_answer(port) + 1, 0x10);
		right += who_accepted(port) == k;
	}
	return right;
}

static void fact(void)
{
	int by_hash, by_queue;

	make_device();
	make_listeners();
	by_hash = matches(20000);
	attach();
	by_queue = matches(30000);
	printf("# of %d flows at their queue's listener: %d by hash, %d by the program\n", FLOWS,
	       by_hash, by_queue);
	check(by_queue == FLOWS);
	check(by_hash < FLOWS);
}

int main(void)
{
	int skipped;

	if (system("(command -v nft && command -v ip && command -v sysctl) >/dev/null")) {
		printf("1..0 # SKIP needs nft, ip and sysctl\n");
		return SANDBOX_SKIP;
	}
	skipped = sandbox_enter();
	if (skipped)
		return skipped;
	printf("1..1\n");
	return sandbox_run("the listener of a queue accepts the queue's flows", fact, getuid(), 20);
}
