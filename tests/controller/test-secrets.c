/*
 * test-secrets.c - URLs that are capabilities, and the API key.
 */
#include "base/error.h"
#include "base/file.h"
#include "controller/access/secrets.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdio.h>
#include <sys/stat.h>
#include <cmocka.h>

#define PATH "/slug-blobs/01234567-89ab-4cde-8f01-23456789abcd"
#define OTHER "/slug-blobs/01234567-89ab-4cde-8f01-23456789abce"
#define NOW 1700000000ULL
#define END "1700003600"

static char dir[64];

static int dir_make(void **state)
{
	struct secrets *s;

	snprintf(dir, sizeof(dir), "/tmp/dyno-secrets-XXXXXX");
	assert_non_null(mkdtemp(dir));
	assert_int_equal(secrets_open(&s, dir, NULL), 0);
	*state = s;
	return 0;
}

static int dir_remove(void **state)
{
	secrets_free(*state);
	return file_remove_tree(AT_FDCWD, dir, NULL);
}

/* The signature of a URL for PATH, "method=put", until END. */
static char *sign(struct secrets *s)
{
	auto_free char *url = secrets_sign(s, PATH, "method=put", NOW + 3600);
	const char *signature = strstr(url, "&signature=");

	assert_non_null(str_after(url, PATH "?method=put&expires=" END "&"));
	assert_non_null(signature);
	return xstrdup(signature + strlen("&signature="));
}

static void a_url_is_good_for_what_was_signed_only(void **state)
{
	struct secrets *s = *state;
	auto_free char *good = sign(s);
	auto_free char *longer = xasprintf("%s0", good);
	auto_free char *shorter = xstrndup(good, strlen(good) - 1);
	auto_free char *flipped = xstrdup(good);
	const struct {
		const char *path, *params, *expires, *signature;
		uint64_t now;
		bool ok;
	} cases[] = {
		{ PATH, "method=put", END, good, NOW, true },
		{ PATH, "method=put", END, good, NOW + 3599, true },
		{ PATH, "method=put", END, good, NOW + 3600, false },
		{ PATH, "method=put", END, good, NOW + 3601, false },
		{ PATH, "method=put", END, good, UINT64_MAX, false },

		{ PATH, "method=get", END, good, NOW, false },
		{ PATH, "", END, good, NOW, false },
		{ PATH, "method=put&x=y", END, good, NOW, false },
		{ OTHER, "method=put", END, good, NOW, false },
		{ PATH "/", "method=put", END, good, NOW, false },
		{ "", "method=put", END, good, NOW, false },

		{ PATH, "method=put", "1700003601", good, NOW, false },
		{ PATH, "method=put", "9999999999", good, NOW, false },
		{ PATH, "method=put", "01700003600", good, NOW, false },
		{ PATH, "method=put", END " ", good, NOW, false },
		{ PATH, "method=put", "", good, NOW, false },
		{ PATH, "method=put", NULL, good, NOW, false },

		{ PATH, "method=put", END, flipped, NOW, false },
		{ PATH, "method=put", END, longer, NOW, false },
		{ PATH, "method=put", END, shorter, NOW, false },
		{ PATH, "method=put", END, "", NOW, false },
		{ PATH, "method=put", END, NULL, NOW, false },
	};

	flipped[0] = flipped[0] == '0' ? '1' : '0';
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (secrets_check(s, cases[i].path, cases[i].params,
				  cases[i].expires, cases[i].signature,
				  cases[i].now) != cases[i].ok)
			fail_msg("case %zu should be %d", i, cases[i].ok);
}

/* A time which is no number must not become a far one. */
static void a_strange_time_is_no_time(void **state)
{
	struct secrets *s = *state;
	auto_free char *never = secrets_sign(s, PATH, "", 0);
	const char *signature = strstr(never, "signature=") + 10;

	assert_false(secrets_check(s, PATH, "", "0", signature, 0));
	assert_false(secrets_check(s, PATH, "", "0", signature, NOW));
	assert_false(secrets_check(s, PATH, "", "-1", signature, NOW));
}

static void each_bit_of_a_signature_counts(void **state)
{
	struct secrets *s = *state;
	auto_free char *signature = sign(s);

	for (size_t i = 0; i < strlen(signature); i++)
		for (int bit = 0; bit < 8; bit++) {
			signature[i] ^= (char)(1 << bit);
			assert_false(secrets_check(s, PATH, "method=put", END,
						   signature, NOW));
			signature[i] ^= (char)(1 << bit);
		}
	assert_true(secrets_check(s, PATH, "method=put", END, signature, NOW));
}

static void a_url_outlives_a_restart_but_not_the_key(void **state)
{
	struct secrets *s = *state, *again;
	auto_free char *signature = sign(s);
	auto_free char *key = xasprintf("%s/signing-key", dir);
	struct stat st;

	assert_int_equal(secrets_open(&again, dir, NULL), 0);
	assert_true(secrets_check(again, PATH, "method=put", END, signature, NOW));
	secrets_free(again);
	assert_int_equal(stat(key, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(unlink(key), 0);
	assert_int_equal(secrets_open(&again, dir, NULL), 0);
	assert_false(secrets_check(again, PATH, "method=put", END, signature,
				   NOW));
	secrets_free(again);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, dir_make, dir_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_url_is_good_for_what_was_signed_only),
		TEST(a_strange_time_is_no_time),
		TEST(each_bit_of_a_signature_counts),
		TEST(a_url_outlives_a_restart_but_not_the_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
