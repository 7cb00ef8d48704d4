/*
 * sandbox_walls.c - one step after another, each of which the next one needs;
 * the filter is last, since it forbids what the others do.
 */
#include "base/error.h"
#include "base/file.h"
#include "slugstore/unpack/sandbox_walls.h"

#include <fcntl.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#define SANDBOX_NOFILE 256
#define SANDBOX_THREADS 32
#define SANDBOX_ADDRESSES (1024ULL * 1024 * 1024)	/* maps, thread heaps */

/* A sanitizer has reserved terabytes, and needs more. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANDBOX_SANITIZER 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define SANDBOX_SANITIZER 1
#endif

/* ---- descriptors ---- */

static bool sandbox_walls_keeps(const struct sandbox_spec *spec, int report_fd,
				int fd)
{
	bool keeps = fd == report_fd || fd == spec->dir_fd;

	for (size_t i = 0; i < spec->n_fds; i++)
		keeps |= fd == spec->fds[i];
	return keeps;
}

/* For 0 to 2, not /dev/null: run by root, the child could change its mode. */
static int sandbox_walls_nothing(struct error *e)
{
	int p[2];

	if (pipe2(p, O_CLOEXEC) < 0)
		return error_sys(e, "create a pipe");
	close(p[1]);
	return p[0];
}

static int sandbox_walls_fds(const struct sandbox_spec *spec, int report_fd,
			     struct error *e)
{
	int nothing_fd = sandbox_walls_nothing(e);
	int last = report_fd > spec->dir_fd ? report_fd : spec->dir_fd;

	if (nothing_fd < 0)
		return nothing_fd;
	for (size_t i = 0; i < spec->n_fds; i++)
		last = spec->fds[i] > last ? spec->fds[i] : last;
	for (int fd = 0; fd <= last; fd++) {
		if (sandbox_walls_keeps(spec, report_fd, fd))
			continue;
		if (fd > STDERR_FILENO)
			close(fd);
		else if (fd != nothing_fd && dup2(nothing_fd, fd) < 0)
			return error_sys(e, "close descriptors");
	}
	if (last < STDERR_FILENO)
		last = STDERR_FILENO;
	if (syscall(SYS_close_range, (unsigned)last + 1, ~0U, 0) < 0)
		return error_sys(e, "close descriptors");
	return 0;
}

/* ---- signals ---- */

/* No handler of the caller's may run. The kernel's own struct, all zero: the C
 * library would refuse its two signals. */
static void sandbox_walls_signals(void)
{
	static const unsigned long sa[8] = { 0 };
	sigset_t none;

	for (int sig = 1; sig < NSIG; sig++)
		syscall(SYS_rt_sigaction, sig, sa, NULL, NSIG / 8);
	/* Beyond a limit, writing shall fail and not kill. */
	signal(SIGXFSZ, SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* ---- namespaces ---- */

static int sandbox_walls_write(const char *path, const char *text,
			       struct error *e)
{
	auto_close int fd = open(path, O_WRONLY | O_CLOEXEC);
	size_t n = strlen(text);

	if (fd < 0 || write(fd, text, n) != (ssize_t)n)
		return error_sys(e, "user namespace: write %s", path);
	return 0;
}

static int sandbox_walls_map(const char *path, unsigned id, struct error *e)
{
	char text[64];

	snprintf(text, sizeof(text), "%u %u 1", id, id);
	return sandbox_walls_write(path, text, e);
}

/* 1: in a user namespace; 0: without, as root; < 0: nothing has changed. */
static int sandbox_walls_unshare(struct error *e)
{
	const int others = CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS;
	int r;

	if (unshare(CLONE_NEWUSER | others) == 0)
		return 1;
	r = error_sys(e, "user namespace");
	return unshare(others) < 0 ? r : 0;
}

static int sandbox_walls_maps(unsigned uid, unsigned gid, struct error *e)
{
	int r;

	/* Who has changed its user does not own its /proc/self. */
	prctl(PR_SET_DUMPABLE, 1);
	r = sandbox_walls_write("/proc/self/setgroups", "deny", e);
	if (r >= 0)
		r = sandbox_walls_map("/proc/self/uid_map", uid, e);
	return r < 0 ? r : sandbox_walls_map("/proc/self/gid_map", gid, e);
}

/* An empty file system that is attached nowhere. */
static int sandbox_walls_void(struct error *e)
{
	auto_close int fs = fsopen("tmpfs", FSOPEN_CLOEXEC);
	int fd;

	if (fs < 0 || fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return error_sys(e, "make an empty file system");
	fd = fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID |
		     MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	return fd < 0 ? error_sys(e, "make an empty file system") : fd;
}

static int sandbox_walls_root(int dir_fd, struct error *e)
{
	auto_close int void_fd = -1;

	if (dir_fd < 0) {
		void_fd = sandbox_walls_void(e);
		if (void_fd < 0)
			return void_fd;
		dir_fd = void_fd;
	}
	if (fchdir(dir_fd) < 0 || chroot(".") < 0)
		return error_sys(e, "change the root directory");
	return 0;
}

/* 1, or 0 and *why there are none; < 0: half of it was done. */
static int sandbox_walls_namespaces(int dir_fd, struct error *why,
				    struct error *e)
{
	unsigned uid = geteuid(), gid = getegid();
	int r = sandbox_walls_unshare(why);

	if (r < 0)
		return 0;
	if (r > 0)
		r = sandbox_walls_maps(uid, gid, e);
	if (r >= 0)
		r = sandbox_walls_root(dir_fd, e);
	return r < 0 ? r : 1;
}

/* ---- limits ---- */

/* Pages of the whole and of data, so far. */
static int sandbox_walls_statm(uint64_t ret[2], struct error *e)
{
	auto_close int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	char text[256];
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (n < 0)
		return error_sys(e, "read /proc/self/statm");
	text[n] = '\0';
	if (sscanf(text, "%" SCNu64 " %*u %*u %*u %*u %" SCNu64, &ret[0],
		   &ret[1]) != 2)
		return error_set(e, EIO, "read /proc/self/statm");
	return 0;
}

static int sandbox_walls_limits(const struct sandbox_spec *spec,
				const uint64_t pages[2], struct error *e)
{
	const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	const struct { int resource; uint64_t value; } limits[] = {
#ifndef SANDBOX_SANITIZER
		{ RLIMIT_AS, pages[0] * page + spec->memory_bytes +
			     SANDBOX_ADDRESSES },
		{ RLIMIT_DATA, pages[1] * page + spec->memory_bytes },
#endif
		{ RLIMIT_CORE, 0 },
		{ RLIMIT_CPU, 4 * spec->seconds },
		{ RLIMIT_FSIZE, spec->file_bytes },
		{ RLIMIT_MEMLOCK, 0 },
		{ RLIMIT_MSGQUEUE, 0 },
		{ RLIMIT_NOFILE, SANDBOX_NOFILE },
	};
	struct rlimit l;

	(void)pages;
	(void)page;
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		if (getrlimit((__rlimit_resource_t)limits[i].resource, &l) < 0)
			return error_sys(e, "read limits");
		l.rlim_max = limits[i].value < l.rlim_max ? limits[i].value
							  : l.rlim_max;
		l.rlim_cur = l.rlim_max;
		if (setrlimit((__rlimit_resource_t)limits[i].resource, &l) < 0)
			return error_sys(e, "set limits");
	}
	return 0;
}

/* Counted in the user namespace; without one, with all of the user's. */
static void sandbox_walls_limit_threads(void)
{
	const struct rlimit l = { SANDBOX_THREADS, SANDBOX_THREADS };

	setrlimit(RLIMIT_NPROC, &l);
}

/* ---- privilege ---- */

static int sandbox_walls_drop(pid_t parent, struct error *e)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { 0 };

	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 ||
	    syscall(SYS_capset, &head, none) < 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return error_sys(e, "drop capabilities");
	/* A change of credentials may have undone what was set before it. */
	if (prctl(PR_SET_DUMPABLE, 0) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return error_sys(e, "be nobody's");
	if (getppid() != parent)
		return error_set(e, ESRCH, "the parent has gone");
	return 0;
}

/* ---- all ---- */

int sandbox_walls_build(const struct sandbox_spec *spec, int report_fd,
			pid_t parent, struct error *e)
{
	struct error ns = { .msg = "user namespace: left out" };
	struct error ll = { .msg = "Landlock: left out" };
	bool has_ll = false;
	int r, has_ns = 0;
	uint64_t pages[2];

	sandbox_walls_signals();
	r = sandbox_walls_fds(spec, report_fd, e);
	if (r >= 0)
		r = sandbox_walls_statm(pages, e);
	if (r >= 0 && !(spec->without & SANDBOX_NAMESPACES))
		r = has_ns = sandbox_walls_namespaces(spec->dir_fd, &ns, e);
	if (r < 0)
		return r;
	if (!(spec->without & SANDBOX_LANDLOCK))
		has_ll = sandbox_landlock(spec->dir_fd, &ll) >= 0;
	if (!has_ns && !has_ll)
		return error_set(e, EPERM, "no sandbox can be had here: %.160s;"
				 " %.160s", ns.msg, ll.msg);
	r = sandbox_walls_limits(spec, pages, e);
	if (has_ns)
		sandbox_walls_limit_threads();
	if (r >= 0)
		r = sandbox_walls_drop(parent, e);
	return r < 0 ? r : sandbox_filter_load(spec->dir_fd >= 0, e);
}
