#pragma once

/*
 * client.h - HTTP requests inside sd-event, on libcurl's multi interface.
 *
 * A base address is "unix:/path/api.sock", "http://host:port" or
 * "https://host:port". libcurl's resolver makes threads: never link this into
 * a process that clones dynos.
 */
#include "base/base.h"

#include <sys/socket.h>
#include <systemd/sd-event.h>

struct buf;
struct error;
struct http_client;
struct http_call;

struct http_client_spec {
	const char *base;		/* address as above */
	const char *token;		/* NULL, or sent as "Authorization: Bearer" */
	const char *user_agent;		/* NULL: "dyno/VERSION" */
	const char *ca_file;		/* NULL: the system's */
	/* For the base only, as the token: */
	const char *cert_file;		/* NULL: shows no certificate */
	const char *key_file;		/* NULL: in cert_file */
	const char *proxy;		/* "http://host:port"; NULL: none, whatever
					 * the environment says */
};

/* event may be NULL for a client that is only used by http_call_wait(). */
int http_client_new(struct http_client **ret, sd_event *event,
		    const struct http_client_spec *spec, struct error *e);
/* Ends running calls without on_done; they still have to be freed. Not allowed
 * in on_data and on_progress. */
struct http_client *http_client_free(struct http_client *c);
DEFINE_AUTO(struct http_client, http_client_free)

struct http_call_spec {
	const char *method;
	const char *path;		/* "/apps/x?y=z"; or a whole http(s) URL */
	const char *type;		/* content type of the body, NULL: JSON */
	const void *body;		/* copied; NULL = none */
	size_t body_len;
	int body_fd;			/* > 0: send this file (borrowed) instead, */
	uint64_t body_fd_len;		/* exactly so many bytes */
	const char *const *headers;	/* "Name: value", NULL-terminated, or NULL */
	uint64_t timeout_usec;		/* 0: 60 s; UINT64_MAX: none */
	uint64_t connect_usec;		/* 0: 10 s; as a part of the time-out */
	size_t max_body;		/* of the answer when collected; 0: 16 MiB */
	bool no_body;			/* of the answer: 64 KiB of it are dropped, and
					 * behind them the connection is closed */
	bool direct;			/* no proxy, whatever the environment says */
	bool http1;			/* HTTP/1.1 and nothing newer */
	/* Only a connection, TLS if the URL says https: use it by wire.h. */
	bool wire;
	/* Before an address is connected to, may be NULL; false refuses it: the call
	 * ends with EPERM if no other address answers. */
	bool (*on_address)(const struct sockaddr *address, void *userdata);
	/* NULL: the answer's body is collected. Else called as it comes;
	 * < 0 ends the call with ECANCELED. Not called for status >= 300. */
	int (*on_data)(const void *data, size_t n, void *userdata);
	/* Upload progress, may be NULL. */
	void (*on_progress)(uint64_t sent, uint64_t total, void *userdata);
	void *userdata;			/* of on_data, on_progress, on_address */
};

struct http_result {
	int r;			/* 0, or -errno: no answer; error.msg says why */
	struct error *error;
	int status;		/* HTTP status when r == 0 */
	const char *body;	/* NUL-terminated */
	size_t body_len;
	const char *request_id;	/* of the answer, or NULL */
};

typedef void (*http_done_fn)(const struct http_result *res, void *userdata);

/* Start a call; on_done is called once from the loop, unless it is freed. The
 * call is the caller's, also after on_done, until it frees it. */
int http_call_new(struct http_call **ret, struct http_client *c,
		  const struct http_call_spec *spec, http_done_fn on_done,
		  void *userdata, struct error *e);
/* Cancels a running call. Allowed inside on_done. */
struct http_call *http_call_free(struct http_call *call);

/* For command line programs: do it now, blocking. *ret_body is filled. */
int http_call_wait(struct http_client *c, const struct http_call_spec *spec,
		   int *ret_status, struct buf *ret_body, struct error *e);

/*
 * Blocking upgrade: connect, send "GET path" with "Upgrade: protocol", read
 * the answer's head. On 101 *ret_fd is the socket and *early the bytes that
 * came behind the head. Any other status is an error with the answer's
 * message in it (ENOENT for 404, else EPROTO); so is no answer within 30 s.
 * The socket is blocking. With https it is the end of a socket pair: a process of
 * its own stands between, until either side closes.
 */
int http_client_upgrade(struct http_client *c, const char *path,
			const char *protocol, int *ret_fd, struct buf *early,
			struct error *e);

/* Percent-encode a path segment; the caller frees. */
char *http_path_escape(const char *segment);
