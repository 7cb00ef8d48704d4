/*
 * The queue of slug jobs, on a fake dyno-slug.
 */
#include "base/buf.h"
#include "base/error.h"
#include "http/client.h"
#include "manager/limits.h"
#include "manager/slug/slug_jobs.h"
#include "tests/manager/slug_program.h"

#include <setjmp.h>
#include <stdio.h>
#include <cmocka.h>

#define STEP_TIMEOUT_USEC (60 * USEC_PER_SEC)
#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

struct bench {
	struct slug_program program;
	struct slug_jobs *jobs;
};

struct waiter {
	struct slug_wait wait;
	int calls;
	enum slug_outcome outcome;
	char message[256];
	bool gives_up;
};

static void put(struct bench *b, const char *name, const char *text)
{
	slug_program_put(&b->program, name, text);
}

static void take_away(struct bench *b, const char *name)
{
	slug_program_take_away(&b->program, name);
}

static int setup(void **state)
{
	struct bench *b = xcalloc(1, sizeof(*b));
	struct http_client_spec upstream = { .base = "unix:/nowhere" };
	struct slug_jobs_spec spec = { &b->program.command, &upstream, NULL };

	slug_program_init(&b->program);
	b->jobs = slug_jobs_new(&spec);
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct bench *b = *state;

	slug_jobs_free(b->jobs);
	slug_program_deinit(&b->program);
	free(b);
	return 0;
}

static void on_slug(enum slug_outcome outcome, const char *message, void *userdata)
{
	struct waiter *w = userdata;

	w->calls++;
	w->outcome = outcome;
	snprintf(w->message, sizeof(w->message), "%s", message);
	if (w->gives_up)
		slug_jobs_cancel(&w->wait);
}

static void want(struct bench *b, const char *slug, struct waiter *w)
{
	if (!w->wait.fn)
		slug_jobs_wait_init(&w->wait);
	w->wait.fn = on_slug;
	w->wait.userdata = w;
	slug_jobs_want(b->jobs, slug, "/path", &w->wait);
}

static void expect(struct bench *b, struct waiter *w, int calls,
		   enum slug_outcome outcome)
{
	while (w->calls < calls)
		if (sd_event_run(b->program.command.event, STEP_TIMEOUT_USEC) <= 0)
			break;
	assert_int_equal(w->calls, calls);
	assert_int_equal(w->outcome, outcome);
}

/* ---- tests ---- */

static void many_wait_for_one_job(void **state)
{
	struct bench *b = *state;
	struct waiter w[20] = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(w); i++)
		want(b, "one", &w[i]);
	for (size_t i = 0; i < ARRAY_SIZE(w); i++)
		expect(b, &w[i], 1, SLUG_READY);
	assert_int_equal(slug_program_count(&b->program), 1);
}

static void so_many_run_at_a_time(void **state)
{
	struct bench *b = *state;
	struct waiter w[JOBS_MAX + 2] = { 0 };

	put(b, "hold", "");
	for (size_t i = 0; i < ARRAY_SIZE(w); i++) {
		auto_free char *name = xasprintf("slug%zu", i);

		want(b, name, &w[i]);
	}
	slug_program_await(&b->program, JOBS_MAX);
	slug_program_serve(&b->program, 100);
	assert_int_equal(slug_program_count(&b->program), JOBS_MAX);
	take_away(b, "hold");
	for (size_t i = 0; i < ARRAY_SIZE(w); i++)
		expect(b, &w[i], 1, SLUG_READY);
}

static void a_failure_is_told_with_its_last_line(void **state)
{
	struct bench *b = *state;
	struct waiter w = { 0 };

	put(b, "one", "echo first >&2; echo dyno-slug: no luck >&2; exit 1\n");
	want(b, "one", &w);
	expect(b, &w, 1, SLUG_FAILED);
	assert_string_equal(w.message, "dyno-slug: no luck");
	/* Asked again, it is done again. */
	take_away(b, "one");
	want(b, "one", &w);
	expect(b, &w, 2, SLUG_READY);
}

static void a_wrong_digest_is_an_outcome_of_its_own(void **state)
{
	struct bench *b = *state;
	char actual[SHA256_HEX_MAX];
	struct waiter w = { 0 };

	put(b, "one", "echo 'slug: wrong SHA-256: expected x, got " HEX "' >&2;"
	    " exit 4\n");
	want(b, "one", &w);
	expect(b, &w, 1, SLUG_WRONG);
	assert_true(slug_jobs_parse_wrong(w.message, actual));
	assert_string_equal(actual, HEX);
	/* A damaged blob here is not what upstream sent. */
	put(b, "two", "echo 'the blob x is damaged: its SHA-256 is " HEX "' >&2;"
	    " exit 4\n");
	want(b, "two", &w);
	expect(b, &w, 2, SLUG_FAILED);
}

static void without_space_the_job_is_done_again_by_itself(void **state)
{
	struct bench *b = *state;
	struct waiter stays = { 0 }, leaves = { .gives_up = true }, other = { 0 };

	put(b, "one", "echo 'needs 2 MiB, has 1 MiB' >&2; exit 5\n");
	want(b, "one", &stays);
	want(b, "one", &leaves);
	want(b, "other", &other);
	expect(b, &other, 1, SLUG_READY);
	expect(b, &stays, 1, SLUG_NO_SPACE);
	assert_string_equal(stays.message, "needs 2 MiB, has 1 MiB");
	expect(b, &stays, 3, SLUG_NO_SPACE);
	take_away(b, "one");
	expect(b, &stays, 4, SLUG_READY);
	assert_int_equal(leaves.calls, 1);
	assert_int_equal(slug_program_count(&b->program), 5);
}

static void whoever_asks_anew_ends_the_pause(void **state)
{
	struct bench *b = *state;
	struct waiter first = { 0 }, second = { 0 };

	put(b, "one", "echo full >&2; exit 5\n");
	want(b, "one", &first);
	/* Pauses of 0.2, 0.4, 0.8, 1.6 and 3.2 s. */
	expect(b, &first, 5, SLUG_NO_SPACE);
	take_away(b, "one");
	want(b, "one", &second);
	slug_program_serve(&b->program, 1000);
	expect(b, &second, 1, SLUG_READY);
	expect(b, &first, 6, SLUG_READY);
}

static void nobody_waits_any_more_no_job(void **state)
{
	struct bench *b = *state;
	struct waiter w = { .gives_up = true };

	put(b, "one", "echo full >&2; exit 5\n");
	want(b, "one", &w);
	expect(b, &w, 1, SLUG_NO_SPACE);
	slug_program_serve(&b->program, 500);
	assert_int_equal(slug_program_count(&b->program), 1);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(many_wait_for_one_job),
		T(so_many_run_at_a_time),
		T(a_failure_is_told_with_its_last_line),
		T(a_wrong_digest_is_an_outcome_of_its_own),
		T(without_space_the_job_is_done_again_by_itself),
		T(whoever_asks_anew_ends_the_pause),
		T(nobody_waits_any_more_no_job),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
