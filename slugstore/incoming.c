/*
 * incoming.c - names below incoming/ and their locks.
 *
 * Between making a name and locking it, a sweeper may come and take it for
 * dead. So a maker looks, once it has the lock, whether the name is still its
 * own, and takes another one if not.
 */
#include "base/error.h"
#include "base/file.h"
#include "slugstore/incoming.h"
#include "slugstore/store_dir.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>

#define INCOMING_TRIES 16
#define INCOMING_NAME_BYTES 8

static void incoming_name(char out[INCOMING_NAME_MAX])
{
	auto_free char *secret = id_secret(INCOMING_NAME_BYTES);

	memcpy(out, secret, 2 * INCOMING_NAME_BYTES + 1);
}

/* Lock fd; true if name still means it. */
static bool incoming_claim(struct store *s, int fd, const char *name)
{
	struct stat mine, there;

	return flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &mine) == 0 &&
	       fstatat(s->incoming_fd, name, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
	       mine.st_ino == there.st_ino && mine.st_dev == there.st_dev;
}

static int incoming_create(struct store *s, const char *name, bool dir)
{
	if (!dir)
		return openat(s->incoming_fd, name, O_WRONLY | O_CREAT | O_EXCL |
			      O_CLOEXEC | O_NOFOLLOW, 0600);
	if (mkdirat(s->incoming_fd, name, 0700) < 0)
		return -1;
	return openat(s->incoming_fd, name,
		      O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
}

static int incoming_new(struct incoming *ret, struct store *s, bool dir,
			struct error *e)
{
	struct incoming in = { .store = s, .fd = -1 };

	for (int i = 0; i < INCOMING_TRIES; i++) {
		incoming_name(in.name);
		in.fd = incoming_create(s, in.name, dir);
		if (in.fd < 0 && errno != EEXIST && errno != ENOENT)
			return error_sys(e, "create %s/incoming/%s", s->dir,
					 in.name);
		if (in.fd >= 0 && incoming_claim(s, in.fd, in.name)) {
			*ret = in;
			return 0;
		}
		in.fd = fd_close(in.fd);
	}
	return error_set(e, EBUSY, "%s/incoming: no name could be kept", s->dir);
}

int incoming_new_file(struct incoming *ret, struct store *s, struct error *e)
{
	return incoming_new(ret, s, false, e);
}

int incoming_new_dir(struct incoming *ret, struct store *s, struct error *e)
{
	return incoming_new(ret, s, true, e);
}

int incoming_take(struct incoming *ret, struct store *s, int dirfd,
		  const char *path, struct error *e)
{
	struct incoming in = { .store = s };

	in.fd = openat(dirfd, path, O_RDONLY | O_NONBLOCK | O_CLOEXEC |
		       O_NOFOLLOW);
	if (in.fd < 0 && errno == ENOENT)
		return 0;
	if (in.fd < 0)
		return error_sys(e, "open %s", path);
	/* Locked, a sweeper leaves it to us. */
	flock(in.fd, LOCK_EX | LOCK_NB);
	incoming_name(in.name);
	if (renameat(dirfd, path, s->incoming_fd, in.name) < 0) {
		int r = errno == ENOENT ? 0 : error_sys(e, "move %s away", path);

		fd_close(in.fd);
		return r;
	}
	*ret = in;
	return 0;
}

int incoming_discard(struct store *s, int dirfd, const char *path,
		     struct error *e)
{
	auto_(incoming_deinit) struct incoming in = INCOMING_INIT;
	int r = incoming_take(&in, s, dirfd, path, e);

	if (r >= 0 && in.store)
		r = file_remove_tree(s->incoming_fd, in.name, e);
	return r;
}

int incoming_write(struct store *s, int dirfd, const char *path, const char *text,
		   mode_t mode, struct error *e)
{
	auto_(incoming_deinit) struct incoming in = INCOMING_INIT;
	int r = incoming_new_file(&in, s, e);

	if (r >= 0)
		r = file_write_all(in.fd, text, strlen(text), e);
	if (r < 0)
		return error_prefix(e, r, "create %s", path);
	if (fchmod(in.fd, mode) < 0 ||
	    renameat(s->incoming_fd, in.name, dirfd, path) < 0)
		return error_sys(e, "create %s", path);
	incoming_moved(&in);
	return 0;
}

void incoming_moved(struct incoming *in)
{
	in->store = NULL;
}

void incoming_deinit(struct incoming *in)
{
	if (in->store)
		file_remove_tree(in->store->incoming_fd, in->name, NULL);
	in->fd = fd_close(in->fd);
	in->store = NULL;
}

static void incoming_sweep_one(struct store *s, const char *name)
{
	auto_close int fd = openat(s->incoming_fd, name, O_RDONLY | O_CLOEXEC |
				   O_NOFOLLOW | O_NONBLOCK);

	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
		file_remove_tree(s->incoming_fd, name, NULL);
}

void incoming_sweep(struct store *s)
{
	int fd = openat(s->incoming_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *de;

	if (!d) {
		fd_close(fd);
		return;
	}
	while ((de = readdir(d)))
		if (de->d_name[0] != '.')
			incoming_sweep_one(s, de->d_name);
	closedir(d);
}
