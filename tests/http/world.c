/*
 * world.c - the routes of the tests' server, and how a test waits.
 */
#include "base/clock.h"
#include "base/file.h"
#include "base/loop.h"
#include "base/sock.h"
#include "world.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>

static void on_echo(struct http_request *req, void *userdata)
{
	struct world *w = userdata;
	json_t *body = NULL;
	struct error e;
	uid_t uid = (uid_t)-1;
	const char *q = http_request_query(req, "q");

	w->calls++;
	if (http_request_json(req, &body, &e) < 0) {
		http_reply_json(req, 400, json_pack("{s:s}", "message", e.msg));
		return;
	}
	http_request_peer(req, &uid);
	http_reply_header(req, "X-Extra", "yes");
	http_reply_json(req, 200, json_pack(
		"{s:s,s:s,s:s,s:s?,s:s?,s:s?,s:i,s:b,s:s?,s:s?,s:o}",
		"method", http_request_method(req),
		"path", http_request_path(req),
		"name", http_request_param(req, "name"),
		"q", q, "auth", http_request_header(req, "Authorization"),
		"type", http_request_header(req, "Content-Type"),
		"uid", (int)uid, "tls", http_request_is_tls(req),
		"peer", http_request_peer_name(req),
		"fault", http_request_peer_fault(req), "body", body ? body : json_null()));
}

static void on_late_gone(struct http_request *req, void *userdata)
{
	struct world *w = userdata;

	w->gone++;
	for (size_t i = 0; i < w->n_late; i++)
		if (w->late[i] == req)
			w->late[i] = NULL;
}

static void on_late(struct http_request *req, void *userdata)
{
	struct world *w = userdata;

	w->calls++;
	assert_true(w->n_late < WORLD_LATE_MAX);
	w->late[w->n_late++] = req;
	http_request_on_gone(req, on_late_gone, w);
}

static void on_upload_gone(struct http_request *req, void *userdata)
{
	((struct world *)userdata)->gone++;
}

static int on_upload_data(struct http_request *req, const void *data, size_t n,
			  void *userdata)
{
	struct world *w = userdata;

	w->uploaded += n;
	return w->upload_stop ? -1 : 0;
}

static void on_upload_head(struct http_request *req, void *userdata)
{
	if (http_request_query(req, "refuse")) {
		http_reply_json(req, 403, json_pack("{s:s}", "id", "forbidden"));
		return;
	}
	http_request_on_gone(req, on_upload_gone, userdata);
	http_request_stream_body(req, on_upload_data, userdata);
}

static void on_upload(struct http_request *req, void *userdata)
{
	struct world *w = userdata;

	w->upload_done++;
	http_reply_json(req, 201, json_pack("{s:I}", "got",
					    (json_int_t)w->uploaded));
}

static void on_stream_gone(struct http_request *req, void *userdata)
{
	struct world *w = userdata;

	w->gone++;
	w->stream = NULL;
}

static void on_stream(struct http_request *req, void *userdata)
{
	struct world *w = userdata;

	w->calls++;
	w->stream = req;
	http_request_on_gone(req, on_stream_gone, w);
	http_stream_begin(req, 200, "text/event-stream");
}

static void on_opened(int fd, const void *early, size_t n, void *userdata)
{
	struct world *w = userdata;

	w->upgraded_fd = fd;
	buf_add(&w->early, early, n);
}

static void on_upgrade(struct http_request *req, void *userdata)
{
	http_request_on_gone(req, on_upload_gone, userdata);
	http_upgrade(req, "test/1", on_opened, userdata);
}

static void on_file(struct http_request *req, void *userdata)
{
	char name[] = "/tmp/dyno-http-XXXXXX";
	int fd = mkstemp(name);

	assert_true(fd >= 0);
	unlink(name);
	assert_int_equal(write(fd, "xx0123456789yy", 14), 14);
	assert_int_equal(lseek(fd, 2, SEEK_SET), 2);
	http_reply_file(req, "text/plain", "digits", fd, 10);
}

static void on_big(struct http_request *req, void *userdata)
{
	size_t n = 3 * 1024 * 1024;
	auto_free char *text = xmalloc(n);

	memset(text, 'x', n);
	http_reply_text(req, 200, "text/plain", text, n);
}

static const struct http_route routes[] = {
	{ "GET", "/echo/:name", on_echo },
	{ "POST", "/echo/:name", on_echo, .max_body = 4096 },
	{ "PATCH", "/echo/:name", on_echo },
	{ "DELETE", "/echo/:name", on_echo },
	{ "GET", "/late", on_late },
	{ "PUT", "/upload", on_upload, .on_head = on_upload_head },
	{ "GET", "/stream", on_stream },
	{ "GET", "/upgrade", on_upgrade },
	{ "GET", "/file", on_file },
	{ "GET", "/big", on_big },
};

static void world_clients(struct world *w)
{
	struct http_client_spec spec = { .base = w->unix_base };
	struct error e;

	assert_int_equal(http_client_new(&w->unix_client, w->event, &spec, &e), 0);
	spec.base = w->tcp_base;
	spec.token = "sesame";
	assert_int_equal(http_client_new(&w->tcp_client, w->event, &spec, &e), 0);
}

int world_setup(void **state)
{
	struct world *w = xcalloc(1, sizeof(*w));
	struct error e;
	int fd;

	signal(SIGPIPE, SIG_IGN);
	w->upgraded_fd = -1;
	snprintf(w->dir, sizeof(w->dir), "/tmp/dyno-http-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	snprintf(w->path, sizeof(w->path), "%s/s", w->dir);
	assert_true(sd_event_new(&w->event) >= 0);
	assert_int_equal(http_server_new(&w->server, w->event, routes,
					 ARRAY_SIZE(routes), w, &e), 0);
	fd = sock_listen_unix(w->path, 0600, &e);
	assert_true(fd >= 0);
	assert_int_equal(http_server_listen(w->server, fd, &e), 0);
	fd = sock_listen_tcp("127.0.0.1", 0, &w->port, &e);
	assert_true(fd >= 0);
	assert_int_equal(http_server_listen(w->server, fd, &e), 0);
	snprintf(w->unix_base, sizeof(w->unix_base), "unix:%s", w->path);
	snprintf(w->tcp_base, sizeof(w->tcp_base), "http://127.0.0.1:%u",
		 (unsigned)w->port);
	world_clients(w);
	*state = w;
	return 0;
}

int world_teardown(void **state)
{
	struct world *w = *state;

	http_client_free(w->unix_client);
	http_client_free(w->tcp_client);
	http_server_free(w->server);
	fd_close(w->upgraded_fd);
	buf_deinit(&w->early);
	sd_event_unref(w->event);
	assert_int_equal(file_remove_tree(AT_FDCWD, w->dir, NULL), 0);
	free(w);
	return 0;
}

static void on_world_done(const struct http_result *res, void *userdata)
{
	struct world_answer *a = userdata;

	assert_false(a->done);
	a->done = true;
	a->r = res->r;
	a->status = res->status;
	if (res->r < 0)
		a->error = *res->error;
	buf_add(&a->body, res->body, res->body_len);
	a->request_id = xstrdup(res->request_id);
}

struct http_call *world_call(struct world *w, struct http_client *c,
			     const struct http_call_spec *spec,
			     struct world_answer *a)
{
	struct http_call *call = NULL;
	struct error e;

	*a = (struct world_answer){ .r = 1 };
	assert_int_equal(http_call_new(&call, c, spec, on_world_done, a, &e), 0);
	return call;
}

void world_wait(struct world *w, const bool *flag)
{
	uint64_t end = clock_mono_usec() + 20 * USEC_PER_SEC;

	while (!*flag) {
		assert_true(clock_mono_usec() < end);
		assert_true(sd_event_run(w->event, 100000) >= 0);
	}
}

void world_wait_count(struct world *w, const unsigned *count, unsigned n)
{
	bool done = *count == n;
	uint64_t end = clock_mono_usec() + 20 * USEC_PER_SEC;

	while (!done) {
		assert_true(clock_mono_usec() < end);
		assert_true(sd_event_run(w->event, 100000) >= 0);
		done = *count == n;
	}
}

void world_run(struct world *w, uint64_t usec)
{
	uint64_t end = clock_mono_usec() + usec, now;

	while ((now = clock_mono_usec()) < end)
		assert_true(sd_event_run(w->event, end - now) >= 0);
}

void world_do(struct world *w, struct http_client *c,
	      const struct http_call_spec *spec, struct world_answer *a)
{
	struct http_call *call = world_call(w, c, spec, a);

	world_wait(w, &a->done);
	http_call_free(call);
}

void world_get(struct world *w, const char *path, struct world_answer *a)
{
	struct http_call_spec spec = { .method = "GET", .path = path };

	world_do(w, w->unix_client, &spec, a);
}

void world_answer_clear(struct world_answer *a)
{
	buf_deinit(&a->body);
	free(a->request_id);
	*a = (struct world_answer){ 0 };
}

int world_connect(struct world *w, bool tcp)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET, .sin_port = htons(w->port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct error e;
	int fd;

	if (tcp) {
		fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		assert_int_equal(connect(fd, (struct sockaddr *)&addr,
					 sizeof(addr)), 0);
	} else {
		fd = sock_connect_unix(w->path, SOCK_STREAM, &e);
	}
	assert_true(fd >= 0);
	assert_int_equal(file_set_nonblock(fd, true, &e), 0);
	return fd;
}

void world_talk(struct world *w, int fd, const char *bytes, const char *text,
		struct buf *ret)
{
	uint64_t end = clock_mono_usec() + 20 * USEC_PER_SEC;
	size_t n = strlen(bytes);

	while (n || !text || !strstr(buf_str(ret), text)) {
		char chunk[65536];
		ssize_t r = n ? send(fd, bytes, n, MSG_NOSIGNAL) : 0;

		assert_true(clock_mono_usec() < end);
		if (r > 0) {
			bytes += r;
			n -= (size_t)r;
		}
		assert_true(sd_event_run(w->event, 1000) >= 0);
		r = recv(fd, chunk, sizeof(chunk), 0);
		if (r == 0 || (r < 0 && errno != EAGAIN))
			return;
		if (r > 0)
			buf_add(ret, chunk, (size_t)r);
	}
}
