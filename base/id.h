#pragma once

/*
 * id.h - random identifiers and their syntax.
 */
#include "base/base.h"

#define UUID_TEXT_MAX 37		/* 36 characters and the NUL */
#define SHA256_HEX_MAX 65		/* 64 characters and the NUL */

/* A random (version 4) UUID in lower case. Returns out. */
char *id_uuid(char out[UUID_TEXT_MAX]);

/* n random bytes as 2n lower-case hex digits; the caller frees. */
char *id_secret(size_t n);

/* Random number in [0, below). */
uint32_t id_random(uint32_t below);

bool id_is_uuid(const char *s);		/* lower case only */
bool id_is_sha256(const char *s);	/* 64 lower-case hex digits */

void id_hex(char *out, const void *data, size_t n);	/* 2n digits + NUL */

/* Compares secrets in a time that does not depend on where they differ. */
bool id_secret_eq(const char *a, const char *b);
