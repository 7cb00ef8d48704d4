#include "base/clock.h"

#include <stdio.h>
#include <time.h>

static uint64_t clock_usec(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * USEC_PER_SEC +
	       (uint64_t)ts.tv_nsec / NSEC_PER_USEC;
}

uint64_t clock_mono_usec(void)
{
	return clock_usec(CLOCK_MONOTONIC);
}

uint64_t clock_real_usec(void)
{
	return clock_usec(CLOCK_REALTIME);
}

static size_t clock_seconds(char *out, uint64_t real_usec)
{
	time_t sec = (time_t)(real_usec / USEC_PER_SEC);
	struct tm tm;

	gmtime_r(&sec, &tm);
	return strftime(out, CLOCK_TEXT_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
}

char *clock_api_text(char out[CLOCK_TEXT_MAX], uint64_t real_usec)
{
	size_t n = clock_seconds(out, real_usec);

	snprintf(out + n, CLOCK_TEXT_MAX - n, "Z");
	return out;
}

char *clock_log_text(char out[CLOCK_TEXT_MAX], uint64_t real_usec)
{
	size_t n = clock_seconds(out, real_usec);

	snprintf(out + n, CLOCK_TEXT_MAX - n, ".%06u+00:00",
		 (unsigned)(real_usec % USEC_PER_SEC));
	return out;
}

bool clock_parse(const char *text, uint64_t *ret_real_usec)
{
	struct tm tm = { 0 };
	unsigned usec = 0;
	const char *rest;
	int n = 0;

	rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	if (!rest)
		return false;
	if (*rest == '.') {
		if (sscanf(rest, ".%6u%n", &usec, &n) != 1 || n != 7)
			return false;
		rest += n;
	}
	if (!str_eq(rest, "Z") && !str_eq(rest, "+00:00"))
		return false;
	*ret_real_usec = (uint64_t)timegm(&tm) * USEC_PER_SEC + usec;
	return true;
}
