/*
 * meter.c - sums, comparisons and words.
 */
#include "manager/model/meter.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#define MIB 1048576.0

uint64_t meter_total(const struct dyno_usage *u)
{
	return u->rss + u->cache + u->swap;
}

enum meter_verdict meter_judge(const struct dyno_usage *u, uint64_t quota,
			       uint64_t limit)
{
	if (u->rss + u->swap >= limit)
		return METER_R15;
	return meter_total(u) > quota ? METER_R14 : METER_FINE;
}

void meter_load(double loads[METER_LOADS], uint64_t runnable, uint64_t usec)
{
	static const double minutes[METER_LOADS] = { 1, 5, 15 };

	for (size_t i = 0; i < METER_LOADS; i++) {
		double keep = exp(-(double)usec / (minutes[i] * 60 * USEC_PER_SEC));

		loads[i] = loads[i] * keep + (double)runnable * (1 - keep);
	}
}

double meter_cpu(uint64_t cpu_before, uint64_t cpu, uint64_t elapsed)
{
	if (elapsed == 0 || cpu < cpu_before)
		return 0;
	return 100.0 * (double)(cpu - cpu_before) / (double)elapsed;
}

char *meter_text(char out[METER_TEXT_MAX], uint64_t bytes, uint64_t quota)
{
	snprintf(out, METER_TEXT_MAX, "mem=%.0fM(%.1f%%)", (double)bytes / MIB,
		 100.0 * (double)bytes / (double)quota);
	return out;
}

char *meter_load_text(char out[METER_TEXT_MAX], const double loads[METER_LOADS])
{
	snprintf(out, METER_TEXT_MAX, "sample#load_avg_1m=%.2f "
		 "sample#load_avg_5m=%.2f sample#load_avg_15m=%.2f", loads[0],
		 loads[1], loads[2]);
	return out;
}

char *meter_memory_text(char out[METER_TEXT_MAX], const struct dyno_usage *u,
			uint64_t quota)
{
	snprintf(out, METER_TEXT_MAX,
		 "sample#memory_total=%.2fMB sample#memory_rss=%.2fMB "
		 "sample#memory_cache=%.2fMB sample#memory_swap=%.2fMB "
		 "sample#memory_pgpgin=%" PRIu64 "pages "
		 "sample#memory_pgpgout=%" PRIu64 "pages "
		 "sample#memory_quota=%.2fMB",
		 (double)meter_total(u) / MIB, (double)u->rss / MIB,
		 (double)u->cache / MIB, (double)u->swap / MIB, u->paged_in,
		 u->paged_out, (double)quota / MIB);
	return out;
}
