/* SPDX-License-Identifier: MIT
 * tag.h - content that says where it belongs
 *
 * A stream is a row of 16-byte blocks, each naming its flow, its direction and its place in the
 * stream, so that a byte that is lost, doubled, damaged, or delivered to another flow is seen at
 * once.
 */
#ifndef TESTS_LIB_TAG_H
#define TESTS_LIB_TAG_H

#include <stdint.h>
#include <string.h>

enum { TAG_BLOCK = 16, TAG_UP = 0, TAG_DOWN = 1 };

struct tag {
	uint32_t flow;
	uint32_t check; /* of flow and direction */
	uint64_t offset;
};

static inline struct tag tag_at(uint32_t flow, int direction, uint64_t offset)
{
	struct tag t = {
	    .flow = flow, .check = ~flow * 2654435761u + (uint32_t)direction, .offset = offset};

	return t;
}

/* Writes size bytes of the flow's stream from offset on. */
static inline void tag_fill(uint8_t *to, size_t size, uint32_t flow, int direction, uint64_t offset)
{
	while (size) {
		unsigned skip = (unsigned)(offset % TAG_BLOCK);
		size_t n = TAG_BLOCK - skip < size ? TAG_BLOCK - skip : size;
		struct tag t = tag_at(flow, direction, offset - skip);

		memcpy(to, (const uint8_t *)&t + skip, n);
		to += n;
		size -= n;
		offset += n;
	}
}

/* Returns 0 when the bytes are the flow's, 1 when they are damaged, 2 when another flow's tag
 * stands there. */
static inline int tag_verify(const uint8_t *from, size_t size, uint32_t flow, int direction,
			     uint64_t offset)
{
	while (size) {
		unsigned skip = (unsigned)(offset % TAG_BLOCK);
		size_t n = TAG_BLOCK - skip < size ? TAG_BLOCK - skip : size;
		struct tag t = tag_at(flow, direction, offset - skip), other;

		if (memcmp(from, (const uint8_t *)&t + skip, n)) {
			if (n < TAG_BLOCK)
				return 1;
			memcpy(&other, from, sizeof(other));
			t = tag_at(other.flow, direction, other.offset);
			return other.check == t.check && other.flow != flow ? 2 : 1;
		}
		from += n;
		size -= n;
		offset += n;
	}
	return 0;
}

#endif
