/*
 * test-releases.c - releases of a real controller, with a host that the test plays:
 * release phases, preboot, the health gate, and what is on disk of secrets.
 */
#include "base/error.h"
#include "base/file.h"
#include "base/id.h"
#include "controller/controller_conf.h"
#include "controller/engine.h"
#include "controller/logplex/outputs.h"
#include "controller/model/apps.h"
#include "controller/model/dyno_plan.h"
#include "controller/model/dynos.h"
#include "controller/model/health_gate.h"
#include "controller/model/release_phase.h"
#include "controller/model/release_switch.h"
#include "controller/model/releases.h"
#include "controller/slug/slugs.h"
#include "tests/controller/instance.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdio.h>
#include <cmocka.h>

#define WEB "{\"web\":\"run web\"}"
#define PHASED "{\"web\":\"run web\",\"release\":\"run migration\"}"
#define BOOT "bbbbbbbb-2222-4333-8444-555555555555"
#define HOST "/upstream/v1/hosts/h1"
#define TRIES 3000			/* of 20 ms */

/* ---- the host ---- */

static int seq, frame;			/* of reports, of log frames */

static void host_register(struct instance *in)
{
	seq = 1;
	assert_int_equal(instance_call(in, "PUT", HOST, "{\"boot\":\"" BOOT "\","
		"\"version\":\"1\",\"capacity\":{\"memory\":1,\"cpus\":1}}", NULL),
		200);
	/* Only then are routes told. */
	assert_int_equal(instance_call(in, "POST", HOST "/report", "{\"boot\":\"" BOOT
		"\",\"seq\":1,\"full\":true,\"dynos\":[]}", NULL), 200);
}

/* The n-th dyno of this app whose name begins so, of a release (0: any). */
static json_t *host_dyno(struct instance *in, const char *app, const char *name,
			 int release)
{
	auto_json *j = NULL;
	json_t *it;
	size_t i;

	assert_int_equal(instance_call(in, "GET", HOST "/assignments?after=0", NULL,
				       &j), 200);
	json_array_foreach(json_object_get(j, "assignments"), i, it)
		if (str_eq(json_str(json_object_get(it, "app"), "name"), app) &&
		    str_after(json_str(it, "name"), name) &&
		    (!release || json_int(json_object_get(it, "release"), "version",
					  0) == release))
			return json_incref(it);
	return NULL;
}

static void host_report(struct instance *in, const json_t *dyno, const char *more)
{
	auto_free char *body = xasprintf("{\"boot\":\"" BOOT "\",\"seq\":%d,"
		"\"full\":false,\"dynos\":[{\"id\":\"%s\",%s}]}", ++seq,
		json_str(dyno, "id"), more);

	assert_int_equal(instance_call(in, "POST", HOST "/report", body, NULL), 200);
}

static void host_say(struct instance *in, const json_t *dyno, const char *source,
		     const char *text)
{
	const char *ps = json_str(dyno, "name");
	const char *app = json_str(json_object_get(dyno, "app"), "id");
	auto_free char *rest = xasprintf("%d 1700000000123456 %s %s %s %s", ++frame,
					 app, source, ps, text);
	auto_free char *body = xasprintf("%zu %s", strlen(rest), rest);

	assert_int_equal(instance_call(in, "POST", HOST "/logs?epoch=" BOOT, body,
				       NULL), 200);
}

/* The release command of this app ends. */
static void host_end(struct instance *in, const char *app, int release, int status)
{
	auto_json *dyno = host_dyno(in, app, "release.", release);
	auto_free char *more = xasprintf("\"state\":\"complete\",\"exit_status\":%d",
					 status);

	assert_non_null(dyno);
	host_report(in, dyno, more);
}

/* ---- the app ---- */

static json_t *get(struct instance *in, const char *app, const char *what)
{
	auto_free char *path = xasprintf("/apps/%s/%s", app, what);
	json_t *j = NULL;

	assert_int_equal(instance_call(in, "GET", path, NULL, &j), 200);
	return j;
}

static void check_status(struct instance *in, const char *app, int release,
			 const char *status, bool current)
{
	auto_free char *what = xasprintf("releases/%d", release);
	auto_json *j = get(in, app, what);

	assert_string_equal(json_str(j, "status"), status);
	assert_int_equal(json_flag(j, "current", false), current);
	assert_int_equal(json_flag(j, "eligible_for_rollback", false),
			 str_eq(status, "succeeded") && json_str(
			 json_object_get(j, "slug"), "id"));
}

/* The release of web.1, as ps shows it; 0: there is none. */
static int web_release(struct instance *in, const char *app)
{
	auto_json *list = get(in, app, "dynos");
	int found = 0;
	json_t *it;
	size_t i;

	json_array_foreach(list, i, it)
		if (str_eq(json_str(it, "name"), "web.1")) {
			assert_int_equal(found, 0);	/* shown once */
			found = (int)json_int(json_object_get(it, "release"),
					      "version", 0);
		}
	return found;
}

static void deploy(struct instance *in, const char *app, const char *types)
{
	auto_free char *path = xasprintf("/apps/%s/releases", app);
	auto_free char *slug = instance_slug(in, app, types);
	auto_free char *body = xasprintf("{\"slug\":\"%s\"}", slug);

	assert_int_equal(instance_call(in, "POST", path, body, NULL), 201);
}

static void config(struct instance *in, const char *app, const char *body)
{
	auto_free char *path = xasprintf("/apps/%s/config-vars", app);

	assert_int_equal(instance_call(in, "PATCH", path, body, NULL), 200);
}

static void check_config(struct instance *in, const char *app, const char *key,
			 const char *want)
{
	auto_json *vars = get(in, app, "config-vars");

	if (want)
		assert_string_equal(json_str(vars, key), want);
	else
		assert_null(json_object_get(vars, key));
}

static char *read_logs(struct instance *in, const char *app)
{
	auto_free char *path = xasprintf("/apps/%s/log-sessions", app);
	auto_json *j = NULL;
	struct buf b = BUF_INIT;

	assert_int_equal(instance_call(in, "POST", path, "{}", &j), 201);
	assert_int_equal(instance_raw(in->client, "GET",
			 instance_path(json_str(j, "logplex_url")), NULL, 0, NULL,
			 &b), 200);
	return b.data ? buf_take(&b) : xstrdup("");
}

static void check_said(struct instance *in, const char *app, const char *line)
{
	auto_free char *text = read_logs(in, app);

	if (!strstr(text, line))
		fail_msg("no \"%s\" in:\n%s", line, text);
}

/* ---- release phases ---- */

static void a_release_waits_for_its_command(void **state)
{
	struct instance *in = *state;
	auto_json *dyno = NULL;

	host_register(in);
	instance_deploy(in, "phase", WEB);
	config(in, "phase", "{\"A\":\"1\"}");
	deploy(in, "phase", PHASED);
	check_status(in, "phase", 5, "pending", false);
	check_status(in, "phase", 4, "succeeded", true);
	assert_int_equal(web_release(in, "phase"), 4);
	dyno = host_dyno(in, "phase", "release.", 5);
	assert_non_null(dyno);
	assert_string_equal(json_str(dyno, "kind"), "run");
	assert_string_equal(json_str(dyno, "command"), "run migration");
	assert_int_equal(json_int(dyno, "time_to_live", 0), 3600);
	assert_string_equal(json_str(json_object_get(dyno, "env"), "A"), "1");
	host_end(in, "phase", 5, 0);
	check_status(in, "phase", 5, "succeeded", true);
	check_status(in, "phase", 4, "succeeded", false);
	assert_int_equal(web_release(in, "phase"), 5);
	assert_null(host_dyno(in, "phase", "release.", 0));
	check_said(in, "phase", "app[api]: Release v5 created by user u@example.com\n");
	check_said(in, "phase",
		   "app[api]: Running release v5 commands by user u@example.com\n");
}

static void a_command_that_fails_leaves_the_app_alone(void **state)
{
	struct instance *in = *state;
	auto_json *release = NULL;

	config(in, "phase", "{\"B\":\"1\"}");
	check_config(in, "phase", "B", "1");
	host_end(in, "phase", 6, 3);
	check_status(in, "phase", 6, "failed", false);
	check_status(in, "phase", 5, "succeeded", true);
	assert_int_equal(web_release(in, "phase"), 5);
	check_config(in, "phase", "B", NULL);
	release = get(in, "phase", "releases/6");
	assert_non_null(strstr(json_str(release, "failure"),
			       "exited with status 3"));
	check_said(in, "phase",
		   "app[api]: Release v6 command failed by user u@example.com\n");
	/* Its number stays; nobody builds on it. */
	config(in, "phase", "{\"C\":\"1\"}");
	host_end(in, "phase", 7, 0);
	check_status(in, "phase", 7, "succeeded", true);
	check_config(in, "phase", "B", NULL);
	check_config(in, "phase", "C", "1");
}

static void releases_queue_behind_a_command(void **state)
{
	struct instance *in = *state;

	config(in, "phase", "{\"D\":\"1\"}");
	config(in, "phase", "{\"E\":\"1\"}");
	deploy(in, "phase", WEB);
	check_status(in, "phase", 8, "pending", false);
	check_status(in, "phase", 10, "pending", false);
	assert_null(host_dyno(in, "phase", "release.", 9));
	host_end(in, "phase", 8, 1);
	check_status(in, "phase", 8, "failed", false);
	/* It was made of v8, and has its own command, and its own chance. */
	host_end(in, "phase", 9, 0);
	check_status(in, "phase", 9, "succeeded", false);
	check_status(in, "phase", 10, "succeeded", true);
	check_config(in, "phase", "D", "1");
	check_config(in, "phase", "E", "1");
	assert_int_equal(web_release(in, "phase"), 10);
}

static void a_stopped_command_has_failed(void **state)
{
	struct instance *in = *state;
	auto_json *dyno = NULL;
	auto_free char *path = NULL;

	deploy(in, "phase", PHASED);
	dyno = host_dyno(in, "phase", "release.", 11);
	assert_non_null(dyno);
	path = xasprintf("/apps/phase/dynos/%s/actions/stop", json_str(dyno, "name"));
	assert_int_equal(instance_call(in, "POST", path, NULL, NULL), 202);
	check_status(in, "phase", 11, "failed", false);
	assert_int_equal(web_release(in, "phase"), 10);
	assert_null(host_dyno(in, "phase", "release.", 0));
	/* Also when the host stops it, and it says that all is well. */
	deploy(in, "phase", PHASED);
	json_decref(dyno);
	dyno = host_dyno(in, "phase", "release.", 12);
	host_report(in, dyno, "\"state\":\"complete\",\"exit_status\":0,"
		    "\"stopped\":true");
	check_status(in, "phase", 12, "failed", false);
	assert_int_equal(web_release(in, "phase"), 10);
}

static void what_has_failed_is_no_target_of_a_rollback(void **state)
{
	struct instance *in = *state;

	assert_int_equal(instance_call(in, "POST", "/apps/phase/releases",
				       "{\"release\":\"12\"}", NULL), 422);
	assert_int_equal(instance_call(in, "POST", "/apps/phase/releases",
				       "{\"release\":\"2\"}", NULL), 422);
	assert_int_equal(instance_call(in, "POST", "/apps/phase/releases",
				       "{\"release\":\"99\"}", NULL), 404);
	assert_int_equal(instance_call(in, "POST", "/apps/phase/releases",
				       "{\"release\":\"5\"}", NULL), 201);
	/* v5 has a command: it runs again. */
	check_status(in, "phase", 13, "pending", false);
	host_end(in, "phase", 13, 0);
	check_status(in, "phase", 13, "succeeded", true);
	check_config(in, "phase", "E", NULL);
}

static void a_phase_survives_the_controller(void **state)
{
	struct instance *in = *state;
	auto_json *dyno = NULL;

	config(in, "phase", "{\"F\":\"1\"}");
	config(in, "phase", "{\"G\":\"1\"}");
	instance_kill(in);
	instance_start(in);
	host_register(in);
	check_status(in, "phase", 14, "pending", false);
	dyno = host_dyno(in, "phase", "release.", 14);
	host_end(in, "phase", 14, 0);
	/* The host has not heard the answer, and says it again. */
	host_report(in, dyno, "\"state\":\"complete\",\"exit_status\":0");
	check_status(in, "phase", 14, "succeeded", true);
	check_status(in, "phase", 15, "pending", false);
	instance_kill(in);
	instance_start(in);
	host_register(in);
	host_end(in, "phase", 15, 0);
	check_status(in, "phase", 15, "succeeded", true);
	assert_int_equal(web_release(in, "phase"), 15);
}

static char *read_output(struct instance *in, const char *url,
			 const char *const *headers, int status)
{
	struct buf b = BUF_INIT;

	assert_int_equal(instance_raw(in->client, "GET", instance_path(url), NULL, 0,
				      headers, &b), status);
	return b.data ? buf_take(&b) : xstrdup("");
}

static void the_output_is_kept_behind_a_url(void **state)
{
	static const char *const range[] = { "Range: bytes=4-", NULL };
	static const char *const far[] = { "Range: bytes=8-", NULL };
	static const char *const sse[] = { "Accept: text/event-stream", NULL };
	static const char *const again[] = {
		"Accept: text/event-stream", "Last-Event-ID: 4", NULL,
	};
	static const char *const last[] = {
		"Accept: text/event-stream", "Last-Event-ID: 8", NULL,
	};
	struct instance *in = *state;
	auto_json *release = NULL, *queued = NULL, *plain = NULL, *dyno = NULL;
	auto_free char *all = NULL, *rest = NULL, *events = NULL, *resumed = NULL;
	auto_free char *bad = NULL, *none = NULL, *end = NULL, *early = NULL;
	const char *url;

	config(in, "phase", "{\"H\":\"1\"}");
	config(in, "phase", "{\"I\":\"1\"}");
	release = get(in, "phase", "releases/16");
	queued = get(in, "phase", "releases/17");
	plain = get(in, "phase", "releases/4");
	assert_null(json_str(plain, "output_stream_url"));
	early = read_output(in, json_str(queued, "output_stream_url"), NULL, 404);
	dyno = host_dyno(in, "phase", "release.", 16);
	host_say(in, dyno, "app", "one");
	host_say(in, dyno, "heroku", "State changed from starting to up");
	host_end(in, "phase", 16, 0);
	host_say(in, dyno, "app", "two");	/* the log may come later */
	host_say(in, dyno, "heroku", "Process exited with status 0");
	url = json_str(release, "output_stream_url");
	all = read_output(in, url, NULL, 200);
	assert_string_equal(all, "one\ntwo\n");
	rest = read_output(in, url, range, 206);
	assert_string_equal(rest, "two\n");
	none = read_output(in, url, far, 416);
	events = read_output(in, url, sse, 200);
	assert_string_equal(events, "id: 4\ndata: one\n\nid: 8\ndata: two\n\n");
	resumed = read_output(in, url, again, 200);
	assert_string_equal(resumed, "id: 8\ndata: two\n\n");
	end = read_output(in, url, last, 204);
	bad = xasprintf("%s0", url);
	free(none);
	none = read_output(in, bad, NULL, 404);
	check_said(in, "phase", ": one\n");
	host_end(in, "phase", 17, 0);
}

static void a_one_off_runs_the_release_it_is_told(void **state)
{
	struct instance *in = *state;
	auto_json *dyno = NULL, *current = NULL;

	assert_int_equal(instance_call(in, "POST", "/apps/phase/dynos",
		"{\"command\":\"x\",\"release\":\"v12\"}", &dyno), 201);
	assert_int_equal(json_int(json_object_get(dyno, "release"), "version", 0), 12);
	assert_int_equal(instance_call(in, "POST", "/apps/phase/dynos",
		"{\"command\":\"x\"}", &current), 201);
	assert_int_equal(json_int(json_object_get(current, "release"), "version", 0),
			 17);
	assert_int_equal(instance_call(in, "POST", "/apps/phase/dynos",
		"{\"command\":\"x\",\"release\":99}", NULL), 404);
}

/* ---- two at the same time ---- */

struct rival {
	char *path, *key;
	_Atomic bool stop;
	unsigned writes;
};

/* Another process writes the app's doc again and again, unchanged. */
static void *rival_run(void *arg)
{
	struct rival *rival = arg;
	auto_free char *sql = xasprintf(
		"BEGIN IMMEDIATE; UPDATE counter SET revision = revision + 1;"
		"UPDATE kv SET revision = (SELECT revision FROM counter)"
		" WHERE key = '%s'; COMMIT;", rival->key);
	sqlite3 *db;

	assert_int_equal(sqlite3_open(rival->path, &db), SQLITE_OK);
	sqlite3_busy_timeout(db, 10000);
	sqlite3_exec(db, "PRAGMA synchronous=OFF", NULL, NULL, NULL);
	while (!rival->stop) {
		if (sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK)
			rival->writes++;
		usleep(1500);
	}
	sqlite3_close(db);
	return NULL;
}

static void who_is_beaten_by_another_change_tries_again(void **state)
{
	struct instance *in = *state;
	auto_json *app = NULL;
	static struct rival rival;	/* a failed test leaves the thread behind */
	pthread_t thread;

	instance_deploy(in, "race", WEB);
	assert_int_equal(instance_call(in, "GET", "/apps/race", NULL, &app), 200);
	rival.path = xasprintf("%s/var/lib/dyno/controller/state.db", in->dir);
	rival.key = xasprintf("/apps/%s", json_str(app, "id"));
	assert_int_equal(pthread_create(&thread, NULL, rival_run, &rival), 0);
	for (int i = 0; i < 400; i++) {
		auto_free char *body = xasprintf("{\"A\":\"%d\"}", i);

		config(in, "race", body);
	}
	rival.stop = true;
	pthread_join(thread, NULL);
	assert_true(rival.writes > 0);
	assert_int_equal(web_release(in, "race"), 403);
	free(rival.path);
	free(rival.key);
}

/* ---- secrets ---- */

#define SECRET "hunter2-hunter2"

static void check_file(const char *path)
{
	auto_buf text = BUF_INIT;

	assert_int_equal(file_read(AT_FDCWD, path, 64 << 20, &text, NULL), 0);
	if (text.len && memmem(text.data, text.len, SECRET, strlen(SECRET)))
		fail_msg("a secret is in %s", path);
}

static unsigned check_tree(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *entry;
	unsigned n = 0;

	assert_non_null(d);
	while ((entry = readdir(d))) {
		auto_free char *path = xasprintf("%s/%s", dir, entry->d_name);

		if (str_eq(entry->d_name, ".") || str_eq(entry->d_name, ".."))
			continue;
		if (entry->d_type == DT_DIR)
			n += check_tree(path);
		if (entry->d_type == DT_REG) {
			check_file(path);
			n++;
		}
	}
	closedir(d);
	return n;
}

static void no_secret_is_in_any_file(void **state)
{
	struct instance *in = *state;
	auto_free char *lib = xasprintf("%s/var/lib/dyno/controller", in->dir);
	auto_json *dyno = NULL, *run = NULL, *web = NULL;

	instance_deploy(in, "secret", WEB);
	config(in, "secret", "{\"URL\":\"postgres://u:" SECRET "@db\"}");
	assert_int_equal(instance_call(in, "POST", "/apps/secret/dynos",
		"{\"command\":\"x\",\"env\":{\"KEY\":\"" SECRET "\"}}", &dyno), 201);
	assert_int_equal(instance_call(in, "POST", "/apps/secret/releases",
				       "{\"release\":\"4\"}", NULL), 201);
	config(in, "secret", "{\"URL\":null}");
	assert_true(check_tree(lib) >= 4);
	instance_kill(in);
	assert_true(check_tree(lib) >= 4);
	instance_start(in);
	host_register(in);
	assert_true(check_tree(lib) >= 4);
	/* The hosts get it all the same. */
	run = host_dyno(in, "secret", "run.", 0);
	assert_string_equal(json_str(json_object_get(run, "env"), "KEY"), SECRET);
	assert_int_equal(instance_call(in, "POST", "/apps/secret/releases",
				       "{\"release\":\"5\"}", NULL), 201);
	web = host_dyno(in, "secret", "web.1", 0);
	assert_string_equal(json_str(json_object_get(web, "env"), "URL"),
			    "postgres://u:" SECRET "@db");
}

/* ---- preboot and the health gate ---- */

static void configure(struct instance *in, const char *text)
{
	auto_free char *dir = xasprintf("%s/etc/dyno/controller.conf.d", in->dir);
	auto_free char *file = xasprintf("%s/test.conf", dir);

	assert_int_equal(file_make_dirs(dir, 0755, NULL), 0);
	assert_int_equal(file_write_fast(AT_FDCWD, file, text, strlen(text), 0644,
					 NULL), 0);
	instance_kill(in);
	instance_start(in);
	host_register(in);
}

static void feature(struct instance *in, const char *app, const char *name)
{
	auto_free char *path = xasprintf("/apps/%s/features/%s", app, name);

	assert_int_equal(instance_call(in, "PATCH", path, "{\"enabled\":true}", NULL),
			 200);
}

/* The id of the dyno to which requests for web.1 are routed. */
static void check_route(struct instance *in, const char *app, const json_t *dyno)
{
	int tries = 0;

	for (;;) {
		auto_json *j = NULL;
		bool right = false;
		json_t *it;
		size_t i;

		assert_int_equal(instance_call(in, "GET", "/router/v1/routes", NULL,
					       &j), 200);
		json_array_foreach(json_object_get(j, "routes"), i, it)
			if (str_eq(json_str(it, "app"), app)) {
				json_t *dynos = json_object_get(it, "dynos");

				assert_int_equal(json_array_size(dynos), 1);
				right = str_eq(json_str(json_array_get(dynos, 0), "id"),
					       json_str(dyno, "id"));
			}
		if (right)
			return;
		assert_true(tries++ < TRIES);
		usleep(20000);
	}
}

static void host_up(struct instance *in, const json_t *dyno)
{
	host_report(in, dyno, "\"state\":\"up\",\"address\":\"10.0.0.1\",\"port\":1");
}

/* Until the host shall run no dyno of this release any more. */
static void await_gone(struct instance *in, const char *app, int release)
{
	int tries = 0;

	for (;;) {
		auto_json *dyno = host_dyno(in, app, "web.1", release);

		if (!dyno)
			return;
		assert_true(tries++ < TRIES);
		usleep(20000);
	}
}

static void preboot_keeps_the_old_dynos_until_the_new_ones_serve(void **state)
{
	struct instance *in = *state;
	auto_json *old = NULL, *first = NULL, *fresh = NULL;

	configure(in, "preboot-window = 1\nhealth-window = 2\n");
	instance_deploy(in, "pre", WEB);
	feature(in, "pre", "preboot");
	old = host_dyno(in, "pre", "web.1", 3);
	host_up(in, old);
	config(in, "pre", "{\"A\":\"1\"}");
	assert_int_equal(web_release(in, "pre"), 4);
	first = host_dyno(in, "pre", "web.1", 4);
	assert_non_null(first);
	json_decref(old);
	old = host_dyno(in, "pre", "web.1", 3);
	assert_non_null(old);
	check_route(in, "pre", old);
	/* Another one comes: nobody has seen v4, so it goes. */
	config(in, "pre", "{\"A\":\"2\"}");
	assert_null(host_dyno(in, "pre", "web.1", 4));
	fresh = host_dyno(in, "pre", "web.1", 5);
	assert_non_null(fresh);
	check_route(in, "pre", old);
	host_up(in, fresh);
	check_route(in, "pre", fresh);
	json_decref(old);
	old = host_dyno(in, "pre", "web.1", 3);
	assert_non_null(old);		/* routers have time to follow */
	await_gone(in, "pre", 3);
	check_route(in, "pre", fresh);
	assert_int_equal(web_release(in, "pre"), 5);
}

static void await_release(struct instance *in, const char *app, int release)
{
	int tries = 0;

	while (web_release(in, app) != release) {
		assert_true(tries++ < TRIES);
		usleep(20000);
	}
}

static void a_release_that_crashes_is_rolled_back_once(void **state)
{
	struct instance *in = *state;
	auto_json *dyno = NULL, *back = NULL, *good = NULL, *release = NULL;

	instance_deploy(in, "gate", WEB);
	feature(in, "gate", "health-gated-releases");
	dyno = host_dyno(in, "gate", "web.1", 3);
	host_up(in, dyno);
	config(in, "gate", "{\"A\":\"1\"}");
	good = host_dyno(in, "gate", "web.1", 4);
	host_report(in, good, "\"state\":\"crashed\",\"exit_status\":1");
	await_release(in, "gate", 5);
	release = get(in, "gate", "releases/5");
	assert_string_equal(json_str(release, "description"), "Rollback to v3");
	check_config(in, "gate", "A", NULL);
	check_said(in, "gate", "app[api]: Release v4 is not healthy (web.1 has "
		   "crashed): going back to v3\n");
	/* That one crashes, too: it stays. */
	back = host_dyno(in, "gate", "web.1", 5);
	host_report(in, back, "\"state\":\"crashed\",\"exit_status\":1");
	usleep(3 * 1000 * 1000);
	assert_int_equal(web_release(in, "gate"), 5);
}

static void a_release_that_does_not_come_up_is_rolled_back(void **state)
{
	struct instance *in = *state;
	auto_json *up = NULL;

	config(in, "gate", "{\"A\":\"2\"}");
	up = host_dyno(in, "gate", "web.1", 6);
	host_up(in, up);
	usleep(4 * 1000 * 1000);
	assert_int_equal(web_release(in, "gate"), 6);	/* a good one stays */
	config(in, "gate", "{\"A\":\"3\"}");
	await_release(in, "gate", 8);
	check_config(in, "gate", "A", "2");
	check_said(in, "gate", "(0 of 1 web dynos are up): going back to v6\n");
}

static void old_releases_expire(void **state)
{
	struct instance *in = *state;

	instance_deploy(in, "old", WEB);
	for (int i = 0; i < 4; i++) {
		auto_free char *body = xasprintf("{\"A\":\"%d\"}", i);

		config(in, "old", body);
	}
	usleep(1100 * 1000);		/* times have seconds */
	configure(in, "release-days = 0\nrelease-keep = 3\n");
	for (int tries = 0; ; tries++) {
		auto_json *third = get(in, "old", "releases/3");

		if (str_eq(json_str(third, "status"), "expired"))
			break;
		assert_true(tries < TRIES);
		usleep(20000);
	}
	check_status(in, "old", 4, "expired", false);
	check_status(in, "old", 5, "succeeded", false);
	check_status(in, "old", 7, "succeeded", true);
	assert_int_equal(instance_call(in, "POST", "/apps/old/releases",
				       "{\"release\":\"4\"}", NULL), 422);
	assert_int_equal(instance_call(in, "GET", "/apps/old/releases/4/config-vars",
				       NULL, NULL), 422);
	assert_int_equal(instance_call(in, "POST", "/apps/old/releases",
				       "{\"release\":\"5\"}", NULL), 201);
}

/* ---- rules ---- */

static void health_is_judged_by_crashes_first(void **state)
{
	static const struct {
		struct health_facts f;
		enum health_verdict want;
	} cases[] = {
		{ { .wanted = 2, .up = 2 }, HEALTH_WAIT },
		{ { .wanted = 2, .up = 2, .over = true }, HEALTH_GOOD },
		{ { .wanted = 2, .up = 1, .over = true }, HEALTH_BAD },
		{ { .wanted = 2, .up = 1, .unknown = 1, .over = true }, HEALTH_WAIT },
		{ { .wanted = 2, .up = 1, .crashed = "web.1" }, HEALTH_BAD },
		{ { .over = true }, HEALTH_GOOD },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(health_gate_judge(&cases[i].f), cases[i].want);
}

static void only_one_type_retires(void **state)
{
	auto_json *formation = json_pack("[{s:s, s:i}, {s:s, s:i}]",
		"type", "web", "quantity", 1, "type", "worker", "quantity", 1);
	auto_json *dynos = json_pack("[{s:s, s:s, s:s}, {s:s, s:s, s:s},"
		" {s:s, s:s, s:s}]",
		"kind", "formation", "type", "web", "name", "web.1",
		"kind", "formation", "type", "web", "name", "web.2",
		"kind", "formation", "type", "worker", "name", "worker.1");
	struct dyno_plan plan;

	dyno_plan_make(&(struct dyno_plan_spec){
		.formation = formation, .dynos = dynos, .scope = DYNO_SCOPE_ALL,
		.beside = "web",
	}, &plan);
	assert_int_equal(json_array_size(plan.add), 2);
	assert_int_equal(json_array_size(plan.retire), 1);
	assert_string_equal(json_str(json_array_get(plan.retire, 0), "name"), "web.1");
	assert_int_equal(json_array_size(plan.remove), 2);
	dyno_plan_deinit(&plan);
}

/* ---- phases that nobody ends ---- */

static char dir[64];
static struct controller_conf conf;

static int engine_set_up(void **state)
{
	static char owner[] = "u@example.com", size[] = "Basic";
	struct engine *g = NULL;
	struct error e;

	snprintf(dir, sizeof(dir), "/tmp/dyno-rel-XXXXXX");
	assert_non_null(mkdtemp(dir));
	conf = (struct controller_conf){
		.owner = owner, .default_size = size, .release_timeout = 3600,
	};
	if (engine_new(&g, &conf, dir, &e) < 0)
		fail_msg("%s", e.msg);
	*state = g;
	return 0;
}

static int engine_tear_down(void **state)
{
	engine_free(*state);
	return file_remove_tree(AT_FDCWD, dir, NULL);
}

static void app_read(struct engine *g, struct doc *ret)
{
	assert_int_equal(apps_find(g, "lost", ret, NULL), 0);
}

/* An app with a release that is pending. Returns its id. */
static char *app_pending(struct engine *g)
{
	auto_doc app = DOC_INIT;
	auto_json *body = json_loads("{\"process_types\":" PHASED "}", 0, NULL);
	auto_json *slug = NULL, *release = NULL;
	char sha256[SHA256_HEX_MAX];
	struct error e;

	memset(sha256, 'a', sizeof(sha256) - 1);
	sha256[sizeof(sha256) - 1] = '\0';
	if (apps_create(g, &(struct apps_new){ .name = "lost" }, &app, &e) != 0)
		fail_msg("%s", e.msg);
	assert_int_equal(slugs_create(g, app.j, body, &slug, &e), 0);
	assert_int_equal(slugs_uploaded(g, json_str(slug, "id"), sha256, 1, &e), 0);
	doc_deinit(&app);
	app_read(g, &app);
	if (releases_deploy(g, &app, json_str(slug, "id"), NULL, &release, &e) != 0)
		fail_msg("%s", e.msg);
	assert_string_equal(json_str(release, "status"), "pending");
	return xstrdup(json_str(app.j, "id"));
}

static void check_third(struct engine *g, const char *status, const char *failure)
{
	auto_doc app = DOC_INIT;
	auto_json *release = NULL;

	app_read(g, &app);
	assert_int_equal(releases_find(g, app.j, "v3", &release, NULL), 0);
	assert_string_equal(json_str(release, "status"), status);
	if (failure)
		assert_non_null(strstr(json_str(release, "failure"), failure));
	assert_int_equal(release_phase_is_busy(app.j), str_eq(status, "pending"));
	assert_int_equal(release_switch_current(app.j),
			 str_eq(status, "succeeded") ? 3 : 2);
}

static void a_phase_whose_host_is_lost_fails_at_its_deadline(void **state)
{
	struct engine *g = *state;
	auto_free char *app = app_pending(g);
	auto_json *dynos = NULL;
	uint64_t now = clock_real_usec();

	assert_int_equal(release_phase_tick(g, now + 3600 * USEC_PER_SEC, NULL), 0);
	check_third(g, "pending", NULL);
	assert_int_equal(release_phase_tick(g, now + 3662 * USEC_PER_SEC, NULL), 0);
	check_third(g, "failed", "did not end in time");
	assert_int_equal(dynos_list(g, app, &dynos, NULL), 0);
	assert_int_equal(json_array_size(dynos), 0);
	assert_int_equal(release_phase_tick(g, now, NULL), 0);
}

static void a_phase_whose_dyno_is_gone_fails(void **state)
{
	struct engine *g = *state;
	auto_free char *app = app_pending(g);
	auto_json *dynos = NULL;
	struct change c = change_begin(g);

	assert_int_equal(dynos_list(g, app, &dynos, NULL), 0);
	assert_int_equal(json_array_size(dynos), 1);
	dynos_remove(&c, app, json_array_get(dynos, 0));
	assert_int_equal(change_commit(&c, NULL), 0);
	change_deinit(&c);
	assert_int_equal(release_phase_tick(g, clock_real_usec(), NULL), 0);
	check_third(g, "failed", "the dyno is gone");
}

static void a_phase_ends_with_its_app(void **state)
{
	struct engine *g = *state;
	auto_free char *app = app_pending(g), *text = NULL;
	auto_free char *key = xasprintf("/release-phases/%s", app);
	auto_doc d = DOC_INIT;

	struct change c = change_begin(g);

	app_read(g, &d);
	change_delete(&c, "%s", d.key);
	assert_int_equal(change_commit(&c, NULL), 0);
	change_deinit(&c);
	assert_int_equal(release_phase_tick(g, clock_real_usec(), NULL), 0);
	assert_int_equal(state_get(g->state, key, &text, NULL, NULL), STATE_ABSENT);
}

static void an_output_is_cut_and_says_so(void **state)
{
	struct engine *g = *state;
	struct outputs_state s = { .size = 0 }, read;
	char line[10000];

	memset(line, 'x', sizeof(line));
	assert_int_equal(outputs_begin(g->outputs, NULL), 0);
	for (uint64_t i = 1; i <= 200; i++)
		assert_int_equal(outputs_add(g->outputs, "r", i, line, sizeof(line), &s,
					     NULL), 0);
	assert_int_equal(outputs_note(g->outputs, "r", &s, NULL), 0);
	assert_int_equal(outputs_commit(g->outputs, NULL), 0);
	assert_int_equal(outputs_state(g->outputs, "r", &read, NULL), 0);
	assert_true(read.full && !read.ended);
	assert_int_equal(read.number, 200);
	assert_true(read.size <= OUTPUTS_BYTES_MAX &&
		    read.size > OUTPUTS_BYTES_MAX - 2 * sizeof(line));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, engine_set_up, engine_tear_down)
	const struct CMUnitTest lost[] = {
		TEST(a_phase_whose_host_is_lost_fails_at_its_deadline),
		TEST(a_phase_whose_dyno_is_gone_fails),
		TEST(a_phase_ends_with_its_app),
		TEST(an_output_is_cut_and_says_so),
	};
	const struct CMUnitTest rules[] = {
		cmocka_unit_test(health_is_judged_by_crashes_first),
		cmocka_unit_test(only_one_type_retires),
	};
	const struct CMUnitTest real[] = {
		cmocka_unit_test(a_release_waits_for_its_command),
		cmocka_unit_test(a_command_that_fails_leaves_the_app_alone),
		cmocka_unit_test(releases_queue_behind_a_command),
		cmocka_unit_test(a_stopped_command_has_failed),
		cmocka_unit_test(what_has_failed_is_no_target_of_a_rollback),
		cmocka_unit_test(a_phase_survives_the_controller),
		cmocka_unit_test(the_output_is_kept_behind_a_url),
		cmocka_unit_test(a_one_off_runs_the_release_it_is_told),
		cmocka_unit_test(who_is_beaten_by_another_change_tries_again),
		cmocka_unit_test(no_secret_is_in_any_file),
		cmocka_unit_test(preboot_keeps_the_old_dynos_until_the_new_ones_serve),
		cmocka_unit_test(a_release_that_crashes_is_rolled_back_once),
		cmocka_unit_test(a_release_that_does_not_come_up_is_rolled_back),
		cmocka_unit_test(old_releases_expire),
	};
	int r = cmocka_run_group_tests(rules, NULL, NULL) +
		cmocka_run_group_tests(lost, NULL, NULL);

	return r + cmocka_run_group_tests(real, instance_setup, instance_teardown);
}
