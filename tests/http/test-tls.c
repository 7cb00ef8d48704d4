/*
 * test-tls.c - everything that the server does, over TLS: libcurl on the other
 * side, or a pipe of our own where raw bytes are wanted.
 */
#include "base/clock.h"
#include "base/file.h"
#include "base/sock.h"
#include "controller/access/authority.h"
#include "http/handshake_tls.h"
#include "http/tls_identity.h"
#include "http/tls_listener.h"
#include "http/tls_pipe.h"
#include "world.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define HOUR 3600LL

struct tls_world {
	struct world *w;
	struct authority *ca, *other;
	struct tls_identity *id;
	struct http_client *client;	/* knows ca */
	uint16_t port;
	char base[64];
	char server[96], ca_pem[96], other_pem[96];
};

static const char *const names[] = { "127.0.0.1", "tls.test" };

static char *tls_file(struct tls_world *t, const char *name)
{
	return xasprintf("%s/%s", t->w->dir, name);
}

static void tls_write(struct tls_world *t, const char *name, const char *text,
		      size_t n)
{
	auto_free char *path = tls_file(t, name);

	assert_int_equal(file_write_fast(AT_FDCWD, path, text, n, 0600, NULL), 0);
}

static void tls_serve(struct tls_world *t, struct authority *ca, int64_t valid)
{
	auto_buf pem = BUF_INIT;

	assert_int_equal(authority_sign_server(ca, names, 2, valid, &pem, NULL), 0);
	tls_write(t, "server.pem", pem.data, pem.len);
}

static void tls_client_file(struct tls_world *t, const char *file,
			    struct authority *ca, const char *name, int64_t valid)
{
	auto_buf pem = BUF_INIT;

	assert_int_equal(authority_sign_client(ca, name, valid, &pem, NULL), 0);
	tls_write(t, file, pem.data, pem.len);
}

static struct authority *tls_authority(struct tls_world *t, const char *name)
{
	auto_free char *dir = tls_file(t, name);
	struct authority *ca;
	struct error e;

	assert_int_equal(mkdir(dir, 0700), 0);
	assert_int_equal(authority_open(&ca, dir, &e), 0);
	return ca;
}

static struct http_client *tls_client(struct tls_world *t, const char *ca,
				      const char *cert)
{
	auto_free char *cert_file = cert ? tls_file(t, cert) : NULL;
	struct http_client_spec spec = { .base = t->base, .ca_file = ca,
					 .cert_file = cert_file };
	struct http_client *c;
	struct error e;

	assert_int_equal(http_client_new(&c, t->w->event, &spec, &e), 0);
	return c;
}

static int tls_setup(void **state)
{
	struct tls_world *t = xcalloc(1, sizeof(*t));
	struct tls_creds_spec spec = { .cert_file = t->server,
				       .ca_file = t->ca_pem };
	struct error e;
	void *w;
	int fd;

	assert_int_equal(world_setup(&w), 0);
	t->w = w;
	snprintf(t->server, sizeof(t->server), "%s/server.pem", t->w->dir);
	snprintf(t->ca_pem, sizeof(t->ca_pem), "%s/ca/ca.pem", t->w->dir);
	snprintf(t->other_pem, sizeof(t->other_pem), "%s/other/ca.pem", t->w->dir);
	t->ca = tls_authority(t, "ca");
	t->other = tls_authority(t, "other");
	tls_serve(t, t->ca, HOUR);
	assert_int_equal(tls_identity_new(&t->id, &spec, &e), 0);
	fd = sock_listen_tcp("127.0.0.1", 0, &t->port, &e);
	assert_true(fd >= 0);
	assert_int_equal(http_server_listen_tls(t->w->server, fd, t->id, &e), 0);
	snprintf(t->base, sizeof(t->base), "https://127.0.0.1:%u", t->port);
	t->client = tls_client(t, t->ca_pem, NULL);
	*state = t;
	return 0;
}

static int tls_teardown(void **state)
{
	struct tls_world *t = *state;
	void *w = t->w;

	http_client_free(t->client);
	world_teardown(&w);
	tls_identity_free(t->id);
	authority_free(t->ca);
	authority_free(t->other);
	free(t);
	return 0;
}

/* ---- requests ---- */

static json_t *tls_echo(struct tls_world *t, struct http_client *c)
{
	struct http_call_spec spec = { .method = "GET", .path = "/echo/x" };
	struct world_answer a;
	json_t *j = NULL;

	world_do(t->w, c, &spec, &a);
	if (a.r < 0)
		print_message("%s\n", a.error.msg);
	assert_int_equal(a.r, 0);
	assert_int_equal(a.status, 200);
	assert_int_equal(json_parse(a.body.data, a.body.len, &j, NULL), 0);
	world_answer_clear(&a);
	return j;
}

static void tls_fails(struct tls_world *t, struct http_client *c, const char *words)
{
	struct http_call_spec spec = { .method = "GET", .path = "/echo/x" };
	struct world_answer a;

	world_do(t->w, c, &spec, &a);
	assert_true(a.r < 0);
	print_message("%s\n", a.error.msg);
	assert_non_null(strstr(a.error.msg, words));
	world_answer_clear(&a);
}

static void answers_over_tls_again_and_again(void **state)
{
	struct tls_world *t = *state;

	for (int i = 0; i < 20; i++) {
		auto_json *j = tls_echo(t, t->client);

		assert_true(json_flag(j, "tls", false));
		assert_null(json_str(j, "peer"));
		assert_null(json_str(j, "fault"));
		assert_int_equal(json_int(j, "uid", 0), -1);
	}
}

static void long_poll_is_answered_later_and_leaving_is_noticed(void **state)
{
	struct tls_world *t = *state;
	struct http_call_spec spec = { .method = "GET", .path = "/late" };
	struct world_answer a, b;
	struct http_call *first = world_call(t->w, t->client, &spec, &a);
	struct http_call *second = world_call(t->w, t->client, &spec, &b);

	world_wait_count(t->w, &t->w->calls, 2);
	second = http_call_free(second);
	world_wait_count(t->w, &t->w->gone, 1);
	for (size_t i = 0; i < 2; i++)
		if (t->w->late[i])
			http_reply_text(t->w->late[i], 200, "text/plain", "late", 4);
	world_wait(t->w, &a.done);
	assert_string_equal(buf_str(&a.body), "late");
	assert_false(b.done);
	http_call_free(first);
	world_answer_clear(&a);
}

struct tls_got {
	size_t n;
	unsigned wrong;
};

static int on_tls_got(const void *data, size_t n, void *userdata)
{
	struct tls_got *got = userdata;
	const unsigned char *p = data;

	for (size_t i = 0; i < n; i++)
		got->wrong += p[i] != (unsigned char)((got->n + i) * 7 % 251);
	got->n += n;
	return 0;
}

static void stream_comes_piece_by_piece_and_ends(void **state)
{
	struct tls_world *t = *state;
	struct tls_got got = { 0, 0 };
	struct http_call_spec spec = { .method = "GET", .path = "/stream",
				       .on_data = on_tls_got, .userdata = &got };
	struct world_answer a;
	struct http_call *call = world_call(t->w, t->client, &spec, &a);
	size_t sent = 0;

	world_wait_count(t->w, &t->w->calls, 1);
	for (size_t piece = 1; sent < 3000000; piece = piece * 3 % 100003) {
		unsigned char data[100003];

		for (size_t i = 0; i < piece; i++)
			data[i] = (unsigned char)((sent + i) * 7 % 251);
		http_stream_write(t->w->stream, data, piece);
		sent += piece;
		while (got.n < sent)
			assert_true(sd_event_run(t->w->event, 1000000) >= 0);
	}
	http_stream_end(t->w->stream);
	world_wait(t->w, &a.done);
	assert_int_equal(a.r, 0);
	assert_int_equal(got.n, sent);
	assert_int_equal(got.wrong, 0);
	http_call_free(call);
	world_answer_clear(&a);
}

static void stream_whose_client_leaves_is_told(void **state)
{
	struct tls_world *t = *state;
	struct http_call_spec spec = { .method = "GET", .path = "/stream" };
	struct world_answer a;
	struct http_call *call = world_call(t->w, t->client, &spec, &a);

	world_wait_count(t->w, &t->w->calls, 1);
	http_stream_write(t->w->stream, "x", 1);
	world_run(t->w, 50000);
	http_call_free(call);
	world_wait_count(t->w, &t->w->gone, 1);
}

static void large_bodies_arrive_both_ways(void **state)
{
	struct tls_world *t = *state;
	const uint64_t size = 20 * 1024 * 1024;
	auto_free char *path = tls_file(t, "blob");
	auto_close int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	struct http_call_spec up = { .method = "PUT", .path = "/upload",
				     .body_fd = fd, .body_fd_len = size };
	struct http_call_spec down = { .method = "GET", .path = "/big" };
	struct world_answer a;

	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	world_do(t->w, t->client, &up, &a);
	assert_int_equal(a.status, 201);
	assert_int_equal(t->w->uploaded, size);
	world_answer_clear(&a);
	world_do(t->w, t->client, &down, &a);
	assert_int_equal(a.body.len, 3 * 1024 * 1024);
	world_answer_clear(&a);
}

static void server_that_ends_finishes_its_streams(void **state)
{
	struct tls_world *t = *state;
	struct http_call_spec spec = { .method = "GET", .path = "/stream" };
	struct world_answer a;
	struct http_call *call = world_call(t->w, t->client, &spec, &a);

	world_wait_count(t->w, &t->w->calls, 1);
	http_stream_write(t->w->stream, "last words", 10);
	world_run(t->w, 50000);
	http_server_finish(t->w->server, USEC_PER_SEC);
	t->w->server = http_server_free(t->w->server);
	world_wait(t->w, &a.done);
	assert_int_equal(a.r, 0);
	assert_string_equal(buf_str(&a.body), "last words");
	http_call_free(call);
	world_answer_clear(&a);
}

/* ---- a client of raw bytes ---- */

struct raw {
	struct tls_pipe *pipe;
	int fd;
	bool done;			/* ready, or over */
	bool ended;
	char why[ERROR_MSG_MAX];
};

static void on_raw_ready(struct tls_pipe *p, void *userdata)
{
	struct raw *raw = userdata;

	raw->fd = tls_pipe_open(p, NULL);
	raw->done = true;
}

static void on_raw_end(struct tls_pipe *p, const struct error *e, void *userdata)
{
	struct raw *raw = userdata;

	raw->done = raw->ended = true;
	snprintf(raw->why, sizeof(raw->why), "%s", e ? e->msg : "");
}

static int raw_socket(struct tls_world *t)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET, .sin_port = htons(t->port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(file_set_nonblock(fd, true, NULL), 0);
	return fd;
}

static void raw_connect(struct tls_world *t, struct raw *raw, const char *host,
			const char *ca)
{
	auto_(tls_creds_unref_p) struct tls_creds *creds = NULL;
	struct tls_pipe_spec spec = {
		.event = t->w->event, .fd = raw_socket(t), .host = host,
		.on_ready = on_raw_ready, .on_end = on_raw_end, .userdata = raw,
	};
	struct error e;

	*raw = (struct raw){ .fd = -1 };
	assert_int_equal(tls_creds_load(&creds, &(struct tls_creds_spec){
		.ca_file = ca }, &e), 0);
	spec.creds = creds;
	assert_int_equal(tls_pipe_new(&raw->pipe, &spec, &e), 0);
	world_wait(t->w, &raw->done);
}

static void raw_close(struct raw *raw)
{
	raw->pipe = tls_pipe_free(raw->pipe);
	raw->fd = fd_close(raw->fd);
}

/* Pushes n bytes from one end to the other, with the loop between. */
static void raw_carry(struct tls_world *t, int from, int to, size_t n)
{
	size_t out = 0, in = 0, wrong = 0;
	uint64_t end = clock_mono_usec() + 20 * USEC_PER_SEC;

	while (in < n) {
		unsigned char data[30000];
		size_t want = n - out < sizeof(data) ? n - out : sizeof(data);
		ssize_t r;

		assert_true(clock_mono_usec() < end);
		for (size_t i = 0; i < want; i++)
			data[i] = (unsigned char)((out + i) * 7 % 251);
		r = want ? send(from, data, want, MSG_NOSIGNAL | MSG_DONTWAIT) : 0;
		out += r > 0 ? (size_t)r : 0;
		assert_true(sd_event_run(t->w->event, 1000) >= 0);
		r = recv(to, data, sizeof(data), MSG_DONTWAIT);
		for (ssize_t i = 0; i < r; i++)
			wrong += data[i] != (unsigned char)((in + (size_t)i) * 7 % 251);
		in += r > 0 ? (size_t)r : 0;
	}
	assert_int_equal(wrong, 0);
}

static ssize_t raw_wait_end(struct tls_world *t, int fd)
{
	uint64_t end = clock_mono_usec() + 20 * USEC_PER_SEC;
	char c;
	ssize_t r;

	while ((r = recv(fd, &c, 1, MSG_DONTWAIT)) < 0 && errno == EAGAIN) {
		assert_true(clock_mono_usec() < end);
		assert_true(sd_event_run(t->w->event, 1000) >= 0);
	}
	return r;
}

static void upgrade_carries_bytes_both_ways_and_each_end(void **state)
{
	static const char head[] = "GET /upgrade HTTP/1.1\r\nHost: h\r\n"
		"Connection: Upgrade\r\nUpgrade: test/1\r\n\r\nearly";
	struct tls_world *t = *state;
	auto_buf got = BUF_INIT;
	struct raw raw;

	raw_connect(t, &raw, "tls.test", t->ca_pem);
	assert_true(raw.fd >= 0);
	world_talk(t->w, raw.fd, head, "\r\n\r\n", &got);
	assert_non_null(strstr(buf_str(&got), " 101 "));
	while (t->w->upgraded_fd < 0 || t->w->early.len < 5) {
		char data[16];
		ssize_t n;

		assert_true(sd_event_run(t->w->event, 100000) >= 0);
		n = t->w->upgraded_fd < 0 ? 0
		    : recv(t->w->upgraded_fd, data, sizeof(data), MSG_DONTWAIT);
		if (n > 0)
			buf_add(&t->w->early, data, (size_t)n);
	}
	assert_string_equal(buf_str(&t->w->early), "early");
	raw_carry(t, raw.fd, t->w->upgraded_fd, 3000000);
	raw_carry(t, t->w->upgraded_fd, raw.fd, 3000000);
	/* The client's end, then more from the server, then its end. */
	shutdown(raw.fd, SHUT_WR);
	assert_int_equal(raw_wait_end(t, t->w->upgraded_fd), 0);
	raw_carry(t, t->w->upgraded_fd, raw.fd, 300000);
	t->w->upgraded_fd = fd_close(t->w->upgraded_fd);
	assert_int_equal(raw_wait_end(t, raw.fd), 0);
	world_wait(t->w, &raw.ended);
	assert_string_equal(raw.why, "");
	raw_close(&raw);
}

static void what_was_written_before_a_close_arrives(void **state)
{
	static const char head[] = "GET /upgrade HTTP/1.1\r\nHost: h\r\n"
		"Connection: Upgrade\r\nUpgrade: test/1\r\n\r\n";
	struct tls_world *t = *state;
	auto_buf got = BUF_INIT;
	struct raw raw;
	size_t sent = 0, n = 0;
	char data[4096];
	ssize_t r;

	raw_connect(t, &raw, "127.0.0.1", t->ca_pem);
	world_talk(t->w, raw.fd, head, "\r\n\r\n", &got);
	while (t->w->upgraded_fd < 0)
		assert_true(sd_event_run(t->w->event, 100000) >= 0);
	memset(data, 'x', sizeof(data));
	while ((r = send(t->w->upgraded_fd, data, sizeof(data), MSG_DONTWAIT)) > 0)
		sent += (size_t)r;
	t->w->upgraded_fd = fd_close(t->w->upgraded_fd);
	while (n < sent) {
		r = recv(raw.fd, data, sizeof(data), MSG_DONTWAIT);
		assert_true(r > 0 || (r < 0 && errno == EAGAIN));
		n += r > 0 ? (size_t)r : 0;
		assert_true(sd_event_run(t->w->event, r > 0 ? 0 : 100000) >= 0);
	}
	assert_int_equal(raw_wait_end(t, raw.fd), 0);
	raw_close(&raw);
}

static void a_client_that_vanishes_is_noticed_by_a_long_poll(void **state)
{
	struct tls_world *t = *state;
	struct raw raw;

	raw_connect(t, &raw, "127.0.0.1", t->ca_pem);
	assert_int_equal(send(raw.fd, "GET /late HTTP/1.1\r\nHost: h\r\n\r\n", 31, 0),
			 31);
	world_wait_count(t->w, &t->w->calls, 1);
	raw_close(&raw);		/* without a word */
	world_wait_count(t->w, &t->w->gone, 1);
}

static void wrong_server_is_named_in_one_sentence(void **state)
{
	struct tls_world *t = *state;
	struct raw raw;

	raw_connect(t, &raw, "other.test", t->ca_pem);
	assert_true(raw.ended);
	assert_string_equal(raw.why,
			    "the certificate of other.test is for another name");
	raw_close(&raw);
	raw_connect(t, &raw, "tls.test", t->other_pem);
	assert_string_equal(raw.why, "the certificate of tls.test is not signed by "
			    "a CA that is trusted here");
	raw_close(&raw);
	tls_serve(t, t->ca, -HOUR);
	assert_int_equal(tls_identity_reload(t->id, NULL), 0);
	raw_connect(t, &raw, "tls.test", t->ca_pem);
	assert_string_equal(raw.why, "the certificate of tls.test has expired");
	raw_close(&raw);
	tls_fails(t, t->client, "has expired");		/* libcurl */
}

/* In a process without an event loop; 0 if all went well. */
static int tls_blocking_child(struct tls_world *t, const char *ca)
{
	struct http_client_spec spec = { .base = t->base, .ca_file = ca };
	struct http_client *c;
	struct buf early = BUF_INIT;
	struct error e;
	char data[16];
	int fd;

	if (http_client_new(&c, NULL, &spec, &e) < 0)
		return 1;
	if (http_client_upgrade(c, "/upgrade", "test/1", &fd, &early, &e) < 0)
		return strstr(e.msg, "is not signed by a CA that is trusted here")
		       ? 7 : 2;
	if ((fcntl(fd, F_GETFL) & O_NONBLOCK) || send(fd, "ping", 4, 0) != 4)
		return 3;
	while (early.len < 4) {
		ssize_t n = recv(fd, data, sizeof(data), 0);

		if (n <= 0)
			return 4;
		buf_add(&early, data, (size_t)n);
	}
	if (!str_eq(early.data, "pong") || recv(fd, data, 1, 0) != 0)
		return 5;
	return 0;
}

static int tls_blocking(struct tls_world *t, const char *ca)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(tls_blocking_child(t, ca));
	while (waitpid(pid, &status, WNOHANG) == 0) {
		char data[16];
		ssize_t n;

		assert_true(sd_event_run(t->w->event, 10000) >= 0);
		if (t->w->upgraded_fd < 0)
			continue;
		n = recv(t->w->upgraded_fd, data, sizeof(data), MSG_DONTWAIT);
		if (n > 0)
			buf_add(&t->w->early, data, (size_t)n);
		if (t->w->early.len < 4)
			continue;
		assert_string_equal(t->w->early.data, "ping");
		assert_int_equal(send(t->w->upgraded_fd, "pong", 4, 0), 4);
		t->w->upgraded_fd = fd_close(t->w->upgraded_fd);
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void upgrade_works_for_programs_without_a_loop(void **state)
{
	struct tls_world *t = *state;

	assert_int_equal(tls_blocking(t, t->ca_pem), 0);
	assert_int_equal(tls_blocking(t, t->other_pem), 7);
}

/* In a process of its own; how a dial ends there, as an errno. */
static int tls_dial(struct tls_world *t, const char *authority, const char *ca,
		    const char *protocol)
{
	struct handshake_tls spec = {
		.deadline = clock_mono_usec() + 20 * USEC_PER_SEC,
		.protocol = protocol, .creds = { .ca_file = ca },
	};
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		int r = handshake_tls_dial(authority, &spec, NULL);

		_exit(r < 0 ? -r : 0);
	}
	while (waitpid(pid, &status, WNOHANG) == 0)
		assert_true(sd_event_run(t->w->event, 10000) >= 0);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void a_dial_tells_apart_who_is_there(void **state)
{
	struct tls_world *t = *state;
	const char *server = strstr(t->base, "://") + 3;
	auto_free char *closed = NULL;
	uint16_t port;
	int fd = sock_listen_tcp("127.0.0.1", 0, &port, NULL);

	closed = xasprintf("127.0.0.1:%u", port);
	fd_close(fd);
	assert_int_equal(tls_dial(t, server, t->ca_pem, NULL), 0);
	assert_int_equal(tls_dial(t, server, t->ca_pem, "http/1.1"), 0);
	assert_int_equal(tls_dial(t, server, t->ca_pem, "test/1"), EPROTONOSUPPORT);
	assert_int_equal(tls_dial(t, server, t->other_pem, "test/1"), EACCES);
	assert_int_equal(tls_dial(t, closed, t->ca_pem, NULL), ECONNREFUSED);
}

/* ---- who the client is ---- */

static void client_certificate_is_right_wrong_expired_or_absent(void **state)
{
	struct tls_world *t = *state;
	static const struct { const char *file, *peer, *fault; } cases[] = {
		{ NULL, NULL, NULL },
		{ "right.pem", "host-1", NULL },
		{ "wrong.pem", NULL, "The client certificate is not signed by a CA "
		  "that is trusted here." },
		{ "expired.pem", NULL, "The client certificate has expired." },
		/* Signed by the CA, but made for a server. */
		{ "server.pem", NULL, "The client certificate is for another "
		  "purpose." },
	};

	tls_client_file(t, "right.pem", t->ca, "host-1", HOUR);
	tls_client_file(t, "wrong.pem", t->other, "host-1", HOUR);
	tls_client_file(t, "expired.pem", t->ca, "host-1", -HOUR);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct http_client *c = tls_client(t, t->ca_pem, cases[i].file);

		for (int again = 0; again < 2; again++) {
			auto_json *j = tls_echo(t, c);
			const char *peer = json_str(j, "peer");
			const char *fault = json_str(j, "fault");

			assert_string_equal(peer ? peer : "-",
				cases[i].peer ? cases[i].peer : "-");
			assert_string_equal(fault ? fault : "-",
				cases[i].fault ? cases[i].fault : "-");
		}
		http_client_free(c);
	}
}

/* ---- reload ---- */

static void reload_leaves_open_connections_alone(void **state)
{
	struct tls_world *t = *state;
	struct http_client *other = tls_client(t, t->other_pem, NULL);
	struct http_call_spec spec = { .method = "GET", .path = "/late" };
	struct world_answer a;
	struct http_call *call = world_call(t->w, t->client, &spec, &a);
	struct http_client *fresh;
	auto_json *j = NULL;

	world_wait_count(t->w, &t->w->calls, 1);
	tls_fails(t, other, "is not signed by a CA that is trusted here");
	tls_serve(t, t->other, HOUR);
	assert_int_equal(tls_identity_reload(t->id, NULL), 0);
	j = tls_echo(t, other);
	fresh = tls_client(t, t->ca_pem, NULL);
	tls_fails(t, fresh, "certificate");
	http_reply_text(t->w->late[0], 200, "text/plain", "late", 4);
	world_wait(t->w, &a.done);
	assert_int_equal(a.r, 0);
	assert_string_equal(buf_str(&a.body), "late");
	http_call_free(call);
	world_answer_clear(&a);
	http_client_free(fresh);
	http_client_free(other);
}

static void on_tls_change(const struct error *e, void *userdata)
{
	unsigned *n = userdata;

	n[e ? 1 : 0]++;
}

static void changed_files_are_noticed_and_bad_ones_change_nothing(void **state)
{
	struct tls_world *t = *state;
	struct http_client *other = tls_client(t, t->other_pem, NULL);
	unsigned changes[2] = { 0, 0 };
	struct http_client *fresh;
	auto_json *j = NULL, *k = NULL;
	struct error e;

	tls_identity_on_change(t->id, on_tls_change, changes);
	tls_write(t, "server.pem", "not a certificate", 17);
	assert_true(tls_identity_reload(t->id, &e) < 0);
	assert_non_null(strstr(e.msg, "server.pem"));
	j = tls_echo(t, t->client);
	tls_write(t, "server.pem", "still no certificate", 20);
	world_run(t->w, 1100000);
	fresh = tls_client(t, t->ca_pem, NULL);
	k = tls_echo(t, fresh);
	http_client_free(fresh);
	assert_int_equal(changes[1], 1);
	tls_serve(t, t->other, HOUR);
	world_run(t->w, 1100000);
	json_decref(j);
	j = tls_echo(t, other);
	assert_int_equal(changes[0], 1);
	http_client_free(other);
}

/* ---- strangers ---- */

static void silent_strangers_do_not_keep_others_out(void **state)
{
	struct tls_world *t = *state;
	int fds[TLS_HANDSHAKES_MAX + 10];
	auto_json *j = NULL;
	auto_buf got = BUF_INIT;
	auto_close int plain = raw_socket(t);

	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		fds[i] = raw_socket(t);
	j = tls_echo(t, t->client);
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		fd_close(fds[i]);
	/* Neither TLS nor patience. */
	world_talk(t->w, plain, "GET / HTTP/1.1\r\n\r\n", NULL, &got);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, tls_setup, tls_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(answers_over_tls_again_and_again),
		TEST(long_poll_is_answered_later_and_leaving_is_noticed),
		TEST(stream_comes_piece_by_piece_and_ends),
		TEST(stream_whose_client_leaves_is_told),
		TEST(large_bodies_arrive_both_ways),
		TEST(server_that_ends_finishes_its_streams),
		TEST(upgrade_carries_bytes_both_ways_and_each_end),
		TEST(what_was_written_before_a_close_arrives),
		TEST(a_client_that_vanishes_is_noticed_by_a_long_poll),
		TEST(wrong_server_is_named_in_one_sentence),
		TEST(upgrade_works_for_programs_without_a_loop),
		TEST(a_dial_tells_apart_who_is_there),
		TEST(client_certificate_is_right_wrong_expired_or_absent),
		TEST(reload_leaves_open_connections_alone),
		TEST(changed_files_are_noticed_and_bad_ones_change_nothing),
		TEST(silent_strangers_do_not_keep_others_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
