/*
 * doctor.c - findings: what they are called, why they are wrong, and lists of them.
 */
#include "cli/host/doctor.h"

#include "base/buf.h"
#include "base/id.h"

#include <stdio.h>

static const struct {
	const char *name, *why, *repair;
} kinds[DOCTOR_KIND_COUNT] = {
	[DOCTOR_SUPERVISOR] = { "supervisor", "it does not answer on host.sock", NULL },
	[DOCTOR_MACHINE]    = { "machine", "it lacks what dynos need (dynod --check)",
				NULL },
	[DOCTOR_RECORD]     = { "record", "dynod has it and the supervisor does not know "
				"it; a restart of dynod removes it", NULL },
	[DOCTOR_INSTANCE]   = { "instance", "the supervisor has it and dynod does not; a "
				"restart of dynod starts the dyno anew", NULL },
	[DOCTOR_STUCK]      = { "stuck", "dynod tries to remove it again and again; what the "
				"kernel holds goes when that lets go, or with the machine",
				NULL },
	[DOCTOR_PROCESS]    = { "process", "it has a user id of dynos and is in none that "
				"is on record", "kill it" },
	[DOCTOR_CGROUP]     = { "cgroup", "no dyno on record has it",
				"kill what is in it, remove it" },
	[DOCTOR_LINK]       = { "link", "no dyno on record has it", "delete it" },
	[DOCTOR_ADDRESS]    = { "address", "the packet filter lets it out and no dyno on "
				"record has it", "delete the element" },
	[DOCTOR_MOUNT]      = { "mount", "dynos are mounted in namespaces of their own, "
				"not on the host", "unmount it" },
	[DOCTOR_LOOP]       = { "loop", "its file is gone", "detach it" },
	[DOCTOR_FILES]      = { "files", "the supervisor has no such dyno", "remove them" },
	[DOCTOR_INCOMING]   = { "incoming", "nobody writes it any more", "remove it" },
	[DOCTOR_PARTIAL]    = { "partial", "nobody has gone on with it for a day",
				"remove it" },
};

const char *doctor_kind_name(enum doctor_kind kind)
{
	assert(kind < DOCTOR_KIND_COUNT);
	return kinds[kind].name;
}

const char *doctor_kind_why(enum doctor_kind kind)
{
	assert(kind < DOCTOR_KIND_COUNT);
	return kinds[kind].why;
}

const char *doctor_kind_repair(enum doctor_kind kind)
{
	assert(kind < DOCTOR_KIND_COUNT);
	return kinds[kind].repair;
}

void doctor_add(struct doctor_findings *f, enum doctor_kind kind, const char *name)
{
	f->v = xrealloc(f->v, (f->n + 1) * sizeof(*f->v));
	f->v[f->n++] = (struct doctor_finding){ kind, xstrdup(name), false };
}

void doctor_findings_deinit(struct doctor_findings *f)
{
	for (size_t i = 0; i < f->n; i++)
		free(f->v[i].name);
	free(f->v);
	*f = DOCTOR_FINDINGS_INIT;
}

static bool doctor_has(const struct doctor_findings *f, const struct doctor_finding *x)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->v[i].kind == x->kind && str_eq(f->v[i].name, x->name))
			return true;
	return false;
}

void doctor_keep_common(struct doctor_findings *f, const struct doctor_findings *other)
{
	size_t n = 0;

	for (size_t i = 0; i < f->n; i++) {
		if (doctor_has(other, &f->v[i]))
			f->v[n++] = f->v[i];
		else
			free(f->v[i].name);
	}
	f->n = n;
}

json_t *doctor_json(const struct doctor_findings *f)
{
	json_t *list = json_array();

	for (size_t i = 0; i < f->n; i++) {
		const struct doctor_finding *x = &f->v[i];

		json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s?, s:b}",
			"kind", doctor_kind_name(x->kind), "name", x->name,
			"why", doctor_kind_why(x->kind),
			"repair", doctor_kind_repair(x->kind),
			"repaired", x->repaired));
	}
	return list;
}

void doctor_layout(struct buf *out, const struct doctor_findings *f)
{
	for (size_t i = 0; i < f->n; i++) {
		const struct doctor_finding *x = &f->v[i];
		const char *repair = doctor_kind_repair(x->kind);

		buf_addf(out, "%s %s: %s", doctor_kind_name(x->kind), x->name,
			 doctor_kind_why(x->kind));
		if (x->repaired)
			buf_adds(out, "; repaired\n");
		else
			buf_addf(out, "; --repair: %s\n", repair ? repair : "nothing");
	}
}

/* ---- names ---- */

char *doctor_link_name(const char *prefix, const char *uuid, struct in_addr address)
{
	return xasprintf("%s-%.5s%04x", prefix, uuid, ntohl(address.s_addr) & 0xffff);
}

bool doctor_cgroup_uuid(const char *path, const char *prefix, char ret[37])
{
	auto_free char *part = xasprintf("/%s/", prefix);
	const char *at = strstr(path, part);

	if (!at)
		return false;
	snprintf(ret, 37, "%.36s", at + strlen(part));
	return id_is_uuid(ret);
}
