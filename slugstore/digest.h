#pragma once

/*
 * digest.h - SHA-256 by pieces. After digest_hex() it starts anew.
 */
#include "base/base.h"
#include "base/id.h"

struct digest;
struct error;

int digest_new(struct digest **ret, struct error *e);
struct digest *digest_free(struct digest *d);
DEFINE_AUTO(struct digest, digest_free)

void digest_add(struct digest *d, const void *data, size_t n);
char *digest_hex(struct digest *d, char out[SHA256_HEX_MAX]);	/* out */
