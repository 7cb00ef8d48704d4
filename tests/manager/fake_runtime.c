#include "base/clock.h"
#include "base/error.h"
#include "base/list.h"
#include "base/strv.h"
#include "tests/manager/fake_runtime.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

struct record {
	struct list link;
	char *uuid;
	pid_t pid;			/* 0: has ended */
	int status;
	int out_fd;			/* as dyno-init would hold it */
};

struct runtime {
	struct list records;
	struct fake_failures fail;
	ino_t lease;
	struct dyno_usage usage;
};

static struct record *fake_find(struct runtime *rt, const char *uuid)
{
	struct record *rec;

	list_for_each(rec, &rt->records, link)
		if (str_eq(rec->uuid, uuid))
			return rec;
	return NULL;
}

static struct record *fake_add(struct runtime *rt, const char *uuid)
{
	struct record *rec = xcalloc(1, sizeof(*rec));

	rec->uuid = xstrdup(uuid);
	rec->out_fd = -1;
	list_add_tail(&rt->records, &rec->link);
	return rec;
}

static void fake_free(struct record *rec)
{
	list_unlink(&rec->link);
	fd_close(rec->out_fd);
	free(rec->uuid);
	free(rec);
}

/* Ends [i] of the pipes are the dyno's; stdin is the third. */
static pid_t fake_spawn(char *const *argv, char *const *envp, int pipes[3][2])
{
	sigset_t none;
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(pipes[2][0], 0);
	dup2(pipes[0][1], 1);
	dup2(pipes[1][1], 2);
	execve(argv[0], argv, envp);
	_exit(127);
}

static struct record *fake_start(struct runtime *rt, const char *uuid,
				 char *const *argv, char *const *envp,
				 int fds[DYNO_FD_COUNT])
{
	struct record *rec = fake_add(rt, uuid);
	int p[3][2];

	for (int i = 0; i < 3; i++)
		if (pipe2(p[i], O_CLOEXEC) < 0)
			abort();
	rec->pid = fake_spawn(argv, envp, p);
	fds[DYNO_FD_OUT] = p[0][0];
	fds[DYNO_FD_ERR] = p[1][0];
	fds[DYNO_FD_IN] = p[2][1];
	fd_close(p[0][1]);
	fd_close(p[1][1]);
	fd_close(p[2][0]);
	rec->out_fd = fcntl(p[0][0], F_DUPFD_CLOEXEC, 3);
	return rec;
}

static struct dyno *fake_dyno(const struct record *rec)
{
	struct dyno *d = xcalloc(1, sizeof(*d));

	d->uuid = xstrdup(rec->uuid);
	d->pid = rec->pid;
	d->pidfd = rec->pid ? (int)syscall(SYS_pidfd_open, rec->pid, 0) : -1;
	for (int i = 0; i < DYNO_FD_COUNT; i++)
		d->fds[i] = -1;
	d->memory_fd = -1;
	d->address.s_addr = 0x020010ac;		/* 172.16.0.2 */
	d->started_usec = clock_real_usec();
	return d;
}

struct runtime *fake_runtime_new(void)
{
	struct runtime *rt = xcalloc(1, sizeof(*rt));

	list_init(&rt->records);
	return rt;
}

void fake_runtime_record(struct runtime *rt, const char *uuid,
			 char *const *argv, int status)
{
	static char *const no_env[] = { NULL };
	int fds[DYNO_FD_COUNT];

	if (!argv) {
		fake_add(rt, uuid)->status = status;
		return;
	}
	fake_start(rt, uuid, argv, no_env, fds);
	for (int i = 0; i < DYNO_FD_COUNT; i++)
		fd_close(fds[i]);
}

struct fake_failures *fake_runtime_failures(struct runtime *rt)
{
	return &rt->fail;
}

ino_t fake_runtime_lease(const struct runtime *rt)
{
	return rt->lease;
}

size_t fake_runtime_count(const struct runtime *rt)
{
	const struct record *rec;
	size_t n = 0;

	list_for_each(rec, &rt->records, link)
		n++;
	return n;
}

/* ---- runtime.h ---- */

int runtime_open(struct runtime **ret, const struct runtime_config *config,
		 runtime_tell_fn tell, void *userdata, struct error *e)
{
	*ret = fake_runtime_new();
	return 0;
}

struct runtime *runtime_close(struct runtime *rt)
{
	struct record *rec, *tmp;

	if (!rt)
		return NULL;
	list_for_each_safe(rec, tmp, &rt->records, link) {
		if (rec->pid) {
			kill(rec->pid, SIGKILL);
			waitpid(rec->pid, NULL, 0);
		}
		fake_free(rec);
	}
	free(rt);
	return NULL;
}

const char *runtime_prefix(const struct runtime *rt)
{
	return "dyno7";
}

int runtime_wipe(struct runtime *rt, struct error *e)
{
	if (!list_empty(&rt->records))
		return error_set(e, EBUSY, "a dyno is on record");
	return 0;
}

/* A start is over as soon as it has begun: its pipe is at end of file. */
struct start {
	struct dyno *dyno;
	struct runtime *rt;
	int fd;
};

int runtime_begin(struct runtime *rt, const struct dyno_spec *spec,
		  struct start **ret, int *ret_fd, struct error *e)
{
	int fds[DYNO_FD_COUNT], p[2];
	struct record *rec;
	struct start *s;
	struct stat st;

	rt->lease = fstat(spec->lease_fd, &st) < 0 ? 0 : st.st_ino;
	if (spec->slug)
		return error_set(e, ENOENT, "slug %s is not unpacked", spec->slug);
	if (pipe2(p, O_CLOEXEC) < 0)
		return error_sys(e, "make a pipe");
	close(p[1]);
	s = xcalloc(1, sizeof(*s));
	rec = fake_start(rt, spec->uuid, spec->argv, spec->envp, fds);
	s->rt = rt;
	s->dyno = fake_dyno(rec);
	s->dyno->stdio = spec->stdio;
	memcpy(s->dyno->fds, fds, sizeof(fds));
	if (spec->stdio == DYNO_STDIO_LOG) {
		s->dyno->fds[DYNO_FD_ERR] = fd_close(fds[DYNO_FD_ERR]);
		s->dyno->fds[DYNO_FD_IN] = fd_close(fds[DYNO_FD_IN]);
	}
	*ret_fd = s->fd = p[0];
	*ret = s;
	return 0;
}

int runtime_finish(struct start *s, struct dyno **ret, struct error *e)
{
	*ret = s->dyno;
	close(s->fd);
	free(s);
	return 0;
}

char *dyno_trace_text(const struct dyno *d)
{
	return xstrdup("record 48\nchild exec 500\n");
}

struct start *runtime_cancel(struct start *s)
{
	if (!s)
		return NULL;
	runtime_remove(s->rt, s->dyno->uuid, NULL);
	dyno_free(s->dyno);
	close(s->fd);
	free(s);
	return NULL;
}

int runtime_list(struct runtime *rt, struct strv *ret, struct error *e)
{
	struct record *rec;

	list_for_each(rec, &rt->records, link)
		strv_add(ret, rec->uuid);
	return 0;
}

int runtime_adopt(struct runtime *rt, const char *uuid, struct dyno **ret,
		  struct error *e)
{
	struct record *rec = fake_find(rt, uuid);

	if (rt->fail.adopt || !rec)
		return error_set(e, EIO, "cannot adopt");
	*ret = fake_dyno(rec);
	if (!rec->pid)
		return RUNTIME_GONE;
	(*ret)->fds[DYNO_FD_OUT] = fcntl(rec->out_fd, F_DUPFD_CLOEXEC, 3);
	return 0;
}

int dyno_signal(struct dyno *d, int sig, struct error *e)
{
	return kill(d->pid, sig) < 0 ? error_sys(e, "signal") : 0;
}

int dyno_kill(struct runtime *rt, struct dyno *d, struct error *e)
{
	return dyno_signal(d, SIGKILL, e);
}

/* A session whose command has ended at once, with 3. */
int dyno_inside(struct dyno *d, const struct dyno_spec *spec, int *ret_session,
		struct error *e)
{
	const struct dyno_session m = { .what = DYNO_SESSION_ENDED, .value = 3 };
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0 ||
	    write(pair[1], &m, sizeof(m)) != sizeof(m))
		return error_sys(e, "session");
	close(pair[1]);
	*ret_session = pair[0];
	return 0;
}

int dyno_exit(struct runtime *rt, struct dyno *d, struct dyno_exit *ret,
	      struct error *e)
{
	struct record *rec = fake_find(rt, d->uuid);
	int status;

	if (rt->fail.exit)
		return error_set(e, EIO, "no exit record");
	if (rec->pid) {
		if (waitpid(rec->pid, &status, 0) != rec->pid)
			return error_sys(e, "wait");
		rec->pid = 0;
		rec->status = WIFEXITED(status) ? WEXITSTATUS(status)
						: 128 + WTERMSIG(status);
	}
	*ret = (struct dyno_exit){
		.status = rec->status,
		.signal = rec->status > 128 ? rec->status - 128 : 0,
		.memory_peak = 4096,
	};
	return 0;
}

struct dyno *dyno_free(struct dyno *d)
{
	if (!d)
		return NULL;
	for (int i = 0; i < DYNO_FD_COUNT; i++)
		fd_close(d->fds[i]);
	fd_close(d->pidfd);
	fd_close(d->memory_fd);
	free(d->uuid);
	free(d);
	return NULL;
}

struct dyno_usage *fake_runtime_usage(struct runtime *rt)
{
	return &rt->usage;
}

int dyno_usage(struct runtime *rt, const struct dyno *d, struct dyno_usage *ret,
	       struct error *e)
{
	*ret = rt->usage;
	return 0;
}

int dyno_watch_memory(struct runtime *rt, struct dyno *d, struct error *e)
{
	d->memory_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return d->memory_fd < 0 ? error_sys(e, "eventfd") : 0;
}

void fake_runtime_kill_in(struct dyno *d)
{
	if (eventfd_write(d->memory_fd, 1) < 0)
		abort();
}

int dyno_memory_event(struct dyno *d, uint64_t *ret_kills, struct error *e)
{
	return eventfd_read(d->memory_fd, ret_kills) < 0 ? error_sys(e, "read") : 0;
}

int runtime_remove(struct runtime *rt, const char *uuid, struct error *e)
{
	struct record *rec = fake_find(rt, uuid);

	if (rt->fail.remove)
		return error_set(e, EIO, "stuck");
	if (!rec)
		return 0;
	if (rt->fail.busy) {
		rt->fail.busy--;
		return error_set(e, EBUSY, "process 7 has not died yet");
	}
	if (rec->pid) {
		kill(rec->pid, SIGKILL);
		waitpid(rec->pid, NULL, 0);
	}
	fake_free(rec);
	return 0;
}
