/*
 * test-record.c - the record of a dyno on disk, and the slots of user ids.
 */
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "base/strv.h"
#include "runtime/idmap.h"
#include "runtime/init.h"
#include "runtime/record.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdio.h>
#include <sys/stat.h>
#include <cmocka.h>

#define UUID "00112233-4455-4677-8899-aabbccddeeff"
#define GOOD "uuid=" UUID "\nslot=7\naddress=172.16.0.9\nstdio=pty\n" \
	"started_usec=1700000000000000\npid=4711\nstart_ticks=99\n"

static int dir_make(void **state)
{
	static char path[] = "/tmp/test-record-XXXXXX";

	strncpy(path, "/tmp/test-record-XXXXXX", sizeof(path));
	*state = mkdtemp(path);
	return *state ? 0 : -1;
}

static int dir_remove(void **state)
{
	return file_remove_tree(AT_FDCWD, *state, NULL);
}

static struct record record_good(void)
{
	struct record r;
	struct error e;

	assert_int_equal(record_parse(&r, GOOD, &e), 0);
	return r;
}

static void text_and_record_are_the_same(void **state)
{
	struct record r = record_good();
	char text[1024];

	assert_string_equal(r.uuid, UUID);
	assert_int_equal(r.slot, 7);
	assert_int_equal(r.address.s_addr, inet_addr("172.16.0.9"));
	assert_int_equal(r.stdio, DYNO_STDIO_PTY);
	assert_int_equal(r.pid, 4711);
	assert_int_equal(r.start_ticks, 99);
	record_text(&r, text, sizeof(text));
	assert_string_equal(text, GOOD);
}

static void anything_else_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"uuid=" UUID "\n",
		GOOD "pid=1\n",
		GOOD "colour=red\n",
		GOOD "no equals sign\n",
		GOOD "slot",
		"uuid=../../x\nslot=7\naddress=172.16.0.9\nstdio=pty\n"
		"started_usec=1\npid=4711\nstart_ticks=99\n",
		"uuid=" UUID "\nslot=-1\naddress=172.16.0.9\nstdio=pty\n"
		"started_usec=1\npid=4711\nstart_ticks=99\n",
		"uuid=" UUID "\nslot=7\naddress=172.16.0\nstdio=pty\n"
		"started_usec=1\npid=4711\nstart_ticks=99\n",
		"uuid=" UUID "\nslot=7\naddress=172.16.0.9\nstdio=tape\n"
		"started_usec=1\npid=4711\nstart_ticks=99\n",
		"uuid=" UUID "\nslot=7\naddress=172.16.0.9\nstdio=log\n"
		"started_usec=99999999999999999999\npid=4711\nstart_ticks=99\n",
		"uuid=" UUID "\nslot=7\naddress=172.16.0.9\nstdio=log\n"
		"started_usec=1\npid=4294967297\nstart_ticks=99\n",
		"uuid=" UUID "\nslot=7\naddress=172.16.0.9\nstdio=log\n"
		"started_usec=1\npid= 5\nstart_ticks=99\n",
	};
	struct record r;
	struct error e;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(record_parse(&r, bad[i], &e), -EBADMSG);
}

static void a_record_is_made_once_listed_and_removed(void **state)
{
	auto_close int dir = open(*state, O_RDONLY | O_DIRECTORY), fd = -1;
	auto_strv list = STRV_INIT, none = STRV_INIT;
	struct record r = record_good(), back;
	struct error e;

	assert_int_equal(record_create(dir, &r, &fd, &e), 0);
	assert_int_equal(record_create(dir, &r, &fd, &e), -EEXIST);
	r.pid = 12;
	assert_int_equal(record_update(dir, &r, &e), 0);
	assert_int_equal(record_load(dir, UUID, &back, &e), 0);
	assert_int_equal(back.pid, 12);
	assert_int_equal(mkdirat(dir, "not-a-uuid", 0755), 0);
	assert_int_equal(record_list(dir, &list, &e), 0);
	assert_int_equal(list.n, 1);
	assert_string_equal(list.v[0], UUID);
	assert_int_equal(record_remove(dir, UUID, &e), 0);
	assert_int_equal(record_remove(dir, UUID, &e), 0);
	assert_int_equal(record_list(dir, &none, &e), 0);
	assert_int_equal(none.n, 0);
	assert_int_equal(record_load(dir, UUID, &back, &e), -ENOENT);
}

static void a_record_of_another_is_not_believed(void **state)
{
	auto_close int dir = open(*state, O_RDONLY | O_DIRECTORY);
	static const char other[] = "ffffffff-4455-4677-8899-aabbccddeeff";
	struct record back;
	struct error e;

	assert_int_equal(mkdirat(dir, other, 0700), 0);
	assert_int_equal(file_write_fast(dir,
		"ffffffff-4455-4677-8899-aabbccddeeff/record", GOOD,
		strlen(GOOD), 0600, &e), 0);
	assert_int_equal(record_load(dir, other, &back, &e), -EBADMSG);
}

static void only_a_whole_exit_record_counts(void **state)
{
	struct init_exit x = { .magic = INIT_EXIT_MAGIC, .status = 137, .signal = 9 };
	auto_close int dir = open(*state, O_RDONLY | O_DIRECTORY), fd = -1;
	struct record r = record_good();
	struct init_exit back;
	struct error e;

	assert_int_equal(record_exit(dir, UUID, &back, &e), RECORD_NO_EXIT);
	assert_int_equal(record_create(dir, &r, &fd, &e), 0);
	assert_int_equal(record_exit(dir, UUID, &back, &e), RECORD_NO_EXIT);
	assert_int_equal(pwrite(fd, &x, sizeof(x) - 1, 0), sizeof(x) - 1);
	assert_int_equal(record_exit(dir, UUID, &back, &e), RECORD_NO_EXIT);
	assert_int_equal(pwrite(fd, &x, sizeof(x), 0), sizeof(x));
	assert_int_equal(record_exit(dir, UUID, &back, &e), 0);
	assert_int_equal(back.status, 137);
	x.status = 1000;
	assert_int_equal(pwrite(fd, &x, sizeof(x), 0), sizeof(x));
	assert_int_equal(record_exit(dir, UUID, &back, &e), RECORD_NO_EXIT);
}

static void slots_are_taken_once_and_zero_never(void **state)
{
	struct idmap *m = xcalloc(1, sizeof(*m));
	struct error e;
	unsigned slot;

	idmap_init(m, 2);
	idmap_mark(m, 2);
	assert_int_equal(idmap_take(m, &slot, &e), 0);
	assert_int_equal(slot, 1);
	assert_int_equal(idmap_id(m, slot), 0x10000000 + 2 * 0x2000000 + 65536);
	assert_int_equal(idmap_take(m, &slot, &e), 0);
	assert_int_equal(slot, 3);
	idmap_release(m, 1);
	idmap_release(m, 0);
	assert_int_equal(idmap_take(m, &slot, &e), 0);
	assert_int_equal(slot, 1);
	for (unsigned i = 4; i < IDMAP_SLOTS; i++)
		assert_int_equal(idmap_take(m, &slot, &e), 0);
	assert_int_equal(slot, IDMAP_SLOTS - 1);
	assert_int_equal(idmap_take(m, &slot, &e), -EAGAIN);
	idmap_deinit(m);
	free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_and_record_are_the_same),
		cmocka_unit_test(anything_else_is_refused),
		cmocka_unit_test_setup_teardown(a_record_is_made_once_listed_and_removed,
						dir_make, dir_remove),
		cmocka_unit_test_setup_teardown(a_record_of_another_is_not_believed,
						dir_make, dir_remove),
		cmocka_unit_test_setup_teardown(only_a_whole_exit_record_counts,
						dir_make, dir_remove),
		cmocka_unit_test(slots_are_taken_once_and_zero_never),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
