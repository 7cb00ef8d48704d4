#pragma once

/*
 * dynorun_process.h - the process that "exec" is to run: what a file says, or
 * the one of the container's configuration with changes.
 */
#include "base/base.h"
#include "base/strv.h"
#include "runtime/dynorun/dynorun_option.h"
#include "runtime/oci/oci.h"

struct dynorun_process_changes {
	const char *user, *cwd, *apparmor, *label;	/* or NULL */
	struct dynorun_list env, gids, caps;
	bool tty, no_new_privs;
	char *const *args;
	int n_args;
};

/* Everything is borrowed but what is here. */
struct dynorun_process {
	struct oci_process process;
	struct strv env;
	uint32_t *groups;
	struct oci *file;
	const char *unknown_cap;	/* one that was left out; or NULL */
};

void dynorun_process_deinit(struct dynorun_process *p);

/* A process object of JSON; "-" is standard input. */
int dynorun_process_load(struct dynorun_process *ret, const char *path,
			 struct error *e);

/* EINVAL: a user, group or variable that is none. */
int dynorun_process_change(struct dynorun_process *ret,
			   const struct oci_process *base,
			   const struct dynorun_process_changes *c,
			   struct error *e);
