#include "base/error.h"
#include "runtime/idmap.h"

#include <fcntl.h>
#include <inttypes.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

void idmap_init(struct idmap *m, unsigned instance)
{
	*m = (struct idmap){ .first = IDMAP_FIRST + instance * IDMAP_INSTANCE };
	m->used[0] = true;
	for (size_t i = 0; i < IDMAP_SLOTS; i++)
		m->image_fds[i] = m->slug_fds[i] = m->root_fds[i] = -1;
}

void idmap_deinit(struct idmap *m)
{
	for (size_t i = 0; i < IDMAP_SLOTS; i++) {
		m->image_fds[i] = fd_close(m->image_fds[i]);
		m->slug_fds[i] = fd_close(m->slug_fds[i]);
		m->root_fds[i] = fd_close(m->root_fds[i]);
	}
}

int idmap_take(struct idmap *m, unsigned *ret_slot, struct error *e)
{
	for (unsigned i = 0; i < IDMAP_SLOTS; i++)
		if (!m->used[i]) {
			m->used[i] = true;
			*ret_slot = i;
			return 0;
		}
	return error_set(e, EAGAIN, "all %u ranges of user ids are in use",
			 (unsigned)IDMAP_SLOTS - 1);
}

void idmap_mark(struct idmap *m, unsigned slot)
{
	if (slot < IDMAP_SLOTS)
		m->used[slot] = true;
}

void idmap_release(struct idmap *m, unsigned slot)
{
	if (slot == 0 || slot >= IDMAP_SLOTS)
		return;
	m->used[slot] = false;
}

uint32_t idmap_id(const struct idmap *m, unsigned slot)
{
	assert(slot < IDMAP_SLOTS);
	return m->first + slot * IDMAP_SLOT;
}

/* ---- user namespaces ---- */

/* A map is one write. */
static int idmap_write_one(pid_t pid, const char *name, const char *map,
			   struct error *e)
{
	auto_free char *path = xasprintf("/proc/%d/%s", (int)pid, name);
	auto_close int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return error_sys(e, "open %s", path);
	if (write(fd, map, strlen(map)) != (ssize_t)strlen(map))
		return error_sys(e, "write %s", path);
	return 0;
}

int idmap_write(pid_t pid, const char *uid_map, const char *gid_map,
		struct error *e)
{
	int r = idmap_write_one(pid, "uid_map", uid_map, e);

	return r < 0 ? r : idmap_write_one(pid, "gid_map", gid_map, e);
}

static int idmap_open_userns(pid_t pid, const char *uid_map, const char *gid_map,
			     int *ret_fd, struct error *e)
{
	auto_free char *path = xasprintf("/proc/%d/ns/user", (int)pid);
	int r = idmap_write(pid, uid_map, gid_map, e), fd;

	if (r < 0)
		return r;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return error_sys(e, "open %s", path);
	*ret_fd = fd;
	return 0;
}

/* The namespace needs a process only until it is held by descriptor. */
int idmap_userns(const char *uid_map, const char *gid_map, int *ret_fd,
		 struct error *e)
{
	auto_close int pid_fd = -1;
	struct clone_args args = {
		.flags = CLONE_NEWUSER | CLONE_PIDFD,
		.pidfd = (uint64_t)(uintptr_t)&pid_fd,
		.exit_signal = SIGCHLD,
	};
	siginfo_t si;
	sigset_t all, old;
	long pid;
	int r;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &old);
	pid = syscall(SYS_clone3, &args, sizeof(args));
	if (pid == 0)
		for (;;)	/* until SIGKILL, also if the parent dies first */
			if (getppid() == 1 || syscall(SYS_ppoll, NULL, 0,
			    &(struct timespec){ 1, 0 }, NULL, 0) < 0)
				syscall(SYS_exit_group, 0);
	sigprocmask(SIG_SETMASK, &old, NULL);
	if (pid < 0)
		return error_sys(e, "make a user namespace");
	r = idmap_open_userns((pid_t)pid, uid_map, gid_map, ret_fd, e);
	syscall(SYS_pidfd_send_signal, pid_fd, SIGKILL, NULL, 0);
	while (waitid((idtype_t)P_PIDFD, (id_t)pid_fd, &si, WEXITED) < 0 &&
	       errno == EINTR)
		;
	return r;
}

/* ---- detached mounts ---- */

static int idmap_set(int fd, int userns_fd, struct error *e)
{
	struct mount_attr attr = {
		.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID |
			MOUNT_ATTR_NODEV |
			(userns_fd >= 0 ? MOUNT_ATTR_IDMAP : 0),
		.userns_fd = userns_fd >= 0 ? (uint64_t)userns_fd : 0,
	};

	if (syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH, &attr,
		    sizeof(attr)) < 0) {
		/* EINVAL: not this file system. EPERM: its owner is not us. */
		if (userns_fd >= 0 && (errno == EINVAL || errno == EPERM ||
				       errno == EOPNOTSUPP))
			return IDMAP_REFUSED;
		return error_sys(e, "change the attributes of a layer");
	}
	return 0;
}

static int idmap_clone(int dir_fd, int userns_fd, int *ret_fd, struct error *e)
{
	auto_close int fd = (int)syscall(SYS_open_tree, dir_fd, "",
					 AT_EMPTY_PATH | OPEN_TREE_CLONE |
					 OPEN_TREE_CLOEXEC);
	int r;

	if (fd < 0)
		return error_sys(e, "clone a layer");
	r = idmap_set(fd, userns_fd, e);
	if (r == 0)
		*ret_fd = take_fd(fd);
	return r;
}

int idmap_tree_plain(int dir_fd, int *ret_fd, struct error *e)
{
	return idmap_clone(dir_fd, -1, ret_fd, e);
}

int idmap_tree_image(struct idmap *m, unsigned slot, int dir_fd, int *ret_fd,
		     struct error *e)
{
	int *fd = &m->image_fds[slot], r;

	if (*fd < 0) {
		auto_free char *map = xasprintf("0 %" PRIu32 " %u\n",
						idmap_id(m, slot), IDMAP_SLOT);

		r = idmap_userns(map, map, fd, e);
		if (r < 0)
			return r;
	}
	return idmap_clone(dir_fd, *fd, ret_fd, e);
}

int idmap_tree_slug(struct idmap *m, unsigned slot, int dir_fd, uid_t uid,
		    gid_t gid, uint32_t app, int *ret_fd, struct error *e)
{
	int *fd = &m->slug_fds[slot], r;

	if (*fd < 0) {
		uint32_t to = idmap_id(m, slot) + app;
		auto_free char *u = xasprintf("%u %" PRIu32 " 1\n", uid, to);
		auto_free char *g = xasprintf("%u %" PRIu32 " 1\n", gid, to);

		r = idmap_userns(u, g, fd, e);
		if (r < 0)
			return r;
	}
	return idmap_clone(dir_fd, *fd, ret_fd, e);
}

int idmap_mount_root(struct idmap *m, unsigned slot, uint32_t app, int fd,
		     struct error *e)
{
	int *ns = &m->root_fds[slot], r;

	if (*ns < 0) {
		auto_free char *map = xasprintf("0 %" PRIu32 " 1\n",
						idmap_id(m, slot) + app);

		r = idmap_userns(map, map, ns, e);
		if (r < 0)
			return r;
	}
	return idmap_set(fd, *ns, e);
}
