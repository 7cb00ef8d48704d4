/*
 * dynorun_log.c - messages on standard error and in the file of --log. Engines
 * read that file to tell their users what went wrong: one line per message, of
 * the form that runc's logger has.
 */
#include "runtime/dynorun/dynorun.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"

#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>

int dynorun_log_open(struct dynorun *d, struct error *e)
{
	if (d->log_format && !str_eq(d->log_format, "text") &&
	    !str_eq(d->log_format, "json"))
		return error_set(e, EINVAL, "unknown log format \"%s\"; there are "
				 "\"text\" and \"json\"", d->log_format);
	if (!d->log || !d->log[0])
		return 0;
	d->log_fd = open(d->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC |
			 O_NOCTTY, 0644);
	if (d->log_fd < 0)
		return error_sys(e, "open the log %s", d->log);
	return 0;
}

/* Text that may hold a path of any bytes: what is no ASCII text and no UTF-8
 * becomes '?'. */
static json_t *log_string(const char *text)
{
	json_t *s = json_string(text);
	auto_free char *plain = NULL;

	if (s)
		return s;
	plain = xstrdup(text);
	for (char *p = plain; *p; p++)
		if ((unsigned char)*p >= 0x80)
			*p = '?';
	return json_string(plain);
}

static char *log_json(const char *level, const char *msg)
{
	char when[CLOCK_TEXT_MAX];
	json_t *o = json_object();
	char *line;

	json_object_set_new(o, "level", json_string(level));
	json_object_set_new(o, "msg", log_string(msg));
	json_object_set_new(o, "time", json_string(
		clock_api_text(when, clock_real_usec())));
	line = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	return line;
}

static char *log_text(const char *level, const char *msg)
{
	char when[CLOCK_TEXT_MAX];
	json_t *s = log_string(msg);
	auto_free char *quoted = json_dumps(s, JSON_ENCODE_ANY);

	json_decref(s);
	return xasprintf("time=\"%s\" level=%s msg=%s",
			 clock_api_text(when, clock_real_usec()), level, quoted);
}

/* One write each: several processes may have the file. */
static void log_line(const struct dynorun *d, int fd, const char *level,
		     const char *msg)
{
	auto_free char *line = d->log_format && str_eq(d->log_format, "json") ?
		log_json(level, msg) : log_text(level, msg);
	auto_free char *whole = xasprintf("%s\n", line);

	file_write_all(fd, whole, strlen(whole), NULL);
}

void dynorun_log_error(const struct dynorun *d, const struct error *e)
{
	auto_free char *line = xasprintf("dynorun: %s\n", e->msg);

	if (d->log_fd >= 0)
		log_line(d, d->log_fd, "error", e->msg);
	file_write_all(STDERR_FILENO, line, strlen(line), NULL);
}

void dynorun_log_warn(const struct dynorun *d, const char *fmt, ...)
{
	auto_free char *msg = NULL;
	va_list ap;

	va_start(ap, fmt);
	msg = xvasprintf(fmt, ap);
	va_end(ap);
	log_line(d, d->log_fd >= 0 ? d->log_fd : STDERR_FILENO, "warning", msg);
}

void dynorun_log_debug(const struct dynorun *d, const char *fmt, ...)
{
	auto_free char *msg = NULL;
	va_list ap;

	if (!d->debug)
		return;
	va_start(ap, fmt);
	msg = xvasprintf(fmt, ap);
	va_end(ap);
	log_line(d, d->log_fd >= 0 ? d->log_fd : STDERR_FILENO, "debug", msg);
}
