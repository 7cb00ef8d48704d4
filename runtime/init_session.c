/*
 * init_session.c - commands that dyno-init starts inside of its dyno on request.
 *
 * PID 1 takes the session out of the request, forks and goes on; what may wait or
 * be large is the business of the child, in its own copy of the memory: it reads
 * the command, makes terminal or pipes, and hands their other ends out.
 */
#define BARE_PART
#include "runtime/bare.h"
#include "runtime/init_session.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define INIT_FDS_BASE 32		/* above all numbers that are assigned */
#define INIT_ROWS 24
#define INIT_COLS 80

/* ---- a session's side of the fork ---- */

/* Only a session touches these, in its own copy. */
static char init_text[INIT_COMMAND_MAX];
static char *init_words[INIT_WORDS_MAX + 2];

union init_rights {
	struct cmsghdr head;
	char space[CMSG_SPACE(DYNO_FD_COUNT * sizeof(int))];
};

static long init_tell(int session, enum dyno_session_what what, int value,
		      const int *fds, size_t n_fds)
{
	struct dyno_session m = { .what = what, .value = value };
	struct iovec iov = { .iov_base = &m, .iov_len = sizeof(m) };
	union init_rights rights = { .head = { .cmsg_len = 0 } };
	struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (n_fds) {
		rights.head.cmsg_len = CMSG_LEN(n_fds * sizeof(int));
		rights.head.cmsg_level = SOL_SOCKET;
		rights.head.cmsg_type = SCM_RIGHTS;
		memcpy(CMSG_DATA(&rights.head), fds, n_fds * sizeof(int));
		h.msg_control = &rights;
		h.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
	}
	return bare_call(SYS_sendmsg, session, &h, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static _Noreturn void init_session_fail(int session, long r)
{
	init_tell(session, DYNO_SESSION_FAILED, (int)-r, NULL, 0);
	bare_exit(INIT_EXIT_USAGE);
}

/* Out of the way of 0, 1 and 2, which are free in PID 1. */
int init_lift(long fd)
{
	long up = fd < 0 ? fd : bare_call(SYS_fcntl, fd, F_DUPFD_CLOEXEC,
					  INIT_FDS_BASE);

	if (fd >= 0)
		bare_call(SYS_close, fd);
	return (int)up;
}

/* argv, NULL, envp, NULL. Returns where envp begins, or -errno. */
static long init_session_read(int file)
{
	long n = bare_call(SYS_pread64, file, init_text, sizeof(init_text), 0);
	size_t at = sizeof(struct init_command), word = 0, count;
	struct init_command c;

	if (n < 0)
		return n;
	if ((size_t)n <= at || init_text[n - 1])
		return -EBADMSG;
	memcpy(&c, init_text, sizeof(c));
	count = (size_t)c.n_argv + c.n_envp;
	if (c.n_argv == 0 || count > INIT_WORDS_MAX)
		return -EBADMSG;
	for (size_t i = 0; i < count; i++) {
		if (at >= (size_t)n)
			return -EBADMSG;
		if (i == c.n_argv)
			init_words[word++] = NULL;
		init_words[word++] = init_text + at;
		while (init_text[at++])
			;
	}
	return c.n_argv + 1;
}

/* The master stays with who asked; without him the terminal hangs up. */
static long init_session_terminal(int session, const struct init_request *q,
				  int streams[3])
{
	struct winsize size = {
		.ws_row = q->rows ? q->rows : INIT_ROWS,
		.ws_col = q->cols ? q->cols : INIT_COLS,
	};
	int master = init_lift(bare_call(SYS_openat, AT_FDCWD, "/dev/pts/ptmx",
					 O_RDWR | O_NOCTTY | O_CLOEXEC |
					 O_NOFOLLOW)), unlock = 0;
	long r;

	if (master < 0)
		return master;
	r = bare_call(SYS_ioctl, master, TIOCSPTLCK, &unlock);
	if (r < 0)
		return r;
	streams[0] = init_lift(bare_call(SYS_ioctl, master, TIOCGPTPEER,
					 O_RDWR | O_NOCTTY | O_CLOEXEC));
	if (streams[0] < 0)
		return streams[0];
	r = bare_call(SYS_ioctl, streams[0], TIOCSWINSZ, &size);
	if (r < 0)
		return r;
	streams[1] = streams[2] = streams[0];
	return init_tell(session, DYNO_SESSION_STARTED, 0, &master, 1);
}

static long init_session_pipes(int session, int streams[3])
{
	static const int theirs[3] = { DYNO_FD_IN, DYNO_FD_OUT, DYNO_FD_ERR };
	int fds[DYNO_FD_COUNT], p[2];

	for (int i = 0; i < 3; i++) {
		bool in = i == STDIN_FILENO;
		long r = bare_call(SYS_pipe2, p, O_CLOEXEC);

		if (r < 0)
			return r;
		streams[i] = init_lift(p[in ? 0 : 1]);
		fds[theirs[i]] = init_lift(p[in ? 1 : 0]);
		if (streams[i] < 0 || fds[theirs[i]] < 0)
			return -EMFILE;
	}
	return init_tell(session, DYNO_SESSION_STARTED, 0, fds, DYNO_FD_COUNT);
}

static _Noreturn void init_session_main(const int fds[INIT_REQUEST_FDS],
					const struct init_request *q)
{
	long envp = init_session_read(fds[INIT_REQUEST_COMMAND]), r;
	int session = fds[INIT_REQUEST_SESSION];
	int streams[3];

	if (envp < 0)
		init_session_fail(session, envp);
	r = q->tty ? init_session_terminal(session, q, streams)
		   : init_session_pipes(session, streams);
	for (int i = 0; r >= 0 && i < 3; i++)
		r = bare_call(SYS_dup3, streams[i], i, 0);
	if (r < 0)
		init_session_fail(session, r);
	init_exec(init_words, init_words + envp, q->tty);
}

/* ---- PID 1's side ---- */

static void init_session_close(struct init_session *s)
{
	bare_call(SYS_close, s->fd);
	s->pid = 0;
}

/* It may not lead a group yet. Its pid is its own until it is reaped. */
static void init_session_signal(const struct init_session *s, int sig)
{
	if (bare_call(SYS_kill, -s->pid, sig) < 0)
		bare_call(SYS_kill, s->pid, sig);
}

void init_sessions_signal(struct init_sessions *all, int sig)
{
	for (size_t i = 0; i < DYNO_SESSIONS_MAX; i++)
		if (all->v[i].pid)
			init_session_signal(&all->v[i], sig);
}

void init_sessions_reaped(struct init_sessions *all, pid_t pid, int wstatus)
{
	for (size_t i = 0; i < DYNO_SESSIONS_MAX; i++) {
		struct init_session *s = &all->v[i];

		if (s->pid != pid)
			continue;
		init_tell(s->fd, DYNO_SESSION_ENDED, init_status(wstatus), NULL, 0);
		init_session_close(s);
	}
}

/* Who asked for it wants it signalled, or is gone. */
static void init_session_hear(struct init_session *s)
{
	struct dyno_session m;
	long n = bare_call6(SYS_recvfrom, s->fd, BARE_ARG(&m), sizeof(m),
			    MSG_DONTWAIT, 0, 0);

	if (n == -EAGAIN)
		return;
	if (n == sizeof(m) && m.what == DYNO_SESSION_SIGNAL && m.value > 0 &&
	    m.value < NSIG) {
		init_session_signal(s, m.value);
		return;
	}
	init_session_signal(s, SIGHUP);
	init_session_signal(s, SIGCONT);
	init_session_close(s);
}

void init_sessions_watch(const struct init_sessions *all, struct pollfd *p)
{
	for (size_t i = 0; i < DYNO_SESSIONS_MAX; i++)
		p[i] = (struct pollfd){
			.fd = all->v[i].pid ? all->v[i].fd : -1, .events = POLLIN,
		};
}

void init_sessions_hear(struct init_sessions *all, const struct pollfd *p)
{
	for (size_t i = 0; i < DYNO_SESSIONS_MAX; i++)
		if (p[i].revents)
			init_session_hear(&all->v[i]);
}

/* What came with a request; false: it is none. */
static bool init_receive(int control, struct init_request *q,
			 int fds[INIT_REQUEST_FDS])
{
	union init_rights rights = { .head = { .cmsg_len = 0 } };
	struct iovec iov = { .iov_base = q, .iov_len = sizeof(*q) };
	struct msghdr h = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &rights,
		.msg_controllen = CMSG_SPACE(INIT_REQUEST_FDS * sizeof(int)),
	};
	long n = bare_call(SYS_recvmsg, control, &h, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (n != sizeof(*q) || q->magic != INIT_REQUEST_MAGIC ||
	    rights.head.cmsg_len != CMSG_LEN(INIT_REQUEST_FDS * sizeof(int)))
		return false;
	memcpy(fds, CMSG_DATA(&rights.head), INIT_REQUEST_FDS * sizeof(int));
	for (int i = 0; i < INIT_REQUEST_FDS; i++)
		fds[i] = init_lift(fds[i]);
	return true;
}

static long init_session_start(struct init_sessions *all, const int *fds,
			       const struct init_request *q)
{
	size_t i = 0;
	long pid;

	while (i < DYNO_SESSIONS_MAX && all->v[i].pid)
		i++;
	if (i == DYNO_SESSIONS_MAX)
		return -EUSERS;
	pid = bare_call(SYS_clone, SIGCHLD);
	if (pid == 0)
		init_session_main(fds, q);
	if (pid > 0)
		all->v[i] = (struct init_session){
			(pid_t)pid, fds[INIT_REQUEST_SESSION],
		};
	return pid;
}

/* dynod alone can send requests: one without descriptors leaves none behind. */
void init_sessions_serve(struct init_sessions *all, int control, bool open)
{
	int fds[INIT_REQUEST_FDS];
	struct init_request q;
	long r;

	if (!init_receive(control, &q, fds))
		return;
	r = open ? init_session_start(all, fds, &q) : -ESHUTDOWN;
	bare_call(SYS_close, fds[INIT_REQUEST_COMMAND]);
	if (r > 0)
		return;
	init_tell(fds[INIT_REQUEST_SESSION], DYNO_SESSION_FAILED, (int)-r, NULL, 0);
	bare_call(SYS_close, fds[INIT_REQUEST_SESSION]);
}
