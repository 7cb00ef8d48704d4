/*
 * slugs.c - descriptions in the state, blobs in the slug store.
 */
#include "base/error.h"
#include "base/map.h"
#include "base/strv.h"
#include "controller/model/apps.h"
#include "controller/model/change.h"
#include "controller/model/dynos.h"
#include "controller/controller_conf.h"
#include "controller/engine.h"
#include "controller/model/names.h"
#include "controller/model/outcome.h"
#include "controller/slug/slug_storage.h"
#include "controller/slug/slugs.h"

#include <strings.h>

#define COMMAND_MAX 32768
#define TEXT_MAX 1024

static int slugs_check_types(const json_t *types, struct error *e)
{
	const char *type;
	json_t *command;

	if (!json_is_object(types))
		return outcome_set(e, OUTCOME_INVALID,
				   "process_types is required: an object of type "
				   "and command.");
	if (json_object_size(types) > SLUGS_TYPES_MAX)
		return outcome_set(e, OUTCOME_INVALID, "process_types: there may "
				   "be at most %d.", SLUGS_TYPES_MAX);
	json_object_foreach((json_t *)(uintptr_t)types, type, command) {
		if (!names_type_ok(type))
			return outcome_set(e, OUTCOME_INVALID, "process_types: "
				"\"%.60s\" is not a name for a process type.",
				type);
		if (!json_is_string(command) || !json_string_length(command) ||
		    json_string_length(command) > COMMAND_MAX ||
		    strlen(json_string_value(command)) !=
		    json_string_length(command))
			return outcome_set(e, OUTCOME_INVALID, "process_types: the "
				"command of %s is not a command.", type);
	}
	return 0;
}

static int slugs_check_checksum(const json_t *body, struct error *e)
{
	const char *text = json_str(body, "checksum"), *hex;

	if (!text)
		return 0;
	hex = strncasecmp(text, "SHA256:", 7) == 0 ? text + 7 : "";
	if (!id_is_sha256(hex))
		return outcome_set(e, OUTCOME_INVALID, "checksum must be SHA256: "
				   "and 64 lower-case hex digits.");
	return 0;
}

int slugs_create(struct engine *g, const json_t *app, const json_t *body,
		 json_t **ret, struct error *e)
{
	static const char *const texts[] = {
		"checksum", "commit", "commit_description",
		"buildpack_provided_description", "stack",
	};
	const json_t *types = json_object_get(body, "process_types");
	auto_json *slug = NULL;
	char id[UUID_TEXT_MAX];
	auto_change c = change_begin(g);
	int r = slugs_check_types(types, e);

	if (r == 0)
		r = slugs_check_checksum(body, e);
	if (r != 0)
		return r;
	slug = json_pack("{s:s, s:s, s:O, s:s, s:s, s:s}", "id", id_uuid(id),
			 "app", json_str(app, "id"), "process_types", types,
			 "stack", APPS_STACK, "created_at", c.now,
			 "updated_at", c.now);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		const char *text = json_str(body, texts[i]);

		if (text && strlen(text) > TEXT_MAX)
			return outcome_set(e, OUTCOME_INVALID, "%s is longer than "
					   "%d bytes.", texts[i], TEXT_MAX);
		if (text)
			json_object_set_new(slug, texts[i], json_string(text));
	}
	change_put(&c, slug, "/slugs/%s", id);
	r = change_commit(&c, e);
	if (r == 0)
		*ret = take_ptr(slug);
	return r;
}

int slugs_find(struct engine *g, const char *app_id, const char *id,
	       struct doc *ret, struct error *e)
{
	auto_doc d = DOC_INIT;
	int r = id_is_uuid(id) ? doc_get(g->state, &d, e, "/slugs/%s", id)
			       : STATE_ABSENT;

	if (r == 0 && app_id && !str_eq(json_str(d.j, "app"), app_id))
		r = STATE_ABSENT;
	if (r == STATE_ABSENT)
		return outcome_set(e, OUTCOME_NO_SLUG,
				   "Couldn't find that slug (%.60s).", id);
	if (r < 0)
		return r;
	*ret = d;
	d = DOC_INIT;
	return 0;
}

int slugs_check_digest(const json_t *slug, const char *sha256, struct error *e)
{
	const char *promised = json_str(slug, "checksum");

	if (promised && !str_eq(promised + strlen("SHA256:"), sha256))
		return outcome_set(e, OUTCOME_INVALID, "The checksum does not match: "
			"expected %s, got SHA256:%s.", promised, sha256);
	return 0;
}

int slugs_uploaded(struct engine *g, const char *id, const char *sha256,
		   uint64_t size, struct error *e)
{
	auto_doc d = DOC_INIT;
	auto_change c = change_begin(g);
	int r = slugs_find(g, NULL, id, &d, e);

	if (r != 0)
		return r;
	if (json_str(d.j, "sha256"))
		return outcome_set(e, OUTCOME_CONFLICT,
				   "This slug has been uploaded already.");
	json_object_set_new(d.j, "sha256", json_string(sha256));
	json_object_set_new(d.j, "size", json_integer((json_int_t)size));
	json_object_set_new(d.j, "updated_at", json_string(c.now));
	change_expect(&c, &d);
	change_put(&c, d.j, "%s", d.key);
	return change_commit(&c, e);
}

/* ---- clean-up ---- */

/* The slugs that a release of any app names which has not expired. */
static int slugs_released(struct engine *g, struct strv *ret, struct error *e)
{
	auto_doc_list docs = DOC_LIST_INIT;
	int r = doc_list(g->state, &docs, e, "/apps/");

	for (size_t i = 0; r == 0 && i < docs.n; i++) {
		const char *slug = json_str(docs.v[i].j, "slug");

		if (slug && strstr(docs.v[i].key, "/releases/") &&
		    !str_eq(json_str(docs.v[i].j, "status"), "expired") &&
		    !strv_has(ret, slug))
			strv_add(ret, slug);
	}
	return r;
}

static bool slugs_is_old(const struct engine *g, const json_t *slug)
{
	const char *text = json_str(slug, "created_at");
	uint64_t days = g->conf->release_days * 24 * 3600 * USEC_PER_SEC, created;

	return text && clock_parse(text, &created) &&
	       created + days < clock_real_usec();
}

static int slugs_is_garbage(struct engine *g, const json_t *slug,
			    const struct strv *released, struct error *e)
{
	auto_doc app = DOC_INIT;
	int r;

	if (strv_has(released, json_str(slug, "id")))
		return 0;
	r = doc_get(g->state, &app, e, "/apps/%s", json_str(slug, "app"));
	return r < 0 ? r : r == STATE_ABSENT || slugs_is_old(g, slug);
}

static int slugs_forget(struct engine *g, const struct doc *slug, struct error *e)
{
	const char *sha256 = json_str(slug->j, "sha256");
	auto_change c = change_begin(g);
	int r;

	change_expect(&c, slug);
	change_delete(&c, "%s", slug->key);
	r = change_commit(&c, e);
	if (r == 0 && sha256)
		slug_storage_drop(g->storage, sha256);
	return r < 0 ? r : 0;
}

int slugs_collect(struct engine *g, struct error *e)
{
	auto_doc_list slugs = DOC_LIST_INIT;
	auto_strv released = STRV_INIT;
	int r = slugs_released(g, &released, e);

	if (r == 0)
		r = doc_list(g->state, &slugs, e, "/slugs/");
	for (size_t i = 0; r >= 0 && i < slugs.n; i++) {
		r = slugs_is_garbage(g, slugs.v[i].j, &released, e);
		if (r > 0)
			r = slugs_forget(g, &slugs.v[i], e);
	}
	return r < 0 ? r : 0;
}

int slugs_digests(struct engine *g, struct map *ret, struct error *e)
{
	auto_doc_list slugs = DOC_LIST_INIT;
	int r = doc_list(g->state, &slugs, e, "/slugs/");

	for (size_t i = 0; r == 0 && i < slugs.n; i++) {
		const char *sha256 = json_str(slugs.v[i].j, "sha256");

		if (sha256)
			map_set(ret, sha256, ret);
	}
	return r;
}
