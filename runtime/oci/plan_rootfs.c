/*
 * plan_rootfs.c - the root file system of an OCI container, as operations.
 */
#include "base/error.h"
#include "runtime/oci/oci_mount.h"
#include "runtime/oci/plan_rootfs.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define MASK_ATTR (MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | \
	MOUNT_ATTR_NOEXEC)

/* Every container has these (config-linux.md, "Default Devices"). */
static const struct {
	const char *path;
	unsigned major, minor;
} plan_default_devices[] = {
	{ "/dev/null", 1, 3 },	{ "/dev/zero", 1, 5 },	{ "/dev/full", 1, 7 },
	{ "/dev/random", 1, 8 }, { "/dev/urandom", 1, 9 }, { "/dev/tty", 5, 0 },
};

static const char *const plan_dev_links[][2] = {
	{ "/proc/self/fd",	"dev/fd" },
	{ "/proc/self/fd/0",	"dev/stdin" },
	{ "/proc/self/fd/1",	"dev/stdout" },
	{ "/proc/self/fd/2",	"dev/stderr" },
	{ "pts/ptmx",		"dev/ptmx" },
};

static const struct {
	const char *name;
	unsigned long type;
} plan_spreads[] = {
	{ "shared", MS_SHARED },	{ "rshared", MS_SHARED },
	{ "slave", MS_SLAVE },		{ "rslave", MS_SLAVE },
	{ "private", MS_PRIVATE },	{ "rprivate", MS_PRIVATE },
	{ "unbindable", MS_UNBINDABLE }, { "runbindable", MS_UNBINDABLE },
};

/* Paths of the container are relative to its root, where the child works. */
static const char *plan_inside(const char *path)
{
	while (*path == '/')
		path++;
	return *path ? path : ".";
}

static bool plan_same(const char *a, const char *b)
{
	size_t n = strlen(a);

	while (n > 1 && a[n - 1] == '/')
		n--;
	return strlen(b) == n && strncmp(a, b, n) == 0;
}

/* ---- mounts ---- */

static unsigned plan_tree_make(const struct plan_source *s)
{
	return s->is_file ? PLAN_MAKE_FILE : PLAN_MAKE_DIR;
}

/* An operation for each word about propagation, but for the first, which the
 * mount itself can carry. */
static void plan_spread(struct plan *p, const struct oci_mount *m,
			const struct oci_mount_options *o, size_t first)
{
	for (size_t i = first; i < o->n_spread; i++) {
		struct plan_op *op = plan_add(p, PLAN_ATTR, NULL,
					      plan_inside(m->destination));

		op->num[PLAN_PROPAGATION] = o->spread[i].type;
		op->flags = o->spread[i].recursive ? AT_RECURSIVE : 0;
	}
}

static void plan_remount(struct plan *p, const struct oci_mount *m,
			 const struct oci_mount_options *o)
{
	struct plan_op *op = plan_add(p, PLAN_ATTR, NULL, plan_inside(m->destination));

	op->attr = o->one.set;
	op->clear = o->one.clr;
	plan_spread(p, m, o, 0);
}

static void plan_words(struct plan *p, const struct oci_mount_options *o)
{
	for (size_t i = 0; i < o->n_data; i++)
		plan_option(p, plan_keep(p, o->data[i].key), o->data[i].value
			    ? plan_keep(p, o->data[i].value) : NULL);
}

static void plan_data(struct plan *p, const struct oci_mount *m,
		      const struct oci_mount_options *o)
{
	const char *words[OCI_MOUNT_SUPER_MAX];
	size_t n = oci_mount_super_words(o->super, words);

	if (m->source && m->source[0])
		plan_option(p, "source", plan_keep(p, m->source));
	for (size_t i = 0; i < n; i++)
		plan_option(p, words[i], NULL);
	plan_words(p, o);
}

static bool plan_has_data(const struct oci_mount_options *o, const char *key)
{
	for (size_t i = 0; i < o->n_data; i++)
		if (str_eq(o->data[i].key, key))
			return true;
	return false;
}

/* An empty one is where mounts, devices and links are put: it cannot be read-only
 * from the beginning. */
static bool plan_fills(const struct oci_mount *m)
{
	return m->type && str_eq(m->type, "tmpfs");
}

/* What is masked in it is found by name: through a link that others may swap
 * meanwhile (a volume of two containers) it would be masked elsewhere. */
static bool plan_is_kernels(const struct oci_mount *m)
{
	return m->type && (str_eq(m->type, "proc") || str_eq(m->type, "sysfs"));
}

/* A file system of the container's namespaces. fd: the host's, for a kernel that
 * refuses one of its own (sysfs without an own network). */
static void plan_new(struct plan *p, const struct oci_mount *m,
		     const struct plan_source *s, const struct oci_mount_options *o)
{
	struct plan_op *op = plan_add(p, PLAN_MOUNT, m->type,
				      plan_inside(m->destination));

	op->make = PLAN_MAKE_DIR;
	op->fd = s->fd;
	op->attr = o->one.set | o->all.set;
	if (plan_fills(m))
		op->attr &= ~(uint64_t)MOUNT_ATTR_RDONLY;
	op->copy_mode = plan_fills(m) && !plan_has_data(o, "mode");
	if (plan_is_kernels(m))
		op->flags = AT_SYMLINK_NOFOLLOW;
	plan_data(p, m, o);
	plan_spread(p, m, o, 0);
}

static bool plan_has_mounted(const struct plan *p)
{
	for (size_t i = 0; i < p->n_ops; i++)
		if (p->ops[i].kind == PLAN_MOUNT)
			return true;
	return false;
}

/* When all is in them that others put there. */
static void plan_close_mounts(struct plan *p, const struct plan_oci *in)
{
	for (size_t i = 0; i < in->oci->n_mounts; i++) {
		const struct oci_mount *m = &in->oci->mounts[i];
		struct oci_mount_options o;

		oci_mount_options(&o, &m->options);
		if (!(o.flags & (OCI_MOUNT_BIND | OCI_MOUNT_REMOUNT)) && plan_fills(m) &&
		    (o.one.set | o.all.set) & MOUNT_ATTR_RDONLY)
			plan_add(p, PLAN_ATTR, NULL, plan_inside(m->destination))->attr =
				MOUNT_ATTR_RDONLY;
		oci_mount_options_deinit(&o);
	}
}

static void plan_tree(struct plan *p, const struct oci_mount *m,
		      const struct plan_source *s, const struct oci_mount_options *o)
{
	struct plan_op *op = plan_add(p, PLAN_TREE, NULL, plan_inside(m->destination));

	op->fd = s->fd;
	op->make = (uint8_t)plan_tree_make(s);
	op->num[PLAN_RENEW] = plan_has_mounted(p);
	/* One that cannot be copied is made so at the end. */
	for (size_t i = 0; i < o->n_spread; i++)
		if (o->spread[i].type == MS_UNBINDABLE)
			plan_spread(p, m, o, i);
}

/* ---- control groups ---- */

static void plan_hierarchy(struct plan *p, const char *to, uint64_t attr,
			   const struct plan_hierarchy *h)
{
	struct plan_op *op;
	char *words, *next;

	if (h->fd >= 0) {
		op = plan_add(p, PLAN_TREE, NULL, to);
		op->fd = h->fd;
		op->make = PLAN_MAKE_DIR;
		return;
	}
	op = plan_add(p, PLAN_MOUNT, h->options ? "cgroup" : "cgroup2", to);
	op->make = PLAN_MAKE_DIR;
	op->attr = attr;
	plan_option(p, "source", "cgroup");
	next = words = h->options ? xstrdup(h->options) : NULL;
	for (char *w = strsep(&next, ","); w; w = strsep(&next, ",")) {
		char *value = strchr(w, '=');

		if (value)
			*value++ = '\0';
		plan_option(p, plan_keep(p, w), value ? plan_keep(p, value) : NULL);
	}
	free(words);
}

/* "cpu" -> "cpu,cpuacct" */
static void plan_hierarchy_links(struct plan *p, const char *dir, const char *name)
{
	auto_free char *words = xstrdup(name);
	char *next = words;

	if (!strchr(name, ','))
		return;
	for (char *w = strsep(&next, ","); w; w = strsep(&next, ","))
		plan_add(p, PLAN_LINK, plan_keep(p, name),
			 plan_keepf(p, "%s/%s", dir, w));
}

/* On version 1 a small tmpfs with a directory for each hierarchy, which becomes
 * read-only when they are there. */
static void plan_cgroup(struct plan *p, const struct plan_oci *in,
			const struct oci_mount *m, const struct oci_mount_options *o)
{
	const char *to = plan_inside(m->destination);
	uint64_t attr = o->one.set | o->all.set;
	struct plan_op *op;

	if (in->cgroup_v2) {
		if (in->n_hierarchies > 0)
			plan_hierarchy(p, to, attr, &in->hierarchies[0]);
		/* Its own words ("nsdelegate"), where it is mounted and not bound. */
		if (in->n_hierarchies > 0 && in->hierarchies[0].fd < 0)
			plan_words(p, o);
		plan_spread(p, m, o, 0);
		return;
	}
	op = plan_add(p, PLAN_MOUNT, "tmpfs", to);
	op->make = PLAN_MAKE_DIR;
	op->attr = attr & ~(uint64_t)MOUNT_ATTR_RDONLY;
	plan_option(p, "source", "tmpfs");
	plan_option(p, "mode", "755");
	plan_option(p, "size", "65536");
	for (size_t i = 0; i < in->n_hierarchies; i++) {
		const struct plan_hierarchy *h = &in->hierarchies[i];

		plan_hierarchy(p, plan_keepf(p, "%s/%s", to, h->name), attr, h);
		plan_hierarchy_links(p, to, h->name);
	}
	if (attr & MOUNT_ATTR_RDONLY)
		plan_add(p, PLAN_ATTR, NULL, to)->attr = MOUNT_ATTR_RDONLY;
	plan_spread(p, m, o, 0);
}

static int plan_mount(struct plan *p, const struct plan_oci *in, size_t i,
		      struct error *e)
{
	const struct oci_mount *m = &in->oci->mounts[i];
	const struct plan_source *s = &in->sources[i];
	struct oci_mount_options o;
	bool bind;
	int r = 0;

	oci_mount_options(&o, &m->options);
	bind = o.flags & OCI_MOUNT_BIND;
	if (o.flags & OCI_MOUNT_REMOUNT)
		plan_remount(p, m, &o);
	else if (!bind && m->type && (str_eq(m->type, "cgroup") ||
				      str_eq(m->type, "cgroup2")))
		plan_cgroup(p, in, m, &o);
	else if (bind || (o.flags & (OCI_MOUNT_COPY_UP | OCI_MOUNT_IDMAP)))
		plan_tree(p, m, s, &o);
	else if (m->type && m->type[0])
		plan_new(p, m, s, &o);
	else
		r = error_set(e, EINVAL, "mounts[%zu]: has no type and is no bind", i);
	oci_mount_options_deinit(&o);
	return r;
}

/* ---- devices ---- */

/* A /dev from outside is what it is. */
static bool plan_makes_dev(const struct plan_oci *in)
{
	for (size_t i = 0; i < in->oci->n_mounts; i++) {
		const struct oci_mount *m = &in->oci->mounts[i];

		if (plan_same(m->destination, "/dev") && in->sources[i].fd >= 0)
			return false;
	}
	return true;
}

static bool plan_has_pts(const struct plan_oci *in)
{
	for (size_t i = 0; i < in->oci->n_mounts; i++)
		if (plan_same(in->oci->mounts[i].destination, "/dev/pts"))
			return true;
	return false;
}

/* In a user namespace no node can be made: the parent's (fd) is attached, or the
 * host's own is bound. */
static void plan_device(struct plan *p, const struct plan_oci *in,
			const struct oci_device *d, int fd)
{
	dev_t rdev = makedev((unsigned)d->major, (unsigned)d->minor);
	const char *to = plan_inside(d->path);
	size_t n = strlen(to);
	struct plan_op *op;

	while (n > 1 && to[n - 1] == '/')
		n--;
	to = plan_keepf(p, "%.*s", (int)n, to);
	if (fd >= 0) {
		op = plan_add(p, PLAN_TREE, NULL, to);
		op->make = PLAN_MAKE_FILE;
		op->fd = fd;
		return;
	}
	if (in->oci->namespaces[OCI_NS_USER].set && d->type != 'p') {
		op = plan_add(p, PLAN_DEVICE, d->path, to);
		op->make = PLAN_MAKE_FILE;
		op->attr = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC;
		op->rdev = rdev;
		return;
	}
	op = plan_add(p, PLAN_NODE, NULL, to);
	op->mode = (d->mode.set ? (mode_t)d->mode.value & 07777 : 0666) |
		(d->type == 'b' ? S_IFBLK : d->type == 'p' ? S_IFIFO : S_IFCHR);
	op->rdev = d->type == 'p' ? 0 : rdev;
	op->uid = d->uid;
	op->gid = d->gid;
}

static bool plan_is_configured(const struct plan_oci *in, const char *path)
{
	for (size_t i = 0; i < in->oci->n_devices; i++)
		if (str_eq(in->oci->devices[i].path, path))
			return true;
	return false;
}

static void plan_devices(struct plan *p, const struct plan_oci *in)
{
	for (size_t i = 0; i < ARRAY_SIZE(plan_default_devices); i++) {
		const struct oci_device d = {
			.path = plan_default_devices[i].path, .type = 'c',
			.major = plan_default_devices[i].major,
			.minor = plan_default_devices[i].minor,
		};

		if (!plan_is_configured(in, d.path))
			plan_device(p, in, &d, -1);
	}
	for (size_t i = 0; i < in->oci->n_devices; i++)
		plan_device(p, in, &in->oci->devices[i],
			    in->devices ? in->devices[i] : -1);
	for (size_t i = 0; i < ARRAY_SIZE(plan_dev_links); i++)
		if (!str_eq(plan_dev_links[i][1], "dev/ptmx") || plan_has_pts(in))
			plan_add(p, PLAN_LINK, plan_dev_links[i][0],
				 plan_dev_links[i][1]);
	if (in->process->terminal)
		plan_add(p, PLAN_FILE, NULL, "dev/console");
}

/* ---- all of it ---- */

static void plan_protect(struct plan *p, const struct plan_oci *in)
{
	const struct oci *o = in->oci;
	struct plan_op *op;

	for (size_t i = 0; i < o->readonly_paths.n; i++)
		plan_add(p, PLAN_READONLY, NULL,
			 plan_inside(o->readonly_paths.v[i]))->attr = MOUNT_ATTR_RDONLY;
	for (size_t i = 0; i < o->masked_paths.n; i++) {
		op = plan_add(p, PLAN_MASK, NULL, plan_inside(o->masked_paths.v[i]));
		op->attr = MASK_ATTR;
		op->fd = in->null_fd;
		op->num[0] = (uint64_t)in->void_fd;
	}
}

int plan_rootfs(struct plan *p, const struct plan_oci *in, struct error *e)
{
	struct plan_op *op;
	int r = 0;

	p->stage = PLAN_IN_ROOTFS;
	/* What we mounted would be mounted on the host, for good. */
	if (!in->oci->namespaces[OCI_NS_MOUNT].set)
		return 0;
	op = plan_add(p, PLAN_ROOT, NULL, in->rootfs);
	op->fd = in->root_fd;
	for (size_t i = 0; i < in->oci->n_mounts && r == 0; i++)
		r = plan_mount(p, in, i, e);
	if (r < 0)
		return r;
	if (plan_makes_dev(in))
		plan_devices(p, in);
	plan_close_mounts(p, in);
	if (in->process->cwd && !str_eq(in->process->cwd, "/"))
		plan_add(p, PLAN_DIR, NULL, plan_inside(in->process->cwd));
	plan_protect(p, in);
	return 0;
}

void plan_rootfs_enter(struct plan *p, const struct plan_oci *in)
{
	bool joined = in->oci->namespaces[OCI_NS_MOUNT].path != NULL;

	p->stage = PLAN_IN_ROOTFS;
	if (!in->oci->namespaces[OCI_NS_MOUNT].set) {
		plan_add(p, PLAN_CHROOT, NULL, in->rootfs);
		return;
	}
	/* Others live in a namespace that was joined: their root stays. */
	if (joined) {
		plan_add(p, PLAN_CHROOT, NULL, ".");
	} else if (in->no_pivot) {
		for (size_t i = 0; i < in->reveals.n; i++)
			plan_add(p, PLAN_HIDE, NULL, plan_keep(p, in->reveals.v[i]));
		plan_add(p, PLAN_MOVE, NULL, ".");
		plan_add(p, PLAN_CHROOT, NULL, ".");
	} else {
		plan_add(p, PLAN_PIVOT, NULL, ".");
	}
}

void plan_rootfs_finish(struct plan *p, const struct plan_oci *in)
{
	const char *spread = in->oci->rootfs_propagation;
	struct plan_op *op;

	p->stage = PLAN_IN_ROOTFS;
	if (!in->oci->namespaces[OCI_NS_MOUNT].set)
		return;
	for (size_t i = 0; spread && i < ARRAY_SIZE(plan_spreads); i++) {
		if (!str_eq(spread, plan_spreads[i].name))
			continue;
		op = plan_add(p, PLAN_ATTR, NULL, ".");
		op->num[PLAN_PROPAGATION] = plan_spreads[i].type;
		op->flags = spread[0] == 'r' ? AT_RECURSIVE : 0;
	}
	if (in->oci->root_readonly)
		plan_add(p, PLAN_ATTR, NULL, ".")->attr = MOUNT_ATTR_RDONLY;
}
