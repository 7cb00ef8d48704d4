/*
 * cycling.c - lives in, what is due out; see cycle.h for who may go.
 */
#include "base/clock.h"
#include "base/error.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/loop.h"
#include "manager/life/life.h"
#include "manager/model/cycle.h"
#include "manager/supervisor/cycling.h"
#include "manager/upstream/upstream.h"

uint64_t cycling_draw(const struct life *l)
{
	const struct supervisor_conf *c = &l->s->conf;
	uint64_t started = (uint64_t)l->st.started, spread = 0;

	/* So that a successor still has time to boot before the deadline. */
	if (c->cycle_spread > c->boot_timeout)
		spread = (c->cycle_spread - c->boot_timeout) * 1000;

	return started + c->cycle_after * USEC_PER_SEC +
	       (spread ? id_random((uint32_t)spread) * USEC_PER_MSEC : 0);
}

static uint64_t cycling_deadline(const struct life *l)
{
	const struct supervisor_conf *c = &l->s->conf;

	return (uint64_t)l->st.started +
	       (c->cycle_after + c->cycle_spread) * USEC_PER_SEC;
}

/* The other one of an overlap: same assignment, not on its way out. */
static struct life *cycling_successor(const struct life *old)
{
	struct life *l;

	list_for_each(l, &old->s->lives, link)
		if (l != old && str_eq(l->st.slot, old->st.slot) &&
		    l->st.cycling == STATE_STAYS && !l->st.stopping &&
		    !dyno_fsm_is_final(l->st.state))
			return l;
	return NULL;
}

static bool cycling_is_overlapped(const struct life *l)
{
	return l->st.cycling == STATE_OVERLAPS && !l->st.stopping;
}

bool cycling_is_hidden(const struct life *l)
{
	const struct life *old;

	if (l->st.state == DYNO_UP || str_eq(l->st.slot, l->id))
		return false;
	list_for_each(old, &l->s->lives, link)
		if (old != l && cycling_is_overlapped(old) &&
		    str_eq(old->st.slot, l->st.slot))
			return true;
	return false;
}

/* ---- begin ---- */

static bool cycling_is_ready(const struct life *l)
{
	bool up = l->a->kind == DYNO_FORMATION
		? l->st.state == DYNO_UP
		: dyno_fsm_is_running(l->st.state) && l->st.started;

	return up && !l->st.stopping && l->st.cycling == STATE_STAYS &&
	       l->st.cycle_at;
}

/* On its way out, or it has come in a cycle and is not there yet. */
static bool cycling_is_busy(const struct life *l)
{
	if (l->st.cycling != STATE_STAYS)
		return !dyno_fsm_is_final(l->st.state);
	return l->succeeds && l->st.state != DYNO_UP &&
	       l->st.state != DYNO_CRASHED && !dyno_fsm_is_final(l->st.state);
}

static void cycling_overlap(struct life *l)
{
	fault_point("overlap");
	l->st.cycling = STATE_OVERLAPS;
	life_save(l);
	life_log_line(l, "Cycling");
	life_log_line(l, "State changed from up to starting");
}

static void cycling_begin(struct life *l)
{
	log_info("%s %s: its time is up, cycling it", l->a->app_name, l->a->name);
	if (assignment_is_web(l->a)) {
		cycling_overlap(l);
		return;
	}
	l->st.cycling = STATE_CYCLES;
	if (l->a->kind != DYNO_FORMATION)
		life_log_line(l, "Cycling");
	life_stop(l, l->a->kind == DYNO_FORMATION);
}

static struct cycle_dyno cycling_dyno(const struct life *l)
{
	return (struct cycle_dyno){
		.app_id = l->a->app_id, .type = l->a->type,
		.ready = cycling_is_ready(l), .busy = cycling_is_busy(l),
		.alone = l->a->kind != DYNO_FORMATION,
		.routed = assignment_is_web(l->a),
		.due = (uint64_t)l->st.cycle_at,
		.deadline = cycling_deadline(l),
	};
}

/* ---- go on ---- */

/* A host without upstream has no routes that could lag behind. */
static bool cycling_is_calm(const struct supervisor *s)
{
	return supervisor_conf_is_alone(&s->conf) ||
	       (s->upstream && upstream_is_there(s->upstream));
}

static bool cycling_may_leave(const struct life *old, const struct life *successor,
			      uint64_t now)
{
	if (old->st.state != DYNO_UP)		/* it has ended by itself */
		return true;
	if (now >= cycling_deadline(old))
		return true;
	return successor && successor->st.state == DYNO_UP &&
	       (successor->known_up || supervisor_conf_is_alone(&old->s->conf));
}

static void cycling_move(struct life *l, const char *slot)
{
	fault_point("slot settled");
	free(l->st.slot);
	l->st.slot = xstrdup(slot);
	l->a = assignment_list_same(&l->s->wanted, l->a, slot);
	life_save(l);
}

/* After a day without upstream the successor has one of its own by now. */
void cycling_settle(struct supervisor *s)
{
	struct life *l, *next;

	list_for_each(l, &s->lives, link) {
		if (str_eq(l->st.slot, l->id) ||
		    !assignment_list_find(&s->wanted, l->id))
			continue;
		next = cycling_is_overlapped(l) ? cycling_successor(l) : NULL;
		if (next)
			cycling_move(next, l->id);
		cycling_move(l, l->id);
	}
}

static void cycling_go_on(struct life *l, uint64_t now)
{
	struct life *successor;

	if (!cycling_is_overlapped(l) || dyno_fsm_is_final(l->st.state))
		return;
	successor = cycling_successor(l);
	if (cycling_may_leave(l, successor, now))
		life_stop(l, true);
	else if (!successor)
		supervisor_create(l->s, l->a, l->st.slot, true, true);
}

/* ---- all of them ---- */

static int on_cycling_timer(sd_event_source *src, uint64_t usec, void *userdata)
{
	struct supervisor *s = userdata;

	s->cycle_timer = loop_unref(s->cycle_timer);
	supervisor_settle(s);
	return 0;
}

static void cycling_arm(struct supervisor *s, uint64_t next, uint64_t now)
{
	struct error e;

	s->cycle_timer = loop_unref(s->cycle_timer);
	if (next != UINT64_MAX &&
	    loop_timer(s->event, &s->cycle_timer, next > now ? next - now : 0,
		       on_cycling_timer, s, "cycling", &e) < 0)
		log_err("%s", e.msg);
}

/* An overlap that does not come to its end by itself ends at its deadline. */
static uint64_t cycling_soonest(const struct life *l, uint64_t next)
{
	uint64_t deadline = cycling_deadline(l);

	return cycling_is_overlapped(l) && deadline < next ? deadline : next;
}

void cycling_run(struct supervisor *s)
{
	size_t n = s->n_lives, i = 0, n_picked;
	auto_free struct cycle_dyno *v = xcalloc(n + 1, sizeof(*v));
	auto_free struct life **lives = xcalloc(n + 1, sizeof(*lives));
	auto_free size_t *picked = xcalloc(n + 1, sizeof(*picked));
	uint64_t now = clock_real_usec(), next;
	struct life *l;

	list_for_each(l, &s->lives, link) {
		lives[i] = l;
		v[i++] = cycling_dyno(l);
	}
	n_picked = cycle_pick(v, n, now, cycling_is_calm(s), picked, &next);
	for (size_t k = 0; k < n_picked; k++)
		cycling_begin(lives[picked[k]]);
	/* No life is freed by any of this, and new ones need nothing yet. */
	for (size_t k = 0; k < n; k++) {
		cycling_go_on(lives[k], now);
		next = cycling_soonest(lives[k], next);
	}
	cycling_arm(s, next, now);
}
