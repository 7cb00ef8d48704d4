/*
 * The queue of slug jobs, with a program of a few lines of shell in place of
 * dyno-slug: it appends its last two arguments' first one to "ran", waits while
 * there is a file "hold", and ends as the file named after the slug says.
 */
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "manager/limits.h"
#include "manager/slug_command.h"
#include "manager/slug_jobs.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdio.h>
#include <sys/stat.h>
#include <cmocka.h>

#define STEP_TIMEOUT_USEC (5 * USEC_PER_SEC)
#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* get [--unix S] SHA URL, after --store D --config C */
#define PROGRAM "#!/bin/sh\n" \
	"cd \"$2\"; while [ $# -gt 2 ]; do shift; done\n" \
	"echo \"$1\" >> ran\n" \
	"while [ -e hold ]; do sleep 0.02; done\n" \
	"[ -e \"$1\" ] && . \"./$1\"\n" \
	"exit 0\n"

struct bench {
	char dir[64];
	char *program;
	struct slug_command command;
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
	auto_free char *path = xasprintf("%s/%s", b->dir, name);
	struct error e;

	assert_int_equal(file_write_fast(AT_FDCWD, path, text, strlen(text), 0700,
					 &e), 0);
}

static void take_away(struct bench *b, const char *name)
{
	auto_free char *path = xasprintf("%s/%s", b->dir, name);

	assert_int_equal(unlink(path), 0);
}

static size_t ran(struct bench *b)
{
	auto_free char *path = xasprintf("%s/ran", b->dir);
	auto_buf text = BUF_INIT;
	size_t n = 0;

	if (file_read(AT_FDCWD, path, 1 << 16, &text, NULL) < 0)
		return 0;
	for (const char *p = buf_str(&text); *p; p++)
		n += *p == '\n';
	return n;
}

static int setup(void **state)
{
	const struct slug_jobs_spec spec = { .upstream = "unix:/nowhere" };
	struct slug_jobs_spec s = spec;
	struct bench *b = xcalloc(1, sizeof(*b));

	strcpy(b->dir, "/tmp/dyno-jobs-XXXXXX");
	assert_non_null(mkdtemp(b->dir));
	put(b, "program", PROGRAM);
	b->program = xasprintf("%s/program", b->dir);
	b->command = (struct slug_command){ .program = b->program,
					    .store_dir = b->dir, .config = "c" };
	sd_event_new(&b->command.event);
	s.command = &b->command;
	b->jobs = slug_jobs_new(&s);
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct bench *b = *state;

	slug_jobs_free(b->jobs);
	sd_event_unref(b->command.event);
	file_remove_tree(AT_FDCWD, b->dir, NULL);
	free(b->program);
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
		if (sd_event_run(b->command.event, STEP_TIMEOUT_USEC) <= 0)
			break;
	assert_int_equal(w->calls, calls);
	assert_int_equal(w->outcome, outcome);
}

static void await_ran(struct bench *b, size_t n)
{
	for (int i = 0; i < 500 && ran(b) < n; i++)
		sd_event_run(b->command.event, 10 * USEC_PER_MSEC);
	assert_int_equal(ran(b), n);
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
	assert_int_equal(ran(b), 1);
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
	await_ran(b, JOBS_MAX);
	sd_event_run(b->command.event, 100 * USEC_PER_MSEC);
	assert_int_equal(ran(b), JOBS_MAX);
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

	put(b, "one", "echo 'slug: wrong SHA-256: expected x, got " HEX "' >&2; exit 4\n");
	want(b, "one", &w);
	expect(b, &w, 1, SLUG_WRONG);
	assert_true(slug_jobs_parse_wrong(w.message, actual));
	assert_string_equal(actual, HEX);
	/* A damaged blob here is not what upstream sent. */
	put(b, "two", "echo 'the blob x is damaged: its SHA-256 is " HEX "' >&2; exit 4\n");
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
	assert_int_equal(ran(b), 5);
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
	for (int i = 0; i < 100 && !second.calls; i++)
		sd_event_run(b->command.event, 10 * USEC_PER_MSEC);
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
	for (int i = 0; i < 50; i++)
		sd_event_run(b->command.event, 10 * USEC_PER_MSEC);
	assert_int_equal(ran(b), 1);
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
