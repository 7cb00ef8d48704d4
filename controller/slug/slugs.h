#pragma once

/*
 * slugs.h - slugs as the API knows them: a description first, then a blob.
 *
 *   /slugs/<id>   {id, app, process_types, checksum, commit, ..., sha256, size}
 *
 * sha256 and size appear when the blob has been uploaded and checked. The
 * blobs are in a slug store by their digest; several slugs may share one.
 */
#include "controller/state/doc.h"

struct engine;
struct error;
struct map;

#define SLUGS_BYTES_MAX (500ULL * 1024 * 1024)
#define SLUGS_TYPES_MAX 100

/* body: process_types (required), checksum, commit, commit_description, stack,
 * buildpack_provided_description. *ret: its doc. */
int slugs_create(struct engine *g, const json_t *app, const json_t *body,
		 json_t **ret, struct error *e);

/* By UUID; app_id NULL: of any app. OUTCOME_NO_SLUG. */
int slugs_find(struct engine *g, const char *app_id, const char *id,
	       struct doc *ret, struct error *e);

/* Whether the digest is the checksum that was promised, if one was. */
int slugs_check_digest(const json_t *slug, const char *sha256, struct error *e);

/* The blob is here and good. OUTCOME_CONFLICT: it had one already. */
int slugs_uploaded(struct engine *g, const char *id, const char *sha256,
		   uint64_t size, struct error *e);

/* Forget slugs of apps that are gone, and those older than the days of
 * controller.conf, unless a release needs them; their blobs are dropped (slug_storage.h). */
int slugs_collect(struct engine *g, struct error *e);

/* The digests that slugs of the state have, as keys of ret. */
int slugs_digests(struct engine *g, struct map *ret, struct error *e);
