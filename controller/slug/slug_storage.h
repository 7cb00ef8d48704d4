#pragma once

/*
 * slug_storage.h - where the blobs of slugs are for good.
 *
 * In the store's directory (slug_storage = directory), or as objects below
 * s3://bucket/prefix; then the store is a cache, and collected. For each
 * object that we made there is
 *
 *   /slug-objects/<sha256>   {url, stored}
 *
 * from before it is made until after it is gone; "stored" is true when it is
 * known to be complete. So after a crash nothing is forgotten, here or there.
 *
 * Pinned in the store, against any collection: what a slug of the state names
 * and no object holds, and what is held.
 */
#include "controller/slug/storage_jobs.h"

struct engine;
struct slug_hold;
struct slug_order;
struct slug_storage;

/* Makes pins, blobs and objects agree with the state: at once what can be, by
 * jobs what cannot. dir: the store; conf: the path of slugs.conf. */
int slug_storage_new(struct slug_storage **ret, sd_event *event,
		     struct engine *g, const char *dir, const char *conf,
		     struct error *e);
struct slug_storage *slug_storage_free(struct slug_storage *s);
DEFINE_AUTO(struct slug_storage, slug_storage_free)

/* "s3://...", or "directory": nothing else is a storage. */
bool slug_storage_name_ok(const char *name);

/* As long as it is held a blob is neither removed nor collected. Freeing the
 * last hold of one that no slug names drops it. */
int slug_hold_new(struct slug_hold **ret, struct slug_storage *s,
		  const char *sha256, struct error *e);
struct slug_hold *slug_hold_free(struct slug_hold *h);

/* Put a held blob where it is for good. fn is told what came of it (as in
 * storage_jobs.h), from the loop, unless the order is freed before. *ret NULL:
 * it is there already, and fn is not called. */
int slug_storage_put(struct slug_storage *s, const char *sha256,
		     struct slug_order **ret, storage_done_fn fn,
		     void *userdata, struct error *e);

/* Fetch a blob of which there is an object; else STATE_ABSENT. The blob comes
 * into the store also if the order is freed. */
int slug_storage_fetch(struct slug_storage *s, const char *sha256,
		       struct slug_order **ret, storage_done_fn fn,
		       void *userdata, struct error *e);

struct slug_order *slug_order_free(struct slug_order *o);

/* A slug that named the blob is gone, or is not to be: remove blob and object
 * if no other slug names it and nobody holds it. Failures are logged; the next
 * start, or hour, tries again. */
void slug_storage_drop(struct slug_storage *s, const char *sha256);
