#pragma once

/*
 * record.h - what is on disk about a dyno: <run_dir>/dynos/<uuid>/.
 *
 *   record   key=value lines, written before any kernel object is made, and
 *            again with pid and start time before the dyno may begin
 *   exit     empty; dyno-init writes a struct init_exit into it at the end
 *
 * The directory below run_dir is opened once; names below it are UUIDs only.
 */
#include "base/base.h"
#include "runtime/runtime.h"

struct error;
struct init_exit;
struct strv;

#define RECORD_DIR "dynos"

struct record {
	char uuid[37];
	unsigned slot;			/* of user ids */
	struct in_addr address;
	enum dyno_stdio stdio;
	uint64_t started_usec;
	pid_t pid;			/* 0: was never started */
	uint64_t start_ticks;
};

/* Text form, for the file and the tests. record_parse() takes nothing else:
 * every key once, none unknown, numbers in their ranges. */
void record_text(const struct record *r, char *ret, size_t max);
int record_parse(struct record *ret, const char *text, struct error *e);

/* Make the directory with record and exit file; EEXIST if there is one. The
 * exit file's descriptor goes to *ret_exit_fd. */
int record_create(int dynos_fd, const struct record *r, int *ret_exit_fd,
		  struct error *e);
int record_update(int dynos_fd, const struct record *r, struct error *e);
int record_load(int dynos_fd, const char *uuid, struct record *ret,
		struct error *e);

#define RECORD_NO_EXIT 1	/* nothing (complete) has been written */

int record_exit(int dynos_fd, const char *uuid, struct init_exit *ret,
		struct error *e);

int record_list(int dynos_fd, struct strv *ret, struct error *e);

/* Nothing there = done. */
int record_remove(int dynos_fd, const char *uuid, struct error *e);
