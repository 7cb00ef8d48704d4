#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "manager/limits.h"
#include "manager/output/capture.h"
#include "manager/output/journal.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <systemd/sd-event.h>
#include <cmocka.h>

#define APP "0f8a4e9c-3a55-4c1e-9f2d-5b1c7c1b2a01"
#define FIRST "11111111-2222-4333-8444-555555555555"
#define SECOND "22222222-2222-4333-8444-555555555555"
#define JOURNAL_MAX (16 * 1024 * 1024)

/* ---- framing ---- */

static void a_line_ends_at_its_newline(void **state)
{
	size_t line;

	assert_int_equal(capture_line("ab\ncd", 5, false, &line), 3);
	assert_int_equal(line, 2);
	assert_int_equal(capture_line("\nx", 2, false, &line), 1);
	assert_int_equal(line, 0);
	/* A carriage return belongs to the line. */
	assert_int_equal(capture_line("a\r\n", 3, false, &line), 3);
	assert_int_equal(line, 2);
}

static void a_line_without_newline_waits_for_more_or_the_end(void **state)
{
	size_t line;

	assert_int_equal(capture_line("abc", 3, false, &line), 0);
	assert_int_equal(capture_line("abc", 3, true, &line), 3);
	assert_int_equal(line, 3);
	assert_int_equal(capture_line("", 0, true, &line), 0);
}

static void a_long_line_is_cut_in_pieces_and_no_empty_one_follows(void **state)
{
	auto_free char *text = xmalloc(LOG_LINE_MAX + 2);
	size_t line;

	memset(text, 'x', LOG_LINE_MAX + 2);
	assert_int_equal(capture_line(text, LOG_LINE_MAX, false, &line), 0);
	assert_int_equal(capture_line(text, LOG_LINE_MAX + 1, false, &line), LOG_LINE_MAX);
	assert_int_equal(line, LOG_LINE_MAX);
	assert_int_equal(capture_line(text, LOG_LINE_MAX, true, &line), LOG_LINE_MAX);
	text[LOG_LINE_MAX] = '\n';
	assert_int_equal(capture_line(text, LOG_LINE_MAX + 1, false, &line),
			 LOG_LINE_MAX + 1);
	assert_int_equal(line, LOG_LINE_MAX);
}

/* ---- with files ---- */

struct bench {
	char dir[40];
	char *journal_dir;
	sd_event *event;
	struct journal *journal;
	struct capture *capture;
	int ends;
};

static void on_end(void *userdata)
{
	struct bench *b = userdata;

	b->ends++;
}

static void open_journal(struct bench *b, uint64_t max)
{
	struct error e;

	b->journal = journal_free(b->journal);
	assert_int_equal(journal_open(&b->journal, b->journal_dir, max, &e), 0);
}

static int setup(void **state)
{
	struct bench *b = xcalloc(1, sizeof(*b));

	*state = b;
	strcpy(b->dir, "/tmp/test-capture-XXXXXX");
	if (!mkdtemp(b->dir) || sd_event_new(&b->event) < 0)
		return -1;
	b->journal_dir = xasprintf("%s/journal", b->dir);
	mkdir(b->journal_dir, 0700);
	open_journal(b, JOURNAL_MAX);
	return 0;
}

static int teardown(void **state)
{
	struct bench *b = *state;

	capture_free(b->capture);
	journal_free(b->journal);
	sd_event_unref(b->event);
	file_remove_tree(AT_FDCWD, b->dir, NULL);
	free(b->journal_dir);
	free(b);
	return 0;
}

static void capture(struct bench *b, const char *instance, int fd)
{
	struct capture_spec spec = {
		.dir = b->dir, .instance = instance, .app_id = APP, .ps = "web.1",
		.fd = fd, .on_end = on_end, .userdata = b,
	};
	struct error e;

	b->capture = capture_free(b->capture);
	assert_int_equal(capture_new(&b->capture, b->event, b->journal, &spec, &e), 0);
}

static void turn(struct bench *b)
{
	while (sd_event_run(b->event, 0) > 0)
		;
}

static void say(int fd, const char *text)
{
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

/* The messages of all frames in the journal, each followed by "|". */
static char *messages(struct bench *b)
{
	auto_buf all = BUF_INIT, out = BUF_INIT;
	struct error e;
	uint64_t last;

	assert_int_equal(journal_batch(b->journal, SIZE_MAX, &all, &last, &e), 0);
	for (size_t at = 0; at < all.len; ) {
		char *end;
		size_t n = strtoul(all.data + at, &end, 10);
		const char *p = end + 1;

		at = (size_t)(p - all.data) + n;
		for (int i = 0; i < 5; i++)
			p = strchr(p, ' ') + 1;
		buf_add(&out, p, at - (size_t)(p - all.data));
		buf_adds(&out, "|");
	}
	return buf_take(&out);
}

static void expect(struct bench *b, const char *text)
{
	auto_free char *got = messages(b);

	assert_string_equal(got ? got : "", text);
}

static void lines_come_whole_and_the_last_one_at_the_end(void **state)
{
	struct bench *b = *state;
	int p[2];

	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	capture(b, FIRST, p[0]);
	say(p[1], "one\n\ntw");
	turn(b);
	expect(b, "one||");
	say(p[1], "o\nthree");
	turn(b);
	expect(b, "one||two|");
	assert_int_equal(b->ends, 0);
	close(p[1]);
	turn(b);
	assert_int_equal(b->ends, 1);
	assert_true(capture_at_end(b->capture));
	capture_finish(b->capture);
	expect(b, "one||two|three|");
}

static void another_process_goes_on_behind_the_last_line(void **state)
{
	struct bench *b = *state;
	int p[2];

	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	capture(b, FIRST, fcntl(p[0], F_DUPFD_CLOEXEC, 3));
	say(p[1], "one\ntwo\nthr");
	turn(b);
	open_journal(b, JOURNAL_MAX);
	say(p[1], "ee\n");
	capture(b, FIRST, p[0]);
	turn(b);
	expect(b, "one|two|three|");
	close(p[1]);
}

/* The journal knows a line that the cursor does not: the kill came between. */
static void a_kill_between_journal_and_cursor_repeats_no_line(void **state)
{
	struct bench *b = *state;
	auto_free char *cursor = xasprintf("%s/cursor", b->dir);
	auto_buf old = BUF_INIT;
	struct error e;
	int p[2];

	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	capture(b, FIRST, fcntl(p[0], F_DUPFD_CLOEXEC, 3));
	assert_int_equal(file_read(AT_FDCWD, cursor, 4096, &old, &e), 0);
	say(p[1], "one\ntwo\n");
	turn(b);
	b->capture = capture_free(b->capture);
	assert_int_equal(file_write_fast(AT_FDCWD, cursor, old.data, old.len, 0600, &e), 0);
	open_journal(b, JOURNAL_MAX);
	say(p[1], "three\n");
	capture(b, FIRST, p[0]);
	turn(b);
	expect(b, "one|two|three|");
	close(p[1]);
}

/* The bytes are in the file, no line is in the journal: the kill came before. */
static void a_kill_between_file_and_journal_loses_no_line(void **state)
{
	struct bench *b = *state;
	auto_free char *log = xasprintf("%s/log", b->dir);
	int fd, p[2];

	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	capture(b, FIRST, fcntl(p[0], F_DUPFD_CLOEXEC, 3));
	b->capture = capture_free(b->capture);
	fd = open(log, O_WRONLY | O_APPEND | O_CLOEXEC);
	say(fd, "one\ntwo\nth");
	close(fd);
	open_journal(b, JOURNAL_MAX);
	say(p[1], "ree\n");
	capture(b, FIRST, p[0]);
	turn(b);
	expect(b, "one|two|three|");
	close(p[1]);
}

static void the_next_instance_starts_over(void **state)
{
	struct bench *b = *state;
	int p[2], q[2];

	assert_int_equal(pipe2(p, O_CLOEXEC) + pipe2(q, O_CLOEXEC), 0);
	capture(b, FIRST, p[0]);
	say(p[1], "one\nleft");
	turn(b);
	capture(b, SECOND, q[0]);
	say(q[1], "two\n");
	turn(b);
	expect(b, "one|two|");
	close(p[1]);
	close(q[1]);
}

static void an_instance_whose_pipe_is_gone_is_framed_to_the_end(void **state)
{
	struct bench *b = *state;
	int p[2];

	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	capture(b, FIRST, p[0]);
	say(p[1], "one\ntail");
	turn(b);
	close(p[1]);
	capture(b, FIRST, -1);
	assert_true(capture_at_end(b->capture));
	capture_finish(b->capture);
	expect(b, "one|tail|");
}

static void what_a_full_journal_drops_is_counted_and_told(void **state)
{
	struct bench *b = *state;
	auto_free char *text = NULL, *told = NULL;
	int p[2], n = 0;

	open_journal(b, 4096);
	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	capture(b, FIRST, p[0]);
	for (int i = 0; i < 100; i++)
		say(p[1], "a line\n");
	turn(b);
	text = messages(b);
	for (char *s = text; (s = strstr(s, "a line|")); s++)
		n++;
	assert_true(n > 0 && n < 100);
	journal_ack(b->journal, (uint64_t)n);
	say(p[1], "after\n");
	turn(b);
	told = messages(b);
	text = (free(text), xasprintf("+00:00.|%d|after|", 100 - n));
	assert_non_null(strstr(told, text));	/* the number for programs, too */
	text = (free(text), xasprintf("Error L12: %d messages dropped since ", 100 - n));
	assert_memory_equal(told, text, strlen(text));
	close(p[1]);
}

static void what_was_dropped_and_not_told_is_told_after_a_restart(void **state)
{
	struct bench *b = *state;
	auto_free char *text = NULL, *told = NULL;
	int p[2], n = 0;

	open_journal(b, 4096);
	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	capture(b, FIRST, p[0]);
	for (int i = 0; i < 100; i++)
		say(p[1], "a line\n");
	turn(b);
	text = messages(b);
	for (char *s = text; (s = strstr(s, "a line|")); s++)
		n++;
	/* Killed; the next process has room, but this dyno says nothing more. */
	open_journal(b, 4096);
	journal_ack(b->journal, (uint64_t)n);
	capture(b, FIRST, fcntl(p[0], F_DUPFD_CLOEXEC, 3));
	told = messages(b);
	text = (free(text), xasprintf("Error L12: %d messages dropped since ", 100 - n));
	assert_memory_equal(told, text, strlen(text));
	/* Once. */
	capture(b, SECOND, -1);
	free(told);
	told = messages(b);
	assert_null(strstr(strchr(told, '|'), "L12"));
	close(p[1]);
}

static void what_one_instance_lost_is_told_by_the_next(void **state)
{
	struct bench *b = *state;
	auto_free char *told = NULL;
	int p[2];

	open_journal(b, 4096);
	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	capture(b, FIRST, p[0]);
	for (int i = 0; i < 100; i++)
		say(p[1], "a line\n");
	turn(b);
	open_journal(b, 1 << 20);
	capture(b, SECOND, -1);
	told = messages(b);
	assert_non_null(strstr(told, "Error L12: "));
	close(p[1]);
}

static void framed_output_takes_no_space(void **state)
{
	struct bench *b = *state;
	auto_free char *log = xasprintf("%s/log", b->dir);
	char line[1000];
	struct stat st;
	int p[2];

	memset(line, 'x', sizeof(line));
	line[sizeof(line) - 1] = '\n';
	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	capture(b, FIRST, p[0]);
	for (int i = 0; i < 3000; i++) {
		assert_int_equal(write(p[1], line, sizeof(line)), sizeof(line));
		if (i % 50 == 0)
			turn(b);
	}
	turn(b);
	assert_int_equal(stat(log, &st), 0);
	assert_int_equal(st.st_size, 3000 * 1000);
	assert_true((uint64_t)st.st_blocks * 512 < LOG_CAPTURE_MAX);
	close(p[1]);
}

/* A process that captures is killed again and again, at any moment; another
 * goes on; at the end every line is there once. */
static void kills_at_random_lose_and_repeat_nothing(void **state)
{
	enum { LINES = 20000 };
	struct bench *b = *state;
	auto_free char *text = NULL;
	int p[2], status, n = 0;
	pid_t writer, reader;

	b->journal = journal_free(b->journal);
	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	writer = fork();
	if (writer == 0) {
		FILE *f = fdopen(p[1], "w");

		for (int i = 0; i < LINES; i++) {
			fprintf(f, "line %d\n", i);
			if (i % 10 == 0)
				fflush(f);
		}
		fflush(f);
		_exit(0);
	}
	close(p[1]);
	for (int round = 0; ; round++) {
		reader = fork();
		if (reader == 0) {
			sd_event *event = NULL;

			sd_event_new(&event);
			b->event = event;
			open_journal(b, JOURNAL_MAX);
			capture(b, FIRST, p[0]);
			while (!b->ends)
				sd_event_run(event, UINT64_MAX);
			_exit(0);
		}
		if (round < 40) {
			usleep(1000 + 300 * (unsigned)round);
			kill(reader, SIGKILL);
		}
		waitpid(reader, &status, 0);
		if (WIFEXITED(status))
			break;
	}
	close(p[0]);
	waitpid(writer, &status, 0);
	open_journal(b, JOURNAL_MAX);
	text = messages(b);
	for (char *s = text; *s; n++) {
		char *end = strchr(s, '|'), want[32];

		*end = '\0';
		snprintf(want, sizeof(want), "line %d", n);
		assert_string_equal(s, want);
		s = end + 1;
	}
	assert_int_equal(n, LINES);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_ends_at_its_newline),
		cmocka_unit_test(a_line_without_newline_waits_for_more_or_the_end),
		cmocka_unit_test(a_long_line_is_cut_in_pieces_and_no_empty_one_follows),
		T(lines_come_whole_and_the_last_one_at_the_end),
		T(another_process_goes_on_behind_the_last_line),
		T(a_kill_between_journal_and_cursor_repeats_no_line),
		T(a_kill_between_file_and_journal_loses_no_line),
		T(the_next_instance_starts_over),
		T(an_instance_whose_pipe_is_gone_is_framed_to_the_end),
		T(what_a_full_journal_drops_is_counted_and_told),
		T(what_was_dropped_and_not_told_is_told_after_a_restart),
		T(what_one_instance_lost_is_told_by_the_next),
		T(framed_output_takes_no_space),
		T(kills_at_random_lose_and_repeat_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
