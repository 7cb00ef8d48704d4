/*
 * host_metrics.c - a table of single numbers, a table of numbers per dyno, and the
 * few families that are neither.
 */
#include "base/buf.h"
#include "base/map.h"
#include "http/server.h"
#include "manager/api/host_metrics.h"
#include "manager/api/prometheus.h"
#include "manager/life/life.h"
#include "manager/output/journal.h"
#include "manager/supervisor/draining.h"
#include "manager/supervisor/strays.h"
#include "manager/supervisor/supervisor.h"
#include "manager/upstream/upstream.h"

#include <stdio.h>

/* ---- the host ---- */

static double host_metrics_wanted(const struct supervisor *s)
{
	return (double)s->wanted.n;
}

static double host_metrics_starts(const struct supervisor *s)
{
	return (double)s->tally.starts;
}

static double host_metrics_restarts(const struct supervisor *s)
{
	return (double)s->tally.restarts;
}

static double host_metrics_crashes(const struct supervisor *s)
{
	return (double)s->tally.crashes;
}

static double host_metrics_starting(const struct supervisor *s)
{
	return s->n_starts;
}

static double host_metrics_queued(const struct supervisor *s)
{
	double n = 0;

	for (const struct list *l = s->start_queue.next; l != &s->start_queue;
	     l = l->next)
		n++;
	return n;
}

static double host_metrics_journal(const struct supervisor *s)
{
	return (double)journal_bytes(s->journal);
}

static double host_metrics_upstream(const struct supervisor *s)
{
	return s->upstream && upstream_is_there(s->upstream);
}

static double host_metrics_reports(const struct supervisor *s)
{
	return s->upstream ? (double)upstream_reports(s->upstream) : 0;
}

static double host_metrics_strays(const struct supervisor *s)
{
	return (double)strays_count(s);
}

static double host_metrics_draining(const struct supervisor *s)
{
	return s->drain.mode != DRAIN_OPEN;
}

static double host_metrics_lag(const struct supervisor *s)
{
	return (double)s->lag.last / USEC_PER_SEC;
}

static double host_metrics_lag_max(const struct supervisor *s)
{
	return (double)s->lag.most / USEC_PER_SEC;
}

static const struct {
	const char *name, *type, *help;
	double (*value)(const struct supervisor *s);
} numbers[] = {
	{ "dyno_wanted", "gauge", "Dynos that upstream wants here.",
	  host_metrics_wanted },
	{ "dyno_starts_total", "counter", "Processes of dynos that were started.",
	  host_metrics_starts },
	{ "dyno_restarts_total", "counter",
	  "Starts of dynos that had run before: after a crash, or in the daily cycle.",
	  host_metrics_restarts },
	{ "dyno_crashes_total", "counter", "Crashes of formation dynos.",
	  host_metrics_crashes },
	{ "dyno_starts_running", "gauge", "Starts that dynod is busy with.",
	  host_metrics_starting },
	{ "dyno_starts_queued", "gauge", "Starts that wait for their turn.",
	  host_metrics_queued },
	{ "dyno_journal_bytes", "gauge", "Log lines that upstream has not got yet.",
	  host_metrics_journal },
	{ "dyno_upstream_up", "gauge", "1 if the controller answers.",
	  host_metrics_upstream },
	{ "dyno_upstream_reports_total", "counter", "Reports that were sent.",
	  host_metrics_reports },
	{ "dyno_strays", "gauge", "Ended instances of which something is left.",
	  host_metrics_strays },
	{ "dyno_host_draining", "gauge", "1 if this host takes no new dynos.",
	  host_metrics_draining },
	{ "dyno_loop_lag_seconds", "gauge", "How late the event loop was last.",
	  host_metrics_lag },
	{ "dyno_loop_lag_max_seconds", "gauge", "How late it was at most.",
	  host_metrics_lag_max },
};

/* ---- families with labels ---- */

static void host_metrics_info(struct buf *out, const struct supervisor *s)
{
	const struct prometheus_label labels[] = {
		{ "host", s->conf.host }, { "version", DYNO_VERSION },
		{ "prefix", s->prefix }, { NULL, NULL },
	};

	prometheus_family(out, "dyno_host_info", "gauge", "This host.");
	prometheus_sample(out, "dyno_host_info", labels, 1);
}

static void host_metrics_states(struct buf *out, const struct supervisor *s)
{
	static const char *const names[] = {
		"starting", "up", "crashed", "idle", "down", "complete",
	};

	prometheus_family(out, "dyno_dynos", "gauge", "Dynos by state.");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const struct prometheus_label labels[] = {
			{ "state", names[i] }, { NULL, NULL },
		};
		struct life *l;
		double n = 0;

		list_for_each(l, &s->lives, link)
			n += str_eq(life_shown(l), names[i]);
		prometheus_sample(out, "dyno_dynos", labels, n);
	}
}

static void host_metrics_codes(struct buf *out, const struct supervisor *s)
{
	prometheus_family(out, "dyno_errors_total", "counter",
			  "Errors that were said in logs, by Heroku's code.");
	for (size_t i = 0; tally_codes[i]; i++) {
		char code[16];
		const struct prometheus_label labels[] = {
			{ "code", code }, { NULL, NULL },
		};

		snprintf(code, sizeof(code), "R%u", tally_codes[i]);
		prometheus_sample(out, "dyno_errors_total", labels,
				  (double)s->tally.codes[tally_codes[i]]);
	}
}

static void host_metrics_slugs(struct buf *out, const struct supervisor *s)
{
	static const struct prometheus_label running[] = {
		{ "state", "running" }, { NULL, NULL },
	}, waiting[] = {
		{ "state", "waiting" }, { NULL, NULL },
	};
	double n = slug_jobs_running(s->slugs);

	prometheus_family(out, "dyno_slug_jobs", "gauge", "Slugs that are wanted and not "
			  "here yet.");
	prometheus_sample(out, "dyno_slug_jobs", running, n);
	prometheus_sample(out, "dyno_slug_jobs", waiting,
			  (double)slug_jobs_count(s->slugs) - n);
}

/* ---- dynos ---- */

static double host_metrics_memory(const struct life *l)
{
	return (double)meter_total(&l->usage);
}

static double host_metrics_quota(const struct life *l)
{
	return (double)l->a->memory;
}

static double host_metrics_cpu(const struct life *l)
{
	return (double)l->usage.cpu_usec / USEC_PER_SEC;
}

static double host_metrics_load(const struct life *l)
{
	return l->load[0];
}

static double host_metrics_pids(const struct life *l)
{
	return (double)l->usage.pids;
}

static double host_metrics_dyno_restarts(const struct life *l)
{
	return l->st.starts > 0 ? (double)(l->st.starts - 1) : 0;
}

static double host_metrics_started(const struct life *l)
{
	return (double)l->st.started / USEC_PER_SEC;
}

static const struct {
	const char *name, *type, *help;
	bool sampled;			/* only after the first sample */
	double (*value)(const struct life *l);
} dyno_numbers[] = {
	{ "dyno_memory_bytes", "gauge", "Memory, cache and swap.", true,
	  host_metrics_memory },
	{ "dyno_memory_quota_bytes", "gauge", "Above it R14 is said.", false,
	  host_metrics_quota },
	{ "dyno_cpu_seconds_total", "counter", "Processor time of the running process.",
	  true, host_metrics_cpu },
	{ "dyno_load1", "gauge", "Threads that run or could, damped over a minute.",
	  true, host_metrics_load },
	{ "dyno_processes", "gauge", "Processes and threads.", true,
	  host_metrics_pids },
	{ "dyno_restarts", "gauge", "How often this dyno was started again.", false,
	  host_metrics_dyno_restarts },
	{ "dyno_start_time_seconds", "gauge", "When its process was started, since 1970.",
	  false, host_metrics_started },
};

/* The one that stays wins; of equal ones the newest. */
static bool host_metrics_beats(const struct life *l, const struct life *other)
{
	return l->st.stopping != other->st.stopping ? other->st.stopping :
		l->st.started >= other->st.started;
}

static void host_metrics_pick(struct map *ret, const struct supervisor *s)
{
	struct life *l, *other;

	list_for_each(l, &s->lives, link) {
		auto_free char *key = xasprintf("%s %s", l->a->app_name ?
						l->a->app_name : "", l->a->name);

		if (!dyno_fsm_is_running(l->st.state) || !l->st.started)
			continue;
		other = map_get(ret, key);
		if (!other || host_metrics_beats(l, other))
			map_set(ret, key, l);
	}
}

static void host_metrics_dynos(struct buf *out, const struct supervisor *s)
{
	struct map picked = MAP_INIT;

	host_metrics_pick(&picked, s);
	for (size_t i = 0; i < ARRAY_SIZE(dyno_numbers); i++) {
		prometheus_family(out, dyno_numbers[i].name, dyno_numbers[i].type,
				  dyno_numbers[i].help);
		for (struct map_iter it = { 0 }; map_next(&picked, &it); ) {
			const struct life *l = it.value;
			const struct prometheus_label labels[] = {
				{ "app", l->a->app_name }, { "dyno", l->a->name },
				{ NULL, NULL },
			};

			if (l->usage_at || !dyno_numbers[i].sampled)
				prometheus_sample(out, dyno_numbers[i].name, labels,
						  dyno_numbers[i].value(l));
		}
	}
	map_deinit(&picked);
}

void host_metrics_text(struct buf *out, const struct supervisor *s)
{
	host_metrics_info(out, s);
	host_metrics_states(out, s);
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		prometheus_family(out, numbers[i].name, numbers[i].type, numbers[i].help);
		prometheus_sample(out, numbers[i].name, NULL, numbers[i].value(s));
	}
	host_metrics_codes(out, s);
	host_metrics_slugs(out, s);
	host_metrics_dynos(out, s);
}

void host_metrics_get(struct http_request *req, void *userdata)
{
	auto_buf out = BUF_INIT;

	host_metrics_text(&out, userdata);
	http_reply_text(req, 200, PROMETHEUS_TYPE, out.data, out.len);
}
