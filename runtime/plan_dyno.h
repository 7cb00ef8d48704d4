#pragma once

/*
 * plan_dyno.h - the plan of a dyno.
 *
 * Pure: it turns what was asked (struct dyno_spec) and what was found (struct
 * plan_dyno) into operations. Paths are relative to the staging directory, a
 * tmpfs of the dyno's own with the dyno's limits:
 *
 *   upper work        what the dyno writes, and the overlay's scratch
 *   slug stack usr    where the read-only layers are attached
 *   dev shm cgroup    sources of small binds
 *   void null         an empty directory and an empty file, for masks
 *   root              the root file system to be
 */
#include "base/base.h"
#include "runtime/plan.h"

#include <netinet/in.h>
#include <sched.h>
#include <sys/resource.h>

struct cgroup;
struct dyno_spec;
struct error;
struct landlock_wall;

#define PLAN_APP_ID 1000		/* uid and gid of the app, inside */
#define PLAN_TTY_GID 5
#define PLAN_IDS 65536			/* ids of a dyno, from its first on */

enum plan_tree { PLAN_TREE_SLUG, PLAN_TREE_STACK, PLAN_TREE_USR, PLAN_TREE_COUNT };

/* What the parent found out before. Borrowed; it must outlive the plan. */
struct plan_dyno {
	const struct dyno_spec *spec;
	const struct cgroup *cgroup;	/* NULL: none, for tests */
	unsigned slot;			/* spreads dynos over the CPUs */
	uint32_t first_id;		/* host's id of the dyno's root */
	uint32_t shared_id;		/* 0, or the host's id of the app: the slug
					 * store has no idmapped mounts */
	uint32_t shared_gid;
	int trees[PLAN_TREE_COUNT];	/* detached mounts; usr -1: part of stack */
	bool by_host;			/* root of the host builds the layers */
	struct in_addr address;
	const char *dns;		/* name servers, or NULL */
	const char *host_resolv;	/* the host's resolv.conf, "" if none */
	const cpu_set_t *cpus;		/* those that the daemon may use */
	struct rlimit max_files;	/* the daemon's own limits */
	struct rlimit max_procs;
	const struct sock_fprog *filter;
	const struct landlock_wall *wall;	/* or NULL */
	const void *net;		/* netlink messages, and their ACKs */
	size_t net_len;
	unsigned net_acks;
};

/* The spec alone: EINVAL names the member that cannot be. */
int plan_dyno_check(const struct dyno_spec *spec, struct error *e);

/* Fills *ret, which plan_deinit() empties. The spec has been checked. */
void plan_dyno_build(struct plan *ret, const struct plan_dyno *in);
