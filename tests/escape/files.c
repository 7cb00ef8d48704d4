/*
 * files.c - probes: /proc, /sys, /dev, and what is open.
 */
#include "base/base.h"
#include "tests/escape/probe.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/mount.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define WALK_FDS 16

static int files_read(const struct probe *p)
{
	char text[64];
	int n = probe_slurp(p->args[0], text, sizeof(text));

	if (n >= 0)
		probe_say("%s", n ? "content" : "empty");
	return n;
}

static int files_write(const struct probe *p)
{
	return probe_write(p->args[0], p->args[1]);
}

/* Names in a directory, sorted. */
static int files_list(const struct probe *p)
{
	struct dirent **names;
	char all[512] = "";
	size_t len = 0;
	int n = scandir(p->args[0], &names, NULL, alphasort);

	for (int i = 0; i < n; i++)
		if (names[i]->d_name[0] != '.')
			len += (size_t)snprintf(all + len, sizeof(all) - len, "%s%s",
						len ? " " : "", names[i]->d_name);
	if (n >= 0)
		probe_say("%s", all);
	return n;
}

static int files_link(const struct probe *p)
{
	char target[256];
	ssize_t n = readlink(p->args[0], target, sizeof(target) - 1);

	if (n >= 0)
		probe_say("%.*s", (int)n, target);
	return -1;
}

/* Addresses of the kernel, and physical ones: zeros to whoever may not. */
static int files_symbols(const struct probe *p)
{
	char text[4096];

	if (probe_slurp(p->args[0], text, sizeof(text)) < 0)
		return -1;
	for (char *save, *line = strtok_r(text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save))
		if (line[strspn(line, "0- ")] != ':' &&
		    !str_after(line, "0000000000000000 "))
			probe_say("%s", line);
	probe_say("zeros");
}

static int files_pagemap(const struct probe *p)
{
	static volatile char page[1];
	int fd = open("/proc/self/pagemap", O_RDONLY);
	uint64_t entry = 0;

	page[0] = 1;
	if (fd < 0 || pread(fd, &entry, sizeof(entry),
			    (off_t)((uintptr_t)page / 4096 * sizeof(entry))) < 0)
		return -1;
	probe_say("%s", entry & ((1ULL << 55) - 1) ? "a frame" : "no frame");
}

/* ---- what can be written below a directory ---- */

static const char *const files_own[] = {
	/* of the dyno's own network, IPC, UTS, pid and user namespace */
	"/sys/class/net/", "/sys/devices/virtual/net/",
	"/proc/sys/net/", "/proc/sys/user/", "/proc/sys/fs/mqueue/",
	"/proc/sys/kernel/sem", "/proc/sys/kernel/shm", "/proc/sys/kernel/msg",
	"/proc/sys/kernel/hostname", "/proc/sys/kernel/domainname",
	"/proc/sys/kernel/auto_msgmni", "/proc/sys/kernel/ns_last_pid",
	"/proc/sys/kernel/pid_max",
};
static char files_found[256];

static int files_visit(const char *path, const struct stat *st, int type,
		       struct FTW *ftw)
{
	int fd;

	(void)st;
	(void)ftw;
	if (type != FTW_F)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(files_own); i++)
		if (str_after(path, files_own[i]) && probe_identity == IDENTITY_ROOT)
			return 0;
	fd = open(path, O_WRONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return 0;
	close(fd);
	snprintf(files_found, sizeof(files_found), "%s", path);
	return 1;
}

/* Below args[0], made writable before by whoever can. */
static int files_writable(const struct probe *p)
{
	int r;

	syscall(SYS_mount, NULL, p->args[0], NULL, MS_REMOUNT | MS_BIND, NULL);
	r = nftw(p->args[0], files_visit, WALK_FDS, FTW_PHYS);
	if (r < 0)
		return -1;
	probe_say("%s", r ? files_found : "nothing");
}

/* ---- descriptors, environments ---- */

/* 0, 1, 2, this process' pipe, and the directory that is being read. */
static int files_descriptors(const struct probe *p)
{
	DIR *dir = opendir("/proc/self/fd");
	char found[256] = "";
	size_t len = 0;
	struct dirent *d;

	while (dir && (d = readdir(dir))) {
		int fd = (int)strtol(d->d_name, NULL, 10);
		char target[128];
		ssize_t n = readlinkat(dirfd(dir), d->d_name, target,
				       sizeof(target) - 1);

		if (n < 0 || d->d_name[0] == '.' || fd == dirfd(dir))
			continue;
		target[n] = '\0';
		if (fd > 2 && !str_after(target, "pipe:"))
			len += (size_t)snprintf(found + len, sizeof(found) - len,
						" %d=%s", fd, target);
	}
	if (!dir)
		return -1;
	closedir(dir);
	probe_say("0 1 2%s", found);
}

/* No descriptor of ours is a way to a directory of the host. */
static int files_streams(const struct probe *p)
{
	for (int fd = 0; fd <= 2; fd++) {
		struct stat st;

		if (fstat(fd, &st) < 0)
			continue;
		if (S_ISDIR(st.st_mode) || S_ISREG(st.st_mode) || S_ISBLK(st.st_mode))
			probe_say("%d has mode %o", fd, st.st_mode);
		if (fchdir(fd) == 0)
			probe_say("%d is a directory", fd);
	}
	probe_say("no files");
}

/* Does any process that one may look at know the host's name for itself? */
static int files_environments(const struct probe *p)
{
	const char *secret = probe_setting("secret");
	static char text[1 << 16];
	DIR *dir = opendir("/proc");
	struct dirent *d;

	while (secret && dir && (d = readdir(dir))) {
		char path[64];
		int n;

		snprintf(path, sizeof(path), "/proc/%ld/environ",
			 strtol(d->d_name, NULL, 10));
		n = probe_slurp(path, text, sizeof(text));
		if (n > 0 && memmem(text, (size_t)n, secret, strlen(secret)))
			probe_say("%s", path);
	}
	if (!dir)
		return -1;
	closedir(dir);
	probe_say("nothing of the host");
}

/* The cgroup namespace: the dyno's group is the root of all it can name. */
static int files_cgroup(const struct probe *p)
{
	char text[4096];

	if (probe_slurp("/proc/self/cgroup", text, sizeof(text)) < 0)
		return -1;
	for (char *save, *line = strtok_r(text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save))
		if (strrchr(line, ':') && !str_eq(strrchr(line, ':'), ":/"))
			probe_say("%s", line);
	probe_say("/");
}

#define ALL(want) { want, want, want }
#define OPEN(path, flags) NULL, SYS_openat, { N(AT_FDCWD), path, N(flags) }
#define WRITE(path, text) files_write, 0, { path, text }
#define READ(path) files_read, 0, { path }

const struct probe probe_files[] = {
	/* Windows into the kernel. */
	{ "read /proc/kcore", ALL("empty|ENOENT"), READ("/proc/kcore") },
	{ "read /proc/keys", ALL("empty"), READ("/proc/keys") },
	{ "read /proc/timer_list", ALL("empty"), READ("/proc/timer_list") },
	{ "read /proc/interrupts", ALL("empty"), READ("/proc/interrupts") },
	{ "read /proc/sched_debug", ALL("ENOENT|empty"), READ("/proc/sched_debug") },
	{ "read /proc/kmsg", ALL("EACCES"), READ("/proc/kmsg") },
	{ "read /proc/kpagecount", ALL("EACCES"), READ("/proc/kpagecount") },
	{ "read /proc/kpageflags", ALL("EACCES"), READ("/proc/kpageflags") },
	{ "read /proc/slabinfo", ALL("EACCES"), READ("/proc/slabinfo") },
	{ "read /proc/vmallocinfo", ALL("EACCES"), READ("/proc/vmallocinfo") },
	{ "addresses in /proc/kallsyms", ALL("zeros"), files_symbols, 0,
	  { "/proc/kallsyms" } },
	{ "addresses in /proc/iomem", ALL("zeros|EACCES"), files_symbols, 0,
	  { "/proc/iomem" } },
	{ "frames of memory", ALL("no frame"), files_pagemap },
	{ "list /sys/firmware", ALL(""), files_list, 0, { "/sys/firmware" } },
	{ "list /sys/devices/virtual/dmi", ALL("|ENOENT"), files_list, 0,
	  { "/sys/devices/virtual/dmi" } },
	{ "list /sys/devices/virtual/powercap", ALL("|ENOENT"), files_list, 0,
	  { "/sys/devices/virtual/powercap" } },
	{ "list /sys/kernel/debug", ALL("|EACCES|ENOENT"), files_list, 0,
	  { "/sys/kernel/debug" } },
	{ "list /sys/kernel/tracing", ALL("|EACCES|ENOENT"), files_list, 0,
	  { "/sys/kernel/tracing" } },

	/* Switches of the kernel. */
	{ "write core_pattern", { "EACCES", "EACCES", "EACCES" },
	  WRITE("/proc/sys/kernel/core_pattern", "|/x") },
	{ "write kernel.modprobe", ALL("EACCES|ENOENT"),
	  WRITE("/proc/sys/kernel/modprobe", "/x") },
	{ "write kernel.hotplug", ALL("EACCES|ENOENT"),
	  WRITE("/proc/sys/kernel/hotplug", "/x") },
	{ "write vm.overcommit_memory", ALL("EACCES"),
	  WRITE("/proc/sys/vm/overcommit_memory", "1") },
	{ "write vm.drop_caches", ALL("EACCES"), WRITE("/proc/sys/vm/drop_caches", "1") },
	{ "write fs.file-max", ALL("EACCES"), WRITE("/proc/sys/fs/file-max", "9") },
	{ "write kernel.hostname", ALL("EACCES"),
	  WRITE("/proc/sys/kernel/hostname", "x") },
	{ "write net.ipv4.ip_forward", { "EACCES", "EACCES", "EROFS" },
	  WRITE("/proc/sys/net/ipv4/ip_forward", "1") },
	{ "register a binary format", ALL("EACCES|ENOENT"),
	  WRITE("/proc/sys/fs/binfmt_misc/register", ":x:M::x::/x:") },
	{ "sysrq-trigger", ALL("EACCES|ENOENT"), WRITE("/proc/sysrq-trigger", "?") },
	{ "affinity of interrupts", ALL("EACCES"),
	  WRITE("/proc/irq/default_smp_affinity", "1") },
	{ "write /proc/mtrr", ALL("EACCES|ENOENT"), WRITE("/proc/mtrr", "disable=0") },
	{ "what can be written below /proc/sys", ALL("nothing"), files_writable, 0,
	  { "/proc/sys" } },
	{ "what can be written below /sys", ALL("nothing"), files_writable, 0,
	  { "/sys" } },
	{ "uevent_helper", ALL("EACCES|ENOENT"), WRITE("/sys/kernel/uevent_helper",
	  "/x") },
	{ "put a disk to sleep", ALL("EACCES"), WRITE("/sys/power/state", "mem") },

	/* About oneself. */
	{ "write uid_map again", ALL("EPERM"), WRITE("/proc/self/uid_map", "0 0 1\n") },
	{ "write gid_map again", ALL("EPERM"), WRITE("/proc/self/gid_map", "0 0 1\n") },
	/* Once, for the dyno's own namespace; a project's number it cannot use. */
	{ "write projid_map", { "ok", "EPERM", "ok" },
	  WRITE("/proc/self/projid_map", "0 0 1\n") },
	{ "write setgroups", { "EACCES", "EPERM", "EPERM" },
	  WRITE("/proc/self/setgroups", "deny") },
	{ "a security label for exec", ALL("EINVAL|EACCES|ENOENT"),
	  WRITE("/proc/self/attr/exec", "unconfined") },
	{ "a security label now", ALL("EINVAL|EACCES|ENOENT"),
	  WRITE("/proc/self/attr/current", "unconfined") },
	{ "offsets of clocks", ALL("EPERM"), WRITE("/proc/self/timens_offsets",
	  "monotonic 9 0") },
	{ "the OOM score of PID 1", ALL("EACCES"), WRITE("/proc/1/oom_score_adj",
	  "-500") },
	{ "a lower OOM score", ALL("EACCES"), WRITE("/proc/self/oom_score_adj", "-500") },
	{ "the own program", ALL("ETXTBSY"), OPEN("/proc/self/exe", O_WRONLY) },
	{ "descriptors at the start", ALL("0 1 2"), files_descriptors },
	{ "what 0, 1 and 2 are", ALL("no files"), files_streams },
	{ "the name of the own group", ALL("/"), files_cgroup },
	{ "list the dyno's cgroup files", ALL("cpu.max memory memory.max pids.max"),
	  files_list, 0, { "/sys/fs/cgroup" } },
	{ "raise memory.max", { "EACCES", "EACCES", "EROFS" },
	  WRITE("/sys/fs/cgroup/memory.max", "max") },

	/* What there is. */
	{ "list /dev",
	  ALL("fd full mqueue null ptmx pts random shm stderr stdin stdout tty "
	  "urandom zero"), files_list, 0, { "/dev" } },
	{ "list /dev/pts", ALL("ptmx"), files_list, 0, { "/dev/pts" } },
	{ "list /dev/shm", ALL(""), files_list, 0, { "/dev/shm" } },
	{ "list /dev/mqueue", ALL(""), files_list, 0, { "/dev/mqueue" } },
	{ "environments of others", ALL("nothing of the host"), files_environments },
	{ "link to the program of PID 1", ALL("EACCES"), files_link, 0,
	  { "/proc/1/exe" } },
	{ NULL },
};
