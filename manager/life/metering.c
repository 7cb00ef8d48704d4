/*
 * metering.c - one timer per dyno, so that 500 are not asked at once.
 */
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/loop.h"
#include "manager/life/life.h"
#include "manager/life/metering.h"
#include "manager/model/meter.h"
#include "manager/protocol/host_client.h"

/* A dyno may be gone when the answer comes: it is looked up again. */
struct metering_request {
	struct supervisor *s;
	char instance[UUID_TEXT_MAX];
	bool peek;
};

#define PEEK_INTERVAL_USEC USEC_PER_SEC

static void metering_metrics(struct life *l)
{
	char text[METER_TEXT_MAX];

	if (!l->s->conf.log_runtime_metrics && !l->a->runtime_metrics)
		return;
	life_log_line(l, "source=%s dyno=heroku.%s.%s %s", l->a->name, l->a->app_id,
		      l->id, meter_load_text(text, l->load));
	life_log_line(l, "source=%s dyno=heroku.%s.%s %s", l->a->name, l->a->app_id,
		      l->id, meter_memory_text(text, &l->usage,
					       (uint64_t)l->a->memory));
}

/* The last two are kept. */
static void metering_keep(struct life *l, const struct dyno_usage *usage, uint64_t now)
{
	meter_load(l->load, usage->runnable, l->usage_at ? now - l->usage_at : 0);
	l->cpu_before = l->usage.cpu_usec;
	l->cpu_before_at = l->usage_at;
	l->usage = *usage;
	l->usage_at = now;
}

static void metering_take(struct life *l, const struct dyno_usage *usage)
{
	uint64_t now = clock_mono_usec(), quota = (uint64_t)l->a->memory;
	char text[METER_TEXT_MAX];

	metering_keep(l, usage, now);
	metering_metrics(l);
	switch (meter_judge(usage, quota, (uint64_t)l->a->memory_max)) {
	case METER_FINE:
		break;
	case METER_R14:
		life_log_line(l, "Process running %s",
			      meter_text(text, meter_total(usage), quota));
		life_log_line(l, "Error R14 (Memory quota exceeded)");
		break;
	case METER_R15:
		l->over = usage->rss + usage->swap;
		life_event(l, DYNO_EV_QUOTA);
		break;
	}
}

static void on_metering_used(int r, const char *message,
			     const struct dyno_usage *usage, void *userdata)
{
	auto_free struct metering_request *q = userdata;
	struct life *l = map_get(&q->s->instances, q->instance);

	if (l && !l->exited && r == 0 && q->peek)
		metering_keep(l, usage, clock_mono_usec());
	else if (l && !l->exited && r == 0)
		metering_take(l, usage);
	else if (r < 0)
		log_debug("%s", message);
}

static void metering_ask(struct life *l, bool peek)
{
	struct metering_request *q;
	struct error e;

	if (!l->st.instance || l->exited || l->a->inside)
		return;
	q = xcalloc(1, sizeof(*q));
	q->s = l->s;
	q->peek = peek;
	memcpy(q->instance, l->st.instance, sizeof(q->instance));
	if (host_client_usage(l->s->host, l->st.instance, on_metering_used, q, &e) < 0) {
		log_warn("%s: %s, ignoring", l->a->name, e.msg);
		free(q);
	}
}

void metering_peek(struct life *l)
{
	uint64_t now = clock_mono_usec();

	if (!dyno_fsm_is_running(l->st.state) || now < l->peeked_at + PEEK_INTERVAL_USEC)
		return;
	l->peeked_at = now;
	metering_ask(l, true);
}

double metering_cpu(const struct life *l)
{
	if (!l->usage_at || !l->cpu_before_at)
		return -1;
	return meter_cpu(l->cpu_before, l->usage.cpu_usec,
			 l->usage_at - l->cpu_before_at);
}

static int on_metering_timer(sd_event_source *src, uint64_t usec, void *userdata);

static void metering_arm(struct life *l, uint64_t usec)
{
	struct error e;

	if (loop_timer(l->s->event, &l->meter_timer, usec, on_metering_timer, l,
		       "metering", &e) < 0)
		log_err("%s: %s", l->a->name, e.msg);
}

static int on_metering_timer(sd_event_source *src, uint64_t usec, void *userdata)
{
	struct life *l = userdata;

	metering_ask(l, false);
	metering_arm(l, l->s->conf.metrics_interval * USEC_PER_SEC);
	return 0;
}

/* The first sample at a moment of chance, or all dynos of one start would be
 * asked together for ever. */
void metering_start(struct life *l)
{
	uint32_t msec = (uint32_t)(l->s->conf.metrics_interval * 1000);

	l->usage = (struct dyno_usage){ 0 };
	l->usage_at = l->cpu_before = l->cpu_before_at = 0;
	for (size_t i = 0; i < ARRAY_SIZE(l->load); i++)
		l->load[i] = 0;
	metering_arm(l, (msec / 2 + id_random(msec / 2 + 1)) * USEC_PER_MSEC);
}

void metering_stop(struct life *l)
{
	l->meter_timer = loop_unref(l->meter_timer);
}

void metering_killed(struct life *l, const struct dyno_usage *usage)
{
	l->over = usage->memory_peak;
	life_event(l, DYNO_EV_QUOTA);
}
