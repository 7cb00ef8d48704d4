#include "runtime/cgroup/cgroup_group.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "runtime/cgroup/cgroup_device.h"
#include "runtime/cgroup/cgroup_group_inside.h"
#include "runtime/cgroup/cgroup_make.h"
#include "runtime/cgroup/cgroup_path.h"
#include "runtime/cgroup/cgroup_process.h"
#include "runtime/cgroup/cgroup_realtime.h"
#include "runtime/cgroup/cgroup_settings.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>

#define OWN_TEXT_MAX 65536

int cgroup_group_path(const char *cgroups_path, const char *id,
		      const char *prefix, bool systemd, char **ret,
		      struct error *e)
{
	struct cgroup_path_input in = {
		.path = cgroups_path, .id = id, .prefix = prefix,
		.systemd = systemd,
	};
	struct cgroup_mounts mounts = CGROUP_MOUNTS_INIT;
	auto_free char *own = NULL;
	auto_buf text = BUF_INIT;
	int r = cgroup_dirs_mounts(&mounts, &in.version, e);

	if (r < 0)
		return r;
	cgroup_mounts_deinit(&mounts);
	r = file_read(AT_FDCWD, "/proc/self/cgroup", OWN_TEXT_MAX, &text, e);
	if (r < 0)
		return r;
	in.own = own = cgroup_mounts_own(buf_str(&text));
	return cgroup_path_resolve(&in, ret, e);
}

/* ---- opening ---- */

/* v2: which controllers there are is told when a file is missing. */
static int group_open_trees(struct cgroup_group *g,
			    const struct cgroup_mounts *m, struct error *e)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < m->n; i++) {
		unsigned mask = m->v[i].unified ? CGROUP_UNIFIED
						: m->v[i].controllers;

		if (g->trees.version == CGROUP_V2 && !m->v[i].unified)
			continue;
		if (g->trees.version == CGROUP_V2)
			mask = ~(unsigned)CGROUP_NAMED;
		if (g->trees.n == CGROUP_TREES_MAX)
			return error_set(e, ENOTSUP, "more than %d cgroup "
					 "hierarchies", CGROUP_TREES_MAX);
		r = cgroup_tree_open_root(&g->trees.v[g->trees.n++], mask,
					  m->v[i].path, e);
	}
	return r;
}

int cgroup_group_open(struct cgroup_group **ret, const char *path,
		      struct error *e)
{
	struct cgroup_mounts mounts = CGROUP_MOUNTS_INIT;
	enum cgroup_version version;
	struct cgroup_group *g;
	int r;

	if (*path != '/' || !path[strspn(path, "/")])
		return error_set(e, EINVAL, "cgroup \"%s\": not an absolute path",
				 path);
	r = cgroup_dirs_mounts(&mounts, &version, e);
	if (r < 0)
		return r;
	g = xcalloc(1, sizeof(*g));
	g->name = xstrdup(path);
	g->path = g->name + strspn(g->name, "/");
	g->trees.version = version;
	r = group_open_trees(g, &mounts, e);
	cgroup_mounts_deinit(&mounts);
	if (r < 0) {
		cgroup_group_free(g);
		return r;
	}
	*ret = g;
	return 0;
}

struct cgroup_group *cgroup_group_free(struct cgroup_group *g)
{
	if (!g)
		return NULL;
	cgroup_trees_deinit(&g->trees);
	free(g->name);
	free(g);
	return NULL;
}

enum cgroup_version cgroup_group_version(const struct cgroup_group *g)
{
	return g->trees.version;
}

const char *cgroup_group_name(const struct cgroup_group *g)
{
	return g->name;
}

int cgroup_group_dirs(const struct cgroup_group *g, unsigned controllers,
		      struct cgroup_dirs *ret, struct error *e)
{
	int r = cgroup_dirs_open(ret, &g->trees, controllers, g->path, e);

	return r == CGROUP_ABSENT
		? error_set(e, ENOENT, "there is no cgroup %s", g->name) : r;
}

/* ---- limits ---- */

static bool group_has(const struct cgroup_dirs *dirs, unsigned controller)
{
	return cgroup_dirs_fd(dirs, controller) >= 0;
}

static int group_check(const struct cgroup_dirs *dirs, const struct resources *r,
		       struct error *e)
{
	const char *file = dirs->trees->version == CGROUP_V1
		? "memory.usage_in_bytes" : "memory.current";
	int fd = cgroup_dirs_fd(dirs, CGROUP_MEMORY), q;
	uint64_t usage = 0;

	if (!cgroup_settings_given(&r->memory.check_before_update) || fd < 0 ||
	    !r->memory.limit.set || r->memory.limit.value <= 0)
		return 0;
	q = cgroup_tree_read(fd, file, &usage, e);
	if (q == 0 && (uint64_t)r->memory.limit.value < usage)
		q = error_set(e, EBUSY, "linux.resources.memory.limit: rejecting "
			      "memory limit %" PRId64 " < usage %" PRIu64,
			      r->memory.limit.value, usage);
	return q;
}

/* A file that says "max" or a number first; 0 if it cannot be read. */
static int64_t group_current(int fd, const char *file)
{
	auto_buf text = BUF_INIT;
	long long x;

	if (file_read(fd, file, 256, &text, NULL) < 0)
		return 0;
	if (str_after(buf_str(&text), "max"))
		return -1;
	return sscanf(buf_str(&text), "%lld", &x) == 1 ? x : 0;
}

static int group_devices(const struct cgroup_dirs *dirs,
			 const struct resources *r, struct error *e)
{
	auto_close int program = cgroup_device_load(r->devices, r->n_devices, e);
	int q = program < 0 ? program
		: cgroup_device_attach(cgroup_dirs_fd(dirs, CGROUP_UNIFIED),
				       program, e);

	return error_prefix(e, q, "linux.resources.devices");
}

/* On a hybrid host without a hierarchy for devices the program does it too. */
static int group_apply(const struct cgroup_dirs *dirs,
		       const struct resources *wanted, struct error *e)
{
	auto_cgroup_settings s = CGROUP_SETTINGS_INIT("linux.resources.");
	bool v2 = dirs->trees->version == CGROUP_V2;
	struct resources r = *wanted;
	struct cgroup_current now = { .memory = 0 };
	int fd = cgroup_dirs_fd(dirs, CGROUP_MEMORY), q;

	q = group_check(dirs, &r, e);
	if (q < 0)
		return q;
	if (r.n_devices > 0 && group_has(dirs, CGROUP_UNIFIED) &&
	    (v2 || !group_has(dirs, CGROUP_DEVICES))) {
		q = group_devices(dirs, &r, e);
		r.n_devices = 0;
	}
	if (q == 0 && v2) {
		now.memory = group_current(fd, "memory.max");
		now.quota = group_current(fd, "cpu.max");
		q = cgroup_settings_v2(&s, &r, &now, e);
	} else if (q == 0) {
		q = cgroup_settings_v1(&s, &r, e);
	}
	return q < 0 ? q : cgroup_settings_write(&s, dirs, e);
}

int cgroup_group_apply(struct cgroup_group *g, const struct resources *r,
		       struct error *e)
{
	auto_cgroup_dirs dirs = CGROUP_DIRS_INIT;
	int q = cgroup_group_dirs(g, 0, &dirs, e);

	return q < 0 ? q : group_apply(&dirs, r, e);
}

/* ---- making ---- */

/* v2: limits of memory and the like have no meaning in a tree of threads. */
static int group_check_type(const struct cgroup_group *g,
			    const struct cgroup_dirs *dirs, struct error *e)
{
	auto_buf type = BUF_INIT;
	int fd = cgroup_dirs_fd(dirs, CGROUP_UNIFIED);

	if (fd < 0 || file_read(fd, "cgroup.type", 64, &type, NULL) < 0 ||
	    str_eq(buf_str(&type), "domain\n") ||
	    str_eq(buf_str(&type), "domain threaded\n"))
		return 0;
	return error_set(e, ENOTSUP, "cgroup %s is in a threaded tree (%.*s)",
			 g->name, (int)strcspn(buf_str(&type), "\n"),
			 buf_str(&type));
}

static int group_furnish(struct cgroup_group *g, const struct resources *r,
			 struct cgroup *ret, struct error *e)
{
	auto_cgroup_dirs dirs = CGROUP_DIRS_INIT;
	auto_free pid_t *pids = NULL;
	size_t n = 0;
	int q = cgroup_group_dirs(g, 0, &dirs, e);

	if (q == 0)
		q = group_check_type(g, &dirs, e);
	if (q == 0 && cgroup_process_frozen(&dirs))
		q = error_set(e, EBUSY, "container's cgroup unexpectedly frozen");
	if (q == 0)
		q = cgroup_process_list(&dirs, &pids, &n, e);
	if (q == 0)
		q = group_apply(&dirs, r, e);
	if (q == 0)
		q = cgroup_dirs_join(&dirs, ret, e);
	return q < 0 ? q : n > 0 ? CGROUP_GROUP_OCCUPIED : 0;
}

int cgroup_group_create(struct cgroup_group *g, const struct resources *r,
			struct cgroup *ret, struct error *e)
{
	struct cgroup_made made = CGROUP_MADE_INIT;
	int q = cgroup_make(&g->trees, g->path, &made, e);

	if (q == 0) {
		cgroup_realtime_make_room(&g->trees, g->path, r);
		q = group_furnish(g, r, ret, e);
		if (q < 0)
			cgroup_made_undo(&made, &g->trees, g->path);
	}
	cgroup_made_deinit(&made);
	return q;
}
