#include "manager/model/address.h"

#include <setjmp.h>
#include <cmocka.h>

static void assert_parsed(const char *text, const char *host, const char *port)
{
	auto_(address_deinit) struct address a = { NULL, NULL };

	address_parse(&a, text, "443");
	assert_string_equal(a.host, host);
	assert_string_equal(a.port, port);
}

static void an_address_has_a_host_and_a_port(void **state)
{
	assert_parsed("api.example.com", "api.example.com", "443");
	assert_parsed("api.example.com:8443", "api.example.com", "8443");
	assert_parsed("api.example.com:8443/base:1", "api.example.com", "8443");
	assert_parsed("[2001:db8::1]", "2001:db8::1", "443");
	assert_parsed("[2001:db8::1]:81/", "2001:db8::1", "81");
	assert_parsed("", "", "443");
}

static void a_name_stands_for_all_below_it(void **state)
{
	assert_true(address_is_among("example.com", "example.com"));
	assert_true(address_is_among("example.com", ".example.com"));
	assert_true(address_is_among("API.example.com", "other.org, .Example.com"));
	assert_true(address_is_among("a.b.example.com", "other.org example.com"));
	assert_false(address_is_among("badexample.com", "example.com"));
	assert_false(address_is_among("badexample.com", ".example.com"));
	assert_false(address_is_among("example.com", "api.example.com"));
	assert_false(address_is_among("example.com", "example.com.org"));
}

static void an_address_stands_for_itself(void **state)
{
	assert_true(address_is_among("10.0.0.1", "localhost,10.0.0.1"));
	assert_false(address_is_among("10.0.0.11", "10.0.0.1"));
	assert_false(address_is_among("110.0.0.1", "10.0.0.1"));
	assert_true(address_is_among("2001:db8::1", "[2001:db8::1]"));
	assert_true(address_is_among("2001:db8::1", "2001:DB8::1"));
	assert_false(address_is_among("2001:db8::1", "8::1"));
}

static void a_star_is_everybody_and_nothing_is_nobody(void **state)
{
	assert_true(address_is_among("example.com", "*"));
	assert_true(address_is_among("example.com", "a, *"));
	assert_false(address_is_among("example.com", "*.com"));
	assert_false(address_is_among("example.com", NULL));
	assert_false(address_is_among("example.com", ""));
	assert_false(address_is_among("example.com", " ,, . [] "));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_has_a_host_and_a_port),
		cmocka_unit_test(a_name_stands_for_all_below_it),
		cmocka_unit_test(an_address_stands_for_itself),
		cmocka_unit_test(a_star_is_everybody_and_nothing_is_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
