/*
 * test-route.c - targets and the table of routes, without a server.
 */
#include "base/buf.h"
#include "http/route.h"

#include <setjmp.h>
#include <cmocka.h>

static const struct http_route routes[] = {
	{ "GET", "/" },
	{ "GET", "/apps" },
	{ "POST", "/apps" },
	{ "GET", "/apps/special" },
	{ "GET", "/apps/:app" },
	{ "PATCH", "/apps/:app" },
	{ "GET", "/apps/:app/dynos/:dyno" },
	{ "DELETE", "/apps/:app/dynos/:dyno/" },
};

static void routes_are_found_in_the_order_of_the_table(void **state)
{
	static const struct {
		const char *method, *path;
		int status, index;
	} cases[] = {
		{ "GET", "/", 0, 0 },
		{ "GET", "/apps", 0, 1 },
		{ "POST", "/apps", 0, 2 },
		{ "GET", "/apps/special", 0, 3 },
		{ "HEAD", "/apps/special", 0, 3 },
		{ "PATCH", "/apps/special", 0, 5 },
		{ "GET", "/apps/x", 0, 4 },
		{ "GET", "/apps/x/dynos/web.1", 0, 6 },
		{ "GET", "/%61pps", 0, 1 },
		{ "DELETE", "/apps", 405, 0 },
		{ "get", "/apps", 405, 0 },
		{ "GET", "/apps/", 404, 0 },
		{ "GET", "//apps", 404, 0 },
		{ "GET", "/apps/x/dynos", 404, 0 },
		{ "GET", "/apps/x/dynos/y/z", 404, 0 },
		{ "GET", "/apps/x/dynos/", 404, 0 },
		{ "DELETE", "/apps/x/dynos/y/", 0, 7 },
		{ "DELETE", "/apps/x/dynos/y", 405, 0 },
		{ "GET", "/apps/%0", 400, 0 },
		{ "GET", "/apps/%", 400, 0 },
		{ "GET", "/apps/a%00b", 400, 0 },
		{ "GET", "", 404, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct route_match m = { 0 };

		assert_int_equal(route_find(&m, routes, ARRAY_SIZE(routes),
					    cases[i].method, cases[i].path),
				 cases[i].status);
		if (cases[i].status == 0)
			assert_ptr_equal(m.route, &routes[cases[i].index]);
		route_match_free(&m);
	}
}

static void parameters_are_decoded_inside_their_segment(void **state)
{
	struct route_match m = { 0 };

	assert_int_equal(route_find(&m, routes, ARRAY_SIZE(routes), "GET",
				    "/apps/a%2Fb+c/dynos/%C3%A4"), 0);
	assert_string_equal(route_pair_get(m.params, m.n_params, "app"), "a/b+c");
	assert_string_equal(route_pair_get(m.params, m.n_params, "dyno"),
			    "\xc3\xa4");
	assert_null(route_pair_get(m.params, m.n_params, "none"));
	route_match_free(&m);
}

static void not_allowed_lists_the_methods(void **state)
{
	struct route_match m = { 0 };

	assert_int_equal(route_find(&m, routes, ARRAY_SIZE(routes), "PUT",
				    "/apps/x"), 405);
	assert_string_equal(m.allow, "GET, HEAD, PATCH");
	route_match_free(&m);
}

static void query_is_decoded(void **state)
{
	struct route_target t = { 0 };

	assert_true(route_target_parse(&t, "/x?a=1%262&b&&=n&c=d=e&a=9&f+g=+"));
	assert_string_equal(t.path, "/x");
	assert_string_equal(route_pair_get(t.query, t.n_query, "a"), "1&2");
	assert_string_equal(route_pair_get(t.query, t.n_query, "b"), "");
	assert_string_equal(route_pair_get(t.query, t.n_query, "c"), "d=e");
	assert_string_equal(route_pair_get(t.query, t.n_query, "f g"), " ");
	assert_null(route_pair_get(t.query, t.n_query, "d"));
	route_target_free(&t);
}

static void absolute_targets_lose_their_host(void **state)
{
	struct route_target t = { 0 };

	assert_true(route_target_parse(&t, "http://host:1/x?a"));
	assert_string_equal(t.path, "/x");
	route_target_free(&t);
}

static void malformed_targets_are_refused(void **state)
{
	static const char *const bad[] = {
		"", "x", "*", "http://host", "/x?a=%", "/x?%zz=1", "/x?a=%00",
	};
	auto_buf many = BUF_INIT;
	struct route_target t = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_false(route_target_parse(&t, bad[i]));
		route_target_free(&t);
	}
	buf_adds(&many, "/?x");
	for (int i = 0; i < ROUTE_QUERY_MAX; i++)
		buf_adds(&many, "&y");
	assert_false(route_target_parse(&t, many.data));
	route_target_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(routes_are_found_in_the_order_of_the_table),
		cmocka_unit_test(parameters_are_decoded_inside_their_segment),
		cmocka_unit_test(not_allowed_lists_the_methods),
		cmocka_unit_test(query_is_decoded),
		cmocka_unit_test(absolute_targets_lose_their_host),
		cmocka_unit_test(malformed_targets_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
