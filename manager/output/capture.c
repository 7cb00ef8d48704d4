/* capture.c - pipe -> file -> lines -> journal. */
#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/fault.h"
#include "base/file.h"
#include "base/id.h"
#include "base/log.h"
#include "base/loop.h"
#include "manager/limits.h"
#include "manager/output/capture.h"
#include "manager/output/journal.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/epoll.h>

#define CHUNK_MAX 65536
#define TURN_MAX (256 * 1024)		/* of one dyno, before others' turn */
#define PUNCH_STEP (LOG_CAPTURE_MAX / 4)
#define TAIL_KEPT (16 * 1024)		/* for the record of its end */

struct capture_cursor {
	char instance[40];
	uint64_t offset;		/* framed, or dropped, up to here */
	uint64_t dropped;		/* lines, not yet told */
	uint64_t since;			/* real time of the first of them */
};

struct capture {
	int fd, log_fd, cursor_fd;
	bool ended;
	uint64_t size;			/* of the file */
	uint64_t punched;
	struct capture_cursor cursor;
	struct capture_cursor telling;	/* dropped and since, in a line that is not
					 * written yet */
	bool failing;			/* to write the journal; said once */
	struct journal *journal;
	char *app_id, *ps;
	sd_event_source *source;
	void (*on_end)(void *userdata);
	void *userdata;
};

size_t capture_line(const char *data, size_t n, bool end, size_t *ret_line)
{
	size_t seen = n < LOG_LINE_MAX + 1 ? n : LOG_LINE_MAX + 1;
	const char *nl = memchr(data, '\n', seen);

	if (nl) {
		*ret_line = (size_t)(nl - data);
		return *ret_line + 1;
	}
	/* One byte more than a line may have is looked at, so that a newline
	 * right behind a full line does not make an empty one. */
	if (n > LOG_LINE_MAX) {
		*ret_line = LOG_LINE_MAX;
		return LOG_LINE_MAX;
	}
	*ret_line = n;
	return end ? n : 0;
}

/* ---- the cursor ---- */

static void capture_save_cursor(struct capture *c)
{
	fault_point("cursor write");
	if (fault_call("write cursor") ||
	    pwrite(c->cursor_fd, &c->cursor, sizeof(c->cursor), 0) !=
	    sizeof(c->cursor))
		log_warn("%s: cannot write a cursor: %m, ignoring", c->ps);
	fault_point("cursor written");
}

static void capture_drop(struct capture *c)
{
	if (c->cursor.dropped++ == 0)
		c->cursor.since = clock_real_usec();
}

/* For programs: of which dyno they were. */
static void capture_count_drops(struct capture *c, uint64_t usec)
{
	char text[32];
	struct journal_line line = {
		.app_id = c->app_id, .source = JOURNAL_LOSS, .ps = c->ps,
		.message = text, .usec = usec,
	};

	line.n = (size_t)snprintf(text, sizeof(text), "%llu",
				  (unsigned long long)c->cursor.dropped);
	journal_add(c->journal, &line);
}

static void capture_tell_drops(struct capture *c)
{
	char since[CLOCK_TEXT_MAX], text[160];
	struct journal_line line = {
		.app_id = c->app_id, .ps = "log-shuttle", .message = text,
		.tells_loss = true,
		.usec = clock_real_usec(),
	};

	if (c->cursor.dropped == 0)
		return;
	/* "2026-11-21T00:13:42.662932+00:00": without the fraction. */
	clock_log_text(since, c->cursor.since);
	line.n = (size_t)snprintf(text, sizeof(text),
		"Error L12: %llu messages dropped since %.19s+00:00.",
		(unsigned long long)c->cursor.dropped, since);
	if (journal_add(c->journal, &line) == 0) {
		capture_count_drops(c, line.usec);
		c->telling = c->cursor;
		c->cursor.dropped = 0;
		c->cursor.since = 0;
	}
}

/* The line that was to tell of drops is not written either. */
static void capture_untell_drops(struct capture *c)
{
	if (c->telling.dropped == 0)
		return;
	c->cursor.dropped += c->telling.dropped;
	c->cursor.since = c->telling.since;
}

/* ---- file -> journal ---- */

static void capture_commit(struct capture *c, uint64_t n_lines)
{
	struct error e;

	if (journal_flush(c->journal, &e) < 0) {
		if (!c->failing)
			log_warn("%s: %s, dropping lines", c->ps, e.msg);
		c->failing = true;
		for (uint64_t i = 0; i < n_lines; i++)
			capture_drop(c);
		capture_untell_drops(c);
	} else {
		c->failing = false;
	}
	c->telling.dropped = 0;
	capture_save_cursor(c);
	if (c->cursor.offset - c->punched < PUNCH_STEP + TAIL_KEPT)
		return;
	c->punched = c->cursor.offset - TAIL_KEPT;
	if (fallocate(c->log_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		      0, (off_t)c->punched) < 0)
		log_warn("%s: cannot free framed output: %m, ignoring", c->ps);
}

void capture_tail(const struct capture *c, size_t max, struct buf *ret)
{
	uint64_t from = c->cursor.offset > max ? c->cursor.offset - max : 0;
	size_t n = (size_t)(c->cursor.offset - from);
	auto_free char *text = xmalloc(n + 1);
	ssize_t got = n ? pread(c->log_fd, text, n, (off_t)from) : 0;
	size_t hole = 0;		/* it reads as zeros */

	if (got <= 0)
		return;
	while (hole < (size_t)got && text[hole] == '\0')
		hole++;
	buf_add(ret, text + hole, (size_t)got - hole);
}

/* Frames the lines of one chunk; returns how many bytes they took. */
static size_t capture_frame_chunk(struct capture *c, const char *data, size_t n,
				  bool end)
{
	struct journal_line line = {
		.app_id = c->app_id, .ps = c->ps, .usec = clock_real_usec(),
		.instance = c->cursor.instance,
	};
	uint64_t n_lines = 0;
	size_t used = 0, take;

	if (c->cursor.dropped && !journal_is_tight(c->journal))
		capture_tell_drops(c);
	while (used < n) {
		take = capture_line(data + used, n - used, end, &line.n);
		if (take == 0)
			break;
		line.message = data + used;
		used += take;
		line.reach = c->cursor.offset + used;
		if (journal_add(c->journal, &line) == 0)
			n_lines++;
		else
			capture_drop(c);
	}
	c->cursor.offset += used;
	capture_commit(c, n_lines);
	return used;
}

static void capture_frame(struct capture *c, bool end)
{
	auto_free char *chunk = xmalloc(CHUNK_MAX);

	while (c->cursor.offset < c->size) {
		ssize_t n = pread(c->log_fd, chunk, CHUNK_MAX,
				  (off_t)c->cursor.offset);

		if (n <= 0) {
			log_err("%s: cannot read captured output: %m", c->ps);
			c->cursor.offset = c->size;
			return;
		}
		if (capture_frame_chunk(c, chunk, (size_t)n,
			end && c->cursor.offset + (uint64_t)n == c->size) == 0)
			return;
	}
}

/* ---- pipe -> file ---- */

/* No space in the file: the dyno must not block for that. */
static ssize_t capture_discard(struct capture *c)
{
	auto_free char *chunk = xmalloc(CHUNK_MAX);
	ssize_t n = read(c->fd, chunk, CHUNK_MAX);

	for (ssize_t i = 0; i < n; i++)
		if (chunk[i] == '\n')
			capture_drop(c);
	if (n > 0)
		capture_save_cursor(c);
	return n;
}

/* Returns > 0 bytes moved, 0 at the end, < 0 nothing there now. */
static ssize_t capture_move(struct capture *c)
{
	off_t at = (off_t)c->size;
	ssize_t n = splice(c->fd, NULL, c->log_fd, &at, CHUNK_MAX,
			   SPLICE_F_MOVE | SPLICE_F_NONBLOCK);

	fault_point("capture moved");
	if (n > 0)
		c->size += (uint64_t)n;
	else if (n < 0 && errno != EAGAIN && errno != EINTR)
		return capture_discard(c);
	return n;
}

static void capture_close(struct capture *c)
{
	c->source = loop_unref(c->source);
	c->fd = fd_close(c->fd);
	c->ended = true;
}

/* Returns true at the end of the pipe. */
static bool capture_pump(struct capture *c)
{
	ssize_t n = 1;

	for (size_t total = 0; n > 0 && total < TURN_MAX; total += (size_t)n) {
		n = capture_move(c);
		if (n > 0)
			capture_frame(c, false);
	}
	return n == 0;
}

static int on_capture(sd_event_source *src, int fd, uint32_t revents,
		      void *userdata)
{
	struct capture *c = userdata;

	if (capture_pump(c)) {
		capture_close(c);
		c->on_end(c->userdata);
	}
	return 0;
}

/* ---- life ---- */

/* What another instance has lost, and nobody has been told, is told by this one. */
static bool capture_resume(struct capture *c, const char *instance)
{
	struct capture_cursor *k = &c->cursor;

	if (pread(c->cursor_fd, k, sizeof(*k), 0) != sizeof(*k) ||
	    !memchr(k->instance, '\0', sizeof(k->instance)) ||
	    !(id_is_uuid(k->instance) || !k->instance[0]))
		*k = (struct capture_cursor){ .offset = 0 };
	if (str_eq(k->instance, instance))
		return true;
	k->offset = 0;
	snprintf(k->instance, sizeof(k->instance), "%s", instance);
	return false;
}

static int capture_open_files(struct capture *c, int dir_fd,
			      const char *instance, struct error *e)
{
	uint64_t reach;
	off_t end;

	c->cursor_fd = openat(dir_fd, "cursor", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (c->cursor_fd < 0)
		return error_sys(e, "open a cursor");
	/* Another instance's output: drop it before the cursor says ours. */
	fault_point("capture open");
	if (!capture_resume(c, instance))
		unlinkat(dir_fd, "log", 0);
	c->log_fd = openat(dir_fd, "log", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	end = c->log_fd < 0 ? -1 : lseek(c->log_fd, 0, SEEK_END);
	if (end < 0)
		return error_sys(e, "open the captured output");
	c->size = (uint64_t)end;
	/* Lines may be in the journal that the cursor did not get to know. */
	reach = journal_reach(c->journal, instance);
	if (reach > c->cursor.offset && reach <= c->size)
		c->cursor.offset = reach;
	if (c->cursor.offset > c->size)
		c->cursor.offset = c->size;
	c->punched = c->cursor.offset;
	capture_save_cursor(c);
	return 0;
}

/* An earlier process has not come to it, and there may be no output for long. */
static void capture_retell(struct capture *c)
{
	if (!c->cursor.dropped || journal_is_tight(c->journal))
		return;
	capture_tell_drops(c);
	capture_commit(c, 0);
}

int capture_new(struct capture **ret, sd_event *event, struct journal *j,
		const struct capture_spec *spec, struct error *e)
{
	auto_(capture_free_p) struct capture *c = xcalloc(1, sizeof(*c));
	auto_close int dir_fd = -1;
	int r;

	c->fd = spec->fd;
	c->log_fd = c->cursor_fd = -1;
	c->journal = j;
	c->app_id = xstrdup(spec->app_id);
	c->ps = xstrdup(spec->ps);
	c->on_end = spec->on_end;
	c->userdata = spec->userdata;
	c->ended = c->fd < 0;

	dir_fd = open(spec->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0)
		return error_sys(e, "open %s", spec->dir);
	r = capture_open_files(c, dir_fd, spec->instance, e);
	if (r < 0)
		return error_prefix(e, r, "%s", spec->dir);
	capture_frame(c, false);
	capture_retell(c);
	if (c->fd >= 0) {
		r = sd_event_add_io(event, &c->source, c->fd, EPOLLIN,
				    on_capture, c);
		if (r < 0)
			return error_ret(e, r, "watch the output of %s", c->ps);
		sd_event_source_set_description(c->source, "output");
	}
	*ret = take_ptr(c);
	return 0;
}

bool capture_at_end(const struct capture *c)
{
	return c->ended;
}

void capture_finish(struct capture *c)
{
	fault_point("capture finish");
	/* Whoever escaped with the pipe may go on writing; we take what is
	 * there, once. */
	if (!c->ended)
		capture_pump(c);
	capture_close(c);
	capture_frame(c, true);
	capture_tell_drops(c);
	capture_commit(c, 0);
}

struct capture *capture_free(struct capture *c)
{
	if (!c)
		return NULL;
	c->source = loop_unref(c->source);
	fd_close(c->fd);
	fd_close(c->log_fd);
	fd_close(c->cursor_fd);
	free(c->app_id);
	free(c->ps);
	free(c);
	return NULL;
}
