/*
 * test-manifest.c - what is written is read, what was not written so is refused,
 * and a tree is compared path by path.
 */
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "slugstore/digest.h"
#include "slugstore/manifest/manifest_check.h"
#include "slugstore/manifest/manifest_index.h"
#include "slugstore/manifest/manifest_line.h"
#include "slugstore/manifest/manifest_reader.h"
#include "tests/slugstore/maker.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <setjmp.h>
#include <cmocka.h>

/* sha256("abc") and sha256(""), from FIPS 180-2. */
#define ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define NIL "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define T0 { .tv_sec = MAKER_MTIME }
#define TEXT "1600000000.000000000"

#if defined(__has_feature)
#define HAS_SANITIZER __has_feature(address_sanitizer)
#else
#define HAS_SANITIZER 0
#endif

static int memory(const void *data, size_t n)
{
	int fd = memfd_create("manifest", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, n), (ssize_t)n);
	return fd;
}

static int written(const struct manifest_entry *v, size_t n)
{
	auto_(manifest_writer_free_p) struct manifest_writer *w = NULL;
	int fd = memory("", 0);

	assert_int_equal(manifest_writer_new(&w, fd, NULL), 0);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(manifest_add(w, &v[i], NULL), 0);
	assert_int_equal(manifest_finish(w, NULL), 0);
	return fd;
}

/* The lines of a text between head and end, which fit to them. */
static int sealed(const char *lines)
{
	auto_(digest_free_p) struct digest *d = NULL;
	auto_buf text = BUF_INIT;
	char sha256[SHA256_HEX_MAX];

	buf_addf(&text, "manifest 1\n%s", lines);
	assert_int_equal(digest_new(&d, NULL), 0);
	digest_add(d, text.data, text.len);
	buf_addf(&text, "end %s\n", digest_hex(d, sha256));
	return memory(text.data, text.len);
}

static int read_all(int fd, struct error *e)
{
	auto_(manifest_index_free_p) struct manifest_index *ix = NULL;

	return manifest_index_new(&ix, fd, e);
}

/* ---- format ---- */

static void the_lines_are_as_described(void **state)
{
	static const struct manifest_entry v[] = {
		{ .type = MANIFEST_DIRECTORY, .path = "app", .mode = 0755,
		  .mtime = { .tv_nsec = UTIME_OMIT } },
		{ .type = MANIFEST_FILE, .path = "app/a b\\", .mode = 01644,
		  .size = 3, .mtime = { -5, 7 }, .sha256 = ABC },
		{ .type = MANIFEST_SYMLINK, .path = "app/\xc3\xbc", .mtime = T0,
		  .target = "\n" },
		{ .type = MANIFEST_HARDLINK, .path = "app/h",
		  .target = "app/a b\\" },
	};
	auto_close int fd = written(v, ARRAY_SIZE(v));
	char text[4096] = "";
	const char *rest;

	(void)state;
	assert_true(pread(fd, text, sizeof(text) - 1, 0) > 0);
	rest = str_after(text, "manifest 1\n"
			 "d 0755 - app\n"
			 "f 1644 -5.000000007 3 " ABC " app/a\\20b\\5c\n"
			 "l " TEXT " app/\\c3\\bc \\0a\n"
			 "h app/h app/a\\20b\\5c\n"
			 "end ");
	assert_non_null(rest);
	assert_int_equal(strlen(rest), 65);
	assert_true(manifest_check_end(fd));
	assert_int_equal(read_all(fd, NULL), 0);
}

static void every_byte_of_a_name_survives(void **state)
{
	auto_(manifest_reader_free_p) struct manifest_reader *m = NULL;
	auto_free struct manifest_line *line = xmalloc(sizeof(*line));
	char path[300] = "app/", target[300] = "";
	struct manifest_entry en = { .type = MANIFEST_SYMLINK, .path = path,
				     .target = target, .mtime = T0 };
	auto_close int fd = -1;
	uint64_t offset;

	(void)state;
	for (int i = 1, at = 4; i < 256; i++) {
		target[i - 1] = (char)i;
		if (i != '/')
			path[at++] = (char)i;
	}
	fd = written(&en, 1);
	m = manifest_reader_new(fd);
	assert_int_equal(manifest_reader_next(m, line, &offset, NULL), 0);
	assert_string_equal(line->entry.path, path);
	assert_string_equal(line->entry.target, target);
	assert_int_equal(offset, strlen("manifest 1\n"));
	assert_int_equal(manifest_reader_next(m, line, &offset, NULL),
			 MANIFEST_END);
}

static void the_longest_line_can_be_read(void **state)
{
	auto_free char *path = xcalloc(1, MANIFEST_PATH_MAX + 1);
	auto_free char *target = xcalloc(1, MANIFEST_PATH_MAX + 1);
	struct manifest_entry v[20] = { 0 };
	auto_close int fd = -1;

	(void)state;
	memset(path, '\n', MANIFEST_PATH_MAX);
	memset(target, 0xff, MANIFEST_PATH_MAX);
	memcpy(path, "app", 3);
	for (int i = 3; i < MANIFEST_PATH_MAX; i += 200)
		path[i] = '/';
	for (size_t i = 0; i < ARRAY_SIZE(v); i++)
		v[i] = (struct manifest_entry){
			.type = MANIFEST_SYMLINK, .path = path,
			.target = target, .mtime = { INT64_MIN, 999999999 },
		};
	fd = written(v, ARRAY_SIZE(v));
	assert_int_equal(read_all(fd, NULL), 0);
}

static void what_was_not_written_so_is_refused_with_its_line(void **state)
{
	static const struct { const char *lines, *fault; } bad[] = {
		{ "\n", "1: unknown kind" }, { "x app\n", "1: unknown kind" },
		{ "d\n", "1: unknown kind" }, { "d  app\n", "1: bad mode" },
		{ "d 755 - app\n", "1: bad mode" },
		{ "d 4755 - app\n", "1: bad mode" },
		{ "d 2755 - app\n", "1: bad mode" },
		{ "d 0758 - app\n", "1: bad mode" },
		{ "d 07555 - app\n", "1: bad mode" },
		{ "d 0755 -  app\n", "1: bad path" },
		{ "d 0755 1 app\n", "1: bad time" },
		{ "d 0755 1.0 app\n", "1: bad time" },
		{ "d 0755 +1.000000000 app\n", "1: bad time" },
		{ "d 0755 01.000000000 app\n", "1: bad time" },
		{ "d 0755 -0.000000000 app\n", "1: bad time" },
		{ "d 0755 1.0000000000 app\n", "1: bad time" },
		{ "d 0755 9223372036854775808.000000000 app\n", "1: bad time" },
		{ "d 0755 -9223372036854775809.000000000 app\n", "1: bad time" },
		{ "d 0755 - \n", "1: bad path" },
		{ "d 0755 - ap\n", "1: bad path" },
		{ "d 0755 - /app\n", "1: bad path" },
		{ "d 0755 - apps\n", "1: bad path" },
		{ "d 0755 - app/\n", "1: bad path" },
		{ "d 0755 - app//x\n", "1: bad path" },
		{ "d 0755 - app/.\n", "1: bad path" },
		{ "d 0755 - app/../x\n", "1: bad path" },
		{ "d 0755 - app/..\n", "1: bad path" },
		{ "d 0755 - app/\xc3\xbc\n", "1: bad path" },
		{ "d 0755 - app/\\C3\n", "1: bad path" },
		{ "d 0755 - app/\\61\n", "1: bad path" },	/* an "a" */
		{ "d 0755 - app/\\00\n", "1: bad path" },
		{ "d 0755 - app/\\c\n", "1: bad path" },
		{ "d 0755 - app/\\\n", "1: bad path" },
		{ "d 0755 - app/a\tb\n", "1: bad path" },
		{ "d 0755 - app \n", "1: something follows" },
		{ "d 0755 - app x\n", "1: something follows" },
		{ "d 0755 - app\r\n", "1: bad path" },
		{ "f 0644 - 3 " ABC " app\n", "1: app is not a directory" },
		{ "f 0644 - 03 " ABC " app/x\n", "1: bad size" },
		{ "f 0644 - -3 " ABC " app/x\n", "1: bad size" },
		{ "f 0644 - 9223372036854775808 " ABC " app/x\n", "1: bad size" },
		{ "f 0644 - 3 abc app/x\n", "1: bad digest" },
		{ "f 0644 - 3 " ABC "0 app/x\n", "1: bad digest" },
		{ "f 0644 - 3 " ABC "\n", "1: bad digest" },
		{ "l - app/x\n", "1: bad target" },
		{ "l - app/x \n", "1: bad target" },
		{ "l - app/x y z\n", "1: something follows" },
		{ "d 0755 - app\nh app/x app/y\n", "2: a hard link to what is" },
		{ "d 0755 - app\nh app/x app\n", "2: a hard link to a dir" },
		{ "d 0755 - app\nh app/x /etc\n", "2: bad target" },
		{ "d 0755 - app/x\nl - app/x y\n", "2: a directory and" },
		{ "l - app/x y\nd 0755 - app/x\n", "2: a directory and" },
		{ "l - app/x y\nd 0755 - app/z\nh app/z app/x\n",
		  "3: a directory becomes" },
		{ "f 0644 - 9223372036854775807 " ABC " app/x\n"
		  "f 0644 - 9223372036854775807 " ABC " app/x\n"
		  "f 0644 - 9223372036854775807 " ABC " app/x\n",
		  "3: sizes are too large" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		auto_close int fd = sealed(bad[i].lines);
		auto_free char *fault = NULL;
		struct error e = { 0 };

		fault = xasprintf("manifest, line %d%s", bad[i].fault[0] - '0' + 1,
				  bad[i].fault + 1);
		if (read_all(fd, &e) != -EBADMSG || !str_after(e.msg, fault))
			fail_msg("\"%s\": %s instead of %s", bad[i].lines,
				 e.msg, fault);
	}
}

static void names_and_lines_have_a_bound(void **state)
{
	auto_buf text = BUF_INIT;
	auto_close int name_fd = -1, line_fd = -1;
	struct error e;

	(void)state;
	buf_adds(&text, "d 0755 - app/");
	for (int i = 0; i < 256; i++)
		buf_adds(&text, "x");
	buf_adds(&text, "\n");
	name_fd = sealed(text.data);
	assert_int_equal(read_all(name_fd, &e), -EBADMSG);
	assert_string_equal(e.msg, "manifest, line 2: bad path");
	buf_clear(&text);
	for (int i = 0; i < MANIFEST_LINE_MAX; i++)
		buf_adds(&text, "x");
	buf_adds(&text, "\n");
	line_fd = sealed(text.data);
	assert_int_equal(read_all(line_fd, &e), -EBADMSG);
	assert_string_equal(e.msg, "manifest, line 2: too long");
}

static void each_cut_and_each_flipped_bit_is_noticed(void **state)
{
	static const char lines[] = "d 0755 - app\nl " TEXT " app/x y\n";
	auto_close int fd = sealed(lines);
	char text[512];
	ssize_t n = pread(fd, text, sizeof(text), 0);

	(void)state;
	for (ssize_t i = 1; i < n; i++) {
		auto_close int cut = memory(text, (size_t)i);

		assert_int_equal(read_all(cut, NULL), -EBADMSG);
		assert_false(manifest_check_end(cut));
	}
	for (ssize_t i = 0; i < 8 * n; i++) {
		auto_close int flipped = -1;

		text[i / 8] = (char)(text[i / 8] ^ 1 << i % 8);
		flipped = memory(text, (size_t)n);
		text[i / 8] = (char)(text[i / 8] ^ 1 << i % 8);
		assert_int_equal(read_all(flipped, NULL), -EBADMSG);
	}
	{
		auto_close int more = memory(text, (size_t)n);

		assert_int_equal(pwrite(more, "\n", 1, n), 1);
		assert_int_equal(read_all(more, NULL), -EBADMSG);
		assert_false(manifest_check_end(more));
	}
}

static void an_empty_manifest_is_an_outcome(void **state)
{
	auto_close int fd = memory("", 0);

	(void)state;
	assert_int_equal(read_all(fd, NULL), MANIFEST_EMPTY);
	assert_true(manifest_check_end(fd));
}

static void half_a_million_paths_take_little_memory(void **state)
{
	auto_(manifest_index_free_p) struct manifest_index *ix = NULL;
	auto_(manifest_writer_free_p) struct manifest_writer *w = NULL;
	char path[64];
	struct manifest_entry en = {
		.type = MANIFEST_FILE, .path = path, .mode = 0644, .sha256 = ABC,
	};
	auto_close int fd = memory("", 0);
	struct rusage before, after;

	(void)state;
	assert_int_equal(manifest_writer_new(&w, fd, NULL), 0);
	for (int i = 0; i < 500000; i++) {
		snprintf(path, sizeof(path), "app/directory/%d", i);
		assert_int_equal(manifest_add(w, &en, NULL), 0);
	}
	assert_int_equal(manifest_finish(w, NULL), 0);
	getrusage(RUSAGE_SELF, &before);
	assert_int_equal(manifest_index_new(&ix, fd, NULL), 0);
	getrusage(RUSAGE_SELF, &after);
#if !defined(__SANITIZE_ADDRESS__) && !HAS_SANITIZER
	assert_true(after.ru_maxrss - before.ru_maxrss < 64 * 1024);
#endif
	assert_int_equal(manifest_index_unseen(ix), 500000);
	for (int i = 0; i < 500000; i++) {
		snprintf(path, sizeof(path), "app/directory/%d", i);
		assert_non_null(manifest_index_see(ix, path));
	}
	assert_int_equal(manifest_index_unseen(ix), 0);
	assert_null(manifest_index_see(ix, "app/directory"));
}

/* ---- trees ---- */

struct fixture {
	char *dir;
	int fd;
};

static void make_file(struct fixture *f, const char *path, const char *content,
		      mode_t mode)
{
	const struct timespec t[2] = { T0, T0 };
	auto_close int fd = openat(f->fd, path, O_WRONLY | O_CREAT | O_EXCL |
				   O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, content, strlen(content)), strlen(content));
	assert_int_equal(fchmod(fd, mode), 0);
	assert_int_equal(futimens(fd, t), 0);
}

static void set_time(struct fixture *f, const char *path)
{
	const struct timespec t[2] = { T0, T0 };

	assert_int_equal(utimensat(f->fd, path, t, AT_SYMLINK_NOFOLLOW), 0);
}

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	f->dir = maker_new_dir();
	f->fd = open(f->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(mkdirat(f->fd, "app", 0755), 0);
	assert_int_equal(mkdirat(f->fd, "app/d", 0755), 0);
	make_file(f, "app/d/f", "abc", 0640);
	make_file(f, "app/n", "", 0444);
	make_file(f, "app/closed", "abc", 0);
	make_file(f, ".ok", "", 0644);
	make_file(f, ".usage", "1", 0644);
	assert_int_equal(linkat(f->fd, "app/d/f", f->fd, "app/h", 0), 0);
	assert_int_equal(symlinkat("/etc", f->fd, "app/l"), 0);
	set_time(f, "app/l");
	set_time(f, "app");
	assert_int_equal(fchmodat(f->fd, "app/d", 0311, 0), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	fd_close(f->fd);
	maker_remove_dir(f->dir);
	free(f);
	return 0;
}

/* In the order of an archive that replaces some of what it has said. */
#define GOOD \
	"f 0600 - 0 " NIL " app/d/f\n" \
	"h app/n app/d/f\n" \
	"f 0640 " TEXT " 3 " ABC " app/d/f\n" \
	"h app/h app/n\n" \
	"h app/h app/d/f\n" \
	"f 0444 " TEXT " 0 " NIL " app/n\n" \
	"f 0000 " TEXT " 3 " ABC " app/closed\n" \
	"l " TEXT " app/l /etc\n" \
	"d 0311 - app/d\n" \
	"d 0755 " TEXT " app\n"

static int check(struct fixture *f, const char *lines, struct error *ret)
{
	auto_close int fd = sealed(lines);
	const struct manifest_check in = { .tree_fd = f->fd, .manifest_fd = fd };
	struct error e = { 0 };
	int r = manifest_check(&in, ret, &e);

	if (r < 0)
		fail_msg("%s", e.msg);
	return r;
}

static void assert_differs(struct fixture *f, const char *lines,
			   const char *difference)
{
	struct error e = { 0 };

	assert_int_equal(check(f, lines, &e), MANIFEST_DIFFERS);
	assert_string_equal(e.msg, difference);
}

static void a_tree_as_described_is_right(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	assert_int_equal(check(f, GOOD, NULL), 0);
	/* What was opened by force is closed again. */
	assert_int_equal(fstatat(f->fd, "app/closed", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0);
	assert_int_equal(fstatat(f->fd, "app/d", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0311);
}

static void each_change_is_found_and_named(void **state)
{
	struct fixture *f = *state;

	assert_differs(f, GOOD "f 0640 " TEXT " 3 " ABC " app/\\0a\n",
		       "\"app/?\" is missing");
	make_file(f, "app/more", "", 0644);
	set_time(f, "app");
	assert_differs(f, GOOD, "\"app/more\" should not be there");
	assert_int_equal(unlinkat(f->fd, "app/more", 0), 0);
	set_time(f, "app");

	assert_int_equal(mkdirat(f->fd, "beside", 0755), 0);
	assert_differs(f, GOOD, "\"beside\" should not be there");
	assert_int_equal(unlinkat(f->fd, "beside", AT_REMOVEDIR), 0);

	assert_int_equal(fchmodat(f->fd, "app/n", 04444, 0), 0);
	assert_differs(f, GOOD, "\"app/n\" has another mode");
	assert_int_equal(fchmodat(f->fd, "app/n", 0444, 0), 0);

	assert_int_equal(linkat(f->fd, "app/n", f->fd, ".link", 0), 0);
	assert_differs(f, GOOD, "\"app/n\" has another number of hard links");
	assert_int_equal(unlinkat(f->fd, ".link", 0), 0);

	assert_int_equal(unlinkat(f->fd, "app/l", 0), 0);
	assert_int_equal(symlinkat("/etcetera", f->fd, "app/l"), 0);
	set_time(f, "app");
	assert_differs(f, GOOD, "\"app/l\" has another time");
	set_time(f, "app/l");
	assert_differs(f, GOOD, "\"app/l\" leads elsewhere");
	assert_int_equal(unlinkat(f->fd, "app/l", 0), 0);
	make_file(f, "app/l", "/etc", 0777);
	set_time(f, "app");
	assert_differs(f, GOOD, "\"app/l\" is of another type");
	assert_int_equal(unlinkat(f->fd, "app/l", 0), 0);
	assert_int_equal(symlinkat("/etc", f->fd, "app/l"), 0);
	set_time(f, "app/l");
	set_time(f, "app");
	assert_int_equal(check(f, GOOD, NULL), 0);
}

static void changed_bytes_are_found(void **state)
{
	struct fixture *f = *state;
	auto_close int fd = -1;
	struct error e = { 0 };

	assert_int_equal(fchmodat(f->fd, "app/d", 0711, 0), 0);
	fd = openat(f->fd, "app/d/f", O_WRONLY | O_CLOEXEC);
	assert_int_equal(pwrite(fd, "B", 1, 1), 1);
	set_time(f, "app/d/f");
	assert_int_equal(fchmodat(f->fd, "app/d", 0311, 0), 0);
	assert_int_equal(check(f, GOOD, &e), MANIFEST_DIFFERS);
	assert_true(str_eq(e.msg, "\"app/d/f\" has other bytes") ||
		    str_eq(e.msg, "\"app/h\" has other bytes"));
	assert_int_equal(ftruncate(fd, 5), 0);
	set_time(f, "app/h");
	assert_int_equal(check(f, GOOD, &e), MANIFEST_DIFFERS);
	assert_non_null(strstr(e.msg, "has another size"));
}

static void a_copy_is_not_a_hard_link(void **state)
{
	struct fixture *f = *state;
	struct error e = { 0 };

	assert_int_equal(unlinkat(f->fd, "app/h", 0), 0);
	make_file(f, "app/h", "abc", 0640);
	set_time(f, "app");
	assert_int_equal(check(f, GOOD, &e), MANIFEST_DIFFERS);
	assert_non_null(strstr(e.msg, "hard link"));
	/* Nor the other way round. */
	assert_int_equal(check(f, GOOD "f 0640 " TEXT " 3 " ABC " app/h\n", NULL),
			 0);
	assert_int_equal(unlinkat(f->fd, "app/h", 0), 0);
	assert_int_equal(linkat(f->fd, "app/d/f", f->fd, "app/h", 0), 0);
	set_time(f, "app");
	assert_int_equal(check(f, GOOD "f 0640 " TEXT " 3 " ABC " app/h\n", &e),
			 MANIFEST_DIFFERS);
	assert_non_null(strstr(e.msg, "has another number of hard links"));
}

static void a_damaged_manifest_is_a_difference(void **state)
{
	struct fixture *f = *state;

	assert_differs(f, GOOD "d 0755\n", "manifest, line 12: bad mode");
}

static void a_time_that_the_file_system_cannot_keep_is_right(void **state)
{
	struct fixture *f = *state;
	const struct timespec far = { .tv_sec = INT64_MAX / 4, .tv_nsec = 1 };
	const struct timespec t[2] = { far, far };
	auto_free char *lines = xasprintf("%sl %jd.000000001 app/l /etc\n", GOOD,
					  (intmax_t)far.tv_sec);

	assert_int_equal(utimensat(f->fd, "app/l", t, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(check(f, lines, NULL), 0);
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_lines_are_as_described),
		cmocka_unit_test(every_byte_of_a_name_survives),
		cmocka_unit_test(the_longest_line_can_be_read),
		cmocka_unit_test(what_was_not_written_so_is_refused_with_its_line),
		cmocka_unit_test(names_and_lines_have_a_bound),
		cmocka_unit_test(each_cut_and_each_flipped_bit_is_noticed),
		cmocka_unit_test(an_empty_manifest_is_an_outcome),
		cmocka_unit_test(half_a_million_paths_take_little_memory),
		T(a_tree_as_described_is_right),
		T(each_change_is_found_and_named),
		T(changed_bytes_are_found),
		T(a_copy_is_not_a_hard_link),
		T(a_damaged_manifest_is_a_difference),
		T(a_time_that_the_file_system_cannot_keep_is_right),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
