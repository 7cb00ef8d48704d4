/*
 * dynorun_life.c - "create", "start" and "run": a container comes to life.
 */
#include "runtime/dynorun/dynorun.h"

#include "base/error.h"
#include "base/file.h"
#include "base/terminal.h"
#include "runtime/cgroup/cgroup_group.h"
#include "runtime/oci/container.h"
#include "runtime/dynorun/dynorun_bundle.h"
#include "runtime/dynorun/dynorun_console.h"
#include "runtime/dynorun/dynorun_life.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

struct life_options {
	const char *bundle, *config, *console_socket, *pid_file;
	unsigned preserve_fds;
	bool no_pivot, no_new_keyring, no_subreaper, detach, keep;
};

#define OPTION(name, key, type, member, arg, doc) \
	{ name, key, type, offsetof(struct life_options, member), arg, doc }
#define CREATE_OPTIONS \
	OPTION("bundle", 'b', OPTION_TEXT, bundle, "DIR", \
	       "the bundle; default: the working directory"), \
	OPTION("config", 'f', OPTION_TEXT, config, "FILE", \
	       "instead of the bundle's config.json"), \
	OPTION("console-socket", 0, OPTION_TEXT, console_socket, "SOCKET", \
	       "send the master of the terminal there"), \
	OPTION("pid-file", 0, OPTION_TEXT, pid_file, "FILE", \
	       "write the number of the first process to it"), \
	OPTION("preserve-fds", 0, OPTION_NUMBER, preserve_fds, "N", \
	       "pass N descriptors, from 3 on (and those of LISTEN_FDS)"), \
	OPTION("no-pivot", 0, OPTION_FLAG, no_pivot, NULL, \
	       "move the root instead of pivot_root"), \
	OPTION("no-new-keyring", 0, OPTION_FLAG, no_new_keyring, NULL, \
	       "keep the caller's session keyring"), \
	OPTION("no-subreaper", 0, OPTION_FLAG, no_subreaper, NULL, \
	       "accepted: we never are one")

static const struct dynorun_option create_options[] = { CREATE_OPTIONS };

static const struct dynorun_option run_options[] = {
	CREATE_OPTIONS,
	OPTION("detach", 'd', OPTION_FLAG, detach, NULL,
	       "do not wait for its end"),
	OPTION("keep", 0, OPTION_FLAG, keep, NULL,
	       "do not delete it when it has ended"),
};

/* ---- create ---- */

int dynorun_life_pid_file(int dirfd, const char *path, pid_t pid, struct error *e)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%d", (int)pid);

	if (!path)
		return 0;
	return error_prefix(e, file_write_fast(dirfd, path, text, (size_t)n, 0644, e),
			    "pid file");
}

char *dynorun_life_path(int cwd_fd, const char *path)
{
	/* Short whatever the directory's name: for a socket's address. */
	return !path || path[0] == '/' ? xstrdup(path) :
		xasprintf("/proc/self/fd/%d/%s", cwd_fd, path);
}

/* Filters that were compiled before; '@' cannot begin a container's name. */
static char *life_cache(const struct dynorun *d)
{
	char *path = xasprintf("%s/@seccomp", d->root);

	mkdir(path, 0700);
	return path;
}

static void life_tell(const char *what, void *userdata)
{
	dynorun_log_warn(userdata, "%s", what);
}

static int life_make(struct dynorun *d, struct container *c,
		     struct dynorun_bundle *b, const struct life_options *o,
		     int *ret_master, bool run, struct error *e)
{
	auto_free char *socket = dynorun_life_path(b->cwd_fd, o->console_socket);
	auto_free char *cache = b->oci->has_seccomp ? life_cache(d) : NULL;
	const struct container_options options = {
		.io = {
			.console_socket = socket,
			.preserve_fds = o->preserve_fds + b->listen_fds,
			.ret_master = ret_master,
		},
		.run = run,
		.no_pivot = o->no_pivot,
		.no_new_keyring = o->no_new_keyring,
		.systemd_cgroup = d->systemd_cgroup,
		.seccomp_cache = cache,
		.tell = life_tell, .userdata = d,
	};

	c->bundle = xstrdup(b->path);
	c->rootfs = xstrdup(b->rootfs);
	return container_create(c, b->oci, buf_str(&b->text), b->text.len, &options,
				e);
}

/* On failure there is nothing left of it. */
static int life_create(struct dynorun *d, struct container *c, const char *id,
		       struct dynorun_bundle *b, const struct life_options *o,
		       int *ret_master, bool run, struct error *e)
{
	struct error later;
	int r = container_new(c, d->root, id, e);

	if (r < 0)
		return r;
	r = life_make(d, c, b, o, ret_master, run, e);
	if (r < 0) {
		container_forget(c, NULL);
		return r;
	}
	dynorun_log_debug(d, "created container %s: process %d", id, (int)c->pid);
	r = dynorun_life_pid_file(b->cwd_fd, o->pid_file, c->pid, e);
	if (r < 0)
		dynorun_delete(d, c, &later);
	return r;
}

static int life_check(const struct dynorun_bundle *b, const struct life_options *o,
		      bool foreground, struct error *e)
{
	if (!b->oci->has_process && foreground)
		return error_set(e, EINVAL, "config.json: no process");
	if (b->oci->process.terminal && !foreground && !o->console_socket)
		return error_set(e, EINVAL, "a terminal that outlives this command: "
				 "use --console-socket");
	return 0;
}

static int create_run(struct dynorun *d, void *options, int argc, char **argv,
		      struct error *e)
{
	const struct life_options *o = options;
	auto_(dynorun_bundle_deinit) struct dynorun_bundle b = DYNORUN_BUNDLE_INIT;
	auto_(container_deinit) struct container c = CONTAINER_INIT;
	int r = dynorun_bundle_load(&b, o->bundle, o->config, e);

	if (r == 0)
		r = life_check(&b, o, false, e);
	if (r == 0)
		r = life_create(d, &c, argv[0], &b, o, NULL, false, e);
	/* The process that waits has a copy of the lock's descriptor. */
	if (r == 0)
		container_unlock(&c);
	return r;
}

const struct dynorun_verb dynorun_verb_create = {
	.name = "create", .args = "ID", .min_args = 1, .max_args = 1,
	.doc = "make a container; its process waits for \"start\"",
	.options = create_options, .n_options = ARRAY_SIZE(create_options),
	.size = sizeof(struct life_options), .protect = true,
	.fn = create_run,
};

/* ---- start ---- */

static int start_run(struct dynorun *d, void *options, int argc, char **argv,
		     struct error *e)
{
	auto_(container_deinit) struct container c = CONTAINER_INIT;
	auto_(oci_free_p) struct oci *oci = NULL;
	enum container_status status;
	struct error later;
	int r = container_open(&c, d->root, argv[0], e);

	if (r < 0)
		return r;
	status = container_status(&c);
	if (status != CONTAINER_CREATED)
		return error_set(e, EINVAL, "cannot start container %s: it is %s",
				 c.id, container_status_name(status));
	r = container_config(&c, &oci, e);
	if (r < 0)
		return r;
	r = container_start(&c, oci, e);
	/* An error, yet one that others' tools do not expect in the status. */
	if (r == CONTAINER_EMPTY) {
		dynorun_log_error(d, e);
		return 0;
	}
	if (r == 0)
		dynorun_log_debug(d, "started container %s", c.id);
	else if (c.started)	/* a poststart hook: the specification ends it */
		dynorun_delete(d, &c, &later);
	return r;
}

const struct dynorun_verb dynorun_verb_start = {
	.name = "start", .args = "ID", .min_args = 1, .max_args = 1,
	.doc = "let the process of a created container go on",
	.fn = start_run,
};

/* ---- run ---- */

/* Somebody else may have deleted it, or be about to. */
static void run_delete(struct dynorun *d, const char *id, const struct container *ran)
{
	auto_(container_deinit) struct container c = CONTAINER_INIT;
	struct error e;

	if (!container_exists(d->root, id))
		return;
	if (container_open(&c, d->root, id, &e) < 0) {
		if (container_exists(d->root, id))
			dynorun_log_warn(d, "%s", e.msg);
		return;
	}
	if (c.pid != ran->pid || c.start_ticks != ran->start_ticks)
		return;
	if (dynorun_delete(d, &c, &e) < 0)
		dynorun_log_warn(d, "delete container %s: %s", id, e.msg);
}

static int run_foreground(struct dynorun *d, struct container *c,
			  struct dynorun_console *console, bool keep,
			  struct error *e)
{
	int status = 0;
	int r = dynorun_console_wait(console, c->pid, &status, e);

	if (!keep)
		run_delete(d, c->id, c);
	return r < 0 ? r : status;
}

/* Ours, unless the configuration says something: it is there from the first
 * instruction on. */
static void run_size(struct oci *oci)
{
	uint16_t rows, cols;

	if (oci->process.rows > 0 || !terminal_size(STDIN_FILENO, &rows, &cols))
		return;
	oci->process.rows = rows;
	oci->process.cols = cols;
}

/* Signals that come from now on are the process's. */
static int run_begin(struct dynorun *d, struct container *c,
		     struct dynorun_bundle *b, const struct life_options *o,
		     struct dynorun_console *console, const char *id,
		     struct error *e)
{
	bool console_here = b->oci->process.terminal && !o->console_socket;
	int r = o->detach ? 0 : dynorun_console_begin(console, e);

	if (console_here)
		run_size(b->oci);
	if (r == 0)
		r = life_create(d, c, id, b, o,
				console_here ? &console->master : NULL, true, e);
	if (r == 0)
		container_unlock(c);
	return r;
}

static int run_run(struct dynorun *d, void *options, int argc, char **argv,
		   struct error *e)
{
	const struct life_options *o = options;
	auto_(dynorun_bundle_deinit) struct dynorun_bundle b = DYNORUN_BUNDLE_INIT;
	auto_(container_deinit) struct container c = CONTAINER_INIT;
	auto_(dynorun_console_deinit) struct dynorun_console console =
		DYNORUN_CONSOLE_INIT;
	int r = dynorun_bundle_load(&b, o->bundle, o->config, e);

	if (r == 0)
		r = life_check(&b, o, !o->detach, e);
	if (r == 0)
		r = run_begin(d, &c, &b, o, &console, argv[0], e);
	if (r < 0 || o->detach)
		return r;
	return run_foreground(d, &c, &console, o->keep, e);
}

const struct dynorun_verb dynorun_verb_run = {
	.name = "run", .args = "ID", .min_args = 1, .max_args = 1,
	.doc = "create and start a container, and wait for its end",
	.options = run_options, .n_options = ARRAY_SIZE(run_options),
	.size = sizeof(struct life_options), .protect = true,
	.fn = run_run,
};
