/*
 * dynorun_list.c - "list" and "state": what containers there are, and what they
 * are doing.
 */
#include "runtime/dynorun/dynorun.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/strv.h"
#include "runtime/oci/container.h"
#include "runtime/dynorun/dynorun_format.h"

#include <fcntl.h>
#include <jansson.h>
#include <pwd.h>
#include <stdio.h>

/* ---- state ---- */

static int state_run(struct dynorun *d, void *options, int argc, char **argv,
		     struct error *e)
{
	auto_(container_deinit) struct container c = CONTAINER_INIT;
	auto_(oci_free_p) struct oci *oci = NULL;
	auto_free char *text = NULL;
	enum container_status status;
	int r = container_read(&c, d->root, argv[0], e);

	if (r < 0)
		return r;
	status = container_status(&c);
	if (status == CONTAINER_CREATING)
		return error_set(e, ENOENT, "container %s does not exist yet: it is "
				 "being created", c.id);
	container_config(&c, &oci, NULL);
	text = container_state_text(&c, oci, status,
				    status == CONTAINER_STOPPED ? 0 : c.pid);
	puts(text);
	return EXIT_SUCCESS;
}

static const struct dynorun_option state_options[] = {
	DYNORUN_FORMAT_JSON_OPTION,
};

const struct dynorun_verb dynorun_verb_state = {
	.name = "state", .args = "ID", .min_args = 1, .max_args = 1,
	.doc = "tell the state of a container, in JSON",
	.options = state_options, .n_options = ARRAY_SIZE(state_options),
	.size = sizeof(struct dynorun_format),
	.fn = state_run,
};

/* ---- list ---- */

struct list_options {
	struct dynorun_format format;
	bool quiet;
};

static const struct dynorun_option list_options[] = {
	DYNORUN_FORMAT_OPTION("table or json"),
	DYNORUN_FORMAT_JSON_OPTION,
	{ "quiet", 'q', OPTION_FLAG, offsetof(struct list_options, quiet), NULL,
	  "names only" },
};

enum { COLUMN_ID, COLUMN_PID, COLUMN_STATUS, COLUMN_BUNDLE, COLUMN_CREATED,
	COLUMN_OWNER, COLUMNS };

struct row {
	char *cell[COLUMNS];
};

/* The file alone: no name service is asked by a runtime. */
static char *list_owner(uid_t uid)
{
	FILE *f = fopen("/etc/passwd", "re");
	struct passwd *pw;
	char *name = NULL;

	while (f && !name && (pw = fgetpwent(f)))
		if (pw->pw_uid == uid)
			name = xstrdup(pw->pw_name);
	if (f)
		fclose(f);
	return name ? name : xasprintf("#%u", uid);
}

static void list_fill(struct row *row, const struct container *c)
{
	enum container_status status = container_status(c);
	char when[CLOCK_TEXT_MAX];

	row->cell[COLUMN_ID] = xstrdup(c->id);
	row->cell[COLUMN_PID] = xasprintf("%d", status == CONTAINER_STOPPED ? 0 :
					  (int)c->pid);
	row->cell[COLUMN_STATUS] = xstrdup(container_status_name(status));
	row->cell[COLUMN_BUNDLE] = xstrdup(c->bundle ? c->bundle : "-");
	row->cell[COLUMN_CREATED] = xstrdup(clock_api_text(when, c->created_usec));
	row->cell[COLUMN_OWNER] = list_owner(c->owner);
}

static void list_print(const struct row *rows, size_t n)
{
	int width[COLUMNS] = { 0 };

	for (size_t i = 0; i < n; i++)
		for (int k = 0; k < COLUMNS; k++)
			if (width[k] < (int)strlen(rows[i].cell[k]))
				width[k] = (int)strlen(rows[i].cell[k]);
	for (size_t i = 0; i < n; i++) {
		for (int k = 0; k < COLUMNS - 1; k++)
			printf("%-*s   ", width[k] < 8 ? 8 : width[k],
			       rows[i].cell[k]);
		puts(rows[i].cell[COLUMNS - 1]);
	}
}

static void list_add_json(json_t *all, const struct container *c)
{
	auto_(oci_free_p) struct oci *oci = NULL;
	enum container_status status = container_status(c);
	auto_free char *text = NULL;
	auto_free char *owner = list_owner(c->owner);
	json_t *o;

	container_config(c, &oci, NULL);
	text = container_state_text(c, oci, status,
				    status == CONTAINER_STOPPED ? 0 : c->pid);
	o = json_loads(text, 0, NULL);
	json_object_set_new(o, "owner", json_string(owner));
	json_array_append_new(all, o);
}

struct listing {
	struct row *rows;		/* the first is the head */
	size_t n;
	json_t *json;
};

static void list_deinit(struct listing *l)
{
	for (size_t i = 1; i < l->n; i++)
		for (int k = 0; k < COLUMNS; k++)
			free(l->rows[i].cell[k]);
	free(l->rows);
	json_decref(l->json);
}

/* One that went away meanwhile is no error, one that cannot be read is told. */
static void list_collect(struct dynorun *d, struct listing *l,
			 const struct strv *ids, bool json)
{
	for (size_t i = 0; i < ids->n; i++) {
		auto_(container_deinit) struct container c = CONTAINER_INIT;
		struct error e;

		if (container_read(&c, d->root, ids->v[i], &e) < 0) {
			if (container_exists(d->root, ids->v[i]))
				dynorun_log_warn(d, "%s", e.msg);
			continue;
		}
		if (json)
			list_add_json(l->json, &c);
		else
			list_fill(&l->rows[l->n++], &c);
	}
}

static int list_run(struct dynorun *d, void *options, int argc, char **argv,
		    struct error *e)
{
	static char *const head[COLUMNS] = {
		(char *)(uintptr_t)"ID", (char *)(uintptr_t)"PID",
		(char *)(uintptr_t)"STATUS", (char *)(uintptr_t)"BUNDLE",
		(char *)(uintptr_t)"CREATED", (char *)(uintptr_t)"OWNER",
	};
	const struct list_options *o = options;
	auto_strv ids = STRV_INIT;
	auto_(list_deinit) struct listing l = { 0 };
	bool json;
	int r = dynorun_format_check(&o->format, &json, e);

	if (r == 0)
		r = container_list(d->root, &ids, e);
	if (r < 0)
		return r;
	if (o->quiet) {
		for (size_t i = 0; i < ids.n; i++)
			puts(ids.v[i]);
		return EXIT_SUCCESS;
	}
	l.json = json_array();
	l.rows = xcalloc(ids.n + 1, sizeof(*l.rows));
	memcpy(l.rows[l.n++].cell, head, sizeof(head));
	list_collect(d, &l, &ids, json);
	if (json)
		dynorun_format_print(l.json);
	else
		list_print(l.rows, l.n);
	return EXIT_SUCCESS;
}

const struct dynorun_verb dynorun_verb_list = {
	.name = "list", .args = "", .min_args = 0, .max_args = 0,
	.doc = "list the containers",
	.options = list_options, .n_options = ARRAY_SIZE(list_options),
	.size = sizeof(struct list_options),
	.fn = list_run,
};
