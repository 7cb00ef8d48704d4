/*
 * slug_jobs.c - a queue of slugs, each with the list of those who wait.
 *
 * A slug for which there is no room keeps its place and those who wait, gives
 * its turn to others, and is tried again after a pause.
 */
#include "base/error.h"
#include "base/fault.h"
#include "base/id.h"
#include "base/job.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/map.h"
#include "base/strv.h"
#include "http/client.h"
#include "manager/limits.h"
#include "manager/model/backoff.h"
#include "manager/slug/slug_command.h"
#include "manager/slug/slug_jobs.h"

#include <stdio.h>

/* Exit statuses of dyno-slug that mean something here. */
#define SLUG_STATUS_DIGEST 4
#define SLUG_STATUS_SPACE 5

struct slug_task {
	struct list link;		/* in queue order */
	struct slug_jobs *jobs;
	char *sha256, *path;
	struct list waits;
	struct job *job;		/* NULL: waits for its turn */
	sd_event_source *pause;		/* there was no room */
	unsigned failures;
};

struct slug_jobs {
	const struct slug_command *command;
	char *upstream, *header;
	char *ca_file, *cert_file, *key_file, *proxy;
	struct list tasks;
	struct map by_sha;
	unsigned running;
	sd_event_source *next;
};

static struct slug_task *slug_task_free(struct slug_task *t)
{
	if (!t)
		return NULL;
	assert(list_empty(&t->waits));
	if (t->job)
		t->jobs->running--;
	map_remove(&t->jobs->by_sha, t->sha256);
	list_unlink(&t->link);
	job_free(t->job);
	loop_unref(t->pause);
	free(t->sha256);
	free(t->path);
	free(t);
	return NULL;
}

static int on_slug_next(sd_event_source *src, uint64_t usec, void *userdata);

static void slug_jobs_kick(struct slug_jobs *j)
{
	struct error e;

	if (!j->next && loop_timer(j->command->event, &j->next, 0, on_slug_next, j,
				   "next slug job", &e) < 0)
		log_err("%s", e.msg);
}

/* Everybody who waits is told; who waits again is in a new task. */
static void slug_task_done(struct slug_task *t, enum slug_outcome outcome,
			   const char *message)
{
	struct slug_jobs *j = t->jobs;
	struct list waits = LIST_INIT(waits);

	while (!list_empty(&t->waits)) {
		struct list *l = t->waits.next;

		list_unlink(l);
		list_add_tail(&waits, l);
	}
	slug_task_free(t);
	while (!list_empty(&waits)) {
		struct slug_wait *w = list_entry(waits.next, struct slug_wait, link);

		list_unlink(&w->link);
		w->fn(outcome, message, w->userdata);
	}
	slug_jobs_kick(j);
}

static int on_slug_pause(sd_event_source *src, uint64_t usec, void *userdata)
{
	struct slug_task *t = userdata;

	t->pause = loop_unref(t->pause);
	slug_jobs_kick(t->jobs);
	return 0;
}

/* Those who wait hear of it and go on waiting; some give up in their fn. */
static void slug_task_pause(struct slug_task *t, const char *message)
{
	struct slug_wait *w, *tmp;
	struct error e;

	t->job = job_free(t->job);
	t->jobs->running--;
	if (loop_timer(t->jobs->command->event, &t->pause,
		       backoff_jitter(++t->failures, SLUG_PAUSE_MAX_SEC * USEC_PER_SEC,
				      id_random(BACKOFF_CHANCES)),
		       on_slug_pause, t, "no space for a slug", &e) < 0) {
		log_err("%s", e.msg);
		slug_task_done(t, SLUG_FAILED, message);
		return;
	}
	/* Once: what there is changes a little from try to try. */
	if (t->failures == 1)
		log_err("slug %.12s: %s; will retry until there is", t->sha256, message);
	else
		log_debug("slug %.12s: %s", t->sha256, message);
	list_for_each_safe(w, tmp, &t->waits, link)
		w->fn(SLUG_NO_SPACE, message, w->userdata);
	slug_jobs_kick(t->jobs);
}

static void on_slug_job(struct job *job, const struct job_result *res,
			void *userdata)
{
	struct slug_task *t = userdata;
	auto_free char *message = xstrdup(*res->message ? res->message :
					  "fetching the slug failed");
	char actual[SHA256_HEX_MAX];
	enum slug_outcome outcome = SLUG_FAILED;

	fault_point("slug job done");
	if (res->status == SLUG_STATUS_SPACE) {
		slug_task_pause(t, message);
		return;
	}
	if (res->status == 0)
		outcome = SLUG_READY;
	if (res->status == SLUG_STATUS_DIGEST &&
	    slug_jobs_parse_wrong(message, actual))
		outcome = SLUG_WRONG;
	if (outcome == SLUG_READY && *res->message)	/* it was damaged */
		log_warn("slug %.12s is unpacked: %s", t->sha256, message);
	else if (outcome == SLUG_READY)
		log_info("slug %.12s is unpacked", t->sha256);
	else
		log_warn("slug %.12s: %s (status %d)%s", t->sha256, message,
			 res->status, outcome == SLUG_WRONG ? "" : ", will retry");
	slug_task_done(t, outcome, message);
}

bool slug_jobs_parse_wrong(const char *message, char ret[SHA256_HEX_MAX])
{
	const char *got = strstr(message, ", got ");

	if (!got)
		return false;
	snprintf(ret, SHA256_HEX_MAX, "%s", got + strlen(", got "));
	return id_is_sha256(ret);
}

static void slug_arg(struct strv *argv, const char *option, const char *value)
{
	if (!value)
		return;
	strv_add(argv, option);
	strv_add(argv, value);
}

static void slug_args(const struct slug_task *t, struct strv *argv)
{
	const struct slug_jobs *j = t->jobs;
	/* A whole address leads to somebody who must not see the token. */
	bool own = t->path[0] == '/';
	const char *socket = own ? str_after(j->upstream, "unix:") : NULL;

	if (own && str_eq(j->upstream, "none")) {
		strv_add(argv, "unpack");	/* the store has it, or nobody */
		strv_add(argv, t->sha256);
		return;
	}
	strv_add(argv, "get");
	slug_arg(argv, "--unix", socket);
	if (own) {
		slug_arg(argv, "--header", j->header);
		slug_arg(argv, "--ca", j->ca_file);
		slug_arg(argv, "--cert", j->cert_file);
		slug_arg(argv, "--key", j->key_file);
		slug_arg(argv, "--proxy", j->proxy);
	}
	strv_add(argv, t->sha256);
	strv_addf(argv, "%s%s", socket ? "http://localhost" :
		  own ? j->upstream : "", t->path);
}

static int slug_task_start(struct slug_task *t, struct error *e)
{
	auto_strv args = STRV_INIT;
	int r;

	slug_args(t, &args);
	r = slug_command_run(t->jobs->command, &args, SLUG_TIMEOUT_SEC,
			     on_slug_job, t, &t->job, e);
	if (r >= 0)
		t->jobs->running++;
	return r;
}

static int on_slug_next(sd_event_source *src, uint64_t usec, void *userdata)
{
	struct slug_jobs *j = userdata;
	struct slug_task *t, *tmp;
	struct error e;

	j->next = loop_unref(j->next);
	list_for_each_safe(t, tmp, &j->tasks, link) {
		if (j->running >= JOBS_MAX)
			break;
		if (t->job)
			continue;
		if (list_empty(&t->waits)) {
			slug_task_free(t);
		} else if (t->pause) {
			continue;
		} else if (slug_task_start(t, &e) < 0) {
			log_err("slug %.12s: %s, will retry", t->sha256, e.msg);
			slug_task_done(t, SLUG_FAILED, e.msg);
			break;		/* the list may be another one now */
		}
	}
	return 0;
}

void slug_jobs_want(struct slug_jobs *j, const char *sha256, const char *path,
		    struct slug_wait *w)
{
	struct slug_task *t = map_get(&j->by_sha, sha256);

	if (!t) {
		t = xcalloc(1, sizeof(*t));
		t->jobs = j;
		t->sha256 = xstrdup(sha256);
		t->path = xstrdup(path);
		list_init(&t->waits);
		list_add_tail(&j->tasks, &t->link);
		map_set(&j->by_sha, sha256, t);
	}
	list_unlink(&w->link);
	list_add_tail(&t->waits, &w->link);
	t->pause = loop_unref(t->pause);
	slug_jobs_kick(j);
}

enum slug_stage slug_jobs_stage(const struct slug_jobs *j, const char *sha256)
{
	const struct slug_task *t = map_get(&j->by_sha, sha256);

	if (t && t->pause)
		return SLUG_STAGE_PAUSED;
	return t && t->job ? SLUG_STAGE_RUNNING : SLUG_STAGE_QUEUED;
}

unsigned slug_jobs_running(const struct slug_jobs *j)
{
	return j->running;
}

size_t slug_jobs_count(const struct slug_jobs *j)
{
	return j->by_sha.n;
}

void slug_jobs_wait_init(struct slug_wait *w)
{
	list_init(&w->link);
}

void slug_jobs_cancel(struct slug_wait *w)
{
	list_unlink(&w->link);
}

struct slug_jobs *slug_jobs_new(const struct slug_jobs_spec *spec)
{
	struct slug_jobs *j = xcalloc(1, sizeof(*j));

	j->command = spec->command;
	j->upstream = xstrdup(spec->upstream->base);
	j->ca_file = xstrdup(spec->upstream->ca_file);
	j->cert_file = xstrdup(spec->upstream->cert_file);
	j->key_file = xstrdup(spec->upstream->key_file);
	j->proxy = xstrdup(spec->upstream->proxy);
	j->header = xstrdup(spec->header);
	list_init(&j->tasks);
	return j;
}

struct slug_jobs *slug_jobs_free(struct slug_jobs *j)
{
	struct slug_task *t, *tmp;

	if (!j)
		return NULL;
	list_for_each_safe(t, tmp, &j->tasks, link)
		slug_task_free(t);
	j->next = loop_unref(j->next);
	map_deinit(&j->by_sha);
	free(j->upstream);
	free(j->ca_file);
	free(j->cert_file);
	free(j->key_file);
	free(j->proxy);
	free(j->header);
	free(j);
	return NULL;
}
