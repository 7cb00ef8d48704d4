/*
 * dynorun_self.c - run from an image that a container cannot write to.
 *
 * A process of ours enters the container, and whoever is in there can open its
 * /proc/PID/exe: the file on the host, for writing as soon as it no longer runs
 * (CVE-2019-5736). So we go on from a detached read-only mount of that one file;
 * where the kernel allows no such mount, from a sealed copy in memory. Whether
 * we already do is asked of the file itself, since an environment can lie.
 */
#include "runtime/dynorun/dynorun.h"

#include "base/error.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>

#define SELF_EXE "/proc/self/exe"
#define SELF_SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

/* Read-only by its mount or its file system, or sealed. */
static bool self_safe(int exe_fd)
{
	int seals = fcntl(exe_fd, F_GET_SEALS);
	struct statvfs st;

	if (seals >= 0)
		return (seals & SELF_SEALS) == SELF_SEALS;
	return fstatvfs(exe_fd, &st) == 0 && (st.f_flag & ST_RDONLY);
}

static int self_mount(void)
{
	struct mount_attr attr = {
		.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID |
			    MOUNT_ATTR_NODEV,
	};
	auto_close int fd = (int)syscall(SYS_open_tree, AT_FDCWD, SELF_EXE,
					 OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

	if (fd < 0 || syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH, &attr,
			      sizeof(attr)) < 0)
		return -1;
	return take_fd(fd);
}

static int self_copy(int exe_fd)
{
	auto_close int fd = memfd_create("dynorun", MFD_CLOEXEC |
					 MFD_ALLOW_SEALING);
	struct stat st;
	off_t at = 0;

	if (fd < 0 || fstat(exe_fd, &st) < 0)
		return -1;
	while (at < st.st_size)
		if (sendfile(fd, exe_fd, &at, (size_t)(st.st_size - at)) <= 0)
			return -1;
	if (fchmod(fd, 0500) < 0 || fcntl(fd, F_ADD_SEALS, SELF_SEALS) < 0)
		return -1;
	return take_fd(fd);
}

/* An image that was executed by its descriptor and is not safe for all that: a
 * mount has been tried. */
static bool self_tried(void)
{
	const char *name = (const char *)(uintptr_t)getauxval(AT_EXECFN);

	return name && str_after(name, "/dev/fd/");
}

int dynorun_self_protect(char **argv, struct error *e)
{
	auto_close int exe_fd = open(SELF_EXE, O_RDONLY | O_CLOEXEC);
	auto_close int fd = -1;

	if (exe_fd < 0)
		return error_sys(e, "open our own program");
	if (self_safe(exe_fd))
		return 0;
	if (!self_tried())
		fd = self_mount();
	if (fd >= 0)
		syscall(SYS_execveat, fd, "", argv, environ, AT_EMPTY_PATH);
	fd = fd_close(fd);
	fd = self_copy(exe_fd);
	if (fd >= 0)
		syscall(SYS_execveat, fd, "", argv, environ, AT_EMPTY_PATH);
	return error_sys(e, "protect our own program");
}
