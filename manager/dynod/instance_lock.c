#include "base/error.h"
#include "base/file.h"
#include "base/root.h"
#include "manager/dynod/instance_lock.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#define INSTANCE_LOCK_TRIES 20
#define INSTANCE_LOCK_PAUSE_MSEC 50
#define INSTANCE_LOCK_ENV "DYNO_LOCK_FD"

/* A lock on a file that has been removed meanwhile locks nothing. */
static bool instance_lock_is_current(int fd, const char *path)
{
	struct stat a, b;

	return fstat(fd, &a) == 0 && stat(path, &b) == 0 &&
	       a.st_ino == b.st_ino && a.st_dev == b.st_dev;
}

#define INSTANCE_LOCK_HELD 1

static int instance_lock_try(const char *path, int *ret_fd, struct error *e)
{
	auto_close int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
				 0600);

	if (fd < 0)
		return error_sys(e, "open %s", path);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? INSTANCE_LOCK_HELD
					    : error_sys(e, "lock %s", path);
	if (!instance_lock_is_current(fd, path))
		return INSTANCE_LOCK_HELD;
	*ret_fd = take_fd(fd);
	return 0;
}

/* ---- handed on ---- */

void instance_lock_leave(int fd)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", fd);
	setenv(INSTANCE_LOCK_ENV, text, 1);
	fcntl(fd, F_SETFD, 0);
}

void instance_lock_resume(int fd)
{
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	unsetenv(INSTANCE_LOCK_ENV);
}

/* -1: none, or what is there is not this lock. */
static int instance_lock_inherited(const char *path)
{
	const char *text = getenv(INSTANCE_LOCK_ENV);
	int fd = text ? atoi(text) : -1;

	if (fd <= STDERR_FILENO || !instance_lock_is_current(fd, path) ||
	    flock(fd, LOCK_EX | LOCK_NB) < 0)
		fd = -1;
	if (fd >= 0)
		instance_lock_resume(fd);
	unsetenv(INSTANCE_LOCK_ENV);
	return fd;
}

int instance_lock(const struct root *root, struct error *e)
{
	auto_free char *path = xasprintf("%s/dynod.lock", root->run);
	int r = file_make_dirs(root->run, 0755, e);
	int fd = -1;

	if (r < 0)
		return r;
	fd = instance_lock_inherited(path);
	if (fd >= 0)
		return fd;
	r = instance_lock_try(path, &fd, e);
	for (int i = 0; r == INSTANCE_LOCK_HELD && i < INSTANCE_LOCK_TRIES; i++) {
		poll(NULL, 0, INSTANCE_LOCK_PAUSE_MSEC);
		r = instance_lock_try(path, &fd, e);
	}
	if (r == INSTANCE_LOCK_HELD)
		return error_set(e, EBUSY, "another dynod runs on this root "
				 "(it holds %s)", path);
	return r < 0 ? r : fd;
}

void instance_lock_remove(const struct root *root)
{
	auto_free char *path = xasprintf("%s/dynod.lock", root->run);

	unlink(path);
}
