#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "manager/limits.h"
#include "manager/output/journal.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdio.h>
#include <cmocka.h>

#define APP "0f8a4e9c-3a55-4c1e-9f2d-5b1c7c1b2a01"
#define INSTANCE "11111111-2222-4333-8444-555555555555"
#define BIG (1024 * 1024)

static int setup(void **state)
{
	char *dir = xstrdup("/tmp/test-journal-XXXXXX");

	*state = dir;
	return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
	file_remove_tree(AT_FDCWD, *state, NULL);
	free(*state);
	return 0;
}

static struct journal *reopen(const char *dir, struct journal *j, uint64_t max)
{
	struct error e;

	journal_free(j);
	assert_int_equal(journal_open(&j, dir, max, &e), 0);
	return j;
}

static int add(struct journal *j, const char *message, uint64_t reach)
{
	const struct journal_line line = {
		.app_id = APP, .ps = "web.1", .usec = 1000, .message = message,
		.n = strlen(message), .instance = reach ? INSTANCE : NULL,
		.reach = reach, .source = reach ? JOURNAL_APP : JOURNAL_HEROKU,
	};

	return journal_add(j, &line);
}

static void flush(struct journal *j)
{
	struct error e;

	assert_int_equal(journal_flush(j, &e), 0);
}

static char *batch(struct journal *j, size_t max, uint64_t *last)
{
	auto_buf b = BUF_INIT;
	struct error e;

	assert_int_equal(journal_batch(j, max, &b, last, &e), 0);
	return xstrdup(buf_str(&b));
}

static size_t count_segments(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *de;
	size_t n = 0;

	while ((de = readdir(d)))
		n += strlen(de->d_name) == 20;
	closedir(d);
	return n;
}

static void frames_are_as_the_protocol_says(void **state)
{
	struct journal *j = reopen(*state, NULL, BIG);
	auto_free char *text = NULL;
	uint64_t last;

	assert_int_equal(add(j, "hello world", 12), 0);
	assert_int_equal(add(j, "", 0), 0);
	flush(j);
	text = batch(j, BIG, &last);
	assert_string_equal(text,
		"65 1 1000 " APP " app web.1 hello world"
		"57 2 1000 " APP " heroku web.1 ");
	assert_int_equal(last, 2);
	journal_free(j);
}

static void what_is_not_flushed_is_not_sent(void **state)
{
	struct journal *j = reopen(*state, NULL, BIG);
	auto_free char *text = NULL;
	uint64_t last;

	add(j, "x", 1);
	text = batch(j, BIG, &last);
	assert_int_equal(last, 0);
	journal_free(j);
}

static void a_batch_is_bounded_but_never_empty(void **state)
{
	struct journal *j = reopen(*state, NULL, BIG);
	uint64_t last;

	for (int i = 0; i < 10; i++)
		add(j, "12345678901234567890", 1);
	flush(j);
	free(batch(j, 200, &last));
	assert_int_equal(last, 2);
	free(batch(j, 1, &last));
	assert_int_equal(last, 1);
	free(batch(j, BIG, &last));
	journal_ack(j, 9);
	free(batch(j, 200, &last));
	assert_int_equal(last, 10);
	journal_ack(j, 10);
	free(batch(j, 200, &last));
	assert_int_equal(last, 0);
	assert_int_equal(journal_bytes(j), 0);
	journal_free(j);
}

static void another_process_goes_on_with_epoch_numbers_and_reach(void **state)
{
	struct journal *j = reopen(*state, NULL, BIG);
	auto_free char *epoch = xstrdup(journal_epoch(j));
	auto_free char *text = NULL;
	uint64_t last;

	add(j, "one", 4);
	add(j, "two", 8);
	flush(j);
	j = reopen(*state, j, BIG);
	assert_string_equal(journal_epoch(j), epoch);
	assert_int_equal(journal_reach(j, INSTANCE), 8);
	assert_int_equal(journal_reach(j, APP), 0);
	add(j, "three", 0);
	flush(j);
	text = batch(j, BIG, &last);
	assert_int_equal(last, 3);
	assert_non_null(strstr(text, " 3 1000 "));
	journal_free(j);
}

/* Cut the file at every byte: what is left must be whole lines, and numbers
 * must go on without a gap. */
static void a_torn_record_is_cut_off_wherever_the_kill_came(void **state)
{
	auto_free char *segment = xasprintf("%s/%020d", (char *)*state, 1);
	struct journal *j = reopen(*state, NULL, BIG);
	auto_buf whole = BUF_INIT;
	struct error e;

	add(j, "one", 4);
	add(j, "second", 11);
	flush(j);
	journal_free(j);
	assert_int_equal(file_read(AT_FDCWD, segment, BIG, &whole, &e), 0);

	for (size_t n = 0; n <= whole.len; n++) {
		auto_free char *text = NULL;
		uint64_t last, left;

		assert_int_equal(file_write_fast(AT_FDCWD, segment, whole.data, n,
						 0600, &e), 0);
		j = reopen(*state, NULL, BIG);
		left = journal_reach(j, INSTANCE) == 11 ? 2 :
		       journal_reach(j, INSTANCE) == 4 ? 1 : 0;
		assert_int_equal(left == 2, n == whole.len);
		add(j, "next", 0);
		flush(j);
		text = batch(j, BIG, &last);
		assert_int_equal(last, left + 1);
		assert_true(left == 0 || strstr(text, "one"));
		assert_int_equal(left == 2, strstr(text, "second") != NULL);
		journal_free(j);
	}
}

static void a_full_journal_takes_platform_lines_a_little_longer(void **state)
{
	struct journal *j = reopen(*state, NULL, 4096);
	uint64_t last;
	int n = 0;

	while (add(j, "app line", 1) == 0)
		flush(j), n++;
	assert_true(n > 5 && n < 40);
	assert_true(journal_is_tight(j));
	assert_int_equal(add(j, "platform line", 0), 0);
	flush(j);
	while (add(j, "platform line", 0) == 0)
		flush(j);
	assert_true(journal_bytes(j) <= 4096 + 512);
	free(batch(j, BIG, &last));
	journal_ack(j, (uint64_t)n);
	assert_false(journal_is_tight(j));
	assert_int_equal(add(j, "app line", 1), 0);
	journal_free(j);
}

static void acknowledged_segments_are_removed(void **state)
{
	struct journal *j = reopen(*state, NULL, 64 * BIG);
	auto_free char *line = xmalloc(LOG_LINE_MAX + 1);
	uint64_t last;

	memset(line, 'x', LOG_LINE_MAX);
	line[LOG_LINE_MAX] = '\0';
	for (int i = 0; i < 350; i++) {
		add(j, line, 1);
		flush(j);
	}
	assert_int_equal(count_segments(*state), 4);
	free(batch(j, 64 * BIG, &last));
	assert_int_equal(journal_ack(j, 110), 0);
	assert_int_equal(count_segments(*state), 3);
	j = reopen(*state, j, 64 * BIG);
	/* What was acknowledged in a segment that is still there comes again. */
	free(batch(j, 1, &last));
	assert_true(last > 100 && last <= 110);
	journal_ack(j, 350);
	assert_int_equal(count_segments(*state), 1);
	j = reopen(*state, j, 64 * BIG);
	assert_int_equal(journal_ack(j, 350), 0);
	add(j, "last", 1);
	flush(j);
	free(batch(j, 1, &last));
	assert_int_equal(last, 351);
	journal_free(j);
}

static void a_journal_that_has_lost_lines_begins_a_new_epoch(void **state)
{
	struct journal *j = reopen(*state, NULL, BIG);
	auto_free char *epoch = xstrdup(journal_epoch(j));
	uint64_t last;

	add(j, "x", 1);
	flush(j);
	j = reopen(*state, j, BIG);
	add(j, "y", 2);
	flush(j);
	free(batch(j, BIG, &last));
	assert_int_equal(last, 2);
	assert_int_equal(journal_ack(j, 40), JOURNAL_RENEWED);
	assert_string_not_equal(journal_epoch(j), epoch);
	/* What was there before may be what upstream means; the rest is not. */
	free(batch(j, 1, &last));
	assert_int_equal(last, 2);
	assert_int_equal(journal_ack(j, 2), 0);
	free(batch(j, BIG, &last));
	assert_int_equal(last, 0);
	j = reopen(*state, j, BIG);
	assert_string_not_equal(journal_epoch(j), epoch);
	journal_free(j);
}

static void garbage_is_told_and_what_is_before_it_is_kept(void **state)
{
	struct journal *j = reopen(*state, NULL, BIG);
	auto_free char *path = xasprintf("%s/00000000000000000001", (char *)*state);
	struct stat st;
	struct error e;
	uint64_t last;
	int fd;

	for (int i = 0; i < 10; i++)
		add(j, "12345678901234567890", 1);
	flush(j);
	journal_free(j);
	fd = open(path, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0 && fstat(fd, &st) == 0);
	assert_int_equal(pwrite(fd, "\xff\0garbage\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
				20, st.st_size / 10 * 5), 20);
	fd_close(fd);
	assert_int_equal(journal_open(&j, *state, BIG, &e), JOURNAL_DAMAGED);
	free(batch(j, BIG, &last));
	assert_true(last >= 4 && last <= 6);
	journal_free(j);
	assert_int_equal(journal_open(&j, *state, BIG, &e), 0);
	journal_free(j);
}

static void wake(void *userdata)
{
	++*(int *)userdata;
}

static void a_flush_wakes_the_sender_once(void **state)
{
	struct journal *j = reopen(*state, NULL, BIG);
	int woken = 0;

	journal_on_lines(j, wake, &woken);
	add(j, "a", 1);
	add(j, "b", 2);
	flush(j);
	flush(j);
	assert_int_equal(woken, 1);
	journal_free(j);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(frames_are_as_the_protocol_says),
		T(what_is_not_flushed_is_not_sent),
		T(a_batch_is_bounded_but_never_empty),
		T(another_process_goes_on_with_epoch_numbers_and_reach),
		T(a_torn_record_is_cut_off_wherever_the_kill_came),
		T(a_full_journal_takes_platform_lines_a_little_longer),
		T(acknowledged_segments_are_removed),
		T(a_journal_that_has_lost_lines_begins_a_new_epoch),
		T(garbage_is_told_and_what_is_before_it_is_kept),
		T(a_flush_wakes_the_sender_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
