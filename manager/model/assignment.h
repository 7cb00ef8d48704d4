#pragma once

/*
 * assignment.h - what shall run here, as upstream tells it (PROTOCOL.upstream).
 *
 * Everything in it has been checked: ids are UUIDs, names fit a log line,
 * numbers are within bounds. The JSON it came from is kept, to be stored.
 * It never changes: one that is wanted and the lives made for it share it, and a
 * list that says the same again gives way to what is there (assignment_list_keep).
 */
#include "base/base.h"
#include "base/strv.h"
#include "http/json.h"
#include "manager/model/dyno_fsm.h"
#include "runtime/runtime.h"

#include <stdio.h>

struct buf;
struct error;

struct assignment {
	size_t n_refs;
	char *id;
	char *name;			/* "web.1" */
	char *type;			/* "web" */
	enum dyno_kind kind;
	char *app_id;
	char *app_name;
	int64_t release;		/* version, 0 = unknown */
	char *slug;			/* sha256 or NULL */
	char *slug_path;		/* of the blob on upstream */
	char *command;
	struct strv env;		/* config vars, "KEY=value" */
	char *size;
	int64_t memory, memory_max;	/* bytes */
	int64_t pids, cpu_shares, cpus;
	enum dyno_egress egress;
	bool runtime_metrics;		/* log-runtime-metrics */
	char *inside;			/* the dyno in which it runs, an attached one; or
					 * NULL: in its own */
	bool tty;			/* attached: terminal instead of pipes */
	int64_t rows, cols;		/* 0 = unknown */
	bool idle;			/* it is to sleep */
	int64_t time_to_live;		/* seconds, 0 = none */
	json_t *json;
};

/* With one reference, the caller's. Errors name the member that is wrong. */
int assignment_new(struct assignment **ret, json_t *json, struct error *e);
/* One more reference; returns a. */
struct assignment *assignment_ref(struct assignment *a);
/* One less; the last frees it. Returns NULL, and accepts it. */
struct assignment *assignment_unref(struct assignment *a);
DEFINE_AUTO(struct assignment, assignment_unref)

/* The complete list, at one revision. */
struct assignment_list {
	int64_t revision;		/* 0 = none yet */
	struct assignment **items;
	size_t n;
};

#define ASSIGNMENT_LIST_INIT ((struct assignment_list){ 0, NULL, 0 })

void assignment_list_deinit(struct assignment_list *l);

/* One that cannot be used is left out, and told; so are those beyond
 * DYNOS_MAX and repeated ids. Fails only if it is no list at all. */
int assignment_list_parse(struct assignment_list *ret, const json_t *body,
			  void (*tell)(const char *what, void *userdata),
			  void *userdata, struct error *e);
/* NULL = not in the list. Borrowed. */
struct assignment *assignment_list_find(const struct assignment_list *l,
					const char *id);
/* Takes the caller's reference to a. Returns one to what l has under this id, if that
 * says the same as a but for the id; or a. */
struct assignment *assignment_list_same(const struct assignment_list *l,
					struct assignment *a, const char *id);
/* What is in l as it was in old becomes old's own: memory is taken once for what
 * has not changed, whatever refers to it. */
void assignment_list_keep(struct assignment_list *l, const struct assignment_list *old);

/* true for web dynos: they have to listen on $PORT. */
bool assignment_is_web(const struct assignment *a);
