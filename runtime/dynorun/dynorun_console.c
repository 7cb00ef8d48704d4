/*
 * One poll loop between a process, signals, our streams and a terminal. What
 * was read and is not written yet is one buffer for each direction: nothing more
 * is read before it is empty. Our own stdout stays blocking, since it is shared
 * with whoever started us; a reader that stops reading stops us, and the
 * program behind the terminal.
 */
#include "runtime/dynorun/dynorun_console.h"

#include "base/error.h"
#include "base/file.h"
#include "base/process.h"
#include "base/terminal.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <termios.h>

#define CONSOLE_BUFFER 16384
#define CONSOLE_DRAIN_MSEC 2000		/* a terminal that others still write to */

struct loop {
	struct dynorun_console *c;
	int pid_fd;
	bool input_ended, output_ended;
	char in[CONSOLE_BUFFER];	/* towards the terminal */
	size_t in_at, in_len;
};

/* Those that a program does to itself, and those of job control, are ours. */
static void console_signals(sigset_t *ret)
{
	static const int ours[] = {
		SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP, SIGSYS,
		SIGCHLD, SIGTTIN, SIGTTOU, SIGURG,
	};

	sigfillset(ret);
	for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
		sigdelset(ret, ours[i]);
}

int dynorun_console_begin(struct dynorun_console *c, struct error *e)
{
	sigset_t set;

	console_signals(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
	sigdelset(&set, SIGPIPE);
	c->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (c->signal_fd < 0)
		return error_sys(e, "watch signals");
	return 0;
}

void dynorun_console_deinit(struct dynorun_console *c)
{
	terminal_restore();
	c->master = fd_close(c->master);
	c->signal_fd = fd_close(c->signal_fd);
}

void dynorun_console_size(const struct dynorun_console *c)
{
	struct winsize ws;

	if (c->master >= 0 && ioctl(STDIN_FILENO, TIOCGWINSZ, &ws) == 0 &&
	    ws.ws_row > 0)
		ioctl(c->master, TIOCSWINSZ, &ws);
}

static void console_on_signal(struct loop *l)
{
	struct signalfd_siginfo si;

	if (read(l->c->signal_fd, &si, sizeof(si)) != sizeof(si))
		return;
	if (si.ssi_signo == SIGWINCH && l->c->master >= 0)
		dynorun_console_size(l->c);
	else
		syscall(SYS_pidfd_send_signal, l->pid_fd, (int)si.ssi_signo, NULL, 0);
}

/* ---- bytes ---- */

/* The end of a file is what a terminal's user tells by ^D. */
static void console_end_input(struct loop *l)
{
	struct termios t;

	l->input_ended = true;
	l->in_at = 0;
	l->in_len = 1;
	l->in[0] = tcgetattr(l->c->master, &t) == 0 ? (char)t.c_cc[VEOF] : 4;
}

static void console_read_input(struct loop *l)
{
	ssize_t n = read(STDIN_FILENO, l->in, sizeof(l->in));

	l->in_at = 0;
	l->in_len = n > 0 ? (size_t)n : 0;
	if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN))
		console_end_input(l);
}

static void console_write_input(struct loop *l)
{
	ssize_t n = write(l->c->master, l->in + l->in_at, l->in_len - l->in_at);

	if (n > 0)
		l->in_at += (size_t)n;
	else if (n < 0 && errno != EINTR && errno != EAGAIN)
		l->in_at = l->in_len;		/* nobody will read it */
}

/* EIO: all its other ends are closed. */
static void console_move_output(struct loop *l)
{
	char data[CONSOLE_BUFFER];
	ssize_t n = read(l->c->master, data, sizeof(data));

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0)
		l->output_ended = true;
	else	/* nobody may want it any more; the program goes on all the same */
		file_write_all(STDOUT_FILENO, data, (size_t)n, NULL);
}

/* The process has ended: what it wrote last is still on its way. */
static void console_drain(struct loop *l)
{
	struct pollfd p = { .fd = l->c->master, .events = POLLIN };

	for (int i = 0; i < CONSOLE_DRAIN_MSEC && !l->output_ended; i++) {
		if (poll(&p, 1, 0) <= 0)
			return;
		console_move_output(l);
	}
}

static bool console_step(struct loop *l)
{
	bool tty = l->c->master >= 0, pending = l->in_at < l->in_len;
	struct pollfd p[4] = {
		{ .fd = l->pid_fd, .events = POLLIN },
		{ .fd = l->c->signal_fd, .events = POLLIN },
		{ .fd = tty && !l->input_ended && !pending ? STDIN_FILENO : -1,
		  .events = POLLIN },
		{ .fd = tty && (!l->output_ended || pending) ? l->c->master : -1,
		  .events = (short)((l->output_ended ? 0 : POLLIN) |
				    (pending ? POLLOUT : 0)) },
	};

	if (poll(p, ARRAY_SIZE(p), -1) < 0)
		return errno == EINTR;
	if (p[1].revents)
		console_on_signal(l);
	if (p[2].revents)
		console_read_input(l);
	if (p[3].revents & POLLOUT)
		console_write_input(l);
	if (p[3].revents & (POLLIN | POLLHUP | POLLERR)) {
		console_move_output(l);
		/* Nobody has it open, and the process lives: it may open it. */
		if (l->output_ended)
			l->in_at = l->in_len;
	}
	return !p[0].revents;
}

/* Raw, but for the end of a line: the container's terminal leaves it to us. */
static int console_raw(struct error *e)
{
	struct termios t;
	int r = terminal_raw(e);

	if (r < 0 || tcgetattr(STDIN_FILENO, &t) < 0)
		return r;
	t.c_oflag |= OPOST;
	tcsetattr(STDIN_FILENO, TCSANOW, &t);
	return 0;
}

int dynorun_console_wait(struct dynorun_console *c, pid_t pid, int *ret_status,
			 struct error *e)
{
	auto_close int pid_fd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct loop l = { .c = c, .pid_fd = pid_fd };
	int r = 0;

	if (pid_fd < 0)
		return error_sys(e, "watch process %d", (int)pid);
	if (c->master >= 0)
		r = file_set_nonblock(c->master, true, e);
	if (r == 0 && c->master >= 0 && isatty(STDIN_FILENO))
		r = console_raw(e);
	if (r < 0)
		return r;
	while (console_step(&l))
		;
	if (c->master >= 0)
		console_drain(&l);
	terminal_restore();
	return process_wait(pid_fd, ret_status, e);
}
