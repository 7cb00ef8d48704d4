/*
 * Each probe tries the facility itself where that leaves nothing behind, since
 * a version number says little about a kernel that others configured.
 */
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "base/root.h"
#include "manager/dynod/host_check.h"

#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/landlock.h>
#include <linux/magic.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#define CGROUP_DIR "/sys/fs/cgroup"
#define FILE_MAX_BYTES 4096

static bool check_kernel(const struct root *root, struct buf *text)
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

static bool check_cgroup(const struct root *root, struct buf *text)
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

static bool check_controllers(const struct root *root, struct buf *text)
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

static bool check_userns(const struct root *root, struct buf *text)
{
	auto_close int fd = check_make_userns();

	if (fd < 0)
		buf_addf(text, "cannot be made: %s", strerror(errno));
	return fd >= 0;
}

static bool check_overlay(const struct root *root, struct buf *text)
{
	auto_close int fd = fsopen("overlay", FSOPEN_CLOEXEC);

	if (fd < 0)
		buf_addf(text, "cannot be mounted: %s", strerror(errno));
	return fd >= 0;
}

/* Of the file system that a path is on, or will be when it is made. */
static bool check_idmap_of(const char *path, struct buf *text)
{
	auto_free char *at = xstrdup(path);
	auto_close int ns = check_make_userns();
	auto_close int tree = -1;
	struct mount_attr attr = {
		.attr_set = MOUNT_ATTR_IDMAP,
		.userns_fd = (uint64_t)(ns < 0 ? 0 : ns),
	};

	while (access(at, F_OK) < 0 && strrchr(at, '/') > at)
		*strrchr(at, '/') = '\0';
	tree = open_tree(AT_FDCWD, access(at, F_OK) < 0 ? "/" : at,
			 OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (ns >= 0 && tree >= 0 &&
	    mount_setattr(tree, "", AT_EMPTY_PATH, &attr, sizeof(attr)) == 0)
		return true;
	buf_addf(text, "cannot be made of %s: %s", at, strerror(errno));
	return false;
}

static bool check_slugs(const struct root *root, struct buf *text)
{
	auto_free char *path = xasprintf("%s/slugs", root->lib);

	return check_idmap_of(path, text);
}

static bool check_stack(const struct root *root, struct buf *text)
{
	auto_free char *path = xasprintf("%s/stacks", root->lib);

	return check_idmap_of("/usr", text) && check_idmap_of(path, text);
}

/* A memory file lies on a tmpfs. */
static bool check_xattrs(const struct root *root, struct buf *text)
{
	auto_close int fd = memfd_create("xattrs", MFD_CLOEXEC);

	return fd >= 0 && fsetxattr(fd, "user.dyno", "1", 1, 0) == 0;
}

static bool check_clone_into(const struct root *root, struct buf *text)
{
	return check_is_cgroup2();
}

/* v2: whether the kernel takes a program "all may be used". */
static bool check_devices(const struct root *root, struct buf *text)
{
	static const struct bpf_insn code[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = 1 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE,
		.insns = (uint64_t)(uintptr_t)code, .insn_cnt = ARRAY_SIZE(code),
		.license = (uint64_t)(uintptr_t)"GPL",
	};
	auto_close int fd = -1;

	if (!check_is_cgroup2()) {
		buf_adds(text, "the controller of version 1");
		return access(CGROUP_DIR "/devices/cgroup.procs", F_OK) == 0;
	}
	buf_adds(text, "an eBPF program");
	fd = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
	return fd >= 0;
}

static bool check_seccomp(const struct root *root, struct buf *text)
{
	uint32_t action = SECCOMP_RET_KILL_PROCESS;

	return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

static bool check_landlock(const struct root *root, struct buf *text)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0,
			   LANDLOCK_CREATE_RULESET_VERSION);

	if (abi > 0)
		buf_addf(text, "version %ld", abi);
	return abi > 0;
}

static bool check_ip_forward(const struct root *root, struct buf *text)
{
	auto_buf value = BUF_INIT;

	if (file_read(AT_FDCWD, "/proc/sys/net/ipv4/ip_forward", 16, &value,
		      NULL) < 0)
		return false;
	return buf_str(&value)[0] == '1';
}

static bool check_nft(const struct root *root, struct buf *text)
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
	bool (*probe)(const struct root *root, struct buf *text);
	const char *without;		/* what happens then; NULL: no dynos */
} checks[] = {
	{ "kernel version", check_kernel, NULL },
	{ "cgroup version", check_cgroup, NULL },
	{ "controllers", check_controllers, NULL },
	{ "start in cgroup", check_clone_into,
	  "each dyno's first process joins its groups by itself" },
	{ "device filter", check_devices,
	  "dynos have no other devices in /dev, and can make none" },
	{ "user namespaces", check_userns, NULL },
	{ "overlay", check_overlay, NULL },
	{ "user attributes", check_xattrs,
	  "tmpfs has none: root of the host builds the layers of dynos" },
	{ "idmapped slugs", check_slugs,
	  "apps run with the user id of the slug store" },
	{ "idmapped stack", check_stack,
	  "the files of the stack belong to nobody in dynos" },
	{ "seccomp", check_seccomp, NULL },
	{ "landlock", check_landlock, "one wall around files less" },
	{ "ip_forward", check_ip_forward,
	  "off: dynos reach no other network unless dynod switches it on "
	  "(dynod.conf: ip-forward)" },
	{ "nft program", check_nft, NULL },
};

bool host_check(const struct root *root)
{
	bool all = true;

	for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
		auto_buf text = BUF_INIT;
		bool ok = checks[i].probe(root, &text);

		if (!ok && checks[i].without)
			buf_addf(&text, "%s%s", text.len ? ": " : "",
				 checks[i].without);
		printf("%-16s %s%s%s\n", checks[i].name,
		       ok ? "yes" : checks[i].without ? "no" : "MISSING",
		       text.len ? "  " : "", buf_str(&text));
		all = all && (ok || checks[i].without);
	}
	return all;
}
