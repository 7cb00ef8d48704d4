/*
 * container.c - the directory of a container: make, lock, read, save, forget.
 */
#include "runtime/oci/container.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/strv.h"
#include "runtime/oci/container_state.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <time.h>

#define CONTAINER_STATE "state.json"
#define CONTAINER_PATIENCE_MSEC 10000	/* for another command's lock */

void container_deinit(struct container *c)
{
	c->dir_fd = fd_close(c->dir_fd);
	free(c->id);
	free(c->bundle);
	free(c->rootfs);
	free(c->cgroup);
	*c = CONTAINER_INIT;
}

/* A file name that no shell, table or log line can misread. */
static int container_check_id(const char *id, struct error *e)
{
	size_t n = strlen(id);

	if (n == 0)
		return error_set(e, EINVAL, "the container ID is empty");
	if (n > CONTAINER_ID_MAX)
		return error_set(e, EINVAL,
				 "the container ID is longer than %d characters",
				 CONTAINER_ID_MAX);
	if (str_eq(id, ".") || str_eq(id, ".."))
		return error_set(e, EINVAL, "invalid container ID %s", id);
	for (const char *p = id; *p; p++)
		if (!(*p >= 'a' && *p <= 'z') && !(*p >= 'A' && *p <= 'Z') &&
		    !(*p >= '0' && *p <= '9') && !strchr("_+-.", *p))
			return error_set(e, EINVAL, *p > ' ' && *p < 127 ?
				"invalid character `%c` in the ID `%s`" :
				"invalid character \\x%02x in the ID",
				(unsigned char)*p, id);
	return 0;
}

/* ---- the lock ---- */

/* Whoever had the lock before may have removed the directory, and somebody
 * else may have made another one of this name. */
static bool container_linked(int root_fd, int dir_fd, const char *id)
{
	struct stat a, b;

	return fstat(dir_fd, &a) == 0 &&
		fstatat(root_fd, id, &b, AT_SYMLINK_NOFOLLOW) == 0 &&
		a.st_ino == b.st_ino && a.st_dev == b.st_dev;
}

static int container_lock(int dir_fd, const char *id, struct error *e)
{
	const struct timespec nap = { .tv_nsec = 5000000 };
	uint64_t end = clock_mono_usec() + CONTAINER_PATIENCE_MSEC * USEC_PER_MSEC;

	while (flock(dir_fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return error_sys(e, "lock container %s", id);
		if (clock_mono_usec() > end)
			return error_set(e, EBUSY, "container %s is in use by "
					 "another command", id);
		nanosleep(&nap, NULL);
	}
	return 0;
}

static int container_open_root(const char *root)
{
	return open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static int container_open_dir(int root_fd, const char *id, struct error *e)
{
	int fd = openat(root_fd, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
			O_CLOEXEC);

	if (fd < 0 && errno == ENOENT)
		return error_set(e, ENOENT, "container %s does not exist", id);
	if (fd < 0)
		return error_sys(e, "open container %s", id);
	return fd;
}

/* ---- life ---- */

static int container_make_dir(int root_fd, const char *id, struct error *e)
{
	if (mkdirat(root_fd, id, 0700) == 0)
		return 0;
	if (errno == EEXIST)
		return error_set(e, EEXIST, "container %s already exists", id);
	return error_sys(e, "create container %s", id);
}

int container_new(struct container *ret, const char *root, const char *id,
		  struct error *e)
{
	auto_close int root_fd = -1, dir_fd = -1;
	int r = container_check_id(id, e);

	if (r < 0)
		return r;
	root_fd = container_open_root(root);
	if (root_fd < 0 && errno == ENOENT) {
		r = file_make_dirs(root, 0700, e);
		if (r < 0)
			return r;
		root_fd = container_open_root(root);
	}
	if (root_fd < 0)
		return error_sys(e, "open %s", root);
	r = container_make_dir(root_fd, id, e);
	if (r < 0)
		return r;
	dir_fd = container_open_dir(root_fd, id, e);
	if (dir_fd < 0)
		return dir_fd;
	r = container_lock(dir_fd, id, e);
	if (r < 0)
		return r;
	/* Between the two steps it looks like what a crash left. */
	if (!container_linked(root_fd, dir_fd, id))
		return error_set(e, ENOENT, "container %s was deleted meanwhile", id);
	*ret = CONTAINER_INIT;
	ret->dir_fd = take_fd(dir_fd);
	ret->id = xstrdup(id);
	ret->created_usec = clock_real_usec();
	ret->owner = getuid();
	return 0;
}

/* Without a state nothing of it was made but the directory. */
static int container_load(struct container *c, struct error *e)
{
	auto_buf text = BUF_INIT;
	int r;

	if (faccessat(c->dir_fd, CONTAINER_STATE, F_OK, 0) < 0 && errno == ENOENT)
		return 0;
	r = file_read(c->dir_fd, CONTAINER_STATE, CONTAINER_STATE_MAX, &text, e);
	if (r == 0)
		r = container_state_parse(c, buf_str(&text), text.len, e);
	return error_prefix(e, r, "container %s: state.json", c->id);
}

static int container_find(struct container *ret, const char *root,
			  const char *id, bool lock, struct error *e)
{
	auto_(container_deinit) struct container c = CONTAINER_INIT;
	auto_close int root_fd = -1;
	int r = container_check_id(id, e);

	if (r < 0)
		return r;
	root_fd = container_open_root(root);
	if (root_fd < 0 && errno == ENOENT)
		return error_set(e, ENOENT, "container %s does not exist", id);
	if (root_fd < 0)
		return error_sys(e, "open %s", root);
	c.dir_fd = container_open_dir(root_fd, id, e);
	if (c.dir_fd < 0)
		return c.dir_fd;
	if (lock) {
		r = container_lock(c.dir_fd, id, e);
		if (r < 0)
			return r;
		if (!container_linked(root_fd, c.dir_fd, id))
			return error_set(e, ENOENT,
					 "container %s does not exist", id);
	}
	c.id = xstrdup(id);
	r = container_load(&c, e);
	if (r < 0)
		return r;
	*ret = c;
	c = CONTAINER_INIT;
	return 0;
}

int container_open(struct container *ret, const char *root, const char *id,
		   struct error *e)
{
	return container_find(ret, root, id, true, e);
}

int container_read(struct container *ret, const char *root, const char *id,
		   struct error *e)
{
	return container_find(ret, root, id, false, e);
}

bool container_exists(const char *root, const char *id)
{
	auto_close int root_fd = container_open_root(root);

	return container_check_id(id, NULL) == 0 && root_fd >= 0 &&
		faccessat(root_fd, id, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

void container_unlock(struct container *c)
{
	flock(c->dir_fd, LOCK_UN);
}

int container_save(struct container *c, struct error *e)
{
	auto_free char *text = NULL;
	int r = container_state_format(c, &text, e);

	if (r < 0)
		return r;
	return error_prefix(e, file_write_fast(c->dir_fd, CONTAINER_STATE, text,
					       strlen(text), 0600, e),
			    "container %s", c->id);
}

static int container_order(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int container_list(const char *root, struct strv *ret_ids, struct error *e)
{
	DIR *d = opendir(root);
	struct dirent *de;

	if (!d && errno == ENOENT)
		return 0;
	if (!d)
		return error_sys(e, "open %s", root);
	while ((de = readdir(d)))
		if ((de->d_type == DT_DIR || de->d_type == DT_UNKNOWN) &&
		    container_check_id(de->d_name, NULL) == 0)
			strv_add(ret_ids, de->d_name);
	closedir(d);
	if (ret_ids->n > 0)
		qsort(ret_ids->v, ret_ids->n, sizeof(*ret_ids->v), container_order);
	return 0;
}

int container_forget(struct container *c, struct error *e)
{
	auto_close int root_fd = openat(c->dir_fd, "..", O_RDONLY | O_DIRECTORY |
					O_CLOEXEC);

	if (root_fd < 0)
		return error_sys(e, "open the directory of container %s", c->id);
	return error_prefix(e, file_remove_tree(root_fd, c->id, e),
			    "container %s", c->id);
}
