/*
 * container_create.c - the first process of an OCI container.
 *
 * What is made outlives us only if it is on record: the group's path is saved
 * before the group is made, the process before it may go on.
 */
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/process.h"
#include "runtime/cgroup/cgroup_group.h"
#include "runtime/oci/container_child.h"
#include "runtime/oci/container_reveal.h"
#include "runtime/oci/container_source.h"
#include "runtime/oci/hook.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define CREATE_SOCKET "start"
#define CREATE_PREFIX "dynorun"		/* of groups without a path */

struct create {
	struct container *c;
	const struct oci *oci;
	const struct container_options *options;
	struct cgroup_group *group;
	bool made_group;
	struct container_source source;
	struct container_child child;
};

/* ---- the group ---- */

static int create_group_apply(struct create *x, struct error *e)
{
	struct resources r = x->oci->resources;
	struct resources_device *devices;
	int n;

	devices = cgroup_group_devices(r.devices, r.n_devices, &r.n_devices);
	r.devices = devices;
	n = cgroup_group_create(x->group, &r, &x->child.cgroup, e);
	free(devices);
	if (n < 0)
		return n;
	x->made_group = n != CGROUP_GROUP_OCCUPIED;
	if (!x->made_group && x->options->tell)
		x->options->tell("container's cgroup is not empty", x->options->userdata);
	x->child.in.cgroup = &x->child.cgroup;
	x->child.in.cgroup_v2 = cgroup_group_version(x->group) == CGROUP_V2;
	return 0;
}

static int create_group(struct create *x, struct error *e)
{
	struct container *c = x->c;
	int r = cgroup_group_path(x->oci->cgroups_path, c->id, CREATE_PREFIX,
				  x->options->systemd_cgroup, &c->cgroup, e);

	c->systemd_cgroup = x->options->systemd_cgroup;
	if (r == 0)
		r = container_save(c, e);
	if (r == 0)
		r = cgroup_group_open(&x->group, c->cgroup, e);
	if (r == 0)
		r = create_group_apply(x, e);
	return error_prefix(e, r, "linux.cgroupsPath");
}

/* ---- the socket at which it waits ---- */

/* Through the directory's descriptor: paths of sockets are short. */
static void create_address(const struct container *c, struct sockaddr_un *ret)
{
	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	snprintf(ret->sun_path, sizeof(ret->sun_path), "/proc/self/fd/%d/%s",
		 c->dir_fd, CREATE_SOCKET);
}

static int create_listen(struct create *x, struct error *e)
{
	struct sockaddr_un a;
	auto_close int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (x->options->run)
		return 0;
	create_address(x->c, &a);
	if (s < 0 || bind(s, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(s, 1) < 0)
		return error_sys(e, "listen in the directory of %s", x->c->id);
	x->child.fds.start = take_fd(s);
	x->child.in.waits = true;
	return 0;
}

/* ---- state for hooks in the child ---- */

static int create_state_file(struct create *x, struct error *e)
{
	const struct oci *o = x->oci;

	if (o->hooks[OCI_CREATE_CONTAINER].n == 0 && o->hooks[OCI_START_CONTAINER].n == 0)
		return 0;
	x->child.fds.state = memfd_create("state", MFD_CLOEXEC);
	return x->child.fds.state < 0 ? error_sys(e, "make a file for hooks") : 0;
}

/* Its pid is known after the clone only; the child waits for us until then. */
static int create_state(struct create *x, struct error *e)
{
	auto_free char *text = NULL;

	if (x->child.fds.state < 0)
		return 0;
	text = container_state_text(x->c, x->oci, CONTAINER_CREATED, x->c->pid);
	return file_write_all(x->child.fds.state, text, strlen(text), e);
}

/* ---- the way ---- */

static int create_open(struct create *x, struct error *e)
{
	struct container *c = x->c;
	struct plan_oci *in = &x->child.in;
	int r = container_child_namespaces(&x->child, e);

	if (r == 0)
		r = create_group(x, e);
	if (r == 0)
		r = container_source_open(&x->source, x->oci, c->rootfs, c->bundle,
					  c->cgroup, e);
	if (r == 0)
		r = container_child_prepare(&x->child, x->source.dir_fd,
					    &x->options->io, x->options->seccomp_cache, e);
	if (r == 0)
		r = create_listen(x, e);
	if (r == 0)
		r = create_state_file(x, e);
	if (r == 0 && x->options->no_pivot)
		r = container_reveal_find(&in->reveals, e);
	if (r < 0)
		return r;
	in->root_fd = x->source.root_fd;
	in->void_fd = x->source.void_fd;
	in->null_fd = x->source.null_fd;
	in->sources = x->source.mounts;
	in->devices = x->source.devices;
	in->hierarchies = x->source.hierarchies;
	in->n_hierarchies = x->source.n_hierarchies;
	in->no_pivot = x->options->no_pivot;
	in->no_new_keyring = x->options->no_new_keyring;
	return 0;
}

static int create_record(struct create *x, struct error *e)
{
	struct container *c = x->c;
	int r = process_start_time(x->child.spawn.pid, &c->start_ticks, e);

	if (r < 0)
		return r;
	c->pid = x->child.spawn.pid;
	r = container_save(c, e);
	return r < 0 ? r : create_state(x, e);
}

/* What it was made of goes; the process itself stays. */
static void create_release(struct create *x)
{
	x->child.spawn.pid_fd = fd_close(x->child.spawn.pid_fd);
	container_child_deinit(&x->child);
	container_source_deinit(&x->source);
	cgroup_group_free(x->group);
}

static void create_undo(struct create *x)
{
	container_child_deinit(&x->child);
	if (x->group && x->made_group) {
		cgroup_group_kill(x->group, NULL);
		cgroup_group_remove(x->group, NULL);
	}
	if (x->c->dir_fd >= 0)
		unlinkat(x->c->dir_fd, CREATE_SOCKET, 0);
	container_source_deinit(&x->source);
	cgroup_group_free(x->group);
	x->c->pid = 0;
}

static int create_poststart(const struct container *c, const struct oci *oci,
			    struct error *e)
{
	auto_free char *state = NULL;

	if (oci->hooks[OCI_POSTSTART].n == 0)
		return 0;
	state = container_state_text(c, oci, CONTAINER_RUNNING, c->pid);
	return hook_run(&oci->hooks[OCI_POSTSTART], state, e);
}

static int create_follow(struct create *x, struct error *e)
{
	int r = container_child_follow(&x->child, x->c, &x->options->io, e);

	if (r < 0)
		return r;
	x->c->started = r == SPAWN_EXECUTED;
	r = container_save(x->c, e);
	if (r == 0 && x->c->started)
		r = create_poststart(x->c, x->oci, e);
	return r;
}

static void create_tell(const struct create *x)
{
	if (!x->options->tell)
		return;
	if (!x->oci->namespaces[OCI_NS_MOUNT].set && x->oci->n_mounts > 0)
		x->options->tell("without a mount namespace nothing is mounted: the "
				 "root is entered by chroot", x->options->userdata);
	for (size_t i = 0; i < x->oci->process.capabilities.unknown.n; i++) {
		auto_free char *text = xasprintf("unknown capability %s",
			x->oci->process.capabilities.unknown.v[i]);

		x->options->tell(text, x->options->userdata);
	}
}

static void create_tell_limits(const struct create *x)
{
	for (size_t i = 0; i < x->oci->process.n_rlimits && x->options->tell; i++) {
		auto_free char *text = xasprintf("process.rlimits[%zu].hard: we may not "
						 "raise it: it stays as it is", i);

		if (x->child.low_limits & 1U << x->oci->process.rlimits[i].resource)
			x->options->tell(text, x->options->userdata);
	}
}

static int create_rootfs(struct container *c, const struct oci *oci, struct error *e)
{
	auto_free char *path = oci->root_path[0] == '/' ? xstrdup(oci->root_path)
		: xasprintf("%s/%s", c->bundle, oci->root_path);

	free(c->rootfs);
	c->rootfs = realpath(path, NULL);
	return c->rootfs ? 0 : error_sys(e, "root.path: %s", path);
}

int container_create(struct container *c, const struct oci *oci,
		     const char *config, size_t config_len,
		     const struct container_options *options, struct error *e)
{
	struct create x = {
		.c = c, .oci = oci, .options = options,
		.source = CONTAINER_SOURCE_INIT,
	};
	int r = create_rootfs(c, oci, e);

	if (r < 0)
		return r;
	container_child_init(&x.child, c, oci, &oci->process);
	create_tell(&x);
	c->created_usec = clock_real_usec();
	r = container_save_config(c, config, config_len, e);
	if (r == 0)
		r = create_open(&x, e);
	if (r == 0)
		r = container_child_clone(&x.child, e);
	if (r == 0)
		r = create_record(&x, e);
	if (r == 0)
		r = create_follow(&x, e);
	if (r >= 0)
		create_tell_limits(&x);
	if (r < 0)
		create_undo(&x);
	else
		create_release(&x);
	return r;
}

/* ---- start ---- */

/* End of file = it has been executed. */
static int create_outcome(int s, const struct oci *oci, struct error *e)
{
	unsigned msec = SPAWN_DEADLINE_MSEC;
	struct pollfd p = { .fd = s, .events = POLLIN };
	struct child_report rep;
	ssize_t n;

	for (size_t i = 0; i < oci->hooks[OCI_START_CONTAINER].n; i++)
		msec += oci->hooks[OCI_START_CONTAINER].v[i].timeout_sec * 1000;
	if (poll(&p, 1, (int)msec) <= 0)
		return error_set(e, ETIMEDOUT, "not executed after %u s", msec / 1000);
	n = read(s, &rep, sizeof(rep));
	if (n == 0)
		return 0;
	if (n != sizeof(rep) || rep.err <= 0 || rep.stage >= PLAN_STAGE_COUNT)
		return error_set(e, EPROTO, "the process died");
	if (rep.stage == PLAN_IN_HOOKS && rep.pid)
		return spawn_tell_hook("of startContainer", rep.pid, e);
	return error_ret(e, -rep.err, "%s%s%s", plan_stage_texts[rep.stage],
			 rep.stage == PLAN_IN_EXEC ? " " : "",
			 rep.stage != PLAN_IN_EXEC ? "" : oci->process.args.n
			 ? oci->process.args.v[0] : "a container without process");
}

int container_start(struct container *c, const struct oci *oci, struct error *e)
{
	auto_close int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un a;
	int r;

	create_address(c, &a);
	if (s < 0 || connect(s, (struct sockaddr *)&a, sizeof(a)) < 0)
		return error_set(e, EINVAL, "container %s does not wait for a start",
				 c->id);
	r = create_outcome(s, oci, e);
	unlinkat(c->dir_fd, CREATE_SOCKET, 0);
	if (r < 0)
		return oci->has_process ? r : CONTAINER_EMPTY;
	c->started = true;
	r = container_save(c, e);
	return r < 0 ? r : create_poststart(c, oci, e);
}

/* ---- plan ---- */

int container_plan(const struct oci *oci, const char *bundle, const char *id,
		   const struct container_options *options, char **ret,
		   struct error *e)
{
	struct container c = CONTAINER_INIT;
	struct create x = {
		.c = &c, .oci = oci, .options = options,
		.source = CONTAINER_SOURCE_INIT,
	};
	int r;

	c.id = xstrdup(id);
	c.bundle = xstrdup(bundle);
	r = create_rootfs(&c, oci, e);
	container_child_init(&x.child, &c, oci, &oci->process);
	if (r == 0)
		r = container_child_namespaces(&x.child, e);
	if (r == 0)
		r = container_source_open(&x.source, oci, c.rootfs, bundle, NULL, e);
	if (r == 0)
		r = container_child_prepare(&x.child, x.source.dir_fd, &options->io,
					    options->seccomp_cache, e);
	x.child.in.sources = x.source.mounts;
	x.child.in.devices = x.source.devices;
	x.child.in.hierarchies = x.source.hierarchies;
	x.child.in.n_hierarchies = x.source.n_hierarchies;
	x.child.in.waits = !options->run;
	if (r == 0)
		r = plan_oci_build(&x.child.plan, &x.child.in, e);
	if (r == 0) {
		x.child.has_plan = true;
		*ret = plan_text(&x.child.plan);
	}
	container_child_deinit(&x.child);
	container_source_deinit(&x.source);
	container_deinit(&c);
	return r;
}
