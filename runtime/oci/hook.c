#include "runtime/oci/hook.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define HOOK_TAIL 300		/* bytes of its last words that an error shows */

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

struct hook {
	const struct oci_hook *hook;
	pid_t pid;
	int pid_fd;
	int err_fd;		/* reading end of its stderr, or -1: closed */
	char tail[HOOK_TAIL + 1];
	size_t len;
};

static void hook_deinit(struct hook *h)
{
	if (h->pid > 0) {
		/* It leads a group: what it started goes with it. */
		kill(-h->pid, SIGKILL);
		kill(h->pid, SIGKILL);
		waitid((idtype_t)P_PIDFD, (id_t)h->pid_fd, NULL, WEXITED);
	}
	h->pid = 0;
	h->pid_fd = fd_close(h->pid_fd);
	h->err_fd = fd_close(h->err_fd);
}

/* A file rather than a pipe: a hook that does not read it holds up nobody. */
static int hook_stdin(const char *state, struct error *e)
{
	auto_close int fd = memfd_create("state", MFD_CLOEXEC);

	if (fd < 0)
		return error_sys(e, "create a file for the state");
	if (file_write_all(fd, state, strlen(state), e) < 0)
		return -EIO;
	if (lseek(fd, 0, SEEK_SET) < 0)
		return error_sys(e, "rewind the state");
	return take_fd(fd);
}

static int hook_start(struct hook *h, const char *state, struct error *e)
{
	char *const none[] = { (char *)(uintptr_t)h->hook->path, NULL };
	auto_close int in = hook_stdin(state, e);
	auto_close int err_w = -1;
	struct process_spec spec = PROCESS_SPEC_INIT;
	int p[2];

	if (in < 0)
		return in;
	if (pipe2(p, O_CLOEXEC) < 0)
		return error_sys(e, "create a pipe");
	h->err_fd = p[0];
	err_w = p[1];
	/* Its writing end blocks as a program expects; only ours does not. */
	if (fcntl(h->err_fd, F_SETFL, O_NONBLOCK) < 0)
		return error_sys(e, "set a pipe");
	spec.path = h->hook->path;
	spec.argv = h->hook->args.n > 0 ?
		(char *const *)(uintptr_t)h->hook->args.v : none;
	if (h->hook->env.n > 0)
		spec.envp = (char *const *)(uintptr_t)h->hook->env.v;
	spec.stdin_fd = in;
	spec.stderr_fd = err_w;
	spec.new_session = true;
	spec.die_with_parent = true;
	return process_spawn(&spec, &h->pid, &h->pid_fd, e);
}

static void hook_keep(struct hook *h, const char *data, size_t n)
{
	size_t drop;

	if (n > HOOK_TAIL) {
		data += n - HOOK_TAIL;
		n = HOOK_TAIL;
	}
	drop = h->len + n > HOOK_TAIL ? h->len + n - HOOK_TAIL : 0;
	memmove(h->tail, h->tail + drop, h->len - drop);
	memcpy(h->tail + h->len - drop, data, n);
	h->len += n - drop;
	h->tail[h->len] = '\0';
}

/* What there is; bounded, since somebody may write faster than we read. */
static void hook_read(struct hook *h)
{
	char data[4096];

	for (int i = 0; i < 64 && h->err_fd >= 0; i++) {
		ssize_t n = read(h->err_fd, data, sizeof(data));

		if (n > 0)
			hook_keep(h, data, (size_t)n);
		else if (n == 0 || errno != EINTR) {
			if (n == 0 || errno != EAGAIN)
				h->err_fd = fd_close(h->err_fd);
			return;
		}
	}
}

/* Its end, not that of its output: a child of it may hold that open. */
static int hook_wait(struct hook *h, struct error *e)
{
	uint64_t end = h->hook->timeout_sec == 0 ? UINT64_MAX :
		clock_mono_usec() + h->hook->timeout_sec * USEC_PER_SEC;

	for (;;) {
		struct pollfd p[2] = {
			{ .fd = h->pid_fd, .events = POLLIN },
			{ .fd = h->err_fd, .events = POLLIN },
		};
		uint64_t now = clock_mono_usec();
		uint64_t left = now < end ? (end - now) / USEC_PER_MSEC + 1 : 0;

		if (now >= end)
			return error_set(e, ETIMEDOUT, "timed out after %u s",
					 h->hook->timeout_sec);
		if (poll(p, 2, left < 60000 ? (int)left : 60000) < 0 &&
		    errno != EINTR)
			return error_sys(e, "wait");
		hook_read(h);
		if (p[0].revents)
			return 0;
	}
}

static void hook_trim(struct hook *h)
{
	for (size_t i = 0; i < h->len; i++)
		if ((unsigned char)h->tail[i] < ' ')
			h->tail[i] = ' ';
	while (h->len > 0 && h->tail[h->len - 1] == ' ')
		h->tail[--h->len] = '\0';
}

static int hook_end(struct hook *h, struct error *e)
{
	siginfo_t si = { .si_pid = 0 };

	if (waitid((idtype_t)P_PIDFD, (id_t)h->pid_fd, &si, WEXITED) < 0)
		return error_sys(e, "wait");
	h->pid = 0;
	if (si.si_code == CLD_EXITED && si.si_status == 0)
		return 0;
	hook_trim(h);
	return error_set(e, EIO, "%s %d%s%s",
			 si.si_code == CLD_EXITED ? "exit status" : "signal",
			 si.si_status, h->len > 0 ? ": " : "", h->tail);
}

static int hook_run_one(const struct oci_hook *hook, const char *state,
			struct error *e)
{
	struct hook h = { .hook = hook, .pid_fd = -1, .err_fd = -1 };
	int r = hook_start(&h, state, e);

	if (r == 0)
		r = hook_wait(&h, e);
	if (r == 0)
		r = hook_end(&h, e);
	hook_deinit(&h);
	return error_prefix(e, r, "error running hook %s", hook->path);
}

int hook_run(const struct oci_hooks *hooks, const char *state, struct error *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < hooks->n; i++)
		r = hook_run_one(&hooks->v[i], state, e);
	return r;
}
