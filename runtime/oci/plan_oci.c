/*
 * plan_oci.c - from an OCI configuration to what the child does, in the order
 * of the specification's life cycle.
 */
#include "base/error.h"
#include "base/strv.h"
#include "runtime/cgroup/cgroup.h"
#include "runtime/oci/plan_oci.h"
#include "runtime/oci/plan_rootfs.h"

#include <fcntl.h>
#include <inttypes.h>
#include <linux/seccomp.h>
#include <linux/securebits.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <termios.h>

#define PLAN_NODES_MAX 1024
#define PLAN_TTY_ROWS 24
#define PLAN_TTY_COLS 80
#define PLAN_IOPRIO_CLASS_SHIFT 13
#define PLAN_HOOK_SEC 3600		/* of one that has no time-out */
#define PLAN_DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* The kernel's struct sched_attr, whose header clashes with sched.h. */
struct plan_sched_attr {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
};

static const int plan_clone_flags[OCI_NS_KINDS] = {
	[OCI_NS_USER] = CLONE_NEWUSER,	[OCI_NS_MOUNT] = CLONE_NEWNS,
	[OCI_NS_PID] = CLONE_NEWPID,	[OCI_NS_NETWORK] = CLONE_NEWNET,
	[OCI_NS_IPC] = CLONE_NEWIPC,	[OCI_NS_UTS] = CLONE_NEWUTS,
	[OCI_NS_CGROUP] = CLONE_NEWCGROUP, [OCI_NS_TIME] = CLONE_NEWTIME,
};

static bool plan_is_new(const struct plan_oci *in, enum oci_namespace_kind kind)
{
	return !in->exec && in->oci->namespaces[kind].set &&
		!in->oci->namespaces[kind].path;
}

static bool plan_is_own(const struct plan_oci *in, enum oci_namespace_kind kind)
{
	return in->oci->namespaces[kind].set;
}

/* ---- who runs it ---- */

static const char *plan_maps(struct plan *p, const struct oci_id_map *v, size_t n)
{
	const char *text = "";

	for (size_t i = 0; i < n; i++)
		text = plan_keepf(p, "%s%" PRIu32 " %" PRIu32 " %" PRIu32 "\n", text,
				  v[i].container, v[i].host, v[i].size);
	return text;
}

static uint32_t plan_host_root(const struct oci *o)
{
	for (size_t i = 0; i < o->n_uid_maps; i++)
		if (o->uid_maps[i].container == 0)
			return o->uid_maps[i].host;
	return 0;
}

static void plan_offset(struct plan *p, const char *clock, const struct oci_offset *o)
{
	if (o->set)
		p->time_offsets = plan_keepf(p, "%s%s %" PRId64 " %" PRIu32 "\n",
					     p->time_offsets, clock, o->secs,
					     o->nanosecs);
}

/* The user namespace is entered last: before it we have the rights of the host. */
static void plan_joins(struct plan *p, const struct plan_oci *in)
{
	for (int k = OCI_NS_KINDS - 1; k >= 0; k--)
		if (in->namespace_fds[k] >= 0)
			p->joins[p->n_joins++] = (struct plan_join){
				in->namespace_fds[k], plan_clone_flags[k],
			};
}

static void plan_who(struct plan *p, const struct plan_oci *in)
{
	for (int k = 0; k < OCI_NS_KINDS; k++)
		if (plan_is_new(in, k) && k != OCI_NS_CGROUP && k != OCI_NS_TIME)
			p->namespaces |= (uint64_t)plan_clone_flags[k];
	plan_joins(p, in);
	if (plan_is_new(in, OCI_NS_TIME)) {
		p->time_offsets = "";
		plan_offset(p, "monotonic", &in->oci->monotonic);
		plan_offset(p, "boottime", &in->oci->boottime);
	}
	if (plan_is_new(in, OCI_NS_USER)) {
		p->uid_map = plan_maps(p, in->oci->uid_maps, in->oci->n_uid_maps);
		p->gid_map = plan_maps(p, in->oci->gid_maps, in->oci->n_gid_maps);
		p->owner = plan_host_root(in->oci);
	}
	/* A helper that has joined a user namespace has no right any more to put
	 * its child into a group of the host's: it goes there first itself. */
	if (in->cgroup && p->n_joins == 0 && !p->time_offsets)
		p->cgroup_fd = in->cgroup->dir_fd;
	p->in_root = true;
	p->reset_signals = true;
}

/* ---- beginning ---- */

static void plan_cgroups(struct plan *p, const struct plan_oci *in)
{
	p->stage = PLAN_IN_CGROUP;
	for (size_t i = 0; in->cgroup && i < in->cgroup->n_procs_fds; i++)
		plan_add(p, PLAN_CGROUP, NULL, NULL)->fd = in->cgroup->procs_fds[i];
	if (plan_is_new(in, OCI_NS_CGROUP))
		plan_add(p, PLAN_UNSHARE, NULL, NULL)->num[0] = CLONE_NEWCGROUP;
}

static void plan_session(struct plan *p, const struct plan_oci *in)
{
	p->stage = PLAN_IN_WAIT;
	plan_add(p, PLAN_AWAIT, NULL, NULL)->text = "user ids";
	if (plan_is_own(in, OCI_NS_USER)) {
		p->stage = PLAN_IN_IDENTITY;
		plan_add(p, PLAN_IDENTITY, NULL, NULL);
	}
	p->stage = PLAN_IN_SESSION;
	plan_add(p, PLAN_SESSION, NULL, NULL);
	if (!in->no_new_keyring)
		plan_add(p, PLAN_KEYRING, NULL, NULL)->text =
			plan_keepf(p, "_ses.%s", in->id);
	if (in->exec)
		return;
	if (in->oci->hostname)
		plan_add(p, PLAN_HOSTNAME, NULL, NULL)->text = in->oci->hostname;
	if (in->oci->domainname)
		plan_add(p, PLAN_DOMAINNAME, NULL, NULL)->text = in->oci->domainname;
}

static void plan_network(struct plan *p, const struct plan_oci *in)
{
	struct plan_op *op;

	if (!plan_is_new(in, OCI_NS_NETWORK) || in->net_len == 0)
		return;
	p->stage = PLAN_IN_NETWORK;
	op = plan_add(p, PLAN_NETLINK, NULL, NULL);
	op->text = in->net;
	op->text_len = in->net_len;
	op->num[0] = in->net_acks;
}

/* Through the host's /proc: the container may not have one. */
static void plan_sysctl(struct plan *p, const struct plan_oci *in)
{
	p->stage = PLAN_IN_LIMITS;
	for (size_t i = 0; i < in->oci->n_sysctl; i++) {
		const struct resources_pair *s = &in->oci->sysctl[i];
		struct plan_op *op = plan_add(p, PLAN_WRITE, NULL,
					      plan_keepf(p, "/proc/sys/%s", s->key));

		op->text = s->value;
		op->text_len = strlen(s->value);
	}
}

static void plan_hooks(struct plan *p, const struct plan_oci *in,
		       enum oci_hook_kind kind)
{
	const struct oci_hooks *h = &in->oci->hooks[kind];

	p->stage = PLAN_IN_HOOKS;
	for (size_t i = 0; i < h->n && !in->exec; i++) {
		const struct oci_hook *k = &h->v[i];
		unsigned sec = k->timeout_sec ? k->timeout_sec : PLAN_HOOK_SEC;
		struct plan_op *op = plan_add(p, PLAN_HOOK, k->path, NULL);
		char *const alone[] = { (char *)k->path, NULL };

		op->argv = k->args.n ? (char *const *)k->args.v
				     : plan_keep_strings(p, alone);
		op->envp = (char *const *)k->env.v;
		op->num[0] = sec;
		op->num[PLAN_CONFINED] = kind == OCI_START_CONTAINER;
		p->hooks_msec += sec * 1000;
	}
}

/* The parent's own hooks run when the root is there, but not yet entered. */
static void plan_call(struct plan *p, const struct plan_oci *in)
{
	if (in->oci->hooks[OCI_PRESTART].n == 0 &&
	    in->oci->hooks[OCI_CREATE_RUNTIME].n == 0)
		return;
	p->stage = PLAN_IN_HOOKS;
	plan_add(p, PLAN_CALL, NULL, NULL)->text = "hooks of the host";
}

/* ---- the process ---- */

static void plan_terminal(struct plan *p, const struct plan_oci *in)
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

static int plan_memory_policy(struct plan *p, const struct plan_oci *in,
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

static void plan_limits(struct plan *p, const struct plan_oci *in)
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

static void plan_labels(struct plan *p, const struct plan_oci *in)
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
static void plan_lookup(struct plan *p, const struct plan_oci *in)
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

static void plan_filter(struct plan *p, const struct plan_oci *in)
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
static bool plan_filters_early(const struct plan_oci *in)
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

static void plan_drop(struct plan *p, const struct plan_oci *in)
{
	const struct oci_process *pr = in->process;
	const struct oci_capabilities *caps = &pr->capabilities;
	bool filters = in->filter && !plan_filters_early(in);
	struct plan_op *op;

	/* Without no_new_privs it takes a capability. */
	if (filters && !pr->no_new_privileges)
		plan_filter(p, in);
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
		plan_filter(p, in);
}

static void plan_execute(struct plan *p, const struct plan_oci *in)
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

int plan_oci_build(struct plan *p, const struct plan_oci *in, struct error *e)
{
	int r = 0;

	plan_init(p);
	plan_who(p, in);
	plan_cgroups(p, in);
	plan_session(p, in);
	plan_network(p, in);
	if (!in->exec) {
		r = plan_rootfs(p, in, e);
		plan_sysctl(p, in);
		plan_call(p, in);
		plan_hooks(p, in, OCI_CREATE_CONTAINER);
	}
	plan_labels(p, in);
	if (!in->exec)
		plan_rootfs_enter(p, in);
	plan_terminal(p, in);
	plan_limits(p, in);
	if (r == 0)
		r = plan_memory_policy(p, in, e);
	if (!in->exec)
		plan_rootfs_finish(p, in);
	p->stage = PLAN_IN_EXEC;
	plan_add(p, PLAN_CHDIR, NULL, in->process->cwd ? in->process->cwd : "/");
	plan_lookup(p, in);
	if (plan_filters_early(in))
		plan_filter(p, in);
	p->stage = PLAN_IN_START;
	plan_add(p, PLAN_SURVIVE, NULL, NULL);
	if (in->waits)
		plan_add(p, PLAN_START, NULL, NULL);
	plan_hooks(p, in, OCI_START_CONTAINER);
	plan_drop(p, in);
	plan_execute(p, in);
	if (r < 0)
		plan_deinit(p);
	return r;
}
