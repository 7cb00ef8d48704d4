/*
 * start_layers.c - slug and stack as detached mounts with the dyno's ids.
 */
#include "base/error.h"
#include "base/file.h"
#include "runtime/instance.h"
#include "runtime/start_layers.h"

#include <fcntl.h>
#include <sys/stat.h>

/* The slug store belongs to the service user: nothing in it is followed. */
static int start_layers_open_slug(struct start_layers *l, int *ret_fd, struct error *e)
{
	auto_free char *name = xasprintf("trees/%s", l->spec->slug);
	auto_close int dir = open(l->rt->slug_dir,
				  O_PATH | O_DIRECTORY | O_CLOEXEC), fd = -1;
	struct stat st;

	if (dir < 0)
		return error_sys(e, "open %s", l->rt->slug_dir);
	fd = file_open_beneath(dir, name, O_PATH | O_DIRECTORY, 0, e);
	if (fd == -ENOENT)
		return error_set(e, ENOENT, "slug %s is not unpacked", l->spec->slug);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return error_sys(e, "look at slug %s", l->spec->slug);
	if (st.st_uid != l->rt->slug_uid)
		return error_set(e, EPERM, "slug %s belongs to user %u",
				 l->spec->slug, (unsigned)st.st_uid);
	*ret_fd = take_fd(fd);
	return 0;
}

/* Without idmapped mounts the app becomes the store's user, so that its files
 * are its own; everything else of the isolation stays. */
static int start_layers_share(struct start_layers *l, int dir_fd, struct error *e)
{
	struct runtime *rt = l->rt;

	if (rt->slug_uid == 0 || rt->slug_gid == 0)
		return error_set(e, EOPNOTSUPP, "the file system of the slugs has no "
				 "idmapped mounts, and they belong to root");
	l->shared = true;
	if (!rt->told_shared && rt->tell)
		rt->tell("the file system of the slugs has no idmapped mounts: "
			 "apps run with the user id of the slug store", rt->tell_data);
	rt->told_shared = true;
	return idmap_tree_plain(dir_fd, &l->trees[PLAN_TREE_SLUG], e);
}

/* A slug that is mounted instead of unpacked. Its files are root's. */
static int start_layers_slug_image(struct start_layers *l, int tree_fd, struct error *e)
{
	struct runtime *rt = l->rt;
	auto_close int fd = -1;
	int r;

	if (!rt->takes_images)
		return error_set(e, EPERM, "slug %s is an image, and slug images "
				 "are switched off on this host", l->spec->slug);
	r = slug_image_mount(&rt->images, tree_fd, l->spec->slug, rt->slug_uid,
			     l->spec->uuid, &fd, e);
	if (r == 0)
		r = idmap_mount_root(&rt->idmap, l->slot, PLAN_APP_ID, fd, e);
	if (r == IDMAP_REFUSED)
		return error_set(e, EOPNOTSUPP, "slug %s is an image, and this "
				 "kernel has no idmapped mounts of such",
				 l->spec->slug);
	if (r == 0)
		l->trees[PLAN_TREE_SLUG] = take_fd(fd);
	return error_prefix(e, r, "slug %s", l->spec->slug);
}

static int start_layers_slug(struct start_layers *l, struct error *e)
{
	auto_close int fd = -1;
	int r;

	if (!l->spec->slug)
		return 0;
	r = start_layers_open_slug(l, &fd, e);
	if (r < 0)
		return r;
	r = slug_image_look(fd, e);
	if (r != SLUG_IMAGE_NONE)
		return r < 0 ? r : start_layers_slug_image(l, fd, e);
	r = idmap_tree_slug(&l->rt->idmap, l->slot, fd, l->rt->slug_uid,
			    l->rt->slug_gid, PLAN_APP_ID,
			    &l->trees[PLAN_TREE_SLUG], e);
	return r == IDMAP_REFUSED ? start_layers_share(l, fd, e) : r;
}

/* Files of the image that stay root's look like nobody's in the dyno: still
 * readable, so this is no more than a remark. */
static int start_layers_image(struct start_layers *l, const char *path,
			      enum plan_tree tree, struct error *e)
{
	auto_close int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct runtime *rt = l->rt;
	int r;

	if (fd < 0)
		return error_sys(e, "open %s", path);
	r = idmap_tree_image(&rt->idmap, l->slot, fd, &l->trees[tree], e);
	if (r != IDMAP_REFUSED)
		return r;
	if (!rt->told_plain && rt->tell)
		rt->tell("the file system of the stack has no idmapped mounts: "
			 "its files belong to nobody in dynos", rt->tell_data);
	rt->told_plain = true;
	return idmap_tree_plain(fd, &l->trees[tree], e);
}

int start_layers_open(struct start_layers *l, struct error *e)
{
	const struct stack *stack = &l->rt->stack;
	int r = start_layers_slug(l, e);

	if (r == 0)
		r = start_layers_image(l, stack->lower, PLAN_TREE_STACK, e);
	if (r == 0 && stack->usr)
		r = start_layers_image(l, stack->usr, PLAN_TREE_USR, e);
	return r;
}

void start_layers_deinit(struct start_layers *l)
{
	for (size_t i = 0; i < PLAN_TREE_COUNT; i++)
		l->trees[i] = fd_close(l->trees[i]);
}
