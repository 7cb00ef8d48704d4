#pragma once

/*
 * hosts.h - worker hosts: registration, what they shall run, what they say.
 *
 *   /hosts/<name>         {name, boot, version, capacity, labels, draining,
 *                         stuck, registered_at}
 *   /assignments/<name>   its revision is that of the host's list
 */
#include "controller/state/doc.h"

struct engine;
struct error;

/* Store (or renew) a host and give it the dynos that have no host yet.
 * *ret_revision: of its list. now: monotonic microseconds. */
int hosts_register(struct engine *g, const char *name, const json_t *body,
		   uint64_t now, uint64_t *ret_revision, struct error *e);

/* The revision of the host's list: of the last change that concerns it. */
int hosts_revision(struct engine *g, const char *name, uint64_t *ret,
		   struct error *e);

/* All of them, {name, ..., up, refused}: a new array. */
int hosts_list(struct engine *g, uint64_t now, json_t **ret, struct error *e);

/* Take a report, unless it is late or comes again. *ret_changed: something that
 * others see has changed. */
int hosts_report(struct engine *g, const char *name, const json_t *body,
		 uint64_t now, bool *ret_changed, struct error *e);

/* The app of a dyno of this host: 0 and its id, or OUTCOME_NO_DYNO. */
int hosts_app_of(struct engine *g, const char *name, const char *dyno,
		 char ret_app[40], struct error *e);
