/* lag.c - one timer. */
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/loop.h"
#include "manager/supervisor/lag.h"

#define LAG_INTERVAL_USEC USEC_PER_SEC

static int on_lag_timer(sd_event_source *src, uint64_t usec, void *userdata)
{
	struct lag *g = userdata;
	uint64_t now = clock_mono_usec();
	struct error e;

	g->last = now > g->due ? now - g->due : 0;
	if (g->last > g->most)
		g->most = g->last;
	if (lag_start(g, g->event, &e) < 0)
		log_err("%s", e.msg);
	return 0;
}

int lag_start(struct lag *g, sd_event *event, struct error *e)
{
	g->event = event;
	g->due = clock_mono_usec() + LAG_INTERVAL_USEC;
	return loop_timer(event, &g->timer, LAG_INTERVAL_USEC, on_lag_timer, g, "lag", e);
}

void lag_deinit(struct lag *g)
{
	g->timer = loop_unref(g->timer);
}
