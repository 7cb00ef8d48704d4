/*
 * lookup.c - getaddrinfo() in a thread, and an eventfd that tells the loop.
 *
 * Why not getaddrinfo_a(): its notification by thread receives our signals, and that
 * by signal is not for libraries. A thread cannot be called back: what it works on has
 * two owners, and the last one frees it.
 */
#include "base/error.h"
#include "base/loop.h"
#include "http/lookup.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#define STACK_BYTES (512 * 1024)	/* modules of nsswitch.conf run on it, too */

struct lookup_job {
	atomic_int owners;		/* the loop, the thread */
	int fd;				/* eventfd: the answer is there */
	atomic_bool answered;		/* what orders the threads' view of it */
	char *host, *port;
	int status;
	struct addrinfo *list;
};

struct lookup {
	struct lookup_job *job;
	sd_event_source *source;
	void (*fn)(const struct lookup_result *res, void *userdata);
	void *userdata;
};

static atomic_int under_way;

/* ---- what loop and thread share ---- */

static struct lookup_job *lookup_job_new(const char *host, const char *port)
{
	struct lookup_job *j = xcalloc(1, sizeof(*j));

	atomic_init(&j->owners, 1);
	j->host = xstrdup(host);
	j->port = xstrdup(port);
	j->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return j;
}

static void lookup_job_release(struct lookup_job *j)
{
	if (atomic_fetch_sub(&j->owners, 1) > 1)
		return;
	if (j->list)
		freeaddrinfo(j->list);
	fd_close(j->fd);
	free(j->host);
	free(j->port);
	free(j);
}

static void *lookup_thread(void *userdata)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct lookup_job *j = userdata;

	j->status = getaddrinfo(j->host, j->port, &hints, &j->list);
	atomic_fetch_sub(&under_way, 1);
	atomic_store(&j->answered, true);
	eventfd_write(j->fd, 1);
	lookup_job_release(j);
	return NULL;
}

/* Signals are for the loop. */
static int lookup_job_start(struct lookup_job *j, struct error *e)
{
	pthread_attr_t attr;
	pthread_t thread;
	sigset_t all;
	int r;

	sigfillset(&all);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	pthread_attr_setsigmask_np(&attr, &all);
	atomic_fetch_add(&under_way, 1);
	atomic_fetch_add(&j->owners, 1);
	r = pthread_create(&thread, &attr, lookup_thread, j);
	pthread_attr_destroy(&attr);
	if (r == 0)
		return 0;
	atomic_fetch_sub(&under_way, 1);
	atomic_fetch_sub(&j->owners, 1);
	return error_ret(e, -r, "start a thread");
}

/* ---- the loop's side ---- */

static int on_lookup(sd_event_source *src, int fd, uint32_t revents, void *userdata)
{
	struct lookup *l = userdata;
	const struct lookup_job *j = l->job;
	struct lookup_result res;

	if (!atomic_load(&j->answered))
		return 0;
	res.list = j->status ? NULL : j->list;
	res.message = j->status ? gai_strerror(j->status) : "";
	l->source = loop_unref(l->source);
	l->fn(&res, l->userdata);
	return 0;
}

static int lookup_start(struct lookup *l, sd_event *event, struct error *e)
{
	int r;

	if (l->job->fd < 0)
		return error_sys(e, "create an eventfd");
	r = sd_event_add_io(event, &l->source, l->job->fd, EPOLLIN, on_lookup, l);
	if (r < 0)
		return error_ret(e, r, "watch an eventfd");
	sd_event_source_set_description(l->source, "lookup");
	return lookup_job_start(l->job, e);
}

int lookup_new(struct lookup **ret, sd_event *event, const char *host, const char *port,
	       void (*fn)(const struct lookup_result *res, void *userdata),
	       void *userdata, struct error *e)
{
	auto_(lookup_free_p) struct lookup *l = NULL;
	int r;

	if (atomic_load(&under_way) >= LOOKUP_MAX)
		return error_set(e, EAGAIN, "look up %s: too many look-ups are under way",
				 host);
	l = xcalloc(1, sizeof(*l));
	l->fn = fn;
	l->userdata = userdata;
	l->job = lookup_job_new(host, port);
	r = lookup_start(l, event, e);
	if (r < 0)
		return error_prefix(e, r, "look up %s", host);
	*ret = take_ptr(l);
	return 0;
}

struct lookup *lookup_free(struct lookup *l)
{
	if (!l)
		return NULL;
	l->source = loop_unref(l->source);
	lookup_job_release(l->job);
	free(l);
	return NULL;
}
