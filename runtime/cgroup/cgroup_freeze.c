/*
 * cgroup_freeze.c - all processes of a group stand still, or go on.
 *
 * v1: the state stays FREEZING while processes keep forking; writing FROZEN
 * again, and letting all go for a moment now and then, gets it done. v2 tells
 * by an event when the last one stands.
 */
#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "runtime/cgroup/cgroup_process.h"

#include <fcntl.h>
#include <poll.h>
#include <time.h>

#define PAUSE_MSEC 1
#define THAW_EVERY 400			/* rounds */
#define THAW_MSEC 10
#define POLL_MSEC 50			/* an event may be missed: look again */

static void freeze_pause(unsigned msec)
{
	struct timespec pause = { .tv_nsec = msec * 1000000L };

	nanosleep(&pause, NULL);
}

static int freeze_v1(int fd, uint64_t until, bool may_thaw, struct error *e)
{
	for (unsigned i = 1; ; i++) {
		auto_buf state = BUF_INIT;
		int r;

		if (may_thaw && i % THAW_EVERY == 0) {
			cgroup_tree_write(fd, "freezer.state", "THAWED", NULL);
			freeze_pause(THAW_MSEC);
		}
		r = cgroup_tree_write(fd, "freezer.state", "FROZEN", e);
		if (r >= 0)
			r = file_read(fd, "freezer.state", 64, &state, e);
		if (r < 0)
			return r;
		if (str_eq(buf_str(&state), "FROZEN\n"))
			return 0;
		if (clock_mono_usec() > until)
			return -ETIMEDOUT;
		freeze_pause(PAUSE_MSEC);
	}
}

static int freeze_v2(int fd, uint64_t until, struct error *e)
{
	auto_close int events = openat(fd, "cgroup.events", O_RDONLY | O_CLOEXEC);
	struct pollfd p = { .fd = events, .events = POLLPRI };
	int r;

	if (events < 0)
		return error_sys(e, "open cgroup.events");
	r = cgroup_tree_write(fd, "cgroup.freeze", "1", e);
	while (r >= 0) {
		uint64_t frozen = 0;

		r = cgroup_tree_read_key(fd, "cgroup.events", "frozen", &frozen,
					 e);
		if (r < 0 || frozen)
			return r;
		if (clock_mono_usec() > until)
			return -ETIMEDOUT;
		poll(&p, 1, POLL_MSEC);
	}
	return r;
}

int cgroup_process_hold(const struct cgroup_dirs *d, unsigned wait_msec,
			struct error *e)
{
	uint64_t until = clock_mono_usec() + wait_msec * USEC_PER_MSEC;
	int fd = cgroup_dirs_fd(d, CGROUP_FREEZER);

	return fd < 0 ? error_set(e, ENOTSUP, "no freezer on this machine")
		      : freeze_v1(fd, until, false, e);
}

int cgroup_process_freeze(const struct cgroup_dirs *d, unsigned wait_msec,
			  struct error *e)
{
	uint64_t until = clock_mono_usec() + wait_msec * USEC_PER_MSEC;
	bool v1 = d->trees->version == CGROUP_V1;
	int fd = cgroup_dirs_fd(d, v1 ? CGROUP_FREEZER : CGROUP_UNIFIED);
	int r;

	if (fd < 0)
		return error_set(e, ENOTSUP, "no freezer on this machine");
	r = v1 ? freeze_v1(fd, until, true, e) : freeze_v2(fd, until, e);
	if (r < 0)
		cgroup_process_thaw(d, NULL);
	if (r == -ETIMEDOUT)
		return error_set(e, ETIMEDOUT, "freeze a cgroup: some process "
				 "does not stand still");
	return r;
}

int cgroup_process_thaw(const struct cgroup_dirs *d, struct error *e)
{
	bool v1 = d->trees->version == CGROUP_V1;
	int fd = cgroup_dirs_fd(d, v1 ? CGROUP_FREEZER : CGROUP_UNIFIED);

	if (fd < 0)
		return error_set(e, ENOTSUP, "no freezer on this machine");
	return v1 ? cgroup_tree_write(fd, "freezer.state", "THAWED", e)
		  : cgroup_tree_write(fd, "cgroup.freeze", "0", e);
}

bool cgroup_process_frozen(const struct cgroup_dirs *d)
{
	bool v1 = d->trees->version == CGROUP_V1;
	int fd = cgroup_dirs_fd(d, v1 ? CGROUP_FREEZER : CGROUP_UNIFIED);
	uint64_t x = 0;

	return fd >= 0 &&
	       cgroup_tree_read(fd, v1 ? "freezer.self_freezing"
				       : "cgroup.freeze", &x, NULL) == 0 && x;
}
