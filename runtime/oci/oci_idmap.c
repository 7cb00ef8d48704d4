/*
 * oci_idmap.c - table of id mappings; and the mappings that a mount's option can
 * carry: "uids=0-1-10#10-11-10;gids=@0-0-1". Each part says which id of the file
 * system becomes which id of the host (with "@": of the container), how many.
 */
#include "runtime/oci/oci.h"
#include "runtime/oci/oci_objects.h"

#define ID_MAX (UINT32_MAX - 1)

static const struct oci_field idmap_fields[] = {
	OCI_F_NUMBER(oci_id_map, "containerID", container, 0, ID_MAX,
		     .required = true),
	OCI_F_NUMBER(oci_id_map, "hostID", host, 0, ID_MAX, .required = true),
	OCI_F_NUMBER(oci_id_map, "size", size, 1, UINT32_MAX, .required = true),
};

static int idmap_check(const struct oci_reader *r, const struct oci_at *at,
		       void *out)
{
	const struct oci_id_map *m = out;

	if (m->size > UINT32_MAX - m->container || m->size > UINT32_MAX - m->host)
		return oci_refuse_member(r, at, "size",
					 "more than there are ids");
	return 0;
}

const struct oci_object oci_idmap_object =
	OCI_TABLE(oci_id_map, idmap_fields, .check = idmap_check);

/* ---- as an option ---- */

struct idmap_text {
	const struct oci_id_map *own;	/* of the user namespace */
	size_t n_own;
	struct oci_id_map *v;
	size_t n, max;
};

static bool idmap_number(const char **p, char end, uint32_t *ret)
{
	uint64_t n = 0;
	const char *s = *p;

	if (*s < '0' || *s > '9')
		return false;
	for (; *s >= '0' && *s <= '9'; s++) {
		n = n * 10 + (uint64_t)(*s - '0');
		if (n > UINT32_MAX)
			return false;
	}
	if (end && *s++ != end)
		return false;
	*ret = (uint32_t)n;
	*p = s;
	return true;
}

/* What an id of the container is on the host. */
static bool idmap_resolve(const struct idmap_text *t, struct oci_id_map *m)
{
	for (size_t i = 0; i < t->n_own; i++) {
		const struct oci_id_map *own = &t->own[i];

		if (m->host < own->container ||
		    m->host - own->container >= own->size)
			continue;
		m->host = own->host + (m->host - own->container);
		return true;
	}
	return false;
}

static bool idmap_part(struct idmap_text *t, const char **p)
{
	struct oci_id_map *m = &t->v[t->n];
	bool relative = **p == '@';

	if (t->n == t->max)
		return false;
	*p += relative;
	if (!idmap_number(p, '-', &m->container) || !idmap_number(p, '-', &m->host) ||
	    !idmap_number(p, 0, &m->size) || m->size == 0)
		return false;
	if (relative && !idmap_resolve(t, m))
		return false;
	if (m->size > UINT32_MAX - m->container || m->size > UINT32_MAX - m->host)
		return false;
	t->n++;
	return true;
}

/* All parts up to ";" or the end. */
static bool idmap_parts(struct idmap_text *t, const char **p)
{
	for (;;) {
		if (!idmap_part(t, p))
			return false;
		if (**p != '#')
			return **p == ';' || !**p;
		(*p)++;
	}
}

static bool idmap_lists(struct idmap_text *uids, struct idmap_text *gids,
			const char *p)
{
	while (*p) {
		const char *u = str_after(p, "uids="), *g = str_after(p, "gids=");
		struct idmap_text *t = u ? uids : gids;

		if ((!u && !g) || t->n > 0)
			return false;
		p = u ? u : g;
		if (!idmap_parts(t, &p))
			return false;
		p += *p == ';';
	}
	return uids->n > 0 && gids->n > 0;
}

int oci_idmap_option(const struct oci_reader *r, const struct oci_at *at,
		     const struct oci *o, const char *text, struct oci_mount *m)
{
	struct idmap_text uids = { .own = o->uid_maps, .n_own = o->n_uid_maps };
	struct idmap_text gids = { .own = o->gid_maps, .n_own = o->n_gid_maps };
	size_t max = 1;

	for (const char *p = text; *p; p++)
		max += *p == '#' || *p == ';';
	uids.max = gids.max = max;
	uids.v = oci_arena_get(r->arena, max, sizeof(*uids.v));
	gids.v = oci_arena_get(r->arena, max, sizeof(*gids.v));
	if (max > OCI_IDMAP_MAX || !idmap_lists(&uids, &gids, text))
		return oci_refuse(r, at, "%s is not a mapping such as "
				  "uids=0-1000-10;gids=0-1000-10",
				  oci_refuse_quote(text).text);
	m->uid_maps = uids.v;
	m->n_uid_maps = uids.n;
	m->gid_maps = gids.v;
	m->n_gid_maps = gids.n;
	return 0;
}
