#pragma once

/*
 * json.h - reading JSON into structs by table, writing it with few words.
 *
 * jansson does the parsing; this adds bounds and errors that name the field
 * ("updates[0].quantity: expected a number"). U+FFFF in strings is legal.
 */
#include "base/base.h"

#include <jansson.h>

struct error;

#define auto_json auto_(json_decrefp_) json_t

static inline void json_decrefp_(json_t **j)
{
	json_decref(*j);
}

enum json_kind {
	JSON_FIELD_STRING,	/* char *: owned by the struct, or NULL */
	JSON_FIELD_BOOL,	/* bool */
	JSON_FIELD_INT,		/* int64_t within min..max (unless both 0) */
	JSON_FIELD_OBJECT,	/* json_t *: a new reference, or NULL */
	JSON_FIELD_ARRAY,	/* json_t *: a new reference, or NULL */
	JSON_FIELD_ANY,		/* json_t *: a new reference, or NULL */
};

struct json_field {
	const char *name;
	enum json_kind kind;
	size_t offset;
	bool required;		/* absent or null is an error */
	int64_t min, max;	/* INT: bounds; STRING: max = bytes */
};

/* Parse a text; errors say line, column and what was expected. Depth and size
 * are bounded. Any JSON value is accepted at the top. */
int json_parse(const char *text, size_t n, json_t **ret, struct error *e);

/* Fill out from an object; absent or null optional fields leave it untouched;
 * unknown members are ignored. On error *out holds what was read so far and
 * still has to be freed with json_fields_free(). */
int json_read(const json_t *object, const struct json_field *fields, size_t n,
	      void *out, struct error *e);
void json_fields_free(const struct json_field *fields, size_t n, void *out);

/* Bytes of the app as a JSON string: invalid UTF-8 becomes U+FFFD. */
json_t *json_bytes(const char *data, size_t n);

/* Compact text, owned by the caller. Never NULL. */
char *json_text(const json_t *j);

/* Member access that never crashes: NULL / def if absent or of another kind. */
const char *json_str(const json_t *object, const char *key);
int64_t json_int(const json_t *object, const char *key, int64_t def);
bool json_flag(const json_t *object, const char *key, bool def);
