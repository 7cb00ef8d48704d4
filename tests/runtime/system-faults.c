/*
 * system-faults.c - a start that fails, at every point where it can.
 *
 *   system-faults [STARTS]
 *
 * Points: each operation of the plan (the child fails there with EIO), each
 * step of the parent, and a start that is cancelled half-way; for each kind of
 * standard streams, and for layers built by the helper of older kernels. All of
 * them in turn, once at least, or until so many starts have been made. After
 * each, nothing of it is on record; at the end the census is what it was at the
 * beginning. Whole starts in between tell whether starting gets slower.
 *
 * Needs root, and an instance number that nobody uses.
 */
#include "base/base.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/strv.h"
#include "runtime/instance.h"
#include "tests/bench/instance.h"
#include "tests/runtime/census.h"

#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>

#define WHOLE_EVERY 8		/* each eighth start is whole */
#define WARM 16			/* whole starts that are not counted */
#define SETTLE_MSEC 30000

static int failed;

#define check(expr) do { if (!(expr)) { failed++; \
	printf("FAIL %s:%d: %s\n", __func__, __LINE__, #expr); } } while (0)

static const struct variant {
	const char *name;
	enum dyno_stdio stdio;
	bool by_host;
} variants[] = {
	{ "log", DYNO_STDIO_LOG, false },
	{ "pipes", DYNO_STDIO_PIPES, false },
	{ "terminal", DYNO_STDIO_PTY, false },
	{ "layers by the host", DYNO_STDIO_LOG, true },
};

struct run {
	struct instance in;
	size_t starts, wanted;
	uint64_t *whole_usec;		/* whole starts, in order */
	size_t n_whole, max_whole;
};

/* ---- starts ---- */

static char *const command[] = { (char *)"/bin/true", NULL };

static int faults_start(struct run *r, const struct variant *v, struct dyno **ret,
			struct error *e)
{
	char uuid[UUID_TEXT_MAX];
	struct dyno_spec spec = instance_spec(command, uuid);
	int result;

	spec.stdio = v->stdio;
	r->in.runtime->by_host = v->by_host;
	r->starts++;
	result = runtime_start(r->in.runtime, &spec, ret, e);
	if (result < 0)
		check(instance_clear(&r->in, uuid, NULL) == 0);
	return result;
}

static void faults_end(struct run *r, struct dyno *d)
{
	check(instance_await(d));
	check(instance_remove(&r->in, d));
}

static bool faults_whole(struct run *r)
{
	uint64_t t = clock_mono_usec();
	struct dyno *d = NULL;
	struct error e;

	if (faults_start(r, &variants[0], &d, &e) < 0) {
		printf("FAIL a whole start: %s\n", e.msg);
		failed++;
		return false;
	}
	t = clock_mono_usec() - t;
	faults_end(r, d);
	if (r->n_whole == r->max_whole) {
		r->max_whole = 2 * r->max_whole + 1024;
		r->whole_usec = xrealloc(r->whole_usec,
					 r->max_whole * sizeof(*r->whole_usec));
	}
	r->whole_usec[r->n_whole++] = t;
	return true;
}

/* What every failed start leaves: nothing on record. */
static void faults_after(struct run *r, const char *what, int at,
			 const struct variant *v)
{
	auto_strv left = STRV_INIT;
	int before = failed;

	check(runtime_list(r->in.runtime, &left, NULL) == 0 && left.n == 0);
	if (failed != before)
		printf("# after %s %d, %s\n", what, at, v->name);
	if (r->starts % WHOLE_EVERY == 0)
		faults_whole(r);
}

/* ---- points ---- */

/* False if there is no such operation: the start was whole. */
static bool faults_op(struct run *r, const struct variant *v, int op)
{
	struct dyno *d = NULL;
	struct error e;
	int result;

	r->in.runtime->fault = op;
	result = faults_start(r, v, &d, &e);
	r->in.runtime->fault = -1;
	if (result == 0) {
		faults_end(r, d);
		return false;
	}
	check(result == -EIO && !d);
	if (result != -EIO)
		printf("# operation %d, %s: %s\n", op, v->name, e.msg);
	faults_after(r, "operation", op, v);
	return true;
}

static void faults_step(struct run *r, const struct variant *v, int step)
{
	struct dyno *d = NULL;
	struct error e;
	int result;

	r->in.runtime->fault_step = step;
	result = faults_start(r, v, &d, &e);
	r->in.runtime->fault_step = -1;
	check(result == -EIO && !d);
	if (result == 0)
		faults_end(r, d);
	faults_after(r, "step", step, v);
}

static void faults_cancel(struct run *r, const struct variant *v)
{
	char uuid[UUID_TEXT_MAX];
	struct dyno_spec spec = instance_spec(command, uuid);
	struct start *s = NULL;
	struct error e;
	int fd = -1;

	spec.stdio = v->stdio;
	r->in.runtime->by_host = v->by_host;
	r->starts++;
	check(runtime_begin(r->in.runtime, &spec, &s, &fd, &e) == 0 && fd >= 0);
	runtime_cancel(s);
	check(instance_clear(&r->in, uuid, NULL) == 0);
	faults_after(r, "cancel", 0, v);
}

static bool faults_enough(const struct run *r)
{
	return failed > 20 || (r->wanted && r->starts >= r->wanted);
}

static void faults_variant(struct run *r, const struct variant *v, int *ret_ops)
{
	int op = 0;

	while (!faults_enough(r) && faults_op(r, v, op))
		op++;
	for (int i = 0; !faults_enough(r) && i < DYNO_TRACE_CHILD; i++)
		faults_step(r, v, i);
	if (!faults_enough(r))
		faults_cancel(r, v);
	*ret_ops = op;
}

/* Every point once. */
static void faults_pass(struct run *r, bool tell)
{
	for (size_t i = 0; i < ARRAY_SIZE(variants); i++) {
		int before = failed, ops;

		faults_variant(r, &variants[i], &ops);
		check(faults_enough(r) || ops > 50);
		if (tell)
			printf("%s a start that fails at each of %d operations and %d "
			       "steps leaves nothing: %s\n",
			       failed == before ? "ok" : "not ok", ops,
			       DYNO_TRACE_CHILD, variants[i].name);
		fflush(stdout);
	}
}

/* ---- does starting get slower? ---- */

static int faults_compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static double faults_median(const uint64_t *usec, size_t n)
{
	auto_free uint64_t *sorted = xmemdup(usec, n * sizeof(*usec));

	qsort(sorted, n, sizeof(*sorted), faults_compare);
	return (double)sorted[n / 2];
}

/* Least squares over the index of the start; and how far off that may be. */
static void faults_slope(const struct run *r)
{
	const uint64_t *y = r->whole_usec;
	double n = (double)r->n_whole, mean_x = (n - 1) / 2, mean_y = 0, xx = 0,
	       xy = 0, rest = 0, slope, per_start;
	size_t quarter = r->n_whole / 4;

	if (quarter < 2)
		return;
	for (size_t i = 0; i < r->n_whole; i++)
		mean_y += (double)y[i] / n;
	for (size_t i = 0; i < r->n_whole; i++) {
		double x = (double)i - mean_x;

		xx += x * x;
		xy += x * ((double)y[i] - mean_y);
	}
	slope = xy / xx;
	for (size_t i = 0; i < r->n_whole; i++) {
		double d = (double)y[i] - mean_y - slope * ((double)i - mean_x);

		rest += d * d;
	}
	per_start = 1e3 * n / (double)r->starts;
	printf("# %zu starts, %zu of them whole: median of the first quarter %.2f ms, "
	       "of the last %.2f ms (x %.3f)\n", r->starts, r->n_whole,
	       faults_median(y, quarter) / 1e3,
	       faults_median(y + r->n_whole - quarter, quarter) / 1e3,
	       faults_median(y + r->n_whole - quarter, quarter) /
	       faults_median(y, quarter));
	printf("# slope: %+.0f ns per start, standard error %.0f\n",
	       slope * per_start, sqrt(rest / (n - 2) / xx) * per_start);
}

/* The census of an instance without dynos. */
static void faults_calm(struct run *r, struct census *ret)
{
	uint64_t end = clock_mono_usec() + SETTLE_MSEC * USEC_PER_MSEC;

	for (;;) {
		census_take(ret, r->in.runtime);
		if (ret->links + ret->processes + ret->groups == 0 ||
		    clock_mono_usec() > end)
			break;
		census_deinit(ret);
		poll(NULL, 0, 50);
	}
	check(ret->links + ret->processes + ret->groups == 0);
}

int main(int argc, char **argv)
{
	struct census before = CENSUS_INIT, now = CENSUS_INIT;
	struct run r = { .wanted = argc > 1 ? strtoul(argv[1], NULL, 10) : 0 };
	const char *dir = getenv("TMPDIR");

	if (geteuid() != 0)
		return 77;
	signal(SIGPIPE, SIG_IGN);
	if (!instance_open(&r.in, dir ? dir : "/tmp"))
		return 1;
	/* Whatever is made once and kept, is made now. */
	for (int i = 0; i < WARM; i++)
		faults_whole(&r);
	r.n_whole = r.starts = 0;
	faults_calm(&r, &before);
	faults_pass(&r, true);
	while (r.wanted && !faults_enough(&r))
		faults_pass(&r, false);
	check(census_await(&now, &before, r.in.runtime, SETTLE_MSEC));
	printf("%s the census is clean\n", failed ? "not ok" : "ok");
	printf("# memory in use: %+zd bytes\n", (ssize_t)(now.heap - before.heap));
	faults_slope(&r);
	census_deinit(&before);
	census_deinit(&now);
	free(r.whole_usec);
	check(instance_close(&r.in));
	return failed ? 1 : 0;
}
