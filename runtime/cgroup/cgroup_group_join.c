/*
 * cgroup_group_join.c - one more process for a group that is there, and the
 * group for others to divide.
 */
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "runtime/cgroup/cgroup_group.h"
#include "runtime/cgroup/cgroup_group_inside.h"

#include <fcntl.h>

#define TEXT_MAX 65536
#define DELEGATE_LIST "/sys/kernel/cgroup/delegate"

/* ---- where ---- */

static bool join_is_below(const char *path)
{
	const char *p = path;

	while (*(p += strspn(p, "/"))) {
		size_t n = strcspn(p, "/");

		if (n == 2 && strncmp(p, "..", 2) == 0)
			return false;
		p += n;
	}
	return true;
}

/* Open the group's child path in the trees of mask (0: in all). */
static int join_move(const struct cgroup_group *g, struct cgroup_dirs *dirs,
		     unsigned mask, const char *path, struct error *e)
{
	auto_free char *full = xasprintf("%s/%s", g->path, path);
	bool found = false;

	if (!join_is_below(path))
		return error_set(e, EINVAL, "cgroup: %s is not a sub cgroup path",
				 path);
	for (size_t i = 0; i < g->trees.n; i++) {
		const struct cgroup_tree *t = &g->trees.v[i];
		int r;

		if (mask && !(t->controllers & mask))
			continue;
		found = true;
		dirs->fds[i] = fd_close(dirs->fds[i]);
		r = cgroup_tree_leaf(t, full, &dirs->fds[i], e);
		if (r == CGROUP_ABSENT)
			return error_set(e, ENOENT, "join a cgroup by adding pid "
					 "%d to %s/%s/cgroup.procs: no such file "
					 "or directory", (int)getpid(), t->path,
					 full);
		if (r < 0)
			return r;
	}
	return found ? 0 : error_set(e, EINVAL, "cgroup: its controllers are not "
				     "mounted");
}

/* "memory,pids:path" */
static int join_line(const struct cgroup_group *g, struct cgroup_dirs *dirs,
		     char *line, struct error *e)
{
	char *path = strchr(line, ':'), *name;
	unsigned mask = 0;

	*path++ = '\0';
	while ((name = strsep(&line, ","))) {
		unsigned bit = cgroup_tree_mask(name);

		if (!bit || g->trees.version == CGROUP_V2)
			return error_set(e, EINVAL, "cgroup: unknown controller "
					 "\"%s\"", name);
		mask |= bit;
	}
	return join_move(g, dirs, mask, path, e);
}

static int join_below(const struct cgroup_group *g, struct cgroup_dirs *dirs,
		      const char *sub, struct error *e)
{
	auto_free char *copy = xstrdup(sub);
	char *rest = copy, *line;
	int r = 0;

	if (!strchr(sub, ':'))
		return join_move(g, dirs, 0, sub, e);
	while (r == 0 && (line = strsep(&rest, "\n"))) {
		if (!strchr(line, ':'))
			return error_set(e, EINVAL, "invalid cgroup: %s (missing "
					 "<controller>: prefix)", line);
		r = join_line(g, dirs, line, e);
	}
	return r;
}

/* ---- v2: a group with controllers passed on takes no process ---- */

static bool join_takes_processes(const struct cgroup_dirs *dirs)
{
	auto_buf text = BUF_INIT;
	int fd = cgroup_dirs_fd(dirs, CGROUP_UNIFIED);

	return dirs->trees->version == CGROUP_V1 || fd < 0 ||
	       file_read(fd, "cgroup.subtree_control", TEXT_MAX, &text,
			 NULL) < 0 ||
	       strspn(buf_str(&text), " \n") == text.len;
}

/* The path of the process below the group, or NULL. */
static char *join_init(const struct cgroup_group *g, pid_t pid)
{
	auto_free char *file = xasprintf("/proc/%d/cgroup", (int)pid);
	auto_free char *own = NULL;
	auto_buf text = BUF_INIT;
	const char *rest;

	if (pid <= 0 || file_read(AT_FDCWD, file, TEXT_MAX, &text, NULL) < 0)
		return NULL;
	own = cgroup_mounts_own(buf_str(&text));
	rest = str_after(own, g->name);
	return rest && *rest == '/' ? xstrdup(rest) : NULL;
}

int cgroup_group_join(struct cgroup_group *g, const char *sub, pid_t init,
		      struct cgroup *ret, struct error *e)
{
	auto_cgroup_dirs dirs = CGROUP_DIRS_INIT;
	auto_free char *of_init = NULL;
	int r = cgroup_group_dirs(g, 0, &dirs, e);

	if (r == 0 && sub && *sub)
		r = join_below(g, &dirs, sub, e);
	if (r < 0)
		return r;
	if (join_takes_processes(&dirs))
		return cgroup_dirs_join(&dirs, ret, e);
	of_init = sub && *sub ? NULL : join_init(g, init);
	if (!of_init)
		return error_set(e, EBUSY, "join a cgroup by adding pid %d to "
				 "cgroups: %s/cgroup.procs: device or resource "
				 "busy (groups below it have controllers)",
				 (int)getpid(), g->name);
	r = join_move(g, &dirs, 0, of_init, e);
	return r < 0 ? r : cgroup_dirs_join(&dirs, ret, e);
}

/* ---- delegation ---- */

static int join_give(int fd, const char *file, uid_t uid, struct error *e)
{
	if (fchownat(fd, file, uid, (gid_t)-1, 0) < 0 && errno != ENOENT)
		return error_sys(e, "give %s to user %u", file, uid);
	return 0;
}

int cgroup_group_delegate(struct cgroup_group *g, uid_t uid, struct error *e)
{
	auto_cgroup_dirs dirs = CGROUP_DIRS_INIT;
	auto_buf text = BUF_INIT;
	char *rest, *file;
	int r, fd;

	if (g->trees.version == CGROUP_V1)
		return 0;
	r = cgroup_group_dirs(g, 0, &dirs, e);
	if (r < 0)
		return r;
	fd = cgroup_dirs_fd(&dirs, CGROUP_UNIFIED);
	if (file_read(AT_FDCWD, DELEGATE_LIST, TEXT_MAX, &text, NULL) < 0)
		buf_adds(&text, "cgroup.procs\ncgroup.subtree_control\n"
			 "cgroup.threads\n");
	r = join_give(fd, ".", uid, e);
	rest = text.data;
	while (r == 0 && (file = strsep(&rest, "\n")))
		if (*file && !strchr(file, '/'))
			r = join_give(fd, file, uid, e);
	return r;
}
