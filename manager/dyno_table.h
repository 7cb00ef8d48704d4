#pragma once

/*
 * dyno_table.h - all dynos on record of this host, living and ended.
 *
 * An entry is made by a start or by adoption, watches its dyno's pidfd, learns
 * how the dyno ended, and stays until it is removed. A dyno on record that can
 * neither be adopted nor removed is tried again from time to time; it is not
 * in the table.
 */
#include "base/map.h"
#include "base/strv.h"
#include "runtime/runtime.h"

#include <systemd/sd-event.h>

struct dyno_table;
struct error;

struct dyno_entry {
	struct dyno_table *table;
	struct dyno *dyno;
	bool ended;
	struct dyno_exit exit;		/* when ended */
	sd_event_source *watch;
};

struct dyno_table_ops {
	/* A dyno has ended. The entry must not be removed in here. */
	void (*on_end)(struct dyno_entry *entry, void *userdata);
	/* Something went wrong that nobody asked for: a sentence. */
	void (*tell)(const char *what, void *userdata);
};

struct dyno_table {
	sd_event *event;		/* borrowed, as all pointers here */
	struct runtime *rt;
	const struct dyno_table_ops *ops;
	void *userdata;
	struct map entries;		/* uuid -> struct dyno_entry */
	struct strv stuck;		/* uuids on record, not in entries */
	sd_event_source *retry;
};

void dyno_table_init(struct dyno_table *t, sd_event *event, struct runtime *rt,
		     const struct dyno_table_ops *ops, void *userdata);
void dyno_table_deinit(struct dyno_table *t);	/* the dynos live on */

/* Take over every dyno on record. One that cannot be is told and removed. */
int dyno_table_adopt(struct dyno_table *t, struct error *e);

struct dyno_entry *dyno_table_get(const struct dyno_table *t, const char *uuid);
size_t dyno_table_count(const struct dyno_table *t);

/* Start a dyno. EEXIST: the uuid is on record. ENOSPC: DYNOS_MAX. */
int dyno_table_start(struct dyno_table *t, const struct dyno_spec *spec,
		     struct dyno_entry **ret, struct error *e);

/* Remove what is left of an ended dyno, and its entry. EBUSY: it lives. Not on
 * record = done. */
int dyno_table_remove(struct dyno_table *t, const char *uuid, struct error *e);
