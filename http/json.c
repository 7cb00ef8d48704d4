/*
 * json.c - JSON by table. jansson parses; what outsiders send is bounded
 * before it gets there, since jansson itself recurses up to 2048 levels.
 */
#include "base/buf.h"
#include "base/error.h"
#include "http/json.h"

#define JSON_DEPTH_MAX 64
#define JSON_TEXT_MAX (64 * 1024 * 1024)

/* Counts brackets outside of strings; wrong nesting is jansson's to find. */
static bool json_is_shallow(const char *text, size_t n)
{
	size_t depth = 0;
	bool quoted = false;

	for (size_t i = 0; i < n; i++) {
		char c = text[i];

		if (quoted && c == '\\')
			i++;
		else if (c == '"')
			quoted = !quoted;
		else if (!quoted && (c == '[' || c == '{') &&
			 ++depth > JSON_DEPTH_MAX)
			return false;
		else if (!quoted && (c == ']' || c == '}') && depth)
			depth--;
	}
	return true;
}

int json_parse(const char *text, size_t n, json_t **ret, struct error *e)
{
	json_error_t je;
	json_t *j;

	if (n > JSON_TEXT_MAX)
		return error_set(e, EFBIG, "JSON of more than %d bytes",
				 JSON_TEXT_MAX);
	if (!json_is_shallow(text, n))
		return error_set(e, EINVAL, "JSON is nested deeper than %d",
				 JSON_DEPTH_MAX);
	j = json_loadb(n ? text : "", n, JSON_DECODE_ANY, &je);
	if (!j && json_error_code(&je) == json_error_null_character)
		return error_set(e, EINVAL, "line %d, column %d: there is a null "
				 "character in a string", je.line, je.column);
	if (!j)
		return error_set(e, EINVAL, "line %d, column %d: %s", je.line,
				 je.column, je.text);
	*ret = j;
	return 0;
}

/* ---- reading by table ---- */

static int json_read_string(const struct json_field *f, const json_t *v,
			    char **out, struct error *e)
{
	size_t n = json_string_length(v);

	if (!json_is_string(v))
		return error_set(e, EINVAL, "%s: expected a string", f->name);
	if (f->max && n > (size_t)f->max)
		return error_set(e, EINVAL, "%s: longer than %lld bytes",
				 f->name, (long long)f->max);
	if (f->min && n < (size_t)f->min)
		return error_set(e, EINVAL, "%s: shorter than %lld bytes",
				 f->name, (long long)f->min);
	free(*out);
	*out = xstrdup(json_string_value(v));
	return 0;
}

static int json_read_int(const struct json_field *f, const json_t *v,
			 int64_t *out, struct error *e)
{
	int64_t x = json_integer_value(v);

	if (!json_is_integer(v))
		return error_set(e, EINVAL, "%s: expected %s", f->name,
				 json_is_real(v) ? "a whole number"
						 : "a number");
	if ((f->min || f->max) && (x < f->min || x > f->max))
		return error_set(e, EINVAL, "%s: allowed are %lld to %lld",
				 f->name, (long long)f->min, (long long)f->max);
	*out = x;
	return 0;
}

static int json_read_ref(const struct json_field *f, json_t *v, bool good,
			 const char *expected, json_t **out, struct error *e)
{
	if (!good)
		return error_set(e, EINVAL, "%s: expected %s", f->name, expected);
	json_decref(*out);
	*out = json_incref(v);
	return 0;
}

static int json_read_field(const struct json_field *f, json_t *v, void *out,
			   struct error *e)
{
	void *field = (char *)out + f->offset;

	switch (f->kind) {
	case JSON_FIELD_STRING:
		return json_read_string(f, v, field, e);
	case JSON_FIELD_BOOL:
		if (!json_is_boolean(v))
			return error_set(e, EINVAL, "%s: expected true or false",
					 f->name);
		*(bool *)field = json_is_true(v);
		return 0;
	case JSON_FIELD_INT:
		return json_read_int(f, v, field, e);
	case JSON_FIELD_OBJECT:
		return json_read_ref(f, v, json_is_object(v), "an object",
				     field, e);
	case JSON_FIELD_ARRAY:
		return json_read_ref(f, v, json_is_array(v), "an array", field,
				     e);
	case JSON_FIELD_ANY:
		return json_read_ref(f, v, true, "", field, e);
	}
	return error_set(e, EINVAL, "%s: unknown kind", f->name);
}

int json_read(const json_t *object, const struct json_field *fields, size_t n,
	      void *out, struct error *e)
{
	if (!json_is_object(object))
		return error_set(e, EINVAL, "expected an object");
	for (size_t i = 0; i < n; i++) {
		json_t *v = json_object_get(object, fields[i].name);
		int r;

		if (v && !json_is_null(v)) {
			r = json_read_field(&fields[i], v, out, e);
			if (r < 0)
				return r;
		} else if (fields[i].required) {
			return error_set(e, EINVAL, "%s: is missing",
					 fields[i].name);
		}
	}
	return 0;
}

void json_fields_free(const struct json_field *fields, size_t n, void *out)
{
	for (size_t i = 0; i < n; i++) {
		void *field = (char *)out + fields[i].offset;

		switch (fields[i].kind) {
		case JSON_FIELD_STRING:
			free(*(char **)field);
			*(char **)field = NULL;
			break;
		case JSON_FIELD_OBJECT:
		case JSON_FIELD_ARRAY:
		case JSON_FIELD_ANY:
			json_decref(*(json_t **)field);
			*(json_t **)field = NULL;
			break;
		case JSON_FIELD_BOOL:
		case JSON_FIELD_INT:
			break;
		}
	}
}

/* ---- writing ---- */

/* Length of the valid UTF-8 character at p, or 0. NUL counts as invalid:
 * jansson's parser, and ours, would refuse it. */
static size_t json_utf8(const unsigned char *p, size_t n)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len = p[0] < 0x80 ? 1 : p[0] < 0xc0 ? 0 : p[0] < 0xe0 ? 2
		     : p[0] < 0xf0 ? 3 : p[0] < 0xf8 ? 4 : 0;
	uint32_t c = p[0];

	if (len <= 1)
		return p[0] ? len : 0;
	if (len > n)
		return 0;
	c &= 0x7fu >> len;
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	return len;
}

json_t *json_bytes(const char *data, size_t n)
{
	auto_buf out = BUF_INIT;
	size_t i = 0;
	json_t *j;

	while (i < n) {
		size_t len = json_utf8((const unsigned char *)data + i, n - i);

		if (len)
			buf_add(&out, data + i, len);
		else
			buf_adds(&out, "\xef\xbf\xbd");
		i += len ? len : 1;
	}
	j = json_stringn(buf_str(&out), out.len);
	assert(j);
	return j;
}

char *json_text(const json_t *j)
{
	char *text = json_dumps(j, JSON_COMPACT | JSON_ENCODE_ANY);

	assert(text);		/* only memory and cycles can prevent it */
	return text;
}

/* ---- member access ---- */

const char *json_str(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

int64_t json_int(const json_t *object, const char *key, int64_t def)
{
	const json_t *v = json_object_get(object, key);

	return json_is_integer(v) ? json_integer_value(v) : def;
}

bool json_flag(const json_t *object, const char *key, bool def)
{
	const json_t *v = json_object_get(object, key);

	return json_is_boolean(v) ? json_is_true(v) : def;
}
