/*
 * storage_jobs.c - a queue of tasks; each has a job when it is its turn, and a
 * list of those who wait for it.
 */
#include "base/error.h"
#include "base/job.h"
#include "base/list.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/strv.h"
#include "controller/slug/storage_jobs.h"

#define STORAGE_JOBS_MAX 4
/* Longer than dyno-slug tries by itself (total-timeout). */
#define TRANSFER_TIMEOUT_USEC (1260 * USEC_PER_SEC)
#define EXIT_ABSENT 3			/* of dyno-slug */

/* Each is "dyno-slug --store DIR --config FILE <words>"; %s and %u are the
 * slug's SHA-256 and URL. */
static const struct {
	const char *words[5];
	uint64_t timeout_usec;
	bool wanted_only;		/* given up when nobody waits */
} kinds[STORAGE_JOB_COUNT] = {
	[STORAGE_PUT]     = { { "put", "%s", "%u" }, TRANSFER_TIMEOUT_USEC, true },
	[STORAGE_FETCH]   = { { "fetch", "--sha256", "%s", "%u" },
			      TRANSFER_TIMEOUT_USEC, false },
	[STORAGE_REMOVE]  = { { "rm", "%u" }, 120 * USEC_PER_SEC, false },
	[STORAGE_COLLECT] = { { "gc" }, 600 * USEC_PER_SEC, false },
};

struct storage_jobs {
	sd_event *event;		/* borrowed */
	sd_event_source *start;		/* look for what can run */
	char *dir, *conf;
	struct list tasks;		/* in the order of their turns */
	unsigned running;
};

struct task {
	struct list link;
	struct storage_jobs *jobs;
	enum storage_job kind;
	char *sha256, *url;
	struct job *job;		/* NULL: not its turn yet */
	bool ended;			/* those who wait are being told */
	struct list waits;
};

struct storage_wait {
	struct list link;
	struct task *task;
	storage_done_fn fn;
	void *userdata;
};

static void task_free(struct task *t)
{
	struct storage_wait *w, *next;

	list_unlink(&t->link);
	if (t->job)
		t->jobs->running--;
	job_free(t->job);
	list_for_each_safe(w, next, &t->waits, link) {
		list_unlink(&w->link);
		free(w);
	}
	free(t->sha256);
	free(t->url);
	free(t);
}

/* A job has ended, or could not begin. */
static void task_end(struct task *t, int r, const struct error *e)
{
	struct storage_jobs *j = t->jobs;
	struct storage_wait *w;

	t->ended = true;
	list_unlink(&t->link);		/* whoever wants it now, wants it anew */
	while (!list_empty(&t->waits)) {
		storage_done_fn fn;
		void *userdata;

		w = list_entry(t->waits.next, struct storage_wait, link);
		fn = w->fn;
		userdata = w->userdata;
		list_unlink(&w->link);
		free(w);
		if (fn)
			fn(r, e, userdata);
	}
	task_free(t);
	sd_event_source_set_enabled(j->start, SD_EVENT_ONESHOT);
}

static void on_task_done(struct job *job, const struct job_result *res,
			 void *userdata)
{
	struct task *t = userdata;
	const char *message = str_after(res->message, "dyno-slug: ");
	struct error e = { .code = 0 };
	int r = 0;

	if (res->status == EXIT_ABSENT && t->kind == STORAGE_REMOVE)
		r = 0;
	else if (res->status == EXIT_ABSENT)
		r = STORAGE_ABSENT;
	else if (res->status)
		r = error_set(&e, EIO, "%s%s%.16s: %.400s",
			      kinds[t->kind].words[0], *t->sha256 ? " " : "",
			      t->sha256, message ? message : res->message);
	task_end(t, r, &e);
}

static void task_argv(const struct task *t, struct strv *argv)
{
	strv_add(argv, "dyno-slug");
	strv_addf(argv, "--store=%s", t->jobs->dir);
	strv_addf(argv, "--config=%s", t->jobs->conf);
	for (size_t i = 0; kinds[t->kind].words[i]; i++) {
		const char *word = kinds[t->kind].words[i];

		strv_add(argv, str_eq(word, "%s") ? t->sha256 :
			       str_eq(word, "%u") ? t->url : word);
	}
}

static void task_start(struct task *t)
{
	auto_free char *program = process_sibling("dyno-slug");
	auto_strv argv = STRV_INIT;
	struct process_spec spec = PROCESS_SPEC_INIT;
	struct error e;
	int r;

	task_argv(t, &argv);
	spec.path = program;
	spec.argv = strv_argv(&argv);
	r = job_new(&t->job, t->jobs->event, &spec, kinds[t->kind].timeout_usec,
		    on_task_done, t, &e);
	if (r < 0)
		task_end(t, r, &e);
	else
		t->jobs->running++;
}

/* Nothing of the same slug is before it. */
static bool task_may_start(const struct task *t)
{
	struct task *o;

	list_for_each(o, &t->jobs->tasks, link) {
		if (o == t)
			return true;
		if (str_eq(o->sha256, t->sha256))
			return false;
	}
	return false;
}

static int on_start(sd_event_source *src, void *userdata)
{
	struct storage_jobs *j = userdata;
	struct task *t;

	list_for_each(t, &j->tasks, link) {
		if (t->job || j->running >= STORAGE_JOBS_MAX ||
		    !task_may_start(t))
			continue;
		task_start(t);
		/* The list may be another one now: look again. */
		sd_event_source_set_enabled(j->start, SD_EVENT_ONESHOT);
		break;
	}
	return 0;
}

struct storage_jobs *storage_jobs_new(sd_event *event, const char *dir,
				      const char *conf)
{
	struct storage_jobs *j = xcalloc(1, sizeof(*j));

	j->event = event;
	j->dir = xstrdup(dir);
	j->conf = xstrdup(conf);
	list_init(&j->tasks);
	if (sd_event_add_defer(event, &j->start, on_start, j) < 0)
		abort();		/* only without memory */
	sd_event_source_set_description(j->start, "storage jobs");
	sd_event_source_set_enabled(j->start, SD_EVENT_OFF);
	return j;
}

struct storage_jobs *storage_jobs_free(struct storage_jobs *j)
{
	struct task *t, *next;

	if (!j)
		return NULL;
	list_for_each_safe(t, next, &j->tasks, link)
		task_free(t);
	loop_unref(j->start);
	free(j->dir);
	free(j->conf);
	free(j);
	return NULL;
}

/* The last task of the slug, if it is the same. */
static struct task *storage_jobs_find(struct storage_jobs *j,
				      enum storage_job kind, const char *sha256)
{
	struct task *t, *last = NULL;

	list_for_each(t, &j->tasks, link)
		if (str_eq(t->sha256, sha256))
			last = t;
	return last && last->kind == kind ? last : NULL;
}

struct storage_wait *storage_jobs_want(struct storage_jobs *j,
				       enum storage_job kind, const char *sha256,
				       const char *url, storage_done_fn fn,
				       void *userdata)
{
	struct task *t = storage_jobs_find(j, kind, sha256 ? sha256 : "");
	struct storage_wait *w = xcalloc(1, sizeof(*w));

	if (!t) {
		t = xcalloc(1, sizeof(*t));
		t->jobs = j;
		t->kind = kind;
		t->sha256 = xstrdup(sha256 ? sha256 : "");
		t->url = xstrdup(url ? url : "");
		list_init(&t->waits);
		list_add_tail(&j->tasks, &t->link);
	}
	w->task = t;
	w->fn = fn;
	w->userdata = userdata;
	list_add_tail(&t->waits, &w->link);
	sd_event_source_set_enabled(j->start, SD_EVENT_ONESHOT);
	return w;
}

struct storage_wait *storage_wait_free(struct storage_wait *w)
{
	struct task *t;

	if (!w)
		return NULL;
	t = w->task;
	list_unlink(&w->link);
	free(w);
	if (kinds[t->kind].wanted_only && list_empty(&t->waits) && !t->ended) {
		sd_event_source_set_enabled(t->jobs->start, SD_EVENT_ONESHOT);
		task_free(t);
	}
	return NULL;
}
