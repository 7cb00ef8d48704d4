/*
 * test-dyno-slug.c - the program, from outside: results, exit status, messages.
 */
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "base/process.h"
#include "base/strv.h"
#include "slugstore/store.h"
#include "tests/slugstore/fake_http.h"
#include "tests/slugstore/maker.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <setjmp.h>
#include <cmocka.h>

#define NONE "0000000000000000000000000000000000000000000000000000000000000000"

struct fixture {
	char *dir, *store, *config, *socket, *file, *program;
	int slug_fd;
	char sha256[SHA256_HEX_MAX];
	struct fake_http http;
	struct buf out, err;
};

static void write_file(const char *path, int from)
{
	auto_close int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	char block[4096];
	ssize_t n, at = 0;

	assert_true(fd >= 0);
	while ((n = pread(from, block, sizeof(block), at)) > 0) {
		assert_int_equal(write(fd, block, (size_t)n), n);
		at += n;
	}
}

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	const char *top = getenv("top_builddir");
	auto_(store_free_p) struct store *s = NULL;
	auto_free char *scratch = NULL;

	f->program = xasprintf("%s/dyno-slug", top ? top : ".");
	f->dir = maker_new_dir();
	f->store = xasprintf("%s/store", f->dir);
	f->config = xasprintf("%s/slugs.conf", f->dir);
	assert_int_equal(file_write_fast(AT_FDCWD, f->config, "retries = 0\n",
					 strlen("retries = 0\n"), 0644, NULL), 0);
	f->socket = xasprintf("%s/sock", f->dir);
	f->file = xasprintf("%s/slug.tgz", f->dir);
	f->slug_fd = maker_slug();
	write_file(f->file, f->slug_fd);
	scratch = xasprintf("%s/scratch", f->dir);
	assert_int_equal(store_open(&s, scratch, NULL), 0);
	maker_import(s, f->slug_fd, f->sha256);
	fake_http_start(&f->http, f->socket, f->slug_fd);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	fake_http_stop(&f->http);
	fd_close(f->slug_fd);
	maker_remove_dir(f->dir);
	buf_deinit(&f->out);
	buf_deinit(&f->err);
	free(f->store);
	free(f->config);
	free(f->socket);
	free(f->file);
	free(f->program);
	free(f);
	return 0;
}

static void collect(int fd, struct buf *b)
{
	char block[4096];
	ssize_t n;

	buf_clear(b);
	lseek(fd, 0, SEEK_SET);
	while ((n = read(fd, block, sizeof(block))) > 0)
		buf_add(b, block, (size_t)n);
}

/* Run with arguments up to NULL; the exit status. */
static int run_in(struct fixture *f, int stdin_fd, const char *const *args)
{
	auto_strv argv = STRV_INIT;
	auto_close int out = memfd_create("out", MFD_CLOEXEC);
	auto_close int err = memfd_create("err", MFD_CLOEXEC);
	auto_close int pidfd = -1;
	struct process_spec spec = PROCESS_SPEC_INIT;
	struct error e;
	int status;
	pid_t pid;

	strv_add(&argv, "dyno-slug");
	for (; *args; args++)
		strv_add(&argv, *args);
	spec.path = f->program;
	spec.argv = strv_argv(&argv);
	spec.stdin_fd = stdin_fd;
	spec.stdout_fd = out;
	spec.stderr_fd = err;
	assert_int_equal(process_spawn(&spec, &pid, &pidfd, &e), 0);
	assert_int_equal(process_wait(pidfd, &status, &e), 0);
	collect(out, &f->out);
	collect(err, &f->err);
	return status;
}

#define run(f, ...) \
	run_in(f, -1, (const char *const []){ "--store", (f)->store, \
					      "--config", (f)->config, \
					      __VA_ARGS__, NULL })

/* One sentence on standard error, and it holds text. */
static void assert_says(struct fixture *f, const char *text)
{
	const char *nl = strchr(buf_str(&f->err), '\n');

	assert_non_null(str_after(buf_str(&f->err), "dyno-slug: "));
	assert_true(nl && !nl[1]);
	if (!strstr(buf_str(&f->err), text))
		fail_msg("\"%s\" does not say \"%s\"", buf_str(&f->err), text);
}

static void assert_printed(struct fixture *f, const char *text)
{
	auto_free char *line = xasprintf("%s\n", text);

	assert_string_equal(buf_str(&f->out), line);
	assert_string_equal(buf_str(&f->err), "");
}

static void assert_store_empty(struct fixture *f)
{
	assert_int_equal(maker_count(f->store, "blobs"), 0);
	assert_int_equal(maker_count(f->store, "incoming"), 0);
}

static void import_unpack_list_verify_and_remove(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(run(f, "import", f->file), 0);
	assert_printed(f, f->sha256);
	assert_int_equal(run(f, "import", "--sha256", f->sha256, f->file), 0);
	assert_int_equal(run(f, "unpack", f->sha256), 0);
	assert_string_equal(buf_str(&f->out), "");
	assert_int_equal(run(f, "ls"), 0);
	assert_non_null(strstr(buf_str(&f->out), f->sha256));
	assert_non_null(strstr(buf_str(&f->out), "  unpacked  "));
	assert_int_equal(run(f, "ls", "--json"), 0);
	assert_non_null(strstr(buf_str(&f->out), "\"unpacked\": true"));
	assert_int_equal(run(f, "verify"), 0);
	assert_int_equal(run(f, "verify", f->sha256), 0);
	assert_int_equal(run(f, "rm", f->sha256), 0);
	assert_int_equal(run(f, "rm", f->sha256), 3);
	assert_int_equal(run(f, "ls"), 0);
	assert_string_equal(buf_str(&f->out), "");
	assert_int_equal(run(f, "ls", "--json"), 0);
	assert_printed(f, "[]");
}

static void import_reads_standard_input(void **state)
{
	struct fixture *f = *state;
	const char *const args[] = { "--store", f->store, "import", "-", NULL };

	lseek(f->slug_fd, 0, SEEK_SET);
	assert_int_equal(run_in(f, f->slug_fd, args), 0);
	assert_printed(f, f->sha256);
}

static void absence_has_a_status_of_its_own(void **state)
{
	struct fixture *f = *state;
	auto_free char *url = xasprintf("http://127.0.0.1:%d/gone",
					f->http.port);

	assert_int_equal(run(f, "unpack", NONE), 3);
	assert_says(f, "no slug " NONE " here");
	assert_int_equal(run(f, "verify", NONE), 3);
	assert_int_equal(run(f, "fetch", url), 3);
	assert_says(f, "the server has no such slug");
	assert_int_equal(run(f, "get", NONE, url), 3);
	assert_store_empty(f);
}

static void wrong_use_is_status_2(void **state)
{
	struct fixture *f = *state;
	const char *const no_store[] = { "ls", NULL };
	const char *const nothing[] = { NULL };

	assert_int_equal(run(f, "frobnicate"), 2);
	assert_int_equal(run(f, "import"), 2);
	assert_int_equal(run(f, "import", "--json", f->file), 2);
	assert_int_equal(run(f, "import", "--sha256", "abc", f->file), 2);
	assert_int_equal(run(f, "unpack", "--frob", NONE), 2);
	assert_int_equal(run_in(f, -1, no_store), 2);
	assert_says(f, "--store DIR");
	assert_int_equal(run_in(f, -1, nothing), 2);
	assert_int_equal(run(f, "help"), 0);
	assert_non_null(strstr(buf_str(&f->out), "unpack SHA256"));
}

static void failures_are_one_sentence(void **state)
{
	struct fixture *f = *state;
	auto_free char *bad = xasprintf("%s/bad", f->dir);
	auto_free char *empty = xasprintf("%s/empty", f->dir);

	assert_int_equal(file_write_fast(AT_FDCWD, bad, "bad", 3, 0644, NULL), 0);
	assert_int_equal(file_write_fast(AT_FDCWD, empty, "", 0, 0644, NULL), 0);
	assert_int_equal(run(f, "import", "/nowhere/slug.tgz"), 1);
	assert_says(f, "open /nowhere/slug.tgz: No such file or directory");
	assert_int_equal(run(f, "import", empty), 1);
	assert_says(f, "slug: the file is empty");
	assert_int_equal(run(f, "import", "--sha256", NONE, f->file), 4);
	assert_says(f, "expected " NONE ", got");
	assert_int_equal(run(f, "check", bad), 1);
	assert_says(f, "slug: not a tar archive");
	assert_int_equal(run(f, "check", f->file), 0);
	assert_printed(f, "4 entries, 23 bytes");
	assert_int_equal(run(f, "unpack", "xyz"), 1);
	assert_says(f, "is not a SHA-256");
	assert_store_empty(f);
}

static void get_downloads_once_and_unpacks(void **state)
{
	struct fixture *f = *state;
	auto_free char *url = xasprintf("http://127.0.0.1:%d/slug",
					f->http.port);
	auto_free char *app = xasprintf("trees/%s/app", f->sha256);

	assert_int_equal(run(f, "get", f->sha256, url), 0);
	assert_string_equal(buf_str(&f->err), "");
	assert_int_equal(maker_count(f->store, app), 3);
	/* The second time no server is needed. */
	assert_int_equal(run(f, "get", f->sha256, "http://127.0.0.1:1/x"), 0);
	assert_int_equal(maker_count(f->store, "incoming"), 0);
}

static void get_fetches_again_what_turns_out_to_be_damaged(void **state)
{
	struct fixture *f = *state;
	auto_free char *url = xasprintf("http://127.0.0.1:%d/slug",
					f->http.port);
	auto_free char *blob = xasprintf("%s/blobs/%s", f->store, f->sha256);

	assert_int_equal(run(f, "import", f->file), 0);
	assert_int_equal(run(f, "keep", f->sha256), 0);
	assert_int_equal(truncate(blob, 60), 0);
	assert_int_equal(run(f, "get", f->sha256, url), 0);
	assert_says(f, "was damaged (expected ");
	assert_int_equal(maker_count(f->store, "damaged"), 1);
	assert_int_equal(run(f, "verify"), 0);
	/* That is told once, not as long as it lies there. */
	assert_int_equal(run(f, "keep"), 0);
	assert_int_equal(run(f, "rm", f->sha256), 0);
	assert_int_equal(run(f, "get", f->sha256, url), 0);
	assert_string_equal(buf_str(&f->err), "");
}

static void fetch_follows_few_redirects_and_only_to_http(void **state)
{
	struct fixture *f = *state;
	auto_free char *base = xasprintf("http://127.0.0.1:%d", f->http.port);
	auto_free char *moved = xasprintf("%s/moved", base);
	auto_free char *loop = xasprintf("%s/loop", base);
	auto_free char *file = xasprintf("%s/file", base);
	auto_free char *local = xasprintf("file://%s", f->file);

	assert_int_equal(run(f, "fetch", loop), 1);
	assert_says(f, "redirects");
	assert_int_equal(run(f, "fetch", file), 1);
	assert_says(f, "redirects to \"file\", which is neither http nor https");
	assert_int_equal(run(f, "fetch", local), 1);
	assert_says(f, "the scheme is none of http, https and s3");
	assert_store_empty(f);
	assert_int_equal(run(f, "fetch", moved), 0);
	assert_printed(f, f->sha256);
}

static void a_failed_download_leaves_nothing(void **state)
{
	static const struct { const char *path, *says; } cases[] = {
		{ "/short", "bytes" },
		{ "/huge", "slug: more than 524288000 bytes" },
		{ "/fail", "the server answers with status 500" },
		{ "/secret", "the server answers with status 401" },
	};
	struct fixture *f = *state;
	auto_free char *slug = xasprintf("http://127.0.0.1:%d/slug",
					 f->http.port);

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_free char *url = xasprintf("http://127.0.0.1:%d%s",
						f->http.port, cases[i].path);

		assert_int_equal(run(f, "fetch", url), 1);
		assert_says(f, cases[i].says);
		assert_says(f, url);
		assert_store_empty(f);
	}
	assert_int_equal(run(f, "get", NONE, slug), 4);
	assert_says(f, "expected " NONE ", got");
	assert_int_equal(run(f, "fetch", "http://127.0.0.1:1/x"), 1);
	assert_store_empty(f);
}

static void headers_come_from_a_file_too(void **state)
{
	static const char text[] = "X-Other: 1\nX-Token: t0ps3cret\n";
	struct fixture *f = *state;
	auto_free char *file = xasprintf("%s/headers", f->dir);
	auto_free char *at = xasprintf("@%s", file);
	auto_free char *url = xasprintf("http://127.0.0.1:%d/secret",
					f->http.port);

	assert_int_equal(file_write_fast(AT_FDCWD, file, text, strlen(text),
					 0600, NULL), 0);
	assert_int_equal(run(f, "fetch", "--header", "nonsense", url), 1);
	assert_says(f, "\"Name: value\"");
	assert_int_equal(run(f, "fetch", "--header", "X-Token: wrong", url), 1);
	assert_int_equal(run(f, "fetch", "--header", at, url), 0);
	assert_printed(f, f->sha256);
}

static void a_unix_socket_serves_as_well(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(run(f, "get", "--unix", f->socket, f->sha256,
			     "http://localhost/slug"), 0);
	assert_int_equal(run(f, "verify", f->sha256), 0);
	assert_int_equal(run(f, "fetch", "--unix", "/nowhere/sock",
			     "http://localhost/slug"), 1);
}

/* Only root can show it: nothing in the store may be left in root's name. */
static void root_becomes_the_owner_of_the_store(void **state)
{
	struct fixture *f = *state;
	auto_free char *blob = NULL, *app = NULL;
	struct stat st;

	if (geteuid() != 0)
		skip();
	assert_int_equal(mkdir(f->store, 0755), 0);
	assert_int_equal(chown(f->store, 12345, 12345), 0);
	assert_int_equal(chmod(f->dir, 0711), 0);
	assert_int_equal(chmod(f->file, 0600), 0);
	assert_int_equal(run(f, "import", f->file), 0);
	assert_int_equal(run(f, "unpack", f->sha256), 0);
	blob = xasprintf("%s/blobs/%s", f->store, f->sha256);
	app = xasprintf("%s/trees/%s/app/Procfile", f->store, f->sha256);
	assert_int_equal(stat(blob, &st), 0);
	assert_int_equal(st.st_uid, 12345);
	assert_int_equal(stat(app, &st), 0);
	assert_int_equal(st.st_gid, 12345);
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(import_unpack_list_verify_and_remove),
		T(import_reads_standard_input),
		T(absence_has_a_status_of_its_own),
		T(wrong_use_is_status_2),
		T(failures_are_one_sentence),
		T(get_downloads_once_and_unpacks),
		T(get_fetches_again_what_turns_out_to_be_damaged),
		T(fetch_follows_few_redirects_and_only_to_http),
		T(a_failed_download_leaves_nothing),
		T(headers_come_from_a_file_too),
		T(a_unix_socket_serves_as_well),
		T(root_becomes_the_owner_of_the_store),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
