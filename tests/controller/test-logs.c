/*
 * test-logs.c - frames of a host, stored exactly once; the last lines kept.
 */
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "controller/logplex/log_frames.h"
#include "controller/logplex/logs.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdio.h>
#include <cmocka.h>

#define APP "11111111-2222-4333-8444-555555555555"
#define OTHER "99999999-2222-4333-8444-555555555555"
#define EPOCH "aaaaaaaa-2222-4333-8444-555555555555"
#define EPOCH2 "bbbbbbbb-2222-4333-8444-555555555555"

struct fixture {
	char dir[64];
	char *path;
	struct logs *l;
};

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	snprintf(f->dir, sizeof(f->dir), "/tmp/dyno-logs-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	f->path = xasprintf("%s/logs.db", f->dir);
	*state = f;
	return logs_new(&f->l, f->path, NULL);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	logs_free(f->l);
	file_remove_tree(AT_FDCWD, f->dir, NULL);
	free(f->path);
	free(f);
	return 0;
}

static void frame(struct buf *b, unsigned long seq, const char *app,
		  const char *message)
{
	auto_free char *body = xasprintf("%lu 1700000000000000 %s app web.1 %s",
					 seq, app, message);

	buf_addf(b, "%zu %s", strlen(body), body);
}

static bool known(const char *app, void *userdata)
{
	return str_eq(app, APP);
}

static char death_text[64];

static int death(const char *app, const char *ps, const char *text, size_t n,
		 void *userdata, struct error *e)
{
	snprintf(death_text, sizeof(death_text), "%s %.*s", ps, (int)n, text);
	return 0;
}

static const struct logs_ops ops = { .known = known, .death = death };

static int take(struct fixture *f, const char *epoch, const struct buf *b,
		uint64_t *acked, struct error *e)
{
	return logs_take(f->l, "h1", epoch, buf_str(b), b->len, &ops, NULL, acked,
			 e);
}

static int on_line(const struct log_line *line, void *userdata)
{
	struct buf *b = userdata;

	buf_addf(b, "%llu:", (unsigned long long)line->number);
	buf_add(b, line->message, line->message_len);
	buf_adds(b, " ");
	return 0;
}

static void has(struct fixture *f, uint64_t after, const char *want)
{
	auto_buf b = BUF_INIT;

	assert_int_equal(log_store_read(logs_store(f->l), APP, after, 100000,
					on_line, &b, NULL), 0);
	assert_string_equal(buf_str(&b), want);
}

static void repeats_are_stored_once(void **state)
{
	struct fixture *f = *state;
	auto_buf b = BUF_INIT;
	uint64_t acked;

	frame(&b, 1, APP, "one");
	frame(&b, 2, APP, "two");
	assert_int_equal(take(f, EPOCH, &b, &acked, NULL), 0);
	assert_int_equal(acked, 2);
	frame(&b, 3, APP, "three");	/* 1, 2 again, and 3 */
	assert_int_equal(take(f, EPOCH, &b, &acked, NULL), 0);
	assert_int_equal(acked, 3);
	has(f, 0, "1:one 2:two 3:three ");
	buf_clear(&b);
	frame(&b, 1, APP, "new epoch");
	assert_int_equal(take(f, EPOCH2, &b, &acked, NULL), 0);
	assert_int_equal(acked, 1);
	has(f, 2, "3:three 4:new epoch ");
}

static void the_memory_of_what_came_survives_a_restart(void **state)
{
	struct fixture *f = *state;
	auto_buf b = BUF_INIT;
	uint64_t acked;

	frame(&b, 1, APP, "one");
	take(f, EPOCH, &b, &acked, NULL);
	f->l = logs_free(f->l);
	assert_int_equal(logs_new(&f->l, f->path, NULL), 0);
	assert_int_equal(take(f, EPOCH, &b, &acked, NULL), 0);
	assert_int_equal(acked, 1);
	has(f, 0, "1:one ");
}

static void a_malformed_body_stores_nothing(void **state)
{
	struct fixture *f = *state;
	auto_buf b = BUF_INIT;
	uint64_t acked = 77;
	struct error e;

	frame(&b, 1, APP, "good");
	buf_adds(&b, "12 nonsense here");
	assert_int_equal(take(f, EPOCH, &b, &acked, &e), -EBADMSG);
	has(f, 0, "");
	buf_clear(&b);
	frame(&b, 1, APP, "good");
	assert_int_equal(take(f, EPOCH, &b, &acked, NULL), 0);
	assert_int_equal(acked, 1);
	has(f, 0, "1:good ");
}

static void lines_of_unknown_apps_are_counted_and_dropped(void **state)
{
	struct fixture *f = *state;
	auto_buf b = BUF_INIT;
	uint64_t acked, newest;

	frame(&b, 1, OTHER, "lost");
	frame(&b, 2, APP, "kept");
	assert_int_equal(take(f, EPOCH, &b, &acked, NULL), 0);
	assert_int_equal(acked, 2);
	has(f, 0, "1:kept ");
	assert_int_equal(log_store_newest(logs_store(f->l), OTHER, &newest, NULL), 0);
	assert_int_equal(newest, 0);
}

static int on_count(const struct log_line *line, void *userdata)
{
	(*(int *)userdata)++;
	return 0;
}

static void the_last_1500_lines_are_kept(void **state)
{
	struct fixture *f = *state;
	uint64_t acked;
	int n = 0;

	for (unsigned long i = 0; i < 20; i++) {
		auto_buf b = BUF_INIT;

		for (unsigned long k = 1; k <= 100; k++)
			frame(&b, i * 100 + k, APP, "x");
		assert_int_equal(take(f, EPOCH, &b, &acked, NULL), 0);
	}
	assert_int_equal(log_store_read(logs_store(f->l), APP, 0, 100000, on_count,
					&n, NULL), 0);
	assert_int_equal(n, LOG_STORE_LINES);
	has(f, 1998, "1999:x 2000:x ");
}

/* All of it at once, far more than is kept. */
static void of_a_big_batch_the_newest_lines_are_kept(void **state)
{
	struct fixture *f = *state;
	auto_buf b = BUF_INIT;
	uint64_t acked, newest;
	int n = 0;

	for (unsigned long k = 1; k <= 5000; k++)
		frame(&b, k, APP, "x");
	assert_int_equal(take(f, EPOCH, &b, &acked, NULL), 0);
	for (int again = 0; again < 2; again++) {
		assert_int_equal(log_store_newest(logs_store(f->l), APP, &newest,
						  NULL), 0);
		assert_int_equal(newest, 5000);
		n = 0;
		assert_int_equal(log_store_read(logs_store(f->l), APP, 0, 100000,
						on_count, &n, NULL), 0);
		assert_int_equal(n, LOG_STORE_LINES);
		has(f, 4998, "4999:x 5000:x ");
		f->l = logs_free(f->l);		/* and from the file */
		assert_int_equal(logs_new(&f->l, f->path, NULL), 0);
	}
	buf_clear(&b);
	frame(&b, 5001, APP, "y");
	assert_int_equal(take(f, EPOCH, &b, &acked, NULL), 0);
	has(f, 4999, "5000:x 5001:y ");		/* from the file and from memory */
}

static void add_lines(struct log_store *s, int n)
{
	struct log_line line = {
		.usec = 1, .app = APP, .source = "app", .ps = "web.1",
		.message = "m", .message_len = 1,
	};

	assert_int_equal(log_store_begin(s, NULL), 0);
	for (int i = 0; i < n; i++)
		assert_int_equal(log_store_add(s, &line, NULL), 0);
	assert_int_equal(log_store_commit(s, NULL), 0);
}

static void count_of(struct log_store *s, int want_lines, uint64_t want_newest)
{
	uint64_t newest;
	int n = 0;

	assert_int_equal(log_store_newest(s, APP, &newest, NULL), 0);
	assert_int_equal(newest, want_newest);
	assert_int_equal(log_store_read(s, APP, 0, 100000, on_count, &n, NULL), 0);
	assert_int_equal(n, want_lines);
}

static void lines_are_shown_piece_by_piece(void **state)
{
	struct fixture *f = *state;
	struct log_store *s = logs_store(f->l);

	add_lines(s, 1000);
	count_of(s, 0, 0);
	log_store_show(s, 400, NULL, NULL);
	count_of(s, 400, 400);
	add_lines(s, 10);
	log_store_show(s, 605, NULL, NULL);
	count_of(s, 1005, 1005);
	assert_true(log_store_veiled(s) > 0);
	log_store_show(s, 605, NULL, NULL);
	count_of(s, 1010, 1010);
	assert_int_equal(log_store_veiled(s), 0);
}

static void what_is_rolled_back_was_never_there(void **state)
{
	struct fixture *f = *state;
	struct log_store *s = logs_store(f->l);
	struct log_line line = {
		.app = APP, .source = "app", .ps = "web.1", .message = "",
	};

	add_lines(s, 3);
	assert_int_equal(log_store_begin(s, NULL), 0);
	assert_int_equal(log_store_add(s, &line, NULL), 0);
	log_store_rollback(s);
	add_lines(s, 1);
	log_store_show(s, 10, NULL, NULL);
	count_of(s, 4, 4);
}

/* More apps than may be in memory: some are read from the file again. */
static void apps_that_leave_the_memory_keep_their_lines(void **state)
{
	struct fixture *f = *state;
	struct log_store *s = logs_store(f->l);
	struct log_line line = {
		.source = "app", .ps = "web.1", .message = "m", .message_len = 1,
	};

	add_lines(s, 2000);
	log_store_show(s, 2000, NULL, NULL);
	assert_int_equal(log_store_begin(s, NULL), 0);
	for (int i = 0; i < LOG_STORE_RINGS + 10; i++) {
		char app[40];

		snprintf(app, sizeof(app), "%08x-2222-4333-8444-555555555555", i);
		line.app = app;
		assert_int_equal(log_store_add(s, &line, NULL), 0);
	}
	assert_int_equal(log_store_commit(s, NULL), 0);
	log_store_show(s, 1, NULL, NULL);
	count_of(s, 1500, 2000);
	add_lines(s, 1);
	log_store_show(s, 1, NULL, NULL);
	count_of(s, 1500, 2001);
}

static int on_counted(const struct log_store_count *c, void *userdata)
{
	buf_addf(userdata, "%s[%s] %llu/%llu ", c->source, c->ps,
		 (unsigned long long)c->stored, (unsigned long long)c->dropped);
	return 0;
}

static void counted(struct log_store *s, const char *want)
{
	auto_buf b = BUF_INIT;

	assert_int_equal(log_store_counts(s, APP, on_counted, &b, NULL), 0);
	assert_string_equal(buf_str(&b), want);
}

static void what_comes_and_what_is_lost_is_counted_by_dyno(void **state)
{
	struct fixture *f = *state;
	struct log_store *s = logs_store(f->l);

	add_lines(s, 700);
	add_lines(s, 2000);
	assert_int_equal(log_store_begin(s, NULL), 0);
	assert_int_equal(log_store_lost(s, APP, "app", "web.2", 5, NULL), 0);
	assert_int_equal(log_store_lost(s, APP, "app", "web.1", 7, NULL), 0);
	assert_int_equal(log_store_commit(s, NULL), 0);
	counted(s, "app[web.1] 2700/7 app[web.2] 0/5 ");
	/* The numbers of dynos that are gone stay, their names do not. */
	assert_int_equal(log_store_expire(s, UINT64_C(1) << 60, NULL), 0);
	counted(s, "app[] 2700/12 ");
	add_lines(s, 1);
	counted(s, "app[] 2700/12 app[web.1] 1/0 ");
	log_store_show(s, UINT64_MAX, NULL, NULL);
	count_of(s, 1500, 2701);		/* not shown: not expired */
	assert_int_equal(log_store_expire(s, UINT64_C(1) << 60, NULL), 0);
	count_of(s, 0, 2701);
	assert_int_equal(log_store_forget(s, APP, NULL), 0);
	counted(s, "");
	count_of(s, 0, 0);
}

static void a_host_tells_what_a_dyno_has_lost(void **state)
{
	struct fixture *f = *state;
	auto_buf b = BUF_INIT;
	uint64_t acked;

	frame(&b, 1, APP, "line");
	buf_addf(&b, "%zu 2 1 " APP " loss web.1 12", strlen("2 1 " APP " loss web.1 12"));
	assert_int_equal(take(f, EPOCH, &b, &acked, NULL), 0);
	assert_int_equal(acked, 2);
	has(f, 0, "1:line ");
	counted(logs_store(f->l), "app[web.1] 1/12 ");
}

struct chatter {
	struct fixture *f;
	int left;
};

static void on_wake_say(void *userdata)
{
	struct chatter *c = userdata;

	if (c->left-- > 0)
		assert_int_equal(logs_say(c->f->l, c->left % 2 ? APP : OTHER, "more",
					  NULL), 0);
}

static void readers_may_say_something_themselves(void **state)
{
	struct fixture *f = *state;
	struct chatter c = { f, 6 };
	struct logs_watch *a = logs_watch_new(f->l, APP, on_wake_say, &c);
	struct logs_watch *b = logs_watch_new(f->l, OTHER, on_wake_say, &c);
	uint64_t mine, theirs;

	assert_int_equal(logs_say(f->l, APP, "first", NULL), 0);
	assert_int_equal(log_store_newest(logs_store(f->l), APP, &mine, NULL), 0);
	assert_int_equal(log_store_newest(logs_store(f->l), OTHER, &theirs, NULL), 0);
	assert_int_equal(mine + theirs, 7);
	assert_int_equal(log_store_veiled(logs_store(f->l)), 0);
	logs_watch_free(a);
	logs_watch_free(b);
}

static void on_wake(void *userdata)
{
	(*(int *)userdata)++;
}

static void readers_are_woken_for_their_app(void **state)
{
	struct fixture *f = *state;
	int mine = 0, theirs = 0;
	struct logs_watch *w = logs_watch_new(f->l, APP, on_wake, &mine);
	struct logs_watch *o = logs_watch_new(f->l, OTHER, on_wake, &theirs);
	auto_buf b = BUF_INIT;
	uint64_t acked;

	frame(&b, 1, APP, "a");
	frame(&b, 2, APP, "b");
	take(f, EPOCH, &b, &acked, NULL);
	assert_int_equal(mine, 1);
	logs_say(f->l, APP, "Release v1 created", NULL);
	assert_int_equal(mine, 2);
	assert_int_equal(theirs, 0);
	logs_forget(f->l, APP, NULL);
	assert_int_equal(mine, 3);
	has(f, 0, "");
	logs_watch_free(w);
	logs_watch_free(o);
}

static void frames_that_lie_are_refused(void **state)
{
	static const char *const bad[] = {
		"x", "5", "999 1 1 " APP " app web.1 x", "-1 1",
		"50 0 1 " APP " app web.1 x",
		"52 1 1 " APP " root web.1 x",
		"20 1 1 not-a-uuid app w x",
		"99999999999999999999 1",
		"50 1 z " APP " app web.1 x",
		"47 1 1 " APP " app web.1",
		"53 1 1 " APP " app web\n.1 x", "53 1 1 " APP " app web\r.1 x",
	};
	struct log_frame f;
	struct error e;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		const char *p = bad[i];

		assert_int_equal(log_frames_next(&p, p + strlen(p), &f, &e),
				 -EBADMSG);
	}
}

static void a_message_may_hold_any_bytes_but_newline(void **state)
{
	auto_buf b = BUF_INIT, body = BUF_INIT;
	struct log_frame f;
	struct error e;
	const char *p;

	buf_adds(&body, "7 8 " APP " heroku run.1 ");
	buf_add(&body, "a\0\xff z", 5);
	buf_addf(&b, "%zu ", body.len);
	buf_add(&b, body.data, body.len);
	p = b.data;
	assert_int_equal(log_frames_next(&p, b.data + b.len, &f, &e), 0);
	assert_int_equal(f.seq, 7);
	assert_int_equal(f.line.usec, 8);
	assert_string_equal(f.line.source, "heroku");
	assert_int_equal(f.line.message_len, 5);
	assert_memory_equal(f.line.message, "a\0\xff z", 5);
	assert_int_equal(log_frames_next(&p, b.data + b.len, &f, &e),
			 LOG_FRAMES_END);
	b.data[b.len - 1] = '\n';
	p = b.data;
	assert_int_equal(log_frames_next(&p, b.data + b.len, &f, &e), -EBADMSG);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(repeats_are_stored_once),
		TEST(the_memory_of_what_came_survives_a_restart),
		TEST(a_malformed_body_stores_nothing),
		TEST(lines_of_unknown_apps_are_counted_and_dropped),
		TEST(the_last_1500_lines_are_kept),
		TEST(of_a_big_batch_the_newest_lines_are_kept),
		TEST(lines_are_shown_piece_by_piece),
		TEST(what_is_rolled_back_was_never_there),
		TEST(apps_that_leave_the_memory_keep_their_lines),
		TEST(what_comes_and_what_is_lost_is_counted_by_dyno),
		TEST(a_host_tells_what_a_dyno_has_lost),
		TEST(readers_may_say_something_themselves),
		TEST(readers_are_woken_for_their_app),
		cmocka_unit_test(frames_that_lie_are_refused),
		cmocka_unit_test(a_message_may_hold_any_bytes_but_newline),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
