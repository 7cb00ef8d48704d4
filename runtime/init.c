/*
 * init.c - dyno-init: PID 1 of a dyno. Starts the command, reaps, passes
 * signals on, tells how the command ended; starts others beside it on request.
 *
 * It shares the user id and the filter of the app, and is out of its reach all
 * the same: not dumpable, executed from a sealed memory file, and the kernel
 * ignores signals that a namespace sends to its own PID 1. No libc at all: the
 * app's libraries are not ours, and a static one costs each dyno more than all
 * the rest of this program.
 */
#include "runtime/bare.h"
#include "runtime/init_session.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#define INIT_DRAIN_SEC 600		/* daemons are away; then it gives up */
#define INIT_DRAIN_POLL_NSEC 2000000

/* The kernel's struct sigaction; libc's is another. */
struct init_action {
	uintptr_t handler;
	unsigned long flags;
	uintptr_t restorer;
	uint64_t mask;
};

static bool init_eq(const char *a, const char *b)
{
	for (; *a && *a == *b; a++)
		b++;
	return *a == *b;
}

/* If it cannot be said there is nobody else to tell. */
static void init_say(const char *text)
{
	size_t n = 0;

	while (text[n])
		n++;
	bare_call(SYS_write, STDERR_FILENO, text, n);
}

static _Noreturn void init_refuse(const char *text)
{
	init_say("dyno-init: ");
	init_say(text);
	init_say("\n");
	bare_exit(INIT_EXIT_USAGE);
}

/* ---- the command's side of the fork ---- */

_Noreturn void init_exec(char *const *argv, char *const *envp, bool tty)
{
	const struct init_action standard = { .handler = 0 };
	const uint64_t none = 0;
	long r;

	bare_call(SYS_setsid);
	if (tty && bare_call(SYS_ioctl, STDIN_FILENO, TIOCSCTTY, 0) < 0)
		init_refuse("cannot take the terminal");
	/* SIGPIPE, for one, is ignored in the daemon that made us. */
	for (int sig = 1; sig < NSIG; sig++)
		bare_call(SYS_rt_sigaction, sig, &standard, NULL, sizeof(none));
	bare_call(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, sizeof(none));

	r = bare_call(SYS_execve, argv[0], argv, envp);
	init_say(argv[0]);
	init_say(r == -ENOENT ? ": No such file or directory\n"
			      : ": cannot be executed\n");
	bare_exit(r == -ENOENT ? 127 : 126);
}

/* ---- PID 1 ---- */

int init_status(int wstatus)
{
	return WIFSIGNALED(wstatus) ? 128 + WTERMSIG(wstatus)
				    : WEXITSTATUS(wstatus);
}

static void init_record(int wstatus)
{
	struct init_exit rec = { .magic = INIT_EXIT_MAGIC };
	struct timespec ts = { 0 };
	long n;

	rec.status = init_status(wstatus);
	if (WIFSIGNALED(wstatus))
		rec.signal = WTERMSIG(wstatus);
	bare_call(SYS_clock_gettime, CLOCK_REALTIME, &ts);
	rec.usec = (uint64_t)ts.tv_sec * USEC_PER_SEC +
		   (uint64_t)ts.tv_nsec / NSEC_PER_USEC;
	do
		n = bare_call(SYS_pwrite64, INIT_FD_EXIT, &rec, sizeof(rec), 0);
	while (n == -EINTR);
}

struct init_life {
	int signals, control;		/* descriptors */
	pid_t command;
	int wstatus;			/* of the command, */
	bool ended;			/* once it has ended */
	bool stopping;			/* SIGTERM has come from outside */
	struct init_sessions sessions;
};

/* Reap whatever has died. True if nobody is left: who loses his parent becomes
 * our child. */
static bool init_reap(struct init_life *l)
{
	int wstatus;
	long pid;

	while ((pid = bare_call(SYS_wait4, -1, &wstatus, WNOHANG, NULL)) > 0) {
		if (pid == l->command) {
			l->wstatus = wstatus;
			l->ended = true;
		}
		init_sessions_reaped(&l->sessions, (pid_t)pid, wstatus);
	}
	return pid == -ECHILD;
}

/* Signals from outside have no sender that this namespace could name. */
static void init_forward(struct init_life *l, const struct signalfd_siginfo *si)
{
	if (si->ssi_pid != 0 || si->ssi_signo == SIGCHLD)
		return;
	bare_call(SYS_kill, -1, si->ssi_signo);
	if (si->ssi_signo != SIGTERM)
		return;
	l->stopping = true;
	/* A shell at a terminal ignores SIGTERM: it must not hold up a dyno that
	 * is to end. */
	init_sessions_signal(&l->sessions, SIGHUP);
}

static void init_read_signals(struct init_life *l)
{
	struct signalfd_siginfo si;
	long n = bare_call(SYS_read, l->signals, &si, sizeof(si));

	if (n == sizeof(si) && si.ssi_signo != SIGCHLD)
		init_forward(l, &si);
}

/* Waits until there is something to do. */
static void init_poll(struct init_life *l)
{
	struct pollfd p[2 + DYNO_SESSIONS_MAX] = {
		{ .fd = l->signals, .events = POLLIN },
		{ .fd = l->control, .events = POLLIN },
	};

	init_sessions_watch(&l->sessions, p + 2);
	if (bare_call(SYS_ppoll, p, ARRAY_SIZE(p), NULL, NULL, sizeof(uint64_t)) < 0)
		return;
	init_sessions_hear(&l->sessions, p + 2);
	if (p[1].revents)
		init_sessions_serve(&l->sessions, l->control,
				    !l->ended && !l->stopping);
	if (p[0].revents)
		init_read_signals(l);
}

/*
 * A command that ends by itself takes all others with it. One that was told to
 * end leaves them the time that is left: every process got the signal, and those
 * that do not heed it are R12's business, not ours.
 */
static int init_wait(int signal_fd, int control_fd, pid_t command)
{
	struct init_life l = {
		.signals = signal_fd, .control = control_fd, .command = command,
	};

	for (;;) {
		bool alone;

		init_poll(&l);
		/* Also after any other signal: SIGCHLDs merge. */
		alone = init_reap(&l);
		if (l.ended && (alone || !l.stopping))
			return l.wstatus;
	}
}

/* Asked before a descriptor of ours takes the number that is free. */
static bool init_is_log(void)
{
	struct statx st;

	return bare_call(SYS_fcntl, INIT_FD_ERR, F_GETFD) < 0 &&
	       bare_call(SYS_statx, INIT_FD_OUT, "", AT_EMPTY_PATH, STATX_TYPE,
			 &st) == 0 && S_ISFIFO(st.stx_mode);
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

	bare_call(SYS_clock_gettime, CLOCK_MONOTONIC, &start);
	do {
		if (bare_call(SYS_ioctl, INIT_FD_OUT, FIONREAD, &left) < 0 ||
		    left == 0)
			return;
		bare_call(SYS_nanosleep, &pause, NULL);
		bare_call(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
	} while (now.tv_sec - start.tv_sec < INIT_DRAIN_SEC);
}

/* Nobody in the dyno may look into this process. */
static long init_harden(void)
{
	const uint64_t all = ~0ULL;

	if (bare_call(SYS_rt_sigprocmask, SIG_BLOCK, &all, NULL, sizeof(all)) < 0 ||
	    bare_call(SYS_prctl, PR_SET_DUMPABLE, 0) < 0 ||
	    bare_call(SYS_prctl, PR_SET_NAME, INIT_NAME) < 0 ||
	    bare_call(SYS_close_range, (unsigned)INIT_FD_EXIT, ~0U,
		      CLOSE_RANGE_CLOEXEC) < 0)
		return -1;
	return bare_call(SYS_signalfd4, -1, &all, sizeof(all), SFD_CLOEXEC);
}

/* Our end; the other one has the number that dynod knows. Both are here, so that
 * no daemon has to keep anything. */
static long init_control(void)
{
	int pair[2];
	long r = bare_call(SYS_socketpair, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0,
			   pair);

	if (r < 0)
		return r;
	r = bare_call(SYS_dup3, pair[1], INIT_FD_CONTROL, O_CLOEXEC);
	bare_call(SYS_close, pair[1]);
	return r < 0 ? r : init_lift(pair[0]);
}

static int bare_main(int argc, char **argv, char **envp)
{
	bool tty = argc > 1 && init_eq(argv[1], "-t");
	int first = tty ? 2 : 1, wstatus;
	long signal_fd, control_fd, command;
	bool log;

	/* kill(-1) would be a catastrophe anywhere else. */
	if (bare_call(SYS_getpid) != 1)
		init_refuse("works only as the first process of a dyno");
	if (argc < first + 2 || !init_eq(argv[first], "--"))
		init_refuse("usage: dyno-init [-t] -- COMMAND [ARGUMENT...]");
	log = init_is_log();
	signal_fd = init_harden();
	if (signal_fd < 0)
		init_refuse("cannot protect itself");
	control_fd = init_control();
	if (control_fd < 0)
		init_refuse("cannot make a socket");
	command = bare_call(SYS_clone, SIGCHLD);
	if (command == 0)
		init_exec(argv + first + 1, envp, tty);
	if (command < 0)
		init_refuse("cannot start a process");

	/* From here on it may not end before the command does. The streams are
	 * the command's alone: when it closes one, the other end must see it. */
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		bare_call(SYS_close, fd);
	wstatus = init_wait((int)signal_fd, (int)control_fd, (pid_t)command);
	init_record(wstatus);
	if (log) {
		bare_call(SYS_kill, -1, SIGKILL);
		init_drain();
	}
	return init_status(wstatus);
}
