/*
 * Accept, Content-Type and tags.
 */
#include "base/base.h"

#include "controller/api/negotiate.h"
#include "controller/model/outcome.h"

#include <setjmp.h>
#include <cmocka.h>

static void version_3_is_accepted_in_every_variant(void **s)
{
	static const char *const fine[] = {
		NULL, "", " ", "*/*", "application/*", "application/json",
		"application/vnd.heroku+json", "Application/Vnd.Heroku+JSON",
		"application/vnd.heroku+json; version=3",
		"application/vnd.heroku+json;version=3.run-inside",
		"text/html, application/json;q=0.1", "application/json;q=0.001",
		"application/xml;q=0, */*;q=0.1", "*/*; q=1.0",
		"application/vnd.heroku+json; version=2, */*",
	};

	for (size_t i = 0; i < ARRAY_SIZE(fine); i++)
		assert_int_equal(negotiate_accept(fine[i], NULL), 0);
}

static void other_versions_and_forms_are_not(void **s)
{
	static const char *const wrong[] = {
		"application/vnd.heroku+json; version=2",
		"application/vnd.heroku+json; version=33",
		"application/vnd.heroku+json; a=b; version=",
		"text/html", "application/xml, text/*", "json",
		"application/json;q=0", "application/vnd.heroku+json; version=3; Q=0",
		"application/json; q=0.000, */*;q=0.", "text/html, */* ; q=0",
	};

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_int_equal(negotiate_accept(wrong[i], NULL),
				 OUTCOME_NOT_ACCEPTABLE);
}

static void bodies_are_json(void **s)
{
	static const char *const fine[] = {
		NULL, "", "application/json", "APPLICATION/JSON; charset=utf-8",
		" application/vnd.heroku+json ; version=3",
	};
	static const char *const wrong[] = {
		"text/plain", "+json", "application/x-www-form-urlencoded",
		"application/jsonp",
	};

	for (size_t i = 0; i < ARRAY_SIZE(fine); i++)
		assert_int_equal(negotiate_body(fine[i], NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_int_equal(negotiate_body(wrong[i], NULL),
				 OUTCOME_BAD_ENCODING);
}

static void the_same_text_has_the_same_tag(void **s)
{
	char a[NEGOTIATE_TAG_MAX], b[NEGOTIATE_TAG_MAX];

	assert_string_equal(negotiate_tag(a, "x", 1), negotiate_tag(b, "x", 1));
	assert_string_not_equal(a, negotiate_tag(b, "y", 1));
	assert_int_equal(strlen(a), 32);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(version_3_is_accepted_in_every_variant),
		cmocka_unit_test(other_versions_and_forms_are_not),
		cmocka_unit_test(bodies_are_json),
		cmocka_unit_test(the_same_text_has_the_same_tag),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
