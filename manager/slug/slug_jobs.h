#pragma once

/*
 * slug_jobs.h - have slugs fetched and unpacked, each once however many dynos
 * wait for it, by child processes ("dyno-slug get"), a few at a time.
 *
 * A job ends by limits of its own, one after the other:
 *
 *   another process fetches the same slug	total-timeout (slugs.conf), 1200 s
 *   download, with all retries			total-timeout (slugs.conf), 1200 s
 *   another process unpacks the same slug	600 s (store_unpack.c)
 *   counting what it will take, if room is short	600 s (unpack/limits.c)
 *   unpacking					600 s (unpack/limits.c)
 *
 * SLUG_TIMEOUT_SEC is well above their sum: it ends what hangs where no limit of
 * the job's own reaches, in a dead file system for one. A slug holds one of JOBS_MAX places while
 * its job runs, and keeps no other slug waiting as long as there are places.
 * The jobs of a supervisor die with it; those of the next go on with what is
 * there. Jobs of two hosts that share a store do the work once: the store sees
 * to that (locks/, partial/).
 */
#include "base/base.h"
#include "base/id.h"
#include "base/list.h"

struct http_client_spec;
struct slug_command;
struct slug_jobs;

enum slug_outcome {
	SLUG_READY,		/* it is unpacked */
	SLUG_FAILED,		/* message says why not; ask again later */
	SLUG_WRONG,		/* what came has another SHA-256 */
	SLUG_NO_SPACE,		/* message says what is needed and what there is */
};

enum slug_stage {
	SLUG_STAGE_RUNNING,
	SLUG_STAGE_QUEUED,	/* for one of JOBS_MAX places */
	SLUG_STAGE_PAUSED,	/* there was no room; tried again later */
};

/* Embedded in whoever waits. */
struct slug_wait {
	struct list link;
	/* Comes from the loop, once; but after SLUG_NO_SPACE the wait goes on, and
	 * the job is done again by itself. fn may end it: slug_jobs_cancel(). */
	void (*fn)(enum slug_outcome outcome, const char *message, void *userdata);
	void *userdata;
};

struct slug_jobs_spec {
	const struct slug_command *command;	/* borrowed for good */
	/* Whose base is upstream; "none": paths mean the store. Copied, without
	 * the token. */
	const struct http_client_spec *upstream;
	const char *header;		/* "@FILE" with headers of requests, or NULL */
};

struct slug_jobs *slug_jobs_new(const struct slug_jobs_spec *spec);
/* Nobody may wait any more. Running jobs are killed. */
struct slug_jobs *slug_jobs_free(struct slug_jobs *j);
DEFINE_AUTO(struct slug_jobs, slug_jobs_free)

/* w->fn and w->userdata are set. path: of the blob on upstream, or an http(s) address.
 * What waits for space is tried at once. */
void slug_jobs_want(struct slug_jobs *j, const char *sha256, const char *path,
		    struct slug_wait *w);

/* No longer interested; also when it never was. The job goes on. */
void slug_jobs_cancel(struct slug_wait *w);
void slug_jobs_wait_init(struct slug_wait *w);

/* Where a wanted slug stands; QUEUED also if nobody wants it. */
enum slug_stage slug_jobs_stage(const struct slug_jobs *j, const char *sha256);
/* Running, and all of them. */
unsigned slug_jobs_running(const struct slug_jobs *j);
size_t slug_jobs_count(const struct slug_jobs *j);

/* The actual SHA-256 out of the message of a SLUG_WRONG. */
bool slug_jobs_parse_wrong(const char *message, char ret[SHA256_HEX_MAX]);
