/*
 * test-json.c - reading by table, bounds, and bytes that are no UTF-8.
 */
#include "base/buf.h"
#include "base/error.h"
#include "http/json.h"

#include <setjmp.h>
#include <cmocka.h>

struct thing {
	char *name;
	bool on;
	int64_t quantity;
	json_t *env, *updates, *any;
};

static const struct json_field fields[] = {
	{ "name", JSON_FIELD_STRING, offsetof(struct thing, name), true, 0, 5 },
	{ "on", JSON_FIELD_BOOL, offsetof(struct thing, on) },
	{ "quantity", JSON_FIELD_INT, offsetof(struct thing, quantity), false,
	  -1, 100 },
	{ "env", JSON_FIELD_OBJECT, offsetof(struct thing, env) },
	{ "updates", JSON_FIELD_ARRAY, offsetof(struct thing, updates) },
	{ "any", JSON_FIELD_ANY, offsetof(struct thing, any) },
};

static json_t *parse(const char *text)
{
	json_t *j = NULL;
	struct error e;

	assert_int_equal(json_parse(text, strlen(text), &j, &e), 0);
	return j;
}

static void object_fills_a_struct(void **state)
{
	auto_json *j = parse("{\"name\":\"web\",\"on\":true,\"quantity\":-1,"
			     "\"env\":{\"A\":\"b\"},\"updates\":[1,2],\"any\":3,"
			     "\"unknown\":{}}");
	struct thing t = { 0 };

	assert_int_equal(json_read(j, fields, ARRAY_SIZE(fields), &t, NULL), 0);
	assert_string_equal(t.name, "web");
	assert_true(t.on);
	assert_int_equal(t.quantity, -1);
	assert_string_equal(json_str(t.env, "A"), "b");
	assert_int_equal(json_array_size(t.updates), 2);
	assert_int_equal(json_integer_value(t.any), 3);
	json_fields_free(fields, ARRAY_SIZE(fields), &t);
	assert_null(t.name);
	assert_null(t.env);
}

static void absent_and_null_leave_the_default(void **state)
{
	auto_json *j = parse("{\"name\":\"w\",\"quantity\":null,\"env\":null}");
	struct thing t = { .quantity = 42, .on = true };

	assert_int_equal(json_read(j, fields, ARRAY_SIZE(fields), &t, NULL), 0);
	assert_int_equal(t.quantity, 42);
	assert_true(t.on);
	assert_null(t.env);
	json_fields_free(fields, ARRAY_SIZE(fields), &t);
}

static void errors_name_the_field(void **state)
{
	static const struct { const char *text, *message; } cases[] = {
		{ "[]", "expected an object" },
		{ "{}", "name: is missing" },
		{ "{\"name\":null}", "name: is missing" },
		{ "{\"name\":1}", "name: expected a string" },
		{ "{\"name\":\"toolong\"}", "name: longer than 5 bytes" },
		{ "{\"name\":\"w\",\"on\":1}", "on: expected true or false" },
		{ "{\"name\":\"w\",\"quantity\":\"1\"}",
		  "quantity: expected a number" },
		{ "{\"name\":\"w\",\"quantity\":1.5}",
		  "quantity: expected a whole number" },
		{ "{\"name\":\"w\",\"quantity\":101}",
		  "quantity: allowed are -1 to 100" },
		{ "{\"name\":\"w\",\"env\":[]}", "env: expected an object" },
		{ "{\"name\":\"w\",\"updates\":{}}", "updates: expected an array" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_json *j = parse(cases[i].text);
		struct thing t = { 0 };
		struct error e;

		assert_int_equal(json_read(j, fields, ARRAY_SIZE(fields), &t,
					   &e), -EINVAL);
		assert_string_equal(e.msg, cases[i].message);
		json_fields_free(fields, ARRAY_SIZE(fields), &t);
	}
}

static void repeated_reading_frees_the_first(void **state)
{
	auto_json *j = parse("{\"name\":\"a\",\"env\":{}}");
	struct thing t = { 0 };

	json_read(j, fields, ARRAY_SIZE(fields), &t, NULL);
	json_read(j, fields, ARRAY_SIZE(fields), &t, NULL);
	json_fields_free(fields, ARRAY_SIZE(fields), &t);
}

static void parse_errors_say_where(void **state)
{
	json_t *j = NULL;
	struct error e;

	assert_int_equal(json_parse("{\n \"a\": }", 9, &j, &e), -EINVAL);
	assert_non_null(strstr(e.msg, "line 2, column"));
	assert_null(j);
	assert_true(json_parse("", 0, &j, &e) < 0);
	assert_true(json_parse("{} x", 4, &j, &e) < 0);
}

static void depth_is_bounded_outside_of_strings_only(void **state)
{
	auto_buf deep = BUF_INIT, text = BUF_INIT;
	auto_json *j = NULL;
	json_t *none = NULL;
	struct error e;

	buf_adds(&text, "\"\\\"");
	for (int i = 0; i < 1000; i++) {
		buf_adds(&deep, "[");
		buf_adds(&text, "[{");
	}
	buf_adds(&text, "\"");
	assert_true(json_parse(deep.data, deep.len, &none, &e) < 0);
	assert_non_null(strstr(e.msg, "deeper"));
	assert_int_equal(json_parse(text.data, text.len, &j, &e), 0);
}

static void any_value_and_noncharacters_are_legal(void **state)
{
	auto_json *j = parse("\"\xef\xbf\xbf\"");
	auto_json *k = parse("\"\\uffff\"");

	assert_string_equal(json_string_value(j), "\xef\xbf\xbf");
	assert_true(json_equal(j, k));
}

static void bytes_become_valid_text(void **state)
{
#define FFFD "\xef\xbf\xbd"
	static const struct { const char *in; size_t n; const char *out; } cases[] = {
		{ "plain", 5, "plain" },
		{ "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", 9,
		  "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80" },
		{ "a\xff" "b", 3, "a" FFFD "b" },
		{ "\xc3", 1, FFFD },
		{ "\xc0\xaf", 2, FFFD FFFD },			/* overlong */
		{ "\xed\xa0\x80", 3, FFFD FFFD FFFD },		/* surrogate */
		{ "\xf4\x90\x80\x80", 4, FFFD FFFD FFFD FFFD },	/* too large */
		{ "a\0b", 3, "a" FFFD "b" },
		{ "\xef\xbf\xbf", 3, "\xef\xbf\xbf" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_json *j = json_bytes(cases[i].in, cases[i].n);
		auto_free char *text = json_text(j);
		auto_json *again = parse(text);

		assert_string_equal(json_string_value(j), cases[i].out);
		assert_true(json_equal(j, again));
	}
}

static void members_of_anything_can_be_asked_for(void **state)
{
	auto_json *j = parse("{\"s\":\"x\",\"i\":4,\"b\":true}");

	assert_string_equal(json_str(j, "s"), "x");
	assert_null(json_str(j, "i"));
	assert_null(json_str(NULL, "s"));
	assert_int_equal(json_int(j, "i", 1), 4);
	assert_int_equal(json_int(j, "s", 1), 1);
	assert_true(json_flag(j, "b", false));
	assert_true(json_flag(j, "none", true));
	assert_false(json_flag(json_object_get(j, "s"), "b", false));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(object_fills_a_struct),
		cmocka_unit_test(absent_and_null_leave_the_default),
		cmocka_unit_test(errors_name_the_field),
		cmocka_unit_test(repeated_reading_frees_the_first),
		cmocka_unit_test(parse_errors_say_where),
		cmocka_unit_test(depth_is_bounded_outside_of_strings_only),
		cmocka_unit_test(any_value_and_noncharacters_are_legal),
		cmocka_unit_test(bytes_become_valid_text),
		cmocka_unit_test(members_of_anything_can_be_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
