/*
 * test-s3.c - addresses of an object store, and what it complains about.
 */
#include "base/error.h"
#include "slugstore/conf.h"
#include "slugstore/transfer/s3.h"
#include "slugstore/transfer/target.h"

#include <setjmp.h>
#include <cmocka.h>

static char endpoint[] = "https://s3.example.com:9000", key[] = "AK";

static struct slugs_conf conf(bool path_style)
{
	return (struct slugs_conf){
		.s3_endpoint = endpoint, .s3_access_key = key,
		.s3_path_style = path_style,
	};
}

static void assert_url(bool path_style, const char *address, const char *url)
{
	const struct slugs_conf c = conf(path_style);
	auto_free char *found = NULL;

	assert_int_equal(s3_url(&c, address, &found, NULL), 0);
	assert_string_equal(found, url);
}

static void an_address_has_two_styles(void **state)
{
	assert_url(true, "s3://slugs/a/b.tgz",
		   "https://s3.example.com:9000/slugs/a/b.tgz");
	assert_url(false, "s3://slugs/a/b.tgz",
		   "https://slugs.s3.example.com:9000/a/b.tgz");
}

static void all_but_the_unreserved_is_encoded(void **state)
{
	assert_url(true, "s3://slugs/a b+c%20?x=y&z#\xc3\xbc~-._!*'()",
		   "https://s3.example.com:9000/slugs/a%20b%2Bc%2520%3Fx%3Dy%26z"
		   "%23%C3%BC~-._%21%2A%27%28%29");
}

static void what_is_no_address_is_refused(void **state)
{
	static const char long_name[] = "s3://01234567890123456789012345678901"
		"23456789012345678901234567890123/key";
	const char *const bad[] = {
		long_name, "s3://", "s3://slugs", "s3://slugs/", "s3:///key", "s3://a/key",
		"s3://Slugs/key", "s3://sl_ugs/key", "s3://-slugs/key",
		"s3://slugs./key", "s3://a@b.c/key",
	};
	const struct slugs_conf c = conf(true);
	struct slugs_conf none = conf(true);
	auto_free char *found = NULL;
	struct error e;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (s3_url(&c, bad[i], &found, &e) != -EINVAL)
			fail_msg("\"%s\" was accepted", bad[i]);
	none.s3_access_key = NULL;
	assert_int_equal(s3_url(&none, "s3://slugs/key", &found, &e), -EINVAL);
	assert_non_null(strstr(e.msg, "s3-access-key is not configured"));
}

static void an_error_is_found_in_any_page(void **state)
{
	static const char page[] = "<?xml version=\"1.0\"?>\n<Error>\n <Code>"
		"NoSuchKey</Code><Message>no \x1b[31m\nsuch</Message></Error>";
	struct s3_error s3;

	s3_error_parse(&s3, page, sizeof(page) - 1);
	assert_string_equal(s3.code, "NoSuchKey");
	assert_string_equal(s3.text, "no ?[31m?such");
	/* Cut anywhere, it is read up to there. */
	for (size_t n = 0; n < sizeof(page); n++) {
		auto_free char *part = xmalloc(n ? n : 1);

		memcpy(part, page, n);
		s3_error_parse(&s3, part, n);
		assert_true(strlen(s3.code) <= 9 && strlen(s3.text) <= 14);
	}
	s3_error_parse(&s3, NULL, 0);
	assert_string_equal(s3.code, "");
	assert_int_equal(s3.size, 0);
	s3_error_parse(&s3, "<ActualObjectSize>12</ActualObjectSize>", 39);
	assert_int_equal(s3.size, 12);
	s3_error_parse(&s3, "<ActualObjectSize>-1</ActualObjectSize>", 39);
	assert_int_equal(s3.size, 0);
}

static void a_long_error_is_cut(void **state)
{
	auto_free char *page = xmalloc(5000);
	struct s3_error s3;

	memset(page, 'x', 5000);
	memcpy(page, "<Code>", 6);
	memcpy(page + 2000, "<Message>", 9);
	s3_error_parse(&s3, page, 5000);
	assert_int_equal(strlen(s3.code), S3_CODE_MAX - 1);
	assert_int_equal(strlen(s3.text), S3_TEXT_MAX - 1);
}

static void a_name_holds_no_secret(void **state)
{
	static const struct { const char *address, *name; } cases[] = {
		{ "http://h/p", "http://h/p" },
		{ "https://u:pw@h:1/p?sig=x#f", "https://h:1/p?..." },
		{ "https://h/a@b", "https://h/a@b" },
		{ "https://u:p@w@h", "https://h" },
		{ "https://h?u@x", "https://h?..." },
		{ "s3://slugs/a?b", "s3://slugs/a?b" },
		{ "?://", "?://" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_free char *name = target_name(cases[i].address);

		assert_string_equal(name, cases[i].name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_has_two_styles),
		cmocka_unit_test(all_but_the_unreserved_is_encoded),
		cmocka_unit_test(what_is_no_address_is_refused),
		cmocka_unit_test(an_error_is_found_in_any_page),
		cmocka_unit_test(a_long_error_is_cut),
		cmocka_unit_test(a_name_holds_no_secret),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
