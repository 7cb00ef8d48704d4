/*
 * plan_process.c - terminal, limits, privileges and program, as operations.
 */
#include "base/error.h"
#include "base/strv.h"
#include "runtime/oci/plan_oci.h"
#include "runtime/oci/plan_process.h"

#include <linux/seccomp.h>
#include <linux/securebits.h>
#include <termios.h>

#define PLAN_NODES_MAX 1024
#define PLAN_TTY_ROWS 24
#define PLAN_TTY_COLS 80
#define PLAN_IOPRIO_CLASS_SHIFT 13
#define PLAN_DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* The kernel's struct sched_attr, whose header clashes with sched.h. */
struct plan_sched_attr {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
};

void plan_process_terminal(struct plan *p, const struct plan_oci *in)
{
	const struct oci_process *pr = in->process;
	struct plan_op *op;

	p->stage = PLAN_IN_STDIO;
	if (pr->terminal) {
		op = plan_add(p, PLAN_TERMINAL, NULL, NULL);
		op->num[0] = pr->rows ? pr->rows : PLAN_TTY_ROWS;
		op->num[1] = pr->cols ? pr->cols : PLAN_TTY_COLS;
		op->num[2] = in->foreground ? ONLCR : 0;
		op->uid = pr->uid;
		op->gid = (uint32_t)-1;
		if (!in->exec) {
			op = plan_add(p, PLAN_CONSOLE, NULL, "dev/console");
			op->make = PLAN_MAKE_FILE;
		}
	}
	plan_add(p, PLAN_STDIO, NULL, NULL)->num[0] = 3 + in->preserve_fds;
}

static void plan_scheduler(struct plan *p, const struct oci_process *pr)
{
	const struct plan_sched_attr attr = {
		.size = sizeof(attr),
		.policy = pr->scheduler.policy,
		.flags = pr->scheduler.flags,
		.nice = pr->scheduler.nice,
		.priority = (uint32_t)pr->scheduler.priority,
		.runtime = pr->scheduler.runtime,
		.deadline = pr->scheduler.deadline,
		.period = pr->scheduler.period,
	};

	if (pr->scheduler.set)
		plan_add(p, PLAN_SCHEDULER, NULL, NULL)->text =
			plan_keep_bytes(p, &attr, sizeof(attr));
}

/* "0-3,7" as the bits of a mask; the parser has looked at the form. */
static int plan_nodes(uint64_t *mask, size_t bits, const char *list, struct error *e)
{
	while (*list) {
		char *end;
		unsigned long first = strtoul(list, &end, 10), last = first;

		if (*end == '-')
			last = strtoul(end + 1, &end, 10);
		if (last < first || last >= bits)
			return error_set(e, EINVAL, "linux.memoryPolicy.nodes: no node "
					 "%lu", last);
		for (unsigned long i = first; i <= last; i++)
			mask[i / 64] |= 1ULL << i % 64;
		list = end + (*end == ',');
	}
	return 0;
}

int plan_process_memory_policy(struct plan *p, const struct plan_oci *in,
			      struct error *e)
{
	uint64_t mask[PLAN_NODES_MAX / 64] = { 0 };
	struct plan_op *op;
	int r;

	if (!in->oci->memory_policy.set || in->exec)
		return 0;
	p->stage = PLAN_IN_LIMITS;
	op = plan_add(p, PLAN_MEMORY_POLICY, NULL, NULL);
	op->num[0] = in->oci->memory_policy.mode | in->oci->memory_policy.flags;
	if (!in->oci->memory_policy.nodes)
		return 0;
	r = plan_nodes(mask, PLAN_NODES_MAX, in->oci->memory_policy.nodes, e);
	op->text = plan_keep_bytes(p, mask, sizeof(mask));
	op->text_len = sizeof(mask);
	return r;
}

void plan_process_limits(struct plan *p, const struct plan_oci *in)
{
	const struct oci_process *pr = in->process;
	struct plan_op *op;

	p->stage = PLAN_IN_LIMITS;
	for (size_t i = 0; i < pr->n_rlimits; i++) {
		op = plan_add(p, PLAN_RLIMIT, NULL, NULL);
		op->num[0] = (uint64_t)pr->rlimits[i].resource;
		op->num[1] = pr->rlimits[i].soft;
		op->num[2] = pr->rlimits[i].hard;
	}
	plan_scheduler(p, pr);
	if (pr->io_priority.set)
		plan_add(p, PLAN_IO_PRIORITY, NULL, NULL)->num[0] =
			(uint64_t)(pr->io_priority.class << PLAN_IOPRIO_CLASS_SHIFT |
				   pr->io_priority.priority);
	if (in->oci->personality.set)
		plan_add(p, PLAN_PERSONALITY, NULL, NULL)->num[0] =
			in->oci->personality.domain;
	plan_add(p, PLAN_UMASK, NULL, NULL)->mode =
		pr->umask.set ? (mode_t)pr->umask.value : PLAN_UMASK_MODE;
}

/* Labels take effect at the next exec, which is the program's own. */
static void plan_label(struct plan *p, const char *file, const char *text)
{
	struct plan_op *op = plan_add(p, PLAN_WRITE, NULL, file);

	op->text = text;
	op->text_len = strlen(text);
}

void plan_process_labels(struct plan *p, const struct plan_oci *in)
{
	const struct oci_process *pr = in->process;

	p->stage = PLAN_IN_PRIVILEGE;
	if (pr->apparmor && pr->apparmor[0] && in->has_apparmor)
		plan_label(p, "/proc/thread-self/attr/apparmor/exec",
			   plan_keepf(p, "exec %s", pr->apparmor));
	if (pr->selinux && pr->selinux[0] && in->has_selinux)
		plan_label(p, "/proc/thread-self/attr/exec", pr->selinux);
}

static const char *plan_getenv(const struct oci_strings *env, const char *key)
{
	const char *found = NULL;

	for (size_t i = 0; i < env->n; i++) {
		const char *value = str_after(env->v[i], key);

		if (value && *value == '=')
			found = value + 1;
	}
	return found;
}

/* Where the program may be: its path, or its name in each directory of PATH. */
void plan_process_lookup(struct plan *p, const struct plan_oci *in)
{
	const char *name = in->process->args.v[0];
	const char *path = plan_getenv(&in->process->env, "PATH");
	auto_strv v = STRV_INIT;
	struct plan_op *op;

	if (!name)
		return;
	if (!path)
		path = PLAN_DEFAULT_PATH;
	if (strchr(name, '/'))
		strv_add(&v, name);
	while (v.n == 0 || (!strchr(name, '/') && *path)) {
		size_t n = strcspn(path, ":");

		strv_addf(&v, "%.*s/%s", n ? (int)n : 1, n ? path : ".", name);
		path += n;
		path += *path == ':';
	}
	op = plan_add(p, PLAN_LOOKUP, NULL, NULL);
	op->text = name;
	op->argv = plan_keep_strings(p, v.v);
}

void plan_process_filter(struct plan *p, const struct plan_oci *in)
{
	struct plan_op *op;

	p->stage = PLAN_IN_FILTER;
	op = plan_add(p, PLAN_FILTER, NULL, NULL);
	op->filter = &in->filter->prog;
	op->num[0] = in->filter->flags |
		(in->filter->listener ? SECCOMP_FILTER_FLAG_NEW_LISTENER : 0);
	op->num[1] = in->filter->listener;
}

/* A listener goes to whoever creates. */
bool plan_process_filters_early(const struct plan_oci *in)
{
	return in->filter && in->filter->listener;
}

/* What podman's "--group-add keep-groups" becomes. */
static bool plan_keeps_groups(const struct plan_oci *in)
{
	for (size_t i = 0; i < in->oci->n_annotations; i++)
		if (str_eq(in->oci->annotations[i].key, "run.oci.keep_original_groups") &&
		    str_eq(in->oci->annotations[i].value, "1"))
			return true;
	return false;
}

void plan_process_drop(struct plan *p, const struct plan_oci *in)
{
	const struct oci_process *pr = in->process;
	const struct oci_capabilities *caps = &pr->capabilities;
	bool filters = in->filter && !plan_process_filters_early(in);
	struct plan_op *op;

	/* Without no_new_privs it takes a capability. */
	if (filters && !pr->no_new_privileges)
		plan_process_filter(p, in);
	p->stage = PLAN_IN_PRIVILEGE;
	op = plan_add(p, PLAN_OWN_STDIO, NULL, NULL);
	op->uid = pr->uid;
	op->gid = pr->gid;
	plan_add(p, PLAN_BOUNDING, NULL, NULL)->num[0] = caps->bounding;
	plan_add(p, PLAN_SECUREBITS, NULL, NULL)->num[0] = SECBIT_KEEP_CAPS;
	if (!plan_keeps_groups(in)) {
		op = plan_add(p, PLAN_GROUPS, NULL, NULL);
		op->text = pr->groups;
		op->num[0] = pr->n_groups;
		op->optional = pr->n_groups == 0;
	}
	op = plan_add(p, PLAN_USER, NULL, NULL);
	op->uid = pr->uid;
	op->gid = pr->gid;
	op->num[0] = pr->uid;
	op = plan_add(p, PLAN_CAPS, NULL, NULL);
	op->num[0] = caps->effective;
	op->num[1] = caps->permitted;
	op->num[2] = caps->inheritable;
	op->num[3] = caps->ambient;
	if (pr->no_new_privileges)
		plan_add(p, PLAN_NO_NEW_PRIVS, NULL, NULL);
	if (filters && pr->no_new_privileges)
		plan_process_filter(p, in);
}

void plan_process_execute(struct plan *p, const struct plan_oci *in)
{
	const struct oci_process *pr = in->process;
	auto_strv env = STRV_INIT;
	struct plan_op *op;

	/* One that can be made, but not be started. */
	if (pr->args.n == 0)
		return;
	for (size_t i = 0; i < pr->env.n; i++)
		strv_add(&env, pr->env.v[i]);
	if (in->home && !plan_getenv(&pr->env, "HOME"))
		strv_addf(&env, "HOME=%s", in->home);
	p->stage = PLAN_IN_EXEC;
	op = plan_add(p, PLAN_EXEC, NULL, NULL);
	op->text = pr->args.v[0];
	op->argv = (char *const *)pr->args.v;
	op->envp = plan_keep_strings(p, strv_argv(&env));
}
