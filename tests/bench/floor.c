/*
 * floor.c - what a start costs at least: the parent's side, and its rounds.
 *
 *   floor [-d] [-n NUMBER] FILTER INIT	rounds on demand, see round.h
 *
 * A container with the isolation and the limits of a dyno, by the system calls
 * that this takes and no others: all namespaces, control groups, link, address
 * and route, layers, devices, masks, no privileges, the same system call filter
 * (FILTER: a file of its instructions), the same PID 1 (INIT; with -d none, the
 * program is PID 1 itself). No record is kept, nothing is checked twice, and
 * what fails ends the program. NUMBER tells parallel ones apart; the bridge and
 * the table of the packet filter are the driver's.
 */
#include "tests/bench/floor.h"
#include "tests/bench/floor_groups.h"
#include "tests/bench/round.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

#define NAMESPACES (CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | \
	CLONE_NEWUTS | CLONE_NEWUSER)
#define MAP "0 2415919104 65536\n"	/* FLOOR_FIRST */

struct floor {
	struct floor_net net;
	struct floor_plan plan;
	char dir[64];
	char *layers[FLOOR_TREES];
	int userns;
	unsigned number, count;
	/* of the round */
	struct floor_port port;
	struct floor_group group;
	int pid_fd;
};

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* ---- before the first round ---- */

static void floor_layers(struct floor *f)
{
	static const char *const dirs[] = {
		"stage", "slug", "slug/app", "stack", "stack/dev", "stack/etc",
		"stack/usr", "stack/var",
	};
	static const char *const to_usr[] = { "bin", "sbin", "lib", "lib64" };

	snprintf(f->dir, sizeof(f->dir), "/tmp/dynobench-XXXXXX");
	if (!mkdtemp(f->dir) || chmod(f->dir, 0755) < 0 || chdir(f->dir) < 0)
		die("make a directory");
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
		if (mkdir(dirs[i], 0755) < 0)
			die(dirs[i]);
	for (size_t i = 0; i < ARRAY_SIZE(to_usr); i++) {
		auto_free char *target = xasprintf("usr/%s", to_usr[i]);
		auto_free char *link = xasprintf("stack/%s", to_usr[i]);

		if (symlink(target, link) < 0)
			die(link);
	}
	f->layers[0] = xasprintf("%s/slug", f->dir);
	f->layers[1] = xasprintf("%s/stack", f->dir);
	f->layers[2] = xstrdup("/usr");
	f->plan.stage = xasprintf("%s/stage", f->dir);
}

static void floor_unlayer(struct floor *f)
{
	static const char *const names[] = {
		"stage", "slug/app", "slug", "stack/dev", "stack/etc", "stack/usr",
		"stack/var", "stack/bin", "stack/sbin", "stack/lib", "stack/lib64",
		"stack",
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (remove(names[i]) < 0)
			die(names[i]);
	rmdir(f->dir);
}

static void floor_map(pid_t pid)
{
	static const char *const names[] = { "uid_map", "gid_map" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char path[64];
		int fd;

		snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, names[i]);
		fd = open(path, O_WRONLY | O_CLOEXEC);
		if (fd < 0 || write(fd, MAP, strlen(MAP)) < 0)
			die(path);
		close(fd);
	}
}

static void floor_userns(struct floor *f)
{
	char path[64];
	pid_t pid = (pid_t)syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL,
				   NULL, NULL);

	if (pid == 0)
		for (;;)
			pause();
	if (pid < 0)
		die("make a user namespace");
	floor_map(pid);
	snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
	f->userns = open(path, O_RDONLY | O_CLOEXEC);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	if (f->userns < 0)
		die(path);
}

static void floor_filter(struct floor *f, const char *path)
{
	static struct sock_filter code[4096];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, code, sizeof(code));

	if (n <= 0)
		die(path);
	f->plan.filter.len = (unsigned short)((size_t)n / sizeof(code[0]));
	f->plan.filter.filter = code;
	close(fd);
}

/* A memory file, as runtime/ has it, so that mapping it costs the same. */
static int floor_init(const char *path)
{
	static char data[4 << 20], self[64];
	int from = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = from < 0 ? -1 : read(from, data, sizeof(data));
	int fd = memfd_create("init", MFD_CLOEXEC | MFD_ALLOW_SEALING | 0x10U);

	if (n <= 0 || fd < 0 || write(fd, data, (size_t)n) != n ||
	    fchmod(fd, 0111) < 0)
		die(path);
	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	close(from);
	from = open(self, O_RDONLY | O_CLOEXEC);
	close(fd);
	return from;
}

/* ---- a round ---- */

static void floor_tree(struct floor *f, size_t i)
{
	struct mount_attr attr = {
		.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID |
			MOUNT_ATTR_NODEV | MOUNT_ATTR_IDMAP,
		.userns_fd = (uint64_t)f->userns,
	};
	int fd = (int)syscall(SYS_open_tree, AT_FDCWD, f->layers[i],
			      OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

	if (fd < 0 || syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH, &attr,
			      sizeof(attr)) < 0)
		die(f->layers[i]);
	f->plan.trees[i] = fd;
}

/* As in runtime/spawn.c: the namespace's maker is not root. */
static void floor_owner(uid_t uid)
{
	struct {
		uint32_t version;
		int pid;
	} head = { 0x20080522, 0 };
	uint32_t caps[2][3];

	if (syscall(SYS_setresuid, -1, uid, -1) < 0)
		die("change the user id");
	if (uid == 0)
		return;
	if (syscall(SYS_capget, &head, caps) < 0)
		die("capget");
	caps[0][0] = caps[0][1];
	caps[1][0] = caps[1][1];
	if (syscall(SYS_capset, &head, caps) < 0)
		die("capset");
}

static pid_t floor_clone(struct floor *f)
{
	struct clone_args args = {
		.flags = NAMESPACES | CLONE_PIDFD | CLONE_CLEAR_SIGHAND |
			(f->group.into >= 0 ? CLONE_INTO_CGROUP : 0),
		.pidfd = (uint64_t)(uintptr_t)&f->pid_fd,
		.exit_signal = SIGCHLD,
		.cgroup = f->group.into >= 0 ? (uint64_t)f->group.into : 0,
	};
	sigset_t all, old;
	pid_t pid;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &old);
	floor_owner(FLOOR_FIRST);
	pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	if (pid == 0)
		floor_child(&f->plan);
	floor_owner(0);
	sigprocmask(SIG_SETMASK, &old, NULL);
	if (pid < 0)
		die("clone");
	return pid;
}

static void floor_name(struct floor *f)
{
	unsigned count = f->count++ & 0xffff;

	snprintf(f->port.link, sizeof(f->port.link), "dynob%06x%04x",
		 (unsigned)getpid() & 0xffffff, count);
	f->port.address.s_addr = htonl(0x64400000U | (f->number & 0x3f) << 16 |
				       count);
}

static void floor_serve(struct floor *f, int go, int report)
{
	int words[2];

	f->port.pid = floor_clone(f);
	close(f->plan.go);
	close(f->plan.report);
	floor_map(f->port.pid);
	if (write(go, "", 1) != 1 || !floor_net_attach(&f->net, &f->port) ||
	    write(go, "", 1) != 1)
		die("serve the child");
	if (read(report, words, sizeof(words)) != 0) {
		errno = words[0];
		fprintf(stderr, "floor: line %d of the child\n", words[1]);
		die("child");
	}
	close(go);
	close(report);
}

static void floor_end(struct floor *f)
{
	struct pollfd p = { .fd = f->pid_fd, .events = POLLIN };
	siginfo_t si = { .si_pid = 0 };

	if (poll(&p, 1, 20000) != 1 ||
	    waitid((idtype_t)P_PIDFD, (id_t)f->pid_fd, &si, WEXITED) < 0)
		die("wait");
	if (si.si_status != 0)
		fprintf(stderr, "floor: status %d\n", si.si_status);
	close(f->pid_fd);
}

static void floor_streams(struct floor *f, int *ret_go, int *ret_report)
{
	int out[2], go[2], report[2];

	if (pipe2(out, O_CLOEXEC) < 0 || pipe2(go, O_CLOEXEC) < 0 ||
	    pipe2(report, O_CLOEXEC) < 0 ||
	    fchown(out[0], FLOOR_FIRST + FLOOR_APP, FLOOR_FIRST + FLOOR_APP) < 0)
		die("pipe");
	f->plan.hold = out[0];
	f->plan.out = out[1];
	f->plan.go = go[0];
	*ret_go = f->plan.go_peer = go[1];
	*ret_report = report[0];
	f->plan.report = report[1];
}

static bool floor_once(void *userdata, struct round *ret)
{
	char messages[FLOOR_MESSAGES];
	struct floor *f = userdata;
	uint64_t t = round_now();
	int go, report;

	floor_name(f);
	if (!floor_groups_make(f->port.link, &f->group))
		die("make control groups");
	for (size_t i = 0; i < FLOOR_TREES; i++)
		floor_tree(f, i);
	floor_streams(f, &go, &report);
	f->plan.net = messages;
	f->plan.net_len = floor_net_inside(&f->port, messages, &f->plan.net_acks);
	floor_serve(f, go, report);
	ret->start = round_now() - t;
	for (size_t i = 0; i < FLOOR_TREES; i++)
		close(f->plan.trees[i]);
	close(f->plan.out);
	floor_groups_close(&f->group);
	floor_end(f);
	ret->exit = round_now() - t;
	close(f->plan.hold);
	if (!floor_groups_remove(f->port.link) ||
	    !floor_net_detach(&f->net, &f->port))
		die("remove");
	ret->gone = round_now() - t;
	return true;
}

int main(int argc, char **argv)
{
	static char *const with_init[] = {
		(char *)"dyno-init", (char *)"--", (char *)"/bin/true", NULL,
	};
	static char *const direct[] = { (char *)"/bin/true", NULL };
	static const struct round_fns fns = { .once = floor_once };
	struct floor f = { .userns = -1, .plan.init = -1 };
	bool no_init = false;
	int opt, r;

	while ((opt = getopt(argc, argv, "dn:")) != -1)
		if (opt == 'd')
			no_init = true;
		else if (opt == 'n')
			f.number = (unsigned)strtoul(optarg, NULL, 10);
	if (argc - optind != 2) {
		fprintf(stderr, "usage: floor [-d] [-n NUMBER] FILTER INIT\n");
		return 2;
	}
	/* First, so that all that the child keeps is above 4. */
	if (!floor_net_open(&f.net) || !floor_groups_open())
		die("set up");
	floor_filter(&f, argv[optind]);
	if (!no_init)
		f.plan.init = floor_init(argv[optind + 1]);
	f.plan.argv = no_init ? direct : with_init;
	f.plan.exit = memfd_create("exit", MFD_CLOEXEC);
	f.plan.group = &f.group;
	f.plan.cpu = (int)sysconf(_SC_NPROCESSORS_ONLN) - 1;
	floor_layers(&f);
	floor_userns(&f);
	r = round_serve(&fns, &f);
	floor_unlayer(&f);
	floor_groups_wipe();
	return r;
}
