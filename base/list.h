#pragma once

/*
 * list.h - intrusive, circular, doubly linked list.
 *
 * A head and an unlinked entry both point to themselves. An entry may be
 * unlinked at any time, also twice, also while list_for_each_safe() stands on
 * it. The list owns nothing.
 */
#include "base/base.h"

struct list {
	struct list *next, *prev;
};

#define LIST_INIT(l) { &(l), &(l) }

static inline void list_init(struct list *l)
{
	l->next = l->prev = l;
}

static inline bool list_empty(const struct list *l)
{
	return l->next == l;
}

static inline void list_add_tail(struct list *head, struct list *entry)
{
	entry->prev = head->prev;
	entry->next = head;
	head->prev->next = entry;
	head->prev = entry;
}

static inline void list_unlink(struct list *entry)
{
	entry->prev->next = entry->next;
	entry->next->prev = entry->prev;
	list_init(entry);
}

#define list_entry(ptr, type, member) container_of(ptr, type, member)

/* struct foo *f; list_for_each(f, &head, link) ... */
#define list_for_each(it, head, member) \
	for (it = list_entry((head)->next, __typeof__(*it), member); \
	     &it->member != (head); \
	     it = list_entry(it->member.next, __typeof__(*it), member))

/* The body may unlink and free "it", but not its successor. */
#define list_for_each_safe(it, tmp, head, member) \
	for (it = list_entry((head)->next, __typeof__(*it), member), \
	     tmp = list_entry(it->member.next, __typeof__(*it), member); \
	     &it->member != (head); \
	     it = tmp, tmp = list_entry(it->member.next, __typeof__(*it), member))
