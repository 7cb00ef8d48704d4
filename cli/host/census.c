#include "cli/host/census.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/process.h"
#include "base/strv.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>

#define CENSUS_CMDLINE_MAX (128 * 1024)
#define CENSUS_ARGS_MAX 64
#define CENSUS_KILL_USEC (5 * USEC_PER_SEC)
#define CENSUS_MOUNTS_MAX (4 * 1024 * 1024)
#define CENSUS_CGROUP_DEPTH 5

static const char *const census_programs[CENSUS_ROLE_COUNT] = {
	[CENSUS_KEEPER] = "dynoctl",
	[CENSUS_ROUTER] = "dyno-router",
	[CENSUS_HAPROXY] = "haproxy",
	[CENSUS_CONTROLLER] = "dyno-controller",
	[CENSUS_DYNOD] = "dynod",
	[CENSUS_SUPERVISOR] = "dyno-supervisor",
	[CENSUS_SLUG_JOB] = "dyno-slug",
};

const char *census_role_name(enum census_role role)
{
	return role == CENSUS_KEEPER ? "keeper" : census_programs[role];
}

void census_deinit(struct census *c)
{
	free(c->v);
	*c = CENSUS_INIT;
}

/* ---- processes ---- */

static bool census_below(const char *arg, const char *dir)
{
	const char *value = str_after(arg, "--root=");
	const char *rest = str_after(value ? value : arg, dir);

	return rest && (*rest == '\0' || *rest == '/');
}

bool census_match(const char *const *argv, size_t n, const char *dir,
		  enum census_role *ret)
{
	const char *name = n > 0 ? strrchr(argv[0], '/') : NULL;
	bool below = false, keep = false;

	if (n == 0)
		return false;
	name = name ? name + 1 : argv[0];
	for (size_t i = 1; i < n; i++) {
		below |= census_below(argv[i], dir);
		keep |= str_eq(argv[i], "keep") && str_eq(argv[i - 1], "sandbox");
	}
	for (int role = 0; below && role < CENSUS_ROLE_COUNT; role++)
		if (str_eq(name, census_programs[role]) &&
		    (role != CENSUS_KEEPER || keep)) {
			*ret = (enum census_role)role;
			return true;
		}
	return false;
}

/* HAProxy is started with names relative to the router's directory. */
static bool census_match_cwd(pid_t pid, const char *name, const char *dir)
{
	auto_free char *path = xasprintf("/proc/%d/cwd", (int)pid);
	const char *base = strrchr(name, '/');
	char cwd[4096];
	ssize_t n;

	if (!str_eq(base ? base + 1 : name, census_programs[CENSUS_HAPROXY]))
		return false;
	n = readlink(path, cwd, sizeof(cwd) - 1);
	cwd[n < 0 ? 0 : n] = '\0';
	return census_below(cwd, dir);
}

static bool census_match_pid(pid_t pid, const char *dir, enum census_role *ret)
{
	auto_free char *path = xasprintf("/proc/%d/cmdline", (int)pid);
	const char *argv[CENSUS_ARGS_MAX];
	auto_buf text = BUF_INIT;
	size_t n = 0;

	if (file_read(AT_FDCWD, path, CENSUS_CMDLINE_MAX, &text, NULL) < 0)
		return false;
	for (size_t at = 0; at < text.len && n < CENSUS_ARGS_MAX; n++) {
		argv[n] = text.data + at;
		at += strlen(argv[n]) + 1;
	}
	if (n > 0 && census_match_cwd(pid, argv[0], dir)) {
		*ret = CENSUS_HAPROXY;
		return true;
	}
	return census_match(argv, n, dir, ret);
}

static int census_compare(const void *a, const void *b)
{
	const struct census_process *x = a, *y = b;

	if (x->role != y->role)
		return x->role < y->role ? -1 : 1;
	return x->pid < y->pid ? -1 : x->pid > y->pid;
}

int census_take(struct census *c, const char *dir, struct error *e)
{
	DIR *proc = opendir("/proc");
	struct dirent *ent;
	enum census_role role;

	*c = CENSUS_INIT;
	if (!proc)
		return error_sys(e, "read /proc");
	while ((ent = readdir(proc))) {
		pid_t pid = (pid_t)strtol(ent->d_name, NULL, 10);

		if (!isdigit((unsigned char)ent->d_name[0]) || pid == getpid() ||
		    !census_match_pid(pid, dir, &role))
			continue;
		c->v = xrealloc(c->v, (c->n + 1) * sizeof(*c->v));
		c->v[c->n++] = (struct census_process){ role, pid };
	}
	closedir(proc);
	if (c->n > 0)
		qsort(c->v, c->n, sizeof(*c->v), census_compare);
	return 0;
}

static int census_pidfd(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

/* true if it is gone before the deadline. */
static bool census_await(int pidfd, uint64_t deadline_usec)
{
	for (;;) {
		struct pollfd p = { .fd = pidfd, .events = POLLIN };
		uint64_t now = clock_mono_usec();
		int ms = now < deadline_usec
			 ? (int)((deadline_usec - now) / USEC_PER_MSEC) + 1 : 0;
		int r = poll(&p, 1, ms);

		if (r > 0)
			return true;
		if (r == 0)
			return false;
		if (errno != EINTR)
			return true;
	}
}

static int census_end_pid(pid_t pid, const char *dir, enum census_role role,
			  uint64_t term_usec, struct error *e)
{
	auto_close int fd = census_pidfd(pid);
	enum census_role now;

	/* The number may be another's by now: look again, behind the handle. */
	if (fd < 0 || !census_match_pid(pid, dir, &now) || now != role)
		return 0;
	syscall(SYS_pidfd_send_signal, fd, SIGTERM, NULL, 0);
	if (census_await(fd, clock_mono_usec() + term_usec))
		return 0;
	syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0);
	if (census_await(fd, clock_mono_usec() + CENSUS_KILL_USEC))
		return 0;
	return error_set(e, ETIMEDOUT, "%s (pid %d) does not end, not even by "
			 "SIGKILL", census_role_name(role), (int)pid);
}

int census_end(const char *dir, enum census_role role, uint64_t term_usec,
	       struct error *e)
{
	auto_(census_deinit) struct census c = CENSUS_INIT;
	int r;

	r = census_take(&c, dir, e);
	for (size_t i = 0; r == 0 && i < c.n; i++)
		if (c.v[i].role == role)
			r = census_end_pid(c.v[i].pid, dir, role, term_usec, e);
	return r;
}

/* ---- kernel objects ---- */

static bool census_alias_is(const char *link, const char *dir)
{
	auto_free char *path = xasprintf("/sys/class/net/%s/ifalias", link);
	auto_buf text = BUF_INIT;

	if (file_read(AT_FDCWD, path, 4096, &text, NULL) < 0)
		return false;
	while (text.len > 0 && text.data[text.len - 1] == '\n')
		text.data[--text.len] = '\0';
	return str_eq(buf_str(&text), dir);
}

char *census_prefix(const char *dir)
{
	DIR *net = opendir("/sys/class/net");
	struct dirent *ent;
	char *found = NULL;

	while (net && !found && (ent = readdir(net)))
		if (str_after(ent->d_name, "dyno") &&
		    !strchr(ent->d_name, '-') &&
		    census_alias_is(ent->d_name, dir))
			found = xstrdup(ent->d_name);
	if (net)
		closedir(net);
	return found;
}

static void census_links(const char *prefix, struct strv *ret)
{
	DIR *net = opendir("/sys/class/net");
	struct dirent *ent;

	while (net && (ent = readdir(net))) {
		const char *rest = str_after(ent->d_name, prefix);

		if (rest && (*rest == '\0' || *rest == '-'))
			strv_addf(ret, "network link %s", ent->d_name);
	}
	if (net)
		closedir(net);
}

/* Parents of an instance are not far from the top of a hierarchy. */
static void census_cgroups(const char *path, const char *prefix, int depth,
			   struct strv *ret)
{
	DIR *d = opendir(path);
	struct dirent *ent;

	while (d && (ent = readdir(d))) {
		auto_free char *sub = NULL;

		if (ent->d_type != DT_DIR || ent->d_name[0] == '.')
			continue;
		sub = xasprintf("%s/%s", path, ent->d_name);
		if (str_eq(ent->d_name, prefix))
			strv_addf(ret, "control group %s", sub);
		else if (depth < CENSUS_CGROUP_DEPTH)
			census_cgroups(sub, prefix, depth + 1, ret);
	}
	if (d)
		closedir(d);
}

static char *census_find_nft(void)
{
	static const char *const places[] = {
		"/usr/sbin/nft", "/sbin/nft", "/usr/local/sbin/nft",
	};

	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (access(places[i], X_OK) == 0)
			return xstrdup(places[i]);
	return NULL;
}

static void census_table(char *nft, const char *family, const char *prefix,
			 struct strv *ret)
{
	char *argv[] = { nft, (char *)"list", (char *)"table", (char *)family,
			 (char *)prefix, NULL };
	struct process_spec spec = PROCESS_SPEC_INIT;
	auto_close int null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	auto_close int pidfd = -1;
	int status = 1;
	pid_t pid;

	spec.path = nft;
	spec.argv = argv;
	spec.stderr_fd = null_fd;	/* "No such file or directory" is good */
	if (process_spawn(&spec, &pid, &pidfd, NULL) == 0 &&
	    process_wait(pidfd, &status, NULL) == 0 && status == 0)
		strv_addf(ret, "packet filter table %s %s", family, prefix);
}

static void census_tables(const char *prefix, struct strv *ret)
{
	auto_free char *nft = census_find_nft();

	if (!nft)
		return;
	census_table(nft, "inet", prefix, ret);
	census_table(nft, "bridge", prefix, ret);
}

static void census_mounts(const char *dir, struct strv *ret)
{
	auto_buf text = BUF_INIT;
	char *line, *rest;

	if (file_read(AT_FDCWD, "/proc/self/mountinfo", CENSUS_MOUNTS_MAX, &text,
		      NULL) < 0)
		return;
	rest = text.data;
	while (rest && (line = strsep(&rest, "\n"))) {
		char point[4096];

		if (sscanf(line, "%*s %*s %*s %*s %4095s", point) == 1 &&
		    census_below(point, dir) && !str_eq(point, dir))
			strv_addf(ret, "mount %s", point);
	}
}

/* The bridge is what an instance makes first, and removes last. */
static bool census_is_anothers(const char *dir, const char *prefix)
{
	auto_free char *mine = census_prefix(dir);
	auto_free char *bridge = xasprintf("/sys/class/net/%s", prefix);

	return !mine && access(bridge, F_OK) == 0;
}

void census_leftovers(const char *dir, const char *prefix, struct strv *ret)
{
	auto_(census_deinit) struct census c = CENSUS_INIT;
	auto_strv found = STRV_INIT;

	census_take(&c, dir, NULL);
	for (size_t i = 0; i < c.n; i++)
		strv_addf(ret, "process %d (%s)", (int)c.v[i].pid,
			  census_role_name(c.v[i].role));
	census_mounts(dir, ret);
	if (!prefix)
		return;
	census_links(prefix, &found);
	census_cgroups("/sys/fs/cgroup", prefix, 0, &found);
	census_tables(prefix, &found);
	/* The number may have gone to another instance, also while we looked. */
	for (size_t i = 0; i < found.n && !census_is_anothers(dir, prefix); i++)
		strv_add(ret, found.v[i]);
}
