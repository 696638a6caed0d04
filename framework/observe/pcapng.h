/* SPDX-License-Identifier: MIT
 * observe/pcapng.h - writes captures in the format of draft-ietf-opsawg-pcapng
 *
 * One section, in this machine's byte order, times in ns. Interfaces are numbered in the order in which they are described.
 * Blocks go behind each other into memory that grows up to a limit.
 */
#ifndef OBSERVE_PCAPNG_H
#define OBSERVE_PCAPNG_H

#include <stddef.h>
#include <stdint.h>

struct pcapng {
	uint8_t *bytes; /* the caller's to free; what waits begins at bytes + taken */
	size_t taken, used, room;
	int failed; /* no memory, or more than PCAPNG_MOST waits: nothing has been written since */
};

enum { PCAPNG_MOST = 16 << 20 };
enum { PCAPNG_LINK_RAW = 101 /* begins with an IP header */, PCAPNG_LINK_UPPER_PDU = 252 };

/* The head of a section. Texts may be null. */
void pcapng_section(struct pcapng *p, const char *application, const char *comment);
/* snap: bytes that are kept of a packet at most; 0: all. */
void pcapng_interface(struct pcapng *p, uint16_t link, uint32_t snap, const char *name, const char *description);

enum { /* of epb_flags */
	PCAPNG_IN = 1,
	PCAPNG_OUT = 2,
	PCAPNG_CHECKSUM_NOT_READY = 1 << 9,
	PCAPNG_SEGMENTATION = 1 << 11
};
/* A packet: `kept` bytes of `len`, at ns since 1970. comment may be null. */
void pcapng_packet(struct pcapng *p, uint32_t interface, uint64_t ns, const uint8_t *data, uint32_t kept, uint32_t len,
                   uint32_t flags, const char *comment);
/* The figures of an interface, at its end. */
void pcapng_statistics(struct pcapng *p, uint32_t interface, uint64_t began, uint64_t ended, uint64_t received,
                       uint64_t dropped, const char *comment);

/* Bytes that wait. */
static inline size_t pcapng_waits(const struct pcapng *p)
{
	return p->used - p->taken;
}
/* n bytes from the front have gone where they go. */
void pcapng_taken(struct pcapng *p, size_t n);

#endif
