/*
 * test-sleep.c - who sleeps when, with a clock of the test's and docs that nobody else
 * has made.
 */
#include "base/error.h"
#include "base/file.h"
#include "controller/controller_conf.h"
#include "controller/engine.h"
#include "controller/model/apps.h"
#include "controller/model/assignments.h"
#include "controller/model/sleep.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdio.h>
#include <cmocka.h>

#define AFTER 100
#define SEC USEC_PER_SEC

struct bench {
	char dir[40];
	struct controller_conf conf;
	struct engine *g;
	struct sleepers *sleepers;
	uint64_t now;
	char app[UUID_TEXT_MAX];
};

static void put(struct bench *b, const char *text, const char *key)
{
	auto_change c = change_begin(b->g);
	auto_json *j = json_loads(text, 0, NULL);
	struct error e;

	assert_non_null(j);
	change_put(&c, j, "/apps/%s/%s", b->app, key);
	assert_int_equal(change_commit(&c, &e), 0);
}

static void web(struct bench *b, const char *size, int quantity)
{
	auto_free char *text = xasprintf("{\"entries\":[{\"type\":\"web\",\"size\":\"%s\","
					 "\"quantity\":%d}]}", size, quantity);

	put(b, text, "formation");
}

static int setup(void **state)
{
	static char owner[] = "u@example.com", size[] = "Eco", domain[] = "localhost";
	struct bench *b = xcalloc(1, sizeof(*b));
	auto_doc app = DOC_INIT;
	struct error e;

	snprintf(b->dir, sizeof(b->dir), "/tmp/dyno-sleep-XXXXXX");
	assert_non_null(mkdtemp(b->dir));
	b->conf = (struct controller_conf){
		.owner = owner, .default_size = size, .domain = domain,
	};
	b->now = 1000 * SEC;
	if (engine_new(&b->g, &b->conf, b->dir, &e) < 0 ||
	    apps_create(b->g, &(struct apps_new){ .name = "app1" }, &app, &e) != 0)
		fail_msg("%s", e.msg);
	snprintf(b->app, sizeof(b->app), "%s", json_str(app.j, "id"));
	b->sleepers = sleepers_new(b->g, AFTER);
	web(b, "Eco", 1);
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct bench *b = *state;

	sleepers_free(b->sleepers);
	engine_free(b->g);
	assert_int_equal(file_remove_tree(AT_FDCWD, b->dir, NULL), 0);
	free(b);
	return 0;
}

static int sleeps(struct bench *b)
{
	struct error e;

	return sleep_is(b->g, b->app, &e);
}

static void pass(struct bench *b, unsigned sec)
{
	struct error e;

	for (unsigned i = 0; i < sec; i++) {
		b->now += SEC;
		assert_int_equal(sleepers_tick(b->sleepers, b->now, &e), 0);
	}
}

static void used(struct bench *b)
{
	struct error e;

	assert_int_equal(sleepers_used(b->sleepers, "app1", b->now, &e), 0);
}

static void an_app_without_requests_sleeps_in_two_steps(void **state)
{
	struct bench *b = *state;

	pass(b, AFTER - 5);
	assert_int_equal(sleeps(b), 0);
	while (!sleeps(b) && b->now < (1000 + 2 * AFTER) * SEC)
		pass(b, 1);
	assert_in_range(b->now, (1000 + AFTER) * SEC, (1000 + AFTER + 10) * SEC);
	assert_int_equal(sleeps(b), SLEEP_ROUTED);
	pass(b, 2);
	assert_int_equal(sleeps(b), SLEEP_TOLD);
	pass(b, 10 * AFTER);
	assert_int_equal(sleeps(b), SLEEP_TOLD);
}

static void a_request_wakes_it_and_begins_a_new_time(void **state)
{
	struct bench *b = *state;

	pass(b, 2 * AFTER);
	assert_int_equal(sleeps(b), SLEEP_TOLD);
	used(b);
	assert_int_equal(sleeps(b), 0);
	pass(b, AFTER - 5);
	used(b);
	pass(b, AFTER - 5);
	assert_int_equal(sleeps(b), 0);
	pass(b, AFTER);
	assert_int_equal(sleeps(b), SLEEP_TOLD);
	/* One that nobody knows is nobody's. */
	assert_int_equal(sleepers_used(b->sleepers, "other", b->now, NULL), 0);
}

static void who_is_woken_by_a_change_has_its_time_too(void **state)
{
	struct bench *b = *state;
	struct error e;

	pass(b, 3 * AFTER);
	{
		auto_change c = change_begin(b->g);

		assert_int_equal(sleep_end(&c, b->app, &e), 0);
		assert_int_equal(change_commit(&c, &e), 0);
	}
	assert_int_equal(sleeps(b), 0);
	pass(b, AFTER - 10);
	assert_int_equal(sleeps(b), 0);
	pass(b, 20);
	assert_int_not_equal(sleeps(b), 0);
}

static void only_eco_web_dynos_sleep(void **state)
{
	struct bench *b = *state;

	web(b, "Basic", 1);
	pass(b, 3 * AFTER);
	assert_int_equal(sleeps(b), 0);
	web(b, "Eco", 0);
	pass(b, 3 * AFTER);
	assert_int_equal(sleeps(b), 0);
	put(b, "{\"entries\":[{\"type\":\"worker\",\"size\":\"Eco\",\"quantity\":1}]}",
	    "formation");
	pass(b, 3 * AFTER);
	assert_int_equal(sleeps(b), 0);
	web(b, "Eco", 2);
	pass(b, 20);
	assert_int_equal(sleeps(b), SLEEP_TOLD);
	/* Of a size that does not sleep any more. */
	web(b, "Basic", 2);
	pass(b, 20);
	assert_int_equal(sleeps(b), 0);
}

static void nobody_sleeps_where_it_is_switched_off(void **state)
{
	struct bench *b = *state;

	sleepers_free(b->sleepers);
	b->sleepers = sleepers_new(b->g, 0);
	pass(b, 10 * AFTER);
	assert_int_equal(sleeps(b), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
		T(an_app_without_requests_sleeps_in_two_steps),
		T(a_request_wakes_it_and_begins_a_new_time),
		T(who_is_woken_by_a_change_has_its_time_too),
		T(only_eco_web_dynos_sleep),
		T(nobody_sleeps_where_it_is_switched_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
