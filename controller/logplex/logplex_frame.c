/*
 * logplex_frame.c - lengths are strict, all else is taken as it can be understood:
 * a line with an odd head is still a line.
 */
#include "base/clock.h"
#include "controller/logplex/logplex_frame.h"

#include <stdio.h>
#include <time.h>

#define LENGTH_DIGITS_MAX 9

static int logplex_frame_length(const char **p, const char *end, size_t *ret)
{
	const char *at = *p;
	size_t n = 0;

	if (*at < '1' || *at > '9')
		return LOGPLEX_FRAME_MALFORMED;
	for (; at < end && *at >= '0' && *at <= '9'; at++) {
		if (at - *p >= LENGTH_DIGITS_MAX)
			return LOGPLEX_FRAME_MALFORMED;
		n = n * 10 + (size_t)(*at - '0');
	}
	if (at == end)
		return LOGPLEX_FRAME_SHORT;
	if (*at != ' ' || n > LOGPLEX_FRAME_MAX)
		return LOGPLEX_FRAME_MALFORMED;
	at++;
	if (n > (size_t)(end - at))
		return LOGPLEX_FRAME_SHORT;
	*p = at;
	*ret = n;
	return 0;
}

/* ---- the head ---- */

/* The word at *p, and *p behind its blank; false = there is none. */
static bool logplex_frame_word(const char **p, const char *end, const char **ret,
			       size_t *ret_n)
{
	const char *blank = memchr(*p, ' ', (size_t)(end - *p));

	*ret = *p;
	*ret_n = (size_t)((blank ? blank : end) - *p);
	*p = blank ? blank + 1 : end;
	return *ret_n > 0;
}

static void logplex_frame_copy(char *out, size_t max, const char *word, size_t n)
{
	size_t i;

	for (i = 0; i < n && i + 1 < max; i++)
		out[i] = word[i] > ' ' && word[i] < 0x7f ? word[i] : '?';
	out[i] = '\0';
}

/* "<PRI>VERSION" */
static bool logplex_frame_pri(const char *word, size_t n)
{
	size_t at = 1;

	if (n < 4 || word[0] != '<')
		return false;
	while (at < n && word[at] >= '0' && word[at] <= '9')
		at++;
	return at > 1 && at < 5 && at + 1 < n && word[at] == '>' &&
	       word[at + 1] >= '1' && word[at + 1] <= '9';
}

/* Up to six digits behind a dot count; *at is moved behind all of them. */
static uint64_t logplex_frame_fraction(const char **at)
{
	uint64_t usec = 0, weight = USEC_PER_SEC / 10;

	if (**at != '.')
		return 0;
	for ((*at)++; **at >= '0' && **at <= '9'; (*at)++, weight /= 10)
		usec += (uint64_t)(**at - '0') * weight;
	return usec;
}

static bool logplex_frame_zone(const char *at, int *ret_sec)
{
	int hours, minutes, n = 0;
	char sign;

	*ret_sec = 0;
	if (str_eq(at, "Z"))
		return true;
	if (sscanf(at, "%c%2d:%2d%n", &sign, &hours, &minutes, &n) != 3 ||
	    at[n] || n != 6 || (sign != '+' && sign != '-') || hours < 0 ||
	    hours > 23 || minutes < 0 || minutes > 59)
		return false;
	*ret_sec = (hours * 3600 + minutes * 60) * (sign == '-' ? -1 : 1);
	return true;
}

/* RFC 3339; 0 = it is none. */
static uint64_t logplex_frame_time(const char *word, size_t n)
{
	char text[40], again[CLOCK_TEXT_MAX];
	uint64_t usec, fraction;
	const char *at = text + 19;
	int zone;

	if (n < 20 || n >= sizeof(text))
		return 0;
	memcpy(text, word, n);
	text[n] = '\0';
	snprintf(again, sizeof(again), "%.19sZ", text);
	if (strlen(text) != n || !clock_parse(again, &usec))
		return 0;
	fraction = logplex_frame_fraction(&at);
	if (!logplex_frame_zone(at, &zone))
		return 0;
	if (zone > 0 && usec < (uint64_t)zone * USEC_PER_SEC)
		return 0;
	return usec - (uint64_t)(int64_t)zone * USEC_PER_SEC + fraction;
}

/* Behind the structured data and its blank; where it is missing, at stays. */
static const char *logplex_frame_data(const char *at, const char *end)
{
	const char *p = at;
	bool quoted = false;

	if (p < end && *p == '-' && (p + 1 == end || p[1] == ' '))
		return p + 1 == end ? end : p + 2;
	while (p < end && *p == '[') {
		for (p++; p < end && (quoted || *p != ']'); p++) {
			if (quoted && *p == '\\' && p + 1 < end)
				p++;
			else if (*p == '"')
				quoted = !quoted;
		}
		if (p == end)
			return at;		/* does not end: text */
		p++;
	}
	if (p == at || (p < end && *p != ' '))
		return at;
	return p == end ? end : p + 1;
}

static bool logplex_frame_head(struct logplex_frame *f, const char *at,
			       const char *end)
{
	const char *word;
	size_t n;

	if (!logplex_frame_word(&at, end, &word, &n) || !logplex_frame_pri(word, n))
		return false;
	if (!logplex_frame_word(&at, end, &word, &n))
		return false;
	f->usec = logplex_frame_time(word, n);
	if (!logplex_frame_word(&at, end, &word, &n) ||		/* host */
	    !logplex_frame_word(&at, end, &word, &n))
		return false;
	logplex_frame_copy(f->token, sizeof(f->token), word, n);
	if (!logplex_frame_word(&at, end, &word, &n))
		return false;
	if (n > 1 || *word != '-')
		logplex_frame_copy(f->ps, sizeof(f->ps), word, n);
	if (!logplex_frame_word(&at, end, &word, &n))		/* MSGID */
		return false;
	f->message = logplex_frame_data(at, end);
	f->message_len = (size_t)(end - f->message);
	return true;
}

int logplex_frame_next(const char **p, const char *end, struct logplex_frame *ret)
{
	size_t n;
	int r;

	if (*p == end)
		return LOGPLEX_FRAME_END;
	r = logplex_frame_length(p, end, &n);
	if (r != 0)
		return r;
	*ret = (struct logplex_frame){ 0 };
	if (!logplex_frame_head(ret, *p, *p + n)) {
		*ret = (struct logplex_frame){ 0 };
		ret->message = *p;
		ret->message_len = n;
	}
	if (ret->message_len && ret->message[ret->message_len - 1] == '\n')
		ret->message_len--;
	*p += n;
	return 0;
}

/* ---- lines ---- */

bool logplex_frame_line(const struct logplex_frame *f, const char **p, size_t max,
			const char **ret, size_t *ret_n)
{
	const char *end = f->message + f->message_len, *newline;
	size_t n;

	if (!*p)
		*p = f->message;
	else if (*p > end)
		return false;
	n = (size_t)(end - *p);
	newline = memchr(*p, '\n', n < max + 1 ? n : max + 1);
	*ret = *p;
	if (newline)
		n = (size_t)(newline - *p);
	else if (n > max)
		n = max;
	*ret_n = n;
	*p += n;
	/* The newline is no line's; behind the last byte there is no other. */
	if (newline || *p == end)
		(*p)++;
	return true;
}
