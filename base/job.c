#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "base/job.h"
#include "base/loop.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/syscall.h>

#define JOB_OUTPUT_MAX 65536
#define JOB_TIMED_OUT 124

struct job_stream {
	struct job *job;
	int fd;
	sd_event_source *source;
	struct buf text;
};

struct job {
	int pidfd;
	bool reaped;
	bool timed_out;
	int status;
	sd_event_source *exit_source;
	sd_event_source *timer;
	struct job_stream out, err;
	job_done_fn on_done;
	void *userdata;
};

static const char *job_last_line(struct buf *b)
{
	char *nl;

	while (b->len && b->data[b->len - 1] == '\n')
		b->data[--b->len] = '\0';
	nl = b->len ? memrchr(b->data, '\n', b->len) : NULL;
	return nl ? nl + 1 : buf_str(b);
}

static void job_stream_end(struct job_stream *s)
{
	s->source = loop_unref(s->source);
	s->fd = fd_close(s->fd);
}

/* Done only when it has ended and both streams are read to their end. After a
 * time-out nobody waits for that: a grandchild may hold them open. */
static void job_check(struct job *j)
{
	struct job_result res;

	if (j->reaped && j->timed_out) {
		job_stream_end(&j->out);
		job_stream_end(&j->err);
	}
	if (!j->reaped || j->out.fd >= 0 || j->err.fd >= 0)
		return;
	j->timer = loop_unref(j->timer);
	res.status = j->timed_out ? JOB_TIMED_OUT : j->status;
	res.output = buf_str(&j->out.text);
	res.message = j->timed_out ? "timed out" : job_last_line(&j->err.text);
	j->on_done(j, &res, j->userdata);
}

static int on_job_output(sd_event_source *src, int fd, uint32_t revents,
			 void *userdata)
{
	struct job_stream *s = userdata;
	char chunk[8192];
	ssize_t n = read(fd, chunk, sizeof(chunk));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n > 0) {
		size_t room = JOB_OUTPUT_MAX - s->text.len;

		/* Of the errors the newest are worth most. */
		if (s == &s->job->err && room < (size_t)n)
			buf_consume(&s->text, s->text.len / 2);
		room = JOB_OUTPUT_MAX - s->text.len;
		buf_add(&s->text, chunk, (size_t)n < room ? (size_t)n : room);
		return 0;
	}
	job_stream_end(s);
	job_check(s->job);
	return 0;
}

static int on_job_exit(sd_event_source *src, int fd, uint32_t revents,
		       void *userdata)
{
	struct job *j = userdata;
	struct error e;

	if (process_wait(j->pidfd, &j->status, &e) < 0)
		j->status = 255;
	j->reaped = true;
	j->exit_source = loop_unref(j->exit_source);
	job_check(j);
	return 0;
}

static int on_job_timeout(sd_event_source *src, uint64_t usec, void *userdata)
{
	struct job *j = userdata;

	j->timed_out = true;
	if (!j->reaped)
		syscall(SYS_pidfd_send_signal, j->pidfd, SIGKILL, NULL, 0);
	job_check(j);
	return 0;
}

static int job_stream_open(struct job_stream *s, struct job *j,
			   sd_event *event, int *ret_write_fd, struct error *e)
{
	int p[2], r;

	s->job = j;
	if (pipe2(p, O_CLOEXEC) < 0)
		return error_sys(e, "create a pipe");
	s->fd = p[0];
	*ret_write_fd = p[1];
	r = file_set_nonblock(s->fd, true, e);
	if (r < 0)
		return r;
	r = sd_event_add_io(event, &s->source, s->fd, EPOLLIN, on_job_output, s);
	if (r < 0)
		return error_ret(e, r, "watch a job's output");
	sd_event_source_set_description(s->source, "job output");
	return 0;
}

int job_new(struct job **ret, sd_event *event, const struct process_spec *spec,
	    uint64_t timeout_usec, job_done_fn on_done, void *userdata,
	    struct error *e)
{
	auto_(job_free_p) struct job *j = xcalloc(1, sizeof(*j));
	auto_close int out_w = -1, err_w = -1;
	struct process_spec s = *spec;
	pid_t pid;
	int r;

	assert(spec->stdout_fd < 0 && spec->stderr_fd < 0);
	j->pidfd = j->out.fd = j->err.fd = -1;
	j->reaped = true;		/* nothing to kill yet */
	j->on_done = on_done;
	j->userdata = userdata;

	r = job_stream_open(&j->out, j, event, &out_w, e);
	if (r < 0)
		return r;
	r = job_stream_open(&j->err, j, event, &err_w, e);
	if (r < 0)
		return r;
	s.stdout_fd = out_w;
	s.stderr_fd = err_w;
	s.die_with_parent = true;
	r = process_spawn(&s, &pid, &j->pidfd, e);
	if (r < 0)
		return r;
	j->reaped = false;

	r = sd_event_add_io(event, &j->exit_source, j->pidfd, EPOLLIN,
			    on_job_exit, j);
	if (r < 0)
		return error_ret(e, r, "watch a job");
	sd_event_source_set_description(j->exit_source, "job exit");
	if (timeout_usec) {
		r = loop_deadline(event, &j->timer, timeout_usec, on_job_timeout,
				  j, "job time-out", e);
		if (r < 0)
			return r;
	}
	*ret = take_ptr(j);
	return 0;
}

static void job_stream_close(struct job_stream *s)
{
	job_stream_end(s);
	buf_deinit(&s->text);
}

struct job *job_free(struct job *j)
{
	int status;

	if (!j)
		return NULL;
	j->exit_source = loop_unref(j->exit_source);
	j->timer = loop_unref(j->timer);
	if (!j->reaped) {
		syscall(SYS_pidfd_send_signal, j->pidfd, SIGKILL, NULL, 0);
		process_wait(j->pidfd, &status, NULL);
	}
	job_stream_close(&j->out);
	job_stream_close(&j->err);
	fd_close(j->pidfd);
	free(j);
	return NULL;
}
