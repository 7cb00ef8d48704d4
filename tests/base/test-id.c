/*
 * test-id.c - random identifiers and their syntax.
 */
#include "base/id.h"

#include <setjmp.h>
#include <cmocka.h>

static void uuids_are_version_4_and_differ(void **state)
{
	char a[UUID_TEXT_MAX], b[UUID_TEXT_MAX];

	for (int i = 0; i < 100; i++) {
		assert_true(id_is_uuid(id_uuid(a)));
		assert_int_equal(a[14], '4');
		assert_non_null(strchr("89ab", a[19]));
		assert_string_not_equal(a, id_uuid(b));
	}
}

static void only_lower_case_uuids_are_uuids(void **state)
{
	static const char *const bad[] = {
		"", "0123", "01234567-89ab-4def-8123-456789abcde",
		"01234567-89ab-4def-8123-456789abcdef0",
		"01234567-89AB-4def-8123-456789abcdef",
		"01234567089ab-4def-8123-456789abcdef",
		"01234567-89ab-4def-8123-456789abcdeg",
		"../../../../../../etc/passwd/xxxxxxx",
	};

	assert_true(id_is_uuid("01234567-89ab-4def-8123-456789abcdef"));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(id_is_uuid(bad[i]));
}

static void sha256_is_64_lower_hex_digits(void **state)
{
	char text[70];

	memset(text, 'a', sizeof(text));
	text[64] = '\0';
	assert_true(id_is_sha256(text));
	text[63] = '\0';
	assert_false(id_is_sha256(text));
	text[63] = 'a', text[64] = 'a', text[65] = '\0';
	assert_false(id_is_sha256(text));
	text[64] = '\0', text[10] = 'A';
	assert_false(id_is_sha256(text));
}

static void secrets_have_two_digits_a_byte(void **state)
{
	auto_free char *a = id_secret(32);
	auto_free char *b = id_secret(32);

	assert_int_equal(strlen(a), 64);
	assert_true(id_is_sha256(a));
	assert_string_not_equal(a, b);
}

static void secrets_are_compared_whole(void **state)
{
	assert_true(id_secret_eq("abc", "abc"));
	assert_true(id_secret_eq("", ""));
	assert_false(id_secret_eq("abc", "abd"));
	assert_false(id_secret_eq("abc", "xbc"));
	assert_false(id_secret_eq("abc", "ab"));
	assert_false(id_secret_eq("", "a"));
}

static void random_numbers_stay_below(void **state)
{
	bool seen[5] = { false };

	for (int i = 0; i < 1000; i++) {
		uint32_t x = id_random(5);

		assert_true(x < 5);
		seen[x] = true;
	}
	for (int i = 0; i < 5; i++)
		assert_true(seen[i]);
	assert_int_equal(id_random(1), 0);
}

static void hex_is_lower_case(void **state)
{
	char out[9];

	id_hex(out, "\x00\x9f\xAB\xff", 4);
	assert_string_equal(out, "009fabff");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(uuids_are_version_4_and_differ),
		cmocka_unit_test(only_lower_case_uuids_are_uuids),
		cmocka_unit_test(sha256_is_64_lower_hex_digits),
		cmocka_unit_test(secrets_have_two_digits_a_byte),
		cmocka_unit_test(secrets_are_compared_whole),
		cmocka_unit_test(random_numbers_stay_below),
		cmocka_unit_test(hex_is_lower_case),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
