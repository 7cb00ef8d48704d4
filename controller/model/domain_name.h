#pragma once

/*
 * domain_name.h - which host names an app may be given.
 *
 * Pure. A name is brought to the form in which requests name it: lower case,
 * without the dot of the root, Unicode as Punycode ("xn--...").
 */
#include "base/base.h"

struct error;

#define DOMAIN_NAME_MAX 253

/* *ret is the caller's. A leading "*." is a wildcard for one label. reserved: the
 * domain below which apps have their names. Refusals: OUTCOME_INVALID. */
int domain_name_make(const char *text, const char *reserved, char **ret,
		     struct error *e);
