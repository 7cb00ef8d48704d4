#pragma once

/*
 * keeper.h - keeps one supervisor running: starts it as the service user with
 * one end of a fresh socket pair as descriptor HOST_FD, and the socket that
 * systemd listens on for it as HOST_LISTEN_FD, watches it, and starts it again
 * when it has ended: at once, then after growing pauses of up to 5 s, for ever.
 * The supervisor is killed by the kernel when dynod ends.
 */
#include "base/base.h"

#include <systemd/sd-event.h>

struct error;
struct keeper;

struct keeper_config {
	const char *path;		/* the program */
	const char *root_dir;		/* its --root; "" = none */
	uid_t uid;
	gid_t gid;
	bool set_ids;			/* false: stay who we are (tests) */
	int listen_fd;			/* borrowed; -1: there is none */
};

struct keeper_ops {
	/* It runs; fd is dynod's end, owned by the callee. */
	void (*on_start)(int fd, pid_t pid, void *userdata);
	/* It has ended, or could not be started: a sentence which also says
	 * when it is started again. */
	void (*on_end)(const char *what, void *userdata);
};

/* Whether the program would start: "--check" has it read its configuration, as the
 * user that it will be, and change nothing. Waits for it. */
int keeper_try(const struct keeper_config *config, struct error *e);

/* config is copied but for its strings, which are borrowed. */
struct keeper *keeper_new(sd_event *event, const struct keeper_config *config,
			  const struct keeper_ops *ops, void *userdata);
/* Kills a supervisor that still runs. */
struct keeper *keeper_free(struct keeper *k);

/* Start it for the first time; all after that comes from the loop. */
void keeper_start(struct keeper *k);

/* SIGKILL: it is started again. */
void keeper_kill(struct keeper *k);

/* End it for good: SIGTERM, and SIGKILL after 5 s. Waits for it. */
void keeper_stop(struct keeper *k);

/* The pause before the next start, when the last n runs in a row were short. */
uint64_t keeper_pause_usec(unsigned short_runs);
