/*
 * attach.c - one poll loop between three standard streams, a link and
 * signals. What is read and cannot be written yet is bounded by not reading
 * more. Our own stdout stays blocking (the terminal is shared with the shell),
 * so never more is written at once than poll() has promised.
 */
#include "cli/client/attach.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/terminal.h"

#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define ATTACH_READ (32 * 1024)
#define ATTACH_KEPT_MAX (256 * 1024)	/* of our input, until the dyno has it */
#define ATTACH_AGAIN_USEC (30 * USEC_PER_SEC)	/* as long as we are waited for */
#define ATTACH_PAUSE_FIRST_MSEC 100
#define ATTACH_PAUSE_MAX_MSEC 2000

struct attach_queue {
	struct buf buf;
	size_t at;			/* so much of it is written */
};

enum { ATTACH_STDOUT, ATTACH_STDERR, ATTACH_OUTPUTS };

struct attach_output {
	int fd;
	struct attach_queue queue;
	size_t at_once;			/* bytes that cannot block after POLLOUT */
	bool socket, closed;
};

struct attach {
	const struct attach_spec *spec;
	int signal_fd;
	sigset_t old_mask;
	struct attach_link link;
	struct attach_output outputs[ATTACH_OUTPUTS];
	bool running, input_ended;
	unsigned interrupts;
	bool done, ended;		/* ended: the dyno has said the last word */
	int status;
};

static size_t attach_pending(const struct attach_queue *q)
{
	return q->buf.len - q->at;
}

static void attach_written(struct attach_queue *q, size_t n)
{
	q->at += n;
	if (q->at == q->buf.len) {
		buf_clear(&q->buf);
		q->at = 0;
	}
}

static void attach_finish(struct attach *a, int status)
{
	a->status = status;
	a->done = true;
}

/* ---- set-up ---- */

static void attach_output_init(struct attach_output *o, int fd)
{
	struct stat st;

	*o = (struct attach_output){ .fd = fd, .at_once = ATTACH_READ };
	if (fstat(fd, &st) < 0)
		o->closed = true;
	else if (S_ISFIFO(st.st_mode))
		o->at_once = PIPE_BUF;
	else if (S_ISSOCK(st.st_mode))
		o->socket = true;
}

static int attach_init(struct attach *a, struct error *e)
{
	sigset_t set;

	attach_output_init(&a->outputs[ATTACH_STDOUT], STDOUT_FILENO);
	attach_output_init(&a->outputs[ATTACH_STDERR], STDERR_FILENO);
	sigemptyset(&set);
	sigaddset(&set, SIGWINCH);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGQUIT);
	sigaddset(&set, SIGTSTP);
	sigaddset(&set, SIGCONT);
	sigaddset(&set, SIGPIPE);
	sigprocmask(SIG_BLOCK, &set, &a->old_mask);
	sigdelset(&set, SIGPIPE);
	a->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (a->signal_fd < 0)
		return error_sys(e, "watch signals");
	return 0;
}

static void attach_deinit(struct attach *a)
{
	terminal_restore();
	a->signal_fd = fd_close(a->signal_fd);
	sigprocmask(SIG_SETMASK, &a->old_mask, NULL);
	attach_link_deinit(&a->link);
	for (int i = 0; i < ATTACH_OUTPUTS; i++)
		buf_deinit(&a->outputs[i].queue.buf);
}

/* ---- from the dyno ---- */

static void attach_send_size(struct attach *a)
{
	uint16_t rows, cols;

	if (a->spec->tty && a->running &&
	    terminal_size(STDOUT_FILENO, &rows, &cols))
		attach_link_put_window(&a->link, rows, cols);
}

static int attach_start(struct attach *a, struct error *e)
{
	if (a->running)
		return 0;
	a->running = true;
	if (a->spec->on_running)
		a->spec->on_running(a->spec->userdata);
	attach_send_size(a);
	return a->spec->tty ? terminal_raw(e) : 0;
}

static int on_attach_frame(const struct frame *f, void *userdata, struct error *e)
{
	struct attach *a = userdata;

	switch (f->type) {
	case FRAME_RUNNING:
		return attach_start(a, e);
	case FRAME_OUTPUT:
		buf_add(&a->outputs[ATTACH_STDOUT].queue.buf, f->data, f->len);
		return attach_start(a, e);
	case FRAME_ERROR_OUTPUT:
		buf_add(&a->outputs[ATTACH_STDERR].queue.buf, f->data, f->len);
		return attach_start(a, e);
	case FRAME_EXIT:
		a->ended = true;
		attach_finish(a, (unsigned char)f->data[0]);
		return 0;
	case FRAME_FAILED:
		a->ended = true;
		return error_set(e, ECANCELED, "%.*s", (int)f->len, f->data);
	case FRAME_INPUT:
	case FRAME_INPUT_END:
	case FRAME_WINDOW:
	case FRAME_SIGNAL:
	case FRAME_LEAVE:
	case FRAME_JOIN:
	case FRAME_KNOWN:
		break;
	}
	return error_set(e, EPROTO, "attach stream: unexpected frame");
}

/* ---- towards the dyno ---- */

static void attach_end_input(struct attach *a)
{
	a->input_ended = true;
	if (a->spec->tty)
		attach_finish(a, 128 + SIGHUP);	/* the terminal is gone */
	else
		attach_link_put(&a->link, FRAME_INPUT_END, NULL, 0);
}

static void attach_read_input(struct attach *a)
{
	char chunk[ATTACH_READ];
	ssize_t n = read(STDIN_FILENO, chunk, sizeof(chunk));

	if (n > 0)
		attach_link_put(&a->link, FRAME_INPUT, chunk, (size_t)n);
	else if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		attach_end_input(a);
}

/* ---- our own output ---- */

static void attach_write_output(struct attach *a, struct attach_output *o)
{
	struct attach_queue *q = &o->queue;
	size_t want = attach_pending(q) < o->at_once ? attach_pending(q)
						      : o->at_once;
	const char *data = q->buf.data + q->at;
	ssize_t n;

	n = o->socket ? send(o->fd, data, want, MSG_DONTWAIT | MSG_NOSIGNAL)
		      : write(o->fd, data, want);
	if (n >= 0) {
		attach_written(q, (size_t)n);
		return;
	}
	if (errno == EAGAIN || errno == EINTR)
		return;
	o->closed = true;
	/* Nobody reads our output: as any filter, end by SIGPIPE. */
	if (o->fd == STDOUT_FILENO)
		attach_finish(a, 128 + SIGPIPE);
}

static bool attach_has_output(const struct attach *a)
{
	for (int i = 0; i < ATTACH_OUTPUTS; i++)
		if (!a->outputs[i].closed &&
		    attach_pending(&a->outputs[i].queue) > 0)
			return true;
	return false;
}

/* ---- signals ---- */

/* Stop as a job of the shell does, with the terminal in order. */
static int attach_stop(struct attach *a, struct error *e)
{
	terminal_restore();
	raise(SIGSTOP);
	attach_send_size(a);
	return a->spec->tty && a->running ? terminal_raw(e) : 0;
}

static void attach_forward(struct attach *a, int sig)
{
	unsigned char number = (unsigned char)sig;

	a->interrupts += sig == SIGINT;
	if (a->spec->tty || !a->running || sig == SIGHUP || a->link.fd < 0 ||
	    a->link.deaf || a->interrupts > 1)
		attach_finish(a, 128 + sig);
	else
		attach_link_put(&a->link, FRAME_SIGNAL, &number, 1);
}

static int attach_on_signal(struct attach *a, struct error *e)
{
	struct signalfd_siginfo si;

	if (read(a->signal_fd, &si, sizeof(si)) != sizeof(si))
		return 0;
	switch (si.ssi_signo) {
	case SIGWINCH:
		attach_send_size(a);
		return 0;
	case SIGTSTP:
		return attach_stop(a, e);
	case SIGCONT:
		/* Somebody stopped us the hard way: the shell has the terminal
		 * in its own mode since then. */
		terminal_restore();
		attach_send_size(a);
		return a->spec->tty && a->running ? terminal_raw(e) : 0;
	default:
		attach_forward(a, (int)si.ssi_signo);
		return 0;
	}
}

/* ---- the loop ---- */

enum { ATTACH_POLL_STREAM, ATTACH_POLL_SIGNAL, ATTACH_POLL_INPUT,
       ATTACH_POLL_OUTPUT, ATTACH_POLL_COUNT = ATTACH_POLL_OUTPUT +
					       ATTACH_OUTPUTS };

static void attach_poll_set(const struct attach *a,
			    struct pollfd p[ATTACH_POLL_COUNT])
{
	bool room = !attach_has_output(a);

	p[ATTACH_POLL_STREAM] = (struct pollfd){ .fd = a->link.fd };
	if (room)
		p[ATTACH_POLL_STREAM].events |= POLLIN;
	if (attach_link_has_output(&a->link))
		p[ATTACH_POLL_STREAM].events |= POLLOUT;
	/* poll() tells POLLHUP unasked: do not spin while stdout is full. */
	if (!p[ATTACH_POLL_STREAM].events)
		p[ATTACH_POLL_STREAM].fd = -1;
	p[ATTACH_POLL_SIGNAL] = (struct pollfd){
		.fd = a->signal_fd, .events = POLLIN,
	};
	p[ATTACH_POLL_INPUT] = (struct pollfd){
		.fd = a->running && !a->input_ended &&
		      replay_pending(&a->link.out) <
			      (attach_link_can_come_again(&a->link) ?
			       ATTACH_KEPT_MAX : ATTACH_READ) ? STDIN_FILENO : -1,
		.events = POLLIN,
	};
	for (int i = 0; i < ATTACH_OUTPUTS; i++)
		p[ATTACH_POLL_OUTPUT + i] = (struct pollfd){
			.fd = !a->outputs[i].closed &&
			      attach_pending(&a->outputs[i].queue) > 0
			      ? a->outputs[i].fd : -1,
			.events = POLLOUT,
		};
}

static int attach_step(struct attach *a, struct error *e)
{
	struct pollfd p[ATTACH_POLL_COUNT];
	int r = 0;

	attach_poll_set(a, p);
	if (poll(p, ATTACH_POLL_COUNT, -1) < 0)
		return errno == EINTR ? 0 : error_sys(e, "poll");
	for (int i = 0; i < ATTACH_OUTPUTS; i++)
		if (p[ATTACH_POLL_OUTPUT + i].revents)
			attach_write_output(a, &a->outputs[i]);
	if (p[ATTACH_POLL_SIGNAL].revents)
		r = attach_on_signal(a, e);
	if (r == 0 && p[ATTACH_POLL_INPUT].revents)
		attach_read_input(a);
	if (p[ATTACH_POLL_STREAM].revents & POLLOUT)
		attach_link_write(&a->link);
	if (r == 0 && !a->done &&
	    p[ATTACH_POLL_STREAM].revents & (POLLIN | POLLHUP | POLLERR) &&
	    p[ATTACH_POLL_STREAM].events & POLLIN)
		r = attach_link_read(&a->link, e);
	return r;
}

/* ---- a lost connection ---- */

/* Wait, but hear signals: the user may have enough of it. */
static int attach_pause(struct attach *a, int msec, struct error *e)
{
	struct pollfd p = { .fd = a->signal_fd, .events = POLLIN };

	return poll(&p, 1, msec) > 0 ? attach_on_signal(a, e) : 0;
}

static int attach_connect(struct attach *a, struct error *e)
{
	auto_buf early = BUF_INIT;
	int fd, r = a->spec->connect(&fd, &early, a->spec->userdata, e);

	if (r == 0)
		r = attach_link_open(&a->link, fd, &early, e);
	if (r == 0)
		r = attach_link_frames(&a->link, e);
	return r;
}

/* To try again would not help. */
static bool attach_is_final(int r)
{
	return r == -ENOENT || r == -EPROTO || r == -ECANCELED || r == -EACCES;
}

/* The terminal is the user's meanwhile: its keys are signals again. */
static int attach_again(struct attach *a, struct error *e)
{
	uint64_t deadline = clock_mono_usec() + ATTACH_AGAIN_USEC;
	bool tell = isatty(STDERR_FILENO);
	int r, msec = ATTACH_PAUSE_FIRST_MSEC;

	terminal_restore();
	if (tell)
		fputs("\ndynoctl: the connection to the dyno was lost, trying again\n",
		      stderr);
	do {
		attach_link_close(&a->link);
		r = attach_pause(a, msec, e);
		if (r < 0 || a->done)
			return r;
		msec = msec * 2 < ATTACH_PAUSE_MAX_MSEC ? msec * 2
							: ATTACH_PAUSE_MAX_MSEC;
		r = attach_connect(a, e);
	} while (r < 0 && !attach_is_final(r) && clock_mono_usec() < deadline);
	if (r < 0)
		return error_prefix(e, r, "the connection to the dyno was lost");
	if (tell)
		fputs("dynoctl: connected again\n", stderr);
	attach_send_size(a);
	return a->spec->tty && a->running && !a->done ? terminal_raw(e) : 0;
}

/* The end has come; what the dyno wrote before it still has to get out. */
static void attach_flush(struct attach *a)
{
	for (int i = 0; i < ATTACH_OUTPUTS; i++) {
		struct attach_output *o = &a->outputs[i];

		if (!o->closed && attach_pending(&o->queue) > 0)
			file_write_all(o->fd, o->queue.buf.data + o->queue.at,
				       attach_pending(&o->queue), NULL);
	}
}

int attach_run(const struct attach_spec *spec, int *ret_status, struct error *e)
{
	struct attach a = { .spec = spec, .signal_fd = -1, .link = ATTACH_LINK_INIT };
	int r;

	a.link.on_frame = on_attach_frame;
	a.link.userdata = &a;
	r = attach_init(&a, e);
	if (r == 0)
		r = attach_connect(&a, e);
	/* The answer was lost, and the secret is used: we are waited for already. */
	if (r == -ECONNRESET)
		r = attach_again(&a, e);
	while (r == 0 && !a.done) {
		r = attach_step(&a, e);
		if (r == -ECONNRESET && attach_link_can_come_again(&a.link))
			r = attach_again(&a, e);
	}
	attach_flush(&a);
	attach_link_end(&a.link, !a.ended);
	if (r == 0)
		*ret_status = a.status;
	attach_deinit(&a);
	return r;
}
