#include "base/strv.h"

static void strv_take(struct strv *s, char *str)
{
	s->v = xrealloc(s->v, (s->n + 2) * sizeof(*s->v));
	s->v[s->n++] = str;
	s->v[s->n] = NULL;
}

void strv_deinit(struct strv *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->v[i]);
	free(s->v);
	*s = STRV_INIT;
}

void strv_add(struct strv *s, const char *str)
{
	strv_take(s, xstrdup(str));
}

void strv_addf(struct strv *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	strv_take(s, xvasprintf(fmt, ap));
	va_end(ap);
}

bool strv_has(const struct strv *s, const char *str)
{
	for (size_t i = 0; i < s->n; i++)
		if (str_eq(s->v[i], str))
			return true;
	return false;
}

static char **strv_find_key(const struct strv *s, const char *key)
{
	size_t n = strlen(key);

	for (size_t i = 0; i < s->n; i++)
		if (strncmp(s->v[i], key, n) == 0 && s->v[i][n] == '=')
			return &s->v[i];
	return NULL;
}

void strv_setenv(struct strv *s, const char *key, const char *value)
{
	char **old = strv_find_key(s, key);
	char *entry = xasprintf("%s=%s", key, value);

	if (!old) {
		strv_take(s, entry);
		return;
	}
	free(*old);
	*old = entry;
}

const char *strv_getenv(const struct strv *s, const char *key)
{
	char **entry = strv_find_key(s, key);

	return entry ? *entry + strlen(key) + 1 : NULL;
}

char *const *strv_argv(const struct strv *s)
{
	static char *const none[] = { NULL };

	return s->v ? s->v : none;
}
