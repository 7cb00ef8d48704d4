/*
 * test-api.c - the Platform API of a real controller.
 */
#include "base/error.h"
#include "tests/controller/instance.h"

#include <setjmp.h>
#include <stdio.h>
#include <cmocka.h>

#define WEB "{\"web\":\"run web\",\"worker\":\"run worker\"}"

static void refused(struct instance *in, const char *method, const char *path,
		    const char *body, int status, const char *id,
		    const char *message)
{
	auto_json *j = NULL;

	assert_int_equal(instance_call(in, method, path, body, &j), status);
	assert_string_equal(json_str(j, "id"), id);
	if (message)
		assert_string_equal(json_str(j, "message"), message);
	else
		assert_true(strlen(json_str(j, "message")) > 10);
}

static json_t *get(struct instance *in, const char *path)
{
	json_t *j = NULL;

	assert_int_equal(instance_call(in, "GET", path, NULL, &j), 200);
	return j;
}

/* A member of each dyno, by blanks: names stay, ids change with a restart. */
static char *dynos(struct instance *in, const char *app, const char *key)
{
	auto_free char *path = xasprintf("/apps/%s/dynos", app);
	auto_json *list = get(in, path);
	struct buf b = BUF_INIT;
	json_t *d;
	size_t i;

	json_array_foreach(list, i, d)
		buf_addf(&b, "%s%s", i ? " " : "", json_str(d, key));
	return b.data ? buf_take(&b) : xstrdup("");
}

static void an_app_is_born_with_two_releases(void **state)
{
	struct instance *in = *state;
	auto_json *app = NULL, *releases = NULL, *vars = NULL, *again = NULL;

	assert_int_equal(instance_call(in, "POST", "/apps", "{\"name\":\"born\"}",
				       &app), 201);
	assert_string_equal(json_str(app, "name"), "born");
	assert_string_equal(json_str(json_object_get(app, "owner"), "email"),
			    "u@example.com");
	releases = get(in, "/apps/born/releases");
	assert_int_equal(json_array_size(releases), 2);
	assert_string_equal(json_str(json_array_get(releases, 0), "description"),
			    "Initial release");
	vars = get(in, "/apps/born/config-vars");
	assert_int_equal(json_object_size(vars), 0);
	again = get(in, "/apps/born");
	assert_true(json_equal(app, again));
	refused(in, "POST", "/apps", "{\"name\":\"born\"}", 422, "invalid_params",
		"Name born is already taken.");
}

static void mistakes_get_one_sentence_and_their_status(void **state)
{
	struct instance *in = *state;

	refused(in, "GET", "/apps/nobody", NULL, 404, "not_found",
		"Couldn't find that app.");
	refused(in, "POST", "/apps", "{\"name\":", 400, "bad_request", NULL);
	refused(in, "POST", "/apps", "[]", 400, "bad_request", NULL);
	refused(in, "POST", "/apps", "{\"name\":\"A B\"}", 422, "invalid_params",
		NULL);
	refused(in, "POST", "/apps", "{\"name\":7}", 422, "invalid_params", NULL);
	refused(in, "POST", "/apps", "{\"stack\":\"cedar-14\"}", 422,
		"invalid_params", NULL);
	refused(in, "GET", "/nothing/here", NULL, 404, "not_found", NULL);
	refused(in, "PUT", "/apps", "{}", 405, "method_not_allowed", NULL);
	assert_int_equal(instance_call(in, "POST", "/apps", "{\"name\":\"wrong\"}",
				       NULL), 201);
	refused(in, "PATCH", "/apps/wrong/config-vars", "{\"1\":\"x\"}", 422,
		"invalid_params", NULL);
	refused(in, "PATCH", "/apps/wrong/formation",
		"{\"updates\":[{\"type\":\"web\",\"quantity\":1}]}", 404,
		"not_found", "Couldn't find that process type (web).");
	refused(in, "POST", "/apps/wrong/releases", "{}", 422, "invalid_params",
		NULL);
	refused(in, "POST", "/apps/wrong/releases", "{\"slug\":\"x\"}", 404,
		"not_found", NULL);
	refused(in, "GET", "/apps/wrong/releases/9", NULL, 404, "not_found", NULL);
	refused(in, "GET", "/apps/wrong/dynos/web.1", NULL, 404, "not_found", NULL);
	refused(in, "POST", "/apps/wrong/dynos", "{}", 422, "invalid_params", NULL);
	refused(in, "POST", "/apps/wrong/slugs", "{}", 422, "invalid_params", NULL);
	refused(in, "GET", "/attach/0123", NULL, 426, "upgrade_required", NULL);
}

static void tcp_needs_the_key(void **state)
{
	struct instance *in = *state;
	auto_free char *port = instance_file(in, "port");
	auto_free char *token = instance_file(in,
				"../../../var/lib/dyno/controller/token");
	auto_free char *base = xasprintf("http://127.0.0.1:%s", port);
	auto_(http_client_free_p) struct http_client *none = NULL, *wrong = NULL;
	auto_(http_client_free_p) struct http_client *right = NULL;
	struct http_client_spec spec = { .base = base };
	auto_buf b = BUF_INIT;

	assert_int_equal(http_client_new(&none, NULL, &spec, NULL), 0);
	spec.token = "wrong";
	assert_int_equal(http_client_new(&wrong, NULL, &spec, NULL), 0);
	spec.token = token;
	assert_int_equal(http_client_new(&right, NULL, &spec, NULL), 0);
	assert_int_equal(instance_raw(none, "GET", "/apps", NULL, 0, NULL, &b), 401);
	assert_string_equal(buf_str(&b), "{\"id\":\"unauthorized\",\"message\":"
			    "\"Invalid credentials provided.\"}");
	assert_int_equal(instance_raw(wrong, "GET", "/apps", NULL, 0, NULL, &b), 401);
	assert_int_equal(instance_raw(none, "GET", "/nothing", NULL, 0, NULL, &b),
			 401);
	assert_int_equal(instance_raw(right, "GET", "/apps", NULL, 0, NULL, &b), 200);
	/* programs of this machine only, key or not */
	assert_int_equal(instance_raw(right, "GET", "/router/v1/routes", NULL, 0,
				      NULL, &b), 403);
}

static void a_deploy_starts_one_web_dyno(void **state)
{
	struct instance *in = *state;
	auto_json *formation = NULL, *release = NULL, *app = NULL;
	auto_free char *names = NULL;

	instance_deploy(in, "deploy", WEB);
	formation = get(in, "/apps/deploy/formation");
	assert_int_equal(json_array_size(formation), 2);
	assert_int_equal(json_int(json_array_get(formation, 0), "quantity", -1), 1);
	assert_int_equal(json_int(json_array_get(formation, 1), "quantity", -1), 0);
	names = dynos(in, "deploy", "name");
	assert_string_equal(names, "web.1");
	release = get(in, "/apps/deploy/releases/current");
	assert_int_equal(json_int(release, "version", 0), 3);
	assert_true(json_flag(release, "current", false));
	assert_true(json_flag(release, "eligible_for_rollback", false));
	app = get(in, "/apps/deploy");
	assert_true(json_int(app, "slug_size", 0) > 0);
}

static void bad_slugs_are_refused_and_leave_nothing(void **state)
{
	struct instance *in = *state;
	auto_buf tar = BUF_INIT, answer = BUF_INIT;
	static const struct { const char *checksum; size_t cut; int status; } cases[] = {
		{ "null", 600, 422 },		/* truncated */
		{ "null", 0, 422 },		/* empty */
		{ "\"SHA256:0000000000000000000000000000000000000000000000000000"
		  "000000000000\"", 100000, 422 },
		{ "null", 100000, 200 },
	};

	assert_int_equal(instance_call(in, "POST", "/apps", "{\"name\":\"badslug\"}",
				       NULL), 201);
	instance_tar(&tar, "f", "only here");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_free char *body = xasprintf("{\"process_types\":{\"web\":\"x\"},"
						 "\"checksum\":%s}",
						 cases[i].checksum);
		auto_json *slug = NULL, *after = NULL;
		auto_free char *path = NULL;
		size_t n = cases[i].cut < tar.len ? cases[i].cut : tar.len;
		const char *url;

		assert_int_equal(instance_call(in, "POST", "/apps/badslug/slugs",
					       body, &slug), 201);
		url = json_str(json_object_get(slug, "blob"), "url");
		buf_clear(&answer);
		assert_int_equal(instance_raw(in->client, "PUT", instance_path(url),
					      tar.data, n, NULL, &answer),
				 cases[i].status);
		path = xasprintf("/apps/badslug/slugs/%s", json_str(slug, "id"));
		after = get(in, path);
		assert_int_equal(json_int(after, "size", 0) > 0,
				 cases[i].status == 200);
	}
}

static void an_upload_url_works_for_its_slug_and_verb_only(void **state)
{
	struct instance *in = *state;
	auto_json *slug = NULL;
	auto_free char *put = NULL, *other = NULL;
	auto_buf tar = BUF_INIT, b = BUF_INIT;

	instance_tar(&tar, "f", "x");
	assert_int_equal(instance_call(in, "POST", "/apps", "{\"name\":\"upload\"}",
				       NULL), 201);
	assert_int_equal(instance_call(in, "POST", "/apps/upload/slugs",
				"{\"process_types\":{\"web\":\"x\"}}", &slug), 201);
	put = xstrdup(instance_path(json_str(json_object_get(slug, "blob"), "url")));
	assert_int_equal(instance_raw(in->client, "GET", put, NULL, 0, NULL, &b),
			 403);
	other = xstrdup(put);
	other[strlen(other) - 1] ^= 1;
	assert_int_equal(instance_raw(in->client, "PUT", other, tar.data, tar.len,
				      NULL, &b), 403);
	assert_int_equal(instance_raw(in->client, "PUT", put, tar.data, tar.len,
				      NULL, &b), 200);
	assert_int_equal(instance_raw(in->client, "PUT", put, tar.data, tar.len,
				      NULL, &b), 409);
}

static void a_config_change_makes_a_release_and_new_dynos(void **state)
{
	struct instance *in = *state;
	auto_free char *before = NULL, *after = NULL, *same = NULL;
	auto_json *vars = NULL, *old = NULL, *current = NULL;

	instance_deploy(in, "config", WEB);
	before = dynos(in, "config", "id");
	assert_int_equal(instance_call(in, "PATCH", "/apps/config/config-vars",
				       "{\"A\":\"1\",\"B\":\"2\"}", &vars), 200);
	assert_string_equal(json_str(vars, "B"), "2");
	after = dynos(in, "config", "id");
	assert_string_not_equal(before, after);
	assert_int_equal(instance_call(in, "PATCH", "/apps/config/config-vars",
				       "{\"A\":\"1\"}", NULL), 200);
	same = dynos(in, "config", "id");
	assert_string_equal(same, after);
	current = get(in, "/apps/config/releases/current");
	assert_int_equal(json_int(current, "version", 0), 4);
	assert_string_equal(json_str(current, "description"),
			    "Set A, B config vars");
	old = get(in, "/apps/config/releases/v3/config-vars");
	assert_int_equal(json_object_size(old), 0);
}

static void a_rollback_brings_back_slug_and_config(void **state)
{
	struct instance *in = *state;
	auto_json *made = NULL, *vars = NULL;

	instance_deploy(in, "rollback", WEB);
	instance_call(in, "PATCH", "/apps/rollback/config-vars", "{\"A\":\"1\"}",
		      NULL);
	assert_int_equal(instance_call(in, "POST", "/apps/rollback/releases",
				       "{\"release\":\"3\"}", &made), 201);
	assert_int_equal(json_int(made, "version", 0), 5);
	assert_string_equal(json_str(made, "description"), "Rollback to v3");
	vars = get(in, "/apps/rollback/config-vars");
	assert_int_equal(json_object_size(vars), 0);
	refused(in, "POST", "/apps/rollback/releases", "{\"release\":\"1\"}", 422,
		"invalid_params", NULL);
}

static void scaling_and_restarting_touch_what_they_name(void **state)
{
	struct instance *in = *state;
	auto_free char *one = NULL, *two = NULL, *three = NULL, *ids = NULL;
	auto_free char *restarted = NULL;

	instance_deploy(in, "scale", WEB);
	one = dynos(in, "scale", "id");
	assert_int_equal(instance_call(in, "PATCH", "/apps/scale/formation",
		"{\"updates\":[{\"type\":\"web\",\"quantity\":\"+1\"},"
		"{\"type\":\"worker\",\"quantity\":\"1\"}]}", NULL), 200);
	three = dynos(in, "scale", "name");
	assert_string_equal(three, "web.1 web.2 worker.1");
	ids = dynos(in, "scale", "id");
	assert_memory_equal(ids, one, strlen(one));	/* web.1 went on */
	assert_int_equal(instance_call(in, "DELETE", "/apps/scale/dynos/web.2",
				       NULL, NULL), 202);
	restarted = dynos(in, "scale", "id");
	assert_memory_equal(restarted, ids, 36);
	assert_memory_not_equal(restarted + 37, ids + 37, 36);
	assert_memory_equal(restarted + 74, ids + 74, 36);
	assert_int_equal(instance_call(in, "PATCH", "/apps/scale/formation/worker",
				       "{\"quantity\":0}", NULL), 200);
	refused(in, "PATCH", "/apps/scale/formation/web", "{\"quantity\":101}", 422,
		"invalid_params", NULL);
	refused(in, "PATCH", "/apps/scale/formation",
		"{\"updates\":[{\"type\":\"web\",\"quantity\":3},"
		"{\"type\":\"worker\",\"quantity\":1},{\"type\":\"web\",\"quantity\":1}]}",
		422, "invalid_params", "There are two updates of the process type web.");
	two = dynos(in, "scale", "name");
	assert_string_equal(two, "web.1 web.2");
	refused(in, "DELETE", "/apps/scale/formations/clock", NULL, 404,
		"not_found", NULL);
}

static void a_one_off_runs_beside_the_formation(void **state)
{
	struct instance *in = *state;
	auto_json *run = NULL, *plain = NULL, *shown = NULL;
	auto_free char *path = NULL;

	instance_deploy(in, "oneoff", WEB);
	assert_int_equal(instance_call(in, "POST", "/apps/oneoff/dynos",
		"{\"command\":\"worker --once\",\"attach\":true,"
		"\"env\":{\"LINES\":24,\"COLUMNS\":80}}", &run), 201);
	assert_string_equal(json_str(run, "command"), "run worker --once");
	assert_non_null(strstr(json_str(run, "attach_url"), "rendezvous://127.0.0.1:"));
	assert_non_null(str_after(json_str(run, "name"), "run."));
	path = xasprintf("/apps/oneoff/dynos/%s", json_str(run, "name"));
	shown = get(in, path);
	assert_true(json_is_null(json_object_get(shown, "attach_url")));
	assert_int_equal(instance_call(in, "POST", "/apps/oneoff/dynos",
		"{\"command\":\"date\",\"size\":\"standard-2x\",\"type\":\"job\"}",
		&plain), 201);
	assert_true(json_is_null(json_object_get(plain, "attach_url")));
	assert_string_equal(json_str(plain, "size"), "Standard-2X");
	assert_non_null(str_after(json_str(plain, "name"), "job."));
	/* a restart of all leaves it, a stop ends it */
	assert_int_equal(instance_call(in, "DELETE", "/apps/oneoff/dynos", NULL,
				       NULL), 202);
	json_decref(get(in, path));
	free(path);
	path = xasprintf("/apps/oneoff/dynos/%s/actions/stop",
			 json_str(run, "name"));
	assert_int_equal(instance_call(in, "POST", path, NULL, NULL), 202);
	path[strlen(path) - strlen("/actions/stop")] = '\0';
	refused(in, "GET", path, NULL, 404, "not_found", NULL);
}

static void maintenance_and_name_can_be_changed(void **state)
{
	struct instance *in = *state;
	auto_json *app = NULL;

	instance_deploy(in, "before", WEB);
	assert_int_equal(instance_call(in, "PATCH", "/apps/before",
		"{\"maintenance\":true,\"name\":\"after\"}", &app), 200);
	assert_true(json_flag(app, "maintenance", false));
	refused(in, "GET", "/apps/before", NULL, 404, "not_found", NULL);
	json_decref(get(in, "/apps/after"));
}

static void a_destroyed_app_leaves_nothing(void **state)
{
	struct instance *in = *state;
	auto_free char *slugs = xasprintf("%s/var/lib/dyno/controller/slugs/blobs",
					  in->dir);
	auto_json *apps = NULL;
	json_t *app;
	size_t i;

	apps = get(in, "/apps");
	json_array_foreach(apps, i, app) {
		auto_free char *path = xasprintf("/apps/%s", json_str(app, "name"));

		assert_int_equal(instance_call(in, "DELETE", path, NULL, NULL), 200);
		refused(in, "GET", path, NULL, 404, "not_found", NULL);
	}
	assert_true(i > 0);
	assert_int_equal(rmdir(slugs), 0);	/* it is empty */
}

static void kill_9_loses_nothing_acknowledged(void **state)
{
	struct instance *in = *state;
	auto_free char *port = instance_file(in, "port"), *again = NULL;
	auto_json *vars = NULL;

	assert_int_equal(instance_call(in, "POST", "/apps", "{\"name\":\"killed\"}",
				       NULL), 201);
	for (int i = 0; i < 5; i++) {
		auto_free char *body = xasprintf("{\"N\":\"%d\"}", i);

		assert_int_equal(instance_call(in, "PATCH",
				"/apps/killed/config-vars", body, NULL), 200);
		instance_kill(in);
		instance_start(in);
		json_decref(vars);
		vars = get(in, "/apps/killed/config-vars");
		assert_int_equal(atoi(json_str(vars, "N")), i);
	}
	again = instance_file(in, "port");	/* the free port stays */
	assert_string_equal(port, again);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_app_is_born_with_two_releases),
		cmocka_unit_test(mistakes_get_one_sentence_and_their_status),
		cmocka_unit_test(tcp_needs_the_key),
		cmocka_unit_test(a_deploy_starts_one_web_dyno),
		cmocka_unit_test(bad_slugs_are_refused_and_leave_nothing),
		cmocka_unit_test(an_upload_url_works_for_its_slug_and_verb_only),
		cmocka_unit_test(a_config_change_makes_a_release_and_new_dynos),
		cmocka_unit_test(a_rollback_brings_back_slug_and_config),
		cmocka_unit_test(scaling_and_restarting_touch_what_they_name),
		cmocka_unit_test(a_one_off_runs_beside_the_formation),
		cmocka_unit_test(maintenance_and_name_can_be_changed),
		cmocka_unit_test(kill_9_loses_nothing_acknowledged),
		cmocka_unit_test(a_destroyed_app_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, instance_setup, instance_teardown);
}
