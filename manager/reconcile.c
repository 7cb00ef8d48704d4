/* reconcile.c - the difference of two lists, found by two tables of names. */
#include "base/map.h"
#include "manager/reconcile.h"

struct reconcile_index {
	struct map want_ids, want_names;
	struct map have_ids;
	struct map old_names;		/* unwanted dynos; the slowest of a name */
};

static char *reconcile_key(const char *app_id, const char *name)
{
	return xasprintf("%s %s", app_id, name);
}

static void *reconcile_mark(const void *p)
{
	return (void *)(uintptr_t)p;
}

static void reconcile_index_init(struct reconcile_index *x,
				 const struct reconcile_want *want, size_t n_want,
				 const struct reconcile_have *have, size_t n_have)
{
	*x = (struct reconcile_index){ MAP_INIT, MAP_INIT, MAP_INIT, MAP_INIT };
	for (size_t i = 0; i < n_want; i++) {
		auto_free char *key = reconcile_key(want[i].app_id, want[i].name);

		map_set(&x->want_ids, want[i].id, reconcile_mark(&want[i]));
		map_set(&x->want_names, key, reconcile_mark(&want[i]));
	}
	for (size_t i = 0; i < n_have; i++) {
		auto_free char *key = reconcile_key(have[i].app_id, have[i].name);
		const struct reconcile_have *old;

		map_set(&x->have_ids, have[i].id, reconcile_mark(&have[i]));
		if (map_get(&x->want_ids, have[i].id))
			continue;
		old = map_get(&x->old_names, key);
		if (!old || dyno_fsm_is_signalled(old->state))
			map_set(&x->old_names, key, reconcile_mark(&have[i]));
	}
}

static void reconcile_index_deinit(struct reconcile_index *x)
{
	map_deinit(&x->want_ids);
	map_deinit(&x->want_names);
	map_deinit(&x->have_ids);
	map_deinit(&x->old_names);
}

size_t reconcile(const struct reconcile_want *want, size_t n_want,
		 const struct reconcile_have *have, size_t n_have,
		 struct reconcile_action *actions)
{
	struct reconcile_index x;
	size_t n = 0;

	reconcile_index_init(&x, want, n_want, have, n_have);
	for (size_t i = 0; i < n_have; i++) {
		auto_free char *key = reconcile_key(have[i].app_id, have[i].name);

		if (map_get(&x.want_ids, have[i].id))
			continue;
		if (dyno_fsm_is_final(have[i].state)) {
			if (have[i].told)
				actions[n++] = (struct reconcile_action){
					RECONCILE_FORGET, i, false };
		} else if (!have[i].stopping) {
			actions[n++] = (struct reconcile_action){
				RECONCILE_STOP, i,
				map_get(&x.want_names, key) != NULL };
		}
	}
	for (size_t i = 0; i < n_want; i++) {
		auto_free char *key = reconcile_key(want[i].app_id, want[i].name);
		const struct reconcile_have *old;

		if (map_get(&x.have_ids, want[i].id))
			continue;
		old = map_get(&x.old_names, key);
		if (!old || dyno_fsm_is_signalled(old->state))
			actions[n++] = (struct reconcile_action){
				RECONCILE_CREATE, i, old != NULL };
	}
	reconcile_index_deinit(&x);
	return n;
}
