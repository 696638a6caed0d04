/* SPDX-License-Identifier: MIT
 * stack-lwip/list.h - a list whose members know their neighbours: the oldest first, out of it at any place
 */
#ifndef STACK_LWIP_LIST_H
#define STACK_LWIP_LIST_H

#include <stddef.h>

struct link {
	struct link *next, *previous; /* both null: in no list */
};

struct list {
	struct link head; /* a ring */
};

static inline void list_init(struct list *l)
{
	l->head.next = l->head.previous = &l->head;
}

static inline int link_used(const struct link *k)
{
	return k->next != NULL;
}

static inline void list_add(struct list *l, struct link *k)
{
	k->next = &l->head;
	k->previous = l->head.previous;
	k->previous->next = k;
	l->head.previous = k;
}

static inline void link_remove(struct link *k)
{
	if (!k->next)
		return;
	k->next->previous = k->previous;
	k->previous->next = k->next;
	k->next = k->previous = NULL;
}

/* The oldest; null: the list is empty. */
static inline struct link *list_first(const struct list *l)
{
	return l->head.next == &l->head ? NULL : l->head.next;
}

#define LINK_OF(k, type, member) ((type *)(void *)((char *)(k) - offsetof(type, member)))

#endif
