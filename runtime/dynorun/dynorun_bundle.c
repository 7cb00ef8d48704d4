#include "runtime/dynorun/dynorun_bundle.h"

#include "base/error.h"
#include "base/file.h"
#include "runtime/oci/oci.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>

void dynorun_bundle_deinit(struct dynorun_bundle *b)
{
	free(b->path);
	free(b->rootfs);
	buf_deinit(&b->text);
	oci_free(b->parsed);
	free(b->oci);
	strv_deinit(&b->env);
	b->cwd_fd = fd_close(b->cwd_fd);
	*b = DYNORUN_BUNDLE_INIT;
}

/* A missing root is for the step that mounts it to tell. */
static char *bundle_rootfs(const char *path)
{
	char *real = path ? realpath(path, NULL) : NULL;
	auto_free char *cwd = NULL;

	if (real || !path)
		return real;
	if (path[0] == '/')
		return xstrdup(path);
	cwd = getcwd(NULL, 0);
	return xasprintf("%s/%s", cwd ? cwd : "", path);
}

/* Socket activation: what systemd passed to us is the container's. */
static void bundle_listen(struct dynorun_bundle *b)
{
	const char *text = getenv("LISTEN_FDS");
	auto_free char *n = NULL;
	unsigned long x = text ? strtoul(text, NULL, 10) : 0;

	*b->oci = *b->parsed;
	if (x == 0 || x > 1024 || !b->parsed->has_process)
		return;
	b->listen_fds = (unsigned)x;
	for (size_t i = 0; i < b->parsed->process.env.n; i++)
		strv_add(&b->env, b->parsed->process.env.v[i]);
	n = xasprintf("%lu", x);
	strv_setenv(&b->env, "LISTEN_FDS", n);
	strv_setenv(&b->env, "LISTEN_PID", "1");
	b->oci->process.env.v = (const char *const *)b->env.v;
	b->oci->process.env.n = b->env.n;
}

int dynorun_bundle_load(struct dynorun_bundle *b, const char *dir,
			const char *config, struct error *e)
{
	const char *name = config ? config : "config.json";
	int r;

	*b = DYNORUN_BUNDLE_INIT;
	b->cwd_fd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (b->cwd_fd < 0)
		return error_sys(e, "open the working directory");
	if (chdir(dir ? dir : ".") < 0)
		return error_sys(e, "bundle %s", dir);
	b->path = getcwd(NULL, 0);
	if (!b->path)
		return error_sys(e, "bundle %s", dir ? dir : ".");
	r = file_read(config ? b->cwd_fd : AT_FDCWD, name, OCI_CONFIG_MAX, &b->text,
		      e);
	if (r == 0)
		r = error_prefix(e, oci_parse(&b->parsed, buf_str(&b->text),
					      b->text.len, e), "%s", name);
	if (r < 0)
		return r;
	b->rootfs = bundle_rootfs(b->parsed->root_path);
	b->oci = xcalloc(1, sizeof(*b->oci));
	bundle_listen(b);
	return 0;
}
