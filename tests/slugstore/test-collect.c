/*
 * test-collect.c - what goes, in which order, when it stops; what never goes.
 */
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/strv.h"
#include "slugstore/space/collect.h"
#include "slugstore/space/usage.h"
#include "slugstore/store.h"
#include "tests/slugstore/maker.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <setjmp.h>
#include <cmocka.h>

#define SLUGS 3
#define SLUG_BYTES 100000
#define HOUR (3600 * USEC_PER_SEC)
#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

struct fixture {
	char *dir;
	struct store *store;
	char sha256[SLUGS][SHA256_HEX_MAX];	/* the first is the oldest */
	struct collect_result res;
	char gone[4096];		/* "tree:0 blob:0 " */
};

static void set_time(struct fixture *f, const char *path, uint64_t ago_usec)
{
	uint64_t usec = clock_real_usec() - ago_usec;
	struct timespec t[2] = { { .tv_sec = (time_t)(usec / USEC_PER_SEC) } };
	auto_free char *full = xasprintf("%s/%s", f->dir, path);

	t[1] = t[0];
	assert_int_equal(utimensat(AT_FDCWD, full, t, 0), 0);
}

/* Used so long ago, and not since. */
static void age(struct fixture *f, const char *sha256, uint64_t ago_usec)
{
	static const char *const paths[] = {
		"blobs/%s", "trees/%s/.ok", "locks/%s",
	};

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		char path[128];

		snprintf(path, sizeof(path), "%.*s%s%s",
			 (int)strcspn(paths[i], "%"), paths[i], sha256,
			 strchr(paths[i], '%') + 2);
		set_time(f, path, ago_usec);
	}
}

static void make_slug(struct fixture *f, int i)
{
	auto_free char *content = xasprintf("slug %d\n", i);
	struct maker m;
	int fd;

	maker_begin(&m);
	maker_file(&m, "./app/name", 0644, content);
	maker_noise(&m, "./app/noise", SLUG_BYTES);
	fd = maker_end(&m);
	maker_import(f->store, fd, f->sha256[i]);
	fd_close(fd);
	assert_int_equal(store_unpack(f->store, f->sha256[i], NULL), 0);
	age(f, f->sha256[i], (uint64_t)(SLUGS - i) * HOUR);
}

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	f->dir = maker_new_dir();
	assert_int_equal(store_open(&f->store, f->dir, NULL), 0);
	for (int i = 0; i < SLUGS; i++)
		make_slug(f, i);
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

static void on_victim(const struct collect_victim *v, void *userdata)
{
	struct fixture *f = userdata;
	size_t n = strlen(f->gone);
	int which = -1;

	for (int i = 0; i < SLUGS; i++)
		if (str_eq(v->name, f->sha256[i]))
			which = i;
	if (which >= 0)
		snprintf(f->gone + n, sizeof(f->gone) - n, "%s:%d ",
			 collect_kind_names[v->kind], which);
	else
		snprintf(f->gone + n, sizeof(f->gone) - n, "%s:%s ",
			 collect_kind_names[v->kind], v->name);
}

static void collect(struct fixture *f, bool dry_run)
{
	const struct collect_request req = {
		.dry_run = dry_run, .on_victim = on_victim, .userdata = f,
	};

	f->gone[0] = '\0';
	assert_int_equal(store_collect(f->store, &req, &f->res, NULL), 0);
	assert_int_equal(maker_count(f->dir, "incoming"), 0);
}

static void set_bytes(struct fixture *f, uint64_t high, uint64_t low)
{
	const struct collect_marks marks = {
		.high_bytes = high, .low_bytes = low,
	};

	assert_int_equal(store_set_marks(f->store, &marks, NULL), 0);
}

static uint64_t used_bytes(struct fixture *f)
{
	struct usage_store u;

	assert_int_equal(usage_store(f->store, &u, NULL), 0);
	return u.total.bytes;
}

static bool has_tree(struct fixture *f, int i)
{
	return store_has_tree(f->store, f->sha256[i], NULL) == 0;
}

static bool has_blob(struct fixture *f, int i)
{
	return store_has(f->store, f->sha256[i], NULL, NULL) == 0;
}

static void below_the_high_mark_nothing_goes(void **state)
{
	struct fixture *f = *state;

	collect(f, false);
	assert_string_equal(f->gone, "");
	assert_true(f->res.enough);
	set_bytes(f, used_bytes(f), 1);
	collect(f, false);
	assert_string_equal(f->gone, "");
	assert_true(f->res.enough);
}

static void above_it_the_least_recently_used_go_until_the_low_mark(void **state)
{
	struct fixture *f = *state;
	uint64_t used = used_bytes(f);

	set_bytes(f, used - 1, used - 3 * SLUG_BYTES / 2);
	collect(f, false);
	assert_string_equal(f->gone, "tree:0 tree:1 ");
	assert_int_equal(f->res.counts[COLLECT_TREE], 2);
	assert_true(f->res.enough);
	assert_int_equal(used_bytes(f), used - f->res.bytes);
	assert_true(used_bytes(f) <= used - 3 * SLUG_BYTES / 2);
	assert_false(has_tree(f, 0));
	assert_true(has_blob(f, 0));
	assert_true(has_tree(f, 2));
}

static void trees_go_before_blobs_and_in_the_end_all(void **state)
{
	struct fixture *f = *state;

	set_bytes(f, 1, 1);
	collect(f, false);
	assert_string_equal(f->gone, "tree:0 tree:1 tree:2 "
			    "blob:0 blob:1 blob:2 ");
	assert_false(f->res.enough);	/* directories take space, too */
	assert_int_equal(maker_count(f->dir, "blobs"), 0);
	assert_int_equal(maker_count(f->dir, "trees"), 0);
	assert_int_equal(maker_count(f->dir, "locks"), 0);
}

static void a_lease_makes_a_slug_recent(void **state)
{
	struct fixture *f = *state;
	uint64_t used = used_bytes(f);
	int lease = -1;

	assert_int_equal(store_lease(f->store, f->sha256[0], &lease, NULL), 0);
	fd_close(lease);
	set_bytes(f, used - 1, used - 2 * SLUG_BYTES);
	collect(f, false);
	assert_string_equal(f->gone, "tree:1 tree:2 ");
}

static void an_import_of_the_same_makes_it_recent(void **state)
{
	struct fixture *f = *state;
	auto_close int fd = -1;
	char sha256[SHA256_HEX_MAX];

	assert_int_equal(store_open_blob(f->store, f->sha256[0], &fd, NULL,
					 NULL), 0);
	maker_import(f->store, fd, sha256);
	assert_string_equal(sha256, f->sha256[0]);
	set_bytes(f, used_bytes(f) - 1, 0);
	collect(f, false);
	assert_string_equal(f->gone, "tree:1 ");
}

static void looking_does_not_make_it_recent(void **state)
{
	struct fixture *f = *state;
	struct usage_slug before, after;
	auto_free char *lock = xasprintf("%s/locks/%s", f->dir, f->sha256[0]);

	assert_int_equal(unlink(lock), 0);
	assert_int_equal(usage_slug(f->store, f->sha256[0], &before, NULL), 0);
	assert_int_equal(before.leased_usec, 0);
	collect(f, true);
	assert_int_equal(store_remove(f->store, f->sha256[1], NULL), 0);
	assert_int_equal(store_unpack(f->store, f->sha256[0], NULL), 0);
	assert_int_equal(usage_slug(f->store, f->sha256[0], &after, NULL), 0);
	assert_int_equal(after.leased_usec, 0);
	assert_int_equal(after.used_usec, before.used_usec);
}

static void leased_and_pinned_slugs_never_go(void **state)
{
	struct fixture *f = *state;
	int lease = -1;

	assert_int_equal(store_lease(f->store, f->sha256[0], &lease, NULL), 0);
	age(f, f->sha256[0], 9 * HOUR);
	assert_int_equal(store_pin(f->store, f->sha256[1], true, NULL), 0);
	set_bytes(f, 1, 1);
	collect(f, false);
	assert_string_equal(f->gone, "tree:2 blob:2 ");
	assert_int_equal(f->res.in_use, 1);
	assert_int_equal(f->res.pinned, 1);
	assert_true(has_tree(f, 0) && has_blob(f, 0));
	assert_true(has_tree(f, 1) && has_blob(f, 1));
	fd_close(lease);
	collect(f, false);
	assert_string_equal(f->gone, "tree:0 blob:0 ");
}

/* It was used until now, whenever the lease began. */
static void a_lease_that_is_found_counts_anew(void **state)
{
	struct fixture *f = *state;
	int lease = -1;

	assert_int_equal(store_lease(f->store, f->sha256[0], &lease, NULL), 0);
	age(f, f->sha256[0], 9 * HOUR);
	collect(f, false);
	fd_close(lease);
	set_bytes(f, used_bytes(f) - 1, 0);
	collect(f, false);
	assert_string_equal(f->gone, "tree:1 ");
}

static void a_dry_run_tells_the_same_and_changes_nothing(void **state)
{
	struct fixture *f = *state;
	auto_free char *told = NULL;
	uint64_t used = used_bytes(f), bytes, inodes;

	set_bytes(f, used - 1, used / 4);
	collect(f, true);
	told = xstrdup(f->gone);
	bytes = f->res.bytes;
	inodes = f->res.inodes;
	assert_int_equal(used_bytes(f), used);
	for (int i = 0; i < SLUGS; i++)
		assert_true(has_tree(f, i) && has_blob(f, i));
	collect(f, false);
	assert_string_equal(f->gone, told);
	assert_string_equal(f->gone, "tree:0 tree:1 tree:2 blob:0 blob:1 ");
	assert_int_equal(f->res.bytes, bytes);
	assert_int_equal(f->res.inodes, inodes);
	assert_int_equal(used_bytes(f), used - bytes);
}

static void inodes_have_marks_too(void **state)
{
	struct fixture *f = *state;
	struct usage_store u;
	struct collect_marks marks = { 0 };

	assert_int_equal(usage_store(f->store, &u, NULL), 0);
	marks.high_inodes = u.total.inodes - 1;
	marks.low_inodes = u.total.inodes - 7;
	assert_int_equal(store_set_marks(f->store, &marks, NULL), 0);
	collect(f, false);
	assert_string_equal(f->gone, "tree:0 tree:1 ");
	assert_int_equal(usage_store(f->store, &u, NULL), 0);
	assert_true(u.total.inodes <= marks.low_inodes);
}

static void what_is_wanted_in_addition_counts_as_used(void **state)
{
	struct fixture *f = *state;
	struct collect_request req = { .bytes = SLUG_BYTES };
	uint64_t used = used_bytes(f);

	set_bytes(f, used, 0);
	assert_int_equal(store_collect(f->store, &req, &f->res, NULL), 0);
	assert_int_equal(f->res.counts[COLLECT_TREE], 1);
	assert_true(f->res.fits && f->res.enough);
	/* More than all of its slugs: passes the mark, fits all the same. */
	req.bytes = used + 1;
	req.dry_run = true;
	assert_int_equal(store_collect(f->store, &req, &f->res, NULL), 0);
	assert_true(f->res.fits && !f->res.enough);
	req.bytes = 1ULL << 60;
	assert_int_equal(store_collect(f->store, &req, &f->res, NULL), 0);
	assert_false(f->res.fits);
}

static void put_damaged(struct fixture *f, const char *sha256)
{
	auto_free char *app = xasprintf("%s/damaged/%s-1/app", f->dir, sha256);
	auto_free char *file = xasprintf("%s/x", app);

	assert_int_equal(file_make_dirs(app, 0755, NULL), 0);
	assert_int_equal(file_write_fast(AT_FDCWD, file, "x", 1, 0644, NULL), 0);
}

/* Also those of a slug whose next tree is leased: nobody runs on the old one. */
static void damaged_trees_go_first_the_oldest_before(void **state)
{
	struct fixture *f = *state;
	auto_close int lease = -1;
	auto_free char *both = NULL;

	put_damaged(f, f->sha256[0]);
	usleep(20000);		/* times of a file system tick slowly */
	put_damaged(f, A);
	assert_int_equal(store_lease(f->store, f->sha256[0], &lease, NULL), 0);
	collect(f, false);
	assert_string_equal(f->gone, "");
	set_bytes(f, used_bytes(f) - 1, 0);
	collect(f, true);
	both = xasprintf("damaged:%s-1 ", f->sha256[0]);
	assert_string_equal(f->gone, both);
	set_bytes(f, used_bytes(f) - 1, used_bytes(f) - SLUG_BYTES);
	collect(f, false);
	assert_memory_equal(f->gone, both, strlen(both));
	assert_string_equal(f->gone + strlen(both), "damaged:" A "-1 tree:1 ");
	assert_int_equal(maker_count(f->dir, "damaged"), 0);
}

static void put_partial(struct fixture *f, const char *sha256, uint64_t ago)
{
	auto_free char *path = xasprintf("partial/%s", sha256);
	auto_free char *full = xasprintf("%s/%s", f->dir, path);
	auto_free char *from = xasprintf("%s.from", full);

	assert_int_equal(file_write_fast(AT_FDCWD, full, "x", 1, 0600, NULL), 0);
	assert_int_equal(file_write_fast(AT_FDCWD, from, "v", 1, 0600, NULL), 0);
	set_time(f, path, ago);
}

/* It is called when the slug has left its names and is not yet deleted. */
static void on_victim_die(const struct collect_victim *v, void *userdata)
{
	const enum collect_kind *kind = userdata;

	if (v->kind == *kind)
		kill(getpid(), SIGKILL);
}

static void a_killed_collector_leaves_a_valid_store(void **state)
{
	static const enum collect_kind kinds[] = { COLLECT_TREE, COLLECT_BLOB };
	struct fixture *f = *state;
	auto_free char *name = xasprintf("%s/trees/%s/app/name", f->dir,
					 f->sha256[0]);
	int status;

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		enum collect_kind kind = kinds[i];
		const struct collect_request req = {
			.on_victim = on_victim_die, .userdata = &kind,
		};
		auto_(store_free_p) struct store *next = NULL;
		pid_t pid;

		set_bytes(f, 1, 1);
		pid = fork();
		if (pid == 0)
			_exit(store_collect(f->store, &req, &f->res, NULL));
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		assert_int_equal(maker_count(f->dir, "incoming"), 1);
		assert_false(has_tree(f, 0));
		assert_int_equal(has_blob(f, 0), kind == COLLECT_TREE);
		assert_int_equal(store_open(&next, f->dir, NULL), 0);
		assert_int_equal(maker_count(f->dir, "incoming"), 0);
		set_bytes(f, 0, 0);
		make_slug(f, 0);
		assert_int_equal(access(name, F_OK), 0);
		assert_int_equal(store_verify(next, f->sha256[0], NULL), 0);
	}
}

static void interrupted_downloads_go_when_old_or_in_the_way(void **state)
{
	struct fixture *f = *state;
	auto_free char *b = xasprintf("%s/partial/" B, f->dir);
	auto_close int fd = -1;

	put_partial(f, A, 25 * HOUR);
	put_partial(f, B, 23 * HOUR);
	collect(f, true);
	assert_string_equal(f->gone, "partial:" A " ");
	collect(f, false);
	assert_string_equal(f->gone, "partial:" A " ");
	assert_int_equal(maker_count(f->dir, "partial"), 2);

	/* One at which somebody works stays. */
	fd = open(b, O_RDWR | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	set_bytes(f, used_bytes(f) - 1, 0);
	collect(f, true);
	assert_string_equal(f->gone, "tree:0 ");
	fd = fd_close(fd);
	collect(f, false);
	assert_string_equal(f->gone, "partial:" B " ");
	assert_int_equal(maker_count(f->dir, "partial"), 0);
}

static void locks_of_slugs_that_are_not_there_go(void **state)
{
	struct fixture *f = *state;
	auto_free char *stray = xasprintf("%s/locks/" A, f->dir);

	assert_int_equal(file_write_fast(AT_FDCWD, stray, "", 0, 0644, NULL), 0);
	collect(f, false);
	assert_int_equal(maker_count(f->dir, "locks"), SLUGS);
}

static void half_a_tree_takes_space_and_goes(void **state)
{
	struct fixture *f = *state;
	auto_free char *ok = xasprintf("%s/trees/%s/.ok", f->dir, f->sha256[2]);
	auto_free char *blob = xasprintf("%s/blobs/%s", f->dir, f->sha256[2]);

	assert_int_equal(unlink(ok), 0);
	assert_int_equal(unlink(blob), 0);
	set_bytes(f, 1, 1);
	collect(f, false);
	assert_non_null(strstr(f->gone, "tree:2 "));
	assert_int_equal(maker_count(f->dir, "trees"), 0);
}

/* An image in trees/ is the blob by another name: it goes with it. */
static void an_image_goes_with_its_blob(void **state)
{
	struct fixture *f = *state;
	auto_free char *tree = xasprintf("%s/trees/%s", f->dir, f->sha256[0]);
	auto_free char *blob = xasprintf("%s/blobs/%s", f->dir, f->sha256[0]);
	auto_free char *image = xasprintf("%s/image", tree);
	auto_free char *ok = xasprintf("%s/.ok", tree);
	struct usage_slug u;

	assert_int_equal(file_remove_tree(AT_FDCWD, tree, NULL), 0);
	assert_int_equal(mkdir(tree, 0755), 0);
	assert_int_equal(link(blob, image), 0);
	assert_int_equal(file_write_fast(AT_FDCWD, ok, "", 0, 0644, NULL), 0);
	age(f, f->sha256[0], 5 * HOUR);
	assert_int_equal(usage_slug(f->store, f->sha256[0], &u, NULL), 0);
	assert_true(u.tree.shared >= SLUG_BYTES && u.tree.bytes < SLUG_BYTES);
	set_bytes(f, 1, 1);
	collect(f, false);
	assert_string_equal(f->gone, "tree:1 tree:2 blob:0 blob:1 blob:2 ");
	assert_int_equal(access(image, F_OK), -1);
}

static void marks_that_contradict_each_other_are_errors(void **state)
{
	struct fixture *f = *state;
	const struct collect_marks bad[] = {
		{ .high_bytes = 1, .low_bytes = 2 }, { .low_inodes = 1 },
		{ .high_percent = 50, .low_percent = 60 },
		{ .high_percent = 101 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(store_set_marks(f->store, &bad[i], NULL),
				 -EINVAL);
}

static void usage_is_what_du_says(void **state)
{
	struct fixture *f = *state;
	auto_free char *tree = xasprintf("%s/trees/%s", f->dir, f->sha256[0]);
	struct usage walked, noted;

	/* The first time writes the note, the second reads it. */
	for (int i = 0; i < 2; i++) {
		assert_int_equal(usage_tree(f->store, f->sha256[0], &noted,
					    NULL), 0);
		assert_int_equal(usage_walk(AT_FDCWD, tree, &walked, NULL), 0);
		assert_int_equal(noted.bytes, walked.bytes);
		assert_int_equal(noted.inodes, walked.inodes);
		assert_int_equal(noted.inodes, 6);
	}
}

static void a_note_cut_by_a_power_cut_is_not_believed(void **state)
{
	static const char *const notes[] = { "", "5", "5 1", "x y\n", "5 1\n!" };
	struct fixture *f = *state;
	auto_free char *note = xasprintf("%s/trees/%s/.usage", f->dir,
					 f->sha256[0]);
	struct usage u;

	for (size_t i = 0; i < ARRAY_SIZE(notes); i++) {
		assert_int_equal(file_write_fast(AT_FDCWD, note, notes[i],
						 strlen(notes[i]), 0644, NULL),
				 0);
		assert_int_equal(usage_tree(f->store, f->sha256[0], &u, NULL),
				 0);
		assert_true(u.bytes > SLUG_BYTES);
	}
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(below_the_high_mark_nothing_goes),
		T(above_it_the_least_recently_used_go_until_the_low_mark),
		T(trees_go_before_blobs_and_in_the_end_all),
		T(a_lease_makes_a_slug_recent),
		T(an_import_of_the_same_makes_it_recent),
		T(looking_does_not_make_it_recent),
		T(leased_and_pinned_slugs_never_go),
		T(a_lease_that_is_found_counts_anew),
		T(a_dry_run_tells_the_same_and_changes_nothing),
		T(inodes_have_marks_too),
		T(what_is_wanted_in_addition_counts_as_used),
		T(damaged_trees_go_first_the_oldest_before),
		T(a_killed_collector_leaves_a_valid_store),
		T(interrupted_downloads_go_when_old_or_in_the_way),
		T(locks_of_slugs_that_are_not_there_go),
		T(half_a_tree_takes_space_and_goes),
		T(an_image_goes_with_its_blob),
		T(marks_that_contradict_each_other_are_errors),
		T(usage_is_what_du_says),
		T(a_note_cut_by_a_power_cut_is_not_believed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
