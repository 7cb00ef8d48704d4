#include "base/clock.h"
#include "base/error.h"
#include "base/fault.h"
#include "base/loop.h"
#include "base/process.h"
#include "base/strv.h"
#include "manager/dynod/keeper.h"
#include "manager/protocol/host_link.h"
#include "manager/protocol/host_proto.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/syscall.h>

#define KEEPER_FD_FIRST 3		/* behind stdin, stdout, stderr */
#define KEEPER_STOP_SEC 5
#define KEEPER_SHORT_SEC 10		/* a run shorter than this is a failure */
#define KEEPER_PAUSE_MIN_USEC (100 * USEC_PER_MSEC)
#define KEEPER_PAUSE_MAX_USEC (5 * USEC_PER_SEC)

struct keeper {
	sd_event *event;
	struct keeper_config config;
	const struct keeper_ops *ops;
	void *userdata;
	pid_t pid;
	int pid_fd;			/* -1: not running */
	sd_event_source *watch;
	sd_event_source *timer;
	uint64_t started_usec;		/* monotonic */
	unsigned short_runs;		/* in a row */
};

/* What of our environment the supervisor may see. */
static const char *const keeper_env[] = {
	"PATH", "LANG", "TZ", "JOURNAL_STREAM", "DYNO_DEBUG",
	"ASAN_OPTIONS", "LSAN_OPTIONS", "UBSAN_OPTIONS",
#ifdef DYNO_FAULT_POINTS
	"DYNO_FAULT", "DYNO_FAULT_FAIL", "DYNO_FAULT_COUNT",
	"DYNO_CLOCK_SCALE", "DYNO_CLOCK_ZERO",
#endif
};

uint64_t keeper_pause_usec(unsigned short_runs)
{
	uint64_t pause = KEEPER_PAUSE_MIN_USEC;

	if (short_runs <= 1)
		return 0;
	for (unsigned i = 2; i < short_runs && pause < KEEPER_PAUSE_MAX_USEC; i++)
		pause *= 2;
	return pause < KEEPER_PAUSE_MAX_USEC ? pause : KEEPER_PAUSE_MAX_USEC;
}

/* ---- one run ---- */

static int on_keeper_end(sd_event_source *src, int fd, uint32_t events,
			 void *userdata);

/* option may be NULL. */
static int keeper_execute(const struct keeper_config *c, const char *option,
			  const int *fds, size_t n_fds, pid_t *ret_pid,
			  int *ret_pid_fd, struct error *e)
{
	auto_strv argv = STRV_INIT, envp = STRV_INIT;
	struct process_spec spec = PROCESS_SPEC_INIT;

	strv_add(&argv, c->path);
	if (option)
		strv_add(&argv, option);
	if (c->root_dir[0]) {
		strv_add(&argv, "--root");
		strv_add(&argv, c->root_dir);
	}
	for (size_t i = 0; i < ARRAY_SIZE(keeper_env); i++)
		if (getenv(keeper_env[i]))
			strv_setenv(&envp, keeper_env[i], getenv(keeper_env[i]));
	spec.path = c->path;
	spec.argv = strv_argv(&argv);
	spec.envp = strv_argv(&envp);
	spec.fds = fds;
	spec.n_fds = n_fds;
	spec.uid = c->uid;
	spec.gid = c->gid;
	spec.set_ids = c->set_ids;
	spec.die_with_parent = true;
	spec.cwd = "/";
	return process_spawn(&spec, ret_pid, ret_pid_fd, e);
}

int keeper_try(const struct keeper_config *config, struct error *e)
{
	auto_close int pid_fd = -1;
	int status = 0, r;
	pid_t pid;

	r = keeper_execute(config, "--check", NULL, 0, &pid, &pid_fd, e);
	if (r >= 0)
		r = process_wait(pid_fd, &status, e);
	if (r < 0 || status == 0)
		return r;
	return error_set(e, EINVAL, "%s would not start: \"--check\" ends with "
			 "status %d", config->path, status);
}

static int keeper_spawn(struct keeper *k, int host_fd, struct error *e)
{
	const int fds[] = {
		[HOST_FD - KEEPER_FD_FIRST] = host_fd,
		[HOST_LISTEN_FD - KEEPER_FD_FIRST] = k->config.listen_fd,
	};

	return keeper_execute(&k->config, NULL, fds, k->config.listen_fd >= 0 ? 2 : 1,
			      &k->pid, &k->pid_fd, e);
}

static int keeper_run(struct keeper *k, struct error *e)
{
	int fds[2] = { -1, -1 };
	int r;

	k->started_usec = clock_mono_usec();
	fault_point("supervisor start");
	r = host_link_pair(fds, e);
	if (r >= 0)
		r = keeper_spawn(k, fds[1], e);
	fd_close(fds[1]);
	if (r >= 0) {
		r = sd_event_add_io(k->event, &k->watch, k->pid_fd, EPOLLIN,
				    on_keeper_end, k);
		if (r < 0)
			error_ret(e, r, "watch the supervisor");
	}
	if (r < 0) {
		fd_close(fds[0]);
		return r;
	}
	sd_event_source_set_description(k->watch, "supervisor-end");
	k->ops->on_start(fds[0], k->pid, k->userdata);
	fault_point("supervisor started");
	return 0;
}

/* Take its status, so that no zombie stays. */
static int keeper_reap(struct keeper *k)
{
	int status = 0;

	k->watch = loop_unref(k->watch);
	if (process_wait(k->pid_fd, &status, NULL) < 0)
		status = -1;
	k->pid_fd = fd_close(k->pid_fd);
	return status;
}

static void keeper_signal(struct keeper *k, int sig)
{
	if (k->pid_fd >= 0)
		syscall(SYS_pidfd_send_signal, k->pid_fd, sig, NULL, 0);
}

void keeper_kill(struct keeper *k)
{
	keeper_signal(k, SIGKILL);
}

/* Returns whether it has ended. */
static bool keeper_end(struct keeper *k, int sig)
{
	struct pollfd p = { .fd = k->pid_fd, .events = POLLIN };

	keeper_signal(k, sig);
	if (poll(&p, 1, KEEPER_STOP_SEC * 1000) <= 0)
		return false;
	keeper_reap(k);
	return true;
}

/* ---- the next run ---- */

static int on_keeper_timer(sd_event_source *src, uint64_t usec, void *userdata)
{
	keeper_start(userdata);
	return 0;
}

static void keeper_again(struct keeper *k, const char *what)
{
	uint64_t ran = clock_mono_usec() - k->started_usec;
	uint64_t pause;
	char text[ERROR_MSG_MAX + 128];
	struct error e;

	k->short_runs = ran < KEEPER_SHORT_SEC * USEC_PER_SEC
			? k->short_runs + 1 : 1;
	pause = keeper_pause_usec(k->short_runs);
	snprintf(text, sizeof(text), "%s, starting it again in %.1f s", what,
		 (double)pause / (double)USEC_PER_SEC);
	if (loop_deadline(k->event, &k->timer, pause, on_keeper_timer, k,
			  "supervisor-start", &e) < 0) {
		/* Without a supervisor this process is of no use. */
		snprintf(text, sizeof(text), "%s, cannot start it again: %s",
			 what, e.msg);
		sd_event_exit(k->event, EXIT_FAILURE);
	}
	k->ops->on_end(text, k->userdata);
}

static int on_keeper_end(sd_event_source *src, int fd, uint32_t events,
			 void *userdata)
{
	struct keeper *k = userdata;
	int status = keeper_reap(k);
	char what[64];

	if (status > 128)
		snprintf(what, sizeof(what), "the supervisor ended by signal %d",
			 status - 128);
	else
		snprintf(what, sizeof(what),
			 "the supervisor ended with status %d", status);
	keeper_again(k, what);
	return 0;
}

void keeper_start(struct keeper *k)
{
	struct error e;

	assert(k->pid_fd < 0);
	k->timer = loop_unref(k->timer);
	if (keeper_run(k, &e) >= 0)
		return;
	if (k->pid_fd >= 0)
		keeper_end(k, SIGKILL);
	k->pid_fd = fd_close(k->pid_fd);
	keeper_again(k, e.msg);
}

/* ---- life ---- */

void keeper_stop(struct keeper *k)
{
	k->timer = loop_unref(k->timer);
	if (k->pid_fd < 0 || keeper_end(k, SIGTERM) || keeper_end(k, SIGKILL))
		return;
	/* Stuck in the kernel: it dies when it leaves. */
	k->watch = loop_unref(k->watch);
	k->pid_fd = fd_close(k->pid_fd);
}

struct keeper *keeper_new(sd_event *event, const struct keeper_config *config,
			  const struct keeper_ops *ops, void *userdata)
{
	struct keeper *k = xcalloc(1, sizeof(*k));

	k->event = event;
	k->config = *config;
	k->ops = ops;
	k->userdata = userdata;
	k->pid_fd = -1;
	return k;
}

struct keeper *keeper_free(struct keeper *k)
{
	if (!k)
		return NULL;
	if (k->pid_fd >= 0)
		keeper_end(k, SIGKILL);
	k->watch = loop_unref(k->watch);
	k->pid_fd = fd_close(k->pid_fd);
	k->timer = loop_unref(k->timer);
	free(k);
	return NULL;
}
