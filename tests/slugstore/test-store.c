/*
 * test-store.c - blobs come, are found, verified, listed, and go.
 */
#include "base/error.h"
#include "base/file.h"
#include "base/strv.h"
#include "slugstore/space/damaged.h"
#include "slugstore/store.h"
#include "slugstore/verify.h"
#include "tests/slugstore/maker.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <setjmp.h>
#include <cmocka.h>

/* sha256("abc"), from FIPS 180-2. */
#define ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define NONE "0000000000000000000000000000000000000000000000000000000000000000"

struct fixture {
	char *dir;
	struct store *store;
};

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	f->dir = maker_new_dir();
	assert_int_equal(store_open(&f->store, f->dir, NULL), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	store_free(f->store);
	maker_remove_dir(f->dir);
	free(f);
	return 0;
}

static int import(struct fixture *f, const char *text, const char *expected,
		  char ret[SHA256_HEX_MAX], struct error *e)
{
	auto_(store_import_free_p) struct store_import *imp = NULL;
	uint64_t size;
	int r;

	assert_int_equal(store_import_begin(f->store, 10, &imp, e), 0);
	for (const char *p = text; *p; p++) {
		r = store_import_write(imp, p, 1, e);
		if (r < 0)
			return r;
	}
	r = store_import_finish(imp, expected, ret, &size, e);
	if (r == 0)
		assert_int_equal(size, strlen(text));
	return r;
}

static void a_blob_is_named_by_its_digest(void **state)
{
	struct fixture *f = *state;
	char sha256[SHA256_HEX_MAX], text[4] = "";
	auto_close int fd = -1;
	uint64_t size = 0;

	assert_int_equal(store_has(f->store, ABC, NULL, NULL), STORE_ABSENT);
	assert_int_equal(import(f, "abc", NULL, sha256, NULL), 0);
	assert_string_equal(sha256, ABC);
	assert_int_equal(store_has(f->store, ABC, &size, NULL), 0);
	assert_int_equal(size, 3);
	assert_int_equal(store_open_blob(f->store, ABC, &fd, &size, NULL), 0);
	assert_int_equal(read(fd, text, 3), 3);
	assert_string_equal(text, "abc");
	assert_int_equal(store_verify(f->store, ABC, NULL), 0);
	assert_int_equal(store_has_tree(f->store, ABC, NULL), STORE_ABSENT);
	assert_int_equal(maker_count(f->dir, "incoming"), 0);
}

static void the_same_bytes_twice_are_one_blob(void **state)
{
	struct fixture *f = *state;
	char sha256[SHA256_HEX_MAX];

	assert_int_equal(import(f, "abc", ABC, sha256, NULL), 0);
	assert_int_equal(import(f, "abc", ABC, sha256, NULL), 0);
	assert_int_equal(maker_count(f->dir, "blobs"), 1);
	assert_int_equal(maker_count(f->dir, "incoming"), 0);
}

static void a_wrong_digest_leaves_nothing(void **state)
{
	struct fixture *f = *state;
	char sha256[SHA256_HEX_MAX];
	struct error e;

	assert_int_equal(import(f, "abc", NONE, sha256, &e), -EBADMSG);
	assert_string_equal(e.msg, "slug: wrong SHA-256: expected " NONE
			    ", got " ABC);
	assert_int_equal(import(f, "abc", "xyz", sha256, &e), -EINVAL);
	assert_int_equal(maker_count(f->dir, "blobs"), 0);
	assert_int_equal(maker_count(f->dir, "incoming"), 0);
}

static void empty_and_too_large_imports_leave_nothing(void **state)
{
	struct fixture *f = *state;
	char sha256[SHA256_HEX_MAX];
	struct error e;

	assert_int_equal(import(f, "", NULL, sha256, &e), -EINVAL);
	assert_string_equal(e.msg, "slug: the file is empty");
	assert_int_equal(import(f, "0123456789a", NULL, sha256, &e), -EFBIG);
	assert_string_equal(e.msg, "slug: more than 10 bytes");
	assert_int_equal(import(f, "0123456789", NULL, sha256, &e), 0);
	assert_int_equal(maker_count(f->dir, "blobs"), 1);
	assert_int_equal(maker_count(f->dir, "incoming"), 0);
}

static void names_that_are_no_digest_are_errors(void **state)
{
	static const char *const bad[] = {
		"", "abc", "../../../../etc/passwd",
		"BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD",
		ABC "0",
	};
	struct fixture *f = *state;
	struct error e;
	int fd;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(store_has(f->store, bad[i], NULL, &e), -EINVAL);
		assert_int_equal(store_has_tree(f->store, bad[i], &e), -EINVAL);
		assert_int_equal(store_unpack(f->store, bad[i], &e), -EINVAL);
		assert_int_equal(store_verify(f->store, bad[i], &e), -EINVAL);
		assert_int_equal(store_remove(f->store, bad[i], &e), -EINVAL);
		assert_int_equal(store_lease(f->store, bad[i], &fd, &e), -EINVAL);
	}
	assert_int_equal(maker_count(f->dir, "locks"), 0);
}

static void an_absent_slug_is_an_outcome(void **state)
{
	struct fixture *f = *state;
	int fd;

	assert_int_equal(store_open_blob(f->store, NONE, &fd, NULL, NULL),
			 STORE_ABSENT);
	assert_int_equal(store_unpack(f->store, NONE, NULL), STORE_ABSENT);
	assert_int_equal(store_verify(f->store, NONE, NULL), STORE_ABSENT);
	assert_int_equal(store_lease(f->store, NONE, &fd, NULL), STORE_ABSENT);
	assert_int_equal(store_remove(f->store, NONE, NULL), 0);
	assert_int_equal(maker_count(f->dir, "locks"), 0);
}

static void the_list_is_sorted_and_without_repeats(void **state)
{
	struct fixture *f = *state;
	auto_strv all = STRV_INIT;
	char sha256[SHA256_HEX_MAX];
	int fd = maker_slug();

	maker_import(f->store, fd, sha256);
	fd_close(fd);
	assert_int_equal(store_unpack(f->store, sha256, NULL), 0);
	assert_int_equal(import(f, "abc", NULL, sha256, NULL), 0);
	assert_int_equal(import(f, "1", NULL, sha256, NULL), 0);
	assert_int_equal(store_list(f->store, &all, NULL), 0);
	assert_int_equal(all.n, 3);
	for (size_t i = 1; i < all.n; i++)
		assert_true(strcmp(all.v[i - 1], all.v[i]) < 0);
}

static void modes_do_not_depend_on_the_umask(void **state)
{
	static const char *const names[] = { "blobs", "trees", "." };
	struct fixture *f = *state;
	char sha256[SHA256_HEX_MAX];
	auto_free char *dir = xasprintf("%s/inner", f->dir);
	auto_(store_free_p) struct store *s = NULL;
	mode_t old = umask(077);
	int fd = maker_slug();
	struct stat st;

	assert_int_equal(mkdir(dir, 0755), 0);
	assert_int_equal(chmod(dir, 0755), 0);
	assert_int_equal(store_open(&s, dir, NULL), 0);
	maker_import(s, fd, sha256);
	assert_int_equal(store_unpack(s, sha256, NULL), 0);
	umask(old);
	fd_close(fd);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		auto_free char *p = xasprintf("%s/%s", dir, names[i]);

		assert_int_equal(stat(p, &st), 0);
		assert_int_equal(st.st_mode & 07777, 0755);
	}
	{
		auto_free char *p = xasprintf("%s/trees/%s", dir, sha256);
		auto_free char *b = xasprintf("%s/blobs/%s", dir, sha256);

		assert_int_equal(stat(p, &st), 0);
		assert_int_equal(st.st_mode & 07777, 0755);
		assert_int_equal(stat(b, &st), 0);
		assert_int_equal(st.st_mode & 07777, 0644);
	}
}

static void opening_sweeps_what_no_process_holds(void **state)
{
	struct fixture *f = *state;
	auto_(store_import_free_p) struct store_import *alive = NULL;
	auto_(store_free_p) struct store *second = NULL;
	auto_free char *dead = xasprintf("%s/incoming/dead/deep", f->dir);
	auto_free char *file = xasprintf("%s/incoming/file", f->dir);
	auto_close int fd = -1;

	assert_int_equal(file_make_dirs(dead, 0755, NULL), 0);
	fd = open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(store_import_begin(f->store, 0, &alive, NULL), 0);
	assert_int_equal(maker_count(f->dir, "incoming"), 3);
	assert_int_equal(store_open(&second, f->dir, NULL), 0);
	assert_int_equal(maker_count(f->dir, "incoming"), 1);
	alive = store_import_free(alive);
	assert_int_equal(maker_count(f->dir, "incoming"), 0);
}

static void a_tree_without_its_mark_is_made_anew(void **state)
{
	struct fixture *f = *state;
	char sha256[SHA256_HEX_MAX];
	auto_free char *half = NULL;
	int fd = maker_slug();

	maker_import(f->store, fd, sha256);
	fd_close(fd);
	half = xasprintf("%s/trees/%s/app/half", f->dir, sha256);
	assert_int_equal(file_make_dirs(half, 0755, NULL), 0);
	assert_int_equal(store_has_tree(f->store, sha256, NULL), STORE_ABSENT);
	assert_int_equal(store_unpack(f->store, sha256, NULL), 0);
	assert_int_equal(store_has_tree(f->store, sha256, NULL), 0);
	assert_int_equal(access(half, F_OK), -1);
	assert_int_equal(maker_count(f->dir, "incoming"), 0);
}

/* ---- what is damaged ---- */

static int make_slug(struct fixture *f, char sha256[SHA256_HEX_MAX])
{
	int fd = maker_slug();

	maker_import(f->store, fd, sha256);
	fd_close(fd);
	return store_unpack(f->store, sha256, NULL);
}

static void spoil(struct fixture *f, const char *where, const char *sha256,
		  const char *path)
{
	auto_free char *name = xasprintf("%s/%s/%s%s", f->dir, where, sha256, path);
	auto_close int fd = -1;

	assert_int_equal(chmod(name, 0644), 0);
	fd = open(name, O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, "\1\2\3", 3, 0), 3);
}

/* Who is taken over inside the sandbox can change both. */
static void unpacking_leaves_mode_and_time_right(void **state)
{
	struct fixture *f = *state;
	const struct timespec times[2] = { { .tv_sec = 1LL << 33 },
					   { .tv_sec = 1LL << 33 } };
	auto_close int fd = maker_slug();
	auto_free char *blob = NULL, *ok = NULL;
	char sha256[SHA256_HEX_MAX];
	struct stat st;

	maker_import(f->store, fd, sha256);
	blob = xasprintf("%s/blobs/%s", f->dir, sha256);
	ok = xasprintf("%s/trees/%s/.ok", f->dir, sha256);
	assert_int_equal(chmod(blob, 0666), 0);
	assert_int_equal(utimensat(AT_FDCWD, blob, times, 0), 0);
	umask(077);
	assert_int_equal(store_unpack(f->store, sha256, NULL), 0);
	umask(022);
	assert_int_equal(stat(ok, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	assert_int_equal(stat(blob, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	assert_true(st.st_mtim.tv_sec <= time(NULL));
}

static void an_import_mends_the_blob_that_is_there(void **state)
{
	struct fixture *f = *state;
	auto_close int fd = maker_slug();
	char sha256[SHA256_HEX_MAX];

	maker_import(f->store, fd, sha256);
	spoil(f, "blobs", sha256, "");
	maker_import(f->store, fd, sha256);
	assert_int_equal(store_verify(f->store, sha256, NULL), 0);
	assert_int_equal(maker_count(f->dir, "damaged"), 0);
	assert_int_equal(maker_count(f->dir, "incoming"), 0);
}

static void a_damaged_tree_is_set_aside_and_made_anew(void **state)
{
	struct fixture *f = *state;
	char sha256[SHA256_HEX_MAX], reason[ERROR_MSG_MAX];
	struct verify v;
	struct error e;
	int lease;

	assert_int_equal(make_slug(f, sha256), 0);
	assert_int_equal(verify_slug(f->store, sha256, VERIFY_BLOB | VERIFY_TREE,
				     &v, NULL), 0);
	assert_int_equal(v.blob.state, VERIFY_SOUND);
	assert_int_equal(v.tree.state, VERIFY_SOUND);
	assert_false(damaged_tell(f->store, sha256, reason, sizeof(reason)));

	spoil(f, "trees", sha256, "/app/Procfile");
	assert_int_equal(store_verify(f->store, sha256, &e), -EBADMSG);
	assert_non_null(strstr(e.msg, "\"app/Procfile\" has another"));
	assert_int_equal(maker_count(f->dir, "trees"), 0);
	assert_int_equal(maker_count(f->dir, "damaged"), 1);
	assert_int_equal(maker_count(f->dir, "blobs"), 1);
	assert_true(damaged_tell(f->store, sha256, reason, sizeof(reason)));
	assert_non_null(strstr(reason, "\"app/Procfile\" has another"));

	assert_int_equal(store_lease(f->store, sha256, &lease, NULL),
			 STORE_ABSENT);
	assert_int_equal(store_unpack(f->store, sha256, NULL), 0);
	assert_int_equal(store_verify(f->store, sha256, &e), 0);
}

static void a_damaged_tree_stays_while_it_is_leased(void **state)
{
	struct fixture *f = *state;
	char sha256[SHA256_HEX_MAX];
	auto_close int first = -1, second = -1, third = -1;
	struct verify v;

	assert_int_equal(make_slug(f, sha256), 0);
	assert_int_equal(store_lease(f->store, sha256, &first, NULL), 0);
	spoil(f, "trees", sha256, "/app/Procfile");
	assert_int_equal(verify_slug(f->store, sha256, VERIFY_TREE, &v, NULL), 0);
	assert_int_equal(v.blob.state, VERIFY_ABSENT);
	assert_int_equal(v.tree.state, VERIFY_DAMAGED);
	assert_true(v.tree.is_leased);
	assert_int_equal(maker_count(f->dir, "trees"), 1);
	assert_int_equal(store_lease(f->store, sha256, &second, NULL), 0);

	/* Free: the next who asks does not get it. */
	first = fd_close(first);
	second = fd_close(second);
	assert_int_equal(store_lease(f->store, sha256, &third, NULL),
			 STORE_ABSENT);
	assert_int_equal(maker_count(f->dir, "trees"), 0);
	assert_int_equal(maker_count(f->dir, "damaged"), 1);
	assert_int_equal(store_unpack(f->store, sha256, NULL), 0);
	assert_int_equal(store_lease(f->store, sha256, &third, NULL), 0);
}

static void a_damaged_blob_is_set_aside_and_its_tree_stays(void **state)
{
	struct fixture *f = *state;
	char sha256[SHA256_HEX_MAX];
	struct error e;

	assert_int_equal(make_slug(f, sha256), 0);
	spoil(f, "blobs", sha256, "");
	assert_int_equal(store_verify(f->store, sha256, &e), -EBADMSG);
	assert_non_null(strstr(e.msg, "expected "));
	assert_non_null(strstr(e.msg, ", got "));
	assert_int_equal(maker_count(f->dir, "blobs"), 0);
	assert_int_equal(maker_count(f->dir, "damaged"), 1);
	assert_int_equal(store_has(f->store, sha256, NULL, NULL), STORE_ABSENT);
	assert_int_equal(store_has_tree(f->store, sha256, NULL), 0);
	assert_int_equal(store_verify(f->store, sha256, &e), 0);
}

static void a_manifest_that_was_cut_makes_no_tree(void **state)
{
	struct fixture *f = *state;
	char sha256[SHA256_HEX_MAX];
	auto_free char *ok = NULL;
	struct stat st;

	assert_int_equal(make_slug(f, sha256), 0);
	ok = xasprintf("%s/trees/%s/.ok", f->dir, sha256);
	assert_int_equal(stat(ok, &st), 0);
	assert_int_equal(truncate(ok, st.st_size - 1), 0);
	assert_int_equal(store_has_tree(f->store, sha256, NULL), STORE_ABSENT);
	assert_int_equal(store_unpack(f->store, sha256, NULL), 0);
	assert_int_equal(store_verify(f->store, sha256, NULL), 0);
}

static void a_tree_of_an_older_version_cannot_be_checked(void **state)
{
	struct fixture *f = *state;
	char sha256[SHA256_HEX_MAX];
	auto_free char *ok = NULL;
	struct verify v;

	assert_int_equal(make_slug(f, sha256), 0);
	ok = xasprintf("%s/trees/%s/.ok", f->dir, sha256);
	assert_int_equal(truncate(ok, 0), 0);
	assert_int_equal(store_has_tree(f->store, sha256, NULL), 0);
	assert_int_equal(verify_slug(f->store, sha256, VERIFY_TREE, &v, NULL), 0);
	assert_int_equal(v.tree.state, VERIFY_UNKNOWN);
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_blob_is_named_by_its_digest),
		T(the_same_bytes_twice_are_one_blob),
		T(a_wrong_digest_leaves_nothing),
		T(empty_and_too_large_imports_leave_nothing),
		T(names_that_are_no_digest_are_errors),
		T(an_absent_slug_is_an_outcome),
		T(the_list_is_sorted_and_without_repeats),
		T(modes_do_not_depend_on_the_umask),
		T(opening_sweeps_what_no_process_holds),
		T(a_tree_without_its_mark_is_made_anew),
		T(unpacking_leaves_mode_and_time_right),
		T(an_import_mends_the_blob_that_is_there),
		T(a_damaged_tree_is_set_aside_and_made_anew),
		T(a_damaged_tree_stays_while_it_is_leased),
		T(a_damaged_blob_is_set_aside_and_its_tree_stays),
		T(a_manifest_that_was_cut_makes_no_tree),
		T(a_tree_of_an_older_version_cannot_be_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
