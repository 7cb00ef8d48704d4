#pragma once

/*
 * container.h - an OCI container as dynorun keeps it between its commands.
 *
 * Each container has the directory <root>/<id>, which is there before anything
 * else of it and goes last:
 *
 *   state.json   what later commands need (struct container), replaced whole
 *   config.json  the configuration as it was at "create"
 *   start        a unix socket on which the waiting process listens
 *
 * Whoever changes a container holds an flock on the directory (a descriptor
 * that must not survive in its processes); who only reads takes none, since
 * state.json is replaced in one step. A process is known by its pid and the time
 * it started: a number that was used again is somebody else, and the container
 * has stopped.
 *
 * The state is saved before anything is made that it names. So a directory that
 * nobody holds a lock on, and that has no state or none with a pid, is what a
 * crash left: its cgroup (if it names one) is all that there may be.
 */
#include "base/base.h"
#include "runtime/oci/oci.h"

#include <sys/types.h>

struct cgroup_group;
struct error;
struct strv;

#define CONTAINER_ID_MAX 255

enum container_status {
	CONTAINER_CREATING, CONTAINER_CREATED, CONTAINER_RUNNING,
	CONTAINER_PAUSED, CONTAINER_STOPPED,
};

/* "creating" ... "stopped" */
const char *container_status_name(enum container_status s);

/* What is on disk. All strings are owned. */
struct container {
	int dir_fd;			/* <root>/<id>; -1 = not open */
	char *id;
	char *bundle;			/* absolute */
	char *rootfs;			/* absolute */
	pid_t pid;			/* of the first process; 0 before there is one */
	uint64_t start_ticks;		/* field 22 of its /proc/PID/stat */
	uint64_t created_usec;		/* CLOCK_REALTIME */
	uid_t owner;			/* of whoever called create */
	char *cgroup;			/* path of its group in the hierarchies, or NULL */
	bool systemd_cgroup;		/* cgroupsPath was "slice:prefix:name" */
	bool started;			/* "start" has let it go on */
};

#define CONTAINER_INIT ((struct container){ .dir_fd = -1 })

void container_deinit(struct container *c);

/* Make the directory for a new one; bad names are EINVAL, EEXIST: there is one
 * of this name. root is made with mode 0700 if it is missing. */
int container_new(struct container *ret, const char *root, const char *id,
		  struct error *e);

/* Open and lock one, waiting for others up to 10 s (EBUSY). ENOENT: "container
 * x does not exist". container_read() is the same without the lock. */
int container_open(struct container *ret, const char *root, const char *id,
		   struct error *e);
int container_read(struct container *ret, const char *root, const char *id,
		   struct error *e);

bool container_exists(const char *root, const char *id);

/* Let others change it; it can still be read. */
void container_unlock(struct container *c);

int container_save(struct container *c, struct error *e);
int container_save_config(struct container *c, const char *config, size_t len,
			  struct error *e);

/* Adds the ids in alphabetical order; no root, no containers. */
int container_list(const char *root, struct strv *ret_ids, struct error *e);

/* From the process, its cgroup and the record. */
enum container_status container_status(const struct container *c);

/* Is its first process alive? A zombie is not. */
bool container_alive(const struct container *c);

/* The state document of the specification (runtime.md, "State") with this pid
 * and status: for "state" and for hooks. oci (for the annotations) may be NULL.
 * The caller frees it. */
char *container_state_text(const struct container *c, const struct oci *oci,
			   enum container_status status, pid_t pid);

/* The configuration that was saved at create. */
int container_config(const struct container *c, struct oci **ret, struct error *e);

/* Remove the directory; the last step of delete. */
int container_forget(struct container *c, struct error *e);

/* ---- ways (container_create.c, container_exec.c) ---- */

/* How a process is attached to who called. */
struct container_io {
	const char *console_socket;	/* the terminal's master goes there; or NULL */
	unsigned preserve_fds;		/* 3 and following, if open, stay open */
	int *ret_master;		/* without console_socket: the master comes
					 * back here ("run" in the foreground);
					 * ONLCR is off */
};

struct container_options {
	struct container_io io;
	bool run;			/* do not wait for container_start() */
	bool no_pivot;
	bool no_new_keyring;
	bool systemd_cgroup;
	const char *seccomp_cache;	/* directory, or NULL */
	/* What is not as the configuration asks, though no error: a sentence. */
	void (*tell)(const char *what, void *userdata);
	void *userdata;
};

/*
 * Everything up to the waiting process: namespaces, cgroup, root file system,
 * hooks (prestart, createRuntime, createContainer). c comes from
 * container_new(); its pid, cgroup and times are filled and saved. config is
 * the text that oci was parsed from. On failure nothing is left but the
 * directory, which is the caller's. EACCES, ENOENT with the words "executable
 * file" mean the program of the process. With options->run it is started as
 * well, by the shortest way; container_start() has nothing left to do.
 */
int container_create(struct container *c, const struct oci *oci,
		     const char *config, size_t config_len,
		     const struct container_options *options, struct error *e);

/* The configuration has no process: the container has stopped, *e says so. */
#define CONTAINER_EMPTY 1

/* Let it go on: startContainer hooks, exec; then poststart. EINVAL: it does not
 * wait (any more). */
int container_start(struct container *c, const struct oci *oci, struct error *e);

/* One more process in a running container: in its namespaces and cgroup, with
 * the restrictions of the container's configuration for what process leaves
 * open. It has been executed on return. *ret_pid is a child of the caller. */
struct container_exec {
	const struct oci *oci;			/* of the container */
	const struct oci_process *process;
	const char *cgroup;			/* as cgroup_group_join(), or NULL */
	struct container_io io;
	bool ignore_paused;
	const char *seccomp_cache;
};
int container_exec(struct container *c, const struct container_exec *x,
		   pid_t *ret_pid, struct error *e);

/* What would be done, as text, one step per line ("dynorun plan"). */
int container_plan(const struct oci *oci, const char *bundle, const char *id,
		   const struct container_options *options, char **ret,
		   struct error *e);
