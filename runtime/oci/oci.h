#pragma once

/*
 * oci.h - a bundle's config.json as the OCI runtime specification 1.2 has it.
 *
 * Pure: text in, struct out; no path is looked at. Unknown properties are
 * ignored, as the specification demands. A wrong type or value is EINVAL and
 * names the JSON path: "process.rlimits[2].soft: not a number".
 *
 * Borrowed strings everywhere: struct oci owns them all, oci_free() frees them.
 */
#include "base/base.h"
#include "runtime/cgroup/resources.h"
#include "runtime/filter/seccomp.h"

#include <sys/types.h>

struct error;

#define OCI_VERSION "1.2.0"
#define OCI_CONFIG_MAX (16 * 1024 * 1024)	/* bytes of a config.json */

struct oci_strings {
	const char *const *v;		/* NULL-terminated, never NULL itself */
	size_t n;
};

struct oci_rlimit {
	int resource;			/* RLIMIT_* */
	uint64_t soft, hard;
};

/* Masks of 1 << CAP_*; unknown names are kept apart. */
struct oci_capabilities {
	uint64_t bounding, effective, permitted, inheritable, ambient;
	struct oci_strings unknown;	/* to be warned of */
};

struct oci_process {
	bool terminal;
	uint16_t rows, cols;		/* 0: not given */
	uint32_t uid, gid;
	struct maybe umask;
	const uint32_t *groups;
	size_t n_groups;
	const char *cwd;		/* absolute */
	struct oci_strings args, env;
	const struct oci_rlimit *rlimits;
	size_t n_rlimits;
	bool has_capabilities;
	struct oci_capabilities capabilities;
	bool no_new_privileges;
	struct maybe oom_score_adj;
	const char *apparmor, *selinux;		/* or NULL */
	struct {
		bool set;
		uint32_t policy;		/* SCHED_* */
		int32_t nice, priority;
		uint64_t flags, runtime, deadline, period;	/* SCHED_FLAG_*, nsec */
		bool has_runtime, has_deadline;
	} scheduler;
	struct {
		bool set;
		int class;			/* 1 rt, 2 best effort, 3 idle */
		int priority;
	} io_priority;
	const char *exec_cpus_initial, *exec_cpus_final;	/* execCPUAffinity */
};

struct oci_mount {
	const char *destination;	/* absolute (a relative one: below "/") */
	const char *type;		/* or NULL */
	const char *source;		/* or NULL */
	struct oci_strings options;
	/* Of an idmapped mount; also out of an option "idmap=uids=...;gids=...". */
	const struct oci_id_map *uid_maps, *gid_maps;
	size_t n_uid_maps, n_gid_maps;
};

struct oci_id_map {
	uint32_t container, host, size;
};

struct oci_hook {
	const char *path;		/* absolute */
	struct oci_strings args;	/* argv; empty: the path alone */
	struct oci_strings env;
	unsigned timeout_sec;		/* 0: none */
};

enum oci_hook_kind {
	OCI_PRESTART, OCI_CREATE_RUNTIME, OCI_CREATE_CONTAINER,
	OCI_START_CONTAINER, OCI_POSTSTART, OCI_POSTSTOP, OCI_HOOK_KINDS,
};

struct oci_hooks {
	const struct oci_hook *v;
	size_t n;
};

enum oci_namespace_kind {
	OCI_NS_USER, OCI_NS_MOUNT, OCI_NS_PID, OCI_NS_NETWORK, OCI_NS_IPC,
	OCI_NS_UTS, OCI_NS_CGROUP, OCI_NS_TIME, OCI_NS_KINDS,
};

struct oci_namespace {
	bool set;			/* not the runtime's */
	const char *path;		/* join this; NULL: a new one */
};

struct oci_device {
	const char *path;
	char type;			/* 'c', 'b', 'p'; 'u' = 'c' */
	int64_t major, minor;
	struct maybe mode;		/* default 0666 */
	uint32_t uid, gid;
};

struct oci_offset {
	bool set;
	int64_t secs;
	uint32_t nanosecs;
};

struct oci {
	const char *version;
	const char *root_path;		/* as written */
	bool root_readonly;
	const char *hostname, *domainname;	/* or NULL */
	bool has_process;
	struct oci_process process;
	const struct oci_mount *mounts;
	size_t n_mounts;
	struct oci_hooks hooks[OCI_HOOK_KINDS];
	const struct resources_pair *annotations;
	size_t n_annotations;

	/* linux */
	struct oci_namespace namespaces[OCI_NS_KINDS];
	const struct oci_id_map *uid_maps, *gid_maps;
	size_t n_uid_maps, n_gid_maps;
	struct oci_offset monotonic, boottime;
	const struct oci_device *devices;
	size_t n_devices;
	const char *cgroups_path;	/* or NULL */
	struct resources resources;
	const struct resources_pair *sysctl;	/* keys: paths, net/ipv4/ip_forward */
	size_t n_sysctl;
	bool has_seccomp;
	struct seccomp_profile seccomp;
	const char *rootfs_propagation;	/* "shared", "rslave", ... or NULL */
	const char *mount_label;
	struct oci_strings masked_paths, readonly_paths;
	struct {
		bool set;
		unsigned long domain;		/* PER_LINUX, PER_LINUX32 */
	} personality;
	struct {
		bool set;
		uint64_t mode, flags;		/* MPOL_*, MPOL_F_* */
		const char *nodes;		/* "0-3,7", or NULL */
	} memory_policy;

	void *memory;			/* of the parser */
};

/* Parse and validate a whole config.json. */
int oci_parse(struct oci **ret, const char *text, size_t n, struct error *e);
struct oci *oci_free(struct oci *o);
DEFINE_AUTO(struct oci, oci_free)

/* The same rules for the parts that come alone: a process object ("exec
 * --process FILE") and a resources object ("update --resources FILE"). The rest
 * of the struct is empty. */
int oci_parse_process(struct oci **ret, const char *text, size_t n,
		      struct error *e);
int oci_parse_resources(struct oci **ret, const char *text, size_t n,
			struct error *e);

/* A default config.json as text ("dynorun spec"), for a host with (only) cgroup
 * version 2 or another; the caller frees it. */
char *oci_default_config(bool rootless, bool unified);

/* The features document of the specification (features.md) as text. */
char *oci_features(void);
