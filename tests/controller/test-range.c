/*
 * test-range.c - the spellings that clients send, and walking pages.
 */
#include "base/error.h"
#include "controller/model/outcome.h"
#include "controller/api/range.h"

#include <setjmp.h>
#include <cmocka.h>

static const char *const attrs[] = { "version", "id", NULL };

static json_t *numbers(int n)
{
	json_t *list = json_array();

	for (int i = n; i >= 1; i--) {	/* unsorted on purpose */
		char id[8];

		id[0] = (char)('a' + i % 26);
		id[1] = '\0';
		json_array_append_new(list, json_pack("{s:i, s:s}", "version", i,
						      "id", id));
	}
	return list;
}

static void page(const char *text, int n, const char *want, const char *next)
{
	auto_json *list = numbers(n), *out = NULL;
	auto_free char *got_next = NULL, *got = xstrdup("");
	struct range r;
	struct error e;
	json_t *it;
	size_t i;

	assert_int_equal(range_parse(&r, text, attrs, &e), 0);
	out = range_page(&r, list, &got_next);
	json_array_foreach(out, i, it) {
		char *more = xasprintf("%s%s%d", got, i ? " " : "",
				       (int)json_int(it, "version", 0));

		free(got);
		got = more;
	}
	assert_string_equal(got, want);
	if (next)
		assert_string_equal(got_next, next);
	else
		assert_null(got_next);
}

static void the_clients_spellings_are_understood(void **state)
{
	page(NULL, 3, "1 2 3", NULL);
	page("", 3, "1 2 3", NULL);
	page("version ..; order=desc,max=1", 3, "3",
	     "version ..3[; max=1, order=desc");
	page("version ..; max=2, order=desc", 3, "3 2",
	     "version ..2[; max=2, order=desc");
	page("version ..; max=1000;", 2, "1 2", NULL);
	page("id ..; max=2", 3, "1 2", "id ]c..; max=2");
	page("version 2..3", 5, "2 3", NULL);
	page("version ]2..4[", 5, "3", NULL);
	page("version 9..", 5, "", NULL);
}

static void pages_put_together_are_the_list(void **state)
{
	static const char *const starts[] = { "version ..; max=3",
					      "version ..; max=3, order=desc" };

	for (size_t k = 0; k < ARRAY_SIZE(starts); k++) {
		auto_free char *text = xstrdup(starts[k]);
		auto_json *list = numbers(10);
		int seen = 0, pages = 0;

		while (text) {
			auto_json *out = NULL;
			char *next = NULL;
			struct range r;
			struct error e;

			assert_int_equal(range_parse(&r, text, attrs, &e), 0);
			out = range_page(&r, list, &next);
			for (size_t i = 0; i < json_array_size(out); i++) {
				seen++;
				assert_int_equal(json_int(json_array_get(out, i),
							  "version", 0),
						 k ? 11 - seen : seen);
			}
			free(text);
			text = next;
			assert_true(++pages < 10);
		}
		assert_int_equal(seen, 10);
		assert_int_equal(pages, 4);
	}
}

static void nonsense_is_refused(void **state)
{
	static const char *const bad[] = {
		"color ..", "version 1-2", "version ..; max=0",
		"version ..; max=1001", "version ..; max=x",
	};
	struct range r;
	struct error e;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(range_parse(&r, bad[i], attrs, &e),
				 OUTCOME_BAD_RANGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_clients_spellings_are_understood),
		cmocka_unit_test(pages_put_together_are_the_list),
		cmocka_unit_test(nonsense_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
