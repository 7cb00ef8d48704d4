/*
 * container_exec.c - one more process in a running container.
 *
 * It enters the namespaces of the first process, which are opened through its
 * pidfd's /proc entry after that pid has been found to be who it was.
 */
#include "base/error.h"
#include "runtime/cgroup/cgroup_group.h"
#include "runtime/oci/container_child.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/syscall.h>

struct exec {
	struct container *c;
	const struct container_exec *request;
	struct cgroup_group *group;
	struct container_child child;
	int proc_fd;			/* /proc/PID of the first process */
};

/* All that differ from ours, whatever the configuration says. */
static int exec_namespaces(struct exec *x, struct error *e)
{
	for (int i = 0; i < OCI_NS_KINDS; i++) {
		auto_free char *name = xasprintf("ns/%s", container_child_namespace(i));
		int fd = openat(x->proc_fd, name, O_RDONLY | O_CLOEXEC);

		if (fd < 0)
			return error_sys(e, "open %s of process %d", name,
					 (int)x->c->pid);
		container_child_join(&x->child, i, fd);
	}
	return 0;
}

static int exec_process(struct exec *x, struct error *e)
{
	auto_free char *path = xasprintf("/proc/%d", (int)x->c->pid);

	x->proc_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	/* Alive and the same one now, hence the one that the descriptor is of. */
	if (x->proc_fd < 0 || !container_alive(x->c))
		return error_set(e, ESRCH, "container %s is not running", x->c->id);
	return 0;
}

static int exec_group(struct exec *x, struct error *e)
{
	const struct container_exec *q = x->request;
	int r;

	if (!x->c->cgroup)
		return 0;
	r = cgroup_group_open(&x->group, x->c->cgroup, e);
	if (r < 0)
		return r;
	if (!q->ignore_paused && cgroup_group_frozen(x->group))
		return error_set(e, EBUSY, "container %s is paused", x->c->id);
	r = cgroup_group_join(x->group, q->cgroup, x->c->pid, &x->child.cgroup, e);
	if (r < 0)
		return r;
	x->child.in.cgroup = &x->child.cgroup;
	return 0;
}

static int exec_open(struct exec *x, struct error *e)
{
	auto_close int root = -1;
	int r = exec_process(x, e);

	if (r == 0)
		r = exec_namespaces(x, e);
	if (r == 0)
		r = exec_group(x, e);
	if (r < 0)
		return r;
	root = openat(x->proc_fd, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return container_child_prepare(&x->child, root, &x->request->io,
				       x->request->seccomp_cache, e);
}

/* Whoever deletes ends the first process, then all in the group: who joined that
 * later finds the first one dead. */
static int exec_still(const struct exec *x, struct error *e)
{
	if (container_alive(x->c))
		return 0;
	return error_set(e, ESRCH, "container %s has ended meanwhile", x->c->id);
}

int container_exec(struct container *c, const struct container_exec *q,
		   pid_t *ret_pid, struct error *e)
{
	struct exec x = { .c = c, .request = q, .proc_fd = -1 };
	int r;

	container_child_init(&x.child, c, q->oci, q->process);
	x.child.in.exec = true;
	r = exec_open(&x, e);
	if (r == 0)
		r = container_child_clone(&x.child, e);
	if (r == 0)
		r = exec_still(&x, e);
	if (r == 0)
		r = container_child_follow(&x.child, c, &q->io, e);
	/* That is why then, whatever step has noticed it. */
	if (r < 0 && x.proc_fd >= 0)
		exec_still(&x, e);
	if (r >= 0) {
		*ret_pid = x.child.spawn.pid;
		x.child.spawn.pid_fd = fd_close(x.child.spawn.pid_fd);
		r = 0;
	}
	container_child_deinit(&x.child);
	cgroup_group_free(x.group);
	fd_close(x.proc_fd);
	return r;
}
