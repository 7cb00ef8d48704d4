/*
 * oci_rules.c - what depends on the namespaces a container has: without its
 * own (or a joined one), a setting would change the host.
 */
#include "runtime/oci/oci.h"
#include "runtime/oci/oci_objects.h"

static const struct oci_at linux_at = { .name = "linux" };

static bool rules_has(const struct oci *o, enum oci_namespace_kind kind)
{
	return o->namespaces[kind].set;
}

static int rules_names(const struct oci_reader *r, const struct oci *o)
{
	if (rules_has(o, OCI_NS_UTS))
		return 0;
	if (o->hostname)
		return oci_refuse_member(r, NULL, "hostname",
					 "needs a uts namespace");
	if (o->domainname)
		return oci_refuse_member(r, NULL, "domainname",
					 "needs a uts namespace");
	return 0;
}

static int rules_user(const struct oci_reader *r, const struct oci *o)
{
	const struct oci_namespace *user = &o->namespaces[OCI_NS_USER];

	if (!user->set && o->n_uid_maps > 0)
		return oci_refuse_member(r, &linux_at, "uidMappings",
					 "needs a user namespace");
	if (!user->set && o->n_gid_maps > 0)
		return oci_refuse_member(r, &linux_at, "gidMappings",
					 "needs a user namespace");
	if (user->set && !user->path && o->n_uid_maps == 0 && o->n_gid_maps == 0)
		return oci_refuse_member(r, &linux_at, "uidMappings", "missing: "
					 "a new user namespace needs it");
	if (o->n_uid_maps > 0 && o->n_gid_maps == 0)
		return oci_refuse_member(r, &linux_at, "gidMappings",
					 "missing beside uidMappings");
	if (o->n_gid_maps > 0 && o->n_uid_maps == 0)
		return oci_refuse_member(r, &linux_at, "uidMappings",
					 "missing beside gidMappings");
	return 0;
}

static int rules_time(const struct oci_reader *r, const struct oci *o)
{
	if (!o->monotonic.set && !o->boottime.set)
		return 0;
	if (!rules_has(o, OCI_NS_TIME))
		return oci_refuse_member(r, &linux_at, "timeOffsets",
					 "needs a time namespace");
	if (o->namespaces[OCI_NS_TIME].path)
		return oci_refuse_member(r, &linux_at, "timeOffsets",
					 "not with a joined time namespace");
	return 0;
}

static int rules_paths(const struct oci_reader *r, const struct oci *o)
{
	if (rules_has(o, OCI_NS_MOUNT))
		return 0;
	if (o->masked_paths.n > 0)
		return oci_refuse_member(r, &linux_at, "maskedPaths",
					 "needs a mount namespace");
	if (o->readonly_paths.n > 0)
		return oci_refuse_member(r, &linux_at, "readonlyPaths",
					 "needs a mount namespace");
	return 0;
}

/* ---- sysctl ---- */

/* Two places for one name: they have to agree. */
static int rules_domain(const struct oci_reader *r, const struct oci *o)
{
	for (size_t i = 0; o->domainname && i < o->n_sysctl; i++)
		if (str_eq(o->sysctl[i].key, "kernel/domainname") &&
		    !str_eq(o->sysctl[i].value, o->domainname))
			return oci_refuse_member(r, NULL, "domainname", "differs from "
						 "linux.sysctl");
	return 0;
}

/* What of /proc/sys belongs to a namespace. An entry that ends in a slash is
 * all below it. */
static const struct {
	const char *path;
	enum oci_namespace_kind kind;
	const char *name;
} sysctl_owners[] = {
	{ "net/", OCI_NS_NETWORK, "a network" },
	{ "fs/mqueue/", OCI_NS_IPC, "an ipc" },
	{ "kernel/msgmax", OCI_NS_IPC, "an ipc" },
	{ "kernel/msgmnb", OCI_NS_IPC, "an ipc" },
	{ "kernel/msgmni", OCI_NS_IPC, "an ipc" },
	{ "kernel/sem", OCI_NS_IPC, "an ipc" },
	{ "kernel/shmall", OCI_NS_IPC, "an ipc" },
	{ "kernel/shmmax", OCI_NS_IPC, "an ipc" },
	{ "kernel/shmmni", OCI_NS_IPC, "an ipc" },
	{ "kernel/shm_rmid_forced", OCI_NS_IPC, "an ipc" },
	{ "kernel/domainname", OCI_NS_UTS, "a uts" },
	{ "user/", OCI_NS_USER, "a user" },
};

/* A key as a path: "net.ipv4.conf.eth0/1.rp_filter" has the marks exchanged,
 * as sysctl(8) takes it; a key whose first mark is a slash is a path already. */
static const char *sysctl_path(const struct oci_reader *r, const char *key)
{
	size_t n = strlen(key) + 1;
	char *path;

	if (key[strcspn(key, "./")] != '.')
		return key;
	path = oci_arena_get(r->arena, n, 1);
	for (size_t i = 0; i < n; i++)
		path[i] = key[i] == '.' ? '/' : key[i] == '/' ? '.' : key[i];
	return path;
}

/* No part may be empty or lead elsewhere. */
static bool sysctl_path_good(const char *path)
{
	for (const char *p = path; ; p++) {
		size_t n = strcspn(p, "/");

		if (n == 0 || (n == 1 && p[0] == '.') ||
		    (n == 2 && p[0] == '.' && p[1] == '.'))
			return false;
		p += n;
		if (!*p)
			return true;
	}
}

static int sysctl_check(const struct oci_reader *r, const struct oci *o,
			const struct oci_at *at, const char *path)
{
	if (!sysctl_path_good(path))
		return oci_refuse(r, at, "not a name below /proc/sys");
	if (str_eq(path, "kernel/hostname"))
		return oci_refuse(r, at, "set by \"hostname\" only");
	for (size_t i = 0; i < ARRAY_SIZE(sysctl_owners); i++) {
		const char *owned = sysctl_owners[i].path;
		const char *rest = str_after(path, owned);

		if (!rest || (*rest && owned[strlen(owned) - 1] != '/'))
			continue;
		return rules_has(o, sysctl_owners[i].kind) ? 0 :
			oci_refuse(r, at, "needs %s namespace",
				   sysctl_owners[i].name);
	}
	return oci_refuse(r, at, "belongs to the whole machine");
}

static int rules_sysctl(const struct oci_reader *r, struct oci *o)
{
	const struct oci_at list = { .up = &linux_at, .name = "sysctl" };
	struct resources_pair *v = oci_arena_get(r->arena, o->n_sysctl, sizeof(*v));

	for (size_t i = 0; i < o->n_sysctl; i++) {
		const struct oci_at item = { .up = &list, .name = o->sysctl[i].key };
		int ret;

		v[i].key = sysctl_path(r, o->sysctl[i].key);
		v[i].value = o->sysctl[i].value;
		ret = sysctl_check(r, o, &item, v[i].key);
		if (ret < 0)
			return ret;
	}
	o->sysctl = v;
	return rules_domain(r, o);
}

/* ---- mounts ---- */

/* What is behind "idmap" or "ridmap": nothing or "=..."; NULL: another word. */
static const char *idmap_rest(const char *option)
{
	const char *rest = str_after(option, option[0] == 'r' ? "ridmap" : "idmap");

	return rest && (!*rest || *rest == '=') ? rest : NULL;
}

static int mount_map(const struct oci_reader *r, const struct oci_at *at,
		     const struct oci *o, struct oci_mount *m, const char *rest)
{
	if (m->n_uid_maps > 0)
		return 0;
	if (*rest)
		return oci_idmap_option(r, at, o, rest + 1, m);
	return rules_has(o, OCI_NS_USER) ? 0 :
		oci_refuse(r, at, "without mappings it needs a user namespace");
}

static void mount_add_option(const struct oci_reader *r, struct oci_mount *m,
			     const char *option)
{
	const char **v = oci_arena_get(r->arena, m->options.n + 2, sizeof(*v));

	memcpy(v, m->options.v, m->options.n * sizeof(*v));
	v[m->options.n] = option;
	m->options = (struct oci_strings){ v, m->options.n + 1 };
}

/* Mappings may be members of the mount, with the word or without, or stand in
 * the word, or be those of the user namespace. */
static int rules_mount(const struct oci_reader *r, const struct oci_at *at,
		       const struct oci *o, struct oci_mount *m)
{
	const struct oci_at list = { .up = at, .name = "options" };
	bool word = false;
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < m->options.n; i++) {
		const struct oci_at item = { .up = &list, .index = i };
		const char *rest = idmap_rest(m->options.v[i]);

		if (rest)
			ret = mount_map(r, &item, o, m, rest);
		word |= rest != NULL;
	}
	if (ret == 0 && !word && m->n_uid_maps > 0)
		mount_add_option(r, m, "idmap");
	return ret;
}

static int rules_mounts(const struct oci_reader *r, struct oci *o)
{
	struct oci_mount *v = oci_arena_get(r->arena, o->n_mounts, sizeof(*v));
	const struct oci_at list = { .name = "mounts" };

	if (o->n_mounts > 0)
		memcpy(v, o->mounts, o->n_mounts * sizeof(*v));
	o->mounts = v;
	for (size_t i = 0; i < o->n_mounts; i++) {
		const struct oci_at item = { .up = &list, .index = i };
		int ret = rules_mount(r, &item, o, &v[i]);

		if (ret < 0)
			return ret;
	}
	return 0;
}

int oci_rules_check(const struct oci_reader *r, struct oci *o)
{
	int ret = rules_names(r, o);

	ret = ret < 0 ? ret : rules_user(r, o);
	ret = ret < 0 ? ret : rules_time(r, o);
	ret = ret < 0 ? ret : rules_paths(r, o);
	ret = ret < 0 ? ret : rules_mounts(r, o);
	return ret < 0 ? ret : rules_sysctl(r, o);
}
