#pragma once

/*
 * strays.h - instances that are to go: ended ones whose record dynod still
 * has, and living ones that no file of ours knows. Killed if need be, removed,
 * asked again until dynod says that nothing is left.
 */
#include "base/base.h"

#include <systemd/sd-event.h>

struct supervisor;

struct stray_info {
	const char *uuid;
	bool alive;
	const char *error;		/* why it is still there, or NULL */
	unsigned failures;		/* in a row */
	sd_event_source *timer;		/* of the next try, or NULL */
};

void strays_add(struct supervisor *s, const char *uuid, bool alive);

/* It has ended. Returns false if it is none of ours. */
bool strays_exited(struct supervisor *s, const char *uuid);

/* fn for each; what it gets is valid during the call. */
void strays_each(const struct supervisor *s,
		 void (*fn)(const struct stray_info *t, void *userdata), void *userdata);

/* How many could not be removed so far. */
size_t strays_stuck(const struct supervisor *s);
size_t strays_count(const struct supervisor *s);
void strays_free(struct supervisor *s);
