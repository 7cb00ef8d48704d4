/*
 * confined.c - execute a program behind the walls of a dyno, without the dyno:
 * confined [files|calls|both] PROGRAM [ARGUMENT...]. With strace -f around it,
 * one sees which of a program's calls are refused, and what it does then.
 */
#include "base/error.h"
#include "tests/runtime/confine.h"

#include <stdio.h>

int main(int argc, char **argv)
{
	struct error e = { 0 };
	bool done;
	int r = 0;

	if (argc < 3 || !(str_eq(argv[1], "files") || str_eq(argv[1], "calls") ||
			  str_eq(argv[1], "both"))) {
		fprintf(stderr, "usage: confined files|calls|both PROGRAM...\n");
		return 125;
	}
	if (!str_eq(argv[1], "calls"))
		r = confine_files(&done, &e);
	if (r == 0 && !str_eq(argv[1], "files"))
		r = confine_calls(&e);
	if (r == 0) {
		execvp(argv[2], argv + 2);
		r = error_sys(&e, "execute %s", argv[2]);
	}
	fprintf(stderr, "confined: %s\n", e.msg);
	return 125;
}
