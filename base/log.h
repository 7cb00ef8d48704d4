#pragma once

/*
 * log.h - what a daemon tells its operator. One failure = one line.
 *
 * Lines go to standard error. Where that is the journal (JOURNAL_STREAM) each is
 * prefixed with the sd-daemon level "<N>"; elsewhere with the time and the
 * program's name. Only main(), event handlers, job completions and the API
 * edge log; libraries return errors instead. Log functions return nothing.
 */
#include "base/base.h"

enum log_level { LOG_LEVEL_ERR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Call first in main(). name is borrowed. Level INFO, or DEBUG when the
 * environment has DYNO_DEBUG=1. */
void log_open(const char *name);

void log_write(enum log_level level, const char *fmt, ...) PRINTF(2, 3);

/* Whom a line is about; NULL where it is not known, or means nothing. In the
 * journal of systemd these are fields of the record: DYNO_APP, DYNO, DYNO_UUID,
 * DYNO_CODE; elsewhere they are left out, so the text has to name the dyno. */
struct log_dyno {
	const char *app;	/* its name */
	const char *name;	/* web.1 */
	const char *uuid;	/* of the instance */
	const char *code;	/* of Heroku's: R14 */
};

void log_about(enum log_level level, const struct log_dyno *about,
	       const char *fmt, ...) PRINTF(3, 4);

#define log_err(...)   log_write(LOG_LEVEL_ERR, __VA_ARGS__)
#define log_warn(...)  log_write(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...)  log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_write(LOG_LEVEL_DEBUG, __VA_ARGS__)
