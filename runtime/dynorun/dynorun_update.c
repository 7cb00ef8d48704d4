/*
 * dynorun_update.c - "update", "pause" and "resume": what can be changed about a
 * container that runs, all of it in its cgroup.
 */
#include "runtime/dynorun/dynorun.h"

#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "runtime/cgroup/cgroup_group.h"
#include "runtime/oci/container.h"
#include "runtime/oci/oci.h"
#include "runtime/cgroup/resources.h"

#include <fcntl.h>
#include <strings.h>

/* ---- update: numbers of the command line ---- */

enum update_kind {
	KIND_NUMBER,			/* -1 and up */
	KIND_BYTES,			/* the same, with K, M, G or T */
	KIND_WORDS,
};

/* X(index, option, kind, member of struct resources, argument, sentence) */
#define UPDATE_KEYS(X) \
	X(MEMORY, "memory", BYTES, memory.limit, "BYTES", "memory") \
	X(MEMORY_RESERVATION, "memory-reservation", BYTES, memory.reservation, "BYTES", \
	  "memory that it keeps while others want some") \
	X(MEMORY_SWAP, "memory-swap", BYTES, memory.swap, "BYTES", \
	  "memory and swap together; -1: no limit") \
	X(KERNEL_MEMORY, "kernel-memory", BYTES, memory.kernel, "BYTES", \
	  "memory of the kernel") \
	X(KERNEL_MEMORY_TCP, "kernel-memory-tcp", BYTES, memory.kernel_tcp, "BYTES", \
	  "memory of the kernel for TCP") \
	X(CPU_SHARE, "cpu-share", NUMBER, cpu.shares, "N", "weight, 2 to 262144") \
	X(CPU_PERIOD, "cpu-period", NUMBER, cpu.period, "USEC", \
	  "period in which the quota counts") \
	X(CPU_QUOTA, "cpu-quota", NUMBER, cpu.quota, "USEC", \
	  "processor time in a period; -1: no limit") \
	X(CPU_BURST, "cpu-burst", NUMBER, cpu.burst, "USEC", \
	  "unused quota that it may save up") \
	X(CPU_RT_PERIOD, "cpu-rt-period", NUMBER, cpu.realtime_period, "USEC", \
	  "period for realtime scheduling") \
	X(CPU_RT_RUNTIME, "cpu-rt-runtime", NUMBER, cpu.realtime_runtime, "USEC", \
	  "realtime in a period") \
	X(CPU_IDLE, "cpu-idle", NUMBER, cpu.idle, "N", \
	  "1: run only when nobody else wants to") \
	X(CPUSET_CPUS, "cpuset-cpus", WORDS, cpu.cpus, "LIST", "processors: 0-2,7") \
	X(CPUSET_MEMS, "cpuset-mems", WORDS, cpu.mems, "LIST", "memory nodes") \
	X(PIDS_LIMIT, "pids-limit", NUMBER, pids, "N", "processes; -1: no limit") \
	X(BLKIO_WEIGHT, "blkio-weight", NUMBER, block.weight, "N", \
	  "weight of block I/O, 10 to 1000")

enum {
#define X(index, name, kind, member, arg, doc) UPDATE_##index,
	UPDATE_KEYS(X)
#undef X
	UPDATE_COUNT
};

static const struct update_key {
	const char *name;
	enum update_kind kind;
	size_t offset;			/* in struct resources */
} update_keys[] = {
#define X(index, name, kind, member, arg, doc) \
	{ name, KIND_##kind, offsetof(struct resources, member) },
	UPDATE_KEYS(X)
#undef X
};

struct update_options {
	const char *values[UPDATE_COUNT];
	const char *resources, *cache_schema, *bandwidth_schema;
};

static const struct dynorun_option update_options[] = {
	{ "resources", 'r', OPTION_TEXT, offsetof(struct update_options, resources),
	  "FILE", "a resources object of JSON, in place of all others (-: standard "
	  "input)" },
#define X(index, name, kind, member, arg, doc) { name, 0, OPTION_TEXT, \
	offsetof(struct update_options, values[UPDATE_##index]), arg, doc },
	UPDATE_KEYS(X)
#undef X
	{ "l3-cache-schema", 0, OPTION_TEXT,
	  offsetof(struct update_options, cache_schema), "SCHEMA",
	  "refused: Intel RDT" },
	{ "mem-bw-schema", 0, OPTION_TEXT,
	  offsetof(struct update_options, bandwidth_schema), "SCHEMA",
	  "refused: Intel RDT" },
};

static bool update_scale(const char *unit, int64_t *ret)
{
	static const char units[] = "KMGT";
	const char *u = unit[0] ? strchr(units, unit[0] & ~0x20) : NULL;

	*ret = 1;
	if (unit[0] && u && u[0]) {
		*ret = INT64_C(1) << (10 * (u - units + 1));
		unit++;
	}
	return !unit[0] || strcasecmp(unit, "b") == 0 || strcasecmp(unit, "ib") == 0;
}

static int update_number(struct maybe *ret, const struct update_key *k,
			 const char *text, struct error *e)
{
	int64_t scale = 1;
	long long x;
	char *end;

	errno = 0;
	x = strtoll(text, &end, 10);
	if (errno || end == text || x < -1 ||
	    (k->kind == KIND_BYTES ? !update_scale(end, &scale) : *end) ||
	    x > INT64_MAX / scale)
		return error_set(e, EINVAL, "--%s: \"%s\" is no %s", k->name, text,
				 k->kind == KIND_BYTES ? "amount of memory" :
				 "number");
	*ret = (struct maybe){ true, x < 0 ? x : x * scale };
	return 0;
}

static int update_take(struct resources *ret, const struct update_options *o,
		       struct error *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < UPDATE_COUNT; i++) {
		const struct update_key *k = &update_keys[i];
		void *p = (char *)ret + k->offset;

		if (!o->values[i])
			continue;
		if (k->kind == KIND_WORDS)
			*(const char **)p = o->values[i];
		else
			r = update_number(p, k, o->values[i], e);
	}
	return r;
}

/* Where runc says "0", it means "as it is". */
static void update_clear_zeros(struct resources *r)
{
	for (size_t i = 0; i < UPDATE_COUNT; i++) {
		struct maybe *m = (void *)((char *)r + update_keys[i].offset);

		if (update_keys[i].kind != KIND_WORDS && m->set && m->value == 0 &&
		    !str_eq(update_keys[i].name, "cpu-idle") &&
		    !str_eq(update_keys[i].name, "cpu-burst"))
			m->set = false;
	}
	if (r->cpu.cpus && !r->cpu.cpus[0])
		r->cpu.cpus = NULL;
	if (r->cpu.mems && !r->cpu.mems[0])
		r->cpu.mems = NULL;
}

/* ---- update ---- */

static int update_load(struct oci **ret, const char *path, struct error *e)
{
	auto_buf text = BUF_INIT;
	int r = file_read(AT_FDCWD, str_eq(path, "-") ? "/dev/stdin" : path,
			  OCI_CONFIG_MAX, &text, e);

	if (r == 0)
		r = error_prefix(e, oci_parse_resources(ret, buf_str(&text),
							text.len, e), "%s", path);
	return r;
}

static int update_open(struct dynorun *d, const char *id, struct container *c,
		       struct cgroup_group **ret, struct error *e)
{
	int r = container_open(c, d->root, id, e);

	if (r < 0)
		return r;
	if (!container_alive(c))
		return error_set(e, ESRCH, "container %s: container not running", id);
	if (!c->cgroup)
		return error_set(e, ENOTSUP, "container %s has no cgroup", id);
	return cgroup_group_open(ret, c->cgroup, e);
}

static int update_run(struct dynorun *d, void *options, int argc, char **argv,
		      struct error *e)
{
	const struct update_options *o = options;
	auto_(container_deinit) struct container c = CONTAINER_INIT;
	auto_(cgroup_group_free_p) struct cgroup_group *g = NULL;
	auto_(oci_free_p) struct oci *oci = NULL;
	struct resources resources = { 0 };
	int r = 0;

	if ((o->cache_schema && o->cache_schema[0]) ||
	    (o->bandwidth_schema && o->bandwidth_schema[0]))
		return error_set(e, ENOTSUP, "Intel RDT is not supported");
	if (o->resources)
		r = update_load(&oci, o->resources, e);
	else
		r = update_take(&resources, o, e);
	if (r == 0)
		r = update_open(d, argv[0], &c, &g, e);
	if (r < 0)
		return r;
	if (oci)
		resources = oci->resources;
	update_clear_zeros(&resources);
	return cgroup_group_apply(g, &resources, e);
}

const struct dynorun_verb dynorun_verb_update = {
	.name = "update", .args = "ID", .min_args = 1, .max_args = 1,
	.doc = "change the limits of a container",
	.options = update_options, .n_options = ARRAY_SIZE(update_options),
	.size = sizeof(struct update_options),
	.fn = update_run,
};

/* ---- pause, resume ---- */

static int pause_run(struct dynorun *d, void *options, int argc, char **argv,
		     struct error *e)
{
	auto_(container_deinit) struct container c = CONTAINER_INIT;
	auto_(cgroup_group_free_p) struct cgroup_group *g = NULL;
	int r = update_open(d, argv[0], &c, &g, e);

	return r < 0 ? r : cgroup_group_freeze(g, e);
}

const struct dynorun_verb dynorun_verb_pause = {
	.name = "pause", .args = "ID", .min_args = 1, .max_args = 1,
	.doc = "let all processes of a container stand still",
	.fn = pause_run,
};

static int resume_run(struct dynorun *d, void *options, int argc, char **argv,
		      struct error *e)
{
	auto_(container_deinit) struct container c = CONTAINER_INIT;
	auto_(cgroup_group_free_p) struct cgroup_group *g = NULL;
	int r = update_open(d, argv[0], &c, &g, e);

	if (r < 0)
		return r;
	if (!cgroup_group_frozen(g))
		return error_set(e, EINVAL, "container %s: container not paused",
				 c.id);
	return cgroup_group_thaw(g, e);
}

const struct dynorun_verb dynorun_verb_resume = {
	.name = "resume", .args = "ID", .min_args = 1, .max_args = 1,
	.doc = "let a paused container go on",
	.fn = resume_run,
};
