/*
 * test-state.c - transactions, prefixes, watches, and a child that is killed.
 */
#include "base/error.h"
#include "base/file.h"
#include "controller/state/state_driver.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <cmocka.h>

struct fixture {
	char dir[64];
	char *path;
	struct state *s;
};

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	struct error e;

	snprintf(f->dir, sizeof(f->dir), "/tmp/dyno-state-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	f->path = xasprintf("%s/state.db", f->dir);
	*state = f;
	return state_sqlite_open(&f->s, f->path, &e);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	state_free(f->s);
	file_remove_tree(AT_FDCWD, f->dir, NULL);
	free(f->path);
	free(f);
	return 0;
}

static int put(struct state *s, const char *key, const char *value,
	       uint64_t *revision)
{
	struct state_txn txn = STATE_TXN_INIT;
	int r;

	state_txn_put(&txn, key, value);
	r = state_commit(s, &txn, revision, NULL);
	state_txn_deinit(&txn);
	return r;
}

static void a_value_has_the_revision_of_its_commit(void **state)
{
	struct fixture *f = *state;
	uint64_t first, second, got, now;
	auto_free char *value = NULL;

	assert_int_equal(put(f->s, "/a", "1", &first), 0);
	assert_int_equal(put(f->s, "/b", "2", &second), 0);
	assert_true(second > first);
	assert_int_equal(state_get(f->s, "/a", &value, &got, NULL), 0);
	assert_string_equal(value, "1");
	assert_int_equal(got, first);
	assert_int_equal(state_revision(f->s, &now, NULL), 0);
	assert_int_equal(now, second);
	assert_int_equal(state_get(f->s, "/c", NULL, NULL, NULL), STATE_ABSENT);
}

static void a_failed_condition_changes_nothing(void **state)
{
	struct fixture *f = *state;
	struct state_txn txn = STATE_TXN_INIT;
	uint64_t revision, before, after;
	auto_free char *value = NULL;

	put(f->s, "/a", "1", &revision);
	put(f->s, "/a", "2", NULL);
	state_revision(f->s, &before, NULL);
	state_txn_expect(&txn, "/a", revision);
	state_txn_put(&txn, "/x", "x");
	state_txn_delete(&txn, "/a");
	assert_int_equal(state_commit(f->s, &txn, NULL, NULL), STATE_CONFLICT);
	state_txn_deinit(&txn);
	assert_int_equal(state_get(f->s, "/x", NULL, NULL, NULL), STATE_ABSENT);
	assert_int_equal(state_get(f->s, "/a", &value, NULL, NULL), 0);
	assert_string_equal(value, "2");
	state_revision(f->s, &after, NULL);
	assert_int_equal(before, after);
}

static void revision_zero_means_absent(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 2; i++) {
		struct state_txn txn = STATE_TXN_INIT;

		state_txn_expect(&txn, "/once", 0);
		state_txn_put(&txn, "/once", "x");
		assert_int_equal(state_commit(f->s, &txn, NULL, NULL),
				 i ? STATE_CONFLICT : 0);
		state_txn_deinit(&txn);
	}
}

static void all_of_a_transaction_gets_one_revision(void **state)
{
	struct fixture *f = *state;
	struct state_txn txn = STATE_TXN_INIT;
	struct state_items items;
	uint64_t revision;

	state_txn_put(&txn, "/t/1", "a");
	state_txn_put(&txn, "/t/2", "b");
	state_txn_put(&txn, "/t/2", "c");
	assert_int_equal(state_commit(f->s, &txn, &revision, NULL), 0);
	state_txn_deinit(&txn);
	assert_int_equal(state_list(f->s, "/t/", &items, NULL), 0);
	assert_int_equal(items.n, 2);
	assert_int_equal(items.v[0].revision, revision);
	assert_int_equal(items.v[1].revision, revision);
	assert_string_equal(items.v[1].value, "c");
	state_items_deinit(&items);
}

static void a_prefix_lists_its_keys_in_order(void **state)
{
	struct fixture *f = *state;
	static const char *const keys[] = { "/p/b", "/p/a/x", "/pq", "/p/\xc3\xa9",
					    "/o", "/p/", "/p/_", "/p/%" };
	static const char *const want[] = { "/p/", "/p/%", "/p/_", "/p/a/x",
					    "/p/b", "/p/\xc3\xa9" };
	struct state_items items;

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		put(f->s, keys[i], "v", NULL);
	assert_int_equal(state_list(f->s, "/p/", &items, NULL), 0);
	assert_int_equal(items.n, ARRAY_SIZE(want));
	for (size_t i = 0; i < items.n; i++)
		assert_string_equal(items.v[i].key, want[i]);
	state_items_deinit(&items);
}

struct seen {
	int n;
	char key[64];
	bool deleted;
	uint64_t revision;
};

static void on_change(const char *key, const char *value, uint64_t revision,
		      void *userdata)
{
	struct seen *s = userdata;

	s->n++;
	snprintf(s->key, sizeof(s->key), "%s", key);
	s->deleted = !value;
	s->revision = revision;
}

static void a_watch_sees_changes_below_its_prefix_only(void **state)
{
	struct fixture *f = *state;
	struct seen seen = { 0 };
	struct state_watch *w = state_watch_new(f->s, "/w/", on_change, &seen);
	struct state_txn txn = STATE_TXN_INIT;
	uint64_t revision;

	put(f->s, "/other", "1", NULL);
	assert_int_equal(seen.n, 0);
	put(f->s, "/w/1", "1", &revision);
	assert_int_equal(seen.n, 1);
	assert_string_equal(seen.key, "/w/1");
	assert_int_equal(seen.revision, revision);
	state_txn_delete(&txn, "/w/1");
	state_commit(f->s, &txn, NULL, NULL);
	assert_int_equal(seen.n, 2);
	assert_true(seen.deleted);
	state_txn_expect(&txn, "/w/1", 12345);
	assert_int_equal(state_commit(f->s, &txn, NULL, NULL), STATE_CONFLICT);
	assert_int_equal(seen.n, 2);
	state_txn_deinit(&txn);
	state_watch_free(w);
	put(f->s, "/w/2", "1", NULL);
	assert_int_equal(seen.n, 2);
}

static void what_was_written_is_there_after_reopening(void **state)
{
	struct fixture *f = *state;
	auto_free char *value = NULL;
	uint64_t revision, now;

	put(f->s, "/keep", "it", &revision);
	f->s = state_free(f->s);
	assert_int_equal(state_sqlite_open(&f->s, f->path, NULL), 0);
	assert_int_equal(state_get(f->s, "/keep", &value, NULL, NULL), 0);
	assert_string_equal(value, "it");
	state_revision(f->s, &now, NULL);
	assert_int_equal(now, revision);
}

static void two_writers_never_share_a_revision(void **state)
{
	struct fixture *f = *state;
	struct state *other;
	uint64_t a, b;

	assert_int_equal(state_sqlite_open(&other, f->path, NULL), 0);
	put(f->s, "/a", "1", &a);
	put(other, "/b", "1", &b);
	assert_int_equal(b, a + 1);
	put(f->s, "/a", "2", &a);
	assert_int_equal(a, b + 1);
	state_free(other);
}

/* Commits pairs for ever and acknowledges each one on fd. */
static _Noreturn void child_commit(const char *path, int fd)
{
	struct state *s;

	if (state_sqlite_open(&s, path, NULL) < 0)
		_exit(1);
	for (int i = 1; ; i++) {
		struct state_txn txn = STATE_TXN_INIT;
		char text[16];

		snprintf(text, sizeof(text), "%d", i);
		state_txn_put(&txn, "/pair/a", text);
		state_txn_put(&txn, "/pair/b", text);
		if (state_commit(s, &txn, NULL, NULL) != 0)
			_exit(1);
		state_txn_deinit(&txn);
		if (write(fd, &i, sizeof(i)) != sizeof(i))
			_exit(1);
	}
}

static void kill_9_loses_no_acknowledged_commit(void **state)
{
	struct fixture *f = *state;
	auto_free char *a = NULL, *b = NULL;
	int p[2], last = 0, got, status;
	pid_t pid;

	f->s = state_free(f->s);
	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0)
		child_commit(f->path, p[1]);
	close(p[1]);
	while (last < 50 && read(p[0], &got, sizeof(got)) == sizeof(got))
		last = got;
	assert_int_equal(kill(pid, SIGKILL), 0);
	waitpid(pid, &status, 0);
	while (read(p[0], &got, sizeof(got)) == sizeof(got))
		last = got;
	close(p[0]);
	assert_true(last >= 50);

	assert_int_equal(state_sqlite_open(&f->s, f->path, NULL), 0);
	assert_int_equal(state_get(f->s, "/pair/a", &a, NULL, NULL), 0);
	assert_int_equal(state_get(f->s, "/pair/b", &b, NULL, NULL), 0);
	assert_string_equal(a, b);
	assert_true(atoi(a) >= last);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_value_has_the_revision_of_its_commit),
		TEST(a_failed_condition_changes_nothing),
		TEST(revision_zero_means_absent),
		TEST(all_of_a_transaction_gets_one_revision),
		TEST(a_prefix_lists_its_keys_in_order),
		TEST(a_watch_sees_changes_below_its_prefix_only),
		TEST(what_was_written_is_there_after_reopening),
		TEST(two_writers_never_share_a_revision),
		TEST(kill_9_loses_no_acknowledged_commit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
