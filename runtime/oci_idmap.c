/*
 * oci_idmap.c - table of id mappings.
 */
#include "runtime/oci.h"
#include "runtime/oci_objects.h"

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
		return oci_read_refuse_member(r, at, "size",
					      "more than there are ids");
	return 0;
}

const struct oci_object oci_idmap_object =
	OCI_TABLE(oci_id_map, idmap_fields, .check = idmap_check);
