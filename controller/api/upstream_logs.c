/*
 * upstream_logs.c - a host's lines. Its request waits while there is no room for
 * more.
 */
#include "base/buf.h"
#include "base/error.h"
#include "controller/api/api_handlers.h"
#include "controller/api/packed_body.h"
#include "controller/engine.h"
#include "controller/logplex/logs.h"
#include "controller/model/deaths.h"
#include "controller/model/names.h"
#include "controller/model/outcome.h"

/* Bytes after unpacking: as much as is taken unpacked (api_routes.c). */
#define LOGS_PLAIN_MAX (1024 * 1024 + 4096)

struct host_lines {
	struct controller *c;
	struct http_request *req;
	struct logs_wait *wait;
	uint64_t acked;
};

static struct host_lines *host_lines_free(struct host_lines *h)
{
	if (!h)
		return NULL;
	logs_wait_free(h->wait);
	free(h);
	return NULL;
}

DEFINE_AUTO(struct host_lines, host_lines_free)

static void on_host_lines_gone(struct http_request *req, void *userdata)
{
	host_lines_free(userdata);
}

static bool upstream_app_known(const char *app, void *userdata)
{
	struct engine *g = userdata;
	auto_free char *key = xasprintf("/apps/%s", app);
	struct error e;

	/* In doubt the line is kept. */
	return state_get(g->state, key, NULL, NULL, &e) != STATE_ABSENT;
}

static int upstream_death(const char *app, const char *ps, const char *text,
			  size_t n, void *userdata, struct error *e)
{
	return deaths_take(userdata, app, ps, text, n, e);
}

static const struct logs_ops upstream_logs_ops = {
	.known = upstream_app_known, .death = upstream_death,
};

static int host_lines_store(struct host_lines *h, struct error *e)
{
	const char *epoch = http_request_query(h->req, "epoch"), *body;
	auto_buf plain = BUF_INIT;
	struct error why;
	size_t n;
	int r = packed_body(h->req, LOGS_PLAIN_MAX, &plain, &body, &n, e);

	if (r != 0)
		return r;
	r = logs_take(h->c->engine->logs, http_request_param(h->req, "host"),
		      epoch, body, n, &upstream_logs_ops, h->c->engine,
		      &h->acked, &why);
	if (r == -EBADMSG)		/* theirs, not ours */
		return outcome_set(e, OUTCOME_BAD_REQUEST, "%.400s.", why.msg);
	if (r < 0)
		return error_set(e, why.code, "%s", why.msg);
	return 0;
}

static void host_lines_go_on(struct host_lines *h);

static void on_host_lines(void *userdata)
{
	struct host_lines *h = userdata;

	h->wait = NULL;
	host_lines_go_on(h);
}

static void host_lines_go_on(struct host_lines *h)
{
	auto_(host_lines_free_p) struct host_lines *done = NULL;
	struct logs *logs = h->c->engine->logs;
	struct http_request *req = h->req;
	struct error e;
	int r;

	if (logs_is_full(logs)) {
		h->wait = logs_wait_new(logs, on_host_lines, h);
		return;
	}
	r = host_lines_store(h, &e);
	done = h;
	http_request_on_gone(req, NULL, NULL);
	if (r != 0)
		api_refuse(req, r, &e);
	else
		http_reply_json(req, 200, json_pack("{s:I}", "acked",
						    (json_int_t)h->acked));
}

static int logs_call(struct api_call *call, struct error *e)
{
	const char *epoch = http_request_query(call->req, "epoch");
	struct host_lines *h;

	if (!names_host_ok(http_request_param(call->req, "host")))
		return outcome_set(e, OUTCOME_INVALID,
				   "This is not a name for a host.");
	if (!epoch || !id_is_uuid(epoch))
		return outcome_set(e, OUTCOME_INVALID, "epoch must be a UUID.");
	h = xcalloc(1, sizeof(*h));
	h->c = call->c;
	h->req = call->req;
	call->taken = true;
	http_request_on_gone(h->req, on_host_lines_gone, h);
	host_lines_go_on(h);
	return 0;
}

API_HANDLER(upstream_logs, logs_call, 0)
