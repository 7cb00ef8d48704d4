/*
 * supervisor_settle.c - what is wanted and what is there, compared after every
 * change; whatever follows is done.
 */
#include "base/error.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/loop.h"
#include "manager/life/life.h"
#include "manager/life/state.h"
#include "manager/limits.h"
#include "manager/slug/slug_gc.h"
#include "manager/slug/slug_pins.h"
#include "manager/supervisor/cycling.h"
#include "manager/supervisor/pass.h"
#include "manager/supervisor/supervisor.h"
#include "manager/upstream/report.h"
#include "manager/upstream/upstream.h"
#include "manager/upstream/webhook.h"

#define CREATE_RETRY_USEC (5 * USEC_PER_SEC)

static int on_supervisor_create_retry(sd_event_source *src, uint64_t usec,
				      void *userdata)
{
	struct supervisor *s = userdata;

	s->create_retry = loop_unref(s->create_retry);
	supervisor_settle(s);
	return 0;
}

void supervisor_create(struct supervisor *s, struct assignment *w,
		       const char *slot, bool replaces, bool renewed)
{
	const struct assignment *now;	/* w may be a life's own, of an older list */
	char id[UUID_TEXT_MAX];
	struct life *l;
	struct error e;

	if (life_new(&l, s, w, renewed ? id_uuid(id) : w->id, slot, replaces, &e) < 0) {
		log_err("%s %s: %s, will retry", w->app_name ? w->app_name : "",
			w->name, e.msg);
		if (!s->create_retry)
			loop_timer(s->event, &s->create_retry, CREATE_RETRY_USEC,
				   on_supervisor_create_retry, s, "create", NULL);
		return;
	}
	l->succeeds = renewed;
	now = assignment_list_find(&s->wanted, slot);
	life_event(l, now && now->idle ? DYNO_EV_SLEEP : DYNO_EV_START);
}

static void supervisor_reconcile(struct supervisor *s)
{
	auto_(pass_deinit) struct pass p = PASS_INIT;
	struct assignment *w;

	pass_make(s, &p);
	for (size_t k = 0; k < p.n; k++) {
		const struct reconcile_action *a = &p.actions[k];

		switch (a->verb) {
		case RECONCILE_CREATE:
			w = s->wanted.items[a->index];
			if (!pass_is_held(s, a))
				supervisor_create(s, w, w->id, a->replaces, a->renewed);
			break;
		case RECONCILE_STOP:
			life_stop(p.lives[a->index], a->replaces);
			break;
		case RECONCILE_FORGET:
			life_forget(p.lives[a->index]);
			break;
		case RECONCILE_SLEEP:
			life_event(p.lives[a->index], DYNO_EV_SLEEP);
			break;
		case RECONCILE_WAKE:
			life_event(p.lives[a->index], DYNO_EV_WAKE);
			break;
		}
	}
}

/* Dynos of one app stand together, most of the time. */
static void supervisor_add_slug(struct strv *slugs, const char *slug)
{
	if (slug && !(slugs->n && str_eq(slugs->v[slugs->n - 1], slug)))
		strv_add(slugs, slug);
}

/* What is to run here or runs; said to the store before anything is done for it. */
static bool supervisor_pin(struct supervisor *s)
{
	auto_strv slugs = STRV_INIT;
	struct life *l;

	for (size_t i = 0; i < s->wanted.n; i++)
		supervisor_add_slug(&slugs, s->wanted.items[i]->slug);
	list_for_each(l, &s->lives, link)
		if (!dyno_fsm_is_final(l->st.state))
			supervisor_add_slug(&slugs, l->a->slug);
	return slug_pins_want(s->pins, &slugs);
}

void supervisor_pinned(bool shrunk, void *userdata)
{
	struct supervisor *s = userdata;

	fault_point("pinned");
	if (shrunk && s->conf.slug_gc_interval)
		slug_gc_soon(s->gc, SLUG_GC_DELAY_SEC);
	supervisor_settle(s);
}

static int on_supervisor_settle(sd_event_source *src, uint64_t usec,
				void *userdata)
{
	struct supervisor *s = userdata;

	s->settle = loop_unref(s->settle);
	cycling_settle(s);
	/* Nothing is ended because a file of ours is. */
	s->pinned = s->wanted_known && supervisor_pin(s);
	if (s->pinned) {
		supervisor_reconcile(s);
		cycling_run(s);
	}
	if (s->webhook)
		webhook_report(s->webhook);
	if (s->upstream)
		upstream_report(s->upstream);
	else
		report_alone(s);
	return 0;
}

void supervisor_settle(struct supervisor *s)
{
	struct error e;

	if (s->ready && !s->settle &&
	    loop_timer(s->event, &s->settle, 0, on_supervisor_settle, s,
		       "settle", &e) < 0)
		log_err("%s", e.msg);
}

void supervisor_assign(struct supervisor *s, struct assignment_list *list)
{
	struct error e;

	fault_point("list came");
	assignment_list_keep(list, &s->wanted);
	if (state_save_list(s->dir, list, &e) < 0) {
		/* Better none than the one before: see wanted_known. */
		log_err("%s, acting on the list without storing it", e.msg);
		state_forget_list(s->dir);
	}
	fault_point("list stored");
	log_info("revision %lld: %zu dynos", (long long)list->revision, list->n);
	assignment_list_deinit(&s->wanted);
	s->wanted = *list;
	s->wanted_known = true;
	*list = ASSIGNMENT_LIST_INIT;
	supervisor_settle(s);
}
