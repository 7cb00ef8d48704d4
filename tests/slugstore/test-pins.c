/*
 * test-pins.c - what is wanted is kept, whoever decides at the same time.
 */
#include "base/error.h"
#include "base/file.h"
#include "base/strv.h"
#include "slugstore/lease.h"
#include "slugstore/store.h"
#include "tests/slugstore/maker.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <setjmp.h>
#include <cmocka.h>

#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define C "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
#define ROUNDS 60

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

static void import_slug(struct fixture *f, char ret[SHA256_HEX_MAX])
{
	int fd = maker_slug();

	maker_import(f->store, fd, ret);
	fd_close(fd);
}

/* What is pinned, as one text. */
static void assert_pins(struct fixture *f, const char *expected)
{
	auto_strv all = STRV_INIT;
	char text[8] = "";

	assert_int_equal(store_pins(f->store, &all, NULL), 0);
	for (size_t i = 0; i < all.n; i++)
		text[i] = all.v[i][0];
	assert_string_equal(text, expected);
}

static void keep_only(struct fixture *f, const char *const *names)
{
	auto_strv wanted = STRV_INIT;

	for (; *names; names++)
		strv_add(&wanted, *names);
	assert_int_equal(store_keep_only(f->store, &wanted, NULL), 0);
}

static void pins_are_listed_sorted_and_twice_is_once(void **state)
{
	struct fixture *f = *state;

	assert_pins(f, "");
	assert_int_equal(store_pin(f->store, B, true, NULL), 0);
	assert_int_equal(store_pin(f->store, A, true, NULL), 0);
	assert_int_equal(store_pin(f->store, A, true, NULL), 0);
	assert_pins(f, "ab");
	assert_int_equal(store_pin(f->store, A, false, NULL), 0);
	assert_int_equal(store_pin(f->store, A, false, NULL), 0);
	assert_pins(f, "b");
}

static void keep_only_makes_the_pins_exactly_those(void **state)
{
	struct fixture *f = *state;

	keep_only(f, (const char *const []){ C, A, A, NULL });
	assert_pins(f, "ac");
	keep_only(f, (const char *const []){ B, C, NULL });
	assert_pins(f, "bc");
	keep_only(f, (const char *const []){ B, C, NULL });
	assert_pins(f, "bc");
	keep_only(f, (const char *const []){ NULL });
	assert_pins(f, "");
}

static void one_bad_name_changes_nothing(void **state)
{
	struct fixture *f = *state;
	auto_strv wanted = STRV_INIT;
	struct error e;

	assert_int_equal(store_pin(f->store, A, true, NULL), 0);
	strv_add(&wanted, B);
	strv_add(&wanted, "../blobs");
	assert_int_equal(store_keep_only(f->store, &wanted, &e), -EINVAL);
	assert_int_equal(store_pin(f->store, "x", true, &e), -EINVAL);
	assert_pins(f, "a");
}

static void a_pinned_slug_is_not_removed(void **state)
{
	struct fixture *f = *state;
	char sha256[SHA256_HEX_MAX];
	struct error e;

	import_slug(f, sha256);
	assert_int_equal(store_pin(f->store, sha256, true, NULL), 0);
	assert_int_equal(store_remove(f->store, sha256, &e), -EBUSY);
	assert_non_null(strstr(e.msg, "pinned"));
	assert_int_equal(store_has(f->store, sha256, NULL, NULL), 0);
	assert_int_equal(store_pin(f->store, sha256, false, NULL), 0);
	assert_int_equal(store_remove(f->store, sha256, NULL), 0);
	assert_int_equal(maker_count(f->dir, "locks"), 0);
	assert_int_equal(maker_count(f->dir, "incoming"), 0);
}

static void remove_until_killed(struct fixture *f, const char *sha256)
{
	for (;;)
		store_remove(f->store, sha256, NULL);
}

/* If it is there once it is pinned, it stays; if not, it was gone before. */
static void a_pin_wins_over_a_remover_that_is_at_it(void **state)
{
	struct fixture *f = *state;
	char sha256[SHA256_HEX_MAX];
	int status, kept = 0;
	pid_t pid;

	import_slug(f, sha256);
	pid = fork();
	if (pid == 0)
		remove_until_killed(f, sha256);
	for (int i = 0; i < ROUNDS; i++) {
		import_slug(f, sha256);
		assert_int_equal(store_pin(f->store, sha256, true, NULL), 0);
		if (store_has(f->store, sha256, NULL, NULL) == 0) {
			kept++;
			usleep(2000);
			assert_int_equal(store_has(f->store, sha256, NULL, NULL),
					 0);
		}
		assert_int_equal(store_pin(f->store, sha256, false, NULL), 0);
	}
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	print_message("kept %d of %d\n", kept, ROUNDS);
}

/* The remover has the slug and waits for the pins, which we hold: a pin made
 * meanwhile is seen. */
static void a_remover_looks_for_the_pin_under_the_lock_of_pins(void **state)
{
	struct fixture *f = *state;
	auto_free char *pins = xasprintf("%s/pins", f->dir);
	auto_free char *pin = NULL;
	auto_close int pins_fd = open(pins, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	enum lease_state lease = LEASE_FREE;
	char sha256[SHA256_HEX_MAX];
	uint64_t usec;
	int status;
	pid_t pid;

	import_slug(f, sha256);
	assert_int_equal(flock(pins_fd, LOCK_EX), 0);
	pid = fork();
	if (pid == 0) {
		struct error e;
		int r;

		fd_close(pins_fd);
		alarm(60);
		do		/* whoever looks at the lease holds it for a blink */
			r = store_remove(f->store, sha256, &e);
		while (r == -EBUSY && !strstr(e.msg, "pinned"));
		_exit(r == -EBUSY ? 0 : 1);
	}
	while (lease != LEASE_CHANGING && waitpid(pid, &status, WNOHANG) == 0)
		assert_int_equal(lease_look(f->store, sha256, &lease, &usec,
					    NULL), 0);
	assert_int_equal(lease, LEASE_CHANGING);
	pin = xasprintf("%s/%s", pins, sha256);
	assert_int_equal(file_write_fast(AT_FDCWD, pin, "", 0, 0644, NULL), 0);
	assert_int_equal(flock(pins_fd, LOCK_UN), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(store_has(f->store, sha256, NULL, NULL), 0);
}

/* A slug of both sets is pinned at every moment in between. */
static void no_pin_is_lost_while_others_change(void **state)
{
	struct fixture *f = *state;
	auto_free char *pin = xasprintf("%s/pins/" B, f->dir);
	int status;
	pid_t pid;

	keep_only(f, (const char *const []){ A, B, NULL });
	pid = fork();
	if (pid == 0) {
		for (int i = 0; i < ROUNDS; i++) {
			keep_only(f, (const char *const []){ B, C, NULL });
			keep_only(f, (const char *const []){ A, B, NULL });
		}
		_exit(0);
	}
	do {
		assert_int_equal(access(pin, F_OK), 0);
	} while (waitpid(pid, &status, WNOHANG) == 0);
	assert_int_equal(status, 0);
	assert_pins(f, "ab");
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(pins_are_listed_sorted_and_twice_is_once),
		T(keep_only_makes_the_pins_exactly_those),
		T(one_bad_name_changes_nothing),
		T(a_pinned_slug_is_not_removed),
		T(a_pin_wins_over_a_remover_that_is_at_it),
		T(a_remover_looks_for_the_pin_under_the_lock_of_pins),
		T(no_pin_is_lost_while_others_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
