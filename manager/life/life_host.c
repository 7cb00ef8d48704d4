/*
 * life_host.c - the instance of a dyno: asked of dynod, served, watched, ended.
 */
#include "base/error.h"
#include "base/fault.h"
#include "base/id.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/strv.h"
#include "manager/life/life.h"
#include "manager/life/port.h"
#include "manager/limits.h"
#include "manager/model/boot.h"
#include "manager/supervisor/cycling.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>

static void life_port_poll(struct life *l);

/* ---- start ---- */

static void life_take(struct life *l, struct host_dyno *d)
{
	l->pid = d->pid;
	l->address = d->address;
	l->stdio = d->stdio;
	for (int i = 0; i < DYNO_FD_COUNT; i++) {
		fd_close(l->fds[i]);
		l->fds[i] = take_fd(d->fds[i]);
	}
}

void life_started(int r, const char *message, struct host_dyno *d, void *userdata)
{
	struct life *l = userdata;
	struct supervisor *s = l->s;

	s->n_starts--;
	if (r < 0) {
		log_err("%s %s: %s, will retry", l->a->app_name ? l->a->app_name : "",
			l->a->name, message);
		free(l->st.error);
		l->st.error = xstrdup(message);
		map_remove(&s->instances, l->st.instance);
		free(take_ptr(l->st.instance));
		life_event(l, DYNO_EV_NOT_STARTED);
	} else {
		life_take(l, d);
		l->st.started = (int64_t)d->started_usec;
		free(l->st.trace);
		l->st.trace = xstrdup(d->trace);
		life_event(l, DYNO_EV_STARTED);
		if (l->client_lost)
			life_event(l, DYNO_EV_CLIENT_LOST);
	}
	life_launch_next(s);
}

static enum dyno_stdio life_stdio(const struct life *l)
{
	if (l->a->kind != DYNO_ATTACHED)
		return DYNO_STDIO_LOG;
	return l->a->tty ? DYNO_STDIO_PTY : DYNO_STDIO_PIPES;
}

void life_env(const struct life *l, struct strv *ret)
{
	boot_env(ret, l->a, (uint16_t)l->st.port);
	if (l->a->inside)
		life_inside_env(l, ret);
}

static int life_request(struct life *l, struct error *e)
{
	auto_strv argv = STRV_INIT, env = STRV_INIT;
	const struct assignment *a = l->a;
	bool window = l->rows && l->cols;
	struct dyno_spec spec = {
		.uuid = l->st.instance, .hostname = l->id, .slug = a->slug,
		.stdio = life_stdio(l),
		.rows = window ? l->rows : (uint16_t)a->rows,
		.cols = window ? l->cols : (uint16_t)a->cols,
		.egress = a->egress, .lease_fd = l->lease_fd,
		.limits = {
			.memory = (uint64_t)a->memory,
			.memory_swap = (uint64_t)a->memory_max,
			.tmpfs = (uint64_t)a->memory_max,
			.inodes = DYNO_INODES_MAX,
			.pids = (uint32_t)a->pids,
			.cpu_shares = (uint32_t)a->cpu_shares,
			.cpus = (uint32_t)a->cpus,
			.files = DYNO_FILES_MAX,
		},
	};

	boot_argv(&argv, a->command);
	life_env(l, &env);
	spec.argv = strv_argv(&argv);
	spec.envp = strv_argv(&env);
	if (a->inside)
		return life_inside_request(l, &spec, e);
	return host_client_start(l->s->host, &spec, life_started, l, e);
}

static void life_start(struct life *l)
{
	struct error e;

	/* Nobody wants it any more: it never was. */
	if (l->st.state != DYNO_LAUNCHING) {
		map_remove(&l->s->instances, l->st.instance);
		free(take_ptr(l->st.instance));
		life_event(l, DYNO_EV_NOT_STARTED);
		return;
	}
	l->s->n_starts++;
	if (life_request(l, &e) < 0)
		life_started(-e.code, e.msg, NULL, l);
}

void life_launch_next(struct supervisor *s)
{
	while (s->n_starts < STARTS_MAX && !list_empty(&s->start_queue)) {
		struct life *l = list_entry(s->start_queue.next, struct life,
					    start_link);

		list_unlink(&l->start_link);
		life_start(l);
	}
}

/* Who has not crashed goes before those who have: hundreds that crash at once do
 * not keep a healthy one waiting. */
static void life_queue(struct life *l)
{
	struct life *other;

	if (l->st.crashes == 0)
		list_for_each(other, &l->s->start_queue, start_link)
			if (other->st.crashes) {
				list_add_tail(&other->start_link, &l->start_link);
				return;
			}
	list_add_tail(&l->s->start_queue, &l->start_link);
}

void life_launch(struct life *l)
{
	char uuid[UUID_TEXT_MAX];
	struct error e;

	l->st.instance = xstrdup(id_uuid(uuid));
	l->st.port = l->a->inside ? 0 :
		port_choose((uint16_t)l->s->conf.port_min,
			    (uint16_t)l->s->conf.port_max);
	l->st.hups = 0;
	l->exited = l->adopted = l->adopted_alive = false;
	map_set(&l->s->instances, l->st.instance, l);
	/* On record before it exists, so that nobody takes it for a stray. */
	life_save(l);
	if (state_save_instance(l->dir, &l->st, &e) < 0)
		log_err("%s: %s, ignoring", l->a->name, e.msg);
	life_queue(l);
	life_launch_next(l->s);
}

void life_adopt(struct life *l, struct host_dyno *d)
{
	fault_point("life adopted");
	l->adopted = true;
	l->adopted_alive = d->alive;
	life_take(l, d);
	if (d->started_usec)
		l->st.started = (int64_t)d->started_usec;
	if (l->lost && l->st.started)
		l->st.cycle_at = (int64_t)cycling_draw(l);
	l->exit = d->exit;
}

/* ---- the port ---- */

static int on_life_port(sd_event_source *src, uint64_t usec, void *userdata)
{
	life_port_poll(userdata);
	return 0;
}

static void life_port_poll(struct life *l)
{
	struct error e;
	int r = port_is_bound(l->proc_fd, (uint16_t)l->st.port, l->address, &e);

	if (r == 0 && loop_timer(l->s->event, &l->port_timer,
				 PORT_POLL_MSEC * USEC_PER_MSEC, on_life_port, l,
				 "port", &e) < 0)
		r = -e.code;
	/* A process that is gone will be told by dynod. */
	if (r < 0)
		log_debug("%s: %s", l->a->name, e.msg);
	if (r != 0)
		life_unwatch_port(l);
	if (r > 0)
		life_event(l, DYNO_EV_BOUND);
}

/* The open directory stands for this process, whoever gets its pid next. */
void life_watch_port(struct life *l)
{
	char path[32];

	if (!assignment_is_web(l->a)) {
		life_event(l, DYNO_EV_BOUND);
		return;
	}
	life_unwatch_port(l);
	snprintf(path, sizeof(path), "/proc/%d", (int)l->pid);
	l->proc_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (l->proc_fd >= 0)
		life_port_poll(l);
	else
		log_debug("%s: open %s: %m", l->a->name, path);
}

void life_unwatch_port(struct life *l)
{
	l->port_timer = loop_unref(l->port_timer);
	l->proc_fd = fd_close(l->proc_fd);
}

/* ---- signals ---- */

static void on_life_signalled(int r, const char *message, void *userdata)
{
	if (r < 0)
		log_warn("signal a dyno: %s, ignoring", message);
}

void life_signal(struct life *l, int sig)
{
	struct error e;

	if (l->a->inside)
		life_inside_signal(l, sig);
	else if (l->st.instance &&
	    host_client_signal(l->s->host, l->st.instance, sig,
			       on_life_signalled, NULL, &e) < 0)
		log_err("%s: %s", l->a->name, e.msg);
}

void life_kill(struct life *l)
{
	struct error e;

	if (l->a->inside)
		life_inside_signal(l, SIGKILL);
	else if (l->st.instance &&
	    host_client_kill(l->s->host, l->st.instance, on_life_signalled,
			     NULL, &e) < 0)
		log_err("%s: %s", l->a->name, e.msg);
}
