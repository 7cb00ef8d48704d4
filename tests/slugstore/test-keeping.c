/*
 * test-keeping.c - the verbs that look after a store: ls, show, du, gc.
 */
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "slugstore/store.h"
#include "tests/slugstore/command.h"
#include "tests/slugstore/maker.h"

#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <sys/stat.h>
#include <setjmp.h>
#include <cmocka.h>

#define NONE "0000000000000000000000000000000000000000000000000000000000000000"
#define NOISE 200000

struct fixture {
	char *dir, *store_dir;
	struct store *store;
	char a[SHA256_HEX_MAX], b[SHA256_HEX_MAX];	/* b is unpacked */
	struct command c;
};

static void put_slug(struct fixture *f, const char *name,
		     char ret[SHA256_HEX_MAX])
{
	struct maker m;
	int fd;

	maker_begin(&m);
	maker_file(&m, "./app/name", 0644, name);
	maker_noise(&m, "./app/noise", NOISE);
	fd = maker_end(&m);
	maker_import(f->store, fd, ret);
	fd_close(fd);
}

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	f->dir = maker_new_dir();
	f->store_dir = xasprintf("%s/store", f->dir);
	assert_int_equal(store_open(&f->store, f->store_dir, NULL), 0);
	put_slug(f, "a", f->a);
	put_slug(f, "b", f->b);
	assert_int_equal(store_unpack(f->store, f->b, NULL), 0);
	command_init(&f->c, f->store_dir);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	command_deinit(&f->c);
	store_free(f->store);
	maker_remove_dir(f->dir);
	free(f->store_dir);
	free(f);
	return 0;
}

static json_t *run_json(struct fixture *f, const char *const *args)
{
	json_t *j;

	assert_int_equal(command_run(&f->c, args), 0);
	assert_string_equal(buf_str(&f->c.err), "");
	j = json_loads(buf_str(&f->c.out), 0, NULL);
	assert_non_null(j);
	return j;
}

#define RUN_JSON(f, ...) run_json(f, (const char *const []){ __VA_ARGS__, NULL })

static bool is_true(json_t *j, const char *key)
{
	assert_true(json_is_boolean(json_object_get(j, key)));
	return json_is_true(json_object_get(j, key));
}

static json_int_t number(json_t *j, const char *key)
{
	assert_true(json_is_integer(json_object_get(j, key)));
	return json_integer_value(json_object_get(j, key));
}

static void list_and_show_tell_who_uses_a_slug(void **state)
{
	struct fixture *f = *state;
	auto_close int lease = -1;
	uint64_t usec = 0;
	json_t *j;

	j = RUN_JSON(f, "show", "--json", f->b);
	assert_true(is_true(j, "unpacked") && is_true(j, "blob"));
	assert_false(is_true(j, "leased") || is_true(j, "pinned"));
	assert_true(json_is_null(json_object_get(j, "leased_at")));
	assert_true(number(j, "tree_bytes") >= NOISE);
	assert_int_equal(number(j, "tree_inodes"), 6);
	json_decref(j);

	assert_int_equal(store_lease(f->store, f->b, &lease, NULL), 0);
	assert_int_equal(store_pin(f->store, f->b, true, NULL), 0);
	j = RUN_JSON(f, "show", "--json", f->b);
	assert_true(is_true(j, "leased") && is_true(j, "pinned"));
	assert_true(clock_parse(json_string_value(json_object_get(
				j, "leased_at")), &usec));
	assert_true(usec + 60 * USEC_PER_SEC > clock_real_usec());
	json_decref(j);

	assert_int_equal(command(&f->c, "ls"), 0);
	assert_non_null(strstr(buf_str(&f->c.out), "  leased,pinned  "));
	assert_non_null(strstr(buf_str(&f->c.out), "  packed    -  "));
	j = RUN_JSON(f, "ls", "--json");
	assert_int_equal(json_array_size(j), 2);
	json_decref(j);
}

static void a_slug_may_be_named_by_its_first_digits(void **state)
{
	struct fixture *f = *state;
	auto_free char *eight = xstrndup(f->a, 8), *seven = xstrndup(f->a, 7);
	auto_free char *twin = xasprintf("%s/blobs/%.20s%.44s", f->store_dir,
					 f->a, NONE);
	auto_free char *twenty = xstrndup(f->a, 20);

	assert_int_equal(command(&f->c, "show", eight), 0);
	assert_non_null(strstr(buf_str(&f->c.out), f->a));
	assert_int_equal(command(&f->c, "unpack", eight), 0);
	assert_int_equal(command(&f->c, "verify", eight), 0);
	assert_int_equal(store_has_tree(f->store, f->a, NULL), 0);
	assert_int_equal(command(&f->c, "show", seven), 1);
	command_says(&f->c, "is not a SHA-256");
	assert_int_equal(command(&f->c, "show", "00000000"), 3);
	command_says(&f->c, "no slug 00000000 here");

	assert_int_equal(file_write_fast(AT_FDCWD, twin, "x", 1, 0644, NULL), 0);
	assert_int_equal(command(&f->c, "rm", twenty), 1);
	command_says(&f->c, "begins the names of several slugs");
	assert_int_equal(command(&f->c, "rm", f->a), 0);
	assert_int_equal(command(&f->c, "rm", twenty), 0);
	assert_int_equal(access(twin, F_OK), -1);
}

static void usage_adds_up(void **state)
{
	static const char *const parts[] = {
		"blobs", "trees", "partial", "damaged", "incoming", "other",
	};
	struct fixture *f = *state;
	json_t *j = RUN_JSON(f, "du", "--json"), *slug;
	json_int_t bytes = 0, inodes = 0;

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		bytes += number(json_object_get(j, parts[i]), "bytes");
		inodes += number(json_object_get(j, parts[i]), "inodes");
	}
	assert_int_equal(bytes, number(json_object_get(j, "total"), "bytes"));
	assert_int_equal(inodes, number(json_object_get(j, "total"), "inodes"));
	assert_true(bytes >= 3 * NOISE);
	slug = json_array_get(json_object_get(j, "slugs"), 0);
	assert_true(number(json_object_get(slug, "blob"), "bytes") >= NOISE);
	assert_true(number(json_object_get(j, "file_system"), "bytes_free") > 0);
	json_decref(j);
	assert_int_equal(command(&f->c, "du"), 0);
	assert_non_null(strstr(buf_str(&f->c.out), f->a));
	assert_non_null(strstr(buf_str(&f->c.out), "\ntotal "));
}

static void gc_obeys_options_and_tells(void **state)
{
	struct fixture *f = *state;
	json_t *j, *victim;

	j = RUN_JSON(f, "gc", "--json");
	assert_int_equal(json_array_size(json_object_get(j, "collected")), 0);
	assert_true(is_true(j, "enough"));
	json_decref(j);

	j = RUN_JSON(f, "gc", "--json", "--dry-run", "--high-bytes", "500K",
		     "--low-bytes=450K");
	assert_true(is_true(j, "dry_run") && is_true(j, "enough"));
	victim = json_array_get(json_object_get(j, "collected"), 0);
	assert_string_equal(json_string_value(json_object_get(victim, "kind")),
			    "tree");
	assert_string_equal(json_string_value(json_object_get(victim, "name")),
			    f->b);
	assert_int_equal(number(json_object_get(j, "counts"), "tree"), 1);
	json_decref(j);
	assert_int_equal(store_has_tree(f->store, f->b, NULL), 0);

	assert_int_equal(store_pin(f->store, f->a, true, NULL), 0);
	assert_int_equal(command(&f->c, "gc", "--high-bytes=1"), 0);
	assert_non_null(strstr(buf_str(&f->c.out), "collected 1 trees, 1 blobs"));
	assert_non_null(strstr(buf_str(&f->c.out), "1 pinned; still above"));
	assert_int_equal(store_has(f->store, f->a, NULL, NULL), 0);
	assert_int_equal(store_has(f->store, f->b, NULL, NULL), STORE_ABSENT);
}

static void gc_refuses_marks_that_cannot_be(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(command(&f->c, "gc", "--high-bytes", "many"), 2);
	command_says(&f->c, "high-bytes");
	assert_int_equal(command(&f->c, "gc", "--high-percent", "101"), 2);
	assert_int_equal(command(&f->c, "gc", "--high-inodes=5",
				 "--low-inodes=6"), 2);
	assert_int_equal(command(&f->c, "ls", "--high-bytes=5"), 2);
	assert_int_equal(command(&f->c, "gc", "x"), 2);
}

static void what_passes_a_mark_is_taken_in_and_others_go(void **state)
{
	static const char text[] = "high_bytes = 300K\n";
	struct fixture *f = *state;
	auto_free char *conf = xasprintf("%s/slugs.conf", f->dir);
	auto_free char *big = xasprintf("%s/big", f->dir);
	auto_free char *zeros = xcalloc(1, 400000);

	assert_int_equal(file_write_fast(AT_FDCWD, conf, text, strlen(text),
					 0644, NULL), 0);
	assert_int_equal(file_write_fast(AT_FDCWD, big, zeros, 400000, 0644,
					 NULL), 0);
	assert_int_equal(command(&f->c, "--config", conf, "import", big), 0);
	assert_int_equal(store_has_tree(f->store, f->b, NULL), STORE_ABSENT);
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(list_and_show_tell_who_uses_a_slug),
		T(a_slug_may_be_named_by_its_first_digits),
		T(usage_adds_up),
		T(gc_obeys_options_and_tells),
		T(gc_refuses_marks_that_cannot_be),
		T(what_passes_a_mark_is_taken_in_and_others_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
