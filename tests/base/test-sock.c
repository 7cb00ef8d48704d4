/*
 * test-sock.c - unix sockets, peers, messages with descriptors.
 */
#include "base/error.h"
#include "base/file.h"
#include "base/sock.h"
#include "tests/base/directory.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <cmocka.h>

static void unix_socket_replaces_a_stale_one(void **state)
{
	auto_free char *path = xasprintf("%s/sock", (char *)*state);
	auto_close int first = -1, second = -1, client = -1, conn = -1;
	mode_t old = umask(0);
	struct stat st;
	struct error e;

	first = sock_listen_unix(path, 0660, &e);
	umask(old);
	assert_true(first >= 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0660);
	second = sock_listen_unix(path, 0600, &e);
	assert_true(second >= 0);
	client = sock_connect_unix(path, SOCK_STREAM, &e);
	assert_true(client >= 0);
	conn = accept4(second, NULL, NULL, SOCK_CLOEXEC);
	assert_true(conn >= 0);
	assert_int_equal(accept4(first, NULL, NULL, SOCK_CLOEXEC), -1);
	assert_int_equal(errno, EAGAIN);
}

static void a_socket_that_somebody_else_has_made_is_known_by_its_path(void **state)
{
	auto_free char *path = xasprintf("%s/sock", (char *)*state);
	auto_free char *other = xasprintf("%s/other", (char *)*state);
	auto_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	auto_close int file = open(other, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_false(sock_listens_unix(fd, path));
	assert_int_equal(listen(fd, 1), 0);
	assert_true(sock_listens_unix(fd, path));
	assert_false(sock_listens_unix(fd, other));
	assert_false(sock_listens_unix(file, other));
	assert_false(sock_listens_unix(-1, path));
}

static void peers_are_known_by_their_ids(void **state)
{
	int p[2];
	uid_t uid = (uid_t)-1;
	pid_t pid = -1;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, p), 0);
	assert_int_equal(sock_peer(p[0], &uid, &pid, NULL), 0);
	assert_int_equal(uid, getuid());
	assert_int_equal(pid, getpid());
	assert_int_equal(sock_peer(p[0], NULL, NULL, NULL), 0);
	close(p[0]);
	close(p[1]);
	assert_true(sock_peer(p[0], &uid, &pid, NULL) < 0);
}

static void errors_name_the_path(void **state)
{
	char path[200];
	struct error e;

	memset(path, 'p', sizeof(path));
	path[199] = '\0';
	assert_int_equal(sock_listen_unix(path, 0600, &e), -ENAMETOOLONG);
	assert_int_equal(sock_connect_unix(path, SOCK_STREAM, &e), -ENAMETOOLONG);
	assert_int_equal(sock_connect_unix("/nonexistent/s", SOCK_STREAM, &e),
			 -ENOENT);
	assert_non_null(strstr(e.msg, "/nonexistent/s"));
}

static void tcp_port_0_picks_one(void **state)
{
	auto_close int fd = -1, again = -1;
	uint16_t port = 0;
	struct error e;

	fd = sock_listen_tcp("127.0.0.1", 0, &port, &e);
	assert_true(fd >= 0);
	assert_true(port > 0);
	again = sock_listen_tcp("127.0.0.1", port, NULL, &e);
	assert_int_equal(again, -EADDRINUSE);
	assert_int_equal(sock_listen_tcp("localhost", 0, NULL, &e), -EINVAL);
}

static void descriptors_travel_with_a_message(void **state)
{
	int p[2], send_fds[SOCK_FDS_MAX], fds[SOCK_FDS_MAX];
	char data[16] = "";
	size_t n = 0, n_fds = 0;
	struct stat a, b;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, p), 0);
	for (size_t i = 0; i < SOCK_FDS_MAX; i++)
		assert_true((send_fds[i] = open(i % 2 ? "/dev/null" : "/dev/zero",
						O_RDONLY | O_CLOEXEC)) >= 0);
	assert_int_equal(sock_send(p[0], "hello", 5, send_fds, SOCK_FDS_MAX,
				   NULL), 0);
	assert_int_equal(sock_recv(p[1], data, sizeof(data), &n, fds, &n_fds,
				   NULL), 0);
	assert_int_equal(n, 5);
	assert_string_equal(data, "hello");
	assert_int_equal(n_fds, SOCK_FDS_MAX);
	for (size_t i = 0; i < SOCK_FDS_MAX; i++) {
		assert_true(fcntl(fds[i], F_GETFD) & FD_CLOEXEC);
		assert_int_equal(fstat(fds[i], &a), 0);
		assert_int_equal(fstat(send_fds[i], &b), 0);
		assert_int_equal(a.st_rdev, b.st_rdev);
		close(fds[i]);
		close(send_fds[i]);
	}
	assert_int_equal(sock_send(p[0], "x", 1, NULL, 0, NULL), 0);
	assert_int_equal(sock_recv(p[1], data, sizeof(data), &n, fds, &n_fds,
				   NULL), 0);
	assert_int_equal(n, 1);
	assert_int_equal(n_fds, 0);
	close(p[0]);
	assert_int_equal(sock_recv(p[1], data, sizeof(data), &n, fds, &n_fds,
				   NULL), 0);
	assert_int_equal(n, 0);
	close(p[1]);
}

static void too_long_a_message_leaks_no_descriptor(void **state)
{
	int p[2], fds[SOCK_FDS_MAX], zero = open("/dev/zero", O_RDONLY), next;
	char data[4];
	size_t n, n_fds;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, p), 0);
	assert_int_equal(sock_send(p[0], "too long", 8, &zero, 1, NULL), 0);
	assert_int_equal(sock_recv(p[1], data, sizeof(data), &n, fds, &n_fds,
				   NULL), -EMSGSIZE);
	next = open("/dev/null", O_RDONLY);
	assert_int_equal(next, p[1] > zero ? p[1] + 1 : zero + 1);
	close(next);
	close(zero);
	close(p[0]);
	close(p[1]);
}

static void full_socket_is_eagain(void **state)
{
	int p[2], r = 0;
	char block[4096] = "";

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, p),
			 0);
	for (int i = 0; i < 10000 && r == 0; i++)
		r = sock_send(p[0], block, sizeof(block), NULL, 0, NULL);
	assert_int_equal(r, -EAGAIN);
	close(p[1]);
	/* Unread bytes make it a reset at first; no signal in either case. */
	assert_int_equal(sock_send(p[0], "x", 1, NULL, 0, NULL), -ECONNRESET);
	assert_int_equal(sock_send(p[0], "x", 1, NULL, 0, NULL), -EPIPE);
	close(p[0]);
}

#define TEST(fn) \
	cmocka_unit_test_setup_teardown(fn, directory_setup, directory_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(unix_socket_replaces_a_stale_one),
		TEST(a_socket_that_somebody_else_has_made_is_known_by_its_path),
		TEST(peers_are_known_by_their_ids),
		TEST(errors_name_the_path),
		TEST(tcp_port_0_picks_one),
		TEST(descriptors_travel_with_a_message),
		TEST(too_long_a_message_leaks_no_descriptor),
		TEST(full_socket_is_eagain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
