#pragma once

/*
 * cgroup_settings.h - from struct resources to the text of control files: one
 * list for dynos and containers, one writer. Building is pure.
 *
 * 0 means "not given" for memory limits, cpu.shares, quota, periods, real-time
 * runtime, weights and pids, as in runc; -1 means "no limit". Passed over, as
 * runc does: memory.kernel and useHierarchy everywhere; memory.kernelTCP,
 * swappiness and disableOOMKiller on version 2. Errors on version 2: real-time
 * scheduling and network priorities; on version 1: unified.
 *
 * Version 1 to version 2:
 *   memory.limit        memory.max; -1 without swap also opens memory.swap.max
 *   memory.reservation  memory.low
 *   memory.swap         memory.swap.max = swap - limit; without a limit it is
 *                       the one in force; 0 without a limit is no swap (as
 *                       crun). No such file: fine for 0 and "max".
 *   cpu.shares          cpu.weight, by the curve that goes through 2 -> 1,
 *                       1024 -> 100 and 262144 -> 10000 (runc 1.3, crun 1.23):
 *                       10^((l^2 + 125 l) / 612 - 7/34), l = log2(shares);
 *                       older ones drew a line, on which 1024 was 39
 *   cpu.idle            cpu.idle; 1 makes the weight meaningless: left out
 *   cpu.quota, period   cpu.max; what is not given stays as it is
 *   cpu.burst           cpu.max.burst
 *   blockIO.weight      io.bfq.weight as it is, or where that is missing
 *                       io.weight = 1 + (weight - 10) * 9999 / 990
 *   throttle*Device     io.max
 *   hugepageLimits      hugetlb.<size>.max, and .rsvd.max if it is there
 *   unified             as they are, a line at a time, after everything else
 */
#include "base/base.h"
#include "runtime/cgroup/cgroup_tree.h"
#include "runtime/cgroup/resources.h"

struct error;

/* EINVAL from the kernel: once more after all others, which may make room. */
#define CGROUP_SETTING_LATER	1
/* Passed over where the file, or the controller, does not exist. */
#define CGROUP_SETTING_IF_THERE	2
/* The next one is instead of this, where this file does not exist. */
#define CGROUP_SETTING_OR_NEXT	4

struct cgroup_setting {
	unsigned controller;		/* enum cgroup_controller */
	unsigned flags;
	char *file, *text;
	char *property;			/* "memory.limit" */
};

struct cgroup_settings {
	const char *label;		/* before a property in errors */
	struct cgroup_setting *v;
	size_t n;
};

#define CGROUP_SETTINGS_INIT(label) ((struct cgroup_settings){ label, NULL, 0 })
#define auto_cgroup_settings auto_(cgroup_settings_deinit) struct cgroup_settings
void cgroup_settings_deinit(struct cgroup_settings *s);

/* What is in force in the group, where that decides about a text. */
struct cgroup_current {
	int64_t memory;			/* bytes; -1: no limit, 0: not known */
	int64_t quota;			/* usec; -1: no limit, 0: not known */
};

/* Append the settings for a version. EINVAL, ENOTSUP name the property.
 * Devices on version 2 are no settings: see cgroup_device.h. */
int cgroup_settings_v1(struct cgroup_settings *s, const struct resources *r,
		       struct error *e);
int cgroup_settings_v2(struct cgroup_settings *s, const struct resources *r,
		       const struct cgroup_current *now, struct error *e);

/* Write the list to a group, whose directories are dirs (one per tree). */
struct cgroup_dirs;
int cgroup_settings_write(const struct cgroup_settings *s,
			  const struct cgroup_dirs *dirs, struct error *e);

/* The conversions, for other users and tests. */
uint64_t cgroup_settings_weight(uint64_t shares);
uint64_t cgroup_settings_io_weight(uint64_t blkio_weight);

/* ---- for the two builders ---- */

void cgroup_settings_add(struct cgroup_settings *s, unsigned controller,
			 unsigned flags, const char *property, const char *file,
			 const char *fmt, ...) PRINTF(6, 7);

/* One number, one file. */
struct cgroup_row {
	size_t offset;			/* of the struct maybe in struct resources */
	unsigned controller, flags;
	const char *property, *file;
	bool zero;			/* 0 is a value */
	const char *none;		/* the text of a negative one; NULL: itself */
};

void cgroup_settings_rows(struct cgroup_settings *s, const struct resources *r,
			  const struct cgroup_row *rows, size_t n);
/* True if the number was given. */
bool cgroup_settings_given(const struct maybe *m);
int cgroup_settings_error(const struct cgroup_settings *s, struct error *e,
			  int code, const char *property, const char *reason);
/* hugepageLimits and rdma differ in the names of the files only. */
int cgroup_settings_hugetlb(struct cgroup_settings *s, const struct resources *r,
			    const char *suffix, struct error *e);
void cgroup_settings_rdma(struct cgroup_settings *s, const struct resources *r);
int cgroup_settings_check_weights(const struct cgroup_settings *s,
				  const struct resources *r, struct error *e);
