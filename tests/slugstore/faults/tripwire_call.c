/*
 * tripwire_call.c - the table of system calls.
 */
#include "tests/slugstore/faults/tripwire_call.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#define CHANGE CALL_CHANGE
#define SPACE (CALL_CHANGE | CALL_SPACE | CALL_IO)
#define IO (CALL_CHANGE | CALL_IO)
#define WRITE (SPACE | CALL_WRITE)
#define NAME (SPACE | CALL_SYNC)
#define SYNC (SPACE | CALL_SYNC)
#define AT(sets, fd, path) (sets), (fd), (path), -1
#define FD(sets) (sets), 0, -1, -1
#define PATH(sets, path) (sets), -1, (path), -1

static const struct call calls[] = {
	{ SYS_openat, "openat", SPACE, 0, 1, 2 },
	{ SYS_openat2, "openat2", AT(CALL_IO, 0, 1) },
	{ SYS_write, "write", FD(WRITE) },
	{ SYS_pwrite64, "pwrite64", FD(WRITE) },
	{ SYS_writev, "writev", FD(SPACE) },
	{ SYS_pwritev, "pwritev", FD(SPACE) },
	{ SYS_copy_file_range, "copy_file_range", AT(SPACE, 2, -1) },
	{ SYS_sendfile, "sendfile", FD(SPACE) },
	{ SYS_splice, "splice", AT(SPACE, 2, -1) },
	{ SYS_io_uring_enter, "io_uring_enter", FD(CHANGE) },
	{ SYS_mkdirat, "mkdirat", AT(SPACE, 0, 1) },
	{ SYS_linkat, "linkat", AT(SPACE, 2, 3) },
	{ SYS_symlinkat, "symlinkat", AT(SPACE, 1, 2) },
	{ SYS_renameat, "renameat", AT(NAME, 2, 3) },
	{ SYS_renameat2, "renameat2", AT(NAME, 2, 3) },
	{ SYS_unlinkat, "unlinkat", AT(IO, 0, 1) },
	{ SYS_ftruncate, "ftruncate", FD(SPACE) },
	{ SYS_fallocate, "fallocate", FD(SPACE) },
	{ SYS_fchmod, "fchmod", FD(IO) },
	{ SYS_fchmodat, "fchmodat", AT(IO, 0, 1) },
	{ SYS_fchownat, "fchownat", AT(IO, 0, 1) },
	{ SYS_fchown, "fchown", FD(IO) },
	{ SYS_utimensat, "utimensat", AT(IO, 0, 1) },
	{ SYS_fsetxattr, "fsetxattr", FD(SPACE) },
	{ SYS_fsync, "fsync", FD(SYNC) },
	{ SYS_fdatasync, "fdatasync", FD(SYNC) },
	{ SYS_syncfs, "syncfs", FD(SYNC) },
	{ SYS_sync_file_range, "sync_file_range", FD(IO) },
	{ SYS_flock, "flock", FD(CHANGE) },
	{ SYS_close, "close", FD(CHANGE) },
	{ SYS_read, "read", FD(CALL_IO) },
	{ SYS_pread64, "pread64", FD(CALL_IO) },
	{ SYS_getdents64, "getdents64", FD(CALL_IO) },
#ifdef SYS_open		/* old architectures have the calls without "at", too */
	{ SYS_open, "open", SPACE, -1, 0, 1 },
	{ SYS_mkdir, "mkdir", PATH(SPACE, 0) },
	{ SYS_rename, "rename", PATH(NAME, 1) },
	{ SYS_link, "link", PATH(SPACE, 1) },
	{ SYS_symlink, "symlink", PATH(SPACE, 1) },
	{ SYS_unlink, "unlink", PATH(IO, 0) },
	{ SYS_rmdir, "rmdir", PATH(IO, 0) },
	{ SYS_chmod, "chmod", PATH(IO, 0) },
#endif
};

unsigned call_set_by_name(const char *name)
{
	static const struct { const char *name; unsigned set; } sets[] = {
		{ "change", CALL_CHANGE }, { "space", CALL_SPACE },
		{ "io", CALL_IO }, { "sync", CALL_SYNC }, { "write", CALL_WRITE },
		{ "all", CALL_CHANGE | CALL_SPACE | CALL_IO | CALL_SYNC |
			 CALL_WRITE },
	};

	for (size_t i = 0; i < ARRAY_SIZE(sets); i++)
		if (str_eq(sets[i].name, name))
			return sets[i].set;
	return 0;
}

const struct call *call_find(const struct __ptrace_syscall_info *info)
{
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		const struct call *c = &calls[i];

		if ((long)info->entry.nr == c->nr)
			return c->flags_arg < 0 ||
			       info->entry.args[c->flags_arg] & O_CREAT ? c : NULL;
	}
	return NULL;
}

/* The string at addr of a thread, cut at n; empty if there is none. */
static void call_string(pid_t tid, uint64_t addr, char *ret, size_t n)
{
	size_t got = 0;

	while (addr && got < n - 1) {
		/* Not beyond the page: the next one may be absent. */
		size_t step = 4096 - (addr + got) % 4096;
		struct iovec here = { ret + got, step < n - 1 - got
				      ? step : n - 1 - got };
		struct iovec there = { (void *)(uintptr_t)(addr + got), here.iov_len };
		ssize_t r = process_vm_readv(tid, &here, 1, &there, 1, 0);

		if (r <= 0 || memchr(here.iov_base, '\0', (size_t)r)) {
			got += r > 0 ? (size_t)r : 0;
			break;
		}
		got += (size_t)r;
	}
	ret[got] = '\0';
}

void call_target(const struct call *c, pid_t tid,
		 const struct __ptrace_syscall_info *info,
		 char ret[CALL_TARGET_MAX])
{
	char link[64], path[PATH_MAX] = "";
	size_t n = 0;
	int fd = c->fd_arg < 0 ? AT_FDCWD : (int)info->entry.args[c->fd_arg];

	if (c->path_arg >= 0)
		call_string(tid, info->entry.args[c->path_arg], path,
			    sizeof(path));
	if (path[0] != '/') {
		ssize_t got;

		if (fd == AT_FDCWD)
			snprintf(link, sizeof(link), "/proc/%d/cwd", tid);
		else
			snprintf(link, sizeof(link), "/proc/%d/fd/%d", tid, fd);
		got = readlink(link, ret, PATH_MAX - 1);
		n = got > 0 ? (size_t)got : 0;
	}
	snprintf(ret + n, CALL_TARGET_MAX - n, "%s%s",
		 path[0] && path[0] != '/' ? "/" : "", path);
}
