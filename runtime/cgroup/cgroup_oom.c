/*
 * cgroup_oom.c - being told that a group had no memory left.
 *
 * v1 writes an eventfd, also when the group is removed. v2 changes
 * memory.events; the watch is kept for as long as the group lives, since one
 * kill is seldom the last.
 */
#include "base/error.h"
#include "runtime/cgroup/cgroup_group.h"
#include "runtime/cgroup/cgroup_group_inside.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>

static int oom_v1(struct cgroup_oom *o, struct error *e)
{
	auto_close int control = openat(o->dir_fd, "memory.oom_control",
					O_RDONLY | O_CLOEXEC);
	char text[32];

	if (control < 0)
		return error_sys(e, "open memory.oom_control");
	o->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (o->fd < 0)
		return error_sys(e, "create an eventfd");
	snprintf(text, sizeof(text), "%d %d", o->fd, control);
	return cgroup_tree_write(o->dir_fd, "cgroup.event_control", text, e);
}

static int oom_v2(struct cgroup_oom *o, struct error *e)
{
	static const char *const files[] = { "memory.events", "cgroup.events" };

	cgroup_tree_read_key(o->dir_fd, "memory.events", "oom_kill", &o->kills,
			     NULL);
	o->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (o->fd < 0)
		return error_sys(e, "create an inotify watch");
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		auto_free char *path = xasprintf("/proc/self/fd/%d/%s",
						 o->dir_fd, files[i]);

		if (inotify_add_watch(o->fd, path, IN_MODIFY) < 0)
			return error_sys(e, "watch %s", files[i]);
	}
	return 0;
}

int cgroup_oom_open(struct cgroup_oom *ret, int dir_fd, bool unified,
		    struct error *e)
{
	struct cgroup_oom o = CGROUP_OOM_INIT;
	int r;

	o.dir_fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (o.dir_fd < 0)
		return error_sys(e, "open the group");
	o.unified = unified;
	r = unified ? oom_v2(&o, e) : oom_v1(&o, e);
	if (r < 0)
		cgroup_oom_deinit(&o);
	else
		*ret = o;
	return r;
}

int cgroup_group_oom(const struct cgroup_group *g, struct cgroup_oom *ret,
		     struct error *e)
{
	auto_cgroup_dirs dirs = CGROUP_DIRS_INIT;
	int r = cgroup_group_dirs(g, CGROUP_MEMORY, &dirs, e);

	if (r == 0)
		r = cgroup_oom_open(ret, cgroup_dirs_fd(&dirs, CGROUP_MEMORY),
				    g->trees.version == CGROUP_V2, e);
	return error_prefix(e, r, "watch the memory of cgroup %s", g->name);
}

static int oom_read_v1(struct cgroup_oom *o, uint64_t *ret_new, struct error *e)
{
	uint64_t n;

	if (read(o->fd, &n, sizeof(n)) != sizeof(n))
		return errno == EAGAIN ? 0 : error_sys(e, "read an eventfd");
	if (faccessat(o->dir_fd, "cgroup.event_control", F_OK, 0) < 0)
		return CGROUP_OOM_GONE;
	o->kills += n;
	*ret_new = n;
	return 0;
}

static int oom_read_v2(struct cgroup_oom *o, uint64_t *ret_new, struct error *e)
{
	char events[4096] __attribute__((aligned(8)));
	uint64_t kills = 0, populated = 0;

	while (read(o->fd, events, sizeof(events)) > 0)
		;
	if (errno != EAGAIN)
		return error_sys(e, "read an inotify watch");
	if (cgroup_tree_read_key(o->dir_fd, "memory.events", "oom_kill", &kills,
				 NULL) < 0 ||
	    cgroup_tree_read_key(o->dir_fd, "cgroup.events", "populated",
				 &populated, NULL) < 0)
		return CGROUP_OOM_GONE;
	*ret_new = kills - o->kills;
	o->kills = kills;
	return populated || *ret_new > 0 ? 0 : CGROUP_OOM_GONE;
}

int cgroup_oom_read(struct cgroup_oom *o, uint64_t *ret_new, struct error *e)
{
	*ret_new = 0;
	return o->unified ? oom_read_v2(o, ret_new, e)
			  : oom_read_v1(o, ret_new, e);
}

void cgroup_oom_deinit(struct cgroup_oom *o)
{
	o->fd = fd_close(o->fd);
	o->dir_fd = fd_close(o->dir_fd);
}
