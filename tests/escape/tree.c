/*
 * tree.c - probes: devices, and the files of the dyno's own root.
 */
#include "base/base.h"
#include "tests/escape/probe.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

/* A program with file capabilities, or with the set-uid bit. */
static int tree_capability(const struct probe *p)
{
	/* version 2, effective, all permitted */
	static const uint32_t cap[] = { 0x02000001, ~0U, 0, ~0U, 0 };
	int fd = open("/app/escape-cap", O_CREAT | O_WRONLY | O_CLOEXEC, 0755);

	if (fd < 0)
		return -1;
	return fsetxattr(fd, "security.capability", cap, sizeof(cap), 0);
}

static int tree_trusted(const struct probe *p)
{
	int fd = open("/app/escape-cap", O_CREAT | O_WRONLY | O_CLOEXEC, 0755);

	if (fd < 0)
		return -1;
	return fsetxattr(fd, p->args[0], "y", 1, 0);
}

/* Quotas of the host count by project. */
static int tree_project(const struct probe *p)
{
	int fd = open("/app/escape-project", O_CREAT | O_RDWR | O_CLOEXEC, 0644);
	struct fsxattr attr = { .fsx_projid = 7 };

	return fd < 0 ? -1 : ioctl(fd, FS_IOC_FSSETXATTR, &attr);
}

/* By these the overlay knows where a directory really is: another layer's. */
static int tree_overlay(const struct probe *p)
{
	DIR *dir;

	mkdir("/app/escape-dir", 0755);
	if (setxattr("/app/escape-dir", "user.overlay.redirect", "/dev", 4, 0) < 0 ||
	    rename("/app/escape-dir", "/app/escape-there") < 0)
		return -1;
	dir = opendir("/app/escape-there");
	if (!dir)
		return -1;
	for (struct dirent *d; (d = readdir(dir));)
		if (d->d_name[0] != '.')
			probe_say("%s", d->d_name);
	probe_say("no effect");
}

/* A frozen file system stops whoever writes to it. */
static int tree_freeze(const struct probe *p)
{
	int fd = open(p->args[0], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = ioctl(fd, FIFREEZE, 0);

	if (r == 0)
		ioctl(fd, FITHAW, 0);
	return r;
}

static int tree_flags(const struct probe *p)
{
	int fd = open("/app/escape-flags", O_CREAT | O_RDWR | O_CLOEXEC, 0644);
	int flags = FS_IMMUTABLE_FL;

	return fd < 0 ? -1 : ioctl(fd, FS_IOC_SETFLAGS, &flags);
}

static int tree_mknod(const struct probe *p)
{
	mode_t type = (mode_t)(uintptr_t)p->args[0];
	dev_t dev = makedev((unsigned)(uintptr_t)p->args[1],
			    (unsigned)(uintptr_t)p->args[2]);

	unlink("/tmp/escape-node");
	return mknod("/tmp/escape-node", type | 0666, dev);
}

#define ALL(want) { want, want, want }
#define OPEN(path, flags) NULL, SYS_openat, { N(AT_FDCWD), path, N(flags) }
#define NODE(type, major, minor) tree_mknod, 0, { N(type), N(major), N(minor) }

const struct probe probe_tree[] = {
	/* Devices. */
	{ "open /dev/mem", ALL("ENOENT"), OPEN("/dev/mem", O_RDONLY) },
	{ "open /dev/kmsg", ALL("ENOENT"), OPEN("/dev/kmsg", O_WRONLY) },
	{ "open /dev/kvm", ALL("ENOENT"), OPEN("/dev/kvm", O_RDWR) },
	{ "open /dev/loop0", ALL("ENOENT"), OPEN("/dev/loop0", O_RDWR) },
	{ "open /dev/loop-control", ALL("ENOENT"), OPEN("/dev/loop-control", O_RDWR) },
	{ "open /dev/sda", ALL("ENOENT"), OPEN("/dev/sda", O_RDONLY) },
	{ "open /dev/vda", ALL("ENOENT"), OPEN("/dev/vda", O_RDONLY) },
	{ "open /dev/fuse", ALL("ENOENT"), OPEN("/dev/fuse", O_RDWR) },
	{ "open /dev/net/tun", ALL("ENOENT"), OPEN("/dev/net/tun", O_RDWR) },
	{ "open /dev/console", ALL("ENOENT"), OPEN("/dev/console", O_RDWR) },
	{ "times of the host's /dev/null", ALL("EROFS"), NULL, SYS_utimensat,
	  { N(AT_FDCWD), "/dev/null", NULL, N(0) } },
	{ "make /dev/mem", { "EACCES|EPERM", "EPERM", "EPERM" }, NODE(S_IFCHR, 1, 1) },
	{ "make /dev/kmsg", { "EACCES|EPERM", "EPERM", "EPERM" }, NODE(S_IFCHR, 1, 11) },
	{ "make /dev/kvm", { "EACCES|EPERM", "EPERM", "EPERM" }, NODE(S_IFCHR, 10, 232) },
	{ "make /dev/fuse", { "EACCES|EPERM", "EPERM", "EPERM" }, NODE(S_IFCHR, 10,
	  229) },
	{ "make a disk", { "EACCES|EPERM", "EPERM", "EPERM" }, NODE(S_IFBLK, 8, 0) },
	{ "make a loop device", { "EACCES|EPERM", "EPERM", "EPERM" }, NODE(S_IFBLK, 7,
	  0) },

	/* The root file system. */
	{ "write to a program of the stack", { "EROFS", "EROFS", "EROFS" },
	  OPEN("/usr/bin/env", O_WRONLY) },
	{ "new files in /usr", { "EROFS", "EROFS", "EROFS" },
	  OPEN("/usr/bin/escape", O_WRONLY | O_CREAT) },
	{ "new files in /dev", ALL("EROFS"), OPEN("/dev/escape", O_WRONLY | O_CREAT) },
	/* Those of root are in the dyno's own layer. */
	{ "new files in /etc", { "EACCES", "EACCES", "ok" },
	  OPEN("/etc/escape", O_WRONLY | O_CREAT) },
	{ "the host's shadow", { "ENOENT|EACCES", "ENOENT|EACCES", "ENOENT" },
	  OPEN("/etc/shadow", O_RDONLY) },
	{ "another owner for /etc/passwd", { "EPERM", "EPERM", "ok" }, NULL, SYS_fchownat,
	  { N(AT_FDCWD), "/etc/passwd", N(0), N(0), N(0) } },
	{ "give a file to somebody", { "EPERM", "EINVAL", "ok" }, NULL, SYS_fchownat,
	  { N(AT_FDCWD), "/app/escape", N(1), N(1), N(0) } },
	{ "capabilities of a file", { "EPERM", NULL, NULL }, tree_capability },
	{ "marks of the overlay", ALL("no effect|EPERM|EOPNOTSUPP"), tree_overlay },
	{ "a project of the host", ALL("ENOTTY|EINVAL|EOPNOTSUPP"), tree_project },
	{ "trusted attributes", ALL("EPERM"), tree_trusted, 0,
	  { "trusted.overlay.opaque" } },
	{ "freeze the root", { "EPERM", "EPERM", "EOPNOTSUPP|EPERM" }, tree_freeze, 0,
	  { "/" } },
	{ "freeze the stack", { "EPERM", "EPERM", "EOPNOTSUPP|EPERM" }, tree_freeze, 0,
	  { "/usr" } },
	{ "freeze /dev/shm", { "EPERM", "EPERM", "EOPNOTSUPP|EPERM" }, tree_freeze, 0,
	  { "/dev/shm" } },
	{ "files for ever", ALL("EPERM|ENOTTY"), tree_flags },
	{ NULL },
};
