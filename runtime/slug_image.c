/*
 * slug_image.c - images of slugs: find out which, mount, keep.
 */
#include "runtime/slug_image.h"
#include "base/error.h"
#include "base/file.h"
#include "base/map.h"

#include <dirent.h>
#include <endian.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

#define IMAGE_NAME "image"
#define LOOP_TRIES 32			/* others take devices, too */
#define ROOT_ENTRIES_MAX 8		/* ".", ".." and "app" are three */
#define PATH_BYTES 40

struct slug_image_kind {
	const char *fs;
	off_t at;			/* of the magic number */
	uint32_t magic;
	const char *options[3];
};

static const struct slug_image_kind kinds[] = {
	{ "erofs", 1024, 0xe0f5e1e2U, { "nouser_xattr", "noacl" } },
	{ "squashfs", 0, 0x73717368U, { NULL } },
};

struct slug_image {
	struct slug_image *next;
	char *sha256;
	const struct slug_image_kind *kind;
	int mount_fd;			/* to be cloned, or -1: */
	int loop_fd;			/* to be mounted again */
	char loop[PATH_BYTES];
	struct map users;		/* UUIDs of dynos */
};

static struct slug_image *slug_image_free(struct slug_image *im)
{
	if (im) {
		fd_close(im->mount_fd);
		fd_close(im->loop_fd);
		map_deinit(&im->users);
		free(im->sha256);
		free(im);
	}
	return NULL;
}
DEFINE_AUTO(struct slug_image, slug_image_free)

void slug_images_deinit(struct slug_images *all)
{
	while (all->first) {
		struct slug_image *im = all->first;

		all->first = im->next;
		slug_image_free(im);
	}
}

/* ---- the file ---- */

int slug_image_look(int tree_fd, struct error *e)
{
	struct stat st;

	if (fstatat(tree_fd, IMAGE_NAME, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	return errno == ENOENT ? SLUG_IMAGE_NONE
			       : error_sys(e, "look for the image of a slug");
}

static int slug_image_open(int tree_fd, uid_t owner, int *ret_fd, struct error *e)
{
	auto_close int fd = file_open_beneath(tree_fd, IMAGE_NAME,
					      O_RDONLY | O_NONBLOCK | O_NOCTTY, 0,
					      e);
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return error_sys(e, "look at the image");
	if (!S_ISREG(st.st_mode) || st.st_uid != owner)
		return error_set(e, EPERM, "the image is no file of user %u",
				 (unsigned)owner);
	*ret_fd = take_fd(fd);
	return 0;
}

/* All that this process reads of an image itself. */
static const struct slug_image_kind *slug_image_kind(int fd)
{
	uint32_t magic;

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (pread(fd, &magic, sizeof(magic), kinds[i].at) ==
		    sizeof(magic) && le32toh(magic) == kinds[i].magic)
			return &kinds[i];
	return NULL;
}

/* ---- mounts ---- */

static bool slug_image_set(int fs_fd, unsigned cmd, const char *key,
			   const char *value)
{
	return syscall(SYS_fsconfig, fs_fd, cmd, key, value, 0) == 0;
}

/* A detached mount of what source names: 0, or -1 with errno. */
static int slug_image_new_mount(const struct slug_image_kind *kind,
				const char *source, int *ret_fd)
{
	auto_close int fs_fd = (int)syscall(SYS_fsopen, kind->fs, FSOPEN_CLOEXEC);
	int fd;

	if (fs_fd < 0 ||
	    !slug_image_set(fs_fd, FSCONFIG_SET_STRING, "source", source) ||
	    !slug_image_set(fs_fd, FSCONFIG_SET_FLAG, "ro", NULL))
		return -1;
	for (size_t i = 0; kind->options[i]; i++)
		if (!slug_image_set(fs_fd, FSCONFIG_SET_FLAG, kind->options[i],
				    NULL))
			return -1;
	if (!slug_image_set(fs_fd, FSCONFIG_CMD_CREATE, NULL, NULL))
		return -1;
	fd = (int)syscall(SYS_fsmount, fs_fd, FSMOUNT_CLOEXEC,
			  MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID |
			  MOUNT_ATTR_NODEV);
	if (fd < 0)
		return -1;
	*ret_fd = fd;
	return 0;
}

static int slug_image_clone(int mount_fd, int *ret_fd)
{
	int fd = (int)syscall(SYS_open_tree, mount_fd, "", AT_EMPTY_PATH |
			      OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

	if (fd < 0)
		return -1;
	*ret_fd = fd;
	return 0;
}

/*
 * Without a device. Before 6.12 there is no such thing, before 6.15 no clone of
 * it; and on an overlay it would make one overlay too many for the dyno's own.
 */
static bool slug_image_by_file(struct slug_image *im, int fd)
{
	auto_close int clone_fd = -1;
	char path[PATH_BYTES];
	struct statfs fs;

	if (!str_eq(im->kind->fs, "erofs") || fstatfs(fd, &fs) < 0 ||
	    fs.f_type == OVERLAYFS_SUPER_MAGIC)
		return false;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (slug_image_new_mount(im->kind, path, &im->mount_fd) == 0 &&
	    slug_image_clone(im->mount_fd, &clone_fd) == 0)
		return true;
	im->mount_fd = fd_close(im->mount_fd);
	return false;
}

/* ---- loop devices ---- */

static int slug_image_loop(struct slug_image *im, int fd, struct error *e)
{
	auto_close int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	struct loop_config config = {
		.fd = (uint32_t)fd,
		.info.lo_flags = LO_FLAGS_READ_ONLY | LO_FLAGS_AUTOCLEAR,
	};

	if (control < 0)
		return error_sys(e, "open /dev/loop-control");
	snprintf((char *)config.info.lo_file_name, LO_NAME_SIZE, "slug %.50s",
		 im->sha256);
	for (int i = 0; i < LOOP_TRIES; i++) {
		auto_close int loop_fd = -1;
		int n = ioctl(control, LOOP_CTL_GET_FREE);

		if (n < 0)
			return error_sys(e, "find a free loop device");
		snprintf(im->loop, sizeof(im->loop), "/dev/loop%d", n);
		loop_fd = open(im->loop, O_RDONLY | O_CLOEXEC);
		if (loop_fd >= 0 && ioctl(loop_fd, LOOP_CONFIGURE, &config) == 0) {
			im->loop_fd = take_fd(loop_fd);
			return 0;
		}
		/* Another process was faster, or the device has just gone. */
		if (errno != EBUSY && errno != ENOENT && errno != ENXIO)
			return error_sys(e, "set up %s", im->loop);
	}
	return error_set(e, EBUSY, "no loop device could be had");
}

/* ---- what may be in it ---- */

/* All else at the root would hide what is in the stack. */
static int slug_image_check_root(int mount_fd, struct error *e)
{
	int fd = openat(mount_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *de;
	struct stat st;
	int n = 0;

	if (!d) {
		r = error_sys(e, "open the root of the image");
		fd_close(fd);
		return r;
	}
	while (r == 0 && (de = readdir(d)))
		if ((!str_eq(de->d_name, ".") && !str_eq(de->d_name, "..") &&
		     !str_eq(de->d_name, "app")) || ++n > ROOT_ENTRIES_MAX)
			r = error_set(e, EINVAL, "the image holds more than the"
				      " directory app");
	closedir(d);
	if (r == 0 && (fstatat(mount_fd, "app", &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		       !S_ISDIR(st.st_mode)))
		r = error_set(e, EINVAL, "the image holds no directory app");
	return r;
}

/* ---- one for all dynos of a slug ---- */

static int slug_image_again(const struct slug_image *im, int *ret_fd,
			    struct error *e)
{
	int r = im->mount_fd >= 0
		? slug_image_clone(im->mount_fd, ret_fd)
		: slug_image_new_mount(im->kind, im->loop, ret_fd);

	return r < 0 ? error_sys(e, "mount the %s image", im->kind->fs) : 0;
}

static int slug_image_new(struct slug_image **ret, int tree_fd,
			  const char *sha256, uid_t owner, struct error *e)
{
	auto_(slug_image_free_p) struct slug_image *im = xcalloc(1, sizeof(*im));
	auto_close int fd = -1, mount_fd = -1;
	int r;

	*im = (struct slug_image){
		.sha256 = xstrdup(sha256), .mount_fd = -1, .loop_fd = -1,
		.users = MAP_INIT,
	};
	r = slug_image_open(tree_fd, owner, &fd, e);
	if (r < 0)
		return r;
	im->kind = slug_image_kind(fd);
	if (!im->kind)
		return error_set(e, EINVAL, "the image is neither erofs nor "
				 "squashfs");
	if (!slug_image_by_file(im, fd))
		r = slug_image_loop(im, fd, e);
	if (r == 0)
		r = slug_image_again(im, &mount_fd, e);
	if (r == 0)
		r = slug_image_check_root(mount_fd, e);
	if (r < 0)
		return r;
	*ret = take_ptr(im);
	return 0;
}

static struct slug_image *slug_image_find(struct slug_images *all,
					  const char *sha256)
{
	for (struct slug_image *im = all->first; im; im = im->next)
		if (str_eq(im->sha256, sha256))
			return im;
	return NULL;
}

int slug_image_mount(struct slug_images *all, int tree_fd, const char *sha256,
		     uid_t owner, const char *uuid, int *ret_fd,
		     struct error *e)
{
	struct slug_image *im = slug_image_find(all, sha256);
	int r = 0;

	if (!im) {
		r = slug_image_new(&im, tree_fd, sha256, owner, e);
		if (r < 0)
			return r;
		im->next = all->first;
		all->first = im;
	}
	map_set(&im->users, uuid, im);
	return slug_image_again(im, ret_fd, e);
}

void slug_image_release(struct slug_images *all, const char *uuid)
{
	for (struct slug_image **p = &all->first; *p; ) {
		struct slug_image *im = *p;

		map_remove(&im->users, uuid);
		if (im->users.n > 0) {
			p = &im->next;
			continue;
		}
		*p = im->next;
		slug_image_free(im);
	}
}
