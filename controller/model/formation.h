#pragma once

/*
 * formation.h - how many dynos of which type and size: the rules of scaling.
 *
 * A formation is an array of entries {id, type, quantity, size, command,
 * created_at, updated_at}. Nothing here knows a clock, a store or a dyno.
 */
#include "http/json.h"

struct error;
struct size;

#define FORMATION_DYNOS_MAX 100		/* per app */
#define FORMATION_RELEASE "release"	/* the type of release commands: it has a size,
					 * and no dynos */

struct formation_update {
	char type[129];
	bool has_quantity, relative;
	int64_t quantity;
	const struct size *size;	/* NULL: stays */
};

/* Read one update: {"type", "quantity": 2 | "2" | "+1" | "-1", "size": "basic"
 * | "dyno_size": "basic" | {"name"}}. type NULL: it is in the item. */
int formation_parse(const json_t *item, const char *type,
		    struct formation_update *ret, struct error *e);

/* The entry of a type, borrowed, or NULL. */
json_t *formation_find(const json_t *formation, const char *type);

/* Change the entry; OUTCOME_NO_TYPE if there is none. *ret_resized is set when
 * the size has changed. */
int formation_apply(json_t *formation, const struct formation_update *u,
		    bool *ret_resized, struct error *e);

/* Check the whole against the limits of an app. one_per_type: also those of
 * Eco and Basic. */
int formation_check(const json_t *formation, bool one_per_type,
		    struct error *e);

/*
 * The formation after a deploy: types of the slug that are new get an entry
 * (first deploy: web has 1, all others 0), types that are gone leave, commands
 * follow the slug. New entries have no id and no times yet. A new array.
 */
json_t *formation_deploy(const json_t *formation, const json_t *process_types,
			 bool first, const char *default_size);

/* "web@1:Basic worker@0:Basic"; the caller frees. */
char *formation_text(const json_t *formation);
