#include "runtime/cgroup/cgroup_path.h"
#include "base/buf.h"
#include "base/error.h"

#define PATH_LENGTH_MAX 3000
#define SLICE ".slice"

static bool path_ends(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && str_eq(s + n - m, end);
}

/* Append path to out, each component with one slash before it. */
static int path_append(struct buf *out, const char *path, struct error *e)
{
	const char *p = path;

	while (*(p += strspn(p, "/"))) {
		size_t n = strcspn(p, "/");

		if ((n == 1 && *p == '.') || (n == 2 && p[0] == '.' &&
					      p[1] == '.'))
			return error_set(e, EINVAL, "linux.cgroupsPath: \"%s\" "
					 "has a component \".\" or \"..\"", path);
		if (memchr(p, '\n', n))
			return error_set(e, EINVAL, "linux.cgroupsPath: a line "
					 "break in it");
		buf_adds(out, "/");
		buf_add(out, p, n);
		p += n;
	}
	if (out->len > PATH_LENGTH_MAX)
		return error_set(e, ENAMETOOLONG, "linux.cgroupsPath: too long");
	return 0;
}

int cgroup_path_slice(const char *slice, char **ret, struct error *e)
{
	size_t n = strlen(slice) - (path_ends(slice, SLICE) ? strlen(SLICE) : 0);
	auto_buf out = BUF_INIT;

	if (!path_ends(slice, SLICE) || n == 0 || strchr(slice, '/') ||
	    strchr(slice, '\n') || strstr(slice, "--"))
		return error_set(e, EINVAL, "linux.cgroupsPath: \"%s\" is not the "
				 "name of a slice", slice);
	buf_reserve(&out, 1);
	if (str_eq(slice, "-" SLICE)) {
		*ret = buf_take(&out);
		return 0;
	}
	if (slice[0] == '-' || slice[n - 1] == '-')
		return error_set(e, EINVAL, "linux.cgroupsPath: \"%s\" is not the "
				 "name of a slice", slice);
	for (size_t i = 1; i <= n; i++)
		if (i == n || slice[i] == '-')
			buf_addf(&out, "/%.*s" SLICE, (int)i, slice);
	*ret = buf_take(&out);
	return 0;
}

/* "slice:prefix:name" */
static int path_systemd(const struct cgroup_path_input *in, struct buf *out,
			struct error *e)
{
	bool given = in->path && *in->path;
	auto_free char *text = given ? xstrdup(in->path)
				     : xasprintf(":%s:%s", in->prefix, in->id);
	char *prefix = strchr(text, ':');
	char *name = prefix ? strchr(prefix + 1, ':') : NULL;
	auto_free char *slice = NULL, *unit = NULL;
	int r;

	if (!name || strchr(name + 1, ':') || !name[1])
		return error_set(e, EINVAL, "linux.cgroupsPath: expected it to be "
				 "of format \"slice:prefix:name\" for systemd "
				 "cgroups, got \"%s\" instead", text);
	*prefix++ = '\0';
	*name++ = '\0';
	if (strchr(prefix, '/') || strchr(name, '/'))
		return error_set(e, EINVAL, "linux.cgroupsPath: a slash in \"%s\"",
				 in->path ? in->path : in->id);
	r = cgroup_path_slice(*text ? text : "system.slice", &slice, e);
	if (r < 0)
		return r;
	if (path_ends(name, SLICE))
		unit = xstrdup(name);
	else
		unit = xasprintf("%s%s%s.scope", prefix, *prefix ? "-" : "", name);
	r = path_append(out, slice, e);
	return r < 0 ? r : path_append(out, unit, e);
}

int cgroup_path_resolve(const struct cgroup_path_input *in, char **ret,
			struct error *e)
{
	auto_buf out = BUF_INIT;
	int r;

	if (in->systemd) {
		r = path_systemd(in, &out, e);
	} else if (!in->path || !*in->path) {
		auto_free char *own = xasprintf("/%s/%s", in->prefix, in->id);

		r = path_append(&out, own, e);
	} else {
		auto_free char *parent = xstrdup(in->own && *in->own == '/'
						   ? in->own : "/");

		*strrchr(parent, '/') = '\0';
		r = *in->path == '/' || in->version == CGROUP_V1
			? 0 : path_append(&out, parent, e);
		r = r < 0 ? r : path_append(&out, in->path, e);
	}
	if (r < 0)
		return r;
	if (out.len == 0)
		return error_set(e, EINVAL, "linux.cgroupsPath: the root group is "
				 "everybody's");
	*ret = buf_take(&out);
	return 0;
}
