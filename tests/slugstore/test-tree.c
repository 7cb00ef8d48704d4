/*
 * test-tree.c - which entries fit to those before them.
 */
#include "base/error.h"
#include "slugstore/unpack/limits.h"
#include "slugstore/unpack/tree.h"

#include <setjmp.h>
#include <cmocka.h>

static int add(struct tree *t, enum entry_type type, const char *path,
	       const char *target, struct error *e)
{
	struct entry_verdict v = { .type = type, .mode = 0700 };

	strncpy(v.path, path, sizeof(v.path) - 1);
	if (target)
		strncpy(v.target, target, sizeof(v.target) - 1);
	return tree_add(t, &v, e);
}

static void parents_are_implied_and_counted(void **state)
{
	auto_(tree_deinit) struct tree t = TREE_INIT(&limits_slug);
	auto_free struct tree_directory *v = NULL;

	assert_true(tree_is_empty(&t));
	assert_int_equal(add(&t, ENTRY_FILE, "app/a/b/c", NULL, NULL), 0);
	assert_int_equal(t.n, 4);
	assert_int_equal(t.n_directories, 3);
	assert_false(tree_is_empty(&t));
	v = tree_directories(&t);
	assert_string_equal(v[0].path, "app/a/b");
	assert_string_equal(v[1].path, "app/a");
	assert_string_equal(v[2].path, "app");
	assert_int_equal(v[0].mode, 0755);
	assert_int_equal(v[0].mtime.tv_nsec, UTIME_OMIT);
}

static void app_alone_is_nothing(void **state)
{
	auto_(tree_deinit) struct tree t = TREE_INIT(&limits_slug);

	assert_int_equal(add(&t, ENTRY_DIRECTORY, "app", NULL, NULL), 0);
	assert_true(tree_is_empty(&t));
}

static void children_come_before_parents_at_the_end(void **state)
{
	static const char *const paths[] = {
		"app/m", "app/a/z", "app/z", "app/a/b/c", "app/a-b", "app/a!",
	};
	auto_(tree_deinit) struct tree t = TREE_INIT(&limits_slug);
	auto_free struct tree_directory *v = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		assert_int_equal(add(&t, ENTRY_DIRECTORY, paths[i], NULL, NULL),
				 0);
	v = tree_directories(&t);
	for (size_t i = 0; i < t.n_directories; i++)
		for (size_t j = i + 1; j < t.n_directories; j++) {
			const char *rest = str_after(v[j].path, v[i].path);

			assert_false(rest && *rest == '/');
		}
}

static void nothing_goes_through_a_link_or_file(void **state)
{
	auto_(tree_deinit) struct tree t = TREE_INIT(&limits_slug);
	struct error e;

	assert_int_equal(add(&t, ENTRY_SYMLINK, "app/l", "/tmp", &e), 0);
	assert_int_equal(add(&t, ENTRY_FILE, "app/l/x", NULL, &e), -EINVAL);
	assert_string_equal(e.msg, "entry \"app/l/x\" is below \"app/l\", which"
			    " is not a directory");
	assert_int_equal(add(&t, ENTRY_FILE, "app/l/x/y/z", NULL, &e), -EINVAL);
	assert_int_equal(add(&t, ENTRY_DIRECTORY, "app/l", NULL, &e), -EINVAL);
}

static void a_later_file_replaces_an_earlier_one(void **state)
{
	auto_(tree_deinit) struct tree t = TREE_INIT(&limits_slug);

	assert_int_equal(add(&t, ENTRY_FILE, "app/x", NULL, NULL), 0);
	assert_int_equal(add(&t, ENTRY_SYMLINK, "app/x", "y", NULL),
			 TREE_REPLACES);
	assert_int_equal(add(&t, ENTRY_FILE, "app/x", NULL, NULL),
			 TREE_REPLACES);
	assert_int_equal(t.n, 2);
}

static void a_later_directory_sets_the_mode(void **state)
{
	auto_(tree_deinit) struct tree t = TREE_INIT(&limits_slug);
	auto_free struct tree_directory *v = NULL;

	assert_int_equal(add(&t, ENTRY_FILE, "app/d/x", NULL, NULL), 0);
	assert_int_equal(add(&t, ENTRY_DIRECTORY, "app/d", NULL, NULL),
			 TREE_SAME);
	assert_int_equal(add(&t, ENTRY_FILE, "app/d", NULL, NULL), -EINVAL);
	v = tree_directories(&t);
	assert_string_equal(v[0].path, "app/d");
	assert_int_equal(v[0].mode, 0700);
}

static void hard_links_need_their_target(void **state)
{
	auto_(tree_deinit) struct tree t = TREE_INIT(&limits_slug);
	struct error e;

	assert_int_equal(add(&t, ENTRY_FILE, "app/d/x", NULL, NULL), 0);
	assert_int_equal(add(&t, ENTRY_HARDLINK, "app/y", "app/d/x", NULL), 0);
	assert_int_equal(add(&t, ENTRY_HARDLINK, "app/y", "app/d/x", NULL),
			 TREE_REPLACES);
	assert_int_equal(add(&t, ENTRY_HARDLINK, "app/y", "app/y", NULL),
			 TREE_SAME);
	assert_int_equal(add(&t, ENTRY_HARDLINK, "app/z", "app/z", &e), -EINVAL);
	assert_non_null(strstr(e.msg, "which is not there"));
	assert_int_equal(add(&t, ENTRY_HARDLINK, "app/z", "app/d", &e), -EINVAL);
	assert_non_null(strstr(e.msg, "which is a directory"));
}

static void entries_and_names_are_limited(void **state)
{
	struct limits l = limits_slug;
	struct error e;

	l.entries = 3;
	{
		auto_(tree_deinit) struct tree t = TREE_INIT(&l);

		assert_int_equal(add(&t, ENTRY_FILE, "app/a/b", NULL, &e), 0);
		assert_int_equal(add(&t, ENTRY_FILE, "app/a/c", NULL, &e),
				 -EFBIG);
		assert_string_equal(e.msg, "entry \"app/a/c\": more than 3 entries");
	}
	l.names_bytes = 10;
	{
		auto_(tree_deinit) struct tree t = TREE_INIT(&l);

		assert_int_equal(add(&t, ENTRY_FILE, "app/a", NULL, &e), 0);
		assert_int_equal(add(&t, ENTRY_FILE, "app/b", NULL, &e),
				 -EFBIG);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parents_are_implied_and_counted),
		cmocka_unit_test(app_alone_is_nothing),
		cmocka_unit_test(children_come_before_parents_at_the_end),
		cmocka_unit_test(nothing_goes_through_a_link_or_file),
		cmocka_unit_test(a_later_file_replaces_an_earlier_one),
		cmocka_unit_test(a_later_directory_sets_the_mode),
		cmocka_unit_test(hard_links_need_their_target),
		cmocka_unit_test(entries_and_names_are_limited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
