#pragma once

/*
 * death.h - how a process of a dyno ended, and why: the record that is kept when
 * the dyno is gone. Pure.
 *
 * The cause comes from what the platform has done and from the kernel's counters,
 * never from the number 137 alone. A record is one line of JSON on its way upstream
 * (PROTOCOL.upstream, 4), so what the app has said last is cut to fit.
 */
#include "base/base.h"
#include "http/json.h"
#include "runtime/runtime.h"

#define DEATH_LINES_MAX 50		/* of the app's output */
#define DEATH_TEXT_MAX 9000		/* bytes of a record */

enum death_cause {
	DEATH_EXIT,		/* it ended by itself */
	DEATH_SIGNAL,		/* a signal that the platform has not sent */
	DEATH_STOPPED,		/* as it was told */
	DEATH_STOP_TIMEOUT,	/* it was told, and did not: R12 */
	DEATH_BOOT_TIMEOUT,	/* R10 */
	DEATH_MEMORY,		/* R15 */
	DEATH_HANGUP,		/* its client has gone */
	DEATH_CAUSE_COUNT
};

/* What is known about the end. */
struct death_facts {
	bool vast, late;		/* killed for R15, for R10 */
	bool killing;			/* SIGKILL after the grace period */
	bool stopping;			/* SIGTERM has been sent */
	bool hangup;			/* SIGHUP has been sent */
	const char *reason;		/* why it was told to stop, or NULL */
	struct dyno_exit exit;
};

enum death_cause death_judge(const struct death_facts *f);
const char *death_name(enum death_cause cause);	/* "boot timeout" */

/* "platform", "kernel" or "dyno": who sent the signal, or ended it. */
const char *death_by(enum death_cause cause, const struct death_facts *f);

/* One sentence without a full stop. The caller frees it. */
char *death_sentence(enum death_cause cause, const struct death_facts *f);

/* Add the last lines of text (n bytes) to the record's "lines", as many as fit into
 * DEATH_TEXT_MAX with what it has already. */
void death_add_lines(json_t *record, const char *text, size_t n);
