/*
 * Pins: a job for each new list, on a fake dyno-slug.
 */
#include "base/error.h"
#include "base/strv.h"
#include "manager/slug/slug_pins.h"
#include "tests/manager/slug_program.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

struct bench {
	struct slug_program program;
	struct slug_pins *pins;
	int calls, shrinks;
};

static void on_done(bool shrunk, void *userdata)
{
	struct bench *b = userdata;

	b->calls++;
	b->shrinks += shrunk;
}

static int setup(void **state)
{
	struct bench *b = xcalloc(1, sizeof(*b));

	slug_program_init(&b->program);
	b->pins = slug_pins_new(&b->program.command, on_done, b);
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct bench *b = *state;

	slug_pins_free(b->pins);
	slug_program_deinit(&b->program);
	free(b);
	return 0;
}

/* names: blank separated. */
static bool want(struct bench *b, const char *names)
{
	auto_free char *copy = xstrdup(names);
	auto_strv list = STRV_INIT;
	char *rest = copy, *name;

	while ((name = strsep(&rest, " ")))
		if (*name)
			strv_add(&list, name);
	return slug_pins_want(b->pins, &list);
}

static void await_calls(struct bench *b, int n)
{
	for (int i = 0; i < 6000 && b->calls < n; i++)
		slug_program_serve(&b->program, 10);
	assert_int_equal(b->calls, n);
}

static void assert_ran(struct bench *b, const char *lines)
{
	auto_free char *ran = slug_program_ran(&b->program);

	assert_string_equal(ran, lines);
}

static void a_list_is_written_once_however_it_is_spelt(void **state)
{
	struct bench *b = *state;

	assert_false(want(b, "b a b"));
	assert_false(want(b, "a b"));
	await_calls(b, 1);
	assert_true(want(b, "a b"));
	assert_true(want(b, "b b a a"));
	assert_ran(b, "keep a b\n");
}

static void the_first_list_is_written_even_if_it_is_empty(void **state)
{
	struct bench *b = *state;

	assert_false(want(b, ""));
	await_calls(b, 1);
	assert_true(want(b, ""));
	assert_ran(b, "keep\n");
	assert_int_equal(b->shrinks, 0);
}

static void a_list_that_loses_a_slug_has_shrunk(void **state)
{
	struct bench *b = *state;

	want(b, "a b");
	await_calls(b, 1);
	want(b, "a b c");
	await_calls(b, 2);
	assert_int_equal(b->shrinks, 0);
	want(b, "a c d");
	await_calls(b, 3);
	assert_int_equal(b->shrinks, 1);
	want(b, "");
	await_calls(b, 4);
	assert_int_equal(b->shrinks, 2);
}

static void a_list_that_comes_meanwhile_has_its_turn_after(void **state)
{
	struct bench *b = *state;

	slug_program_put(&b->program, "hold", "");
	assert_false(want(b, "a"));
	slug_program_await(&b->program, 1);
	assert_false(want(b, "b"));
	slug_program_take_away(&b->program, "hold");
	await_calls(b, 1);
	assert_false(want(b, "b"));
	await_calls(b, 2);
	assert_true(want(b, "b"));
	assert_ran(b, "keep a\nkeep b\n");
}

static void a_failure_is_tried_again_and_nobody_waits(void **state)
{
	struct bench *b = *state;

	slug_program_put(&b->program, "keep", "echo no disk >&2; exit 1\n");
	assert_false(want(b, "a"));
	await_calls(b, 1);
	assert_true(want(b, "a"));
	/* Also not while it is tried again, and for another list. */
	slug_program_await(&b->program, 2);
	assert_true(want(b, "a"));
	await_calls(b, 2);
	assert_true(want(b, "b"));
	await_calls(b, 3);
	slug_program_take_away(&b->program, "keep");
	await_calls(b, 4);
	assert_true(want(b, "b"));
	assert_ran(b, "keep a\nkeep a\nkeep b\nkeep b\n");
	assert_int_equal(b->shrinks, 1);
	assert_false(want(b, "b c"));
}

static void a_job_that_takes_long_is_not_waited_for(void **state)
{
	struct bench *b = *state;

	slug_program_put(&b->program, "hold", "");
	assert_false(want(b, "a"));
	slug_program_serve(&b->program, 1000);
	assert_false(want(b, "a"));
	await_calls(b, 1);
	assert_true(want(b, "a"));
	assert_true(want(b, "b"));
	slug_program_take_away(&b->program, "hold");
	await_calls(b, 2);
	assert_false(want(b, "b"));
	await_calls(b, 3);
	assert_ran(b, "keep a\nkeep b\n");
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_list_is_written_once_however_it_is_spelt),
		T(the_first_list_is_written_even_if_it_is_empty),
		T(a_list_that_loses_a_slug_has_shrunk),
		T(a_list_that_comes_meanwhile_has_its_turn_after),
		T(a_failure_is_tried_again_and_nobody_waits),
		T(a_job_that_takes_long_is_not_waited_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
