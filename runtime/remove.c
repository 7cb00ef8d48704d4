/*
 * remove.c - the end of a dyno: independent steps, each of which finds its
 * object by the dyno's name and is content if there is none.
 *
 * Every step is tried; the first failure is kept. The record goes last, and
 * only when nothing else is left: until then the next attempt can find the
 * rest. No step waits: a process dies when the kernel lets it, and whoever calls
 * has others to serve.
 */
#include "base/error.h"
#include "base/fault.h"
#include "base/process.h"
#include "runtime/instance.h"
#include "runtime/record.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

struct removal {
	struct runtime *rt;
	const char *uuid;
	struct record rec;		/* zeros if it cannot be read */
};

/* ---- steps ---- */

static int remove_process(const struct removal *m, struct error *e)
{
	auto_close int fd = -1;
	struct pollfd p = { .events = POLLIN };
	siginfo_t si;
	uint64_t ticks;

	if (m->rec.pid <= 0)
		return 0;
	fd = (int)syscall(SYS_pidfd_open, m->rec.pid, 0);
	if (fd < 0 || process_start_time(m->rec.pid, &ticks, NULL) < 0 ||
	    ticks != m->rec.start_ticks)
		return 0;
	syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0);
	p.fd = fd;
	if (poll(&p, 1, 0) <= 0)
		return error_set(e, EBUSY, "process %d has not died yet",
				 (int)m->rec.pid);
	/* If it is a child of ours that nobody has waited for. */
	waitid((idtype_t)P_PIDFD, (id_t)fd, &si, WEXITED | WNOHANG);
	return 0;
}

/* A process that has exited leaves its group a moment later. */
int remove_cgroup(struct runtime *rt, const char *uuid, struct error *e)
{
	int r = cgroup_remove(rt->cgroups, uuid, e);

	if (r != -EBUSY)
		return r;
	r = cgroup_kill(rt->cgroups, uuid, e);
	return r < 0 ? r : cgroup_remove(rt->cgroups, uuid, e);
}

static int remove_group(const struct removal *m, struct error *e)
{
	return remove_cgroup(m->rt, m->uuid, e);
}

static int remove_network(const struct removal *m, struct error *e)
{
	return network_detach(m->rt->network, m->rec.address, e);
}

static int (*const remove_steps[])(const struct removal *, struct error *) = {
	remove_process,
	remove_group,
	remove_network,
};

int remove_dyno(struct runtime *rt, const char *uuid, struct error *e)
{
	struct removal m = { .rt = rt, .uuid = uuid };
	struct stat st;
	int first = 0, r;

	slug_image_release(&rt->images, uuid);
	if (fstatat(rt->dynos_fd, uuid, &st, AT_SYMLINK_NOFOLLOW) < 0 &&
	    errno == ENOENT)
		return 0;
	/* A record that says nothing: names still find everything but the
	 * address, which then is free by itself. */
	record_load(rt->dynos_fd, uuid, &m.rec, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(remove_steps); i++) {
		fault_point("remove step %zu", i);
		r = remove_steps[i](&m, first < 0 ? NULL : e);
		if (r < 0 && first == 0)
			first = r;
	}
	if (first < 0)
		return first;
	fault_point("remove record");
	r = record_remove(rt->dynos_fd, uuid, e);
	if (r == 0) {
		idmap_release(&rt->idmap, m.rec.slot);
		network_release(rt->network, m.rec.address);
	}
	return r;
}
