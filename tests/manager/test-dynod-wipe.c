/* Wiping and the instance lock: files below a private root, fake runtime. */
#include "base/error.h"
#include "base/file.h"
#include "base/root.h"
#include "manager/dynod/dynod_wipe.h"
#include "manager/dynod/instance_lock.h"
#include "tests/manager/fake_runtime.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdio.h>
#include <sys/wait.h>
#include <cmocka.h>

#define UUID_A "aaaaaaaa-3f0a-4a50-8c59-d3b1f2a1c001"
#define UUID_B "bbbbbbbb-3f0a-4a50-8c59-d3b1f2a1c001"

struct bench {
	char dir[40];
	struct root root;
	struct runtime *rt;
	int lock_fd;
};

static void touch(struct bench *b, const char *path)
{
	auto_free char *full = xasprintf("%s/%s", b->dir, path);
	struct error e;

	*strrchr(full, '/') = '\0';
	assert_int_equal(file_make_dirs(full, 0755, &e), 0);
	full[strlen(full)] = '/';
	assert_int_equal(file_write_fast(AT_FDCWD, full, "x", 1, 0644, &e), 0);
}

static bool exists(struct bench *b, const char *path)
{
	auto_free char *full = xasprintf("%s/%s", b->dir, path);

	return access(full, F_OK) == 0;
}

static int setup(void **state)
{
	struct bench *b = xcalloc(1, sizeof(*b));
	struct error e;

	snprintf(b->dir, sizeof(b->dir), "/tmp/test-dynod-wipe-XXXXXX");
	assert_non_null(mkdtemp(b->dir));
	assert_int_equal(root_init(&b->root, b->dir, &e), 0);
	b->rt = fake_runtime_new();
	b->lock_fd = instance_lock(&b->root, &e);
	assert_true(b->lock_fd >= 0);
	touch(b, "run/dyno/dynos/" UUID_A "/record");
	touch(b, "run/dyno/supervisor/host.sock");
	touch(b, "run/dyno/stack/etc/hosts");
	touch(b, "var/lib/dyno/slugs/x");
	touch(b, "etc/dyno/dynod.conf");
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct bench *b = *state;

	runtime_close(b->rt);
	fd_close(b->lock_fd);
	root_deinit(&b->root);
	file_remove_tree(AT_FDCWD, b->dir, NULL);
	free(b);
	return 0;
}

static void dynos_and_files_go_and_data_stays(void **state)
{
	struct bench *b = *state;
	char *argv[] = { (char *)"/bin/sleep", (char *)"60", NULL };
	struct error e;
	size_t n;

	fake_runtime_record(b->rt, UUID_A, argv, 0);
	fake_runtime_record(b->rt, UUID_B, NULL, 3);
	assert_int_equal(dynod_wipe(b->rt, &b->root, &n, &e), 0);
	assert_int_equal(n, 2);
	assert_int_equal(fake_runtime_count(b->rt), 0);
	assert_false(exists(b, "run/dyno"));
	assert_true(exists(b, "var/lib/dyno/slugs/x"));
	assert_true(exists(b, "etc/dyno/dynod.conf"));
}

static void what_the_controller_uses_stays(void **state)
{
	struct bench *b = *state;
	struct error e;
	size_t n;

	touch(b, "run/dyno/controller/api.sock");
	assert_int_equal(dynod_wipe(b->rt, &b->root, &n, &e), 0);
	assert_true(exists(b, "run/dyno/controller/api.sock"));
	assert_false(exists(b, "run/dyno/supervisor"));
	assert_false(exists(b, "run/dyno/dynod.lock"));
}

static void a_second_lock_is_refused_until_the_first_is_gone(void **state)
{
	struct bench *b = *state;
	struct error e;
	int fd;

	assert_int_equal(instance_lock(&b->root, &e), -EBUSY);
	assert_non_null(strstr(e.msg, "another dynod runs on this root"));
	b->lock_fd = fd_close(b->lock_fd);
	fd = instance_lock(&b->root, &e);
	assert_true(fd >= 0);
	fd_close(fd);
}

static void a_lock_that_is_freed_soon_is_waited_for(void **state)
{
	struct bench *b = *state;
	struct error e;
	int fd;
	pid_t pid = fork();

	if (pid == 0) {
		usleep(200000);
		_exit(0);
	}
	b->lock_fd = fd_close(b->lock_fd);	/* the child has a copy */
	fd = instance_lock(&b->root, &e);
	assert_true(fd >= 0);
	fd_close(fd);
	waitpid(pid, NULL, 0);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(dynos_and_files_go_and_data_stays),
		T(what_the_controller_uses_stays),
		T(a_second_lock_is_refused_until_the_first_is_gone),
		T(a_lock_that_is_freed_soon_is_waited_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
