#pragma once

/*
 * oci_read.h - JSON objects into structs by table.
 *
 * A table has a row for each member of an object: its name, its kind, its place
 * in the struct, its bounds. What no row names is ignored; null is as good as
 * absent. Whatever is wrong is told with the path to it.
 */
#include "runtime/oci/oci_refuse.h"

struct oci_field;

/* What an object is read into. Offsets may start at the struct around it. */
struct oci_object {
	size_t size;
	const struct oci_field *fields;
	size_t n_fields;
	/* Rules between the members; may change them. */
	int (*check)(const struct oci_reader *r, const struct oci_at *at, void *out);
};

struct oci_word {
	const char *name;		/* NULL ends a table */
	int64_t value;
};

enum oci_kind {
	OCI_BOOL,		/* bool */
	OCI_SWITCH,		/* struct maybe: 0 or 1 */
	OCI_NUMBER,		/* an integer of "width" bytes within min..max */
	OCI_MAYBE,		/* struct maybe within min..max */
	OCI_STRING,		/* const char *; "" is absent */
	OCI_STRINGS,		/* const char *const * and count: NULL-terminated */
	OCI_NUMBERS,		/* const uint32_t * and count */
	OCI_PAIRS,		/* an object of strings: resources_pair * and count */
	OCI_WORD,		/* a string out of "words": its value, as a number */
	OCI_WORDS,		/* an array of such: uint64_t of values, ored */
	OCI_OBJECT,		/* the struct itself */
	OCI_ARRAY,		/* of objects: struct * and count */
	OCI_CUSTOM,		/* read() takes it */
};

struct oci_field {
	const char *name;
	enum oci_kind kind;
	bool required;
	unsigned char width;
	size_t offset, count;
	size_t present;			/* of a bool: it was there; 0: none */
	int64_t min, absent;		/* absent: NUMBER's value then */
	uint64_t max;			/* lists: entries; 0: OCI_READ_LIST_MAX */
	const struct oci_word *words;
	const struct oci_object *object;
	/* STRING, STRINGS: rules of each. */
	int (*string)(const struct oci_reader *r, const struct oci_at *at,
		      const char *s);
	int (*read)(const struct oci_reader *r, const struct oci_at *at,
		    const json_t *value, void *member);
};

#define OCI_READ_LIST_MAX 4096
#define OCI_READ_STRINGS_MAX 32768

/* Rows. T: the struct, mem: its member; more by designated initialisers. */
#define OCI_F(what, T, key, mem, ...) \
	{ .name = key, .kind = what, .offset = offsetof(struct T, mem), \
	  .width = (unsigned char)sizeof(((struct T *)0)->mem), __VA_ARGS__ }
#define OCI_F_NUMBER(T, key, mem, lo, hi, ...) \
	OCI_F(OCI_NUMBER, T, key, mem, .min = lo, .max = hi, __VA_ARGS__)
#define OCI_F_MAYBE(T, key, mem, lo, hi) \
	OCI_F(OCI_MAYBE, T, key, mem, .min = lo, .max = hi)
#define OCI_F_LIST(what, T, key, mem, num, ...) \
	{ .name = key, .kind = what, .offset = offsetof(struct T, mem), \
	  .count = offsetof(struct T, num), __VA_ARGS__ }
#define OCI_F_STRINGS(T, key, mem, ...) \
	OCI_F_LIST(OCI_STRINGS, T, key, mem.v, mem.n, __VA_ARGS__)
#define OCI_F_ARRAY(T, key, mem, num, table, ...) \
	OCI_F_LIST(OCI_ARRAY, T, key, mem, num, .object = &table, __VA_ARGS__)
#define OCI_F_OBJECT(key, table, ...) \
	{ .name = key, .kind = OCI_OBJECT, .object = &table, __VA_ARGS__ }
#define OCI_TABLE(T, rows, ...) \
	{ .size = sizeof(struct T), .fields = rows, .n_fields = ARRAY_SIZE(rows), \
	  __VA_ARGS__ }

int oci_read_object(const struct oci_reader *r, const struct oci_at *at,
		    const json_t *value, const struct oci_object *o, void *out);

/* What the struct holds where nothing is given; it was zero. An absent list of
 * strings can be walked like any other. */
void oci_read_absent(const struct oci_object *o, void *out);

int oci_read_number(const struct oci_reader *r, const struct oci_at *at,
		    const json_t *value, int64_t min, uint64_t max,
		    uint64_t *ret);
int oci_read_word(const struct oci_reader *r, const struct oci_at *at,
		  const json_t *value, const struct oci_word *words,
		  int64_t *ret);

/* Rules for strings. */
int oci_read_absolute(const struct oci_reader *r, const struct oci_at *at,
		      const char *s);
int oci_read_list(const struct oci_reader *r, const struct oci_at *at,
		  const char *s);	/* "0-3,7" */
