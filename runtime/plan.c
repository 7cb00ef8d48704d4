/*
 * plan.c - from what was asked to what the child does. Pure: no system calls.
 *
 * The root file system is one overlay of slug over stack, with a limited tmpfs
 * on top. Everything that is ours in it (etc, app, tmp, mount points) is made
 * in the upper layer before the overlay is mounted, so that it does not matter
 * who owns the lower layers, and no name that a slug brings is ever followed.
 */
#include "base/buf.h"
#include "base/error.h"
#include "base/id.h"
#include "runtime/etc.h"
#include "runtime/init.h"
#include "runtime/plan.h"
#include "runtime/runtime.h"

#include <ctype.h>
#include <inttypes.h>
#include <linux/mount.h>
#include <stdio.h>
#include <sys/sysmacros.h>

#define PLAN_HOSTNAME_MAX 63
#define PLAN_ARGS_MAX 4096
#define PLAN_MEMLOCK (64 * 1024)
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

int plan_check(const struct dyno_spec *s, struct error *e)
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
	    l->inodes < PLAN_OPS_MAX || l->pids < 2 || !l->files)
		return error_set(e, EINVAL, "the limits are not usable");
	if (s->stdio != DYNO_STDIO_LOG && s->stdio != DYNO_STDIO_PIPES &&
	    s->stdio != DYNO_STDIO_PTY)
		return error_set(e, EINVAL, "no such kind of standard streams");
	return 0;
}

/* ---- building blocks ---- */

static struct plan_op *plan_add(struct plan *p, enum plan_op_kind kind,
				const char *from, const char *to)
{
	struct plan_op *op = &p->ops[p->n_ops++];

	assert(p->n_ops <= PLAN_OPS_MAX);
	*op = (struct plan_op){ .kind = kind, .from = from, .to = to };
	return op;
}

/* Hands text to the plan, which keeps it as long as it lives. */
static const char *plan_keep(struct plan *p, const char *text)
{
	strv_add(&p->strings, text);
	return p->strings.v[p->strings.n - 1];
}

static void plan_option(struct plan_op *op, const char *key, const char *value)
{
	for (size_t i = 0; i < PLAN_OPTIONS_MAX; i++)
		if (!op->options[i].key) {
			op->options[i] = (struct plan_option){ key, value };
			return;
		}
	assert(!"too many options");
}

static void plan_number(struct plan *p, struct plan_op *op, const char *key,
			uint64_t value)
{
	strv_addf(&p->strings, "%" PRIu64, value);
	plan_option(op, key, p->strings.v[p->strings.n - 1]);
}

static void plan_dir(struct plan *p, const char *path, mode_t mode, bool for_app)
{
	struct plan_op *op = plan_add(p, PLAN_DIR, NULL, path);

	op->mode = mode;
	op->for_app = for_app;
}

static void plan_file(struct plan *p, const char *path, const char *text)
{
	struct plan_op *op = plan_add(p, PLAN_FILE, NULL, path);

	op->text = plan_keep(p, text);
	op->text_len = strlen(text);
	op->mode = 0644;
}

static struct plan_op *plan_bind(struct plan *p, enum plan_op_kind kind,
				 const char *from, const char *to, uint64_t attr)
{
	struct plan_op *op = plan_add(p, kind, from, to);

	op->attr = attr;
	return op;
}

/* ---- the root file system ---- */

static void plan_stage(struct plan *p, const struct plan_input *in)
{
	const struct dyno_limits *l = &in->spec->limits;
	struct plan_op *op = plan_add(p, PLAN_STAGE, "tmpfs", ".");

	op->attr = NOSUID_NODEV;
	plan_option(op, "source", "dyno");
	plan_number(p, op, "size", l->tmpfs);
	plan_number(p, op, "nr_inodes", l->inodes);
	plan_option(op, "mode", "0755");
	if (in->by_host) {
		plan_number(p, op, "uid", in->first_id);
		plan_number(p, op, "gid", in->first_id);
	}
	for (size_t i = 0; i < ARRAY_SIZE(plan_dirs); i++)
		plan_dir(p, plan_dirs[i].path, plan_dirs[i].mode,
			 plan_dirs[i].for_app);
	plan_file(p, "null", "");
}

static void plan_etc(struct plan *p, const struct plan_input *in)
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
static void plan_marks(struct plan_op *op, const struct plan_input *in)
{
	if (!in->by_host)
		plan_option(op, "userxattr", NULL);
}

/* Relative names: the app sees them in its mountinfo, and they tell nothing. */
static void plan_overlay(struct plan *p, const struct plan_input *in)
{
	struct plan_op *op;

	if (in->spec->slug)
		plan_add(p, PLAN_TREE, NULL, "slug")->tree = PLAN_TREE_SLUG;
	plan_add(p, PLAN_TREE, NULL, "stack")->tree = PLAN_TREE_STACK;
	op = plan_bind(p, PLAN_MOUNT, "overlay", "root", NOSUID_NODEV);
	plan_option(op, "source", "dyno");
	plan_option(op, "lowerdir", in->spec->slug ? "slug:stack" : "stack");
	plan_option(op, "upperdir", "upper");
	plan_option(op, "workdir", "work");
	plan_marks(op, in);
	if (!in->has_usr)
		return;

	/* An overlay of one directory instead of a bind: the mount table of the
	 * dyno then names neither the device nor the path of the host. */
	plan_add(p, PLAN_TREE, NULL, "usr")->tree = PLAN_TREE_USR;
	op = plan_bind(p, PLAN_MOUNT, "overlay", "root/usr",
		       NOSUID_NODEV | MOUNT_ATTR_RDONLY);
	plan_option(op, "source", "usr");
	plan_option(op, "lowerdir", "usr:void");
	plan_marks(op, in);
}

static void plan_dev_names(struct plan *p)
{
	for (size_t i = 0; i < ARRAY_SIZE(plan_devices); i++)
		plan_file(p, plan_devices[i].file, "");
	for (size_t i = 0; i < ARRAY_SIZE(plan_links); i++)
		plan_add(p, PLAN_LINK, plan_links[i][0], plan_links[i][1]);
}

static void plan_dev(struct plan *p)
{
	struct plan_op *op;

	plan_bind(p, PLAN_BIND, "dev", "root/dev",
		  NOSUID_NODEV | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_RDONLY);
	for (size_t i = 0; i < ARRAY_SIZE(plan_devices); i++)
		plan_bind(p, PLAN_DEVICE, plan_devices[i].from,
			  plan_devices[i].to,
			  MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC)->rdev =
			makedev(plan_devices[i].major, plan_devices[i].minor);
	op = plan_bind(p, PLAN_MOUNT, "devpts", "root/dev/pts",
		       MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
	plan_option(op, "source", "devpts");
	plan_option(op, "newinstance", NULL);
	plan_option(op, "ptmxmode", "0666");
	plan_option(op, "mode", "0620");
	plan_number(p, op, "gid", PLAN_TTY_GID);
	plan_option(op, "max", PLAN_PTYS);
	plan_bind(p, PLAN_BIND, "shm", "root/dev/shm", DATA_ONLY);
	op = plan_bind(p, PLAN_MOUNT, "mqueue", "root/dev/mqueue", DATA_ONLY);
	plan_option(op, "source", "mqueue");
}

static void plan_kernel(struct plan *p)
{
	struct plan_op *op;

	op = plan_bind(p, PLAN_MOUNT, "proc", "root/proc", DATA_ONLY);
	plan_option(op, "source", "proc");
	op = plan_bind(p, PLAN_MOUNT, "sysfs", "root/sys",
		       DATA_ONLY | MOUNT_ATTR_RDONLY);
	plan_option(op, "source", "sysfs");
	for (size_t i = 0; i < ARRAY_SIZE(plan_masks); i++)
		plan_add(p, PLAN_MASK, NULL, plan_masks[i])->attr =
			DATA_ONLY | MOUNT_ATTR_RDONLY;
	for (size_t i = 0; i < ARRAY_SIZE(plan_readonly); i++)
		plan_add(p, PLAN_READONLY, NULL, plan_readonly[i])->attr =
			DATA_ONLY | MOUNT_ATTR_RDONLY;
	plan_bind(p, PLAN_BIND, "cgroup", "root/sys/fs/cgroup",
		  DATA_ONLY | MOUNT_ATTR_RDONLY);
}

/* ---- the rest ---- */

static void plan_rlimit(struct plan *p, int resource, uint64_t value,
			const struct rlimit *max)
{
	assert(p->n_rlimits < PLAN_RLIMITS_MAX);
	/* Raising a hard limit needs a capability that we may not have. */
	if (max && max->rlim_max != RLIM_INFINITY && value > max->rlim_max)
		value = max->rlim_max;
	p->rlimits[p->n_rlimits++] = (struct plan_rlimit){
		resource, { value, value },
	};
}

static void plan_rlimits(struct plan *p, const struct plan_input *in)
{
	plan_rlimit(p, RLIMIT_NPROC, in->spec->limits.pids, &in->max_procs);
	plan_rlimit(p, RLIMIT_NOFILE, in->spec->limits.files, &in->max_files);
	plan_rlimit(p, RLIMIT_CORE, 0, NULL);
	plan_rlimit(p, RLIMIT_MEMLOCK, PLAN_MEMLOCK, NULL);
}

/* As many CPUs as the size has, beginning at another one in each slot. */
static void plan_cpus(struct plan *p, const struct plan_input *in)
{
	int n = CPU_COUNT(in->cpus), want = (int)in->spec->limits.cpus;
	int first, seen = 0;

	if (want == 0 || want >= n) {
		p->cpus = *in->cpus;
		return;
	}
	CPU_ZERO(&p->cpus);
	first = (int)(in->slot * (unsigned)want % (unsigned)n);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, in->cpus))
			continue;
		if ((seen - first + n) % n < want)
			CPU_SET(cpu, &p->cpus);
		seen++;
	}
}

/* With shared_id, the app is that user of the host, and all others of the
 * dyno's range: only so can it own files whose owner no mount translates. */
static const char *plan_id_map(struct plan *p, uint32_t first, uint32_t shared)
{
	const uint32_t app = PLAN_APP_ID, rest = app + 1;

	if (shared)
		strv_addf(&p->strings,
			  "0 %" PRIu32 " %" PRIu32 "\n%" PRIu32 " %" PRIu32
			  " 1\n%" PRIu32 " %" PRIu32 " %" PRIu32 "\n",
			  first, app, app, shared, rest, first + rest,
			  PLAN_IDS - rest);
	else
		strv_addf(&p->strings, "0 %" PRIu32 " %d\n", first, PLAN_IDS);
	return p->strings.v[p->strings.n - 1];
}

static void plan_command(struct plan *p, const struct dyno_spec *s)
{
	strv_add(&p->argv, INIT_NAME);
	if (p->tty)
		strv_add(&p->argv, "-t");
	strv_add(&p->argv, "--");
	for (size_t i = 0; s->argv[i]; i++)
		strv_add(&p->argv, s->argv[i]);
	p->envp = s->envp;
}

void plan_build(struct plan *p, const struct plan_input *in)
{
	*p = (struct plan){
		.filter = in->filter,
		.net = in->net, .net_len = in->net_len, .net_acks = in->net_acks,
		.by_host = in->by_host,
		.inside = { 0, PLAN_APP_ID, PLAN_APP_ID },
		.outside = {
			in->first_id,
			in->shared_id ? in->shared_id : in->first_id + PLAN_APP_ID,
			in->shared_id ? in->shared_gid : in->first_id + PLAN_APP_ID,
		},
		.tty = in->spec->stdio == DYNO_STDIO_PTY,
		.rows = in->spec->rows ? in->spec->rows : 24,
		.cols = in->spec->cols ? in->spec->cols : 80,
	};
	p->hostname = plan_keep(p, in->spec->hostname);
	p->uid_map = plan_id_map(p, in->first_id, in->shared_id);
	p->gid_map = plan_id_map(p, in->first_id, in->shared_gid);
	plan_stage(p, in);
	plan_etc(p, in);
	plan_cgroup(p, &in->spec->limits);
	plan_dev_names(p);
	plan_overlay(p, in);
	p->n_layers = p->n_ops;
	plan_dev(p);
	plan_kernel(p);
	plan_add(p, PLAN_PIVOT, NULL, "root");
	plan_rlimits(p, in);
	plan_cpus(p, in);
	plan_command(p, in->spec);
}

void plan_deinit(struct plan *p)
{
	strv_deinit(&p->argv);
	strv_deinit(&p->strings);
	*p = (struct plan){ .n_ops = 0 };
}

char *plan_op_text(const struct plan_op *op)
{
	static const char *const verbs[] = {
		[PLAN_STAGE] = "mount",		[PLAN_DIR] = "make directory",
		[PLAN_FILE] = "write",		[PLAN_LINK] = "link",
		[PLAN_TREE] = "attach layer",	[PLAN_MOUNT] = "mount",
		[PLAN_BIND] = "bind",		[PLAN_DEVICE] = "bind device",
		[PLAN_MASK] = "mask",		[PLAN_READONLY] = "protect",
		[PLAN_PIVOT] = "pivot to",
	};

	assert((size_t)op->kind < ARRAY_SIZE(verbs));
	return op->from ? xasprintf("%s %s at %s", verbs[op->kind], op->from, op->to)
			: xasprintf("%s %s", verbs[op->kind], op->to);
}
