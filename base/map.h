#pragma once

/*
 * map.h - a hash table from strings to borrowed pointers.
 *
 * Keys are copied. Values are never touched; a NULL value cannot be stored.
 * While map_next() walks, the entry it just returned may be removed, nothing
 * may be added.
 */
#include "base/base.h"

struct map_entry;

struct map {
	struct map_entry **slots;
	size_t n_slots;
	size_t n;
};

#define MAP_INIT ((struct map){ NULL, 0, 0 })

void map_deinit(struct map *m);
void *map_get(const struct map *m, const char *key);	/* NULL = absent */
void *map_set(struct map *m, const char *key, void *value);	/* the old value */
void *map_remove(struct map *m, const char *key);	/* the old value */

/* for (struct map_iter it = { 0 }; map_next(m, &it); ) use(it.key, it.value); */
struct map_iter {
	const char *key;
	void *value;
	size_t slot;
	struct map_entry *next;
	bool started;
};
bool map_next(const struct map *m, struct map_iter *it);
