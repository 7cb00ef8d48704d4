#include "runtime/cgroup/cgroup_process.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "base/strv.h"

#include <signal.h>
#include <time.h>

#define FREEZE_WAIT_MSEC 10		/* for who is in the middle of a fork */
#define KILL_ROUNDS 20
#define SIGNAL_ROUNDS 5
#define PAUSE_MSEC 1
#define PROCS_TEXT_MAX (16 * 1024 * 1024)

/* ---- listing ---- */

struct pids {
	pid_t *v;
	size_t n, room;
};

static void pids_add(struct pids *p, pid_t pid)
{
	if (p->n == p->room) {
		p->room = p->room ? p->room * 2 : 64;
		p->v = xrealloc(p->v, p->room * sizeof(*p->v));
	}
	p->v[p->n++] = pid;
}

static int pids_compare(const void *a, const void *b)
{
	const pid_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* A group that is gone has none; a threaded one shows them in its domain. */
static int pids_read(int fd, const char *group, struct pids *p, struct error *e)
{
	auto_free char *file = xasprintf("%s/cgroup.procs", group);
	auto_buf text = BUF_INIT;
	int r = file_read(fd, file, PROCS_TEXT_MAX, &text, NULL);
	const char *s = buf_str(&text);
	char *end;

	if (r == -ENOENT || r == -ENODEV || r == -EOPNOTSUPP)
		return 0;
	if (r < 0)
		return error_ret(e, r, "list the processes of a cgroup");
	for (;; s = end) {
		long pid = strtol(s, &end, 10);

		if (end == s)
			return 0;
		if (pid > 0)
			pids_add(p, (pid_t)pid);
	}
}

int cgroup_process_list(const struct cgroup_dirs *d, pid_t **ret, size_t *ret_n,
			struct error *e)
{
	int fd = cgroup_dirs_procs(d);
	auto_strv groups = STRV_INIT;
	struct pids p = { .n = 0 };
	int r = fd < 0 ? 0 : cgroup_tree_groups(fd, &groups, e);
	size_t kept = 0;

	for (size_t i = 0; r >= 0 && i < groups.n; i++)
		r = pids_read(fd, groups.v[i], &p, e);
	if (r < 0) {
		free(p.v);
		return r;
	}
	if (p.n > 0)
		qsort(p.v, p.n, sizeof(*p.v), pids_compare);
	/* One that moved meanwhile may be there twice. */
	for (size_t i = 0; i < p.n; i++)
		if (i == 0 || p.v[i] != p.v[i - 1])
			p.v[kept++] = p.v[i];
	*ret = p.v;
	*ret_n = kept;
	return 0;
}

/* ---- signals ---- */

static bool process_known(const struct pids *p, pid_t pid)
{
	return p->n > 0 && bsearch(&pid, p->v, p->n, sizeof(pid), pids_compare);
}

/* Signals who is not in *done; then *done is who was there. */
static int process_round(const struct cgroup_dirs *d, int sig, struct pids *done,
			 size_t *ret_new, struct error *e)
{
	struct pids now = { .n = 0 };
	int r = cgroup_process_list(d, &now.v, &now.n, e);

	*ret_new = 0;
	for (size_t i = 0; r >= 0 && i < now.n; i++) {
		if (process_known(done, now.v[i]))
			continue;
		if (kill(now.v[i], sig) < 0 && errno != ESRCH)
			r = error_sys(e, "signal process %d", (int)now.v[i]);
		(*ret_new)++;
	}
	free(done->v);
	*done = now;
	return r;
}

/* Until nobody is new; *done as above. *ret_new: how many were at first. */
static int process_signal(const struct cgroup_dirs *d, int sig, struct pids *done,
			  size_t *ret_new, struct error *e)
{
	size_t n;
	int r = process_round(d, sig, done, ret_new, e);

	n = *ret_new;
	for (int i = 1; r >= 0 && n > 0 && i < SIGNAL_ROUNDS; i++)
		r = process_round(d, sig, done, &n, e);
	return r;
}

int cgroup_process_signal(const struct cgroup_dirs *d, int sig, struct error *e)
{
	struct pids done = { .n = 0 };
	size_t n;
	int r = process_signal(d, sig, &done, &n, e);

	free(done.v);
	return r;
}

/* ---- killing ---- */

static void process_pause(void)
{
	struct timespec pause = { .tv_nsec = PAUSE_MSEC * 1000000L };

	nanosleep(&pause, NULL);
}

/* Every group of the subtree: a signal acts only in those that run. */
static int process_thaw_all(const struct cgroup_dirs *d, struct error *e)
{
	int fd = cgroup_dirs_fd(d, CGROUP_FREEZER), result = 0;
	auto_strv groups = STRV_INIT;
	int r = fd < 0 ? 0 : cgroup_tree_groups(fd, &groups, e);

	if (r < 0)
		return r;
	for (size_t i = groups.n; i-- > 0; ) {
		auto_free char *file = xasprintf("%s/freezer.state",
						 groups.v[i]);

		r = cgroup_tree_write(fd, file, "THAWED", result < 0 ? NULL : e);
		if (r < 0 && r != -ENOENT && r != -ENODEV && result == 0)
			result = r;
	}
	return result;
}

/*
 * Frozen processes fork no more, so one list is all of them; the signals act
 * when they thaw. If some process does not freeze in time (it waits in the
 * kernel, or the machine is busy), the list is read again until nobody is new:
 * whoever is left then has the signal already, and is not waited for.
 */
static int process_kill_frozen(const struct cgroup_dirs *d, struct error *e)
{
	struct pids done = { .n = 0 };
	bool frozen = false;
	size_t n = 1;
	int r = 0;

	for (int i = 0; r >= 0 && n > 0 && !frozen && i < KILL_ROUNDS; i++) {
		int thaw;

		frozen = cgroup_process_hold(d, FREEZE_WAIT_MSEC, NULL) == 0;
		r = process_signal(d, SIGKILL, &done, &n, e);
		thaw = process_thaw_all(d, r < 0 ? NULL : e);
		r = r < 0 ? r : thaw;
		if (!frozen && n > 0)
			process_pause();
	}
	free(done.v);
	return r;
}

int cgroup_process_kill(const struct cgroup_dirs *d, struct error *e)
{
	int fd = cgroup_dirs_fd(d, CGROUP_UNIFIED), r;

	if (d->trees->version == CGROUP_V1)
		return process_kill_frozen(d, e);
	if (fd < 0)
		return 0;
	r = cgroup_tree_write(fd, "cgroup.kill", "1", e);
	if (r >= 0)
		cgroup_tree_write(fd, "cgroup.freeze", "0", NULL);
	return r;
}
