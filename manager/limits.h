#pragma once

/*
 * limits.h - every quantity that someone outside can drive, in one place. The times
 * of a dyno's life are keys of supervisor.conf (supervisor_conf.c).
 */
#define SLUG_TIMEOUT_SEC (2 * 3600)	/* a slug job that its own limits do not end:
					 * see slug_jobs.h */
#define SLUG_PAUSE_MAX_SEC 60		/* no room for a slug, pins not written: tries */
#define SLUG_GC_INTERVAL_SEC 3600	/* collection of slugs by itself */
#define SLUG_GC_DELAY_SEC 10		/* after a slug is not wanted any more */
#define SLUG_GC_TIMEOUT_SEC 3600
#define SLUG_PINS_TIMEOUT_SEC 30	/* the store itself waits 10 s for others */
#define SLUG_PINS_PATIENCE_MSEC 2000	/* then new dynos start without */
#define PORT_POLL_MSEC 50

#define LOG_LINE_MAX 10000		/* bytes; longer lines are cut in pieces */
#define LOG_CAPTURE_MAX (1024 * 1024)	/* bytes of one dyno not yet framed */
#define LOG_JOURNAL_MAX (64 * 1024 * 1024)	/* bytes of the host not yet sent */
#define LOG_SEGMENT_MAX (1024 * 1024)	/* bytes of one file of the journal */
#define LOG_BATCH_MAX (1000 * 1024)	/* bytes of one POST; upstream takes 1 MiB */

#define ATTACH_QUEUE_MAX (256 * 1024)	/* bytes, each direction */
#define ATTACH_KEEP_MAX (1024 * 1024)	/* bytes for a client that may come again */
#define ATTACH_TELL_BYTES (64 * 1024)	/* of a client's, until it hears of it */

#define COMMAND_MAX (32 * 1024)		/* bytes of a dyno's command */
#define ENV_MAX (96 * 1024)		/* bytes of config vars, keys and values */
#define DYNO_FILES_MAX 10000		/* RLIMIT_NOFILE */
#define DYNO_INODES_MAX 262144		/* files a dyno may make */

#define DYNOS_MAX 500			/* on one host */
#define JOBS_MAX 4			/* slug jobs at a time */
#define STARTS_MAX 8			/* starts at a time */
