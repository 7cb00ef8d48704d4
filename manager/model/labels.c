/* labels.c - pairs between commas. */
#include "base/error.h"
#include "manager/model/labels.h"

#include <ctype.h>

static bool labels_key_ok(const char *s)
{
	size_t n = strlen(s);

	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)s[i]) && !strchr("-_./", s[i]))
			return false;
	return n >= 1 && n <= LABELS_KEY_MAX;
}

static bool labels_value_ok(const char *s)
{
	for (size_t i = 0; s[i]; i++)
		if (iscntrl((unsigned char)s[i]))
			return false;
	return strlen(s) <= LABELS_VALUE_MAX;
}

/* Blanks around it do not count. */
static char *labels_word(const char *s, size_t n)
{
	while (n && isblank((unsigned char)s[0]))
		s++, n--;
	while (n && isblank((unsigned char)s[n - 1]))
		n--;
	return xstrndup(s, n);
}

static int labels_add(json_t *labels, const char *s, size_t n, struct error *e)
{
	const char *sign = memchr(s, '=', n);
	size_t n_key = sign ? (size_t)(sign - s) : n;
	auto_free char *key = labels_word(s, n_key);
	auto_free char *value = labels_word(s + n_key + (sign ? 1 : 0),
					    n - n_key - (sign ? 1 : 0));
	json_t *j = sign && labels_key_ok(key) && labels_value_ok(value) ?
		    json_string(value) : NULL;

	if (!j)
		return error_set(e, EINVAL, "\"%.80s\" is not KEY=VALUE", key);
	if (json_object_get(labels, key)) {
		json_decref(j);
		return error_set(e, EINVAL, "\"%s\" is there twice", key);
	}
	json_object_set_new(labels, key, j);
	return 0;
}

int labels_parse(json_t **ret, const char *text, struct error *e)
{
	auto_json *labels = json_object();
	int r;

	for (size_t n; text && *text; text += n + (text[n] == ',')) {
		n = strcspn(text, ",");
		if (strspn(text, " \t") >= n)
			continue;
		if (json_object_size(labels) == LABELS_MAX)
			return error_set(e, EINVAL, "more than %d labels", LABELS_MAX);
		r = labels_add(labels, text, n, e);
		if (r < 0)
			return r;
	}
	*ret = take_ptr(labels);
	return 0;
}
