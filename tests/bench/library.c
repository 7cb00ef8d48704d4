/*
 * library.c - starts through the runtime library, on demand (see round.h).
 *
 *   library [-r DIR] [-n FILES]
 *				rounds of /bin/true, in an instance of its own
 *				below DIR; default $TMPDIR, or /tmp; its slug has
 *				so many files, default none
 *   library -f FILE		write the system call filter of dynos, and end
 *
 * Words of its own:
 *
 *	alive N		so many idle dynos live from now on; answer: "N"
 *	trace 0		one round; answer: a line "STAGE MICROSECONDS" for each
 *			stage of the start, and an empty one
 *	many N		N dynos at once: all begun, then all finished, then all
 *			awaited and removed; answer: "MICROSECONDS" for all
 */
#include "base/base.h"
#include "base/error.h"
#include "base/file.h"
#include "runtime/runtime.h"
#include "runtime/filter/seccomp.h"
#include "tests/bench/instance.h"
#include "tests/bench/round.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>

static bool library_once(void *userdata, struct round *ret)
{
	struct instance *in = userdata;
	bool good = instance_serve(in);
	uint64_t t = round_now();
	struct dyno *d = instance_start(in, "/bin/true", NULL);

	if (!d)
		return false;
	ret->start = round_now() - t;
	if (!instance_await(d))
		return false;
	ret->exit = round_now() - t;
	if (!instance_remove(in, d))
		return false;
	ret->gone = round_now() - t;
	return good;
}

/* As dynod does it: begin all, then finish one after the other. */
static size_t library_begin(struct instance *in, struct start **ret, size_t n)
{
	char *argv[] = { (char *)"/bin/true", NULL };
	size_t i;

	for (i = 0; i < n; i++) {
		char uuid[UUID_TEXT_MAX];
		const struct dyno_spec spec = instance_spec(argv, uuid);
		struct error e;
		int fd;

		if (runtime_begin(in->runtime, &spec, &ret[i], &fd, &e) < 0) {
			fprintf(stderr, "library: %s\n", e.msg);
			break;
		}
	}
	return i;
}

static bool library_many(struct instance *in, size_t n)
{
	auto_free struct start **starts = xcalloc(n, sizeof(struct start *));
	auto_free struct dyno **all = xcalloc(n, sizeof(struct dyno *));
	uint64_t t = round_now();
	bool good = instance_serve(in);
	size_t begun = library_begin(in, starts, n);

	good = good && begun == n;
	for (size_t i = 0; i < begun; i++)
		if (runtime_finish(starts[i], &all[i], NULL) < 0)
			good = false;
	for (size_t i = 0; i < begun; i++)
		good = all[i] && instance_await(all[i]) &&
			instance_remove(in, all[i]) && good;
	printf("%llu\n", (unsigned long long)(round_now() - t));
	return good;
}

static bool library_trace(struct instance *in)
{
	struct dyno *d = instance_start(in, "/bin/true", NULL);
	auto_free char *text = d ? dyno_trace_text(d) : NULL;

	if (!d)
		return false;
	puts(text);
	return instance_await(d) && instance_remove(in, d);
}

static bool library_word(void *userdata, const char *word, long arg)
{
	struct instance *in = userdata;

	if (arg < 0)
		return false;
	if (str_eq(word, "many"))
		return library_many(in, (size_t)arg);
	if (str_eq(word, "trace"))
		return library_trace(in);
	if (!str_eq(word, "alive") || !instance_alive(in, (size_t)arg))
		return false;
	printf("%ld\n", arg);
	return true;
}

static int library_filter(const char *path)
{
	struct sock_fprog filter;
	struct error e;
	int r = seccomp_policy_compile(&filter, &e);

	if (r == 0)
		r = file_write_fast(AT_FDCWD, path, filter.filter,
				    filter.len * sizeof(*filter.filter), 0600, &e);
	if (r < 0)
		fprintf(stderr, "library: %s\n", e.msg);
	return r < 0 ? 1 : 0;
}

int main(int argc, char **argv)
{
	static const struct round_fns fns = {
		.once = library_once, .word = library_word,
	};
	const char *dir = getenv("TMPDIR");
	struct instance in;
	unsigned long files = 0;
	int opt, r;

	while ((opt = getopt(argc, argv, "f:n:r:")) != -1) {
		if (opt == 'f')
			return library_filter(optarg);
		if (opt == 'n')
			files = strtoul(optarg, NULL, 10);
		else if (opt == 'r')
			dir = optarg;
		else
			return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	if (!instance_open(&in, dir ? dir : "/tmp"))
		return 1;
	r = instance_fill(&in, files) ? round_serve(&fns, &in) : 1;
	return instance_close(&in) ? r : 1;
}
