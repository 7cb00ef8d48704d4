/*
 * test-seccomp-cache.c - compiled profiles in files: used when they are right,
 * compiled again whenever anything about them is odd.
 */
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "runtime/filter/seccomp.h"
#include "runtime/filter/seccomp_cache.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdio.h>
#include <sys/stat.h>
#include <cmocka.h>

static char *dir;			/* parent of the cache, which is made late */
static char *cache;

static int dir_make(void **state)
{
	char path[] = "/tmp/seccomp-XXXXXX";

	if (!mkdtemp(path))
		return -1;
	dir = xstrdup(path);
	cache = xasprintf("%s/cache", dir);
	return 0;
}

static int dir_drop(void **state)
{
	int r = file_remove_tree(AT_FDCWD, dir, NULL);

	free(dir);
	free(cache);
	return r;
}

static const char *const names[] = { "read", "write", "openat" };

static struct seccomp_profile profile(const struct seccomp_rule *rule)
{
	return (struct seccomp_profile){
		.default_action = "SCMP_ACT_ERRNO", .has_default_errno = true,
		.default_errno = ENXIO, .rules = rule, .n_rules = 1,
		.flags = seccomp_flags, .n_flags = 2,
	};
}

static const struct seccomp_rule allow = {
	.names = names, .n_names = 3, .action = "SCMP_ACT_ALLOW",
};

static void compile(struct seccomp_filter *f, const struct seccomp_profile *p)
{
	struct error e = { 0 };

	if (seccomp_profile_compile(f, p, cache, &e) < 0)
		fail_msg("%s", e.msg);
}

static bool same(const struct seccomp_filter *a, const struct seccomp_filter *b)
{
	return a->prog.len == b->prog.len && a->flags == b->flags &&
	       a->listener == b->listener &&
	       memcmp(a->prog.filter, b->prog.filter,
		      a->prog.len * sizeof(struct sock_filter)) == 0;
}

/* Is the profile answered from a file? */
static bool is_cached(const struct seccomp_profile *p)
{
	struct seccomp_filter f = { .flags = 0 };
	auto_buf key = BUF_INIT;
	bool found;

	seccomp_cache_key(&key, p);
	found = seccomp_cache_load(cache, &key, &f);
	seccomp_filter_deinit(&f);
	return found;
}

static size_t files(char *ret_last, size_t size)
{
	DIR *d = opendir(cache);
	size_t n = 0;

	assert_non_null(d);
	for (struct dirent *de; (de = readdir(d));)
		if (de->d_name[0] != '.') {
			snprintf(ret_last, size, "%s/%s", cache, de->d_name);
			n++;
		}
	closedir(d);
	return n;
}

/* The one file there is. */
static void the_file(char *ret, size_t size)
{
	struct seccomp_profile p = profile(&allow);
	struct seccomp_filter f;

	file_remove_tree(AT_FDCWD, cache, NULL);
	compile(&f, &p);
	seccomp_filter_deinit(&f);
	assert_true(is_cached(&p));
	assert_int_equal(files(ret, size), 1);
}

static void the_second_time_the_program_comes_from_a_file(void **state)
{
	const struct seccomp_profile p = profile(&allow);
	struct seccomp_filter without, first, second;
	struct error e = { 0 };
	char path[4096];
	struct stat st;

	assert_int_equal(seccomp_profile_compile(&without, &p, NULL, &e), 0);
	assert_false(is_cached(&p));
	compile(&first, &p);
	assert_true(is_cached(&p));
	compile(&second, &p);
	assert_true(same(&without, &first));
	assert_true(same(&first, &second));
	assert_int_equal(files(path, sizeof(path)), 1);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(stat(cache, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	seccomp_filter_deinit(&without);
	seccomp_filter_deinit(&first);
	seccomp_filter_deinit(&second);
}

static void whatever_changes_the_program_changes_the_key(void **state)
{
	static const char *const moved[] = { "readw", "rite", "openat" };
	static const struct seccomp_arg arg = { 0, 1, 2, "SCMP_CMP_EQ" };
	struct seccomp_rule rules[] = { allow, allow, allow, allow, allow };
	struct seccomp_profile p[10];

	for (size_t i = 0; i < ARRAY_SIZE(p); i++)
		p[i] = profile(&allow);
	p[1].default_action = "SCMP_ACT_KILL";
	p[2].default_errno = 2;
	p[3].has_default_errno = false;
	p[4].n_flags = 1;
	p[5].arches = seccomp_arches;
	p[5].n_arches = 1;
	rules[0].names = moved;
	rules[1].n_names = 2;
	rules[2].action = "SCMP_ACT_LOG";
	rules[3].args = &arg;
	rules[3].n_args = 1;
	for (size_t i = 0; i < 4; i++)
		p[6 + i].rules = &rules[i];
	for (size_t i = 0; i < ARRAY_SIZE(p); i++)
		for (size_t j = 0; j < i; j++) {
			auto_buf a = BUF_INIT, b = BUF_INIT;

			seccomp_cache_key(&a, &p[i]);
			seccomp_cache_key(&b, &p[j]);
			assert_false(a.len == b.len && memcmp(a.data, b.data, a.len) == 0);
		}
}

static void a_changed_byte_anywhere_makes_it_compile_again(void **state)
{
	const struct seccomp_profile p = profile(&allow);
	struct seccomp_filter f;
	char path[4096];
	struct stat st;

	the_file(path, sizeof(path));
	assert_int_equal(stat(path, &st), 0);
	for (off_t at = 0; at < st.st_size; at++) {
		auto_close int fd = open(path, O_RDWR | O_CLOEXEC);
		char c;

		assert_int_equal(pread(fd, &c, 1, at), 1);
		c ^= 0x10;
		assert_int_equal(pwrite(fd, &c, 1, at), 1);
		assert_false(is_cached(&p));
		c ^= 0x10;
		assert_int_equal(pwrite(fd, &c, 1, at), 1);
	}
	assert_true(is_cached(&p));
	for (off_t size = 0; size < st.st_size; size += 7) {
		the_file(path, sizeof(path));
		assert_int_equal(truncate(path, size), 0);
		assert_false(is_cached(&p));
		compile(&f, &p);
		seccomp_filter_deinit(&f);
		assert_true(is_cached(&p));	/* it was replaced */
	}
}

static void a_file_that_others_could_change_is_not_believed(void **state)
{
	const struct seccomp_profile p = profile(&allow);
	char path[4096], other[4096];

	the_file(path, sizeof(path));
	assert_int_equal(chmod(path, 0620), 0);
	assert_false(is_cached(&p));
	assert_int_equal(chmod(path, 0600), 0);
	assert_true(is_cached(&p));
	snprintf(other, sizeof(other), "%s/other", dir);
	assert_int_equal(rename(path, other), 0);
	assert_int_equal(symlink(other, path), 0);
	assert_false(is_cached(&p));
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);	/* nor waited for */
	assert_false(is_cached(&p));
	if (geteuid() == 0) {
		assert_int_equal(unlink(path), 0);
		assert_int_equal(rename(other, path), 0);
		assert_int_equal(chown(path, 1, 1), 0);
		assert_false(is_cached(&p));
	}
}

static void the_number_of_files_is_bounded(void **state)
{
	const struct seccomp_profile last = profile(&allow);
	char path[4096];

	file_remove_tree(AT_FDCWD, cache, NULL);
	for (unsigned i = 0; i < SECCOMP_CACHE_FILES_MAX + 20; i++) {
		struct seccomp_profile p = profile(&allow);
		struct seccomp_filter f;

		p.default_errno = i + 1;
		compile(&f, &p);
		seccomp_filter_deinit(&f);
		assert_true(is_cached(&p));
	}
	assert_int_equal(files(path, sizeof(path)), SECCOMP_CACHE_FILES_MAX);
	assert_false(is_cached(&last));		/* ENXIO, one of the first */
}

static void no_directory_is_no_failure(void **state)
{
	const struct seccomp_profile p = profile(&allow);
	auto_free char *nowhere = xasprintf("%s/no/where", dir);
	struct seccomp_filter f;

	assert_int_equal(seccomp_profile_compile(&f, &p, nowhere, NULL), 0);
	seccomp_filter_deinit(&f);
}

static void what_is_wrong_is_not_kept(void **state)
{
	struct seccomp_profile p = profile(&allow);
	struct seccomp_filter f;

	p.default_action = "SCMP_ACT_NONE";
	assert_int_equal(seccomp_profile_compile(&f, &p, cache, NULL), -EINVAL);
	assert_false(is_cached(&p));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_second_time_the_program_comes_from_a_file),
		cmocka_unit_test(whatever_changes_the_program_changes_the_key),
		cmocka_unit_test(a_changed_byte_anywhere_makes_it_compile_again),
		cmocka_unit_test(a_file_that_others_could_change_is_not_believed),
		cmocka_unit_test(the_number_of_files_is_bounded),
		cmocka_unit_test(no_directory_is_no_failure),
		cmocka_unit_test(what_is_wrong_is_not_kept),
	};

	return cmocka_run_group_tests(tests, dir_make, dir_drop);
}
