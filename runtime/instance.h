#pragma once

/*
 * instance.h - struct runtime: what all dynos of an instance share. Inside
 * this folder only; others see runtime.h.
 */
#include "base/base.h"
#include "runtime/cgroup/cgroup.h"
#include "runtime/idmap.h"
#include "runtime/filter/landlock.h"
#include "runtime/network/network.h"
#include "runtime/runtime.h"
#include "runtime/slug_image.h"
#include "runtime/stack.h"

#include <linux/filter.h>

struct runtime {
	char prefix[16];		/* "dyno3" */
	char *slug_dir;
	uid_t slug_uid;
	gid_t slug_gid;
	bool takes_images;		/* slugs may be such */
	struct slug_images images;
	runtime_tell_fn tell;
	void *tell_data;
	bool by_host;			/* see plan.h */
	int fault;			/* of a test, see plan.h; -1: none */
	int fault_step;			/* of a test: the step of the parent, an enum
					 * dyno_trace_stage, that fails; -1: none */
	bool told_shared;		/* said once, not per dyno */
	bool told_plain;

	int dynos_fd;			/* records */
	int init_fd;			/* dyno-init, sealed */
	struct network *network;
	struct cgroup_host *cgroups;
	struct stack stack;
	struct sock_fprog filter;
	bool has_wall;			/* the kernel has Landlock */
	struct landlock_wall wall;
	struct idmap idmap;
};

/* start.c: the way up, in two halves. */
struct start;
int start_begin(struct runtime *rt, const struct dyno_spec *spec,
		struct start **ret, struct error *e);
int start_fd(const struct start *s);
int start_finish(struct start *s, struct dyno **ret, struct error *e);
/* Undo what is on record, if anything is. */
struct start *start_free(struct start *s);
/* adopt.c */
int adopt_dyno(struct runtime *rt, const char *uuid, struct dyno **ret,
	       struct error *e);
/* Whether that process has become a dyno's PID 1. */
bool adopt_is_init(pid_t pid);
/* remove.c: the way down. */
int remove_dyno(struct runtime *rt, const char *uuid, struct error *e);
/* Its groups alone, with whoever is in them. */
int remove_cgroup(struct runtime *rt, const char *uuid, struct error *e);
/* dyno_usage.c */
void dyno_unwatch(struct dyno *d);
/* dyno.c: a handle without anything in it. */
struct dyno *dyno_new(const char *uuid, enum dyno_stdio stdio);
