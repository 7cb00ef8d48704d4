/*
 * test-client.c - calls: outcomes, limits, cancelling, and the handshake. The
 * blocking forms talk to a server that a child process runs.
 */
#include "base/clock.h"
#include "base/file.h"
#include "base/sock.h"
#include "http/wire.h"
#include "world.h"

#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

static void base_address_is_checked(void **state)
{
	static const char *const bad[] = { "", "localhost", "ftp://x", "/sock" };
	struct error e;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct http_client_spec spec = { .base = bad[i] };
		struct http_client *c = NULL;

		assert_int_equal(http_client_new(&c, NULL, &spec, &e), -EINVAL);
		assert_null(c);
	}
}

static void path_escape_leaves_unreserved_alone(void **state)
{
	auto_free char *s = http_path_escape("web.1/a b%\xc3\xa4~");

	assert_string_equal(s, "web.1%2Fa%20b%25%C3%A4~");
}

static void nobody_listening_is_told_with_the_address(void **state)
{
	struct world *w = *state;
	struct http_call_spec spec = { .method = "GET", .path = "/" };
	struct http_client_spec cs = { .base = "unix:/nonexistent/sock" };
	struct http_client *c = NULL;
	struct world_answer a;
	struct error e;

	assert_int_equal(http_client_new(&c, w->event, &cs, &e), 0);
	world_do(w, c, &spec, &a);
	assert_true(a.r < 0);
	assert_non_null(strstr(a.error.msg, "unix:/nonexistent/sock"));
	world_answer_clear(&a);
	http_client_free(c);
}

static void call_times_out(void **state)
{
	struct world *w = *state;
	struct http_call_spec spec = {
		.method = "GET", .path = "/late",
		.timeout_usec = 200 * USEC_PER_MSEC,
	};
	struct world_answer a;

	world_do(w, w->tcp_client, &spec, &a);
	assert_int_equal(a.r, -ETIMEDOUT);
	world_answer_clear(&a);
	world_wait_count(w, &w->gone, 1);
}

static void too_long_an_answer_is_an_error(void **state)
{
	struct world *w = *state;
	struct http_call_spec spec = {
		.method = "GET", .path = "/big", .max_body = 1024 * 1024,
	};
	struct world_answer a;

	world_do(w, w->unix_client, &spec, &a);
	assert_int_equal(a.r, -EFBIG);
	world_answer_clear(&a);
}

static void every_method_reaches_the_server(void **state)
{
	static const char *const methods[] = { "GET", "POST", "PATCH", "DELETE" };
	struct world *w = *state;

	for (size_t i = 0; i < ARRAY_SIZE(methods); i++) {
		struct http_call_spec spec = { methods[i], "/echo/x" };
		auto_json *j = NULL;
		struct world_answer a;

		world_do(w, w->unix_client, &spec, &a);
		assert_int_equal(a.status, 200);
		assert_int_equal(json_parse(a.body.data, a.body.len, &j, NULL), 0);
		assert_string_equal(json_str(j, "method"), methods[i]);
		world_answer_clear(&a);
	}
}

static bool on_any_address(const struct sockaddr *address, void *userdata)
{
	unsigned *asked = userdata;

	assert_int_equal(address->sa_family, AF_INET);
	return ++*asked > 1;
}

static void an_address_may_be_refused(void **state)
{
	struct world *w = *state;
	unsigned asked = 0;
	struct http_call_spec spec = {
		.method = "GET", .path = "/echo/x", .on_address = on_any_address,
		.userdata = &asked, .no_body = true,
	};
	struct world_answer a;

	world_do(w, w->tcp_client, &spec, &a);
	assert_int_equal(a.r, -EPERM);
	assert_int_equal(w->calls, 0);
	world_answer_clear(&a);
	world_do(w, w->tcp_client, &spec, &a);
	assert_int_equal(a.status, 200);
	assert_int_equal(a.body.len, 0);
	assert_int_equal(asked, 2);
	world_answer_clear(&a);
}

/* Whoever pours data over a client that wants none of it is not listened to. */
static void an_answer_nobody_wants_need_not_end(void **state)
{
	static char piece[128 * 1024];
	struct world *w = *state;
	struct http_call_spec spec = {
		.method = "GET", .path = "/stream", .no_body = true,
	};
	struct world_answer a = { .done = false };
	struct http_call *call = world_call(w, w->tcp_client, &spec, &a);

	world_wait_count(w, &w->calls, 1);
	memset(piece, 'x', sizeof(piece));
	http_stream_write(w->stream, piece, sizeof(piece));
	world_wait(w, &a.done);
	assert_int_equal(a.r, 0);
	assert_int_equal(a.status, 200);
	assert_int_equal(a.body.len, 0);
	http_call_free(call);
	world_wait_count(w, &w->gone, 1);
	world_answer_clear(&a);
}

/* The rest of HTTP is done by hand. */
static void a_wire_carries_whatever_one_likes(void **state)
{
	static const char text[] = "GET /echo/x HTTP/1.0\r\n\r\n";
	struct world *w = *state;
	struct http_call_spec spec = {
		.method = "GET", .path = "/", .wire = true,
	};
	struct world_answer a = { .done = false };
	struct http_call *call = world_call(w, w->tcp_client, &spec, &a);
	struct buf answer = BUF_INIT;
	char data[512];
	struct error e;
	ssize_t n;

	world_wait(w, &a.done);
	assert_int_equal(a.r, 0);
	assert_true(wire_fd(call) >= 0);
	assert_int_equal(wire_send(call, text, strlen(text), &e), strlen(text));
	while ((n = wire_recv(call, data, sizeof(data), &e)) != 0) {
		assert_true(n > 0 || n == -EAGAIN);
		if (n > 0)
			buf_add(&answer, data, (size_t)n);
		else
			sd_event_run(w->event, 10 * USEC_PER_MSEC);
	}
	assert_non_null(strstr(buf_str(&answer), " 200 OK"));
	buf_deinit(&answer);
	http_call_free(call);
	world_answer_clear(&a);
}

static void token_stays_with_the_base(void **state)
{
	struct world *w = *state;
	auto_free char *url = xasprintf("%s/echo/x", w->tcp_base);
	struct http_call_spec spec = { .method = "GET", .path = url };
	struct world_answer a;

	world_do(w, w->tcp_client, &spec, &a);
	assert_int_equal(a.status, 200);
	assert_null(strstr(buf_str(&a.body), "sesame"));
	world_answer_clear(&a);
}

/* ---- data and progress ---- */

struct sink {
	size_t n;
	bool refuse;
	struct http_call *free_me;
	uint64_t sent, total;
};

static int on_sink(const void *data, size_t n, void *userdata)
{
	struct sink *s = userdata;

	s->n += n;
	if (s->free_me)
		s->free_me = http_call_free(s->free_me);
	return s->refuse ? -1 : 0;
}

static void on_sent(uint64_t sent, uint64_t total, void *userdata)
{
	struct sink *s = userdata;

	s->sent = sent;
	s->total = total;
}

static void data_goes_to_the_callback_except_of_errors(void **state)
{
	struct world *w = *state;
	struct sink s = { 0 };
	struct http_call_spec spec = {
		.method = "GET", .path = "/big", .on_data = on_sink,
		.userdata = &s,
	};
	struct world_answer a;

	world_do(w, w->unix_client, &spec, &a);
	assert_int_equal(a.r, 0);
	assert_int_equal(s.n, 3 * 1024 * 1024);
	assert_int_equal(a.body.len, 0);
	world_answer_clear(&a);
	s.n = 0;
	spec.path = "/none";
	world_do(w, w->unix_client, &spec, &a);
	assert_int_equal(a.status, 404);
	assert_int_equal(s.n, 0);
	assert_non_null(strstr(buf_str(&a.body), "not_found"));
	world_answer_clear(&a);
}

static void data_callback_can_give_up(void **state)
{
	struct world *w = *state;
	struct sink s = { .refuse = true };
	struct http_call_spec spec = {
		.method = "GET", .path = "/big", .on_data = on_sink,
		.userdata = &s,
	};
	struct world_answer a;

	world_do(w, w->unix_client, &spec, &a);
	assert_int_equal(a.r, -ECANCELED);
	world_answer_clear(&a);
}

static void call_may_be_freed_by_its_own_data(void **state)
{
	struct world *w = *state;
	struct sink s = { 0 };
	struct http_call_spec spec = {
		.method = "GET", .path = "/big", .on_data = on_sink,
		.userdata = &s,
	};
	struct world_answer a;

	s.free_me = world_call(w, w->tcp_client, &spec, &a);
	while (s.free_me)
		world_run(w, 10 * USEC_PER_MSEC);
	assert_true(s.n > 0);
	world_run(w, 100 * USEC_PER_MSEC);
	assert_false(a.done);
}

static void upload_tells_its_progress(void **state)
{
	struct world *w = *state;
	auto_close int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	struct sink s = { 0 };
	struct http_call_spec spec = {
		.method = "PUT", .path = "/upload", .body_fd = fd,
		.body_fd_len = 3000000, .on_progress = on_sent, .userdata = &s,
	};
	struct world_answer a;

	world_do(w, w->unix_client, &spec, &a);
	assert_int_equal(a.status, 201);
	assert_int_equal(s.sent, 3000000);
	assert_int_equal(s.total, 3000000);
	world_answer_clear(&a);
}

static void upload_of_a_short_file_fails(void **state)
{
	struct world *w = *state;
	FILE *f = tmpfile();
	struct http_call_spec spec = {
		.method = "PUT", .path = "/upload", .body_fd_len = 100,
	};
	struct world_answer a;

	assert_non_null(f);
	assert_true(fputs("short", f) > 0 && fflush(f) == 0 && fseek(f, 0, 0) == 0);
	spec.body_fd = fileno(f);
	world_do(w, w->unix_client, &spec, &a);
	assert_int_equal(a.r, -EIO);
	assert_non_null(strstr(a.error.msg, "too short"));
	world_answer_clear(&a);
	fclose(f);
}

/* ---- life cycle ---- */

struct chain {
	struct world *w;
	struct http_call *call;
	unsigned left;
	bool done;
};

static void on_chain(const struct http_result *res, void *userdata);

static void chain_next(struct chain *c)
{
	struct http_call_spec spec = { .method = "GET", .path = "/echo/x" };
	struct error e;

	assert_int_equal(http_call_new(&c->call, c->w->unix_client, &spec,
				       on_chain, c, &e), 0);
}

static void on_chain(const struct http_result *res, void *userdata)
{
	struct chain *c = userdata;

	assert_int_equal(res->status, 200);
	c->call = http_call_free(c->call);
	if (c->left--)
		chain_next(c);
	else
		c->done = true;
}

static void done_may_free_its_call_and_start_another(void **state)
{
	struct chain c = { .w = *state, .left = 20 };

	chain_next(&c);
	world_wait(c.w, &c.done);
	assert_null(c.call);
	assert_int_equal(c.w->calls, 21);
}

static void client_may_be_freed_before_its_calls(void **state)
{
	struct world *w = *state;
	struct http_call_spec spec = { .method = "GET", .path = "/late" };
	struct world_answer a, b;
	struct http_call *one = world_call(w, w->unix_client, &spec, &a), *two;

	world_wait_count(w, &w->calls, 1);
	two = world_call(w, w->unix_client, &spec, &b);
	w->unix_client = http_client_free(w->unix_client);
	http_call_free(one);
	http_call_free(two);
	world_wait_count(w, &w->gone, 1);
	assert_false(a.done || b.done);
}

/* ---- blocking ---- */

/* A world with its loop in a child, since sd-event must not be shared. */
static pid_t world_in_child(struct world *w, int *ret_pipe)
{
	int p[2];
	pid_t pid;

	assert_int_equal(pipe(p), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		void *state = NULL;
		struct world *in;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		world_setup(&state);
		in = state;
		if (write(p[1], in, sizeof(*in)) < 0)
			_exit(1);
		for (;;) {
			sd_event_run(in->event, UINT64_MAX);
			if (in->upgraded_fd >= 0) {
				if (write(in->upgraded_fd, "welcome", 7) < 0)
					_exit(1);
				in->upgraded_fd = fd_close(in->upgraded_fd);
			}
		}
	}
	assert_int_equal(read(p[0], w, sizeof(*w)), sizeof(*w));
	close(p[1]);
	*ret_pipe = p[0];
	return pid;
}

static void world_in_child_end(struct world *w, pid_t pid, int fd)
{
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	close(fd);
	assert_int_equal(file_remove_tree(AT_FDCWD, w->dir, NULL), 0);
}

static void blocking_call_needs_no_loop(void **state)
{
	struct world w;
	int fd, status = 0;
	pid_t pid = world_in_child(&w, &fd);
	struct http_client_spec cs = { .base = w.unix_base };
	struct http_call_spec spec = { .method = "GET", .path = "/echo/x?q=1" };
	struct http_client *c = NULL;
	auto_buf body = BUF_INIT;
	struct error e;

	assert_int_equal(http_client_new(&c, NULL, &cs, &e), 0);
	assert_int_equal(http_call_wait(c, &spec, &status, &body, &e), 0);
	assert_int_equal(status, 200);
	assert_non_null(strstr(buf_str(&body), "\"q\":\"1\""));
	spec.path = "/late";
	spec.timeout_usec = 100 * USEC_PER_MSEC;
	assert_int_equal(http_call_wait(c, &spec, &status, &body, &e),
			 -ETIMEDOUT);
	http_client_free(c);
	world_in_child_end(&w, pid, fd);
}

static void handshake_yields_a_blocking_socket(void **state)
{
	struct world w;
	int fd;
	pid_t pid = world_in_child(&w, &fd);
	const char *bases[] = { w.unix_base, w.tcp_base };

	for (size_t i = 0; i < 2; i++) {
		struct http_client_spec cs = { .base = bases[i] };
		struct http_client *c = NULL;
		auto_buf early = BUF_INIT;
		auto_close int sock = -1;
		struct error e;
		char chunk[16];
		ssize_t n;

		assert_int_equal(http_client_new(&c, NULL, &cs, &e), 0);
		assert_int_equal(http_client_upgrade(c, "/upgrade", "test/1",
						     &sock, &early, &e), 0);
		assert_false(fcntl(sock, F_GETFL) & O_NONBLOCK);
		while ((n = read(sock, chunk, sizeof(chunk))) > 0)
			buf_add(&early, chunk, (size_t)n);
		assert_string_equal(buf_str(&early), "welcome");
		http_client_free(c);
	}
	world_in_child_end(&w, pid, fd);
}

static void refused_handshake_tells_the_message(void **state)
{
	struct world w;
	int fd, sock = -1;
	pid_t pid = world_in_child(&w, &fd);
	struct http_client_spec cs = { .base = w.unix_base };
	struct http_client *c = NULL;
	auto_buf early = BUF_INIT;
	struct error e;

	assert_int_equal(http_client_new(&c, NULL, &cs, &e), 0);
	assert_int_equal(http_client_upgrade(c, "/upgrade", "other/1", &sock,
					     &early, &e), -EPROTO);
	assert_non_null(strstr(e.msg, "This is an upgrade only. (HTTP 426)"));
	assert_int_equal(http_client_upgrade(c, "/none", "test/1", &sock,
					     &early, &e), -ENOENT);
	assert_int_equal(sock, -1);
	http_client_free(c);
	world_in_child_end(&w, pid, fd);
}

/* Answers a connection with fixed bytes, in one packet, then closes. */
static pid_t canned(const char *answer, size_t n, uint16_t *ret_port)
{
	struct error e;
	int fd = sock_listen_tcp("127.0.0.1", 0, ret_port, &e), conn;
	char chunk[4096];
	pid_t pid;

	assert_true(fd >= 0);
	assert_int_equal(file_set_nonblock(fd, false, &e), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		conn = accept(fd, NULL, NULL);
		if (read(conn, chunk, sizeof(chunk)) < 0 ||
		    write(conn, answer, n) < 0)
			_exit(1);
		_exit(0);
	}
	close(fd);
	return pid;
}

static int upgrade_against(const char *answer, size_t n, struct buf *early,
			   struct error *e)
{
	struct http_client_spec cs = { 0 };
	struct http_client *c = NULL;
	char base[64];
	uint16_t port;
	pid_t pid = canned(answer, n, &port);
	int fd = -1, r;

	snprintf(base, sizeof(base), "http://127.0.0.1:%u", (unsigned)port);
	cs.base = base;
	assert_int_equal(http_client_new(&c, NULL, &cs, e), 0);
	r = http_client_upgrade(c, "/", "test/1", &fd, early, e);
	fd_close(fd);
	http_client_free(c);
	waitpid(pid, NULL, 0);
	return r;
}

static void handshake_keeps_early_bytes(void **state)
{
	static const char answer[] = "HTTP/1.1 101 Switching\r\n"
				     "Upgrade: test/1\r\n\r\nfirst\0bytes";
	auto_buf early = BUF_INIT;
	struct error e;

	assert_int_equal(upgrade_against(answer, sizeof(answer) - 1, &early, &e),
			 0);
	assert_int_equal(early.len, 11);
	assert_memory_equal(early.data, "first\0bytes", 11);
}

static void handshake_refuses_nonsense(void **state)
{
	char *endless = xcalloc(1, 100000);
	auto_buf early = BUF_INIT;
	struct error e;

	memset(endless, 'a', 99999);
	assert_int_equal(upgrade_against(endless, 99999, &early, &e), -EMSGSIZE);
	assert_int_equal(upgrade_against("SSH-2.0\r\n\r\n", 11, &early, &e),
			 -EPROTO);
	assert_int_equal(upgrade_against("HTTP/1.1 1", 10, &early, &e),
			 -ECONNRESET);
	assert_int_equal(early.len, 0);
	free(endless);
}

static void handshake_over_https_needs_tls_at_the_other_end(void **state)
{
	static const char answer[] = "HTTP/1.1 400 Bad Request\r\n\r\n";
	struct http_client_spec cs = { 0 };
	struct http_client *c = NULL;
	auto_buf early = BUF_INIT;
	uint16_t port;
	pid_t pid = canned(answer, sizeof(answer) - 1, &port);
	auto_free char *base = xasprintf("https://127.0.0.1:%u", (unsigned)port);
	struct error e;
	int fd = -1;

	cs.base = base;
	assert_int_equal(http_client_new(&c, NULL, &cs, &e), 0);
	assert_true(http_client_upgrade(c, "/", "test/1", &fd, &early, &e) < 0);
	assert_non_null(strstr(e.msg, "connect to https://127.0.0.1:"));
	assert_int_equal(fd, -1);
	http_client_free(c);
	waitpid(pid, NULL, 0);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(base_address_is_checked),
		cmocka_unit_test(path_escape_leaves_unreserved_alone),
		TEST(nobody_listening_is_told_with_the_address),
		TEST(call_times_out),
		TEST(too_long_an_answer_is_an_error),
		TEST(every_method_reaches_the_server),
		TEST(an_address_may_be_refused),
		TEST(an_answer_nobody_wants_need_not_end),
		TEST(a_wire_carries_whatever_one_likes),
		TEST(token_stays_with_the_base),
		TEST(data_goes_to_the_callback_except_of_errors),
		TEST(data_callback_can_give_up),
		TEST(call_may_be_freed_by_its_own_data),
		TEST(upload_tells_its_progress),
		TEST(upload_of_a_short_file_fails),
		TEST(done_may_free_its_call_and_start_another),
		TEST(client_may_be_freed_before_its_calls),
		cmocka_unit_test(blocking_call_needs_no_loop),
		cmocka_unit_test(handshake_yields_a_blocking_socket),
		cmocka_unit_test(refused_handshake_tells_the_message),
		cmocka_unit_test(handshake_keeps_early_bytes),
		cmocka_unit_test(handshake_refuses_nonsense),
		cmocka_unit_test(handshake_over_https_needs_tls_at_the_other_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
