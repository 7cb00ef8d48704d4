/*
 * oci_features.c - what this runtime can do, out of the tables it reads with.
 */
#include "runtime/oci/oci.h"
#include "runtime/oci/oci_mount.h"
#include "runtime/oci/oci_objects.h"

#include <linux/seccomp.h>
#include <seccomp.h>

#define VERSION_MIN "1.0.0"

static json_t *feature_strings(const char *const *v)
{
	json_t *a = json_array();

	for (; *v; v++)
		json_array_append_new(a, json_string(*v));
	return a;
}

static json_t *feature_words(const struct oci_word *w)
{
	json_t *a = json_array();

	for (; w->name; w++)
		json_array_append_new(a, json_string(w->name));
	return a;
}

static json_t *feature_mount_options(void)
{
	json_t *a = json_array();
	const char *w;

	for (size_t i = 0; (w = oci_mount_word(i)); i++)
		json_array_append_new(a, json_string(w));
	return a;
}

static json_t *feature_enabled(bool enabled)
{
	return json_pack("{s:b}", "enabled", enabled);
}

static json_t *feature_cgroup(void)
{
	return json_pack("{s:b, s:b, s:b, s:b, s:b}", "v1", true, "v2", true,
			 "systemd", false, "systemdUser", false, "rdma", true);
}

static json_t *feature_seccomp(void)
{
	return json_pack("{s:b, s:o, s:o, s:o, s:o, s:o}", "enabled", true,
			 "actions", feature_strings(seccomp_actions),
			 "operators", feature_strings(seccomp_operators),
			 "archs", feature_strings(seccomp_arches),
			 "knownFlags", feature_strings(seccomp_flags),
			 "supportedFlags", feature_strings(seccomp_flags));
}

static json_t *feature_linux(void)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
			 "namespaces", feature_words(oci_linux_namespaces),
			 "capabilities", feature_strings(oci_process_capabilities),
			 "cgroup", feature_cgroup(),
			 "seccomp", feature_seccomp(),
			 "apparmor", feature_enabled(true),
			 "selinux", feature_enabled(true),
			 "intelRdt", feature_enabled(false),
			 "mountExtensions",
			 json_pack("{s:o}", "idmap", feature_enabled(true)));
}

static json_t *feature_annotations(void)
{
	const struct scmp_version *v = seccomp_version();

	return json_pack("{s:o, s:s}", "io.github.seccomp.libseccomp.version",
			 json_sprintf("%u.%u.%u", v->major, v->minor, v->micro),
			 "dyno.version", DYNO_VERSION);
}

char *oci_features(void)
{
	/* No annotation of a configuration changes what is done. */
	json_t *all = json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:[]}",
				"ociVersionMin", VERSION_MIN,
				"ociVersionMax", OCI_VERSION,
				"hooks", feature_strings(oci_hooks_names),
				"mountOptions", feature_mount_options(),
				"linux", feature_linux(),
				"annotations", feature_annotations(),
				"potentiallyUnsafeConfigAnnotations");
	char *text = json_dumps(all, JSON_INDENT(2));

	assert(all && text);		/* only memory could fail */
	json_decref(all);
	return text;
}
