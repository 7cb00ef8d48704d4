/*
 * plan_oci.c - from an OCI configuration to what the child does, in the order
 * of the specification's life cycle.
 */
#include "base/error.h"
#include "base/strv.h"
#include "runtime/cgroup/cgroup.h"
#include "runtime/oci/plan_oci.h"
#include "runtime/oci/plan_process.h"
#include "runtime/oci/plan_rootfs.h"

#include <fcntl.h>
#include <inttypes.h>
#include <linux/seccomp.h>
#include <linux/securebits.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <termios.h>

#define PLAN_HOOK_SEC 3600		/* of one that has no time-out */

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

/* ---- all of it ---- */

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
	plan_process_labels(p, in);
	if (!in->exec)
		plan_rootfs_enter(p, in);
	plan_process_terminal(p, in);
	plan_process_limits(p, in);
	if (r == 0)
		r = plan_process_memory_policy(p, in, e);
	if (!in->exec)
		plan_rootfs_finish(p, in);
	p->stage = PLAN_IN_EXEC;
	plan_add(p, PLAN_CHDIR, NULL, in->process->cwd ? in->process->cwd : "/");
	plan_process_lookup(p, in);
	if (plan_process_filters_early(in))
		plan_process_filter(p, in);
	p->stage = PLAN_IN_START;
	plan_add(p, PLAN_SURVIVE, NULL, NULL);
	if (in->waits)
		plan_add(p, PLAN_START, NULL, NULL);
	plan_hooks(p, in, OCI_START_CONTAINER);
	plan_process_drop(p, in);
	plan_process_execute(p, in);
	if (r < 0)
		plan_deinit(p);
	return r;
}
