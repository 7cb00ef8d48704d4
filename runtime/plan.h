#pragma once

/*
 * plan.h - everything the child will do, decided and allocated beforehand.
 *
 * plan_build() is pure: it turns what was asked (struct dyno_spec) and what was
 * found (struct plan_input) into a list of operations with every string, map,
 * message, mask and filter ready. The child then makes system calls only, and
 * when one fails it tells stage and index: the parent still has the plan to
 * name the culprit.
 *
 * Paths of operations are relative to the staging directory, which is a tmpfs
 * of the dyno's own with the dyno's limits:
 *
 *   upper work        what the dyno writes, and the overlay's scratch
 *   slug stack usr    where the read-only layers are attached
 *   dev shm cgroup    sources of small binds
 *   void null         an empty directory and an empty file, for masks
 *   root              the root file system to be
 */
#include "base/base.h"
#include "base/strv.h"

#include <linux/filter.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/types.h>

struct dyno_spec;
struct error;

#define PLAN_APP_ID 1000		/* uid and gid of the app, inside */
#define PLAN_TTY_GID 5
#define PLAN_IDS 65536			/* ids of a dyno, from its first on */
#define PLAN_OPTIONS_MAX 6
#define PLAN_OPS_MAX 128
#define PLAN_RLIMITS_MAX 8
#define PLAN_CPUS_MAX 1024

enum plan_tree { PLAN_TREE_SLUG, PLAN_TREE_STACK, PLAN_TREE_USR, PLAN_TREE_COUNT };

enum plan_op_kind {
	PLAN_STAGE,	/* mount the tmpfs, work in it from now on */
	PLAN_DIR,	/* mkdir "to" with mode and owner */
	PLAN_FILE,	/* create "to" with text and mode */
	PLAN_LINK,	/* symlink "to" -> "from" */
	PLAN_TREE,	/* attach the parent's detached tree at "to" */
	PLAN_MOUNT,	/* new file system of type "from" at "to" */
	PLAN_BIND,	/* clone "from" with attributes, attach it at "to" */
	PLAN_DEVICE,	/* the same for a node of the host, checked by rdev */
	PLAN_MASK,	/* cover "to" with nothing; absent = done */
	PLAN_READONLY,	/* make "to" read-only; absent = done */
	PLAN_PIVOT,	/* "root" becomes /, everything else goes */
};

struct plan_option {
	const char *key, *value;	/* value NULL: a flag */
};

struct plan_op {
	enum plan_op_kind kind;
	const char *from;
	const char *to;
	const char *text;
	size_t text_len;
	struct plan_option options[PLAN_OPTIONS_MAX];
	uint64_t attr;			/* MOUNT_ATTR_* */
	mode_t mode;
	bool for_app;			/* its owner; else root */
	dev_t rdev;
	enum plan_tree tree;
};

/* Owners of what is made: as seen inside, and by the host. */
struct plan_ids {
	uint32_t root, app_uid, app_gid;
};

struct plan_rlimit {
	int resource;
	struct rlimit value;
};

/* What the parent found out before. Borrowed; strings must outlive the plan. */
struct plan_input {
	const struct dyno_spec *spec;
	unsigned slot;			/* spreads dynos over the CPUs */
	uint32_t first_id;		/* host's id of the dyno's root */
	uint32_t shared_id;		/* 0, or the host's id of the app: the slug
					 * store has no idmapped mounts */
	uint32_t shared_gid;
	bool has_usr;			/* stack's usr is a tree of its own */
	bool by_host;			/* root of the host builds the layers: tmpfs
					 * has no user xattrs (before 6.6) */
	struct in_addr address;
	const char *dns;		/* name servers, or NULL */
	const char *host_resolv;	/* the host's resolv.conf, "" if none */
	const cpu_set_t *cpus;		/* those that the daemon may use */
	struct rlimit max_files;	/* the daemon's own limits */
	struct rlimit max_procs;
	const struct sock_fprog *filter;
	const void *net;		/* netlink messages, and their ACKs */
	size_t net_len;
	unsigned net_acks;
};

struct plan {
	struct plan_op ops[PLAN_OPS_MAX];
	size_t n_ops;
	size_t n_layers;		/* the first so many stage and overlay; with
					 * by_host a helper does them, else the child */
	bool by_host;
	struct plan_ids inside, outside;
	struct plan_rlimit rlimits[PLAN_RLIMITS_MAX];
	size_t n_rlimits;
	const char *uid_map, *gid_map;	/* for /proc/PID/{u,g}id_map */
	const char *hostname;
	struct strv argv;		/* of dyno-init */
	char *const *envp;
	const struct sock_fprog *filter;
	const void *net;
	size_t net_len;
	unsigned net_acks;
	cpu_set_t cpus;
	bool tty;
	uint16_t rows, cols;
	struct strv strings;		/* owns what was made for this plan */
};

/* The spec alone: EINVAL names the member that cannot be. */
int plan_check(const struct dyno_spec *spec, struct error *e);

/* Fills *ret, which plan_deinit() empties. The spec has been checked. */
void plan_build(struct plan *ret, const struct plan_input *in);
void plan_deinit(struct plan *p);

/* "mount proc at root/proc": for messages and for the tests. */
char *plan_op_text(const struct plan_op *op);
