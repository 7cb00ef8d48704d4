/* The directory of a container: its state, its lock, its names. */
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "base/process.h"
#include "base/strv.h"
#include "runtime/oci/container.h"
#include "runtime/oci/container_state.h"
#include "tests/base/directory.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/wait.h>

#include <setjmp.h>
#include <cmocka.h>

static char *root_of(const char *dir)
{
	return xasprintf("%s/root", dir);
}

static void fill(struct container *c)
{
	c->bundle = xstrdup("/srv/b \"1\"\n");
	c->rootfs = xstrdup("/srv/b/rootfs");
	c->cgroup = xstrdup("/dynorun/x");
	c->pid = 4711;
	c->start_ticks = 123456789012ULL;
	c->owner = 1000;
	c->started = true;
}

static void what_is_saved_is_read_again(void **state)
{
	const char *dir = *state;
	auto_free char *root = root_of(dir);
	auto_(container_deinit) struct container a = CONTAINER_INIT;
	auto_(container_deinit) struct container b = CONTAINER_INIT;
	struct error e;

	assert_int_equal(container_new(&a, root, "x", &e), 0);
	fill(&a);
	assert_int_equal(container_save(&a, &e), 0);
	assert_int_equal(container_read(&b, root, "x", &e), 0);
	assert_string_equal(b.id, "x");
	assert_string_equal(b.bundle, a.bundle);
	assert_string_equal(b.rootfs, a.rootfs);
	assert_string_equal(b.cgroup, a.cgroup);
	assert_int_equal(b.pid, 4711);
	assert_true(b.start_ticks == a.start_ticks);
	assert_true(b.created_usec == a.created_usec && a.created_usec > 0);
	assert_int_equal(b.owner, 1000);
	assert_true(b.started);
	assert_false(b.systemd_cgroup);
	assert_int_equal(container_forget(&a, &e), 0);
	assert_int_equal(container_read(&b, root, "x", &e), -ENOENT);
	assert_string_equal(e.msg, "container x does not exist");
}

static void names_that_lead_elsewhere_are_refused(void **state)
{
	static const char *const bad[] = {
		"", ".", "..", "a/b", "../x", "a b", "a\n", "\xc3\xa4", "a\"b", "*",
	};
	const char *dir = *state;
	auto_free char *root = root_of(dir);
	struct container c = CONTAINER_INIT;
	char lengthy[CONTAINER_ID_MAX + 2];
	struct error e;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(container_new(&c, root, bad[i], &e), -EINVAL);
		assert_int_equal(container_open(&c, root, bad[i], &e), -EINVAL);
	}
	memset(lengthy, 'x', sizeof(lengthy));
	lengthy[sizeof(lengthy) - 1] = '\0';
	assert_int_equal(container_new(&c, root, lengthy, &e), -EINVAL);
	lengthy[CONTAINER_ID_MAX] = '\0';
	assert_int_equal(container_new(&c, root, lengthy, &e), 0);
	container_deinit(&c);
}

static void one_of_two_creators_wins(void **state)
{
	const char *dir = *state;
	auto_free char *root = root_of(dir);
	struct container c = CONTAINER_INIT;
	int status, winners = 0;
	pid_t pids[8];

	for (int i = 0; i < 8; i++) {
		pids[i] = fork();
		if (pids[i] == 0)
			_exit(container_new(&c, root, "same", NULL) == 0 ? 0 :
			      1);
	}
	for (int i = 0; i < 8; i++) {
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		winners += status == 0;
	}
	assert_int_equal(winners, 1);
}

static void readers_do_not_wait_for_a_lock(void **state)
{
	const char *dir = *state;
	auto_free char *root = root_of(dir);
	auto_(container_deinit) struct container a = CONTAINER_INIT;
	auto_(container_deinit) struct container b = CONTAINER_INIT;

	assert_int_equal(container_new(&a, root, "x", NULL), 0);
	assert_int_equal(container_read(&b, root, "x", NULL), 0);
	assert_int_equal(container_status(&b), CONTAINER_CREATING);
	assert_int_equal(flock(b.dir_fd, LOCK_EX | LOCK_NB), -1);
	container_unlock(&a);
	assert_int_equal(flock(b.dir_fd, LOCK_EX | LOCK_NB), 0);
}

static void containers_are_listed_in_order(void **state)
{
	static const char *const ids[] = { "b", "a-2", "C" };
	const char *dir = *state;
	auto_free char *root = root_of(dir);
	auto_free char *file = xasprintf("%s/afile", root);
	auto_free char *odd = xasprintf("%s/no id", root);
	auto_strv found = STRV_INIT;
	struct container c;

	assert_int_equal(container_list(root, &found, NULL), 0);
	assert_int_equal(found.n, 0);
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		assert_int_equal(container_new(&c, root, ids[i], NULL), 0);
		container_deinit(&c);
	}
	assert_int_equal(mkdir(odd, 0700), 0);
	assert_int_equal(file_write_fast(AT_FDCWD, file, "", 0, 0600, NULL), 0);
	assert_int_equal(container_list(root, &found, NULL), 0);
	assert_int_equal(found.n, 3);
	assert_string_equal(found.v[0], "C");
	assert_string_equal(found.v[1], "a-2");
	assert_string_equal(found.v[2], "b");
}

#define GOOD_HEAD "{\"id\":\"x\",\"bundle\":\"/b\",\"rootfs\":\"/b/r\","
#define GOOD_TAIL "\"startTicks\":1,\"createdUsec\":2,\"owner\":0," \
	"\"cgroup\":null,\"systemdCgroup\":false,\"started\":false}"
#define GOOD GOOD_HEAD "\"pid\":7," GOOD_TAIL

static int parse(const char *text, size_t n)
{
	struct container c = CONTAINER_INIT;
	struct error e = { 0 };
	int r;

	c.id = xstrdup("x");
	r = container_state_parse(&c, text, n, &e);
	assert_true((r < 0) == (e.code != 0));
	container_deinit(&c);
	return r;
}

static void only_what_we_wrote_is_taken(void **state)
{
	static const char *const bad[] = {
		"", "null", "[]", "{}", "{\"id\":\"x\"}", "not json",
		GOOD "x", GOOD GOOD,
		GOOD_HEAD "\"pid\":-1," GOOD_TAIL,
		GOOD_HEAD "\"pid\":1," GOOD_TAIL,
		GOOD_HEAD "\"pid\":4294967297," GOOD_TAIL,
		GOOD_HEAD "\"pid\":99999999999999999999," GOOD_TAIL,
		GOOD_HEAD "\"pid\":\"7\"," GOOD_TAIL,
		GOOD_HEAD "\"pid\":7.0," GOOD_TAIL,
		GOOD_HEAD "\"pid\":7,\"pid\":8," GOOD_TAIL,
		GOOD_HEAD "\"pid\":7,\"more\":8," GOOD_TAIL,
		"{\"id\":\"y\",\"bundle\":\"/b\",\"rootfs\":\"/b\",\"pid\":7,"
			GOOD_TAIL,
		"{\"id\":\"x\",\"bundle\":\"b\",\"rootfs\":\"/b\",\"pid\":7,"
			GOOD_TAIL,
		"{\"id\":\"x\",\"bundle\":[],\"rootfs\":\"/b\",\"pid\":7,"
			GOOD_TAIL,
		GOOD_HEAD "\"pid\":7,\"startTicks\":1,\"createdUsec\":2,"
			"\"owner\":0,\"cgroup\":\"/a/../../b\","
			"\"systemdCgroup\":false,\"started\":false}",
		GOOD_HEAD "\"pid\":7,\"startTicks\":1,\"createdUsec\":2,"
			"\"owner\":0,\"cgroup\":\"/a\",\"systemdCgroup\":0,"
			"\"started\":false}",
	};
	auto_free char *huge = xcalloc(1, CONTAINER_STATE_MAX + 2);
	static const char good[] = GOOD;

	assert_int_equal(parse(good, sizeof(good) - 1), 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (parse(bad[i], strlen(bad[i])) == 0)
			fail_msg("taken: %s", bad[i]);
	for (size_t n = 0; n < sizeof(good) - 1; n++)
		assert_true(parse(good, n) < 0);
	memset(huge, ' ', CONTAINER_STATE_MAX + 1);
	memcpy(huge, good, sizeof(good) - 1);
	assert_true(parse(huge, CONTAINER_STATE_MAX + 1) < 0);
	assert_int_equal(parse(huge, CONTAINER_STATE_MAX), 0);
	/* No byte of it can be changed into something that crashes us. */
	for (size_t i = 0; i < sizeof(good) - 1; i++)
		for (int x = 0; x < 256; x += 5) {
			huge[i] = (char)x;
			parse(huge, sizeof(good) - 1);
			huge[i] = good[i];
		}
}

static void a_path_that_is_no_text_is_refused(void **state)
{
	auto_(container_deinit) struct container c = CONTAINER_INIT;
	struct error e;
	char *text;

	c.id = xstrdup("x");
	c.bundle = xstrdup("/srv/\xff");
	assert_int_equal(container_state_format(&c, &text, &e), -EILSEQ);
	assert_string_equal(e.msg, "the bundle of container x is no UTF-8");
}

static void a_process_is_known_by_its_start(void **state)
{
	auto_(container_deinit) struct container c = CONTAINER_INIT;
	siginfo_t si;
	int p[2];

	assert_int_equal(container_status(&c), CONTAINER_CREATING);
	assert_int_equal(pipe(p), 0);
	c.pid = fork();
	if (c.pid == 0) {
		close(p[1]);
		_exit(read(p[0], &si, 1) == 0 ? 0 : 1);
	}
	assert_int_equal(process_start_time(c.pid, &c.start_ticks, NULL), 0);
	assert_int_equal(container_status(&c), CONTAINER_CREATED);
	c.started = true;
	assert_int_equal(container_status(&c), CONTAINER_RUNNING);
	c.start_ticks++;
	assert_int_equal(container_status(&c), CONTAINER_STOPPED);
	c.start_ticks--;
	close(p[1]);
	assert_int_equal(waitid(P_PID, (id_t)c.pid, &si, WEXITED | WNOWAIT), 0);
	assert_int_equal(container_status(&c), CONTAINER_STOPPED);	/* zombie */
	assert_int_equal(waitpid(c.pid, NULL, 0), c.pid);
	assert_int_equal(container_status(&c), CONTAINER_STOPPED);
	close(p[0]);
}

static void every_status_has_its_name(void **state)
{
	assert_string_equal(container_status_name(CONTAINER_CREATING), "creating");
	assert_string_equal(container_status_name(CONTAINER_CREATED), "created");
	assert_string_equal(container_status_name(CONTAINER_RUNNING), "running");
	assert_string_equal(container_status_name(CONTAINER_PAUSED), "paused");
	assert_string_equal(container_status_name(CONTAINER_STOPPED), "stopped");
}

static void the_state_document_has_all_that_the_specification_wants(void **state)
{
	const struct resources_pair pair = { "k", "v\"" };
	const struct oci oci = { .annotations = &pair, .n_annotations = 1 };
	auto_(container_deinit) struct container c = CONTAINER_INIT;
	auto_free char *text = NULL;

	c.id = xstrdup("x");
	c.bundle = xstrdup("/b");
	c.created_usec = 1700000000000001ULL;
	text = container_state_text(&c, &oci, CONTAINER_CREATING, 9);
	assert_string_equal(text,
		"{\n  \"ociVersion\": \"" OCI_VERSION "\",\n  \"id\": \"x\",\n"
		"  \"pid\": 9,\n  \"status\": \"creating\",\n"
		"  \"bundle\": \"/b\",\n  \"rootfs\": \"\",\n"
		"  \"created\": \"2023-11-14T22:13:20.000001Z\",\n"
		"  \"annotations\": {\n    \"k\": \"v\\\"\"\n  }\n}");
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, directory_setup, \
	directory_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_saved_is_read_again),
		TEST(names_that_lead_elsewhere_are_refused),
		TEST(one_of_two_creators_wins),
		TEST(readers_do_not_wait_for_a_lock),
		TEST(containers_are_listed_in_order),
		cmocka_unit_test(only_what_we_wrote_is_taken),
		cmocka_unit_test(a_path_that_is_no_text_is_refused),
		cmocka_unit_test(a_process_is_known_by_its_start),
		cmocka_unit_test(every_status_has_its_name),
		cmocka_unit_test(the_state_document_has_all_that_the_specification_wants),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
