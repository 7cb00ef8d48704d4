/*
 * test-waiting-room.c - HAProxy and a dyno are sockets of the test.
 */
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "base/sock.h"
#include "router/haproxy_conf.h"
#include "router/waiting_room.h"

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <cmocka.h>

#define BIG (3 * 1024 * 1024)
#define HEAD "POST /x HTTP/1.1\r\nhost: a.localhost\r\n"
#define WAITS "X-Dyno-Waits-For: "
#define A "aaaaaaaaa"

struct bench {
	char dir[32];
	sd_event *event;
	struct waiting_room *room;
	struct routes routes;
	uint16_t port;
	int dyno_fd;			/* listens */
	char asked[64];			/* apps that were waited for */
};

static void on_guest(const char *app, void *userdata)
{
	struct bench *b = userdata;
	size_t n = strlen(b->asked);

	snprintf(b->asked + n, sizeof(b->asked) - n, "%s ", app);
}

static int setup(void **state)
{
	struct bench *b = xcalloc(1, sizeof(*b));
	struct error e;

	signal(SIGPIPE, SIG_IGN);
	snprintf(b->dir, sizeof(b->dir), "/tmp/dyno-room-XXXXXX");
	assert_non_null(mkdtemp(b->dir));
	assert_true(sd_event_new(&b->event) >= 0);
	b->routes = ROUTES_INIT;
	b->dyno_fd = sock_listen_tcp("127.0.0.1", 0, &b->port, &e);
	assert_true(b->dyno_fd >= 0);
	assert_int_equal(waiting_room_new(&b->room, b->event, b->dir, on_guest, b, &e), 0);
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct bench *b = *state;

	waiting_room_free(b->room);
	sd_event_unref(b->event);
	routes_deinit(&b->routes);
	fd_close(b->dyno_fd);
	assert_int_equal(file_remove_tree(AT_FDCWD, b->dir, NULL), 0);
	free(b);
	return 0;
}

static void run(struct bench *b)
{
	for (int i = 0; i < 20 || sd_event_run(b->event, 0) > 0; i++)
		sd_event_run(b->event, 1000);
}

static int enter(struct bench *b, const char *text)
{
	auto_free char *path = xasprintf("%s/" HAPROXY_CONF_ROOM, b->dir);
	int fd = sock_connect_unix(path, SOCK_STREAM, NULL);

	assert_true(fd >= 0);
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	run(b);
	return fd;
}

static void say(struct bench *b, const char *state, uint16_t port)
{
	auto_free char *text = xasprintf("{\"revision\":1,\"routes\":[{\"app\":\"a\",\"hosts\":[],"
		"\"web\":1,\"dynos\":[{\"name\":\"web.1\",\"id\":"
		"\"00000000-0000-4000-8000-000000000001\",\"address\":\"127.0.0.1\","
		"\"port\":%u,\"state\":\"%s\"}]}]}", port, state);
	struct routes old = b->routes;
	struct error e;

	b->routes = ROUTES_INIT;
	assert_int_equal(routes_parse(&b->routes, text, strlen(text), &e), 0);
	waiting_room_look(b->room, &b->routes);
	routes_deinit(&old);
	run(b);
}

/* -1: there is nothing; 0: the end. */
static ssize_t take(int fd, char *text, size_t max)
{
	ssize_t n = recv(fd, text, max - 1, MSG_DONTWAIT);

	text[n > 0 ? n : 0] = '\0';
	return n;
}

static int dyno_accept(struct bench *b)
{
	struct pollfd p = { .fd = b->dyno_fd, .events = POLLIN };

	run(b);
	return poll(&p, 1, 0) > 0 ? accept4(b->dyno_fd, NULL, NULL, SOCK_NONBLOCK) : -1;
}

static void a_request_waits_for_a_dyno_and_is_answered_by_it(void **state)
{
	struct bench *b = *state;
	char text[512];
	int fd = enter(b, HEAD WAITS "a\r\nx: y\r\n\r\nbody"), dyno;

	assert_string_equal(b->asked, "a ");
	say(b, "starting", b->port);
	assert_int_equal(dyno_accept(b), -1);
	assert_int_equal(take(fd, text, sizeof(text)), -1);
	say(b, "up", b->port);
	dyno = dyno_accept(b);
	assert_true(dyno >= 0);
	assert_int_equal(send(fd, "more", 4, 0), 4);
	run(b);
	take(dyno, text, sizeof(text));
	assert_string_equal(text, HEAD "x: y\r\n\r\nbodymore");
	assert_int_equal(send(dyno, "HTTP/1.1 200 OK\r\n\r\nhi", 21, 0), 21);
	close(dyno);
	run(b);
	take(fd, text, sizeof(text));
	assert_string_equal(text, "HTTP/1.1 200 OK\r\n\r\nhi");
	assert_int_equal(take(fd, text, sizeof(text)), 0);
	close(fd);
}

static void large_bodies_pass_both_ways(void **state)
{
	struct bench *b = *state;
	auto_free char *data = xcalloc(1, BIG), *text = xcalloc(1, BIG);
	size_t up = 0, there = 0, down = 0, back = 0;
	int fd, dyno;

	say(b, "up", b->port);
	fd = enter(b, HEAD WAITS "a\r\n\r\n");
	dyno = dyno_accept(b);
	while (there < BIG + sizeof(HEAD "\r\n") - 1 || back < BIG) {
		ssize_t n = up < BIG ? send(fd, data, BIG - up, MSG_DONTWAIT) : 0;

		up += n > 0 ? (size_t)n : 0;
		n = take(dyno, text, BIG);
		there += n > 0 ? (size_t)n : 0;
		n = down < BIG ? send(dyno, data, BIG - down, MSG_DONTWAIT) : 0;
		down += n > 0 ? (size_t)n : 0;
		n = take(fd, text, BIG);
		back += n > 0 ? (size_t)n : 0;
		sd_event_run(b->event, 1000);
	}
	assert_int_equal(there, BIG + sizeof(HEAD "\r\n") - 1);
	assert_int_equal(back, BIG);
	close(dyno);
	close(fd);
}

static void a_dyno_that_refuses_is_tried_again(void **state)
{
	struct bench *b = *state;
	uint16_t closed;
	int fd, other = sock_listen_tcp("127.0.0.1", 0, &closed, NULL);
	char text[64];

	close(other);
	say(b, "up", closed);
	fd = enter(b, HEAD WAITS "a\r\n\r\n");
	assert_int_equal(take(fd, text, sizeof(text)), -1);
	say(b, "up", b->port);
	assert_true(dyno_accept(b) >= 0);
	close(fd);
}

static void what_is_no_request_of_haproxys_is_shown_out(void **state)
{
	static const char *const bad[] = {
		HEAD "\r\n", "\r\n\r\n", HEAD WAITS "\r\n\r\n", WAITS "a\r\n\r\n",
		HEAD WAITS A A A A A A A A "\r\n\r\n",
	};
	char text[64];

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		int fd = enter(*state, bad[i]);

		assert_int_equal(take(fd, text, sizeof(text)), 0);
		close(fd);
	}
	/* Who goes away is forgotten; who does not say all is waited for. */
	close(enter(*state, HEAD WAITS "b\r\n\r\n"));
	close(enter(*state, HEAD));
	say(*state, "up", 1);
	assert_string_equal(((struct bench *)*state)->asked, "b ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
		T(a_request_waits_for_a_dyno_and_is_answered_by_it),
		T(large_bodies_pass_both_ways),
		T(a_dyno_that_refuses_is_tried_again),
		T(what_is_no_request_of_haproxys_is_shown_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
