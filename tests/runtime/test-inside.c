#include "base/error.h"
#include "base/file.h"
#include "runtime/init.h"
#include "runtime/runtime.h"

#include <fcntl.h>
#include <setjmp.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <cmocka.h>

/* This process stands for dyno-init. */
static struct dyno self = { .uuid = (char *)"u", .pidfd = -1 };

static char *const argv_ls[] = { (char *)"/bin/ls", (char *)"-l", NULL };
static char *const envp_a[] = { (char *)"A=b", NULL };
static const struct dyno_spec spec = {
	.argv = argv_ls, .envp = envp_a, .stdio = DYNO_STDIO_PTY, .rows = 24, .cols = 80,
};

static int setup(void **state)
{
	self.pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);
	return self.pidfd < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	close(INIT_FD_CONTROL);
	self.pidfd = fd_close(self.pidfd);
	return 0;
}

static void an_older_dyno_init_is_told_from_one_that_listens(void **state)
{
	struct error e;
	int session = -1;

	assert_int_equal(dyno_inside(&self, &spec, &session, &e), -EOPNOTSUPP);
	assert_non_null(strstr(e.msg, "older version"));
	assert_int_equal(dup2(STDIN_FILENO, INIT_FD_CONTROL), INIT_FD_CONTROL);
	assert_int_equal(dyno_inside(&self, &spec, &session, &e), -EOPNOTSUPP);
	assert_int_equal(session, -1);
}

static void a_request_brings_session_and_command(void **state)
{
	int pair[2], fds[INIT_REQUEST_FDS], session = -1;
	char text[64], control[CMSG_SPACE(sizeof(fds))];
	struct init_request q;
	struct iovec iov = { &q, sizeof(q) };
	struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
			    .msg_controllen = sizeof(control) };
	struct init_command c;
	struct error e;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	assert_int_equal(dup2(pair[0], INIT_FD_CONTROL), INIT_FD_CONTROL);
	assert_int_equal(dyno_inside(&self, &spec, &session, &e), 0);
	assert_int_equal(recvmsg(pair[1], &h, 0), sizeof(q));
	assert_true(q.magic == INIT_REQUEST_MAGIC && q.tty && q.rows == 24);
	memcpy(fds, CMSG_DATA(CMSG_FIRSTHDR(&h)), sizeof(fds));
	assert_int_equal(pread(fds[INIT_REQUEST_COMMAND], text, sizeof(text), 0),
			 sizeof(c) + sizeof("/bin/ls\0-l\0A=b"));
	memcpy(&c, text, sizeof(c));
	assert_true(c.n_argv == 2 && c.n_envp == 1);
	assert_memory_equal(text + sizeof(c), "/bin/ls\0-l\0A=b",
			    sizeof("/bin/ls\0-l\0A=b"));
	/* The two ends of the session belong together. */
	assert_int_equal(write(fds[INIT_REQUEST_SESSION], "x", 1), 1);
	assert_int_equal(read(session, text, sizeof(text)), 1);
	for (int i = 0; i < INIT_REQUEST_FDS; i++)
		close(fds[i]);
	close(session);
	close(pair[0]);
	close(pair[1]);
}

static void what_is_too_long_or_has_no_path_is_not_sent(void **state)
{
	char *many[INIT_WORDS_MAX + 2] = { NULL }, *relative[] = { (char *)"ls", NULL };
	struct dyno_spec s = spec;
	struct error e;
	int session = -1;

	s.argv = relative;
	assert_int_equal(dyno_inside(&self, &s, &session, &e), -EINVAL);
	for (size_t i = 0; i <= INIT_WORDS_MAX; i++)
		many[i] = (char *)"/x";
	s.argv = many;
	assert_int_equal(dyno_inside(&self, &s, &session, &e), -E2BIG);
}

static void one_that_has_ended_is_not_asked(void **state)
{
	struct dyno gone = { .uuid = (char *)"u", .pidfd = -1 };
	struct error e;
	int session = -1;

	assert_int_equal(dyno_inside(&gone, &spec, &session, &e), -ESRCH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(an_older_dyno_init_is_told_from_one_that_listens),
		T(a_request_brings_session_and_command),
		T(what_is_too_long_or_has_no_path_is_not_sent),
		T(one_that_has_ended_is_not_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
