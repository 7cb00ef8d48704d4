#include "base/log.h"

#include <stdio.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <systemd/sd-journal.h>
#include <time.h>

#define LOG_LINE_MAX 2048
#define LOG_FIELD_MAX 300
#define LOG_FIELDS 7

static const int log_priority[] = {
	[LOG_LEVEL_ERR] = 3, [LOG_LEVEL_WARN] = 4,
	[LOG_LEVEL_INFO] = 6, [LOG_LEVEL_DEBUG] = 7,
};

static const char *log_name = "dyno";
static enum log_level log_max = LOG_LEVEL_INFO;
static bool log_journal;

/* The variable is inherited; standard error may have been redirected since. */
static bool log_is_journal(void)
{
	const char *text = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat st;

	return text && sscanf(text, "%llu:%llu", &device, &inode) == 2 &&
	       fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device &&
	       st.st_ino == inode;
}

void log_open(const char *name)
{
	const char *debug = getenv("DYNO_DEBUG");

	log_name = name;
	log_journal = log_is_journal();
	log_max = debug && str_eq(debug, "1") ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO;
}

static size_t log_head(char *line, size_t size, enum log_level level)
{
	struct timespec now;
	struct tm tm;

	if (log_journal)
		return (size_t)snprintf(line, size, "<%d>", log_priority[level]);

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	return (size_t)snprintf(line, size, "%02d:%02d:%02d.%03ld %s: ",
				tm.tm_hour, tm.tm_min, tm.tm_sec,
				now.tv_nsec / 1000000, log_name);
}

/* One record, one line: what came from outside cannot forge another. */
static void log_flatten(char *line)
{
	for (; *line; line++)
		if ((unsigned char)*line < ' ')
			*line = ' ';
}

static void log_line(enum log_level level, const char *text)
{
	char line[LOG_LINE_MAX];
	size_t n = log_head(line, sizeof(line), level);
	ssize_t w;

	snprintf(line + n, sizeof(line) - n - 1, "%s", text);
	log_flatten(line);
	n = strlen(line);
	line[n++] = '\n';
	w = write(STDERR_FILENO, line, n);
	(void)w;
}

struct log_record {
	char fields[LOG_FIELDS][LOG_FIELD_MAX];
	struct iovec iov[LOG_FIELDS + 1];
	int n;
};

static void log_field(struct log_record *r, const char *key, const char *value)
{
	char *field = r->fields[r->n];

	if (!value || !*value)
		return;
	snprintf(field, LOG_FIELD_MAX, "%s=%s", key, value);
	r->iov[r->n++] = (struct iovec){ field, strlen(field) };
}

static int log_send(enum log_level level, const struct log_dyno *about, char *text)
{
	struct log_record r = { .n = 0 };
	char priority[2] = { (char)('0' + log_priority[level]), '\0' };
	char message[LOG_LINE_MAX + 8];

	log_flatten(text);
	snprintf(message, sizeof(message), "MESSAGE=%s", text);
	log_field(&r, "PRIORITY", priority);
	log_field(&r, "SYSLOG_IDENTIFIER", log_name);
	log_field(&r, "DYNO_APP", about->app);
	log_field(&r, "DYNO", about->name);
	log_field(&r, "DYNO_UUID", about->uuid);
	log_field(&r, "DYNO_CODE", about->code);
	r.iov[r.n++] = (struct iovec){ message, strlen(message) };
	return sd_journal_sendv(r.iov, r.n);
}

static void log_text(enum log_level level, const struct log_dyno *about,
		     const char *fmt, va_list ap)
{
	int saved = errno;
	char text[LOG_LINE_MAX];

	if (level > log_max)
		return;
	vsnprintf(text, sizeof(text), fmt, ap);
	if (!about || !log_journal || log_send(level, about, text) < 0)
		log_line(level, text);
	errno = saved;
}

void log_write(enum log_level level, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_text(level, NULL, fmt, ap);
	va_end(ap);
}

void log_about(enum log_level level, const struct log_dyno *about,
	       const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_text(level, about, fmt, ap);
	va_end(ap);
}
