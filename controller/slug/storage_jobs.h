#pragma once

/*
 * storage_jobs.h - dyno-slug at work between the slug store and an object
 * storage (s3://...), or on the store alone.
 *
 * Jobs of one slug run one after the other, in the order in which they were
 * wanted; the same wanted twice in a row is done once. At most a handful run
 * at the same time. What a job is, and how long it may take, is one table.
 * Keys and addresses are in slugs.conf, which only dyno-slug reads.
 */
#include "base/base.h"
#include "base/id.h"

#include <systemd/sd-event.h>

struct error;
struct storage_jobs;
struct storage_wait;

enum storage_job {
	STORAGE_PUT,		/* a blob of the store to its URL */
	STORAGE_FETCH,		/* from its URL into the store, verified */
	STORAGE_REMOVE,		/* what is at its URL */
	STORAGE_COLLECT,	/* the store down to its water marks */
	STORAGE_JOB_COUNT
};

#define STORAGE_ABSENT 1	/* fetch: there is nothing at the URL */

/* r: 0, STORAGE_ABSENT, or < 0 and e says why. Called from the loop, never by
 * the function that wanted the job; the wait is gone already. */
typedef void (*storage_done_fn)(int r, const struct error *e, void *userdata);

/* dir: the store. conf: the path of slugs.conf. */
struct storage_jobs *storage_jobs_new(sd_event *event, const char *dir,
				      const char *conf);
/* Kills what runs; nobody is told. */
struct storage_jobs *storage_jobs_free(struct storage_jobs *j);
DEFINE_AUTO(struct storage_jobs, storage_jobs_free)

/* Want a job. sha256 and url are NULL for STORAGE_COLLECT. fn is called once,
 * unless the wait is freed. */
struct storage_wait *storage_jobs_want(struct storage_jobs *j,
				       enum storage_job job, const char *sha256,
				       const char *url, storage_done_fn fn,
				       void *userdata);
/* Wait no longer. A put that nobody waits for any more is given up; all else
 * goes on. */
struct storage_wait *storage_wait_free(struct storage_wait *w);
