/*
 * test-haproxy-conf.c - routes in, HAProxy's words out; and HAProxy, where it
 * is installed, has to understand them.
 */
#include "base/error.h"
#include "base/file.h"
#include "base/process.h"
#include "router/haproxy_conf.h"

#include <fcntl.h>
#include <setjmp.h>
#include <sys/socket.h>
#include <cmocka.h>

#define HAPROXY "/usr/sbin/haproxy"

struct made {
	struct buf conf, map;
};

static void make(struct made *m, const char *text)
{
	struct routes r = ROUTES_INIT;
	struct error e;

	*m = (struct made){ 0 };
	assert_int_equal(routes_parse(&r, text, strlen(text), &e), 0);
	haproxy_conf_make(&r, &m->conf, &m->map);
	routes_deinit(&r);
}

static void made_free(struct made *m)
{
	buf_deinit(&m->conf);
	buf_deinit(&m->map);
}

#define DYNO(n, state) "{\"name\":\"web." #n "\"," \
	"\"id\":\"00000000-0000-4000-8000-00000000000" #n "\"," \
	"\"address\":\"172.16.0." #n "\",\"port\":500" #n \
	",\"state\":\"" state "\"}"
#define LOST "{\"name\":\"web.9\"," \
	"\"id\":\"00000000-0000-4000-8000-000000000009\",\"address\":null," \
	"\"port\":null,\"state\":\"starting\"}"
#define APP(rest) "{\"revision\":1,\"routes\":[{\"app\":\"a\"," \
	"\"hosts\":[\"a.localhost\",\"b.example\",\"*.c.example\"]," rest "}]}"
#define SERVER(n) "\tserver web." #n "-00000000-0000-4000-8000-00000000000" \
	#n " 172.16.0." #n ":500" #n "\n"

/* What stands behind "backend app-a". */
static const char *backend(const struct made *m)
{
	const char *s = strstr(m->conf.data, "\nbackend app-a\n");

	assert_non_null(s);
	return s;
}

static void hosts_lead_to_the_backend(void **state)
{
	struct made m;

	make(&m, APP("\"web\":1,\"dynos\":[" DYNO(1, "up") "]"));
	assert_string_equal(m.map.data, "a.localhost app-a\nb.example app-a\n"
			    "*.c.example app-a\n");
	assert_non_null(strstr(m.conf.data, "map(hosts.map)"));
	assert_non_null(strstr(m.conf.data, "\tbind fd@3\n"));
	made_free(&m);
}

static void only_dynos_that_are_up_get_requests(void **state)
{
	struct made m;

	make(&m, APP("\"web\":4,\"dynos\":[" DYNO(1, "up") "," DYNO(2, "starting")
		     "," DYNO(3, "crashed") "," DYNO(4, "up") "," DYNO(5, "down")
		     "]"));
	assert_non_null(strstr(backend(&m), "\tretries 1\n" SERVER(1) SERVER(4)));
	assert_null(strstr(backend(&m), "web.2"));
	assert_null(strstr(backend(&m), "web.3"));
	assert_null(strstr(backend(&m), "web.5"));
	assert_null(strstr(backend(&m), "no option redispatch"));
	made_free(&m);
}

static void starting_dynos_are_waited_for(void **state)
{
	struct made m;

	make(&m, APP("\"web\":3,\"dynos\":[" DYNO(1, "crashed") ","
		     DYNO(2, "starting") "," LOST "]"));
	assert_non_null(strstr(backend(&m), "\tretries 74\n" SERVER(2)));
	assert_null(strstr(backend(&m), "web.9"));
	made_free(&m);
}

static void who_cannot_be_tried_yet_is_waited_for_in_the_router(void **state)
{
	static const char *const cases[] = {
		APP("\"web\":1,\"idle\":true,\"dynos\":[" DYNO(1, "idle") "]"),
		/* It is about to be ended. */
		APP("\"web\":1,\"idle\":true,\"dynos\":[" DYNO(1, "up") "]"),
		/* It has just been woken. */
		APP("\"web\":1,\"idle\":false,\"dynos\":[" DYNO(1, "idle") "]"),
		APP("\"web\":1,\"dynos\":[" LOST "]"),
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct made m;

		make(&m, cases[i]);
		assert_non_null(strstr(backend(&m),
			"set-header X-Dyno-Waits-For a\n\ttimeout server 105s\n"
			"\tretries 0\n\tserver room unix@room.sock\n"));
		assert_null(strstr(backend(&m), "web.1"));
		assert_null(strstr(backend(&m), "return"));
		made_free(&m);
	}
}

static void each_page_has_its_reason(void **state)
{
	static const struct { const char *text, *code; } cases[] = {
		{ APP("\"web\":1,\"maintenance\":true,\"dynos\":["
		      DYNO(1, "up") "]"), "(H80)" },
		{ APP("\"web\":1,\"blank\":true"), "(H81)" },
		{ APP("\"web\":0,\"dynos\":[" DYNO(1, "up") "]"), "(H14)" },
		{ APP("\"web\":2,\"dynos\":[" DYNO(1, "crashed") ","
		      DYNO(2, "crashed") "]"), "(H10)" },
		{ APP("\"web\":1,\"idle\":true,\"maintenance\":true,\"dynos\":["
		      DYNO(1, "idle") "]"), "(H80)" },
		{ APP("\"web\":1,\"dynos\":[" DYNO(1, "down") "]"), "(H20)" },
		{ APP("\"web\":1"), "(H20)" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct made m;

		make(&m, cases[i].text);
		assert_non_null(strstr(backend(&m), "return status 503"));
		assert_non_null(strstr(backend(&m), cases[i].code));
		assert_null(strstr(backend(&m), "\tserver "));
		made_free(&m);
	}
}

static void unknown_hosts_get_404_once_routes_are_known(void **state)
{
	struct made m;

	make(&m, "{\"revision\":1,\"routes\":[]}");
	assert_non_null(strstr(m.conf.data, "return status 404"));
	assert_int_equal(m.map.len, 0);
	made_free(&m);
	haproxy_conf_make(NULL, &m.conf, &m.map);
	assert_null(strstr(m.conf.data, "return status 404"));
	assert_non_null(strstr(m.conf.data, "(H99)"));
	made_free(&m);
}

static void same_routes_make_the_same_text(void **state)
{
	static const char text[] = APP("\"web\":1,\"dynos\":[" DYNO(1, "up") "]");
	struct made a, b;

	make(&a, text);
	make(&b, text);
	assert_string_equal(a.conf.data, b.conf.data);
	made_free(&a);
	made_free(&b);
}

static void put(const char *dir, const char *name, const struct buf *b)
{
	auto_free char *path = xasprintf("%s/%s", dir, name);

	assert_int_equal(file_write_fast(AT_FDCWD, path, buf_str(b), b->len, 0600,
					 NULL), 0);
}

static int check(const char *dir)
{
	const char *argv[] = { HAPROXY, "-c", "-q", "-f", HAPROXY_CONF_FILE, NULL };
	struct process_spec spec = PROCESS_SPEC_INIT;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), pidfd, status;
	struct error e;
	pid_t pid;

	assert_true(fd >= 0);
	assert_int_equal(listen(fd, 1), 0);
	spec.path = HAPROXY;
	spec.argv = (char *const *)(uintptr_t)argv;
	spec.cwd = dir;
	spec.fds = &fd;
	spec.n_fds = 1;
	assert_int_equal(process_spawn(&spec, &pid, &pidfd, &e), 0);
	assert_int_equal(process_wait(pidfd, &status, &e), 0);
	close(pidfd);
	close(fd);
	return status;
}

static void haproxy_understands_it(void **state)
{
	static const char *const texts[] = {
		APP("\"web\":2,\"dynos\":[" DYNO(1, "up") "," DYNO(2, "up") "]"),
		APP("\"web\":2,\"dynos\":[" DYNO(1, "starting") "]"),
		APP("\"web\":0,\"maintenance\":true"),
		APP("\"web\":1,\"dynos\":[" DYNO(1, "crashed") "]"),
		"{\"revision\":1,\"routes\":[]}",
	};
	char dir[] = "/tmp/dyno-router-XXXXXX";
	auto_buf page = BUF_INIT;

	if (access(HAPROXY, X_OK) < 0)
		skip();
	assert_non_null(mkdtemp(dir));
	haproxy_conf_page(&page);
	put(dir, HAPROXY_CONF_PAGE, &page);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct made m;

		make(&m, texts[i]);
		put(dir, HAPROXY_CONF_FILE, &m.conf);
		put(dir, HAPROXY_CONF_MAP, &m.map);
		assert_int_equal(check(dir), 0);
		if (i == 0) {	/* the check itself can fail */
			buf_adds(&m.conf, "\tnonsense\n");
			put(dir, HAPROXY_CONF_FILE, &m.conf);
			assert_int_not_equal(check(dir), 0);
		}
		made_free(&m);
	}
	assert_int_equal(file_remove_tree(AT_FDCWD, dir, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hosts_lead_to_the_backend),
		cmocka_unit_test(only_dynos_that_are_up_get_requests),
		cmocka_unit_test(starting_dynos_are_waited_for),
		cmocka_unit_test(who_cannot_be_tried_yet_is_waited_for_in_the_router),
		cmocka_unit_test(each_page_has_its_reason),
		cmocka_unit_test(unknown_hosts_get_404_once_routes_are_known),
		cmocka_unit_test(same_routes_make_the_same_text),
		cmocka_unit_test(haproxy_understands_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
