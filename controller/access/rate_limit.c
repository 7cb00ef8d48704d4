/*
 * rate_limit.c - a map of buckets, and a list of them by last use.
 *
 * A bucket is one number: the time at which it is full. Taking one moves that
 * time on by the time one takes to come; it is empty when that would be too far
 * ahead.
 */
#include "base/clock.h"
#include "base/list.h"
#include "base/map.h"
#include "controller/access/rate_limit.h"

struct bucket {
	struct list link;		/* in order of use */
	char *key;
	uint64_t full_at;
};

struct rate_limit {
	uint64_t burst;
	uint64_t fill_usec;
	struct map buckets;
	struct list used;
};

struct rate_limit *rate_limit_new(uint64_t burst, uint64_t fill_sec)
{
	struct rate_limit *r = xcalloc(1, sizeof(*r));

	r->burst = burst;
	r->fill_usec = fill_sec * USEC_PER_SEC;
	r->buckets = MAP_INIT;
	list_init(&r->used);
	return r;
}

static void rate_limit_drop(struct rate_limit *r, struct bucket *b)
{
	map_remove(&r->buckets, b->key);
	list_unlink(&b->link);
	free(b->key);
	free(b);
}

struct rate_limit *rate_limit_free(struct rate_limit *r)
{
	struct bucket *b, *next;

	if (!r)
		return NULL;
	list_for_each_safe(b, next, &r->used, link)
		rate_limit_drop(r, b);
	map_deinit(&r->buckets);
	free(r);
	return NULL;
}

static struct bucket *rate_limit_get(struct rate_limit *r, const char *key)
{
	struct bucket *b = map_get(&r->buckets, key);

	if (!b) {
		b = xcalloc(1, sizeof(*b));
		b->key = xstrdup(key);
		map_set(&r->buckets, key, b);
	} else {
		list_unlink(&b->link);
	}
	list_add_tail(&r->used, &b->link);
	return b;
}

/* Those that are full, from the longest unused on; and one for the room. */
static void rate_limit_tidy(struct rate_limit *r, uint64_t now)
{
	struct bucket *b, *next;

	list_for_each_safe(b, next, &r->used, link) {
		if (b->full_at > now && r->buckets.n <= RATE_LIMIT_BUCKETS)
			return;
		rate_limit_drop(r, b);
	}
}

bool rate_limit_take(struct rate_limit *r, const char *key, uint64_t now)
{
	struct bucket *b;
	uint64_t full_at;

	if (!r->burst)
		return true;
	rate_limit_tidy(r, now);
	b = rate_limit_get(r, key);
	full_at = (b->full_at > now ? b->full_at : now) + r->fill_usec / r->burst;
	if (full_at > now + r->fill_usec)
		return false;
	b->full_at = full_at;
	return true;
}

static uint64_t rate_limit_missing(struct rate_limit *r, const char *key,
				   uint64_t now)
{
	const struct bucket *b = map_get(&r->buckets, key);

	return b && b->full_at > now ? b->full_at - now : 0;
}

uint64_t rate_limit_left(struct rate_limit *r, const char *key, uint64_t now)
{
	uint64_t missing = rate_limit_missing(r, key, now);

	if (!r->burst)
		return 0;
	/* Part of one is none. */
	return missing >= r->fill_usec ? 0 :
	       (r->fill_usec - missing) / (r->fill_usec / r->burst);
}

uint64_t rate_limit_wait_sec(struct rate_limit *r, const char *key, uint64_t now)
{
	uint64_t one = r->burst ? r->fill_usec / r->burst : 0;
	uint64_t missing = rate_limit_missing(r, key, now) + one;
	uint64_t usec = missing > r->fill_usec ? missing - r->fill_usec : 0;

	return usec <= USEC_PER_SEC ? 1 : (usec + USEC_PER_SEC - 1) / USEC_PER_SEC;
}

bool rate_limit_is_on(const struct rate_limit *r)
{
	return r->burst > 0;
}
