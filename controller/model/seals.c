/*
 * seals.c - one walk over the docs of apps when the controller starts.
 */
#include "base/error.h"
#include "base/log.h"
#include "controller/access/vault.h"
#include "controller/engine.h"
#include "controller/model/change.h"
#include "controller/model/seals.h"

static bool seals_is_secret(const struct doc *d, const char *member)
{
	return (strstr(d->key, "/configs/") && str_eq(member, "vars")) ||
	       (strstr(d->key, "/dynos/") && str_eq(member, "env"));
}

/* The member as it should be, or NULL if it is right. */
static int seals_member(struct engine *g, const struct doc *d, const char *member,
			const json_t *value, json_t **ret, struct error *e)
{
	const char *text = json_string_value(value);
	auto_free char *plain = NULL, *sealed = NULL;
	int r;

	if (!text || !vault_is_sealed(text)) {
		if (json_is_object(value) && seals_is_secret(d, member))
			*ret = vault_seal_json(g->vault, d->key, value);
		return 0;
	}
	if (vault_is_current(g->vault, text))
		return 0;
	r = vault_open(g->vault, d->key, text, &plain, e);
	if (r < 0)
		return r;
	sealed = vault_seal(g->vault, d->key, plain);
	explicit_bzero(plain, strlen(plain));
	*ret = json_string(sealed);
	return 0;
}

static int seals_doc(struct engine *g, const struct doc *d, size_t *n,
		     struct error *e)
{
	auto_json *fresh = json_copy(d->j);
	auto_change c = change_begin(g);
	const char *member;
	bool changed = false;
	json_t *value;

	json_object_foreach(d->j, member, value) {
		json_t *sealed = NULL;
		struct error why;

		if (seals_member(g, d, member, value, &sealed, &why) < 0)
			log_warn("%s, leaving it", why.msg);
		if (sealed)
			json_object_set_new(fresh, member, sealed);
		changed |= sealed != NULL;
	}
	if (!changed)
		return 0;
	++*n;
	change_expect(&c, d);
	change_put(&c, fresh, "%s", d->key);
	return change_commit(&c, e);
}

int seals_renew(struct engine *g, size_t *ret_n, struct error *e)
{
	auto_doc_list docs = DOC_LIST_INIT;
	int r = doc_list(g->state, &docs, e, "/apps/");

	*ret_n = 0;
	for (size_t i = 0; r >= 0 && i < docs.n; i++)
		r = seals_doc(g, &docs.v[i], ret_n, e);
	return r < 0 ? r : 0;
}
