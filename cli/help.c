/*
 * help.c - the verbs for people to read: overview, nouns, one verb.
 */
#include "cli/help.h"

#include "cli/cli.h"
#include "cli/examples.h"
#include "cli/verbs.h"

static const struct {
	const char *title;
	const char *nouns;		/* and verbs that are none; with blanks around */
} subjects[] = {
	{ "Apps", " apps deploy " },
	{ "Config vars and resources", " config addons buildpacks " },
	{ "Names, switches and listeners", " domains features maintenance webhooks " },
	{ "Dynos", " ps scale restart stop why wait run " },
	{ "Releases and the log", " releases rollback logs drains " },
	{ "Access", " access accounts tokens audit " },
	{ "This host", " host " },
	{ "Private instances", " sandbox " },
	{ "Others", " version help " },
};

static size_t help_noun_length(const char *name)
{
	return strcspn(name, ": ");
}

const char *help_subject(const struct verb *v)
{
	auto_free char *noun = xasprintf(" %.*s ", (int)help_noun_length(v->name),
					 v->name);

	for (size_t i = 0; i < ARRAY_SIZE(subjects); i++)
		if (strstr(subjects[i].nouns, noun))
			return subjects[i].title;
	return NULL;
}

static int help_width(void)
{
	size_t width = 0;

	for (size_t i = 0; i < cli_n_verbs; i++)
		if (cli_verbs[i].doc && strlen(cli_verbs[i].name) > width)
			width = strlen(cli_verbs[i].name);
	return (int)width;
}

static void help_line(FILE *f, const struct verb *v, int width)
{
	fprintf(f, "  %-*s  %s\n", width, v->name, v->doc);
}

void help_overview(FILE *f)
{
	int width = help_width();

	fputs("usage: dynoctl [-a APP] [--root DIR] [--json] VERB [ARGUMENT...]\n", f);
	for (size_t s = 0; s < ARRAY_SIZE(subjects); s++) {
		fprintf(f, "\n%s\n", subjects[s].title);
		for (size_t i = 0; i < cli_n_verbs; i++) {
			const struct verb *v = &cli_verbs[i];
			const char *subject = v->doc ? help_subject(v) : NULL;

			if (subject && str_eq(subject, subjects[s].title))
				help_line(f, v, width);
		}
	}
	fputs("\nApps are named by -a APP or DYNO_APP. --json prints the API's objects.\n"
	      "--root DIR talks to the instance below DIR. \"dynoctl help VERB\" has\n"
	      "examples. The manual: man dynoctl.\n", f);
}

static bool help_is_of(const struct verb *v, const char *noun, size_t n)
{
	return v->doc && help_noun_length(v->name) == n && strncmp(v->name, noun, n) == 0;
}

bool help_noun(const char *noun)
{
	bool found = false;

	for (size_t i = 0; i < cli_n_verbs; i++)
		if (help_is_of(&cli_verbs[i], noun, strlen(noun))) {
			help_line(stdout, &cli_verbs[i], help_width());
			found = true;
		}
	return found;
}

static void help_aliases(const struct verb *v)
{
	const char *lead = "\nAlso: ";

	for (size_t i = 0; i < verbs_n_aliases; i++)
		if (str_eq(verbs_aliases[i].verb, v->name)) {
			printf("%s%s", lead, verbs_aliases[i].name);
			lead = ", ";
		}
	if (*lead == ',')
		puts("");
}

static void help_others(const struct verb *v)
{
	const char *lead = "\nSee also: ";

	for (size_t i = 0; i < cli_n_verbs; i++)
		if (&cli_verbs[i] != v &&
		    help_is_of(&cli_verbs[i], v->name, help_noun_length(v->name))) {
			printf("%s%s", lead, cli_verbs[i].name);
			lead = ", ";
		}
	if (*lead == ',')
		puts("");
}

void help_verb(const struct verb *v)
{
	const char *const *examples = examples_of(v->name);

	printf("usage: dynoctl %s%s%s\n%s\n", v->name, *v->args ? " " : "", v->args,
	       v->doc ? v->doc : "");
	if (examples)
		puts("\nExamples:");
	for (; examples && *examples; examples++)
		printf("  %s\n", *examples);
	help_aliases(v);
	help_others(v);
}
