/*
 * test-drains.c - what sinks get byte by byte, when they get it again, and that no
 * line is counted twice or not at all.
 */
#include "base/error.h"
#include "controller/logplex/drain_backoff.h"
#include "controller/logplex/drain_cursors.h"
#include "controller/logplex/drain_frame.h"
#include "controller/logplex/drain_networks.h"
#include "controller/logplex/drain_url.h"
#include "controller/logplex/drain_window.h"
#include "controller/logplex/log_store.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <unistd.h>

#include <setjmp.h>
#include <cmocka.h>

#define TOKEN "d.01234567-89ab-cdef-0123-456789abcdef"
#define NOW UINT64_C(1354258769000000)		/* 2012-11-30T06:59:29 */

static struct log_line line_of(const char *source, const char *ps, const char *text)
{
	return (struct log_line){
		.number = 1, .usec = UINT64_C(1354257929000000), .source = source,
		.ps = ps, .message = text, .message_len = strlen(text),
	};
}

/* ---- frames ---- */

static void a_logplex_line_has_no_structured_data(void **state)
{
	struct log_line line = line_of("heroku", "web.3",
				       "State changed from starting to up");
	auto_buf out = BUF_INIT;

	drain_frame_line(&out, DRAIN_FORM_LOGPLEX, TOKEN, &line);
	assert_string_equal(buf_str(&out),
		"93 <45>1 2012-11-30T06:45:29.000000+00:00 host heroku web.3 - "
		"State changed from starting to up\n");
}

static void a_syslog_line_names_the_drain_as_its_host(void **state)
{
	struct log_line line = line_of("app", "web.1", "x");
	auto_buf out = BUF_INIT;
	size_t n;

	drain_frame_line(&out, DRAIN_FORM_SYSLOG, TOKEN, &line);
	n = strcspn(buf_str(&out), " ") + 1;
	assert_string_equal(out.data + n,
		"<190>1 2012-11-30T06:45:29.000000+00:00 " TOKEN " app web.1 - - x\n");
	assert_int_equal(strtoul(out.data, NULL, 10), out.len - n);
}

static void the_length_counts_bytes_of_any_kind(void **state)
{
	struct log_line line = line_of("app", "web.1", "");
	auto_buf out = BUF_INIT;
	size_t n;

	line.message = "\xc3\xa4\0\xff";
	line.message_len = 4;
	drain_frame_line(&out, DRAIN_FORM_LOGPLEX, TOKEN, &line);
	n = strcspn(out.data, " ") + 1;
	assert_int_equal(strtoul(out.data, NULL, 10), out.len - n);
	assert_memory_equal(out.data + out.len - 5, "\xc3\xa4\0\xff\n", 5);
}

static void the_priority_says_where_a_line_comes_from(void **state)
{
	static const struct {
		const char *source, *ps;
		unsigned pri;
	} rows[] = {
		{ "app", "web.1", 190 }, { "app", "run.1234", 190 },
		{ "app", "api", 134 }, { "app", "postgres", 134 },
		{ "heroku", "router", 158 }, { "heroku", "web.1", 45 },
		{ "heroku", "logplex", 188 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct log_line line = line_of(rows[i].source, rows[i].ps, "");

		assert_int_equal(drain_frame_pri(&line), rows[i].pri);
	}
}

static void a_loss_is_told_as_l10_with_whole_seconds(void **state)
{
	struct drain_loss loss = { 500, UINT64_C(1354257929999999) };
	auto_buf out = BUF_INIT;

	drain_frame_loss(&out, DRAIN_FORM_SYSLOG, TOKEN, &loss, NOW);
	assert_non_null(strstr(buf_str(&out), " <172>1 2012-11-30T06:59:29.000000+00:00 "
		TOKEN " heroku logplex - - Error L10 (output buffer overflow): 500 "
		"messages dropped since 2012-11-30T06:45:29+00:00.\n"));
	buf_clear(&out);
	drain_frame_loss(&out, DRAIN_FORM_LOGPLEX, TOKEN, &loss, NOW);
	assert_non_null(strstr(buf_str(&out), " <172>1 2012-11-30T06:59:29.000000+00:00 "
		"host heroku logplex - Error L10 (output"));
}

static void a_frame_id_is_the_same_for_the_same_frame_only(void **state)
{
	struct drain_loss none = { 0, 0 }, some = { 3, 7 };
	char a[DRAIN_FRAME_ID_MAX], b[DRAIN_FRAME_ID_MAX];

	drain_frame_id(a, TOKEN, 1, 20, &none);
	assert_int_equal(strlen(a), 32);
	assert_int_equal(strspn(a, "0123456789ABCDEF"), 32);
	assert_string_equal(drain_frame_id(b, TOKEN, 1, 20, &none), a);
	assert_string_not_equal(drain_frame_id(b, TOKEN, 2, 20, &none), a);
	assert_string_not_equal(drain_frame_id(b, TOKEN, 1, 21, &none), a);
	assert_string_not_equal(drain_frame_id(b, TOKEN, 1, 20, &some), a);
	assert_string_not_equal(drain_frame_id(b, "d.x", 1, 20, &none), a);
}

static void whole_messages_are_counted_at_every_cut(void **state)
{
	static const char frame[] = "3 a\nb12 hello world\n1 x";
	size_t bytes;

	for (size_t n = 0; n < sizeof(frame); n++) {
		size_t whole = drain_frame_whole(frame, n, &bytes);

		assert_int_equal(whole, (n >= 5) + (n >= 20) + (n >= 23));
		assert_int_equal(bytes, n >= 23 ? 23 : n >= 20 ? 20 : n >= 5 ? 5 : 0);
	}
}

/* ---- windows ---- */

static void check(const struct drain_window *w, uint64_t newest)
{
	assert_int_equal(newest - w->start, w->delivered + w->dropped +
			 drain_window_waiting(w, newest));
}

static void what_waits_beyond_the_limit_is_lost_oldest_first(void **state)
{
	struct drain_window w = { .start = 10, .next = 10 };

	assert_int_equal(drain_window_limit(&w, 1034, 1024, NOW), 0);
	assert_int_equal(drain_window_limit(&w, 1035, 1024, NOW), 1);
	assert_int_equal(w.next, 11);
	assert_int_equal(drain_window_limit(&w, 1040, 1024, NOW + 5), 5);
	assert_int_equal(w.dropped, 6);
	assert_int_equal(w.loss.n, 6);
	assert_int_equal(w.loss.since, NOW);
	check(&w, 1040);
}

static void the_frame_on_its_way_is_not_in_the_buffer(void **state)
{
	struct drain_window w = { .next = 0 };

	drain_window_begin(&w, 100, NOW);
	assert_int_equal(drain_window_limit(&w, 1124, 1024, NOW), 0);
	check(&w, 1124);
	assert_int_equal(drain_window_limit(&w, 1125, 1024, NOW), 1);
	check(&w, 1125);
	drain_window_done(&w);
	assert_int_equal(w.delivered, 100);
	check(&w, 1125);
	/* The line that was lost is not in the next frame. */
	drain_window_begin(&w, 1125, NOW);
	assert_int_equal(w.first, 102);
	check(&w, 1125);
}

static void a_loss_is_told_until_the_frame_has_arrived(void **state)
{
	struct drain_window w = { .next = 0 };

	drain_window_limit(&w, 30, 10, NOW);
	drain_window_begin(&w, 25, NOW + 1);
	assert_int_equal(w.told.n, 20);
	assert_int_equal(w.loss.n, 0);
	drain_window_limit(&w, 40, 10, NOW + 2);
	assert_int_equal(w.loss.n, 5);
	drain_window_lost(&w, NOW + 3);
	check(&w, 40);
	/* 20 told, 5 in the frame, 5 since: one report, from the first one on. */
	assert_int_equal(w.loss.n, 30);
	assert_int_equal(w.loss.since, NOW);
	assert_int_equal(w.dropped, 30);
	drain_window_begin(&w, 40, NOW + 4);
	assert_int_equal(w.told.n, 30);
	drain_window_done(&w);
	assert_int_equal(w.loss.n, 0);
	assert_int_equal(w.delivered, 10);
	check(&w, 40);
}

static void lines_that_the_store_has_not_any_more_are_lost(void **state)
{
	struct drain_window w = { .start = 5, .next = 5 };

	drain_window_gap(&w, 6, NOW);
	assert_int_equal(w.dropped, 0);
	drain_window_gap(&w, 9, NOW);
	assert_int_equal(w.dropped, 3);
	assert_int_equal(w.next, 8);
	check(&w, 20);
}

static void a_part_of_a_frame_may_have_arrived(void **state)
{
	struct drain_window w = { .next = 0 };

	drain_window_limit(&w, 20, 10, NOW);
	drain_window_begin(&w, 20, NOW);
	drain_window_part(&w, 0);
	assert_int_equal(w.told.n, 10);
	drain_window_part(&w, 4);	/* the loss, and three lines */
	assert_int_equal(w.told.n, 0);
	assert_int_equal(w.delivered, 3);
	assert_int_equal(w.first, 14);
	check(&w, 20);
	drain_window_done(&w);
	assert_int_equal(w.delivered, 10);
	check(&w, 20);
}

static void a_younger_store_begins_the_count_anew(void **state)
{
	struct drain_window w = { .start = 5, .next = 50, .delivered = 45 };

	assert_false(drain_window_reset(&w, 50));
	assert_true(drain_window_reset(&w, 3));
	check(&w, 3);
	check(&w, 10);
}

/* Every line is delivered or dropped once, whatever happens in whatever order. */
static void random_fates_leave_the_sum_right(void **state)
{
	struct drain_window w = { .start = 7, .next = 7 };
	uint64_t newest = 7, told = 0;

	srandom(1);
	for (int i = 0; i < 100000; i++) {
		newest += (uint64_t)random() % 40;
		drain_window_limit(&w, newest, 100, NOW + (uint64_t)i);
		if (!w.last && newest > w.next)
			drain_window_begin(&w, w.next + 1 + (uint64_t)random() %
					   (newest - w.next), NOW + (uint64_t)i);
		check(&w, newest);
		if (!w.last)
			continue;
		switch (random() % 4) {
		case 0:
			told += w.told.n;
			drain_window_done(&w);
			break;
		case 1:
			drain_window_lost(&w, NOW + (uint64_t)i);
			break;
		case 2:
			if (w.last > w.first) {
				told += w.told.n;
				drain_window_part(&w, 1);
			}
			break;
		default:
			break;		/* it hangs */
		}
		check(&w, newest);
		/* Every lost line is told once, or will be. */
		assert_int_equal(w.dropped, told + w.told.n + w.loss.n);
	}
	assert_true(w.dropped > 0 && w.delivered > 0 && told > 0);
}

/* ---- back-off ---- */

static void http_waits_by_chance_up_to_five_seconds(void **state)
{
	assert_int_equal(drain_backoff_http(1, 12345), 5 * USEC_PER_MSEC);
	for (unsigned failures = 1; failures < 40; failures++) {
		unsigned top = failures < 10 ? failures : 10;
		uint64_t max = 0;

		for (uint32_t chance = 0; chance < 10; chance++) {
			uint64_t wait = drain_backoff_http(failures, chance);

			assert_true(wait >= 5 * USEC_PER_MSEC);
			max = wait > max ? wait : max;
		}
		assert_int_equal(max, 10 * USEC_PER_MSEC * ((1u << top) - 1) / 2);
	}
}

static void syslog_doubles_up_to_five_minutes(void **state)
{
	static const unsigned want[] = { 0, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300 };

	for (unsigned i = 0; i < ARRAY_SIZE(want); i++)
		assert_int_equal(drain_backoff_syslog(i, UINT64_MAX),
				 want[i] * USEC_PER_SEC);
	assert_int_equal(drain_backoff_syslog(0, 10 * USEC_PER_SEC),
			 20 * USEC_PER_SEC);
	assert_int_equal(drain_backoff_syslog(0, 31 * USEC_PER_SEC), 0);
}

static void little_is_kept_for_a_sink_that_is_gone(void **state)
{
	const uint64_t minutes = 60 * USEC_PER_SEC;

	assert_int_equal(drain_backoff_buffer_http(1024, 0), 1024);
	assert_int_equal(drain_backoff_buffer_http(1024, 5 * minutes - 1), 1024);
	assert_int_equal(drain_backoff_buffer_http(1024, 5 * minutes), 10);
	assert_int_equal(drain_backoff_buffer_http(4, 5 * minutes), 4);
	assert_int_equal(drain_backoff_buffer_syslog(1024, 10, false), 1024);
	assert_int_equal(drain_backoff_buffer_syslog(1024, 9, true), 1024);
	assert_int_equal(drain_backoff_buffer_syslog(1024, 10, true), 10);
}

/* ---- URLs and addresses ---- */

static void urls_lead_to_http_or_syslog(void **state)
{
	static const struct {
		const char *text;
		enum drain_kind kind;
		const char *host, *connect;
	} rows[] = {
		{ "https://u:p@logs.example.com/in?x=1", DRAIN_HTTP,
		  "logs.example.com", "https://u:p@logs.example.com/in?x=1" },
		{ "http://127.0.0.1:80/", DRAIN_HTTP, "127.0.0.1",
		  "http://127.0.0.1:80/" },
		{ "syslog://logs.example.com", DRAIN_SYSLOG, "logs.example.com",
		  "http://logs.example.com:601" },
		{ "syslog+tls://[2001:db8::1]:7000/", DRAIN_SYSLOG_TLS,
		  "2001:db8::1", "https://[2001:db8::1]:7000" },
		{ "syslog+tls://a", DRAIN_SYSLOG_TLS, "a", "https://a:6514" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct drain_url u;
		struct error e;

		assert_int_equal(drain_url_parse(&u, rows[i].text, &e), 0);
		assert_int_equal(u.kind, rows[i].kind);
		assert_string_equal(u.host, rows[i].host);
		assert_string_equal(u.connect, rows[i].connect);
		drain_url_deinit(&u);
	}
}

static void other_urls_are_refused_without_repeating_them(void **state)
{
	static const char *const wrong[] = {
		"", "x", "ftp://secret/", "file:///etc/secret", "https://",
		"https:///secret", "//secret/", "secret.example.com/in",
		"syslog://u:secret@h", "syslog://h/secret", "syslog://h?secret=1",
		"syslog+tls://h:99999", "https://h:secret/", "https://a b/secret",
		"https://h/\r\nsecret: 1", "https://h/#secret", "https://h\xc3\xa4/",
		"gopher://secret", "syslog://",
	};

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct drain_url u = DRAIN_URL_INIT;
		struct error e;

		if (drain_url_parse(&u, wrong[i], &e) != -EINVAL)
			fail_msg("%s is taken", wrong[i]);
		assert_null(strstr(e.msg, "secret"));
		assert_null(u.host);
	}
}

static void drains_do_not_reach_this_machine_by_default(void **state)
{
	static const char *const no[] = {
		"127.0.0.1", "127.9.9.9", "0.0.0.0", "169.254.169.254", "::1", "::",
		"fe80::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "224.0.0.1",
		"ff02::1", "255.255.255.255", "fd00:ec2::254", "127.1", "2130706433",
	};
	static const char *const yes[] = {
		"192.0.2.1", "10.255.3.77", "2001:db8::1", "logs.example.com",
	};
	struct drain_networks *n;
	struct error e;

	assert_int_equal(drain_networks_new(&n, "", &e), 0);
	for (size_t i = 0; i < ARRAY_SIZE(no); i++)
		assert_false(drain_networks_allow_host(n, no[i]));
	for (size_t i = 0; i < ARRAY_SIZE(yes); i++)
		assert_true(drain_networks_allow_host(n, yes[i]));
	drain_networks_free(n);
}

static void a_list_of_networks_is_all_there_is(void **state)
{
	static const char *const wrong[] = {
		"10.0.0.0/33", "10.0.0/8", "x", "::1/129", "10.0.0.0/", "10.0.0.0/8x",
		"10.0.0.0/-1",
	};
	struct drain_networks *n;
	struct error e;

	assert_int_equal(drain_networks_new(&n, "127.0.0.1 10.16.0.0/12, 2001:db8::/33",
					    &e), 0);
	assert_true(drain_networks_allow_host(n, "127.0.0.1"));
	assert_true(drain_networks_allow_host(n, "::ffff:10.31.255.255"));
	assert_true(drain_networks_allow_host(n, "2001:db8:7fff::1"));
	assert_false(drain_networks_allow_host(n, "127.0.0.2"));
	assert_false(drain_networks_allow_host(n, "10.32.0.0"));
	assert_false(drain_networks_allow_host(n, "2001:db8:8000::1"));
	assert_false(drain_networks_allow_host(n, "192.0.2.1"));
	drain_networks_free(n);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_int_equal(drain_networks_new(&n, wrong[i], &e), -EINVAL);
}

/* ---- cursors ---- */

static void cursors_are_there_again_after_a_restart(void **state)
{
	char dir[] = "/tmp/drains-t-XXXXXX";
	auto_free char *path = NULL;
	struct drain_cursors *c;
	struct drain_window w = {
		.start = 1, .next = 2, .delivered = 3, .dropped = 4, .first = 5,
		.last = 6, .made = 7, .told = { 8, 9 }, .loss = { 10, 11 },
	}, got;
	struct error e;
	auto_free char *clean = NULL;

	assert_non_null(mkdtemp(dir));
	path = xasprintf("%s/drains.db", dir);
	assert_int_equal(drain_cursors_open(&c, path, &e), 0);
	assert_int_equal(drain_cursors_load(c, "a", &got, &e), DRAIN_CURSORS_NONE);
	assert_int_equal(drain_cursors_begin(c, &e), 0);
	assert_int_equal(drain_cursors_save(c, "a", &w, &e), 0);
	assert_int_equal(drain_cursors_save(c, "b", &w, &e), 0);
	assert_int_equal(drain_cursors_commit(c, &e), 0);
	w.next = 100;
	assert_int_equal(drain_cursors_save(c, "a", &w, &e), 0);
	assert_int_equal(drain_cursors_forget(c, "b", &e), 0);
	drain_cursors_free(c);
	assert_int_equal(drain_cursors_open(&c, path, &e), 0);
	assert_int_equal(drain_cursors_load(c, "a", &got, &e), 0);
	assert_memory_equal(&got, &w, sizeof(w));
	assert_int_equal(drain_cursors_load(c, "b", &got, &e), DRAIN_CURSORS_NONE);
	drain_cursors_free(c);
	clean = xasprintf("rm -r %s", dir);
	assert_int_equal(system(clean), 0);
}

static bool is_a(const char *id, void *userdata)
{
	return str_eq(id, "a");
}

static void what_was_not_committed_is_rolled_back_and_may_come_again(void **state)
{
	char dir[] = "/tmp/drains-t-XXXXXX";
	auto_free char *path = NULL, *clean = NULL;
	struct drain_window w = { .start = 1, .next = 2 }, got;
	struct drain_cursors *c;
	struct error e;

	assert_non_null(mkdtemp(dir));
	path = xasprintf("%s/drains.db", dir);
	assert_int_equal(drain_cursors_open(&c, path, &e), 0);
	assert_int_equal(drain_cursors_begin(c, &e), 0);
	assert_int_equal(drain_cursors_save(c, "a", &w, &e), 0);
	drain_cursors_rollback(c);
	assert_int_equal(drain_cursors_load(c, "a", &got, &e), DRAIN_CURSORS_NONE);
	assert_int_equal(drain_cursors_begin(c, &e), 0);
	assert_int_equal(drain_cursors_save(c, "a", &w, &e), 0);
	assert_int_equal(drain_cursors_save(c, "b", &w, &e), 0);
	assert_int_equal(drain_cursors_commit(c, &e), 0);
	drain_cursors_rollback(c);
	assert_int_equal(drain_cursors_collect(c, is_a, NULL, &e), 0);
	assert_int_equal(drain_cursors_load(c, "a", &got, &e), 0);
	assert_int_equal(drain_cursors_load(c, "b", &got, &e), DRAIN_CURSORS_NONE);
	drain_cursors_free(c);
	clean = xasprintf("rm -r %s", dir);
	assert_int_equal(system(clean), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_logplex_line_has_no_structured_data),
		cmocka_unit_test(a_syslog_line_names_the_drain_as_its_host),
		cmocka_unit_test(the_length_counts_bytes_of_any_kind),
		cmocka_unit_test(the_priority_says_where_a_line_comes_from),
		cmocka_unit_test(a_loss_is_told_as_l10_with_whole_seconds),
		cmocka_unit_test(a_frame_id_is_the_same_for_the_same_frame_only),
		cmocka_unit_test(whole_messages_are_counted_at_every_cut),
		cmocka_unit_test(what_waits_beyond_the_limit_is_lost_oldest_first),
		cmocka_unit_test(the_frame_on_its_way_is_not_in_the_buffer),
		cmocka_unit_test(a_loss_is_told_until_the_frame_has_arrived),
		cmocka_unit_test(lines_that_the_store_has_not_any_more_are_lost),
		cmocka_unit_test(a_part_of_a_frame_may_have_arrived),
		cmocka_unit_test(a_younger_store_begins_the_count_anew),
		cmocka_unit_test(random_fates_leave_the_sum_right),
		cmocka_unit_test(http_waits_by_chance_up_to_five_seconds),
		cmocka_unit_test(syslog_doubles_up_to_five_minutes),
		cmocka_unit_test(little_is_kept_for_a_sink_that_is_gone),
		cmocka_unit_test(urls_lead_to_http_or_syslog),
		cmocka_unit_test(other_urls_are_refused_without_repeating_them),
		cmocka_unit_test(drains_do_not_reach_this_machine_by_default),
		cmocka_unit_test(a_list_of_networks_is_all_there_is),
		cmocka_unit_test(cursors_are_there_again_after_a_restart),
		cmocka_unit_test(
			what_was_not_committed_is_rolled_back_and_may_come_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
