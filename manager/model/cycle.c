/*
 * cycle.c - count those of a type that are under way, then let others go.
 */
#include "base/map.h"
#include "manager/model/cycle.h"

#define CYCLE_SHARE 10		/* one of so many at a time */

struct cycle_type {
	size_t n, busy;
};

static struct cycle_type *cycle_type_of(struct map *types,
					const struct cycle_dyno *d)
{
	auto_free char *key = xasprintf("%s %s", d->app_id, d->type);
	struct cycle_type *t = map_get(types, key);

	if (!t) {
		t = xcalloc(1, sizeof(*t));
		map_set(types, key, t);
	}
	return t;
}

static bool cycle_has_room(const struct cycle_type *t)
{
	size_t room = t->n / CYCLE_SHARE;

	return t->busy < (room ? room : 1);
}

static bool cycle_goes(const struct cycle_dyno *d, const struct cycle_type *t,
		       uint64_t now, bool calm)
{
	if (!d->ready || now < d->due)
		return false;
	return now >= d->deadline || d->alone ||
	       ((calm || !d->routed) && cycle_has_room(t));
}

static uint64_t cycle_next(const struct cycle_dyno *d, uint64_t now)
{
	if (!d->ready)
		return UINT64_MAX;
	return d->due > now ? d->due : d->deadline;
}

/* Nobody's time has come: what nearly every call finds. */
static bool cycle_is_idle(const struct cycle_dyno *v, size_t n, uint64_t now,
			  uint64_t *ret_next)
{
	*ret_next = UINT64_MAX;
	for (size_t i = 0; i < n; i++) {
		if (v[i].ready && now >= v[i].due)
			return false;
		if (v[i].ready && v[i].due < *ret_next)
			*ret_next = v[i].due;
	}
	return true;
}

size_t cycle_pick(const struct cycle_dyno *v, size_t n, uint64_t now, bool calm,
		  size_t *picked, uint64_t *ret_next)
{
	struct map types = MAP_INIT;
	size_t n_picked = 0;

	if (cycle_is_idle(v, n, now, ret_next))
		return 0;
	*ret_next = UINT64_MAX;
	for (size_t i = 0; i < n; i++) {
		struct cycle_type *t = cycle_type_of(&types, &v[i]);

		t->n++;
		t->busy += v[i].busy;
	}
	for (size_t i = 0; i < n; i++) {
		struct cycle_type *t = cycle_type_of(&types, &v[i]);
		uint64_t next = cycle_next(&v[i], now);

		if (cycle_goes(&v[i], t, now, calm)) {
			picked[n_picked++] = i;
			t->busy++;
		} else if (next < *ret_next) {
			*ret_next = next;
		}
	}
	for (struct map_iter it = { 0 }; map_next(&types, &it); )
		free(it.value);
	map_deinit(&types);
	return n_picked;
}
