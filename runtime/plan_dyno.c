/*
 * plan_dyno.c - from a dyno's spec to what its child does. Pure.
 *
 * The root file system is one overlay of slug over stack, with a limited tmpfs
 * on top. Everything that is ours in it (etc, app, tmp, mount points) is made
 * in the upper layer before the overlay is mounted, so that it does not matter
 * who owns the lower layers, and no name that a slug brings is ever followed.
 */
#include "base/buf.h"
#include "base/error.h"
#include "base/id.h"
#include "base/strv.h"
#include "runtime/cgroup/cgroup.h"
#include "runtime/etc.h"
#include "runtime/init.h"
#include "runtime/plan_dyno.h"
#include "runtime/runtime.h"

#include <ctype.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <linux/mount.h>
#include <linux/securebits.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>

#define PLAN_HOSTNAME_MAX 63
#define PLAN_ARGS_MAX 4096
#define PLAN_INODES_MIN 128	/* what the plan itself makes */
#define PLAN_MEMLOCK (64 * 1024)
/* Too small for a core file. And where the host's core_pattern is a pipe, 0 would
 * not keep the kernel from starting its handler, as root of the host, with a core
 * that a dyno has made up: it does so with every limit but 1, which is its mark
 * for handlers that crash themselves. The filter keeps a dyno from changing it. */
#define PLAN_CORE 1
#define PLAN_PTYS "64"		/* of the 4096 that all of the host share */

#define NOSUID_NODEV (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)
#define DATA_ONLY (NOSUID_NODEV | MOUNT_ATTR_NOEXEC)

/* ---- tables ---- */

/* Directories of the staging area, and those that every dyno has. */
static const struct {
	const char *path;
	mode_t mode;
	bool for_app;
} plan_dirs[] = {
	{ "upper",		0755 },
	{ "work",		0700 },
	{ "slug",		0755 },
	{ "stack",		0755 },
	{ "usr",		0755 },
	{ "root",		0755 },
	{ "void",		0555 },
	{ "shm",		01777 },
	{ "cgroup",		0755 },
	{ "cgroup/memory",	0755 },
	{ "dev",		0755 },
	{ "dev/pts",		0755 },
	{ "dev/shm",		0755 },
	{ "dev/mqueue",		0755 },
	{ "upper/app",		0755, true },
	{ "upper/dev",		0755 },
	{ "upper/etc",		0755 },
	{ "upper/etc/heroku",	0755 },
	{ "upper/proc",		0555 },
	{ "upper/sys",		0555 },
	{ "upper/tmp",		01777 },
	{ "upper/usr",		0755 },
	{ "upper/var",		0755 },
	{ "upper/var/tmp",	01777 },
};

static const struct {
	const char *from, *to, *file;
	unsigned major, minor;
} plan_devices[] = {
	{ "/dev/null",		"root/dev/null",	"dev/null",	1, 3 },
	{ "/dev/zero",		"root/dev/zero",	"dev/zero",	1, 5 },
	{ "/dev/full",		"root/dev/full",	"dev/full",	1, 7 },
	{ "/dev/random",	"root/dev/random",	"dev/random",	1, 8 },
	{ "/dev/urandom",	"root/dev/urandom",	"dev/urandom",	1, 9 },
	{ "/dev/tty",		"root/dev/tty",		"dev/tty",	5, 0 },
};

static const char *const plan_links[][2] = {
	{ "pts/ptmx",		"dev/ptmx" },
	{ "/proc/self/fd",	"dev/fd" },
	{ "/proc/self/fd/0",	"dev/stdin" },
	{ "/proc/self/fd/1",	"dev/stdout" },
	{ "/proc/self/fd/2",	"dev/stderr" },
};

static const char *const plan_masks[] = {
	"root/proc/acpi", "root/proc/asound", "root/proc/interrupts",
	"root/proc/kcore", "root/proc/keys", "root/proc/latency_stats",
	"root/proc/sched_debug", "root/proc/scsi", "root/proc/timer_list",
	"root/proc/timer_stats",
	"root/sys/firmware", "root/sys/devices/virtual/powercap",
	"root/sys/devices/virtual/dmi",
};

static const char *const plan_readonly[] = {
	"root/proc/bus", "root/proc/fs", "root/proc/irq", "root/proc/sys",
	"root/proc/sysrq-trigger",
};

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
	return 0;
}

/* ---- building blocks ---- */

static void plan_dir(struct plan *p, const char *path, mode_t mode, bool for_app)
{
	struct plan_op *op = plan_add(p, PLAN_DIR, NULL, path);

	op->mode = mode;
	op->for_app = for_app;
}

static void plan_file(struct plan *p, const char *path, const char *text)
{
	struct plan_op *op = plan_add(p, PLAN_FILE, NULL, path);

	op->text_len = strlen(text);
	op->text = plan_keep(p, text);
	op->mode = 0644;
}

static struct plan_op *plan_bind(struct plan *p, enum plan_kind kind,
				 const char *from, const char *to, uint64_t attr)
{
	struct plan_op *op = plan_add(p, kind, from, to);

	op->attr = attr;
	return op;
}

/* ---- the root file system ---- */

static void plan_stage(struct plan *p, const struct plan_dyno *in)
{
	const struct dyno_limits *l = &in->spec->limits;
	struct plan_op *op = plan_add(p, PLAN_STAGE, "tmpfs", ".");

	op->attr = NOSUID_NODEV;
	plan_option(p, "source", "dyno");
	plan_option_number(p, "size", l->tmpfs);
	plan_option_number(p, "nr_inodes", l->inodes);
	plan_option(p, "mode", "0755");
	if (in->by_host) {
		plan_option_number(p, "uid", in->first_id);
		plan_option_number(p, "gid", in->first_id);
	}
	for (size_t i = 0; i < ARRAY_SIZE(plan_dirs); i++)
		plan_dir(p, plan_dirs[i].path, plan_dirs[i].mode,
			 plan_dirs[i].for_app);
	plan_file(p, "null", "");
}

static void plan_etc(struct plan *p, const struct plan_dyno *in)
{
	auto_free char *user = etc_user(in->spec->uuid);
	auto_buf text = BUF_INIT;

	etc_passwd(&text, user, PLAN_APP_ID);
	plan_file(p, "upper/etc/passwd", buf_str(&text));
	buf_clear(&text);
	etc_group(&text, PLAN_APP_ID);
	plan_file(p, "upper/etc/group", buf_str(&text));
	buf_clear(&text);
	etc_hosts(&text, in->spec->hostname, in->address);
	plan_file(p, "upper/etc/hosts", buf_str(&text));
	buf_clear(&text);
	etc_resolv(&text, in->dns, in->host_resolv);
	plan_file(p, "upper/etc/resolv.conf", buf_str(&text));
	buf_clear(&text);
	buf_addf(&text, "%s\n", in->spec->hostname);
	plan_file(p, "upper/etc/hostname", buf_str(&text));
}

/* The dyno's own numbers, under the names that programs look for. */
static void plan_cgroup(struct plan *p, const struct dyno_limits *l)
{
	auto_free char *memory = xasprintf("%" PRIu64 "\n", l->memory);
	auto_free char *pids = xasprintf("%" PRIu32 "\n", l->pids);
	auto_free char *cpu = l->cpus
		? xasprintf("%" PRIu32 "00000 100000\n", l->cpus)
		: xstrdup("max 100000\n");

	plan_file(p, "cgroup/memory/memory.limit_in_bytes", memory);
	plan_file(p, "cgroup/memory.max", memory);
	plan_file(p, "cgroup/cpu.max", cpu);
	plan_file(p, "cgroup/pids.max", pids);
}

/* The overlay's own marks need attributes that the upper layer can hold: those
 * of users if the root of a user namespace mounts it, else trusted ones. */
static void plan_marks(struct plan *p, const struct plan_dyno *in)
{
	if (!in->by_host)
		plan_option(p, "userxattr", NULL);
}

/* Relative names: the app sees them in its mountinfo, and they tell nothing. */
static void plan_overlay(struct plan *p, const struct plan_dyno *in)
{
	if (in->spec->slug)
		plan_add(p, PLAN_TREE, NULL, "slug")->fd =
			in->trees[PLAN_TREE_SLUG];
	plan_add(p, PLAN_TREE, NULL, "stack")->fd = in->trees[PLAN_TREE_STACK];
	plan_bind(p, PLAN_MOUNT, "overlay", "root", NOSUID_NODEV);
	plan_option(p, "source", "dyno");
	plan_option(p, "lowerdir", in->spec->slug ? "slug:stack" : "stack");
	plan_option(p, "upperdir", "upper");
	plan_option(p, "workdir", "work");
	plan_marks(p, in);
	if (in->trees[PLAN_TREE_USR] < 0)
		return;

	/* An overlay of one directory instead of a bind: the mount table of the
	 * dyno then names neither the device nor the path of the host. */
	plan_add(p, PLAN_TREE, NULL, "usr")->fd = in->trees[PLAN_TREE_USR];
	plan_bind(p, PLAN_MOUNT, "overlay", "root/usr",
		  NOSUID_NODEV | MOUNT_ATTR_RDONLY);
	plan_option(p, "source", "usr");
	plan_option(p, "lowerdir", "usr:void");
	plan_marks(p, in);
}

static void plan_dev_names(struct plan *p)
{
	for (size_t i = 0; i < ARRAY_SIZE(plan_devices); i++)
		plan_file(p, plan_devices[i].file, "");
	for (size_t i = 0; i < ARRAY_SIZE(plan_links); i++)
		plan_add(p, PLAN_LINK, plan_links[i][0], plan_links[i][1]);
}

/* Read-only nodes still can be written to; their times and owners, which are
 * the host's, cannot be changed. */
static void plan_dev(struct plan *p)
{
	plan_bind(p, PLAN_BIND, "dev", "root/dev",
		  NOSUID_NODEV | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_RDONLY);
	for (size_t i = 0; i < ARRAY_SIZE(plan_devices); i++)
		plan_bind(p, PLAN_DEVICE, plan_devices[i].from,
			  plan_devices[i].to, MOUNT_ATTR_NOSUID |
			  MOUNT_ATTR_NOEXEC | MOUNT_ATTR_RDONLY)->rdev =
			makedev(plan_devices[i].major, plan_devices[i].minor);
	plan_bind(p, PLAN_MOUNT, "devpts", "root/dev/pts",
		  MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
	plan_option(p, "source", "devpts");
	plan_option(p, "newinstance", NULL);
	plan_option(p, "ptmxmode", "0666");
	plan_option(p, "mode", "0620");
	plan_option_number(p, "gid", PLAN_TTY_GID);
	plan_option(p, "max", PLAN_PTYS);
	plan_bind(p, PLAN_BIND, "shm", "root/dev/shm", DATA_ONLY);
	plan_bind(p, PLAN_MOUNT, "mqueue", "root/dev/mqueue", DATA_ONLY);
	plan_option(p, "source", "mqueue");
}

static void plan_kernel(struct plan *p)
{
	plan_bind(p, PLAN_MOUNT, "proc", "root/proc", DATA_ONLY);
	plan_option(p, "source", "proc");
	plan_bind(p, PLAN_MOUNT, "sysfs", "root/sys",
		  DATA_ONLY | MOUNT_ATTR_RDONLY);
	plan_option(p, "source", "sysfs");
	for (size_t i = 0; i < ARRAY_SIZE(plan_masks); i++)
		plan_add(p, PLAN_MASK, NULL, plan_masks[i])->attr =
			DATA_ONLY | MOUNT_ATTR_RDONLY;
	for (size_t i = 0; i < ARRAY_SIZE(plan_readonly); i++)
		plan_add(p, PLAN_READONLY, NULL, plan_readonly[i])->attr =
			DATA_ONLY | MOUNT_ATTR_RDONLY;
	plan_bind(p, PLAN_BIND, "cgroup", "root/sys/fs/cgroup",
		  DATA_ONLY | MOUNT_ATTR_RDONLY);
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
	p->stage = PLAN_IN_LAYERS;
	plan_stage(p, in);
	plan_etc(p, in);
	plan_cgroup(p, &in->spec->limits);
	plan_dev_names(p);
	plan_overlay(p, in);
	p->stage = PLAN_IN_ROOTFS;
	plan_dev(p);
	plan_kernel(p);
	plan_add(p, PLAN_PIVOT, NULL, "root");
	plan_network(p, in);
	plan_limits(p, in);
	plan_streams(p, in);
	plan_drop(p, in);
	plan_command(p, in->spec);
}
