#pragma once

/*
 * server.h - an HTTP server inside sd-event, on libmicrohttpd.
 *
 * One server has a table of routes and any number of listening sockets (unix
 * and TCP). A request's life:
 *
 *   1. The head arrives. The gate may refuse it, the route is found (404 / 405
 *      if none), the second gate ("admit") may refuse it, then
 *      route->on_head, if there is one, may refuse it or (for uploads) take
 *      the body as a stream by http_request_stream_body().
 *   2. The body is collected up to route->max_body (413 beyond it), or passed
 *      to the stream's callbacks.
 *   3. route->fn is called exactly once. It answers at once with an
 *      http_reply_*() call, or keeps the pointer and answers later (long
 *      poll), or begins a stream (http_stream_begin) or an upgrade.
 *   4. When the connection goes away before the answer is complete, the
 *      request's on_gone is called; after on_gone, and after the call that
 *      completes the answer, the pointer is dead.
 *
 * Collected bodies of more than 16 KiB share 64 MiB: all those of a route with a
 * max_body of its own, and all others. Who comes when that is full gets 503; who
 * needs more than 120 s to send such a body is closed.
 *
 * Limits: request head 16 KiB (431), connections and time-outs below; a
 * client that does not read its stream is cut off when more than
 * HTTP_STREAM_MAX bytes wait for it.
 */
#include "base/base.h"

#include <jansson.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

struct error;
struct http_server;
struct http_request;
struct tls_identity;

#define HTTP_HEAD_MAX (16 * 1024)
#define HTTP_BODY_MAX_DEFAULT (1024 * 1024)
#define HTTP_STREAM_MAX (1024 * 1024)
#define HTTP_CONNECTIONS_MAX 4000
#define HTTP_IDLE_SEC 75
#define HTTP_PARAMS_MAX 4

struct http_route {
	const char *method;		/* "GET" */
	const char *path;		/* "/apps/:app/dynos/:dyno" */
	void (*fn)(struct http_request *req, void *userdata);
	size_t max_body;		/* 0: HTTP_BODY_MAX_DEFAULT */
	/* NULL, or called when the head is here. To refuse, reply; fn is then
	 * not called. */
	void (*on_head)(struct http_request *req, void *userdata);
};

int http_server_new(struct http_server **ret, sd_event *event,
		    const struct http_route *routes, size_t n_routes,
		    void *userdata, struct error *e);
/* Requests that are open get their on_gone first. */
struct http_server *http_server_free(struct http_server *s);
DEFINE_AUTO(struct http_server, http_server_free)

/* Before http_server_free(), and when the loop runs no more: end every open
 * stream as if the program had done it, after its on_gone. A client that sees
 * the end of a stream comes again; one that is cut off in it may give up.
 * Blocks until the ends have left, for at most usec. */
void http_server_finish(struct http_server *s, uint64_t usec);

/* Serve a listening socket (owned by the server from here on). */
int http_server_listen(struct http_server *s, int listen_fd, struct error *e);

/*
 * The same for a TCP socket with TLS; the identity (tls_identity.h) is borrowed,
 * and shown as it is when somebody connects. Everything below works as without:
 * long polls, streams, uploads, upgrades. At most 128 handshakes are under way, for
 * 10 s, or for 2 s while there are so many.
 */
int http_server_listen_tls(struct http_server *s, int listen_fd,
			   struct tls_identity *id, struct error *e);

/* Called for every request before routing; may reply (401). Optional. */
void http_server_set_gate(struct http_server *s,
			  void (*gate)(struct http_request *, void *userdata));

/* Called when the route is found, before its on_head; may reply (403). Optional. */
void http_server_set_admit(struct http_server *s,
			   void (*admit)(struct http_request *, void *userdata));

/* Called once per request, when its answer has been decided and before it is
 * sent: also for refusals, streams and upgrades. Optional. */
void http_server_set_answered(struct http_server *s,
			      void (*answered)(struct http_request *, int status,
					       void *userdata));

/* Called when no route matches (404) or only another method does (405), and
 * for refused heads, bodies and ranges (400, 413, 416, 431): lets the program
 * word its error body. It must reply. Optional; the default is {"id","message"}. */
void http_server_set_refuse(struct http_server *s,
			    void (*refuse)(struct http_request *, int status,
					   const char *message, void *userdata));

/* ---- the request ---- */
const char *http_request_method(const struct http_request *req);
/* As it came, still percent-encoded, without the query. */
const char *http_request_path(const struct http_request *req);
/* Path parameter by name without the colon, percent-decoded; never NULL. */
const char *http_request_param(const struct http_request *req, const char *name);
/* Decoded, or NULL. */
const char *http_request_query(const struct http_request *req, const char *name);
const char *http_request_header(const struct http_request *req, const char *name);
/* Text is NUL-terminated behind *ret_n bytes. */
const char *http_request_body(const struct http_request *req, size_t *ret_n);
/* Parse the body as JSON; an empty body gives NULL and 0. */
int http_request_json(const struct http_request *req, json_t **ret,
		      struct error *e);
/* true if it came over a unix socket; then *ret_uid (may be NULL) is the peer's. */
bool http_request_peer(const struct http_request *req, uid_t *ret_uid);
/* Whether it came over TLS. */
bool http_request_is_tls(const struct http_request *req);
/* The common name of the client's certificate, if it showed one that a CA of the
 * identity has signed; else NULL. */
const char *http_request_peer_name(const struct http_request *req);
/* What is wrong with the certificate that it showed, a sentence; or NULL. */
const char *http_request_peer_fault(const struct http_request *req);
/* A UUID of this request, for logs and the Request-Id header. */
const char *http_request_id(const struct http_request *req);

/* Where it came from: an IP address without the port, or "unix". */
#define HTTP_ADDRESS_MAX 48
char *http_request_address(const struct http_request *req,
			   char out[HTTP_ADDRESS_MAX]);
/* The path of its route, "/apps/:app"; NULL while there is none. */
const char *http_request_route(const struct http_request *req);

/* Whether If-None-Match names the tag (without quotes): the client has it. */
bool http_request_has(const struct http_request *req, const char *tag);
/* Whether If-Match allows a change of what has this tag now; NULL: none. */
bool http_request_if_match(const struct http_request *req, const char *tag);
/* The route with the same path for another method, or NULL. */
const struct http_route *http_request_sibling(const struct http_request *req,
					      const char *method);

/* What the gate found out about the client: freed with the request, by
 * free_fn. NULL until it is set. */
void http_request_set_context(struct http_request *req, void *context,
			      void (*free_fn)(void *context));
void *http_request_context(const struct http_request *req);

void http_request_set_userdata(struct http_request *req, void *p);
void *http_request_userdata(const struct http_request *req);
void http_request_on_gone(struct http_request *req,
			  void (*on_gone)(struct http_request *, void *userdata),
			  void *userdata);

/*
 * In on_head: take the body as it comes. on_data returns 0, or < 0 to stop
 * reading (the rest is discarded, fn is called all the same and can see why in
 * the userdata). Ends with fn. If the client goes away, only on_gone is called.
 */
void http_request_stream_body(struct http_request *req,
			      int (*on_data)(struct http_request *,
					     const void *data, size_t n,
					     void *userdata),
			      void *userdata);

/* ---- the answer ---- */
/* Extra header for the answer; call before the reply. */
void http_reply_header(struct http_request *req, const char *name,
		       const char *value);
/* Takes the reference to body. NULL body: empty. Adds Request-Id. */
void http_reply_json(struct http_request *req, int status, json_t *body);
void http_reply_text(struct http_request *req, int status, const char *type,
		     const void *body, size_t n);
/*
 * Send a file (owned from here on) of n bytes from its current offset: 200, or
 * what the client's headers make of it. tag is what changes with the content
 * (no quotes in it), or NULL if nothing does; it becomes a strong ETag.
 *
 *   Range		one range of bytes: 206, or 416 (through refuse) if it
 *			begins behind the end; several: the whole
 *   If-Range		not this tag: the whole
 *   If-None-Match	this tag: 304
 */
void http_reply_file(struct http_request *req, const char *type,
		     const char *tag, int fd, uint64_t n);

/* A chunked answer of unknown length. end() completes it. While it is open,
 * on_gone tells that the client left or was cut off; it is called from the
 * loop, never by http_stream_write(). */
void http_stream_begin(struct http_request *req, int status, const char *type);
void http_stream_write(struct http_request *req, const void *data, size_t n);
void http_stream_end(struct http_request *req);
/* Bytes that were written and not yet sent. */
size_t http_stream_pending(const struct http_request *req);

/*
 * Answer 101 and hand over the connection: on_open is called with a
 * non-blocking socket that the callee owns, and the bytes that the client sent
 * behind its head. The request is dead after that. Only when the client asked
 * "Upgrade: <protocol>"; else it is answered 426.
 */
void http_upgrade(struct http_request *req, const char *protocol,
		  void (*on_open)(int fd, const void *early, size_t n_early,
				  void *userdata),
		  void *userdata);
