/*
 * steward.c - does to a store what daemons do, one thing at a time:
 *
 *   steward STORE lease SHA256		prints "leased" and keeps it until its
 *					standard input ends
 *   steward STORE pin|unpin SHA256
 *   steward STORE keep SHA256...	pins these and no others
 *   steward STORE collect HIGH_BYTES
 */
#include "base/error.h"
#include "base/strv.h"
#include "slugstore/space/collect.h"
#include "slugstore/store.h"

#include <stdio.h>

static int steward_lease(struct store *s, char **args, struct error *e)
{
	auto_close int fd = -1;
	char byte;
	int r = store_lease(s, args[0], &fd, e);

	if (r == STORE_ABSENT)
		return error_set(e, ENOENT, "slug %s is not unpacked", args[0]);
	if (r < 0)
		return r;
	puts("leased");
	if (fflush(stdout) != 0)
		return error_sys(e, "write the result");
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	return 0;
}

static int steward_pin(struct store *s, char **args, struct error *e)
{
	return store_pin(s, args[0], true, e);
}

static int steward_unpin(struct store *s, char **args, struct error *e)
{
	return store_pin(s, args[0], false, e);
}

static int steward_keep(struct store *s, char **args, struct error *e)
{
	auto_strv wanted = STRV_INIT;

	for (; *args; args++)
		strv_add(&wanted, *args);
	return store_keep_only(s, &wanted, e);
}

static int steward_collect(struct store *s, char **args, struct error *e)
{
	struct collect_marks marks = { .high_bytes = strtoull(args[0], NULL, 10) };
	struct collect_request req = { 0 };
	struct collect_result res;
	int r = store_set_marks(s, &marks, e);

	return r < 0 ? r : store_collect(s, &req, &res, e);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*fn)(struct store *s, char **args, struct error *e);
	} verbs[] = {
		{ "lease", steward_lease }, { "pin", steward_pin },
		{ "unpin", steward_unpin }, { "keep", steward_keep },
		{ "collect", steward_collect },
	};
	auto_(store_free_p) struct store *s = NULL;
	struct error e;
	int r = 1;

	if (argc < 4) {
		fprintf(stderr, "steward: see the head of steward.c\n");
		return 2;
	}
	if (store_open(&s, argv[1], &e) < 0)
		r = -1;
	for (size_t i = 0; r > 0 && i < ARRAY_SIZE(verbs); i++)
		if (str_eq(verbs[i].name, argv[2]))
			r = verbs[i].fn(s, argv + 3, &e);
	if (r < 0)
		fprintf(stderr, "steward: %s\n", e.msg);
	return r < 0 ? 1 : r > 0 ? 2 : 0;
}
