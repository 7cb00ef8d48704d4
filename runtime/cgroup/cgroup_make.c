#include "runtime/cgroup/cgroup_make.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"

#include <fcntl.h>
#include <sys/stat.h>

#define TEXT_MAX 65536

/* ---- one level ---- */

static bool make_blank(const char *s)
{
	return s[strspn(s, " \n")] == '\0';
}

/* A process cannot be in a group that has no processor or no memory node. */
static int make_cpuset_file(int parent_fd, int fd, const char *file,
			    struct error *e)
{
	auto_buf mine = BUF_INIT, theirs = BUF_INIT;
	int r = file_read(fd, file, TEXT_MAX, &mine, e);

	if (r < 0 || !make_blank(buf_str(&mine)))
		return r;
	r = file_read(parent_fd, file, TEXT_MAX, &theirs, e);
	return r < 0 || make_blank(buf_str(&theirs))
		? r : cgroup_tree_write(fd, file, buf_str(&theirs), e);
}

static int make_cpuset(int parent_fd, int fd, struct error *e)
{
	int r = make_cpuset_file(parent_fd, fd, "cpuset.cpus", e);

	return r < 0 ? r : make_cpuset_file(parent_fd, fd, "cpuset.mems", e);
}

/* Pass all controllers on: at once, else each that will go. What is missing is
 * told when somebody needs it. */
static int make_pass_on(int fd, struct error *e)
{
	auto_buf have = BUF_INIT, on = BUF_INIT, all = BUF_INIT;
	auto_free char *words = NULL;
	char *rest, *word;
	int r = file_read(fd, "cgroup.controllers", TEXT_MAX, &have, e);

	if (r == 0)
		r = file_read(fd, "cgroup.subtree_control", TEXT_MAX, &on, e);
	if (r < 0 || str_eq(buf_str(&have), buf_str(&on)))
		return r;
	rest = words = xstrdup(buf_str(&have));
	while ((word = strsep(&rest, " \n")))
		if (*word)
			buf_addf(&all, "+%s ", word);
	if (cgroup_tree_write(fd, "cgroup.subtree_control", buf_str(&all),
			      NULL) == 0)
		return 0;
	for (rest = all.data; (word = strsep(&rest, " ")); )
		if (*word)
			cgroup_tree_write(fd, "cgroup.subtree_control", word,
					  NULL);
	return 0;
}

/* ---- the way down ---- */

static void made_add(struct cgroup_made *m, size_t tree, size_t len)
{
	m->v = xrealloc(m->v, (m->n + 1) * sizeof(*m->v));
	m->v[m->n].tree = tree;
	m->v[m->n++].len = len;
}

/* Make (or find) one component; *fd moves into it. */
static int make_step(struct cgroup_trees *t, size_t tree, int *fd,
		     const char *path, size_t len, struct cgroup_made *made,
		     struct error *e)
{
	const struct cgroup_tree *x = &t->v[tree];
	auto_free char *here = xstrndup(path, len);
	const char *slash = strrchr(here, '/'), *name = slash ? slash + 1 : here;
	auto_close int next = -1;
	int r = 0;

	if (t->version == CGROUP_V2)
		r = make_pass_on(*fd, e);
	if (r < 0)
		return r;
	if (mkdirat(*fd, name, 0755) == 0)
		made_add(made, tree, len);
	else if (errno != EEXIST)
		return error_sys(e, "create cgroup %s/%s", x->path, here);
	next = openat(*fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (next < 0)
		return error_sys(e, "open cgroup %s/%s", x->path, here);
	if (t->version == CGROUP_V1 && x->controllers & CGROUP_CPUSET)
		r = make_cpuset(*fd, next, e);
	if (r < 0)
		return r;
	fd_close(*fd);
	*fd = take_fd(next);
	return 0;
}

static int make_tree(struct cgroup_trees *t, size_t tree, const char *path,
		     struct cgroup_made *made, struct error *e)
{
	auto_close int fd = openat(t->v[tree].parent_fd, ".",
				   O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = 0;

	if (fd < 0)
		return error_sys(e, "open cgroup %s", t->v[tree].path);
	for (const char *p = path; r >= 0 && *p; p += *p == '/') {
		p += strcspn(p, "/");
		r = make_step(t, tree, &fd, path, (size_t)(p - path), made, e);
	}
	return r;
}

int cgroup_make(struct cgroup_trees *t, const char *path,
		struct cgroup_made *made, struct error *e)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < t->n; i++)
		r = make_tree(t, i, path, made, e);
	if (r < 0)
		cgroup_made_undo(made, t, path);
	return r;
}

void cgroup_made_undo(struct cgroup_made *made, struct cgroup_trees *t,
		      const char *path)
{
	while (made->n > 0) {
		size_t tree = made->v[--made->n].tree;
		auto_free char *group = xstrndup(path, made->v[made->n].len);

		unlinkat(t->v[tree].parent_fd, group, AT_REMOVEDIR);
	}
}

void cgroup_made_deinit(struct cgroup_made *made)
{
	free(made->v);
	made->v = NULL;
	made->n = 0;
}
