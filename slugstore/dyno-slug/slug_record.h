#pragma once

/*
 * slug_record.h - one slug of the store, for ls and show.
 */
#include <jansson.h>

struct usage_slug;

/* "leased", "changing", "pinned", "leased,pinned"..., or "-". */
const char *slug_record_state(const struct usage_slug *u);

json_t *slug_record_json(const struct usage_slug *u);
