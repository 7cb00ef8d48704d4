/* assignment.c - reads assignments by table, and keeps what it reads. */
#include "base/error.h"
#include "base/id.h"
#include "manager/limits.h"
#include "manager/model/assignment.h"

#include <ctype.h>

#define NAME_MAX_BYTES 140
#define MEMORY_MIN (4LL << 20)
#define MEMORY_MAX (1LL << 42)

/* What is only needed while reading. */
struct assignment_raw {
	struct assignment *a;
	char *kind;
	char *egress;
	json_t *app, *release, *slug, *env, *attach;
};

#define FIELD(member, kind, req, lo, hi) \
	{ #member, JSON_FIELD_##kind, offsetof(struct assignment, member), req, lo, hi }

static const struct json_field fields[] = {
	FIELD(id, STRING, true, 0, 36),
	FIELD(name, STRING, true, 0, NAME_MAX_BYTES),
	FIELD(type, STRING, true, 0, NAME_MAX_BYTES),
	FIELD(command, STRING, true, 0, COMMAND_MAX),
	FIELD(size, STRING, false, 0, NAME_MAX_BYTES),
	FIELD(memory, INT, true, MEMORY_MIN, MEMORY_MAX),
	FIELD(memory_max, INT, true, MEMORY_MIN, MEMORY_MAX),
	FIELD(pids, INT, true, 1, 1 << 22),
	FIELD(cpu_shares, INT, true, 2, 1 << 18),
	FIELD(cpus, INT, false, 0, 4096),
	FIELD(time_to_live, INT, false, 1, 30 * 86400),
	FIELD(runtime_metrics, BOOL, false, 0, 0),
	FIELD(idle, BOOL, false, 0, 0),
	FIELD(inside, STRING, false, 0, 36),
};

#define RAW(member, kind, req) \
	{ #member, JSON_FIELD_##kind, offsetof(struct assignment_raw, member), req, 0, 0 }

static const struct json_field raw_fields[] = {
	RAW(kind, STRING, true),
	RAW(egress, STRING, false),
	RAW(app, OBJECT, true),
	RAW(release, OBJECT, false),
	RAW(slug, OBJECT, false),
	RAW(env, OBJECT, false),
	RAW(attach, OBJECT, false),
};

#define PART(name, member, kind, req, lo, hi) \
	{ name, JSON_FIELD_##kind, offsetof(struct assignment, member), req, lo, hi }

static const struct json_field app_fields[] = {
	PART("id", app_id, STRING, true, 0, 36),
	PART("name", app_name, STRING, false, 0, NAME_MAX_BYTES),
};

static const struct json_field release_fields[] = {
	PART("version", release, INT, false, 0, INT32_MAX),
};

static const struct json_field slug_fields[] = {
	PART("sha256", slug, STRING, true, 0, 64),
	PART("path", slug_path, STRING, true, 0, 512),
};

static const struct json_field attach_fields[] = {
	PART("tty", tty, BOOL, false, 0, 0),
	PART("rows", rows, INT, false, 0, UINT16_MAX),
	PART("cols", cols, INT, false, 0, UINT16_MAX),
};

/* Names become part of a log frame, of DYNO and of messages. */
static bool assignment_name_ok(const char *s, bool dotted)
{
	size_t dots = 0;

	for (size_t i = 0; s[i]; i++) {
		if (s[i] == '.')
			dots++;
		else if (!isalnum((unsigned char)s[i]) && s[i] != '-' && s[i] != '_')
			return false;
	}
	return s[0] && s[0] != '.' && dots == (dotted ? 1 : 0);
}

static int assignment_check(const struct assignment *a, struct error *e)
{
	if (!id_is_uuid(a->id))
		return error_set(e, EINVAL, "id: not a UUID");
	if (!id_is_uuid(a->app_id))
		return error_set(e, EINVAL, "app.id: not a UUID");
	if (!assignment_name_ok(a->name, true))
		return error_set(e, EINVAL, "name: not the name of a dyno");
	if (!assignment_name_ok(a->type, false))
		return error_set(e, EINVAL, "type: not a process type");
	if (a->inside && !id_is_uuid(a->inside))
		return error_set(e, EINVAL, "inside: not a UUID");
	if (a->slug && !id_is_sha256(a->slug))
		return error_set(e, EINVAL, "slug.sha256: not a SHA-256");
	if (a->slug_path && a->slug_path[0] != '/' &&
	    !str_after(a->slug_path, "http://") && !str_after(a->slug_path, "https://"))
		return error_set(e, EINVAL, "slug.path: not a path");
	if (a->memory_max < a->memory)
		return error_set(e, EINVAL, "memory_max: less than memory");
	return 0;
}

static int assignment_read_env(struct assignment *a, json_t *env, struct error *e)
{
	const char *key;
	json_t *value;
	size_t total = 0;

	json_object_foreach(env, key, value) {
		const char *text = json_string_value(value);

		if (!text || strlen(text) != json_string_length(value))
			return error_set(e, EINVAL, "env.%.64s: not a string", key);
		if (!*key || strchr(key, '='))
			return error_set(e, EINVAL, "env: a key is not a name");
		total += strlen(key) + strlen(text) + 2;
		if (total > ENV_MAX)
			return error_set(e, E2BIG, "env: more than %d bytes", ENV_MAX);
		strv_setenv(&a->env, key, text);
	}
	return 0;
}

static int assignment_read_parts(struct assignment *a,
				 const struct assignment_raw *raw, struct error *e)
{
	const struct {
		json_t *object;
		const struct json_field *fields;
		size_t n;
		const char *name;
	} parts[] = {
		{ raw->app, app_fields, ARRAY_SIZE(app_fields), "app" },
		{ raw->release, release_fields, ARRAY_SIZE(release_fields), "release" },
		{ raw->slug, slug_fields, ARRAY_SIZE(slug_fields), "slug" },
		{ raw->attach, attach_fields, ARRAY_SIZE(attach_fields), "attach" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		int r;

		if (!parts[i].object)
			continue;
		r = json_read(parts[i].object, parts[i].fields, parts[i].n, a, e);
		if (r < 0)
			return error_prefix(e, r, "%s", parts[i].name);
	}
	return raw->env ? assignment_read_env(a, raw->env, e) : 0;
}

static int assignment_read_egress(struct assignment *a, const char *word,
				  struct error *e)
{
	static const char *const words[DYNO_EGRESS_COUNT] = {
		[DYNO_EGRESS_INTERNET] = "internet",
		[DYNO_EGRESS_ALLOWED] = "allowed", [DYNO_EGRESS_NONE] = "none",
	};

	for (int i = 0; word && i < DYNO_EGRESS_COUNT; i++)
		if (str_eq(word, words[i])) {
			a->egress = (enum dyno_egress)i;
			return 0;
		}
	return word ? error_set(e, EINVAL, "egress: unknown") : 0;
}

static int assignment_read(struct assignment *a, struct assignment_raw *raw,
			   struct error *e)
{
	int r;

	r = json_read(a->json, fields, ARRAY_SIZE(fields), a, e);
	if (r < 0)
		return r;
	r = json_read(a->json, raw_fields, ARRAY_SIZE(raw_fields), raw, e);
	if (r < 0)
		return r;
	if (str_eq(raw->kind, "formation"))
		a->kind = DYNO_FORMATION;
	else if (str_eq(raw->kind, "run"))
		a->kind = raw->attach ? DYNO_ATTACHED : DYNO_ONEOFF;
	else if (str_eq(raw->kind, "inside") && raw->attach && a->inside && !raw->slug)
		a->kind = DYNO_ATTACHED;
	else
		return error_set(e, EINVAL, "kind: unknown");
	if (a->inside && !str_eq(raw->kind, "inside"))
		return error_set(e, EINVAL, "inside: of another kind");
	r = assignment_read_egress(a, raw->egress, e);
	if (r == 0)
		r = assignment_read_parts(a, raw, e);
	return r < 0 ? r : assignment_check(a, e);
}

int assignment_new(struct assignment **ret, json_t *json, struct error *e)
{
	auto_(assignment_unref_p) struct assignment *a = xcalloc(1, sizeof(*a));
	struct assignment_raw raw = { .a = a };
	int r;

	a->n_refs = 1;
	if (!json_is_object(json))
		return error_set(e, EINVAL, "not an object");
	a->json = json_incref(json);
	r = assignment_read(a, &raw, e);
	json_fields_free(raw_fields, ARRAY_SIZE(raw_fields), &raw);
	if (r < 0)
		return r;
	*ret = take_ptr(a);
	return 0;
}

struct assignment *assignment_ref(struct assignment *a)
{
	a->n_refs++;
	return a;
}

struct assignment *assignment_unref(struct assignment *a)
{
	if (!a || --a->n_refs > 0)
		return NULL;
	json_fields_free(fields, ARRAY_SIZE(fields), a);
	json_fields_free(app_fields, ARRAY_SIZE(app_fields), a);
	json_fields_free(slug_fields, ARRAY_SIZE(slug_fields), a);
	strv_deinit(&a->env);
	json_decref(a->json);
	free(a);
	return NULL;
}

bool assignment_is_web(const struct assignment *a)
{
	return a->kind == DYNO_FORMATION && str_eq(a->type, "web");
}

/* ---- the list ---- */

void assignment_list_deinit(struct assignment_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		assignment_unref(l->items[i]);
	free(l->items);
	*l = ASSIGNMENT_LIST_INIT;
}

struct assignment *assignment_list_find(const struct assignment_list *l,
					const char *id)
{
	for (size_t i = 0; i < l->n; i++)
		if (str_eq(l->items[i]->id, id))
			return l->items[i];
	return NULL;
}

static bool assignment_is_same(const struct assignment *a, const struct assignment *b)
{
	auto_json *renamed = json_copy(a->json);

	json_object_set(renamed, "id", json_object_get(b->json, "id"));
	return json_equal(renamed, b->json);
}

struct assignment *assignment_list_same(const struct assignment_list *l,
					struct assignment *a, const char *id)
{
	struct assignment *there = assignment_list_find(l, id);

	if (!there || there == a || !assignment_is_same(a, there))
		return a;
	assignment_ref(there);
	assignment_unref(a);
	return there;
}

void assignment_list_keep(struct assignment_list *l, const struct assignment_list *old)
{
	for (size_t i = 0; i < l->n; i++)
		l->items[i] = assignment_list_same(old, l->items[i],
						    l->items[i]->id);
}

static void assignment_list_add(struct assignment_list *l, json_t *json,
				void (*tell)(const char *what, void *userdata),
				void *userdata)
{
	struct assignment *a;
	struct error e;

	if (assignment_new(&a, json, &e) < 0) {
		const char *name = json_str(json, "name");

		error_prefix(&e, -e.code, "assignment of %.64s", name ? name : "?");
	} else if (l->n >= DYNOS_MAX) {
		error_set(&e, E2BIG, "assignment of %s: there are more than %d",
			  a->name, DYNOS_MAX);
		assignment_unref(a);
	} else if (assignment_list_find(l, a->id)) {
		error_set(&e, EEXIST, "assignment of %s: id is used twice", a->name);
		assignment_unref(a);
	} else {
		l->items[l->n++] = a;
		return;
	}
	tell(e.msg, userdata);
}

int assignment_list_parse(struct assignment_list *ret, const json_t *body,
			  void (*tell)(const char *what, void *userdata),
			  void *userdata, struct error *e)
{
	json_t *array = json_object_get(body, "assignments"), *item;
	int64_t revision = json_int(body, "revision", -1);
	size_t i;

	if (!json_is_array(array) || revision < 0)
		return error_set(e, EINVAL, "not a list of assignments");
	*ret = ASSIGNMENT_LIST_INIT;
	ret->revision = revision;
	ret->items = xcalloc(DYNOS_MAX, sizeof(*ret->items));
	json_array_foreach(array, i, item)
		assignment_list_add(ret, item, tell, userdata);
	return 0;
}
