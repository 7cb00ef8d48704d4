/* pass.c - lists in, lists out. */
#include "manager/life/life.h"
#include "manager/supervisor/pass.h"
#include "manager/supervisor/supervisor.h"

void pass_make(const struct supervisor *s, struct pass *ret)
{
	size_t n_want = drain_wanted(&s->drain, s->wanted.n), i = 0;
	struct life *l;

	*ret = (struct pass){
		.want = xcalloc(n_want + 1, sizeof(*ret->want)), .n_want = n_want,
		.have = xcalloc(s->n_lives + 1, sizeof(*ret->have)),
		.lives = xcalloc(s->n_lives + 1, sizeof(*ret->lives)),
		.n_have = s->n_lives,
		.actions = xcalloc(n_want + s->n_lives + 1, sizeof(*ret->actions)),
	};
	for (size_t k = 0; k < n_want; k++)
		ret->want[k] = (struct reconcile_want){ s->wanted.items[k]->id,
							s->wanted.items[k]->name,
							s->wanted.items[k]->app_id,
							s->wanted.items[k]->idle };
	list_for_each(l, &s->lives, link) {
		ret->lives[i] = l;
		ret->have[i++] = (struct reconcile_have){
			.id = l->id, .slot = l->st.slot,
			.name = l->a->name, .app_id = l->a->app_id,
			.state = l->st.state, .stopping = l->st.stopping,
			.formation = l->a->kind == DYNO_FORMATION,
			.told = l->told && life_is_over(l),
			.for_good = l->st.stopping && !l->st.replaced };
	}
	ret->n = reconcile(ret->want, n_want, ret->have, ret->n_have, ret->actions);
}

void pass_deinit(struct pass *p)
{
	free(p->want);
	free(p->have);
	free(p->lives);
	free(p->actions);
	*p = PASS_INIT;
}

bool pass_is_held(const struct supervisor *s, const struct reconcile_action *a)
{
	return a->verb == RECONCILE_CREATE &&
	       !drain_admits(&s->drain, a->replaces || a->renewed);
}
