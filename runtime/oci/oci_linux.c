/*
 * oci_linux.c - tables of the linux object; its larger parts have files of
 * their own.
 */
#include "runtime/oci/oci.h"
#include "runtime/oci/oci_objects.h"

#include <sys/personality.h>

#define MAJOR_MAX 0xfff			/* 12 bits of the kernel's dev_t */
#define MINOR_MAX 0xfffff		/* 20 bits */
#define MODE_BITS 07777			/* engines add the type of the file */
#define NSEC_MAX 999999999

/* ---- namespaces ---- */

const struct oci_word oci_linux_namespaces[] = {
	{ "cgroup", OCI_NS_CGROUP }, { "ipc", OCI_NS_IPC },
	{ "mount", OCI_NS_MOUNT }, { "network", OCI_NS_NETWORK },
	{ "pid", OCI_NS_PID }, { "time", OCI_NS_TIME }, { "user", OCI_NS_USER },
	{ "uts", OCI_NS_UTS }, { NULL, 0 },
};

struct namespace_entry {
	int kind;
	const char *path;
};

static const struct oci_field namespace_fields[] = {
	OCI_F(OCI_WORD, namespace_entry, "type", kind, .required = true,
	      .words = oci_linux_namespaces),
	OCI_F(OCI_STRING, namespace_entry, "path", path,
	      .string = oci_read_absolute),
};
static const struct oci_object namespace_object =
	OCI_TABLE(namespace_entry, namespace_fields);

static int namespaces_read(const struct oci_reader *r, const struct oci_at *at,
			   const json_t *value, void *member)
{
	struct oci_namespace *all = member;

	if (!json_is_array(value))
		return oci_refuse(r, at, "not an array");
	for (size_t i = 0; i < json_array_size(value); i++) {
		const struct oci_at item = { .up = at, .index = i };
		struct namespace_entry ns = { .path = NULL };
		int ret = oci_read_object(r, &item, json_array_get(value, i),
					  &namespace_object, &ns);

		if (ret < 0)
			return ret;
		if (all[ns.kind].set)
			return oci_refuse_member(r, &item, "type",
						 "given twice");
		all[ns.kind] = (struct oci_namespace){ true, ns.path };
	}
	return 0;
}

/* ---- clocks ---- */

#define CLOCK(name, m) \
	static const struct oci_field m##_fields[] = { \
		OCI_F_NUMBER(oci, "secs", m.secs, INT64_MIN, INT64_MAX), \
		OCI_F_NUMBER(oci, "nanosecs", m.nanosecs, 0, NSEC_MAX), \
	}; \
	static const struct oci_object m##_object = OCI_TABLE(oci, m##_fields)
CLOCK("monotonic", monotonic);
CLOCK("boottime", boottime);

static const struct oci_field clock_fields[] = {
	OCI_F_OBJECT("monotonic", monotonic_object,
		     .present = offsetof(struct oci, monotonic.set)),
	OCI_F_OBJECT("boottime", boottime_object,
		     .present = offsetof(struct oci, boottime.set)),
};
static const struct oci_object clocks_object = OCI_TABLE(oci, clock_fields);

/* The members are names of clocks, not properties: none may be ignored. */
static int clocks_read(const struct oci_reader *r, const struct oci_at *at,
		       const json_t *value, void *member)
{
	const char *key;
	json_t *v;

	json_object_foreach((json_t *)value, key, v)
		if (!str_eq(key, "monotonic") && !str_eq(key, "boottime"))
			return oci_refuse_member(r, at, key, "no such clock");
	return oci_read_object(r, at, value, &clocks_object, member);
}

/* ---- devices ---- */

static const struct oci_word device_words[] = {
	{ "b", 'b' }, { "c", 'c' }, { "p", 'p' }, { "u", 'c' }, { NULL, 0 },
};

static const struct oci_field device_fields[] = {
	OCI_F(OCI_STRING, oci_device, "path", path, .required = true,
	      .string = oci_read_absolute),
	OCI_F(OCI_WORD, oci_device, "type", type, .required = true,
	      .words = device_words),
	OCI_F_NUMBER(oci_device, "major", major, 0, MAJOR_MAX, .absent = -1),
	OCI_F_NUMBER(oci_device, "minor", minor, 0, MINOR_MAX, .absent = -1),
	OCI_F_MAYBE(oci_device, "fileMode", mode, 0, UINT32_MAX),
	OCI_F_NUMBER(oci_device, "uid", uid, 0, UINT32_MAX - 1),
	OCI_F_NUMBER(oci_device, "gid", gid, 0, UINT32_MAX - 1),
};

static int device_check(const struct oci_reader *r, const struct oci_at *at,
			void *out)
{
	struct oci_device *d = out;

	d->mode.value &= MODE_BITS;
	if (d->type == 'p')
		d->major = d->minor = 0;
	if (d->major < 0)
		return oci_refuse_member(r, at, "major", "missing");
	if (d->minor < 0)
		return oci_refuse_member(r, at, "minor", "missing");
	return 0;
}

static const struct oci_object device_object =
	OCI_TABLE(oci_device, device_fields, .check = device_check);

/* ---- the rest ---- */

static const struct oci_word domain_words[] = {
	{ "LINUX", PER_LINUX }, { "LINUX32", PER_LINUX32 }, { NULL, 0 },
};

static const struct oci_word no_words[] = { { NULL, 0 } };

static int personality_flags(const struct oci_reader *r, const struct oci_at *at,
			     const json_t *value, void *member)
{
	const struct oci_at first = { .up = at };
	int64_t none;

	if (!json_is_array(value))
		return oci_refuse(r, at, "not an array");
	if (json_array_size(value) == 0)
		return 0;
	return oci_read_word(r, &first, json_array_get(value, 0), no_words, &none);
}

static const struct oci_field personality_fields[] = {
	OCI_F(OCI_WORD, oci, "domain", personality.domain, .required = true,
	      .words = domain_words),
	{ .name = "flags", .kind = OCI_CUSTOM, .read = personality_flags },
};
static const struct oci_object personality_object =
	OCI_TABLE(oci, personality_fields);

/* By number: newer than the headers of Debian 12. */
static const struct oci_word policy_mode_words[] = {
	{ "MPOL_DEFAULT", 0 }, { "MPOL_PREFERRED", 1 }, { "MPOL_BIND", 2 },
	{ "MPOL_INTERLEAVE", 3 }, { "MPOL_LOCAL", 4 },
	{ "MPOL_PREFERRED_MANY", 5 }, { "MPOL_WEIGHTED_INTERLEAVE", 6 },
	{ NULL, 0 },
};

static const struct oci_word policy_flag_words[] = {
	{ "MPOL_F_STATIC_NODES", 1 << 15 }, { "MPOL_F_RELATIVE_NODES", 1 << 14 },
	{ "MPOL_F_NUMA_BALANCING", 1 << 13 }, { NULL, 0 },
};

static const struct oci_field memory_policy_fields[] = {
	OCI_F(OCI_WORD, oci, "mode", memory_policy.mode, .required = true,
	      .words = policy_mode_words),
	OCI_F(OCI_WORDS, oci, "flags", memory_policy.flags,
	      .words = policy_flag_words),
	OCI_F(OCI_STRING, oci, "nodes", memory_policy.nodes,
	      .string = oci_read_list),
};
static const struct oci_object memory_policy_object =
	OCI_TABLE(oci, memory_policy_fields);

static int cgroups_path_check(const struct oci_reader *r, const struct oci_at *at,
			      const char *s)
{
	for (const char *p = s; *p; p += strspn(p, "/")) {
		size_t n = strcspn(p, "/");

		if (n == 2 && p[0] == '.' && p[1] == '.')
			return oci_refuse(r, at, "%s goes upwards",
					  oci_refuse_quote(s).text);
		p += n;
	}
	return 0;
}

static int propagation_check(const struct oci_reader *r, const struct oci_at *at,
			     const char *s)
{
	static const char *const known[] = { "shared", "slave", "private",
					     "unbindable" };
	const char *plain = s[0] == 'r' ? s + 1 : s;

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (str_eq(plain, known[i]))
			return 0;
	return oci_refuse(r, at, "%s is not known", oci_refuse_quote(s).text);
}

static int rdt_refuse(const struct oci_reader *r, const struct oci_at *at,
		      const json_t *value, void *member)
{
	return oci_refuse(r, at, "not supported");
}

static const struct oci_field linux_fields[] = {
	OCI_F(OCI_CUSTOM, oci, "namespaces", namespaces, .read = namespaces_read),
	OCI_F_ARRAY(oci, "uidMappings", uid_maps, n_uid_maps, oci_idmap_object,
		    .max = OCI_IDMAP_MAX),
	OCI_F_ARRAY(oci, "gidMappings", gid_maps, n_gid_maps, oci_idmap_object,
		    .max = OCI_IDMAP_MAX),
	{ .name = "timeOffsets", .kind = OCI_CUSTOM, .read = clocks_read },
	OCI_F_ARRAY(oci, "devices", devices, n_devices, device_object),
	OCI_F(OCI_STRING, oci, "cgroupsPath", cgroups_path,
	      .string = cgroups_path_check),
	OCI_F_OBJECT("resources", oci_resources_object,
		     .offset = offsetof(struct oci, resources)),
	OCI_F_LIST(OCI_PAIRS, oci, "sysctl", sysctl, n_sysctl),
	OCI_F_OBJECT("seccomp", oci_seccomp_object,
		     .offset = offsetof(struct oci, seccomp),
		     .present = offsetof(struct oci, has_seccomp)),
	OCI_F(OCI_STRING, oci, "rootfsPropagation", rootfs_propagation,
	      .string = propagation_check),
	OCI_F(OCI_STRING, oci, "mountLabel", mount_label),
	OCI_F_STRINGS(oci, "maskedPaths", masked_paths,
		      .string = oci_read_absolute, .max = OCI_READ_LIST_MAX),
	OCI_F_STRINGS(oci, "readonlyPaths", readonly_paths,
		      .string = oci_read_absolute, .max = OCI_READ_LIST_MAX),
	OCI_F_OBJECT("personality", personality_object,
		     .present = offsetof(struct oci, personality.set)),
	OCI_F_OBJECT("memoryPolicy", memory_policy_object,
		     .present = offsetof(struct oci, memory_policy.set)),
	{ .name = "intelRdt", .kind = OCI_CUSTOM, .read = rdt_refuse },
};

const struct oci_object oci_linux_object = OCI_TABLE(oci, linux_fields);
