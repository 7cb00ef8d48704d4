/*
 * test-authority.c - the instance's CA over restarts, and what it signs.
 */
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "controller/access/authority.h"
#include "controller/access/certificate.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdio.h>
#include <sys/stat.h>
#include <cmocka.h>

#define DAY 86400LL

static int dir_setup(void **state)
{
	char dir[] = "/tmp/dyno-ca-XXXXXX";

	assert_non_null(mkdtemp(dir));
	*state = xstrdup(dir);
	return 0;
}

static int dir_teardown(void **state)
{
	file_remove_tree(AT_FDCWD, *state, NULL);
	free(*state);
	return 0;
}

static struct authority *open_it(const char *dir)
{
	struct authority *a = NULL;
	struct error e;

	assert_int_equal(authority_open(&a, dir, &e), 0);
	return a;
}

static void read_it(const char *dir, const char *name, struct buf *ret)
{
	auto_free char *path = xasprintf("%s/%s", dir, name);

	buf_clear(ret);
	assert_int_equal(file_read(AT_FDCWD, path, 65536, ret, NULL), 0);
}

static void ca_stays_the_same_and_its_key_is_private(void **state)
{
	auto_free char *key = xasprintf("%s/ca-key.pem", (char *)*state);
	auto_(authority_free_p) struct authority *first = open_it(*state);
	auto_(authority_free_p) struct authority *second = open_it(*state);
	struct stat st;

	assert_string_equal(authority_pem(first), authority_pem(second));
	assert_int_equal(stat(key, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

static void ca_whose_files_do_not_fit_is_made_again(void **state)
{
	static const char *const files[] = { "ca-key.pem", "ca.pem" };

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		auto_free char *path = xasprintf("%s/%s", (char *)*state, files[i]);
		auto_(authority_free_p) struct authority *old = open_it(*state);
		auto_(authority_free_p) struct authority *made = NULL;
		auto_(authority_free_p) struct authority *again = NULL;

		assert_int_equal(truncate(path, 20), 0);
		made = open_it(*state);
		again = open_it(*state);
		assert_string_not_equal(authority_pem(old), authority_pem(made));
		assert_string_equal(authority_pem(again), authority_pem(made));
	}
}

static void certificate_is_good_for_its_names_and_its_time(void **state)
{
	static const char *const names[] = { "a.test", "10.1.2.3", "::1" };
	static const char *const more[] = { "a.test", "b.test" };
	auto_(authority_free_p) struct authority *a = open_it(*state);
	auto_buf pem = BUF_INIT, nothing = BUF_INIT;

	assert_int_equal(authority_sign_server(a, names, 3, 10 * DAY, &pem, NULL), 0);
	assert_true(authority_is_good(a, &pem, names, 3, 9 * DAY));
	assert_false(authority_is_good(a, &pem, names, 3, 11 * DAY));
	assert_false(authority_is_good(a, &pem, more, 2, DAY));
	assert_false(authority_is_good(a, &nothing, names, 3, DAY));
}

static void certificate_of_another_ca_is_not_good(void **state)
{
	static const char *const names[] = { "a.test" };
	auto_free char *dir = xasprintf("%s/other", (char *)*state);
	auto_(authority_free_p) struct authority *a = open_it(*state);
	auto_(authority_free_p) struct authority *b = NULL;
	auto_buf pem = BUF_INIT;

	assert_int_equal(mkdir(dir, 0700), 0);
	b = open_it(dir);
	assert_int_equal(authority_sign_server(b, names, 1, 10 * DAY, &pem, NULL), 0);
	assert_false(authority_is_good(a, &pem, names, 1, DAY));
	assert_true(authority_is_good(b, &pem, names, 1, DAY));
}

static void ports_keep_their_certificate_until_something_changes(void **state)
{
	auto_free char *path = xasprintf("%s/server.pem", (char *)*state);
	auto_(authority_free_p) struct authority *a = open_it(*state);
	auto_buf one = BUF_INIT, two = BUF_INIT;
	const char *const soon[] = { "localhost" };
	struct error e;

	assert_int_equal(certificate_ensure(a, path, "x.test, 0.0.0.0", &e), 0);
	read_it(*state, "server.pem", &one);
	assert_int_equal(certificate_ensure(a, path, "x.test", &e), 0);
	read_it(*state, "server.pem", &two);
	assert_string_equal(buf_str(&one), buf_str(&two));
	assert_int_equal(certificate_ensure(a, path, "x.test y.test", &e), 0);
	read_it(*state, "server.pem", &two);
	assert_string_not_equal(buf_str(&one), buf_str(&two));
	/* About to end. */
	buf_clear(&one);
	assert_int_equal(authority_sign_server(a, soon, 1, DAY, &one, &e), 0);
	assert_int_equal(file_write_fast(AT_FDCWD, path, one.data, one.len, 0600,
					 &e), 0);
	assert_int_equal(certificate_ensure(a, path, NULL, &e), 0);
	read_it(*state, "server.pem", &two);
	assert_true(authority_is_good(a, &two, soon, 1, 300 * DAY));
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, dir_setup, dir_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(ca_stays_the_same_and_its_key_is_private),
		TEST(ca_whose_files_do_not_fit_is_made_again),
		TEST(certificate_is_good_for_its_names_and_its_time),
		TEST(certificate_of_another_ca_is_not_good),
		TEST(ports_keep_their_certificate_until_something_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
