#include "runtime/cgroup/cgroup_mounts.h"
#include "runtime/cgroup/cgroup_tree.h"

#include <stdio.h>

/* mountinfo writes blank, tab, newline and backslash as \ooo. */
char *cgroup_mounts_unescape(const char *s, size_t n)
{
	char *out = xmalloc(n + 1), *o = out;

	for (size_t i = 0; i < n; i++) {
		if (s[i] == '\\' && i + 3 < n) {
			*o++ = (char)((s[i + 1] - '0') << 6 |
				      (s[i + 2] - '0') << 3 | (s[i + 3] - '0'));
			i += 3;
		} else {
			*o++ = s[i];
		}
	}
	*o = '\0';
	return out;
}

static const char *mounts_field(const char *line, unsigned index)
{
	while (index-- && line) {
		line = strchr(line, ' ');
		line = line ? line + 1 : NULL;
	}
	return line;
}

static bool mounts_known(const struct cgroup_mounts *m, unsigned major,
			 unsigned minor)
{
	for (size_t i = 0; i < m->n; i++)
		if (m->v[i].major == major && m->v[i].minor == minor)
			return true;
	return false;
}

static unsigned mounts_mask(const char *options)
{
	unsigned mask = cgroup_tree_mask(options);

	return mask || !strstr(options, ",name=") ? mask : CGROUP_NAMED;
}

/* "31 23 0:28 / /sys/fs/cgroup/cpu rw,relatime shared:9 - cgroup cgroup rw,cpu" */
static void mounts_line(struct cgroup_mounts *m, const char *line)
{
	const char *device = mounts_field(line, 2), *path = mounts_field(line, 4);
	const char *sep = strstr(line, " - ");
	const char *type = sep ? sep + 3 : NULL;
	const char *options = mounts_field(type, 2);
	unsigned mask, major, minor;
	bool unified;

	if (!path || !type || path > sep || !options || m->n == CGROUP_MOUNTS_MAX)
		return;
	unified = str_after(type, "cgroup2 ") != NULL;
	if (!unified && !str_after(type, "cgroup "))
		return;
	mask = unified ? 0 : mounts_mask(options);
	if ((!unified && !mask) ||
	    sscanf(device, "%u:%u ", &major, &minor) != 2 ||
	    mounts_known(m, major, minor))
		return;
	m->v[m->n++] = (struct cgroup_mount){
		.path = cgroup_mounts_unescape(path, strcspn(path, " ")),
		.unified = unified,
		.controllers = mask,
		.major = major,
		.minor = minor,
	};
}

void cgroup_mounts_parse(struct cgroup_mounts *m, const char *mountinfo)
{
	*m = CGROUP_MOUNTS_INIT;
	while (*mountinfo) {
		size_t n = strcspn(mountinfo, "\n");
		auto_free char *line = xstrndup(mountinfo, n);

		mounts_line(m, line);
		mountinfo += n + (mountinfo[n] == '\n');
	}
}

void cgroup_mounts_deinit(struct cgroup_mounts *m)
{
	for (size_t i = 0; i < m->n; i++)
		free(m->v[i].path);
	m->n = 0;
}

const struct cgroup_mount *cgroup_mounts_unified(const struct cgroup_mounts *m)
{
	for (size_t i = 0; i < m->n; i++)
		if (m->v[i].unified)
			return &m->v[i];
	return NULL;
}

unsigned cgroup_mounts_v1(const struct cgroup_mounts *m)
{
	unsigned mask = 0;

	for (size_t i = 0; i < m->n; i++)
		mask |= m->v[i].controllers;
	return mask;
}

char *cgroup_mounts_own(const char *proc_cgroup)
{
	const char *p = str_after(proc_cgroup, "0::");

	if (!p) {
		p = strstr(proc_cgroup, "\n0::");
		p = p ? p + 4 : "/";
	}
	return xstrndup(p, strcspn(p, "\n"));
}
