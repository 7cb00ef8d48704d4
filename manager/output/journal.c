/*
 * journal.c - append-only segments of frames.
 *
 * Sequence numbers are without gaps: a batch that could not be written gives
 * its numbers back.
 */
#include "base/error.h"
#include "base/fault.h"
#include "base/file.h"
#include "manager/output/journal_inside.h"

#include <fcntl.h>
#include <stdio.h>

#define ROTATE_ACKED (64 * 1024)	/* an empty segment above this is renewed */

/* ---- segments ---- */

struct journal_segment *journal_segment_free(struct journal_segment *s)
{
	if (!s)
		return NULL;
	list_unlink(&s->link);
	fd_close(s->fd);
	free(s);
	return NULL;
}

int journal_segment_open(struct journal *j, uint64_t first, int flags,
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

bool journal_head_ok(const struct journal_head *h)
{
	return h->magic == RECORD_MAGIC && h->n > 0 && h->n <= FRAME_MAX &&
	       memchr(h->instance, '\0', sizeof(h->instance));
}

/* If it cannot be written, the next process begins another one: lines whose
 * acknowledgement is lost come twice then. */
void journal_new_epoch(struct journal *j)
{
	id_uuid(j->epoch);
	file_write_fast(j->dir_fd, "epoch", j->epoch, strlen(j->epoch), 0600, NULL);
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
