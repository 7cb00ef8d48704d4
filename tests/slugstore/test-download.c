/*
 * test-download.c - a slug comes from a server that does its worst.
 */
#include "base/error.h"
#include "base/file.h"
#include "slugstore/conf.h"
#include "slugstore/store.h"
#include "slugstore/transfer/fetch.h"
#include "slugstore/transfer/source.h"
#include "slugstore/transfer/target.h"
#include "tests/slugstore/fake_http.h"
#include "tests/slugstore/maker.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <setjmp.h>
#include <cmocka.h>

#define NONE "0000000000000000000000000000000000000000000000000000000000000000"
#define NOISE 300000
#define CUT 100000
#define PATIENCE_MS 60000

struct fixture {
	char *dir, *path, *socket;
	struct store *store;
	int slug_fd;
	uint64_t size;
	char sha256[SHA256_HEX_MAX];
	struct fake_http http;
	struct slugs_conf conf;
	struct strv headers;
	struct error e;
	char got[SHA256_HEX_MAX];
};

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	auto_(store_free_p) struct store *s = NULL;
	auto_free char *scratch = NULL;
	struct maker m;
	struct stat st;

	f->dir = maker_new_dir();
	f->path = xasprintf("%s/store", f->dir);
	f->socket = xasprintf("%s/sock", f->dir);
	maker_begin(&m);
	maker_file(&m, "./app/Procfile", 0644, "web: bin/web\n");
	maker_noise(&m, "./app/noise", NOISE);
	f->slug_fd = maker_end(&m);
	assert_int_equal(fstat(f->slug_fd, &st), 0);
	f->size = (uint64_t)st.st_size;
	scratch = xasprintf("%s/scratch", f->dir);
	assert_int_equal(store_open(&s, scratch, NULL), 0);
	maker_import(s, f->slug_fd, f->sha256);
	assert_int_equal(store_open(&f->store, f->path, NULL), 0);
	fake_http_start(&f->http, f->socket, f->slug_fd);
	assert_int_equal(slugs_conf_load(&f->conf, NULL, NULL), 0);
	f->conf.retries = 2;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	fake_http_stop(&f->http);
	fd_close(f->slug_fd);
	store_free(f->store);
	slugs_conf_deinit(&f->conf);
	strv_deinit(&f->headers);
	maker_remove_dir(f->dir);
	free(f->path);
	free(f->socket);
	free(f);
	return 0;
}

static int fetch(struct fixture *f, const char *path, const char *sha256)
{
	auto_(source_free_p) struct source *src = NULL;
	auto_free char *url = xasprintf("http://127.0.0.1:%u%s",
					(unsigned)f->http.port, path);
	const struct target_spec spec = {
		.address = url, .headers = &f->headers, .conf = &f->conf,
	};
	struct fetch what = { .sha256 = sha256, .conf = &f->conf };

	assert_int_equal(source_new(&src, &spec, NULL), 0);
	what.source = src;
	f->e = (struct error){ .code = 0 };
	return fetch_run(f->store, &what, f->got, &f->e);
}

static void assert_fetched(struct fixture *f, const char *path, unsigned requests)
{
	f->http.log->n = 0;
	memset(f->http.log->notes, 0, sizeof(f->http.log->notes));
	if (fetch(f, path, f->sha256) != 0)
		fail_msg("%s: %s", path, f->e.msg);
	assert_string_equal(f->got, f->sha256);
	assert_int_equal(store_verify(f->store, f->sha256, NULL), 0);
	assert_int_equal(maker_count(f->path, "partial"), 0);
	if (f->http.log->n != requests)
		fail_msg("%s: %u requests", path, f->http.log->n);
	assert_int_equal(store_remove(f->store, f->sha256, NULL), 0);
}

static void assert_fails(struct fixture *f, const char *path, const char *sha256,
			 unsigned requests, const char *says)
{
	f->http.log->n = 0;
	memset(f->http.log->notes, 0, sizeof(f->http.log->notes));
	assert_true(fetch(f, path, sha256) < 0);
	if (!strstr(f->e.msg, says))
		fail_msg("%s: \"%s\" does not say \"%s\"", path, f->e.msg, says);
	if (f->http.log->n != requests)
		fail_msg("%s: %u requests", path, f->http.log->n);
	assert_int_equal(maker_count(f->path, "blobs"), 0);
	assert_int_equal(maker_count(f->path, "incoming"), 0);
}

/* ---- one process ---- */

static void a_broken_transfer_goes_on_where_it_broke(void **state)
{
	struct fixture *f = *state;
	const struct fake_http_note *n = f->http.log->notes;

	assert_fetched(f, "/cut", 4);
	assert_false(n[0].ranged);
	for (unsigned i = 1; i < 4; i++) {
		assert_true(n[i].ranged);
		assert_int_equal(n[i].first, i * CUT);
		assert_string_equal(n[i].if_range, "\"one\"");
	}
	assert_int_equal(n[0].sent + n[1].sent + n[2].sent + n[3].sent, f->size);
	assert_fetched(f, "/cut-modified", 2);
	assert_int_equal(n[1].first, CUT);
	assert_string_equal(n[1].if_range, "Fri, 20 Nov 2026 09:00:00 GMT");
}

static void without_a_digest_it_goes_on_within_the_call(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(fetch(f, "/cut", NULL), 0);
	assert_string_equal(f->got, f->sha256);
	assert_int_equal(f->http.log->notes[3].first, 3 * CUT);
	assert_int_equal(maker_count(f->path, "incoming"), 0);
}

static void what_cannot_be_continued_begins_anew(void **state)
{
	struct fixture *f = *state;
	const struct fake_http_note *n = f->http.log->notes;

	assert_fetched(f, "/cut-weak", 2);
	assert_false(n[1].ranged);
	assert_fetched(f, "/cut-fresh", 2);
	assert_false(n[1].ranged);
	assert_fetched(f, "/cut-whole", 2);
	assert_int_equal(n[1].sent, f->size);
	assert_fetched(f, "/cut-changed", 2);
	assert_true(n[1].ranged);
	assert_int_equal(n[1].sent, f->size);
	assert_fetched(f, "/cut-deaf", 3);
	assert_true(n[1].ranged);
	assert_false(n[2].ranged);
	assert_fetched(f, "/cut-shifted", 3);
	assert_false(n[2].ranged);
	assert_fails(f, "/shifted", f->sha256, 5, "after 3 tries");
}

static void pieces_that_do_not_fit_are_fetched_once_more(void **state)
{
	struct fixture *f = *state;
	const struct fake_http_note *n = f->http.log->notes;

	assert_fetched(f, "/cut-wrong", 3);
	assert_int_equal(n[1].first, CUT);
	assert_false(n[2].ranged);
	assert_fails(f, "/cut-once", NONE, 3, "expected " NONE ", got ");
	assert_non_null(strstr(f->e.msg, f->sha256));
	assert_int_equal(f->e.code, EBADMSG);
	assert_int_equal(maker_count(f->path, "partial"), 0);
	/* In one piece it is the source's own fault. */
	assert_fails(f, "/slug", NONE, 1, "expected " NONE ", got ");
	assert_fails(f, "/wrong", f->sha256, 1, f->sha256);
}

static void a_length_may_be_a_lie(void **state)
{
	struct fixture *f = *state;

	/* Behind the last byte there is nothing: all is there. */
	assert_fetched(f, "/more", 2);
	assert_int_equal(f->http.log->notes[1].first, f->size);
	assert_fails(f, "/less", f->sha256, 1, f->sha256);
	assert_fails(f, "/huge", f->sha256, 1, "slug: more than 524288000 bytes");
	f->conf.max_bytes = 1000000;
	assert_fails(f, "/endless", NULL, 1, "slug: more than 1000000 bytes");
	assert_int_equal(maker_count(f->path, "partial"), 0);
}

static void only_what_may_pass_is_tried_again(void **state)
{
	struct fixture *f = *state;

	assert_fetched(f, "/busy", 3);
	assert_fails(f, "/fail", NULL, 3, "after 3 tries: the server answers with"
		     " status 500");
	assert_fails(f, "/later", NULL, 1, "the server answers with status 503");
	assert_fails(f, "/bad", NULL, 1, "the server answers with status 400");
	assert_fails(f, "/bad-endless", NULL, 1, "the server answers with status"
		     " 400");
	assert_fails(f, "/secret", NULL, 1, "the server answers with status 401");
	f->http.log->n = 0;
	assert_int_equal(fetch(f, "/gone", f->sha256), FETCH_ABSENT);
	assert_int_equal(f->http.log->n, 1);
	f->conf.retries = 0;
	assert_fails(f, "/short", NULL, 1, "bytes");
}

static void an_encoded_body_is_refused(void **state)
{
	assert_fails(*state, "/gzip", NULL, 1, "(\"gzip\"), which nobody asked");
}

static void the_time_of_all_tries_ends(void **state)
{
	struct fixture *f = *state;

	f->conf.total_sec = 2;
	assert_fails(f, "/slow", f->sha256, 1, "not done after 2 s");
	/* What has come stays for the next one. */
	assert_int_equal(maker_count(f->path, "partial"), 2);
	f->conf.total_sec = 60;
	assert_fetched(f, "/slug", 1);
	assert_true(f->http.log->notes[0].first > 0);
}

static void headers_do_not_go_to_another_host(void **state)
{
	struct fixture *f = *state;
	const struct fake_http_note *n = f->http.log->notes;

	strv_add(&f->headers, "X-Token: t0ps3cret");
	assert_fetched(f, "/home", 2);
	assert_string_equal(n[1].path, "/slug");
	assert_true(n[0].token && n[1].token);
	assert_fetched(f, "/abroad", 2);
	assert_string_equal(n[1].path, "/slug");
	assert_true(n[0].token && !n[1].token);
	assert_fails(f, "/loop", NULL, 6, "more than 5 redirects");
	assert_fails(f, "/link-local", NULL, 1, "to a link-local address");
	assert_fails(f, "/link-local6", NULL, 1, "to a link-local address");
}

static void a_file_can_be_read_again(void **state)
{
	struct fixture *f = *state;
	auto_free char *path = xasprintf("%s/slug", f->path);
	const struct target_spec spec = { .address = path, .conf = &f->conf };
	auto_(source_free_p) struct source *src = NULL;
	struct fetch what = { .conf = &f->conf };

	assert_int_equal(file_write_fast(AT_FDCWD, path, "slug", 4, 0644, NULL),
			 0);
	assert_int_equal(source_new(&src, &spec, NULL), 0);
	what.source = src;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(fetch_run(f->store, &what, f->got, &f->e), 0);
		assert_int_equal(store_remove(f->store, f->got, NULL), 0);
	}
}

static void bytes_of_no_known_version_are_not_taken_up(void **state)
{
	struct fixture *f = *state;
	auto_free char *path = xasprintf("%s/partial/%s", f->path, f->sha256);

	assert_int_equal(file_write_fast(AT_FDCWD, path, "junk", 4, 0600, NULL),
			 0);
	assert_fetched(f, "/slug", 1);
	assert_false(f->http.log->notes[0].ranged);
}

static void messages_hold_no_password_and_no_query(void **state)
{
	struct fixture *f = *state;
	auto_free char *url = xasprintf("http://me:pass@127.0.0.1:%u/bad?sig=abc",
					(unsigned)f->http.port);
	const struct target_spec spec = { .address = url, .conf = &f->conf };
	auto_(source_free_p) struct source *src = NULL;
	struct fetch what = { .conf = &f->conf };

	assert_int_equal(source_new(&src, &spec, NULL), 0);
	what.source = src;
	f->conf.retries = 0;
	assert_true(fetch_run(f->store, &what, f->got, &f->e) < 0);
	assert_null(strstr(f->e.msg, "pass"));
	assert_null(strstr(f->e.msg, "abc"));
	assert_non_null(strstr(f->e.msg, "/bad?..."));
}

/* ---- several processes ---- */

static pid_t fetch_in_child(struct fixture *f, const char *path,
			    const char *sha256)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(fetch(f, path, sha256) < 0);
	return pid;
}

static void await(bool (*fn)(struct fixture *f), struct fixture *f)
{
	const struct timespec pause = { .tv_nsec = 5 * 1000 * 1000 };

	for (int i = 0; i < PATIENCE_MS / 5; i++) {
		if (fn(f))
			return;
		nanosleep(&pause, NULL);
	}
	fail_msg("waited in vain");
}

static uint64_t partial_size(struct fixture *f)
{
	auto_free char *path = xasprintf("%s/partial/%s", f->path, f->sha256);
	struct stat st;

	return stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
}

static bool some_bytes_are_there(struct fixture *f)
{
	return partial_size(f) > 20000;
}

static void kill_child(pid_t pid)
{
	int status;

	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
}

static void assert_child_well(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void another_process_goes_on_after_a_kill(void **state)
{
	struct fixture *f = *state;
	pid_t pid = fetch_in_child(f, "/slow", f->sha256);
	uint64_t have;

	await(some_bytes_are_there, f);
	kill_child(pid);
	have = partial_size(f);
	assert_in_range(have, 1, f->size - 1);
	assert_int_equal(fetch(f, "/slug", f->sha256), 0);
	assert_int_equal(store_verify(f->store, f->sha256, NULL), 0);
	assert_int_equal(maker_count(f->path, "partial"), 0);
	assert_int_equal(f->http.log->n, 2);
	assert_int_equal(f->http.log->notes[1].first, have);
	assert_int_equal(f->http.log->notes[1].sent, f->size - have);
}

static void two_processes_fetch_one_slug_once(void **state)
{
	struct fixture *f = *state;
	pid_t one = fetch_in_child(f, "/slow", f->sha256);
	pid_t two = fetch_in_child(f, "/slow", f->sha256);

	assert_child_well(one);
	assert_child_well(two);
	assert_int_equal(f->http.log->n, 1);
	assert_int_equal(store_verify(f->store, f->sha256, NULL), 0);
	assert_int_equal(maker_count(f->path, "partial"), 0);
}

static void who_waits_goes_on_if_the_first_dies(void **state)
{
	struct fixture *f = *state;
	pid_t one = fetch_in_child(f, "/slow", f->sha256), two;

	await(some_bytes_are_there, f);
	two = fetch_in_child(f, "/slug", f->sha256);
	kill_child(one);
	assert_child_well(two);
	assert_int_equal(f->http.log->n, 2);
	assert_true(f->http.log->notes[1].first > 0);
	assert_int_equal(store_verify(f->store, f->sha256, NULL), 0);
}

static void different_slugs_do_not_wait_for_each_other(void **state)
{
	struct fixture *f = *state;
	pid_t other = fetch_in_child(f, "/slow", f->sha256);
	int status;

	await(some_bytes_are_there, f);
	assert_true(fetch(f, "/slug", NONE) < 0);
	assert_int_equal(f->e.code, EBADMSG);
	assert_int_equal(waitpid(other, &status, WNOHANG), 0);
	kill_child(other);
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_broken_transfer_goes_on_where_it_broke),
		T(without_a_digest_it_goes_on_within_the_call),
		T(what_cannot_be_continued_begins_anew),
		T(pieces_that_do_not_fit_are_fetched_once_more),
		T(a_length_may_be_a_lie),
		T(only_what_may_pass_is_tried_again),
		T(an_encoded_body_is_refused),
		T(the_time_of_all_tries_ends),
		T(headers_do_not_go_to_another_host),
		T(bytes_of_no_known_version_are_not_taken_up),
		T(a_file_can_be_read_again),
		T(messages_hold_no_password_and_no_query),
		T(another_process_goes_on_after_a_kill),
		T(two_processes_fetch_one_slug_once),
		T(who_waits_goes_on_if_the_first_dies),
		T(different_slugs_do_not_wait_for_each_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
