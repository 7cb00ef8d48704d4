/*
 * slug.c - what tests/bench/slug cannot do from the outside.
 *
 *   slug lease STORE SHA256 N	lease a slug that is there N times; prints the
 *				median and the 99th percentile in microseconds
 *   slug run PROGRAM ARG...	run it without output; prints the peak of
 *				resident memory in KiB, of it and its children
 *
 * The second is here because a child of Python would begin with Python's peak.
 */
#include "base/base.h"
#include "base/error.h"
#include "slugstore/store.h"

#include <fcntl.h>
#include <inttypes.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#define LEASES_MAX 1000000L

static int slug_compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static int slug_lease(const char *dir, const char *sha256, long n)
{
	auto_(store_free_p) struct store *s = NULL;
	auto_free uint64_t *times = xcalloc((size_t)n, sizeof(*times));
	struct error e = { 0 };
	int r = store_open(&s, dir, &e);

	for (long i = 0; r == 0 && i < n; i++) {
		auto_close int fd = -1;
		struct timespec a, b;

		clock_gettime(CLOCK_MONOTONIC, &a);
		r = store_lease(s, sha256, &fd, &e);
		clock_gettime(CLOCK_MONOTONIC, &b);
		times[i] = (uint64_t)((b.tv_sec - a.tv_sec) * 1000000000L +
				      b.tv_nsec - a.tv_nsec);
	}
	if (r != 0) {
		fprintf(stderr, "slug: %s\n", r < 0 ? e.msg : "no such slug");
		return 1;
	}
	qsort(times, (size_t)n, sizeof(*times), slug_compare);
	printf("%.1f %.1f\n", (double)times[n / 2] / 1e3,
	       (double)times[n * 99 / 100] / 1e3);
	return 0;
}

static int slug_run(char **argv)
{
	posix_spawn_file_actions_t files;
	struct rusage usage;
	int status = 1, r;
	pid_t pid;

	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
	r = posix_spawn(&pid, argv[0], &files, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&files);
	if (r != 0 || wait4(pid, &status, 0, &usage) < 0) {
		fprintf(stderr, "slug: run %s: %s\n", argv[0],
			strerror(r ? r : errno));
		return 1;
	}
	printf("%ld\n", usage.ru_maxrss);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

int main(int argc, char **argv)
{
	long n = argc == 5 ? strtol(argv[4], NULL, 10) : 0;

	if (argc == 5 && str_eq(argv[1], "lease") && n > 0 && n <= LEASES_MAX)
		return slug_lease(argv[2], argv[3], n);
	if (argc > 2 && str_eq(argv[1], "run"))
		return slug_run(argv + 2);
	fprintf(stderr, "usage: slug lease STORE SHA256 N | run PROGRAM...\n");
	return 2;
}
