/*
 * test-process.c - starting programs.
 */
#include "base/buf.h"
#include "base/error.h"
#include "base/process.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <cmocka.h>

static int run(const struct process_spec *spec, struct buf *out)
{
	struct process_spec s = *spec;
	auto_close int pidfd = -1;
	int p[2], status = -1;
	char chunk[4096];
	struct error e;
	ssize_t n;
	pid_t pid;

	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	s.stdout_fd = p[1];
	assert_int_equal(process_spawn(&s, &pid, &pidfd, &e), 0);
	assert_true(fcntl(pidfd, F_GETFD) & FD_CLOEXEC);
	close(p[1]);
	while ((n = read(p[0], chunk, sizeof(chunk))) > 0)
		buf_add(out, chunk, (size_t)n);
	close(p[0]);
	assert_int_equal(process_wait(pidfd, &status, &e), 0);
	return status;
}

static int shell(const char *script, struct buf *out)
{
	struct process_spec s = PROCESS_SPEC_INIT;
	const char *argv[] = { "sh", "-c", script, NULL };

	s.path = "/bin/sh";
	s.argv = (char *const *)(uintptr_t)argv;
	return run(&s, out);
}

static void exit_status_comes_back(void **state)
{
	auto_buf out = BUF_INIT;

	assert_int_equal(shell("echo hello; exit 3", &out), 3);
	assert_string_equal(buf_str(&out), "hello\n");
	assert_int_equal(shell("kill -TERM $$", &out), 128 + SIGTERM);
	assert_int_equal(shell("kill -KILL $$", &out), 128 + SIGKILL);
}

static void missing_program_is_an_error_here(void **state)
{
	struct process_spec s = PROCESS_SPEC_INIT;
	const char *argv[] = { "x", NULL };
	struct error e;
	int pidfd = -1;
	pid_t pid = -1;

	s.path = "/nonexistent/program";
	s.argv = (char *const *)(uintptr_t)argv;
	assert_int_equal(process_spawn(&s, &pid, &pidfd, &e), -ENOENT);
	assert_non_null(strstr(e.msg, "/nonexistent/program"));
	assert_int_equal(pidfd, -1);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);	/* reaped */
	s.path = "/etc/passwd";
	assert_int_equal(process_spawn(&s, &pid, &pidfd, &e), -EACCES);
	s.path = "/bin/true";
	s.cwd = "/nonexistent";
	assert_int_equal(process_spawn(&s, &pid, &pidfd, &e), -ENOENT);
}

static void child_has_exactly_the_given_descriptors(void **state)
{
	struct process_spec s = PROCESS_SPEC_INIT;
	const char *argv[] = { "sh", "-c", "cat <&3; cat <&4; ls /proc/self/fd", NULL };
	auto_buf out = BUF_INIT;
	int a[2], b[2], leak, fds[2];

	assert_int_equal(pipe(a), 0);
	assert_int_equal(pipe(b), 0);
	leak = open("/dev/null", O_RDONLY);	/* without close-on-exec */
	assert_true(leak >= 0);
	assert_int_equal(write(a[1], "A", 1), 1);
	assert_int_equal(write(b[1], "B", 1), 1);
	close(a[1]);
	close(b[1]);
	/* Crossed on purpose, and possibly on the very numbers 3 and 4. */
	fds[0] = b[0], fds[1] = a[0];
	s.path = "/bin/sh";
	s.argv = (char *const *)(uintptr_t)argv;
	s.fds = fds;
	s.n_fds = 2;
	assert_int_equal(run(&s, &out), 0);
	/* ls adds the directory that it reads. */
	assert_string_equal(buf_str(&out), "BA0\n1\n2\n3\n4\n5\n");
	close(a[0]);
	close(b[0]);
	close(leak);
}

static void standard_input_is_empty_by_default(void **state)
{
	auto_buf out = BUF_INIT;

	assert_int_equal(shell("cat; readlink /proc/self/fd/0", &out), 0);
	assert_string_equal(buf_str(&out), "/dev/null\n");
}

static void environment_and_directory_are_as_given(void **state)
{
	struct process_spec s = PROCESS_SPEC_INIT;
	const char *argv[] = { "sh", "-c", "pwd; env | grep -v -e ^_ -e ^PWD -e ^SHLVL",
			 NULL };
	const char *envp[] = { "ONLY=this", NULL };
	auto_buf out = BUF_INIT;

	s.path = "/bin/sh";
	s.argv = (char *const *)(uintptr_t)argv;
	s.envp = (char *const *)(uintptr_t)envp;
	s.cwd = "/usr";
	assert_int_equal(run(&s, &out), 0);
	assert_string_equal(buf_str(&out), "/usr\nONLY=this\n");
}

static void signals_are_back_to_default(void **state)
{
	auto_buf out = BUF_INIT;
	sigset_t set, old;

	signal(SIGPIPE, SIG_IGN);
	sigfillset(&set);
	sigprocmask(SIG_SETMASK, &set, &old);
	assert_int_equal(shell("grep -E '^Sig(Blk|Ign):' /proc/self/status", &out),
			 0);
	sigprocmask(SIG_SETMASK, &old, NULL);
	signal(SIGPIPE, SIG_DFL);
	assert_string_equal(buf_str(&out), "SigBlk:\t0000000000000000\n"
			    "SigIgn:\t0000000000000000\n");
}

static void new_session_has_its_own_leader(void **state)
{
	struct process_spec s = PROCESS_SPEC_INIT;
	const char *argv[] = { "sh", "-c", "cut -d' ' -f1,6 /proc/$$/stat", NULL };
	auto_buf out = BUF_INIT;
	int pid, sid;

	s.path = "/bin/sh";
	s.argv = (char *const *)(uintptr_t)argv;
	s.new_session = true;
	assert_int_equal(run(&s, &out), 0);
	assert_int_equal(sscanf(buf_str(&out), "%d %d", &pid, &sid), 2);
	assert_int_equal(pid, sid);
}

static void ids_are_dropped_for_good(void **state)
{
	struct process_spec s = PROCESS_SPEC_INIT;
	const char *argv[] = { "sh", "-c", "id -u; id -g; id -G; "
			 "grep -E '^(CapPrm|CapEff|NoNewPrivs):' "
			 "/proc/self/status", NULL };
	auto_buf out = BUF_INIT;

	if (getuid() != 0)
		skip();
	s.path = "/bin/sh";
	s.argv = (char *const *)(uintptr_t)argv;
	s.set_ids = true;
	s.uid = 12345;
	s.gid = 23456;
	assert_int_equal(run(&s, &out), 0);
	assert_string_equal(buf_str(&out), "12345\n23456\n23456\n"
			    "CapPrm:\t0000000000000000\n"
			    "CapEff:\t0000000000000000\nNoNewPrivs:\t1\n");
}

static void child_dies_with_its_parent(void **state)
{
	struct process_spec s = PROCESS_SPEC_INIT;
	const char *argv[] = { "sleep", "100", NULL };
	int p[2], pidfd = -1;
	pid_t middle, child;
	uint64_t ticks;
	struct error e;

	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	middle = fork();
	assert_true(middle >= 0);
	if (middle == 0) {
		s.path = "/bin/sleep";
		s.argv = (char *const *)(uintptr_t)argv;
		s.die_with_parent = true;
		if (process_spawn(&s, &child, &pidfd, &e) < 0 ||
		    write(p[1], &child, sizeof(child)) < 0)
			_exit(1);
		_exit(0);
	}
	assert_int_equal(read(p[0], &child, sizeof(child)), sizeof(child));
	assert_int_equal(waitpid(middle, NULL, 0), middle);
	for (int i = 0; i < 6000 && process_start_time(child, &ticks, NULL) == 0;
	     i++) {
		char state_of = '?';
		auto_free char *path = xasprintf("/proc/%d/stat", (int)child);
		FILE *f = fopen(path, "re");

		if (f) {
			assert_true(fscanf(f, "%*d %*s %c", &state_of) <= 1);
			fclose(f);
		}
		if (state_of == 'Z')
			break;
		usleep(10000);
		assert_true(i < 499);
	}
	close(p[0]);
	close(p[1]);
}

static void start_time_tells_processes_apart(void **state)
{
	uint64_t mine = 0, again = 0, init = 0;

	assert_int_equal(process_start_time(getpid(), &mine, NULL), 0);
	assert_int_equal(process_start_time(getpid(), &again, NULL), 0);
	assert_int_equal(process_start_time(1, &init, NULL), 0);
	assert_int_equal(mine, again);
	assert_true(mine > init);
	assert_int_equal(process_start_time(0x3fffffff, &mine, NULL), -ESRCH);
}

static void users_are_names_or_numbers(void **state)
{
	uid_t uid;
	gid_t gid;

	assert_int_equal(process_user("root", &uid, &gid, NULL), 0);
	assert_int_equal(uid, 0);
	assert_int_equal(gid, 0);
	assert_int_equal(process_user("1234", &uid, &gid, NULL), 0);
	assert_int_equal(uid, 1234);
	assert_int_equal(gid, 1234);
	assert_int_equal(process_user("1234:0", &uid, &gid, NULL), 0);
	assert_int_equal(gid, 0);
	assert_int_equal(process_user("root:77", &uid, &gid, NULL), 0);
	assert_int_equal(gid, 77);
	assert_int_equal(process_user("no such user", &uid, &gid, NULL), -ENOENT);
	assert_int_equal(process_user("root:no such", &uid, &gid, NULL), -ENOENT);
	assert_true(process_user("-1", &uid, &gid, NULL) < 0);
	assert_true(process_user("4294967295", &uid, &gid, NULL) < 0);
	assert_true(process_user("", &uid, &gid, NULL) < 0);
}

static void sibling_stands_beside_the_program(void **state)
{
	auto_free char *here = process_sibling("test-process");
	auto_free char *away = process_sibling("no-such-program");
	char self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	assert_true(n > 0);
	self[n] = '\0';
	assert_string_equal(here, self);
	assert_string_equal(away, PKGLIBEXECDIR "/no-such-program");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exit_status_comes_back),
		cmocka_unit_test(missing_program_is_an_error_here),
		cmocka_unit_test(child_has_exactly_the_given_descriptors),
		cmocka_unit_test(standard_input_is_empty_by_default),
		cmocka_unit_test(environment_and_directory_are_as_given),
		cmocka_unit_test(signals_are_back_to_default),
		cmocka_unit_test(new_session_has_its_own_leader),
		cmocka_unit_test(ids_are_dropped_for_good),
		cmocka_unit_test(child_dies_with_its_parent),
		cmocka_unit_test(start_time_tells_processes_apart),
		cmocka_unit_test(users_are_names_or_numbers),
		cmocka_unit_test(sibling_stands_beside_the_program),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
