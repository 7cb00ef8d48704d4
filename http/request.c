/*
 * request.c - a request from its first line to its completion, driven by
 * libmicrohttpd's callbacks: once for the head, once per piece of the body,
 * once at the end of the body, and again after every resume.
 */
#include "base/error.h"
#include "base/loop.h"
#include "base/sock.h"
#include "http/body_room.h"
#include "http/request.h"

#include <strings.h>
#include <sys/epoll.h>

/* A refused body is read all the same, so that the client reads the answer
 * instead of a broken pipe; but not for ever. What says that it is very long is
 * not read at all: most clients hear the answer while they send. */
#define REQUEST_DISCARD_MAX (1024ULL * 1024 * 1024)
#define REQUEST_DISCARD_WORTH (64ULL * 1024 * 1024)

void *http_request_on_line(void *cls, const char *uri,
			   struct MHD_Connection *conn)
{
	struct http_listener *l = cls;
	struct http_request *req = xcalloc(1, sizeof(*req));
	const union MHD_ConnectionInfo *info;

	req->listener = l;
	req->conn = conn;
	info = MHD_get_connection_info(conn, MHD_CONNECTION_INFO_CONNECTION_FD);
	req->fd = info ? info->connect_fd : -1;
	req->uid = (uid_t)-1;
	if (l->is_unix && sock_peer(req->fd, &req->uid, NULL, NULL) < 0)
		req->uid = (uid_t)-1;
	req->target_ok = route_target_parse(&req->target, uri);
	id_uuid(req->id);
	list_add_tail(&l->server->requests, &req->link);
	return req;
}

static void request_free(struct http_request *req)
{
	list_unlink(&req->link);
	req->gone_source = loop_unref(req->gone_source);
	req->hangup_source = loop_unref(req->hangup_source);
	if (req->response)
		MHD_destroy_response(req->response);
	body_room_leave(req);
	route_target_free(&req->target);
	route_match_free(&req->match);
	strv_deinit(&req->headers);
	buf_deinit(&req->body);
	buf_deinit(&req->out);
	if (req->context)
		req->context_free(req->context);
	free(req->method);
	free(req);
}

/* Until the program has answered it has to be told when the client leaves. */
static void request_tell_gone(struct http_request *req)
{
	bool open = req->phase != REQUEST_ANSWERED &&
		    req->phase != REQUEST_GONE;

	req->phase = REQUEST_GONE;
	if (open && req->on_gone)
		req->on_gone(req, req->gone_userdata);
}

void http_request_on_completed(void *cls, struct MHD_Connection *conn,
			       void **con_cls,
			       enum MHD_RequestTerminationCode code)
{
	struct http_request *req = *con_cls;

	if (!req)
		return;
	*con_cls = NULL;
	request_tell_gone(req);
	request_free(req);
}

/* ---- waiting ---- */

static int on_request_hangup(sd_event_source *src, int fd, uint32_t revents,
			     void *userdata)
{
	http_request_leave(userdata);
	return 0;
}

/* libmicrohttpd neither polls nor times out what is suspended. */
void http_request_suspend(struct http_request *req)
{
	sd_event *event = req->listener->server->event;

	assert(!req->suspended && !req->gone_source);
	MHD_suspend_connection(req->conn);
	req->suspended = true;
	if (sd_event_add_io(event, &req->gone_source, req->fd, EPOLLRDHUP,
			    on_request_hangup, req) >= 0)
		sd_event_source_set_description(req->gone_source,
						"http client gone");
}

void http_request_resume(struct http_request *req)
{
	if (!req->suspended)
		return;
	req->gone_source = loop_unref(req->gone_source);
	req->suspended = false;
	MHD_resume_connection(req->conn);
	http_server_kick(req->listener);
}

void http_request_leave(struct http_request *req)
{
	request_tell_gone(req);
	http_request_resume(req);
}

void http_request_finish(struct http_request *req)
{
	void (*on_gone)(struct http_request *, void *) = req->on_gone;

	http_stream_end(req);
	req->on_gone = NULL;
	if (on_gone)
		on_gone(req, req->gone_userdata);
}

/*
 * libmicrohttpd's epoll is edge-triggered, and after a short read it takes the
 * socket for empty. If the client's end was behind those bytes already, no
 * event comes any more, and the upload would hang until it times out. Whoever
 * is suspended and resumed is read again.
 */
static void request_read_again(struct http_request *req)
{
	if (!req->hung_up || req->phase != REQUEST_BODY || req->suspended)
		return;
	MHD_suspend_connection(req->conn);
	MHD_resume_connection(req->conn);
	http_server_kick(req->listener);
}

static int on_body_hangup(sd_event_source *src, int fd, uint32_t revents,
			  void *userdata)
{
	struct http_request *req = userdata;

	req->hung_up = true;
	req->hangup_source = loop_unref(req->hangup_source);
	request_read_again(req);
	return 0;
}

static void request_watch_body(struct http_request *req)
{
	if (sd_event_add_io(req->listener->server->event, &req->hangup_source,
			    req->fd, EPOLLRDHUP, on_body_hangup, req) >= 0)
		sd_event_source_set_description(req->hangup_source,
						"http upload's end");
}

/* ---- head ---- */

static bool request_expects_continue(struct http_request *req)
{
	const char *expect = http_request_header(req, "Expect");

	return expect && strcasecmp(expect, "100-continue") == 0;
}

static size_t request_head_size(struct http_request *req)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(req->conn,
					MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);

	return info ? info->header_size : 0;
}

static size_t request_max_body(const struct http_request *req)
{
	return req->match.route->max_body ? req->match.route->max_body
					  : HTTP_BODY_MAX_DEFAULT;
}

static uint64_t request_length(struct http_request *req)
{
	const char *length = http_request_header(req, "Content-Length");

	return length ? strtoull(length, NULL, 10) : 0;
}

static bool request_is_too_long(struct http_request *req)
{
	return !req->on_data && request_length(req) > request_max_body(req);
}

static void request_route(struct http_request *req)
{
	struct http_server *s = req->listener->server;
	int status;

	status = route_find(&req->match, s->routes, s->n_routes, req->method,
			    req->target.path);
	if (status == 405)
		http_reply_header(req, "Allow", req->match.allow);
	if (status)
		http_reply_refuse(req, status,
				  status == 400 ? "The path is malformed." :
				  status == 404 ? "There is nothing here." :
				  "That method is not allowed here.");
}

static void request_head(struct http_request *req)
{
	struct http_server *s = req->listener->server;

	req->started = true;
	req->phase = REQUEST_BODY;
	if (request_head_size(req) > HTTP_HEAD_MAX) {
		http_reply_refuse(req, 431, "The request's head is too long.");
		return;
	}
	if (!req->target_ok) {
		http_reply_refuse(req, 400, "The request's target is malformed.");
		return;
	}
	if (s->gate)
		s->gate(req, s->userdata);
	if (req->phase == REQUEST_BODY)
		request_route(req);
	if (req->phase == REQUEST_BODY && s->admit)
		s->admit(req, s->userdata);
	if (req->phase == REQUEST_BODY && req->match.route->on_head)
		req->match.route->on_head(req, s->userdata);
	if (req->phase == REQUEST_BODY && req->on_data)
		request_watch_body(req);
	if (req->phase == REQUEST_BODY && request_is_too_long(req))
		http_reply_refuse(req, 413, "The body is too long.");
}

/* ---- body ---- */

static void request_refuse_body(struct http_request *req, int status,
				const char *message)
{
	body_room_leave(req);
	buf_deinit(&req->body);
	http_reply_refuse(req, status, message);
}

static bool request_body(struct http_request *req, const char *data, size_t n)
{
	if (req->phase != REQUEST_BODY || req->stopped) {
		req->discarded += n;
		request_read_again(req);
		return req->discarded <= REQUEST_DISCARD_MAX;
	}
	if (body_room_is_late(req))
		return false;
	if (req->on_data) {
		req->stopped = req->on_data(req, data, n, req->data_userdata) < 0;
		request_read_again(req);
		return true;
	}
	if (req->body.len + n > request_max_body(req)) {
		request_refuse_body(req, 413, "The body is too long.");
		return true;
	}
	if (!body_room_take(req, n)) {
		http_reply_header(req, "Retry-After", "5");
		request_refuse_body(req, 503, "Too many requests with long bodies "
				    "are being received. Try again soon.");
		return true;
	}
	buf_add(&req->body, data, n);
	return true;
}

/* ---- libmicrohttpd's entry ---- */

static enum MHD_Result request_queue(struct http_request *req)
{
	enum MHD_Result ok;

	req->queued = true;
	ok = MHD_queue_response(req->conn, (unsigned)req->status, req->response);
	MHD_destroy_response(req->response);
	req->response = NULL;
	return ok;
}

enum MHD_Result http_request_on_access(void *cls, struct MHD_Connection *conn,
				       const char *url, const char *method,
				       const char *version, const char *data,
				       size_t *data_n, void **con_cls)
{
	struct http_request *req = *con_cls;

	if (!req->started) {
		req->method = xstrdup(method);
		request_head(req);
		/* An early answer ends the connection; only worth it where the
		 * client asked before sending, or has too much to send. */
		return req->response && (request_expects_continue(req) ||
			request_length(req) > REQUEST_DISCARD_WORTH)
		       ? request_queue(req) : MHD_YES;
	}
	if (*data_n) {
		bool ok = request_body(req, data, *data_n);

		*data_n = 0;
		return ok ? MHD_YES : MHD_NO;
	}
	if (req->phase == REQUEST_BODY) {
		req->phase = REQUEST_WAITING;
		req->hangup_source = loop_unref(req->hangup_source);
		req->match.route->fn(req, req->listener->server->userdata);
	}
	if (req->phase == REQUEST_GONE)
		return MHD_NO;
	if (req->response)
		return request_queue(req);
	if (!req->suspended)
		http_request_suspend(req);
	return MHD_YES;
}
