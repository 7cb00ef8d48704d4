/*
 * leaser.c - takes a lease as a daemon does: "leaser STORE SHA256" prints "leased"
 * once it has it, and keeps it until its standard input ends.
 */
#include "base/error.h"
#include "slugstore/store.h"

#include <stdio.h>

static int leaser_run(const char *dir, const char *sha256, struct error *e)
{
	auto_(store_free_p) struct store *s = NULL;
	auto_close int fd = -1;
	char byte;
	int r = store_open(&s, dir, e);

	if (r >= 0)
		r = store_lease(s, sha256, &fd, e);
	if (r == STORE_ABSENT)
		return error_set(e, ENOENT, "slug %s is not unpacked", sha256);
	if (r < 0)
		return r;
	puts("leased");
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	return 0;
}

int main(int argc, char **argv)
{
	struct error e;

	if (argc != 3) {
		fprintf(stderr, "usage: leaser STORE SHA256\n");
		return 2;
	}
	if (leaser_run(argv[1], argv[2], &e) < 0) {
		fprintf(stderr, "leaser: %s\n", e.msg);
		return 1;
	}
	return 0;
}
