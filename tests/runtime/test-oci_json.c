/*
 * test-oci_json.c - whole numbers come through exactly, others are told apart.
 */
#include "base/buf.h"
#include "base/error.h"
#include "runtime/oci/oci_json.h"

#include <setjmp.h>
#include <cmocka.h>

struct number_case {
	const char *text;
	int outcome;
	bool negative;
	uint64_t value;
};

static void numbers_are_exact_or_told_apart(void **state)
{
	static const struct number_case v[] = {
		{ "0", 0, false, 0 },
		{ "-0", 0, false, 0 },
		{ "-1", 0, true, UINT64_MAX },
		{ "42", 0, false, 42 },
		{ "9007199254740993", 0, false, 9007199254740993 },
		{ "999999999999999999", 0, false, 999999999999999999 },
		{ "9223372036854775807", 0, false, INT64_MAX },
		{ "9223372036854775808", 0, false, (uint64_t)INT64_MAX + 1 },
		{ "-9223372036854775808", 0, true, (uint64_t)INT64_MIN },
		{ "-9223372036854775809", OCI_JSON_TOO_LARGE, false, 0 },
		{ "18446744073709551614", 0, false, UINT64_MAX - 1 },
		{ "18446744073709551615", 0, false, UINT64_MAX },
		{ "18446744073709551616", OCI_JSON_TOO_LARGE, false, 0 },
		{ "99999999999999999999", OCI_JSON_TOO_LARGE, false, 0 },
		{ "-18446744073709551615", OCI_JSON_TOO_LARGE, false, 0 },
		{ "999999999999999999999999999999999999999999999999",
		  OCI_JSON_TOO_LARGE, false, 0 },
		{ "1.0", OCI_JSON_FRACTION, false, 0 },
		{ "2.0", OCI_JSON_FRACTION, false, 0 },
		{ "-1.0", OCI_JSON_FRACTION, false, 0 },
		{ "1e3", OCI_JSON_FRACTION, false, 0 },
		{ "1E-3", OCI_JSON_FRACTION, false, 0 },
		{ "1.5e+3", OCI_JSON_FRACTION, false, 0 },
		{ "1e999", OCI_JSON_FRACTION, false, 0 },
		{ "18446744073709551615.0", OCI_JSON_FRACTION, false, 0 },
		{ "\"1\"", OCI_JSON_NO_NUMBER, false, 0 },
		{ "null", OCI_JSON_NO_NUMBER, false, 0 },
		{ "[1]", OCI_JSON_NO_NUMBER, false, 0 },
	};
	auto_buf b = BUF_INIT;
	struct oci_json j;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(v); i++)
		buf_addf(&b, "%s%s", i > 0 ? " ,\n" : "[", v[i].text);
	buf_adds(&b, "]");
	assert_int_equal(oci_json_parse(&j, b.data, b.len, NULL), 0);
	assert_int_equal(json_array_size(j.root), ARRAY_SIZE(v));
	for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
		struct oci_number n = { false, 0 };

		assert_int_equal(oci_json_number(&j, json_array_get(j.root, i), &n),
				 v[i].outcome);
		assert_int_equal(n.negative, v[i].negative);
		assert_int_equal(n.value, v[i].value);
	}
	oci_json_deinit(&j);
}

static void numbers_within_strings_are_text(void **state)
{
	static const char text[] =
		"{ \"18446744073709551615\": \"1.5 \\\" 18446744073709551615\","
		" \"\\\\\": 18446744073709551615 }";
	struct oci_number n;
	struct oci_json j;

	(void)state;
	assert_int_equal(oci_json_parse(&j, text, strlen(text), NULL), 0);
	assert_string_equal(json_string_value(json_object_get(j.root,
			    "18446744073709551615")), "1.5 \" 18446744073709551615");
	assert_int_equal(oci_json_number(&j, json_object_get(j.root, "\\"), &n), 0);
	assert_int_equal(n.value, UINT64_MAX);
	oci_json_deinit(&j);
}

static void wrong_numbers_stay_wrong(void **state)
{
	static const char *const v[] = {
		"[01]", "[-]", "[1.]", "[.5]", "[1e]", "[1e+]", "[+1]", "[0x10]",
		"[00000000000000000000001]", "[--1]", "[1-1]", "[1.5.5]",
		"[18446744073709551615 1]", "[1", "[", "\"", "{\"a\":1.5", "[1.5",
		"[18446744073709551615", "[\"\\", "1.5", "",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
		struct error e = { 0 };
		struct oci_json j;

		assert_int_equal(oci_json_parse(&j, v[i], strlen(v[i]), &e), -EINVAL);
		assert_non_null(strstr(e.msg, "line 1, column "));
	}
}

static void deep_is_allowed_up_to_a_bound(void **state)
{
	auto_buf b = BUF_INIT;
	struct oci_json j;

	(void)state;
	for (int i = 0; i < OCI_JSON_DEPTH_MAX; i++)
		buf_adds(&b, "[");
	for (int i = 0; i < OCI_JSON_DEPTH_MAX; i++)
		buf_adds(&b, "]");
	assert_int_equal(oci_json_parse(&j, b.data, b.len, NULL), 0);
	oci_json_deinit(&j);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_exact_or_told_apart),
		cmocka_unit_test(numbers_within_strings_are_text),
		cmocka_unit_test(wrong_numbers_stay_wrong),
		cmocka_unit_test(deep_is_allowed_up_to_a_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
