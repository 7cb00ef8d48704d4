/* test-fdstore.c - as a service manager would pass and take descriptors. */
#include "base/error.h"
#include "base/fdstore.h"
#include "base/file.h"
#include "base/sock.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/un.h>

#include <cmocka.h>

#define FIRST 3		/* where a service manager's descriptors begin */

/* As a service manager passes them: they take the places 3 and 4. */
static void pass(const char *names, int first, int second)
{
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", second < 0 ? "1" : "2", 1);
	setenv("LISTEN_FDNAMES", names, 1);
	assert_int_equal(dup2(first, FIRST), FIRST);
	if (second >= 0)
		assert_int_equal(dup2(second, FIRST + 1), FIRST + 1);
}

static int forget(void **state)
{
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	unsetenv("NOTIFY_SOCKET");
	return 0;
}

/* A descriptor that stays out of the way of those above. */
static int high(int fd)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 20);

	assert_true(copy >= 20);
	close(fd);
	return copy;
}

/* A socket where the service manager would listen, by an abstract name. */
static int manager(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = high(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
	char name[64];
	int n;

	n = snprintf(name, sizeof(name), "@dyno-test-fdstore-%d", (int)getpid());
	memcpy(addr.sun_path, name, (size_t)n);
	addr.sun_path[0] = '\0';
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, (socklen_t)
			      (offsetof(struct sockaddr_un, sun_path) + (size_t)n)), 0);
	setenv("NOTIFY_SOCKET", name, 1);
	return fd;
}

static int listening(uint16_t *ret_port)
{
	struct error e;
	int fd = sock_listen_tcp("127.0.0.1", 0, ret_port, &e);

	assert_true(fd >= 0);
	return high(fd);
}

static void nothing_is_there_without_a_service_manager(void **state)
{
	assert_int_equal(fdstore_take("api.sock"), -1);
	assert_int_equal(fdstore_take_tcp("api", "127.0.0.1", 0, NULL), -1);
	fdstore_keep("api", STDERR_FILENO);
}

static void a_descriptor_is_found_by_its_name(void **state)
{
	int null = high(open("/dev/null", O_RDONLY | O_CLOEXEC));

	pass("other:api.sock", null, null);
	assert_int_equal(fdstore_take("nobody"), -1);
	assert_int_equal(fdstore_take("api.sock"), FIRST + 1);
	assert_int_equal(fcntl(FIRST + 1, F_GETFD), FD_CLOEXEC);
	close(FIRST);
	close(FIRST + 1);
	close(null);
}

static void a_socket_of_the_configured_address_is_taken_again(void **state)
{
	uint16_t port = 0, told = 0;
	int fd = listening(&port);

	pass("router", fd, -1);
	assert_int_equal(fdstore_take_tcp("router", "127.0.0.1", port, &told), FIRST);
	assert_int_equal(told, port);
	assert_int_equal(fdstore_take_tcp("router", "127.0.0.1", 0, NULL), FIRST);
	close(FIRST);
	close(fd);
}

static void a_socket_of_another_address_is_dropped(void **state)
{
	uint16_t port = 0, told = 77;
	int fd = listening(&port), peer = manager();
	char text[128] = "";

	pass("router", fd, -1);
	assert_int_equal(fdstore_take_tcp("router", "127.0.0.2", port, &told), -1);
	assert_int_equal(told, 77);
	assert_int_equal(fcntl(FIRST, F_GETFD), -1);
	assert_true(recv(peer, text, sizeof(text) - 1, MSG_DONTWAIT) > 0);
	assert_string_equal(text, "FDSTOREREMOVE=1\nFDNAME=router");
	close(peer);
	close(fd);
}

static void what_is_kept_goes_to_the_service_manager(void **state)
{
	int fds[SOCK_FDS_MAX], peer = manager();
	uint16_t port = 0, told = 0;
	int fd = listening(&port);
	char text[128] = "";
	size_t n = 0, n_fds = 0;
	struct error e;

	fdstore_keep("router", fd);
	assert_int_equal(sock_recv(peer, text, sizeof(text) - 1, &n, fds, &n_fds, &e), 0);
	assert_string_equal(text, "FDSTORE=1\nFDNAME=router");
	assert_int_equal(n_fds, 1);
	assert_true(sock_listens_tcp(fds[0], "127.0.0.1", 0, &told));
	assert_int_equal(told, port);
	assert_false(sock_listens_tcp(peer, "127.0.0.1", 0, NULL));
	close(fds[0]);
	close(peer);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(nothing_is_there_without_a_service_manager,
					  forget),
		cmocka_unit_test_teardown(a_descriptor_is_found_by_its_name, forget),
		cmocka_unit_test_teardown(
			a_socket_of_the_configured_address_is_taken_again, forget),
		cmocka_unit_test_teardown(a_socket_of_another_address_is_dropped,
					  forget),
		cmocka_unit_test_teardown(what_is_kept_goes_to_the_service_manager,
					  forget),
	};

	forget(NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
