#pragma once

/*
 * slug_objects.h - which blobs are objects of an object storage, as the state
 * has it: /slug-objects/<sha256> {url, stored}.
 */
#include "controller/state/doc.h"

struct engine;
struct error;
struct strv;

/* 0, or STATE_ABSENT. *ret_url is the caller's; *ret_stored may be NULL. */
int slug_objects_find(struct engine *g, const char *sha256, char **ret_url,
		      bool *ret_stored, struct error *e);
int slug_objects_put(struct engine *g, const char *sha256, const char *url,
		     bool stored, struct error *e);
int slug_objects_forget(struct engine *g, const char *sha256, struct error *e);
/* The names of all. */
int slug_objects_list(struct engine *g, struct strv *ret_sha256s,
		      struct error *e);
