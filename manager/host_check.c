/*
 * Each probe tries the facility itself where that leaves nothing behind, since
 * a version number says little about a kernel that others configured.
 */
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "manager/host_check.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <sys/wait.h>

#define CGROUP_DIR "/sys/fs/cgroup"
#define FILE_MAX_BYTES 4096

static bool check_kernel(struct buf *text)
{
	unsigned major, minor;
	struct utsname u;

	if (uname(&u) < 0 || sscanf(u.release, "%u.%u", &major, &minor) != 2)
		return false;
	buf_addf(text, "%s (6.1 or newer is needed)", u.release);
	return major > 6 || (major == 6 && minor >= 1);
}

static bool check_is_cgroup2(void)
{
	struct statfs fs;

	return statfs(CGROUP_DIR, &fs) == 0 &&
	       fs.f_type == CGROUP2_SUPER_MAGIC;
}

static bool check_cgroup(struct buf *text)
{
	bool v1 = access(CGROUP_DIR "/memory/cgroup.procs", F_OK) == 0;
	bool v2 = check_is_cgroup2();

	buf_adds(text, v2 ? "version 2" : v1 ? "version 1" : "not mounted");
	return v1 || v2;
}

/* " cpu io memory " from cgroup.controllers, so that names can be found. */
static void check_controllers_v2(struct buf *list)
{
	buf_adds(list, " ");
	file_read(AT_FDCWD, CGROUP_DIR "/cgroup.controllers", FILE_MAX_BYTES, list,
		  NULL);
	if (list->data[list->len - 1] == '\n')
		list->data[list->len - 1] = ' ';
}

static bool check_controllers(struct buf *text)
{
	static const char *const names[] = { "memory", "pids", "cpu" };
	bool v2 = check_is_cgroup2(), all = true;
	auto_buf list = BUF_INIT;

	if (v2)
		check_controllers_v2(&list);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		auto_free char *word = xasprintf(" %s ", names[i]);
		auto_free char *path = xasprintf(CGROUP_DIR "/%s/cgroup.procs",
						 names[i]);
		bool there = v2 ? strstr(buf_str(&list), word) != NULL
				: access(path, F_OK) == 0;

		buf_addf(text, "%s%s%s", i ? ", " : "", there ? "" : "no ",
			 names[i]);
		all = all && there;
	}
	return all;
}

/* A user namespace with one range of ids, as each dyno has. Returns its
 * descriptor, or -1 with errno. */
static int check_make_userns(void)
{
	struct clone_args args = {
		.flags = CLONE_NEWUSER, .exit_signal = SIGCHLD,
	};
	pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	auto_free char *ns = NULL;
	int fd, saved;

	if (pid == 0)
		for (;;)
			pause();
	if (pid < 0)
		return -1;

	ns = xasprintf("/proc/%d/ns/user", (int)pid);
	fd = open(ns, O_RDONLY | O_CLOEXEC);
	for (int i = 0; fd >= 0 && i < 2; i++) {
		static const char map[] = "0 268435456 65536";
		auto_free char *path = xasprintf("/proc/%d/%cid_map", (int)pid,
						 "ug"[i]);
		auto_close int f = open(path, O_WRONLY | O_CLOEXEC);

		if (f < 0 || write(f, map, sizeof(map) - 1) < 0)
			fd = fd_close(fd);
	}
	saved = errno;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	errno = saved;
	return fd;
}

static bool check_userns(struct buf *text)
{
	auto_close int fd = check_make_userns();

	if (fd < 0)
		buf_addf(text, "cannot be made: %s", strerror(errno));
	return fd >= 0;
}

static bool check_overlay(struct buf *text)
{
	auto_close int fd = fsopen("overlay", FSOPEN_CLOEXEC);

	if (fd < 0)
		buf_addf(text, "cannot be mounted: %s", strerror(errno));
	return fd >= 0;
}

static bool check_idmap(struct buf *text)
{
	auto_close int ns = check_make_userns();
	auto_close int tree = open_tree(AT_FDCWD, "/", OPEN_TREE_CLONE |
						       OPEN_TREE_CLOEXEC);
	struct mount_attr attr = {
		.attr_set = MOUNT_ATTR_IDMAP,
		.userns_fd = (uint64_t)(ns < 0 ? 0 : ns),
	};

	if (ns >= 0 && tree >= 0 &&
	    mount_setattr(tree, "", AT_EMPTY_PATH, &attr, sizeof(attr)) == 0)
		return true;
	buf_addf(text, "cannot be made of /: %s", strerror(errno));
	return false;
}

static bool check_ip_forward(struct buf *text)
{
	auto_buf value = BUF_INIT;
	bool on;

	if (file_read(AT_FDCWD, "/proc/sys/net/ipv4/ip_forward", 16, &value,
		      NULL) < 0)
		return false;
	on = buf_str(&value)[0] == '1';
	if (!on)
		buf_adds(text, "off: dynos reach no other network unless "
			 "dynod.conf has \"ip-forward = yes\"");
	return on;
}

static bool check_nft(struct buf *text)
{
	static const char *const paths[] = {
		"/usr/sbin/nft", "/sbin/nft", "/usr/bin/nft", "/usr/local/sbin/nft",
	};

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		if (access(paths[i], X_OK) == 0) {
			buf_adds(text, paths[i]);
			return true;
		}
	buf_adds(text, "not found; the package is nftables");
	return false;
}

static const struct {
	const char *name;
	bool (*probe)(struct buf *text);
	bool needed;
} checks[] = {
	{ "kernel version", check_kernel, true },
	{ "cgroup version", check_cgroup, true },
	{ "controllers", check_controllers, true },
	{ "user namespaces", check_userns, true },
	{ "overlay", check_overlay, true },
	{ "idmapped mounts", check_idmap, true },
	{ "ip_forward", check_ip_forward, false },
	{ "nft program", check_nft, true },
};

bool host_check(void)
{
	bool all = true;

	for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
		auto_buf text = BUF_INIT;
		bool ok = checks[i].probe(&text);

		printf("%-16s %s%s%s\n", checks[i].name,
		       ok ? "yes" : checks[i].needed ? "MISSING" : "no",
		       text.len ? "  " : "", buf_str(&text));
		all = all && (ok || !checks[i].needed);
	}
	return all;
}
