/*
 * one_off.c - a dyno by request: "heroku run".
 */
#include "base/error.h"
#include "controller/model/config_vars.h"
#include "controller/controller_conf.h"
#include "controller/engine.h"
#include "controller/model/formation.h"
#include "controller/model/names.h"
#include "controller/model/one_off.h"
#include "controller/model/outcome.h"
#include "controller/model/release_switch.h"
#include "controller/model/releases.h"
#include "controller/model/sizes.h"

#define SECRET_BYTES 24
#define NUMBER_MIN 1000
#define NUMBERS 9000

/* A command whose first word is a process type runs that type's command. */
static char *one_off_command(const json_t *formation, const char *command)
{
	size_t n = strcspn(command, " \t");
	auto_free char *word = xstrndup(command, n);
	const json_t *entry = formation_find(formation, word);

	if (!entry)
		return xstrdup(command);
	return xasprintf("%s%s", json_str(entry, "command"), command + n);
}

static int one_off_size(struct engine *g, const struct one_off *o,
			const json_t *formation, const struct size **ret,
			struct error *e)
{
	const json_t *web = formation_find(formation, "web");
	const char *name = o->size;

	if (!name)
		name = web ? json_str(web, "size") : g->conf->default_size;
	*ret = sizes_find(name);
	if (!*ret) {
		auto_free char *names = sizes_names();

		return outcome_set(e, OUTCOME_INVALID, "No such size as %.60s. "
				   "There are %s.", name, names);
	}
	return 0;
}

static int one_off_limit(const json_t *dynos, const struct size *size,
			 struct error *e)
{
	unsigned n = 0;
	json_t *d;
	size_t i;

	json_array_foreach(dynos, i, d)
		if (str_eq(json_str(d, "kind"), "run") &&
		    str_eq(json_str(d, "size"), size->name))
			n++;
	if (n >= size->max_one_off)
		return outcome_set(e, OUTCOME_INVALID, "Cannot run more than %u "
				   "%s size one-off dynos at the same time.",
				   size->max_one_off, size->name);
	return 0;
}

static bool one_off_taken(const json_t *dynos, const char *name)
{
	json_t *d;
	size_t i;

	json_array_foreach(dynos, i, d)
		if (str_eq(json_str(d, "name"), name))
			return true;
	return false;
}

char *one_off_name(const json_t *dynos, const char *type)
{
	for (;;) {
		auto_free char *name = xasprintf("%s.%u", type, NUMBER_MIN +
						 id_random(NUMBERS));

		if (!one_off_taken(dynos, name))
			return take_ptr(name);
	}
}

static int one_off_check(const struct one_off *o, struct error *e)
{
	if (!o->command || !*o->command)
		return outcome_set(e, OUTCOME_INVALID, "A command is required.");
	if (strlen(o->command) > ONE_OFF_COMMAND_MAX)
		return outcome_set(e, OUTCOME_INVALID, "The command is longer "
				   "than %d bytes.", ONE_OFF_COMMAND_MAX);
	if (o->type && !names_type_ok(o->type))
		return outcome_set(e, OUTCOME_INVALID, "type: \"%.60s\" is not "
				   "a name for a process type.", o->type);
	if (o->time_to_live < 0 || o->time_to_live > ONE_OFF_TIME_TO_LIVE_MAX)
		return outcome_set(e, OUTCOME_INVALID, "time_to_live must be "
				   "between 1 and %d seconds.",
				   ONE_OFF_TIME_TO_LIVE_MAX);
	return 0;
}

static int64_t one_off_dimension(const json_t *env, const char *key)
{
	const char *text = json_str(env, key);
	long n = text ? strtol(text, NULL, 10) : 0;

	return n > 0 && n < 65536 ? n : 0;
}

static int one_off_release(struct engine *g, const struct one_off *o,
			   const json_t *app, int64_t *ret, struct error *e)
{
	auto_free char *which = NULL;
	auto_json *release = NULL;
	int r;

	*ret = release_switch_current(app);
	if (!o->release || json_is_null(o->release))
		return 0;
	which = json_is_string(o->release) ?
		xstrdup(json_string_value(o->release)) : json_text(o->release);
	r = releases_find(g, app, which, &release, e);
	if (r != 0)
		return r;
	*ret = json_int(release, "version", 0);
	if (str_eq(json_str(release, "status"), "expired"))
		return outcome_set(e, OUTCOME_INVALID, "v%lld has expired.",
				   (long long)*ret);
	return 0;
}

static json_t *one_off_doc(const struct one_off *o, int64_t release,
			   const struct size *size, json_t *env)
{
	json_t *d = json_pack("{s:s, s:I, s:s, s:s, s:O}", "kind", "run",
			      "release", (json_int_t)release,
			      "size", size->name,
			      "type", o->type ? o->type : "run", "env", env);

	if (o->time_to_live)
		json_object_set_new(d, "time_to_live",
				    json_integer(o->time_to_live));
	if (o->attach)
		json_object_set_new(d, "attach", json_pack("{s:b, s:I, s:I}",
			"tty", !o->no_tty,
			"rows", (json_int_t)one_off_dimension(env, "LINES"),
			"cols", (json_int_t)one_off_dimension(env, "COLUMNS")));
	return d;
}

/* It is known to everybody as an attached one-off; its host knows better. */
static json_t *one_off_inside_doc(const struct one_off *o, const json_t *target,
				  json_t *env)
{
	const struct one_off like = {
		.type = "inside", .attach = true, .no_tty = o->no_tty,
	};
	json_t *d = one_off_doc(&like, json_int(target, "release", 0),
				sizes_find(json_str(target, "size")), env);

	json_object_set(d, "inside", json_object_get(target, "id"));
	json_object_set(d, "host", json_object_get(target, "host"));
	return d;
}

/* Stages the dyno and the secret with which a client may attach. */
static int one_off_stage(struct change *c, const struct doc *app, json_t *dyno,
			 const struct one_off *o, struct error *e)
{
	auto_free char *secret = id_secret(SECRET_BYTES);
	const char *app_id = json_str(app->j, "id");
	auto_json *link = NULL;
	int r;

	if (o->attach)
		json_object_set_new(dyno, "secret", json_string(secret));
	r = dynos_add(c, app_id, dyno, e);
	if (r < 0)
		return r;
	link = json_pack("{s:s, s:s}", "app", app_id, "dyno",
			 json_str(dyno, "id"));
	if (o->attach)
		change_put(c, link, "/attach/%s", secret);
	change_app(c, app);
	change_say(c, app_id, "Starting process with command `%s`%s%s by user %s",
		   o->command, o->inside ? " inside of " : "",
		   o->inside ? o->inside : "", engine_by(c->g)->email);
	return 0;
}

int one_off_run(struct engine *g, const struct doc *app,
		const struct one_off *o, json_t **ret_dyno, struct error *e)
{
	auto_json *formation = NULL, *dynos = NULL, *env = NULL, *dyno = NULL;
	auto_free char *command = NULL, *name = NULL;
	const char *app_id = json_str(app->j, "id");
	const struct size *size;
	int64_t release;
	auto_change c = change_begin(g);
	int r = one_off_check(o, e);

	if (r == 0)
		r = config_vars_env(o->env, &env, e);
	if (r == 0)
		r = dynos_formation(g, app_id, &formation, e);
	if (r == 0)
		r = dynos_list(g, app_id, &dynos, e);
	if (r == 0)
		r = one_off_size(g, o, formation, &size, e);
	if (r == 0)
		r = one_off_limit(dynos, size, e);
	if (r == 0)
		r = one_off_release(g, o, app->j, &release, e);
	if (r != 0)
		return r;
	dyno = one_off_doc(o, release, size, env);
	command = one_off_command(formation, o->command);
	name = one_off_name(dynos, o->type ? o->type : "run");
	json_object_set_new(dyno, "command", json_string(command));
	json_object_set_new(dyno, "name", json_string(name));
	r = one_off_stage(&c, app, dyno, o, e);
	if (r == 0)
		r = change_commit(&c, e);
	if (r == 0)
		*ret_dyno = take_ptr(dyno);
	return r;
}

/* Also those that are no dynos have names, and are as many as there may be. */
static int one_off_inside_limit(const json_t *all, const json_t *target,
				struct error *e)
{
	unsigned n = 0;
	json_t *d;
	size_t i;

	json_array_foreach(all, i, d)
		if (json_equal(json_object_get(d, "inside"),
			       json_object_get(target, "id")))
			n++;
	if (n >= ONE_OFF_INSIDE_MAX)
		return outcome_set(e, OUTCOME_INVALID, "Cannot run more than %d "
				   "commands inside of %s at the same time.",
				   ONE_OFF_INSIDE_MAX, json_str(target, "name"));
	return 0;
}

static int one_off_inside_check(const struct one_off *o, const json_t *target,
				const char *state, struct error *e)
{
	int r = one_off_check(o, e);

	if (r == 0 && json_str(target, "inside"))
		return outcome_set(e, OUTCOME_INVALID, "%s is a command inside of a "
				   "dyno, and no dyno.", json_str(target, "name"));
	if (r == 0 && !str_eq(state, "up"))
		return outcome_set(e, OUTCOME_INVALID, "%s is %s: a command can be run "
				   "inside of a dyno that is up.",
				   json_str(target, "name"), state);
	return r;
}

int one_off_inside(struct engine *g, const struct doc *app, const struct one_off *o,
		   const json_t *target, const char *state, json_t **ret_dyno,
		   struct error *e)
{
	auto_json *formation = NULL, *all = NULL, *env = NULL, *dyno = NULL;
	auto_free char *command = NULL, *name = NULL;
	const char *app_id = json_str(app->j, "id");
	struct one_off named = *o;
	auto_change c = change_begin(g);
	int r = one_off_inside_check(o, target, state, e);

	if (r == 0)
		r = config_vars_env(o->env, &env, e);
	if (r == 0)
		r = dynos_formation(g, app_id, &formation, e);
	if (r == 0)
		r = dynos_list_all(g, app_id, &all, e);
	if (r == 0)
		r = one_off_inside_limit(all, target, e);
	if (r != 0)
		return r;
	named.attach = true;
	named.inside = json_str(target, "name");
	dyno = one_off_inside_doc(&named, target, env);
	command = one_off_command(formation, o->command);
	name = one_off_name(all, "inside");
	json_object_set_new(dyno, "command", json_string(command));
	json_object_set_new(dyno, "name", json_string(name));
	r = one_off_stage(&c, app, dyno, &named, e);
	if (r == 0)
		r = change_commit(&c, e);
	if (r == 0)
		*ret_dyno = take_ptr(dyno);
	return r;
}
