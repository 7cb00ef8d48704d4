/*
 * mounts.c - probes: file systems, roots, and what lies below a mount.
 *
 * Root of the dyno's namespace owns its mounts, so he may remove masks and
 * protections; below them wait files of the host's root, whom no id of the dyno
 * is. To "nested" the same mounts are locked: they came from another namespace.
 */
#include "base/base.h"
#include "tests/escape/probe.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>

/* <sys/mount.h> and <linux/mount.h> exclude each other in this libc. */
#define DETACH N(2)
#define PLACE "/tmp/escape-mount"
#define UPWARDS 64

static int mounts_do(const char *type, const char *to, unsigned long flags,
		     const char *data)
{
	return (int)syscall(SYS_mount, "none", to, type, flags, data);
}

/* A file system of type args[0] with options args[1], of one's own. */
static int mounts_new(const struct probe *p)
{
	mkdir(PLACE, 0755);
	return mounts_do(p->args[0], PLACE, 0, p->args[1]);
}

/* The same by descriptors. */
static int mounts_create(const struct probe *p)
{
	int fd = (int)syscall(SYS_fsopen, p->args[0], 0);

	if (fd < 0)
		return -1;
	return (int)syscall(SYS_fsconfig, fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
}

static int mounts_reconfigure(const struct probe *p)
{
	int fd = (int)syscall(SYS_fspick, AT_FDCWD, p->args[0], 0);

	if (fd < 0)
		return -1;
	return (int)syscall(SYS_fsconfig, fd, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0);
}

/* A new one, and then args[3] into its file args[2]. */
static int mounts_new_write(const struct probe *p)
{
	auto_free char *path = NULL;

	if (mounts_new(p) < 0)
		return -1;
	if (asprintf(&path, PLACE "/%s", (const char *)p->args[2]) < 0)
		return -1;
	return probe_write(path, p->args[3]);
}

/* cgroups as this host has them: v1's args[0], or v2. */
static int mounts_cgroup(const struct probe *p)
{
	mkdir(PLACE, 0755);
	if (mounts_do("cgroup", PLACE, 0, p->args[0]) == 0)
		return 0;
	return mounts_do("cgroup2", PLACE, 0, NULL);
}

/* args[3] into file args[1], or, if there is none of that name, args[2]. */
static int mounts_cgroup_write(const struct probe *p)
{
	if (mounts_cgroup(p) < 0 || chdir(PLACE) < 0)
		return -1;
	return probe_write(access(p->args[1], F_OK) == 0 ? p->args[1] : p->args[2],
			   p->args[3]);
}

static int mounts_cgroup_mkdir(const struct probe *p)
{
	if (mounts_cgroup(p) < 0)
		return -1;
	return mkdir(PLACE "/below", 0755);
}

/* Make the mount args[0] writable, then write args[2] into args[1]. */
static int mounts_writable(const struct probe *p)
{
	if (mounts_do(NULL, p->args[0], MS_REMOUNT | MS_BIND, NULL) < 0)
		return -1;
	return probe_write(p->args[1], p->args[2]);
}

/* The overlay itself instead of its mount. */
static int mounts_super_writable(const struct probe *p)
{
	if (mounts_do(NULL, p->args[0], MS_REMOUNT, NULL) < 0)
		return -1;
	return probe_write(p->args[1], p->args[2]);
}

/* Take the mask args[0] away, then look below. */
static int mounts_unmask(const struct probe *p)
{
	char text[64];
	int n;

	if (syscall(SYS_umount2, p->args[0], 2) < 0)
		return -1;
	n = probe_slurp(p->args[0], text, sizeof(text));
	if (n >= 0)
		probe_say("%s", n ? "content" : "empty");
	return n;
}

/* The kernel lists the keys that one may look at: those of the dyno's session. */
static int mounts_keys(const struct probe *p)
{
	char text[4096];

	if (syscall(SYS_umount2, p->args[0], 2) < 0 ||
	    probe_slurp(p->args[0], text, sizeof(text)) < 0)
		return -1;
	for (char *save, *line = strtok_r(text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save))
		if (!strstr(line, "keyring   dyno") && !strstr(line, "keyring   _ses"))
			probe_say("%s", line);
	probe_say("its own");
}

static int mounts_above(const struct stat *before)
{
	struct stat after;

	if (stat("/", &after) < 0)
		return -1;
	probe_say("%s", after.st_dev == before->st_dev &&
		  after.st_ino == before->st_ino ? "the same root" : "another root");
}

/* The classic: a root below a directory that is still held open. */
static int mounts_chroot(const struct probe *p)
{
	int fd = open("/", O_RDONLY | O_DIRECTORY);
	struct stat before;

	mkdir(PLACE, 0755);
	if (fd < 0 || stat("/", &before) < 0 || chroot(PLACE) < 0 || fchdir(fd) < 0)
		return -1;
	for (int i = 0; i < UPWARDS; i++)
		if (chdir("..") < 0)
			return -1;
	if (chroot(".") < 0)
		return -1;
	return mounts_above(&before);
}

/* What is under the root, if that goes? */
static int mounts_without_root(const struct probe *p)
{
	struct stat before;

	if (stat("/", &before) < 0 || syscall(SYS_umount2, "/", 2) < 0 ||
	    chdir("/") < 0 || chroot("..") < 0)
		return -1;
	return mounts_above(&before);
}

static int mounts_pivot(const struct probe *p)
{
	mkdir(PLACE, 0755);
	if (mounts_do("tmpfs", PLACE, 0, NULL) < 0 || chdir(PLACE) < 0)
		return -1;
	return (int)syscall(SYS_pivot_root, ".", ".");
}

/* Other owners for what is there: files of the slug, of the stack. */
static int mounts_idmap(const struct probe *p)
{
	int user = open("/proc/self/ns/user", O_RDONLY);
	int tree = (int)syscall(SYS_open_tree, AT_FDCWD, p->args[0],
				OPEN_TREE_CLONE | (unsigned)OPEN_TREE_CLOEXEC);
	struct mount_attr attr = {
		.attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t)user,
	};

	if (user < 0 || tree < 0)
		return -1;
	return (int)syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &attr,
			    sizeof(attr));
}

/* An overlay of the stack with a place for changes: they go there. */
static int mounts_overlay(const struct probe *p)
{
	struct stat before, after;

	mkdir(PLACE, 0755);
	if (stat("/usr/bin/env", &before) < 0 ||
	    mounts_do("tmpfs", PLACE, 0, NULL) < 0)
		return -1;
	if (mkdir(PLACE "/u", 0755) < 0 || mkdir(PLACE "/w", 0755) < 0 ||
	    mkdir(PLACE "/m", 0755) < 0 ||
	    mounts_do("overlay", PLACE "/m", 0, "userxattr,lowerdir=/usr/bin,upperdir="
		      PLACE "/u,workdir=" PLACE "/w") < 0)
		return -1;
	if (unlink(PLACE "/m/env") < 0)
		return -1;
	probe_say("%s", stat("/usr/bin/env", &after) == 0 &&
		  before.st_ino == after.st_ino ? "unchanged" : "changed");
}

/* The dyno's mount table names no file, device or directory of the host. */
static int mounts_names(const struct probe *p)
{
	const char *secret = probe_setting("secret");
	static char text[1 << 18];

	if (probe_slurp("/proc/self/mountinfo", text, sizeof(text)) < 0)
		return -1;
	if (secret && strstr(text, secret))
		probe_say("%s", secret);
	for (char *save, *line = strtok_r(text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		char root[256], point[256], type[64], source[256], *rest;

		rest = strstr(line, " - ");
		if (!rest ||
		    sscanf(line, "%*s %*s %*s %255s %255s", root, point) != 2 ||
		    sscanf(rest, " - %63s %255s", type, source) != 2)
			probe_say("not understood: %s", line);
		if (source[0] == '/' || strstr(rest, "dir=/") ||
		    strstr(" ext4 xfs btrfs zfs squashfs erofs 9p virtiofs cgroup cgroup2 ",
			   type))
			probe_say("%s", line);
	}
	probe_say("nothing of the host");
}

#define REFUSED { "EPERM", "EPERM", "EPERM" }
#define IN_ITS_OWN { "EPERM", "ok", "ok" }

const struct probe probe_mounts[] = {
	/* New file systems. */
	{ "mount a tmpfs", IN_ITS_OWN, mounts_new, 0, { "tmpfs" } },
	{ "mount another /proc", { "EPERM", "EPERM", "ok" }, mounts_new, 0, { "proc" } },
	{ "core_pattern through another /proc", { "EPERM", "EPERM", "EACCES" },
	  mounts_new_write, 0, { "proc", NULL, "sys/kernel/core_pattern", "|/x" } },
	{ "sysrq through another /proc", { "EPERM", "EPERM", "EACCES|ENOENT" },
	  mounts_new_write, 0, { "proc", NULL, "sysrq-trigger", "?" } },
	{ "mount another /sys", { "EPERM", "EPERM", "ok" }, mounts_new, 0, { "sysfs" } },
	{ "uevent_helper through another /sys", { "EPERM", "EPERM", "EACCES|ENOENT" },
	  mounts_new_write, 0, { "sysfs", NULL, "kernel/uevent_helper", "/x" } },
	{ "mount devtmpfs", REFUSED, mounts_new, 0, { "devtmpfs" } },
	{ "mount debugfs", REFUSED, mounts_new, 0, { "debugfs" } },
	{ "mount tracefs", REFUSED, mounts_new, 0, { "tracefs" } },
	{ "mount securityfs", REFUSED, mounts_new, 0, { "securityfs" } },
	{ "mount pstore", REFUSED, mounts_new, 0, { "pstore" } },
	{ "mount a disk's file system", REFUSED, mounts_new, 0, { "ext4" } },
	{ "mount an overlay on the stack", { "EPERM", "unchanged", "unchanged" },
	  mounts_overlay },
	{ "fsopen", IN_ITS_OWN, NULL, SYS_fsopen, { "tmpfs" } },
	{ "fsopen of a disk's file system", REFUSED, mounts_create, 0, { "ext4" } },
	{ "fsopen of debugfs", REFUSED, mounts_create, 0, { "debugfs" } },
	{ "fspick of the root", { "EPERM", "EPERM", "ok|EPERM" }, mounts_reconfigure, 0,
	  { "/" } },
	{ "fspick of /proc", { "EPERM", "EPERM", "ok" }, mounts_reconfigure, 0,
	  { "/proc" } },

	/* cgroups: seen from the dyno's own group down, owned by the host. */
	{ "mount cgroups", IN_ITS_OWN, mounts_cgroup, 0, { "memory" } },
	{ "raise the memory limit", { "EPERM", "EACCES", "EACCES" },
	  mounts_cgroup_write, 0,
	  { "memory", "memory.limit_in_bytes", "memory.max", "100000000000" } },
	{ "raise the number of processes", { "EPERM", "EACCES", "EACCES" },
	  mounts_cgroup_write, 0, { "pids", "pids.max", "pids.max", "max" } },
	{ "allow all devices", { "EPERM", "EACCES|ENOENT", "EACCES|ENOENT" },
	  mounts_cgroup_write, 0, { "devices", "devices.allow", "devices.allow", "a" } },
	{ "set a release agent", { "EPERM", "ENOENT", "ENOENT" },
	  mounts_cgroup_write, 0, { "memory", "release_agent", "release_agent", "/x" } },
	{ "notify on release", { "EPERM", "EACCES|ENOENT", "EACCES|ENOENT" },
	  mounts_cgroup_write, 0,
	  { "memory", "notify_on_release", "notify_on_release", "1" } },
	{ "move between groups", { "EPERM", "EACCES", "EACCES" },
	  mounts_cgroup_write, 0, { "memory", "cgroup.procs", "cgroup.procs", "0" } },
	{ "make a group", { "EPERM", "EACCES", "EACCES" }, mounts_cgroup_mkdir, 0,
	  { "memory" } },

	/* Changes to what is mounted. */
	{ "remount / with other flags", { "EPERM", "EPERM", "ok" }, NULL, SYS_mount,
	  { NULL, "/", NULL, N(MS_REMOUNT | MS_BIND) } },
	{ "write to a remounted /usr", { "EPERM", "EPERM", "EROFS" },
	  mounts_writable, 0, { "/usr", "/usr/bin/env", "x" } },
	{ "write to a reconfigured /usr", { "EPERM", "EPERM", "EROFS|EPERM" },
	  mounts_super_writable, 0, { "/usr", "/usr/bin/env", "x" } },
	{ "core_pattern below a remounted /proc/sys", { "EPERM", "EPERM", "EACCES" },
	  mounts_writable, 0, { "/proc/sys", "/proc/sys/kernel/core_pattern", "|/x" } },
	{ "modprobe path below a remounted /proc/sys", { "EPERM", "EPERM",
	  "EACCES|ENOENT" },
	  mounts_writable, 0, { "/proc/sys", "/proc/sys/kernel/modprobe", "/x" } },
	{ "a remounted /proc/sysrq-trigger", { "EPERM", "EPERM|ENOENT", "EACCES|ENOENT" },
	  mounts_writable, 0, { "/proc/sysrq-trigger", "/proc/sysrq-trigger", "?" } },
	{ "uevent_helper below a remounted /sys", { "EPERM", "EPERM", "EACCES|ENOENT" },
	  mounts_writable, 0, { "/sys", "/sys/kernel/uevent_helper", "/x" } },
	{ "take the mask from /proc/kcore", { "EPERM", "EINVAL|ENOENT", "EACCES|ENOENT" },
	  mounts_unmask, 0, { "/proc/kcore" } },
	{ "take the mask from /proc/timer_list", { "EPERM", "EINVAL", "EACCES" },
	  mounts_unmask, 0, { "/proc/timer_list" } },
	{ "take the mask from /proc/keys", { "EPERM", "EINVAL", "its own" },
	  mounts_keys, 0, { "/proc/keys" } },
	{ "detach /proc", { "EPERM", "EINVAL", "ok" }, NULL, SYS_umount2,
	  { "/proc", DETACH } },
	{ "bind over /proc", IN_ITS_OWN, NULL, SYS_mount,
	  { "/tmp", "/proc", NULL, N(MS_BIND) } },
	{ "move /proc elsewhere", { "EPERM", "EINVAL", "ok" }, NULL, SYS_move_mount,
	  { N(AT_FDCWD), "/proc", N(AT_FDCWD), "/tmp" } },
	{ "clone a mount without what is on it", { "EPERM", "EINVAL", "ok" }, NULL,
	  SYS_open_tree, { N(AT_FDCWD), "/proc", N(OPEN_TREE_CLONE) } },
	{ "share mounts with others", { "EPERM", "ok", "ok" }, NULL, SYS_mount,
	  { NULL, "/", NULL, N(MS_SHARED | MS_REC) } },
	{ "other owners for the root's files", { "EPERM", "EPERM|EINVAL",
	  "EPERM|EINVAL" },
	  mounts_idmap, 0, { "/" } },
	{ "other owners for the stack's files", { "EPERM", "EPERM|EINVAL",
	  "EPERM|EINVAL" },
	  mounts_idmap, 0, { "/usr" } },

	/* Roots. */
	{ "chroot and out again", { "EPERM", "the same root", "the same root" },
	  mounts_chroot },
	{ "what is below the root", { "EPERM", "EINVAL", "EINVAL" },
	  mounts_without_root },
	{ "pivot_root", IN_ITS_OWN, mounts_pivot },
	{ "what mountinfo tells", { "nothing of the host", "nothing of the host",
	  "nothing of the host" }, mounts_names },
	{ NULL },
};
