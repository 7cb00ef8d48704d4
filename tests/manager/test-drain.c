/*
 * test-drain.c - which dynos a host takes, until when, and that it is kept.
 */
#include "base/error.h"
#include "base/file.h"
#include "manager/model/drain.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdio.h>
#include <cmocka.h>

static const struct drain open_host = { DRAIN_OPEN, 0 };
static const struct drain draining = { DRAIN_DRAINING, 0 };
static const struct drain stopped = { DRAIN_STOPPED, 0 };

static void an_open_host_takes_all(void **state)
{
	assert_true(drain_admits(&open_host, false));
	assert_true(drain_admits(&open_host, true));
	assert_int_equal(drain_wanted(&open_host, 7), 7);
}

static void a_draining_host_only_replaces(void **state)
{
	assert_false(drain_admits(&draining, false));
	assert_true(drain_admits(&draining, true));
	assert_int_equal(drain_wanted(&draining, 7), 7);
}

static void a_stopped_host_wants_nothing(void **state)
{
	assert_false(drain_admits(&stopped, false));
	assert_false(drain_admits(&stopped, true));
	assert_int_equal(drain_wanted(&stopped, 7), 0);
}

static void the_deadline_makes_it_stopped_and_not_before(void **state)
{
	struct drain d = { DRAIN_DRAINING, 1000 };

	assert_int_equal(drain_left(&d, 400), 600);
	assert_false(drain_expire(&d, 999));
	assert_int_equal(d.mode, DRAIN_DRAINING);
	assert_true(drain_expire(&d, 1000));
	assert_int_equal(d.mode, DRAIN_STOPPED);
	assert_int_equal(d.deadline, 0);
	assert_false(drain_expire(&d, 2000));
}

static void without_a_deadline_it_drains_for_ever(void **state)
{
	struct drain d = draining;

	assert_true(drain_left(&d, INT64_MAX) == UINT64_MAX);
	assert_false(drain_expire(&d, INT64_MAX));
	assert_true(drain_left(&open_host, 5) == UINT64_MAX);
}

static void each_mode_has_a_name_of_its_own(void **state)
{
	for (enum drain_mode m = 0; m < DRAIN_MODE_COUNT; m++)
		for (enum drain_mode n = 0; n < m; n++)
			assert_string_not_equal(drain_mode_name(m),
						drain_mode_name(n));
}

static char *file_of(const char *dir)
{
	return xasprintf("%s/drain.json", dir);
}

static void what_was_said_is_kept(void **state)
{
	auto_free char *path = file_of(*state);
	struct drain back;

	assert_int_equal(drain_load(path, &back, NULL), 0);
	assert_int_equal(back.mode, DRAIN_OPEN);
	for (enum drain_mode m = 0; m < DRAIN_MODE_COUNT; m++) {
		struct drain d = { m, 17 };

		assert_int_equal(drain_save(path, &d, NULL), 0);
		assert_int_equal(drain_load(path, &back, NULL), 0);
		assert_int_equal(back.mode, m);
		assert_int_equal(back.deadline, 17);
	}
}

static void a_spoiled_file_is_an_error_and_means_open(void **state)
{
	static const char *const texts[] = { "", "{", "[]", "{\"mode\":\"shut\"}" };
	auto_free char *path = file_of(*state);
	struct error e;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct drain back = stopped;

		assert_int_equal(file_write_fast(AT_FDCWD, path, texts[i],
						 strlen(texts[i]), 0600, NULL), 0);
		assert_true(drain_load(path, &back, &e) < 0);
		assert_non_null(strstr(e.msg, "drain.json"));
		assert_int_equal(back.mode, DRAIN_OPEN);
	}
}

static int setup(void **state)
{
	char *dir = xstrdup("/tmp/test-drain-XXXXXX");

	*state = dir;
	return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
	file_remove_tree(AT_FDCWD, *state, NULL);
	free(*state);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_open_host_takes_all),
		cmocka_unit_test(a_draining_host_only_replaces),
		cmocka_unit_test(a_stopped_host_wants_nothing),
		cmocka_unit_test(the_deadline_makes_it_stopped_and_not_before),
		cmocka_unit_test(without_a_deadline_it_drains_for_ever),
		cmocka_unit_test(each_mode_has_a_name_of_its_own),
		cmocka_unit_test_setup_teardown(what_was_said_is_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_spoiled_file_is_an_error_and_means_open, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
