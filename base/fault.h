#pragma once

/*
 * fault.h - places where a test may kill the process or let a call fail, and a
 * clock that runs faster. Only with --enable-fault-points; otherwise every call
 * here is nothing, and costs nothing.
 *
 *   DYNO_FAULT=PROGRAM:N[:NAME]	SIGKILL at the N-th point (called NAME)
 *   DYNO_FAULT_FAIL=NAME:ERRNO:N[:M]	the call NAME fails from its N-th time on,
 *					M times (1); ERRNO: ENOSPC, EIO, ...
 *   DYNO_FAULT_COUNT=FILE		FILE.PROGRAM is the table of points, shared by
 *					all runs of the program: struct fault_table
 *   DYNO_CLOCK_SCALE=N			a second has N seconds,
 *   DYNO_CLOCK_ZERO=USEC		from this moment on (since 1970; the same for
 *					all processes)
 *
 * With a table counts go on from run to run, so that the N-th point is passed
 * once; and a test may write into it while the program runs.
 */
#include "base/base.h"

#define FAULT_POINTS_MAX 1024
#define FAULT_NAME_MAX 64

/* As in the file, in the machine's own byte order. */
struct fault_entry {
	char name[FAULT_NAME_MAX];	/* empty: not used yet */
	uint64_t count;			/* how often it was passed */
	uint64_t kill_at;		/* SIGKILL when count gets there, and then 0:
					 * never again */
	uint64_t fail_at;		/* fails from there; 0: never, */
	uint64_t fail_times;		/* so often; counted down */
	int64_t fail_errno;
	uint64_t reserved[3];
};

struct fault_table {
	struct fault_entry all;		/* the sum; its kill_at counts every point */
	struct fault_entry points[FAULT_POINTS_MAX];
};

#ifdef DYNO_FAULT_POINTS

/* Passes the point of this name; a longer one is cut. errno is kept. */
void fault_point(const char *fmt, ...) PRINTF(1, 2);

/* The same for a call that may fail: true and errno if it shall. */
bool fault_call(const char *fmt, ...) PRINTF(1, 2);

/* A file's part in the name of a point: its own name, without what differs from
 * run to run. */
const char *fault_file(const char *path);

/* A clock's usec -> what the scaled clock shows. real: since 1970. */
uint64_t fault_clock(uint64_t usec, bool real);

/* How long a wait of so much scaled time is. Not below 50 ms, if it was not: what
 * it waits for may be another process, which is as fast as ever. */
uint64_t fault_wait(uint64_t usec);

#else

#define fault_point(...) ((void)0)
#define fault_call(...) (false)
#define fault_clock(usec, real) (usec)
#define fault_wait(usec) (usec)

#endif
