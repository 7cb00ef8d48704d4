/* host_api_drain.c - three requests, one answer. */
#include "base/clock.h"
#include "base/error.h"
#include "http/json.h"
#include "http/server.h"
#include "manager/api/host_api_drain.h"
#include "manager/supervisor/draining.h"
#include "manager/supervisor/supervisor.h"

json_t *host_api_drain_json(const struct supervisor *s)
{
	char when[CLOCK_TEXT_MAX];

	return json_pack("{s:s, s:o, s:I}", "mode", drain_mode_name(s->drain.mode),
		"deadline", s->drain.deadline ?
			json_string(clock_api_text(when, (uint64_t)s->drain.deadline)) :
			json_null(),
		"left", (json_int_t)draining_rest(s));
}

static void host_api_drain_refuse(struct http_request *req, int status,
				  const char *id, const char *message)
{
	http_reply_json(req, status, json_pack("{s:s, s:s}", "id", id,
					       "message", message));
}

static void host_api_drain_set(struct http_request *req, struct supervisor *s,
			       const struct drain *d)
{
	struct error e;

	if (draining_set(s, d, &e) < 0)
		host_api_drain_refuse(req, 500, "not_stored", e.msg);
	else
		http_reply_json(req, 200, host_api_drain_json(s));
}

void host_api_drain_put(struct http_request *req, void *userdata)
{
	struct drain d = { DRAIN_DRAINING, 0 };
	auto_json *body = NULL;
	json_t *deadline;
	struct error e;

	if (http_request_json(req, &body, &e) < 0) {
		host_api_drain_refuse(req, 400, "bad_request", e.msg);
		return;
	}
	deadline = json_object_get(body, "deadline");
	if (json_is_integer(deadline)) {
		json_int_t sec = json_integer_value(deadline);

		if (sec < 0 || sec > HOST_API_DEADLINE_MAX_SEC) {
			host_api_drain_refuse(req, 422, "invalid_params",
				"deadline is a number of seconds, at most 30 days.");
			return;
		}
		d.deadline = (int64_t)(clock_real_usec() +
				       (uint64_t)sec * USEC_PER_SEC);
	} else if (deadline && !json_is_null(deadline)) {
		host_api_drain_refuse(req, 422, "invalid_params",
				      "deadline is a number of seconds.");
		return;
	}
	host_api_drain_set(req, userdata, &d);
}

void host_api_drain_stop(struct http_request *req, void *userdata)
{
	host_api_drain_set(req, userdata, &(struct drain){ DRAIN_STOPPED, 0 });
}

void host_api_drain_delete(struct http_request *req, void *userdata)
{
	host_api_drain_set(req, userdata, &(struct drain){ DRAIN_OPEN, 0 });
}
