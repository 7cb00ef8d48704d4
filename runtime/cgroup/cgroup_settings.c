#include "runtime/cgroup/cgroup_settings.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "runtime/cgroup/cgroup_dirs.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#define TEXT_MAX 65536
#define WEIGHT_MIN 1
#define WEIGHT_MAX 10000
#define SHARES_MIN 2
#define SHARES_MAX 262144
#define BLKIO_WEIGHT_MIN 10
#define BLKIO_WEIGHT_MAX 1000

void cgroup_settings_deinit(struct cgroup_settings *s)
{
	for (size_t i = 0; i < s->n; i++) {
		free(s->v[i].file);
		free(s->v[i].text);
		free(s->v[i].property);
	}
	free(s->v);
	s->v = NULL;
	s->n = 0;
}

void cgroup_settings_add(struct cgroup_settings *s, unsigned controller,
			 unsigned flags, const char *property, const char *file,
			 const char *fmt, ...)
{
	char *text;
	va_list ap;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	s->v = xrealloc(s->v, (s->n + 1) * sizeof(*s->v));
	s->v[s->n++] = (struct cgroup_setting){
		.controller = controller,
		.flags = flags,
		.file = xstrdup(file),
		.text = text,
		.property = xstrdup(property),
	};
}

bool cgroup_settings_given(const struct maybe *m)
{
	return m->set && m->value != 0;
}

void cgroup_settings_rows(struct cgroup_settings *s, const struct resources *r,
			  const struct cgroup_row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct maybe *m =
			(const void *)((const char *)r + rows[i].offset);

		if (!m->set || (m->value == 0 && !rows[i].zero))
			continue;
		if (m->value < 0 && rows[i].none)
			cgroup_settings_add(s, rows[i].controller, rows[i].flags,
					    rows[i].property, rows[i].file, "%s",
					    rows[i].none);
		else
			cgroup_settings_add(s, rows[i].controller, rows[i].flags,
					    rows[i].property, rows[i].file,
					    "%" PRId64, m->value);
	}
}

int cgroup_settings_error(const struct cgroup_settings *s, struct error *e,
			  int code, const char *property, const char *reason)
{
	return error_set(e, code, "%s%s: %s", s->label, property, reason);
}

/* ---- what both versions have ---- */

/* The size becomes a part of a file's name. */
static bool settings_page_size(const char *size)
{
	size_t n = strspn(size, "0123456789");

	return n > 0 && n < 8 && size[n] && strchr("KMGT", size[n]) &&
	       str_eq(size + n + 1, "B");
}

int cgroup_settings_hugetlb(struct cgroup_settings *s, const struct resources *r,
			    const char *suffix, struct error *e)
{
	for (size_t i = 0; i < r->n_hugetlb; i++) {
		const struct resources_hugetlb *h = &r->hugetlb[i];
		auto_free char *property = xasprintf("hugepageLimits[%zu]", i);
		auto_free char *file = NULL, *reserved = NULL;

		if (!settings_page_size(h->page_size))
			return cgroup_settings_error(s, e, EINVAL, property,
						     "not a page size");
		file = xasprintf("hugetlb.%s.%s", h->page_size, suffix);
		reserved = xasprintf("hugetlb.%s.rsvd.%s", h->page_size, suffix);
		cgroup_settings_add(s, CGROUP_HUGETLB, 0, property, file,
				    "%" PRIu64, h->limit);
		cgroup_settings_add(s, CGROUP_HUGETLB, CGROUP_SETTING_IF_THERE,
				    property, reserved, "%" PRIu64, h->limit);
	}
	return 0;
}

static void settings_rdma_part(char *out, size_t size, const char *key,
			       const struct maybe *m)
{
	if (m->set)
		snprintf(out, size, " %s=%" PRId64, key, m->value);
}

void cgroup_settings_rdma(struct cgroup_settings *s, const struct resources *r)
{
	for (size_t i = 0; i < r->n_rdma; i++) {
		auto_free char *property = xasprintf("rdma.%s", r->rdma[i].name);
		char handles[48] = "", objects[48] = "";

		settings_rdma_part(handles, sizeof(handles), "hca_handle",
				   &r->rdma[i].handles);
		settings_rdma_part(objects, sizeof(objects), "hca_object",
				   &r->rdma[i].objects);
		cgroup_settings_add(s, CGROUP_RDMA, 0, property, "rdma.max",
				    "%s%s%s", r->rdma[i].name, handles, objects);
	}
}

static bool settings_weight_ok(const struct maybe *m)
{
	return !cgroup_settings_given(m) || (m->value >= BLKIO_WEIGHT_MIN &&
					     m->value <= BLKIO_WEIGHT_MAX);
}

int cgroup_settings_check_weights(const struct cgroup_settings *s,
				  const struct resources *r, struct error *e)
{
	bool ok = settings_weight_ok(&r->block.weight) &&
		  settings_weight_ok(&r->block.leaf_weight);

	for (size_t i = 0; ok && i < r->block.n_devices; i++)
		ok = settings_weight_ok(&r->block.devices[i].weight) &&
		     settings_weight_ok(&r->block.devices[i].leaf_weight);
	return ok ? 0 : cgroup_settings_error(s, e, EINVAL, "blockIO",
					      "a weight is not between 10 and 1000");
}

/* ---- writing ---- */

enum { WRITTEN, NO_FILE };

/* Raw: -1 with errno, WRITTEN, NO_FILE. */
static int settings_put(const struct cgroup_setting *s, int fd)
{
	auto_close int out = -1;
	size_t n = strlen(s->text);

	if (fd < 0)
		return NO_FILE;
	out = openat(fd, s->file, O_WRONLY | O_CLOEXEC);
	if (out < 0)
		return errno == ENOENT ? NO_FILE : -1;
	return write(out, s->text, n) == (ssize_t)n ? WRITTEN : -1;
}

/* v2: whether the group has the controller that a file's name begins with. */
static bool settings_available(int fd, const char *file, size_t n)
{
	auto_buf text = BUF_INIT;
	const char *p;

	if (fd < 0 || file_read(fd, "cgroup.controllers", TEXT_MAX, &text,
				NULL) < 0)
		return fd >= 0;
	for (p = buf_str(&text); *p; p += strspn(p, " \n")) {
		size_t len = strcspn(p, " \n");

		if (len == n && strncmp(p, file, n) == 0)
			return true;
		p += len;
	}
	return n == strlen("cgroup") && str_after(file, "cgroup.");
}

static int settings_missing(const struct cgroup_settings *s,
			    const struct cgroup_setting *x, int fd,
			    struct error *e)
{
	size_t n = strcspn(x->file, ".");

	if (!settings_available(fd, x->file, n))
		return error_set(e, ENOTSUP, "%s%s: the requested cgroup "
				 "controller `%.*s` is not available", s->label,
				 x->property, (int)n, x->file);
	return error_set(e, ENOTSUP, "%s%s: no %s on this machine: no such file "
			 "or directory", s->label, x->property, x->file);
}

/* A limit below what is in use says how much that is. */
static int settings_refused(const struct cgroup_settings *s,
			    const struct cgroup_setting *x, int fd,
			    struct error *e)
{
	uint64_t usage = 0, peak = 0;

	if (errno != EBUSY || !str_eq(x->file, "memory.limit_in_bytes"))
		return error_sys(e, "%s%s: write \"%s\" to %s", s->label,
				 x->property, x->text, x->file);
	cgroup_tree_read(fd, "memory.usage_in_bytes", &usage, NULL);
	cgroup_tree_read(fd, "memory.max_usage_in_bytes", &peak, NULL);
	return error_set(e, EBUSY, "%s%s: unable to set memory limit to %s "
			 "(current usage: %" PRIu64 ", peak usage: %" PRIu64 ")",
			 s->label, x->property, x->text, usage, peak);
}

/* One round; what it puts off is marked in later[]. */
static int settings_round(const struct cgroup_settings *s,
			  const struct cgroup_dirs *dirs, bool *later, bool last,
			  struct error *e)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct cgroup_setting *x = &s->v[i];
		int fd = cgroup_dirs_fd(dirs, x->controller);
		int r;

		if (last && !later[i])
			continue;
		r = settings_put(x, fd);
		if (r < 0 && errno == EINVAL && !last &&
		    x->flags & CGROUP_SETTING_LATER)
			later[i] = true;
		else if (r < 0)
			return settings_refused(s, x, fd, e);
		else if (r == NO_FILE && !(x->flags & (CGROUP_SETTING_IF_THERE |
						       CGROUP_SETTING_OR_NEXT)))
			return settings_missing(s, x, fd, e);
		else if (r == WRITTEN && x->flags & CGROUP_SETTING_OR_NEXT)
			i++;
	}
	return 0;
}

int cgroup_settings_write(const struct cgroup_settings *s,
			  const struct cgroup_dirs *dirs, struct error *e)
{
	auto_free bool *later = xcalloc(s->n + 1, sizeof(*later));
	int r = settings_round(s, dirs, later, false, e);

	return r < 0 ? r : settings_round(s, dirs, later, true, e);
}

/* ---- conversions ---- */

/* log2() and 10^x without libm, which no program of ours needs otherwise; good
 * for the 14 digits that matter below. */
static double settings_log2(double x)
{
	double result = 0, bit = 1;

	while (x >= 2) {
		x /= 2;
		result += 1;
	}
	for (int i = 0; i < 52; i++) {
		x *= x;
		bit /= 2;
		if (x >= 2) {
			x /= 2;
			result += bit;
		}
	}
	return result;
}

static double settings_power10(double x)
{
	const double ln10 = 2.302585092994045684;
	double term = 1, sum = 1;

	for (int i = 1; i < 60; i++) {
		term *= x * ln10 / i;
		sum += term;
	}
	return sum;
}

uint64_t cgroup_settings_weight(uint64_t shares)
{
	const double nearly = 1e-7;	/* 100.00000001 is 100, not 101 */
	double l, x;
	uint64_t weight;

	if (shares <= SHARES_MIN)
		return WEIGHT_MIN;
	if (shares >= SHARES_MAX)
		return WEIGHT_MAX;
	l = settings_log2((double)shares);
	x = settings_power10((l * l + 125 * l) / 612 - 7.0 / 34);
	weight = (uint64_t)(x - nearly) + 1;	/* rounded up */
	return weight > WEIGHT_MAX ? WEIGHT_MAX : weight;
}

uint64_t cgroup_settings_io_weight(uint64_t blkio_weight)
{
	return 1 + (blkio_weight - BLKIO_WEIGHT_MIN) * (WEIGHT_MAX - 1) /
		   (BLKIO_WEIGHT_MAX - BLKIO_WEIGHT_MIN);
}
