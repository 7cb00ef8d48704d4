/*
 * test-domain_name.c - names that requests can have, and others.
 */
#include "base/error.h"
#include "controller/model/domain_name.h"
#include "controller/model/outcome.h"

#include <setjmp.h>
#include <cmocka.h>

static char *make(const char *text)
{
	char *name = NULL;
	struct error e;

	return domain_name_make(text, "apps.local", &name, &e) == 0 ? name : NULL;
}

static void same(const char *text, const char *wanted)
{
	auto_free char *name = make(text);

	assert_non_null(name);
	assert_string_equal(name, wanted);
}

static void names_get_the_form_that_requests_have(void **state)
{
	same("www.example.com", "www.example.com");
	same("WWW.Example.COM.", "www.example.com");
	same("*.Example.com", "*.example.com");
	same("b\xc3\xbc" "cher.example", "xn--bcher-kva.example");
	same("B\xc3\x9c" "CHER.example", "xn--bcher-kva.example");
	same("xn--bcher-kva.example", "xn--bcher-kva.example");
	same("1.2.example", "1.2.example");
}

static void what_is_no_name_is_refused(void **state)
{
	static const char *const bad[] = {
		"", ".", "*", "*.", "example", "*.example", "a..b", ".a.b", "a.b..",
		"-a.example", "a-.example", "a_b.example", "a b.example",
		"a.*.example", "*a.example", "*.*.example", "10.0.0.1",
		"a.example/x", "a.example:80", "http://a.example", "a.example\n",
		"\xff.example", "[::1]", "a%b.example", "\"a.example",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.b",
	};
	char big[DOMAIN_NAME_MAX + 2];
	char *name;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		name = make(bad[i]);
		if (name)
			fail_msg("\"%s\" became \"%s\"", bad[i], name);
	}
	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = i % 2 ? '.' : 'a';
	big[sizeof(big) - 1] = '\0';
	assert_null(make(big));
	big[sizeof(big) - 2] = '\0';
	same(big, big);
}

static void the_domain_of_the_apps_is_theirs(void **state)
{
	struct error e;
	char *name;

	assert_int_equal(domain_name_make("x.apps.local", "apps.local", &name, &e),
			 OUTCOME_INVALID);
	assert_int_equal(domain_name_make("*.Apps.local", "apps.local", &name, &e),
			 OUTCOME_INVALID);
	same("xapps.local", "xapps.local");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_get_the_form_that_requests_have),
		cmocka_unit_test(what_is_no_name_is_refused),
		cmocka_unit_test(the_domain_of_the_apps_is_theirs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
