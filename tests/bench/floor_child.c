/*
 * floor_child.c - the child of the floor: a container like a dyno, by the
 * fewest system calls. The old mount interface is used wherever it does the
 * same with fewer of them; paths are not guarded, since nobody attacks here.
 */
#include "tests/bench/floor.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/keyctl.h>
#include <linux/seccomp.h>
#include <linux/securebits.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define DATA (MS_NOSUID | MS_NODEV | MS_NOEXEC)

static _Noreturn void floor_fail(const struct floor_plan *p, int line)
{
	int words[2] = { errno, line };

	if (write(p->report, words, sizeof(words)) < 0)
		_exit(124);
	_exit(125);
}

#define need(expr) do { if ((expr) < 0) floor_fail(p, __LINE__); } while (0)

static void floor_wait(const struct floor_plan *p)
{
	char c;

	if (read(p->go, &c, 1) != 1)
		floor_fail(p, __LINE__);
}

/* ---- files ---- */

static const struct {
	const char *path;
	mode_t mode;
} dirs[] = {
	{ "upper", 0755 }, { "work", 0700 }, { "slug", 0755 }, { "stack", 0755 },
	{ "usr", 0755 }, { "root", 0755 }, { "void", 0555 }, { "shm", 01777 },
	{ "cgroup", 0755 }, { "cgroup/memory", 0755 }, { "dev", 0755 },
	{ "dev/pts", 0755 }, { "dev/shm", 0755 }, { "dev/mqueue", 0755 },
	{ "upper/app", 0755 }, { "upper/dev", 0755 }, { "upper/etc", 0755 },
	{ "upper/etc/heroku", 0755 }, { "upper/proc", 0555 }, { "upper/sys", 0555 },
	{ "upper/tmp", 01777 }, { "upper/usr", 0755 }, { "upper/var", 0755 },
	{ "upper/var/tmp", 01777 },
};

static const struct {
	const char *path, *text;
} files[] = {
	{ "null", "" },
	{ "upper/etc/passwd", "root:x:0:0:root:/root:/usr/sbin/nologin\n"
			      "u1000:x:1000:1000::/app:/bin/bash\n" },
	{ "upper/etc/group", "root:x:0:\ntty:x:5:\ndyno:x:1000:\n" },
	{ "upper/etc/hosts", "127.0.0.1 localhost\n" },
	{ "upper/etc/resolv.conf", "nameserver 10.255.255.53\n" },
	{ "upper/etc/hostname", "11111111-2222-4333-8444-555555555555\n" },
	{ "cgroup/memory/memory.limit_in_bytes", "536870912\n" },
	{ "cgroup/memory.max", "536870912\n" },
	{ "cgroup/cpu.max", "100000 100000\n" },
	{ "cgroup/pids.max", "256\n" },
	{ "dev/null", "" }, { "dev/zero", "" }, { "dev/full", "" },
	{ "dev/random", "" }, { "dev/urandom", "" }, { "dev/tty", "" },
};

static const char *const links[][2] = {
	{ "pts/ptmx", "dev/ptmx" }, { "/proc/self/fd", "dev/fd" },
	{ "/proc/self/fd/0", "dev/stdin" }, { "/proc/self/fd/1", "dev/stdout" },
	{ "/proc/self/fd/2", "dev/stderr" },
};

static void floor_file(const struct floor_plan *p, const char *path,
		       const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	need(fd);
	if (*text)
		need(write(fd, text, strlen(text)));
	close(fd);
}

static void floor_stage(const struct floor_plan *p)
{
	need(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	need(mount("dyno", p->stage, "tmpfs", MS_NOSUID | MS_NODEV,
		   "size=268435456,nr_inodes=65536,mode=0755"));
	need(chdir(p->stage));
	umask(0);
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
		need(mkdir(dirs[i].path, dirs[i].mode));
	need(chown("upper/app", FLOOR_APP, FLOOR_APP));
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		floor_file(p, files[i].path, files[i].text);
	for (size_t i = 0; i < ARRAY_SIZE(links); i++)
		need(symlink(links[i][0], links[i][1]));
	umask(022);
}

/* ---- mounts ---- */

static void floor_bind(const struct floor_plan *p, const char *from,
		       const char *to, unsigned long flags)
{
	need(mount(from, to, NULL, MS_BIND, NULL));
	need(mount(NULL, to, NULL, MS_REMOUNT | MS_BIND | flags, NULL));
}

static void floor_overlay(const struct floor_plan *p)
{
	static const char *const names[FLOOR_TREES] = { "slug", "stack", "usr" };

	for (size_t i = 0; i < FLOOR_TREES; i++)
		need(syscall(SYS_move_mount, p->trees[i], "", AT_FDCWD, names[i],
			     MOVE_MOUNT_F_EMPTY_PATH));
	need(mount("dyno", "root", "overlay", MS_NOSUID | MS_NODEV,
		   "lowerdir=slug:stack,upperdir=upper,workdir=work,userxattr"));
	need(mount("usr", "root/usr", "overlay", MS_NOSUID | MS_NODEV | MS_RDONLY,
		   "lowerdir=usr:void,userxattr"));
}

static void floor_dev(const struct floor_plan *p)
{
	static const char *const devices[][2] = {
		{ "/dev/null", "root/dev/null" }, { "/dev/zero", "root/dev/zero" },
		{ "/dev/full", "root/dev/full" }, { "/dev/tty", "root/dev/tty" },
		{ "/dev/random", "root/dev/random" },
		{ "/dev/urandom", "root/dev/urandom" },
	};

	floor_bind(p, "dev", "root/dev", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY);
	for (size_t i = 0; i < ARRAY_SIZE(devices); i++)
		floor_bind(p, devices[i][0], devices[i][1], MS_NOSUID | MS_NOEXEC);
	need(mount("devpts", "root/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC,
		   "newinstance,ptmxmode=0666,mode=0620,gid=5,max=64"));
	floor_bind(p, "shm", "root/dev/shm", DATA);
	need(mount("mqueue", "root/dev/mqueue", "mqueue", DATA, NULL));
}

/* What is not there needs no mask. */
static void floor_kernel(const struct floor_plan *p)
{
	static const struct {
		const char *path;
		bool dir;
	} masks[] = {
		{ "root/proc/acpi", true }, { "root/proc/asound", true },
		{ "root/proc/interrupts", false }, { "root/proc/kcore", false },
		{ "root/proc/keys", false }, { "root/proc/latency_stats", false },
		{ "root/proc/sched_debug", false }, { "root/proc/scsi", true },
		{ "root/proc/timer_list", false }, { "root/proc/timer_stats", false },
		{ "root/sys/firmware", true },
		{ "root/sys/devices/virtual/powercap", true },
		{ "root/sys/devices/virtual/dmi", true },
	};
	static const char *const readonly[] = {
		"root/proc/bus", "root/proc/fs", "root/proc/irq", "root/proc/sys",
		"root/proc/sysrq-trigger",
	};

	need(mount("proc", "root/proc", "proc", DATA, NULL));
	need(mount("sysfs", "root/sys", "sysfs", DATA | MS_RDONLY, NULL));
	for (size_t i = 0; i < ARRAY_SIZE(masks); i++) {
		if (mount(masks[i].dir ? "void" : "null", masks[i].path, NULL,
			  MS_BIND, NULL) == 0)
			need(mount(NULL, masks[i].path, NULL, MS_REMOUNT | MS_BIND |
				   MS_RDONLY | DATA, NULL));
		else if (errno != ENOENT)
			floor_fail(p, __LINE__);
	}
	for (size_t i = 0; i < ARRAY_SIZE(readonly); i++)
		if (mount(readonly[i], readonly[i], NULL, MS_BIND, NULL) == 0)
			need(mount(NULL, readonly[i], NULL, MS_REMOUNT | MS_BIND |
				   MS_RDONLY | DATA, NULL));
	floor_bind(p, "cgroup", "root/sys/fs/cgroup", DATA | MS_RDONLY);
}

static void floor_pivot(const struct floor_plan *p)
{
	need(chdir("root"));
	need(syscall(SYS_pivot_root, ".", "."));
	need(umount2(".", MNT_DETACH));
	need(chdir("/"));
}

/* ---- the rest ---- */

static void floor_identity(const struct floor_plan *p)
{
	static const char name[] = "11111111-2222-4333-8444-555555555555";

	need(syscall(SYS_setresgid, 0, 0, 0));
	need(syscall(SYS_setgroups, 0, NULL));
	need(syscall(SYS_setresuid, 0, 0, 0));
	need(setsid());
	need(sethostname(name, sizeof(name) - 1));
	need(syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, "dyno"));
}

static void floor_network(const struct floor_plan *p)
{
	int s = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0 /* route */);
	char answer[4096];

	need(s);
	need(send(s, p->net, p->net_len, 0));
	for (unsigned i = 0; i < p->net_acks; i++)
		need(recv(s, answer, sizeof(answer), 0));
	close(s);
}

static void floor_limits(const struct floor_plan *p)
{
	static const struct {
		int resource;
		rlim_t value;
	} limits[] = {
		{ RLIMIT_NPROC, 256 }, { RLIMIT_NOFILE, 10000 },
		{ RLIMIT_CORE, 0 }, { RLIMIT_MEMLOCK, 65536 },
	};
	cpu_set_t cpus;

	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		struct rlimit l = { limits[i].value, limits[i].value };

		need(syscall(SYS_prlimit64, 0, limits[i].resource, &l, NULL));
	}
	CPU_ZERO(&cpus);
	CPU_SET(p->cpu, &cpus);
	need(sched_setaffinity(0, sizeof(cpus), &cpus));
}

static void floor_stdio(const struct floor_plan *p)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	need(null);
	need(dup2(null, 0));
	need(dup2(p->out, 1));
	need(dup2(p->out, 2));
	need(dup2(p->exit, 3));
	need(dup2(p->hold, 4));
	need(syscall(SYS_close_range, 5U, ~0U, CLOSE_RANGE_CLOEXEC));
	need(chdir("/app"));
}

static void floor_privilege(const struct floor_plan *p)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct none[2] = { { 0 } };

	for (int cap = 0; prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0; cap++)
		;
	need(prctl(PR_SET_SECUREBITS, SECBIT_NOROOT | SECBIT_NOROOT_LOCKED |
		   SECBIT_NO_SETUID_FIXUP | SECBIT_NO_SETUID_FIXUP_LOCKED |
		   SECBIT_KEEP_CAPS_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE |
		   SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED, 0, 0, 0));
	need(syscall(SYS_setresgid, FLOOR_APP, FLOOR_APP, FLOOR_APP));
	need(syscall(SYS_setresuid, FLOOR_APP, FLOOR_APP, FLOOR_APP));
	need(syscall(SYS_capset, &head, none));
	need(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	need(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &p->filter));
}

_Noreturn void floor_child(const struct floor_plan *p)
{
	static char *const environment[] = {
		(char *)"PATH=/usr/bin:/bin", (char *)"HOME=/app", NULL,
	};

	close(p->go_peer);
	for (size_t i = 0; i < p->group->n; i++)
		need(write(p->group->fds[i], "0", 1));
	need(syscall(SYS_unshare, CLONE_NEWCGROUP));
	floor_wait(p);
	floor_identity(p);
	floor_stage(p);
	floor_overlay(p);
	floor_dev(p);
	floor_kernel(p);
	floor_pivot(p);
	floor_wait(p);
	floor_network(p);
	floor_limits(p);
	floor_stdio(p);
	floor_privilege(p);
	if (p->init >= 0)
		need(syscall(SYS_execveat, p->init, "", p->argv, environment,
			     AT_EMPTY_PATH));
	need(execve(p->argv[0], p->argv, environment));
	_exit(126);
}
