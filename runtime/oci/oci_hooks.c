/*
 * oci_hooks.c - tables of the hooks object.
 */
#include "runtime/oci/oci.h"
#include "runtime/oci/oci_objects.h"

#include <limits.h>

static const struct oci_field hook_fields[] = {
	OCI_F(OCI_STRING, oci_hook, "path", path, .required = true,
	      .string = oci_read_absolute),
	OCI_F_STRINGS(oci_hook, "args", args),
	OCI_F_STRINGS(oci_hook, "env", env),
	OCI_F_NUMBER(oci_hook, "timeout", timeout_sec, 1, INT_MAX),
};
static const struct oci_object hook_object = OCI_TABLE(oci_hook, hook_fields);

#define HOOKS(name, kind) \
	OCI_F_ARRAY(oci, name, hooks[kind].v, hooks[kind].n, hook_object)

static const struct oci_field hooks_fields[] = {
	HOOKS("prestart", OCI_PRESTART),
	HOOKS("createRuntime", OCI_CREATE_RUNTIME),
	HOOKS("createContainer", OCI_CREATE_CONTAINER),
	HOOKS("startContainer", OCI_START_CONTAINER),
	HOOKS("poststart", OCI_POSTSTART),
	HOOKS("poststop", OCI_POSTSTOP),
};
const struct oci_object oci_hooks_object = OCI_TABLE(oci, hooks_fields);

const char *const oci_hooks_names[OCI_HOOK_KINDS + 1] = {
	[OCI_PRESTART] = "prestart",
	[OCI_CREATE_RUNTIME] = "createRuntime",
	[OCI_CREATE_CONTAINER] = "createContainer",
	[OCI_START_CONTAINER] = "startContainer",
	[OCI_POSTSTART] = "poststart",
	[OCI_POSTSTOP] = "poststop",
};
