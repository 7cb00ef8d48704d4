/* slug_gc.c - one timer, one job. */
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/strv.h"
#include "manager/limits.h"
#include "manager/slug/slug_command.h"
#include "manager/slug/slug_gc.h"

struct slug_gc {
	const struct slug_command *command;
	uint64_t interval_sec;
	sd_event_source *timer;
	uint64_t due_usec;		/* when the timer goes off; monotonic */
	struct job *job;
	uint64_t again_sec;		/* asked for while the job ran; 0 = not */
};

static int on_slug_gc(sd_event_source *src, uint64_t usec, void *userdata);

static void slug_gc_arm(struct slug_gc *g, uint64_t sec)
{
	uint64_t due = clock_mono_usec() + sec * USEC_PER_SEC;
	struct error e;

	if (g->timer && g->due_usec <= due)
		return;
	g->due_usec = due;
	if (loop_timer(g->command->event, &g->timer, sec * USEC_PER_SEC,
		       on_slug_gc, g, "collect slugs", &e) < 0)
		log_err("%s", e.msg);
}

/* A line for each thing that has gone, then one about them all. */
static void slug_gc_tell(const char *output)
{
	size_t n = strlen(output);
	auto_free char *text = xstrndup(output, n && output[n - 1] == '\n' ? n - 1 : n);
	const char *last = strrchr(text, '\n');

	if (!last)
		return;
	if (str_after(last + 1, "collected "))
		log_info("slug store: %s", last + 1);
	else
		log_info("slug store: collected more than can be told");
}

static void on_slug_gc_done(struct job *job, const struct job_result *res,
			    void *userdata)
{
	struct slug_gc *g = userdata;
	uint64_t again = g->again_sec;

	slug_gc_tell(res->output);
	if (res->status != 0)
		log_warn("collect slugs: %s (status %d), will retry",
			 *res->message ? res->message : "failed", res->status);
	g->job = job_free(g->job);
	g->again_sec = 0;
	if (again)
		slug_gc_arm(g, again);
	if (g->interval_sec)
		slug_gc_arm(g, g->interval_sec);
}

static int on_slug_gc(sd_event_source *src, uint64_t usec, void *userdata)
{
	struct slug_gc *g = userdata;
	auto_strv args = STRV_INIT;
	struct error e;

	g->timer = loop_unref(g->timer);
	strv_add(&args, "gc");
	if (slug_command_run(g->command, &args, SLUG_GC_TIMEOUT_SEC,
			     on_slug_gc_done, g, &g->job, &e) < 0) {
		log_err("collect slugs: %s, will retry", e.msg);
		if (g->interval_sec)
			slug_gc_arm(g, g->interval_sec);
	}
	return 0;
}

void slug_gc_soon(struct slug_gc *g, uint64_t delay_sec)
{
	if (g->job)
		g->again_sec = delay_sec ? delay_sec : 1;
	else
		slug_gc_arm(g, delay_sec);
}

struct slug_gc *slug_gc_new(const struct slug_command *command,
			    uint64_t interval_sec)
{
	struct slug_gc *g = xcalloc(1, sizeof(*g));

	g->command = command;
	g->interval_sec = interval_sec;
	if (interval_sec)
		slug_gc_arm(g, interval_sec);
	return g;
}

struct slug_gc *slug_gc_free(struct slug_gc *g)
{
	if (!g)
		return NULL;
	g->timer = loop_unref(g->timer);
	job_free(g->job);
	free(g);
	return NULL;
}
