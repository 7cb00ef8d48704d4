#pragma once

/*
 * json_mutate.h - a JSON text changed at one or a few places, so that it mostly
 * stays JSON: values replaced, removed, doubled, moved elsewhere.
 */
#include "base/base.h"

/* A new text, owned by the caller; NULL if it was no JSON. */
char *json_mutate(const char *text, size_t n, uint32_t seed);
