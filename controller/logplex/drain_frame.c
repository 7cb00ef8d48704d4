/*
 * drain_frame.c - one line for another, byte for byte.
 */
#include "base/clock.h"
#include "base/id.h"
#include "controller/logplex/drain_frame.h"
#include "controller/logplex/drain_window.h"
#include "controller/logplex/log_store.h"

#include <gnutls/crypto.h>
#include <stdio.h>

#define HEAD_MAX 256
#define FRAME_ID_BYTES 16
#define PRI_L10 172

#define PRI_APP 190
#define PRI_API 134
#define PRI_ROUTER 158
#define PRI_PLATFORM 45
#define PRI_LOGPLEX 188

unsigned drain_frame_pri(const struct log_line *line)
{
	/* The dynos of an app are called TYPE.N; the API and add-ons are not. */
	if (str_eq(line->source, "app"))
		return strchr(line->ps, '.') ? PRI_APP : PRI_API;
	if (str_eq(line->ps, "router"))
		return PRI_ROUTER;
	if (str_eq(line->ps, "logplex"))
		return PRI_LOGPLEX;
	return PRI_PLATFORM;
}

static void drain_frame_put(struct buf *out, enum drain_form form, const char *token,
			    unsigned pri, const struct log_line *line)
{
	char when[CLOCK_TEXT_MAX], head[HEAD_MAX];
	int n;

	clock_log_text(when, line->usec);
	n = snprintf(head, sizeof(head), "<%u>1 %s %s %s %s %s", pri, when,
		     form == DRAIN_FORM_LOGPLEX ? "host" : token, line->source,
		     line->ps, form == DRAIN_FORM_LOGPLEX ? "- " : "- - ");
	assert(n > 0 && n < HEAD_MAX);
	buf_addf(out, "%zu %s", (size_t)n + line->message_len + 1, head);
	buf_add(out, line->message, line->message_len);
	buf_add(out, "\n", 1);
}

void drain_frame_line(struct buf *out, enum drain_form form, const char *token,
		      const struct log_line *line)
{
	drain_frame_put(out, form, token, drain_frame_pri(line), line);
}

void drain_frame_loss(struct buf *out, enum drain_form form, const char *token,
		      const struct drain_loss *loss, uint64_t usec)
{
	char since[CLOCK_TEXT_MAX], text[160];
	struct log_line line = { .usec = usec, .source = "heroku", .ps = "logplex",
				 .message = text };

	clock_log_text(since, loss->since);
	snprintf(text, sizeof(text), "Error L10 (output buffer overflow): %llu messages"
		 " dropped since %.19s+00:00.", (unsigned long long)loss->n, since);
	line.message_len = strlen(text);
	drain_frame_put(out, form, token, PRI_L10, &line);
}

char *drain_frame_id(char out[DRAIN_FRAME_ID_MAX], const char *token, uint64_t first,
		     uint64_t last, const struct drain_loss *told)
{
	auto_free char *text = xasprintf("%s %llu %llu %llu %llu", token,
		(unsigned long long)first, (unsigned long long)last,
		(unsigned long long)told->n, (unsigned long long)told->since);
	unsigned char digest[32];

	if (gnutls_hash_fast(GNUTLS_DIG_SHA256, text, strlen(text), digest) < 0)
		abort();
	id_hex(out, digest, FRAME_ID_BYTES);
	for (char *p = out; *p; p++)
		if (*p >= 'a' && *p <= 'f')
			*p = (char)(*p - 'a' + 'A');
	return out;
}

size_t drain_frame_whole(const char *data, size_t n, size_t *ret_bytes)
{
	size_t at = 0, count = 0;

	for (;;) {
		size_t p = at, len = 0;

		while (p < n && data[p] >= '0' && data[p] <= '9')
			len = len * 10 + (size_t)(data[p++] - '0');
		/* The blank, and the message. */
		if (p == n || len >= n - p)
			break;
		at = p + 1 + len;
		count++;
	}
	*ret_bytes = at;
	return count;
}
