#include "base/error.h"
#include "base/strv.h"
#include "manager/model/assignment.h"
#include "manager/model/desired.h"

#include <setjmp.h>
#include <cmocka.h>

#define SHA "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define WEB "{\"Type\":\"web\",\"Args\":[\"run\",\"it's\",\"$X\"],\"Quantity\":2}"

static struct assignment_list parsed(const char *text)
{
	struct assignment_list l;
	struct error e;

	assert_int_equal(desired_parse(&l, text, strlen(text), 7, &e), 0);
	assert_int_equal(l.revision, 7);
	return l;
}

static void a_description_of_an_app_becomes_its_dynos(void **state)
{
	struct assignment_list l = parsed("{\"App\":\"a\",\"Version\":3,\"Env\":{\"K\":"
		"\"v\"},\"Slug\":\"" SHA "\",\"SlugURL\":\"http://x/y\",\"Processes\":["
		WEB ",{\"Type\":\"worker\",\"Args\":[\"w\"],\"Quantity\":0}]}");

	assert_int_equal(l.n, 2);
	assert_string_equal(l.items[1]->name, "web.2");
	assert_string_equal(l.items[1]->command, "exec 'run' 'it'\\''s' '$X'");
	assert_string_equal(l.items[1]->slug, SHA);
	assert_string_equal(l.items[1]->slug_path, "http://x/y");
	assert_string_equal(l.items[1]->env.v[0], "K=v");
	assert_int_equal(l.items[1]->release, 3);
	assert_string_equal(l.items[0]->app_id, l.items[1]->app_id);
	assert_string_not_equal(l.items[0]->id, l.items[1]->id);
	assignment_list_deinit(&l);
}

static void the_same_process_keeps_its_id_and_a_release_gives_another(void **state)
{
	struct assignment_list one = parsed("{\"Version\":1,\"Processes\":[" WEB "]}");
	struct assignment_list more = parsed("{\"Version\":1,\"Processes\":[{\"Type\":"
		"\"x\",\"Args\":[\"x\"]}," WEB "]}");
	struct assignment_list next = parsed("{\"Version\":2,\"Processes\":[" WEB "]}");

	assert_string_equal(one.items[0]->id, more.items[1]->id);
	assert_string_equal(one.items[1]->id, more.items[2]->id);
	assert_string_not_equal(one.items[0]->id, next.items[0]->id);
	assignment_list_deinit(&one);
	assignment_list_deinit(&more);
	assignment_list_deinit(&next);
}

static void nothing_is_a_list_too(void **state)
{
	struct assignment_list l = parsed("[]");

	assert_int_equal(l.n, 0);
	assignment_list_deinit(&l);
	l = parsed("{\"assignments\":[]}");
	assert_int_equal(l.n, 0);
	assignment_list_deinit(&l);
}

static void what_is_wrong_in_part_is_refused_as_a_whole(void **state)
{
	static const char *const bad[] = {
		"", "{", "1", "{}", "[1]", "[{\"id\":\"x\"}]", "{\"Processes\":[{}]}",
		"{\"Processes\":[" WEB ",{\"Type\":\"a\",\"Args\":[1]}]}",
		"{\"Processes\":[{\"Type\":\"a b\",\"Args\":[\"x\"]}]}",
		"{\"Processes\":[" WEB "," WEB "]}",
		"{\"Processes\":[{\"Type\":\"a\",\"Args\":[\"x\"],\"Quantity\":501}]}",
		"{\"Slug\":\"path.tgz\",\"Processes\":[" WEB "]}",
		"{\"Slug\":\"" SHA "\",\"SlugURL\":\"ftp://x\",\"Processes\":[" WEB "]}",
		"[{\"attach\":{}}]",
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct assignment_list l;
		struct error e = { 0 };

		assert_true(desired_parse(&l, bad[i], strlen(bad[i]), 1, &e) < 0);
		assert_true(e.msg[0]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_description_of_an_app_becomes_its_dynos),
		cmocka_unit_test(the_same_process_keeps_its_id_and_a_release_gives_another),
		cmocka_unit_test(nothing_is_a_list_too),
		cmocka_unit_test(what_is_wrong_in_part_is_refused_as_a_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
