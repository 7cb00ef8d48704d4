/*
 * test-conf.c - slugs.conf, and the secret beside it.
 */
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "slugstore/conf.h"
#include "tests/slugstore/maker.h"

#include <fcntl.h>
#include <setjmp.h>
#include <cmocka.h>

static int setup(void **state)
{
	*state = maker_new_dir();
	unsetenv("CREDENTIALS_DIRECTORY");
	return 0;
}

static int teardown(void **state)
{
	maker_remove_dir(*state);
	return 0;
}

static char *put(const char *dir, const char *name, const char *text, mode_t mode)
{
	char *path = xasprintf("%s/%s", dir, name);

	assert_int_equal(file_write_fast(AT_FDCWD, path, text, strlen(text), mode,
					 NULL), 0);
	return path;
}

static void no_file_is_all_defaults(void **state)
{
	struct slugs_conf c;

	assert_int_equal(slugs_conf_load(&c, NULL, NULL), 0);
	assert_int_equal(c.max_bytes, 500 << 20);
	assert_int_equal(c.total_sec, 1200);
	assert_null(c.s3_endpoint);
	assert_true(c.s3_path_style);
	assert_int_equal(c.marks.high_percent, 90);
	assert_int_equal(c.marks.low_percent, 81);
	slugs_conf_deinit(&c);
	assert_int_equal(slugs_conf_load(&c, "/nowhere/slugs.conf", NULL), 0);
	slugs_conf_deinit(&c);
}

static void both_spellings_of_a_key_are_read(void **state)
{
	auto_free char *path = put(*state, "slugs.conf",
		"s3_endpoint = http://127.0.0.1:9000\ns3-access-key = AK\n"
		"high_bytes = 10G\nlow-bytes = 4G\n", 0644);
	struct slugs_conf c;

	assert_int_equal(slugs_conf_load(&c, path, NULL), 0);
	assert_string_equal(c.s3_endpoint, "http://127.0.0.1:9000");
	assert_string_equal(c.s3_access_key, "AK");
	assert_int_equal(c.marks.high_bytes, 10ULL << 30);
	assert_int_equal(c.marks.low_bytes, 4ULL << 30);
	slugs_conf_deinit(&c);
}

static void what_cannot_be_is_refused(void **state)
{
	static const struct { const char *text, *says; } bad[] = {
		{ "s3-endpoint = s3.example.com\n", "s3-endpoint: expected" },
		{ "s3-endpoint = http://\n", "s3-endpoint: expected" },
		{ "s3-endpoint = http://a/path\n", "s3-endpoint: expected" },
		{ "s3-endpoint = http://u@a\n", "s3-endpoint: expected" },
		{ "high-bytes = 1G\nlow-bytes = 2G\n", "low-bytes is above" },
		{ "high-percent = 101\n", "allowed are 0 to 100" },
		{ "max-bytes = 0\n", "allowed are 1 to" },
		{ "s3-secret-key = x\n", "unknown key" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		auto_free char *path = put(*state, "slugs.conf", bad[i].text,
					   0644);
		struct slugs_conf c;
		struct error e;

		assert_true(slugs_conf_load(&c, path, &e) < 0);
		if (!strstr(e.msg, bad[i].says) || !strstr(e.msg, path))
			fail_msg("%s", e.msg);
	}
}

static void a_secret_is_for_its_owner_only(void **state)
{
	auto_free char *good = put(*state, "good", "s3cr3t\nmore\n", 0600);
	auto_free char *open = put(*state, "open", "s3cr3t\n", 0640);
	auto_free char *empty = put(*state, "empty", "\n", 0600);
	struct slugs_conf c = { .s3_secret_key_file = good };
	auto_buf secret = BUF_INIT;
	struct error e;

	assert_int_equal(slugs_conf_secret(&c, &secret, NULL), 0);
	assert_string_equal(secret.data, "s3cr3t");
	c.s3_secret_key_file = open;
	assert_int_equal(slugs_conf_secret(&c, &secret, &e), -EPERM);
	assert_non_null(strstr(e.msg, "its mode must be 0600"));
	c.s3_secret_key_file = empty;
	assert_int_equal(slugs_conf_secret(&c, &secret, &e), -EINVAL);
	c.s3_secret_key_file = *state;
	assert_true(slugs_conf_secret(&c, &secret, &e) < 0);
	assert_null(strstr(e.msg, "s3cr3t"));
}

static void a_name_alone_is_a_credential_of_systemd(void **state)
{
	auto_free char *path = put(*state, "s3-secret-key", "s3cr3t\n", 0440);
	char name[] = "s3-secret-key";
	struct slugs_conf c = { .s3_secret_key_file = name };
	auto_buf secret = BUF_INIT;
	struct error e;

	assert_int_equal(slugs_conf_secret(&c, &secret, &e), -EINVAL);
	assert_non_null(strstr(e.msg, "LoadCredential"));
	setenv("CREDENTIALS_DIRECTORY", *state, 1);
	assert_int_equal(slugs_conf_secret(&c, &secret, NULL), 0);
	assert_string_equal(secret.data, "s3cr3t");
	unsetenv("CREDENTIALS_DIRECTORY");
	assert_int_equal(access(path, F_OK), 0);
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(no_file_is_all_defaults),
		T(both_spellings_of_a_key_are_read),
		T(what_cannot_be_is_refused),
		T(a_secret_is_for_its_owner_only),
		T(a_name_alone_is_a_credential_of_systemd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
