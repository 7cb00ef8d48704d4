#pragma once

/*
 * cgroup_device.h - which devices a group may use.
 *
 * Rules come in order: the last that fits a device decides, for each of read,
 * write and mknod by itself; what no rule fits is denied. A rule of type 'a'
 * without numbers is about everything, whatever access it names, as in the
 * kernel's version 1. A rule to allow that names no access allows nothing; one
 * to deny denies all.
 *
 * Version 1 takes the rules as text. It can take back what was allowed in the
 * same words, but cannot deny one device out of a range that is allowed.
 * Version 2 runs an eBPF program, which this file assembles (pure), and
 * cgroup_attach.c loads.
 */
#include "base/base.h"
#include "runtime/cgroup/resources.h"

struct bpf_insn;
struct error;

/* The rule in version 1's words; returns how many texts it takes: 0 for a rule
 * without effect, 2 for 'a' with numbers. */
#define CGROUP_DEVICE_TEXT_MAX 64
#define CGROUP_DEVICE_TEXTS 2
size_t cgroup_device_text(const struct resources_device *rule,
			  char out[CGROUP_DEVICE_TEXTS][CGROUP_DEVICE_TEXT_MAX]);

struct cgroup_device_program {
	struct bpf_insn *v;
	size_t n;
};

#define CGROUP_DEVICE_PROGRAM_INIT ((struct cgroup_device_program){ NULL, 0 })
#define CGROUP_DEVICE_RULES_MAX 8192

/* E2BIG: too many rules. */
int cgroup_device_assemble(struct cgroup_device_program *ret,
			   const struct resources_device *rules, size_t n,
			   struct error *e);
void cgroup_device_program_deinit(struct cgroup_device_program *p);

/* ---- cgroup_attach.c ---- */

/* Load the rules' program. Returns its descriptor. */
int cgroup_device_load(const struct resources_device *rules, size_t n,
		       struct error *e);

/* Make it the only program of ours on the group's directory (version 2);
 * an older one is replaced without a moment in between. Programs of others
 * stay: all of them have to agree. */
int cgroup_device_attach(int group_fd, int program_fd, struct error *e);

/* How many programs of ours are attached to this very group. */
int cgroup_device_count(int group_fd, size_t *ret, struct error *e);
