/*
 * test-upstream.c - a host, a router, log readers and an attached client of a
 * real controller.
 */
#include "base/error.h"
#include "base/id.h"
#include "tests/controller/instance.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <cmocka.h>

#define WEB "{\"web\":\"run web\"}"
#define BOOT "aaaaaaaa-2222-4333-8444-555555555555"
#define HOST "/upstream/v1/hosts/h1"

static void host_register(struct instance *in)
{
	assert_int_equal(instance_call(in, "PUT", HOST, "{\"boot\":\"" BOOT "\","
		"\"version\":\"1\",\"capacity\":{\"memory\":1,\"cpus\":1}}", NULL),
		200);
}

static json_t *assignments(struct instance *in, int64_t after, int wait,
			   int64_t *ret_revision)
{
	auto_free char *path = xasprintf(HOST "/assignments?after=%lld&wait=%d",
					 (long long)after, wait);
	json_t *list;
	auto_json *j = NULL;

	assert_int_equal(instance_call(in, "GET", path, NULL, &j), 200);
	*ret_revision = json_int(j, "revision", 0);
	list = json_incref(json_object_get(j, "assignments"));
	return list;
}

static json_t *assignment_of(const json_t *list, const char *app)
{
	json_t *it;
	size_t i;

	json_array_foreach(list, i, it)
		if (str_eq(json_str(json_object_get(it, "app"), "name"), app))
			return it;
	return NULL;
}

static int report_seq;		/* rises with each report */

static void report(struct instance *in, const char *id, const char *more,
		   bool full)
{
	auto_free char *body = xasprintf("{\"boot\":\"" BOOT "\",\"seq\":%d,"
		"\"full\":%s,\"dynos\":[{\"id\":\"%s\",%s}]}", ++report_seq,
		full ? "true" : "false", id, more);

	assert_int_equal(instance_call(in, "POST", HOST "/report", body, NULL), 200);
}

static void a_stranger_is_told_to_register(void **state)
{
	struct instance *in = *state;

	assert_int_equal(instance_call(in, "GET", "/upstream/v1/hosts/other/"
				       "assignments?after=0", NULL, NULL), 404);
	assert_int_equal(instance_call(in, "POST", "/upstream/v1/hosts/other/report",
		"{\"boot\":\"" BOOT "\",\"dynos\":[]}", NULL), 404);
	assert_int_equal(instance_call(in, "PUT", "/upstream/v1/hosts/B%2Fd", "{}",
				       NULL), 422);
	assert_int_equal(instance_call(in, "PUT", HOST, "{}", NULL), 422);
}

static void dynos_wait_for_the_first_host(void **state)
{
	struct instance *in = *state;
	auto_json *list = NULL, *before = NULL, *after = NULL;
	int64_t revision;
	json_t *a;

	instance_deploy(in, "waits", WEB);
	assert_int_equal(instance_call(in, "GET", "/apps/waits/dynos/web.1", NULL,
				       &before), 200);
	assert_string_equal(json_str(before, "state"), "down");
	host_register(in);
	list = assignments(in, 0, 0, &revision);
	assert_true(revision > 0);
	a = assignment_of(list, "waits");
	assert_non_null(a);
	assert_string_equal(json_str(a, "name"), "web.1");
	assert_string_equal(json_str(a, "command"), "run web");
	assert_int_equal(json_int(a, "memory", 0), 512 << 20);
	assert_true(id_is_sha256(json_str(json_object_get(a, "slug"), "sha256")));
	assert_int_equal(instance_call(in, "GET", "/apps/waits/dynos/web.1", NULL,
				       &after), 200);
	assert_string_equal(json_str(after, "state"), "starting");
}

static void the_host_gets_the_slug_that_was_put(void **state)
{
	struct instance *in = *state;
	auto_json *list = NULL;
	auto_buf tar = BUF_INIT, blob = BUF_INIT;
	int64_t revision;
	const char *path;

	list = assignments(in, 0, 0, &revision);
	path = json_str(json_object_get(assignment_of(list, "waits"), "slug"),
			"path");
	assert_int_equal(instance_raw(in->client, "GET", path, NULL, 0, NULL,
				      &blob), 200);
	instance_tar(&tar, "file", "waits");
	assert_int_equal(blob.len, tar.len);
	assert_memory_equal(blob.data, tar.data, tar.len);
}

struct poll_job {
	struct instance *in;
	int64_t after, revision;
	json_t *list;
};

static void *poll_thread(void *arg)
{
	struct poll_job *job = arg;

	job->list = assignments(job->in, job->after, 30, &job->revision);
	return NULL;
}

static void a_change_wakes_the_host_that_waits(void **state)
{
	struct instance *in = *state;
	struct http_client_spec spec = { .base = NULL };
	auto_free char *base = xasprintf("unix:%s/api.sock", in->run);
	struct instance second = *in;
	struct poll_job job = { .in = &second };
	auto_json *list = NULL;
	pthread_t thread;
	int64_t revision;
	json_t *a;

	spec.base = base;
	assert_int_equal(http_client_new(&second.client, NULL, &spec, NULL), 0);
	list = assignments(in, 0, 0, &job.after);
	assert_int_equal(pthread_create(&thread, NULL, poll_thread, &job), 0);
	usleep(100000);			/* the poll is under way, or not: both */
	assert_int_equal(instance_call(in, "PATCH", "/apps/waits/config-vars",
				       "{\"K\":\"v\"}", NULL), 200);
	pthread_join(thread, NULL);
	assert_true(job.revision > job.after);
	a = assignment_of(job.list, "waits");
	assert_string_equal(json_str(json_object_get(a, "env"), "K"), "v");
	assert_string_not_equal(json_str(a, "id"),
				json_str(assignment_of(list, "waits"), "id"));
	json_decref(job.list);
	http_client_free(second.client);
	/* nothing new: 204 */
	json_decref(list);
	list = assignments(in, 0, 0, &revision);
	{
		auto_free char *path = xasprintf(HOST "/assignments?after=%lld&wait=1",
						 (long long)revision);

		assert_int_equal(instance_call(in, "GET", path, NULL, NULL), 204);
	}
}

static void reports_become_states_and_routes(void **state)
{
	struct instance *in = *state;
	auto_json *list = NULL, *dyno = NULL, *routes = NULL;
	int64_t revision;
	const char *id;
	json_t *route, *web;

	list = assignments(in, 0, 0, &revision);
	id = json_str(assignment_of(list, "waits"), "id");
	report(in, id, "\"state\":\"up\",\"since\":\"2026-11-21T00:13:42Z\","
	       "\"pid\":7,\"address\":\"172.16.0.2\",\"port\":4321", true);
	assert_int_equal(instance_call(in, "GET", "/apps/waits/dynos/web.1", NULL,
				       &dyno), 200);
	assert_string_equal(json_str(dyno, "state"), "up");
	assert_string_equal(json_str(dyno, "updated_at"), "2026-11-21T00:13:42Z");
	assert_int_equal(json_int(dyno, "port", 0), 4321);
	assert_int_equal(instance_call(in, "GET", "/router/v1/routes?after=0&wait=5",
				       NULL, &routes), 200);
	route = json_array_get(json_object_get(routes, "routes"), 0);
	assert_string_equal(json_str(route, "app"), "waits");
	assert_int_equal(json_int(route, "web", 0), 1);
	web = json_array_get(json_object_get(route, "dynos"), 0);
	assert_string_equal(json_str(web, "address"), "172.16.0.2");
	assert_string_equal(json_str(web, "state"), "up");
	/* a full report without it: nothing is known any more */
	report(in, "bbbbbbbb-2222-4333-8444-555555555555", "\"state\":\"up\"", true);
	json_decref(dyno);
	instance_call(in, "GET", "/apps/waits/dynos/web.1", NULL, &dyno);
	assert_string_equal(json_str(dyno, "state"), "starting");
}

static void a_cycled_dyno_is_succeeded_by_the_hosts_new_one(void **state)
{
	static const char id[] = "cccccccc-2222-4333-8444-555555555555";
	struct instance *in = *state;
	auto_json *before = NULL, *list = NULL, *dyno = NULL;
	auto_free char *more = NULL, *old = NULL;
	int64_t revision, again;

	instance_deploy(in, "cycled", WEB);
	before = assignments(in, 0, 0, &revision);
	old = xstrdup(json_str(assignment_of(before, "cycled"), "id"));
	more = xasprintf("\"name\":\"web.1\",\"state\":\"up\",\"replaces\":"
			 "\"%s\",\"address\":\"172.16.0.9\",\"port\":4000", old);
	report(in, id, more, false);
	json_decref(take_ptr(before));

	list = assignments(in, 0, 0, &again);
	assert_true(again > revision);
	assert_string_equal(json_str(assignment_of(list, "cycled"), "id"), id);
	assert_int_equal(instance_call(in, "GET", "/apps/cycled/dynos/web.1", NULL,
				       &dyno), 200);
	assert_string_equal(json_str(dyno, "id"), id);
	assert_string_equal(json_str(dyno, "state"), "up");

	/* Told again, or by somebody who is late, it changes nothing. */
	report(in, id, more, false);
	report(in, old, "\"name\":\"web.1\",\"state\":\"down\"", false);
	json_decref(take_ptr(list));
	list = assignments(in, 0, 0, &revision);
	assert_int_equal(revision, again);
	assert_string_equal(json_str(assignment_of(list, "cycled"), "id"), id);
}

static void a_completed_one_off_leaves_the_list(void **state)
{
	struct instance *in = *state;
	auto_json *run = NULL, *list = NULL, *later = NULL;
	int64_t revision, next;
	size_t n;

	assert_int_equal(instance_call(in, "POST", "/apps/waits/dynos",
				       "{\"command\":\"true\"}", &run), 201);
	list = assignments(in, 0, 0, &revision);
	n = json_array_size(list);
	report(in, json_str(run, "id"), "\"state\":\"complete\","
	       "\"exit_status\":0", false);
	later = assignments(in, revision, 5, &next);
	assert_int_equal(json_array_size(later), n - 1);
	assert_true(next > revision);
}

/* ---- logs ---- */

static void send_line(struct instance *in, const char *app_id, int seq,
		      const char *source, const char *ps, const char *message)
{
	auto_free char *rest = xasprintf("%d 1700000000123456 %s %s %s %s", seq,
					 app_id, source, ps, message);
	auto_free char *body = xasprintf("%zu %s", strlen(rest), rest);
	auto_json *j = NULL;

	assert_int_equal(instance_call(in, "POST", HOST "/logs?epoch=" BOOT, body,
				       &j), 200);
	assert_int_equal(json_int(j, "acked", 0), seq);
}

static char *read_logs(struct instance *in, const char *session, const char *accept)
{
	const char *headers[] = { accept, NULL };
	auto_json *j = NULL;
	struct buf b = BUF_INIT;

	assert_int_equal(instance_call(in, "POST", "/apps/logs/log-sessions",
				       session, &j), 201);
	assert_int_equal(instance_raw(in->client, "GET",
			 instance_path(json_str(j, "logplex_url")), NULL, 0,
			 accept ? headers : NULL, &b), 200);
	return b.data ? buf_take(&b) : xstrdup("");
}

static void log_sessions_filter_and_number_lines(void **state)
{
	struct instance *in = *state;
	auto_json *app = NULL;
	auto_free char *all = NULL, *web = NULL, *heroku = NULL, *sse = NULL;
	auto_free char *one = NULL, *none = NULL;
	const char *id;

	assert_int_equal(instance_call(in, "POST", "/apps", "{\"name\":\"logs\"}",
				       &app), 201);
	id = json_str(app, "id");
	send_line(in, id, 1, "app", "web.1", "one");
	send_line(in, id, 2, "heroku", "web.1", "State changed");
	send_line(in, id, 3, "app", "web.12", "twelve");
	send_line(in, id, 3, "app", "web.12", "twelve");	/* a repeat */
	send_line(in, id, 4, "app", "worker.1", "wo\rrk\r");
	all = read_logs(in, "{}", NULL);
	assert_non_null(strstr(all, "app[api]: Initial release by user "
			       "u@example.com\n"));
	assert_non_null(strstr(all, "2023-11-14T22:13:20.123456+00:00 app[web.1]: "
			       "one\n"));
	web = read_logs(in, "{\"dyno\":\"web.1\",\"source\":\"app\"}", NULL);
	assert_string_equal(web, "2023-11-14T22:13:20.123456+00:00 app[web.1]: "
			    "one\n");
	heroku = read_logs(in, "{\"type\":\"web\",\"source\":\"heroku\"}", NULL);
	assert_non_null(strstr(heroku, "heroku[web.1]: State changed\n"));
	one = read_logs(in, "{\"lines\":2}", NULL);
	assert_string_equal(one, "2023-11-14T22:13:20.123456+00:00 app[web.12]: "
		"twelve\n2023-11-14T22:13:20.123456+00:00 app[worker.1]: wo\rrk\r\n");
	none = read_logs(in, "{\"lines\":0}", NULL);
	assert_string_equal(none, "");
	sse = read_logs(in, "{\"lines\":1}", "Accept: text/event-stream");
	assert_string_equal(sse, "retry: 1\n\nid: 8\ndata: 2023-11-14T22:13:20.123456"
			    "+00:00 app[worker.1]: wo rk\n\n");
}

static void a_log_url_resumes_and_cannot_be_changed(void **state)
{
	struct instance *in = *state;
	const char *headers[] = { "Accept: text/event-stream",
				  "Last-Event-ID: 7", NULL };
	auto_json *j = NULL;
	auto_buf b = BUF_INIT;
	auto_free char *path = NULL;
	char *lines;

	assert_int_equal(instance_call(in, "POST", "/apps/logs/log-sessions",
				       "{\"lines\":100}", &j), 201);
	path = xstrdup(instance_path(json_str(j, "logplex_url")));
	assert_int_equal(instance_raw(in->client, "GET", path, NULL, 0, headers,
				      &b), 200);
	assert_null(strstr(buf_str(&b), "id: 7\n"));
	assert_non_null(strstr(buf_str(&b), "id: 8\n"));
	lines = strstr(path, "lines=100");
	assert_non_null(lines);
	lines[6] = '2';
	assert_int_equal(instance_raw(in->client, "GET", path, NULL, 0, headers,
				      &b), 404);
	assert_int_equal(instance_call(in, "POST", HOST "/logs?epoch=" BOOT,
				       "5 nonsense", NULL), 400);
	assert_int_equal(instance_call(in, "POST", HOST "/logs?epoch=x", "", NULL),
			 422);
}

/* ---- attach ---- */

struct end {
	int fd;
	struct buf early;		/* came behind the answer's head */
};

#define END_INIT { -1, { NULL, 0, 0 } }
#define auto_end auto_(end_close) struct end

static void end_close(struct end *end)
{
	end->fd = fd_close(end->fd);
	buf_deinit(&end->early);
}

static void send_all(struct end *end, const void *data, size_t n)
{
	assert_int_equal(send(end->fd, data, n, MSG_NOSIGNAL), (ssize_t)n);
}

static size_t receive(struct end *end, char *out, size_t n)
{
	size_t early = n < end->early.len ? n : end->early.len;
	ssize_t more = 0;

	memcpy(out, buf_str(&end->early), early);
	buf_consume(&end->early, early);
	if (early < n)
		more = recv(end->fd, out + early, n - early, MSG_WAITALL);
	return early + (more > 0 ? (size_t)more : 0);
}

static void expect(struct end *end, const void *data, size_t n)
{
	auto_free char *got = xcalloc(1, n + 1);

	assert_int_equal(receive(end, got, n), n);
	assert_memory_equal(got, data, n);
}

static bool upgrade(struct instance *in, const char *path, struct end *ret)
{
	struct timeval limit = { .tv_sec = 20 };
	struct error e;

	if (http_client_upgrade(in->client, path, "dyno-attach/1", &ret->fd,
				&ret->early, &e) < 0)
		return false;
	setsockopt(ret->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	return true;
}

/* An attached one-off, and the paths of its two ends. */
static void run_attached(struct instance *in, char **ret_client, char **ret_host)
{
	auto_json *run = NULL;

	assert_int_equal(instance_call(in, "POST", "/apps/waits/dynos",
		"{\"command\":\"bash\",\"attach\":true,\"env\":{\"LINES\":24,"
		"\"COLUMNS\":\"80\"}}", &run), 201);
	*ret_client = xasprintf("/attach%s",
				instance_path(json_str(run, "attach_url")));
	*ret_host = xasprintf(HOST "/attach/%s", json_str(run, "id"));
}

static void client_and_host_are_joined(void **state)
{
	struct instance *in = *state;
	auto_free char *client_path = NULL, *host_path = NULL;
	auto_end client = END_INIT, host = END_INIT, none = END_INIT;
	char end;

	run_attached(in, &client_path, &host_path);
	assert_true(upgrade(in, host_path, &host));
	assert_true(upgrade(in, client_path, &client));
	expect(&host, "C\0\0\4\0\x18\0\x50", 8);
	send_all(&client, "I\0\0\3a", 5);	/* in two pieces */
	usleep(20000);
	send_all(&client, "bcE\0\0\0", 6);
	expect(&host, "I\0\0\3abcE\0\0\0", 11);
	send_all(&host, "R\0\0\0O\0\0\2hiX\0\0\1\3", 15);
	expect(&client, "R\0\0\0O\0\0\2hiX\0\0\1\3", 15);
	assert_int_equal(receive(&client, &end, 1), 0);
	/* the secret worked once */
	assert_false(upgrade(in, client_path, &none));
}

static void the_host_hears_of_a_lost_client_at_a_boundary(void **state)
{
	struct instance *in = *state;
	auto_free char *client_path = NULL, *host_path = NULL;
	auto_end client = END_INIT, host = END_INIT, none = END_INIT;

	run_attached(in, &client_path, &host_path);
	assert_true(upgrade(in, client_path, &client));
	assert_true(upgrade(in, host_path, &host));
	expect(&host, "C\0\0\4\0\x18\0\x50", 8);
	send_all(&client, "I\0\0\1xI\0\0\7hal", 12);	/* half a frame */
	end_close(&client);
	expect(&host, "I\0\0\1xH\0\0\0", 9);
	send_all(&host, "X\0\0\1\x81", 5);
	assert_false(upgrade(in, host_path, &none));
}

static void a_host_that_lost_its_stream_comes_back(void **state)
{
	struct instance *in = *state;
	auto_free char *client_path = NULL, *host_path = NULL;
	auto_end client = END_INIT, host = END_INIT;

	run_attached(in, &client_path, &host_path);
	assert_true(upgrade(in, client_path, &client));
	assert_true(upgrade(in, host_path, &host));
	expect(&host, "C\0\0\4\0\x18\0\x50", 8);
	send_all(&client, "W\0\0\4\0\x1e\0\x64", 8);
	expect(&host, "W\0\0\4\0\x1e\0\x64", 8);
	end_close(&host);
	usleep(300000);		/* it is noticed */
	send_all(&client, "I\0\0\1x", 5);
	assert_true(upgrade(in, host_path, &host));
	expect(&host, "C\0\0\4\0\x1e\0\x64I\0\0\1x", 13);
	send_all(&host, "X\0\0\1\0", 5);
	expect(&client, "X\0\0\1\0", 5);
}

static void output_waits_for_a_slow_client(void **state)
{
	struct instance *in = *state;
	auto_free char *client_path = NULL, *host_path = NULL;
	auto_end client = END_INIT, host = END_INIT;
	auto_free char *frame = xcalloc(1, 4 + 65536);
	auto_free char *got = xcalloc(1, 4 + 65536);
	size_t sent = 0, left = 0;
	ssize_t n;

	run_attached(in, &client_path, &host_path);
	assert_true(upgrade(in, client_path, &client));
	assert_true(upgrade(in, host_path, &host));
	frame[0] = 'O';
	frame[1] = 1;			/* 65536 bytes */
	/* Nobody reads: the host is stopped before long. */
	for (;;) {
		n = send(host.fd, frame + sent % 65540, 65540 - sent % 65540,
			 MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0) {
			usleep(300000);
			n = send(host.fd, frame + sent % 65540,
				 65540 - sent % 65540,
				 MSG_DONTWAIT | MSG_NOSIGNAL);
		}
		if (n < 0)
			break;
		sent += (size_t)n;
		assert_true(sent < 16 << 20);
	}
	for (left = sent; left > 65540; left -= 65540)
		assert_int_equal(receive(&client, got, 65540), 65540);
	assert_int_equal(got[0], 'O');
}

/* ---- draining ---- */

static void host_call(struct instance *in, const char *host, bool draining,
		      bool registers)
{
	auto_free char *path = xasprintf("/upstream/v1/hosts/%s%s", host,
					 registers ? "" : "/report");
	auto_free char *body = xasprintf("{\"boot\":\"" BOOT "\",\"version\":\"1\","
		"\"draining\":%s,\"seq\":%d,\"full\":true,\"dynos\":[]}",
		draining ? "true" : "false", ++report_seq);

	assert_int_equal(instance_call(in, registers ? "PUT" : "POST", path, body,
				       NULL), 200);
}

/* The id of the app's dyno in a host's list; NULL: not there. The caller frees. */
static char *listed(struct instance *in, const char *host, const char *app)
{
	auto_free char *path = xasprintf("/upstream/v1/hosts/%s/assignments?after=0",
					 host);
	auto_json *j = NULL;
	const char *id;

	assert_int_equal(instance_call(in, "GET", path, NULL, &j), 200);
	id = json_str(assignment_of(json_object_get(j, "assignments"), app), "id");
	return id ? xstrdup(id) : NULL;
}

static void a_drained_host_alone_keeps_and_replaces_what_it_has(void **state)
{
	struct instance *in = *state;
	auto_free char *first = NULL, *second = NULL, *third = NULL;

	instance_deploy(in, "stays", WEB);
	first = listed(in, "h1", "stays");
	assert_non_null(first);
	host_call(in, "h1", true, false);
	second = listed(in, "h1", "stays");
	assert_string_equal(second, first);
	assert_int_equal(instance_call(in, "DELETE", "/apps/stays/dynos/web.1", NULL,
				       NULL), 202);
	third = listed(in, "h1", "stays");
	assert_non_null(third);
	assert_string_not_equal(third, first);
	/* It registers again and is drained still. */
	host_call(in, "h1", true, true);
	instance_deploy(in, "late", WEB);
	assert_null(listed(in, "h1", "late"));
}

static void another_host_takes_over_the_formation_of_a_drained_one(void **state)
{
	struct instance *in = *state;
	auto_free char *waits = NULL, *stays = NULL, *late = NULL, *again = NULL;

	host_call(in, "h2", false, true);
	late = listed(in, "h2", "late");
	assert_non_null(late);
	assert_null(listed(in, "h2", "stays"));
	host_call(in, "h1", true, false);
	stays = listed(in, "h2", "stays");
	waits = listed(in, "h2", "waits");
	assert_non_null(stays);
	assert_non_null(waits);
	assert_null(listed(in, "h1", "stays"));
	/* Told again, it changes nothing. */
	host_call(in, "h1", true, false);
	again = listed(in, "h2", "stays");
	assert_string_equal(again, stays);
}

static void an_opened_host_takes_dynos_again(void **state)
{
	struct instance *in = *state;
	auto_free char *next = NULL;

	host_call(in, "h1", false, false);
	instance_deploy(in, "next", WEB);
	next = listed(in, "h1", "next");
	assert_non_null(next);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stranger_is_told_to_register),
		cmocka_unit_test(dynos_wait_for_the_first_host),
		cmocka_unit_test(the_host_gets_the_slug_that_was_put),
		cmocka_unit_test(a_change_wakes_the_host_that_waits),
		cmocka_unit_test(reports_become_states_and_routes),
		cmocka_unit_test(a_cycled_dyno_is_succeeded_by_the_hosts_new_one),
		cmocka_unit_test(a_completed_one_off_leaves_the_list),
		cmocka_unit_test(log_sessions_filter_and_number_lines),
		cmocka_unit_test(a_log_url_resumes_and_cannot_be_changed),
		cmocka_unit_test(client_and_host_are_joined),
		cmocka_unit_test(the_host_hears_of_a_lost_client_at_a_boundary),
		cmocka_unit_test(a_host_that_lost_its_stream_comes_back),
		cmocka_unit_test(output_waits_for_a_slow_client),
		cmocka_unit_test(a_drained_host_alone_keeps_and_replaces_what_it_has),
		cmocka_unit_test(
			another_host_takes_over_the_formation_of_a_drained_one),
		cmocka_unit_test(an_opened_host_takes_dynos_again),
	};

	return cmocka_run_group_tests(tests, instance_setup, instance_teardown);
}
