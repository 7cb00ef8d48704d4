/*
 * haproxy.c - generations of HAProxy: start, replace, notice the end.
 *
 * No master process of HAProxy's own: each generation is a child of ours with
 * a parent-death signal, so nothing has to be found again after a kill -9.
 */
#include "base/clock.h"
#include "base/error.h"
#include "base/list.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/process.h"
#include "base/strv.h"
#include "router/haproxy.h"
#include "router/haproxy_conf.h"

#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/syscall.h>

#define HAPROXY_RELOAD_GAP_USEC (500 * USEC_PER_MSEC)
#define HAPROXY_RETRY_MIN_USEC USEC_PER_SEC
#define HAPROXY_RETRY_MAX_USEC (30 * USEC_PER_SEC)
#define HAPROXY_STABLE_USEC (10 * USEC_PER_SEC)
#define HAPROXY_STOP_MSEC 5000
#define HAPROXY_OLD_MAX 8

struct generation {
	struct list link;
	struct haproxy *haproxy;
	pid_t pid;
	int pidfd;
	sd_event_source *source;
};

struct haproxy {
	sd_event *event;
	char *program, *dir;
	int listen_fd;
	struct list generations;	/* the newest is the last */
	size_t n_generations;
	sd_event_source *timer;		/* the next start */
	bool timer_armed;
	uint64_t started;		/* when the newest was */
	uint64_t retry_usec;
};

static void haproxy_start(struct haproxy *h);

static int on_haproxy_timer(sd_event_source *src, uint64_t usec, void *userdata)
{
	struct haproxy *h = userdata;

	h->timer_armed = false;
	haproxy_start(h);
	return 0;
}

static void haproxy_start_in(struct haproxy *h, uint64_t usec)
{
	struct error e;

	if (loop_timer(h->event, &h->timer, usec, on_haproxy_timer, h,
		       "haproxy start", &e) < 0)
		log_err("%s", e.msg);
	else
		h->timer_armed = true;
}

static void generation_signal(const struct generation *g, int sig)
{
	syscall(SYS_pidfd_send_signal, g->pidfd, sig, NULL, 0);
}

static void generation_free(struct generation *g)
{
	list_unlink(&g->link);
	g->haproxy->n_generations--;
	g->source = loop_unref(g->source);
	fd_close(g->pidfd);
	free(g);
}

static void haproxy_retry(struct haproxy *h, const char *why)
{
	log_warn("%s, will retry in %u s", why,
		 (unsigned)(h->retry_usec / USEC_PER_SEC));
	haproxy_start_in(h, h->retry_usec);
	h->retry_usec *= 2;
	if (h->retry_usec > HAPROXY_RETRY_MAX_USEC)
		h->retry_usec = HAPROXY_RETRY_MAX_USEC;
}

static int on_haproxy_exit(sd_event_source *src, int fd, uint32_t revents,
			   void *userdata)
{
	struct generation *g = userdata;
	struct haproxy *h = g->haproxy;
	bool newest = h->generations.prev == &g->link;
	auto_free char *why = NULL;
	struct error e;
	int status = 0;

	if (process_wait(g->pidfd, &status, &e) < 0)
		log_err("%s", e.msg);
	why = xasprintf("haproxy ended with status %d", status);
	log_debug("haproxy %d ended with status %d", (int)g->pid, status);
	generation_free(g);
	if (!newest || h->timer_armed)
		return 0;
	if (clock_mono_usec() - h->started > HAPROXY_STABLE_USEC)
		h->retry_usec = HAPROXY_RETRY_MIN_USEC;
	haproxy_retry(h, why);
	return 0;
}

/* Connections that never end keep old generations: the oldest has to go. */
static void haproxy_limit(struct haproxy *h)
{
	struct generation *oldest = list_entry(h->generations.next,
					       struct generation, link);

	if (h->n_generations > HAPROXY_OLD_MAX)
		generation_signal(oldest, SIGTERM);
}

static void haproxy_argv(struct haproxy *h, struct strv *argv)
{
	struct generation *g;

	strv_add(argv, h->program);
	strv_add(argv, "-db");
	strv_add(argv, "-q");
	strv_add(argv, "-f");
	strv_add(argv, HAPROXY_CONF_FILE);
	if (h->n_generations)
		strv_add(argv, "-sf");
	/* Unreaped children: the numbers cannot be anybody else's. */
	list_for_each(g, &h->generations, link)
		strv_addf(argv, "%d", (int)g->pid);
}

static int haproxy_spawn(struct haproxy *h, struct error *e)
{
	struct generation *g = xcalloc(1, sizeof(*g));
	struct process_spec spec = PROCESS_SPEC_INIT;
	auto_strv argv = STRV_INIT;
	int r;

	haproxy_argv(h, &argv);
	spec.path = h->program;
	spec.argv = strv_argv(&argv);
	spec.cwd = h->dir;
	spec.fds = &h->listen_fd;
	spec.n_fds = 1;
	spec.die_with_parent = true;
	r = process_spawn(&spec, &g->pid, &g->pidfd, e);
	if (r < 0) {
		free(g);
		return r;
	}
	g->haproxy = h;
	h->n_generations++;
	h->started = clock_mono_usec();
	list_add_tail(&h->generations, &g->link);
	r = sd_event_add_io(h->event, &g->source, g->pidfd, EPOLLIN,
			    on_haproxy_exit, g);
	if (r < 0) {
		generation_signal(g, SIGKILL);
		process_wait(g->pidfd, &r, NULL);
		generation_free(g);
		return error_set(e, ENOMEM, "watch haproxy");
	}
	sd_event_source_set_description(g->source, "haproxy exit");
	return 0;
}

static void haproxy_start(struct haproxy *h)
{
	struct error e;

	if (haproxy_spawn(h, &e) < 0) {
		haproxy_retry(h, e.msg);
		return;
	}
	haproxy_limit(h);
}

void haproxy_reload(struct haproxy *h)
{
	uint64_t age = clock_mono_usec() - h->started;

	/* A retry that is due later would be too late for new content. */
	h->retry_usec = HAPROXY_RETRY_MIN_USEC;
	if (h->started && age < HAPROXY_RELOAD_GAP_USEC)
		haproxy_start_in(h, HAPROXY_RELOAD_GAP_USEC - age);
	else
		haproxy_start_in(h, 0);
}

int haproxy_new(struct haproxy **ret, sd_event *event, const char *program,
		const char *dir, int listen_fd, struct error *e)
{
	struct haproxy *h;

	if (access(program, X_OK) < 0)
		return error_sys(e, "haproxy %s", program);
	h = xcalloc(1, sizeof(*h));
	list_init(&h->generations);
	h->event = sd_event_ref(event);
	h->program = xstrdup(program);
	h->dir = xstrdup(dir);
	h->listen_fd = listen_fd;
	h->retry_usec = HAPROXY_RETRY_MIN_USEC;
	*ret = h;
	return 0;
}

static void generation_stop(struct generation *g, uint64_t deadline)
{
	struct pollfd p = { .fd = g->pidfd, .events = POLLIN };
	uint64_t now = clock_mono_usec();
	int status;

	if (poll(&p, 1, now < deadline
		 ? (int)((deadline - now) / USEC_PER_MSEC) : 0) <= 0)
		generation_signal(g, SIGKILL);
	process_wait(g->pidfd, &status, NULL);
	generation_free(g);
}

struct haproxy *haproxy_free(struct haproxy *h)
{
	uint64_t deadline = clock_mono_usec() +
			    HAPROXY_STOP_MSEC * USEC_PER_MSEC;
	struct generation *g, *next;

	if (!h)
		return NULL;
	list_for_each(g, &h->generations, link)
		generation_signal(g, SIGUSR1);
	list_for_each_safe(g, next, &h->generations, link)
		generation_stop(g, deadline);
	h->timer = loop_unref(h->timer);
	sd_event_unref(h->event);
	free(h->program);
	free(h->dir);
	free(h);
	return NULL;
}
