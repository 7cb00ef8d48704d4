/*
 * reply.c - answers that are complete at once: JSON, text; and the refusals
 * that the server makes by itself.
 */
#include "http/json.h"
#include "http/request.h"

void http_reply_header(struct http_request *req, const char *name,
		       const char *value)
{
	strv_add(&req->headers, name);
	strv_add(&req->headers, value);
}

void http_reply_with(struct http_request *req, int status,
		     struct MHD_Response *response, enum request_phase phase)
{
	struct http_server *s = req->listener->server;

	assert(response);
	if (req->phase == REQUEST_GONE) {
		MHD_destroy_response(response);
		return;
	}
	assert(req->phase == REQUEST_BODY || req->phase == REQUEST_WAITING);
	if (s->answered)
		s->answered(req, status, s->userdata);
	for (size_t i = 0; i < req->headers.n; i += 2)
		MHD_add_response_header(response, req->headers.v[i],
					req->headers.v[i + 1]);
	MHD_add_response_header(response, "Request-Id", req->id);
	req->status = status;
	req->response = response;
	req->phase = phase;
	http_request_resume(req);
}

static void reply_text(struct http_request *req, int status, const char *type,
		       void *body, size_t n, enum MHD_ResponseMemoryMode mode)
{
	if (type && n)
		http_reply_header(req, "Content-Type", type);
	http_reply_with(req, status,
			MHD_create_response_from_buffer(n, body, mode),
			REQUEST_ANSWERED);
}

void http_reply_json(struct http_request *req, int status, json_t *body)
{
	char *text = body ? json_text(body) : xstrdup("");

	json_decref(body);
	reply_text(req, status, "application/json", text, strlen(text),
		   MHD_RESPMEM_MUST_FREE);
}

void http_reply_text(struct http_request *req, int status, const char *type,
		     const void *body, size_t n)
{
	reply_text(req, status, type, (void *)(uintptr_t)body, n,
		   MHD_RESPMEM_MUST_COPY);
}

void http_reply_refuse(struct http_request *req, int status,
		       const char *message)
{
	static const struct { int status; const char *id; } ids[] = {
		{ 400, "bad_request" },
		{ 404, "not_found" },
		{ 405, "method_not_allowed" },
		{ 413, "request_too_large" },
		{ 416, "requested_range_not_satisfiable" },
		{ 426, "upgrade_required" },
		{ 431, "head_too_large" },
	};
	struct http_server *s = req->listener->server;
	const char *id = "error";

	if (s->refuse) {
		s->refuse(req, status, message, s->userdata);
		assert(req->phase == REQUEST_ANSWERED ||
		       req->phase == REQUEST_GONE);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++)
		if (ids[i].status == status)
			id = ids[i].id;
	http_reply_json(req, status, json_pack("{s:s,s:s}", "id", id, "message",
					       message));
}
