/*
 * What people read, and the small formats: Procfile, ps, log lines, frames,
 * the manual page.
 */
#include "base/base.h"

#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "cli/app/dynos.h"
#include "cli/app/logs.h"
#include "cli/app/wait.h"
#include "cli/cli.h"
#include "cli/client/frame.h"
#include "cli/client/procfile.h"
#include "cli/examples.h"
#include "cli/help.h"
#include "cli/host/host_plan.h"
#include "cli/host/host_top.h"
#include "cli/show/table.h"
#include "cli/verbs.h"
#include "http/json.h"

#include <fcntl.h>
#include <setjmp.h>
#include <time.h>
#include <cmocka.h>

/* ---- Procfile ---- */

static json_t *procfile(const char *text)
{
	json_t *types = NULL;

	assert_int_equal(procfile_parse(text, strlen(text), &types, NULL), 0);
	return types;
}

static void a_procfile_maps_types_to_commands(void **s)
{
	auto_json *t = procfile("web: node server.js --port $PORT\n"
				"worker:\trake jobs:work");

	assert_int_equal(json_object_size(t), 2);
	assert_string_equal(json_str(t, "web"), "node server.js --port $PORT");
	assert_string_equal(json_str(t, "worker"), "rake jobs:work");
}

static void comments_blank_lines_and_junk_are_ignored(void **s)
{
	auto_json *t = procfile("# a comment: really\n\n  indented: no\nweb\n"
				"we b: no\n: no\nempty:\nempty2:   \n"
				"clock_1-x:run  it \n");

	assert_int_equal(json_object_size(t), 1);
	assert_string_equal(json_str(t, "clock_1-x"), "run  it");
}

static void carriage_returns_go_and_the_last_definition_wins(void **s)
{
	auto_json *t = procfile("web: one\r\nweb: two\r\n");

	assert_int_equal(json_object_size(t), 1);
	assert_string_equal(json_str(t, "web"), "two");
}

static void a_procfile_without_a_type_or_of_bytes_is_refused(void **s)
{
	json_t *types = NULL;
	struct error e;

	assert_int_equal(procfile_parse("", 0, &types, &e), -EINVAL);
	assert_int_equal(procfile_parse("# no\n", 5, &types, &e), -EINVAL);
	assert_int_equal(procfile_parse("a: b\nweb: \xff\xfe\n", 13, &types, &e),
			 -EINVAL);
	assert_non_null(strstr(e.msg, "line 2"));
	assert_null(types);
}

static void nul_bytes_in_a_procfile_are_no_end(void **s)
{
	static const char text[] = "we\0b: x\nweb: y\n";
	auto_json *types = NULL;

	assert_int_equal(procfile_parse(text, sizeof(text) - 1, &types, NULL), 0);
	assert_int_equal(json_object_size(types), 1);
	assert_string_equal(json_str(types, "web"), "y");
}

/* ---- ps ---- */

static void check_ps(const char *list, const char *expected)
{
	auto_json *j = json_loads(list, 0, NULL);
	auto_buf out = BUF_INIT;

	assert_non_null(j);
	setenv("TZ", "UTC", 1);
	tzset();
	dynos_layout(&out, "shop", j, (1700000000ULL + 62) * USEC_PER_SEC);
	assert_string_equal(buf_str(&out), expected);
}

#define DYNO(name, type, size, state, command) \
	"{\"name\":\"" name "\",\"type\":\"" type "\",\"size\":\"" size "\"," \
	"\"state\":\"" state "\",\"command\":\"" command "\"," \
	"\"updated_at\":\"2023-11-14T22:13:20Z\"}"
#define WHEN "2023/11/14 22:13:20 +0000 (~ 1m ago)"

static void ps_has_the_layout_of_heroku(void **s)
{
	check_ps("[" DYNO("web.2", "web", "Basic", "up", "npm start") ","
		 DYNO("run.12", "run", "Standard-1X", "up", "bash") ","
		 DYNO("web.10", "web", "Basic", "starting", "npm start") ","
		 DYNO("web.1", "web", "Basic", "crashed", "npm start") "]",
		 "=== web (Basic): npm start (3)\n\n"
		 "web.1: crashed " WHEN "\n"
		 "web.2: up " WHEN "\n"
		 "web.10: starting " WHEN "\n\n"
		 "=== run: one-off processes (1)\n\n"
		 "run.12 (Standard-1X): up " WHEN ": bash\n\n");
}

static void ps_groups_by_type_size_and_command(void **s)
{
	check_ps("[" DYNO("web.1", "web", "Basic", "up", "x") ","
		 DYNO("clock.1", "clock", "Basic", "up", "x") ","
		 DYNO("web.2", "web", "Eco", "up", "x") "]",
		 "=== web (Basic): x (1)\n\nweb.1: up " WHEN "\n\n"
		 "=== clock (Basic): x (1)\n\nclock.1: up " WHEN "\n\n"
		 "=== web (Eco): x (1)\n\nweb.2: up " WHEN "\n\n");
}

static void ps_of_nothing_says_so_and_of_junk_does_not_crash(void **s)
{
	check_ps("[]", "No dynos on shop\n");
	check_ps("[{}]", "===  ():  (1)\n\n:  -\n\n");
}

/* ---- logs ---- */

static void log_lines_come_out_whole_however_they_arrive(void **s)
{
	static const char stream[] = "one\n\ntwo\n\n\nthree";
	auto_buf rest = BUF_INIT, out = BUF_INIT;

	for (size_t i = 0; i < strlen(stream); i++)
		logs_feed(&rest, stream + i, 1, &out);
	assert_string_equal(buf_str(&out), "one\ntwo\n");
	assert_string_equal(buf_str(&rest), "three");
	logs_feed(&rest, "\nfour\nfi", 8, &out);
	assert_string_equal(buf_str(&out), "one\ntwo\nthree\nfour\n");
	assert_string_equal(buf_str(&rest), "fi");
}

static void events_count_when_they_are_whole(void **s)
{
	static const char stream[] =
		"retry: 1\n\nid: 7\ndata: one\n\n:\n\nevent: position\nid: 9\n"
		"data: -\n\nid: 10\ndata: a: b\n\nid: 11\ndata: lost\n";
	auto_buf rest = BUF_INIT, out = BUF_INIT;
	struct logs_events ev = { .rest = &rest };

	for (size_t i = 0; i < strlen(stream); i++)
		logs_feed_events(&ev, stream + i, 1, &out);
	assert_string_equal(buf_str(&out), "one\na: b\n");
	assert_int_equal(ev.id, 10);
	logs_feed_events(&ev, "\n", 1, &out);
	assert_string_equal(buf_str(&out), "one\na: b\nlost\n");
	assert_int_equal(ev.id, 11);
}

static void colours_leave_the_text_as_it_is(void **s)
{
	static const char line[] = "2026-11-21T00:13:42.662932+00:00 app[web.1]: a: b\n";
	auto_buf out = BUF_INIT, plain = BUF_INIT;

	logs_paint(line, strlen(line), &out);
	for (const char *p = buf_str(&out); *p; p++) {
		if (*p == '\033')
			p += strcspn(p, "m");
		else
			buf_add(&plain, p, 1);
	}
	assert_string_equal(buf_str(&plain), line);
	assert_true(out.len > strlen(line));
	buf_clear(&out);
	logs_paint("no log line", 11, &out);
	assert_string_equal(buf_str(&out), "no log line");
}

/* ---- frames ---- */

static void frames_from_the_dyno_are_read_piece_by_piece(void **s)
{
	static const char bytes[] = "R\0\0\0" "O\0\0\3a\0b" "X\0\0\1\x8f";
	auto_buf in = BUF_INIT;
	struct frame f;
	size_t fed = 0;

	for (; fed < 4; fed++) {
		assert_int_equal(frame_peek(&in, &f, NULL), 0);
		buf_add(&in, bytes + fed, 1);
	}
	assert_int_equal(frame_peek(&in, &f, NULL), FRAME_READY);
	assert_int_equal(f.type, FRAME_RUNNING);
	assert_int_equal(f.len, 0);
	buf_consume(&in, REPLAY_HEAD);
	for (; fed < 11; fed++) {
		assert_int_equal(frame_peek(&in, &f, NULL), 0);
		buf_add(&in, bytes + fed, 1);
	}
	assert_int_equal(frame_peek(&in, &f, NULL), FRAME_READY);
	assert_int_equal(f.type, FRAME_OUTPUT);
	assert_int_equal(f.len, 3);
	assert_memory_equal(f.data, "a\0b", 3);
	buf_consume(&in, REPLAY_HEAD + f.len);
	buf_add(&in, bytes + fed, sizeof(bytes) - 1 - fed);
	assert_int_equal(frame_peek(&in, &f, NULL), FRAME_READY);
	assert_int_equal(f.type, FRAME_EXIT);
	assert_int_equal((unsigned char)f.data[0], 0x8f);
}

static void check_bad_frame(const void *bytes, size_t n)
{
	auto_buf in = BUF_INIT;
	struct error e;
	struct frame f;

	buf_add(&in, bytes, n);
	assert_int_equal(frame_peek(&in, &f, &e), -EPROTO);
}

static void unknown_long_and_misplaced_frames_are_refused(void **s)
{
	check_bad_frame("?\0\0\0", 4);
	check_bad_frame("\0\0\0\0", 4);
	check_bad_frame("I\0\0\0", 4);		/* towards the dyno */
	check_bad_frame("O\1\0\1", 4);		/* 65537 bytes */
	check_bad_frame("X\0\0\0", 4);		/* no status */
	check_bad_frame("X\0\0\2", 4);
}

/* ---- wait ---- */

#define WAIT_DYNO(name, type, state, version) \
	"{\"name\":\"" name "\",\"type\":\"" type "\",\"state\":\"" state "\"," \
	"\"release\":{\"version\":" #version "}}"
#define WAIT_FORMATION "[{\"type\":\"web\",\"quantity\":2}," \
	"{\"type\":\"worker\",\"quantity\":1},{\"type\":\"clock\",\"quantity\":0}]"

static struct wait_state look(const char *dynos, const char *type)
{
	static json_t *f, *d;
	struct wait_state state;

	json_decref(f);
	json_decref(d);
	f = json_loads(WAIT_FORMATION, 0, NULL);
	d = json_loads(dynos, 0, NULL);
	assert_non_null(d);
	wait_look(f, d, type, 7, &state);
	return state;
}

static void only_dynos_of_the_newest_release_count_as_up(void **s)
{
	struct wait_state w = look(
		"[" WAIT_DYNO("web.1", "web", "up", 7) ","
		WAIT_DYNO("web.2", "web", "up", 6) ","
		WAIT_DYNO("web.2", "web", "starting", 7) ","
		WAIT_DYNO("worker.1", "worker", "up", 8) ","
		WAIT_DYNO("run.1", "run", "up", 7) ","
		"{\"name\":\"web.3\",\"release\":null}]", NULL);

	assert_int_equal(w.wanted, 3);
	assert_int_equal(w.up, 2);
	assert_null(w.crashed);
}

static void a_crash_counts_only_in_the_types_that_are_waited_for(void **s)
{
	static const char dynos[] =
		"[" WAIT_DYNO("web.1", "web", "up", 7) ","
		WAIT_DYNO("web.2", "web", "up", 7) ","
		WAIT_DYNO("worker.1", "worker", "crashed", 7) "]";
	struct wait_state w = look(dynos, NULL);

	assert_string_equal(w.crashed, "worker.1");
	w = look(dynos, "web");
	assert_null(w.crashed);
	assert_int_equal(w.wanted, 2);
	assert_int_equal(w.up, 2);
	w = look("[" WAIT_DYNO("web.1", "web", "crashed", 6) "]", NULL);
	assert_null(w.crashed);
}

static void what_is_waited_for_is_told_in_words(void **s)
{
	auto_json *dynos = json_loads(
		"[" WAIT_DYNO("web.1", "web", "up", 7) ","
		WAIT_DYNO("web.2", "web", "up", 6) ","
		WAIT_DYNO("web.3", "web", "crashed", 7) ","
		WAIT_DYNO("run.1", "run", "starting", 7) ","
		WAIT_DYNO("worker.1", "worker", "starting", 7) ","
		WAIT_DYNO("worker.2", "worker", "starting", 7) "]", 0, NULL);
	auto_buf out = BUF_INIT;

	wait_words(&out, dynos, NULL, 7);
	assert_string_equal(buf_str(&out), "web.2 is up with v6, web.3 is crashed, "
			    "worker.1 is starting and 1 more");
	buf_clear(&out);
	wait_words(&out, dynos, "worker", 7);
	assert_string_equal(buf_str(&out), "worker.1 is starting, worker.2 is starting");
	buf_clear(&out);
	wait_words(&out, dynos, "clock", 7);
	assert_string_equal(buf_str(&out), "no host has them yet");
}

static void a_log_line_is_an_object_with_its_parts(void **s)
{
	static const char line[] = "2026-01-01T00:00:00.000000+00:00 app[web.1]: a[1]: b\n";
	auto_buf out = BUF_INIT;

	logs_object(line, strlen(line), &out);
	logs_object("torn", 4, &out);
	assert_string_equal(buf_str(&out), "{\"at\":\"2026-01-01T00:00:00.000000+00:00\","
			    "\"source\":\"app\",\"dyno\":\"web.1\",\"text\":\"a[1]: b\"}\n"
			    "{\"text\":\"torn\"}\n");
}

/* ---- tables ---- */

static void columns_are_aligned_by_characters_and_end_without_blanks(void **s)
{
	auto_table t = { .columns = 3 };
	auto_buf out = BUF_INIT;

	table_add(&t, "a", "bb", "c");
	table_add(&t, "\xc3\xa4\xc3\xb6\xc3\xbc", NULL, "");
	table_layout(&out, &t, 0);
	assert_string_equal(buf_str(&out), "a    bb  c\n"
			    "\xc3\xa4\xc3\xb6\xc3\xbc  -\n");
}

static void a_line_is_cut_only_on_a_terminal_which_it_cannot_control(void **s)
{
	auto_table t = { .columns = 2 };
	auto_buf wide = BUF_INIT, narrow = BUF_INIT, exact = BUF_INIT;

	table_add(&t, "one", "\033[2Jand \xc3\xa4 more");
	table_layout(&wide, &t, 0);
	assert_string_equal(buf_str(&wide), "one  \033[2Jand \xc3\xa4 more\n");
	table_layout(&narrow, &t, 17);
	assert_string_equal(buf_str(&narrow), "one  ?[2Jand \xc3\xa4...\n");
	table_layout(&exact, &t, 19);
	assert_string_equal(buf_str(&exact), "one  ?[2Jand \xc3\xa4 more\n");
}

/* ---- help ---- */

static void every_verb_has_a_subject_and_examples_that_use_it(void **s)
{
	for (size_t i = 0; i < cli_n_verbs; i++) {
		const struct verb *v = &cli_verbs[i];
		const char *const *lines = examples_of(v->name);
		auto_free char *call = xasprintf("dynoctl %s", v->name);

		if (!v->doc)
			continue;
		if (!help_subject(v))
			fail_msg("%s has no subject", v->name);
		if (!lines)
			fail_msg("%s has no example", v->name);
		for (; *lines; lines++)
			if (!strstr(*lines, call) || strlen(*lines) > 78)
				fail_msg("%s: not its example, or too long: %s", v->name,
					 *lines);
	}
}

static void other_names_lead_to_verbs_and_hide_none(void **s)
{
	for (size_t i = 0; i < verbs_n_aliases; i++) {
		char *name[] = { (char *)verbs_aliases[i].name, NULL };
		const struct verb *v;
		int words;

		assert_null(verb_find(cli_verbs, cli_n_verbs, 1, name, &words));
		v = verbs_find(1, name, &words);
		if (!v || !str_eq(v->name, verbs_aliases[i].verb))
			fail_msg("%s leads to no %s", name[0], verbs_aliases[i].verb);
		assert_int_equal(words, 1);
	}
}

/* ---- the manual page ---- */

static void read_source(const char *path, struct buf *ret)
{
	const char *top = getenv("top_srcdir");
	auto_free char *full = xasprintf("%s/%s", top ? top : ".", path);

	if (file_read(AT_FDCWD, full, 1 << 20, ret, NULL) < 0)
		fail_msg("cannot read %s", full);
}

static void every_verb_is_in_the_manual_page(void **s)
{
	auto_buf page = BUF_INIT;

	read_source("man/dynoctl.1", &page);
	for (size_t i = 0; i < verbs_n_aliases; i++) {
		auto_free char *item = xasprintf("\n.It Cm %s Ta Cm %s\n",
						 verbs_aliases[i].name,
						 verbs_aliases[i].verb);

		if (!strstr(buf_str(&page), item))
			fail_msg("%s: not in the manual page", verbs_aliases[i].name);
	}
	for (size_t i = 0; i < cli_n_verbs; i++) {
		auto_free char *item = xasprintf("\n.It Cm %s",
						 cli_verbs[i].name);
		const char *at = strstr(buf_str(&page), item);

		while (at && !strchr(" \n", at[strlen(item)]))
			at = strstr(at + 1, item);
		if (!at != !cli_verbs[i].doc)
			fail_msg("%s: %s", cli_verbs[i].name, at
				 ? "hidden, but in the manual page"
				 : "not in the manual page");
	}
}

/* ---- host plan ---- */

static void a_plan_tells_those_that_wait_and_counts_the_others(void **s)
{
	auto_json *plan = json_loads("{\"mode\":\"draining\","
		"\"waiting\":[\"upstream is away\"],"
		"\"dynos\":[{\"app\":\"shop\",\"name\":\"web.1\",\"phase\":\"up\","
		"\"action\":\"none\",\"waits_for\":null,\"why\":\"it is as wanted\"},"
		"{\"app\":\"shop\",\"name\":\"web.2\",\"phase\":\"crashed\","
		"\"action\":\"stop\",\"waits_for\":\"back-off\",\"why\":\"it has "
		"crashed\",\"until\":\"2023-11-14T22:13:30Z\"}],"
		"\"strays\":[{\"instance\":\"abc\",\"why\":\"rmdir: Device or "
		"resource busy\",\"until\":null}]}", 0, NULL);
	auto_buf out = BUF_INIT, all = BUF_INIT;

	assert_non_null(plan);
	host_plan_layout(&out, plan, false, 1700000000ULL * USEC_PER_SEC);
	assert_string_equal(buf_str(&out),
		"This host is draining.\n"
		"All wait: upstream is away.\n"
		"shop                 web.2        crashed   stop next: it has crashed "
		"(in 10 s)\n"
		"quarantined: abc: rmdir: Device or resource busy\n"
		"1 of 2 dynos are as wanted.\n");
	host_plan_layout(&all, plan, true, 1700000000ULL * USEC_PER_SEC);
	assert_non_null(strstr(buf_str(&all), "web.1        up        it is as wanted\n"));
}

/* ---- host top ---- */

#define TOP_DYNO(name, cpu, memory, started) \
	"{\"app\":\"shop\",\"name\":\"" name "\",\"state\":\"up\",\"pid\":7," \
	"\"cpu_percent\":" cpu ",\"memory\":" memory ",\"memory_quota\":536870912," \
	"\"pids\":3,\"restarts\":1,\"started\":\"" started "\"}"

static void check_top(const json_t *dynos, const char *key, const char *order)
{
	auto_json *sorted = host_top_sort(dynos, host_top_key(key));
	auto_buf names = BUF_INIT;
	json_t *d;
	size_t i;

	json_array_foreach(sorted, i, d)
		buf_addf(&names, "%s ", json_str(d, "name"));
	assert_string_equal(buf_str(&names), order);
}

static void top_sorts_by_each_key_and_shows_shares(void **s)
{
	auto_json *dynos = json_loads("["
		TOP_DYNO("web.2", "null", "1048576", "2023-11-14T22:13:20Z") ","
		TOP_DYNO("web.10", "12.5", "268435456", "2023-11-14T20:13:20Z") ","
		TOP_DYNO("a.1", "80", "2097152", "2023-11-14T22:10:20Z") "]", 0, NULL);
	auto_json *sorted = NULL;
	auto_buf out = BUF_INIT, two = BUF_INIT;

	assert_non_null(dynos);
	check_top(dynos, "cpu", "a.1 web.10 web.2 ");
	check_top(dynos, "memory", "web.10 a.1 web.2 ");
	check_top(dynos, "name", "a.1 web.2 web.10 ");
	check_top(dynos, "age", "web.10 a.1 web.2 ");
	check_top(dynos, "state", "a.1 web.2 web.10 ");
	assert_null(host_top_key("beauty"));
	sorted = host_top_sort(dynos, host_top_key("cpu"));
	host_top_layout(&out, sorted, 0, 1700000005ULL * USEC_PER_SEC);
	assert_non_null(strstr(buf_str(&out), "3 dynos, 3 up, 92.5% of a processor, "
			       "259 MiB\n"));
	assert_non_null(strstr(buf_str(&out), "up          12.5     256M/512M  50%     3"
			       "        1     2h00m\n"));
	assert_non_null(strstr(buf_str(&out), "up             -       1M/512M   0%     3"
			       "        1     0m05s\n"));
	host_top_layout(&two, sorted, 1, 1700000005ULL * USEC_PER_SEC);
	assert_null(strstr(buf_str(&two), "web.2"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(top_sorts_by_each_key_and_shows_shares),
		cmocka_unit_test(a_plan_tells_those_that_wait_and_counts_the_others),
		cmocka_unit_test(a_procfile_maps_types_to_commands),
		cmocka_unit_test(comments_blank_lines_and_junk_are_ignored),
		cmocka_unit_test(carriage_returns_go_and_the_last_definition_wins),
		cmocka_unit_test(a_procfile_without_a_type_or_of_bytes_is_refused),
		cmocka_unit_test(nul_bytes_in_a_procfile_are_no_end),
		cmocka_unit_test(ps_has_the_layout_of_heroku),
		cmocka_unit_test(ps_groups_by_type_size_and_command),
		cmocka_unit_test(ps_of_nothing_says_so_and_of_junk_does_not_crash),
		cmocka_unit_test(log_lines_come_out_whole_however_they_arrive),
		cmocka_unit_test(events_count_when_they_are_whole),
		cmocka_unit_test(colours_leave_the_text_as_it_is),
		cmocka_unit_test(frames_from_the_dyno_are_read_piece_by_piece),
		cmocka_unit_test(unknown_long_and_misplaced_frames_are_refused),
		cmocka_unit_test(only_dynos_of_the_newest_release_count_as_up),
		cmocka_unit_test(a_crash_counts_only_in_the_types_that_are_waited_for),
		cmocka_unit_test(what_is_waited_for_is_told_in_words),
		cmocka_unit_test(columns_are_aligned_by_characters_and_end_without_blanks),
		cmocka_unit_test(a_line_is_cut_only_on_a_terminal_which_it_cannot_control),
		cmocka_unit_test(every_verb_has_a_subject_and_examples_that_use_it),
		cmocka_unit_test(other_names_lead_to_verbs_and_hide_none),
		cmocka_unit_test(a_log_line_is_an_object_with_its_parts),
		cmocka_unit_test(every_verb_is_in_the_manual_page),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
