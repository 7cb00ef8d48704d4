/* state.c - JSON files, by table. */
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "base/id.h"
#include "http/json.h"
#include "manager/life/state.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define FILE_MAX (1024 * 1024)
#define LIST_FILE_MAX (128 * 1024 * 1024)

struct state_file {
	struct state st;
	char *name;			/* of st.state */
};

#define FIELD(member, kind) \
	{ #member, JSON_FIELD_##kind, offsetof(struct state_file, st.member), \
	  false, 0, 0 }

static const struct json_field fields[] = {
	{ "state", JSON_FIELD_STRING, offsetof(struct state_file, name), true, 0, 32 },
	FIELD(instance, STRING),
	FIELD(slot, STRING),
	FIELD(cycling, INT),
	FIELD(cycle_at, INT),
	FIELD(stopping, BOOL),
	FIELD(replaced, BOOL),
	FIELD(vast, BOOL),
	FIELD(late, BOOL),
	FIELD(since, INT),
	FIELD(changed, INT),
	FIELD(started, INT),
	FIELD(starts, INT),
	FIELD(port, INT),
	FIELD(crashes, INT),
	FIELD(failures, INT),
	FIELD(hups, INT),
	FIELD(exit_status, INT),
	FIELD(error, STRING),
	FIELD(trace, STRING),
};

static json_t *state_field_json(const struct json_field *f, const void *base)
{
	const void *p = (const char *)base + f->offset;
	const char *text;

	switch (f->kind) {
	case JSON_FIELD_BOOL:
		return json_boolean(*(const bool *)p);
	case JSON_FIELD_INT:
		return json_integer(*(const int64_t *)p);
	case JSON_FIELD_STRING:
		text = *(char *const *)p;
		return text ? json_bytes(text, strlen(text)) : json_null();
	case JSON_FIELD_OBJECT:
	case JSON_FIELD_ARRAY:
	case JSON_FIELD_ANY:
		break;
	}
	assert(!"a kind that state files do not have");
	return NULL;
}

static int state_write(const char *dir, const char *name, const json_t *json,
		       struct error *e)
{
	auto_free char *path = xasprintf("%s/%s", dir, name);
	auto_free char *text = json_text(json);

	return file_write_fast(AT_FDCWD, path, text, strlen(text), 0600, e);
}

static int state_read(const char *dir, const char *name, size_t max,
		      json_t **ret, struct error *e)
{
	auto_free char *path = xasprintf("%s/%s", dir, name);
	auto_buf text = BUF_INIT;
	int r = file_read(AT_FDCWD, path, max, &text, e);

	if (r < 0)
		return r;
	r = json_parse(buf_str(&text), text.len, ret, e);
	return error_prefix(e, r, "%s", path);
}

void state_deinit(struct state *st)
{
	free(st->instance);
	free(st->slot);
	free(st->error);
	free(st->trace);
	*st = (struct state){ 0 };
}

int state_save(const char *dir, const struct state *st, struct error *e)
{
	struct state_file file = { .st = *st };
	auto_free char *name = xstrdup(dyno_fsm_name(st->state));
	auto_json *json = json_object();

	file.name = name;
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		json_object_set_new(json, fields[i].name,
				    state_field_json(&fields[i], &file));
	return state_write(dir, "state.json", json, e);
}

int state_load(const char *dir, struct state *ret, struct error *e)
{
	struct state_file file = { .st.exit_status = -1 };
	auto_json *json = NULL;
	int r;

	r = state_read(dir, "state.json", FILE_MAX, &json, e);
	if (r < 0)
		return r;
	r = json_read(json, fields, ARRAY_SIZE(fields), &file, e);
	if (r >= 0 && !dyno_fsm_parse(file.name, &file.st.state))
		r = error_set(e, EINVAL, "unknown state \"%s\"", file.name);
	free(file.name);
	if (r < 0) {
		state_deinit(&file.st);
		return error_prefix(e, r, "%s/state.json", dir);
	}
	*ret = file.st;
	return 0;
}

int state_save_instance(const char *dir, const struct state *st, struct error *e)
{
	auto_free char *path = xasprintf("%s/instance", dir);
	auto_free char *text = xasprintf("%s %lld %s\n", st->instance,
					 (long long)st->port, st->slot);

	return file_write_fast(AT_FDCWD, path, text, strlen(text), 0600, e);
}

int state_recall(const char *dir, struct state *ret, struct error *e)
{
	auto_free char *path = xasprintf("%s/instance", dir);
	auto_buf text = BUF_INIT;
	char instance[UUID_TEXT_MAX], slot[UUID_TEXT_MAX];
	unsigned port;
	int r = file_read(AT_FDCWD, path, 256, &text, e);

	if (r < 0)
		return r;
	if (sscanf(buf_str(&text), "%36s %5u %36s", instance, &port, slot) != 3 ||
	    !id_is_uuid(instance) || !id_is_uuid(slot) || port > UINT16_MAX)
		return error_set(e, EBADMSG, "%s is damaged", path);
	*ret = (struct state){
		.instance = xstrdup(instance), .slot = xstrdup(slot), .port = port,
		.exit_status = -1,
	};
	return 0;
}

int state_save_assignment(const char *dir, const struct assignment *a,
			  struct error *e)
{
	return state_write(dir, "assignment.json", a->json, e);
}

int state_load_assignment(const char *dir, struct assignment **ret,
			  struct error *e)
{
	auto_json *json = NULL;
	int r = state_read(dir, "assignment.json", FILE_MAX, &json, e);

	return r < 0 ? r : assignment_new(ret, json, e);
}

int state_save_list(const char *dir, const struct assignment_list *l,
		    struct error *e)
{
	auto_json *json = json_object();
	json_t *array = json_array();

	for (size_t i = 0; i < l->n; i++)
		json_array_append(array, l->items[i]->json);
	json_object_set_new(json, "revision", json_integer(l->revision));
	json_object_set_new(json, "assignments", array);
	return state_write(dir, "assignments.json", json, e);
}

void state_forget_list(const char *dir)
{
	auto_free char *path = xasprintf("%s/assignments.json", dir);

	unlink(path);
}

static void state_tell_nobody(const char *what, void *userdata)
{
}

int state_load_list(const char *dir, struct assignment_list *ret,
		    void (*tell)(const char *what, void *userdata), void *userdata,
		    struct error *e)
{
	auto_free char *path = xasprintf("%s/assignments.json", dir);
	auto_json *json = NULL;
	int r;

	*ret = ASSIGNMENT_LIST_INIT;
	if (access(path, F_OK) < 0 && errno == ENOENT)
		return 0;
	r = state_read(dir, "assignments.json", LIST_FILE_MAX, &json, e);
	if (r < 0)
		return r;
	return assignment_list_parse(ret, json, tell ? tell : state_tell_nobody,
				     userdata, e);
}
