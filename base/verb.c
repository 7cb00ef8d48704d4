#include "base/verb.h"

#include <getopt.h>
#include <stdio.h>

void verb_usage(const char *program, const struct verb *verbs, size_t n,
		bool to_stderr)
{
	FILE *f = to_stderr ? stderr : stdout;
	int width = 0;

	for (size_t i = 0; i < n; i++) {
		int w = (int)(strlen(verbs[i].name) + strlen(verbs[i].args) + 1);

		if (!verbs[i].doc)
			continue;
		width = w > width && w < 40 ? w : width;
	}
	fprintf(f, "usage: %s [OPTION...] VERB [ARGUMENT...]\n\n", program);
	for (size_t i = 0; i < n; i++) {
		auto_free char *left = xasprintf("%s %s", verbs[i].name,
						 verbs[i].args);

		if (!verbs[i].doc)
			continue;
		/* A long one has its sentence on the next line. */
		if ((int)strlen(left) > width)
			fprintf(f, "  %s\n  %-*s  %s\n", left, width, "",
				verbs[i].doc);
		else
			fprintf(f, "  %-*s  %s\n", width, left, verbs[i].doc);
	}
}

static bool verb_has_options(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (argv[i][0] == '-' && argv[i][1])
			return true;
	return false;
}

static int verb_call(const char *program, const struct verb *v, int argc,
		     char **argv, void *userdata)
{
	int args = argc - 1;

	if (!verb_has_options(argc, argv) &&
	    (args < v->min_args || (v->max_args >= 0 && args > v->max_args))) {
		fprintf(stderr, "usage: %s %s %s\n", program, v->name, v->args);
		return EXIT_USAGE;
	}
	optind = 0;		/* GNU: scan a new vector */
	return v->fn(argc, argv, userdata);
}

const struct verb *verb_find(const struct verb *verbs, size_t n, int argc,
			     char **argv, int *ret_words)
{
	for (size_t i = 0; i < n && argc > 0; i++) {
		const char *second = str_after(verbs[i].name, argv[0]);

		*ret_words = 1;
		if (second && !*second)
			return &verbs[i];
		*ret_words = 2;
		if (second && *second == ' ' && argc > 1 &&
		    str_eq(second + 1, argv[1]))
			return &verbs[i];
	}
	return NULL;
}

int verb_run(const char *program, const struct verb *verbs, size_t n, int argc,
	     char **argv, void *userdata)
{
	const struct verb *v;
	int words;

	if (argc < 1) {
		verb_usage(program, verbs, n, true);
		return EXIT_USAGE;
	}
	v = verb_find(verbs, n, argc, argv, &words);
	if (v)
		return verb_call(program, v, argc - words + 1,
				 argv + words - 1, userdata);
	if (str_eq(argv[0], "help")) {
		verb_usage(program, verbs, n, false);
		return EXIT_SUCCESS;
	}
	fprintf(stderr, "%s: unknown verb \"%s\"; try \"%s help\"\n", program,
		argv[0], program);
	return EXIT_USAGE;
}
