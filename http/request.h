#pragma once

/*
 * request.h - the inside of the server: listeners, requests, their phases.
 *
 * Inside http/ only. A request lives from the request line until
 * libmicrohttpd says that it is completed; the program's view of it ends
 * earlier, with the answer or with on_gone. libmicrohttpd wants a response to
 * be queued inside of its own callback: an answer that comes later is stored,
 * the suspended connection is resumed, and the next callback queues it.
 */
#include "base/list.h"
#include "base/buf.h"
#include "base/strv.h"
#include "base/id.h"
#include "http/route.h"
#include "http/server.h"

#include <microhttpd.h>

struct http_server {
	sd_event *event;
	const struct http_route *routes;
	size_t n_routes;
	size_t room, *rooms;		/* body_room.h; the latter one per route */
	void *userdata;
	void (*gate)(struct http_request *, void *userdata);
	void (*admit)(struct http_request *, void *userdata);
	void (*refuse)(struct http_request *, int status, const char *message,
		       void *userdata);
	void (*answered)(struct http_request *, int status, void *userdata);
	struct list listeners;
	struct list requests;
};

struct tls_listener;

/* Whom a client certificate speaks for; the connection's, not the request's. */
struct http_peer {
	char *name, *fault;
};

/* One libmicrohttpd daemon per listening socket. */
struct http_listener {
	struct list link;
	struct http_server *server;
	struct MHD_Daemon *daemon;
	struct tls_listener *tls;	/* NULL: the daemon listens itself */
	bool is_unix;
	int quiet_fd;			/* the socket, when nobody is let in any more */
	bool running;			/* inside of MHD_run() */
	bool kicked;			/* run again at once */
	sd_event_source *io, *timer;
	sd_event_source *again;		/* run in the next turn of the loop */
};

enum request_phase {
	REQUEST_HEAD,		/* not yet routed */
	REQUEST_BODY,		/* the body is coming */
	REQUEST_WAITING,	/* fn has the request and owes an answer */
	REQUEST_STREAM,		/* an answer of unknown length is open */
	REQUEST_CUT,		/* the stream was cut off; on_gone follows */
	REQUEST_UPGRADE,	/* 101 is on its way */
	REQUEST_ANSWERED,	/* the program has no part in it any more */
	REQUEST_GONE,		/* the client left; the program knows */
};

struct http_request {
	struct list link;
	struct http_listener *listener;
	struct MHD_Connection *conn;
	int fd;				/* the connection's, borrowed */
	enum request_phase phase;
	bool started;			/* gate and routing are done */
	bool suspended;
	bool queued;
	char id[UUID_TEXT_MAX];
	uid_t uid;
	char *method;
	bool target_ok;
	struct route_target target;
	struct route_match match;

	struct buf body;
	size_t room;			/* that it has (body_room.h), */
	uint64_t room_since;		/* monotonic usec */
	uint64_t discarded;
	bool stopped;			/* on_data wants no more */
	bool hung_up;			/* the client sends no more */
	bool finishing;			/* the server ends, and its stream too */
	sd_event_source *hangup_source;	/* while a stream of a body comes */
	int (*on_data)(struct http_request *, const void *data, size_t n,
		       void *userdata);
	void *data_userdata;

	void *context;
	void (*context_free)(void *context);

	void *userdata;
	void (*on_gone)(struct http_request *, void *userdata);
	void *gone_userdata;
	sd_event_source *gone_source;	/* while suspended */

	struct strv headers;		/* name, value, name, value, ... */
	int status;
	struct MHD_Response *response;	/* ours until it is queued */

	struct buf out;			/* the stream's bytes, sent up to out_at */
	size_t out_at;

	void (*on_open)(int fd, const void *early, size_t n, void *userdata);
	void *open_userdata;
};

/* ---- server.c ---- */
/* Let libmicrohttpd run soon: something was changed behind its back. */
void http_server_kick(struct http_listener *l);

/* ---- request.c ---- */
/* libmicrohttpd's callbacks; cls is the listener. */
void *http_request_on_line(void *cls, const char *uri,
			   struct MHD_Connection *conn);
enum MHD_Result http_request_on_access(void *cls, struct MHD_Connection *conn,
				       const char *url, const char *method,
				       const char *version, const char *data,
				       size_t *data_n, void **con_cls);
void http_request_on_completed(void *cls, struct MHD_Connection *conn,
			       void **con_cls,
			       enum MHD_RequestTerminationCode code);
/* Stop and resume the connection; the client's leaving is watched meanwhile. */
void http_request_suspend(struct http_request *req);
void http_request_resume(struct http_request *req);
/* Tell the program that the client left, once, and end the connection. */
void http_request_leave(struct http_request *req);
/* Tell the program the same of an open stream, and send the client its end. */
void http_request_finish(struct http_request *req);

/* ---- reply.c ---- */
/* Take the response (owned from here) as the answer; phase is what follows. */
void http_reply_with(struct http_request *req, int status,
		     struct MHD_Response *response, enum request_phase phase);
/* An error in the program's own words. */
void http_reply_refuse(struct http_request *req, int status,
		       const char *message);
