/*
 * plan_dyno.c - from a dyno's spec to what its child does. Pure.
 */
#include "base/error.h"
#include "base/id.h"
#include "base/strv.h"
#include "runtime/cgroup/cgroup.h"
#include "runtime/init.h"
#include "runtime/plan_dyno_root.h"
#include "runtime/runtime.h"

#include <ctype.h>
#include <inttypes.h>
#include <linux/securebits.h>

#define PLAN_HOSTNAME_MAX 63
#define PLAN_ARGS_MAX 4096
#define PLAN_INODES_MIN 128	/* what the plan itself makes */
#define PLAN_MEMLOCK (64 * 1024)
/* Too small for a core file. And where the host's core_pattern is a pipe, 0 would
 * not keep the kernel from starting its handler, as root of the host, with a core
 * that a dyno has made up: it does so with every limit but 1, which is its mark
 * for handlers that crash themselves. The filter keeps a dyno from changing it. */
#define PLAN_CORE 1

/* ---- what was asked ---- */

static bool plan_is_hostname(const char *s)
{
	size_t n = strlen(s);

	for (const char *p = s; *p; p++)
		if (!isalnum((unsigned char)*p) && *p != '-' && *p != '.')
			return false;
	return n > 0 && n <= PLAN_HOSTNAME_MAX;
}

int plan_dyno_check(const struct dyno_spec *s, struct error *e)
{
	const struct dyno_limits *l = &s->limits;
	size_t n = 0;

	if (!s->uuid || !id_is_uuid(s->uuid))
		return error_set(e, EINVAL, "the dyno's UUID is none");
	if (!s->hostname || !plan_is_hostname(s->hostname))
		return error_set(e, EINVAL, "the host name is not valid");
	if (s->slug && !id_is_sha256(s->slug))
		return error_set(e, EINVAL, "the slug's name is no SHA-256");
	if (!s->argv || !s->argv[0] || s->argv[0][0] != '/')
		return error_set(e, EINVAL, "the command has no absolute path");
	while (s->argv[n])
		n++;
	if (n > PLAN_ARGS_MAX)
		return error_set(e, E2BIG, "the command has %zu arguments", n);
	if (!l->memory || l->memory_swap < l->memory || !l->tmpfs ||
	    l->inodes < PLAN_INODES_MIN || l->pids < 2 || !l->files)
		return error_set(e, EINVAL, "the limits are not usable");
	if (s->stdio != DYNO_STDIO_LOG && s->stdio != DYNO_STDIO_PIPES &&
	    s->stdio != DYNO_STDIO_PTY)
		return error_set(e, EINVAL, "no such kind of standard streams");
	if ((unsigned)s->egress >= DYNO_EGRESS_COUNT)
		return error_set(e, EINVAL, "no such kind of egress");
	return 0;
}

/* ---- the process ---- */

/* Securebits are all locked: nothing in a dyno gains by being user 0. */
#define PLAN_SECUREBITS_ALL (SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | \
	SECBIT_NO_SETUID_FIXUP | SECBIT_NO_SETUID_FIXUP_LOCKED | \
	SECBIT_KEEP_CAPS_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE | \
	SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED)

static void plan_await(struct plan *p, const char *what)
{
	p->stage = PLAN_IN_WAIT;
	plan_add(p, PLAN_AWAIT, NULL, NULL)->text = what;
}

/* Its cgroup namespace is made when it is in its cgroups, since the namespace's
 * root is where the process stands at that moment. */
static void plan_begin(struct plan *p, const struct plan_dyno *in)
{
	p->stage = PLAN_IN_CGROUP;
	for (size_t i = 0; in->cgroup && i < in->cgroup->n_procs_fds; i++)
		plan_add(p, PLAN_CGROUP, NULL, NULL)->fd = in->cgroup->procs_fds[i];
	plan_add(p, PLAN_UNSHARE, NULL, NULL)->num[0] = CLONE_NEWCGROUP;
	plan_await(p, "user ids");
	p->stage = PLAN_IN_IDENTITY;
	plan_add(p, PLAN_IDENTITY, NULL, NULL);
	p->stage = PLAN_IN_SESSION;
	plan_add(p, PLAN_SESSION, NULL, NULL);
	plan_add(p, PLAN_HOSTNAME, NULL, NULL)->text =
		plan_keep(p, in->spec->hostname);
	/* Kernels without keyrings have no keys to protect. */
	plan_add(p, PLAN_KEYRING, NULL, NULL)->text = "dyno";
}

static void plan_network(struct plan *p, const struct plan_dyno *in)
{
	struct plan_op *op;

	plan_await(p, "network");
	p->stage = PLAN_IN_NETWORK;
	op = plan_add(p, PLAN_NETLINK, NULL, NULL);
	op->text = in->net;
	op->text_len = in->net_len;
	op->num[0] = in->net_acks;
}

static void plan_rlimit(struct plan *p, int resource, uint64_t value,
			const struct rlimit *max)
{
	struct plan_op *op = plan_add(p, PLAN_RLIMIT, NULL, NULL);

	/* Raising a hard limit needs a capability that we may not have. */
	if (max && max->rlim_max != RLIM_INFINITY && value > max->rlim_max)
		value = max->rlim_max;
	op->num[0] = (uint64_t)resource;
	op->num[1] = op->num[2] = value;
}

/* As many CPUs as the size has, beginning at another one in each slot. */
static void plan_cpus(const struct plan_dyno *in, cpu_set_t *ret)
{
	int n = CPU_COUNT(in->cpus), want = (int)in->spec->limits.cpus;
	int first, seen = 0;

	if (want == 0 || want >= n) {
		*ret = *in->cpus;
		return;
	}
	CPU_ZERO(ret);
	first = (int)(in->slot * (unsigned)want % (unsigned)n);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, in->cpus))
			continue;
		if ((seen - first + n) % n < want)
			CPU_SET(cpu, ret);
		seen++;
	}
}

static void plan_limits(struct plan *p, const struct plan_dyno *in)
{
	const struct dyno_limits *l = &in->spec->limits;
	struct plan_op *op;
	cpu_set_t cpus;

	p->stage = PLAN_IN_LIMITS;
	plan_rlimit(p, RLIMIT_NPROC, l->pids, &in->max_procs);
	plan_rlimit(p, RLIMIT_NOFILE, l->files, &in->max_files);
	plan_rlimit(p, RLIMIT_CORE, PLAN_CORE, NULL);
	plan_rlimit(p, RLIMIT_MEMLOCK, PLAN_MEMLOCK, NULL);
	plan_cpus(in, &cpus);
	op = plan_add(p, PLAN_AFFINITY, NULL, NULL);
	op->text = plan_keep_bytes(p, &cpus, sizeof(cpus));
	op->text_len = sizeof(cpus);
}

static void plan_streams(struct plan *p, const struct plan_dyno *in)
{
	struct plan_op *op;

	p->stage = PLAN_IN_STDIO;
	if (in->spec->stdio == DYNO_STDIO_PTY) {
		op = plan_add(p, PLAN_TERMINAL, NULL, NULL);
		op->num[0] = in->spec->rows ? in->spec->rows : 24;
		op->num[1] = in->spec->cols ? in->spec->cols : 80;
		op->uid = PLAN_APP_ID;
		op->gid = PLAN_TTY_GID;
	}
	plan_add(p, PLAN_STDIO, NULL, NULL)->num[0] = INIT_FD_END;
	plan_add(p, PLAN_CHDIR, NULL, "/app");
	plan_add(p, PLAN_UMASK, NULL, NULL)->mode = PLAN_UMASK_MODE;
}

static void plan_drop(struct plan *p, const struct plan_dyno *in)
{
	struct plan_op *op;

	p->stage = PLAN_IN_PRIVILEGE;
	plan_add(p, PLAN_BOUNDING, NULL, NULL);
	plan_add(p, PLAN_SECUREBITS, NULL, NULL)->num[0] = PLAN_SECUREBITS_ALL;
	op = plan_add(p, PLAN_USER, NULL, NULL);
	op->uid = op->gid = PLAN_APP_ID;
	op->num[0] = op->uid;
	plan_add(p, PLAN_CAPS, NULL, NULL);
	plan_add(p, PLAN_NO_NEW_PRIVS, NULL, NULL);
	p->stage = PLAN_IN_FILTER;
	if (in->wall)
		plan_add(p, PLAN_LANDLOCK, NULL, NULL)->text = in->wall;
	plan_add(p, PLAN_FILTER, NULL, NULL)->filter = in->filter;
}

static void plan_command(struct plan *p, const struct dyno_spec *s)
{
	struct strv argv = STRV_INIT;
	struct plan_op *op;

	strv_add(&argv, INIT_NAME);
	if (s->stdio == DYNO_STDIO_PTY)
		strv_add(&argv, "-t");
	strv_add(&argv, "--");
	for (size_t i = 0; s->argv[i]; i++)
		strv_add(&argv, s->argv[i]);
	p->stage = PLAN_IN_EXEC;
	op = plan_add(p, PLAN_EXEC_FD, INIT_NAME, NULL);
	op->argv = plan_keep_strings(p, argv.v);
	op->envp = s->envp;
	strv_deinit(&argv);
}

/* With shared_id, the app is that user of the host, and all others of the
 * dyno's range: only so can it own files whose owner no mount translates. */
static const char *plan_id_map(struct plan *p, uint32_t first, uint32_t shared)
{
	const uint32_t app = PLAN_APP_ID, rest = app + 1;

	if (!shared)
		return plan_keepf(p, "0 %" PRIu32 " %d\n", first, PLAN_IDS);
	return plan_keepf(p, "0 %" PRIu32 " %" PRIu32 "\n%" PRIu32 " %" PRIu32
			  " 1\n%" PRIu32 " %" PRIu32 " %" PRIu32 "\n",
			  first, app, app, shared, rest, first + rest,
			  PLAN_IDS - rest);
}

static void plan_who(struct plan *p, const struct plan_dyno *in)
{
	p->namespaces = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET |
		CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWUSER;
	p->cgroup_fd = in->cgroup ? in->cgroup->dir_fd : -1;
	p->by_host = in->by_host;
	p->owner = in->first_id;
	p->inside = (struct plan_ids){ 0, PLAN_APP_ID, PLAN_APP_ID };
	p->outside = (struct plan_ids){
		in->first_id,
		in->shared_id ? in->shared_id : in->first_id + PLAN_APP_ID,
		in->shared_id ? in->shared_gid : in->first_id + PLAN_APP_ID,
	};
	p->uid_map = plan_id_map(p, in->first_id, in->shared_id);
	p->gid_map = plan_id_map(p, in->first_id, in->shared_gid);
}

void plan_dyno_build(struct plan *p, const struct plan_dyno *in)
{
	plan_init(p);
	plan_who(p, in);
	plan_begin(p, in);
	plan_dyno_layers(p, in);
	plan_dyno_root(p);
	plan_network(p, in);
	plan_limits(p, in);
	plan_streams(p, in);
	plan_drop(p, in);
	plan_command(p, in->spec);
}
