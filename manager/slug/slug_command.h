#pragma once

/*
 * slug_command.h - how the supervisor runs dyno-slug on the host's store.
 */
#include "base/base.h"
#include "base/job.h"

#include <systemd/sd-event.h>

struct error;
struct strv;

struct slug_command {
	sd_event *event;		/* borrowed, as the strings */
	const char *program;		/* NULL: dyno-slug of this package */
	const char *store_dir;
	const char *config;		/* slugs.conf; it may be absent */
};

/* args: the verb and what follows it. The job ends with the supervisor. */
int slug_command_run(const struct slug_command *c, const struct strv *args,
		     uint64_t timeout_sec, job_done_fn on_done, void *userdata,
		     struct job **ret, struct error *e);
