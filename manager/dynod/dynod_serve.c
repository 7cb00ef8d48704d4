/*
 * dynod_serve.c - what dynod does all day: supervisor, dynos, and the next version
 * of itself are served by one loop, in which nothing waits.
 */
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/loop.h"
#include "manager/dynod/dynod.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <systemd/sd-daemon.h>

#define DYNOD_OOM_SCORE "-900"

/* ---- the supervisor ---- */

static void on_server_broken(const struct error *why, void *userdata)
{
	struct dynod *d = userdata;

	/* One that has just ended is told by on_supervisor_end(). */
	if (why->code != ECONNRESET)
		log_warn("connection to the supervisor: %s, killing it", why->msg);
	keeper_kill(d->keeper);
}

static void dynod_serve_supervisor(struct dynod *d)
{
	int fd = take_fd(d->supervisor_fd);
	struct error e;

	if (host_server_new(&d->server, d->event, fd, &d->dynos,
			    runtime_prefix(d->rt), on_server_broken, d, &e) < 0) {
		log_err("%s", e.msg);
		fd_close(fd);
		keeper_kill(d->keeper);
	}
}

static void dynod_reloaded(const struct dynod *d)
{
	sd_notifyf(0, "READY=1\nSTATUS=instance %s, %zu dynos",
		   runtime_prefix(d->rt), d->told);
}

/* It returns only if it fails. */
static void dynod_leave(struct dynod *d)
{
	struct error e;

	d->leaving = false;
	/* systemd passes its socket once: it stays where it is, over the execve. */
	if (d->listen_fd >= 0)
		fcntl(d->listen_fd, F_SETFD, 0);
	upgrade_exec(d->program, d->root.dir, d->lock_fd, &e);
	if (d->listen_fd >= 0)
		fcntl(d->listen_fd, F_SETFD, FD_CLOEXEC);
	log_err("%s; carrying on", e.msg);
	keeper_start(d->keeper);
	dynod_reloaded(d);
}

/* Who asked for starts that are under way is gone; the next one hears of the dynos
 * that come of them. */
static void dynod_go_on(struct dynod *d)
{
	if (dyno_table_starting(&d->dynos))
		return;
	if (d->leaving)
		dynod_leave(d);
	if (d->supervisor_fd >= 0)
		dynod_serve_supervisor(d);
}

static void on_supervisor_start(int fd, pid_t pid, void *userdata)
{
	struct dynod *d = userdata;

	log_info("supervisor started, pid %d, %zu dynos", (int)pid,
		 dyno_table_count(&d->dynos));
	d->supervisor_fd = fd;
	dynod_go_on(d);
}

static void on_supervisor_end(const char *what, void *userdata)
{
	struct dynod *d = userdata;

	log_warn("%s", what);
	d->server = host_server_free(d->server);
	d->supervisor_fd = fd_close(d->supervisor_fd);
}

/* ---- dynos ---- */

static void on_dyno_started(struct dyno_entry *entry, int r, const struct error *e,
			    void *userdata)
{
	struct dynod *d = userdata;

	if (d->server)
		host_server_started(d->server, entry, r, e);
	else
		dynod_go_on(d);
}

static void on_dyno_removed(uint32_t serial, int r, const struct error *e,
			    void *userdata)
{
	struct dynod *d = userdata;

	if (d->server)
		host_server_removed(d->server, serial, r, e);
}

static void on_dyno_ended(struct dyno_entry *entry, void *userdata)
{
	struct dynod *d = userdata;

	log_debug("dyno %s ended with status %d", entry->dyno->uuid,
		  entry->exit.status);
	if (d->server)
		host_server_exit(d->server, entry);
}

static void on_dyno_memory(struct dyno_entry *entry, void *userdata)
{
	struct dynod *d = userdata;

	if (d->server)
		host_server_memory(d->server, entry);
}

static void on_trouble(const char *what, void *userdata)
{
	log_warn("%s", what);
}

static int on_dynod_post(sd_event_source *src, void *userdata)
{
	struct dynod *d = userdata;

	if (d->told != dyno_table_count(&d->dynos)) {
		d->told = dyno_table_count(&d->dynos);
		sd_notifyf(0, "STATUS=%zu dynos", d->told);
	}
	return 0;
}

/* ---- another version takes over ---- */

static void on_dynod_trial(const char *why, void *userdata)
{
	struct dynod *d = userdata;

	d->upgrade = upgrade_free(d->upgrade);
	if (why) {
		log_err("%s is not executed: %s; carrying on", d->program, why);
		dynod_reloaded(d);
		return;
	}
	log_info("%s has proved itself, making place for it", d->program);
	keeper_stop(d->keeper);
	d->server = host_server_free(d->server);
	d->supervisor_fd = fd_close(d->supervisor_fd);
	d->leaving = true;
	dynod_go_on(d);
}

static int on_dynod_hangup(sd_event_source *src, const struct signalfd_siginfo *si,
			   void *userdata)
{
	struct dynod *d = userdata;
	struct error e;

	if (d->upgrade || d->leaving)
		return 0;
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%llu",
		   (unsigned long long)clock_mono_usec());
	log_info("trying whether %s can take over", d->program);
	if (upgrade_new(&d->upgrade, d->event, d->program, d->root.dir,
			on_dynod_trial, d, &e) >= 0)
		return 0;
	log_err("%s is not executed: %s; carrying on", d->program, e.msg);
	dynod_reloaded(d);
	return 0;
}

/* One that came since the last version was executed waits to be read. */
static int dynod_watch_hangup(struct dynod *d)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return sd_event_add_signal(d->event, NULL, SIGHUP, on_dynod_hangup, d);
}

/* ---- life ---- */

static void dynod_lower_oom(void)
{
	auto_close int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, DYNOD_OOM_SCORE, strlen(DYNOD_OOM_SCORE)) < 0)
		log_info("cannot lower oom_score_adj: %s, ignoring",
			 strerror(errno));
}

static int on_dynod_runtime(sd_event_source *src, int fd, uint32_t events,
			    void *userdata)
{
	struct dynod *d = userdata;
	struct error e;

	if (runtime_serve(d->rt, &e) < 0)
		log_err("%s, will retry", e.msg);
	return 0;
}

static int dynod_watch(struct dynod *d, struct error *e)
{
	int r = sd_event_add_post(d->event, NULL, on_dynod_post, d);

	if (r >= 0 && runtime_fd(d->rt) >= 0)
		r = sd_event_add_io(d->event, NULL, runtime_fd(d->rt), EPOLLIN,
				    on_dynod_runtime, d);
	if (r >= 0)
		r = dynod_watch_hangup(d);
	return r < 0 ? error_ret(e, r, "watch the loop") : 0;
}

int dynod_serve(struct dynod *d, struct error *e)
{
	static const struct dyno_table_ops table_ops = {
		.on_started = on_dyno_started, .on_end = on_dyno_ended,
		.on_memory = on_dyno_memory, .on_removed = on_dyno_removed,
		.tell = on_trouble,
	};
	static const struct keeper_ops keeper_ops = {
		.on_start = on_supervisor_start, .on_end = on_supervisor_end,
	};
	const struct keeper_config config = dynod_supervisor(d);
	auto_free char *status = NULL;
	int r;

	dynod_lower_oom();
	r = dynod_open(d, on_trouble, e);
	if (r < 0)
		return r;
	dyno_table_init(&d->dynos, d->event, d->rt, &table_ops, d);
	r = dyno_table_adopt(&d->dynos, e);
	if (r >= 0)
		r = dynod_watch(d, e);
	if (r < 0)
		return r;

	d->keeper = keeper_new(d->event, &config, &keeper_ops, d);
	keeper_start(d->keeper);
	d->told = dyno_table_count(&d->dynos);
	status = xasprintf("instance %s, %zu dynos", runtime_prefix(d->rt),
			   d->told);
	loop_ready(status);
	r = loop_run(d->event, e);
	sd_notify(0, "STOPPING=1");
	keeper_stop(d->keeper);
	return r;
}
