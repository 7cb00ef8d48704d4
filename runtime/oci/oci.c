/*
 * oci.c - a whole config.json: the outermost tables, and memory.
 */
#include "base/error.h"
#include "runtime/oci/oci.h"
#include "runtime/oci/oci_objects.h"

#include <ctype.h>

/* ---- the outermost object ---- */

static const char *digits_after(const char *s)
{
	size_t n = strspn(s, "0123456789");

	return n == 0 || (n > 1 && s[0] == '0') ? NULL : s + n;
}

/* "-rc.1", "+dev": parts of letters, digits and dashes, between dots. */
static bool tail_good(const char *s)
{
	for (char last = '.'; ; last = *s++) {
		if (*s == '.' || *s == '+' || !*s) {
			if (last == '.' || last == '+')
				return false;
			if (!*s)
				return true;
		} else if (!isalnum((unsigned char)*s) && *s != '-') {
			return false;
		}
	}
}

/* Semantic versioning; within a major version all are compatible. */
static int version_check(const struct oci_reader *r, const struct oci_at *at,
			 const char *s)
{
	const char *p = digits_after(s);

	for (int i = 0; p && i < 2; i++)
		p = *p == '.' ? digits_after(p + 1) : NULL;
	if (!p || (*p && ((*p != '-' && *p != '+') || !tail_good(p + 1))))
		return oci_refuse(r, at, "%s is not a version such as %s",
				  oci_refuse_quote(s).text, OCI_VERSION);
	if (!str_after(s, "1."))
		return oci_refuse(r, at, "%s is not supported, 1.x is",
				  oci_refuse_quote(s).text);
	return 0;
}

static const struct oci_field root_fields[] = {
	OCI_F(OCI_STRING, oci, "path", root_path, .required = true),
	OCI_F(OCI_BOOL, oci, "readonly", root_readonly),
};
static const struct oci_object root_object = OCI_TABLE(oci, root_fields);

static const struct oci_field config_fields[] = {
	OCI_F(OCI_STRING, oci, "ociVersion", version, .required = true,
	      .string = version_check),
	OCI_F_OBJECT("root", root_object, .required = true),
	OCI_F(OCI_STRING, oci, "hostname", hostname),
	OCI_F(OCI_STRING, oci, "domainname", domainname),
	OCI_F_OBJECT("process", oci_process_object,
		     .offset = offsetof(struct oci, process),
		     .present = offsetof(struct oci, has_process)),
	OCI_F_ARRAY(oci, "mounts", mounts, n_mounts, oci_mounts_object),
	OCI_F_OBJECT("hooks", oci_hooks_object),
	OCI_F_LIST(OCI_PAIRS, oci, "annotations", annotations, n_annotations),
	OCI_F_OBJECT("linux", oci_linux_object),
};
static const struct oci_object config_object = OCI_TABLE(oci, config_fields);

/* ---- memory ---- */

struct oci_memory {
	struct oci_json json;
	struct oci_arena arena;
};

struct oci *oci_free(struct oci *o)
{
	struct oci_memory *m;

	if (!o)
		return NULL;
	m = o->memory;
	oci_json_deinit(&m->json);
	oci_arena_deinit(&m->arena);
	free(m);
	free(o);
	return NULL;
}

/* ---- parsing ---- */

static const char *const no_strings[] = { NULL };

typedef int parse_fn(const struct oci_reader *r, struct oci *o);

static int parse(struct oci **ret, const char *text, size_t n, parse_fn *fn,
		 struct error *e)
{
	auto_(oci_free_p) struct oci *o = xcalloc(1, sizeof(*o));
	struct oci_memory *m = xcalloc(1, sizeof(*m));
	struct oci_reader r = { .arena = &m->arena, .json = &m->json, .e = e };
	int ok;

	o->memory = m;
	if (n > OCI_CONFIG_MAX)
		return error_set(e, EINVAL, "larger than %d bytes", OCI_CONFIG_MAX);
	ok = oci_json_parse(&m->json, text, n, e);
	if (ok < 0)
		return ok;
	oci_read_absent(&config_object, o);
	o->process.capabilities.unknown.v = no_strings;
	ok = fn(&r, o);
	if (ok < 0)
		return ok;
	*ret = take_ptr(o);
	return 0;
}

static int parse_config(const struct oci_reader *r, struct oci *o)
{
	int ret = oci_read_object(r, NULL, r->json->root, &config_object, o);

	return ret < 0 ? ret : oci_rules_check(r, o);
}

static int parse_process(const struct oci_reader *r, struct oci *o)
{
	o->has_process = true;
	return oci_read_object(r, NULL, r->json->root, &oci_process_object,
			       &o->process);
}

static int parse_resources(const struct oci_reader *r, struct oci *o)
{
	return oci_read_object(r, NULL, r->json->root, &oci_resources_object,
			       &o->resources);
}

int oci_parse(struct oci **ret, const char *text, size_t n, struct error *e)
{
	return parse(ret, text, n, parse_config, e);
}

int oci_parse_process(struct oci **ret, const char *text, size_t n,
		      struct error *e)
{
	return parse(ret, text, n, parse_process, e);
}

int oci_parse_resources(struct oci **ret, const char *text, size_t n,
			struct error *e)
{
	return parse(ret, text, n, parse_resources, e);
}
