/*
 * death.c - facts in, words out.
 */
#include "manager/model/death.h"

#include <signal.h>

#define LINE_MAX_BYTES 500		/* a longer one is cut */

static const struct {
	const char *name, *by;
} causes[DEATH_CAUSE_COUNT] = {
	[DEATH_EXIT]         = { "exit", "dyno" },
	[DEATH_SIGNAL]       = { "signal", "dyno" },
	[DEATH_STOPPED]      = { "stopped", "platform" },
	[DEATH_STOP_TIMEOUT] = { "stop timeout", "platform" },
	[DEATH_BOOT_TIMEOUT] = { "boot timeout", "platform" },
	[DEATH_MEMORY]       = { "memory", "platform" },
	[DEATH_HANGUP]       = { "hangup", "platform" },
};

enum death_cause death_judge(const struct death_facts *f)
{
	if (f->vast || f->exit.oom_kills)
		return DEATH_MEMORY;
	if (f->late)
		return DEATH_BOOT_TIMEOUT;
	if (f->killing)
		return DEATH_STOP_TIMEOUT;
	if (f->stopping)
		return DEATH_STOPPED;
	if (f->hangup)
		return DEATH_HANGUP;
	return f->exit.signal ? DEATH_SIGNAL : DEATH_EXIT;
}

const char *death_name(enum death_cause cause)
{
	return causes[cause].name;
}

const char *death_by(enum death_cause cause, const struct death_facts *f)
{
	if (cause == DEATH_MEMORY && f->exit.oom_kills)
		return "kernel";
	return causes[cause].by;
}

char *death_sentence(enum death_cause cause, const struct death_facts *f)
{
	const char *reason = f->reason ? f->reason : "it was no longer wanted";

	switch (cause) {
	case DEATH_EXIT:
		return xasprintf("it exited by itself with status %d",
				 f->exit.status);
	case DEATH_SIGNAL:
		return xasprintf("it was ended by signal %d (%s), which the platform "
				 "has not sent", f->exit.signal,
				 strsignal(f->exit.signal));
	case DEATH_STOPPED:
		return xasprintf("%s: it was sent SIGTERM, and ended", reason);
	case DEATH_STOP_TIMEOUT:
		return xasprintf("%s: it was sent SIGTERM, did not end in time, and "
				 "was killed (R12)", reason);
	case DEATH_BOOT_TIMEOUT:
		return xstrdup("it did not listen on $PORT in time, and was killed "
			       "(R10)");
	case DEATH_MEMORY:
		return xstrdup("its memory reached the limit, and it was killed "
			       "(R15)");
	case DEATH_HANGUP:
		return xstrdup("its client was gone: it was sent SIGHUP, and ended");
	case DEATH_CAUSE_COUNT:
		break;
	}
	return xstrdup("unknown");
}

/* Where the last line of text[0..n) begins. */
static size_t death_line_start(const char *text, size_t n)
{
	while (n > 0 && text[n - 1] != '\n')
		n--;
	return n;
}

static size_t death_size(const json_t *record)
{
	return json_dumpb(record, NULL, 0, JSON_COMPACT);
}

void death_add_lines(json_t *record, const char *text, size_t n)
{
	json_t *lines = json_array();

	json_object_set_new(record, "lines", lines);
	if (n > 0 && text[n - 1] == '\n')
		n--;
	while (n > 0 && json_array_size(lines) < DEATH_LINES_MAX) {
		size_t start = death_line_start(text, n);

		size_t len = n - start < LINE_MAX_BYTES ? n - start : LINE_MAX_BYTES;

		json_array_insert_new(lines, 0, json_bytes(text + start, len));
		if (death_size(record) > DEATH_TEXT_MAX) {
			json_array_remove(lines, 0);
			return;
		}
		n = start > 0 ? start - 1 : 0;
	}
}
