#pragma once

/*
 * plan.h - everything the child will do, decided and allocated beforehand.
 *
 * A plan is a list of operations. What builds it (plan_dyno.c from a dyno's
 * spec, plan_oci.c from a bundle's configuration) has every string, mask,
 * message and filter ready; the child then makes system calls only, one
 * operation after another, and when one fails it tells its index: the parent
 * still has the plan to name the culprit.
 *
 * Relative paths of operations are below the directory that PLAN_STAGE or
 * PLAN_ROOT has put over "/": absolute ones still mean the host's files until
 * PLAN_PIVOT. A plan with in_root resolves them as if that directory were the
 * root already, following the links of the container's files inside of it, and
 * makes what is missing; else no link is followed at all.
 */
#include "base/base.h"

#include <linux/filter.h>
#include <sys/types.h>

/* Stages of a start, on the child's side. name: of the trace. */
#define PLAN_STAGES(X) \
	X(CGROUP,    "cgroup",    "join its cgroups") \
	X(WAIT,      "wait",      "wait for the parent") \
	X(IDENTITY,  "identity",  "become root of its user namespace") \
	X(SESSION,   "session",   "begin a session") \
	X(LAYERS,    "layers",    "build the layers of the root") \
	X(ROOTFS,    "rootfs",    "build the root file system") \
	X(HOOKS,     "hooks",     "run hooks") \
	X(NETWORK,   "network",   "configure the network") \
	X(LIMITS,    "limits",    "set its limits") \
	X(STDIO,     "stdio",     "set up its standard streams") \
	X(START,     "start",     "wait for the start") \
	X(PRIVILEGE, "privilege", "drop privileges") \
	X(FILTER,    "filter",    "load the system call filter") \
	X(EXEC,      "exec",      "execute")

enum plan_stage {
#define X(name, word, text) PLAN_IN_##name,
	PLAN_STAGES(X)
#undef X
	PLAN_STAGE_COUNT,
};

extern const char *const plan_stage_names[PLAN_STAGE_COUNT];
extern const char *const plan_stage_texts[PLAN_STAGE_COUNT];

/* Kinds of operations, the words for them, and what they use of struct plan_op.
 * The words may hold %f, %t and %x for from, to and text, %n for num[0]. */
#define PLAN_KINDS(X) \
	X(CGROUP, "join cgroup")                      /* fd: cgroup.procs */ \
	X(UNSHARE, "leave namespaces %n")             /* num: CLONE_NEW* */ \
	X(AWAIT, "wait for the parent: %x") \
	X(IDENTITY, "become user and group 0") \
	X(SESSION, "become session leader") \
	X(KEYRING, "join session keyring %x")         /* text */ \
	X(HOSTNAME, "set host name %x")               /* text */ \
	X(DOMAINNAME, "set domain name %x")           /* text */ \
	X(STAGE, "mount %f")                          /* from, options */ \
	X(ROOT, "take root file system %t")           /* fd: detached */ \
	X(DIR, "make directory %t")                   /* to, mode, for_app */ \
	X(FILE, "write %t")                           /* to, text, mode */ \
	X(LINK, "link %f at %t")                      /* from, to */ \
	X(NODE, "make node %t")                       /* to, mode, rdev, uid, gid */ \
	X(TREE, "attach layer %t")                    /* fd, to, make, num */ \
	X(MOUNT, "mount %f at %t")                    /* from, to, options, attr */ \
	X(BIND, "bind %f at %t")                      /* from, to, attr */ \
	X(DEVICE, "bind device %f at %t")             /* from, to, rdev, attr */ \
	X(MASK, "mask %t")                            /* to, attr, fd, num; absent = done */ \
	X(READONLY, "protect %t")                     /* to, attr; absent = done */ \
	X(ATTR, "change attributes of %t")            /* to, attr, clear, flags, num */ \
	X(CONSOLE, "bind the terminal at %t")         /* to */ \
	X(WRITE, "write %x to %t")                    /* to: in /proc; text */ \
	X(CALL, "wait for the parent: %x")            /* text; tells that it waits */ \
	X(HOOK, "run hook %f")                        /* from, argv, envp, num */ \
	X(PIVOT, "pivot to %t")                       /* to */ \
	X(HIDE, "take away %t of the host")           /* to; absent = done */ \
	X(MOVE, "move %t over /")                     /* to */ \
	X(CHROOT, "change root to %t")                /* to */ \
	X(NETLINK, "configure links")                 /* text, text_len, num: ACKs */ \
	X(RLIMIT, "set resource limit %n")            /* num: resource, soft, hard */ \
	X(AFFINITY, "choose processors")              /* text, text_len: cpu_set_t */ \
	X(SCHEDULER, "set scheduling policy")         /* text: struct sched_attr */ \
	X(IO_PRIORITY, "set I/O priority")            /* num */ \
	X(MEMORY_POLICY, "set memory policy")         /* num: mode; text, text_len */ \
	X(PERSONALITY, "set personality %n")          /* num */ \
	X(UMASK, "set umask")                         /* mode */ \
	X(TERMINAL, "open a terminal")                /* num: rows, cols, c_oflag off */ \
	X(STDIO, "arrange descriptors")               /* num: first to close */ \
	X(OWN_STDIO, "own the standard streams")      /* uid, gid */ \
	X(LOOKUP, "find executable file %x")          /* argv: candidates */ \
	X(START, "wait for the start") \
	X(BOUNDING, "bound capabilities")             /* num: mask to keep */ \
	X(SECUREBITS, "set secure bits")              /* num */ \
	X(GROUPS, "set supplementary groups")         /* text: gid_t[], num: how many */ \
	X(USER, "become user %n")                     /* uid, gid, num: uid */ \
	X(CAPS, "set capabilities")                   /* num: eff, perm, inh, ambient */ \
	X(NO_NEW_PRIVS, "gain no privileges by exec") \
	X(LANDLOCK, "confine by Landlock")            /* text: struct landlock_wall */ \
	X(FILTER, "load system call filter")          /* filter, num: flags, listener */ \
	X(CHDIR, "change directory to %t")            /* to */ \
	X(SURVIVE, "outlive the parent") \
	X(EXEC_FD, "execute %f")                      /* from; argv, envp */ \
	X(EXEC, "execute %x")                         /* argv, envp: what LOOKUP found */

enum plan_kind {
#define X(name, text) PLAN_##name,
	PLAN_KINDS(X)
#undef X
	PLAN_KIND_COUNT,
};

/* What is made where a mount has no place yet. */
enum plan_make { PLAN_MAKE_NONE, PLAN_MAKE_DIR, PLAN_MAKE_FILE };

struct plan_option {
	const char *key, *value;	/* value NULL: a flag */
};

struct plan_op {
	uint8_t kind;			/* enum plan_kind */
	uint8_t stage;			/* enum plan_stage */
	uint8_t make;			/* enum plan_make */
	bool for_app;			/* its owner; else root */
	bool copy_mode;			/* MOUNT: as the place has it */
	bool optional;			/* a refusal (EPERM, EACCES, ENOSYS...) is no
					 * failure */
	int fd;				/* borrowed; -1 = none */
	const char *from;
	const char *to;
	const void *text;
	size_t text_len;
	size_t first_option, n_options;	/* of plan->options */
	uint64_t attr, clear;		/* MOUNT_ATTR_* to set and to clear */
	unsigned flags;			/* AT_RECURSIVE; MOUNT: AT_SYMLINK_NOFOLLOW,
					 * no link may lead to its place */
	mode_t mode;
	dev_t rdev;
	uint32_t uid, gid;
	uint64_t num[4];
	char *const *argv, *const *envp;
	const struct sock_fprog *filter;
};

/* The child makes everything with umask 0; this is what the program begins with. */
#define PLAN_UMASK_MODE 0022

/* num[] of HOOK: seconds; whether it gives up what the program gives up. */
#define PLAN_CONFINED 1

#define PLAN_PROPAGATION 0		/* num[] of ATTR and MOUNT: MS_PRIVATE ... */
#define PLAN_RENEW 1			/* num[] of TREE: must be younger than others */

/* Owners of what is made: as seen inside, and by the host. */
struct plan_ids {
	uint32_t root, app_uid, app_gid;
};

/* A namespace to enter before the clone, by a process of its own. */
struct plan_join {
	int fd;
	int type;			/* CLONE_NEW* */
};

#define PLAN_JOINS_MAX 8

struct plan {
	struct plan_op *ops;
	size_t n_ops, max_ops;
	struct plan_option *options;
	size_t n_options, max_options;
	enum plan_stage stage;		/* of what is added next */
	bool in_root;			/* see above */

	/* Who runs it. */
	uint64_t namespaces;		/* CLONE_NEW* for clone3() */
	struct plan_join joins[PLAN_JOINS_MAX];
	size_t n_joins;
	const char *time_offsets;	/* new time namespace: for timens_offsets; or
					 * NULL */
	const char *uid_map, *gid_map;	/* for /proc/PID/{u,g}id_map, or NULL */
	uint32_t owner;			/* uid that owns a new user namespace */
	int cgroup_fd;			/* CLONE_INTO_CGROUP, or -1 */
	bool reset_signals;		/* none is ignored, nor blocked from START or
					 * EXEC on */

	/* Operations of stage LAYERS are run by a helper that is root of the host
	 * (before 6.6 tmpfs has no user attributes for an overlay's marks). */
	bool by_host;
	struct plan_ids inside, outside;

	unsigned hooks_msec;		/* that hooks may take, beside the deadline */

	/* Of a test: the operation with this index fails with EIO; -1: none. */
	int fault;

	struct plan_block *blocks;	/* what was made for this plan */
};

/* A process of its own has to enter or prepare namespaces before the clone. */
static inline bool plan_has_helper(const struct plan *p)
{
	return p->n_joins > 0 || p->time_offsets;
}

void plan_init(struct plan *p);
void plan_deinit(struct plan *p);

/* Add an operation to the current stage; the pointer lasts until the next. */
struct plan_op *plan_add(struct plan *p, enum plan_kind kind, const char *from,
			 const char *to);
/* Options for the operation that was added last. */
void plan_option(struct plan *p, const char *key, const char *value);
void plan_option_number(struct plan *p, const char *key, uint64_t value);

/* Hands text to the plan, which keeps it as long as it lives. */
const char *plan_keep(struct plan *p, const char *text);
const char *plan_keepf(struct plan *p, const char *fmt, ...) PRINTF(2, 3);
void *plan_keep_bytes(struct plan *p, const void *data, size_t n);
/* A copy of a NULL-terminated vector and its strings. */
char *const *plan_keep_strings(struct plan *p, char *const *v);

/* What MASK covers others with: an empty directory and an empty file of these
 * names in the staging area, or num[0] and fd, descriptors of such. In a plan
 * that is in_root and has no descriptors: a new tmpfs and the host's /dev/null. */
#define PLAN_VOID "void"
#define PLAN_NULL "null"

/* The first and the number of the operations of a stage. */
size_t plan_stage_begin(const struct plan *p, enum plan_stage stage, size_t *ret_n);

/* "mount proc at root/proc": for messages, and for "dynorun plan". */
char *plan_op_text(const struct plan_op *op);
/* All of it, a line each: "rootfs: mount proc at proc (nosuid, ...)". */
char *plan_text(const struct plan *p);
