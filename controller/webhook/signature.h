#pragma once

/*
 * signature.h - that a webhook's body comes from us: HMAC-SHA256 in base64.
 */
#include "base/base.h"

/* The caller frees. */
char *signature_make(const char *secret, const void *body, size_t n);
