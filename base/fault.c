/*
 * fault.c - one table of points per process: its own, or one in a file that
 * outlives it.
 *
 * File-scope state, for once: a point is anywhere, and has no object at hand.
 */
#include "base/fault.h"

#ifdef DYNO_FAULT_POINTS

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define FAULT_WAIT_MIN_USEC (50 * USEC_PER_MSEC)

static struct fault_table *fault_shared;

/* ---- the table ---- */

static struct fault_table *fault_map(void)
{
	const char *base = getenv("DYNO_FAULT_COUNT");
	int flags = MAP_SHARED | MAP_ANONYMOUS;
	auto_free char *path = NULL;
	auto_close int fd = -1;
	void *p;

	if (base) {
		path = xasprintf("%s.%s", base, program_invocation_short_name);
		fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	}
	if (fd >= 0 && ftruncate(fd, sizeof(struct fault_table)) == 0)
		flags = MAP_SHARED;
	p = mmap(NULL, sizeof(struct fault_table), PROT_READ | PROT_WRITE, flags,
		 flags & MAP_ANONYMOUS ? -1 : fd, 0);
	if (p == MAP_FAILED)
		abort();
	return p;
}

static struct fault_entry *fault_find(struct fault_table *t, const char *name)
{
	struct fault_entry *f = t->points;

	for (; f < t->points + FAULT_POINTS_MAX - 1 && f->name[0]; f++)
		if (str_eq(f->name, name))
			return f;
	/* The last one stands for all that have no place. */
	if (!f->name[0])
		snprintf(f->name, sizeof(f->name), "%s", name);
	return f;
}

static int fault_errno(const char *name)
{
	static const struct {
		const char *name;
		int number;
	} errors[] = {
		{ "ENOSPC", ENOSPC }, { "EIO", EIO }, { "ENOMEM", ENOMEM },
		{ "EMFILE", EMFILE }, { "EROFS", EROFS }, { "EDQUOT", EDQUOT },
	};

	for (size_t i = 0; i < ARRAY_SIZE(errors); i++)
		if (str_eq(errors[i].name, name))
			return errors[i].number;
	return EIO;
}

static void fault_read_kill(struct fault_table *t)
{
	const char *text = getenv("DYNO_FAULT");
	char program[32], name[FAULT_NAME_MAX] = "";
	struct fault_entry *f;
	unsigned long long n;

	if (!text || sscanf(text, "%31[^:]:%llu:%63[^\n]", program, &n, name) < 2 ||
	    !str_eq(program, program_invocation_short_name))
		return;
	f = name[0] ? fault_find(t, name) : &t->all;
	/* An earlier run has been there. */
	if (f->count < n)
		f->kill_at = n;
}

static void fault_read_fail(struct fault_table *t)
{
	const char *text = getenv("DYNO_FAULT_FAIL");
	char name[FAULT_NAME_MAX], error[16];
	unsigned long long n, times = 1;
	struct fault_entry *f;

	if (!text || sscanf(text, "%63[^:]:%15[^:]:%llu:%llu", name, error, &n,
			    &times) < 3)
		return;
	f = fault_find(t, name);
	f->fail_at = n;
	f->fail_times = times;
	f->fail_errno = fault_errno(error);
}

static struct fault_table *fault_table(void)
{
	if (!fault_shared) {
		fault_shared = fault_map();
		fault_read_kill(fault_shared);
		fault_read_fail(fault_shared);
	}
	return fault_shared;
}

/* ---- passing a point ---- */

static uint64_t fault_count(struct fault_entry *f)
{
	uint64_t n = __atomic_add_fetch(&f->count, 1, __ATOMIC_SEQ_CST);

	/* Once, whoever goes on with this table. */
	if (f->kill_at && n >= f->kill_at) {
		f->kill_at = 0;
		raise(SIGKILL);
	}
	return n;
}

static bool fault_pass(const char *fmt, va_list ap)
{
	struct fault_table *t = fault_table();
	char name[FAULT_NAME_MAX];
	struct fault_entry *f;
	int saved = errno;
	uint64_t n;

	vsnprintf(name, sizeof(name), fmt, ap);
	f = fault_find(t, name);
	fault_count(&t->all);
	n = fault_count(f);
	errno = saved;
	if (!f->fail_at || n < f->fail_at || !f->fail_times)
		return false;
	f->fail_times--;
	errno = (int)f->fail_errno;
	return true;
}

void fault_point(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fault_pass(fmt, ap);
	va_end(ap);
}

bool fault_call(const char *fmt, ...)
{
	va_list ap;
	bool fails;

	va_start(ap, fmt);
	fails = fault_pass(fmt, ap);
	va_end(ap);
	return fails;
}

const char *fault_file(const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;

	/* UUIDs, checksums, numbers and temporary names. */
	return strpbrk(name, "0123456789") ? "a file" : name;
}

/* ---- the clock ---- */

static uint64_t fault_number(const char *key)
{
	const char *text = getenv(key);

	return text ? strtoull(text, NULL, 10) : 0;
}

static uint64_t fault_scale(void)
{
	static uint64_t scale;

	if (!scale)
		scale = fault_number("DYNO_CLOCK_SCALE");
	if (!scale)
		scale = 1;
	return scale;
}

uint64_t fault_clock(uint64_t usec, bool real)
{
	uint64_t zero = real && fault_scale() > 1 ? fault_number("DYNO_CLOCK_ZERO")
						  : 0;

	if (zero >= usec || (real && !zero))
		return usec;
	return zero + (usec - zero) * fault_scale();
}

uint64_t fault_wait(uint64_t usec)
{
	uint64_t scaled = usec / fault_scale();
	uint64_t least = usec < FAULT_WAIT_MIN_USEC ? usec : FAULT_WAIT_MIN_USEC;

	return scaled > least ? scaled : least;
}

#endif
