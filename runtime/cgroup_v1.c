/*
 * cgroup_v1.c - version 1: a tree per hierarchy.
 *
 * Memory: the quota is the soft limit (above it a dyno is the first to be
 * reclaimed from when the host is short), the hard limit stands for memory
 * alone and for memory + swap, since a host without swap would otherwise kill
 * at the quota. Killing needs the freezer, without which a fork bomb may run
 * faster than we list it.
 */
#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/strv.h"
#include "runtime/cgroup_host.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>

#define FREEZE_WAIT_USEC (200 * USEC_PER_MSEC)
#define KILL_ROUNDS 20
#define PAUSE_MSEC 1
#define PROCS_TEXT_MAX (4 * 1024 * 1024)

static const struct cgroup_setting v1_settings[] = {
	{ CGROUP_MEMORY, "memory.soft_limit_in_bytes", CGROUP_VALUE_MEMORY,
	  .optional = true },
	/* In this order: memory + swap may never be the smaller. */
	{ CGROUP_MEMORY, "memory.limit_in_bytes", CGROUP_VALUE_MEMORY_SWAP },
	{ CGROUP_MEMORY, "memory.memsw.limit_in_bytes", CGROUP_VALUE_MEMORY_SWAP,
	  .optional = true },
	{ CGROUP_PIDS, "pids.max", CGROUP_VALUE_PIDS },
	{ CGROUP_CPU, "cpu.shares", CGROUP_VALUE_SHARES },
	{ CGROUP_DEVICES, "devices.deny", .text = "a" },
	{ CGROUP_DEVICES, "devices.allow", .text = "c 1:3 rw" },   /* null */
	{ CGROUP_DEVICES, "devices.allow", .text = "c 1:5 rw" },   /* zero */
	{ CGROUP_DEVICES, "devices.allow", .text = "c 1:7 rw" },   /* full */
	{ CGROUP_DEVICES, "devices.allow", .text = "c 1:8 rw" },   /* random */
	{ CGROUP_DEVICES, "devices.allow", .text = "c 1:9 rw" },   /* urandom */
	{ CGROUP_DEVICES, "devices.allow", .text = "c 5:0 rw" },   /* tty */
	{ CGROUP_DEVICES, "devices.allow", .text = "c 5:2 rw" },   /* ptmx */
	{ CGROUP_DEVICES, "devices.allow", .text = "c 136:* rw" }, /* pts/N */
};

static void v1_pause(void)
{
	struct timespec pause = { .tv_nsec = PAUSE_MSEC * 1000000L };

	nanosleep(&pause, NULL);
}

/* 0, CGROUP_ABSENT (no tree or no leaf), or an error. */
static int v1_leaf(struct cgroup_host *h, unsigned controller, const char *uuid,
		   int *ret_fd, struct error *e)
{
	for (size_t i = 0; i < h->n_trees; i++)
		if (h->trees[i].controllers & controller)
			return cgroup_tree_leaf(&h->trees[i], uuid, ret_fd, e);
	return CGROUP_ABSENT;
}

/* ---- killing ---- */

/* True when everything in the group stands still. */
static bool v1_freeze(int fd)
{
	uint64_t until = clock_mono_usec() + FREEZE_WAIT_USEC;

	if (cgroup_tree_write(fd, "freezer.state", "FROZEN", NULL) < 0)
		return false;
	for (;;) {
		auto_buf state = BUF_INIT;

		if (file_read(fd, "freezer.state", 64, &state, NULL) < 0)
			return false;
		if (str_eq(buf_str(&state), "FROZEN\n"))
			return true;
		if (clock_mono_usec() > until)
			return false;
		v1_pause();
	}
}

/* SIGKILL to all that are listed; the number of them is added to *ret. */
static int v1_kill_listed(int fd, const char *group, size_t *ret,
			  struct error *e)
{
	auto_free char *file = xasprintf("%s/cgroup.procs", group);
	auto_buf text = BUF_INIT;
	int r = file_read(fd, file, PROCS_TEXT_MAX, &text, e);
	char *p, *end;

	if (r < 0)
		return r;
	for (p = text.data; p && *p; p = end) {
		long pid = strtol(p, &end, 10);

		if (end == p)
			break;
		if (pid > 0 && kill((pid_t)pid, SIGKILL) < 0 && errno != ESRCH)
			return error_sys(e, "kill process %ld", pid);
		(*ret)++;
		end += *end == '\n';
	}
	return 0;
}

static int v1_kill_all(int fd, size_t *ret, struct error *e)
{
	auto_strv groups = STRV_INIT;
	int r = cgroup_tree_groups(fd, &groups, e);

	for (size_t i = 0; r >= 0 && i < groups.n; i++)
		r = v1_kill_listed(fd, groups.v[i], ret, e);
	return r;
}

/*
 * Frozen processes fork no more, so one list is all of them; the signals act
 * when they thaw. If some process does not freeze in time (it waits in the
 * kernel), rounds follow until the list stays empty or the bound is reached:
 * whatever is left then has the signal already.
 */
static int v1_kill(struct cgroup_host *h, const char *uuid, struct error *e)
{
	auto_close int fd = -1;
	int r = v1_leaf(h, CGROUP_FREEZER, uuid, &fd, e);
	bool frozen = false;
	size_t n = 1;

	if (r == CGROUP_ABSENT)
		return 0;
	for (int i = 0; r >= 0 && n > 0 && !frozen && i < KILL_ROUNDS; i++) {
		int thaw;

		frozen = v1_freeze(fd);
		n = 0;
		r = v1_kill_all(fd, &n, e);
		thaw = cgroup_tree_write(fd, "freezer.state", "THAWED",
					 r < 0 ? NULL : e);
		r = r < 0 ? r : thaw;
		if (!frozen && n > 0)
			v1_pause();
	}
	return r;
}

/* A daemon that died between freezing and thawing must leave no dyno behind
 * that stands still for ever. */
static void v1_thaw_leaves(const struct cgroup_tree *t)
{
	auto_strv names = STRV_INIT;

	if (cgroup_tree_list(t, &names, NULL) < 0)
		return;
	for (size_t i = 0; i < names.n; i++) {
		auto_free char *file = xasprintf("%s/freezer.state", names.v[i]);

		cgroup_tree_write(t->parent_fd, file, "THAWED", NULL);
	}
}

/* ---- opening ---- */

static int v1_open(struct cgroup_host *h, const struct cgroup_mounts *m,
		   struct error *e)
{
	const unsigned need = CGROUP_MEMORY | CGROUP_PIDS | CGROUP_FREEZER;

	if ((cgroup_mounts_v1(m) & need) != need)
		return error_set(e, ENOTSUP, "the cgroup v1 controllers memory, "
				 "pids and freezer are not all mounted");
	for (size_t i = 0; i < m->n && h->n_trees < CGROUP_TREES_MAX; i++) {
		struct cgroup_tree *t = &h->trees[h->n_trees];
		int r;

		if (m->v[i].unified)
			continue;
		h->n_trees++;
		r = cgroup_tree_open(t, m->v[i].controllers, m->v[i].path,
				     h->prefix, e);
		if (r < 0)
			return r;
		if (t->controllers & CGROUP_FREEZER)
			v1_thaw_leaves(t);
	}
	return 0;
}

/* ---- counters ---- */

/* On v1 a kill counts only where the victim was: add up the inner groups. */
static int v1_oom_kills(int fd, uint64_t *ret, struct error *e)
{
	auto_strv groups = STRV_INIT;
	int r = cgroup_tree_groups(fd, &groups, e);
	uint64_t sum = 0;

	for (size_t i = 0; r >= 0 && i < groups.n; i++) {
		auto_free char *file = xasprintf("%s/memory.oom_control",
						 groups.v[i]);
		uint64_t x = 0;

		r = cgroup_tree_read_key(fd, file, "oom_kill", &x, e);
		sum += x;
	}
	if (r >= 0)
		*ret = sum;
	return r;
}

static int v1_stats(struct cgroup_host *h, const char *uuid,
		    struct cgroup_stats *ret, struct error *e)
{
	auto_close int memory = -1, cpu = -1, pids = -1;
	int r = v1_leaf(h, CGROUP_MEMORY, uuid, &memory, e);

	if (r == CGROUP_ABSENT)
		return error_set(e, ENOENT, "no cgroup %s", uuid);
	if (r == 0)
		r = v1_oom_kills(memory, &ret->oom_kills, e);
	if (r == 0)
		r = cgroup_tree_read(memory, "memory.max_usage_in_bytes",
				     &ret->memory_peak, e);
	if (r == 0)
		r = v1_leaf(h, CGROUP_CPUACCT, uuid, &cpu, e);
	if (r == 0)
		r = cgroup_tree_read(cpu, "cpuacct.usage", &ret->cpu_usec, e);
	ret->cpu_usec /= NSEC_PER_USEC;
	if (r >= 0)
		r = v1_leaf(h, CGROUP_PIDS, uuid, &pids, e);
	if (r == 0)
		r = cgroup_tree_read(pids, "pids.current", &ret->pids, e);
	return r < 0 ? r : 0;
}

const struct cgroup_driver cgroup_v1_driver = {
	.version = CGROUP_V1,
	.settings = v1_settings,
	.n_settings = ARRAY_SIZE(v1_settings),
	.open = v1_open,
	.kill = v1_kill,
	.stats = v1_stats,
};
