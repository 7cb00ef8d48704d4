/*
 * Each request leaves a note with its callback; the reply's serial finds it.
 */
#include "base/buf.h"
#include "base/error.h"
#include "base/list.h"
#include "manager/protocol/host_client.h"
#include "manager/protocol/host_link.h"

struct host_client {
	struct host_link *link;
	const struct host_client_ops *ops;
	void *userdata;
	uint32_t serial;		/* of the latest request */
	struct list notes;
};

struct note {
	struct list link;
	uint32_t serial;
	enum host_type type;
	host_started_fn started;	/* HOST_START */
	host_used_fn used;		/* HOST_USAGE */
	host_entered_fn entered;	/* HOST_INSIDE */
	host_done_fn done;		/* the others */
	void *userdata;
};

static void note_free(struct note *n)
{
	list_unlink(&n->link);
	free(n);
}

static struct note *note_find(struct host_client *c, uint32_t serial)
{
	struct note *n;

	list_for_each(n, &c->notes, link)
		if (n->serial == serial)
			return n;
	return NULL;
}

static void host_client_lose(struct host_client *c, const char *why)
{
	c->link = host_link_free(c->link);
	c->ops->on_lost(why, c->userdata);
}

/* ---- what dynod says ---- */

static void host_client_dyno(struct host_packet *p, int fds[DYNO_FD_COUNT],
			     struct host_dyno *ret)
{
	const struct host_message *h = &p->head;

	*ret = (struct host_dyno){
		.uuid = p->strings[0],
		.alive = h->alive,
		.pid = h->pid,
		.address = { .s_addr = h->address },
		.started_usec = h->started_usec,
		.stdio = (enum dyno_stdio)h->stdio,
		.exit = h->exit,
		.trace = h->type == HOST_STARTED ? p->strings[1] : NULL,
	};
	memcpy(ret->fds, fds, sizeof(ret->fds));
}

/* What the callee has taken must not be closed by the link. */
static void host_client_taken(const struct host_dyno *d, int fds[DYNO_FD_COUNT])
{
	memcpy(fds, d->fds, sizeof(d->fds));
}

static void host_client_hello(struct host_client *c, struct host_packet *p,
			      int fds[DYNO_FD_COUNT])
{
	c->ops->on_hello(p->strings[0], c->userdata);
}

static void host_client_adopt(struct host_client *c, struct host_packet *p,
			      int fds[DYNO_FD_COUNT])
{
	struct host_dyno d;

	host_client_dyno(p, fds, &d);
	c->ops->on_adopt(&d, c->userdata);
	host_client_taken(&d, fds);
}

static void host_client_ready(struct host_client *c, struct host_packet *p,
			      int fds[DYNO_FD_COUNT])
{
	c->ops->on_ready(c->userdata);
}

static void host_client_exit(struct host_client *c, struct host_packet *p,
			     int fds[DYNO_FD_COUNT])
{
	c->ops->on_exit(p->strings[0], &p->head.exit, c->userdata);
}

static void host_client_reply(struct host_client *c, struct host_packet *p,
			      int fds[DYNO_FD_COUNT])
{
	struct note *n = note_find(c, p->head.serial);
	int r = -p->head.error;
	struct note copy;

	if (!n || ((n->type == HOST_START || n->type == HOST_USAGE ||
		    n->type == HOST_INSIDE) && r >= 0)) {
		host_client_lose(c, "a reply to nothing");
		return;
	}
	copy = *n;
	note_free(n);
	if (copy.started)
		copy.started(r, p->strings[0], NULL, copy.userdata);
	else if (copy.used)
		copy.used(r, p->strings[0], NULL, copy.userdata);
	else if (copy.entered)
		copy.entered(r, p->strings[0], NULL, copy.userdata);
	else if (copy.done)
		copy.done(r, p->strings[0], copy.userdata);
}

static void host_client_started(struct host_client *c, struct host_packet *p,
				int fds[DYNO_FD_COUNT])
{
	struct note *n = note_find(c, p->head.serial);
	struct host_dyno d;
	struct note copy;

	if (!n || n->type != HOST_START) {
		host_client_lose(c, "a start that nobody asked for");
		return;
	}
	copy = *n;
	note_free(n);
	host_client_dyno(p, fds, &d);
	if (copy.started)
		copy.started(0, "", &d, copy.userdata);
	host_client_taken(&d, fds);
}

static void host_client_memory(struct host_client *c, struct host_packet *p,
			       int fds[DYNO_FD_COUNT])
{
	c->ops->on_memory(p->strings[0], &p->head.usage, c->userdata);
}

static void host_client_used(struct host_client *c, struct host_packet *p,
			     int fds[DYNO_FD_COUNT])
{
	struct note *n = note_find(c, p->head.serial);
	struct note copy;

	if (!n || n->type != HOST_USAGE) {
		host_client_lose(c, "usage that nobody asked for");
		return;
	}
	copy = *n;
	note_free(n);
	if (copy.used)
		copy.used(0, "", &p->head.usage, copy.userdata);
}

static void host_client_entered(struct host_client *c, struct host_packet *p,
				int fds[DYNO_FD_COUNT])
{
	struct note *n = note_find(c, p->head.serial);
	struct note copy;

	if (!n || n->type != HOST_INSIDE) {
		host_client_lose(c, "a session that nobody asked for");
		return;
	}
	copy = *n;
	note_free(n);
	if (copy.entered)
		copy.entered(0, "", &fds[HOST_FD_SESSION], copy.userdata);
}

static void (*const host_client_table[HOST_TYPE_COUNT])(struct host_client *c,
							struct host_packet *p,
							int fds[DYNO_FD_COUNT]) = {
	[HOST_HELLO] = host_client_hello,
	[HOST_ADOPT] = host_client_adopt,
	[HOST_READY] = host_client_ready,
	[HOST_EXIT] = host_client_exit,
	[HOST_REPLY] = host_client_reply,
	[HOST_STARTED] = host_client_started,
	[HOST_MEMORY] = host_client_memory,
	[HOST_USED] = host_client_used,
	[HOST_ENTERED] = host_client_entered,
};

static void on_client_packet(struct host_packet *p, int fds[DYNO_FD_COUNT],
			     void *userdata)
{
	struct host_client *c = userdata;

	/* Decoding lets only messages of dynod through. */
	assert(host_client_table[p->head.type]);
	host_client_table[p->head.type](c, p, fds);
}

static void on_client_broken(const struct error *why, void *userdata)
{
	host_client_lose(userdata, why->msg);
}

/* ---- what the supervisor asks ---- */

static int host_client_send(struct host_client *c, const struct buf *message,
			    const int *fds, const struct note *note,
			    struct error *e)
{
	struct note *n;
	int r;

	if (!c->link)
		return error_set(e, EPIPE, "the connection is lost");
	r = host_link_send(c->link, message, fds, e);
	if (r < 0)
		return r;
	n = xmemdup(note, sizeof(*note));
	n->serial = c->serial;
	list_add_tail(&c->notes, &n->link);
	return 0;
}

static uint32_t host_client_serial(struct host_client *c)
{
	if (++c->serial == 0)
		c->serial = 1;
	return c->serial;
}

int host_client_start(struct host_client *c, const struct dyno_spec *spec,
		      host_started_fn fn, void *userdata, struct error *e)
{
	const struct note note = { .type = HOST_START, .started = fn,
				   .userdata = userdata };
	int fds[DYNO_FD_COUNT] = { -1, -1, -1 };
	auto_buf message = BUF_INIT;
	int r;

	if (spec->slug)
		fds[HOST_FD_LEASE] = spec->lease_fd;
	r = host_message_encode_spec(&message, HOST_START, host_client_serial(c), spec,
				     e);
	if (r >= 0)
		r = host_client_send(c, &message, fds, &note, e);
	return error_prefix(e, r, "ask for the start of dyno %s", spec->uuid);
}

static int host_client_ask(struct host_client *c, const char *uuid, int sig,
			   const struct note *note, struct error *e)
{
	struct host_message head = {
		.type = note->type, .serial = host_client_serial(c),
		.signal = sig, .n_strings = 1,
	};
	auto_buf message = BUF_INIT;
	int r;

	r = host_message_encode(&message, &head, &uuid, e);
	if (r >= 0)
		r = host_client_send(c, &message, NULL, note, e);
	return error_prefix(e, r, "ask to %s dyno %s",
			    host_message_name(note->type), uuid);
}

int host_client_signal(struct host_client *c, const char *uuid, int sig,
		       host_done_fn fn, void *userdata, struct error *e)
{
	const struct note note = { .type = HOST_SIGNAL, .done = fn,
				   .userdata = userdata };

	return host_client_ask(c, uuid, sig, &note, e);
}

int host_client_kill(struct host_client *c, const char *uuid,
		     host_done_fn fn, void *userdata, struct error *e)
{
	const struct note note = { .type = HOST_KILL, .done = fn,
				   .userdata = userdata };

	return host_client_ask(c, uuid, 0, &note, e);
}

int host_client_remove(struct host_client *c, const char *uuid,
		       host_done_fn fn, void *userdata, struct error *e)
{
	const struct note note = { .type = HOST_REMOVE, .done = fn,
				   .userdata = userdata };

	return host_client_ask(c, uuid, 0, &note, e);
}

int host_client_usage(struct host_client *c, const char *uuid, host_used_fn fn,
		      void *userdata, struct error *e)
{
	const struct note note = { .type = HOST_USAGE, .used = fn,
				   .userdata = userdata };

	return host_client_ask(c, uuid, 0, &note, e);
}

int host_client_inside(struct host_client *c, const struct dyno_spec *spec,
		       host_entered_fn fn, void *userdata, struct error *e)
{
	const struct note note = { .type = HOST_INSIDE, .entered = fn,
				   .userdata = userdata };
	auto_buf message = BUF_INIT;
	int r;

	r = host_message_encode_spec(&message, HOST_INSIDE, host_client_serial(c), spec,
				     e);
	if (r >= 0)
		r = host_client_send(c, &message, NULL, &note, e);
	return error_prefix(e, r, "ask for a command inside of dyno %s", spec->uuid);
}

/* ---- life ---- */

int host_client_new(struct host_client **ret, sd_event *event, int fd,
		    const struct host_client_ops *ops, void *userdata,
		    struct error *e)
{
	static const struct host_link_ops link_ops = {
		.on_packet = on_client_packet, .on_broken = on_client_broken,
	};
	auto_(host_client_free_p) struct host_client *c = xcalloc(1, sizeof(*c));
	int r;

	c->ops = ops;
	c->userdata = userdata;
	list_init(&c->notes);
	r = host_link_new(&c->link, event, fd, HOST_DYNOD, &link_ops, c, e);
	if (r < 0)
		return r;
	*ret = take_ptr(c);
	return 0;
}

struct host_client *host_client_free(struct host_client *c)
{
	struct note *n, *tmp;

	if (!c)
		return NULL;
	c->link = host_link_free(c->link);
	list_for_each_safe(n, tmp, &c->notes, link)
		note_free(n);
	free(c);
	return NULL;
}
