#include "runtime/cgroup/cgroup_usage.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "runtime/cgroup/cgroup_dirs.h"
#include "runtime/cgroup/cgroup_group.h"
#include "runtime/cgroup/cgroup_group_inside.h"
#include "runtime/cgroup/cgroup_usage_inside.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>

#define TEXT_MAX (1024 * 1024)

int cgroup_group_usage(const struct cgroup_group *g, struct cgroup_usage **ret,
		       struct error *e)
{
	auto_cgroup_dirs dirs = CGROUP_DIRS_INIT;
	int r = cgroup_group_dirs(g, 0, &dirs, e);

	if (r == 0)
		*ret = cgroup_usage_read(&dirs);
	return r;
}

struct cgroup_usage *cgroup_usage_read(const struct cgroup_dirs *dirs)
{
	struct cgroup_usage *u = xcalloc(1, sizeof(*u));

	u->version = dirs->trees->version;
	if (u->version == CGROUP_V1)
		cgroup_usage_v1(u, dirs);
	else
		cgroup_usage_v2(u, dirs);
	return u;
}

static void usage_free_io(struct cgroup_usage *u)
{
	struct cgroup_io_list *const lists[] = {
		&u->io.service_bytes, &u->io.serviced, &u->io.queued,
		&u->io.service_time, &u->io.wait_time, &u->io.merged,
		&u->io.time, &u->io.sectors,
	};

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		free(lists[i]->v);
}

struct cgroup_usage *cgroup_usage_free(struct cgroup_usage *u)
{
	if (!u)
		return NULL;
	free(u->cpu.percpu);
	free(u->cpu.percpu_kernel);
	free(u->cpu.percpu_user);
	free(u->cpuset.cpus);
	free(u->cpuset.mems);
	for (size_t i = 0; i < u->memory.n_raw; i++)
		free(u->memory.raw[i].key);
	free(u->memory.raw);
	usage_free_io(u);
	for (size_t i = 0; i < u->n_hugetlb; i++)
		free(u->hugetlb[i].size);
	free(u->hugetlb);
	free(u);
	return NULL;
}

/* ---- single files ---- */

void cgroup_usage_number(int fd, const char *file, uint64_t none, uint64_t *ret)
{
	auto_buf text = BUF_INIT;

	if (fd < 0 || file_read(fd, file, 256, &text, NULL) < 0)
		return;
	if (str_after(buf_str(&text), "max"))
		*ret = none;
	else
		sscanf(buf_str(&text), "%" SCNu64, ret);
}

void cgroup_usage_key(int fd, const char *file, const char *key, uint64_t *ret)
{
	if (fd >= 0)
		cgroup_tree_read_key(fd, file, key, ret, NULL);
}

char *cgroup_usage_text(int fd, const char *file)
{
	auto_buf text = BUF_INIT;

	if (fd < 0 || file_read(fd, file, TEXT_MAX, &text, NULL) < 0)
		return NULL;
	return xstrndup(buf_str(&text), strcspn(buf_str(&text), "\n"));
}

void cgroup_usage_raw(struct cgroup_usage *u, int fd, const char *file)
{
	auto_buf text = BUF_INIT;
	char *rest, *line;

	if (fd < 0 || file_read(fd, file, TEXT_MAX, &text, NULL) < 0)
		return;
	rest = text.data;
	while ((line = strsep(&rest, "\n"))) {
		char *number = strchr(line, ' ');
		uint64_t value;

		if (!number || sscanf(number, " %" SCNu64, &value) != 1)
			continue;
		*number = '\0';
		u->memory.raw = xrealloc(u->memory.raw, (u->memory.n_raw + 1) *
					 sizeof(*u->memory.raw));
		u->memory.raw[u->memory.n_raw].key = xstrdup(line);
		u->memory.raw[u->memory.n_raw++].value = value;
	}
}

void cgroup_usage_io_add(struct cgroup_io_list *l, uint64_t major,
			 uint64_t minor, const char *op, uint64_t value)
{
	struct cgroup_io_entry *x;

	l->v = xrealloc(l->v, (l->n + 1) * sizeof(*l->v));
	x = &l->v[l->n++];
	*x = (struct cgroup_io_entry){ .major = major, .minor = minor,
				       .value = value };
	snprintf(x->op, sizeof(x->op), "%s", op);
}

/* "some avg10=0.00 avg60=0.00 avg300=0.00 total=0" and the same with "full" */
void cgroup_usage_pressure(int fd, const char *file, struct cgroup_pressure *p)
{
	static const char fmt[] = " avg10=%lf avg60=%lf avg300=%lf total=%" SCNu64;
	auto_buf text = BUF_INIT;
	const char *some, *full;

	if (fd < 0 || file_read(fd, file, 1024, &text, NULL) < 0)
		return;
	some = strstr(buf_str(&text), "some");
	full = strstr(buf_str(&text), "full");
	if (some)
		p->known = sscanf(some + 4, fmt, &p->some.avg10, &p->some.avg60,
				  &p->some.avg300, &p->some.total) == 4;
	if (full)
		sscanf(full + 4, fmt, &p->full.avg10, &p->full.avg60,
		       &p->full.avg300, &p->full.total);
}

void cgroup_usage_sizes(struct cgroup_usage *u, int fd, const char *suffix)
{
	int again = fd < 0 ? -1 : openat(fd, ".", O_RDONLY | O_DIRECTORY |
					 O_CLOEXEC);
	DIR *d = again < 0 ? NULL : fdopendir(again);
	struct dirent *de;

	if (!d) {
		fd_close(again);
		return;
	}
	while ((de = readdir(d))) {
		const char *size = str_after(de->d_name, "hugetlb.");
		size_t n = size ? strcspn(size, ".") : 0;

		if (!size || !str_eq(size + n, suffix))
			continue;
		u->hugetlb = xrealloc(u->hugetlb, (u->n_hugetlb + 1) *
				      sizeof(*u->hugetlb));
		u->hugetlb[u->n_hugetlb++] = (struct cgroup_hugetlb_entry){
			.size = xstrndup(size, n),
		};
	}
	closedir(d);
}
