/*
 * The form of requests has been checked when they arrive here (host_message.c).
 */
#include "base/buf.h"
#include "base/error.h"
#include "manager/dynod/dyno_table.h"
#include "manager/dynod/host_server.h"
#include "manager/protocol/host_link.h"

#include <fcntl.h>
#include <sys/stat.h>

struct host_server {
	struct host_link *link;		/* NULL: broken */
	struct dyno_table *table;
	host_server_broken_fn on_broken;
	void *userdata;
};

static void host_server_break(struct host_server *s, const struct error *why)
{
	s->link = host_link_free(s->link);
	s->on_broken(why, s->userdata);
}

/* ---- what dynod says ---- */

static void host_server_send(struct host_server *s,
			     const struct host_message *head,
			     const char *const *strings, const int *fds)
{
	auto_buf message = BUF_INIT;
	struct error e;
	int r;

	if (!s->link)
		return;
	r = host_message_encode(&message, head, strings, &e);
	if (r >= 0)
		r = host_link_send(s->link, &message, fds, &e);
	/* It missed a message: only a new supervisor knows all again. EPIPE
	 * comes from the loop. */
	if (r < 0 && r != -EPIPE)
		host_server_break(s, &e);
}

static void host_server_hello(struct host_server *s, const char *prefix)
{
	const struct host_message head = {
		.type = HOST_HELLO, .version = HOST_VERSION, .n_strings = 1,
	};

	host_server_send(s, &head, &prefix, NULL);
}

/* ADOPT and STARTED: the whole of a dyno. */
static void host_server_dyno(struct host_server *s, enum host_type type,
			     uint32_t serial, struct dyno_entry *entry)
{
	struct dyno *d = entry->dyno;
	auto_free char *trace = dyno_trace_text(d);
	const char *const strings[] = { d->uuid, trace };
	struct host_message head = {
		.type = type, .serial = serial,
		.n_strings = type == HOST_STARTED ? 2 : 1,
		.stdio = d->stdio, .alive = !entry->ended,
		.pid = entry->ended ? 0 : d->pid, .address = d->address.s_addr,
		.started_usec = d->started_usec, .exit = entry->exit,
	};

	for (int i = 0; i < DYNO_FD_COUNT; i++)
		if (d->fds[i] >= 0)
			head.fd_mask |= 1U << i;
	host_server_send(s, &head, strings, d->fds);
	/* A second copy of the writing end would hide the first one's close
	 * from the dyno; output is kept for the next supervisor. */
	d->fds[DYNO_FD_IN] = fd_close(d->fds[DYNO_FD_IN]);
}

static void host_server_ready(struct host_server *s)
{
	const struct host_message head = { .type = HOST_READY };

	host_server_send(s, &head, NULL, NULL);
}

static void host_server_reply(struct host_server *s, uint32_t serial, int r,
			      const struct error *e)
{
	const char *const message = r < 0 ? e->msg : "";
	const struct host_message head = {
		.type = HOST_REPLY, .serial = serial, .n_strings = 1,
		.error = r < 0 ? -r : 0,
	};

	host_server_send(s, &head, &message, NULL);
}

void host_server_exit(struct host_server *s, const struct dyno_entry *entry)
{
	const char *const uuid = entry->dyno->uuid;
	const struct host_message head = {
		.type = HOST_EXIT, .n_strings = 1, .exit = entry->exit,
	};

	host_server_send(s, &head, &uuid, NULL);
}

void host_server_memory(struct host_server *s, const struct dyno_entry *entry)
{
	const char *const uuid = entry->uuid;
	struct host_message head = { .type = HOST_MEMORY, .n_strings = 1 };

	/* It may have ended meanwhile; that there was a kill is enough. */
	if (dyno_usage(s->table->rt, entry->dyno, &head.usage, NULL) < 0)
		head.usage = (struct dyno_usage){ .oom_kills = 1 };
	host_server_send(s, &head, &uuid, NULL);
}

void host_server_started(struct host_server *s, struct dyno_entry *entry, int r,
			 const struct error *e)
{
	if (r < 0)
		host_server_reply(s, entry->serial, r, e);
	else
		host_server_dyno(s, HOST_STARTED, entry->serial, entry);
}

void host_server_removed(struct host_server *s, uint32_t serial, int r,
			 const struct error *e)
{
	host_server_reply(s, serial, r, e);
}

/* ---- what the supervisor asks ---- */

#define HOST_ANSWERED 1		/* the request sends its own answer */

/* Whatever it is, dyno-init will hold it, and do nothing else with it: so it is
 * enough that it cannot be written to, and has no other side. */
static int host_server_check_lease(int fd, struct error *e)
{
	int flags = fcntl(fd, F_GETFL);
	struct stat st;

	if (flags < 0 || fstat(fd, &st) < 0)
		return error_sys(e, "look at the lease");
	if (!S_ISREG(st.st_mode) || (flags & O_ACCMODE) != O_RDONLY ||
	    (flags & O_PATH))
		return error_set(e, EINVAL, "the lease is no regular file that is "
				 "open for reading only");
	return 0;
}

static int host_server_serve_start(struct host_server *s, struct host_packet *p,
				   const int *fds, struct error *e)
{
	struct dyno_spec spec;
	int r;

	host_message_spec(p, &spec);
	spec.lease_fd = fds[HOST_FD_LEASE];
	r = spec.lease_fd < 0 ? 0 : host_server_check_lease(spec.lease_fd, e);
	if (r < 0)
		return r;
	r = dyno_table_start(s->table, &spec, p->head.serial, e);
	return r < 0 ? r : HOST_ANSWERED;	/* by host_server_started() */
}

static int host_server_entry(struct host_server *s, struct host_packet *p,
			     struct dyno_entry **ret, struct error *e)
{
	*ret = dyno_table_get(s->table, p->strings[0]);
	if (!*ret)
		return error_set(e, ENOENT, "no dyno %s on record",
				 p->strings[0]);
	if ((*ret)->start)
		return error_set(e, EBUSY, "dyno %s is starting", p->strings[0]);
	return 0;
}

static int host_server_serve_signal(struct host_server *s, struct host_packet *p,
				    const int *fds, struct error *e)
{
	struct dyno_entry *entry;
	int r = host_server_entry(s, p, &entry, e);

	if (r < 0 || entry->ended)
		return r;
	return dyno_signal(entry->dyno, p->head.signal, e);
}

static int host_server_serve_kill(struct host_server *s, struct host_packet *p,
				  const int *fds, struct error *e)
{
	struct dyno_entry *entry;
	int r = host_server_entry(s, p, &entry, e);

	if (r < 0 || entry->ended)
		return r;
	return dyno_kill(s->table->rt, entry->dyno, e);
}

static int host_server_serve_remove(struct host_server *s, struct host_packet *p,
				    const int *fds, struct error *e)
{
	int r = dyno_table_remove(s->table, p->strings[0], p->head.serial, e);

	return r == REMOVALS_LATER ? HOST_ANSWERED : r;	/* by host_server_removed() */
}

static int host_server_serve_usage(struct host_server *s, struct host_packet *p,
				   const int *fds, struct error *e)
{
	struct host_message head = {
		.type = HOST_USED, .serial = p->head.serial, .n_strings = 1,
	};
	struct dyno_entry *entry;
	int r = host_server_entry(s, p, &entry, e);

	if (r == 0 && entry->ended)
		return error_set(e, ESRCH, "dyno %s has ended", p->strings[0]);
	if (r == 0)
		r = dyno_usage(s->table->rt, entry->dyno, &head.usage, e);
	if (r < 0)
		return r;
	host_server_send(s, &head, (const char *const *)p->strings, NULL);
	return HOST_ANSWERED;
}

static int host_server_serve_inside(struct host_server *s, struct host_packet *p,
				    const int *fds, struct error *e)
{
	const struct host_message head = {
		.type = HOST_ENTERED, .serial = p->head.serial, .n_strings = 1,
		.fd_mask = 1U << HOST_FD_SESSION,
	};
	int out[DYNO_FD_COUNT] = { -1, -1, -1 };
	struct dyno_entry *entry;
	struct dyno_spec spec;
	int r = host_server_entry(s, p, &entry, e);

	if (r == 0 && entry->ended)
		return error_set(e, ESRCH, "dyno %s has ended", p->strings[0]);
	if (r < 0)
		return r;
	host_message_spec(p, &spec);
	r = dyno_inside(entry->dyno, &spec, &out[HOST_FD_SESSION], e);
	if (r < 0)
		return r;
	host_server_send(s, &head, (const char *const *)p->strings, out);
	fd_close(out[HOST_FD_SESSION]);
	return HOST_ANSWERED;
}

static const struct {
	int (*serve)(struct host_server *s, struct host_packet *p, const int *fds,
		     struct error *e);
} host_server_requests[HOST_TYPE_COUNT] = {
	[HOST_START] = { host_server_serve_start },
	[HOST_SIGNAL] = { host_server_serve_signal },
	[HOST_KILL] = { host_server_serve_kill },
	[HOST_REMOVE] = { host_server_serve_remove },
	[HOST_USAGE] = { host_server_serve_usage },
	[HOST_INSIDE] = { host_server_serve_inside },
};

static void on_request(struct host_packet *p, int fds[DYNO_FD_COUNT],
		       void *userdata)
{
	struct host_server *s = userdata;
	struct error e;
	int r;

	/* Decoding lets only the supervisor's messages through. */
	assert(host_server_requests[p->head.type].serve);
	r = host_server_requests[p->head.type].serve(s, p, fds, &e);
	if (r != HOST_ANSWERED)
		host_server_reply(s, p->head.serial, r, &e);
}

static void on_server_broken(const struct error *why, void *userdata)
{
	host_server_break(userdata, why);
}

/* ---- life ---- */

int host_server_new(struct host_server **ret, sd_event *event, int fd,
		    struct dyno_table *table, const char *prefix,
		    host_server_broken_fn on_broken, void *userdata,
		    struct error *e)
{
	static const struct host_link_ops ops = {
		.on_packet = on_request, .on_broken = on_server_broken,
	};
	struct host_server *s = xcalloc(1, sizeof(*s));
	int r;

	s->table = table;
	s->on_broken = on_broken;
	s->userdata = userdata;
	r = host_link_new(&s->link, event, fd, HOST_SUPERVISOR, &ops, s, e);
	if (r < 0) {
		host_server_free(s);
		return r;
	}
	*ret = s;
	removals_forget(&table->removals);
	host_server_hello(s, prefix);
	for (struct map_iter it = { 0 }; map_next(&table->entries, &it); )
		host_server_dyno(s, HOST_ADOPT, 0, it.value);
	host_server_ready(s);
	return 0;
}

struct host_server *host_server_free(struct host_server *s)
{
	if (!s)
		return NULL;
	s->link = host_link_free(s->link);
	free(s);
	return NULL;
}
