/*
 * retry.c - patience with bounds.
 */
#include "base/clock.h"
#include "slugstore/transfer/retry.h"

#include <sys/random.h>
#include <time.h>

#define RETRY_PAUSE_USEC (250 * USEC_PER_MSEC)
#define RETRY_DOUBLED_MAX 5

/* 3/4 to 5/4 of it: those who failed together shall not come back together. */
static uint64_t retry_spread(uint64_t usec)
{
	uint32_t chance = 0;

	if (getrandom(&chance, sizeof(chance), GRND_NONBLOCK) < 0)
		chance = UINT32_MAX / 2;
	return usec * 3 / 4 + usec / 2 * chance / UINT32_MAX;
}

bool retry_again(struct retry *r, bool progress, uint64_t after_sec,
		 uint64_t now_usec, uint64_t *ret_pause_usec)
{
	uint64_t n, pause;

	r->tries++;
	r->failed = progress ? 1 : r->failed + 1;
	if (r->failed > r->allowed || r->tries >= RETRY_TRIES_MAX ||
	    after_sec > RETRY_AFTER_SEC_MAX)
		return false;
	n = r->failed - 1;
	pause = retry_spread(RETRY_PAUSE_USEC <<
			     (n < RETRY_DOUBLED_MAX ? n : RETRY_DOUBLED_MAX));
	if (pause > RETRY_PAUSE_USEC_MAX)
		pause = RETRY_PAUSE_USEC_MAX;
	if (pause < after_sec * USEC_PER_SEC)
		pause = after_sec * USEC_PER_SEC;
	*ret_pause_usec = pause;
	return now_usec + pause < r->deadline_usec;
}

bool retry_wait(struct retry *r, bool progress, uint64_t after_sec)
{
	struct timespec ts;
	uint64_t usec;

	if (!retry_again(r, progress, after_sec, clock_mono_usec(), &usec))
		return false;
	ts.tv_sec = (time_t)(usec / USEC_PER_SEC);
	ts.tv_nsec = (long)(usec % USEC_PER_SEC * NSEC_PER_USEC);
	while (nanosleep(&ts, &ts) < 0 && errno == EINTR)
		;
	return true;
}
