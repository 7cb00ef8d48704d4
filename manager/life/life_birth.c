/*
 * life_birth.c - how a life begins, in its directory; how another process finds it
 * there, and how it is forgotten.
 */
#include "base/clock.h"
#include "base/error.h"
#include "base/fault.h"
#include "base/file.h"
#include "base/log.h"
#include "base/loop.h"
#include "manager/attach/attach.h"
#include "manager/life/inside.h"
#include "manager/life/life.h"
#include "manager/life/metering.h"
#include "manager/output/capture.h"
#include "manager/supervisor/cycling.h"

#include <fcntl.h>

static struct life *life_alloc(struct supervisor *s, const char *id)
{
	struct life *l = xcalloc(1, sizeof(*l));

	l->s = s;
	memcpy(l->id, id, sizeof(l->id));
	l->dir = xasprintf("%s/dynos/%s", s->dir, id);
	l->lease_fd = l->proc_fd = -1;
	for (int i = 0; i < DYNO_FD_COUNT; i++)
		l->fds[i] = -1;
	l->st.exit_status = -1;
	list_init(&l->link);
	list_init(&l->start_link);
	slug_jobs_wait_init(&l->slug_wait);
	return l;
}

static void life_enlist(struct life *l)
{
	list_add_tail(&l->s->lives, &l->link);
	l->s->n_lives++;
}

int life_new(struct life **ret, struct supervisor *s, struct assignment *a,
	     const char *id, const char *slot, bool replaces, struct error *e)
{
	auto_(life_free_p) struct life *l = life_alloc(s, id);
	int r;

	l->a = assignment_ref(a);
	l->st.slot = xstrdup(slot);
	l->replaces = replaces;
	l->st.state = DYNO_NEW;
	l->st.since = l->st.changed = (int64_t)clock_real_usec();
	fault_point("life new");
	r = file_make_dirs(l->dir, 0700, e);
	if (r >= 0)
		r = state_save_assignment(l->dir, a, e);
	if (r >= 0)
		r = state_save(l->dir, &l->st, e);
	if (r < 0) {
		file_remove_tree(AT_FDCWD, l->dir, NULL);
		return r;
	}
	life_enlist(l);
	*ret = take_ptr(l);
	return 0;
}

/* A damaged file costs no dyno that is wanted as it is: the list has it, too. */
static int life_load_assignment(struct life *l, struct error *e)
{
	const char *slot = l->st.slot ? l->st.slot : l->id;
	struct assignment *w;
	int r = state_load_assignment(l->dir, &l->a, e);

	if (r >= 0) {
		l->a = assignment_list_same(&l->s->wanted, l->a, slot);
		return r;
	}
	w = assignment_list_find(&l->s->wanted, slot);
	if (!w)
		return r;
	l->a = assignment_ref(w);
	log_warn("%s, taking it from the list", e->msg);
	return state_save_assignment(l->dir, l->a, e);
}

/* A dyno that lives is not ended because a file of ours is: which one it was is in
 * another, and dynod tells the rest. Whether it is wanted the list says. */
static int life_load_state(struct life *l, struct error *e)
{
	int r = state_load(l->dir, &l->st, e);

	if (r >= 0 || state_recall(l->dir, &l->st, NULL) < 0)
		return r;
	log_warn("%s, looking for instance %s", e->msg, l->st.instance);
	l->st.since = l->st.changed = (int64_t)clock_real_usec();
	l->lost = true;
	return 0;
}

int life_load(struct life **ret, struct supervisor *s, const char *id,
	      struct error *e)
{
	auto_(life_free_p) struct life *l = life_alloc(s, id);
	int r;

	r = file_remove_temporary(AT_FDCWD, l->dir, e);
	if (r >= 0)
		r = life_load_state(l, e);
	if (r >= 0)
		r = life_load_assignment(l, e);
	if (r < 0)
		return r;
	if (l->lost)
		l->st.state = l->a->kind == DYNO_FORMATION ? DYNO_BOOTING : DYNO_UP;
	life_enlist(l);
	if (!l->st.slot)		/* written by an older version */
		l->st.slot = xstrdup(l->id);
	if (l->st.started && !l->st.cycle_at)
		l->st.cycle_at = (int64_t)cycling_draw(l);
	if (l->st.instance)
		map_set(&s->instances, l->st.instance, l);
	*ret = take_ptr(l);
	return 0;
}

struct life *life_free(struct life *l)
{
	if (!l)
		return NULL;
	if (!list_empty(&l->link))
		l->s->n_lives--;
	list_unlink(&l->link);
	list_unlink(&l->start_link);
	slug_jobs_cancel(&l->slug_wait);
	if (l->st.instance)
		map_remove(&l->s->instances, l->st.instance);
	l->timer = loop_unref(l->timer);
	life_unwatch_port(l);
	l->ttl_timer = loop_unref(l->ttl_timer);
	l->grace_timer = loop_unref(l->grace_timer);
	metering_stop(l);
	capture_free(l->capture);
	attach_free(l->attach);
	inside_free(l->inside);
	for (int i = 0; i < DYNO_FD_COUNT; i++)
		fd_close(l->fds[i]);
	fd_close(l->lease_fd);
	assignment_unref(l->a);
	state_deinit(&l->st);
	free(l->dead);
	free(l->dir);
	free(l);
	return NULL;
}

bool life_is_over(const struct life *l)
{
	return dyno_fsm_is_final(l->st.state) &&
	       (!l->attach || attach_is_done(l->attach));
}

void life_forget(struct life *l)
{
	struct error e;

	fault_point("forget");
	if (file_remove_tree(AT_FDCWD, l->dir, &e) < 0)
		log_err("%s: %s, ignoring", l->a->name, e.msg);
	life_free(l);
}
