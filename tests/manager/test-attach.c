#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/sock.h"
#include "http/client.h"
#include "manager/attach/attach.h"
#include "manager/attach/attach_frame.h"
#include "manager/limits.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <cmocka.h>

#define STEP_USEC (60 * USEC_PER_SEC)
#define SWITCH "HTTP/1.1 101 Switching Protocols\r\nUpgrade: dyno-attach/2\r\n\r\n"

/* Upstream is the test itself, on a unix socket. */
struct bench {
	char dir[40];
	char *base;
	struct http_client_spec upstream;
	sd_event *event;
	struct attach *attach;
	int listen_fd, up;		/* up: upstream's end of the stream */
	int app[DYNO_FD_COUNT];		/* the dyno's ends of its pipes */
	struct buf got;
	int clients, losts, signals, drains, dones;
	uint16_t rows, cols;
};

static void on_client(uint16_t rows, uint16_t cols, void *userdata)
{
	struct bench *b = userdata;

	b->clients++;
	b->rows = rows;
	b->cols = cols;
}

static void on_lost(void *userdata)
{
	((struct bench *)userdata)->losts++;
}

static void on_signal(int sig, void *userdata)
{
	((struct bench *)userdata)->signals += sig;
}

static void on_drained(void *userdata)
{
	((struct bench *)userdata)->drains++;
}

static void on_done(void *userdata)
{
	((struct bench *)userdata)->dones++;
}

static const struct attach_ops ops = {
	.on_client = on_client, .on_lost = on_lost, .on_signal = on_signal,
	.on_drained = on_drained, .on_done = on_done,
};

static int setup(void **state)
{
	struct bench *b = xcalloc(1, sizeof(*b));
	auto_free char *path = NULL;

	*state = b;
	strcpy(b->dir, "/tmp/test-attach-XXXXXX");
	b->up = -1;
	for (int i = 0; i < DYNO_FD_COUNT; i++)
		b->app[i] = -1;
	if (!mkdtemp(b->dir) || sd_event_new(&b->event) < 0)
		return -1;
	path = xasprintf("%s/s", b->dir);
	b->base = xasprintf("unix:%s", path);
	b->upstream = (struct http_client_spec){ .base = b->base, .token = "s3" };
	b->listen_fd = sock_listen_unix(path, 0600, NULL);
	return b->listen_fd >= 0 ? 0 : -1;
}

static int teardown(void **state)
{
	struct bench *b = *state;

	attach_free(b->attach);
	sd_event_unref(b->event);
	fd_close(b->listen_fd);
	fd_close(b->up);
	for (int i = 0; i < DYNO_FD_COUNT; i++)
		fd_close(b->app[i]);
	file_remove_tree(AT_FDCWD, b->dir, NULL);
	buf_deinit(&b->got);
	free(b->base);
	free(b);
	return 0;
}

/* Turns the loop until cond is true. */
#define until(b, cond) do { \
	uint64_t end_ = clock_mono_usec() + STEP_USEC; \
	while (!(cond)) { \
		assert_true(clock_mono_usec() < end_); \
		assert_true(sd_event_run((b)->event, 10000) >= 0); \
	} \
} while (0)

static bool try_accept(struct bench *b)
{
	b->up = fd_close(b->up);
	b->up = accept4(b->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	return b->up >= 0;
}

/* Takes what upstream's end has got so far. */
static size_t collect(struct bench *b)
{
	char chunk[65536];
	ssize_t n;

	while ((n = read(b->up, chunk, sizeof(chunk))) > 0)
		buf_add(&b->got, chunk, (size_t)n);
	return b->got.len;
}

static bool has(struct bench *b, const void *data, size_t n)
{
	collect(b);
	return b->got.len >= n && memmem(b->got.data, b->got.len, data, n);
}

#define HAS(b, literal) has(b, literal, sizeof(literal) - 1)

static void answer(struct bench *b, const char *head)
{
	until(b, HAS(b, "\r\n\r\n"));
	buf_clear(&b->got);
	assert_int_equal(write(b->up, head, strlen(head)), strlen(head));
}

static void put(struct bench *b, const void *frame, size_t n)
{
	assert_int_equal(write(b->up, frame, n), n);
}

#define PUT(b, literal) put(b, literal, sizeof(literal) - 1)

static void start(struct bench *b, bool lost)
{
	struct attach_spec spec = {
		.upstream = &b->upstream, .path = "/upstream/x", .lost = lost,
		.idle_usec = 3600 * USEC_PER_SEC,
		.ops = &ops, .userdata = b,
	};
	struct error e;

	assert_int_equal(attach_new(&b->attach, b->event, &spec, &e), 0);
}

static void connect_stream(struct bench *b)
{
	start(b, false);
	until(b, try_accept(b));
	answer(b, SWITCH);
}

static void serve_pipes(struct bench *b, bool started)
{
	int fds[DYNO_FD_COUNT], p[2];
	struct error e;

	for (int i = 0; i < DYNO_FD_COUNT; i++) {
		assert_int_equal(pipe2(p, O_CLOEXEC), 0);
		fds[i] = i == DYNO_FD_IN ? p[1] : p[0];
		b->app[i] = i == DYNO_FD_IN ? p[0] : p[1];
	}
	assert_int_equal(attach_serve(b->attach, DYNO_STDIO_PIPES, fds, started, &e), 0);
}

static void the_request_is_an_upgrade_with_the_token(void **state)
{
	struct bench *b = *state;

	start(b, false);
	until(b, try_accept(b));
	until(b, HAS(b, "\r\n\r\n"));
	assert_true(HAS(b, "GET /upstream/x HTTP/1.1\r\n"));
	assert_true(HAS(b, "Upgrade: dyno-attach/2\r\n"));
	assert_true(HAS(b, "Authorization: Bearer s3\r\n"));
}

static void a_client_is_told_once_with_its_window(void **state)
{
	struct bench *b = *state;

	connect_stream(b);
	PUT(b, "C\0\0\4\0\x18\0\x50" "C\0\0\4\0\1\0\1");
	until(b, b->clients);
	assert_int_equal(b->clients, 1);
	assert_int_equal(b->rows, 24);
	assert_int_equal(b->cols, 80);
}

static void bytes_go_both_ways_and_the_exit_comes_last(void **state)
{
	struct bench *b = *state;
	char text[16] = "";

	connect_stream(b);
	PUT(b, "C\0\0\4\0\0\0\0" "I\0\0\3abc" "E\0\0\0");
	until(b, b->clients);
	serve_pipes(b, true);
	/* What was typed ahead has waited. */
	assert_int_equal(read(b->app[DYNO_FD_IN], text, sizeof(text)), 3);
	assert_string_equal(text, "abc");
	assert_int_equal(read(b->app[DYNO_FD_IN], text, sizeof(text)), 0);

	assert_int_equal(write(b->app[DYNO_FD_OUT], "out", 3), 3);
	assert_int_equal(write(b->app[DYNO_FD_ERR], "err", 3), 3);
	until(b, HAS(b, "O\0\0\3out") && HAS(b, "D\0\0\3err"));
	assert_memory_equal(b->got.data, "R\0\0\0", 4);

	assert_int_equal(write(b->app[DYNO_FD_OUT], "last", 4), 4);
	b->app[DYNO_FD_OUT] = fd_close(b->app[DYNO_FD_OUT]);
	b->app[DYNO_FD_ERR] = fd_close(b->app[DYNO_FD_ERR]);
	attach_drain(b->attach);
	until(b, b->drains);
	attach_end(b->attach, 7);
	until(b, HAS(b, "O\0\0\4lastX\0\0\1\7"));
	assert_false(attach_is_done(b->attach));
	b->up = fd_close(b->up);
	until(b, b->dones);
	assert_true(attach_is_done(b->attach));
	assert_int_equal(b->losts, 0);
}

static void signals_pass_and_hangup_is_the_loss_of_the_client(void **state)
{
	struct bench *b = *state;

	connect_stream(b);
	PUT(b, "C\0\0\4\0\0\0\0" "S\0\0\1\2");
	until(b, b->signals);
	assert_int_equal(b->signals, 2);
	serve_pipes(b, true);
	PUT(b, "H\0\0\0");
	until(b, b->losts);
	/* The dyno must not block on output that nobody takes. */
	for (int i = 0; i < 100; i++) {
		char chunk[4096] = { 0 };

		assert_int_equal(write(b->app[DYNO_FD_OUT], chunk, sizeof(chunk)),
				 sizeof(chunk));
		sd_event_run(b->event, 0);
		sd_event_run(b->event, 0);
	}
	b->app[DYNO_FD_OUT] = fd_close(b->app[DYNO_FD_OUT]);
	b->app[DYNO_FD_ERR] = fd_close(b->app[DYNO_FD_ERR]);
	attach_drain(b->attach);
	until(b, b->drains);
	attach_end(b->attach, 0);
	until(b, b->dones);
	assert_int_equal(b->losts, 1);
}

static void a_404_is_the_loss_of_the_client(void **state)
{
	struct bench *b = *state;

	start(b, false);
	until(b, try_accept(b));
	answer(b, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
	until(b, b->losts);
	assert_int_equal(b->clients, 0);
}

static void an_unknown_frame_ends_the_stream(void **state)
{
	struct bench *b = *state;

	connect_stream(b);
	PUT(b, "?\0\0\0");
	until(b, b->losts);
}

static void a_broken_stream_is_replaced_and_the_frame_begun_is_sent_again(void **state)
{
	struct bench *b = *state;
	auto_free char *block = xmalloc(32768);
	size_t total = 0;

	connect_stream(b);
	PUT(b, "C\0\0\4\0\0\0\0");
	until(b, b->clients);
	serve_pipes(b, true);
	/* Upstream reads nothing: its socket fills up in the middle of a frame. */
	memset(block, 'x', 32768);
	file_set_nonblock(b->app[DYNO_FD_OUT], true, NULL);
	for (int idle = 0; idle < 20; ) {
		ssize_t n = write(b->app[DYNO_FD_OUT], block, 32768);

		total += n > 0 ? (size_t)n : 0;
		idle = n > 0 || sd_event_run(b->event, 5000) > 0 ? 0 : idle + 1;
	}
	assert_true(total > ATTACH_QUEUE_MAX);
	assert_true(total < 8 * ATTACH_QUEUE_MAX);	/* it is bounded */

	until(b, try_accept(b));
	answer(b, SWITCH);
	PUT(b, "C\0\0\4\0\0\0\0");
	b->app[DYNO_FD_OUT] = fd_close(b->app[DYNO_FD_OUT]);
	b->app[DYNO_FD_ERR] = fd_close(b->app[DYNO_FD_ERR]);
	until(b, HAS(b, "O\0\x40"));
	attach_drain(b->attach);
	until(b, (collect(b), b->drains));
	attach_end(b->attach, 0);
	until(b, HAS(b, "X\0\0\1\0"));
	/* The new stream begins with a head and holds whole frames only. */
	for (size_t at = 0; at < b->got.len; at += replay_frame_size(b->got.data + at))
		assert_non_null(strchr("OX", b->got.data[at]));
	assert_int_equal(b->losts, 0);
}

#define JOIN(have, said) "J\0\0\20\0\0\0\0\0\0\0" have "\0\0\0\0\0\0\0" said
#define CLIENT "C\0\0\4\0\0\0\0"

static void a_client_that_comes_again_gets_what_it_lacks_and_says_the_rest(void **state)
{
	struct bench *b = *state;
	char text[16] = "";

	connect_stream(b);
	PUT(b, JOIN("\0", "\0") CLIENT "I\0\0\3abc");
	until(b, b->clients);
	serve_pipes(b, true);
	assert_int_equal(write(b->app[DYNO_FD_OUT], "out", 3), 3);
	/* R and O are 4 and 7 bytes; the input was 7. */
	until(b, HAS(b, "J\0\0\10\0\0\0\0\0\0\0\7R\0\0\0O\0\0\3out") ||
		 HAS(b, "J\0\0\10\0\0\0\0\0\0\0\0R\0\0\0O\0\0\3out"));
	/* Over the same stream: it has only heard that it runs. */
	buf_clear(&b->got);
	PUT(b, JOIN("\4", "\7") CLIENT);
	until(b, HAS(b, "J\0\0\10\0\0\0\0\0\0\0\7O\0\0\3out"));
	/* Over a new one: nothing is said before it has told what it has. */
	buf_clear(&b->got);
	until(b, try_accept(b));
	answer(b, SWITCH);
	assert_int_equal(write(b->app[DYNO_FD_OUT], "more", 4), 4);
	PUT(b, JOIN("\13", "\7") CLIENT "I\0\0\3def");
	until(b, HAS(b, "J\0\0\10\0\0\0\0\0\0\0\7O\0\0\4more"));
	/* Not less, not more, not twice. */
	assert_int_equal(read(b->app[DYNO_FD_IN], text, sizeof(text)), 6);
	assert_string_equal(text, "abcdef");

	b->app[DYNO_FD_OUT] = fd_close(b->app[DYNO_FD_OUT]);
	b->app[DYNO_FD_ERR] = fd_close(b->app[DYNO_FD_ERR]);
	attach_drain(b->attach);
	until(b, b->drains);
	attach_end(b->attach, 7);
	until(b, HAS(b, "X\0\0\1\7"));
	/* It is not over before the client has the last frame: 4 + 7 + 8 + 5. */
	assert_false(attach_is_done(b->attach));
	PUT(b, "K\0\0\10\0\0\0\0\0\0\0\30");
	until(b, b->dones);
	assert_int_equal(b->losts, 0);
	assert_int_equal(b->clients, 1);
}

static void a_client_that_claims_too_much_is_lost(void **state)
{
	struct bench *b = *state;

	connect_stream(b);
	PUT(b, JOIN("\0", "\0") CLIENT);
	until(b, b->clients);
	serve_pipes(b, true);
	PUT(b, "K\0\0\10\0\0\0\0\0\0\1\0");
	until(b, b->losts);
}

static void a_client_of_a_dyno_that_was_taken_over_goes_on(void **state)
{
	struct bench *b = *state;

	connect_stream(b);
	serve_pipes(b, false);
	assert_int_equal(write(b->app[DYNO_FD_OUT], "new", 3), 3);
	PUT(b, JOIN("\144", "\62") CLIENT);
	until(b, HAS(b, "J\0\0\10\0\0\0\0\0\0\0\62O\0\0\3new"));
	PUT(b, "K\0\0\10\0\0\0\0\0\0\0\153");
	assert_int_equal(b->losts, 0);
}

static void an_old_upstream_is_asked_in_its_own_words(void **state)
{
	struct bench *b = *state;

	start(b, false);
	until(b, try_accept(b));
	answer(b, "HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\n\r\n");
	until(b, try_accept(b));
	until(b, HAS(b, "Upgrade: dyno-attach/1\r\n"));
	answer(b, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: dyno-attach/1\r\n\r\n");
	PUT(b, CLIENT);
	until(b, b->clients);
}

static void input_that_the_dyno_does_not_read_stops_the_stream(void **state)
{
	struct bench *b = *state;
	auto_buf frame = BUF_INIT;
	auto_free char *block = xcalloc(1, REPLAY_PAYLOAD_MAX);
	size_t sent = 0, read_back = 0;
	int idle = 0;

	connect_stream(b);
	PUT(b, "C\0\0\4\0\0\0\0");
	until(b, b->clients);
	serve_pipes(b, true);
	buf_add(&frame, "I\1\0\0", REPLAY_HEAD);
	buf_add(&frame, block, REPLAY_PAYLOAD_MAX);
	while (idle < 20) {
		ssize_t n = write(b->up, frame.data + sent % frame.len,
				  frame.len - sent % frame.len);

		sent += n > 0 ? (size_t)n : 0;
		idle = n > 0 || sd_event_run(b->event, 5000) > 0 ? 0 : idle + 1;
	}
	assert_true(sent < 8 * ATTACH_QUEUE_MAX);
	/* Now it reads: everything comes, and in the end the rest of a frame. */
	file_set_nonblock(b->app[DYNO_FD_IN], true, NULL);
	for (idle = 0; idle < 20; ) {
		ssize_t n = read(b->app[DYNO_FD_IN], block, REPLAY_PAYLOAD_MAX);

		read_back += n > 0 ? (size_t)n : 0;
		idle = n > 0 || sd_event_run(b->event, 5000) > 0 ? 0 : idle + 1;
	}
	assert_int_equal(read_back, sent / frame.len * REPLAY_PAYLOAD_MAX);
}

static void a_terminal_gets_its_size_and_end_of_input_means_nothing(void **state)
{
	struct bench *b = *state;
	int fds[DYNO_FD_COUNT] = { posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), -1, -1 };
	auto_close int slave = -1;
	struct winsize ws = { 0 };
	struct error e;

	assert_true(fds[0] >= 0);
	assert_int_equal(grantpt(fds[0]) + unlockpt(fds[0]), 0);
	slave = open(ptsname(fds[0]), O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(slave >= 0);
	connect_stream(b);
	PUT(b, "C\0\0\4\0\x18\0\x50");
	until(b, b->clients);
	assert_int_equal(attach_serve(b->attach, DYNO_STDIO_PTY, fds, true, &e), 0);
	PUT(b, "W\0\0\4\0\x21\0\x63" "E\0\0\0" "I\0\0\3hi\n");
	until(b, HAS(b, "hi\r\n"));	/* the echo */
	assert_int_equal(ioctl(slave, TIOCGWINSZ, &ws), 0);
	assert_int_equal(ws.ws_row, 33);
	assert_int_equal(ws.ws_col, 99);
	assert_int_equal(write(slave, "bye", 3), 3);
	slave = fd_close(slave);
	attach_drain(b->attach);
	until(b, b->drains);
	until(b, HAS(b, "bye"));
}

static void a_lost_one_only_throws_output_away(void **state)
{
	struct bench *b = *state;

	start(b, true);
	serve_pipes(b, false);
	assert_int_equal(write(b->app[DYNO_FD_OUT], "x", 1), 1);
	b->app[DYNO_FD_OUT] = fd_close(b->app[DYNO_FD_OUT]);
	b->app[DYNO_FD_ERR] = fd_close(b->app[DYNO_FD_ERR]);
	attach_drain(b->attach);
	until(b, b->drains);
	attach_end(b->attach, 1);
	until(b, b->dones);
	assert_int_equal(b->losts, 0);
	assert_false(try_accept(b));
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_request_is_an_upgrade_with_the_token),
		T(a_client_is_told_once_with_its_window),
		T(bytes_go_both_ways_and_the_exit_comes_last),
		T(signals_pass_and_hangup_is_the_loss_of_the_client),
		T(a_404_is_the_loss_of_the_client),
		T(an_unknown_frame_ends_the_stream),
		T(a_broken_stream_is_replaced_and_the_frame_begun_is_sent_again),
		T(a_client_that_comes_again_gets_what_it_lacks_and_says_the_rest),
		T(a_client_that_claims_too_much_is_lost),
		T(a_client_of_a_dyno_that_was_taken_over_goes_on),
		T(an_old_upstream_is_asked_in_its_own_words),
		T(input_that_the_dyno_does_not_read_stops_the_stream),
		T(a_terminal_gets_its_size_and_end_of_input_means_nothing),
		T(a_lost_one_only_throws_output_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
