/*
 * dynorun_spec.c - "spec", "features" and "plan": what needs no container.
 */
#include "runtime/dynorun/dynorun.h"

#include "base/error.h"
#include "base/file.h"
#include "runtime/oci/container.h"
#include "runtime/dynorun/dynorun_bundle.h"
#include "runtime/dynorun/dynorun_format.h"
#include "runtime/oci/oci.h"

#include <fcntl.h>
#include <jansson.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/vfs.h>

/* ---- spec ---- */

struct spec_options {
	const char *bundle, *file;
	bool rootless;
};

static const struct dynorun_option spec_options[] = {
	{ "bundle", 'b', OPTION_TEXT, offsetof(struct spec_options, bundle), "DIR",
	  "where to write it; default: the working directory" },
	{ "file", 'f', OPTION_TEXT, offsetof(struct spec_options, file), "FILE",
	  "its name; default: config.json" },
	{ "rootless", 0, OPTION_FLAG, offsetof(struct spec_options, rootless), NULL,
	  "for a container without root's privileges" },
};

static bool spec_unified(void)
{
	struct statfs st;

	return statfs("/sys/fs/cgroup", &st) == 0 &&
		(unsigned long)st.f_type == CGROUP2_SUPER_MAGIC;
}

static int spec_run(struct dynorun *d, void *options, int argc, char **argv,
		    struct error *e)
{
	const struct spec_options *o = options;
	const char *name = o->file ? o->file : "config.json";
	auto_free char *text = oci_default_config(o->rootless, spec_unified());
	auto_close int fd = -1;

	if (o->bundle && chdir(o->bundle) < 0)
		return error_sys(e, "bundle %s", o->bundle);
	fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0 && errno == EEXIST)
		return error_set(e, EEXIST, "file %s exists: remove it first", name);
	if (fd < 0)
		return error_sys(e, "create %s", name);
	return error_prefix(e, file_write_all(fd, text, strlen(text), e), "%s", name);
}

const struct dynorun_verb dynorun_verb_spec = {
	.name = "spec", .args = "", .min_args = 0, .max_args = 0,
	.doc = "write a config.json to begin with",
	.options = spec_options, .n_options = ARRAY_SIZE(spec_options),
	.size = sizeof(struct spec_options),
	.fn = spec_run,
};

/* ---- features ---- */

static int features_run(struct dynorun *d, void *options, int argc, char **argv,
			struct error *e)
{
	auto_free char *text = oci_features();

	puts(text);
	return EXIT_SUCCESS;
}

static const struct dynorun_option features_options[] = {
	DYNORUN_FORMAT_JSON_OPTION,
};

const struct dynorun_verb dynorun_verb_features = {
	.name = "features", .args = "", .min_args = 0, .max_args = 0,
	.doc = "tell what this runtime can do, in JSON",
	.options = features_options, .n_options = ARRAY_SIZE(features_options),
	.size = sizeof(struct dynorun_format),
	.fn = features_run,
};

/* ---- plan ---- */

struct plan_options {
	struct dynorun_format format;
	const char *bundle, *config;
	bool no_pivot, no_new_keyring;
};

static const struct dynorun_option plan_options[] = {
	{ "bundle", 'b', OPTION_TEXT, offsetof(struct plan_options, bundle), "DIR",
	  "the bundle; default: the working directory" },
	{ "config", 0, OPTION_TEXT, offsetof(struct plan_options, config), "FILE",
	  "instead of the bundle's config.json" },
	{ "no-pivot", 0, OPTION_FLAG, offsetof(struct plan_options, no_pivot), NULL,
	  "move the root instead of pivot_root" },
	{ "no-new-keyring", 0, OPTION_FLAG,
	  offsetof(struct plan_options, no_new_keyring), NULL,
	  "keep the caller's session keyring" },
	DYNORUN_FORMAT_OPTION("table (plain text) or json: the lines"),
	DYNORUN_FORMAT_JSON_OPTION,
};

static void plan_print_json(const char *text)
{
	json_t *lines = json_array();
	size_t len;

	for (; *text; text += len) {
		len = strcspn(text, "\n");
		json_array_append_new(lines, json_stringn(text, len));
		len += text[len] == '\n';
	}
	dynorun_format_print(lines);
	json_decref(lines);
}

static int plan_run(struct dynorun *d, void *options, int argc, char **argv,
		    struct error *e)
{
	const struct plan_options *o = options;
	auto_(dynorun_bundle_deinit) struct dynorun_bundle b = DYNORUN_BUNDLE_INIT;
	const struct container_options how = {
		.no_pivot = o->no_pivot,
		.no_new_keyring = o->no_new_keyring,
		.systemd_cgroup = d->systemd_cgroup,
	};
	auto_free char *text = NULL;
	bool json;
	int r = dynorun_format_check(&o->format, &json, e);

	if (r == 0)
		r = dynorun_bundle_load(&b, o->bundle, o->config, e);
	if (r == 0)
		r = container_plan(b.oci, b.path, argc > 0 ? argv[0] : "ID", &how,
				   &text, e);
	if (r < 0)
		return r;
	if (json)
		plan_print_json(text);
	else
		fputs(text, stdout);
	return EXIT_SUCCESS;
}

const struct dynorun_verb dynorun_verb_plan = {
	.name = "plan", .args = "[ID]", .min_args = 0, .max_args = 1,
	.doc = "print what \"create\" would do, step by step, and do nothing",
	.options = plan_options, .n_options = ARRAY_SIZE(plan_options),
	.size = sizeof(struct plan_options),
	.fn = plan_run,
};
