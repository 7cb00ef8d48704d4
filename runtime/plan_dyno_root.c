/*
 * plan_dyno_root.c - the root file system of a dyno, as operations. Pure.
 *
 * It is one overlay of slug over stack, with a limited tmpfs on top. Everything
 * that is ours in it (etc, app, tmp, mount points) is made in the upper layer
 * before the overlay is mounted, so that it does not matter who owns the lower
 * layers, and no name that a slug brings is ever followed.
 */
#include "base/buf.h"
#include "runtime/etc.h"
#include "runtime/plan_dyno_root.h"
#include "runtime/runtime.h"

#include <inttypes.h>
#include <linux/mount.h>
#include <stdio.h>
#include <sys/sysmacros.h>

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
 * of users if the root of a user namespace mounts it, else trusted ones. Then it
 * has to be told what else is implied: not to follow marks that lead elsewhere,
 * which the image of a slug could bring. */
static void plan_marks(struct plan *p, const struct plan_dyno *in)
{
	if (!in->by_host) {
		plan_option(p, "userxattr", NULL);
		return;
	}
	plan_option(p, "redirect_dir", "nofollow");
	plan_option(p, "metacopy", "off");
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

/* ---- all of it ---- */

void plan_dyno_layers(struct plan *p, const struct plan_dyno *in)
{
	p->stage = PLAN_IN_LAYERS;
	plan_stage(p, in);
	plan_etc(p, in);
	plan_cgroup(p, &in->spec->limits);
	plan_dev_names(p);
	plan_overlay(p, in);
}

void plan_dyno_root(struct plan *p)
{
	p->stage = PLAN_IN_ROOTFS;
	plan_dev(p);
	plan_kernel(p);
	plan_add(p, PLAN_PIVOT, NULL, "root");
}
