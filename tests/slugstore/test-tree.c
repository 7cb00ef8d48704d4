/*
 * test-tree.c - which entries fit to those before them.
 */
#include "base/error.h"
#include "slugstore/unpack/limits.h"
#include "slugstore/unpack/tree.h"

#include <setjmp.h>
#include <cmocka.h>

static struct tree new_tree(const struct limits *limits)
{
	struct tree t;

	tree_init(&t, limits);
	return t;
}

static struct tree_directory directory(const struct tree *t, const char *path)
{
	struct tree_directory d;

	assert_true(tree_directory(t, path, &d));
	return d;
}

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
	auto_(tree_deinit) struct tree t = new_tree(&limits_slug);

	assert_true(tree_is_empty(&t));
	assert_int_equal(add(&t, ENTRY_FILE, "app/a/b/c", NULL, NULL), 0);
	assert_int_equal(t.n, 4);
	assert_int_equal(t.n_directories, 3);
	assert_false(tree_is_empty(&t));
	assert_int_equal(directory(&t, "app/a/b").mode, 0755);
	assert_int_equal(directory(&t, "app/a").mtime.tv_nsec, UTIME_OMIT);
	assert_int_equal(directory(&t, "app").mtime.tv_nsec, UTIME_OMIT);
}

static void app_alone_is_nothing(void **state)
{
	auto_(tree_deinit) struct tree t = new_tree(&limits_slug);

	assert_int_equal(add(&t, ENTRY_DIRECTORY, "app", NULL, NULL), 0);
	assert_true(tree_is_empty(&t));
}

static void nothing_goes_through_a_link_or_file(void **state)
{
	auto_(tree_deinit) struct tree t = new_tree(&limits_slug);
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
	auto_(tree_deinit) struct tree t = new_tree(&limits_slug);

	assert_int_equal(add(&t, ENTRY_FILE, "app/x", NULL, NULL), 0);
	assert_int_equal(add(&t, ENTRY_SYMLINK, "app/x", "y", NULL),
			 TREE_REPLACES);
	assert_int_equal(add(&t, ENTRY_FILE, "app/x", NULL, NULL),
			 TREE_REPLACES);
	assert_int_equal(t.n, 2);
}

static void a_later_directory_sets_the_mode(void **state)
{
	auto_(tree_deinit) struct tree t = new_tree(&limits_slug);

	assert_int_equal(add(&t, ENTRY_FILE, "app/d/x", NULL, NULL), 0);
	assert_int_equal(add(&t, ENTRY_DIRECTORY, "app/d", NULL, NULL),
			 TREE_SAME);
	assert_int_equal(add(&t, ENTRY_FILE, "app/d", NULL, NULL), -EINVAL);
	assert_int_equal(directory(&t, "app/d").mode, 0700);
}

static void hard_links_need_their_target(void **state)
{
	auto_(tree_deinit) struct tree t = new_tree(&limits_slug);
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
		auto_(tree_deinit) struct tree t = new_tree(&l);

		assert_int_equal(add(&t, ENTRY_FILE, "app/a/b", NULL, &e), 0);
		assert_int_equal(add(&t, ENTRY_FILE, "app/a/c", NULL, &e),
				 -EFBIG);
		assert_string_equal(e.msg, "entry \"app/a/c\": more than 3 entries");
	}
	l.names_bytes = 10;
	{
		auto_(tree_deinit) struct tree t = new_tree(&l);

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
		cmocka_unit_test(nothing_goes_through_a_link_or_file),
		cmocka_unit_test(a_later_file_replaces_an_earlier_one),
		cmocka_unit_test(a_later_directory_sets_the_mode),
		cmocka_unit_test(hard_links_need_their_target),
		cmocka_unit_test(entries_and_names_are_limited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
