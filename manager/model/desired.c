/* desired.c - both forms become a list of assignments, which is read as upstream's. */
#include "base/error.h"
#include "base/id.h"
#include "manager/limits.h"
#include "manager/model/assignment.h"
#include "manager/model/desired.h"

#include <gnutls/crypto.h>
#include <stdio.h>

#define MEMORY (512LL << 20)
#define MEMORY_MAX (1LL << 30)
#define PIDS 256
#define CPU_SHARES 1024

/* The same text gives the same id. */
static char *desired_id(const char *text, char ret[UUID_TEXT_MAX])
{
	unsigned char h[32] = { 0 };

	gnutls_hash_fast(GNUTLS_DIG_SHA256, text, strlen(text), h);
	h[6] = (h[6] & 0x0f) | 0x80;		/* version 8: made by a rule of our own */
	h[8] = (h[8] & 0x3f) | 0x80;
	id_hex(ret, h, 4);
	ret[8] = '-';
	id_hex(ret + 9, h + 4, 2);
	ret[13] = '-';
	id_hex(ret + 14, h + 6, 2);
	ret[18] = '-';
	id_hex(ret + 19, h + 8, 2);
	ret[23] = '-';
	id_hex(ret + 24, h + 10, 6);
	return ret;
}

/* Words for a shell that leaves each as it is. */
static char *desired_command(const json_t *args)
{
	char *text = xstrdup("exec");
	json_t *word;
	size_t i;

	json_array_foreach(args, i, word) {
		const char *at = json_string_value(word);
		char *more = xasprintf("%s '", text);

		for (; at && *at; at++) {
			char *next = *at == '\'' ? xasprintf("%s'\\''", more)
						 : xasprintf("%s%c", more, *at);

			free(more);
			more = next;
		}
		free(text);
		text = xasprintf("%s'", more);
		free(more);
	}
	return text;
}

static json_t *desired_slug(const json_t *app)
{
	const char *sha = json_str(app, "Slug"), *url = json_str(app, "SlugURL");

	return sha ? json_pack("{s:s, s:s*}", "sha256", sha, "path", url) : json_null();
}

static void desired_add_dyno(json_t *list, const json_t *app, const char *type,
			     const char *command, int64_t number)
{
	const char *name = json_str(app, "App");
	auto_free char *ps = xasprintf("%s.%lld", type, (long long)number);
	json_t *env = json_object_get(app, "Env");
	char app_id[UUID_TEXT_MAX], id[UUID_TEXT_MAX];
	auto_free char *text = NULL;
	json_t *a;

	desired_id(name ? name : "app", app_id);
	a = json_pack("{s:s, s:s, s:s, s:{s:s, s:s}, s:{s:I}, s:o, s:s, s:O?, s:s, "
		      "s:I, s:I, s:i, s:i, s:i}",
		      "name", ps, "type", type, "kind", "formation",
		      "app", "id", app_id, "name", name ? name : "app",
		      "release", "version", (json_int_t)json_int(app, "Version", 0),
		      "slug", desired_slug(app), "command", command, "env", env,
		      "size", "Basic", "memory", (json_int_t)MEMORY,
		      "memory_max", (json_int_t)MEMORY_MAX, "pids", PIDS,
		      "cpu_shares", CPU_SHARES, "cpus", 1);
	text = json_text(a);
	json_object_set_new(a, "id", json_string(desired_id(text, id)));
	json_array_append_new(list, a);
}

static int desired_expand(const json_t *app, json_t *list, struct error *e)
{
	json_t *processes = json_object_get(app, "Processes"), *p, *word;
	size_t i, k;

	json_array_foreach(processes, i, p) {
		const char *type = json_str(p, "Type");
		json_t *args = json_object_get(p, "Args");
		int64_t quantity = json_int(p, "Quantity", 1);
		auto_free char *command = NULL;

		if (!type || json_array_size(args) == 0 || quantity < 0 ||
		    quantity > DYNOS_MAX)
			return error_set(e, EINVAL, "Processes[%zu]: needs Type, Args, "
					 "and a Quantity of at most %d", i, DYNOS_MAX);
		json_array_foreach(args, k, word)
			if (!json_is_string(word))
				return error_set(e, EINVAL, "Processes[%zu].Args: not a "
						 "list of strings", i);
		command = desired_command(args);
		for (int64_t n = 1; n <= quantity; n++)
			desired_add_dyno(list, app, type, command, n);
	}
	return 0;
}

/* A slug without a path is in the store; the path is never asked for then. */
static int desired_complete(json_t *list, struct error *e)
{
	json_t *a;
	size_t i;

	json_array_foreach(list, i, a) {
		json_t *slug = json_object_get(a, "slug");

		if (json_is_object(json_object_get(a, "attach")))
			return error_set(e, EINVAL, "assignments[%zu]: nobody can be "
					 "attached here", i);
		if (json_is_object(slug) && !json_object_get(slug, "path"))
			json_object_set_new(slug, "path", json_string("/"));
	}
	return 0;
}

static void desired_tell(const char *what, void *userdata)
{
	struct error *first = userdata;

	if (!first->code)
		error_set(first, EINVAL, "%s", what);
}

int desired_parse(struct assignment_list *ret, const char *text, size_t n,
		  int64_t revision, struct error *e)
{
	auto_json *top = NULL, *list = NULL, *body = NULL;
	struct error first = { 0 };
	int r = json_parse(text, n, &top, e);

	if (r < 0)
		return r;
	if (json_is_array(top)) {
		list = json_incref(top);
	} else if (json_is_array(json_object_get(top, "assignments"))) {
		list = json_incref(json_object_get(top, "assignments"));
	} else if (json_is_array(json_object_get(top, "Processes"))) {
		list = json_array();
		r = desired_expand(top, list, e);
	} else {
		return error_set(e, EINVAL, "neither assignments nor Processes");
	}
	if (r >= 0)
		r = desired_complete(list, e);
	if (r < 0)
		return r;
	body = json_pack("{s:I, s:O}", "revision", (json_int_t)revision, "assignments",
			 list);
	r = assignment_list_parse(ret, body, desired_tell, &first, e);
	if (r >= 0 && first.code) {
		assignment_list_deinit(ret);
		return error_set(e, EINVAL, "%s", first.msg);
	}
	return r;
}
