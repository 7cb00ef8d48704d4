/*
 * The verbs of dynoctl against an API that the test plays: a child process
 * serves it on a unix socket and writes down what it was asked.
 */
#include "base/base.h"

#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "base/loop.h"
#include "base/process.h"
#include "base/sock.h"
#include "base/strv.h"
#include "http/json.h"
#include "http/server.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <cmocka.h>

struct fake {
	char dir[32];
	char socket[64];
	char record[64];	/* a line for each request */
	pid_t pid;
};

/* ---- the API: a child process ---- */

struct answer {
	const char *method, *path;
	int status;
	const char *body;
};

#define RELEASE(v, current) "{\"id\":\"id-" #v "\",\"version\":" #v "," \
	"\"description\":\"Deploy " #v "\",\"user\":{\"email\":\"a@b\"}," \
	"\"created_at\":\"2023-11-14T22:13:20Z\",\"status\":\"succeeded\"," \
	"\"eligible_for_rollback\":true,\"current\":" #current "}"

static const struct answer answers[] = {
	{ "GET", "/apps", 200, "[{\"name\":\"one\"},{\"name\":\"two\"}]" },
	{ "POST", "/apps", 201, "{\"name\":\"made\"}" },
	{ "GET", "/apps/gone", 404,
	  "{\"id\":\"not_found\",\"message\":\"Couldn't find that app.\"}" },
	{ "GET", "/apps/broken", 500, "<html>oops</html>" },
	{ "GET", "/apps/shop", 200, "{\"name\":\"shop\",\"owner\":{\"email\":"
	  "\"a@b\"},\"slug_size\":1048576}" },
	{ "DELETE", "/apps/shop", 200, "{}" },
	{ "GET", "/apps/shop/config-vars", 200, "{\"A\":\"1\",\"LONG\":\"x y\"}" },
	{ "PATCH", "/apps/shop/config-vars", 200, "{\"A\":\"2\"}" },
	{ "GET", "/apps/shop/releases", 200,
	  "[" RELEASE(3, true) "," RELEASE(2, false) "," RELEASE(1, false) "]" },
	{ "GET", "/apps/shop/releases/1", 200, RELEASE(1, false) },
	{ "POST", "/apps/shop/releases", 201, RELEASE(4, true) },
	{ "GET", "/apps/shop/formation", 200,
	  "[{\"type\":\"web\",\"quantity\":1,\"size\":\"Basic\"}]" },
	{ "PATCH", "/apps/shop/formation", 200,
	  "[{\"type\":\"web\",\"quantity\":2,\"size\":\"Basic\"}]" },
	{ "GET", "/apps/shop/dynos", 200,
	  "[{\"name\":\"web.1\",\"type\":\"web\",\"size\":\"Basic\",\"state\":"
	  "\"up\",\"command\":\"x\",\"release\":{\"version\":3}}]" },
	{ "POST", "/apps/shop/dynos", 201, "{\"name\":\"run.7\",\"attach_url\":"
	  "\"rendezvous://127.0.0.1:5000/s3cret\"}" },
	{ "DELETE", "/apps/shop/dynos", 202, "{}" },
	{ "DELETE", "/apps/shop/dynos/web.1", 202, "{}" },
	{ "DELETE", "/apps/shop/formations/web", 202, "{}" },
	{ "POST", "/apps/shop/dynos/web.1/actions/stop", 202, "{}" },
	{ "POST", "/apps/shop/slugs", 201,
	  "{\"id\":\"slug-1\",\"blob\":{\"method\":\"put\",\"url\":\"/blob\"}}" },
	{ "PUT", "/blob", 200, "" },
	{ "PUT", "/apps/shop/buildpack-installations", 200, "[]" },
	{ "GET", "/apps/shop/releases/v99", 404,
	  "{\"id\":\"not_found\",\"message\":\"Couldn't find that release (v99).\"}" },
	{ "POST", "/apps/shop/log-sessions", 201, "{\"logplex_url\":\"/stream\"}" },
	{ "GET", "/stream", 200, "first line\n\nsecond line\n" },
};

static int record_fd;

static void on_dyno(int fd, const void *early, size_t n_early, void *userdata)
{
	static const char frames[] = "R\0\0\0" "O\0\0\5hello" "X\0\0\1\52";

	file_set_nonblock(fd, false, NULL);
	file_write_all(fd, frames, sizeof(frames) - 1, NULL);
	close(fd);
}

static void on_request(struct http_request *req, void *userdata)
{
	const char *method = http_request_method(req);
	const char *path = http_request_path(req);
	size_t n;
	const char *body = http_request_body(req, &n);

	if (str_eq(path, "/blob"))
		dprintf(record_fd, "PUT /blob %zu\n", n);
	else
		dprintf(record_fd, "%s %s %s\n", method, path, n ? body : "");
	if (str_eq(path, "/attach/s3cret")) {
		http_upgrade(req, "dyno-attach/2", on_dyno, NULL);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
		const struct answer *a = &answers[i];

		if (!str_eq(a->method, method) || !str_eq(a->path, path))
			continue;
		http_reply_text(req, a->status, a->body[0] == '<' ? "text/html"
				: "application/json", a->body, strlen(a->body));
		return;
	}
	http_reply_text(req, 404, "application/json",
			"{\"message\":\"no such route\"}", 27);
}

static _Noreturn void fake_main(struct fake *f, int listen_fd)
{
	static struct http_route routes[ARRAY_SIZE(answers) + 1];
	struct http_server *server;
	sd_event *event;
	struct error e;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (size_t i = 0; i < ARRAY_SIZE(answers); i++)
		routes[i] = (struct http_route){
			.method = answers[i].method, .path = answers[i].path,
			.fn = on_request,
		};
	routes[ARRAY_SIZE(answers)] = (struct http_route){
		.method = "GET", .path = "/attach/:secret", .fn = on_request,
	};
	if (loop_new(&event, &e) < 0 ||
	    http_server_new(&server, event, routes, ARRAY_SIZE(routes), NULL,
			    &e) < 0 ||
	    http_server_listen(server, listen_fd, &e) < 0)
		_exit(1);
	loop_run(event, &e);
	http_server_free(server);
	sd_event_unref(event);
	_exit(0);
}

static int setup(void **state)
{
	struct fake *f = xcalloc(1, sizeof(*f));
	int fd;

	snprintf(f->dir, sizeof(f->dir), "/tmp/dyno-verbs-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->socket, sizeof(f->socket), "%s/api.sock", f->dir);
	snprintf(f->record, sizeof(f->record), "%s/record", f->dir);
	record_fd = open(f->record, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC,
			 0600);
	fd = sock_listen_unix(f->socket, 0600, NULL);
	assert_true(fd >= 0 && record_fd >= 0);
	f->pid = fork();
	if (f->pid == 0)
		fake_main(f, fd);
	close(fd);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fake *f = *state;

	kill(f->pid, SIGTERM);
	waitpid(f->pid, NULL, 0);
	record_fd = fd_close(record_fd);
	file_remove_tree(AT_FDCWD, f->dir, NULL);
	free(f);
	return 0;
}

/* ---- dynoctl ---- */

struct outcome {
	int status;
	struct buf out, err, asked;
};

static void outcome_deinit(struct outcome *o)
{
	buf_deinit(&o->out);
	buf_deinit(&o->err);
	buf_deinit(&o->asked);
}

#define auto_outcome auto_(outcome_deinit) struct outcome

static void slurp(int fd, struct buf *ret)
{
	char chunk[4096];
	ssize_t n;

	lseek(fd, 0, SEEK_SET);
	while ((n = read(fd, chunk, sizeof(chunk))) > 0)
		buf_add(ret, chunk, (size_t)n);
	buf_add(ret, "", 0);
}

/* Words are separated by blanks; "DIR" is the fake's directory. */
static void ctl(struct fake *f, const char *line, struct outcome *ret)
{
	const char *top = getenv("top_builddir");
	auto_free char *path = xasprintf("%s/dynoctl", top ? top : ".");
	auto_free char *words = xstrdup(line);
	auto_strv argv = STRV_INIT, envp = STRV_INIT;
	struct process_spec spec = PROCESS_SPEC_INIT;
	auto_close int out_fd = -1, err_fd = -1, pidfd = -1, rec_fd = -1;
	char *rest = words, *word;
	pid_t pid;

	*ret = (struct outcome){ 0 };
	strv_add(&argv, "dynoctl");
	while ((word = strsep(&rest, " ")))
		strv_add(&argv, str_eq(word, "DIR") ? f->dir : word);
	strv_addf(&envp, "DYNO_API_SOCKET=%s", f->socket);
	strv_add(&envp, "DYNO_APP=shop");
	strv_add(&envp, "TZ=UTC");
	strv_add(&envp, "ASAN_OPTIONS=detect_leaks=0");
	assert_int_equal(truncate(f->record, 0), 0);
	out_fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	err_fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	spec.path = path;
	spec.argv = strv_argv(&argv);
	spec.envp = strv_argv(&envp);
	spec.stdout_fd = out_fd;
	spec.stderr_fd = err_fd;
	assert_int_equal(process_spawn(&spec, &pid, &pidfd, NULL), 0);
	assert_int_equal(process_wait(pidfd, &ret->status, NULL), 0);
	slurp(out_fd, &ret->out);
	slurp(err_fd, &ret->err);
	rec_fd = open(f->record, O_RDONLY | O_CLOEXEC);
	slurp(rec_fd, &ret->asked);
}

static void check(struct fake *f, const char *line, int status,
		  const char *out, const char *err, const char *asked)
{
	auto_outcome o;

	ctl(f, line, &o);
	if (o.status != status)
		fail_msg("%s: status %d: %s", line, o.status, o.err.data);
	if (out)
		assert_string_equal(o.out.data, out);
	if (err)
		assert_string_equal(o.err.data, err);
	if (asked)
		assert_string_equal(o.asked.data, asked);
}

static void apps_are_listed_made_and_shown(void **state)
{
	check(*state, "apps", 0, "one\ntwo\n", "", "GET /apps \n");
	check(*state, "apps:create", 0, "made\n", "", "POST /apps {}\n");
	check(*state, "apps:create made", 0, "made\n", "",
	      "POST /apps {\"name\":\"made\"}\n");
	check(*state, "apps:info --json", 0, "{\n  \"name\": \"shop\",\n"
	      "  \"owner\": {\n    \"email\": \"a@b\"\n  },\n"
	      "  \"slug_size\": 1048576\n}\n", "", NULL);
}

static void the_message_of_the_api_is_the_error(void **state)
{
	check(*state, "apps:info gone", 1, "",
	      "dynoctl: Couldn't find that app.\n", NULL);
	check(*state, "apps:info broken", 1, "",
	      "dynoctl: GET /apps/broken: HTTP status 500\n", NULL);
}

static void a_release_is_asked_for_as_it_is_named(void **state)
{
	check(*state, "releases:wait v99", 1, "",
	      "dynoctl: Couldn't find that release (v99).\n",
	      "GET /apps/shop/releases/v99 \n");
	check(*state, "releases:wait 1", 0, "", "", NULL);
}

static void one_buildpack_is_no_plural(void **state)
{
	check(*state, "buildpacks:set a", 0, "shop has 1 buildpack\n", "",
	      "PUT /apps/shop/buildpack-installations "
	      "{\"updates\":[{\"buildpack\":\"a\"}]}\n");
	check(*state, "buildpacks:set a b", 0, "shop has 2 buildpacks\n", "", NULL);
}

static void an_app_is_destroyed_only_if_its_name_is_repeated(void **state)
{
	check(*state, "apps:destroy", 2, "", NULL, "");
	check(*state, "apps:destroy --confirm other", 2, "",
	      "dynoctl: --confirm other does not name shop\n", "");
	check(*state, "accounts:remove a@b", 2, "", "dynoctl: this removes the account a@b "
	      "and its tokens; say --confirm a@b\n", "");
	check(*state, "apps:destroy shop --confirm shop", 0, "", "",
	      "DELETE /apps/shop \n");
}

static void config_vars_are_shown_and_changed(void **state)
{
	check(*state, "config", 0, "=== shop Config Vars\n\nA:    1\nLONG: x y\n",
	      "", "GET /apps/shop/config-vars \n");
	check(*state, "config -s", 0, "A=1\nLONG='x y'\n", "", NULL);
	check(*state, "config:get LONG", 0, "x y\n", "", NULL);
	check(*state, "config:get NOPE", 1, "", "", NULL);
	check(*state, "config:set A=2 B==", 0, "A: 2\nB: =\n", "",
	      "PATCH /apps/shop/config-vars {\"A\":\"2\",\"B\":\"=\"}\n");
	check(*state, "config:unset A B", 0, "", "",
	      "PATCH /apps/shop/config-vars {\"A\":null,\"B\":null}\n");
	check(*state, "config:set NOVALUE", 2, "", NULL, "");
}

static void the_formation_is_shown_and_changed(void **state)
{
	check(*state, "scale", 0, "web=1:Basic\n", "",
	      "GET /apps/shop/formation \n");
	check(*state, "ps:scale web=2 worker+1:eco", 0, "", "",
	      "PATCH /apps/shop/formation {\"updates\":[{\"type\":\"web\","
	      "\"quantity\":\"2\"},{\"type\":\"worker\",\"quantity\":\"+1\","
	      "\"size\":\"eco\"}]}\n");
	check(*state, "scale web=two", 2, "", NULL, "");
}

static void sizes_are_shown_and_changed_of_one_type_or_all(void **state)
{
	check(*state, "ps:type", 0, "TYPE  SIZE   QUANTITY  COMMAND\n"
	      "web   Basic  1         -\n", "", "GET /apps/shop/formation \n");
	check(*state, "ps:type eco", 0, "", "", "GET /apps/shop/formation \n"
	      "PATCH /apps/shop/formation {\"updates\":[{\"type\":\"web\","
	      "\"size\":\"eco\"}]}\n");
	check(*state, "ps:resize worker=eco web=basic", 0, "", "",
	      "GET /apps/shop/formation \n"
	      "PATCH /apps/shop/formation {\"updates\":[{\"type\":\"worker\","
	      "\"size\":\"eco\"},{\"type\":\"web\",\"size\":\"basic\"}]}\n");
	check(*state, "ps:type web=", 2, "", NULL, NULL);
}

static void dynos_are_shown_restarted_and_stopped(void **state)
{
	check(*state, "ps", 0, "=== web (Basic): x (1)\n\nweb.1: up -\n\n", "",
	      "GET /apps/shop/dynos \n");
	check(*state, "ps worker", 1, "", "dynoctl: no worker dynos on shop\n",
	      NULL);
	check(*state, "restart", 0, "", "", "DELETE /apps/shop/dynos \n");
	check(*state, "restart web.1", 0, "", "",
	      "DELETE /apps/shop/dynos/web.1 \n");
	check(*state, "restart web", 0, "", "",
	      "DELETE /apps/shop/formations/web \n");
	check(*state, "stop web.1", 0, "", "",
	      "POST /apps/shop/dynos/web.1/actions/stop \n");
	check(*state, "wait", 0, "", "", NULL);
	check(*state, "wait --timeout 0 web", 0, "", "", NULL);
	check(*state, "ps:wait --fail-fast web", 0, "", "", NULL);
	check(*state, "ps:restart web.1", 0, "", "",
	      "DELETE /apps/shop/dynos/web.1 \n");
}

static void releases_are_shown_and_rolled_back(void **state)
{
	check(*state, "releases", 0, "=== shop Releases - Current: v3\n\n"
	      "v3    Deploy 3  a@b  2023/11/14 22:13:20 +0000\n"
	      "v2    Deploy 2  a@b  2023/11/14 22:13:20 +0000\n"
	      "v1    Deploy 1  a@b  2023/11/14 22:13:20 +0000\n", "", NULL);
	check(*state, "rollback", 0, "v4\n", "", "GET /apps/shop/releases \n"
	      "POST /apps/shop/releases {\"release\":\"id-2\"}\n");
	check(*state, "rollback v1", 0, "v4\n", "", "GET /apps/shop/releases/1 \n"
	      "POST /apps/shop/releases {\"release\":\"id-1\"}\n");
	check(*state, "rollback x", 2, "", NULL, "");
}

static void logs_are_printed_without_what_keeps_the_stream_alive(void **state)
{
	check(*state, "logs", 0, "first line\nsecond line\n", "",
	      "POST /apps/shop/log-sessions {\"lines\":100,\"tail\":false}\n"
	      "GET /stream \n");
	check(*state, "logs -n 5 -d web.1 -s app", 0,
	      "first line\nsecond line\n", "",
	      "POST /apps/shop/log-sessions {\"lines\":5,\"tail\":false,"
	      "\"dyno\":\"web.1\",\"source\":\"app\"}\nGET /stream \n");
	check(*state, "logs -n 1501", 2, "", NULL, "");
}

static void run_attaches_by_the_secret_and_has_the_remote_status(void **state)
{
	check(*state, "run -s eco -e K=v=w sh -c true", 42, "hello", "",
	      "POST /apps/shop/dynos {\"env\":{\"K\":\"v=w\"},\"size\":\"eco\","
	      "\"command\":\"sh -c true\",\"attach\":true,"
	      "\"force_no_tty\":true}\nGET /attach/s3cret \n");
	check(*state, "run --detach true", 0, "run.7\n", "",
	      "POST /apps/shop/dynos {\"env\":{},\"command\":\"true\","
	      "\"attach\":false}\n");
	check(*state, "run:detached true", 0, "run.7\n", "",
	      "POST /apps/shop/dynos {\"env\":{},\"command\":\"true\","
	      "\"attach\":false}\n");
	check(*state, "run", 2, "", NULL, "");
	check(*state, "run -e novalue true", 2, "", NULL, "");
}

static void a_directory_is_packed_uploaded_and_released(void **state)
{
	struct fake *f = *state;
	auto_free char *procfile = xasprintf("%s/Procfile", f->dir);
	auto_outcome o;
	const char *p;

	check(f, "deploy DIR", 1, "", NULL, "");	/* no Procfile yet */
	assert_int_equal(file_write_fast(AT_FDCWD, procfile, "web: ./run\n", 11,
					 0644, NULL), 0);
	ctl(f, "deploy shop DIR", &o);
	assert_int_equal(o.status, 0);
	assert_string_equal(o.out.data, "Released v4 of shop\n");
	p = str_after(o.asked.data, "POST /apps/shop/slugs {\"process_types\":"
		      "{\"web\":\"./run\"},\"checksum\":\"SHA256:");
	assert_non_null(p);
	p = strchr(p, '\n');
	assert_non_null(str_after(p, "\nPUT /blob "));
	assert_true(strtol(p + 11, NULL, 10) > 50);
	assert_non_null(strstr(p, "POST /apps/shop/releases {\"slug\":\"slug-1\","
			       "\"description\":\"Deploy "));
}

static void wrong_usage_is_status_2_and_asks_nothing(void **state)
{
	check(*state, "nosuchverb", 2, "", NULL, "");
	check(*state, "apps extra", 2, "", NULL, "");
	check(*state, "ps --nosuchoption", 2, "", NULL, "");
	check(*state, "stop", 2, "", NULL, "");
	check(*state, "sandbox start", 2, "", NULL, "");
	check(*state, "--root DIR sandbox nothing", 2, "", NULL, "");
}

static void without_a_controller_there_is_one_sentence(void **state)
{
	auto_outcome o;

	ctl(*state, "--root DIR apps", &o);
	assert_int_equal(o.status, 1);
	assert_non_null(strstr(o.err.data, "dynoctl: no controller here"));
	assert_ptr_equal(strchr(o.err.data, '\n') + 1,
			 o.err.data + o.err.len);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(apps_are_listed_made_and_shown),
		cmocka_unit_test(the_message_of_the_api_is_the_error),
		cmocka_unit_test(a_release_is_asked_for_as_it_is_named),
		cmocka_unit_test(one_buildpack_is_no_plural),
		cmocka_unit_test(an_app_is_destroyed_only_if_its_name_is_repeated),
		cmocka_unit_test(config_vars_are_shown_and_changed),
		cmocka_unit_test(the_formation_is_shown_and_changed),
		cmocka_unit_test(sizes_are_shown_and_changed_of_one_type_or_all),
		cmocka_unit_test(dynos_are_shown_restarted_and_stopped),
		cmocka_unit_test(releases_are_shown_and_rolled_back),
		cmocka_unit_test(logs_are_printed_without_what_keeps_the_stream_alive),
		cmocka_unit_test(run_attaches_by_the_secret_and_has_the_remote_status),
		cmocka_unit_test(a_directory_is_packed_uploaded_and_released),
		cmocka_unit_test(wrong_usage_is_status_2_and_asks_nothing),
		cmocka_unit_test(without_a_controller_there_is_one_sentence),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
