#include "base/map.h"

struct map_entry {
	struct map_entry *next;
	void *value;
	char key[];
};

static size_t map_hash(const char *key)
{
	uint64_t h = 14695981039346656037ULL;	/* FNV-1a */

	for (; *key; key++)
		h = (h ^ (unsigned char)*key) * 1099511628211ULL;
	return (size_t)(h ^ (h >> 32));
}

static struct map_entry **map_find(const struct map *m, const char *key)
{
	struct map_entry **p = &m->slots[map_hash(key) & (m->n_slots - 1)];

	while (*p && !str_eq((*p)->key, key))
		p = &(*p)->next;
	return p;
}

static void map_grow(struct map *m)
{
	struct map old = *m;

	m->n_slots = old.n_slots ? old.n_slots * 2 : 16;
	m->slots = xcalloc(m->n_slots, sizeof(*m->slots));
	for (size_t i = 0; i < old.n_slots; i++) {
		struct map_entry *e, *next;

		for (e = old.slots[i]; e; e = next) {
			size_t slot = map_hash(e->key) & (m->n_slots - 1);

			next = e->next;
			e->next = m->slots[slot];
			m->slots[slot] = e;
		}
	}
	free(old.slots);
}

void map_deinit(struct map *m)
{
	for (size_t i = 0; i < m->n_slots; i++) {
		struct map_entry *e, *next;

		for (e = m->slots[i]; e; e = next) {
			next = e->next;
			free(e);
		}
	}
	free(m->slots);
	*m = MAP_INIT;
}

void *map_get(const struct map *m, const char *key)
{
	struct map_entry *e;

	if (!m->n)
		return NULL;
	e = *map_find(m, key);
	return e ? e->value : NULL;
}

void *map_set(struct map *m, const char *key, void *value)
{
	struct map_entry **p;
	size_t n = strlen(key) + 1;
	void *old;

	assert(value);
	if (m->n >= m->n_slots)
		map_grow(m);
	p = map_find(m, key);
	if (*p) {
		old = (*p)->value;
		(*p)->value = value;
		return old;
	}
	*p = xcalloc(1, sizeof(**p) + n);
	(*p)->value = value;
	memcpy((*p)->key, key, n);
	m->n++;
	return NULL;
}

void *map_remove(struct map *m, const char *key)
{
	struct map_entry **p, *e;
	void *old;

	if (!m->n)
		return NULL;
	p = map_find(m, key);
	e = *p;
	if (!e)
		return NULL;
	old = e->value;
	*p = e->next;
	free(e);
	m->n--;
	return old;
}

bool map_next(const struct map *m, struct map_iter *it)
{
	struct map_entry *e = it->next;

	if (!it->started)
		it->started = true;
	while (!e && it->slot < m->n_slots)
		e = m->slots[it->slot++];
	if (!e)
		return false;
	it->key = e->key;
	it->value = e->value;
	it->next = e->next;
	return true;
}
