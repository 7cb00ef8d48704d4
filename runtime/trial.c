/*
 * trial.c - whether this program could take over the dynos of another one which
 * still runs: everything that is read at a start is read, nothing is changed.
 */
#include "base/error.h"
#include "base/process.h"
#include "base/strv.h"
#include "runtime/filter/seccomp.h"
#include "runtime/init.h"
#include "runtime/instance.h"
#include "runtime/record.h"

#include <fcntl.h>
#include <sys/syscall.h>

/* Its output can be had. What has ended, or begins just now, is another's
 * business. */
static int trial_descriptors(const struct record *rec, struct error *e)
{
	auto_close int pid_fd = (int)syscall(SYS_pidfd_open, rec->pid, 0);
	auto_close int out_fd = -1;
	uint64_t ticks;

	if (pid_fd < 0 || process_start_time(rec->pid, &ticks, NULL) < 0 ||
	    ticks != rec->start_ticks || !adopt_is_init(rec->pid))
		return 0;
	out_fd = (int)syscall(SYS_pidfd_getfd, pid_fd, INIT_FD_OUT, 0);
	if (out_fd < 0 && errno != ESRCH && errno != EBADF)
		return error_sys(e, "take a descriptor of dyno %s", rec->uuid);
	return 0;
}

static int trial_dyno(int dynos_fd, const char *uuid, size_t *n, struct error *e)
{
	struct record rec;
	int r = record_load(dynos_fd, uuid, &rec, e);

	if (r == -ENOENT)		/* it is being made, or removed */
		return 0;
	if (r < 0)
		return r;
	++*n;
	return rec.pid > 0 ? trial_descriptors(&rec, e) : 0;
}

static int trial_dynos(const struct runtime_config *c, size_t *n, struct error *e)
{
	auto_free char *path = xasprintf("%s/" RECORD_DIR, c->run_dir);
	auto_close int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	auto_strv uuids = STRV_INIT;
	int r;

	if (fd < 0)
		return error_sys(e, "open %s", path);
	r = record_list(fd, &uuids, e);
	for (size_t i = 0; r >= 0 && i < uuids.n; i++)
		r = trial_dyno(fd, uuids.v[i], n, e);
	return r;
}

int runtime_trial(const struct runtime_config *c, size_t *ret_dynos, struct error *e)
{
	struct network_prefix allowed[NETWORK_ALLOWED_MAX];
	struct sock_fprog filter = { .len = 0 };
	size_t n;
	int r = network_prefixes(c->allowed ? c->allowed : "", allowed, &n, e);

	*ret_dynos = 0;
	if (r >= 0 && access(c->init_path, X_OK) < 0)
		r = error_sys(e, "%s", c->init_path);
	if (r >= 0)
		r = seccomp_policy_compile(&filter, e);
	seccomp_policy_free(&filter);
	return r < 0 ? r : trial_dynos(c, ret_dynos, e);
}
