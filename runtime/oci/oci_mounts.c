/*
 * oci_mounts.c - table of the mounts array.
 */
#include "runtime/oci/oci.h"
#include "runtime/oci/oci_objects.h"

#include <stdio.h>

static const struct oci_field mount_fields[] = {
	OCI_F(OCI_STRING, oci_mount, "destination", destination, .required = true),
	OCI_F(OCI_STRING, oci_mount, "type", type),
	OCI_F(OCI_STRING, oci_mount, "source", source),
	OCI_F_STRINGS(oci_mount, "options", options, .max = OCI_READ_LIST_MAX),
	OCI_F_ARRAY(oci_mount, "uidMappings", uid_maps, n_uid_maps,
		    oci_idmap_object, .max = OCI_IDMAP_MAX),
	OCI_F_ARRAY(oci_mount, "gidMappings", gid_maps, n_gid_maps,
		    oci_idmap_object, .max = OCI_IDMAP_MAX),
};

static int mount_check(const struct oci_reader *r, const struct oci_at *at,
		       void *out)
{
	struct oci_mount *m = out;

	if (m->destination[0] != '/') {
		size_t n = strlen(m->destination) + 2;
		char *path = oci_arena_get(r->arena, n, 1);

		snprintf(path, n, "/%s", m->destination);
		m->destination = path;
	}
	if (m->n_uid_maps > 0 && m->n_gid_maps == 0)
		return oci_refuse_member(r, at, "gidMappings",
					 "missing beside uidMappings");
	if (m->n_gid_maps > 0 && m->n_uid_maps == 0)
		return oci_refuse_member(r, at, "uidMappings",
					 "missing beside gidMappings");
	return 0;
}

const struct oci_object oci_mounts_object =
	OCI_TABLE(oci_mount, mount_fields, .check = mount_check);
