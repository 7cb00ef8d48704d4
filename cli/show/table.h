#pragma once

/*
 * table.h - rows of words in aligned columns, for a person.
 *
 * On a terminal a line is cut at its edge and characters that would control it are
 * shown as "?"; elsewhere everything is as it is.
 */
#include "base/base.h"
#include "base/strv.h"

struct buf;

struct table {
	size_t columns;
	struct strv cells;
};

#define auto_table auto_(table_deinit) struct table

void table_deinit(struct table *t);

/* A row: as many strings as there are columns, which are copied; NULL is "-". */
void table_add(struct table *t, ...);

/* width: of the terminal; 0 = none. */
void table_layout(struct buf *out, const struct table *t, unsigned width);

/* On the standard output. */
void table_print(const struct table *t);
