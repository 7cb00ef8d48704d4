#include "base/error.h"
#include "base/file.h"
#include "base/root.h"
#include "manager/supervisor/supervisor_conf.h"

#include <fcntl.h>
#include <setjmp.h>
#include <cmocka.h>

struct bench {
	char dir[40];
	struct root root;
	struct supervisor_conf conf;
};

static int setup(void **state)
{
	struct bench *b = xcalloc(1, sizeof(*b));

	*state = b;
	strcpy(b->dir, "/tmp/test-sconf-XXXXXX");
	if (!mkdtemp(b->dir) || root_init(&b->root, b->dir, NULL) < 0)
		return -1;
	return file_make_dirs(b->root.etc, 0755, NULL);
}

static int teardown(void **state)
{
	struct bench *b = *state;

	supervisor_conf_deinit(&b->conf);
	file_remove_tree(AT_FDCWD, b->dir, NULL);
	root_deinit(&b->root);
	free(b);
	return 0;
}

static void put(const struct bench *b, const char *name, const char *text)
{
	auto_free char *path = xasprintf("%s/%s", b->root.etc, name);

	assert_int_equal(file_write_fast(AT_FDCWD, path, text, strlen(text), 0600, NULL), 0);
}

static int load(struct bench *b, const char *text, struct error *e)
{
	put(b, "supervisor.conf", text);
	supervisor_conf_deinit(&b->conf);
	return supervisor_conf_load(&b->conf, &b->root, e);
}

static void without_a_file_the_contract_applies(void **state)
{
	struct bench *b = *state;
	auto_free char *socket = xasprintf("unix:%s/api.sock", b->root.run);
	struct error e;

	assert_int_equal(supervisor_conf_load(&b->conf, &b->root, &e), 0);
	assert_string_equal(b->conf.upstream, socket);
	assert_int_equal(b->conf.boot_timeout, 60);
	assert_int_equal(b->conf.stop_grace, 30);
	assert_int_equal(b->conf.backoff_unit, 60);
	assert_int_equal(b->conf.port_min, 3000);
	assert_int_equal(b->conf.port_max, 59999);
	assert_true(strlen(b->conf.host) > 0);
	assert_null(b->conf.token);
}

static void the_token_is_read_from_its_file_without_its_newline(void **state)
{
	struct bench *b = *state;
	auto_free char *text = xasprintf("upstream-token-file = %s/token\n"
					 "upstream = http://10.0.0.1:5080\n", b->root.etc);
	struct error e;

	put(b, "token", "s3cret\n");
	assert_int_equal(load(b, text, &e), 0);
	assert_string_equal(b->conf.token, "s3cret");
	assert_string_equal(b->conf.upstream, "http://10.0.0.1:5080");
	assert_true(load(b, "upstream-token-file = /nowhere/x\n", &e) < 0);
	assert_non_null(strstr(e.msg, "/nowhere/x"));
}

static void some_upstreams_are_reached_without_the_proxy(void **state)
{
	static const char some[] = "upstream-proxy = http://proxy:3128\n"
		"upstream-no-proxy = 10.0.0.1, example.com\n";
	static const struct {
		const char *upstream;
		bool proxy;
	} cases[] = {
		{ "http://10.0.0.1:5080", false }, { "http://10.0.0.2:5080", true },
		{ "https://api.example.com", false }, { "https://example.org/", true },
	};
	struct bench *b = *state;
	struct error e;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_free char *text = xasprintf("%supstream = %s\n", some,
						 cases[i].upstream);

		assert_int_equal(load(b, text, &e), 0);
		assert_int_equal(b->conf.client.proxy != NULL, cases[i].proxy);
	}
}

static void what_cannot_work_is_refused_by_name(void **state)
{
	static const struct {
		const char *text, *says;
	} bad[] = {
		{ "host = Upper\n", "host" },
		{ "host = a/b\n", "host" },
		{ "host = -x\n", "host" },
		{ "port-min = 5000\nport-max = 4000\n", "port-min" },
		{ "boot-timeout = 0\n", "boot-timeout" },
		{ "port-max = 70000\n", "port-max" },
		{ "stop-gracee = 3\n", "stop-gracee" },
	};
	struct error e;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_true(load(*state, bad[i].text, &e) < 0);
		assert_non_null(strstr(e.msg, bad[i].says));
	}
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(without_a_file_the_contract_applies),
		T(the_token_is_read_from_its_file_without_its_newline),
		T(some_upstreams_are_reached_without_the_proxy),
		T(what_cannot_work_is_refused_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
