/*
 * cgroup_v2.c - version 2: one tree for everything.
 */
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "base/strv.h"
#include "runtime/cgroup/cgroup_device.h"
#include "runtime/cgroup/cgroup_host.h"
#include "runtime/cgroup/cgroup_usage_inside.h"
#include "runtime/runtime.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#define DAEMON_GROUP "daemon"

/* What the parent passes down, and whether we go on without it. */
static const struct {
	const char *enable;
	unsigned bit;
	bool optional;
} v2_controllers[] = {
	{ "+memory", CGROUP_MEMORY },
	{ "+pids",   CGROUP_PIDS },
	{ "+cpu",    CGROUP_CPU, true },
};

/* ---- whose group may we divide? ---- */

static bool v2_delegated(const char *path)
{
	static const char *const names[] = { "trusted.delegate", "user.delegate" };
	char value = 0;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (getxattr(path, names[i], &value, 1) == 1 && value == '1')
			return true;
	return false;
}

/*
 * The group below which ours goes: the one that systemd delegated to our unit,
 * if it started us in the child "daemon" of it (DelegateSubgroup=, systemd 254);
 * else the root of the mount. With an older systemd the unit's own group is of
 * no use: dynos in it would outlive us, and systemd cannot start us again in a
 * group that has become an inner one (status 219/CGROUP).
 */
static char *v2_base(const char *mount, const char *own)
{
	auto_free char *path = xasprintf("%s%s", mount, own);
	char *slash = strrchr(path, '/');

	if (slash && str_eq(slash + 1, DAEMON_GROUP)) {
		*slash = '\0';
		if (v2_delegated(path))
			return take_ptr(path);
	}
	return xstrdup(mount);
}

/* A group with enabled controllers may hold no process itself. */
static int v2_step_aside(const char *base, struct error *e)
{
	auto_free char *dir = xasprintf("%s/" DAEMON_GROUP, base);
	auto_free char *procs = xasprintf("%s/cgroup.procs", dir);

	if (mkdir(dir, 0755) < 0 && errno != EEXIST)
		return error_sys(e, "create cgroup %s", dir);
	return cgroup_tree_write(AT_FDCWD, procs, "0", e);
}

/* ---- opening ---- */

/* One program on the parent is for all dynos. A dyno cannot mknod anyway (its
 * user namespace does not own the host's devices), and its /dev holds the
 * harmless ones alone: where no program can be had, that has to do. */
static void v2_devices(struct cgroup_host *h)
{
	size_t n;
	const struct resources_device *rules = cgroup_limits_devices(&n);
	auto_close int fd = cgroup_device_load(rules, n, NULL);

	h->devices = fd >= 0 &&
		     cgroup_device_attach(h->trees.v[0].parent_fd, fd, NULL) == 0;
}

static int v2_enable(const char *path, unsigned *ret, struct error *e)
{
	auto_free char *file = xasprintf("%s/cgroup.subtree_control", path);

	*ret = 0;
	for (size_t i = 0; i < ARRAY_SIZE(v2_controllers); i++) {
		bool optional = v2_controllers[i].optional;
		int r = cgroup_tree_write(AT_FDCWD, file,
					  v2_controllers[i].enable,
					  optional ? NULL : e);

		if (r < 0 && !optional)
			return r;
		if (r >= 0)
			*ret |= v2_controllers[i].bit;
	}
	return 0;
}

static int v2_open(struct cgroup_host *h, const struct cgroup_mounts *m,
		   struct error *e)
{
	const struct cgroup_mount *mount = cgroup_mounts_unified(m);
	auto_free char *own = NULL, *base = NULL, *own_path = NULL;
	struct cgroup_tree *t = &h->trees.v[0];
	auto_buf text = BUF_INIT;
	unsigned mask;
	int r;

	assert(mount);
	r = file_read(AT_FDCWD, "/proc/self/cgroup", 65536, &text, e);
	if (r < 0)
		return r;
	own = cgroup_mounts_own(buf_str(&text));
	own_path = xasprintf("%s%s", mount->path, str_eq(own, "/") ? "" : own);
	base = v2_base(mount->path, str_eq(own, "/") ? "" : own);
	/* In the real root group it works at once; in the root that a container
	 * sees, we may be in the way. */
	r = v2_enable(base, &mask, NULL);
	if (r < 0 && str_eq(base, own_path)) {
		r = v2_step_aside(base, e);
		if (r < 0)
			return r;
	}
	r = v2_enable(base, &mask, e);
	if (r < 0)
		return r;
	h->trees.n = 1;
	r = cgroup_tree_open(t, mask, base, h->prefix, e);
	if (r == 0)
		r = v2_enable(t->path, &t->controllers, e);
	if (r < 0)
		return r;
	h->facts.cpu = t->controllers & CGROUP_CPU;
	t->controllers |= CGROUP_UNIFIED;
	v2_devices(h);
	return 0;
}

/* ---- a leaf ---- */

/* memory.events counts child groups too, unless the file system was mounted
 * with memory_localevents; then they have to be added up. */
static int v2_oom_kills(int fd, uint64_t *ret, struct error *e)
{
	auto_strv groups = STRV_INIT;
	uint64_t sum = 0;
	int r = cgroup_tree_read_key(fd, "memory.events", "oom_kill", ret, e);

	if (r == 0)
		r = cgroup_tree_groups(fd, &groups, e);
	for (size_t i = 0; r == 0 && groups.n > 1 && i < groups.n; i++) {
		auto_free char *file = xasprintf("%s/memory.events.local",
						 groups.v[i]);
		uint64_t x = 0;

		/* A group that has no such controller has no kills. */
		cgroup_tree_read_key(fd, file, "oom_kill", &x, NULL);
		sum += x;
	}
	if (sum > *ret)
		*ret = sum;
	return r;
}

static int v2_stats(struct cgroup_host *h, const char *uuid,
		    struct cgroup_stats *ret, struct error *e)
{
	struct cgroup_pressure pressure = { .known = false };
	auto_close int fd = -1;
	int r = cgroup_tree_leaf(&h->trees.v[0], uuid, &fd, e);

	if (r == CGROUP_ABSENT)
		return error_set(e, ENOENT, "no cgroup %s", uuid);
	if (r == 0)
		r = v2_oom_kills(fd, &ret->oom_kills, e);
	if (r == 0)
		r = cgroup_tree_read_key(fd, "memory.stat", "anon", &ret->rss, e);
	if (r == 0)
		r = cgroup_tree_read_key(fd, "memory.stat", "file", &ret->cache, e);
	cgroup_usage_pressure(fd, "memory.pressure", &pressure);
	ret->memory_stall_usec = pressure.known ? pressure.some.total :
						  DYNO_STALL_UNKNOWN;
	if (r == 0)		/* a kernel without swap has no such file */
		cgroup_tree_read(fd, "memory.swap.current", &ret->swap, NULL);
	/* memory.peak came with 5.19; some kernels lack it. */
	if (r == 0 &&
	    cgroup_tree_read(fd, "memory.peak", &ret->memory_peak, NULL) < 0)
		r = cgroup_tree_read(fd, "memory.current", &ret->memory_peak, e);
	if (r == 0)
		r = cgroup_tree_read_key(fd, "cpu.stat", "usage_usec",
					 &ret->cpu_usec, e);
	if (r == 0)
		r = cgroup_tree_read(fd, "pids.current", &ret->pids, e);
	return r;
}

const struct cgroup_driver cgroup_v2_driver = {
	.open = v2_open,
	.stats = v2_stats,
};
