#include "base/error.h"
#include "base/file.h"
#include "base/root.h"
#include "manager/dynod/dynod_conf.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdio.h>
#include <cmocka.h>

struct bench {
	char dir[40];
	struct root root;
	struct dynod_conf conf;
};

static int setup(void **state)
{
	struct bench *b = xcalloc(1, sizeof(*b));
	struct error e;

	snprintf(b->dir, sizeof(b->dir), "/tmp/test-dynod-conf-XXXXXX");
	assert_non_null(mkdtemp(b->dir));
	assert_int_equal(root_init(&b->root, b->dir, &e), 0);
	b->conf = DYNOD_CONF_INIT;
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct bench *b = *state;

	dynod_conf_deinit(&b->conf);
	root_deinit(&b->root);
	file_remove_tree(AT_FDCWD, b->dir, NULL);
	free(b);
	return 0;
}

static int load(struct bench *b, const char *text, struct error *e)
{
	auto_free char *path = xasprintf("%s/dynod.conf", b->root.etc);

	assert_int_equal(file_make_dirs(b->root.etc, 0755, e), 0);
	assert_int_equal(file_write_fast(AT_FDCWD, path, text, strlen(text), 0644,
					 e), 0);
	return dynod_conf_load(&b->conf, &b->root, e);
}

static void a_private_instance_takes_any_number_and_changes_nothing(void **state)
{
	struct bench *b = *state;
	struct error e;

	assert_int_equal(load(b, "user = 4711\n", &e), 0);
	assert_int_equal(b->conf.instance, -1);
	assert_false(b->conf.ip_forward);
	assert_int_equal(b->conf.uid, 4711);
	assert_int_equal(b->conf.gid, 4711);
	assert_string_equal(b->conf.stack, "host");
	assert_null(b->conf.dns);
	assert_non_null(strstr(b->conf.supervisor, "/dyno-supervisor"));
}

static void the_system_is_instance_0_and_may_route(void **state)
{
	struct bench *b = *state;
	struct error e;

	b->root.dir[0] = '\0';
	assert_int_equal(load(b, "user = 4711\n", &e), 0);
	assert_int_equal(b->conf.instance, 0);
	assert_true(b->conf.ip_forward);
}

static void what_is_written_counts(void **state)
{
	struct bench *b = *state;
	struct error e;

	assert_int_equal(load(b, "user = 12:34\ninstance = 63\nip-forward = yes\n"
			      "dns = 9.9.9.9 1.1.1.1\nsupervisor = /bin/true\n",
			      &e), 0);
	assert_int_equal(b->conf.uid, 12);
	assert_int_equal(b->conf.gid, 34);
	assert_int_equal(b->conf.instance, 63);
	assert_true(b->conf.ip_forward);
	assert_string_equal(b->conf.dns, "9.9.9.9 1.1.1.1");
	assert_string_equal(b->conf.supervisor, "/bin/true");
}

static void what_makes_no_sense_is_refused_by_name(void **state)
{
	static const struct { const char *text, *named; } bad[] = {
		{ "user = 1\ninstance = 64\n", "instance" },
		{ "user = 1\ninstance = -1\n", "instance" },
		{ "user = 1\ninstance = 1x\n", "instance" },
		{ "user = 1\nip-forward = maybe\n", "ip-forward" },
		{ "user = root\n", "must not be root" },
		{ "user = nobody-of-that-name\n", "nobody-of-that-name" },
		{ "user = 1\nsupervisor = dyno-supervisor\n", "supervisor" },
		{ "user = 1\nupstream = http://x\n", "upstream" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct bench *b = *state;
		struct error e;

		assert_true(load(b, bad[i].text, &e) < 0);
		assert_non_null(strstr(e.msg, bad[i].named));
		assert_non_null(strstr(e.msg, "dynod.conf"));
		dynod_conf_deinit(&b->conf);
		b->conf = DYNOD_CONF_INIT;
	}
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_private_instance_takes_any_number_and_changes_nothing),
		T(the_system_is_instance_0_and_may_route),
		T(what_is_written_counts),
		T(what_makes_no_sense_is_refused_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
