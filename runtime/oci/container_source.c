/*
 * container_source.c - bind mounts and the root file system, as detached trees.
 */
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "runtime/oci/container_copy.h"
#include "runtime/oci/container_device.h"
#include "runtime/oci/container_source.h"
#include "runtime/idmap.h"
#include "runtime/oci/oci_mount.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <sys/mount.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define SOURCE_MOUNTINFO_MAX (4 * 1024 * 1024)
#define SOURCE_MS_PRIVATE (1 << 18)

static int source_set(int fd, unsigned flags, const struct mount_attr *attr)
{
	return (int)syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH | flags, attr,
			    sizeof(*attr));
}

/* A detached copy of what path leads to. */
static int source_tree(const char *path, unsigned flags, bool follow)
{
	return (int)syscall(SYS_open_tree, AT_FDCWD, path, OPEN_TREE_CLONE |
			    OPEN_TREE_CLOEXEC | flags |
			    (follow ? 0 : AT_SYMLINK_NOFOLLOW));
}

/* ---- id mapping ---- */

static char *source_map(const struct oci_id_map *v, size_t n)
{
	auto_buf text = BUF_INIT;

	for (size_t i = 0; i < n; i++)
		buf_addf(&text, "%u %u %u\n", v[i].container, v[i].host, v[i].size);
	return xstrdup(buf_str(&text));
}

/* The mount's own mapping, or the container's. */
static int source_idmap(int tree, const struct oci *o, const struct oci_mount *m,
			bool recursive, struct error *e)
{
	bool own = m->n_uid_maps > 0;
	auto_free char *uids = own ? source_map(m->uid_maps, m->n_uid_maps)
				   : source_map(o->uid_maps, o->n_uid_maps);
	auto_free char *gids = own ? source_map(m->gid_maps, m->n_gid_maps)
				   : source_map(o->gid_maps, o->n_gid_maps);
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_IDMAP };
	auto_close int userns = -1;
	int r;

	if (!uids[0] || !gids[0])
		return error_set(e, EINVAL, "an idmapped mount needs a mapping");
	r = idmap_userns(uids, gids, &userns, e);
	if (r < 0)
		return r;
	attr.userns_fd = (uint64_t)userns;
	if (source_set(tree, recursive ? AT_RECURSIVE : 0, &attr) < 0)
		return error_sys(e, "map the ids of %s", m->source ? m->source : "?");
	return 0;
}

/* ---- one mount ---- */

/* Private, unless its own words or the root's say otherwise: a container does
 * not change the host's mounts by accident. */
static int source_spread(int tree, const struct oci *o,
			 const struct oci_mount_options *opt, struct error *e)
{
	struct mount_attr attr = { .propagation = SOURCE_MS_PRIVATE };

	if (opt->n_spread == 0 && o->rootfs_propagation &&
	    (strstr(o->rootfs_propagation, "shared") ||
	     strstr(o->rootfs_propagation, "slave")))
		return 0;
	if (opt->n_spread == 0 &&
	    source_set(tree, AT_RECURSIVE, &attr) < 0)
		return error_sys(e, "make a mount private");
	for (size_t i = 0; i < opt->n_spread; i++) {
		/* The plan does that in the end: it cannot be copied any more. */
		if (opt->spread[i].type == MS_UNBINDABLE)
			break;
		attr.propagation = opt->spread[i].type;
		if (source_set(tree, opt->spread[i].recursive ? AT_RECURSIVE : 0,
			       &attr) < 0)
			return error_sys(e, "set the propagation of a mount");
	}
	return 0;
}

static int source_attributes(int tree, const struct oci_mount_options *opt,
			     struct error *e)
{
	struct mount_attr one = { .attr_set = opt->one.set, .attr_clr = opt->one.clr };
	struct mount_attr all = { .attr_set = opt->all.set, .attr_clr = opt->all.clr };

	if ((one.attr_set || one.attr_clr) && source_set(tree, 0, &one) < 0)
		return error_sys(e, "set the attributes of a mount");
	if ((all.attr_set || all.attr_clr) && source_set(tree, AT_RECURSIVE, &all) < 0)
		return error_sys(e, "set the attributes of a mount and those below it");
	return 0;
}

static int source_finish(int tree, const struct oci *o, const struct oci_mount *m,
			 const struct oci_mount_options *opt, struct error *e)
{
	int r = 0;

	if (opt->flags & OCI_MOUNT_IDMAP)
		r = source_idmap(tree, o, m, opt->flags & OCI_MOUNT_RIDMAP, e);
	if (r == 0)
		r = source_attributes(tree, opt, e);
	if (r == 0)
		r = source_spread(tree, o, opt, e);
	return r;
}

static int source_bind(struct plan_source *s, const struct oci *o,
		       const struct oci_mount *m, const struct oci_mount_options *opt,
		       const char *bundle, struct error *e)
{
	auto_free char *path = NULL;
	auto_close int tree = -1;
	struct stat st;
	int r;

	if (!m->source || !m->source[0])
		return error_set(e, EINVAL, "a bind mount needs a source");
	path = m->source[0] == '/' ? xstrdup(m->source)
				   : xasprintf("%s/%s", bundle, m->source);
	tree = source_tree(path, opt->flags & OCI_MOUNT_RBIND ? AT_RECURSIVE : 0,
			   !(opt->flags & (OCI_MOUNT_SRC_NOFOLLOW |
					   OCI_MOUNT_COPY_SYMLINK)));
	if (tree < 0)
		return error_sys(e, "open %s", path);
	if (fstat(tree, &st) < 0)
		return error_sys(e, "look at %s", path);
	r = source_finish(tree, o, m, opt, e);
	if (r < 0)
		return r;
	s->is_file = !S_ISDIR(st.st_mode);
	s->fd = take_fd(tree);
	return 0;
}

static int source_configure(int fs, const struct oci_mount_options *opt)
{
	for (size_t i = 0; i < opt->n_data; i++)
		if (syscall(SYS_fsconfig, fs, opt->data[i].value ? FSCONFIG_SET_STRING
			    : FSCONFIG_SET_FLAG, opt->data[i].key, opt->data[i].value,
			    0) < 0)
			return -1;
	return (int)syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
}

/* A tmpfs that begins with what the image has at its place. */
static int source_copy_up(struct plan_source *s, const struct oci *o,
			  const struct oci_mount *m,
			  const struct oci_mount_options *opt, int dir_fd,
			  struct error *e)
{
	auto_close int fs = (int)syscall(SYS_fsopen, "tmpfs", FSOPEN_CLOEXEC), tree = -1;
	int r;

	if (fs < 0 || source_configure(fs, opt) < 0)
		return error_sys(e, "make a tmpfs");
	tree = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, 0);
	if (tree < 0)
		return error_sys(e, "mount a tmpfs");
	r = container_copy(dir_fd, m->destination, tree, e);
	if (r == 0)
		r = source_finish(tree, o, m, opt, e);
	if (r < 0)
		return r;
	s->fd = take_fd(tree);
	return 0;
}

/* What a user namespace may not mount without a namespace of that kind of its
 * own is shown as the host has it, read-only. */
static int source_fallback(struct plan_source *s, const struct oci *o,
			   const struct oci_mount *m, struct error *e)
{
	static const struct {
		const char *type, *path;
		enum oci_namespace_kind kind;
	} shared[] = {
		{ "sysfs", "/sys", OCI_NS_NETWORK },
		{ "mqueue", "/dev/mqueue", OCI_NS_IPC },
	};
	struct mount_attr attr = { .propagation = SOURCE_MS_PRIVATE };

	if (!o->namespaces[OCI_NS_USER].set)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(shared); i++) {
		if (!m->type || !str_eq(m->type, shared[i].type))
			continue;
		s->fd = source_tree(shared[i].path, AT_RECURSIVE, true);
		if (s->fd < 0)
			continue;
		attr.attr_set = shared[i].kind == OCI_NS_NETWORK ? MOUNT_ATTR_RDONLY : 0;
		attr.attr_set |= MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
		if (source_set(s->fd, AT_RECURSIVE, &attr) < 0)
			return error_sys(e, "set the attributes of %s", shared[i].path);
	}
	return 0;
}

/* What is mounted there decides what the masks below it hide: the image has no
 * say in where that is. */
static int source_check_place(const struct container_source *c,
			      const struct oci_mount *m, struct error *e)
{
	const char *to = m->destination + strspn(m->destination, "/");
	struct stat st;

	if (!m->type || (!str_eq(m->type, "proc") && !str_eq(m->type, "sysfs")))
		return 0;
	if (fstatat(c->dir_fd, to, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    !S_ISDIR(st.st_mode))
		return error_set(e, EINVAL, "%s must be mounted on ordinary directory",
				 m->type);
	return 0;
}

static int source_mount(struct container_source *c, const struct oci *o, size_t i,
			const char *bundle, struct error *e)
{
	const struct oci_mount *m = &o->mounts[i];
	struct oci_mount_options opt;
	int r = 0;

	oci_mount_options(&opt, &m->options);
	if (opt.flags & OCI_MOUNT_REMOUNT)
		r = 0;
	else if (opt.flags & (OCI_MOUNT_BIND | OCI_MOUNT_IDMAP))
		r = source_bind(&c->mounts[i], o, m, &opt, bundle, e);
	else if (opt.flags & OCI_MOUNT_COPY_UP)
		r = source_copy_up(&c->mounts[i], o, m, &opt, c->dir_fd, e);
	else if ((r = source_check_place(c, m, e)) == 0)
		r = source_fallback(&c->mounts[i], o, m, e);
	oci_mount_options_deinit(&opt);
	return error_prefix(e, r, "mounts[%zu] at %s", i, m->destination);
}

/* ---- the root ---- */

static int source_root(struct container_source *c, const struct oci *o,
		       const char *rootfs, struct error *e)
{
	const char *spread = o->rootfs_propagation;
	struct mount_attr attr = { .propagation = SOURCE_MS_PRIVATE };

	c->dir_fd = open(rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (c->dir_fd < 0)
		return error_sys(e, "root.path: open %s", rootfs);
	c->root_fd = (int)syscall(SYS_open_tree, c->dir_fd, "", AT_EMPTY_PATH |
				  AT_RECURSIVE | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (c->root_fd < 0)
		return error_sys(e, "root.path: clone %s", rootfs);
	if (spread && (strstr(spread, "shared") || strstr(spread, "slave")))
		return 0;
	if (source_set(c->root_fd, AT_RECURSIVE, &attr) < 0)
		return error_sys(e, "root.path: make %s private", rootfs);
	return 0;
}

/* An empty directory and an empty file in a tmpfs of nobody else's. Before Linux
 * 6.15 no part of a detached mount can be cloned: EINVAL, and the child has to
 * make one for each mask. */
static int source_masks(struct container_source *c, struct error *e)
{
	auto_close int fs = (int)syscall(SYS_fsopen, "tmpfs", FSOPEN_CLOEXEC), mnt = -1;

	if (fs < 0 ||
	    syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, "size", "4096", 0) < 0 ||
	    syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, "mode", "0755", 0) < 0 ||
	    syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return error_sys(e, "make a file system for masked paths");
	mnt = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, 0);
	if (mnt < 0 || mkdirat(mnt, "void", 0755) < 0 ||
	    mknodat(mnt, "null", S_IFREG | 0444, 0) < 0)
		return error_sys(e, "fill a file system for masked paths");
	c->void_fd = (int)syscall(SYS_open_tree, mnt, "void", OPEN_TREE_CLONE |
				  OPEN_TREE_CLOEXEC);
	if (c->void_fd < 0 && errno == EINVAL)
		return 0;
	c->null_fd = (int)syscall(SYS_open_tree, mnt, "null", OPEN_TREE_CLONE |
				  OPEN_TREE_CLOEXEC);
	if (c->void_fd < 0 || c->null_fd < 0)
		return error_sys(e, "hold a file system for masked paths");
	return 0;
}

/* ---- control groups ---- */

/* Of "rw,cpu,cpuacct" and "rw,xattr,name=systemd" what chooses the hierarchy. */
static char *source_hierarchy_options(const char *super)
{
	auto_free char *words = xstrdup(super);
	auto_buf text = BUF_INIT;
	char *next = words;

	for (char *w = strsep(&next, ","); w; w = strsep(&next, ",")) {
		if (str_eq(w, "rw") || str_eq(w, "ro") || str_eq(w, "xattr") ||
		    str_after(w, "release_agent=") || str_after(w, "clone_children") ||
		    str_after(w, "favordynmods") || str_after(w, "noprefix"))
			continue;
		if (str_after(w, "name="))
			buf_adds(&text, "none,");
		else if (text.len > 0)
			buf_adds(&text, ",");
		buf_adds(&text, w);
	}
	return xstrdup(buf_str(&text));
}

/* A line of mountinfo: "36 35 0:30 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu" */
static int source_hierarchy(struct container_source *c, char *line, const char *cgroup,
			    bool own_namespace, uint64_t attr, struct error *e)
{
	struct mount_attr set = { .attr_set = attr, .propagation = SOURCE_MS_PRIVATE };
	struct plan_hierarchy *h = &c->hierarchies[c->n_hierarchies];
	auto_free char *group = NULL;
	char type[16], super[256], path[256], *dash = strstr(line, " - "), *slash;

	if (!dash || sscanf(dash, " - %15s %*s %255s", type, super) != 2 ||
	    sscanf(line, "%*s %*s %*s %*s %255s", path) != 1 ||
	    (!str_eq(type, "cgroup") && !str_eq(type, "cgroup2")) ||
	    c->n_hierarchies == CONTAINER_HIERARCHIES_MAX)
		return 0;
	slash = strrchr(path, '/');
	*h = (struct plan_hierarchy){ .name = xstrdup(slash + 1), .fd = -1 };
	c->n_hierarchies++;
	if (str_eq(type, "cgroup"))
		h->options = source_hierarchy_options(super);
	if (own_namespace)
		return 0;
	group = xasprintf("%s%s", path, cgroup ? cgroup : "");
	h->fd = source_tree(group, 0, false);
	if (h->fd >= 0)
		return source_set(h->fd, 0, &set) < 0
			? error_sys(e, "set the attributes of %s", group) : 0;
	/* A hierarchy in which this container has no group. */
	free((char *)h->name);
	free((char *)h->options);
	c->n_hierarchies--;
	return errno == ENOENT ? 0 : error_sys(e, "open %s", group);
}

static const struct oci_mount *source_cgroup_mount(const struct oci *o)
{
	for (size_t i = 0; i < o->n_mounts; i++) {
		const char *type = o->mounts[i].type;

		if (type && (str_eq(type, "cgroup") || str_eq(type, "cgroup2")))
			return &o->mounts[i];
	}
	return NULL;
}

static int source_hierarchies(struct container_source *c, const struct oci *o,
			      const char *cgroup, struct error *e)
{
	auto_buf text = BUF_INIT;
	char *next, *line;
	const struct oci_mount *m = source_cgroup_mount(o);
	struct oci_mount_options opt;
	uint64_t attr;
	int r;

	if (!m)
		return 0;
	oci_mount_options(&opt, &m->options);
	attr = opt.one.set | opt.all.set;
	oci_mount_options_deinit(&opt);
	r = file_read(AT_FDCWD, "/proc/self/mountinfo", SOURCE_MOUNTINFO_MAX, &text, e);
	if (r < 0)
		return r;
	next = buf_take(&text);
	c->texts = next;
	for (line = strsep(&next, "\n"); line && r == 0; line = strsep(&next, "\n"))
		r = source_hierarchy(c, line, cgroup, o->namespaces[OCI_NS_CGROUP].set,
				     attr, e);
	return r;
}

/* ---- all ---- */

int container_source_open(struct container_source *ret, const struct oci *o,
			  const char *rootfs, const char *bundle, const char *cgroup,
			  struct error *e)
{
	struct container_source c = CONTAINER_SOURCE_INIT;
	int r;

	c.mounts = xcalloc(o->n_mounts, sizeof(*c.mounts));
	c.n_mounts = o->n_mounts;
	for (size_t i = 0; i < o->n_mounts; i++)
		c.mounts[i].fd = -1;
	r = source_root(&c, o, rootfs, e);
	for (size_t i = 0; i < o->n_mounts && r == 0; i++)
		r = source_mount(&c, o, i, bundle, e);
	if (r == 0 && o->masked_paths.n > 0)
		r = source_masks(&c, e);
	if (r == 0 && o->n_devices > 0 && o->namespaces[OCI_NS_USER].set &&
	    !o->namespaces[OCI_NS_USER].path) {
		c.devices = xcalloc(o->n_devices, sizeof(*c.devices));
		r = container_device_make(c.devices, o, e);
		c.n_devices = r == 0 ? o->n_devices : 0;
	}
	if (r == 0)
		r = source_hierarchies(&c, o, cgroup, e);
	if (r < 0) {
		container_source_deinit(&c);
		return r;
	}
	*ret = c;
	return 0;
}

void container_source_deinit(struct container_source *s)
{
	for (size_t i = 0; i < s->n_mounts; i++)
		fd_close(s->mounts[i].fd);
	for (size_t i = 0; i < s->n_hierarchies; i++) {
		fd_close(s->hierarchies[i].fd);
		free((char *)s->hierarchies[i].name);
		free((char *)s->hierarchies[i].options);
	}
	for (size_t i = 0; i < s->n_devices; i++)
		fd_close(s->devices[i]);
	free(s->devices);
	free(s->mounts);
	free(s->texts);
	fd_close(s->root_fd);
	fd_close(s->dir_fd);
	fd_close(s->void_fd);
	fd_close(s->null_fd);
	*s = CONTAINER_SOURCE_INIT;
}
