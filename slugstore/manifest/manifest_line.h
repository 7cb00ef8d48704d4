#pragma once

/*
 * manifest_line.h - one line of a manifest as text and as an entry. Pure.
 */
#include "base/base.h"
#include "base/id.h"
#include "slugstore/manifest/manifest.h"

struct buf;

#define MANIFEST_HEAD "manifest 1\n"
#define MANIFEST_LAST "end "		/* and the digest */
#define MANIFEST_LAST_BYTES (sizeof(MANIFEST_LAST) - 1 + SHA256_HEX_MAX)

/* An entry, and room for what it points at. */
struct manifest_line {
	struct manifest_entry entry;
	char path[MANIFEST_PATH_MAX + 1];
	char target[MANIFEST_PATH_MAX + 1];
	char sha256[SHA256_HEX_MAX];
};

/* Append the line, with its newline. */
void manifest_line_add(struct buf *out, const struct manifest_entry *en);

/* Read the n bytes before a newline. Returns NULL, or what is wrong. */
const char *manifest_line_parse(struct manifest_line *ret, const char *text,
				size_t n);
