/*
 * test-marks.c - when a collection begins and ends, and how much room there is:
 * arithmetic, also at the ends of the numbers.
 */
#include "base/error.h"
#include "slugstore/space/marks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define END UINT64_MAX

/* A file system of 1000 bytes and 100 inodes. */
static struct marks_level level(uint64_t used_bytes, uint64_t used_inodes,
				uint64_t free_bytes, uint64_t free_inodes)
{
	return (struct marks_level){
		.used = { .bytes = used_bytes, .inodes = used_inodes },
		.fs = { .bytes = 1000, .bytes_free = free_bytes,
			.inodes = 100, .inodes_free = free_inodes, .block = 1 },
	};
}

static bool begins(const struct collect_marks *m, const struct marks_level *at)
{
	struct marks_goal g = marks_begin(m, at);

	return g.bytes || g.inodes || g.percent || g.room;
}

static void nothing_begins_at_the_high_mark_but_above_it(void **state)
{
	const struct collect_marks m = { .high_bytes = 500, .low_bytes = 300 };
	struct marks_level at = level(500, 10, 400, 50);
	struct marks_goal goal;

	assert_false(begins(&m, &at));
	at.bytes = 1;
	assert_true(begins(&m, &at));
	goal = marks_begin(&m, &at);
	assert_false(marks_reached(&m, &at, &goal));
	marks_free(&at, 200, 0);
	assert_false(marks_reached(&m, &at, &goal));
	marks_free(&at, 1, 0);
	assert_true(marks_reached(&m, &at, &goal));
}

/* Bytes are above their low mark, but that is not why it has begun. */
static void each_mark_has_its_own_begin_and_end(void **state)
{
	const struct collect_marks m = {
		.high_bytes = 500, .low_bytes = 100,
		.high_inodes = 20, .low_inodes = 10,
	};
	struct marks_level at = level(400, 21, 400, 50);
	const struct marks_goal goal = marks_begin(&m, &at);

	assert_true(goal.inodes && !goal.bytes);
	marks_free(&at, 10, 11);
	assert_true(marks_reached(&m, &at, &goal));
}

static void a_low_mark_of_none_is_the_high_one(void **state)
{
	const struct collect_marks m = { .high_bytes = 500 };
	struct marks_level at = level(510, 1, 100, 50);
	const struct marks_goal goal = marks_begin(&m, &at);

	marks_free(&at, 9, 0);
	assert_false(marks_reached(&m, &at, &goal));
	marks_free(&at, 1, 0);
	assert_true(marks_reached(&m, &at, &goal));
}

static void percent_is_of_blocks_and_of_inodes(void **state)
{
	const struct collect_marks m = { .high_percent = 80, .low_percent = 50 };
	struct marks_level full = level(0, 0, 199, 50);
	struct marks_level many = level(0, 0, 900, 19);
	struct marks_level fair = level(0, 0, 200, 20);
	struct marks_goal goal = marks_begin(&m, &full);

	assert_true(begins(&m, &full) && begins(&m, &many));
	assert_false(begins(&m, &fair));
	marks_free(&full, 300, 0);
	assert_false(marks_reached(&m, &full, &goal));
	marks_free(&full, 1, 0);
	assert_true(marks_reached(&m, &full, &goal));
}

static void room_is_that_of_the_file_system_whatever_the_marks(void **state)
{
	const struct collect_marks m = {
		.high_percent = 10, .high_bytes = 310, .high_inodes = 20,
	};
	struct marks_level at = level(300, 30, 600, 40);
	struct marks_goal goal;

	at.bytes = 600;
	at.inodes = 40;
	goal = marks_begin(&m, &at);
	assert_true(marks_fit(&at));
	assert_true(marks_any(&goal) && goal.bytes && !goal.room);
	at.inodes = 41;
	assert_false(marks_fit(&at));
	at.inodes = 40;
	at.bytes = 601;
	assert_false(marks_fit(&at));
	assert_true(marks_begin(&m, &at).room);
}

static void a_file_system_without_end_has_room_for_all(void **state)
{
	const struct collect_marks m = { .high_percent = 1 };
	struct marks_level at = {
		.fs = { .bytes = END, .bytes_free = END, .inodes = END,
			.inodes_free = END },
		.bytes = END, .inodes = END,
	};

	assert_true(marks_fit(&at));
	assert_false(begins(&m, &at));
	marks_free(&at, 5, 5);
	assert_true(marks_fit(&at));
}

static void sums_do_not_wrap(void **state)
{
	const struct collect_marks m = { .high_bytes = END - 1,
					 .high_percent = 100 };
	struct marks_level at = level(10, 10, 500, 50);

	at.bytes = END;
	at.inodes = END;
	assert_false(marks_fit(&at));
	assert_true(marks_begin(&m, &at).bytes);
	assert_true(marks_begin(&m, &at).percent);
	marks_free(&at, 11, 11);
	assert_int_equal(at.used.bytes, 0);
	assert_int_equal(at.used.inodes, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_begins_at_the_high_mark_but_above_it),
		cmocka_unit_test(each_mark_has_its_own_begin_and_end),
		cmocka_unit_test(a_low_mark_of_none_is_the_high_one),
		cmocka_unit_test(percent_is_of_blocks_and_of_inodes),
		cmocka_unit_test(room_is_that_of_the_file_system_whatever_the_marks),
		cmocka_unit_test(a_file_system_without_end_has_room_for_all),
		cmocka_unit_test(sums_do_not_wrap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
