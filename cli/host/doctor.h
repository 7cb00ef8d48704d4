#pragma once

/*
 * doctor.h - what exists of an instance on this machine, against what dynod and the
 * supervisor have on record: "dynoctl host doctor".
 *
 * A look collects findings; what comes and goes in normal work is in one look and
 * not in the next, so only what two looks have in common counts. A repair takes
 * away what nobody owns, and nothing else.
 */
#include "base/base.h"
#include "base/strv.h"

#include <jansson.h>
#include <netinet/in.h>

struct buf;
struct cli;
struct error;

enum doctor_kind {
	DOCTOR_SUPERVISOR,	/* does not answer */
	DOCTOR_MACHINE,		/* "dynod --check" fails */
	DOCTOR_RECORD,		/* dynod has it, the supervisor does not know it */
	DOCTOR_INSTANCE,	/* the other way round */
	DOCTOR_STUCK,		/* dynod cannot remove it: the supervisor says why */
	DOCTOR_PROCESS,
	DOCTOR_CGROUP,
	DOCTOR_LINK,
	DOCTOR_ADDRESS,		/* in the packet filter */
	DOCTOR_MOUNT,
	DOCTOR_LOOP,
	DOCTOR_FILES,		/* the supervisor's, of a dyno */
	DOCTOR_INCOMING,	/* in the slug store: nobody writes it */
	DOCTOR_PARTIAL,
	DOCTOR_KIND_COUNT
};

const char *doctor_kind_name(enum doctor_kind kind);
const char *doctor_kind_why(enum doctor_kind kind);
/* What --repair does; NULL: nothing. */
const char *doctor_kind_repair(enum doctor_kind kind);

struct doctor_finding {
	enum doctor_kind kind;
	char *name;
	bool repaired;
};

struct doctor_findings {
	struct doctor_finding *v;
	size_t n;
};

#define DOCTOR_FINDINGS_INIT ((struct doctor_findings){ NULL, 0 })

void doctor_add(struct doctor_findings *f, enum doctor_kind kind, const char *name);
void doctor_findings_deinit(struct doctor_findings *f);
/* Keep those that are in other, too. */
void doctor_keep_common(struct doctor_findings *f, const struct doctor_findings *other);
/* A new reference. */
json_t *doctor_json(const struct doctor_findings *f);
void doctor_layout(struct buf *out, const struct doctor_findings *f);

/* What is owned: the dynos on dynod's record. */
struct doctor {
	const char *run, *lib;		/* of the root; borrowed */
	char *prefix;			/* NULL: the instance has no bridge */
	struct strv uuids;		/* on record, */
	struct strv links, addresses;	/* theirs */
	struct strv instances;		/* that the supervisor knows, */
	struct strv dynos;		/* and its dynos' ids */
	bool answered;			/* the supervisor */
};

/* "dyno2-804f8a995" of a dyno's UUID and address. The caller frees. */
char *doctor_link_name(const char *prefix, const char *uuid, struct in_addr address);

/* The UUID of the dyno in a line of /proc/PID/cgroup or a path, for this prefix;
 * false: it is in none. */
bool doctor_cgroup_uuid(const char *path, const char *prefix, char ret[37]);

/* ---- doctor_kernel.c ---- */
void doctor_kernel_look(const struct doctor *d, struct doctor_findings *f);
/* true: it is gone. */
bool doctor_kernel_repair(const struct doctor *d, const struct doctor_finding *x);

/* ---- doctor_files.c ---- */
/* Adds to uuids, links and addresses what is on record now. Fails if that cannot be
 * known: everything would look as if nobody owned it. */
int doctor_files_own(struct doctor *d, struct error *e);
void doctor_files_look(const struct doctor *d, struct doctor_findings *f);
bool doctor_files_repair(const struct doctor *d, const struct doctor_finding *x);
