/*
 * test-reply_file.c - files as the answer: GET /file is "0123456789" with the
 * tag "digits".
 */
#include "world.h"

#include <stdio.h>

static void ask(struct world *w, bool tcp, const char *method,
		const char *headers, struct buf *ret)
{
	auto_free char *head = xasprintf("%s /file HTTP/1.1\r\nHost: h\r\n"
					 "Connection: close\r\n%s\r\n", method,
					 headers);
	auto_close int fd = world_connect(w, tcp);

	buf_clear(ret);
	world_talk(w, fd, head, NULL, ret);
}

static void headers_choose_the_answer(void **state)
{
	static const struct {
		const char *method, *headers, *status, *has, *body;
	} cases[] = {
		{ "GET", "", "200", "Accept-Ranges: bytes\r\n", "0123456789" },
		{ "GET", "", "200", "ETag: \"digits\"\r\n", "0123456789" },
		{ "GET", "Range: bytes=2-4\r\n", "206",
		  "Content-Range: bytes 2-4/10\r\n", "234" },
		{ "GET", "Range: bytes=2-4\r\n", "206", "Content-Length: 3\r\n",
		  "234" },
		{ "GET", "Range: bytes=2-4\r\n", "206", "ETag: \"digits\"\r\n",
		  "234" },
		{ "GET", "Range: bytes=7-\r\n", "206",
		  "Content-Range: bytes 7-9/10\r\n", "789" },
		{ "GET", "Range: bytes=-2\r\n", "206",
		  "Content-Range: bytes 8-9/10\r\n", "89" },
		{ "GET", "Range: bytes=10-\r\n", "416",
		  "Content-Range: bytes */10\r\n", NULL },
		{ "GET", "Range: bytes=10-\r\n", "416",
		  "requested_range_not_satisfiable", NULL },
		{ "GET", "Range: bytes=0-1,4-5\r\n", "200", "\r\n", "0123456789" },
		{ "GET", "Range: bytes=2-4\r\nIf-Range: \"digits\"\r\n", "206",
		  "bytes 2-4/10", "234" },
		{ "GET", "Range: bytes=2-4\r\nIf-Range: \"other\"\r\n", "200",
		  "Content-Length: 10\r\n", "0123456789" },
		{ "GET", "Range: bytes=99-\r\nIf-Range: \"other\"\r\n", "200",
		  "Content-Length: 10\r\n", "0123456789" },
		{ "GET", "If-None-Match: \"digits\"\r\n", "304",
		  "ETag: \"digits\"\r\n", "" },
		{ "GET", "If-None-Match: \"digits\"\r\nRange: bytes=1-\r\n",
		  "304", "ETag: \"digits\"\r\n", "" },
		{ "GET", "If-None-Match: \"other\"\r\n", "200", "\r\n",
		  "0123456789" },
		{ "HEAD", "", "200", "Content-Length: 10\r\n", "" },
		{ "HEAD", "", "200", "ETag: \"digits\"\r\n", "" },
		{ "HEAD", "Range: bytes=2-4\r\n", "200", "Content-Length: 10\r\n",
		  "" },
		{ "HEAD", "If-None-Match: *\r\n", "304", "\r\n", "" },
	};
	struct world *w = *state;
	auto_buf got = BUF_INIT;

	for (size_t i = 0; i < 2 * ARRAY_SIZE(cases); i++) {
		size_t k = i / 2;
		const char *text, *body;

		ask(w, i % 2, cases[k].method, cases[k].headers, &got);
		text = buf_str(&got);
		body = strstr(text, "\r\n\r\n");
		if (!body || strncmp(text + strlen("HTTP/1.1 "), cases[k].status,
				     3) || !strstr(text, cases[k].has) ||
		    (cases[k].body && !str_eq(body + 4, cases[k].body)))
			fail_msg("%s with %s: %s", cases[k].method,
				 cases[k].headers, text);
	}
}

/* RFC 9110, 8.6: a length with 304 is that of what is not sent. */
static void not_modified_has_the_length_of_the_file(void **state)
{
	struct world *w = *state;
	auto_buf got = BUF_INIT;

	ask(w, true, "GET", "If-None-Match: \"digits\"\r\n", &got);
	assert_non_null(strstr(buf_str(&got), "Content-Length: 10\r\n"));
	assert_null(strstr(buf_str(&got), "Content-Type"));
}

static void a_connection_goes_on_after_each_kind(void **state)
{
	static const char *const headers[] = {
		"Range: bytes=2-4\r\n", "Range: bytes=50-\r\n",
		"If-None-Match: *\r\n", "",
	};
	struct world *w = *state;
	auto_close int fd = world_connect(w, true);
	auto_buf got = BUF_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(headers); i++) {
		auto_free char *head = xasprintf("GET /file HTTP/1.1\r\n"
						 "Host: h\r\n%s\r\n", headers[i]);

		buf_clear(&got);
		world_talk(w, fd, head, "\r\n\r\n", &got);
		world_run(w, 20 * USEC_PER_MSEC);
	}
	world_talk(w, fd, "", "0123456789", &got);
	assert_non_null(strstr(buf_str(&got), "HTTP/1.1 200 "));
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(headers_choose_the_answer),
		TEST(not_modified_has_the_length_of_the_file),
		TEST(a_connection_goes_on_after_each_kind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
