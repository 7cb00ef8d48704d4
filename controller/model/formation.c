/*
 * formation.c - updates, limits and the effect of a deploy.
 */
#include "base/buf.h"
#include "base/error.h"
#include "controller/model/formation.h"
#include "controller/model/names.h"
#include "controller/model/outcome.h"
#include "controller/model/sizes.h"

#include <stdio.h>

static int formation_quantity_text(const char *text,
				   struct formation_update *u, struct error *e)
{
	const char *digits = text + (*text == '+' || *text == '-');
	size_t n = strlen(digits);

	if (n < 1 || n > 6 || strspn(digits, "0123456789") != n)
		return outcome_set(e, OUTCOME_INVALID, "quantity: \"%.20s\" is not "
			"a number, with or without a sign.", text);
	u->relative = digits != text;
	u->quantity = strtoll(text, NULL, 10);
	return 0;
}

static int formation_quantity(const json_t *q, struct formation_update *u,
			      struct error *e)
{
	if (!q || json_is_null(q))
		return 0;
	u->has_quantity = true;
	if (json_is_string(q))
		return formation_quantity_text(json_string_value(q), u, e);
	if (!json_is_integer(q))
		return outcome_set(e, OUTCOME_INVALID,
				   "quantity must be an integer.");
	u->quantity = json_integer_value(q);
	if (u->quantity < 0)
		return outcome_set(e, OUTCOME_INVALID,
				   "quantity must not be negative.");
	return 0;
}

static int formation_size(const json_t *item, struct formation_update *u,
			  struct error *e)
{
	const json_t *s = json_object_get(item, "size");

	if (!s || json_is_null(s))
		s = json_object_get(item, "dyno_size");
	if (json_is_object(s))
		s = json_object_get(s, "name");
	if (!s || json_is_null(s))
		return 0;
	if (json_is_string(s))
		u->size = sizes_find(json_string_value(s));
	if (!u->size) {
		auto_free char *names = sizes_names();

		return outcome_set(e, OUTCOME_INVALID, "No such size as %.60s. "
			"There are %s.", json_is_string(s) ?
			json_string_value(s) : "that", names);
	}
	return 0;
}

int formation_parse(const json_t *item, const char *type,
		    struct formation_update *ret, struct error *e)
{
	int r;

	*ret = (struct formation_update){ .size = NULL };
	if (!json_is_object(item))
		return outcome_set(e, OUTCOME_BAD_REQUEST,
				   "An update must be an object.");
	if (!type)
		type = json_str(item, "type");
	if (!type)		/* older clients */
		type = json_str(item, "process");
	if (!type)
		return outcome_set(e, OUTCOME_INVALID, "An update needs a type.");
	if (!names_type_ok(type))
		return outcome_set(e, OUTCOME_NO_TYPE, "Couldn't find that process "
				   "type (%.60s).", type);
	snprintf(ret->type, sizeof(ret->type), "%s", type);
	r = formation_quantity(json_object_get(item, "quantity"), ret, e);
	if (r == 0)
		r = formation_size(item, ret, e);
	return r;
}

json_t *formation_find(const json_t *formation, const char *type)
{
	json_t *entry;
	size_t i;

	json_array_foreach(formation, i, entry) {
		const char *t = json_str(entry, "type");

		if (t && str_eq(t, type))
			return entry;
	}
	return NULL;
}

int formation_apply(json_t *formation, const struct formation_update *u,
		    bool *ret_resized, struct error *e)
{
	json_t *entry = formation_find(formation, u->type);
	int64_t quantity;

	if (!entry)
		return outcome_set(e, OUTCOME_NO_TYPE, "Couldn't find that process "
				   "type (%s).", u->type);
	if (u->has_quantity) {
		quantity = u->quantity +
			   (u->relative ? json_int(entry, "quantity", 0) : 0);
		if (quantity < 0)
			quantity = 0;
		json_object_set_new(entry, "quantity", json_integer(quantity));
	}
	*ret_resized = u->size && !str_eq(json_str(entry, "size"), u->size->name);
	if (*ret_resized)
		json_object_set_new(entry, "size", json_string(u->size->name));
	return 0;
}

static int formation_check_entry(const json_t *entry, bool one_per_type,
				 struct error *e)
{
	const struct size *size = sizes_find(json_str(entry, "size"));
	int64_t quantity = json_int(entry, "quantity", 0);
	unsigned max = size->max_per_type;

	if (quantity > 0 && str_eq(json_str(entry, "type"), FORMATION_RELEASE))
		return outcome_set(e, OUTCOME_INVALID, "Cannot scale %s: its command "
			"runs once for each release.", FORMATION_RELEASE);
	if (one_per_type && size->one_per_type)
		max = 1;
	if (max && quantity > max)
		return outcome_set(e, OUTCOME_INVALID, "Cannot update to more than "
			"%u %s size dynos per process type.", max, size->name);
	return 0;
}

int formation_check(const json_t *formation, bool one_per_type,
		    struct error *e)
{
	int64_t total = 0;
	json_t *entry;
	size_t i;

	json_array_foreach(formation, i, entry) {
		int r = formation_check_entry(entry, one_per_type, e);

		if (r != 0)
			return r;
		total += json_int(entry, "quantity", 0);
	}
	if (total > FORMATION_DYNOS_MAX)
		return outcome_set(e, OUTCOME_INVALID, "Cannot scale to %lld dynos: "
			"an app may have at most %d.", (long long)total,
			FORMATION_DYNOS_MAX);
	return 0;
}

json_t *formation_deploy(const json_t *formation, const json_t *process_types,
			 bool first, const char *default_size)
{
	json_t *out = json_array(), *command;
	const char *type;

	json_object_foreach((json_t *)(uintptr_t)process_types, type, command) {
		json_t *old = formation_find(formation, type), *entry;

		entry = old ? json_copy(old)
			: json_pack("{s:s, s:i, s:s}", "type", type, "quantity",
				    first && str_eq(type, "web") ? 1 : 0,
				    "size", default_size);
		json_object_set(entry, "command", command);
		json_array_append_new(out, entry);
	}
	return out;
}

char *formation_text(const json_t *formation)
{
	struct buf b = BUF_INIT;
	json_t *entry;
	size_t i;

	json_array_foreach(formation, i, entry)
		buf_addf(&b, "%s%s@%lld:%s", i ? " " : "", json_str(entry, "type"),
			 (long long)json_int(entry, "quantity", 0),
			 json_str(entry, "size"));
	return b.data ? buf_take(&b) : xstrdup("");
}
