/*
 * The audit trail: its order, its bounds, its life over a restart.
 */
#include "base/base.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "controller/access/audit.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdio.h>
#include <cmocka.h>

#define DAY (24 * 3600 * USEC_PER_SEC)

static char dir[] = "/tmp/dyno-audit-XXXXXX";

static struct audit *open_trail(uint64_t max, uint64_t days)
{
	auto_free char *path = xasprintf("%s/audit.db", dir);
	struct audit *a = NULL;

	assert_int_equal(audit_open(&a, path, max, days, NULL), 0);
	return a;
}

static int setup(void **s)
{
	return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **s)
{
	file_remove_tree(AT_FDCWD, dir, NULL);
	snprintf(dir, sizeof(dir), "/tmp/dyno-audit-XXXXXX");
	return 0;
}

static void add(struct audit *a, const char *app, int status, uint64_t now)
{
	struct principal p = { .scope = PRINCIPAL_WRITE, .id = "i", .email = "e" };
	struct audit_record r = {
		.who = &p, .from = "127.0.0.1", .method = "PATCH",
		.route = "/apps/:app", .app = app, .app_name = "name",
		.target = "", .request = "r", .status = status,
	};

	assert_int_equal(audit_add(a, &r, now, NULL), 0);
}

static json_t *list(struct audit *a, const char *app, uint64_t before, size_t max,
		    uint64_t now)
{
	struct audit_query q = { .app = app, .before = before, .max = max };
	json_t *out = NULL;

	assert_int_equal(audit_list(a, &q, now, &out, NULL), 0);
	return out;
}

static void the_newest_come_first_and_survive_a_restart(void **s)
{
	uint64_t now = clock_real_usec();
	struct audit *a = open_trail(100, 90);
	auto_json *all = NULL, *older = NULL;

	add(a, "x", 200, now);
	add(a, "y", 201, now);
	add(a, "x", 202, now);
	audit_free(a);
	a = open_trail(100, 90);
	all = list(a, "x", 0, 10, now);
	assert_int_equal(json_array_size(all), 2);
	assert_int_equal(json_int(json_array_get(all, 0), "status", 0), 202);
	older = list(a, NULL, (uint64_t)json_int(json_array_get(all, 0), "id", 0),
		     1, now);
	assert_int_equal(json_array_size(older), 1);
	assert_int_equal(json_int(json_array_get(older, 0), "status", 0), 201);
	audit_free(a);
}

static void it_holds_so_many_records(void **s)
{
	uint64_t now = clock_real_usec();
	struct audit *a = open_trail(100, 90);
	auto_json *all = NULL;

	for (int i = 0; i < 600; i++)
		add(a, "x", i, now);
	audit_free(a);
	a = open_trail(100, 90);
	all = list(a, NULL, 0, 1000, now);
	assert_int_equal(json_array_size(all), 100);
	assert_int_equal(json_int(json_array_get(all, 0), "status", 0), 599);
	audit_free(a);
}

static void old_records_are_not_told_and_go(void **s)
{
	uint64_t now = clock_real_usec();
	struct audit *a = open_trail(100, 7);
	auto_json *before = NULL, *after = NULL;

	add(a, "x", 1, now - 8 * DAY);
	add(a, "x", 2, now - 6 * DAY);
	before = list(a, NULL, 0, 10, now);
	assert_int_equal(json_array_size(before), 1);
	audit_free(a);
	a = open_trail(100, 7);
	after = list(a, NULL, 0, 10, now - 5 * DAY);	/* 8 days ago is young then */
	assert_int_equal(json_array_size(after), 1);
	audit_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			the_newest_come_first_and_survive_a_restart, setup, teardown),
		cmocka_unit_test_setup_teardown(it_holds_so_many_records, setup,
						teardown),
		cmocka_unit_test_setup_teardown(old_records_are_not_told_and_go,
						setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
