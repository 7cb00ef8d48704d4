#include "base/buf.h"
#include "manager/attach/attach_frame.h"

#include <setjmp.h>
#include <cmocka.h>

static ssize_t parse(const char *data, size_t n, struct attach_frame *f)
{
	return attach_frame_parse(data, n, f);
}

static void a_frame_is_whole_or_waits(void **state)
{
	static const char input[] = "I\0\0\5helloE\0\0\0";
	struct attach_frame f;

	for (size_t n = 0; n < 9; n++)
		assert_int_equal(parse(input, n, &f), 0);
	assert_int_equal(parse(input, sizeof(input) - 1, &f), 9);
	assert_int_equal(f.type, ATTACH_INPUT);
	assert_int_equal(f.n, 5);
	assert_memory_equal(f.data, "hello", 5);
	assert_int_equal(parse(input + 9, 4, &f), 4);
	assert_int_equal(f.type, ATTACH_EOF);
}

static void a_window_has_rows_and_columns(void **state)
{
	struct attach_frame f;
	uint16_t rows, cols;

	assert_int_equal(parse("W\0\0\4\0\x18\1\0", 8, &f), 8);
	attach_frame_window(&f, &rows, &cols);
	assert_int_equal(rows, 24);
	assert_int_equal(cols, 256);
}

static void what_no_client_may_send_is_an_error_at_once(void **state)
{
	static const struct {
		const char *data;
		size_t n;
	} bad[] = {
		{ "Z\0\0\0", 4 },		/* unknown */
		{ "O\0\0\1x", 5 },		/* of the other direction */
		{ "X\0\0\1x", 5 },
		{ "\0\0\0\0", 4 },
		{ "I\1\0\1", 4 },		/* 65537 bytes */
		{ "I\xff\xff\xff", 4 },
		{ "W\0\0\3", 4 },		/* too short */
		{ "C\0\0\5", 4 },		/* too long */
		{ "E\0\0\1", 4 },
		{ "S\0\0\1\x09", 5 },		/* SIGKILL */
		{ "S\0\0\1\0", 5 },
		{ "S\0\0\2", 4 },
	};
	struct attach_frame f;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(parse(bad[i].data, bad[i].n, &f), -EPROTO);
}

static void the_longest_input_fits(void **state)
{
	auto_(replay_deinit) struct replay q = REPLAY_INIT;
	auto_free char *data = xcalloc(1, REPLAY_PAYLOAD_MAX);
	const struct buf *b = &q.frames;
	struct attach_frame f;

	replay_put(&q, ATTACH_INPUT, data, REPLAY_PAYLOAD_MAX);
	assert_int_equal(parse(b->data, b->len - 1, &f), 0);
	assert_int_equal(parse(b->data, b->len, &f), b->len);
	assert_int_equal(f.n, REPLAY_PAYLOAD_MAX);
}

static void only_what_the_dyno_reads_counts(void **state)
{
	assert_true(attach_frame_counts(ATTACH_INPUT));
	assert_true(attach_frame_counts(ATTACH_EOF));
	assert_true(attach_frame_counts(ATTACH_SIGNAL));
	assert_false(attach_frame_counts(ATTACH_WINDOW));
	assert_false(attach_frame_counts(ATTACH_JOIN));
	assert_false(attach_frame_counts(ATTACH_OUTPUT));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_frame_is_whole_or_waits),
		cmocka_unit_test(a_window_has_rows_and_columns),
		cmocka_unit_test(what_no_client_may_send_is_an_error_at_once),
		cmocka_unit_test(the_longest_input_fits),
		cmocka_unit_test(only_what_the_dyno_reads_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
