/*
 * processes.c - probes: PID 1, other processes, and who one is.
 *
 * PID 1 is ours and holds descriptors that the app must not have. It runs under
 * the app's user id, not dumpable. Its program is a file that nobody of the dyno
 * may read; the kernel therefore counts its memory as the host's, and lets not
 * even root of the dyno's namespace look into it.
 */
#include "base/base.h"
#include "tests/escape/probe.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>

#define PROCESSES_MAX 64

/* ---- PID 1 ---- */

static int processes_memory(const struct probe *p)
{
	char data[16];
	struct iovec here = { data, sizeof(data) };
	struct iovec there = { (void *)(uintptr_t)0x400000, sizeof(data) };

	return (int)process_vm_readv(1, &here, 1, &there, 1, 0);
}

static int processes_poke(const struct probe *p)
{
	char data[16] = "";
	struct iovec here = { data, sizeof(data) };
	struct iovec there = { (void *)(uintptr_t)0x400000, sizeof(data) };

	return (int)process_vm_writev(1, &here, 1, &there, 1, 0);
}

static int processes_descriptor(const struct probe *p)
{
	int pidfd = (int)syscall(SYS_pidfd_open, 1, 0), got = -1;

	for (int fd = 3; pidfd >= 0 && got < 0 && fd < PROCESSES_MAX; fd++)
		got = (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);
	return got;
}

/* What PID 1 has open: nothing by which one could walk through the host. */
static int processes_descriptors(const struct probe *p)
{
	DIR *dir = opendir("/proc/1/fd");
	struct dirent *d;

	while (dir && (d = readdir(dir))) {
		struct stat st;

		if (d->d_name[0] == '.' || fstatat(dirfd(dir), d->d_name, &st, 0) < 0)
			continue;
		if (S_ISDIR(st.st_mode) || S_ISSOCK(st.st_mode) || S_ISBLK(st.st_mode) ||
		    openat(dirfd(dir), d->d_name, O_RDONLY | O_DIRECTORY) >= 0)
			probe_say("%s has mode %o", d->d_name, st.st_mode);
	}
	if (!dir)
		return -1;
	closedir(dir);
	probe_say("no way out");
}

/* The exit record is a file of the host: it cannot be opened anew. */
static int processes_record(const struct probe *p)
{
	int n = 0;

	for (int fd = 3; fd < PROCESSES_MAX; fd++) {
		char path[32];
		struct stat st;

		snprintf(path, sizeof(path), "/proc/1/fd/%d", fd);
		if (stat(path, &st) < 0 || !S_ISREG(st.st_mode))
			continue;
		n++;
		if (open(path, O_WRONLY) >= 0)
			probe_say("%d could be opened", fd);
	}
	if (!n && access("/proc/1/fd", R_OK) < 0)
		return -1;
	return n ? -1 : 0;
}

static int processes_root(const struct probe *p)
{
	struct stat here, there;

	if (stat("/", &here) < 0 || stat("/proc/1/root", &there) < 0)
		return -1;
	probe_say("%s", here.st_dev == there.st_dev && here.st_ino == there.st_ino
		  ? "the same root" : "another root");
}

/* ---- others ---- */

static int processes_list(const struct probe *p)
{
	DIR *dir = opendir("/proc");
	struct dirent *d;
	char name[32];

	while (dir && (d = readdir(dir))) {
		int pid = (int)strtol(d->d_name, NULL, 10);
		char path[32], text[4096], *pids;

		if (pid <= 0)
			continue;
		/* In a pid namespace of one level everybody has two ids, and
		 * sees one of them. */
		snprintf(path, sizeof(path), "/proc/%d/status", pid);
		if (probe_slurp(path, text, sizeof(text)) < 0)
			continue;
		pids = strstr(text, "\nNSpid:");
		if (!pids || strtol(pids + 7, &pids, 10) != pid || *pids != '\n')
			probe_say("process %d is of another namespace", pid);
	}
	if (!dir)
		return -1;
	closedir(dir);
	if (probe_slurp("/proc/1/comm", name, sizeof(name)) < 0)
		return -1;
	probe_say("%s", strncmp(name, "dyno-init", 9) == 0 ? "its own" : name);
}

/* A process of the host, whose number is given. */
static int processes_signal(const struct probe *p)
{
	const char *pid = probe_setting("pid");

	return pid ? kill((pid_t)strtol(pid, NULL, 10), 0) : 0;
}

/* All that a signal to everybody reaches is in the dyno. */
static int processes_kill_init(const struct probe *p)
{
	if (kill(1, SIGKILL) < 0)
		return -1;
	usleep(1000);
	probe_say("%s", access("/proc/1/comm", F_OK) == 0 ? "it lives" : "it died");
}

/* ---- identities ---- */

static int processes_capset(const struct probe *p)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct all[2] = {
		{ ~0U, ~0U, ~0U }, { ~0U, ~0U, ~0U },
	};

	return (int)syscall(SYS_capset, &head, all);
}

/* Which set of capabilities still has something in it? */
static int processes_capabilities(const struct probe *p)
{
	static const char *const sets[] = {
		"CapInh:\t", "CapPrm:\t", "CapEff:\t", "CapBnd:\t", "CapAmb:\t",
	};
	char text[4096];

	if (probe_slurp("/proc/self/status", text, sizeof(text)) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(sets); i++) {
		const char *set = strstr(text, sets[i]);

		if (!set || strtoull(set + strlen(sets[i]), NULL, 16))
			probe_say("%s", sets[i]);
	}
	probe_say("none");
}

static int processes_status(const struct probe *p)
{
	char text[4096], *value;

	if (probe_slurp("/proc/self/status", text, sizeof(text)) < 0)
		return -1;
	value = strstr(text, p->args[0]);
	value = value ? value + strlen(p->args[0]) : text;
	probe_say("%.*s", (int)strcspn(value, "\n"), value);
}

/* A set-uid program of the stack waits for a password: as whom? */
static int processes_set_uid(const struct probe *p)
{
	char path[64], text[4096], *uid;
	const struct timespec pause = { .tv_nsec = 2000000 };
	struct stat st;
	int in[2];
	pid_t pid;

	if (stat("/usr/bin/su", &st) < 0 || !(st.st_mode & S_ISUID) || pipe(in) < 0)
		probe_say("no set-uid program to try");
	pid = fork();
	if (pid == 0) {
		dup2(in[0], 0);
		close(1);
		close(2);
		execl("/usr/bin/su", "su", (char *)NULL);
		_exit(127);
	}
	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	for (int i = 0; i < 1000 && waitpid(pid, NULL, WNOHANG) == 0; i++) {
		if (probe_slurp(path, text, sizeof(text)) < 0)
			break;
		uid = strstr(text, "\nUid:");
		if (str_after(text, "Name:\tsu\n") && uid) {
			uid[strcspn(uid + 1, "\n") + 1] = '\0';
			probe_say("%s", strstr(uid, "\t0") ? "root" : "itself");
		}
		nanosleep(&pause, NULL);
	}
	probe_say("itself");	/* it gave up at once, as it does without rights */
}

static int processes_real_time(const struct probe *p)
{
	struct sched_param param = { .sched_priority = 1 };

	return sched_setscheduler(0, SCHED_FIFO, &param);
}

static int processes_limit(const struct probe *p)
{
	struct rlimit limit;
	int which = (int)(uintptr_t)p->args[0];

	if (getrlimit(which, &limit) < 0)
		return -1;
	if (limit.rlim_max == RLIM_INFINITY)
		probe_say("unlimited");
	limit.rlim_cur = limit.rlim_max + 1;
	limit.rlim_max++;
	return setrlimit(which, &limit);
}

/* 0 and anything above 1 would have the host's handler of cores started. */
static int processes_core(const struct probe *p)
{
	static const rlim_t others[] = { 0, 4096, RLIM_INFINITY };
	struct rlimit limit;

	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		limit = (struct rlimit){ others[i], others[i] };
		setrlimit(RLIMIT_CORE, &limit);
		limit = (struct rlimit){ others[i], 1 };
		syscall(SYS_prlimit64, getpid(), RLIMIT_CORE, &limit, NULL);
	}
	if (getrlimit(RLIMIT_CORE, &limit) < 0)
		return -1;
	if (limit.rlim_cur == limit.rlim_max)
		probe_say("%llu", (unsigned long long)limit.rlim_max);
	probe_say("%llu to %llu", (unsigned long long)limit.rlim_cur,
		  (unsigned long long)limit.rlim_max);
}

#define ALL(want) { want, want, want }
#define OPEN(path, flags) NULL, SYS_openat, { N(AT_FDCWD), path, N(flags) }

const struct probe probe_processes[] = {
	/* PID 1. */
	{ "attach to PID 1", ALL("EPERM"), NULL, SYS_ptrace, { N(PTRACE_SEIZE), N(1) } },
	{ "read the memory of PID 1", ALL("EPERM"), processes_memory },
	{ "write the memory of PID 1", ALL("EPERM"), processes_poke },
	{ "a descriptor of PID 1", ALL("EPERM"), processes_descriptor },
	{ "compare with PID 1", ALL("EPERM"), NULL, SYS_kcmp,
	  { N(1), N(1), N(1) /* KCMP_VM */ } },
	{ "list /proc/1/fd", ALL("EACCES"), processes_descriptors },
	{ "open the exit record anew", ALL("EACCES"), processes_record },
	{ "read /proc/1/environ", ALL("EACCES"), OPEN("/proc/1/environ", O_RDONLY) },
	{ "read /proc/1/mem", ALL("EACCES"), OPEN("/proc/1/mem", O_RDONLY) },
	{ "read /proc/1/auxv", ALL("EACCES"), OPEN("/proc/1/auxv", O_RDONLY) },
	{ "read /proc/1/maps", ALL("EACCES"), OPEN("/proc/1/maps", O_RDONLY) },
	{ "follow /proc/1/root", ALL("EACCES"), processes_root },
	{ "follow /proc/1/cwd", ALL("EACCES"), OPEN("/proc/1/cwd", O_RDONLY) },
	{ "run the program of PID 1", ALL("EACCES"), OPEN("/proc/1/exe", O_RDONLY) },
	{ "overwrite the program of PID 1", ALL("EACCES"),
	  OPEN("/proc/1/exe", O_WRONLY) },
	{ "kill PID 1", ALL("it lives"), processes_kill_init },
	{ "more of PID 1's limits", ALL("EPERM"), NULL, SYS_prlimit64,
	  { N(1), N(RLIMIT_MEMLOCK), &(const struct rlimit){ 1 << 30, 1 << 30 } } },

	/* Others. */
	{ "see processes of others", ALL("its own"), processes_list },
	{ "signal a process of the host", ALL("ESRCH"), processes_signal },

	/* Identities. */
	{ "become root", { "EPERM", NULL, NULL }, NULL, SYS_setuid, { N(0) } },
	{ "join other groups", { "EPERM", "EPERM", NULL }, NULL, SYS_setgroups,
	  { N(1), &(const unsigned){ 0 } } },
	{ "capabilities that are left", { "none", NULL, NULL }, processes_capabilities },
	{ "take capabilities", { "EPERM", NULL, NULL }, processes_capset },
	{ "an ambient capability", { "EPERM", NULL, NULL }, NULL, SYS_prctl,
	  { N(PR_CAP_AMBIENT), N(PR_CAP_AMBIENT_RAISE), N(CAP_SYS_ADMIN) } },
	{ "secure bits", { "EPERM", NULL, NULL }, NULL, SYS_prctl,
	  { N(PR_SET_SECUREBITS) } },
	{ "take no_new_privs back", { "EINVAL", NULL, NULL }, NULL, SYS_prctl,
	  { N(PR_SET_NO_NEW_PRIVS) } },
	{ "no_new_privs", { "1", NULL, NULL }, processes_status, 0,
	  { "\nNoNewPrivs:\t" } },
	{ "groups", { " ", NULL, NULL }, processes_status, 0, { "\nGroups:\t" } },
	{ "a set-uid program", { "itself", NULL, NULL }, processes_set_uid },
	{ "more CPU than others", { "EACCES|EPERM", "EACCES|EPERM", "EACCES|EPERM" },
	  NULL,
	  SYS_setpriority, { N(PRIO_PROCESS), N(0), N(-10) } },
	{ "real-time priority", ALL("EPERM"), processes_real_time },
	{ "real-time disk access", ALL("EPERM"), NULL, SYS_ioprio_set, { N(1), N(0),
	  N(1 << 13) } },
	{ "the limit of core files", { "1", NULL, NULL }, processes_core },
	{ "more open files", ALL("EPERM"), processes_limit, 0, { N(RLIMIT_NOFILE) } },
	{ "more processes", { "EPERM", NULL, NULL }, processes_limit, 0,
	  { N(RLIMIT_NPROC) } },
	{ "more pending signals", { "EPERM", NULL, NULL }, processes_limit, 0,
	  { N(RLIMIT_SIGPENDING) } },
	{ "more message queues", { "EPERM", NULL, NULL }, processes_limit, 0,
	  { N(RLIMIT_MSGQUEUE) } },
	{ "more locked memory", { "EPERM", NULL, NULL }, processes_limit, 0,
	  { N(RLIMIT_MEMLOCK) } },
	{ "filters are on", { "2", "0", "0" }, processes_status, 0, { "\nSeccomp:\t" } },
	{ NULL },
};
