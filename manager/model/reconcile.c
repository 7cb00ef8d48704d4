/* reconcile.c - the difference of two lists, found by two tables of names. */
#include "base/map.h"
#include "manager/model/reconcile.h"

struct reconcile_index {
	struct map want_ids, want_names;
	struct map covered;		/* ids of assignments that have a dyno */
	struct map have_ids;
	struct map old_names;		/* the others; the slowest of a name */
};

static char *reconcile_key(const char *app_id, const char *name)
{
	return xasprintf("%s %s", app_id, name);
}

static void *reconcile_mark(const void *p)
{
	return (void *)(uintptr_t)p;
}

/* The assignment that a dyno is for, or NULL. */
static const struct reconcile_want *
reconcile_covers(const struct reconcile_index *x, const struct reconcile_have *h)
{
	const struct reconcile_want *w;

	if (h->formation && h->stopping)
		return NULL;
	w = map_get(&x->want_ids, h->id);
	return w ? w : map_get(&x->want_ids, h->slot);
}

static void reconcile_add_have(struct reconcile_index *x,
			       const struct reconcile_have *h)
{
	auto_free char *key = reconcile_key(h->app_id, h->name);
	const struct reconcile_want *w = reconcile_covers(x, h);
	const struct reconcile_have *old;

	map_set(&x->have_ids, h->id, reconcile_mark(h));
	if (w) {
		map_set(&x->covered, w->id, reconcile_mark(h));
		return;
	}
	old = map_get(&x->old_names, key);
	if (!old || dyno_fsm_is_signalled(old->state))
		map_set(&x->old_names, key, reconcile_mark(h));
}

static void reconcile_index_init(struct reconcile_index *x,
				 const struct reconcile_want *want, size_t n_want,
				 const struct reconcile_have *have, size_t n_have)
{
	*x = (struct reconcile_index){ MAP_INIT, MAP_INIT, MAP_INIT, MAP_INIT,
				       MAP_INIT };
	for (size_t i = 0; i < n_want; i++) {
		auto_free char *key = reconcile_key(want[i].app_id, want[i].name);

		map_set(&x->want_ids, want[i].id, reconcile_mark(&want[i]));
		map_set(&x->want_names, key, reconcile_mark(&want[i]));
	}
	for (size_t i = 0; i < n_have; i++)
		reconcile_add_have(x, &have[i]);
}

static void reconcile_index_deinit(struct reconcile_index *x)
{
	map_deinit(&x->want_ids);
	map_deinit(&x->want_names);
	map_deinit(&x->covered);
	map_deinit(&x->have_ids);
	map_deinit(&x->old_names);
}

/* It is wanted: awake or asleep? */
static size_t reconcile_rest(const struct reconcile_want *w,
			     const struct reconcile_have *h, size_t index,
			     struct reconcile_action *ret)
{
	bool awake = h->state == DYNO_UP || h->state == DYNO_CRASHED;

	*ret = (struct reconcile_action){ w->idle ? RECONCILE_SLEEP : RECONCILE_WAKE,
					  index };
	return h->formation && (w->idle ? awake : h->state == DYNO_IDLE);
}

/* 1 if there is something to do. */
static size_t reconcile_old(const struct reconcile_index *x,
			    const struct reconcile_have *h, size_t index,
			    struct reconcile_action *ret)
{
	auto_free char *key = reconcile_key(h->app_id, h->name);
	const struct reconcile_want *w = reconcile_covers(x, h);

	if (w)
		return reconcile_rest(w, h, index, ret);
	if (dyno_fsm_is_final(h->state)) {
		*ret = (struct reconcile_action){ RECONCILE_FORGET, index };
		return h->told;
	}
	*ret = (struct reconcile_action){ RECONCILE_STOP, index,
					  map_get(&x->want_names, key) != NULL };
	return !h->stopping;
}

static size_t reconcile_new(const struct reconcile_index *x,
			    const struct reconcile_want *w, size_t index,
			    struct reconcile_action *ret)
{
	auto_free char *key = reconcile_key(w->app_id, w->name);
	const struct reconcile_have *old = map_get(&x->old_names, key);

	if (map_get(&x->covered, w->id))
		return 0;
	if (old && !dyno_fsm_is_signalled(old->state))
		return 0;
	*ret = (struct reconcile_action){ RECONCILE_CREATE, index,
					  old && !old->for_good,
					  map_get(&x->have_ids, w->id) != NULL };
	return 1;
}

size_t reconcile(const struct reconcile_want *want, size_t n_want,
		 const struct reconcile_have *have, size_t n_have,
		 struct reconcile_action *actions)
{
	struct reconcile_index x;
	size_t n = 0;

	reconcile_index_init(&x, want, n_want, have, n_have);
	for (size_t i = 0; i < n_have; i++)
		n += reconcile_old(&x, &have[i], i, &actions[n]);
	for (size_t i = 0; i < n_want; i++)
		n += reconcile_new(&x, &want[i], i, &actions[n]);
	reconcile_index_deinit(&x);
	return n;
}
