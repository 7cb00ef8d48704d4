#include "runtime/oci/container_state.h"

#include "base/clock.h"
#include "base/error.h"
#include "runtime/oci/container.h"

#include <jansson.h>
#include <limits.h>
#include <stdio.h>

#define CONTAINER_PID_MAX (1 << 22)	/* PID_MAX_LIMIT of the kernel */

/* ---- state.json ---- */

enum container_type { C_ID, C_PATH, C_CGROUP, C_PID, C_UID, C_U64, C_BOOL };

/* Order of the file. */
static const struct container_key {
	const char *name;
	enum container_type type;
	size_t offset;
} container_keys[] = {
#define KEY(name, type, member) { name, type, offsetof(struct container, member) }
	KEY("id", C_ID, id),
	KEY("bundle", C_PATH, bundle),
	KEY("rootfs", C_PATH, rootfs),
	KEY("pid", C_PID, pid),
	KEY("startTicks", C_U64, start_ticks),
	KEY("createdUsec", C_U64, created_usec),
	KEY("owner", C_UID, owner),
	KEY("cgroup", C_CGROUP, cgroup),
	KEY("systemdCgroup", C_BOOL, systemd_cgroup),
	KEY("started", C_BOOL, started),
#undef KEY
};

static json_t *container_key_json(const struct container *c,
				  const struct container_key *k)
{
	const void *p = (const char *)c + k->offset;
	const char *text;

	switch (k->type) {
	case C_ID: case C_PATH: case C_CGROUP:
		text = *(char *const *)p;
		return text ? json_string(text) : json_null();
	case C_PID:
		return json_integer(*(const pid_t *)p);
	case C_UID:
		return json_integer(*(const uid_t *)p);
	case C_U64:
		return json_integer((json_int_t)*(const uint64_t *)p);
	case C_BOOL:
		return json_boolean(*(const bool *)p);
	}
	abort();
}

int container_state_format(const struct container *c, char **ret,
			   struct error *e)
{
	json_t *o = json_object();

	for (size_t i = 0; i < ARRAY_SIZE(container_keys); i++) {
		const struct container_key *k = &container_keys[i];

		if (json_object_set_new(o, k->name, container_key_json(c, k)) == 0)
			continue;
		json_decref(o);
		return error_set(e, EILSEQ, "the %s of container %s is no UTF-8",
				 k->name, c->id);
	}
	*ret = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	if (!*ret)
		abort();
	return 0;
}

/* No component that leads back up: it will be part of a path to be removed. */
static bool container_path_ok(const char *s, size_t n)
{
	size_t len;

	if (n != strlen(s) || n >= PATH_MAX)
		return false;
	for (; *s; s += len) {
		s += strspn(s, "/");
		len = strcspn(s, "/");
		if (len == 2 && s[0] == '.' && s[1] == '.')
			return false;
	}
	return true;
}

static bool container_key_text(const struct container *c, char **p,
			       const struct container_key *k, const json_t *v)
{
	const char *s = json_string_value(v);

	if (k->type != C_ID && json_is_null(v))
		return true;
	if (!s)
		return false;
	if (k->type == C_ID)
		return json_string_length(v) == strlen(c->id) && str_eq(s, c->id);
	if (k->type == C_CGROUP && !container_path_ok(s, json_string_length(v)))
		return false;
	if (k->type == C_PATH && (s[0] != '/' || json_string_length(v) >= PATH_MAX ||
				  strlen(s) != json_string_length(v)))
		return false;
	free(*p);
	*p = xstrdup(s);
	return true;
}

static bool container_key_take(struct container *c, const struct container_key *k,
			       const json_t *v)
{
	void *p = (char *)c + k->offset;
	json_int_t x = json_integer_value(v);

	switch (k->type) {
	case C_ID: case C_PATH: case C_CGROUP:
		return container_key_text(c, p, k, v);
	case C_PID:
		*(pid_t *)p = (pid_t)x;
		return json_is_integer(v) && x >= 0 && x <= CONTAINER_PID_MAX;
	case C_UID:
		*(uid_t *)p = (uid_t)x;
		return json_is_integer(v) && x >= 0 && x < UINT32_MAX;
	case C_U64:
		*(uint64_t *)p = (uint64_t)x;
		return json_is_integer(v) && x >= 0;
	case C_BOOL:
		*(bool *)p = json_is_true(v);
		return json_is_boolean(v);
	}
	return false;
}

static int container_take(struct container *c, json_t *o, struct error *e)
{
	size_t known = 0;

	for (size_t i = 0; i < ARRAY_SIZE(container_keys); i++) {
		const struct container_key *k = &container_keys[i];
		json_t *v = json_object_get(o, k->name);

		if (!v)
			return error_set(e, EINVAL, "%s: missing", k->name);
		if (!container_key_take(c, k, v))
			return error_set(e, EINVAL, "%s: not what it should be",
					 k->name);
		known++;
	}
	if (known != json_object_size(o))
		return error_set(e, EINVAL, "unknown properties");
	if (c->pid == 1)
		return error_set(e, EINVAL, "pid: not what it should be");
	return 0;
}

int container_state_parse(struct container *c, const char *text, size_t n,
			  struct error *e)
{
	json_error_t je;
	json_t *o = n > CONTAINER_STATE_MAX ? NULL :
		json_loadb(text, n, JSON_REJECT_DUPLICATES, &je);
	int r;

	if (n > CONTAINER_STATE_MAX)
		return error_set(e, EINVAL, "larger than %d bytes",
				 CONTAINER_STATE_MAX);
	if (!o)
		return error_set(e, EINVAL, "%s", je.text);
	r = container_take(c, o, e);
	json_decref(o);
	return r;
}

/* ---- the specification's document ---- */

/* "2026-11-21T00:13:42.662932Z", as Go prints and reads a time. */
static json_t *container_time(uint64_t usec)
{
	char text[CLOCK_TEXT_MAX];
	char *zone;

	clock_log_text(text, usec);
	zone = strchr(text, '+');
	if (zone) {
		zone[0] = 'Z';
		zone[1] = '\0';
	}
	return json_string(text);
}

static json_t *container_annotations(const struct oci *oci)
{
	json_t *o = json_object();

	for (size_t i = 0; i < oci->n_annotations; i++)
		json_object_set_new(o, oci->annotations[i].key,
				    json_string(oci->annotations[i].value));
	return o;
}

char *container_state_text(const struct container *c, const struct oci *oci,
			   enum container_status status, pid_t pid)
{
	json_t *o = json_object();
	char *text;

	json_object_set_new(o, "ociVersion", json_string(OCI_VERSION));
	json_object_set_new(o, "id", json_string(c->id));
	json_object_set_new(o, "pid", json_integer(pid));
	json_object_set_new(o, "status", json_string(container_status_name(status)));
	json_object_set_new(o, "bundle", json_string(c->bundle ? c->bundle : ""));
	json_object_set_new(o, "rootfs", json_string(c->rootfs ? c->rootfs : ""));
	json_object_set_new(o, "created", container_time(c->created_usec));
	if (oci && oci->n_annotations > 0)
		json_object_set_new(o, "annotations", container_annotations(oci));
	text = json_dumps(o, JSON_INDENT(2));
	json_decref(o);
	if (!text)
		abort();
	return text;
}
