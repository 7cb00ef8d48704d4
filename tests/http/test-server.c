/*
 * test-server.c - the server as its clients see it.
 */
#include "world.h"

#include <stdio.h>
#include <sys/socket.h>

static void answers_json_over_unix_and_tcp(void **state)
{
	struct world *w = *state;
	struct http_client *clients[] = { w->unix_client, w->tcp_client };

	for (size_t i = 0; i < 2; i++) {
		struct world_answer a;
		struct http_call_spec spec = {
			.method = "POST", .path = "/echo/x%2Fy%20z?q=a%26b+c",
			.body = "{\"k\":[1]}", .body_len = 9,
		};
		auto_json *j = NULL;

		world_do(w, clients[i], &spec, &a);
		assert_int_equal(a.r, 0);
		assert_int_equal(a.status, 200);
		assert_int_equal(strlen(a.request_id), 36);
		assert_int_equal(json_parse(a.body.data, a.body.len, &j, NULL), 0);
		assert_string_equal(json_str(j, "method"), "POST");
		assert_string_equal(json_str(j, "path"), "/echo/x%2Fy%20z");
		assert_string_equal(json_str(j, "name"), "x/y z");
		assert_string_equal(json_str(j, "q"), "a&b c");
		assert_string_equal(json_str(j, "type"), "application/json");
		assert_int_equal(json_int(j, "uid", 0), i ? -1 : (int)getuid());
		assert_int_equal(json_array_size(json_object_get(
			json_object_get(j, "body"), "k")), 1);
		if (i)
			assert_string_equal(json_str(j, "auth"), "Bearer sesame");
		world_answer_clear(&a);
	}
}

static void answers_404_405_413_and_malformed(void **state)
{
	struct world *w = *state;
	char big[8192];
	struct world_answer a;
	struct {
		struct http_call_spec spec;
		int status;
	} cases[] = {
		{ { "GET", "/nothing" }, 404 },
		{ { "PUT", "/echo/x" }, 405 },
		{ { "GET", "/echo/%zz" }, 400 },
		{ { "GET", "/echo/%00" }, 400 },
		{ { "GET", "/echo/" }, 404 },
		{ { "POST", "/echo/x", .body = big, .body_len = sizeof(big) },
		  413 },
		{ { "POST", "/echo/x", .body = "{", .body_len = 1 }, 400 },
		{ { "GET", "/upgrade" }, 426 },
	};

	memset(big, ' ', sizeof(big));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		unsigned calls = w->calls;

		world_do(w, w->unix_client, &cases[i].spec, &a);
		assert_int_equal(a.r, 0);
		assert_int_equal(a.status, cases[i].status);
		assert_non_null(strstr(buf_str(&a.body), "message"));
		assert_int_equal(w->calls, calls + (i == 6));
		world_answer_clear(&a);
	}
}

static void method_not_allowed_names_the_allowed(void **state)
{
	struct world *w = *state;
	auto_buf got = BUF_INIT;
	auto_close int fd = world_connect(w, true);

	world_talk(w, fd, "PUT /echo/x HTTP/1.1\r\nHost: h\r\n"
		   "Content-Length: 2\r\n\r\n{}", "\r\n\r\n{", &got);
	assert_non_null(strstr(buf_str(&got), " 405 "));
	assert_non_null(strstr(buf_str(&got),
			       "Allow: GET, HEAD, POST, PATCH, DELETE\r\n"));
}

static void chunked_body_beyond_the_limit_is_413(void **state)
{
	struct world *w = *state;
	auto_buf req = BUF_INIT, got = BUF_INIT;
	auto_close int fd = world_connect(w, false);

	buf_adds(&req, "POST /echo/x HTTP/1.1\r\nHost: h\r\n"
		 "Transfer-Encoding: chunked\r\n\r\n");
	for (int i = 0; i < 100; i++)
		buf_addf(&req, "64\r\n%100s\r\n", "");
	buf_adds(&req, "0\r\n\r\n");
	world_talk(w, fd, buf_str(&req), "message", &got);
	assert_non_null(strstr(buf_str(&got), " 413 "));
	assert_int_equal(w->calls, 0);
}

static void heads_are_limited(void **state)
{
	static const struct { size_t n; const char *status; } cases[] = {
		{ 15 * 1024, " 200 " }, { 17 * 1024, " 431 " },
		{ 200 * 1024, " 431 " },
	};
	struct world *w = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_close int fd = world_connect(w, i % 2);
		auto_buf req = BUF_INIT, got = BUF_INIT;

		buf_adds(&req, "GET /echo/x HTTP/1.1\r\nHost: h\r\nX-Long: ");
		for (size_t k = 0; k < cases[i].n; k++)
			buf_adds(&req, "y");
		buf_adds(&req, "\r\n\r\n");
		world_talk(w, fd, buf_str(&req), "\r\n\r\n", &got);
		assert_non_null(strstr(buf_str(&got), cases[i].status));
	}
}

static void connection_is_kept_after_a_refusal(void **state)
{
	struct world *w = *state;
	auto_close int fd = world_connect(w, true);
	auto_buf got = BUF_INIT;

	world_talk(w, fd, "POST /nothing HTTP/1.1\r\nHost: h\r\n"
		   "Content-Length: 2\r\n\r\n{}", "message", &got);
	assert_non_null(strstr(buf_str(&got), " 404 "));
	buf_clear(&got);
	world_talk(w, fd, "GET /echo/x HTTP/1.1\r\nHost: h\r\n\r\n", "\"method\"",
		   &got);
	assert_non_null(strstr(buf_str(&got), " 200 "));
	assert_non_null(strstr(buf_str(&got), "X-Extra: yes"));
}

static void head_is_get_without_a_body(void **state)
{
	struct world *w = *state;
	struct http_call_spec spec = { .method = "HEAD", .path = "/echo/x" };
	struct world_answer a;

	world_do(w, w->tcp_client, &spec, &a);
	assert_int_equal(a.status, 200);
	assert_int_equal(a.body.len, 0);
	world_answer_clear(&a);
}

static void sends_files_and_large_texts(void **state)
{
	struct world *w = *state;
	struct world_answer a;

	world_get(w, "/file", &a);
	assert_int_equal(a.status, 200);
	assert_string_equal(buf_str(&a.body), "0123456789");
	world_answer_clear(&a);
	world_get(w, "/big", &a);
	assert_int_equal(a.r, 0);
	assert_int_equal(a.body.len, 3 * 1024 * 1024);
	world_answer_clear(&a);
}

static void late_answer_arrives(void **state)
{
	struct world *w = *state;
	struct http_call_spec spec = { .method = "GET", .path = "/late" };
	struct world_answer a;
	struct http_call *call = world_call(w, w->unix_client, &spec, &a);

	world_wait_count(w, &w->calls, 1);
	world_run(w, 100 * USEC_PER_MSEC);
	assert_false(a.done);
	http_reply_json(w->late[0], 200, json_integer(7));
	world_wait(w, &a.done);
	assert_string_equal(buf_str(&a.body), "7");
	assert_int_equal(w->gone, 0);
	http_call_free(call);
	world_answer_clear(&a);
}

static void client_gone_while_waiting_is_told(void **state)
{
	struct world *w = *state;

	for (unsigned tcp = 0; tcp < 2; tcp++) {
		struct http_call_spec spec = { .method = "GET", .path = "/late" };
		struct world_answer a;
		struct http_call *call;

		call = world_call(w, tcp ? w->tcp_client : w->unix_client, &spec,
				  &a);
		while (w->n_late <= tcp)
			world_run(w, 10 * USEC_PER_MSEC);
		http_call_free(call);
		world_wait_count(w, &w->gone, tcp + 1);
		assert_null(w->late[tcp]);
		assert_false(a.done);
	}
}

static void many_long_polls_are_answered_at_once(void **state)
{
	enum { N = 200 };
	struct world *w = *state;
	struct http_call_spec spec = { .method = "GET", .path = "/late" };
	struct http_call *calls[N];
	struct world_answer *a = xcalloc(N, sizeof(*a));

	for (size_t i = 0; i < N; i++)
		calls[i] = world_call(w, i % 2 ? w->tcp_client : w->unix_client,
				      &spec, &a[i]);
	while (w->n_late < N)
		world_run(w, 20 * USEC_PER_MSEC);
	for (size_t i = 0; i < N; i++)
		http_reply_json(w->late[i], 200, json_integer((json_int_t)i));
	for (size_t i = 0; i < N; i++) {
		world_wait(w, &a[i].done);
		assert_int_equal(a[i].r, 0);
		assert_int_equal(a[i].status, 200);
		http_call_free(calls[i]);
		world_answer_clear(&a[i]);
	}
	assert_int_equal(w->gone, 0);
	free(a);
}

static void server_ends_with_open_requests(void **state)
{
	struct world *w = *state;
	struct http_call_spec late = { .method = "GET", .path = "/late" };
	struct http_call_spec stream = { .method = "GET", .path = "/stream" };
	struct world_answer a[2];
	struct http_call *calls[2];

	calls[0] = world_call(w, w->unix_client, &late, &a[0]);
	calls[1] = world_call(w, w->tcp_client, &stream, &a[1]);
	while (!w->n_late || !w->stream)
		world_run(w, 10 * USEC_PER_MSEC);
	w->server = http_server_free(w->server);
	assert_int_equal(w->gone, 2);
	for (size_t i = 0; i < 2; i++) {
		world_wait(w, &a[i].done);
		http_call_free(calls[i]);
		world_answer_clear(&a[i]);
	}
}

/* ---- streams ---- */

static void stream_is_sent_as_it_is_written(void **state)
{
	struct world *w = *state;
	auto_close int fd = world_connect(w, true);
	auto_buf got = BUF_INIT;

	world_talk(w, fd, "GET /stream HTTP/1.1\r\nHost: h\r\n\r\n",
		   "\r\n\r\n", &got);
	assert_non_null(strstr(buf_str(&got), "text/event-stream"));
	http_stream_write(w->stream, "data: 1\n\n", 9);
	world_talk(w, fd, "", "data: 1", &got);
	world_run(w, 50 * USEC_PER_MSEC);
	assert_int_equal(http_stream_pending(w->stream), 0);
	http_stream_write(w->stream, "data: 2\n\n", 9);
	http_stream_write(w->stream, "data: 3\n\n", 9);
	http_stream_end(w->stream);
	world_talk(w, fd, "", "\r\n0\r\n\r\n", &got);
	assert_non_null(strstr(buf_str(&got), "data: 2\n\ndata: 3"));
	assert_int_equal(w->gone, 0);
}

static void slow_reader_is_cut_off(void **state)
{
	struct world *w = *state;

	for (unsigned tcp = 0; tcp < 2; tcp++) {
		auto_close int fd = world_connect(w, tcp);
		auto_buf got = BUF_INIT;
		char block[16384];
		size_t sent = 0, max = 0;

		memset(block, 'z', sizeof(block));
		world_talk(w, fd, "GET /stream HTTP/1.1\r\nHost: h\r\n\r\n",
			   "\r\n\r\n", &got);
		while (w->stream && sent < 64 * 1024 * 1024) {
			http_stream_write(w->stream, block, sizeof(block));
			sent += sizeof(block);
			if (http_stream_pending(w->stream) > max)
				max = http_stream_pending(w->stream);
			assert_true(sd_event_run(w->event, 0) >= 0);
		}
		assert_null(w->stream);
		assert_int_equal(w->gone, tcp + 1);
		assert_true(max > HTTP_STREAM_MAX / 2 && max <= HTTP_STREAM_MAX);
	}
}

static void server_that_ends_finishes_its_streams(void **state)
{
	struct world *w = *state;
	struct http_call_spec spec = { .method = "GET", .path = "/stream" };
	struct world_answer a = { .done = false };
	struct http_call *call = world_call(w, w->tcp_client, &spec, &a);

	while (!w->stream)
		sd_event_run(w->event, 100 * USEC_PER_MSEC);
	sd_event_run(w->event, 0);
	http_stream_write(w->stream, "last words", 10);
	http_server_finish(w->server, 5 * USEC_PER_SEC);
	assert_int_equal(w->gone, 1);
	world_wait(w, &a.done);
	assert_int_equal(a.r, 0);
	assert_string_equal(buf_str(&a.body), "last words");
	http_call_free(call);
	buf_deinit(&a.body);
	free(a.request_id);
}

static void fast_reader_gets_all_of_a_long_stream(void **state)
{
	struct world *w = *state;
	struct http_call_spec spec = { .method = "GET", .path = "/stream" };
	struct world_answer a;
	struct http_call *call = world_call(w, w->tcp_client, &spec, &a);
	char block[10000];

	memset(block, 'z', sizeof(block));
	while (!w->stream)
		world_run(w, 10 * USEC_PER_MSEC);
	for (int i = 0; i < 1000; i++) {
		http_stream_write(w->stream, block, sizeof(block));
		while (w->stream && http_stream_pending(w->stream) > 500000)
			assert_true(sd_event_run(w->event, 1000) >= 0);
	}
	http_stream_end(w->stream);
	world_wait(w, &a.done);
	assert_int_equal(a.r, 0);
	assert_int_equal(a.body.len, 1000 * sizeof(block));
	http_call_free(call);
	world_answer_clear(&a);
}

static void stream_reader_gone_is_told(void **state)
{
	struct world *w = *state;
	int fd = world_connect(w, false);
	auto_buf got = BUF_INIT;

	world_talk(w, fd, "GET /stream HTTP/1.1\r\nHost: h\r\n\r\n",
		   "\r\n\r\n", &got);
	fd_close(fd);
	world_wait_count(w, &w->gone, 1);
	assert_null(w->stream);
}

/* ---- uploads ---- */

static void refused_upload_reads_the_refusal(void **state)
{
	struct world *w = *state;
	struct http_call_spec spec = {
		.method = "PUT", .path = "/upload?refuse=1",
		.body_fd_len = 5 * 1024 * 1024,
	};
	auto_close int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	struct world_answer a;
	static const char *const no_expect[] = { "Expect:", NULL };

	spec.body_fd = fd;
	for (int i = 0; i < 2; i++) {
		spec.headers = i ? no_expect : NULL;
		world_do(w, w->tcp_client, &spec, &a);
		assert_int_equal(a.r, 0);
		assert_int_equal(a.status, 403);
		assert_int_equal(w->uploaded, 0);
		assert_int_equal(w->upload_done, 0);
		world_answer_clear(&a);
	}
}

/* The client sends without having asked: still it hears the answer. */
static void very_long_refused_upload_is_not_read(void **state)
{
	static const char *const no_expect[] = { "Expect:", NULL };
	struct world *w = *state;
	auto_close int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	struct http_call_spec spec = {
		.method = "PUT", .path = "/upload?refuse=1", .body_fd = fd,
		.body_fd_len = 8ULL * 1024 * 1024 * 1024, .headers = no_expect,
	};
	struct http_client *clients[] = { w->unix_client, w->tcp_client };

	for (size_t i = 0; i < 20; i++) {
		struct world_answer a;

		world_do(w, clients[i % 2], &spec, &a);
		assert_int_equal(a.r, 0);
		assert_int_equal(a.status, 403);
		assert_int_equal(w->uploaded, 0);
		world_answer_clear(&a);
	}
}

static void stopped_upload_is_answered_all_the_same(void **state)
{
	struct world *w = *state;
	auto_close int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	struct http_call_spec spec = {
		.method = "PUT", .path = "/upload", .body_fd = fd,
		.body_fd_len = 5 * 1024 * 1024,
	};
	struct world_answer a;

	w->upload_stop = true;
	world_do(w, w->unix_client, &spec, &a);
	assert_int_equal(a.status, 201);
	assert_int_equal(w->upload_done, 1);
	assert_true(w->uploaded > 0 && w->uploaded < 1024 * 1024);
	world_answer_clear(&a);
}

static long rss_pages(void)
{
	long size = 0, rss = 0;
	FILE *f = fopen("/proc/self/statm", "re");

	assert_non_null(f);
	assert_int_equal(fscanf(f, "%ld %ld", &size, &rss), 2);
	fclose(f);
	return rss;
}

static void upload_of_100_mb_needs_little_memory(void **state)
{
	struct world *w = *state;
	auto_close int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	struct http_call_spec spec = {
		.method = "PUT", .path = "/upload", .body_fd = fd,
		.body_fd_len = 100 * 1000 * 1000,
	};
	struct world_answer a;
	long before = rss_pages();

	world_do(w, w->unix_client, &spec, &a);
	assert_int_equal(a.status, 201);
	assert_int_equal(w->uploaded, 100 * 1000 * 1000);
	assert_int_equal(w->upload_done, 1);
	assert_true(rss_pages() - before < 8 * 256);	/* 8 MiB */
	world_answer_clear(&a);
}

static void uploader_gone_is_told(void **state)
{
	struct world *w = *state;
	int fd = world_connect(w, true);

	assert_true(dprintf(fd, "PUT /upload HTTP/1.1\r\nHost: h\r\n"
			    "Content-Length: 1000\r\n\r\nabc") > 0);
	while (!w->uploaded)
		world_run(w, 10 * USEC_PER_MSEC);
	fd_close(fd);
	world_wait_count(w, &w->gone, 1);
	assert_int_equal(w->upload_done, 0);
}

/* Bytes and the end behind them are there before the server looks: no event
 * comes any more once it has read the bytes. */
static void uploader_gone_behind_its_bytes_is_told(void **state)
{
	struct world *w = *state;
	size_t n = 300 * 1000;
	auto_free char *block = xcalloc(1, n);

	for (unsigned i = 0; i < 200; i++) {
		int fd = world_connect(w, i % 2);
		ssize_t sent;

		assert_true(dprintf(fd, "PUT /upload HTTP/1.1\r\nHost: h\r\n"
				    "Content-Length: 1000000\r\n\r\nabc") > 0);
		w->uploaded = 0;
		while (!w->uploaded)
			assert_true(sd_event_run(w->event, 10000) >= 0);
		sent = send(fd, block, 1000 * i + 1, MSG_NOSIGNAL);
		assert_true(sent > 0);
		fd_close(fd);
		world_wait_count(w, &w->gone, i + 1);
	}
	assert_int_equal(w->upload_done, 0);
}

/* ---- upgrade ---- */

static void upgrade_hands_over_socket_and_early_bytes(void **state)
{
	struct world *w = *state;

	for (unsigned tcp = 0; tcp < 2; tcp++) {
		int fd = world_connect(w, tcp);
		auto_buf got = BUF_INIT;
		char text[8] = "";

		buf_clear(&w->early);
		world_talk(w, fd, "GET /upgrade HTTP/1.1\r\nHost: h\r\n"
			   "Connection: Upgrade\r\nUpgrade: test/1\r\n\r\nearly",
			   "\r\n\r\n", &got);
		assert_non_null(strstr(buf_str(&got), "HTTP/1.1 101 "));
		assert_non_null(strstr(buf_str(&got), "Upgrade: test/1\r\n"));
		while (w->upgraded_fd < 0)
			world_run(w, 10 * USEC_PER_MSEC);
		assert_true(fcntl(w->upgraded_fd, F_GETFL) & O_NONBLOCK);
		assert_true(fcntl(w->upgraded_fd, F_GETFD) & FD_CLOEXEC);
		assert_string_equal(buf_str(&w->early), "early");

		/* libmicrohttpd lets go of the connection, and we keep it. */
		world_run(w, 50 * USEC_PER_MSEC);
		assert_int_equal(write(fd, "ping", 4), 4);
		assert_int_equal(read(w->upgraded_fd, text, sizeof(text)), 4);
		assert_int_equal(write(w->upgraded_fd, "pong", 4), 4);
		assert_int_equal(read(fd, text, sizeof(text)), 4);
		assert_string_equal(text, "pong");

		/* Nobody else holds it: our close is the end for the peer. */
		w->upgraded_fd = fd_close(w->upgraded_fd);
		assert_int_equal(read(fd, text, sizeof(text)), 0);
		fd_close(fd);
		assert_int_equal(w->gone, 0);
	}
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(answers_json_over_unix_and_tcp),
		TEST(answers_404_405_413_and_malformed),
		TEST(method_not_allowed_names_the_allowed),
		TEST(chunked_body_beyond_the_limit_is_413),
		TEST(heads_are_limited),
		TEST(connection_is_kept_after_a_refusal),
		TEST(head_is_get_without_a_body),
		TEST(sends_files_and_large_texts),
		TEST(late_answer_arrives),
		TEST(client_gone_while_waiting_is_told),
		TEST(many_long_polls_are_answered_at_once),
		TEST(server_ends_with_open_requests),
		TEST(stream_is_sent_as_it_is_written),
		TEST(slow_reader_is_cut_off),
		TEST(server_that_ends_finishes_its_streams),
		TEST(fast_reader_gets_all_of_a_long_stream),
		TEST(stream_reader_gone_is_told),
		TEST(refused_upload_reads_the_refusal),
		TEST(very_long_refused_upload_is_not_read),
		TEST(stopped_upload_is_answered_all_the_same),
		TEST(upload_of_100_mb_needs_little_memory),
		TEST(uploader_gone_is_told),
		TEST(uploader_gone_behind_its_bytes_is_told),
		TEST(upgrade_hands_over_socket_and_early_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
