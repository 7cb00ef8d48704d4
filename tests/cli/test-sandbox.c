/*
 * The parts of the sandbox that need no root: whose process is whose, the
 * directory's mark and lock, the env file.
 */
#include "base/base.h"

#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "base/process.h"
#include "cli/host/census.h"
#include "cli/sandbox/sandbox.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdio.h>
#include <sys/stat.h>
#include <cmocka.h>

#define MATCH(role, ...) do { \
	const char *const argv_[] = { __VA_ARGS__ }; \
	enum census_role got_ = CENSUS_ROLE_COUNT; \
	assert_true(census_match(argv_, ARRAY_SIZE(argv_), "/tmp/a", &got_)); \
	assert_int_equal(got_, role); \
} while (0)
#define NO_MATCH(...) do { \
	const char *const argv_[] = { __VA_ARGS__ }; \
	enum census_role got_; \
	assert_false(census_match(argv_, ARRAY_SIZE(argv_), "/tmp/a", &got_)); \
} while (0)

static void processes_are_known_by_program_and_root(void **s)
{
	MATCH(CENSUS_DYNOD, "/usr/libexec/dyno/dynod", "--root", "/tmp/a");
	MATCH(CENSUS_SUPERVISOR, "dyno-supervisor", "--root=/tmp/a");
	MATCH(CENSUS_HAPROXY, "/usr/sbin/haproxy", "-W", "-f",
	      "/tmp/a/run/dyno/router/haproxy.cfg");
	MATCH(CENSUS_KEEPER, "/b/dynoctl", "sandbox", "keep", "--root", "/tmp/a");
	MATCH(CENSUS_SLUG_JOB, "dyno-slug", "unpack", "/tmp/a/var/lib/dyno/slugs");
}

static void processes_of_others_are_left_alone(void **s)
{
	NO_MATCH("dynod", "--root", "/tmp/ab");
	NO_MATCH("dynod", "--root", "/tmp");
	NO_MATCH("dynod");
	NO_MATCH("/tmp/a");
	NO_MATCH("vi", "/tmp/a/env");
	NO_MATCH("dynoctl", "--root", "/tmp/a", "run", "bash");
	NO_MATCH("dynoctl", "--root", "/tmp/a", "sandbox", "stop");
	NO_MATCH("haproxy", "-f", "/etc/haproxy/haproxy.cfg");
}

static void a_census_finds_a_process_and_ends_it(void **s)
{
	auto_(census_deinit) struct census before = CENSUS_INIT, c = CENSUS_INIT;
	auto_free char *dir = xasprintf("/tmp/dyno-none-%d", (int)getpid());
	char *argv[] = { (char *)"dynod", (char *)"-c", (char *)"read x", dir,
			 NULL };
	struct process_spec spec = PROCESS_SPEC_INIT;
	auto_close int pidfd = -1, in_fd = -1, out_fd = -1;
	int p[2], status;
	pid_t pid;

	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	in_fd = p[0], out_fd = p[1];
	assert_int_equal(census_take(&before, dir, NULL), 0);
	assert_int_equal(before.n, 0);
	spec.path = "/bin/sh";
	spec.argv = argv;
	spec.stdin_fd = in_fd;
	spec.die_with_parent = true;
	assert_int_equal(process_spawn(&spec, &pid, &pidfd, NULL), 0);
	assert_int_equal(census_take(&c, dir, NULL), 0);
	assert_int_equal(c.n, 1);
	assert_int_equal(c.v[0].pid, pid);
	assert_int_equal(c.v[0].role, CENSUS_DYNOD);
	assert_int_equal(census_end(dir, CENSUS_ROUTER, 0, NULL), 0);
	assert_int_equal(census_end(dir, CENSUS_DYNOD, USEC_PER_SEC, NULL), 0);
	assert_int_equal(process_wait(pidfd, &status, NULL), 0);
	assert_int_equal(status, 128 + 15);
}

static int setup(void **state)
{
	char dir[] = "/tmp/dyno-sb-XXXXXX";

	*state = xstrdup(mkdtemp(dir));
	return 0;
}

static int teardown(void **state)
{
	file_remove_tree(AT_FDCWD, *state, NULL);
	free(*state);
	return 0;
}

static void the_mark_is_read_back(void **state)
{
	auto_(sandbox_deinit) struct sandbox a = SANDBOX_INIT, b = SANDBOX_INIT;

	assert_int_equal(sandbox_open(&a, *state, NULL), 0);
	assert_false(a.marked);
	a.made_dir = true;
	a.prefix = xstrdup("dyno7");
	assert_int_equal(sandbox_write_mark(&a, NULL), 0);
	sandbox_deinit(&a);
	assert_int_equal(sandbox_open(&b, *state, NULL), 0);
	assert_true(b.marked);
	assert_true(b.made_dir);
	assert_string_equal(b.prefix, "dyno7");
}

static void one_at_a_time_works_on_a_sandbox(void **state)
{
	auto_(sandbox_deinit) struct sandbox a = SANDBOX_INIT, b = SANDBOX_INIT;
	struct error e;

	assert_int_equal(sandbox_open(&a, *state, NULL), 0);
	assert_int_equal(sandbox_open(&b, *state, &e), -EBUSY);
}

static void the_root_directory_and_long_names_are_refused(void **state)
{
	auto_(sandbox_deinit) struct sandbox a = SANDBOX_INIT, b = SANDBOX_INIT;
	char name[101] = "/";
	struct error e;

	assert_int_equal(sandbox_open(&a, "/", &e), -EINVAL);
	assert_int_equal(sandbox_open(&b, "/nowhere/at/all", &e), SANDBOX_ABSENT);
	memset(name + 1, 'x', sizeof(name) - 2);
	assert_int_equal(sandbox_check_length(name, &e), -ENAMETOOLONG);
	assert_int_equal(sandbox_check_length("/tmp/dyno-quickstart", &e), 0);
}

static void put(const char *dir, const char *name, const char *text)
{
	auto_free char *path = xasprintf("%s/%s", dir, name);
	auto_free char *parent = xstrdup(path);

	*strrchr(parent, '/') = '\0';
	assert_int_equal(file_make_dirs(parent, 0755, NULL), 0);
	assert_int_equal(file_write_fast(AT_FDCWD, path, text, strlen(text), 0644,
					 NULL), 0);
}

static void the_env_file_leads_there_and_is_private(void **state)
{
	auto_(sandbox_address_deinit) struct sandbox_address a =
		SANDBOX_ADDRESS_INIT;
	auto_(root_deinit) struct root root = ROOT_INIT;
	auto_free char *path = xasprintf("%s/env", (char *)*state);
	auto_free char *line = xasprintf("export DYNO_ROOT=%s\n",
					 (char *)*state);
	auto_buf text = BUF_INIT;
	struct stat st;

	assert_int_equal(root_init(&root, *state, NULL), 0);
	sandbox_address_find(&a, &root);
	assert_null(a.api_url);
	assert_null(a.router_url);
	put(root.run, "controller/port", "41234\n");
	put(root.run, "router/port", "junk\n");
	put(root.lib, "controller/token", "it's secret\n");
	sandbox_address_deinit(&a);
	sandbox_address_find(&a, &root);
	assert_string_equal(a.api_url, "http://127.0.0.1:41234");
	assert_null(a.router_url);
	assert_int_equal(sandbox_address_write(&a, &root, NULL), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(file_read(AT_FDCWD, path, 65536, &text, NULL), 0);
	assert_non_null(strstr(text.data,
			       "export HEROKU_HOST=http://127.0.0.1:41234\n"));
	assert_non_null(strstr(text.data, "HEROKU_API_KEY='it'\\''s secret'\n"));
	assert_non_null(strstr(text.data, line));
	assert_null(strstr(text.data, "DYNO_ROUTER_URL"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(processes_are_known_by_program_and_root),
		cmocka_unit_test(processes_of_others_are_left_alone),
		cmocka_unit_test(a_census_finds_a_process_and_ends_it),
		cmocka_unit_test_setup_teardown(the_mark_is_read_back, setup,
						teardown),
		cmocka_unit_test_setup_teardown(one_at_a_time_works_on_a_sandbox,
						setup, teardown),
		cmocka_unit_test_setup_teardown(
			the_root_directory_and_long_names_are_refused, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			the_env_file_leads_there_and_is_private, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
