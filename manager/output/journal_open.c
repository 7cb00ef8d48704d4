/*
 * journal_open.c - what an earlier process has left, read up to the last whole
 * record.
 */
#include "base/error.h"
#include "base/fault.h"
#include "base/file.h"
#include "manager/output/journal_inside.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>

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
