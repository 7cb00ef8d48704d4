/* backoff.c - the two tables of patience. */
#include "base/error.h"
#include "manager/model/backoff.h"

#include <ctype.h>
#include <limits.h>

#define RETRY_MIN_USEC (200 * USEC_PER_MSEC)

int backoff_parse(struct backoff *ret, const char *text, uint64_t unit_sec,
		  struct error *e)
{
	struct backoff b = { .n = 0 };
	char *end;

	for (;; text = end) {
		unsigned long minutes;

		text += strspn(text, " \t,");
		if (!*text)
			break;
		minutes = isdigit((unsigned char)*text) ? strtoul(text, &end, 10)
							: ULONG_MAX;
		if (minutes > BACKOFF_MINUTES_MAX)
			return error_set(e, EINVAL, "\"%.20s\" is no number of "
					 "minutes, at most %d", text,
					 BACKOFF_MINUTES_MAX);
		if (b.n == BACKOFF_PAUSES_MAX)
			return error_set(e, EINVAL, "more than %d numbers",
					 BACKOFF_PAUSES_MAX);
		b.pauses[b.n++] = (unit_sec ? minutes * unit_sec : minutes > 0) *
				  USEC_PER_SEC;
	}
	if (b.n == 0)
		return error_set(e, EINVAL, "no number");
	*ret = b;
	return 0;
}

uint64_t backoff_delay(const struct backoff *b, unsigned crashes)
{
	size_t i = crashes > 0 ? crashes - 1 : 0;

	return b->pauses[i < b->n ? i : b->n - 1];
}

uint64_t backoff_retry(unsigned failures, uint64_t max_usec)
{
	uint64_t usec = RETRY_MIN_USEC;

	while (failures-- > 1 && usec < max_usec)
		usec *= 2;
	return usec < max_usec ? usec : max_usec;
}

uint64_t backoff_jitter(unsigned failures, uint64_t max_usec, uint32_t chance)
{
	uint64_t usec = backoff_retry(failures, max_usec);

	return usec - usec / 2 / BACKOFF_CHANCES * chance;
}
