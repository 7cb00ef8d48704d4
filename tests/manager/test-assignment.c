#include "base/buf.h"
#include "base/error.h"
#include "manager/limits.h"
#include "manager/model/assignment.h"

#include <setjmp.h>
#include <cmocka.h>

#define ID "0f8a4e9c-3a55-4c1e-9f2d-5b1c7c1b2a01"
#define SHA "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const char full[] =
	"{\"id\": \"" ID "\", \"name\": \"web.1\", \"type\": \"web\", \"future\": 1,"
	" \"kind\": \"formation\", \"app\": {\"id\": \"" ID "\", \"name\": \"myapp\"},"
	" \"release\": {\"id\": \"" ID "\", \"version\": 7},"
	" \"slug\": {\"sha256\": \"" SHA "\", \"size\": 3, \"path\": \"/upstream/v1/slugs/x\"},"
	" \"command\": \"node server.js\", \"env\": {\"A\": \"b=c\", \"E\": \"\"},"
	" \"size\": \"Standard-1X\", \"memory\": 536870912, \"memory_max\": 1073741824,"
	" \"pids\": 256, \"cpu_shares\": 1024, \"cpus\": 1,"
	" \"attach\": null, \"time_to_live\": null}";

static json_t *parse(const char *text)
{
	json_t *j = json_loads(text, 0, NULL);

	assert_non_null(j);
	return j;
}

static void every_member_is_read(void **state)
{
	auto_(assignment_unref_p) struct assignment *a = NULL;
	auto_json *j = parse(full);
	struct error e;

	assert_int_equal(assignment_new(&a, j, &e), 0);
	assert_string_equal(a->id, ID);
	assert_string_equal(a->name, "web.1");
	assert_int_equal(a->kind, DYNO_FORMATION);
	assert_string_equal(a->app_name, "myapp");
	assert_int_equal(a->release, 7);
	assert_string_equal(a->slug, SHA);
	assert_string_equal(a->slug_path, "/upstream/v1/slugs/x");
	assert_string_equal(a->command, "node server.js");
	assert_string_equal(strv_getenv(&a->env, "A"), "b=c");
	assert_string_equal(strv_getenv(&a->env, "E"), "");
	assert_int_equal(a->memory_max, 1073741824);
	assert_int_equal(a->time_to_live, 0);
	assert_true(assignment_is_web(a));
}

/* Reads the full one with one member replaced; "null" takes it away. */
static int with(const char *key, const char *value, struct assignment **ret,
		struct error *e)
{
	auto_json *j = parse(full);

	json_object_set_new(j, key, json_loads(value, JSON_DECODE_ANY, NULL));
	return assignment_new(ret, j, e);
}

static void refused(const char *key, const char *value, const char *says)
{
	struct assignment *a = NULL;
	struct error e = { 0 };

	assert_true(with(key, value, &a, &e) < 0);
	assert_null(a);
	if (!strstr(e.msg, says))
		fail_msg("\"%s\" does not say \"%s\"", e.msg, says);
}

static void what_is_wrong_is_named(void **state)
{
	refused("id", "\"x\"", "id");
	refused("id", "null", "id");
	refused("name", "\"web 1\"", "name");
	refused("name", "\"web\"", "name");
	refused("name", "\"../x.1\"", "name");
	refused("type", "\"w\\n\"", "type");
	refused("kind", "\"cron\"", "kind");
	refused("app", "{}", "app");
	refused("app", "{\"id\": \"1 2\"}", "app.id");
	refused("command", "7", "command");
	refused("slug", "{\"sha256\": \"../../etc\", \"path\": \"/x\"}", "slug");
	refused("slug", "{\"sha256\": \"" SHA "\", \"path\": \"x\"}", "slug.path");
	refused("env", "{\"A\": 1}", "env.A");
	refused("env", "{\"A=B\": \"\"}", "env");
	refused("env", "{\"\": \"\"}", "env");
	refused("memory", "1", "memory");
	refused("memory_max", "4194304", "memory_max");
	refused("pids", "0", "pids");
	refused("attach", "{\"rows\": 70000}", "attach");
	refused("time_to_live", "-1", "time_to_live");
}

static void egress_is_one_of_three_words_or_the_internet(void **state)
{
	static const struct {
		const char *value;
		enum dyno_egress egress;
	} cases[] = {
		{ "null", DYNO_EGRESS_INTERNET },
		{ "\"internet\"", DYNO_EGRESS_INTERNET },
		{ "\"allowed\"", DYNO_EGRESS_ALLOWED },
		{ "\"none\"", DYNO_EGRESS_NONE },
	};
	struct error e;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_(assignment_unref_p) struct assignment *a = NULL;

		assert_int_equal(with("egress", cases[i].value, &a, &e), 0);
		assert_int_equal(a->egress, cases[i].egress);
	}
	auto_(assignment_unref_p) struct assignment *none = NULL;

	assert_int_equal(with("egress", "\"all\"", &none, &e), -EINVAL);
	assert_non_null(strstr(e.msg, "egress: unknown"));
}

static void a_value_with_a_nul_is_refused(void **state)
{
	auto_json *j = parse(full);
	struct assignment *a = NULL;
	json_t *env = json_object();
	struct error e;

	json_object_set_new(env, "A", json_stringn("a\0b", 3));
	json_object_set_new(j, "env", env);
	assert_true(assignment_new(&a, j, &e) < 0);
}

static void too_much_environment_is_refused(void **state)
{
	auto_json *j = parse(full);
	auto_free char *big = xmalloc(ENV_MAX + 1);
	struct assignment *a = NULL;
	struct error e;

	memset(big, 'x', ENV_MAX);
	big[ENV_MAX] = '\0';
	json_object_set_new(json_object_get(j, "env"), "BIG", json_string(big));
	assert_int_equal(assignment_new(&a, j, &e), -E2BIG);
}

static void one_offs_come_in_two_kinds(void **state)
{
	auto_(assignment_unref_p) struct assignment *a = NULL;
	auto_json *j = parse(full);
	struct error e;

	json_object_set_new(j, "kind", json_string("run"));
	assert_int_equal(assignment_new(&a, j, &e), 0);
	assert_int_equal(a->kind, DYNO_ONEOFF);
	assert_false(assignment_is_web(a));
	a = assignment_unref(a);
	json_object_set_new(j, "attach", parse("{\"tty\": true, \"rows\": 24, \"cols\": 80}"));
	assert_int_equal(assignment_new(&a, j, &e), 0);
	assert_int_equal(a->kind, DYNO_ATTACHED);
	assert_true(a->tty);
	assert_int_equal(a->cols, 80);
}

static void count(const char *what, void *userdata)
{
	assert_non_null(strstr(what, "assignment of"));
	++*(int *)userdata;
}

static void a_bad_entry_does_not_harm_the_others(void **state)
{
	auto_json *body = json_object(), *good = parse(full), *bad = parse(full);
	struct assignment_list l;
	json_t *array = json_array();
	struct error e;
	int told = 0;

	json_object_set_new(bad, "id", json_string("nonsense"));
	json_array_append(array, bad);
	json_array_append(array, good);
	json_array_append(array, good);			/* the id again */
	json_array_append_new(array, json_integer(1));
	json_object_set_new(body, "revision", json_integer(12));
	json_object_set_new(body, "assignments", array);
	assert_int_equal(assignment_list_parse(&l, body, count, &told, &e), 0);
	assert_int_equal(l.n, 1);
	assert_int_equal(l.revision, 12);
	assert_int_equal(told, 3);
	assert_non_null(assignment_list_find(&l, ID));
	assert_null(assignment_list_find(&l, "x"));
	assignment_list_deinit(&l);
}

/* A list of one, with this member changed. */
static struct assignment_list list_with(const char *member, const char *value)
{
	auto_json *body = json_pack("{s:i, s:[o]}", "revision", 1, "assignments",
				    parse(full));
	struct assignment_list l;
	struct error e;

	if (member)
		json_object_set_new(json_array_get(json_object_get(body, "assignments"), 0),
				    member, json_string(value));
	assert_int_equal(assignment_list_parse(&l, body, count, NULL, &e), 0);
	assert_int_equal(l.n, 1);
	return l;
}

static void a_list_that_says_the_same_again_shares_what_is_there(void **state)
{
	struct assignment_list old = list_with(NULL, NULL), again = list_with(NULL, NULL),
			       other = list_with("command", "another");
	struct assignment *kept = old.items[0];

	assignment_list_keep(&other, &old);
	assert_ptr_not_equal(other.items[0], kept);
	assert_string_equal(other.items[0]->command, "another");
	assignment_list_keep(&again, &old);
	assert_ptr_equal(again.items[0], kept);
	assignment_list_deinit(&old);
	assert_string_equal(again.items[0]->id, ID);	/* it lives as long as a list has it */
	assignment_list_deinit(&again);
	assignment_list_deinit(&other);
}

static void one_that_got_another_id_only_is_the_same(void **state)
{
	static const char new_id[] = "22222222-3333-4444-8555-666666666666";
	struct assignment_list old = list_with(NULL, NULL), renamed = list_with("id", new_id);
	struct assignment *mine = assignment_ref(old.items[0]);

	assert_ptr_equal(assignment_list_same(&renamed, mine, "x"), mine);
	mine = assignment_list_same(&renamed, mine, new_id);
	assert_ptr_equal(mine, renamed.items[0]);
	assert_string_equal(old.items[0]->id, ID);
	assignment_unref(mine);
	assignment_list_deinit(&old);
	assignment_list_deinit(&renamed);
}

static void what_is_no_list_is_an_error(void **state)
{
	static const char *const texts[] = {
		"{}", "[]", "{\"revision\": 1}", "{\"assignments\": []}",
		"{\"revision\": -3, \"assignments\": []}",
		"{\"revision\": 1, \"assignments\": {}}",
	};
	struct assignment_list l;
	struct error e;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		auto_json *j = parse(texts[i]);

		assert_true(assignment_list_parse(&l, j, count, NULL, &e) < 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_member_is_read),
		cmocka_unit_test(what_is_wrong_is_named),
		cmocka_unit_test(egress_is_one_of_three_words_or_the_internet),
		cmocka_unit_test(a_value_with_a_nul_is_refused),
		cmocka_unit_test(too_much_environment_is_refused),
		cmocka_unit_test(one_offs_come_in_two_kinds),
		cmocka_unit_test(a_bad_entry_does_not_harm_the_others),
		cmocka_unit_test(a_list_that_says_the_same_again_shares_what_is_there),
		cmocka_unit_test(one_that_got_another_id_only_is_the_same),
		cmocka_unit_test(what_is_no_list_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
