/* backoff.c - the two tables of patience. */
#include "base/base.h"
#include "manager/backoff.h"

#define RETRY_MIN_USEC (200 * USEC_PER_MSEC)

uint64_t backoff_delay(unsigned crashes, uint64_t unit_sec)
{
	static const unsigned minutes[] = { 0, 20, 40, 60, 180, 320 };
	size_t i;

	if (crashes <= 1)
		return 0;
	if (unit_sec == 0)
		return USEC_PER_SEC;
	i = crashes - 1 < ARRAY_SIZE(minutes) ? crashes - 1
					      : ARRAY_SIZE(minutes) - 1;
	return minutes[i] * unit_sec * USEC_PER_SEC;
}

uint64_t backoff_retry(unsigned failures, uint64_t max_usec)
{
	uint64_t usec = RETRY_MIN_USEC;

	while (failures-- > 1 && usec < max_usec)
		usec *= 2;
	return usec < max_usec ? usec : max_usec;
}
