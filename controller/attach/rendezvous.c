/*
 * rendezvous.c - from a stranger to an attached client: the secret, and then raw bytes
 * or frames.
 */
#include "base/error.h"
#include "base/log.h"
#include "base/loop.h"
#include "controller/attach/rendezvous_client.h"
#include "controller/attach/tls_conn.h"
#include "controller/model/outcome.h"
#include "http/tls_identity.h"

#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define SECRET_LINE_MAX 256

/* ---- the secret ---- */

/* What came behind the secret's line is a frame, or its beginning. */
static void stranger_to_frames(struct rendezvous_client *cl,
			       const struct attach_ticket *ticket,
			       const char *early, size_t n)
{
	struct attach_hub *hub = cl->rv->hub;
	const size_t hello = strlen(RENDEZVOUS_HELLO);
	struct error e;
	int fd = tls_conn_plain(cl->conn, &e);

	if (fd < 0)
		log_err("rendezvous: %s", e.msg);
	if (fd >= 0 && send(fd, RENDEZVOUS_HELLO, hello, MSG_NOSIGNAL) ==
			       (ssize_t)hello) {
		attach_join_stream(hub, ticket, fd, early, n);
	} else {
		attach_give_up(hub, ticket);
		fd_close(fd);
	}
	rendezvous_client_free(cl);
}

/* Raw bytes have no words for a refusal; and what cannot be said now is no refusal. */
static void stranger_refuse(struct rendezvous_client *cl, bool frames, int r,
			    const struct error *e)
{
	char line[ERROR_MSG_MAX + 16];

	if (!frames || r != OUTCOME_NOT_FOUND) {
		rendezvous_client_free(cl);
		return;
	}
	snprintf(line, sizeof(line), "refused: %s\r\n", e->msg);
	rendezvous_client_refuse(cl, line);
}

static void stranger_secret(struct rendezvous_client *cl, size_t line)
{
	bool frames = tls_conn_agreed(cl->conn);
	struct attach_ticket ticket;
	struct error e;
	int r;

	cl->line.data[strcspn(cl->line.data, "\r\n")] = '\0';
	r = attach_redeem(cl->rv->hub, cl->line.data, frames, &ticket, &e);
	if (r != 0)
		stranger_refuse(cl, frames, r, &e);
	else if (frames)
		stranger_to_frames(cl, &ticket, cl->line.data + line,
				   cl->line.len - line);
	else
		rendezvous_client_attach(cl, &ticket);
}

/* ---- its connection ---- */

static void on_stranger_data(struct tls_conn *conn, const void *data, size_t n,
			     void *userdata)
{
	struct rendezvous_client *cl = userdata;
	const char *end;

	if (cl->stage != CLIENT_SECRET) {
		rendezvous_client_data(cl, data, n);
		return;
	}
	buf_add(&cl->line, data, n);
	end = memchr(cl->line.data, '\n', cl->line.len);
	if (end)
		stranger_secret(cl, (size_t)(end - cl->line.data) + 1);
	else if (cl->line.len > SECRET_LINE_MAX)
		rendezvous_client_free(cl);
}

static void on_stranger_written(struct tls_conn *conn, void *userdata)
{
	rendezvous_client_written(userdata);
}

static void on_stranger_closed(struct tls_conn *conn, void *userdata)
{
	rendezvous_client_closed(userdata);
}

static void on_stranger_ready(struct tls_conn *conn, void *userdata)
{
	/* The secret comes next, by itself. */
}

static const struct tls_conn_events stranger_events = {
	.on_ready = on_stranger_ready,
	.on_data = on_stranger_data,
	.on_written = on_stranger_written,
	.on_closed = on_stranger_closed,
};

/* ---- strangers come ---- */

static int stranger_new(struct rendezvous *rv, int fd, struct error *e)
{
	auto_(tls_creds_unref_p) struct tls_creds *creds =
		tls_identity_creds(rv->id);
	struct rendezvous_client *cl = xcalloc(1, sizeof(*cl));

	cl->rv = rv;
	cl->stranger = true;
	list_add_tail(&rv->clients, &cl->link);
	rv->strangers++;
	if (tls_conn_new(&cl->conn, rv->event, fd, creds, ATTACH_PROTOCOL,
			 &stranger_events, cl, e) < 0) {
		rendezvous_client_free(cl);
		return -EIO;
	}
	rendezvous_client_arm(cl, RENDEZVOUS_SECRET_SEC * USEC_PER_SEC);
	return 0;
}

static int on_rendezvous_accept(sd_event_source *src, int listen_fd,
				uint32_t revents, void *userdata)
{
	struct rendezvous *rv = userdata;
	int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct error e;

	if (fd < 0)
		return 0;
	if (rv->strangers >= RENDEZVOUS_STRANGERS_MAX)
		fd_close(fd);
	else if (stranger_new(rv, fd, &e) < 0)
		log_err("rendezvous: %s", e.msg);
	return 0;
}

int rendezvous_new(struct rendezvous **ret, sd_event *event, int listen_fd,
		   struct attach_hub *hub, struct tls_identity *id,
		   struct error *e)
{
	struct rendezvous *rv = xcalloc(1, sizeof(*rv));
	int r;

	rv->event = event;
	rv->hub = hub;
	rv->listen_fd = listen_fd;
	list_init(&rv->clients);
	rv->id = id;
	r = sd_event_add_io(event, &rv->accept, listen_fd, EPOLLIN,
			    on_rendezvous_accept, rv);
	if (r < 0) {
		rendezvous_free(rv);
		return error_ret(e, r, "watch the rendezvous port");
	}
	sd_event_source_set_description(rv->accept, "rendezvous port");
	*ret = rv;
	return 0;
}

struct rendezvous *rendezvous_free(struct rendezvous *rv)
{
	struct rendezvous_client *cl, *tmp;

	if (!rv)
		return NULL;
	list_for_each_safe(cl, tmp, &rv->clients, link)
		rendezvous_client_free(cl);
	rv->accept = loop_unref(rv->accept);
	fd_close(rv->listen_fd);
	free(rv);
	return NULL;
}
