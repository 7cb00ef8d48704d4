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

/* Times are in seconds: many items may have the same. */
static void items_of_the_same_second_are_each_on_one_page(void **state)
{
	static const char *const times[] = { "created_at", NULL };
	static const char *const starts[] = {
		"created_at ..; max=3", "created_at ..; max=3, order=desc",
		"created_at 2026-11-21T00:00:00Z..2026-11-21T00:00:01Z; max=2",
		"created_at ..; max=1",
	};

	for (size_t k = 0; k < ARRAY_SIZE(starts); k++) {
		auto_free char *text = xstrdup(starts[k]);
		auto_json *list = json_array();
		char seen[8] = "";

		for (int i = 0; i < 7; i++)
			json_array_append_new(list, json_pack("{s:s%, s:s}", "id",
				&"ebgadfc"[i], (size_t)1, "created_at", i == 3 ?
				"2026-11-21T00:00:00Z" : "2026-11-21T00:00:01Z"));
		while (text) {
			auto_json *out = NULL;
			char *next = NULL;
			struct range r;
			struct error e;

			assert_int_equal(range_parse(&r, text, times, &e), 0);
			out = range_page(&r, list, &next);
			assert_in_range(json_array_size(out), 1, 7 - strlen(seen));
			for (size_t i = 0; i < json_array_size(out); i++)
				strncat(seen, json_str(json_array_get(out, i), "id"), 1);
			free(text);
			text = next;
		}
		assert_string_equal(seen, k == 1 ? "gfedcba" : "abcdefg");
	}
}

static void a_cursor_names_the_id_only_where_it_has_to(void **state)
{
	auto_json *list = json_pack("[{s:s,s:i},{s:s,s:i},{s:s,s:i}]", "id", "a", "version",
				    1, "id", "b", "version", 2, "id", "c", "version", 2);
	static const char *const cases[][2] = {
		{ "version ..; max=1", "version ]1..; max=1" },
		{ "version ..; max=2", "version ]2|b..; max=2" },
		{ "version ..; max=1, order=desc", "version ..2|c[; max=1, order=desc" },
		{ "version ]1|a..2|c; max=1", "version ]2|b..2|c; max=1" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_free char *next = NULL;
		auto_json *out = NULL;
		struct range r;
		struct error e;

		assert_int_equal(range_parse(&r, cases[i][0], attrs, &e), 0);
		out = range_page(&r, list, &next);
		assert_string_equal(next, cases[i][1]);
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
		cmocka_unit_test(items_of_the_same_second_are_each_on_one_page),
		cmocka_unit_test(a_cursor_names_the_id_only_where_it_has_to),
		cmocka_unit_test(nonsense_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
