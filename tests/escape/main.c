/*
 * main.c - tries to get out of a dyno, from inside, in a hundred ways.
 *
 *   escape list GROUP                    names of probes
 *   escape run IDENTITY GROUP [NAME=VALUE...]
 *                                        try them: a line of JSON for each
 *   escape enter PID UID COMMAND...      from the host into a dyno, without filter
 *   escape bomb NAME                     take all of something
 *
 * GROUP: "all" (without a terminal) or "terminal". Exit status 1: some outcome
 * is wrong. The test, tests/system/test_escape.py, judges each line by itself.
 *
 * Three identities:
 *
 *   user     a process of the app, as the dyno makes it: filter, no capability,
 *            no_new_privs. What any customer has.
 *   nested   the same user, had the filter a hole: without filter, root of a
 *            new user namespace below the dyno's, with all capabilities there.
 *            What the kernel alone refuses to an unprivileged user.
 *   root     root of the dyno's own user namespace, without filter and with all
 *            capabilities of it: somebody to whom everything inside the dyno has
 *            fallen. He owns the dyno's namespaces and may take them to pieces;
 *            what is outside of them he may not touch.
 *
 * Nobody inside becomes the second or the third; the test puts them there from
 * outside, by entering a dyno's namespaces as root of the host. Arguments are
 * such that a probe that gets through does the host no harm.
 */
#include "base/base.h"
#include "tests/escape/probe.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define OUTCOME_MAX 1024
#define PATIENCE_SEC 20

static const char *const identity_names[IDENTITY_COUNT] = {
	[IDENTITY_USER] = "user", [IDENTITY_NESTED] = "nested",
	[IDENTITY_ROOT] = "root",
};

static const struct {
	const char *group;
	const struct probe *probes;
} tables[] = {
	{ "all", probe_mounts }, { "all", probe_files }, { "all", probe_tree },
	{ "all", probe_processes },
	{ "all", probe_namespaces }, { "all", probe_filter },
	{ "all", probe_kernel }, { "all", probe_network }, { "all", probe_ether },
	{ "terminal", probe_terminal },
};

enum identity probe_identity;
static char **settings;
static int outcome_fd = -1;

/* ---- for probes ---- */

void probe_say(const char *format, ...)
{
	char text[OUTCOME_MAX];
	va_list ap;
	ssize_t n;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	for (char *p = text; *p; p++)
		if (*p < ' ' || *p > '~' || *p == '"' || *p == '\\')
			*p = '?';
	n = write(outcome_fd, text, strlen(text));
	_exit(n < 0);
}

const char *probe_setting(const char *name)
{
	for (char **s = settings; *s; s++) {
		const char *value = str_after(*s, name);

		if (value && *value == '=')
			return value + 1;
	}
	return NULL;
}

int probe_slurp(const char *path, char *ret, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t n = 0;

	if (fd < 0)
		return -1;
	while (len < size - 1 && (n = read(fd, ret + len, size - 1 - len)) > 0)
		len += (size_t)n;
	ret[len] = '\0';
	if (len == 0 && n < 0) {
		fd_close(fd);
		return -1;
	}
	close(fd);
	return (int)len;
}

int probe_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), r;

	if (fd < 0)
		return -1;
	r = (int)write(fd, text, strlen(text));
	fd_close(fd);
	return r;
}

/* ---- running ---- */

static _Noreturn void attempt(const struct probe *p, int fd)
{
	const void *const *a = p->args;
	long r;

	outcome_fd = fd;
	alarm(PATIENCE_SEC);
	/* Whoever may mount changes a table of mounts that is his alone. */
	if (probe_identity != IDENTITY_USER && unshare(CLONE_NEWNS) < 0)
		probe_say("no mount namespace: %s", strerrorname_np(errno));
	errno = 0;
	r = p->run ? p->run(p)
		   : syscall(p->call, a[0], a[1], a[2], a[3], a[4], a[5]);
	probe_say("%s", r < 0 ? strerrorname_np(errno) : "ok");
}

static void outcome(const struct probe *p, char ret[OUTCOME_MAX])
{
	int pipe_fds[2], status;
	size_t len = 0;
	ssize_t n;
	pid_t pid;

	if (pipe2(pipe_fds, O_CLOEXEC) < 0 || (pid = fork()) < 0) {
		snprintf(ret, OUTCOME_MAX, "not tried: %s", strerrorname_np(errno));
		return;
	}
	if (pid == 0)
		attempt(p, pipe_fds[1]);
	close(pipe_fds[1]);
	while (len < OUTCOME_MAX - 1 &&
	       (n = read(pipe_fds[0], ret + len, OUTCOME_MAX - 1 - len)) > 0)
		len += (size_t)n;
	ret[len] = '\0';
	close(pipe_fds[0]);
	waitpid(pid, &status, 0);
	if (WIFSIGNALED(status))
		snprintf(ret, OUTCOME_MAX, "SIG%s", sigabbrev_np(WTERMSIG(status)));
}

static bool is_among(const char *got, const char *want)
{
	size_t n = strlen(got);

	for (;; want++) {
		size_t len = strcspn(want, "|");

		if (len == n && strncmp(want, got, n) == 0)
			return true;
		want += len;
		if (!*want)
			return false;
	}
}

static int each(const char *group, int (*fn)(const struct probe *p))
{
	int n = 0;

	for (size_t t = 0; t < ARRAY_SIZE(tables); t++) {
		if (!str_eq(tables[t].group, group))
			continue;
		for (const struct probe *p = tables[t].probes; p->name; p++)
			n += fn(p);
	}
	return n;
}

static int show_name(const struct probe *p)
{
	for (size_t i = 0; i < IDENTITY_COUNT; i++)
		if (p->want[i])
			printf("%s\t%s\n", identity_names[i], p->name);
	return 0;
}

static int try_one(const struct probe *p)
{
	const char *want = p->want[probe_identity];
	char got[OUTCOME_MAX];
	bool right;

	if (!want)
		return 0;
	outcome(p, got);
	right = is_among(got, want);
	printf("{\"probe\": \"%s\", \"got\": \"%s\", \"want\": \"%s\", \"right\": %s}\n",
	       p->name, got, want, right ? "true" : "false");
	fflush(stdout);
	return !right;
}

static int identity_of(const char *name)
{
	for (int i = 0; i < IDENTITY_COUNT; i++)
		if (str_eq(identity_names[i], name))
			return i;
	return -1;
}

static int run(char **argv)
{
	probe_identity = (enum identity)identity_of(argv[0]);
	settings = argv + 2;
	if (probe_identity == IDENTITY_NESTED && enter_nested() < 0) {
		perror("escape: make a user namespace");
		return 125;
	}
	return each(argv[1], try_one) > 0;
}

int main(int argc, char **argv)
{
	const char *verb = argc > 2 ? argv[1] : "";

	if (str_eq(verb, "list"))
		return each(argv[2], show_name);
	if (str_eq(verb, "bomb"))
		return bombs_run(argv[2]);
	if (str_eq(verb, "run") && argc > 3 && identity_of(argv[2]) >= 0)
		return run(argv + 2);
	if (str_eq(verb, "enter") && argc > 4)
		return enter_dyno((int)strtol(argv[2], NULL, 10),
				  (unsigned)strtoul(argv[3], NULL, 10), argv + 4);
	fprintf(stderr, "usage: escape list|run|enter|bomb ...; see main.c\n");
	return 2;
}
