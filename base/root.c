#include "base/error.h"
#include "base/file.h"
#include "base/root.h"

#include <limits.h>
#include <stdio.h>

int root_init(struct root *r, const char *dir, struct error *e)
{
	char real[PATH_MAX];

	if (!dir)
		dir = "/";
	if (!realpath(dir, real))
		return error_sys(e, "root directory %s", dir);
	r->dir = xstrdup(str_eq(real, "/") ? "" : real);
	r->etc = xasprintf("%s/etc/dyno", r->dir);
	r->lib = xasprintf("%s/var/lib/dyno", r->dir);
	r->run = xasprintf("%s/run/dyno", r->dir);
	return 0;
}

void root_deinit(struct root *r)
{
	free(r->dir);
	free(r->etc);
	free(r->lib);
	free(r->run);
	*r = ROOT_INIT;
}

static int root_link(const struct root *r, const char *name, const char *target,
		     struct error *e)
{
	auto_free char *path = xasprintf("%s/%s", r->run, name);

	if (symlink(target, path) < 0 && errno != EEXIST)
		return error_sys(e, "create link %s", path);
	return 0;
}

int root_prepare(const struct root *r, uid_t uid, gid_t gid, struct error *e)
{
	const struct {
		const char *base, *name;
		mode_t mode;
		bool service;
	} dirs[] = {
		{ r->lib, "slugs", 0755, true },
		{ r->lib, "host", 0700, true },
		{ r->lib, "controller", 0700, true },
		{ r->lib, "stacks", 0755, false },
		{ r->run, "dynos", 0711, false },
		{ r->run, "supervisor", 0755, true },
		{ r->run, "controller", 0755, true },
		{ r->run, "router", 0755, true },
	};
	int ret;

	ret = file_make_dirs(r->etc, 0755, e);
	if (ret >= 0)
		ret = file_make_dirs(r->lib, 0755, e);
	if (ret >= 0)
		ret = file_make_dirs(r->run, 0755, e);
	for (size_t i = 0; ret >= 0 && i < ARRAY_SIZE(dirs); i++) {
		auto_free char *path = xasprintf("%s/%s", dirs[i].base,
						 dirs[i].name);

		ret = file_make_dir_owned(path, dirs[i].mode,
					  dirs[i].service ? uid : 0,
					  dirs[i].service ? gid : 0, e);
	}
	if (ret >= 0)
		ret = root_link(r, "host.sock", "supervisor/host.sock", e);
	if (ret >= 0)
		ret = root_link(r, "api.sock", "controller/api.sock", e);
	return ret;
}
