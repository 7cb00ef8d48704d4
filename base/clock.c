#include "base/clock.h"
#include "base/fault.h"

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
	return fault_clock(clock_usec(CLOCK_MONOTONIC), false);
}

uint64_t clock_real_usec(void)
{
	return fault_clock(clock_usec(CLOCK_REALTIME), true);
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
	char again[CLOCK_TEXT_MAX];
	struct tm tm = { 0 };
	uint64_t usec = 0;
	const char *rest;
	time_t sec;

	rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	if (!rest)
		return false;
	sec = timegm(&tm);
	if (sec < 0)
		return false;
	/* strptime() takes blanks, signs and 30 February: nothing but what we
	 * print is a time. */
	clock_seconds(again, (uint64_t)sec * USEC_PER_SEC);
	if (strncmp(again, text, strlen(again)) != 0)
		return false;
	if (*rest == '.') {
		if (strspn(rest + 1, "0123456789") != 6)
			return false;
		usec = strtoul(rest + 1, NULL, 10);
		rest += 7;
	}
	if (!str_eq(rest, "Z") && !str_eq(rest, "+00:00"))
		return false;
	*ret_real_usec = (uint64_t)sec * USEC_PER_SEC + usec;
	return true;
}
