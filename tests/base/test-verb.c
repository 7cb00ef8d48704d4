/*
 * test-verb.c - verbs by table.
 */
#include "base/verb.h"

#include <getopt.h>
#include <setjmp.h>
#include <stdio.h>
#include <cmocka.h>

struct seen {
	int argc;
	char first[32];
	int optind;
};

static int on_verb(int argc, char **argv, void *userdata)
{
	struct seen *s = userdata;

	s->argc = argc;
	s->optind = optind;
	strncpy(s->first, argv[0], sizeof(s->first) - 1);
	return 7;
}

static const struct verb verbs[] = {
	{ "ps", 1, 1, on_verb, "APP", "list the dynos of an app" },
	{ "scale", 2, -1, on_verb, "APP TYPE=N...", "change the formation" },
	{ "host ps", 0, 0, on_verb, "", "list the dynos of this host" },
	{ "secret", 0, 0, on_verb, "", NULL },
};

static int run(struct seen *s, const char **argv)
{
	int argc = 0;

	while (argv[argc])
		argc++;
	*s = (struct seen){ 0 };
	return verb_run("prog", verbs, ARRAY_SIZE(verbs), argc,
			(char **)(uintptr_t)argv, s);
}
#define RUN(s, ...) run(s, (const char *[]){ __VA_ARGS__ __VA_OPT__(,) NULL })

static void verb_is_called_with_its_name(void **state)
{
	struct seen s;

	assert_int_equal(RUN(&s, "ps", "app"), 7);
	assert_int_equal(s.argc, 2);
	assert_string_equal(s.first, "ps");
	assert_int_equal(s.optind, 0);
	assert_int_equal(RUN(&s, "host", "ps"), 7);
	assert_int_equal(s.argc, 1);
	assert_string_equal(s.first, "ps");
}

static void wrong_counts_are_refused(void **state)
{
	struct seen s;

	assert_int_equal(RUN(&s, "ps"), EXIT_USAGE);
	assert_int_equal(RUN(&s, "ps", "a", "b"), EXIT_USAGE);
	assert_int_equal(RUN(&s, "scale", "a"), EXIT_USAGE);
	assert_int_equal(s.argc, 0);
	assert_int_equal(RUN(&s, "scale", "a", "b", "c", "d"), 7);
	/* Options make the count the verb's own business. */
	assert_int_equal(RUN(&s, "ps", "--json", "a"), 7);
}

static void unknown_verbs_are_refused(void **state)
{
	struct seen s;

	assert_int_equal(RUN(&s, "p"), EXIT_USAGE);
	assert_int_equal(RUN(&s, "host"), EXIT_USAGE);
	assert_int_equal(RUN(&s, "host", "x"), EXIT_USAGE);
	assert_int_equal(RUN(&s), EXIT_USAGE);
	assert_int_equal(s.argc, 0);
}

static void help_lists_what_is_not_hidden(void **state)
{
	char text[2048] = "";
	FILE *out = stdout, *tmp = tmpfile();
	struct seen s;
	int r;

	assert_non_null(tmp);
	stdout = tmp;
	r = RUN(&s, "help");
	stdout = out;
	rewind(tmp);
	assert_true(fread(text, 1, sizeof(text) - 1, tmp) > 0);
	fclose(tmp);
	assert_int_equal(r, 0);
	assert_non_null(strstr(text, "usage: prog "));
	assert_non_null(strstr(text, "scale APP TYPE=N...  change the formation"));
	assert_null(strstr(text, "secret"));
	assert_int_equal(RUN(&s, "secret"), 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(verb_is_called_with_its_name),
		cmocka_unit_test(wrong_counts_are_refused),
		cmocka_unit_test(unknown_verbs_are_refused),
		cmocka_unit_test(help_lists_what_is_not_hidden),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
