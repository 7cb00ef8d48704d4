/*
 * oci_read.c - the reader behind the tables.
 */
#include "runtime/oci/oci_read.h"
#include "runtime/cgroup/resources.h"

#include <ctype.h>
#include <inttypes.h>

/* ---- rules for strings ---- */

int oci_read_absolute(const struct oci_reader *r, const struct oci_at *at,
		      const char *s)
{
	return s[0] == '/' ? 0 : oci_refuse(r, at, "%s is not an absolute path",
					    oci_refuse_quote(s).text);
}

int oci_read_list(const struct oci_reader *r, const struct oci_at *at,
		  const char *s)
{
	const char *p = s;
	bool good = true;

	while (good && *p) {
		good = isdigit((unsigned char)*p);
		p += strspn(p, "0123456789");
		if (good && *p == '-') {
			good = isdigit((unsigned char)p[1]);
			p += 1 + strspn(p + 1, "0123456789");
		}
		if (*p == ',' && p[1])
			p++;
		else if (*p)
			good = false;
	}
	return good ? 0 : oci_refuse(r, at, "%s is not a list such as 0-3,7",
				     oci_refuse_quote(s).text);
}

/* ---- single values ---- */

/* In words, because the ends of 64 bits help nobody. */
static int refuse_range(const struct oci_reader *r, const struct oci_at *at,
			int64_t min, uint64_t max)
{
	if (max >= INT64_MAX)
		return oci_refuse(r, at, min == INT64_MIN || max == UINT64_MAX
				  ? "out of range" : "out of range: below %" PRId64
				  " or too large", min);
	return oci_refuse(r, at, "not within %" PRId64 "..%" PRIu64, min, max);
}

int oci_read_number(const struct oci_reader *r, const struct oci_at *at,
		    const json_t *value, int64_t min, uint64_t max, uint64_t *ret)
{
	struct oci_number n;

	switch (oci_json_number(r->json, value, &n)) {
	case OCI_JSON_NO_NUMBER:
		return oci_refuse(r, at, "not a number");
	case OCI_JSON_FRACTION:
		return oci_refuse(r, at, "not a whole number");
	case OCI_JSON_TOO_LARGE:
		return refuse_range(r, at, min, max);
	default:
		break;
	}
	if (n.negative ? (int64_t)n.value < min
	    : n.value > max || (min > 0 && n.value < (uint64_t)min))
		return refuse_range(r, at, min, max);
	*ret = n.value;
	return 0;
}

int oci_read_word(const struct oci_reader *r, const struct oci_at *at,
		  const json_t *value, const struct oci_word *words,
		  int64_t *ret)
{
	const char *s = json_string_value(value);

	if (!s)
		return oci_refuse(r, at, "not a string");
	for (const struct oci_word *w = words; w->name; w++)
		if (str_eq(w->name, s)) {
			*ret = w->value;
			return 0;
		}
	return oci_refuse(r, at, "%s is not known", oci_refuse_quote(s).text);
}

static void store_number(void *member, unsigned char width, uint64_t value)
{
	const uint8_t v8 = (uint8_t)value;
	const uint16_t v16 = (uint16_t)value;
	const uint32_t v32 = (uint32_t)value;

	switch (width) {
	case 1:
		memcpy(member, &v8, sizeof(v8));
		break;
	case 2:
		memcpy(member, &v16, sizeof(v16));
		break;
	case 4:
		memcpy(member, &v32, sizeof(v32));
		break;
	default:
		assert(width == sizeof(value));
		memcpy(member, &value, sizeof(value));
	}
}

static int read_string(const struct oci_reader *r, const struct oci_at *at,
		       const json_t *value, const struct oci_field *f,
		       const char **ret)
{
	const char *s = json_string_value(value);

	if (!s)
		return oci_refuse(r, at, "not a string");
	if (!*s && f->required)
		return oci_refuse(r, at, "empty");
	if (!*s)
		return 0;
	*ret = s;
	return f->string ? f->string(r, at, s) : 0;
}

static int read_simple(const struct oci_reader *r, const struct oci_at *at,
		       const json_t *value, const struct oci_field *f, void *member)
{
	struct maybe *maybe = member;
	uint64_t number;
	int64_t word;
	int ret;

	switch ((int)f->kind) {
	case OCI_BOOL:
	case OCI_SWITCH:
		if (!json_is_boolean(value))
			return oci_refuse(r, at, "not true or false");
		if (f->kind == OCI_BOOL)
			*(bool *)member = json_is_true(value);
		else
			*maybe = (struct maybe){ true, json_is_true(value) };
		return 0;
	case OCI_STRING:
		return read_string(r, at, value, f, member);
	case OCI_WORD:
		ret = oci_read_word(r, at, value, f->words, &word);
		if (ret == 0)
			store_number(member, f->width, (uint64_t)word);
		return ret;
	default:
		ret = oci_read_number(r, at, value, f->min, f->max, &number);
		if (ret == 0 && f->kind == OCI_MAYBE)
			*maybe = (struct maybe){ true, (int64_t)number };
		else if (ret == 0)
			store_number(member, f->width, number);
		return ret;
	}
}

/* ---- lists ---- */

static size_t list_max(const struct oci_field *f)
{
	if (f->max > 0)
		return f->max;
	return f->kind == OCI_STRINGS ? OCI_READ_STRINGS_MAX : OCI_READ_LIST_MAX;
}

static int list_bounds(const struct oci_reader *r, const struct oci_at *at,
		       const struct oci_field *f, size_t n)
{
	if (n > list_max(f))
		return oci_refuse(r, at, "more than %zu entries", list_max(f));
	if (n == 0 && f->required)
		return oci_refuse(r, at, "empty");
	return 0;
}

static int read_strings(const struct oci_reader *r, const struct oci_at *at,
			const json_t *value, const struct oci_field *f,
			void *member, size_t n)
{
	const char **v = oci_arena_get(r->arena, n + 1, sizeof(*v));

	for (size_t i = 0; i < n; i++) {
		const struct oci_at item = { .up = at, .index = i };
		int ret;

		v[i] = json_string_value(json_array_get(value, i));
		if (!v[i])
			return oci_refuse(r, &item, "not a string");
		ret = f->string ? f->string(r, &item, v[i]) : 0;
		if (ret < 0)
			return ret;
	}
	*(const char ***)member = v;
	return 0;
}

static int read_numbers(const struct oci_reader *r, const struct oci_at *at,
			const json_t *value, void *member, size_t n)
{
	uint32_t *v = oci_arena_get(r->arena, n, sizeof(*v));

	for (size_t i = 0; i < n; i++) {
		const struct oci_at item = { .up = at, .index = i };
		uint64_t number;
		int ret = oci_read_number(r, &item, json_array_get(value, i), 0,
					  UINT32_MAX - 1, &number);

		if (ret < 0)
			return ret;
		v[i] = (uint32_t)number;
	}
	*(uint32_t **)member = v;
	return 0;
}

static int read_words(const struct oci_reader *r, const struct oci_at *at,
		      const json_t *value, const struct oci_field *f, void *member,
		      size_t n)
{
	uint64_t all = 0;

	for (size_t i = 0; i < n; i++) {
		const struct oci_at item = { .up = at, .index = i };
		int64_t word;
		int ret = oci_read_word(r, &item, json_array_get(value, i), f->words,
					&word);

		if (ret < 0)
			return ret;
		all |= (uint64_t)word;
	}
	store_number(member, f->width, all);
	return 0;
}

static int read_objects(const struct oci_reader *r, const struct oci_at *at,
			const json_t *value, const struct oci_object *o,
			void *member, size_t n)
{
	char *v = oci_arena_get(r->arena, n, o->size);

	for (size_t i = 0; i < n; i++) {
		const struct oci_at item = { .up = at, .index = i };
		int ret = oci_read_object(r, &item, json_array_get(value, i), o,
					  v + i * o->size);

		if (ret < 0)
			return ret;
	}
	*(void **)member = v;
	return 0;
}

static int read_array(const struct oci_reader *r, const struct oci_at *at,
		      const json_t *value, const struct oci_field *f, char *out)
{
	void *member = out + f->offset;
	size_t n = json_array_size(value);
	int ret;

	if (!json_is_array(value))
		return oci_refuse(r, at, "not an array");
	ret = list_bounds(r, at, f, n);
	if (ret < 0)
		return ret;
	if (f->kind == OCI_STRINGS)
		ret = read_strings(r, at, value, f, member, n);
	else if (f->kind == OCI_NUMBERS)
		ret = read_numbers(r, at, value, member, n);
	else if (f->kind == OCI_WORDS)
		return read_words(r, at, value, f, member, n);
	else
		ret = read_objects(r, at, value, f->object, member, n);
	if (ret == 0)
		*(size_t *)(void *)(out + f->count) = n;
	return ret;
}

static int read_pairs(const struct oci_reader *r, const struct oci_at *at,
		      json_t *value, const struct oci_field *f, char *out)
{
	size_t n = json_object_size(value), i = 0;
	struct resources_pair *v;
	const char *key;
	json_t *text;
	int ret;

	if (!json_is_object(value))
		return oci_refuse(r, at, "not an object");
	ret = list_bounds(r, at, f, n);
	if (ret < 0)
		return ret;
	v = oci_arena_get(r->arena, n, sizeof(*v));
	json_object_foreach(value, key, text) {
		v[i] = (struct resources_pair){ key, json_string_value(text) };
		if (!v[i].value)
			return oci_refuse_member(r, at, key, "not a string");
		if (!*key)
			return oci_refuse_member(r, at, key, "no name");
		i++;
	}
	*(struct resources_pair **)(void *)(out + f->offset) = v;
	*(size_t *)(void *)(out + f->count) = n;
	return 0;
}

/* ---- objects ---- */

static int read_member(const struct oci_reader *r, const struct oci_at *at,
		       json_t *value, const struct oci_field *f, char *out)
{
	if (f->present)
		*(bool *)(out + f->present) = true;
	switch (f->kind) {
	case OCI_STRINGS:
	case OCI_NUMBERS:
	case OCI_WORDS:
	case OCI_ARRAY:
		return read_array(r, at, value, f, out);
	case OCI_PAIRS:
		return read_pairs(r, at, value, f, out);
	case OCI_OBJECT:
		return oci_read_object(r, at, value, f->object, out + f->offset);
	case OCI_CUSTOM:
		return f->read(r, at, value, out + f->offset);
	case OCI_BOOL:
	case OCI_SWITCH:
	case OCI_NUMBER:
	case OCI_MAYBE:
	case OCI_STRING:
	case OCI_WORD:
		break;
	}
	return read_simple(r, at, value, f, out + f->offset);
}

static const char *const no_strings[] = { NULL };

static void member_absent(const struct oci_field *f, char *out)
{
	if (f->kind == OCI_NUMBER && f->absent != 0)
		store_number(out + f->offset, f->width, (uint64_t)f->absent);
	else if (f->kind == OCI_STRINGS)
		*(const char *const **)(void *)(out + f->offset) = no_strings;
	else if (f->kind == OCI_OBJECT)
		oci_read_absent(f->object, out + f->offset);
}

void oci_read_absent(const struct oci_object *o, void *out)
{
	for (size_t i = 0; i < o->n_fields; i++)
		member_absent(&o->fields[i], out);
}

int oci_read_object(const struct oci_reader *r, const struct oci_at *at,
		    const json_t *value, const struct oci_object *o, void *out)
{
	if (!json_is_object(value))
		return oci_refuse(r, at, "not an object");
	for (size_t i = 0; i < o->n_fields; i++) {
		const struct oci_field *f = &o->fields[i];
		const struct oci_at member = { .up = at, .name = f->name };
		json_t *v = json_object_get(value, f->name);
		int ret;

		if (!v || json_is_null(v)) {
			if (f->required)
				return oci_refuse(r, &member, "missing");
			member_absent(f, out);
			continue;
		}
		ret = read_member(r, &member, v, f, out);
		if (ret < 0)
			return ret;
	}
	return o->check ? o->check(r, at, out) : 0;
}
