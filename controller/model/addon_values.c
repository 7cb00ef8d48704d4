/*
 * addon_values.c - keys are joined, values are texts.
 */
#include "base/error.h"
#include "controller/model/addon_values.h"
#include "controller/model/config_vars.h"
#include "controller/model/outcome.h"
#include "controller/model/releases.h"

char *addon_values_var(const char *attachment, const char *key)
{
	return xasprintf("%s_%s", attachment, key);
}

/* The command passes "--url=x" as "url". */
static char *addon_values_key(const char *key)
{
	char *upper = xstrdup(key);

	for (char *p = upper; *p; p++)
		if (*p == '-')
			*p = '_';
		else if (*p >= 'a' && *p <= 'z')
			*p += 'A' - 'a';
	return upper;
}

int addon_values_read(const json_t *config, json_t **ret, struct error *e)
{
	auto_json *upper = json_object();
	const char *key;
	json_t *value;

	if (!json_is_object(config) || json_object_size(config) == 0)
		return outcome_set(e, OUTCOME_INVALID, "An add-on here is an external "
			"resource: give its values as config, for instance its url.");
	json_object_foreach((json_t *)(uintptr_t)config, key, value) {
		auto_free char *name = addon_values_key(key);

		json_object_set(upper, name, value);
	}
	return config_vars_env(upper, ret, e);
}

int addon_values_merge(const json_t *old, const json_t *values, json_t **ret,
		       struct error *e)
{
	auto_json *merged = json_copy((json_t *)(uintptr_t)old);
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)values, key, value) {
		auto_free char *name = addon_values_key(key);

		if (json_is_null(value))
			json_object_del(merged, name);
		else
			json_object_set(merged, name, value);
	}
	return addon_values_read(merged, ret, e);
}

void addon_values_patch(json_t *patch, const char *attachment,
			const json_t *values)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)values, key, value) {
		auto_free char *var = addon_values_var(attachment, key);

		json_object_set(patch, var, value);
	}
}

void addon_values_detach(json_t *patch, const char *attachment,
			 const json_t *values)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)values, key, value) {
		auto_free char *var = addon_values_var(attachment, key);

		json_object_set_new(patch, var, json_null());
	}
}

int addon_values_attach(struct engine *g, const json_t *app, const char *attachment,
			const json_t *values, json_t **ret, struct error *e)
{
	auto_json *patch = json_object(), *vars = NULL;
	const char *key;
	json_t *value;
	int r = releases_config(g, json_str(app, "id"), releases_base(app), &vars, e);

	if (r < 0)
		return r;
	addon_values_patch(patch, attachment, values);
	json_object_foreach(patch, key, value)
		if (json_object_get(vars, key))
			return outcome_set(e, OUTCOME_INVALID, "The app has a config "
				"var %.100s already: attach under another name.", key);
	*ret = take_ptr(patch);
	return 0;
}
