#pragma once

/*
 * passwords.h - passwords as they are kept: salted and hashed slowly.
 *
 *   {salt, hash: both in hex, rounds}   PBKDF2-HMAC-SHA256
 *
 * Each call takes about 80 ms of the one thread there is: whoever lets
 * strangers call has to limit how often (rate_limit.h).
 */
#include "http/json.h"

struct error;

#define PASSWORDS_MIN 8
#define PASSWORDS_MAX 128

/* A new reference. OUTCOME_INVALID: too short or too long. */
int passwords_make(const char *password, json_t **ret, struct error *e);

/* kept NULL takes as long as any other and fits nothing, so that nobody learns
 * from the time who has a password. */
bool passwords_check(const json_t *kept, const char *password);
