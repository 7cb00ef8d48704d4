/*
 * test-vault.c - what is sealed opens at its place, with its key, unchanged.
 */
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "base/id.h"
#include "controller/access/vault.h"
#include "controller/controller_conf.h"
#include "controller/engine.h"
#include "controller/model/change.h"
#include "controller/model/releases.h"
#include "controller/model/seals.h"
#include "controller/state/state_driver.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdio.h>
#include <sys/stat.h>
#include <cmocka.h>

#define PLACE "/apps/a/configs/00000001"
#define OTHER "/apps/a/configs/00000002"
#define SECRET "s3cr3t-of-the-app"

static char dir[64];

static int dir_make(void **state)
{
	snprintf(dir, sizeof(dir), "/tmp/dyno-vault-XXXXXX");
	assert_non_null(mkdtemp(dir));
	unsetenv("CREDENTIALS_DIRECTORY");
	return 0;
}

static int dir_remove(void **state)
{
	unsetenv("CREDENTIALS_DIRECTORY");
	return file_remove_tree(AT_FDCWD, dir, NULL);
}

static struct vault *vault(void)
{
	struct vault *v = NULL;
	struct error e;

	if (vault_new(&v, dir, &e) < 0)
		fail_msg("%s", e.msg);
	return v;
}

static void key_file_write(const char *name, const char *text)
{
	auto_free char *path = xasprintf("%s/%s", dir, name);

	assert_int_equal(file_write_fast(AT_FDCWD, path, text, strlen(text), 0600,
					 NULL), 0);
}

static void key_file_add(const char *name)
{
	auto_free char *path = xasprintf("%s/%s", dir, name);
	auto_free char *key = id_secret(32);
	auto_buf text = BUF_INIT;

	if (access(path, F_OK) == 0)
		assert_int_equal(file_read(AT_FDCWD, path, 4096, &text, NULL), 0);
	buf_addf(&text, "# a key\n%s\n", key);
	key_file_write(name, text.data);
}

static void check_opens(const struct vault *v, const char *place,
			const char *text, const char *want)
{
	auto_free char *plain = NULL;
	struct error e;

	if (vault_open(v, place, text, &plain, &e) < 0)
		fail_msg("%s", e.msg);
	assert_string_equal(plain, want);
}

static void check_refused(const struct vault *v, const char *place,
			  const char *text)
{
	char *plain = NULL;
	struct error e;

	assert_int_equal(vault_open(v, place, text, &plain, &e), -EBADMSG);
	assert_null(plain);
	assert_null(strstr(e.msg, SECRET));
}

static void what_is_sealed_opens_at_its_place_only(void **state)
{
	auto_(vault_free_p) struct vault *v = vault();
	auto_free char *text = vault_seal(v, PLACE, SECRET);
	auto_free char *again = vault_seal(v, PLACE, SECRET);
	auto_free char *empty = vault_seal(v, PLACE, "");

	assert_null(strstr(text, SECRET));
	assert_string_not_equal(text, again);
	check_opens(v, PLACE, text, SECRET);
	check_opens(v, PLACE, empty, "");
	check_refused(v, OTHER, text);
}

static void every_changed_character_is_noticed(void **state)
{
	auto_(vault_free_p) struct vault *v = vault();
	auto_free char *text = vault_seal(v, PLACE, SECRET);

	/* Behind the prefix; padding bits at the end do not count. */
	for (size_t i = strlen("vault1:"); i < strlen(text) - 4; i++) {
		auto_free char *bad = xstrdup(text);

		bad[i] = bad[i] == 'A' ? 'B' : 'A';
		check_refused(v, PLACE, bad);
	}
	for (size_t i = strlen("vault1:"); i < strlen(text) - 4; i++) {
		auto_free char *bad = xstrndup(text, i);

		check_refused(v, PLACE, bad);
	}
}

static void what_was_never_sealed_is_read_as_it_is(void **state)
{
	auto_(vault_free_p) struct vault *v = vault();
	auto_json *plain = json_pack("{s:s}", "A", SECRET), *j = NULL;

	check_opens(v, PLACE, "syslog://plain:1", "syslog://plain:1");
	assert_false(vault_is_current(v, "syslog://plain:1"));
	assert_int_equal(vault_open_json(v, PLACE, plain, &j, NULL), 0);
	assert_ptr_equal(j, plain);
}

static void the_key_is_made_once_and_for_the_owner_only(void **state)
{
	auto_(vault_free_p) struct vault *v = vault();
	auto_free char *text = vault_seal(v, PLACE, SECRET);
	auto_free char *path = xasprintf("%s/state-key", dir);
	auto_(vault_free_p) struct vault *second = vault();
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	check_opens(second, PLACE, text, SECRET);
}

static void a_new_key_seals_and_the_old_ones_open(void **state)
{
	auto_(vault_free_p) struct vault *v = vault();
	auto_free char *text = vault_seal(v, PLACE, SECRET), *fresh = NULL;
	auto_(vault_free_p) struct vault *both = NULL;
	auto_(vault_free_p) struct vault *other = NULL;

	assert_true(vault_is_current(v, text));
	key_file_add("state-key");
	both = vault();
	fresh = vault_seal(both, PLACE, SECRET);
	check_opens(both, PLACE, text, SECRET);
	check_opens(both, PLACE, fresh, SECRET);
	assert_false(vault_is_current(both, text));
	assert_true(vault_is_current(both, fresh));
	check_refused(v, PLACE, fresh);
	key_file_write("state-key", "");
	other = vault();
	check_refused(other, PLACE, text);
}

static void a_credential_takes_the_place_of_the_file(void **state)
{
	auto_free char *path = xasprintf("%s/state-key", dir);
	auto_free char *credentials = xasprintf("%s/credentials", dir);
	auto_(vault_free_p) struct vault *v = NULL;
	auto_free char *text = NULL;

	assert_int_equal(mkdir(credentials, 0700), 0);
	key_file_add("credentials/state-key");
	setenv("CREDENTIALS_DIRECTORY", credentials, 1);
	v = vault();
	text = vault_seal(v, PLACE, SECRET);
	check_opens(v, PLACE, text, SECRET);
	assert_int_equal(access(path, F_OK), -1);
}

static void a_key_file_that_holds_no_key_is_refused(void **state)
{
	struct vault *v = NULL;
	struct error e;

	key_file_write("state-key", "hunter2\n");
	assert_int_equal(vault_new(&v, dir, &e), -EINVAL);
	assert_null(strstr(e.msg, "hunter2"));
	assert_null(v);
}

/* ---- the state ---- */

static struct engine *engine(const struct controller_conf *conf)
{
	struct engine *g = NULL;
	struct error e;

	if (engine_new(&g, conf, dir, &e) < 0)
		fail_msg("%s", e.msg);
	return g;
}

static size_t renew(struct engine *g)
{
	struct error e;
	size_t n;

	if (seals_renew(g, &n, &e) < 0)
		fail_msg("%s", e.msg);
	return n;
}

static void check_config(struct engine *g)
{
	auto_json *vars = NULL;
	struct error e;

	if (releases_config(g, "a", 1, &vars, &e) < 0)
		fail_msg("%s", e.msg);
	assert_string_equal(json_str(vars, "A"), SECRET);
}

static void old_config_vars_are_sealed_at_the_next_start(void **state)
{
	static char owner[] = "owner@localhost";
	const struct controller_conf conf = { .owner = owner };
	auto_json *old = json_pack("{s:{s:s}}", "vars", "A", SECRET);
	struct engine *g = engine(&conf);
	struct change c = change_begin(g);
	auto_free char *text = NULL;

	change_put(&c, old, PLACE);
	assert_int_equal(change_commit(&c, NULL), 0);
	change_deinit(&c);
	check_config(g);
	assert_int_equal(renew(g), 1);
	assert_int_equal(renew(g), 0);
	assert_int_equal(state_get(g->state, PLACE, &text, NULL, NULL), 0);
	assert_null(strstr(text, SECRET));
	check_config(g);
	engine_free(g);
	key_file_add("state-key");
	g = engine(&conf);
	check_config(g);
	assert_int_equal(renew(g), 1);
	assert_int_equal(renew(g), 0);
	check_config(g);
	engine_free(g);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, dir_make, dir_remove)
	const struct CMUnitTest tests[] = {
		TEST(what_is_sealed_opens_at_its_place_only),
		TEST(every_changed_character_is_noticed),
		TEST(what_was_never_sealed_is_read_as_it_is),
		TEST(the_key_is_made_once_and_for_the_owner_only),
		TEST(a_new_key_seals_and_the_old_ones_open),
		TEST(a_credential_takes_the_place_of_the_file),
		TEST(a_key_file_that_holds_no_key_is_refused),
		TEST(old_config_vars_are_sealed_at_the_next_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
