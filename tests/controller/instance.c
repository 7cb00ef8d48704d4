#include "base/error.h"
#include "base/file.h"
#include "base/process.h"
#include "tests/controller/instance.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <cmocka.h>

#define START_TRIES 3000			/* of 20 ms */

/* The program, where make put it: tests run anywhere in the build tree. */
static char *instance_program(void)
{
	const char *top = getenv("top_builddir");
	char *path = xasprintf("%s/dyno-controller", top ? top : ".");
	char *real = realpath(path, NULL);

	free(path);
	assert_non_null(real);
	return real;
}

static bool instance_answers(struct instance *in)
{
	return instance_call(in, "GET", "/account", NULL, NULL) == 200;
}

void instance_start(struct instance *in)
{
	auto_free char *program = instance_program();
	char name[] = "dyno-controller", option[] = "--root";
	char *argv[] = { name, option, in->dir, NULL };
	struct process_spec spec = PROCESS_SPEC_INIT;
	struct error e;
	int tries = 0;

	spec.path = program;
	spec.argv = argv;
	spec.die_with_parent = true;
	assert_int_equal(process_spawn(&spec, &in->pid, &in->pidfd, &e), 0);
	while (!instance_answers(in) && tries++ < START_TRIES)
		usleep(20000);
	assert_true(tries < START_TRIES);
}

static void instance_end(struct instance *in, int signal)
{
	int status;

	if (in->pid <= 0)
		return;
	kill(in->pid, signal);
	process_wait(in->pidfd, &status, NULL);
	in->pidfd = fd_close(in->pidfd);
	in->pid = 0;
	if (signal == SIGTERM)
		assert_int_equal(status, 0);
}

void instance_kill(struct instance *in)
{
	instance_end(in, SIGKILL);
}

static void instance_configure(struct instance *in)
{
	auto_free char *etc = xasprintf("%s/etc/dyno", in->dir);
	auto_free char *file = xasprintf("%s/controller.conf", etc);
	auto_free char *text = xasprintf(
		"user = %u:%u\nport = 0\nhttps-port = 0\nrendezvous-port = 0\n"
		"owner = u@example.com\n", (unsigned)getuid(),
		(unsigned)getgid());

	assert_int_equal(file_make_dirs(etc, 0755, NULL), 0);
	assert_int_equal(file_write_fast(AT_FDCWD, file, text, strlen(text), 0644,
					 NULL), 0);
}

int instance_setup(void **state)
{
	struct instance *in = xcalloc(1, sizeof(*in));
	struct http_client_spec spec = { .base = NULL };
	auto_free char *base = NULL;
	struct error e;

	snprintf(in->dir, sizeof(in->dir), "/tmp/dyno-ctl-XXXXXX");
	assert_non_null(mkdtemp(in->dir));
	in->run = xasprintf("%s/run/dyno/controller", in->dir);
	base = xasprintf("unix:%s/api.sock", in->run);
	spec.base = base;
	instance_configure(in);
	assert_int_equal(http_client_new(&in->client, NULL, &spec, &e), 0);
	instance_start(in);
	*state = in;
	return 0;
}

int instance_teardown(void **state)
{
	struct instance *in = *state;

	instance_end(in, SIGTERM);
	http_client_free(in->client);
	file_remove_tree(AT_FDCWD, in->dir, NULL);
	free(in->run);
	free(in);
	return 0;
}

char *instance_file(struct instance *in, const char *name)
{
	auto_free char *path = xasprintf("%s/%s", in->run, name);
	struct buf b = BUF_INIT;

	assert_int_equal(file_read(AT_FDCWD, path, 1024, &b, NULL), 0);
	buf_str(&b);
	b.data[strcspn(b.data, "\n")] = '\0';
	return buf_take(&b);
}

int instance_raw(struct http_client *c, const char *method, const char *path,
		 const void *body, size_t n, const char *const *headers,
		 struct buf *ret)
{
	struct http_call_spec spec = {
		.method = method, .path = path, .body = body, .body_len = n,
		.headers = headers,
	};
	struct error e;
	int status = 0;

	if (http_call_wait(c, &spec, &status, ret, &e) < 0)
		return -1;
	return status;
}

int instance_call(struct instance *in, const char *method, const char *path,
		  const char *body, json_t **ret)
{
	auto_buf answer = BUF_INIT;
	int status = instance_raw(in->client, method, path, body,
				  body ? strlen(body) : 0, NULL, &answer);

	if (ret)
		*ret = json_loads(buf_str(&answer), JSON_DECODE_ANY, NULL);
	return status;
}

const char *instance_path(const char *url)
{
	const char *p = strstr(url, "://");

	assert_non_null(p);
	p = strchr(p + 3, '/');
	assert_non_null(p);
	return p;
}

static void tar_number(char *field, size_t n, unsigned value)
{
	snprintf(field, n, "%0*o", (int)n - 1, value);
}

static void tar_entry(struct buf *out, const char *name, char type,
		      const char *content)
{
	struct {
		char name[100], mode[8], uid[8], gid[8], size[12], mtime[12];
		char sum[8], type, link[100], magic[8], rest[247];
	} h = { .type = type };
	unsigned sum = 0;
	char zero[512] = { 0 };
	size_t n = strlen(content);

	static_assert(sizeof(h) == 512, "a tar header has 512 bytes");
	snprintf(h.name, sizeof(h.name), "%s", name);
	tar_number(h.mode, sizeof(h.mode), type == '5' ? 0755 : 0644);
	tar_number(h.uid, sizeof(h.uid), 0);
	tar_number(h.gid, sizeof(h.gid), 0);
	tar_number(h.size, sizeof(h.size), (unsigned)n);
	tar_number(h.mtime, sizeof(h.mtime), 0);
	memcpy(h.magic, "ustar\0" "00", 8);
	memset(h.sum, ' ', sizeof(h.sum));
	for (size_t i = 0; i < sizeof(h); i++)
		sum += ((const unsigned char *)&h)[i];
	tar_number(h.sum, 7, sum);
	buf_add(out, &h, sizeof(h));
	buf_add(out, content, n);
	buf_add(out, zero, (512 - n % 512) % 512);
}

void instance_tar(struct buf *out, const char *name, const char *content)
{
	auto_free char *path = xasprintf("./app/%s", name);
	char zero[1024] = { 0 };

	tar_entry(out, "./app/", '5', "");
	tar_entry(out, path, '0', content);
	buf_add(out, zero, sizeof(zero));
}

char *instance_slug(struct instance *in, const char *app, const char *types)
{
	auto_free char *path = xasprintf("/apps/%s/slugs", app);
	auto_free char *body = xasprintf("{\"process_types\":%s}", types);
	auto_json *slug = NULL;
	auto_buf tar = BUF_INIT, answer = BUF_INIT;
	const char *url;

	assert_int_equal(instance_call(in, "POST", path, body, &slug), 201);
	url = json_str(json_object_get(slug, "blob"), "url");
	instance_tar(&tar, "file", app);
	assert_int_equal(instance_raw(in->client, "PUT", instance_path(url),
				      tar.data, tar.len, NULL, &answer), 200);
	return xstrdup(json_str(slug, "id"));
}

void instance_deploy(struct instance *in, const char *app, const char *types)
{
	auto_free char *path = xasprintf("/apps/%s/releases", app);
	auto_free char *name = xasprintf("{\"name\":\"%s\"}", app);
	auto_free char *slug = NULL, *body = NULL;

	assert_int_equal(instance_call(in, "POST", "/apps", name, NULL), 201);
	slug = instance_slug(in, app, types);
	body = xasprintf("{\"slug\":\"%s\"}", slug);
	assert_int_equal(instance_call(in, "POST", path, body, NULL), 201);
}
