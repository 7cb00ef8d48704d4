/*
 * test-landlock.c - the second wall around a dyno's files: its rules as data,
 * and, where the kernel running the test has Landlock, what they do.
 */
#include "base/base.h"
#include "base/error.h"
#include "runtime/filter/landlock.h"
#include "tests/runtime/confine.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <setjmp.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <cmocka.h>

#define NEWEST 7
#define DEVICES (LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK)

static const struct landlock_rule *rule_of(const struct landlock_wall *w,
					   const char *path)
{
	for (size_t i = 0; i < w->n_rules; i++)
		if (str_eq(w->rules[i].path, path))
			return &w->rules[i];
	fail_msg("no rule of %s", path);
	return NULL;
}

static void no_kernel_is_asked_for_what_it_does_not_know(void **state)
{
	static const struct {
		int abi;
		uint64_t fs, scoped;
		uint32_t flags;
	} known[] = {
		{ 2, 0x3fff, 0, 0 }, { 3, 0x7fff, 0, 0 }, { 4, 0x7fff, 0, 0 },
		{ 5, 0xffff, 0, 0 }, { 6, 0xffff, 3, 0 }, { 7, 0xffff, 3, 4 },
		{ 99, 0xffff, 3, 4 },
	};
	struct landlock_wall w;

	assert_false(landlock_rules(0, &w));
	assert_false(landlock_rules(1, &w));
	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		assert_true(landlock_rules(known[i].abi, &w));
		assert_int_equal(w.attr.handled_fs, known[i].fs);
		assert_int_equal(w.attr.handled_net, 0);
		assert_int_equal(w.attr.scoped, known[i].scoped);
		assert_int_equal(w.flags, known[i].flags);
		for (size_t j = 0; j < w.n_rules; j++) {
			assert_int_not_equal(w.rules[j].access, 0);
			assert_int_equal(w.rules[j].access & ~w.attr.handled_fs, 0);
		}
	}
}

static void devices_are_made_nowhere(void **state)
{
	struct landlock_wall w;

	assert_true(landlock_rules(NEWEST, &w));
	assert_int_equal(w.attr.handled_fs & DEVICES, DEVICES);
	for (size_t i = 0; i < w.n_rules; i++)
		assert_int_equal(w.rules[i].access & DEVICES, 0);
}

static void the_root_is_only_read(void **state)
{
	const uint64_t read = LANDLOCK_ACCESS_FS_EXECUTE |
		LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
	struct landlock_wall w;

	assert_true(landlock_rules(NEWEST, &w));
	assert_int_equal(rule_of(&w, "/")->access, read);
	assert_int_equal(rule_of(&w, "/app")->access, 0x7fff & ~DEVICES);
	assert_int_equal(rule_of(&w, "/app")->access, rule_of(&w, "/tmp")->access);
}

/* ---- with the kernel ---- */

static bool can_write(const char *dir)
{
	auto_free char *path = xasprintf("%s/wall-%d", dir, (int)getpid());
	auto_close int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	return fd >= 0 && unlink(path) == 0;
}

static bool can_rename_across(const char *dir)
{
	auto_free char *a = xasprintf("%s/a", dir), *b = xasprintf("%s/b", dir);
	auto_free char *from = xasprintf("%s/f", a), *to = xasprintf("%s/f", b);
	bool ok = mkdir(a, 0700) == 0 && mkdir(b, 0700) == 0 &&
		  mkdir(from, 0700) == 0 && rename(from, to) == 0;

	rmdir(to);
	rmdir(from);
	rmdir(a);
	rmdir(b);
	return ok;
}

/* Returns a letter for the first thing that is not as it should be. */
static int behind_the_wall(const char *outside, const char *inside)
{
	auto_close int comm = -1;
	bool done;

	if (confine_files(&done, NULL) < 0 || !done)
		return 'c';
	if (can_write(outside))
		return 'w';
	if (!can_write(inside))
		return 't';
	if (!can_rename_across(inside))
		return 'r';
	comm = open("/proc/self/comm", O_WRONLY | O_TRUNC | O_CLOEXEC);
	if (comm < 0)
		return 'p';
	return 'k';
}

static void a_confined_process_writes_in_the_right_places_only(void **state)
{
	char outside[] = "./wall-XXXXXX", inside[] = "/tmp/wall-XXXXXX", real[4096];
	int status = 0;
	pid_t pid;

	if (landlock_abi() < 2)
		skip();
	assert_non_null(mkdtemp(inside));
	if (!mkdtemp(outside)) {	/* a build tree that is only read */
		rmdir(inside);
		skip();
	}
	assert_non_null(realpath(outside, real));
	/* Somebody builds below /tmp or /home: nothing is outside there. */
	if (str_after(real, "/tmp/") || str_after(real, "/var/") ||
	    str_after(real, "/home/") || str_after(real, "/run/")) {
		rmdir(outside);
		rmdir(inside);
		skip();
	}
	assert_true(can_write(outside));
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(behind_the_wall(outside, inside));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	rmdir(outside);
	rmdir(inside);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 'k');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_kernel_is_asked_for_what_it_does_not_know),
		cmocka_unit_test(devices_are_made_nowhere),
		cmocka_unit_test(the_root_is_only_read),
		cmocka_unit_test(a_confined_process_writes_in_the_right_places_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
