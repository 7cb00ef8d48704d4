/*
 * cgroup_v1.c - version 1: a tree per hierarchy.
 *
 * Killing needs the freezer, without which a fork bomb may run faster than we
 * list it.
 */
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "base/strv.h"
#include "runtime/cgroup/cgroup_device.h"
#include "runtime/cgroup/cgroup_host.h"
#include "runtime/cgroup/cgroup_settings.h"
#include "runtime/runtime.h"

#include <unistd.h>

#define DEVICES_TEXT_MAX 65536

/* The hierarchies that dynos are in. */
#define DYNO_CONTROLLERS (CGROUP_MEMORY | CGROUP_CPU | CGROUP_CPUACCT | \
			  CGROUP_PIDS | CGROUP_FREEZER | CGROUP_DEVICES)

/* 0, CGROUP_ABSENT (no tree or no leaf), or an error. */
static int v1_leaf(struct cgroup_host *h, unsigned controller, const char *uuid,
		   int *ret_fd, struct error *e)
{
	for (size_t i = 0; i < h->trees.n; i++)
		if (h->trees.v[i].controllers & controller)
			return cgroup_tree_leaf(&h->trees.v[i], uuid, ret_fd, e);
	return CGROUP_ABSENT;
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

/* ---- devices ---- */

/* True if a list of the kernel's has our rules and no others. */
static bool v1_devices_same(const char *list, const struct resources_device *v,
			    size_t n)
{
	size_t lines = 0;

	for (const char *p = strchr(list, '\n'); p; p = strchr(p + 1, '\n'))
		lines++;
	for (size_t i = 0; i < n; i++) {
		char text[CGROUP_DEVICE_TEXTS][CGROUP_DEVICE_TEXT_MAX];
		auto_free char *line = NULL;

		cgroup_device_text(&v[i], text);
		line = xasprintf("%s\n", text[0]);
		if (!strstr(list, line))
			return false;
	}
	return lines == n;
}

/*
 * The rules go to the parent, from which leaves inherit. Dynos that live are
 * not disturbed: what is right already is not written again. The kernel refuses
 * while the parent has leaves and no rules, as an older version of ours left
 * it; then each leaf gets them.
 */
static int v1_devices(struct cgroup_host *h, struct cgroup_tree *t,
		      struct error *e)
{
	auto_cgroup_settings settings = CGROUP_SETTINGS_INIT("limit ");
	struct cgroup_dirs dirs = { .trees = &h->trees };
	struct resources rules = { .n_devices = 0 };
	auto_buf list = BUF_INIT;
	int r;

	rules.devices = cgroup_limits_devices(&rules.n_devices);
	r = file_read(t->parent_fd, "devices.list", DEVICES_TEXT_MAX, &list, e);
	if (r < 0)
		return r;
	if (!v1_devices_same(buf_str(&list), rules.devices, rules.n_devices)) {
		for (size_t i = 0; i < h->trees.n; i++)
			dirs.fds[i] = h->trees.v[i].parent_fd;
		r = cgroup_settings_v1(&settings, &rules, e);
		if (r < 0)
			return r;
		if (cgroup_settings_write(&settings, &dirs, NULL) < 0) {
			h->leaf_devices = true;
			return 0;
		}
	}
	h->devices = true;
	if (t->controllers == CGROUP_DEVICES)
		h->common = (size_t)(t - h->trees.v);
	return 0;
}

/* ---- opening ---- */

static void v1_facts(struct cgroup_host *h, const struct cgroup_tree *t)
{
	if (t->controllers & CGROUP_CPU)
		h->facts.cpu = true;
	if (!(t->controllers & CGROUP_MEMORY))
		return;
	h->facts.soft_limit = faccessat(t->parent_fd,
		"memory.soft_limit_in_bytes", F_OK, 0) == 0;
	h->facts.swap = faccessat(t->parent_fd, "memory.memsw.limit_in_bytes",
				  F_OK, 0) == 0;
	h->facts.tcp = faccessat(t->parent_fd, "memory.kmem.tcp.limit_in_bytes",
				 F_OK, 0) == 0;
}

static int v1_open(struct cgroup_host *h, const struct cgroup_mounts *m,
		   struct error *e)
{
	const unsigned need = CGROUP_MEMORY | CGROUP_PIDS | CGROUP_FREEZER;
	int r = 0;

	if ((cgroup_mounts_v1(m) & need) != need)
		return error_set(e, ENOTSUP, "the cgroup v1 controllers memory, "
				 "pids and freezer are not all mounted");
	for (size_t i = 0; i < m->n && h->trees.n < CGROUP_TREES_MAX; i++) {
		struct cgroup_tree *t = &h->trees.v[h->trees.n];

		if (m->v[i].unified ||
		    !(m->v[i].controllers & DYNO_CONTROLLERS))
			continue;
		h->trees.n++;
		r = cgroup_tree_open(t, m->v[i].controllers, m->v[i].path,
				     h->prefix, e);
		if (r < 0)
			return r;
		v1_facts(h, t);
		if (t->controllers & CGROUP_FREEZER)
			v1_thaw_leaves(t);
	}
	for (size_t i = 0; r >= 0 && i < h->trees.n; i++)
		if (h->trees.v[i].controllers & CGROUP_DEVICES)
			r = v1_devices(h, &h->trees.v[i], e);
	return r;
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

/* Without swap accounting, or a kernel that counts no pages, there is no such
 * key: 0. */
static void v1_memory(int fd, struct cgroup_stats *s)
{
	const struct cgroup_tree_key keys[] = {
		{ "total_rss", &s->rss }, { "total_cache", &s->cache },
		{ "total_swap", &s->swap }, { "total_pgpgin", &s->paged_in },
		{ "total_pgpgout", &s->paged_out },
	};

	cgroup_tree_read_keys(fd, "memory.stat", keys, ARRAY_SIZE(keys));
}

static int v1_stats(struct cgroup_host *h, const char *uuid,
		    struct cgroup_stats *ret, struct error *e)
{
	auto_close int memory = -1, cpu = -1, pids = -1;
	int r = v1_leaf(h, CGROUP_MEMORY, uuid, &memory, e);

	if (r == CGROUP_ABSENT)
		return error_set(e, ENOENT, "no cgroup %s", uuid);
	ret->memory_stall_usec = DYNO_STALL_UNKNOWN;
	if (r == 0)
		r = v1_oom_kills(memory, &ret->oom_kills, e);
	if (r == 0)
		v1_memory(memory, ret);
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
	.open = v1_open,
	.stats = v1_stats,
};
