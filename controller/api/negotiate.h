#pragma once

/*
 * negotiate.h - what client and API agree on in headers: the form of the
 * answer, the form of the body, the version of an object. Pure.
 */
#include "base/base.h"

struct error;

#define NEGOTIATE_TAG_MAX 33		/* 32 hex digits and the NUL */

/* accept: the header, or NULL. There is one form, JSON of version 3, whatever the
 * variant ("application/vnd.heroku+json; version=3.sdk"); application/json and
 * wildcards mean it too; what has "q=0" does not count. OUTCOME_NOT_ACCEPTABLE. */
int negotiate_accept(const char *accept, struct error *e);

/* type: the header, or NULL, which is taken for JSON. OUTCOME_BAD_ENCODING. */
int negotiate_body(const char *type, struct error *e);

/* The tag of an answer: the same bytes have the same. Returns out. */
char *negotiate_tag(char out[NEGOTIATE_TAG_MAX], const char *text, size_t n);
