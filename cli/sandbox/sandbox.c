/*
 * sandbox.c - the directory of a sandbox, its mark and lock, and the verbs that
 * only look at it.
 */
#include "cli/sandbox/sandbox.h"

#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "cli/cli.h"
#include "cli/client/api.h"
#include "cli/host/census.h"
#include "cli/verbs.h"
#include "http/json.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/un.h>

/* The longest socket name of an instance, with the suffix under which it is
 * made (".PID") and room for one more level. */
#define SANDBOX_LONGEST "/run/dyno/supervisor/host.sock.4194304"
#define SANDBOX_PATH_MAX (sizeof(((struct sockaddr_un *)0)->sun_path) - 1)
#define SANDBOX_MARK_MAX 4096

void sandbox_deinit(struct sandbox *s)
{
	root_deinit(&s->root);
	s->dir_fd = fd_close(s->dir_fd);
	free(s->prefix);
	*s = SANDBOX_INIT;
}

int sandbox_check_reachable(const char *path, struct error *e)
{
	auto_free char *dir = xstrdup(path);
	struct stat st;
	char *slash;

	for (;;) {
		if (stat(*dir ? dir : "/", &st) < 0)
			return error_sys(e, "stat %s", dir);
		if (!(st.st_mode & S_IXOTH))
			return error_set(e, EACCES, "%s is closed to the service "
					 "user (mode %04o): choose another "
					 "place, below /tmp or /srv for instance",
					 *dir ? dir : "/",
					 (unsigned)st.st_mode & 07777);
		slash = strrchr(dir, '/');
		if (!slash)
			return 0;
		*slash = '\0';
	}
}

int sandbox_check_length(const char *dir, struct error *e)
{
	size_t max = SANDBOX_PATH_MAX - strlen(SANDBOX_LONGEST);

	if (strlen(dir) > max)
		return error_set(e, ENAMETOOLONG, "the directory's path is %zu "
				 "bytes long; %zu are allowed, since the names "
				 "of sockets below it are limited", strlen(dir),
				 max);
	return 0;
}

static int sandbox_read_mark(struct sandbox *s, struct error *e)
{
	auto_buf text = BUF_INIT;
	auto_json *mark = NULL;
	int r;

	if (faccessat(s->dir_fd, "sandbox", F_OK, 0) < 0)
		return 0;
	r = file_read(s->dir_fd, "sandbox", SANDBOX_MARK_MAX, &text, e);
	if (r == 0)
		r = json_parse(buf_str(&text), text.len, &mark, e);
	if (r < 0)
		return error_prefix(e, r, "%s/sandbox", s->root.dir);
	s->marked = true;
	s->made_dir = json_flag(mark, "made_dir", false);
	s->prefix = xstrdup(json_str(mark, "prefix"));
	return 0;
}

int sandbox_write_mark(const struct sandbox *s, struct error *e)
{
	auto_json *mark = json_pack("{s:b, s:s?}", "made_dir", s->made_dir,
				    "prefix", s->prefix);
	auto_free char *text = json_text(mark);

	return file_write_atomic(s->dir_fd, "sandbox", text, strlen(text), 0644,
				 e);
}

int sandbox_open(struct sandbox *s, const char *dir, struct error *e)
{
	int r;

	*s = SANDBOX_INIT;
	if (access(dir, F_OK) < 0 && errno == ENOENT)
		return SANDBOX_ABSENT;
	r = root_init(&s->root, dir, e);
	if (r < 0)
		return r;
	if (!*s->root.dir)
		return error_set(e, EINVAL, "a sandbox cannot be at /");
	r = sandbox_check_length(s->root.dir, e);
	if (r < 0)
		return r;
	s->dir_fd = open(s->root.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->dir_fd < 0)
		return error_sys(e, "open %s", s->root.dir);
	if (flock(s->dir_fd, LOCK_EX | LOCK_NB) < 0)
		return error_set(e, EBUSY, "another dynoctl is starting or "
				 "stopping the sandbox %s", s->root.dir);
	return sandbox_read_mark(s, e);
}

static const char *sandbox_dir(const struct cli *cli)
{
	if (!cli->root)
		cli_usage("which sandbox? Say --root DIR");
	return cli->root;
}

int sandbox_env(int argc, char **argv, void *userdata)
{
	struct cli *cli = userdata;
	auto_free char *path = NULL;
	auto_buf text = BUF_INIT;
	struct error e;

	if (!cli_arguments(cli, argc, argv))
		return cli->status;
	if (!sandbox_dir(cli))
		return EXIT_USAGE;
	path = xasprintf("%s/env", cli->root);
	if (file_read(AT_FDCWD, path, 64 * 1024, &text, &e) < 0) {
		error_prefix(&e, -1, "no sandbox runs below %s", cli->root);
		return cli_fail(&e);
	}
	fputs(buf_str(&text), stdout);
	return 0;
}

static json_t *sandbox_describe(const struct root *root, const struct census *c)
{
	auto_(sandbox_address_deinit) struct sandbox_address a =
		SANDBOX_ADDRESS_INIT;
	auto_free char *prefix = census_prefix(root->dir);
	json_t *list = json_array();

	sandbox_address_find(&a, root);
	for (size_t i = 0; i < c->n; i++)
		json_array_append_new(list,
			json_pack("{s:s, s:i}", "name",
				  census_role_name(c->v[i].role), "pid",
				  (int)c->v[i].pid));
	return json_pack("{s:s, s:b, s:s?, s:s?, s:s?, s:s?, s:o}",
			 "root", root->dir, "running", c->n > 0,
			 "prefix", prefix, "api_url", a.api_url,
			 "api_socket", a.api_socket, "router_url", a.router_url,
			 "processes", list);
}

static void sandbox_show(const json_t *status)
{
	static const char *const keys[] = {
		"root", "prefix", "api_url", "api_socket", "router_url",
	};
	json_t *p;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(keys); i++)
		printf("%-16s %s\n", keys[i], json_str(status, keys[i])
		       ? json_str(status, keys[i]) : "-");
	json_array_foreach(json_object_get(status, "processes"), i, p)
		printf("%-16s pid %d\n", json_str(p, "name"),
		       (int)json_int(p, "pid", 0));
}

int sandbox_status(int argc, char **argv, void *userdata)
{
	auto_(census_deinit) struct census c = CENSUS_INIT;
	auto_(root_deinit) struct root root = ROOT_INIT;
	struct cli *cli = userdata;
	auto_json *status = NULL;
	struct error e;

	if (!cli_arguments(cli, argc, argv))
		return cli->status;
	if (!sandbox_dir(cli))
		return EXIT_USAGE;
	if (root_init(&root, cli->root, &e) < 0 ||
	    census_take(&c, root.dir, &e) < 0)
		return cli_fail(&e);
	if (c.n == 0 && !cli->json) {
		error_set(&e, ESRCH, "no sandbox runs below %s", cli->root);
		return cli_fail(&e);
	}
	status = sandbox_describe(&root, &c);
	if (cli->json)
		api_print(status);
	else
		sandbox_show(status);
	return c.n > 0 ? 0 : EXIT_FAILURE;
}
