/*
 * dynorun_delete.c - the end of containers, also of those that a crash left half
 * made.
 */
#include "runtime/dynorun/dynorun.h"

#include "base/error.h"
#include "runtime/cgroup/cgroup_group.h"
#include "runtime/oci/container.h"
#include "runtime/oci/hook.h"

#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>

#define DELETE_WAIT_MSEC 10000

/* ---- the steps ---- */

int dynorun_delete_pidfd(const struct container *c)
{
	auto_close int fd = container_alive(c) ?
		(int)syscall(SYS_pidfd_open, c->pid, 0) : -1;

	/* Once more: the number may have become another process meanwhile. */
	return fd >= 0 && container_alive(c) ? take_fd(fd) : -1;
}

static int delete_wait(struct container *c, struct error *e)
{
	auto_close int fd = dynorun_delete_pidfd(c);
	struct pollfd p = { .fd = fd, .events = POLLIN };

	if (fd < 0)
		return 0;
	if (poll(&p, 1, DELETE_WAIT_MSEC) <= 0)
		return error_set(e, EBUSY, "container %s: process %d does not end",
				 c->id, (int)c->pid);
	return 0;
}

static bool delete_own_pids(const struct oci *oci)
{
	return oci && oci->namespaces[OCI_NS_PID].set &&
		!oci->namespaces[OCI_NS_PID].path;
}

/*
 * With process 1 of a pid namespace all others are gone. Without one, and after
 * a crash, the group tells who belongs to the container; but a group can be
 * shared, so that it is not asked without need.
 */
static int delete_processes(struct container *c, struct cgroup_group *g,
			    const struct oci *oci, struct error *e)
{
	auto_close int fd = dynorun_delete_pidfd(c);
	int r = 0;

	if (fd >= 0 && syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0) < 0 &&
	    errno != ESRCH)
		r = error_sys(e, "kill container %s", c->id);
	if (g && (c->pid == 0 || !delete_own_pids(oci)))
		r = cgroup_group_kill(g, r < 0 ? NULL : e) < 0 ? -EIO : r;
	else if (g && cgroup_group_frozen(g))
		r = cgroup_group_thaw(g, r < 0 ? NULL : e) < 0 ? -EIO : r;
	if (delete_wait(c, r < 0 ? NULL : e) < 0)
		r = -EBUSY;
	return r;
}

static void delete_hooks(struct dynorun *d, const struct container *c,
			 const struct oci *oci)
{
	auto_free char *state = NULL;
	struct error e;

	if (!oci || oci->hooks[OCI_POSTSTOP].n == 0 || c->pid == 0)
		return;
	state = container_state_text(c, oci, CONTAINER_STOPPED, 0);
	/* Each of them, whatever becomes of those before. */
	for (size_t i = 0; i < oci->hooks[OCI_POSTSTOP].n; i++) {
		const struct oci_hooks one = { &oci->hooks[OCI_POSTSTOP].v[i], 1 };

		if (hook_run(&one, state, &e) < 0)
			dynorun_log_warn(d, "poststop hook failed with exit code or "
					 "signal: %s", e.msg);
	}
}

int dynorun_delete(struct dynorun *d, struct container *c, struct error *e)
{
	auto_(oci_free_p) struct oci *oci = NULL;
	auto_(cgroup_group_free_p) struct cgroup_group *g = NULL;
	struct error later;
	int r = 0;

	/* No (whole) configuration: then no hook was ever run. */
	container_config(c, &oci, NULL);
	if (c->cgroup)
		r = cgroup_group_open(&g, c->cgroup, e);
	if (delete_processes(c, g, oci, r < 0 ? &later : e) < 0)
		r = -EIO;
	if (g && cgroup_group_remove(g, r < 0 ? &later : e) < 0)
		r = -EIO;
	delete_hooks(d, c, oci);
	/* What is still there must remain known. */
	return r < 0 ? r : container_forget(c, e);
}

/* ---- delete ---- */

struct delete_options {
	bool force, regex;
};

static const struct dynorun_option delete_options[] = {
	{ "force", 'f', OPTION_FLAG, offsetof(struct delete_options, force), NULL,
	  "kill it if it still runs; no error if there is none" },
	{ "regex", 'r', OPTION_FLAG, offsetof(struct delete_options, regex), NULL,
	  "ID is an extended regular expression" },
};

static int delete_one(struct dynorun *d, const char *id, void *options,
		      struct error *e)
{
	const struct delete_options *o = options;
	auto_(container_deinit) struct container c = CONTAINER_INIT;
	enum container_status status;
	int r = container_open(&c, d->root, id, e);

	if (r < 0)
		return o->force && !container_exists(d->root, id) ? 0 : r;
	status = container_status(&c);
	if (!o->force && (status == CONTAINER_RUNNING || status == CONTAINER_PAUSED))
		return error_set(e, EBUSY, "cannot delete container %s that is not "
				 "stopped: %s", id, container_status_name(status));
	dynorun_log_debug(d, "delete container %s: %s", id,
			  container_status_name(status));
	return dynorun_delete(d, &c, e);
}

static int delete_run(struct dynorun *d, void *options, int argc, char **argv,
		      struct error *e)
{
	const struct delete_options *o = options;

	return o->regex ? dynorun_match(d, argv[0], delete_one, options, e) :
		delete_one(d, argv[0], options, e);
}

const struct dynorun_verb dynorun_verb_delete = {
	.name = "delete", .args = "ID", .min_args = 1, .max_args = 1,
	.doc = "remove all that there is of a stopped container",
	.options = delete_options, .n_options = ARRAY_SIZE(delete_options),
	.size = sizeof(struct delete_options),
	.fn = delete_run,
};
