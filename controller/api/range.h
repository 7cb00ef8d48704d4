#pragma once

/*
 * range.h - pages of a list: the Range header of the Platform API.
 *
 *   <attr> [<start>]..[<end>][; k=v][, k=v]	"version ..; order=desc,max=1"
 *
 * "]x" = behind x, "y[" = before y. Unknown parameters are ignored. Items with the same
 * value of the attribute are in order of their ids; a page that ends between such has a
 * Next-Range that names the id, too: "]x|id".
 */
#include "http/json.h"

struct error;

#define RANGE_PAGE 200
#define RANGE_MAX 1000
#define RANGE_VALUE_MAX 128
#define RANGE_ID_MAX 40

struct range {
	char attr[32];
	char start[RANGE_VALUE_MAX], end[RANGE_VALUE_MAX];
	char start_id[RANGE_ID_MAX], end_id[RANGE_ID_MAX];	/* "": all of that value */
	bool start_excl, end_excl;
	bool desc;
	size_t max;
};

/* text NULL or empty: the default, by the first attribute of attrs, which is a
 * NULL-terminated list. Refusals: OUTCOME_BAD_RANGE. */
int range_parse(struct range *ret, const char *text, const char *const *attrs,
		struct error *e);

/* The page of list (objects that have the attribute) in order; *ret_next is
 * the Next-Range (the caller frees), or NULL when this is the last page. */
json_t *range_page(const struct range *r, const json_t *list, char **ret_next);
