/*
 * release_clock.c - one timer, once a second; a step that fails comes again.
 */
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/loop.h"
#include "controller/api/release_clock.h"
#include "controller/engine.h"
#include "controller/logplex/output_capture.h"
#include "controller/model/health_gate.h"
#include "controller/model/preboot.h"
#include "controller/model/release_phase.h"
#include "controller/model/retention.h"

#define CLOCK_USEC USEC_PER_SEC
#define RETENTION_TICKS 3600

struct release_clock {
	sd_event *event;		/* borrowed */
	sd_event_source *timer;
	struct engine *g;		/* borrowed */
	struct output_capture *capture;
	unsigned ticks;
};

static void clock_retention(struct engine *g, uint64_t real)
{
	struct error e;
	size_t n;

	if (retention_tick(g, real, &n, &e) < 0)
		log_err("expire releases: %s, will retry", e.msg);
	else if (n)
		log_info("%zu releases have expired", n);
}

static int on_clock(sd_event_source *src, uint64_t usec, void *userdata)
{
	struct release_clock *c = userdata;
	uint64_t now = clock_mono_usec(), real = clock_real_usec();
	struct error e;

	output_capture_tick(c->capture, now);
	if (release_phase_tick(c->g, real, &e) < 0)
		log_err("release phases: %s, will retry", e.msg);
	if (preboot_tick(c->g, now, real, &e) < 0)
		log_err("preboot: %s, will retry", e.msg);
	if (health_gate_tick(c->g, now, real, &e) < 0)
		log_err("health of releases: %s, will retry", e.msg);
	if (c->ticks++ % RETENTION_TICKS == 0)
		clock_retention(c->g, real);
	if (loop_timer(c->event, &c->timer, CLOCK_USEC, on_clock, c,
		       "release clock", &e) < 0)
		log_err("%s", e.msg);
	return 0;
}

int release_clock_new(struct release_clock **ret, sd_event *event,
		      struct engine *g, struct error *e)
{
	struct release_clock *c = xcalloc(1, sizeof(*c));
	int r;

	c->event = event;
	c->g = g;
	r = output_capture_new(&c->capture, g, e);
	if (r == 0)
		r = loop_timer(event, &c->timer, CLOCK_USEC, on_clock, c,
			       "release clock", e);
	if (r < 0) {
		release_clock_free(c);
		return r;
	}
	*ret = c;
	return 0;
}

struct release_clock *release_clock_free(struct release_clock *c)
{
	if (!c)
		return NULL;
	output_capture_free(c->capture);
	loop_unref(c->timer);
	free(c);
	return NULL;
}
