#pragma once

/*
 * doc.h - JSON documents in the state.
 *
 * A doc is the value of a key, parsed, with the revision at which it was read,
 * so that a change can say "only if nobody changed it since".
 */
#include "controller/state/state.h"
#include "http/json.h"

struct doc {
	char *key;
	json_t *j;			/* an object */
	uint64_t revision;
};

struct doc_list {
	struct doc *v;
	size_t n;
};

#define DOC_INIT ((struct doc){ NULL, NULL, 0 })
#define DOC_LIST_INIT ((struct doc_list){ NULL, 0 })
#define auto_doc auto_(doc_deinit) struct doc
#define auto_doc_list auto_(doc_list_deinit) struct doc_list

/* Read the doc under a printed key: 0, or STATE_ABSENT. EILSEQ: the value is
 * not an object. */
int doc_get(struct state *s, struct doc *ret, struct error *e,
	    const char *fmt, ...) PRINTF(4, 5);

/* All docs whose keys begin with the printed prefix, by key. */
int doc_list(struct state *s, struct doc_list *ret, struct error *e,
	     const char *fmt, ...) PRINTF(4, 5);

/* The last path component of the key. */
const char *doc_name(const struct doc *d);

void doc_deinit(struct doc *d);
void doc_list_deinit(struct doc_list *l);
