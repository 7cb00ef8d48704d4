/*
 * oci_process.c - tables of the process object: what runs, and as whom.
 */
#include "runtime/oci/oci.h"
#include "runtime/oci/oci_objects.h"

#include <linux/sched.h>
#include <sys/resource.h>

#define ID_MAX (UINT32_MAX - 1)		/* -1 means "leave as it is" */
#define GROUPS_MAX 65536		/* NGROUPS_MAX */
#define SCHED_ISO 4			/* reserved by the kernel */

const char *const oci_process_capabilities[] = {
	"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER",
	"CAP_FSETID", "CAP_KILL", "CAP_SETGID", "CAP_SETUID", "CAP_SETPCAP",
	"CAP_LINUX_IMMUTABLE", "CAP_NET_BIND_SERVICE", "CAP_NET_BROADCAST",
	"CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_IPC_LOCK", "CAP_IPC_OWNER",
	"CAP_SYS_MODULE", "CAP_SYS_RAWIO", "CAP_SYS_CHROOT", "CAP_SYS_PTRACE",
	"CAP_SYS_PACCT", "CAP_SYS_ADMIN", "CAP_SYS_BOOT", "CAP_SYS_NICE",
	"CAP_SYS_RESOURCE", "CAP_SYS_TIME", "CAP_SYS_TTY_CONFIG", "CAP_MKNOD",
	"CAP_LEASE", "CAP_AUDIT_WRITE", "CAP_AUDIT_CONTROL", "CAP_SETFCAP",
	"CAP_MAC_OVERRIDE", "CAP_MAC_ADMIN", "CAP_SYSLOG", "CAP_WAKE_ALARM",
	"CAP_BLOCK_SUSPEND", "CAP_AUDIT_READ", "CAP_PERFMON", "CAP_BPF",
	"CAP_CHECKPOINT_RESTORE", NULL,
};

/* ---- capabilities ---- */

struct capability_sets {
	struct oci_strings bounding, effective, permitted, inheritable, ambient;
};

static const struct oci_field set_fields[] = {
	OCI_F_STRINGS(capability_sets, "bounding", bounding),
	OCI_F_STRINGS(capability_sets, "effective", effective),
	OCI_F_STRINGS(capability_sets, "permitted", permitted),
	OCI_F_STRINGS(capability_sets, "inheritable", inheritable),
	OCI_F_STRINGS(capability_sets, "ambient", ambient),
};
static const struct oci_object sets_object = OCI_TABLE(capability_sets, set_fields);

static uint64_t capability_bit(const char *name)
{
	for (size_t i = 0; oci_process_capabilities[i]; i++)
		if (str_eq(oci_process_capabilities[i], name))
			return 1ULL << i;
	return 0;
}

static uint64_t capability_mask(const struct oci_strings *names,
				const char **unknown, size_t *n_unknown)
{
	uint64_t mask = 0;

	for (size_t i = 0; i < names->n; i++) {
		uint64_t bit = capability_bit(names->v[i]);

		mask |= bit;
		if (!bit)
			unknown[(*n_unknown)++] = names->v[i];
	}
	return mask;
}

static int capabilities_read(const struct oci_reader *r, const struct oci_at *at,
			     const json_t *value, void *member)
{
	struct oci_capabilities *c = member;
	struct capability_sets s;
	const char **unknown;
	size_t n = 0;
	int ret;

	memset(&s, 0, sizeof(s));
	ret = oci_read_object(r, at, value, &sets_object, &s);
	if (ret < 0)
		return ret;
	unknown = oci_arena_get(r->arena, s.bounding.n + s.effective.n +
				s.permitted.n + s.inheritable.n + s.ambient.n + 1,
				sizeof(*unknown));
	c->bounding = capability_mask(&s.bounding, unknown, &n);
	c->effective = capability_mask(&s.effective, unknown, &n);
	c->permitted = capability_mask(&s.permitted, unknown, &n);
	c->inheritable = capability_mask(&s.inheritable, unknown, &n);
	c->ambient = capability_mask(&s.ambient, unknown, &n);
	c->unknown = (struct oci_strings){ unknown, n };
	return 0;
}

/* ---- limits ---- */

static const struct oci_word rlimit_words[] = {
	{ "RLIMIT_AS", RLIMIT_AS }, { "RLIMIT_CORE", RLIMIT_CORE },
	{ "RLIMIT_CPU", RLIMIT_CPU }, { "RLIMIT_DATA", RLIMIT_DATA },
	{ "RLIMIT_FSIZE", RLIMIT_FSIZE }, { "RLIMIT_LOCKS", RLIMIT_LOCKS },
	{ "RLIMIT_MEMLOCK", RLIMIT_MEMLOCK },
	{ "RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE }, { "RLIMIT_NICE", RLIMIT_NICE },
	{ "RLIMIT_NOFILE", RLIMIT_NOFILE }, { "RLIMIT_NPROC", RLIMIT_NPROC },
	{ "RLIMIT_RSS", RLIMIT_RSS }, { "RLIMIT_RTPRIO", RLIMIT_RTPRIO },
	{ "RLIMIT_RTTIME", RLIMIT_RTTIME },
	{ "RLIMIT_SIGPENDING", RLIMIT_SIGPENDING },
	{ "RLIMIT_STACK", RLIMIT_STACK }, { NULL, 0 },
};

static const struct oci_field rlimit_fields[] = {
	OCI_F(OCI_WORD, oci_rlimit, "type", resource, .required = true,
	      .words = rlimit_words),
	OCI_F_NUMBER(oci_rlimit, "soft", soft, 0, UINT64_MAX, .required = true),
	OCI_F_NUMBER(oci_rlimit, "hard", hard, 0, UINT64_MAX, .required = true),
};

static int rlimit_check(const struct oci_reader *r, const struct oci_at *at,
			void *out)
{
	const struct oci_rlimit *l = out;

	return l->soft <= l->hard ? 0 :
		oci_refuse_member(r, at, "soft", "above the hard limit");
}

static const struct oci_object rlimit_object =
	OCI_TABLE(oci_rlimit, rlimit_fields, .check = rlimit_check);

/* ---- user, terminal ---- */

static const struct oci_field user_fields[] = {
	OCI_F_NUMBER(oci_process, "uid", uid, 0, ID_MAX),
	OCI_F_NUMBER(oci_process, "gid", gid, 0, ID_MAX),
	OCI_F_MAYBE(oci_process, "umask", umask, 0, 0777),
	OCI_F_LIST(OCI_NUMBERS, oci_process, "additionalGids", groups, n_groups,
		   .max = GROUPS_MAX),
};
static const struct oci_object user_object = OCI_TABLE(oci_process, user_fields);

static const struct oci_field console_fields[] = {
	OCI_F_NUMBER(oci_process, "height", rows, 0, UINT16_MAX, .required = true),
	OCI_F_NUMBER(oci_process, "width", cols, 0, UINT16_MAX, .required = true),
};
static const struct oci_object console_object =
	OCI_TABLE(oci_process, console_fields);

/* "Runtimes MUST ignore consoleSize if terminal is false or unset." */
static int console_read(const struct oci_reader *r, const struct oci_at *at,
			const json_t *value, void *member)
{
	struct oci_process *p = member;

	return p->terminal ? oci_read_object(r, at, value, &console_object, p) : 0;
}

/* ---- scheduling ---- */

static const struct oci_word policy_words[] = {
	{ "SCHED_OTHER", SCHED_NORMAL }, { "SCHED_FIFO", SCHED_FIFO },
	{ "SCHED_RR", SCHED_RR }, { "SCHED_BATCH", SCHED_BATCH },
	{ "SCHED_ISO", SCHED_ISO }, { "SCHED_IDLE", SCHED_IDLE },
	{ "SCHED_DEADLINE", SCHED_DEADLINE }, { NULL, 0 },
};

static const struct oci_word sched_flag_words[] = {
	{ "SCHED_FLAG_RESET_ON_FORK", SCHED_FLAG_RESET_ON_FORK },
	{ "SCHED_FLAG_RECLAIM", SCHED_FLAG_RECLAIM },
	{ "SCHED_FLAG_DL_OVERRUN", SCHED_FLAG_DL_OVERRUN },
	{ "SCHED_FLAG_KEEP_POLICY", SCHED_FLAG_KEEP_POLICY },
	{ "SCHED_FLAG_KEEP_PARAMS", SCHED_FLAG_KEEP_PARAMS },
	{ "SCHED_FLAG_UTIL_CLAMP_MIN", SCHED_FLAG_UTIL_CLAMP_MIN },
	{ "SCHED_FLAG_UTIL_CLAMP_MAX", SCHED_FLAG_UTIL_CLAMP_MAX },
	{ NULL, 0 },
};

static const struct oci_field scheduler_fields[] = {
	OCI_F(OCI_WORD, oci_process, "policy", scheduler.policy, .required = true,
	      .words = policy_words),
	OCI_F_NUMBER(oci_process, "nice", scheduler.nice, -20, 19),
	OCI_F_NUMBER(oci_process, "priority", scheduler.priority, 0, 99),
	OCI_F(OCI_WORDS, oci_process, "flags", scheduler.flags,
	      .words = sched_flag_words),
	OCI_F_NUMBER(oci_process, "runtime", scheduler.runtime, 0, UINT64_MAX,
		     .present = offsetof(struct oci_process, scheduler.has_runtime)),
	OCI_F_NUMBER(oci_process, "deadline", scheduler.deadline, 0, UINT64_MAX,
		     .present = offsetof(struct oci_process, scheduler.has_deadline)),
	OCI_F_NUMBER(oci_process, "period", scheduler.period, 0, UINT64_MAX),
};

#define DEADLINE_MIN 1024		/* nsec: sched(7) */
#define DEADLINE_MAX (1ULL << 63)

#define DEADLINE "sched_setattr: `SCHED_DEADLINE` "

/* The kernel says EINVAL to all of these; whoever asked wants to know which, in
 * the words of crun. */
static int deadline_check(const struct oci_reader *r, const struct oci_at *at,
			  const struct oci_process *p)
{
	const uint64_t runtime = p->scheduler.runtime;
	const uint64_t deadline = p->scheduler.deadline;
	const uint64_t period = p->scheduler.period;

	if (!p->scheduler.has_runtime)
		return oci_refuse_member(r, at, "runtime", DEADLINE "requires `runtime`");
	if (!p->scheduler.has_deadline)
		return oci_refuse_member(r, at, "deadline",
					 DEADLINE "requires `deadline`");
	if (runtime == 0)
		return oci_refuse_member(r, at, "runtime",
					 DEADLINE "runtime must be greater than 0");
	if (deadline == 0)
		return oci_refuse_member(r, at, "deadline",
					 DEADLINE "deadline must be greater than 0");
	if (runtime > deadline)
		return oci_refuse_member(r, at, "runtime",
					 DEADLINE "runtime must be <= deadline");
	if (period != 0 && deadline > period)
		return oci_refuse_member(r, at, "deadline",
					 DEADLINE "deadline must be <= period");
	if (runtime < DEADLINE_MIN || deadline >= DEADLINE_MAX)
		return oci_refuse_member(r, at, "runtime", DEADLINE "runtime must be "
					 "between %d and 2^63", DEADLINE_MIN);
	return 0;
}

static int scheduler_check(const struct oci_reader *r, const struct oci_at *at,
			   void *out)
{
	const struct oci_process *p = out;
	const uint32_t policy = p->scheduler.policy;

	if (p->scheduler.priority != 0 && policy != SCHED_FIFO && policy != SCHED_RR)
		return oci_refuse_member(r, at, "priority",
					 "only for SCHED_FIFO and SCHED_RR");
	if (policy == SCHED_DEADLINE)
		return deadline_check(r, at, p);
	if (p->scheduler.runtime != 0 || p->scheduler.deadline != 0 ||
	    p->scheduler.period != 0)
		return oci_refuse(r, at, "runtime, deadline and period are "
				  "only for SCHED_DEADLINE");
	return 0;
}

static const struct oci_object scheduler_object =
	OCI_TABLE(oci_process, scheduler_fields, .check = scheduler_check);

static const struct oci_word io_class_words[] = {
	{ "IOPRIO_CLASS_RT", 1 }, { "IOPRIO_CLASS_BE", 2 },
	{ "IOPRIO_CLASS_IDLE", 3 }, { NULL, 0 },
};

static const struct oci_field io_priority_fields[] = {
	OCI_F(OCI_WORD, oci_process, "class", io_priority.class, .required = true,
	      .words = io_class_words),
	OCI_F_NUMBER(oci_process, "priority", io_priority.priority, 0, 7),
};
static const struct oci_object io_priority_object =
	OCI_TABLE(oci_process, io_priority_fields);

static const struct oci_field affinity_fields[] = {
	OCI_F(OCI_STRING, oci_process, "initial", exec_cpus_initial,
	      .string = oci_read_list),
	OCI_F(OCI_STRING, oci_process, "final", exec_cpus_final,
	      .string = oci_read_list),
};
static const struct oci_object affinity_object =
	OCI_TABLE(oci_process, affinity_fields);

/* ---- all of it ---- */

static const struct oci_field process_fields[] = {	/* terminal comes first */
	OCI_F(OCI_BOOL, oci_process, "terminal", terminal),
	{ .name = "consoleSize", .kind = OCI_CUSTOM, .read = console_read },
	OCI_F_OBJECT("user", user_object),
	OCI_F(OCI_STRING, oci_process, "cwd", cwd, .required = true,
	      .string = oci_read_absolute),
	OCI_F_STRINGS(oci_process, "args", args, .required = true),
	OCI_F_STRINGS(oci_process, "env", env),
	OCI_F_ARRAY(oci_process, "rlimits", rlimits, n_rlimits, rlimit_object),
	OCI_F(OCI_CUSTOM, oci_process, "capabilities", capabilities,
	      .read = capabilities_read,
	      .present = offsetof(struct oci_process, has_capabilities)),
	OCI_F(OCI_BOOL, oci_process, "noNewPrivileges", no_new_privileges),
	OCI_F_MAYBE(oci_process, "oomScoreAdj", oom_score_adj, -1000, 1000),
	OCI_F(OCI_STRING, oci_process, "apparmorProfile", apparmor),
	OCI_F(OCI_STRING, oci_process, "selinuxLabel", selinux),
	OCI_F_OBJECT("scheduler", scheduler_object,
		     .present = offsetof(struct oci_process, scheduler.set)),
	OCI_F_OBJECT("ioPriority", io_priority_object,
		     .present = offsetof(struct oci_process, io_priority.set)),
	OCI_F_OBJECT("execCPUAffinity", affinity_object),
};

static int rlimits_check(const struct oci_reader *r, const struct oci_at *at,
			 const struct oci_process *p)
{
	const struct oci_at list = { .up = at, .name = "rlimits" };
	unsigned seen = 0;

	for (size_t i = 0; i < p->n_rlimits; i++) {
		const struct oci_at item = { .up = &list, .index = i };
		unsigned bit = 1U << p->rlimits[i].resource;

		if (seen & bit)
			return oci_refuse_member(r, &item, "type",
						 "given twice");
		seen |= bit;
	}
	return 0;
}

static int process_check(const struct oci_reader *r, const struct oci_at *at,
			 void *out)
{
	const struct oci_process *p = out;

	if (!*p->args.v[0])
		return oci_refuse_member(r, at, "args", "the first is empty");
	return rlimits_check(r, at, p);
}

const struct oci_object oci_process_object =
	OCI_TABLE(oci_process, process_fields, .check = process_check);
