#pragma once

/*
 * api.h - what all handlers of the Platform API share.
 *
 * A handler is "int x(struct api_call *call, struct error *e)": it fills
 * call->reply (a new reference) and call->status, or returns a refusal
 * (outcome.h) or an error. API_HANDLER(on_x, x, needs) makes the route's
 * function of it. A handler that answers by itself (streams, uploads) sets
 * call->taken.
 *
 * What GET and HEAD give has an ETag, and is 304 to who has it. For If-Match of
 * PATCH, PUT and DELETE the GET handler of the same path is called first,
 * without an answer: such a one only reads, and never takes the call.
 */
#include "controller/controller.h"
#include "controller/state/doc.h"
#include "controller/api/views.h"
#include "http/server.h"

struct error;
struct principal;

enum api_needs {
	API_APP = 1,		/* call->app is the doc of :app, which the
				 * asker may use; else 404 */
	API_BODY = 2,		/* call->body is an object, {} if it is empty */
	API_OWNER = 4,		/* with API_APP: 403 unless it is the asker's */
	API_ADMIN = 8,		/* 403 unless the asker is an admin */
};

struct api_call {
	struct controller *c;
	struct http_request *req;
	const struct principal *principal;	/* who asks; never NULL */
	struct views views;
	struct doc app;
	json_t *body;
	json_t *reply;
	int status;		/* 200 */
	bool taken;
	char *base;
};

typedef int (*api_fn)(struct api_call *call, struct error *e);

void api_run(struct http_request *req, struct controller *c, api_fn fn,
	     unsigned needs);

#define API_HANDLER(name, fn, needs) \
	void name(struct http_request *req, void *userdata) \
	{ \
		api_run(req, userdata, fn, needs); \
	}

/* Answer with {"id", "message"}. r < 0 is 500, and logged. */
void api_refuse(struct http_request *req, int r, const struct error *e);

/* Make a page of list by the Range header; sets status and headers. Takes the
 * list. The first attribute is the default order. */
int api_page(struct api_call *call, json_t *list, const char *const *attrs,
	     struct error *e);

/* The same of a short list that has an order of its own, which it keeps unless there
 * is a Range. */
int api_page_if_asked(struct api_call *call, json_t *list, const char *const *attrs,
		      struct error *e);

/* The scheme, host and port under which the client sees us; caller frees. */
char *api_base(struct http_request *req, const struct controller *c);

/* Seconds since 1970. */
uint64_t api_now(void);

/* ---- the table ---- */
int api_routes_serve(struct controller *c, struct error *e);	/* makes c->server */
