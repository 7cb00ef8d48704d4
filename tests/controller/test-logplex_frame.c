/*
 * test-logplex_frame.c - frames of shippers, good and odd ones.
 */
#include "base/buf.h"
#include "base/clock.h"
#include "controller/logplex/logplex_frame.h"

#include <setjmp.h>
#include <stdio.h>
#include <cmocka.h>

#define TOKEN "t.11111111-2222-4333-8444-555555555555"
#define HEAD "<190>1 2012-12-10T03:00:48.123456+00:00 host " TOKEN " web.1 - "

static int next(const char *text, struct logplex_frame *f)
{
	static char frame[1024];
	const char *p = frame, *end;
	int r;

	snprintf(frame, sizeof(frame), "%zu %s", strlen(text), text);
	end = frame + strlen(frame);
	r = logplex_frame_next(&p, end, f);
	if (r == 0)
		assert_ptr_equal(p, end);
	return r;
}

static void says(const struct logplex_frame *f, const char *want)
{
	assert_int_equal(f->message_len, strlen(want));
	assert_memory_equal(f->message, want, strlen(want));
}

static void what_log_shuttle_sends_is_read(void **state)
{
	struct logplex_frame f;
	char when[CLOCK_TEXT_MAX];

	assert_int_equal(next(HEAD "- hello world\n", &f), 0);
	says(&f, "hello world");
	assert_string_equal(f.token, TOKEN);
	assert_string_equal(f.ps, "web.1");
	assert_string_equal(clock_log_text(when, f.usec),
			    "2012-12-10T03:00:48.123456+00:00");
}

static void structured_data_is_left_out_or_may_be_missing(void **state)
{
	struct logplex_frame f;

	next(HEAD "[a@1 b=\"c \\] ] d\"][e] text", &f);
	says(&f, "text");
	next(HEAD "State changed", &f);
	says(&f, "State changed");
	next(HEAD "[no end", &f);
	says(&f, "[no end");
	next(HEAD "[tag]glued", &f);
	says(&f, "[tag]glued");
	next(HEAD "-", &f);
	says(&f, "");
	next(HEAD "- ", &f);
	says(&f, "");
	next(HEAD "-5 degrees", &f);
	says(&f, "-5 degrees");
	next("<190>1 2012-12-10T03:00:48Z host " TOKEN " web.1 -", &f);
	says(&f, "");
}

static void times_of_every_zone_are_understood(void **state)
{
	static const struct { const char *text; uint64_t usec; } table[] = {
		{ "1970-01-01T00:00:01Z", 1000000 },
		{ "1970-01-01T00:00:01.5Z", 1500000 },
		{ "1970-01-01T00:00:01.123456789Z", 1123456 },
		{ "1970-01-01T02:00:01+02:00", 1000000 },
		{ "1969-12-31T23:00:01-01:00", 0 },
		{ "1970-01-01T00:00:01-01:30", 5401000000 },
		{ "1970-01-01T00:00:01+01:00", 0 },
		{ "1970-01-01T00:00:01", 0 },
		{ "1970-01-01T00:00:01+1:00", 0 },
		{ "1970-01-01T00:00:01+00:60", 0 },
		{ "1970-13-01T00:00:01Z", 0 },
		{ "1970-01-01T00:00:01.Zx", 0 },
		{ "-", 0 },
	};
	struct logplex_frame f;
	char text[128];

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		snprintf(text, sizeof(text), "<190>1 %s h t p - - x", table[i].text);
		assert_int_equal(next(text, &f), 0);
		assert_int_equal(f.usec, table[i].usec);
		says(&f, "x");
	}
}

static void what_is_no_syslog_is_a_line_all_the_same(void **state)
{
	static const char *const odd[] = {
		"hello", "<190> 1 x", "<190>1", "<190>1 x h t p", "<1900000>1 a b c d e",
		"190>1 a b c d e f", "<190>1 a  b c d e",
	};
	struct logplex_frame f;

	for (size_t i = 0; i < ARRAY_SIZE(odd); i++) {
		assert_int_equal(next(odd[i], &f), 0);
		says(&f, odd[i]);
		assert_string_equal(f.ps, "");
		assert_string_equal(f.token, "");
		assert_int_equal(f.usec, 0);
	}
}

static void bad_lengths_are_refused(void **state)
{
	static const struct { const char *text; int r; } table[] = {
		{ "", LOGPLEX_FRAME_END },
		{ "hello\n", LOGPLEX_FRAME_MALFORMED },
		{ "0 ", LOGPLEX_FRAME_MALFORMED },
		{ "05 hello", LOGPLEX_FRAME_MALFORMED },
		{ "-1 x", LOGPLEX_FRAME_MALFORMED },
		{ "5x hello", LOGPLEX_FRAME_MALFORMED },
		{ "65537 x", LOGPLEX_FRAME_MALFORMED },
		{ "99999999999999999999 x", LOGPLEX_FRAME_MALFORMED },
		{ "12", LOGPLEX_FRAME_SHORT },
		{ "12 hello", LOGPLEX_FRAME_SHORT },
		{ "5 hello", 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		const char *p = table[i].text;
		struct logplex_frame f;

		assert_int_equal(logplex_frame_next(&p, p + strlen(p), &f),
				 table[i].r);
	}
}

static void lines_are(const char *message, size_t max, const char *want)
{
	struct logplex_frame f = { .message = message,
				   .message_len = strlen(message) };
	auto_buf got = BUF_INIT;
	const char *p = NULL, *line;
	size_t n;

	while (logplex_frame_line(&f, &p, max, &line, &n)) {
		buf_adds(&got, "|");
		buf_add(&got, line, n);
	}
	assert_string_equal(buf_str(&got), want);
}

static void long_messages_and_newlines_make_several_lines(void **state)
{
	lines_are("", 4, "|");
	lines_are("abcd", 4, "|abcd");
	lines_are("abcde", 4, "|abcd|e");
	lines_are("abcdefgh", 4, "|abcd|efgh");
	lines_are("abcd\nef", 4, "|abcd|ef");
	lines_are("a\n\nb", 4, "|a||b");
	lines_are("a\n", 4, "|a|");
	lines_are("\n", 4, "||");
}

static void names_are_cut_and_cleaned(void **state)
{
	struct logplex_frame f;
	char text[400];

	snprintf(text, sizeof(text), "<1>1 - h %0200d a\tb\x80 - - x", 7);
	assert_int_equal(next(text, &f), 0);
	assert_int_equal(strlen(f.token), LOGPLEX_TOKEN_MAX - 1);
	assert_string_equal(f.ps, "a?b?");
	next("<1>1 - h t - - - x", &f);
	assert_string_equal(f.ps, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_log_shuttle_sends_is_read),
		cmocka_unit_test(structured_data_is_left_out_or_may_be_missing),
		cmocka_unit_test(times_of_every_zone_are_understood),
		cmocka_unit_test(what_is_no_syslog_is_a_line_all_the_same),
		cmocka_unit_test(bad_lengths_are_refused),
		cmocka_unit_test(long_messages_and_newlines_make_several_lines),
		cmocka_unit_test(names_are_cut_and_cleaned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
