#include "cli/show/when.h"

#include "base/clock.h"

#include <stdio.h>
#include <time.h>

char *when_text(char out[WHEN_TEXT_MAX], const char *api_time)
{
	uint64_t usec;
	struct tm tm;
	time_t sec;

	if (!api_time || !clock_parse(api_time, &usec)) {
		snprintf(out, WHEN_TEXT_MAX, "-");
		return out;
	}
	sec = (time_t)(usec / USEC_PER_SEC);
	localtime_r(&sec, &tm);
	strftime(out, WHEN_TEXT_MAX, "%Y/%m/%d %H:%M:%S %z", &tm);
	return out;
}

char *when_ago(char out[WHEN_TEXT_MAX], const char *api_time, uint64_t now_usec)
{
	uint64_t usec, ago;
	size_t n;

	when_text(out, api_time);
	if (!api_time || !clock_parse(api_time, &usec))
		return out;
	n = strlen(out);
	ago = now_usec > usec ? (now_usec - usec) / USEC_PER_SEC : 0;
	if (ago < 60)
		snprintf(out + n, WHEN_TEXT_MAX - n, " (~ %us ago)",
			 (unsigned)ago);
	else if (ago < 60 * 60)
		snprintf(out + n, WHEN_TEXT_MAX - n, " (~ %um ago)",
			 (unsigned)(ago / 60));
	else if (ago < 25 * 60 * 60)
		snprintf(out + n, WHEN_TEXT_MAX - n, " (~ %uh ago)",
			 (unsigned)(ago / 3600));
	return out;
}
