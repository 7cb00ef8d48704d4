/*
 * doctor_kernel.c - links, control groups, processes, packet filter, mounts and loop
 * devices of an instance.
 */
#include "cli/host/doctor.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/id.h"
#include "base/process.h"
#include "http/json.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define DOCTOR_CGROUP_DIR "/sys/fs/cgroup"
#define DOCTOR_CGROUP_DEPTH 5
#define DOCTOR_FILE_MAX (4 * 1024 * 1024)
#define DOCTOR_UID_BASE 0x10000000u
#define DOCTOR_UID_RANGE 0x2000000u
#define DOCTOR_REMOVE_USEC (3 * USEC_PER_SEC)
#define DOCTOR_REMOVE_PAUSE_MSEC 20

/* ---- programs ---- */

static char *doctor_program(const char *name)
{
	static const char *const places[] = {
		"/usr/sbin", "/sbin", "/usr/bin", "/bin", "/usr/local/sbin",
	};

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		char *path = xasprintf("%s/%s", places[i], name);

		if (access(path, X_OK) == 0)
			return path;
		free(path);
	}
	return NULL;
}

/* argv[0] is the name. true: status 0; out may be NULL. */
static bool doctor_run(char *const *argv, struct buf *out)
{
	auto_free char *path = doctor_program(argv[0]);
	auto_close int null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	auto_close int text_fd = memfd_create("output", MFD_CLOEXEC);
	auto_close int pidfd = -1;
	struct process_spec spec = PROCESS_SPEC_INIT;
	int status = 1;
	pid_t pid;

	if (!path || text_fd < 0)
		return false;
	spec.path = path;
	spec.argv = argv;
	spec.stdout_fd = text_fd;
	spec.stderr_fd = null_fd;
	if (process_spawn(&spec, &pid, &pidfd, NULL) < 0 ||
	    process_wait(pidfd, &status, NULL) < 0 || status != 0)
		return false;
	if (out) {
		auto_free char *self = xasprintf("/proc/self/fd/%d", text_fd);

		return file_read(AT_FDCWD, self, DOCTOR_FILE_MAX, out, NULL) >= 0;
	}
	return true;
}

/* ---- links ---- */

static void doctor_look_links(const struct doctor *d, struct doctor_findings *f)
{
	auto_free char *ours = xasprintf("%s-", d->prefix);
	DIR *net = opendir("/sys/class/net");
	struct dirent *ent;

	while (net && (ent = readdir(net)))
		if (str_after(ent->d_name, ours) && !strv_has(&d->links, ent->d_name))
			doctor_add(f, DOCTOR_LINK, ent->d_name);
	if (net)
		closedir(net);
}

/* ---- control groups ---- */

static void doctor_look_group(const struct doctor *d, struct doctor_findings *f,
			      const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *ent;

	while (dir && (ent = readdir(dir))) {
		auto_free char *sub = xasprintf("%s/%s", path, ent->d_name);

		if (id_is_uuid(ent->d_name) && !strv_has(&d->uuids, ent->d_name))
			doctor_add(f, DOCTOR_CGROUP, sub);
	}
	if (dir)
		closedir(dir);
}

static void doctor_look_cgroups(const struct doctor *d, struct doctor_findings *f,
				const char *path, int depth)
{
	DIR *dir = opendir(path);
	struct dirent *ent;

	while (dir && (ent = readdir(dir))) {
		auto_free char *sub = NULL;

		if (ent->d_type != DT_DIR || ent->d_name[0] == '.')
			continue;
		sub = xasprintf("%s/%s", path, ent->d_name);
		if (str_eq(ent->d_name, d->prefix))
			doctor_look_group(d, f, sub);
		else if (depth < DOCTOR_CGROUP_DEPTH)
			doctor_look_cgroups(d, f, sub, depth + 1);
	}
	if (dir)
		closedir(dir);
}

/* ---- processes ---- */

static bool doctor_is_ours(const struct doctor *d, pid_t pid)
{
	uid_t first = DOCTOR_UID_BASE + DOCTOR_UID_RANGE *
		      (unsigned)strtoul(d->prefix + strlen("dyno"), NULL, 10);
	auto_free char *path = xasprintf("/proc/%d", (int)pid);
	struct stat st;

	return stat(path, &st) == 0 && st.st_uid >= first &&
	       st.st_uid - first < DOCTOR_UID_RANGE;
}

/* In a dyno on record, or ended already. */
static bool doctor_is_owned(const struct doctor *d, pid_t pid)
{
	auto_free char *path = xasprintf("/proc/%d/cgroup", (int)pid);
	auto_free char *cmdline = xasprintf("/proc/%d/cmdline", (int)pid);
	auto_buf text = BUF_INIT, args = BUF_INIT;
	char *rest, *line, uuid[37];

	if (file_read(AT_FDCWD, path, DOCTOR_FILE_MAX, &text, NULL) < 0 ||
	    file_read(AT_FDCWD, cmdline, DOCTOR_FILE_MAX, &args, NULL) < 0 ||
	    args.len == 0)
		return true;
	rest = text.data;
	while (rest && (line = strsep(&rest, "\n")))
		if (doctor_cgroup_uuid(line, d->prefix, uuid) &&
		    strv_has(&d->uuids, uuid))
			return true;
	return false;
}

static void doctor_look_processes(const struct doctor *d, struct doctor_findings *f)
{
	DIR *proc = opendir("/proc");
	struct dirent *ent;

	while (proc && (ent = readdir(proc))) {
		pid_t pid = (pid_t)strtol(ent->d_name, NULL, 10);

		if (isdigit((unsigned char)ent->d_name[0]) && doctor_is_ours(d, pid) &&
		    !doctor_is_owned(d, pid))
			doctor_add(f, DOCTOR_PROCESS, ent->d_name);
	}
	if (proc)
		closedir(proc);
}

/* Behind the handle it is looked at again: the number may be another's by now. */
static bool doctor_kill(const struct doctor *d, pid_t pid)
{
	auto_close int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd p = { .fd = fd, .events = POLLIN };

	if (fd < 0 || !doctor_is_ours(d, pid) || doctor_is_owned(d, pid))
		return true;
	syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0);
	return poll(&p, 1, DOCTOR_REMOVE_USEC / USEC_PER_MSEC) > 0;
}

static void doctor_kill_group(const struct doctor *d, const char *path)
{
	auto_free char *file = xasprintf("%s/cgroup.procs", path);
	auto_buf text = BUF_INIT;
	char *rest, *line;

	if (file_read(AT_FDCWD, file, DOCTOR_FILE_MAX, &text, NULL) < 0)
		return;
	rest = text.data;
	while (rest && (line = strsep(&rest, "\n")))
		if (*line)
			doctor_kill(d, (pid_t)strtol(line, NULL, 10));
}

static bool doctor_remove_group(const struct doctor *d, const char *path)
{
	uint64_t end = clock_mono_usec() + DOCTOR_REMOVE_USEC;

	for (;;) {
		doctor_kill_group(d, path);
		if (rmdir(path) == 0 || errno == ENOENT)
			return true;
		if (clock_mono_usec() > end)
			return false;
		poll(NULL, 0, DOCTOR_REMOVE_PAUSE_MSEC);
	}
}

/* ---- packet filter ---- */

static void doctor_look_addresses(const struct doctor *d, struct doctor_findings *f)
{
	char *argv[] = { (char *)"nft", (char *)"-j", (char *)"list", (char *)"map",
			 (char *)"inet", d->prefix, (char *)"egress", NULL };
	auto_buf text = BUF_INIT;
	auto_json *j = NULL;
	json_t *item, *elem;
	size_t i, k;

	if (!doctor_run(argv, &text) ||
	    json_parse(buf_str(&text), text.len, &j, NULL) < 0)
		return;
	json_array_foreach(json_object_get(j, "nftables"), i, item)
		json_array_foreach(json_object_get(json_object_get(item, "map"), "elem"),
				   k, elem) {
			const char *address = json_string_value(json_array_get(elem, 0));

			if (address && !strv_has(&d->addresses, address))
				doctor_add(f, DOCTOR_ADDRESS, address);
		}
}

/* ---- mounts and loop devices ---- */

static void doctor_look_mounts(const struct doctor *d, struct doctor_findings *f)
{
	auto_buf text = BUF_INIT;
	char *line, *rest;

	if (file_read(AT_FDCWD, "/proc/self/mountinfo", DOCTOR_FILE_MAX, &text, NULL) < 0)
		return;
	rest = text.data;
	while (rest && (line = strsep(&rest, "\n"))) {
		char point[4096];
		const char *below;

		if (sscanf(line, "%*s %*s %*s %*s %4095s", point) != 1)
			continue;
		below = str_after(point, d->run);
		if (below && *below == '/')
			doctor_add(f, DOCTOR_MOUNT, point);
	}
}

static void doctor_look_loop(const struct doctor *d, struct doctor_findings *f,
			     const char *name)
{
	auto_free char *path = xasprintf("/sys/block/%s/loop/backing_file", name);
	auto_buf text = BUF_INIT;
	const char *below;

	if (file_read(AT_FDCWD, path, DOCTOR_FILE_MAX, &text, NULL) < 0)
		return;
	below = str_after(buf_str(&text), d->lib);
	if (below && *below == '/' && strstr(below, " (deleted)"))
		doctor_add(f, DOCTOR_LOOP, name);
}

static void doctor_look_loops(const struct doctor *d, struct doctor_findings *f)
{
	DIR *dir = opendir("/sys/block");
	struct dirent *ent;

	while (dir && (ent = readdir(dir)))
		if (str_after(ent->d_name, "loop"))
			doctor_look_loop(d, f, ent->d_name);
	if (dir)
		closedir(dir);
}

static bool doctor_detach(const char *name)
{
	auto_free char *path = xasprintf("/dev/%s", name);
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd >= 0 && ioctl(fd, LOOP_CLR_FD, 0) == 0;
}

/* ---- all ---- */

void doctor_kernel_look(const struct doctor *d, struct doctor_findings *f)
{
	doctor_look_mounts(d, f);
	doctor_look_loops(d, f);
	if (!d->prefix)
		return;
	doctor_look_processes(d, f);
	doctor_look_cgroups(d, f, DOCTOR_CGROUP_DIR, 0);
	doctor_look_links(d, f);
	doctor_look_addresses(d, f);
}

bool doctor_kernel_repair(const struct doctor *d, const struct doctor_finding *x)
{
	char *link[] = { (char *)"ip", (char *)"link", (char *)"delete", x->name, NULL };
	auto_free char *sysfs = xasprintf("/sys/class/net/%s", x->name);
	auto_free char *set = xasprintf("{ %s }", x->name);
	char *element[] = { (char *)"nft", (char *)"delete", (char *)"element",
			    (char *)"inet", d->prefix, (char *)"egress", set, NULL };

	if (x->kind == DOCTOR_PROCESS)
		return doctor_kill(d, (pid_t)strtol(x->name, NULL, 10));
	if (x->kind == DOCTOR_CGROUP)
		return doctor_remove_group(d, x->name);
	if (x->kind == DOCTOR_LINK)	/* one end of a pair takes the other with it */
		return doctor_run(link, NULL) || access(sysfs, F_OK) < 0;
	if (x->kind == DOCTOR_ADDRESS)
		return doctor_run(element, NULL);
	if (x->kind == DOCTOR_MOUNT)
		return umount2(x->name, UMOUNT_NOFOLLOW) == 0;
	return x->kind == DOCTOR_LOOP && doctor_detach(x->name);
}
