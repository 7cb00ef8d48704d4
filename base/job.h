#pragma once

/*
 * job.h - slow work in a child process, completed by the event loop.
 *
 * A job is a program of ours (fetch or unpack a slug, check an upload). Its
 * standard output and error are collected up to a limit; when it has ended,
 * on_done is called once with its exit status. Destroying a running job kills
 * it (SIGKILL) and on_done is not called. on_done may free the job.
 */
#include "base/base.h"
#include "base/process.h"

#include <systemd/sd-event.h>

struct error;
struct job;

struct job_result {
	int status;		/* exit status, or 128 + signal; 124 = timed out */
	const char *output;	/* its standard output, at most 64 KiB */
	const char *message;	/* the last line of its standard error, or "" */
};

typedef void (*job_done_fn)(struct job *job, const struct job_result *res,
			    void *userdata);

/* spec's stdout_fd and stderr_fd must be -1. timeout_usec 0 = none. */
int job_new(struct job **ret, sd_event *event, const struct process_spec *spec,
	    uint64_t timeout_usec, job_done_fn on_done, void *userdata,
	    struct error *e);
struct job *job_free(struct job *job);
DEFINE_AUTO(struct job, job_free)
