/*
 * config_vars.c - rules for keys and sizes; the words of a release.
 */
#include "base/buf.h"
#include "base/error.h"
#include "controller/model/config_vars.h"
#include "controller/model/names.h"
#include "controller/model/outcome.h"

static int config_vars_key(const char *key, struct error *e)
{
	if (!names_env_ok(key))
		return outcome_set(e, OUTCOME_INVALID,
			"The config var key \"%.60s\" is invalid: keys are made of "
			"letters, digits and underscores and do not begin with a "
			"digit.", key);
	if (str_after(key, "__"))
		return outcome_set(e, OUTCOME_INVALID,
			"The config var key \"%.60s\" is invalid: keys must not "
			"begin with a double underscore.", key);
	if (str_after(key, "HEROKU_"))
		return outcome_set(e, OUTCOME_INVALID,
			"The config var key \"%.60s\" is invalid: keys that begin "
			"with HEROKU_ are reserved.", key);
	return 0;
}

static int config_vars_value(const char *key, const json_t *value,
			     struct error *e)
{
	int r = config_vars_key(key, e);

	if (r != 0 || json_is_null(value))
		return r;
	if (!json_is_string(value))
		return outcome_set(e, OUTCOME_INVALID,
			"The value of config var %s must be a string or null.",
			key);
	if (strlen(json_string_value(value)) != json_string_length(value))
		return outcome_set(e, OUTCOME_INVALID,
			"The value of config var %s must not hold a NUL "
			"character.", key);
	return 0;
}

static size_t config_vars_bytes(const json_t *vars)
{
	const char *key;
	json_t *value;
	size_t n = 0;

	json_object_foreach((json_t *)(uintptr_t)vars, key, value)
		n += strlen(key) + json_string_length(value);
	return n;
}

static void config_vars_name(struct buf *b, const char *key)
{
	buf_addf(b, "%s%s", b->len ? ", " : "", key);
}

/* "Set A, B config vars", "Remove C config vars", or both in one. */
static char *config_vars_describe(const struct buf *set, const struct buf *gone)
{
	if (set->len && gone->len)
		return xasprintf("Set %s, remove %s config vars", buf_str(set),
				 buf_str(gone));
	if (set->len || gone->len)
		return xasprintf("%s %s config vars", set->len ? "Set" : "Remove",
				 buf_str(set->len ? set : gone));
	return NULL;
}

static void config_vars_merge(json_t *vars, const json_t *patch,
			      struct buf *set, struct buf *gone)
{
	const char *key;
	json_t *value, *old;

	json_object_foreach((json_t *)(uintptr_t)patch, key, value) {
		old = json_object_get(vars, key);
		if (json_is_null(value) ? !old : old && json_equal(old, value))
			continue;
		config_vars_name(json_is_null(value) ? gone : set, key);
		if (json_is_null(value))
			json_object_del(vars, key);
		else
			json_object_set(vars, key, value);
	}
}

int config_vars_apply(const json_t *vars, const json_t *patch,
		      struct config_vars_change *ret, struct error *e)
{
	auto_buf set = BUF_INIT, gone = BUF_INIT;
	auto_json *merged = NULL;
	const char *key;
	json_t *value;
	int r = 0;

	if (!json_is_object(patch))
		return outcome_set(e, OUTCOME_BAD_REQUEST,
			"The body must be an object of config vars.");
	json_object_foreach((json_t *)(uintptr_t)patch, key, value) {
		r = config_vars_value(key, value, e);
		if (r != 0)
			return r;
	}
	merged = json_copy((json_t *)(uintptr_t)vars);
	config_vars_merge(merged, patch, &set, &gone);
	if (config_vars_bytes(merged) > CONFIG_VARS_BYTES_MAX)
		return outcome_set(e, OUTCOME_INVALID,
			"The config vars of an app may have at most %d kB in "
			"total.", CONFIG_VARS_BYTES_MAX / 1024);
	ret->description = config_vars_describe(&set, &gone);
	ret->vars = take_ptr(merged);
	return 0;
}

void config_vars_deinit(struct config_vars_change *c)
{
	json_decref(c->vars);
	free(c->description);
	*c = (struct config_vars_change){ NULL, NULL };
}

static json_t *config_vars_text(const json_t *value)
{
	auto_free char *text = NULL;

	if (json_is_string(value) &&
	    strlen(json_string_value(value)) == json_string_length(value))
		return json_incref((json_t *)(uintptr_t)value);
	if (!json_is_number(value) && !json_is_boolean(value))
		return NULL;
	text = json_text(value);
	return json_string(text);
}

int config_vars_env(const json_t *env, json_t **ret, struct error *e)
{
	auto_json *out = json_object();
	const char *key;
	json_t *value;

	if (env && !json_is_null(env) && !json_is_object(env))
		return outcome_set(e, OUTCOME_INVALID,
				   "env must be an object of strings.");
	json_object_foreach((json_t *)(uintptr_t)env, key, value) {
		json_t *text = config_vars_text(value);

		if (!names_env_ok(key) || !text) {
			json_decref(text);
			return outcome_set(e, OUTCOME_INVALID, "env: \"%.60s\" is "
				"not a valid variable with a string value.", key);
		}
		json_object_set_new(out, key, text);
	}
	if (config_vars_bytes(out) > CONFIG_VARS_BYTES_MAX)
		return outcome_set(e, OUTCOME_INVALID, "env is larger than %d kB.",
				   CONFIG_VARS_BYTES_MAX / 1024);
	*ret = take_ptr(out);
	return 0;
}
