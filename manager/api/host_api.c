/* host_api.c - the table of routes, and those that show. */
#include "base/clock.h"
#include "base/error.h"
#include "base/list.h"
#include "base/sock.h"
#include "http/json.h"
#include "http/server.h"
#include "manager/api/host_api.h"
#include "manager/api/host_api_drain.h"
#include "manager/api/host_api_plan.h"
#include "manager/api/host_metrics.h"
#include "manager/life/life.h"
#include "manager/life/metering.h"
#include "manager/output/journal.h"
#include "manager/protocol/host_proto.h"
#include "manager/supervisor/strays.h"
#include "manager/supervisor/supervisor.h"
#include "manager/upstream/upstream.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

struct host_api {
	struct http_server *server;
};

static void host_api_show(struct http_request *req, void *userdata)
{
	struct supervisor *s = userdata;

	http_reply_json(req, 200, json_pack(
		"{s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:I, s:I, s:I, s:I, s:I, s:o, s:O}",
		"host", s->conf.host, "prefix", s->prefix, "boot", s->boot_id,
		"version", DYNO_VERSION, "upstream", s->conf.upstream,
		"upstream_status", s->upstream ? upstream_status(s->upstream)
					       : "there is none",
		"ready", s->ready,
		"revision", (json_int_t)s->wanted.revision,
		"wanted", (json_int_t)s->wanted.n, "dynos", (json_int_t)s->n_lives,
		"strays", (json_int_t)strays_count(s),
		"journal_bytes", (json_int_t)journal_bytes(s->journal),
		"drain", host_api_drain_json(s), "labels", s->conf.labels_json));
}

static json_t *host_api_dyno(const struct life *l)
{
	char started[CLOCK_TEXT_MAX];
	json_t *j = life_json(l);

	json_object_set_new(j, "app", json_string(l->a->app_name ? l->a->app_name : ""));
	json_object_set_new(j, "release", json_integer(l->a->release));
	json_object_set_new(j, "size", json_string(l->a->size ? l->a->size : ""));
	json_object_set_new(j, "command",
			    json_bytes(l->a->command, strlen(l->a->command)));
	json_object_set_new(j, "phase", json_string(dyno_fsm_name(l->st.state)));
	json_object_set_new(j, "instance", l->st.instance ?
			    json_string(l->st.instance) : json_null());
	json_object_set_new(j, "memory", l->usage_at ?
			    json_integer((json_int_t)meter_total(&l->usage)) :
			    json_null());
	json_object_set_new(j, "memory_quota", json_integer(l->a->memory));
	json_object_set_new(j, "cpu_usec", l->usage_at ?
			    json_integer((json_int_t)l->usage.cpu_usec) :
			    json_null());
	json_object_set_new(j, "load", json_real(l->load[0]));
	json_object_set_new(j, "cpu_percent", metering_cpu(l) >= 0 ?
			    json_real(metering_cpu(l)) : json_null());
	json_object_set_new(j, "restarts", json_integer(l->st.starts > 0 ?
							l->st.starts - 1 : 0));
	json_object_set_new(j, "pids", l->usage_at ?
			    json_integer((json_int_t)l->usage.pids) : json_null());
	json_object_set_new(j, "crashes", json_integer(l->st.crashes));
	json_object_set_new(j, "started", l->st.started ? json_string(
		clock_api_text(started, (uint64_t)l->st.started)) : json_null());
	return j;
}

static void host_api_list(struct http_request *req, void *userdata)
{
	struct supervisor *s = userdata;
	json_t *dynos = json_array();
	struct life *l;

	list_for_each(l, &s->lives, link) {
		json_array_append_new(dynos, host_api_dyno(l));
		if (http_request_query(req, "watch"))
			metering_peek(l);
	}
	http_reply_json(req, 200, dynos);
}

static void host_api_gate(struct http_request *req, void *userdata)
{
	uid_t uid;

	if (http_request_peer(req, &uid) && (uid == 0 || uid == geteuid()))
		return;
	http_reply_json(req, 403, json_pack("{s:s, s:s}", "id", "forbidden",
		"message", "host.sock is for root and the service user."));
}

/* systemd's socket, through dynod: who connects waits while we are started anew.
 * One whose path somebody has removed is of no use. */
static int host_api_listener(const char *path, struct error *e)
{
	struct stat st;

	if (!sock_listens_unix(HOST_LISTEN_FD, path) || lstat(path, &st) < 0 ||
	    !S_ISSOCK(st.st_mode))
		return sock_listen_unix(path, 0600, e);
	if (fcntl(HOST_LISTEN_FD, F_SETFD, FD_CLOEXEC) < 0)
		return error_sys(e, "keep %s", path);
	return HOST_LISTEN_FD;
}

int host_api_new(struct host_api **ret, struct supervisor *s, struct error *e)
{
	static const struct http_route routes[] = {
		{ "GET", "/", host_api_show, 0, NULL },
		{ "GET", "/dynos", host_api_list, 0, NULL },
		{ "GET", "/metrics", host_metrics_get, 0, NULL },
		{ "GET", "/plan", host_api_plan, 0, NULL },
		{ "PUT", "/drain", host_api_drain_put, 0, NULL },
		{ "DELETE", "/drain", host_api_drain_delete, 0, NULL },
		{ "PUT", "/stop", host_api_drain_stop, 0, NULL },
	};
	auto_free char *path = xasprintf("%s/host.sock", s->dir);
	struct host_api *h = xcalloc(1, sizeof(*h));
	int fd, r;

	r = http_server_new(&h->server, s->event, routes, ARRAY_SIZE(routes), s, e);
	if (r >= 0) {
		http_server_set_gate(h->server, host_api_gate);
		r = fd = host_api_listener(path, e);
	}
	if (r >= 0)
		r = http_server_listen(h->server, fd, e);
	if (r < 0) {
		host_api_free(h);
		return r;
	}
	*ret = h;
	return 0;
}

struct host_api *host_api_free(struct host_api *h)
{
	if (!h)
		return NULL;
	http_server_free(h->server);
	free(h);
	return NULL;
}
