/*
 * keeper.c - "dynoctl sandbox keep": holds the daemons of a sandbox up.
 *
 * It lives from "sandbox start" to "sandbox stop", in a session of its own,
 * and only restarts what has died: at once, then slower, every 2 seconds in
 * the end. Ending it ends nothing else: "sandbox stop" does that, in the right
 * order and also when the keeper is gone.
 *
 * While "sandbox start" watches (descriptor 3, a pipe, is open at its end), a
 * daemon that dies again and again makes the keeper give up, so that the user
 * hears of it now and not at the end of a time-out.
 */
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/process.h"
#include "base/root.h"
#include "cli/cli.h"
#include "cli/sandbox/keeper.h"
#include "cli/verbs.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define KEEPER_STEADY_USEC (10 * USEC_PER_SEC)	/* then it counts as well again */
#define KEEPER_DELAY_USEC (100 * USEC_PER_MSEC)
#define KEEPER_DELAY_MAX_USEC (2 * USEC_PER_SEC)
#define KEEPER_TRIAL_DEATHS 4

static const char *const keeper_names[] = {
	"dyno-controller", "dynod", "dyno-router",
};

struct keeper;

struct keeper_daemon {
	struct keeper *keeper;
	const char *name;
	char *path;
	int pidfd;
	sd_event_source *exit_source, *timer;
	uint64_t started_usec;
	unsigned deaths;		/* in a row */
};

struct keeper {
	sd_event *event;
	struct root root;
	bool trial;
	sd_event_source *trial_source;
	struct keeper_daemon daemons[ARRAY_SIZE(keeper_names)];
};

uint64_t keeper_delay_usec(unsigned deaths)
{
	uint64_t delay = KEEPER_DELAY_USEC;

	if (deaths <= 1)
		return 0;
	for (unsigned i = 2; i < deaths && delay < KEEPER_DELAY_MAX_USEC; i++)
		delay *= 2;
	return delay < KEEPER_DELAY_MAX_USEC ? delay : KEEPER_DELAY_MAX_USEC;
}

const char *keeper_why_no_router(void)
{
	auto_free char *path = process_sibling("dyno-router");

	if (access(path, X_OK) < 0)
		return "dyno-router is not built";
	if (access("/usr/sbin/haproxy", X_OK) < 0 &&
	    access("/usr/local/sbin/haproxy", X_OK) < 0)
		return "HAProxy is not installed";
	return NULL;
}

static void keeper_deinit(struct keeper *k)
{
	for (size_t i = 0; i < ARRAY_SIZE(k->daemons); i++) {
		struct keeper_daemon *d = &k->daemons[i];

		d->exit_source = loop_unref(d->exit_source);
		d->timer = loop_unref(d->timer);
		d->pidfd = fd_close(d->pidfd);
		free(d->path);
	}
	k->trial_source = loop_unref(k->trial_source);
	k->event = sd_event_unref(k->event);
	root_deinit(&k->root);
}

static int keeper_log_fd(const struct keeper_daemon *d, struct error *e)
{
	auto_free char *path = xasprintf("%s/log/%s.log", d->keeper->root.dir,
					 d->name);
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);

	return fd < 0 ? error_sys(e, "open %s", path) : fd;
}

static int on_keeper_exit(sd_event_source *src, int fd, uint32_t revents,
			  void *userdata);

static int keeper_spawn(struct keeper_daemon *d, struct error *e)
{
	char *argv[] = { d->path, (char *)"--root", d->keeper->root.dir, NULL };
	struct process_spec spec = PROCESS_SPEC_INIT;
	auto_close int log_fd = keeper_log_fd(d, e);
	pid_t pid;
	int r;

	if (log_fd < 0)
		return log_fd;
	spec.path = d->path;
	spec.argv = argv;
	spec.stdout_fd = spec.stderr_fd = log_fd;
	spec.cwd = "/";
	r = process_spawn(&spec, &pid, &d->pidfd, e);
	if (r < 0)
		return r;
	d->started_usec = clock_mono_usec();
	log_info("%s started, pid %d", d->name, (int)pid);
	r = sd_event_add_io(d->keeper->event, &d->exit_source, d->pidfd, EPOLLIN,
			    on_keeper_exit, d);
	if (r < 0)
		return error_ret(e, r, "watch %s", d->name);
	sd_event_source_set_description(d->exit_source, d->name);
	return 0;
}

static void keeper_died(struct keeper_daemon *d);

static int on_keeper_restart(sd_event_source *src, uint64_t usec, void *userdata)
{
	struct keeper_daemon *d = userdata;
	struct error e;

	if (keeper_spawn(d, &e) < 0) {
		log_err("%s, will retry", e.msg);
		keeper_died(d);
	}
	return 0;
}

static void keeper_died(struct keeper_daemon *d)
{
	struct error e;

	if (d->started_usec + KEEPER_STEADY_USEC < clock_mono_usec())
		d->deaths = 0;
	d->deaths++;
	if (d->keeper->trial && d->deaths >= KEEPER_TRIAL_DEATHS) {
		log_err("%s dies again and again: giving up", d->name);
		sd_event_exit(d->keeper->event, EXIT_FAILURE);
		return;
	}
	if (loop_timer(d->keeper->event, &d->timer, keeper_delay_usec(d->deaths),
		       on_keeper_restart, d, "restart", &e) < 0) {
		log_err("%s", e.msg);
		sd_event_exit(d->keeper->event, EXIT_FAILURE);
	}
}

static int on_keeper_exit(sd_event_source *src, int fd, uint32_t revents,
			  void *userdata)
{
	struct keeper_daemon *d = userdata;
	struct error e;
	int status;

	d->exit_source = loop_unref(d->exit_source);
	if (process_wait(d->pidfd, &status, &e) < 0)
		log_err("%s", e.msg);
	else
		log_warn("%s ended with status %d", d->name, status);
	d->pidfd = fd_close(d->pidfd);
	keeper_died(d);
	return 0;
}

/* "sandbox start" has seen what it wanted to see, or is gone. */
static int on_keeper_trial_end(sd_event_source *src, int fd, uint32_t revents,
			       void *userdata)
{
	struct keeper *k = userdata;

	k->trial = false;
	k->trial_source = loop_unref(k->trial_source);
	fd_close(KEEPER_TRIAL_FD);
	return 0;
}

static int keeper_init(struct keeper *k, const char *dir, struct error *e)
{
	const char *no_router = keeper_why_no_router();
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(k->daemons); i++)
		k->daemons[i].pidfd = -1;
	r = root_init(&k->root, dir, e);
	if (r == 0)
		r = loop_new(&k->event, e);
	if (r < 0)
		return r;
	if (fcntl(KEEPER_TRIAL_FD, F_GETFD) >= 0 &&
	    sd_event_add_io(k->event, &k->trial_source, KEEPER_TRIAL_FD, 0,
			    on_keeper_trial_end, k) >= 0)
		k->trial = true;
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(k->daemons); i++) {
		struct keeper_daemon *d = &k->daemons[i];

		d->keeper = k;
		d->name = keeper_names[i];
		d->path = process_sibling(d->name);
		if (no_router && str_eq(d->name, "dyno-router"))
			log_warn("no router: %s", no_router);
		else
			r = keeper_spawn(d, e);
	}
	return r;
}

int keeper_run(int argc, char **argv, void *userdata)
{
	auto_(keeper_deinit) struct keeper k = { .root = ROOT_INIT };
	struct cli *cli = userdata;
	struct error e;
	int r;

	if (!cli_arguments(cli, argc, argv))
		return cli->status;
	if (!cli->root)
		return cli_usage("sandbox keep: --root DIR is missing");
	unsetenv("JOURNAL_STREAM");	/* our streams are files */
	unsetenv("NOTIFY_SOCKET");
	log_open("keeper");
	r = keeper_init(&k, cli->root, &e);
	if (r == 0)
		r = loop_run(k.event, &e);
	if (r < 0)
		log_err("%s", e.msg);
	return r < 0 ? EXIT_FAILURE : r;
}
