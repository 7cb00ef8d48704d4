/*
 * log_room.c - the wait ends with the client, or with room.
 */
#include "controller/api/log_room.h"
#include "controller/controller.h"
#include "controller/engine.h"
#include "controller/logplex/logs.h"
#include "http/server.h"

struct log_room {
	struct controller *c;
	struct http_request *req;
	struct logs_wait *wait;
	void (*fn)(struct http_request *req, struct controller *c);
};

static void on_log_room_gone(struct http_request *req, void *userdata)
{
	struct log_room *w = userdata;

	logs_wait_free(w->wait);
	free(w);
}

static void on_log_room(void *userdata)
{
	struct log_room w = *(struct log_room *)userdata;

	free(userdata);
	http_request_on_gone(w.req, NULL, NULL);
	w.fn(w.req, w.c);
}

void log_room_call(struct http_request *req, struct controller *c,
		   void (*fn)(struct http_request *req, struct controller *c))
{
	struct log_room *w;

	if (!logs_is_full(c->engine->logs)) {
		fn(req, c);
		return;
	}
	w = xcalloc(1, sizeof(*w));
	w->c = c;
	w->req = req;
	w->fn = fn;
	w->wait = logs_wait_new(c->engine->logs, on_log_room, w);
	http_request_on_gone(req, on_log_room_gone, w);
}
