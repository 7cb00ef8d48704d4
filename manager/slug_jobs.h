#pragma once

/*
 * slug_jobs.h - have slugs fetched and unpacked, each once however many dynos
 * wait for it, by child processes ("dyno-slug get"), a few at a time.
 */
#include "base/base.h"
#include "base/list.h"

#include <systemd/sd-event.h>

struct slug_jobs;

/* Embedded in whoever waits. */
struct slug_wait {
	struct list link;
	/* r == 0: unpacked. r < 0: message says why not. Comes from the loop. */
	void (*fn)(int r, const char *message, void *userdata);
	void *userdata;
};

struct slug_jobs_spec {
	const char *store_dir;
	const char *upstream;		/* "unix:/path" or "http://host:port" */
	const char *header;		/* "@FILE" with headers of requests, or NULL */
};

struct slug_jobs *slug_jobs_new(sd_event *event, const struct slug_jobs_spec *spec);
/* Nobody may wait any more. Running jobs are killed. */
struct slug_jobs *slug_jobs_free(struct slug_jobs *j);
DEFINE_AUTO(struct slug_jobs, slug_jobs_free)

/* w->fn and w->userdata are set. path: of the blob on upstream. */
void slug_jobs_want(struct slug_jobs *j, const char *sha256, const char *path,
		    struct slug_wait *w);

/* No longer interested; also when it never was. The job goes on. */
void slug_jobs_cancel(struct slug_wait *w);
void slug_jobs_wait_init(struct slug_wait *w);
