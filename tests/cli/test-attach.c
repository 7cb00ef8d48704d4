/*
 * attach_run() between a dyno that the test plays and streams that it holds.
 */
#include "base/base.h"

#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "cli/client/attach.h"
#include "cli/client/frame.h"

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <cmocka.h>

#define PATIENCE_MSEC 60000
#define CONNECTIONS 2
#define MANY (8 * 1024 * 1024)

struct client {
	pid_t pid;
	int dyno;		/* our end of the stream */
	int again;		/* of the one that it makes when it has lost that */
	int in, out, err;	/* our ends of its standard streams */
	int tty;		/* master of its terminal, or -1 */
	struct buf frames;	/* from it, not yet looked at */
};

static void expect_frame(struct client *c, char type, const char *data, size_t n);

/* The first thing it says, on every connection. */
static void expect_join(struct client *c)
{
	static const char nothing[2 * REPLAY_COUNT_BYTES];

	expect_frame(c, 'J', nothing, sizeof(nothing));
}

/* ---- the client: a child process ---- */

/* There are so many connections; who wants another is told that the dyno is gone. */
static int client_connect(int *ret_fd, struct buf *early, void *userdata,
			  struct error *e)
{
	int *fds = userdata;

	for (int i = 0; i < CONNECTIONS; i++)
		if (fds[i] >= 0) {
			*ret_fd = take_fd(fds[i]);
			return 0;
		}
	return error_set(e, ENOENT, "there is no dyno any more");
}

static _Noreturn void client_main(int fd, int again, int in, int out, int err, bool tty)
{
	int fds[CONNECTIONS] = { fd, again };
	struct error e;
	int status;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(in, 0);
	dup2(out, 1);
	dup2(err, 2);
	for (int i = 3; i < 64; i++)
		if (i != fd && i != again)
			close(i);
	if (attach_run(&(struct attach_spec){ .connect = client_connect, .userdata = fds,
					      .tty = tty }, &status, &e) < 0) {
		dprintf(2, "%s\n", e.msg);
		_exit(99);
	}
	_exit(status);
}

static void client_start(struct client *c)
{
	int s[2], t[2], in[2], out[2], err[2];

	signal(SIGPIPE, SIG_IGN);
	*c = (struct client){ .tty = -1 };
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, t), 0);
	assert_int_equal(pipe2(in, O_CLOEXEC) | pipe2(out, O_CLOEXEC) |
			 pipe2(err, O_CLOEXEC), 0);
	c->pid = fork();
	if (c->pid == 0)
		client_main(s[1], t[1], in[0], out[1], err[1], false);
	close(s[1]), close(t[1]), close(in[0]), close(out[1]), close(err[1]);
	c->dyno = s[0], c->again = t[0], c->in = in[1], c->out = out[0], c->err = err[0];
	expect_join(c);
}

static void client_start_tty(struct client *c)
{
	struct winsize ws = { .ws_row = 30, .ws_col = 100 };
	int s[2], slave;

	*c = (struct client){ .again = -1, .in = -1, .out = -1, .err = -1 };
	c->tty = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(c->tty >= 0);
	assert_int_equal(grantpt(c->tty) | unlockpt(c->tty), 0);
	slave = open(ptsname(c->tty), O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(slave >= 0);
	ioctl(c->tty, TIOCSWINSZ, &ws);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s), 0);
	c->pid = fork();
	if (c->pid == 0) {
		setsid();
		ioctl(slave, TIOCSCTTY, 0);
		client_main(s[1], -1, slave, slave, slave, true);
	}
	close(s[1]), close(slave);
	c->dyno = s[0];
	expect_join(c);
}

static int client_status(struct client *c)
{
	int status;

	alarm(PATIENCE_MSEC / 1000);
	assert_int_equal(waitpid(c->pid, &status, 0), c->pid);
	alarm(0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void client_end(struct client *c)
{
	fd_close(c->dyno), fd_close(c->again), fd_close(c->in), fd_close(c->out), fd_close(c->err);
	fd_close(c->tty);
	buf_deinit(&c->frames);
}

/* ---- our side ---- */

/* Its connection breaks; what it says next comes over another one. */
static void client_cut(struct client *c)
{
	fd_close(c->dyno);
	c->dyno = take_fd(c->again);
	buf_clear(&c->frames);
}

static void say(struct client *c, enum frame_type type, const void *data,
		size_t n)
{
	auto_(replay_deinit) struct replay q = REPLAY_INIT;

	replay_put(&q, (char)type, data, n);
	assert_int_equal(file_write_all(c->dyno, q.frames.data, q.frames.len, NULL), 0);
}

static void say_exit(struct client *c, unsigned char status)
{
	say(c, FRAME_EXIT, &status, 1);
}

/* The next frame from the client has to be this one. */
static void expect_frame(struct client *c, char type, const char *data, size_t n)
{
	size_t want = REPLAY_HEAD + n;

	while (c->frames.len < want) {
		struct pollfd p = { .fd = c->dyno, .events = POLLIN };
		char chunk[4096];
		ssize_t got;

		assert_int_equal(poll(&p, 1, PATIENCE_MSEC), 1);
		got = read(c->dyno, chunk, sizeof(chunk));
		assert_true(got > 0);
		buf_add(&c->frames, chunk, (size_t)got);
	}
	assert_int_equal(c->frames.data[0], type);
	assert_int_equal((unsigned char)c->frames.data[2] << 8 |
			 (unsigned char)c->frames.data[3], n);
	if (n > 0)
		assert_memory_equal(c->frames.data + REPLAY_HEAD, data, n);
	buf_consume(&c->frames, want);
}

static void expect_text(int fd, const char *text)
{
	auto_buf got = BUF_INIT;

	while (got.len < strlen(text)) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		char chunk[256];
		ssize_t n;

		assert_int_equal(poll(&p, 1, PATIENCE_MSEC), 1);
		n = read(fd, chunk, sizeof(chunk));
		assert_true(n > 0);
		buf_add(&got, chunk, (size_t)n);
	}
	assert_string_equal(got.data, text);
}

static void read_all(int fd, struct buf *ret)
{
	char chunk[65536];
	ssize_t n;

	while ((n = read(fd, chunk, sizeof(chunk))) > 0)
		buf_add(ret, chunk, (size_t)n);
}

/* ---- without a terminal ---- */

static void input_output_and_status_pass_through(void **state)
{
	struct client c;

	client_start(&c);
	say(&c, FRAME_RUNNING, NULL, 0);
	assert_int_equal(write(c.in, "hello", 5), 5);
	expect_frame(&c, 'I', "hello", 5);
	say(&c, FRAME_OUTPUT, "out", 3);
	say(&c, FRAME_ERROR_OUTPUT, "err", 3);
	expect_text(c.out, "out");
	expect_text(c.err, "err");
	c.in = fd_close(c.in);
	expect_frame(&c, 'E', NULL, 0);
	say(&c, FRAME_OUTPUT, "after the end", 13);
	say_exit(&c, 143);
	assert_int_equal(client_status(&c), 143);
	expect_text(c.out, "after the end");
	client_end(&c);
}

static void say_counts(struct client *c, enum frame_type type, uint64_t count)
{
	unsigned char bytes[REPLAY_COUNT_BYTES];

	for (int i = REPLAY_COUNT_BYTES - 1; i >= 0; i--, count >>= 8)
		bytes[i] = (unsigned char)count;
	say(c, type, bytes, sizeof(bytes));
}

/* What the host knew before it hears of the new connection comes over it, too. */
static void a_lost_connection_goes_on_where_it_was(void **state)
{
	const size_t hello = REPLAY_HEAD + 5;
	char join[2 * REPLAY_COUNT_BYTES] = { 0 };
	struct client c;

	client_start(&c);
	say_counts(&c, FRAME_JOIN, 0);
	say(&c, FRAME_RUNNING, NULL, 0);
	assert_int_equal(write(c.in, "hello", 5), 5);
	expect_frame(&c, 'I', "hello", 5);
	assert_int_equal(write(c.in, "again", 5), 5);
	expect_frame(&c, 'I', "again", 5);
	client_cut(&c);
	join[REPLAY_COUNT_BYTES - 1] = REPLAY_HEAD;
	join[2 * REPLAY_COUNT_BYTES - 1] = (char)(2 * hello);
	expect_frame(&c, 'J', join, sizeof(join));
	say_counts(&c, FRAME_KNOWN, hello);
	say(&c, FRAME_OUTPUT, "old", 3);
	say_counts(&c, FRAME_JOIN, hello);
	expect_frame(&c, 'I', "again", 5);
	say_counts(&c, FRAME_KNOWN, 2 * hello);
	say(&c, FRAME_OUTPUT, "new", 3);
	say_exit(&c, 6);
	assert_int_equal(client_status(&c), 6);
	expect_text(c.out, "new");
	client_end(&c);
}

static void a_connection_begins_with_what_we_have(void **state)
{
	auto_(attach_link_deinit) struct attach_link l = ATTACH_LINK_INIT;
	auto_buf early = BUF_INIT;
	int first[2], second[2];
	char type;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, first) |
			 socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, second), 0);
	assert_int_equal(attach_link_open(&l, first[1], &early, NULL), 0);
	attach_link_close(&l);
	attach_link_put_window(&l, 24, 80);	/* resized meanwhile */
	assert_int_equal(attach_link_open(&l, second[1], &early, NULL), 0);
	attach_link_put_window(&l, 25, 80);
	attach_link_write(&l);
	assert_int_equal(recv(second[0], &type, 1, 0), 1);
	assert_int_equal(type, 'J');
	fd_close(first[0]);
	fd_close(second[0]);
}

static void input_waits_until_the_command_runs(void **state)
{
	struct client c;
	struct pollfd p;

	client_start(&c);
	assert_int_equal(write(c.in, "early", 5), 5);
	p = (struct pollfd){ .fd = c.dyno, .events = POLLIN };
	assert_int_equal(poll(&p, 1, 100), 0);
	say(&c, FRAME_RUNNING, NULL, 0);
	expect_frame(&c, 'I', "early", 5);
	say_exit(&c, 0);
	assert_int_equal(client_status(&c), 0);
	client_end(&c);
}

static void fill(char *data, size_t n)
{
	uint32_t x = 1;

	for (size_t i = 0; i < n; i++) {
		x = x * 1664525u + 1013904223u;
		data[i] = (char)(x >> 24);
	}
}

/* A dyno whose command is cat. */
static _Noreturn void cat_main(int fd)
{
	auto_buf in = BUF_INIT;
	struct replay out = REPLAY_INIT;
	char chunk[65536];
	ssize_t n;

	while ((n = read(fd, chunk, sizeof(chunk))) > 0) {
		buf_add(&in, chunk, (size_t)n);
		while (in.len >= REPLAY_HEAD) {
			size_t len = (size_t)(unsigned char)in.data[1] << 16 |
				     (size_t)(unsigned char)in.data[2] << 8 |
				     (unsigned char)in.data[3];

			if (in.len < REPLAY_HEAD + len)
				break;
			if (in.data[0] == 'I')
				replay_put(&out, FRAME_OUTPUT,
					  in.data + REPLAY_HEAD, len);
			else if (in.data[0] == 'E')
				replay_put(&out, FRAME_EXIT, "\7", 1);
			file_write_all(fd, buf_str(&out.frames), out.frames.len,
				       NULL);
			if (in.data[0] == 'E')
				_exit(0);
			buf_clear(&out.frames);
			buf_consume(&in, REPLAY_HEAD + len);
		}
	}
	_exit(1);
}

static void many_bytes_come_back_unchanged_and_complete(void **state)
{
	auto_free char *data = xmalloc(MANY);
	auto_buf got = BUF_INIT;
	struct client c;
	pid_t cat, feeder;

	fill(data, MANY);
	client_start(&c);
	say(&c, FRAME_RUNNING, NULL, 0);
	cat = fork();
	if (cat == 0) {
		close(c.in);	/* its end must be seen */
		cat_main(c.dyno);
	}
	feeder = fork();
	if (feeder == 0)
		_exit(file_write_all(c.in, data, MANY, NULL) < 0);
	c.in = fd_close(c.in);
	c.dyno = fd_close(c.dyno);
	usleep(200000);		/* a slow reader: everything backs up */
	read_all(c.out, &got);
	assert_int_equal(client_status(&c), 7);
	assert_int_equal(got.len, MANY);
	assert_memory_equal(got.data, data, MANY);
	waitpid(cat, NULL, 0);
	waitpid(feeder, NULL, 0);
	client_end(&c);
}

static void output_is_not_lost_when_the_dyno_stops_listening(void **state)
{
	auto_free char *data = xmalloc(REPLAY_PAYLOAD_MAX);
	auto_buf got = BUF_INIT;
	struct client c;

	fill(data, REPLAY_PAYLOAD_MAX);
	client_start(&c);
	say(&c, FRAME_RUNNING, NULL, 0);
	shutdown(c.dyno, SHUT_RD);
	assert_int_equal(write(c.in, "nobody reads this", 17), 17);
	say(&c, FRAME_OUTPUT, data, REPLAY_PAYLOAD_MAX);
	say(&c, FRAME_OUTPUT, data, REPLAY_PAYLOAD_MAX);
	say_exit(&c, 3);
	c.dyno = fd_close(c.dyno);
	read_all(c.out, &got);
	assert_int_equal(client_status(&c), 3);
	assert_int_equal(got.len, 2 * REPLAY_PAYLOAD_MAX);
	assert_memory_equal(got.data + REPLAY_PAYLOAD_MAX, data, REPLAY_PAYLOAD_MAX);
	client_end(&c);
}

static void check_failure(struct client *c, const char *message)
{
	auto_buf err = BUF_INIT;

	assert_int_equal(client_status(c), 99);
	read_all(c->err, &err);
	assert_non_null(strstr(buf_str(&err), message));
	client_end(c);
}

static void a_lost_connection_is_a_failure_after_all_output(void **state)
{
	struct client c;

	client_start(&c);
	say(&c, FRAME_OUTPUT, "last words", 10);
	c.dyno = fd_close(c.dyno);
	expect_text(c.out, "last words");
	check_failure(&c, "connection to the dyno was lost");
}

static void the_reason_why_a_command_cannot_run_is_told(void **state)
{
	struct client c;

	client_start(&c);
	say(&c, FRAME_FAILED, "no room on this host", 20);
	check_failure(&c, "no room on this host");
}

static void junk_from_the_other_side_is_a_failure(void **state)
{
	struct client c;

	client_start(&c);
	assert_int_equal(write(c.dyno, "HTTP/1.1 500", 12), 12);
	check_failure(&c, "unexpected frame");
}

static void signals_go_to_the_command_and_the_second_interrupt_to_us(void **s)
{
	struct client c;

	client_start(&c);
	say(&c, FRAME_OUTPUT, "x", 1);
	expect_text(c.out, "x");
	kill(c.pid, SIGTERM);
	expect_frame(&c, 'S', "\17", 1);
	kill(c.pid, SIGINT);
	expect_frame(&c, 'S', "\2", 1);
	kill(c.pid, SIGINT);
	assert_int_equal(client_status(&c), 130);
	client_end(&c);
}

static void a_hangup_ends_the_client(void **state)
{
	struct client c;

	client_start(&c);
	say(&c, FRAME_OUTPUT, "x", 1);
	expect_text(c.out, "x");
	kill(c.pid, SIGHUP);
	assert_int_equal(client_status(&c), 129);
	client_end(&c);
}

static void nobody_reading_our_output_ends_the_client(void **state)
{
	struct client c;

	client_start(&c);
	c.out = fd_close(c.out);
	say(&c, FRAME_OUTPUT, "x", 1);
	assert_int_equal(client_status(&c), 141);
	client_end(&c);
}

/* ---- with a terminal ---- */

static bool is_raw(struct client *c)
{
	struct termios t;

	assert_int_equal(tcgetattr(c->tty, &t), 0);
	return !(t.c_lflag & (ICANON | ECHO | ISIG));
}

static void await_raw(struct client *c, bool raw)
{
	for (int i = 0; i < 1000 && is_raw(c) != raw; i++)
		usleep(10000);
	assert_int_equal(is_raw(c), raw);
}

static void the_terminal_is_raw_while_the_command_runs(void **state)
{
	struct client c;

	client_start_tty(&c);
	usleep(50000);
	assert_false(is_raw(&c));
	say(&c, FRAME_RUNNING, NULL, 0);
	await_raw(&c, true);
	expect_frame(&c, 'W', "\0\36\0\144", 4);
	assert_int_equal(write(c.tty, "\3\4\32", 3), 3);
	expect_frame(&c, 'I', "\3\4\32", 3);
	say(&c, FRAME_OUTPUT, "a\r\n", 3);
	expect_text(c.tty, "a\r\n");
	say_exit(&c, 0);
	assert_int_equal(client_status(&c), 0);
	client_end(&c);
}

static void a_new_window_size_is_told(void **state)
{
	struct winsize ws = { .ws_row = 50, .ws_col = 132 };
	struct client c;

	client_start_tty(&c);
	say(&c, FRAME_RUNNING, NULL, 0);
	expect_frame(&c, 'W', "\0\36\0\144", 4);
	ioctl(c.tty, TIOCSWINSZ, &ws);
	expect_frame(&c, 'W', "\0\62\0\204", 4);
	say_exit(&c, 0);
	assert_int_equal(client_status(&c), 0);
	client_end(&c);
}

/* The terminal belongs to the client's session, which ends with it: so a
 * second handle is kept to look at its mode afterwards. */
static void check_restored_after(int sig, int status)
{
	struct client c;
	int keep;

	client_start_tty(&c);
	keep = open(ptsname(c.tty), O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(keep >= 0);
	say(&c, FRAME_RUNNING, NULL, 0);
	await_raw(&c, true);
	if (sig)
		kill(c.pid, sig);
	else
		c.dyno = fd_close(c.dyno);
	assert_int_equal(client_status(&c), status);
	assert_false(is_raw(&c));
	close(keep);
	client_end(&c);
}

static void the_terminal_is_restored_however_it_ends(void **state)
{
	check_restored_after(0, 99);
	check_restored_after(SIGTERM, 143);
	check_restored_after(SIGHUP, 129);
}

#if defined(__SANITIZE_ADDRESS__)
#define HAVE_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAVE_ASAN 1
#endif
#endif

static void the_terminal_is_restored_after_a_crash(void **state)
{
#ifdef HAVE_ASAN
	skip();			/* the sanitizer has its own ideas of SIGABRT */
#else
	check_restored_after(SIGABRT, 128 + SIGABRT);
#endif
}

static void a_stopped_client_gives_the_terminal_back_and_takes_it_again(void **s)
{
	struct client c;
	int status;

	client_start_tty(&c);
	say(&c, FRAME_RUNNING, NULL, 0);
	await_raw(&c, true);
	expect_frame(&c, 'W', "\0\36\0\144", 4);
	kill(c.pid, SIGTSTP);
	assert_int_equal(waitpid(c.pid, &status, WUNTRACED), c.pid);
	assert_true(WIFSTOPPED(status));
	assert_false(is_raw(&c));
	kill(c.pid, SIGCONT);
	await_raw(&c, true);
	expect_frame(&c, 'W', "\0\36\0\144", 4);
	say_exit(&c, 5);
	assert_int_equal(client_status(&c), 5);
	client_end(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(input_output_and_status_pass_through),
		cmocka_unit_test(a_lost_connection_goes_on_where_it_was),
		cmocka_unit_test(a_connection_begins_with_what_we_have),
		cmocka_unit_test(input_waits_until_the_command_runs),
		cmocka_unit_test(many_bytes_come_back_unchanged_and_complete),
		cmocka_unit_test(output_is_not_lost_when_the_dyno_stops_listening),
		cmocka_unit_test(a_lost_connection_is_a_failure_after_all_output),
		cmocka_unit_test(the_reason_why_a_command_cannot_run_is_told),
		cmocka_unit_test(junk_from_the_other_side_is_a_failure),
		cmocka_unit_test(signals_go_to_the_command_and_the_second_interrupt_to_us),
		cmocka_unit_test(a_hangup_ends_the_client),
		cmocka_unit_test(nobody_reading_our_output_ends_the_client),
		cmocka_unit_test(the_terminal_is_raw_while_the_command_runs),
		cmocka_unit_test(a_new_window_size_is_told),
		cmocka_unit_test(the_terminal_is_restored_however_it_ends),
		cmocka_unit_test(the_terminal_is_restored_after_a_crash),
		cmocka_unit_test(a_stopped_client_gives_the_terminal_back_and_takes_it_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
