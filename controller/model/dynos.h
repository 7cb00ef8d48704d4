#pragma once

/*
 * dynos.h - the dynos that shall be: formation dynos follow the formation,
 * one-offs are made by request. Each is a doc of its app and an entry in the
 * list of its host.
 *
 *   /apps/<app>/dynos/<id>      {id, name, type, kind, release, size, command,
 *                                host, created_at, env (sealed), phase, retiring, ...};
 *                               of a command inside of a dyno: inside, its id
 *   /host-dynos/<host>/<id>     {app}	placed on a host
 *   /unplaced/<id>              {app}	no host has registered yet
 *   /attach/<secret>            {app, dyno}	a client may attach, once
 */
#include "controller/model/change.h"
#include "controller/model/dyno_plan.h"

struct engine;
struct error;

/* The dynos of an app, formation and one-off, as an array in the order of
 * their names, without those that retire (preboot.h) and without commands inside of
 * dynos, which are none. A new reference. */
int dynos_list(struct engine *g, const char *app_id, json_t **ret,
	       struct error *e);
/* With them. */
int dynos_list_all(struct engine *g, const char *app_id, json_t **ret,
		   struct error *e);

/* By UUID, or by name if it does not retire; OUTCOME_NO_DYNO. */
int dynos_find(struct engine *g, const char *app_id, const char *which,
	       struct doc *ret, struct error *e);

/* The formation (array of entries) of an app. A new reference. */
int dynos_formation(struct engine *g, const char *app_id, json_t **ret,
		    struct error *e);

/* Stage what makes the formation dynos fit the formation; an app that sleeps is
 * awake then. count_restart: the
 * user asked for a restart (the counter goes with the name). */
int dynos_arrange(struct change *c, const json_t *app, const json_t *formation,
		  enum dyno_scope scope, const void *which, bool count_restart,
		  struct error *e);

/* Stage the replacement of all formation dynos. beside: those of web stay for now,
 * and retire. */
int dynos_replace(struct change *c, const json_t *app, const json_t *formation,
		  bool beside, struct error *e);

/* Stage the removal of one dyno. */
void dynos_remove(struct change *c, const char *app_id, const json_t *dyno);

/* Complete a dyno's doc with id, host and time, and stage it. A host that is in it
 * is where it stays if no host takes new dynos, or if it is "inside". */
int dynos_add(struct change *c, const char *app_id, json_t *dyno,
	      struct error *e);

/* Replace formation dynos by new ones. which: a type or an id. */
int dynos_restart(struct engine *g, const struct doc *app,
		  enum dyno_scope scope, const char *which, struct error *e);

/* Replace the app's formation dynos on a host by new ones on other hosts that are
 * heard at the time now; there is one. */
int dynos_move(struct engine *g, const struct doc *app, const char *host,
	       uint64_t now, struct error *e);

/* End a one-off for good; a formation dyno is started anew. */
int dynos_stop(struct engine *g, const struct doc *app, const json_t *dyno,
	       struct error *e);

/* A host has cycled a formation dyno: where the list had id, it has successor
 * from here on. Nothing to do if it is known already, or id is gone. */
int dynos_succeed(struct engine *g, const char *app_id, const char *id,
		  const char *successor, struct error *e);

/* A host says that a one-off has ended, with this status (< 0: none), and whether
 * it was told to: it is no longer wanted. */
int dynos_complete(struct engine *g, const char *app_id, const char *id,
		   int64_t exit_status, bool stopped, struct error *e);
