#include "base/log.h"

#include <stdio.h>
#include <time.h>

static const char *log_name = "dyno";
static enum log_level log_max = LOG_LEVEL_INFO;
static bool log_journal;

void log_open(const char *name)
{
	const char *debug = getenv("DYNO_DEBUG");

	log_name = name;
	log_journal = getenv("JOURNAL_STREAM") != NULL;
	log_max = debug && str_eq(debug, "1") ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO;
}

static size_t log_head(char *line, size_t size, enum log_level level)
{
	static const int syslog_level[] = {
		[LOG_LEVEL_ERR] = 3, [LOG_LEVEL_WARN] = 4,
		[LOG_LEVEL_INFO] = 6, [LOG_LEVEL_DEBUG] = 7,
	};
	struct timespec now;
	struct tm tm;

	if (log_journal)
		return (size_t)snprintf(line, size, "<%d>", syslog_level[level]);

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	return (size_t)snprintf(line, size, "%02d:%02d:%02d.%03ld %s: ",
				tm.tm_hour, tm.tm_min, tm.tm_sec,
				now.tv_nsec / 1000000, log_name);
}

void log_write(enum log_level level, const char *fmt, ...)
{
	int saved = errno;
	char line[2048];
	size_t n;
	va_list ap;
	ssize_t w;

	if (level > log_max)
		return;

	n = log_head(line, sizeof(line), level);
	va_start(ap, fmt);
	vsnprintf(line + n, sizeof(line) - n - 1, fmt, ap);
	va_end(ap);

	/* One record, one line: what came from outside cannot forge another. */
	n = strlen(line);
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)line[i] < ' ')
			line[i] = ' ';
	line[n++] = '\n';
	w = write(STDERR_FILENO, line, n);
	(void)w;
	errno = saved;
}
