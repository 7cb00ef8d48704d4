/*
 * dyno_plan.c - walk the wanted names, then what is left over.
 */
#include "controller/model/dyno_plan.h"

static bool dyno_plan_is(const json_t *dyno, const char *key, const char *want)
{
	const char *s = json_str(dyno, key);

	return s && want && str_eq(s, want);
}

static json_t *dyno_plan_find(const struct dyno_plan_spec *spec,
			      const char *name)
{
	json_t *d;
	size_t i;

	json_array_foreach(spec->dynos, i, d)
		if (dyno_plan_is(d, "kind", "formation") &&
		    dyno_plan_is(d, "name", name))
			return d;
	return NULL;
}

static bool dyno_plan_replaced(const struct dyno_plan_spec *spec,
			       const json_t *dyno)
{
	json_t *type;
	size_t i;

	switch (spec->scope) {
	case DYNO_SCOPE_NONE:
		return false;
	case DYNO_SCOPE_ALL:
		return true;
	case DYNO_SCOPE_TYPE:
		return dyno_plan_is(dyno, "type", spec->which);
	case DYNO_SCOPE_ID:
		return dyno_plan_is(dyno, "id", spec->which);
	case DYNO_SCOPE_HOST:
		return dyno_plan_is(dyno, "host", spec->which);
	case DYNO_SCOPE_TYPES:
		json_array_foreach(spec->types, i, type)
			if (dyno_plan_is(dyno, "type", json_string_value(type)))
				return true;
		return false;
	}
	return false;
}

static void dyno_plan_slot(const struct dyno_plan_spec *spec, const char *type,
			   const char *name, struct dyno_plan *p)
{
	json_t *old = dyno_plan_find(spec, name), *add;

	if (old && !dyno_plan_replaced(spec, old))
		return;
	add = json_pack("{s:s, s:s}", "name", name, "type", type);
	if (old) {
		json_array_append(spec->beside && str_eq(type, spec->beside) ?
				  p->retire : p->remove, old);
		json_object_set(add, "old", old);
	}
	json_array_append_new(p->add, add);
}

static bool dyno_plan_has_slot(const struct dyno_plan_spec *spec,
			       const json_t *dyno)
{
	const char *name = json_str(dyno, "name");
	const char *dot = name ? strrchr(name, '.') : NULL;
	json_t *entry;
	size_t i;

	json_array_foreach(spec->formation, i, entry)
		if (dot && dyno_plan_is(dyno, "type", json_str(entry, "type")) &&
		    strtoll(dot + 1, NULL, 10) <= json_int(entry, "quantity", 0))
			return true;
	return false;
}

void dyno_plan_make(const struct dyno_plan_spec *spec, struct dyno_plan *ret)
{
	json_t *entry, *d;
	size_t i;

	*ret = (struct dyno_plan){ json_array(), json_array(), json_array() };
	json_array_foreach(spec->formation, i, entry)
		for (int64_t n = 1; n <= json_int(entry, "quantity", 0); n++) {
			const char *type = json_str(entry, "type");
			auto_free char *name = xasprintf("%s.%lld", type,
							 (long long)n);

			dyno_plan_slot(spec, type, name, ret);
		}
	json_array_foreach(spec->dynos, i, d)
		if (dyno_plan_is(d, "kind", "formation") &&
		    !dyno_plan_has_slot(spec, d))
			json_array_append(ret->remove, d);
}

void dyno_plan_deinit(struct dyno_plan *p)
{
	json_decref(p->remove);
	json_decref(p->retire);
	json_decref(p->add);
	*p = (struct dyno_plan){ NULL, NULL, NULL };
}
