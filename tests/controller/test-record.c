/*
 * test-record.c - a line with the mark stays in one record, whatever pieces
 * it comes in.
 */
#include "controller/attach/record.h"

#include <setjmp.h>
#include <cmocka.h>

#define MARK "\xef\xbf\xbf"
#define STATUS MARK " heroku-command-exit-status: 17\r\n"

static size_t cut(const char *s)
{
	return record_cut(s, strlen(s), false);
}

static void ordinary_output_goes_at_once(void **state)
{
	char big[3 * RECORD_MAX];

	assert_int_equal(cut("abc"), 3);
	assert_int_equal(cut("\xef\xbb\xbf" "bom"), 6);
	memset(big, 'x', sizeof(big));
	assert_int_equal(record_cut(big, sizeof(big), false), RECORD_MAX);
}

static void a_marked_line_goes_whole(void **state)
{
	assert_int_equal(cut(STATUS), strlen(STATUS));
	assert_int_equal(cut("abc\r\n" STATUS), 5 + strlen(STATUS));
}

static void every_split_of_a_marked_line_waits(void **state)
{
	const char *all = "out\r\n" STATUS;
	size_t begin = 5, n = strlen(all);

	for (size_t i = begin + 1; i < n; i++) {
		/* what came before may go, the line itself not */
		assert_int_equal(record_cut(all, i, false), begin);
		assert_int_equal(record_cut(all + begin, i - begin, false), 0);
	}
	assert_int_equal(record_cut(all, n, false), n);
}

static void a_mark_without_an_end_is_let_go(void **state)
{
	char text[RECORD_MARKED_MAX + 10];

	assert_int_equal(record_cut(MARK " half", 8, true), 8);
	memset(text, 'x', sizeof(text));
	memcpy(text, MARK, 3);
	assert_int_equal(record_cut(text, sizeof(text), false), sizeof(text));
}

static void a_marked_line_at_the_edge_of_a_record_moves_to_the_next(void **state)
{
	char big[RECORD_MAX + 100];
	size_t at = RECORD_MAX - 10;

	memset(big, 'x', sizeof(big));
	memcpy(big + at, STATUS, strlen(STATUS));
	assert_int_equal(record_cut(big, sizeof(big), false), at);
	assert_true(record_cut(big + at, sizeof(big) - at, false) >=
		    strlen(STATUS));
}

static void an_end_of_line_stays_together(void **state)
{
	char big[RECORD_MAX + 1];

	assert_int_equal(cut("abc\r"), 3);
	assert_int_equal(cut("\r"), 0);
	assert_int_equal(record_cut("\r", 1, true), 1);
	assert_int_equal(record_cut("abc\r", 4, true), 4);
	memset(big, 'x', sizeof(big));
	big[RECORD_MAX - 1] = '\r';
	big[RECORD_MAX] = '\n';
	assert_int_equal(record_cut(big, sizeof(big), true), RECORD_MAX - 1);
	assert_int_equal(record_cut(big + RECORD_MAX - 1, 2, false), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ordinary_output_goes_at_once),
		cmocka_unit_test(a_marked_line_goes_whole),
		cmocka_unit_test(every_split_of_a_marked_line_waits),
		cmocka_unit_test(a_mark_without_an_end_is_let_go),
		cmocka_unit_test(an_end_of_line_stays_together),
		cmocka_unit_test(a_marked_line_at_the_edge_of_a_record_moves_to_the_next),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
