/*
 * upstream_logs.c - a host's lines.
 */
#include "base/buf.h"
#include "base/error.h"
#include "controller/api/api_handlers.h"
#include "controller/api/gate.h"
#include "controller/api/log_room.h"
#include "controller/api/packed_body.h"
#include "controller/engine.h"
#include "controller/logplex/logs.h"
#include "controller/model/deaths.h"
#include "controller/model/names.h"
#include "controller/model/outcome.h"
#include "controller/model/seats.h"

/* Bytes after unpacking: as much as is taken unpacked (api_routes.c). */
#define LOGS_PLAIN_MAX (1024 * 1024 + 4096)

struct sender {
	struct engine *g;
	const char *host;
};

static bool upstream_app_known(const char *app, void *userdata)
{
	struct engine *g = ((struct sender *)userdata)->g;
	auto_free char *key = xasprintf("/apps/%s", app);
	struct error e;

	/* In doubt the line is kept. */
	return state_get(g->state, key, NULL, NULL, &e) != STATE_ABSENT;
}

static int upstream_death(const char *app, const char *ps, const char *text,
			  size_t n, void *userdata, struct error *e)
{
	return deaths_take(((struct sender *)userdata)->g, app, ps, text, n, e);
}

static bool upstream_may(const char *app, const char *ps, void *userdata)
{
	const struct sender *s = userdata;

	return seats_has(s->g->seats, s->host, app, ps);
}

static void upstream_refused(uint64_t n, void *userdata)
{
	const struct sender *s = userdata;

	seats_refuse(s->g->seats, s->host, n);
}

/* Who is of this machine may speak for all hosts. */
static const struct logs_ops upstream_logs_ops = {
	.known = upstream_app_known, .death = upstream_death,
}, host_logs_ops = {
	.known = upstream_app_known, .death = upstream_death,
	.may = upstream_may, .refused = upstream_refused,
};

static int host_lines_store(struct http_request *req, struct controller *c,
			    uint64_t *ret_acked, struct error *e)
{
	const char *epoch = http_request_query(req, "epoch"), *body;
	struct sender s = { c->engine, http_request_param(req, "host") };
	bool host = gate_principal(req)->scope == PRINCIPAL_HOST;
	auto_buf plain = BUF_INIT;
	struct error why;
	size_t n;
	int r = packed_body(req, LOGS_PLAIN_MAX, &plain, &body, &n, e);

	if (r != 0)
		return r;
	r = logs_take(c->engine->logs, s.host, epoch, body, n,
		      host ? &host_logs_ops : &upstream_logs_ops, &s, ret_acked, &why);
	if (r == -EBADMSG)		/* theirs, not ours */
		return outcome_set(e, OUTCOME_BAD_REQUEST, "%.400s.", why.msg);
	return r < 0 ? error_set(e, why.code, "%s", why.msg) : 0;
}

static void host_lines(struct http_request *req, struct controller *c)
{
	uint64_t acked;
	struct error e;
	int r = host_lines_store(req, c, &acked, &e);

	if (r != 0)
		api_refuse(req, r, &e);
	else
		http_reply_json(req, 200, json_pack("{s:I}", "acked",
						    (json_int_t)acked));
}

static int logs_call(struct api_call *call, struct error *e)
{
	const char *epoch = http_request_query(call->req, "epoch");

	if (!names_host_ok(http_request_param(call->req, "host")))
		return outcome_set(e, OUTCOME_INVALID,
				   "This is not a name for a host.");
	if (!epoch || !id_is_uuid(epoch))
		return outcome_set(e, OUTCOME_INVALID, "epoch must be a UUID.");
	call->taken = true;
	log_room_call(call->req, call->c, host_lines);
	return 0;
}

API_HANDLER(upstream_logs, logs_call, 0)
