/* Options as runc and crun take them. */
#include "base/error.h"
#include "runtime/dynorun/dynorun_option.h"

#include <stdio.h>

#include <setjmp.h>
#include <cmocka.h>

struct values {
	bool all, tty;
	const char *bundle;
	unsigned fds;
	struct dynorun_list env;
};

static const struct dynorun_option options[] = {
	{ "all", 'a', OPTION_FLAG, offsetof(struct values, all), NULL, "" },
	{ "tty", 't', OPTION_FLAG, offsetof(struct values, tty), NULL, "" },
	{ "bundle", 'b', OPTION_TEXT, offsetof(struct values, bundle), "DIR", "" },
	{ "preserve-fds", 0, OPTION_NUMBER, offsetof(struct values, fds), "N", "" },
	{ "env", 'e', OPTION_LIST, offsetof(struct values, env), "A=B", "" },
};

#define WORDS_MAX 16

struct line {
	char text[256];
	char *words[WORDS_MAX];
	int argc;
	struct values values;
	struct error e;
};

/* Words are separated by one blank. */
static int parse(struct line *l, const char *text, bool stop)
{
	char *p = l->text;
	int n = 0;

	memset(l, 0, sizeof(*l));
	snprintf(l->text, sizeof(l->text), "%s", text);
	while (p && n < WORDS_MAX - 1) {
		l->words[n++] = p;
		p = strchr(p, ' ');
		if (p)
			*p++ = '\0';
	}
	return dynorun_option_parse(options, ARRAY_SIZE(options), stop, n, l->words,
				    &l->values, &l->argc, &l->e);
}

static void every_way_of_writing_a_value_is_taken(void **state)
{
	static const char *const ways[] = {
		"--bundle /b id", "--bundle=/b id", "-bundle /b id", "-bundle=/b id",
		"-b /b id", "-b/b id", "-b=/b id", "id --bundle /b", "id -b /b",
		"-tb /b id", "-b /a -b /b id",
	};
	struct line l;

	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		assert_int_equal(parse(&l, ways[i], false), 0);
		assert_string_equal(l.values.bundle, "/b");
		assert_int_equal(l.argc, 1);
		assert_string_equal(l.words[0], "id");
		assert_null(l.words[1]);
	}
}

static void flags_can_be_set_and_taken_back(void **state)
{
	struct line l;

	assert_int_equal(parse(&l, "-at", false), 0);
	assert_true(l.values.all && l.values.tty);
	assert_int_equal(parse(&l, "--all --tty --tty=false", false), 0);
	assert_true(l.values.all && !l.values.tty);
	assert_int_equal(parse(&l, "--all=true -t=0", false), 0);
	assert_true(l.values.all && !l.values.tty);
	assert_int_equal(parse(&l, "--all=maybe", false), -EINVAL);
	assert_string_equal(l.e.msg, "--all: \"maybe\" is neither true nor false");
}

static void a_list_keeps_its_order(void **state)
{
	struct line l;

	assert_int_equal(parse(&l, "-e A=1 --env B=2 -eC=3 --env=D=4=5", false), 0);
	assert_int_equal(l.values.env.n, 4);
	assert_string_equal(l.values.env.v[0], "A=1");
	assert_string_equal(l.values.env.v[1], "B=2");
	assert_string_equal(l.values.env.v[2], "C=3");
	assert_string_equal(l.values.env.v[3], "D=4=5");
}

static void another_programs_options_are_left_alone(void **state)
{
	struct line l;

	assert_int_equal(parse(&l, "-t id ls -a --bundle x -- y", true), 0);
	assert_true(l.values.tty && !l.values.all);
	assert_null(l.values.bundle);
	assert_int_equal(l.argc, 7);
	assert_string_equal(l.words[1], "ls");
	assert_string_equal(l.words[5], "--");
	assert_int_equal(parse(&l, "a -- -t --all", false), 0);
	assert_false(l.values.tty || l.values.all);
	assert_int_equal(l.argc, 3);
	assert_string_equal(l.words[1], "-t");
}

static void a_single_dash_is_an_argument(void **state)
{
	struct line l;

	assert_int_equal(parse(&l, "-b - -", false), 0);
	assert_string_equal(l.values.bundle, "-");
	assert_int_equal(l.argc, 1);
	assert_string_equal(l.words[0], "-");
}

static void what_is_wrong_is_named(void **state)
{
	static const struct {
		const char *line, *message;
	} cases[] = {
		{ "--wrong=1 id", "unknown option --wrong" },
		{ "-x", "unknown option -x" },
		{ "-tx", "unknown option -tx" },
		{ "--bundl /b", "unknown option --bundl" },
		{ "id --bundle", "--bundle needs a value: DIR" },
		{ "--preserve-fds x", "--preserve-fds: \"x\" is no number" },
		{ "--preserve-fds -1", "--preserve-fds: \"-1\" is no number" },
		{ "--preserve-fds=99999999999", "--preserve-fds: \"99999999999\" is "
			"no number" },
	};
	struct line l;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(parse(&l, cases[i].line, false), -EINVAL);
		assert_string_equal(l.e.msg, cases[i].message);
	}
}

static void a_list_is_bounded(void **state)
{
	auto_free char **words = xcalloc(2 * DYNORUN_LIST_MAX + 3, sizeof(char *));
	auto_free struct values *v = xcalloc(1, sizeof(*v));
	int argc;

	for (int i = 0; i < DYNORUN_LIST_MAX + 1; i++) {
		words[2 * i] = (char *)(uintptr_t)"-e";
		words[2 * i + 1] = (char *)(uintptr_t)"A=B";
	}
	assert_int_equal(dynorun_option_parse(options, ARRAY_SIZE(options), false,
					      2 * DYNORUN_LIST_MAX + 2, words, v,
					      &argc, NULL), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_way_of_writing_a_value_is_taken),
		cmocka_unit_test(flags_can_be_set_and_taken_back),
		cmocka_unit_test(a_list_keeps_its_order),
		cmocka_unit_test(another_programs_options_are_left_alone),
		cmocka_unit_test(a_single_dash_is_an_argument),
		cmocka_unit_test(what_is_wrong_is_named),
		cmocka_unit_test(a_list_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
