/*
 * log_local.c - batches of the journal, frame by frame. What apps say is limited for
 * all of them together: this log is the operator's, and is not to be lost in theirs.
 */
#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/loop.h"
#include "manager/limits.h"
#include "manager/output/journal.h"
#include "manager/output/log_local.h"
#include "manager/supervisor/supervisor.h"

#include <fcntl.h>
#include <stdio.h>

#define TOLD "journal-told"

struct log_local {
	struct supervisor *s;
	uint64_t since;			/* monotonic usec: begin of this while */
	unsigned shown, hidden;		/* lines of apps in it */
	sd_event_source *timer;		/* NULL: nothing is hidden */
};

/* ---- the limit ---- */

static int on_log_local_while(sd_event_source *src, uint64_t usec, void *userdata)
{
	struct log_local *l = userdata;

	l->timer = loop_unref(l->timer);
	log_warn("%u lines of apps are not shown: more than %d in %d s", l->hidden,
		 LOG_LOCAL_LINES, LOG_LOCAL_SEC);
	l->shown = l->hidden = 0;
	return 0;
}

static bool log_local_shows(struct log_local *l)
{
	uint64_t now = clock_mono_usec(), length = LOG_LOCAL_SEC * USEC_PER_SEC;

	if (!l->timer && now >= l->since + length) {
		l->since = now;
		l->shown = 0;
	}
	if (l->shown < LOG_LOCAL_LINES) {
		l->shown++;
		return true;
	}
	l->hidden++;
	if (!l->timer)
		loop_timer(l->s->event, &l->timer, l->since + length > now ?
			   l->since + length - now : 0, on_log_local_while, l,
			   "hidden lines", NULL);
	return false;
}

/* ---- frames ---- */

/* SEQ USEC APP SOURCE PS MESSAGE; the record of an end, or of a loss, is for programs. */
static void log_local_tell(struct log_local *l, const char *frame, size_t n)
{
	const char *end = frame + n, *at = frame, *word[6];

	for (size_t i = 0; i < ARRAY_SIZE(word); i++) {
		word[i] = at;
		at = i + 1 < ARRAY_SIZE(word) ? memchr(at, ' ', (size_t)(end - at)) : end;
		if (!at)
			return;
		at += at < end;
	}
	if (strncmp(word[3], "death ", 6) == 0 || strncmp(word[3], "loss ", 5) == 0 ||
	    (strncmp(word[3], "app ", 4) == 0 && !log_local_shows(l)))
		return;
	log_info("%.*s[%.*s]: %.*s", (int)(word[4] - word[3] - 1), word[3],
		 (int)(word[5] - word[4] - 1), word[4], (int)(end - word[5]), word[5]);
}

/* The journal goes in whole segments: how far we are is in a file beside it. */
static uint64_t log_local_told(const struct supervisor *s)
{
	auto_free char *path = xasprintf("%s/" TOLD, s->dir);
	const char *epoch = journal_epoch(s->journal), *number;
	auto_buf text = BUF_INIT;

	if (file_read(AT_FDCWD, path, 128, &text, NULL) < 0)
		return 0;
	number = str_after(buf_str(&text), epoch);
	return number ? strtoull(number, NULL, 10) : 0;
}

static void log_local_save(const struct supervisor *s, uint64_t seq)
{
	auto_free char *path = xasprintf("%s/" TOLD, s->dir);
	auto_free char *text = xasprintf("%s %llu\n", journal_epoch(s->journal),
					 (unsigned long long)seq);
	struct error e;

	if (file_write_fast(AT_FDCWD, path, text, strlen(text), 0600, &e) < 0)
		log_err("%s", e.msg);
}

static void log_local_frames(struct log_local *l, const struct buf *b, uint64_t told)
{
	const char *at = buf_str(b), *end = at + b->len;

	while (at < end) {
		char *behind;
		size_t n = strtoul(at, &behind, 10);

		if (*behind != ' ' || n > (size_t)(end - behind - 1))
			return;
		if (strtoull(behind + 1, NULL, 10) > told)
			log_local_tell(l, behind + 1, n);
		at = behind + 1 + n;
	}
}

static void on_log_local(void *userdata)
{
	struct log_local *l = userdata;
	struct supervisor *s = l->s;
	uint64_t told = log_local_told(s);

	for (;;) {
		auto_buf b = BUF_INIT;
		struct error e;
		uint64_t last;

		if (journal_batch(s->journal, LOG_BATCH_MAX, &b, &last, &e) < 0) {
			log_err("%s", e.msg);
			return;
		}
		if (last == 0)
			return;
		log_local_frames(l, &b, told);
		log_local_save(s, last);
		journal_ack(s->journal, last);
	}
}

struct log_local *log_local_new(struct supervisor *s)
{
	struct log_local *l = xcalloc(1, sizeof(*l));

	l->s = s;
	journal_on_lines(s->journal, on_log_local, l);
	on_log_local(l);
	return l;
}

struct log_local *log_local_free(struct log_local *l)
{
	if (!l)
		return NULL;
	l->timer = loop_unref(l->timer);
	free(l);
	return NULL;
}
