#include "runtime/dynorun/dynorun_option.h"

#include "base/error.h"

#include <stdio.h>

struct parser {
	const struct dynorun_option *options;
	size_t n;
	char **argv;
	int argc, at;			/* the next word */
	void *out;
	struct error *e;
};

static const struct dynorun_option *option_named(const struct parser *p,
						 const char *name, size_t len)
{
	for (size_t i = 0; i < p->n; i++)
		if (strncmp(p->options[i].name, name, len) == 0 &&
		    p->options[i].name[len] == '\0')
			return &p->options[i];
	return NULL;
}

static const struct dynorun_option *option_keyed(const struct parser *p, char key)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->options[i].key && p->options[i].key == key)
			return &p->options[i];
	return NULL;
}

static int option_flag(const struct parser *p, const struct dynorun_option *o,
		       const char *value)
{
	static const char *const yes[] = { "1", "t", "T", "true", "TRUE", "True" };
	static const char *const no[] = { "0", "f", "F", "false", "FALSE", "False" };
	bool *flag = (bool *)((char *)p->out + o->offset);

	*flag = true;
	for (size_t i = 0; value && i < ARRAY_SIZE(yes); i++) {
		if (str_eq(value, yes[i]))
			return 0;
		if (str_eq(value, no[i])) {
			*flag = false;
			return 0;
		}
	}
	return value ? error_set(p->e, EINVAL, "--%s: \"%s\" is neither true nor "
				 "false", o->name, value) : 0;
}

static int option_number(const struct parser *p, const struct dynorun_option *o,
			 const char *value)
{
	char *end;
	unsigned long x;

	errno = 0;
	x = strtoul(value, &end, 10);
	if (errno || end == value || *end || value[0] == '-' || x > INT32_MAX)
		return error_set(p->e, EINVAL, "--%s: \"%s\" is no number", o->name,
				 value);
	*(unsigned *)((char *)p->out + o->offset) = (unsigned)x;
	return 0;
}

static int option_list(const struct parser *p, const struct dynorun_option *o,
		       const char *value)
{
	struct dynorun_list *list = (void *)((char *)p->out + o->offset);

	if (list->n == DYNORUN_LIST_MAX)
		return error_set(p->e, EINVAL, "--%s: more than %d of them", o->name,
				 DYNORUN_LIST_MAX);
	list->v[list->n++] = value;
	return 0;
}

/* value NULL: the next word is it. */
static int option_take(struct parser *p, const struct dynorun_option *o,
		       const char *value)
{
	if (o->type == OPTION_FLAG)
		return option_flag(p, o, value);
	if (!value && p->at == p->argc)
		return error_set(p->e, EINVAL, "--%s needs a value: %s", o->name,
				 o->arg);
	if (!value)
		value = p->argv[p->at++];
	if (o->type == OPTION_NUMBER)
		return option_number(p, o, value);
	if (o->type == OPTION_LIST)
		return option_list(p, o, value);
	*(const char **)((char *)p->out + o->offset) = value;
	return 0;
}

/* "-td", "-eA=B", "-e=A=B": flags, and at the end one with a value. */
static int option_letters(struct parser *p, const char *word)
{
	for (const char *s = word + 1; *s; s++) {
		const struct dynorun_option *o = option_keyed(p, *s);
		int r;

		if (!o)
			return error_set(p->e, EINVAL, "unknown option %s", word);
		if (s[1] == '=')
			return option_take(p, o, s + 2);
		if (o->type != OPTION_FLAG)
			return option_take(p, o, s[1] ? s + 1 : NULL);
		r = option_take(p, o, NULL);
		if (r < 0)
			return r;
	}
	return 0;
}

static int option_word(struct parser *p, const char *word)
{
	const char *name = word + (word[1] == '-' ? 2 : 1);
	size_t len = strcspn(name, "=");
	const struct dynorun_option *o = option_named(p, name, len);

	if (o)
		return option_take(p, o, name[len] ? name + len + 1 : NULL);
	if (word[1] == '-')
		return error_set(p->e, EINVAL, "unknown option --%.*s", (int)len,
				 name);
	return option_letters(p, word);
}

int dynorun_option_parse(const struct dynorun_option *options, size_t n,
			 bool stop_at_arg, int argc, char **argv, void *out,
			 int *ret_argc, struct error *e)
{
	struct parser p = { options, n, argv, argc, 0, out, e };
	int kept = 0;

	while (p.at < argc) {
		char *word = argv[p.at++];
		int r = 0;

		if (str_eq(word, "--"))
			break;
		if (word[0] == '-' && word[1]) {
			r = option_word(&p, word);
			if (r < 0)
				return r;
			continue;
		}
		argv[kept++] = word;
		if (stop_at_arg)
			break;
	}
	while (p.at < argc)
		argv[kept++] = argv[p.at++];
	argv[kept] = NULL;
	*ret_argc = kept;
	return 0;
}

void dynorun_option_print(const struct dynorun_option *options, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct dynorun_option *o = &options[i];
		char key[6] = "    ";
		auto_free char *left = NULL;

		if (o->key)
			snprintf(key, sizeof(key), "-%c, ", o->key);
		left = xasprintf("%s--%s%s%s", key, o->name, o->arg ? " " : "",
				 o->arg ? o->arg : "");
		printf("  %-30s  %s\n", left, o->doc);
	}
}
