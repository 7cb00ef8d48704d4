/*
 * oci_resources.c - tables of the resources object: cgroup limits.
 */
#include "runtime/oci/oci_objects.h"
#include "runtime/cgroup/resources.h"

#include <ctype.h>
#include <net/if.h>

#define MAJOR_MAX 0xfff			/* 12 bits of the kernel's dev_t */
#define MINOR_MAX 0xfffff		/* 20 bits */
#define WEIGHT_MIN 10
#define WEIGHT_MAX 1000
#define SWAPPINESS_MAX 100

/* ---- memory, cpu, pids ---- */

/* -1 as an unsigned number says "leave it": old engines write it. */
static int swappiness_read(const struct oci_reader *r, const struct oci_at *at,
			   const json_t *value, void *member)
{
	struct maybe *m = member;
	uint64_t n;
	int ret = oci_read_number(r, at, value, -1, UINT64_MAX, &n);

	if (ret < 0 || n == UINT64_MAX)
		return ret;
	ret = oci_read_number(r, at, value, 0, SWAPPINESS_MAX, &n);
	if (ret == 0)
		*m = (struct maybe){ true, (int64_t)n };
	return ret;
}

#define MEMORY(name, m) \
	OCI_F_MAYBE(resources, name, memory.m, -1, INT64_MAX)

static const struct oci_field memory_fields[] = {
	MEMORY("limit", limit), MEMORY("reservation", reservation),
	MEMORY("swap", swap), MEMORY("kernel", kernel),
	MEMORY("kernelTCP", kernel_tcp),
	OCI_F(OCI_CUSTOM, resources, "swappiness", memory.swappiness,
	      .read = swappiness_read),
	OCI_F(OCI_SWITCH, resources, "disableOOMKiller", memory.disable_oom_killer),
	OCI_F(OCI_SWITCH, resources, "useHierarchy", memory.use_hierarchy),
	OCI_F(OCI_SWITCH, resources, "checkBeforeUpdate",
	      memory.check_before_update),
};
static const struct oci_object memory_object = OCI_TABLE(resources, memory_fields);

static const struct oci_field cpu_fields[] = {
	OCI_F_MAYBE(resources, "shares", cpu.shares, 0, INT64_MAX),
	OCI_F_MAYBE(resources, "quota", cpu.quota, -1, INT64_MAX),
	OCI_F_MAYBE(resources, "burst", cpu.burst, 0, INT64_MAX),
	OCI_F_MAYBE(resources, "period", cpu.period, 0, INT64_MAX),
	OCI_F_MAYBE(resources, "realtimeRuntime", cpu.realtime_runtime, -1,
		    INT64_MAX),
	OCI_F_MAYBE(resources, "realtimePeriod", cpu.realtime_period, 0, INT64_MAX),
	OCI_F_MAYBE(resources, "idle", cpu.idle, 0, 1),
	OCI_F(OCI_STRING, resources, "cpus", cpu.cpus, .string = oci_read_list),
	OCI_F(OCI_STRING, resources, "mems", cpu.mems, .string = oci_read_list),
};

static int cpu_check(const struct oci_reader *r, const struct oci_at *at, void *out)
{
	const struct resources *res = out;

	if (res->cpu.quota.set && res->cpu.quota.value > 0 && res->cpu.burst.set &&
	    res->cpu.burst.value > res->cpu.quota.value)
		return oci_refuse_member(r, at, "burst", "above the quota");
	return 0;
}

static const struct oci_object cpu_object =
	OCI_TABLE(resources, cpu_fields, .check = cpu_check);

static const struct oci_field pids_fields[] = {
	OCI_F_MAYBE(resources, "limit", pids, -1, INT64_MAX),
};
static const struct oci_object pids_object = OCI_TABLE(resources, pids_fields);

/* ---- devices ---- */

static int access_read(const struct oci_reader *r, const struct oci_at *at,
		       const json_t *value, void *member)
{
	struct resources_device *d = member;
	const char *s = json_string_value(value);

	if (!s)
		return oci_refuse(r, at, "not a string");
	for (const char *p = s; *p; p++) {
		if (*p == 'r')
			d->read = true;
		else if (*p == 'w')
			d->write = true;
		else if (*p == 'm')
			d->mknod = true;
		else if (*p != 'a')	/* engines write it; runc passes it by */
			return oci_refuse(r, at, "%s is not made of r, w, m",
					  oci_refuse_quote(s).text);
	}
	return 0;
}

static const struct oci_word device_words[] = {
	{ "a", 'a' }, { "b", 'b' }, { "c", 'c' }, { "", 'a' }, { NULL, 0 },
};

static const struct oci_field device_fields[] = {
	OCI_F(OCI_BOOL, resources_device, "allow", allow, .required = true),
	OCI_F(OCI_WORD, resources_device, "type", type, .words = device_words),
	OCI_F_NUMBER(resources_device, "major", major, -1, MAJOR_MAX, .absent = -1),
	OCI_F_NUMBER(resources_device, "minor", minor, -1, MINOR_MAX, .absent = -1),
	{ .name = "access", .kind = OCI_CUSTOM, .read = access_read },
};

static int device_check(const struct oci_reader *r, const struct oci_at *at,
			void *out)
{
	struct resources_device *d = out;

	if (!d->type)
		d->type = 'a';
	if (!d->read && !d->write && !d->mknod)
		d->read = d->write = d->mknod = true;
	return 0;
}

static const struct oci_object device_object =
	OCI_TABLE(resources_device, device_fields, .check = device_check);

/* ---- block devices ---- */

#define WEIGHT(T, name, m) OCI_F_MAYBE(T, name, m, 0, WEIGHT_MAX)

static int weight_check(const struct oci_reader *r, const struct oci_at *at,
			const char *name, struct maybe *m)
{
	/* Engines write 0 for "not set". */
	if (m->set && m->value == 0)
		m->set = false;
	if (m->set && m->value < WEIGHT_MIN)
		return oci_refuse_member(r, at, name, "not within %d..%d",
					 WEIGHT_MIN, WEIGHT_MAX);
	return 0;
}

static const struct oci_field weight_fields[] = {
	OCI_F_NUMBER(resources_weight, "major", major, 0, MAJOR_MAX,
		     .required = true),
	OCI_F_NUMBER(resources_weight, "minor", minor, 0, MINOR_MAX,
		     .required = true),
	WEIGHT(resources_weight, "weight", weight),
	WEIGHT(resources_weight, "leafWeight", leaf_weight),
};

static int weights_check(const struct oci_reader *r, const struct oci_at *at,
			 void *out)
{
	struct resources_weight *w = out;
	int ret;

	if (!w->weight.set && !w->leaf_weight.set)
		return oci_refuse(r, at, "neither weight nor leafWeight");
	ret = weight_check(r, at, "weight", &w->weight);
	return ret < 0 ? ret : weight_check(r, at, "leafWeight", &w->leaf_weight);
}

static const struct oci_object weight_object =
	OCI_TABLE(resources_weight, weight_fields, .check = weights_check);

static const struct oci_field rate_fields[] = {
	OCI_F_NUMBER(resources_rate, "major", major, 0, MAJOR_MAX, .required = true),
	OCI_F_NUMBER(resources_rate, "minor", minor, 0, MINOR_MAX, .required = true),
	OCI_F_NUMBER(resources_rate, "rate", rate, 0, UINT64_MAX, .required = true),
};
static const struct oci_object rate_object = OCI_TABLE(resources_rate, rate_fields);

#define RATES(name, m) \
	OCI_F_ARRAY(resources, name, block.m.v, block.m.n, rate_object)

static const struct oci_field block_fields[] = {
	WEIGHT(resources, "weight", block.weight),
	WEIGHT(resources, "leafWeight", block.leaf_weight),
	OCI_F_ARRAY(resources, "weightDevice", block.devices, block.n_devices,
		    weight_object),
	RATES("throttleReadBpsDevice", read_bps),
	RATES("throttleWriteBpsDevice", write_bps),
	RATES("throttleReadIOPSDevice", read_iops),
	RATES("throttleWriteIOPSDevice", write_iops),
};

static int block_check(const struct oci_reader *r, const struct oci_at *at,
		       void *out)
{
	struct resources *res = out;
	int ret = weight_check(r, at, "weight", &res->block.weight);

	return ret < 0 ? ret : weight_check(r, at, "leafWeight",
					    &res->block.leaf_weight);
}

static const struct oci_object block_object =
	OCI_TABLE(resources, block_fields, .check = block_check);

/* ---- huge pages, network, rdma ---- */

/* 64KB, 2MB, 1GB: part of a file's name. */
static int page_size_check(const struct oci_reader *r, const struct oci_at *at,
			   const char *s)
{
	size_t n = strspn(s, "0123456789");

	if (n > 0 && n < 10 && s[0] != '0' && s[n] && strchr("KMG", s[n]) &&
	    str_eq(s + n + 1, "B"))
		return 0;
	return oci_refuse(r, at, "%s is not a size such as 2MB",
			  oci_refuse_quote(s).text);
}

static const struct oci_field hugetlb_fields[] = {
	OCI_F(OCI_STRING, resources_hugetlb, "pageSize", page_size,
	      .required = true, .string = page_size_check),
	OCI_F_NUMBER(resources_hugetlb, "limit", limit, 0, UINT64_MAX,
		     .required = true),
};
static const struct oci_object hugetlb_object =
	OCI_TABLE(resources_hugetlb, hugetlb_fields);

/* Written into a file as "NAME NUMBER". */
static int device_name_check(const struct oci_reader *r, const struct oci_at *at,
			     const char *s)
{
	const char *p = s;

	while (isgraph((unsigned char)*p) && *p != '/' && *p != '=')
		p++;
	return *s && !*p ? 0 : oci_refuse(r, at, "%s is not the name of a device",
					  oci_refuse_quote(s).text);
}

static int link_name_check(const struct oci_reader *r, const struct oci_at *at,
			   const char *s)
{
	if (strlen(s) >= IFNAMSIZ)
		return oci_refuse(r, at, "%s is too long for a link",
				  oci_refuse_quote(s).text);
	return device_name_check(r, at, s);
}

static const struct oci_field priority_fields[] = {
	OCI_F(OCI_STRING, resources_priority, "name", name, .required = true,
	      .string = link_name_check),
	OCI_F_NUMBER(resources_priority, "priority", priority, 0, UINT32_MAX,
		     .required = true),
};
static const struct oci_object priority_object =
	OCI_TABLE(resources_priority, priority_fields);

static const struct oci_field network_fields[] = {
	OCI_F_MAYBE(resources, "classID", class_id, 0, UINT32_MAX),
	OCI_F_ARRAY(resources, "priorities", priorities, n_priorities,
		    priority_object),
};
static const struct oci_object network_object = OCI_TABLE(resources, network_fields);

static const struct oci_field rdma_fields[] = {
	OCI_F_MAYBE(resources_rdma, "hcaHandles", handles, 0, UINT32_MAX),
	OCI_F_MAYBE(resources_rdma, "hcaObjects", objects, 0, UINT32_MAX),
};
static const struct oci_object rdma_object = OCI_TABLE(resources_rdma, rdma_fields);

static int rdma_read(const struct oci_reader *r, const struct oci_at *at,
		     const json_t *value, void *member)
{
	struct resources *res = member;
	size_t n = json_object_size(value), i = 0;
	struct resources_rdma *v;
	const char *key;
	json_t *limits;

	if (!json_is_object(value))
		return oci_refuse(r, at, "not an object");
	if (n > OCI_READ_LIST_MAX)
		return oci_refuse(r, at, "more than %d entries",
				  OCI_READ_LIST_MAX);
	v = oci_arena_get(r->arena, n, sizeof(*v));
	json_object_foreach((json_t *)value, key, limits) {
		const struct oci_at item = { .up = at, .name = key };
		int ret = device_name_check(r, &item, key);

		v[i].name = key;
		if (ret == 0)
			ret = oci_read_object(r, &item, limits, &rdma_object, &v[i]);
		if (ret < 0)
			return ret;
		i++;
	}
	res->rdma = v;
	res->n_rdma = n;
	return 0;
}

/* ---- all of it ---- */

static const struct oci_field resources_fields[] = {
	OCI_F_OBJECT("memory", memory_object),
	OCI_F_OBJECT("cpu", cpu_object),
	OCI_F_OBJECT("pids", pids_object),
	OCI_F_OBJECT("blockIO", block_object),
	OCI_F_ARRAY(resources, "devices", devices, n_devices, device_object),
	OCI_F_ARRAY(resources, "hugepageLimits", hugetlb, n_hugetlb, hugetlb_object),
	OCI_F_OBJECT("network", network_object),
	{ .name = "rdma", .kind = OCI_CUSTOM, .read = rdma_read },
	OCI_F_LIST(OCI_PAIRS, resources, "unified", unified, n_unified),
};

/* A key names a file of a controller, in the container's own group. */
static bool unified_good(const char *key)
{
	const char *dot = strchr(key, '.');

	return dot && dot != key && dot[1] && !strchr(key, '/');
}

static int resources_check(const struct oci_reader *r, const struct oci_at *at,
			   void *out)
{
	const struct resources *res = out;
	const struct oci_at list = { .up = at, .name = "unified" };

	for (size_t i = 0; i < res->n_unified; i++)
		if (!unified_good(res->unified[i].key))
			return oci_refuse_member(r, &list, res->unified[i].key,
				"the specified key has not the form "
				"CONTROLLER.VALUE `%s`", res->unified[i].key);
	return 0;
}

const struct oci_object oci_resources_object =
	OCI_TABLE(resources, resources_fields, .check = resources_check);
