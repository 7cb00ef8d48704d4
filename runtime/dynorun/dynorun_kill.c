/*
 * dynorun_kill.c - signals to containers.
 */
#include "runtime/dynorun/dynorun.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "runtime/cgroup/cgroup_group.h"
#include "runtime/oci/container.h"

#include <fcntl.h>
#include <signal.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

#define KILL_STATUS_MAX 16384
#define KILL_YOUNG_MSEC 300

/* "9", "KILL", "sigkill", "RTMIN+1"; 0 only asks whether it is there. */
static int kill_signal(const char *text)
{
	const char *name = strncasecmp(text, "SIG", 3) == 0 ? text + 3 : text;
	bool first = strncasecmp(name, "RTMIN", 5) == 0;
	bool last = strncasecmp(name, "RTMAX", 5) == 0;
	char *end;
	long n;

	for (int i = 1; i < NSIG; i++) {
		const char *s = sigabbrev_np(i);

		if (s && strcasecmp(s, name) == 0)
			return i;
	}
	if (strcasecmp(name, "IOT") == 0)
		return SIGABRT;
	if (first || last)
		text = name + 5;
	n = strtol(text, &end, 10);
	if (*end || ((first || last) ? end == text && *text : end == text))
		return -1;
	n += first ? SIGRTMIN : last ? SIGRTMAX : 0;
	return n >= 0 && n < NSIG ? (int)n : -1;
}

struct kill_options {
	bool all, regex;
	int sig;
};

static const struct dynorun_option kill_options[] = {
	{ "all", 'a', OPTION_FLAG, offsetof(struct kill_options, all), NULL,
	  "to all processes of the container, which may have stopped" },
	{ "regex", 'r', OPTION_FLAG, offsetof(struct kill_options, regex), NULL,
	  "ID is an extended regular expression" },
};

/* ---- the first moments ---- */

/* "SigCgt:\t0000000000010002": is sig in it? */
static bool kill_mask_has(const char *status, const char *key, int sig)
{
	const char *line = strstr(status, key);
	uint64_t mask = line ? strtoull(line + strlen(key), NULL, 16) : 0;

	return mask >> (sig - 1) & 1;
}

static bool kill_is_first(const char *status)
{
	const char *ids = strstr(status, "NSpid:");
	size_t n = ids ? strcspn(ids, "\n") : 0;

	return n > 2 && strncmp(ids + n - 2, "\t1", 2) == 0;
}

/* The kernel drops a signal to process 1 of a pid namespace that it does not
 * handle, block or ignore; and a shell has to be in its "wait" as well. */
static bool kill_is_early(pid_t pid, int sig)
{
	auto_free char *path = xasprintf("/proc/%d/status", (int)pid);
	auto_buf text = BUF_INIT;
	const char *status;

	if (file_read(AT_FDCWD, path, KILL_STATUS_MAX, &text, NULL) < 0)
		return false;
	status = buf_str(&text);
	if (!kill_is_first(status) || kill_mask_has(status, "SigBlk:", sig) ||
	    kill_mask_has(status, "SigIgn:", sig))
		return false;
	return !kill_mask_has(status, "SigCgt:", sig) || !strstr(status, "State:\tS");
}

/* Its directory was last changed by "start". */
static bool kill_is_young(const struct container *c)
{
	uint64_t now = clock_real_usec(), then;
	struct stat st;

	if (fstat(c->dir_fd, &st) < 0)
		return false;
	then = (uint64_t)st.st_mtim.tv_sec * USEC_PER_SEC +
		(uint64_t)st.st_mtim.tv_nsec / 1000;
	return now >= then && now - then < KILL_YOUNG_MSEC * USEC_PER_MSEC;
}

/* Who starts and at once signals is faster than the program sets up what it does
 * then. */
static void kill_await_handler(const struct container *c, int sig)
{
	static const struct timespec pause = { .tv_nsec = 1000000 };

	if (sig == 0 || sig == SIGKILL || sig == SIGSTOP || !c->started)
		return;
	while (kill_is_young(c) && kill_is_early(c->pid, sig))
		nanosleep(&pause, NULL);
}

static int kill_first(struct container *c, struct cgroup_group *g, int sig,
		      struct error *e)
{
	auto_close int fd = dynorun_delete_pidfd(c);

	if (fd < 0)
		return error_set(e, ESRCH, "container not running");
	kill_await_handler(c, sig);
	if (syscall(SYS_pidfd_send_signal, fd, sig, NULL, 0) < 0)
		return error_sys(e, "send signal %d to container %s", sig, c->id);
	/* On version 1 a frozen process does not even die. */
	if (sig == SIGKILL && g && cgroup_group_frozen(g))
		return cgroup_group_thaw(g, e);
	return 0;
}

static int kill_one(struct dynorun *d, const char *id, void *options,
		    struct error *e)
{
	const struct kill_options *o = options;
	auto_(container_deinit) struct container c = CONTAINER_INIT;
	auto_(cgroup_group_free_p) struct cgroup_group *g = NULL;
	int r = container_read(&c, d->root, id, e);

	if (r == 0 && c.cgroup)
		r = cgroup_group_open(&g, c.cgroup, e);
	if (r < 0)
		return r;
	dynorun_log_debug(d, "send signal %d to container %s", o->sig, id);
	if (o->all && g)
		return o->sig == SIGKILL ? cgroup_group_kill(g, e) :
			cgroup_group_signal(g, o->sig, e);
	return kill_first(&c, g, o->sig, e);
}

static int kill_run(struct dynorun *d, void *options, int argc, char **argv,
		    struct error *e)
{
	struct kill_options *o = options;

	o->sig = argc > 1 ? kill_signal(argv[1]) : SIGTERM;
	if (o->sig < 0)
		return error_set(e, EINVAL, "unknown signal \"%s\"", argv[1]);
	return o->regex ? dynorun_match(d, argv[0], kill_one, options, e) :
		kill_one(d, argv[0], options, e);
}

const struct dynorun_verb dynorun_verb_kill = {
	.name = "kill", .args = "ID [SIGNAL]", .min_args = 1, .max_args = 2,
	.doc = "send a signal (SIGTERM) to the first process of a container",
	.options = kill_options, .n_options = ARRAY_SIZE(kill_options),
	.size = sizeof(struct kill_options),
	.fn = kill_run,
};
