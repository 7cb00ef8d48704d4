/*
 * When collections happen, on a fake dyno-slug.
 */
#include "base/error.h"
#include "manager/slug/slug_gc.h"
#include "tests/manager/slug_program.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static int setup(void **state)
{
	struct slug_program *p = xcalloc(1, sizeof(*p));

	slug_program_init(p);
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct slug_program *p = *state;

	slug_program_deinit(p);
	free(p);
	return 0;
}

static void who_asks_often_gets_one(void **state)
{
	struct slug_program *p = *state;
	struct slug_gc *g = slug_gc_new(&p->command, 0);
	auto_free char *ran = NULL;

	for (int i = 0; i < 10; i++) {
		slug_gc_soon(g, 1);
		slug_program_serve(p, 20);
	}
	assert_int_equal(slug_program_count(p), 0);
	slug_program_await(p, 1);
	slug_program_serve(p, 1200);
	assert_int_equal(slug_program_count(p), 1);
	ran = slug_program_ran(p);
	assert_string_equal(ran, "gc\n");
	slug_gc_free(g);
}

static void it_happens_by_itself_again_and_again(void **state)
{
	struct slug_program *p = *state;
	struct slug_gc *g = slug_gc_new(&p->command, 1);

	slug_program_serve(p, 500);
	assert_int_equal(slug_program_count(p), 0);
	slug_program_await(p, 1);
	slug_program_await(p, 2);
	slug_gc_free(g);
}

static void an_early_one_is_not_put_off_by_a_later_one(void **state)
{
	struct slug_program *p = *state;
	struct slug_gc *g = slug_gc_new(&p->command, 3600);

	slug_gc_soon(g, 0);
	slug_gc_soon(g, 600);
	slug_program_await(p, 1);
	slug_gc_free(g);
}

static void only_one_runs_at_a_time_and_who_asked_meanwhile_is_served(void **state)
{
	struct slug_program *p = *state;
	struct slug_gc *g = slug_gc_new(&p->command, 0);

	slug_program_put(p, "hold", "");
	slug_gc_soon(g, 0);
	slug_program_await(p, 1);
	slug_gc_soon(g, 0);
	slug_program_serve(p, 1300);
	assert_int_equal(slug_program_count(p), 1);
	slug_program_take_away(p, "hold");
	slug_program_await(p, 2);
	slug_gc_free(g);
}

static void a_failure_is_not_the_last(void **state)
{
	struct slug_program *p = *state;
	struct slug_gc *g = slug_gc_new(&p->command, 1);

	slug_program_put(p, "gc", "echo no disk >&2; exit 1\n");
	slug_program_await(p, 2);
	slug_gc_free(g);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(who_asks_often_gets_one),
		T(it_happens_by_itself_again_and_again),
		T(an_early_one_is_not_put_off_by_a_later_one),
		T(only_one_runs_at_a_time_and_who_asked_meanwhile_is_served),
		T(a_failure_is_not_the_last),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
