/*
 * adopt.c - take over a dyno that an earlier process of this instance started.
 *
 * Identity is pid and start time; the descriptor is opened first and compared
 * after, so that a reuse in between shows. dyno-init holds our ends of the
 * output at fixed numbers. A child that had not yet become dyno-init when its
 * maker died will never be a dyno: it is killed, and counts as ended.
 */
#include "base/error.h"
#include "base/file.h"
#include "base/process.h"
#include "runtime/init.h"
#include "runtime/instance.h"
#include "runtime/record.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>

static bool adopt_is_alive(int pid_fd)
{
	struct pollfd p = { .fd = pid_fd, .events = POLLIN };

	return poll(&p, 1, 0) == 0;
}

/* -1: that process is gone. */
static int adopt_open(const struct record *rec)
{
	auto_close int fd = -1;
	uint64_t ticks;

	if (rec->pid <= 0)
		return -1;
	fd = (int)syscall(SYS_pidfd_open, rec->pid, 0);
	if (fd < 0 || process_start_time(rec->pid, &ticks, NULL) < 0 ||
	    ticks != rec->start_ticks || !adopt_is_alive(fd))
		return -1;
	return take_fd(fd);
}

bool adopt_is_init(pid_t pid)
{
	auto_free char *path = xasprintf("/proc/%d/exe", (int)pid);
	char exe[64];
	ssize_t n = readlink(path, exe, sizeof(exe) - 1);

	if (n < 0)
		return false;
	exe[n] = '\0';
	return str_after(exe, "/memfd:" INIT_NAME) != NULL;
}

static int adopt_take(struct dyno *d, int which, int number, struct error *e)
{
	int fd = (int)syscall(SYS_pidfd_getfd, d->pidfd, number, 0);

	if (fd < 0 && errno == ESRCH)
		return RUNTIME_GONE;
	if (fd < 0)
		return error_sys(e, "take descriptor %d of dyno %s", number,
				 d->uuid);
	d->fds[which] = fd;
	return 0;
}

static int adopt_fds(struct dyno *d, struct error *e)
{
	int r = adopt_take(d, DYNO_FD_OUT, INIT_FD_OUT, e);

	if (r == 0 && d->stdio == DYNO_STDIO_PIPES)
		r = adopt_take(d, DYNO_FD_ERR, INIT_FD_ERR, e);
	return r;
}

static int adopt_gone(struct dyno *d)
{
	for (int i = 0; i < DYNO_FD_COUNT; i++)
		d->fds[i] = fd_close(d->fds[i]);
	d->pidfd = fd_close(d->pidfd);
	d->pid = 0;
	return RUNTIME_GONE;
}

int adopt_dyno(struct runtime *rt, const char *uuid, struct dyno **ret,
	       struct error *e)
{
	auto_(dyno_free_p) struct dyno *d = NULL;
	struct record rec;
	int r = file_remove_temporary(rt->dynos_fd, uuid, e);

	if (r >= 0)
		r = record_load(rt->dynos_fd, uuid, &rec, e);
	if (r < 0)
		return r;
	d = dyno_new(uuid, rec.stdio);
	d->address = rec.address;
	d->started_usec = rec.started_usec;
	d->pid = rec.pid;
	d->pidfd = adopt_open(&rec);
	if (d->pidfd < 0) {
		r = adopt_gone(d);
	} else if (!adopt_is_init(rec.pid)) {
		syscall(SYS_pidfd_send_signal, d->pidfd, SIGKILL, NULL, 0);
		r = adopt_gone(d);
	} else {
		r = adopt_fds(d, e);
		if (r == RUNTIME_GONE)
			r = adopt_gone(d);
	}
	if (r < 0)
		return r;
	*ret = take_ptr(d);
	return r;
}
