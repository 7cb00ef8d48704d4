/*
 * test-routes.c - what the controller says, and what is not believed.
 */
#include "base/error.h"
#include "router/routes.h"

#include <setjmp.h>
#include <cmocka.h>

#define ID1 "00000000-0000-4000-8000-000000000001"
#define ID2 "00000000-0000-4000-8000-000000000002"

static struct routes parse(const char *text)
{
	struct routes r = ROUTES_INIT;
	struct error e;

	assert_int_equal(routes_parse(&r, text, strlen(text), &e), 0);
	return r;
}

static void routes_are_read(void **state)
{
	struct routes r = parse(
		"{\"revision\":7,\"routes\":[{\"app\":\"my-app\",\"hosts\":"
		"[\"my-app.localhost\",\"www.example.com\"],\"maintenance\":true,"
		"\"blank\":true,\"web\":2,\"dynos\":["
		"{\"name\":\"web.1\",\"id\":\"" ID1 "\",\"address\":\"172.16.0.2\","
		"\"port\":5000,\"state\":\"up\"},"
		"{\"name\":\"web.2\",\"id\":\"" ID2 "\",\"address\":null,"
		"\"port\":null,\"state\":\"starting\"}]}]}");

	assert_int_equal(r.revision, 7);
	assert_int_equal(r.n_apps, 1);
	assert_int_equal(r.left_out, 0);
	assert_string_equal(r.apps[0].name, "my-app");
	assert_int_equal(r.apps[0].hosts.n, 2);
	assert_true(r.apps[0].maintenance);
	assert_true(r.apps[0].blank);
	assert_int_equal(r.apps[0].web, 2);
	assert_int_equal(r.apps[0].n_dynos, 2);
	assert_string_equal(r.apps[0].dynos[0].address, "172.16.0.2");
	assert_int_equal(r.apps[0].dynos[0].port, 5000);
	assert_int_equal(r.apps[0].dynos[0].state, ROUTES_UP);
	assert_string_equal(r.apps[0].dynos[1].address, "");
	assert_int_equal(r.apps[0].dynos[1].state, ROUTES_STARTING);
	routes_deinit(&r);
	assert_null(r.apps);
}

static void absent_members_mean_no(void **state)
{
	struct routes r = parse("{\"revision\":0,\"routes\":[{\"app\":\"a\"}]}");

	assert_int_equal(r.n_apps, 1);
	assert_false(r.apps[0].maintenance);
	assert_int_equal(r.apps[0].web, 0);
	assert_int_equal(r.apps[0].n_dynos, 0);
	routes_deinit(&r);
}

static void malformed_names_are_left_out(void **state)
{
	static const char *const bad[] = {
		"", "A", "a b", "a\\nbackend x", "a\\u0000", "-a", "a-", ".a",
		"a\\\"", "a/b", "a#", "a%b", "a\\u00e4", "a_b", "a\\\\",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		auto_free char *app = xasprintf(
			"{\"revision\":1,\"routes\":[{\"app\":\"%s\"},"
			"{\"app\":\"good\"}]}", bad[i]);
		auto_free char *dyno = xasprintf(
			"{\"revision\":1,\"routes\":[{\"app\":\"good\",\"dynos\":["
			"{\"name\":\"%s\",\"id\":\"" ID1 "\",\"state\":\"up\"},"
			"{\"name\":\"web.1\",\"id\":\"%s\",\"state\":\"up\"},"
			"{\"name\":\"web.2\",\"id\":\"" ID2 "\",\"port\":1,"
			"\"address\":\"%s\",\"state\":\"up\"}]}]}", bad[i], bad[i],
			bad[i]);
		struct routes r = ROUTES_INIT;

		/* A NUL is refused by the JSON parser already. */
		if (routes_parse(&r, app, strlen(app), NULL) == 0) {
			assert_int_equal(r.n_apps, 1);
			assert_string_equal(r.apps[0].name, "good");
			assert_int_equal(r.left_out, 1);
			routes_deinit(&r);
			r = parse(dyno);
			assert_int_equal(r.apps[0].n_dynos, 0);
			assert_int_equal(r.left_out, 3);
		} else {
			assert_non_null(strstr(bad[i], "u0000"));
		}
		routes_deinit(&r);
	}
}

static void malformed_hosts_are_left_out(void **state)
{
	struct routes r = parse(
		"{\"revision\":1,\"routes\":[{\"app\":\"a\",\"hosts\":[\"a b\","
		"\"x\\ny\",\"ok.localhost\",7,null,\"EVIL\",\"*\"]}]}");

	assert_int_equal(r.apps[0].hosts.n, 1);
	assert_string_equal(r.apps[0].hosts.v[0], "ok.localhost");
	assert_int_equal(r.left_out, 6);
	routes_deinit(&r);
}

static void ports_and_addresses_are_checked(void **state)
{
	static const char *const bad[] = {
		"\"port\":-1", "\"port\":65536", "\"address\":\"::1\"",
		"\"address\":\"1.2.3\"", "\"address\":\"1.2.3.4 check\"",
		"\"address\":\"localhost\"", "\"address\":\"01.2.3.4x\"",
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		auto_free char *text = xasprintf(
			"{\"revision\":1,\"routes\":[{\"app\":\"a\",\"dynos\":["
			"{\"name\":\"web.1\",\"id\":\"" ID1 "\",%s}]}]}", bad[i]);
		struct routes r = parse(text);

		assert_int_equal(r.apps[0].n_dynos, 0);
		assert_int_equal(r.left_out, 1);
		routes_deinit(&r);
	}
}

static void first_of_two_with_one_name_stays(void **state)
{
	struct routes r = parse(
		"{\"revision\":1,\"routes\":[{\"app\":\"a\",\"web\":1,\"dynos\":["
		"{\"name\":\"web.1\",\"id\":\"" ID1 "\"},"
		"{\"name\":\"web.1\",\"id\":\"" ID2 "\"},"
		"{\"name\":\"web.2\",\"id\":\"" ID1 "\"}]},"
		"{\"app\":\"a\",\"web\":9}]}");

	assert_int_equal(r.n_apps, 1);
	assert_int_equal(r.apps[0].web, 1);
	assert_int_equal(r.apps[0].n_dynos, 2);
	assert_int_equal(r.left_out, 2);
	routes_deinit(&r);
}

static void malformed_whole_is_an_error(void **state)
{
	static const char *const bad[] = {
		"", "[]", "{}", "{\"revision\":1}", "{\"routes\":[]}",
		"{\"revision\":\"1\",\"routes\":[]}", "{\"revision\":1,\"routes\":{}}",
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct routes r = ROUTES_INIT;
		struct error e;

		assert_int_equal(routes_parse(&r, bad[i], strlen(bad[i]), &e),
				 -EINVAL);
		routes_deinit(&r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(routes_are_read),
		cmocka_unit_test(absent_members_mean_no),
		cmocka_unit_test(malformed_names_are_left_out),
		cmocka_unit_test(malformed_hosts_are_left_out),
		cmocka_unit_test(ports_and_addresses_are_checked),
		cmocka_unit_test(first_of_two_with_one_name_stays),
		cmocka_unit_test(malformed_whole_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
