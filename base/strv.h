#pragma once

/*
 * strv.h - a growing, NULL-terminated vector of owned strings (argv, envp).
 */
#include "base/base.h"

struct strv {
	char **v;		/* NULL while empty; else v[n] == NULL */
	size_t n;
};

#define STRV_INIT ((struct strv){ NULL, 0 })
#define auto_strv auto_(strv_deinit) struct strv

void strv_deinit(struct strv *s);
void strv_add(struct strv *s, const char *str);
void strv_addf(struct strv *s, const char *fmt, ...) PRINTF(2, 3);
bool strv_has(const struct strv *s, const char *str);

/* "KEY=value" vectors: replaces an entry of the same key. */
void strv_setenv(struct strv *s, const char *key, const char *value);
const char *strv_getenv(const struct strv *s, const char *key);

/* argv/envp form: never NULL. Borrowed until the next change. */
char *const *strv_argv(const struct strv *s);
