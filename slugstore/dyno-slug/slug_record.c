/*
 * slug_record.c - the same names in JSON, whichever verb prints them.
 */
#include "slugstore/dyno-slug/figure.h"
#include "slugstore/dyno-slug/slug_record.h"
#include "slugstore/space/usage.h"

const char *slug_record_state(const struct usage_slug *u)
{
	static const char *const words[][2] = {
		[LEASE_FREE] = { "-", "pinned" },
		[LEASE_HELD] = { "leased", "leased,pinned" },
		[LEASE_CHANGING] = { "changing", "changing,pinned" },
	};

	return words[u->lease][u->pinned];
}

static json_t *slug_record_time(uint64_t real_usec)
{
	char text[FIGURE_MAX];

	return real_usec ? json_string(figure_time(text, real_usec))
			 : json_null();
}

json_t *slug_record_json(const struct usage_slug *u)
{
	return json_pack(
		"{s:s, s:I, s:b, s:b, s:b, s:b, s:b, s:o, s:o, s:o,"
		" s:I, s:I, s:I, s:I}",
		"sha256", u->sha256, "size", (json_int_t)u->size,
		"blob", u->has_blob, "unpacked", u->has_tree,
		"leased", u->lease == LEASE_HELD,
		"changing", u->lease == LEASE_CHANGING, "pinned", u->pinned,
		"imported_at", slug_record_time(u->imported_usec),
		"unpacked_at", slug_record_time(u->unpacked_usec),
		"leased_at", slug_record_time(u->leased_usec),
		"blob_bytes", (json_int_t)u->blob.bytes,
		"tree_bytes", (json_int_t)u->tree.bytes,
		"tree_inodes", (json_int_t)u->tree.inodes,
		"shared_bytes", (json_int_t)u->tree.shared);
}
