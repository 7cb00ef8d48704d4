/*
 * journal.c - append-only segments of frames.
 *
 * Sequence numbers are without gaps: a batch that could not be written gives
 * its numbers back.
 */
#include "base/buf.h"
#include "base/error.h"
#include "base/fault.h"
#include "base/file.h"
#include "base/list.h"
#include "base/map.h"
#include "manager/journal.h"
#include "manager/limits.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>

#define RECORD_MAGIC 0x4c4e5944u	/* "DYNL" */
#define FRAME_MAX (LOG_LINE_MAX + 512)
#define ROTATE_ACKED (64 * 1024)	/* an empty segment above this is renewed */
#define WINDOW_SIZE (128 * 1024)	/* bytes of a segment read at a time */

struct journal_head {
	uint32_t magic;
	uint32_t n;			/* bytes of the frame behind the head */
	uint64_t seq;
	uint64_t reach;
	char instance[40];
};

struct journal_segment {
	struct list link;
	uint64_t first;
	uint64_t size;			/* of the file */
	uint64_t start;			/* acknowledged bytes */
	int fd;
};

struct journal {
	char epoch[UUID_TEXT_MAX];
	int dir_fd;
	uint64_t max;
	uint64_t next_seq;
	uint64_t acked;
	uint64_t found;			/* last number that was there at opening */
	uint64_t sent;			/* last number given out since */
	bool damaged;
	uint64_t bytes;			/* written and not acknowledged */
	struct list segments;
	struct buf pending;
	uint64_t n_pending;
	struct map reaches;		/* instance -> uint64_t *, as found */
	char window[WINDOW_SIZE];	/* for reading a segment */
	void (*fn)(void *userdata);
	void *userdata;
};

/* ---- segments ---- */

static struct journal_segment *journal_segment_free(struct journal_segment *s)
{
	if (!s)
		return NULL;
	list_unlink(&s->link);
	fd_close(s->fd);
	free(s);
	return NULL;
}

DEFINE_AUTO(struct journal_segment, journal_segment_free)

static int journal_segment_open(struct journal *j, uint64_t first, int flags,
				struct journal_segment **ret, struct error *e)
{
	auto_(journal_segment_free_p) struct journal_segment *s =
		xcalloc(1, sizeof(*s));
	char name[32];

	list_init(&s->link);
	snprintf(name, sizeof(name), "%020llu", (unsigned long long)first);
	s->first = first;
	fault_point("segment open");
	s->fd = openat(j->dir_fd, name, O_RDWR | O_CLOEXEC | flags, 0600);
	if (s->fd < 0)
		return error_sys(e, "open journal segment %s", name);
	*ret = take_ptr(s);
	return 0;
}

static void journal_segment_remove(struct journal *j, struct journal_segment *s)
{
	char name[32];

	snprintf(name, sizeof(name), "%020llu", (unsigned long long)s->first);
	fault_point("segment remove");
	unlinkat(j->dir_fd, name, 0);
	journal_segment_free(s);
}

static struct journal_segment *journal_last(struct journal *j)
{
	return list_empty(&j->segments) ? NULL :
	       list_entry(j->segments.prev, struct journal_segment, link);
}

/* ---- opening ---- */

static void journal_note_reach(struct journal *j, const struct journal_head *h)
{
	uint64_t *p;

	if (!h->instance[0])
		return;
	p = map_get(&j->reaches, h->instance);
	if (!p) {
		p = xcalloc(1, sizeof(*p));
		map_set(&j->reaches, h->instance, p);
	}
	if (h->reach > *p)
		*p = h->reach;
}

static bool journal_head_ok(const struct journal_head *h)
{
	return h->magic == RECORD_MAGIC && h->n > 0 && h->n <= FRAME_MAX &&
	       memchr(h->instance, '\0', sizeof(h->instance));
}

static bool journal_read_head(const struct journal_segment *s, uint64_t at,
			      struct journal_head *h)
{
	return pread(s->fd, h, sizeof(*h), (off_t)at) == sizeof(*h) &&
	       journal_head_ok(h);
}

/* The frame is the head's: upstream would refuse a whole batch for one that is
 * none. What the line itself says is nobody's business. */
static bool journal_frame_fits(const struct journal_segment *s, uint64_t at,
			       const struct journal_head *h)
{
	char text[192], id[UUID_TEXT_MAX], source[16], ps[64];
	ssize_t n = pread(s->fd, text, sizeof(text) - 1, (off_t)(at + sizeof(*h)));
	unsigned long long size, seq, usec;
	int digits = 0;

	if (n <= 0)
		return false;
	text[n] = '\0';
	return sscanf(text, "%llu%n %llu %llu %36s %15s %63s", &size, &digits, &seq,
		      &usec, id, source, ps) == 6 &&
	       size + (unsigned)digits + 1 == h->n && seq == h->seq &&
	       id_is_uuid(id);
}

/* A write that a kill has cut short: the beginning of the next record. */
static bool journal_is_torn(const struct journal *j,
			    const struct journal_segment *s, uint64_t end)
{
	struct journal_head h;

	if (end - s->size < sizeof(h))
		return true;
	return journal_read_head(s, s->size, &h) && h.seq == j->next_seq;
}

/* Walk the records; what is behind the last whole one is cut off. */
static int journal_scan(struct journal *j, struct journal_segment *s,
			struct error *e)
{
	uint64_t end = (uint64_t)lseek(s->fd, 0, SEEK_END);
	struct journal_head h;

	while (journal_read_head(s, s->size, &h) && h.seq >= j->next_seq &&
	       s->size + sizeof(h) + h.n <= end &&
	       journal_frame_fits(s, s->size, &h)) {
		journal_note_reach(j, &h);
		j->next_seq = h.seq + 1;
		s->size += sizeof(h) + h.n;
	}
	fault_point("journal scanned");
	if (s->size < end && !journal_is_torn(j, s, end))
		j->damaged = true;
	if (s->size < end && ftruncate(s->fd, (off_t)s->size) < 0)
		return error_sys(e, "cut a torn journal record");
	j->bytes += s->size;
	return 0;
}

static int journal_compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static int journal_list(struct journal *j, uint64_t **ret, size_t *ret_n,
			struct error *e)
{
	DIR *d = fdopendir(fcntl(j->dir_fd, F_DUPFD_CLOEXEC, 3));
	struct dirent *de;
	uint64_t *v = NULL;
	size_t n = 0;

	if (!d)
		return error_sys(e, "read the journal's directory");
	rewinddir(d);
	while ((de = readdir(d))) {
		if (strlen(de->d_name) != 20 ||
		    strspn(de->d_name, "0123456789") != 20)
			continue;
		v = xrealloc(v, (n + 1) * sizeof(*v));
		v[n++] = strtoull(de->d_name, NULL, 10);
	}
	closedir(d);
	if (n)
		qsort(v, n, sizeof(*v), journal_compare);
	*ret = v;
	*ret_n = n;
	return 0;
}

static int journal_load(struct journal *j, struct error *e)
{
	auto_free uint64_t *firsts = NULL;
	size_t n = 0;
	int r;

	r = journal_list(j, &firsts, &n, e);
	for (size_t i = 0; r >= 0 && i < n; i++) {
		struct journal_segment *s;

		if (journal_segment_open(j, firsts[i], 0, &s, NULL) < 0) {
			j->damaged = true;
			continue;
		}
		list_add_tail(&j->segments, &s->link);
		if (s->first > j->next_seq)
			j->next_seq = s->first;
		r = journal_scan(j, s, e);
	}
	return r;
}

/* If it cannot be written, the next process begins another one: lines whose
 * acknowledgement is lost come twice then. */
static void journal_new_epoch(struct journal *j)
{
	id_uuid(j->epoch);
	file_write_fast(j->dir_fd, "epoch", j->epoch, strlen(j->epoch), 0600, NULL);
}

static void journal_load_epoch(struct journal *j)
{
	auto_buf text = BUF_INIT;

	if (file_read(j->dir_fd, "epoch", 64, &text, NULL) >= 0 &&
	    id_is_uuid(buf_str(&text))) {
		memcpy(j->epoch, text.data, UUID_TEXT_MAX);
		return;
	}
	journal_new_epoch(j);
}

int journal_open(struct journal **ret, const char *dir, uint64_t max,
		 struct error *e)
{
	auto_(journal_free_p) struct journal *j = xcalloc(1, sizeof(*j));
	int r;

	list_init(&j->segments);
	j->max = max;
	j->next_seq = 1;
	j->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (j->dir_fd < 0)
		return error_sys(e, "open %s", dir);
	r = file_remove_temporary(j->dir_fd, ".", e);
	if (r >= 0) {
		journal_load_epoch(j);
		r = journal_load(j, e);
	}
	if (r < 0)
		return error_prefix(e, r, "journal %s", dir);
	j->found = j->next_seq - 1;
	r = j->damaged ? JOURNAL_DAMAGED : 0;
	*ret = take_ptr(j);
	return r;
}

struct journal *journal_free(struct journal *j)
{
	struct journal_segment *s, *tmp;

	if (!j)
		return NULL;
	list_for_each_safe(s, tmp, &j->segments, link)
		journal_segment_free(s);
	for (struct map_iter it = { 0 }; map_next(&j->reaches, &it); )
		free(it.value);
	map_deinit(&j->reaches);
	buf_deinit(&j->pending);
	fd_close(j->dir_fd);
	free(j);
	return NULL;
}

void journal_on_lines(struct journal *j, void (*fn)(void *userdata),
		      void *userdata)
{
	j->fn = fn;
	j->userdata = userdata;
}

uint64_t journal_reach(const struct journal *j, const char *instance)
{
	const uint64_t *p = map_get(&j->reaches, instance);

	return p ? *p : 0;
}

const char *journal_epoch(const struct journal *j)
{
	return j->epoch;
}

uint64_t journal_bytes(const struct journal *j)
{
	return j->bytes + j->pending.len;
}

bool journal_is_tight(const struct journal *j)
{
	return journal_bytes(j) > j->max / 4 * 3;
}

/* ---- writing ---- */

int journal_add(struct journal *j, const struct journal_line *line)
{
	struct journal_head h = { .magic = RECORD_MAGIC, .reach = line->reach };
	static const char *const sources[JOURNAL_SOURCE_COUNT] = {
		[JOURNAL_APP] = "app", [JOURNAL_HEROKU] = "heroku",
		[JOURNAL_DEATH] = "death", [JOURNAL_LOSS] = "loss",
	};
	bool app = line->source == JOURNAL_APP && !line->tells_loss;
	uint64_t max = app ? j->max : j->max + j->max / 8;
	size_t n = line->n < LOG_LINE_MAX ? line->n : LOG_LINE_MAX;
	char frame[256], prefix[16];
	int frame_n, prefix_n;

	if (journal_bytes(j) + sizeof(h) + n + sizeof(frame) > max)
		return JOURNAL_FULL;
	h.seq = j->next_seq + j->n_pending;
	frame_n = snprintf(frame, sizeof(frame), "%llu %llu %s %s %s ",
			   (unsigned long long)h.seq,
			   (unsigned long long)line->usec, line->app_id,
			   sources[line->source], line->ps);
	assert(frame_n > 0 && (size_t)frame_n < sizeof(frame));
	prefix_n = snprintf(prefix, sizeof(prefix), "%zu ", (size_t)frame_n + n);
	h.n = (uint32_t)((size_t)prefix_n + (size_t)frame_n + n);
	if (line->instance)
		snprintf(h.instance, sizeof(h.instance), "%s", line->instance);

	buf_add(&j->pending, &h, sizeof(h));
	buf_add(&j->pending, prefix, (size_t)prefix_n);
	buf_add(&j->pending, frame, (size_t)frame_n);
	buf_add(&j->pending, line->message, n);
	j->n_pending++;
	return 0;
}

static int journal_place(struct journal *j, struct journal_segment **ret,
			 struct error *e)
{
	struct journal_segment *s = journal_last(j);
	int r;

	if (!s || s->size >= LOG_SEGMENT_MAX ||
	    (s->start == s->size && s->size > ROTATE_ACKED)) {
		r = journal_segment_open(j, j->next_seq, O_CREAT | O_TRUNC, &s, e);
		if (r < 0)
			return r;
		list_add_tail(&j->segments, &s->link);
	}
	*ret = s;
	return 0;
}

static int journal_write(struct journal *j, struct error *e)
{
	struct journal_segment *s;
	int r;

	r = journal_place(j, &s, e);
	if (r < 0)
		return r;
	if (lseek(s->fd, (off_t)s->size, SEEK_SET) < 0)
		return error_sys(e, "write the journal");
	fault_point("journal write");
	r = file_write_all(s->fd, j->pending.data, j->pending.len, e);
	fault_point("journal written");
	if (r < 0) {
		/* A second failure leaves a torn record, which is overwritten. */
		if (ftruncate(s->fd, (off_t)s->size) < 0)
			errno = 0;
		return error_prefix(e, r, "journal");
	}
	s->size += j->pending.len;
	j->bytes += j->pending.len;
	j->next_seq += j->n_pending;
	return 0;
}

int journal_flush(struct journal *j, struct error *e)
{
	int r;

	if (j->pending.len == 0)
		return 0;
	r = journal_write(j, e);
	buf_clear(&j->pending);
	j->n_pending = 0;
	if (r >= 0 && j->fn)
		j->fn(j->userdata);
	return r;
}

/* ---- reading and forgetting ---- */

/* Calls fn for the records from an offset on, until it returns false. Returns the
 * offset of that record, or of the end, or of what is no record. */
static uint64_t journal_walk(struct journal *j, const struct journal_segment *s,
			     uint64_t at,
			     bool (*fn)(struct journal *j,
					const struct journal_head *h,
					const char *frame, void *userdata),
			     void *userdata)
{
	struct journal_head h;
	size_t n = 0, used = 0;

	while (at < s->size) {
		if (n - used >= sizeof(h))
			memcpy(&h, j->window + used, sizeof(h));
		if (n - used < sizeof(h) || n - used < sizeof(h) + h.n) {
			uint64_t left = s->size - at;
			ssize_t got = pread(s->fd, j->window, left < WINDOW_SIZE ?
					    (size_t)left : WINDOW_SIZE, (off_t)at);

			if (got < (ssize_t)sizeof(h))
				return at;
			memcpy(&h, j->window, sizeof(h));
			n = (size_t)got;
			used = 0;
		}
		if (!journal_head_ok(&h) || n - used < sizeof(h) + h.n ||
		    !fn(j, &h, j->window + used + sizeof(h), userdata))
			return at;
		used += sizeof(h) + h.n;
		at += sizeof(h) + h.n;
	}
	return at;
}

struct journal_reading {
	struct buf *ret;
	size_t max;
	uint64_t last;
	bool full;
};

static bool on_journal_batch(struct journal *j, const struct journal_head *h,
			     const char *frame, void *userdata)
{
	struct journal_reading *rd = userdata;

	if (h->seq <= j->acked)
		return true;
	rd->full = h->n > rd->max && rd->last;
	if (rd->full)
		return false;
	buf_add(rd->ret, frame, h->n);
	rd->max -= h->n < rd->max ? h->n : rd->max;
	rd->last = h->seq;
	return true;
}

int journal_batch(struct journal *j, size_t max, struct buf *ret,
		  uint64_t *ret_last, struct error *e)
{
	struct journal_reading rd = { .ret = ret, .max = max };
	struct journal_segment *s;

	*ret_last = 0;
	list_for_each(s, &j->segments, link) {
		if (rd.full)
			break;
		if (journal_walk(j, s, s->start, on_journal_batch, &rd) < s->size &&
		    !rd.full)
			return error_set(e, EIO, "the journal is damaged");
	}
	*ret_last = rd.last;
	if (rd.last > j->sent)
		j->sent = rd.last;
	return 0;
}

static bool on_journal_acked(struct journal *j, const struct journal_head *h,
			     const char *frame, void *userdata)
{
	return h->seq <= j->acked;
}

/* Move the start of a segment behind what is acknowledged. */
static void journal_segment_ack(struct journal *j, struct journal_segment *s)
{
	uint64_t start = journal_walk(j, s, s->start, on_journal_acked, NULL);

	j->bytes -= start - s->start;
	s->start = start;
}

static void journal_forget(struct journal *j)
{
	struct journal_segment *s, *tmp;

	list_for_each_safe(s, tmp, &j->segments, link) {
		if (s->first > j->acked)
			return;
		journal_segment_ack(j, s);
		if (s->start == s->size && s != journal_last(j))
			journal_segment_remove(j, s);
	}
}

int journal_ack(struct journal *j, uint64_t seq)
{
	uint64_t known = j->sent > j->found ? j->sent : j->found;

	if (seq > known) {
		if (j->found > j->acked)
			j->acked = j->found;
		journal_forget(j);
		journal_new_epoch(j);
		return JOURNAL_RENEWED;
	}
	if (seq > j->acked) {
		fault_point("journal ack");
		j->acked = seq;
		journal_forget(j);
	}
	return 0;
}
