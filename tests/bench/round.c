#include "tests/bench/round.h"
#include "base/clock.h"

#include <stdio.h>

uint64_t round_now(void)
{
	return clock_mono_usec();
}

static bool round_one(const struct round_fns *fns, void *userdata)
{
	struct round r = { 0 };

	if (!fns->once(userdata, &r))
		return false;
	printf("%llu %llu %llu\n", (unsigned long long)r.start,
	       (unsigned long long)r.exit, (unsigned long long)r.gone);
	return true;
}

static bool round_loop(const struct round_fns *fns, void *userdata, long msec)
{
	uint64_t begin = round_now(), now = begin;
	unsigned long long n = 0;

	while (now - begin < (uint64_t)msec * USEC_PER_MSEC) {
		struct round r;

		if (!fns->once(userdata, &r))
			return false;
		n++;
		now = round_now();
	}
	printf("%llu %llu\n", n, (unsigned long long)(now - begin));
	return true;
}

int round_serve(const struct round_fns *fns, void *userdata)
{
	char line[128], word[64];

	while (fgets(line, sizeof(line), stdin)) {
		bool good = false;
		long arg = 0;

		if (sscanf(line, "%63s %ld", word, &arg) < 1)
			continue;
		if (str_eq(word, "one"))
			good = round_one(fns, userdata);
		else if (str_eq(word, "loop"))
			good = round_loop(fns, userdata, arg);
		else if (fns->word)
			good = fns->word(userdata, word, arg);
		if (!good)
			puts("failed");
		fflush(stdout);
	}
	return 0;
}
