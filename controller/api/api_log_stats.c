/*
 * api_log_stats.c - what has become of an app's lines.
 */
#include "base/error.h"
#include "controller/api/api_handlers.h"
#include "controller/engine.h"
#include "controller/logplex/drains.h"
#include "controller/logplex/logs.h"

static int on_stats_count(const struct log_store_count *c, void *userdata)
{
	json_array_append_new(userdata, json_pack("{s:s, s:s, s:I, s:I}",
		"source", c->source, "ps", c->ps, "stored", (json_int_t)c->stored,
		"dropped", (json_int_t)c->dropped));
	return 0;
}

static int log_stats_call(struct api_call *call, struct error *e)
{
	const char *app = json_str(call->app.j, "id");
	auto_json *dynos = json_array();
	int r = log_store_counts(logs_store(call->c->engine->logs), app,
				 on_stats_count, dynos, e);

	if (r == 0)
		call->reply = json_pack("{s:O, s:o}", "dynos", dynos, "drains",
					drains_stats(call->c->drains, app));
	return r;
}

API_HANDLER(api_log_stats, log_stats_call, API_APP)
