/*
 * child_path.c - places below a root that somebody else has filled.
 *
 * Every path is resolved by the kernel with the root as its limit, and what was
 * found is held by descriptor: nothing that is swapped later counts.
 */
#include "runtime/child_op.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <sys/stat.h>

#define CHILD_LINKS_MAX 8
#define CHILD_TRIES 1000

/* While ".." is resolved any rename on the host may be the one that would let us
 * out: the kernel then asks to try again. */
static int child_resolve(const char *path, uint64_t resolve)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = resolve };
	int fd = -1;

	for (int i = 0; i < CHILD_TRIES; i++) {
		fd = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));
		if (fd >= 0 || errno != EAGAIN)
			break;
	}
	return fd;
}

static int child_open_path(const struct child *c, const char *path)
{
	return child_resolve(path, c->plan->in_root
			     ? RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS
			     : RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
}

static int child_make(const struct child *c, const char *path, enum plan_make make,
		      int links);

/* Something is there that leads nowhere: make what it leads to. */
static int child_make_link(const struct child *c, int dir, const char *path,
			   size_t name, enum plan_make make, int links)
{
	char to[PATH_MAX], whole[PATH_MAX];
	long n = syscall(SYS_readlinkat, dir, path + name, to, sizeof(to) - 1);
	size_t at = 0;

	if (n <= 0 || links == 0) {
		errno = ELOOP;
		return -1;
	}
	to[n] = '\0';
	if (to[0] != '/')
		for (; at < name; at++)
			whole[at] = path[at];
	if (at + (size_t)n >= sizeof(whole)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(whole + at, to, (size_t)n + 1);
	return child_make(c, whole, make, links - 1);
}

/* One missing component of path, from "name" on, in dir. */
static int child_make_name(const struct child *c, int dir, const char *path,
			   size_t name, enum plan_make make, int links)
{
	int fd;
	long r = make == PLAN_MAKE_FILE
		? syscall(SYS_mknodat, dir, path + name, S_IFREG | 0644, 0)
		: syscall(SYS_mkdirat, dir, path + name, 0755);

	if (r < 0 && errno == EEXIST) {
		fd = child_open_path(c, path);
		if (fd >= 0 || errno != ENOENT)
			return fd;
		return child_make_link(c, dir, path, name, make, links);
	}
	return r < 0 ? -1 : child_open_path(c, path);
}

/* Every prefix in turn, so that links on the way are followed inside the root. */
static int child_make(const struct child *c, const char *path, enum plan_make make,
		      int links)
{
	char part[PATH_MAX];
	size_t i = 0, name = 0;
	int dir = child_open_path(c, "."), next;

	while (dir >= 0 && path[i]) {
		while (path[i] == '/')
			i++;
		name = i;
		while (path[i] && path[i] != '/')
			i++;
		if (i == name)
			break;
		if (i >= sizeof(part)) {
			errno = ENAMETOOLONG;
			return child_close(dir, -1);
		}
		memcpy(part, path, i);
		part[i] = '\0';
		next = child_open_path(c, part);
		if (next < 0 && errno == ENOENT)
			next = child_make_name(c, dir, part, name,
					       path[i] ? PLAN_MAKE_DIR : make, links);
		child_close(dir, 0);
		dir = next;
	}
	return dir;
}

int child_place(const struct child *c, const char *path, enum plan_make make)
{
	int fd = child_open_path(c, path);

	if (fd >= 0 || errno != ENOENT || make == PLAN_MAKE_NONE || !c->plan->in_root)
		return fd;
	return child_make(c, path, make, CHILD_LINKS_MAX);
}

int child_plain_place(const struct child *c, const char *path, enum plan_make make)
{
	int fd = child_place(c, path, make);

	if (fd < 0)
		return -1;
	syscall(SYS_close, fd);
	return child_resolve(path, RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS);
}

int child_parent(const struct child *c, const char *path, const char **ret_name)
{
	char dir[PATH_MAX];
	size_t slash = 0, n = 0;

	for (; path[n]; n++)
		if (path[n] == '/')
			slash = n + 1;
	if (slash >= sizeof(dir)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(dir, path, slash);
	dir[slash] = '\0';
	*ret_name = path + slash;
	return child_place(c, slash ? dir : ".", PLAN_MAKE_DIR);
}
