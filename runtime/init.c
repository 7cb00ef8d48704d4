/*
 * init.c - dyno-init: PID 1 of a dyno. Starts the command, reaps, passes
 * signals on, tells how the command ended.
 *
 * It shares the user id and the filter of the app, and is out of its reach all
 * the same: not dumpable, executed from a sealed memory file, and the kernel
 * ignores signals that a namespace sends to its own PID 1. No allocation, no
 * stdio; static, since the app's libraries are not ours.
 */
#include "runtime/init.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#define INIT_EXIT_USAGE 125
#define INIT_DRAIN_SEC 600		/* daemons are away; then it gives up */
#define INIT_DRAIN_POLL_NSEC 2000000

static void init_say(const char *text)
{
	ssize_t n = write(STDERR_FILENO, text, strlen(text));

	(void)n;	/* there is nobody else to tell */
}

static _Noreturn void init_refuse(const char *text)
{
	init_say("dyno-init: ");
	init_say(text);
	init_say("\n");
	_exit(INIT_EXIT_USAGE);
}

/* ---- the command's side of the fork ---- */

static _Noreturn void init_exec(char *const *argv, bool tty)
{
	struct sigaction sa = { .sa_handler = SIG_DFL };
	int err;

	setsid();
	if (tty && ioctl(STDIN_FILENO, TIOCSCTTY, 0) < 0)
		init_refuse("cannot take the terminal");
	/* SIGPIPE, for one, is ignored in the daemon that made us. */
	for (int sig = 1; sig < NSIG; sig++)
		sigaction(sig, &sa, NULL);
	sigemptyset(&sa.sa_mask);
	sigprocmask(SIG_SETMASK, &sa.sa_mask, NULL);

	execve(argv[0], argv, environ);
	err = errno;
	init_say(argv[0]);
	init_say(err == ENOENT ? ": No such file or directory\n"
			       : ": cannot be executed\n");
	_exit(err == ENOENT ? 127 : 126);
}

/* ---- PID 1 ---- */

static void init_record(int wstatus)
{
	struct init_exit rec = { .magic = INIT_EXIT_MAGIC };
	struct timespec ts = { 0 };
	ssize_t n;

	if (WIFSIGNALED(wstatus)) {
		rec.signal = WTERMSIG(wstatus);
		rec.status = 128 + rec.signal;
	} else {
		rec.status = WEXITSTATUS(wstatus);
	}
	clock_gettime(CLOCK_REALTIME, &ts);
	rec.usec = (uint64_t)ts.tv_sec * USEC_PER_SEC +
		   (uint64_t)ts.tv_nsec / NSEC_PER_USEC;
	do
		n = pwrite(INIT_FD_EXIT, &rec, sizeof(rec), 0);
	while (n < 0 && errno == EINTR);
}

/* Reap whatever has died. True if the command was among them. */
static bool init_reap(pid_t command, int *ret_wstatus)
{
	bool ended = false;
	int wstatus;
	pid_t pid;

	while ((pid = waitpid(-1, &wstatus, WNOHANG)) > 0)
		if (pid == command) {
			*ret_wstatus = wstatus;
			ended = true;
		}
	return ended;
}

/* Signals from outside have no sender that this namespace could name. */
static void init_forward(const struct signalfd_siginfo *si)
{
	if (si->ssi_pid == 0 && si->ssi_signo != SIGCHLD)
		kill(-1, (int)si->ssi_signo);
}

static int init_wait(int signal_fd, pid_t command)
{
	struct signalfd_siginfo si;
	int wstatus;

	for (;;) {
		ssize_t n = read(signal_fd, &si, sizeof(si));

		if (n == sizeof(si) && si.ssi_signo != SIGCHLD)
			init_forward(&si);
		/* Also after any other signal: SIGCHLDs merge. */
		if (init_reap(command, &wstatus))
			return wstatus;
	}
}

/* Asked before a descriptor of ours takes the number that is free. */
static bool init_is_log(void)
{
	struct stat st;

	return fcntl(INIT_FD_ERR, F_GETFD) < 0 &&
	       fstat(INIT_FD_OUT, &st) == 0 && S_ISFIFO(st.st_mode);
}

/*
 * The last lines of a log are in the pipe, which ends with its last reader.
 * While a daemon reads, that is at once; while all are away, it is held here.
 */
static void init_drain(void)
{
	struct timespec pause = { .tv_nsec = INIT_DRAIN_POLL_NSEC };
	struct timespec start, now;
	int left = 0;

	clock_gettime(CLOCK_MONOTONIC, &start);
	do {
		if (ioctl(INIT_FD_OUT, FIONREAD, &left) < 0 || left == 0)
			return;
		nanosleep(&pause, NULL);
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (now.tv_sec - start.tv_sec < INIT_DRAIN_SEC);
}

/* Nobody in the dyno may look into this process. */
static int init_harden(sigset_t *all)
{
	sigfillset(all);
	if (sigprocmask(SIG_BLOCK, all, NULL) < 0 ||
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ||
	    prctl(PR_SET_NAME, INIT_NAME, 0, 0, 0) < 0 ||
	    syscall(SYS_close_range, (unsigned)INIT_FD_EXIT, ~0U,
		    CLOSE_RANGE_CLOEXEC) < 0)
		return -1;
	return signalfd(-1, all, SFD_CLOEXEC);
}

int main(int argc, char **argv)
{
	bool tty = argc > 1 && str_eq(argv[1], "-t");
	int first = tty ? 2 : 1, signal_fd, wstatus;
	bool log;
	sigset_t all;
	pid_t command;

	/* kill(-1) would be a catastrophe anywhere else. */
	if (getpid() != 1)
		init_refuse("works only as the first process of a dyno");
	if (argc < first + 2 || !str_eq(argv[first], "--"))
		init_refuse("usage: dyno-init [-t] -- COMMAND [ARGUMENT...]");
	log = init_is_log();
	signal_fd = init_harden(&all);
	if (signal_fd < 0)
		init_refuse("cannot protect itself");
	command = fork();
	if (command == 0)
		init_exec(argv + first + 1, tty);
	if (command < 0)
		init_refuse("cannot start a process");

	/* From here on it may not end before the command does. The streams are
	 * the command's alone: when it closes one, the other end must see it. */
	close(STDIN_FILENO);
	close(STDOUT_FILENO);
	close(STDERR_FILENO);
	wstatus = init_wait(signal_fd, command);
	init_record(wstatus);
	if (log) {
		kill(-1, SIGKILL);
		init_drain();
	}
	return WIFSIGNALED(wstatus) ? 128 + WTERMSIG(wstatus)
				    : WEXITSTATUS(wstatus);
}
