/*
 * draining.c - the operator's word becomes the supervisor's.
 */
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/loop.h"
#include "manager/life/life.h"
#include "manager/supervisor/draining.h"
#include "manager/supervisor/strays.h"
#include "manager/supervisor/supervisor.h"
#include "manager/upstream/upstream.h"

static void draining_arm(struct supervisor *s);

/* The end of the time is the end, whether it can be written down or not: after
 * a restart it has passed all the same. */
static int on_draining_deadline(sd_event_source *src, uint64_t usec, void *userdata)
{
	struct supervisor *s = userdata;
	struct error e;

	s->drain_timer = loop_unref(s->drain_timer);
	if (!drain_expire(&s->drain, (int64_t)clock_real_usec())) {
		draining_arm(s);	/* the clock was set back */
		return 0;
	}
	log_info("the time to drain is over, stopping what is left");
	if (drain_save(s->drain_path, &s->drain, &e) < 0)
		log_err("%s, ignoring", e.msg);
	supervisor_settle(s);
	return 0;
}

static void draining_arm(struct supervisor *s)
{
	uint64_t left = drain_left(&s->drain, (int64_t)clock_real_usec());
	struct error e;

	s->drain_timer = loop_unref(s->drain_timer);
	if (left != UINT64_MAX &&
	    loop_timer(s->event, &s->drain_timer, left, on_draining_deadline, s,
		       "drain deadline", &e) < 0)
		log_err("%s", e.msg);
}

void draining_load(struct supervisor *s)
{
	struct error e;

	s->drain_path = xasprintf("%s/host/drain.json", s->root.lib);
	if (drain_load(s->drain_path, &s->drain, &e) < 0)
		log_err("%s, ignoring it: this host takes dynos", e.msg);
	if (s->drain.mode != DRAIN_OPEN)
		log_info("this host is %s", drain_mode_name(s->drain.mode));
	draining_arm(s);
}

int draining_set(struct supervisor *s, const struct drain *d, struct error *e)
{
	int r = drain_save(s->drain_path, d, e);

	if (r < 0)
		return r;
	log_info("this host is %s from here on", drain_mode_name(d->mode));
	s->drain = *d;
	draining_arm(s);
	if (s->upstream)
		upstream_report_all(s->upstream);
	supervisor_settle(s);
	return 0;
}

size_t draining_rest(const struct supervisor *s)
{
	size_t n = strays_count(s);
	struct life *l;

	list_for_each(l, &s->lives, link)
		n += !dyno_fsm_is_final(l->st.state);
	return n;
}
