/* upgrade.c - one trial: a child, a pipe and a deadline. */
#include "base/error.h"
#include "base/loop.h"
#include "base/process.h"
#include "base/strv.h"
#include "manager/dynod/instance_lock.h"
#include "manager/dynod/upgrade.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/syscall.h>

#define UPGRADE_KILL_MSEC 1000

struct upgrade {
	int pid_fd;			/* -1: it has ended */
	int proof_fd;			/* our end */
	sd_event_source *end, *deadline;
	upgrade_fn fn;
	void *userdata;
};

static bool upgrade_is_proved(int fd)
{
	char text[sizeof(UPGRADE_PROOF) + 1];
	ssize_t n = read(fd, text, sizeof(text));

	return n == sizeof(UPGRADE_PROOF) - 1 &&
	       memcmp(text, UPGRADE_PROOF, (size_t)n) == 0;
}

static int on_upgrade_end(sd_event_source *src, int fd, uint32_t events,
			  void *userdata)
{
	struct upgrade *u = userdata;
	bool proved = upgrade_is_proved(u->proof_fd);
	char why[96];
	int status = 0;

	u->end = loop_unref(u->end);
	u->deadline = loop_unref(u->deadline);
	if (process_wait(u->pid_fd, &status, NULL) < 0)
		status = -1;
	u->pid_fd = fd_close(u->pid_fd);
	if (status > 128)
		snprintf(why, sizeof(why), "its trial ended by signal %d",
			 status - 128);
	else if (status != 0)
		snprintf(why, sizeof(why), "its trial ended with status %d", status);
	else
		snprintf(why, sizeof(why), "it does not say that it can take over");
	u->fn(status == 0 && proved ? NULL : why, u->userdata);
	return 0;
}

static void upgrade_kill(struct upgrade *u)
{
	struct pollfd p = { .fd = u->pid_fd, .events = POLLIN };
	int status;

	if (u->pid_fd < 0)
		return;
	syscall(SYS_pidfd_send_signal, u->pid_fd, SIGKILL, NULL, 0);
	if (poll(&p, 1, UPGRADE_KILL_MSEC) > 0)
		process_wait(u->pid_fd, &status, NULL);
	u->pid_fd = fd_close(u->pid_fd);
}

static int on_upgrade_deadline(sd_event_source *src, uint64_t usec, void *userdata)
{
	struct upgrade *u = userdata;
	char why[64];

	u->end = loop_unref(u->end);
	u->deadline = loop_unref(u->deadline);
	upgrade_kill(u);
	snprintf(why, sizeof(why), "its trial was not over after %d s",
		 UPGRADE_TRIAL_SEC);
	u->fn(why, u->userdata);
	return 0;
}

static int upgrade_spawn(struct upgrade *u, const char *path, const char *root_dir,
			 int proof_fd, struct error *e)
{
	struct process_spec spec = PROCESS_SPEC_INIT;
	auto_strv argv = STRV_INIT;
	pid_t pid;

	strv_add(&argv, path);
	strv_add(&argv, "--trial");
	if (root_dir[0]) {
		strv_add(&argv, "--root");
		strv_add(&argv, root_dir);
	}
	spec.path = path;
	spec.argv = strv_argv(&argv);
	spec.fds = &proof_fd;
	spec.n_fds = 1;
	spec.die_with_parent = true;
	spec.cwd = "/";
	return process_spawn(&spec, &pid, &u->pid_fd, e);
}

static int upgrade_start(struct upgrade *u, sd_event *event, const char *path,
			 const char *root_dir, struct error *e)
{
	int fds[2], r;

	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
		return error_sys(e, "make a pipe");
	u->proof_fd = fds[0];
	r = upgrade_spawn(u, path, root_dir, fds[1], e);
	fd_close(fds[1]);
	if (r < 0)
		return r;
	r = sd_event_add_io(event, &u->end, u->pid_fd, EPOLLIN, on_upgrade_end, u);
	if (r < 0)
		return error_ret(e, r, "watch a trial");
	sd_event_source_set_description(u->end, "upgrade-trial");
	return loop_timer(event, &u->deadline, UPGRADE_TRIAL_SEC * USEC_PER_SEC,
			  on_upgrade_deadline, u, "upgrade-deadline", e);
}

int upgrade_new(struct upgrade **ret, sd_event *event, const char *path,
		const char *root_dir, upgrade_fn fn, void *userdata,
		struct error *e)
{
	auto_(upgrade_free_p) struct upgrade *u = xcalloc(1, sizeof(*u));
	int r;

	u->pid_fd = u->proof_fd = -1;
	u->fn = fn;
	u->userdata = userdata;
	r = upgrade_start(u, event, path, root_dir, e);
	if (r < 0)
		return r;
	*ret = take_ptr(u);
	return 0;
}

struct upgrade *upgrade_free(struct upgrade *u)
{
	if (!u)
		return NULL;
	u->end = loop_unref(u->end);
	u->deadline = loop_unref(u->deadline);
	upgrade_kill(u);
	fd_close(u->proof_fd);
	free(u);
	return NULL;
}

int upgrade_exec(const char *path, const char *root_dir, int lock_fd,
		 struct error *e)
{
	auto_strv argv = STRV_INIT;
	int r;

	strv_add(&argv, path);
	if (root_dir[0]) {
		strv_add(&argv, "--root");
		strv_add(&argv, root_dir);
	}
	instance_lock_leave(lock_fd);
	execv(path, strv_argv(&argv));
	r = error_sys(e, "execute %s", path);
	instance_lock_resume(lock_fd);
	return r;
}
