/*
 * test-reply.c - heads of answers, right and strange ones.
 */
#include "slugstore/transfer/reply.h"

#include <stdio.h>
#include <setjmp.h>
#include <cmocka.h>

static struct reply read_lines(const char *text)
{
	struct reply r = { .status = 0 };

	while (*text) {
		size_t n = strcspn(text, "\n");

		n += text[n] == '\n';
		reply_line(&r, text, n);
		text += n;
	}
	return r;
}

static void a_head_is_read_whatever_its_case(void **state)
{
	struct reply r = read_lines(
		"HTTP/1.1 206 Partial Content\r\n"
		"CONTENT-length:  1000 \r\n"
		"content-Range: bytes 5-1004/2000\r\n"
		"ETag:\"x y\"\r\n"
		"Content-Encoding: identity\r\n\r\n");

	assert_int_equal(r.status, 206);
	assert_true(r.has_length && r.length == 1000);
	assert_true(r.has_range && r.first == 5 && r.last == 1004);
	assert_true(r.has_total && r.total == 2000);
	assert_string_equal(reply_validator(&r), "\"x y\"");
	assert_true(reply_is_plain(&r));
}

static void a_new_answer_forgets_the_one_before(void **state)
{
	struct reply r = read_lines("HTTP/1.1 100 Continue\r\nETag: \"a\"\r\n\r\n"
				    "HTTP/2 200\r\n\r\n");

	assert_int_equal(r.status, 200);
	assert_null(reply_validator(&r));
	assert_false(r.has_length);
}

static void lines_with_control_characters_do_not_count(void **state)
{
	struct reply r = read_lines("HTTP/1.1 200 OK\r\n"
				    "ETag: \"a\rX-Mine: b\"\r\n"
				    "Content-Encoding: \033[2Jgzip\r\n");

	assert_int_equal(r.status, 200);
	assert_null(reply_validator(&r));
	assert_true(reply_is_plain(&r));
}

static void nonsense_in_a_range_is_no_range(void **state)
{
	static const char *const bad[] = {
		"bytes 5-4/10", "bytes 5-10/10", "bytes -5-6/10", "bytes 5-6",
		"bytes 5-6/", "bytes 5-6/x", "bytes 5-6/10x", "bytes 5/10",
		"bytes 99999999999999999999-6/10", "items 5-6/10", "bytes", "",
		"bytes 1-2,4-5/10", "bytes +1-2/10",
	};
	struct reply r;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		auto_free char *line = xasprintf("Content-Range: %s\r\n", bad[i]);

		r = read_lines(line);
		if (r.has_range || r.has_total)
			fail_msg("\"%s\" was accepted", bad[i]);
	}
	r = read_lines("Content-Range: bytes */2000\r\n");
	assert_true(!r.has_range && r.has_total && r.total == 2000);
	r = read_lines("Content-Range: bytes 0-9/*\r\n");
	assert_true(r.has_range && r.last == 9 && !r.has_total);
	r = read_lines("Content-Length: -1\r\n");
	assert_false(r.has_length);
	r = read_lines("Content-Length: 12 34\r\n");
	assert_false(r.has_length);
}

static void only_strong_validators_count(void **state)
{
	static const struct { const char *lines, *validator; } cases[] = {
		{ "ETag: W/\"a\"\r\n", NULL },
		{ "ETag: a\r\n", NULL },
		{ "ETag: \"\"\r\n", NULL },
		{ "ETag: \"a\"\r\n", "\"a\"" },
		{ "Last-Modified: Fri, 20 Nov 2026 09:00:00 GMT\r\n", NULL },
		{ "Date: Fri, 20 Nov 2026 09:00:59 GMT\r\n"
		  "Last-Modified: Fri, 20 Nov 2026 09:00:00 GMT\r\n", NULL },
		{ "Date: Fri, 20 Nov 2026 09:01:00 GMT\r\n"
		  "Last-Modified: Fri, 20 Nov 2026 09:00:00 GMT\r\n",
		  "Fri, 20 Nov 2026 09:00:00 GMT" },
		{ "Date: soon\r\nLast-Modified: lately\r\n", NULL },
		/* A weak ETag says that it may have changed within a second. */
		{ "ETag: W/\"a\"\r\nDate: Fri, 20 Nov 2026 09:01:00 GMT\r\n"
		  "Last-Modified: Fri, 20 Nov 2026 09:00:00 GMT\r\n", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct reply r = read_lines(cases[i].lines);
		const char *v = reply_validator(&r);

		if (!v != !cases[i].validator ||
		    (v && !str_eq(v, cases[i].validator)))
			fail_msg("case %zu: %s", i, v ? v : "none");
	}
}

static void long_lines_and_zeros_are_passed_over(void **state)
{
	auto_free char *line = xmalloc(10000);
	struct reply r = { .status = 0 };

	memset(line, 'x', 10000);
	memcpy(line, "ETag: \"", 7);
	line[9999] = '"';
	reply_line(&r, line, 10000);
	reply_line(&r, "ETag: \"\0\"", 9);
	reply_line(&r, "", 0);
	reply_line(&r, ":", 1);
	assert_null(reply_validator(&r));
	r = read_lines("HTTP/1.1\r\nContent-Encoding: gzip, br\r\n");
	assert_int_equal(r.status, 0);
	assert_false(reply_is_plain(&r));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_head_is_read_whatever_its_case),
		cmocka_unit_test(a_new_answer_forgets_the_one_before),
		cmocka_unit_test(lines_with_control_characters_do_not_count),
		cmocka_unit_test(nonsense_in_a_range_is_no_range),
		cmocka_unit_test(only_strong_validators_count),
		cmocka_unit_test(long_lines_and_zeros_are_passed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
