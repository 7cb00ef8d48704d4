#pragma once

/*
 * dynorun.h - what the commands of dynorun share: the program's own options, the
 * table entry of a command, and how it tells what happened.
 *
 * One file per group of commands (dynorun_life.c, dynorun_list.c, ...); each
 * defines its entries, and dynorun.c has the list of them.
 */
#include "base/base.h"
#include "runtime/dynorun/dynorun_option.h"

struct container;
struct error;
struct oci;

struct dynorun {
	const char *root;		/* directory of the containers */
	const char *log, *log_format;	/* as given; or NULL */
	const char *cgroup_manager, *rootless;
	bool debug, systemd_cgroup, help, version;
	int log_fd;			/* of --log; else -1 */
};

struct dynorun_verb {
	const char *name;
	const char *args;		/* "ID [SIGNAL]" */
	int min_args, max_args;		/* max -1 = any */
	const char *doc;		/* one sentence, no full stop */
	const struct dynorun_option *options;
	size_t n_options;
	size_t size;			/* of the struct that they fill */
	bool stop_at_arg;		/* what follows the first argument's options
					 * belongs to another program */
	bool protect;			/* a process of ours enters the container */
	int failure;			/* exit status of an error; 0 = 1 */

	/* Returns the exit status, or -errno with *e filled. */
	int (*fn)(struct dynorun *d, void *options, int argc, char **argv,
		  struct error *e);
};

extern const struct dynorun_verb dynorun_verb_create, dynorun_verb_delete,
	dynorun_verb_events, dynorun_verb_exec, dynorun_verb_features,
	dynorun_verb_kill, dynorun_verb_list, dynorun_verb_pause,
	dynorun_verb_plan, dynorun_verb_ps, dynorun_verb_resume,
	dynorun_verb_run, dynorun_verb_spec, dynorun_verb_start,
	dynorun_verb_state, dynorun_verb_update;

/* ---- dynorun_log.c ---- */

/* Where messages go besides standard error: "error" is on both. */
int dynorun_log_open(struct dynorun *d, struct error *e);
void dynorun_log_error(const struct dynorun *d, const struct error *e);
void dynorun_log_warn(const struct dynorun *d, const char *fmt, ...) PRINTF(2, 3);
void dynorun_log_debug(const struct dynorun *d, const char *fmt, ...) PRINTF(2, 3);

/* ---- dynorun_self.c ---- */

/* Go on as an image of this program that nobody can write to, even with a
 * descriptor of /proc/PID/exe in hand. Returns only if it is one already. */
int dynorun_self_protect(char **argv, struct error *e);

/* ---- dynorun_delete.c ---- */

/*
 * Undo everything of a container that is locked: its processes, its cgroup, then
 * the poststop hooks, last its directory. Each step is done whatever became of
 * the one before, and takes "nothing there" for done; the first error is
 * returned. Hooks that fail are a warning. c->dir_fd is still open after.
 */
int dynorun_delete(struct dynorun *d, struct container *c, struct error *e);

/* A pidfd of the first process; -1: it has ended, or its number is somebody
 * else's by now. */
int dynorun_delete_pidfd(const struct container *c);

/* ---- dynorun_match.c ---- */

/* fn for each container whose id fits the extended regular expression, whatever
 * becomes of the others; the first error is returned. */
typedef int (*dynorun_match_fn)(struct dynorun *d, const char *id, void *arg,
				struct error *e);
int dynorun_match(struct dynorun *d, const char *pattern, dynorun_match_fn fn,
		  void *arg, struct error *e);
