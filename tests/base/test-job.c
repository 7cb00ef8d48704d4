/*
 * test-job.c - slow work in a child process.
 */
#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/job.h"

#include <setjmp.h>
#include <signal.h>
#include <sys/wait.h>
#include <cmocka.h>

struct outcome {
	bool done;
	unsigned times;
	int status;
	struct buf output, message;
	bool free_it;
	struct job *job;
};

static void on_done(struct job *job, const struct job_result *res, void *userdata)
{
	struct outcome *o = userdata;

	o->times++;
	o->done = true;
	o->status = res->status;
	buf_adds(&o->output, res->output);
	buf_adds(&o->message, res->message);
	if (o->free_it)
		o->job = job_free(job);
}

static sd_event *loop(void)
{
	sd_event *event = NULL;

	assert_true(sd_event_new(&event) >= 0);
	return event;
}

static void start(struct outcome *o, sd_event *event, const char *script,
		  uint64_t timeout_usec)
{
	struct process_spec s = PROCESS_SPEC_INIT;
	const char *argv[] = { "sh", "-c", script, NULL };
	struct error e;

	s.path = "/bin/sh";
	s.argv = (char *const *)(uintptr_t)argv;
	assert_int_equal(job_new(&o->job, event, &s, timeout_usec, on_done, o,
				 &e), 0);
}

static void wait_done(struct outcome *o, sd_event *event)
{
	uint64_t end = clock_mono_usec() + 20 * USEC_PER_SEC;

	while (!o->done) {
		assert_true(clock_mono_usec() < end);
		assert_true(sd_event_run(event, 100000) >= 0);
	}
	for (int i = 0; i < 5; i++)
		sd_event_run(event, 1000);
	assert_int_equal(o->times, 1);
}

static void finish(struct outcome *o, sd_event *event)
{
	o->job = job_free(o->job);
	buf_deinit(&o->output);
	buf_deinit(&o->message);
	sd_event_unref(event);
}

static void output_and_last_message_are_collected(void **state)
{
	sd_event *event = loop();
	struct outcome o = { 0 };

	start(&o, event, "echo out; echo first >&2; echo last >&2; exit 3", 0);
	wait_done(&o, event);
	assert_int_equal(o.status, 3);
	assert_string_equal(buf_str(&o.output), "out\n");
	assert_string_equal(buf_str(&o.message), "last");
	finish(&o, event);
}

static void signal_is_128_and_its_number(void **state)
{
	sd_event *event = loop();
	struct outcome o = { 0 };

	start(&o, event, "kill -KILL $$", 0);
	wait_done(&o, event);
	assert_int_equal(o.status, 128 + SIGKILL);
	assert_string_equal(buf_str(&o.message), "");
	finish(&o, event);
}

static void output_is_bounded_and_the_newest_message_kept(void **state)
{
	sd_event *event = loop();
	struct outcome o = { 0 };

	start(&o, event, "i=0; while [ $i -lt 3000 ]; do i=$((i+1)); "
	      "echo 0123456789012345678901234567890123456789; "
	      "echo 0123456789012345678901234567890123456789 >&2; done; "
	      "echo the reason >&2", 0);
	wait_done(&o, event);
	assert_int_equal(o.status, 0);
	assert_int_equal(o.output.len, 65536);
	assert_string_equal(buf_str(&o.message), "the reason");
	finish(&o, event);
}

static void time_out_kills_and_is_124(void **state)
{
	sd_event *event = loop();
	struct outcome o = { 0 };
	uint64_t before = clock_mono_usec();

	start(&o, event, "exec sleep 60", 100 * USEC_PER_MSEC);
	wait_done(&o, event);
	assert_int_equal(o.status, 124);
	assert_string_equal(buf_str(&o.message), "timed out");
	assert_true(clock_mono_usec() - before < 25 * USEC_PER_SEC);
	finish(&o, event);
}

static void time_out_does_not_wait_for_grandchildren(void **state)
{
	sd_event *event = loop();
	struct outcome o = { 0 };
	uint64_t before = clock_mono_usec();

	start(&o, event, "sleep 30 & sleep 30; true", 100 * USEC_PER_MSEC);
	wait_done(&o, event);
	assert_int_equal(o.status, 124);
	assert_true(clock_mono_usec() - before < 25 * USEC_PER_SEC);
	finish(&o, event);
}

static void freeing_kills_and_says_nothing(void **state)
{
	sd_event *event = loop();
	struct outcome o = { 0 };

	start(&o, event, "exec sleep 60", 0);
	sd_event_run(event, 1000);
	o.job = job_free(o.job);
	for (int i = 0; i < 5; i++)
		sd_event_run(event, 1000);
	assert_int_equal(o.times, 0);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);	/* reaped */
	assert_null(job_free(NULL));
	finish(&o, event);
}

static void done_may_free_the_job(void **state)
{
	sd_event *event = loop();
	struct outcome o = { .free_it = true };

	start(&o, event, "true", 60 * USEC_PER_SEC);
	wait_done(&o, event);
	assert_null(o.job);
	finish(&o, event);
}

static void missing_program_is_an_error_at_once(void **state)
{
	sd_event *event = loop();
	struct outcome o = { 0 };
	struct process_spec s = PROCESS_SPEC_INIT;
	const char *argv[] = { "x", NULL };

	s.path = "/nonexistent";
	s.argv = (char *const *)(uintptr_t)argv;
	assert_int_equal(job_new(&o.job, event, &s, 0, on_done, &o, NULL),
			 -ENOENT);
	assert_null(o.job);
	finish(&o, event);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(output_and_last_message_are_collected),
		cmocka_unit_test(signal_is_128_and_its_number),
		cmocka_unit_test(output_is_bounded_and_the_newest_message_kept),
		cmocka_unit_test(time_out_kills_and_is_124),
		cmocka_unit_test(time_out_does_not_wait_for_grandchildren),
		cmocka_unit_test(freeing_kills_and_says_nothing),
		cmocka_unit_test(done_may_free_the_job),
		cmocka_unit_test(missing_program_is_an_error_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
