#pragma once

/*
 * census.h - what an instance below a root directory has on this machine:
 * processes, and kernel objects of its prefix.
 *
 * Processes are found by what is true (/proc), not by what somebody wrote
 * down, so that it also works after everything was killed. One is ours if it
 * is a program of ours, or HAProxy, and its arguments name the root.
 */
#include "base/base.h"

#include <sys/types.h>

struct error;
struct strv;

/* In the order in which they have to end. */
enum census_role {
	CENSUS_KEEPER,
	CENSUS_ROUTER,
	CENSUS_HAPROXY,
	CENSUS_CONTROLLER,
	CENSUS_DYNOD,
	CENSUS_SUPERVISOR,
	CENSUS_SLUG_JOB,
	CENSUS_ROLE_COUNT
};

const char *census_role_name(enum census_role role);

struct census_process {
	enum census_role role;
	pid_t pid;
};

struct census {
	struct census_process *v;
	size_t n;
};

#define CENSUS_INIT ((struct census){ NULL, 0 })

void census_deinit(struct census *c);

/* All processes of the instance, in the order of their roles. dir is absolute
 * and real. */
int census_take(struct census *c, const char *dir, struct error *e);

/* Is argv (n words) the command line of a process of the instance? */
bool census_match(const char *const *argv, size_t n, const char *dir,
		  enum census_role *ret);

/* End all of a role: SIGTERM, and SIGKILL after term_usec. */
int census_end(const char *dir, enum census_role role, uint64_t term_usec,
	       struct error *e);

/* "dyno3" from the bridge whose alias is dir; owned by the caller, NULL if
 * there is none. */
char *census_prefix(const char *dir);

/* Add a sentence for each process, link, control group, packet filter table
 * and mount that is still there. prefix may be NULL. */
void census_leftovers(const char *dir, const char *prefix, struct strv *ret);
