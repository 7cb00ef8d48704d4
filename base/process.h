#pragma once

/*
 * process.h - start programs of ours: daemons, helpers, jobs.
 *
 * Not for dynos: those are the runtime's. The child gets exactly the
 * descriptors that it is given, default signal dispositions and an empty
 * signal mask. Failure of the exec itself comes back as an error here.
 */
#include "base/base.h"

#include <sys/types.h>

struct error;

struct process_spec {
	const char *path;		/* absolute */
	char *const *argv;
	char *const *envp;		/* NULL: inherit */
	int stdin_fd, stdout_fd, stderr_fd;	/* -1: /dev/null, -1, inherit 2 */
	const int *fds;			/* become 3, 4, ... */
	size_t n_fds;
	uid_t uid;			/* with set_ids: drop to these, no groups, */
	gid_t gid;			/* no capabilities */
	bool set_ids;
	bool new_session;		/* setsid(): survives its terminal */
	bool die_with_parent;		/* PR_SET_PDEATHSIG SIGKILL */
	const char *cwd;		/* NULL: keep */
};

#define PROCESS_SPEC_INIT ((struct process_spec){ \
	.stdin_fd = -1, .stdout_fd = -1, .stderr_fd = -1 })

/* Starts the program; *ret_pidfd is the handle (close-on-exec). */
int process_spawn(const struct process_spec *spec, pid_t *ret_pid,
		  int *ret_pidfd, struct error *e);

/* Wait for a child by pidfd; returns 0 and its exit status, or 128+signal. */
int process_wait(int pidfd, int *ret_status, struct error *e);

/* The absolute path of a program of this package: beside the running
 * executable if it is there, else in the package's libexec directory or among
 * the commands (dyno-slug is one, and a daemon's job too). */
char *process_sibling(const char *name);

/* Identity that survives pid reuse: the start time from /proc/PID/stat, in
 * clock ticks since boot. Returns -ESRCH if there is no such process. */
int process_start_time(pid_t pid, uint64_t *ret_ticks, struct error *e);

/* "name", "name:group" or numbers -> ids. */
int process_user(const char *text, uid_t *ret_uid, gid_t *ret_gid,
		 struct error *e);
