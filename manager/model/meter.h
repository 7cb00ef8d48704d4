#pragma once

/*
 * meter.h - numbers of one dyno made into Heroku's lines. Pure: no clock, no I/O.
 *
 * R14 counts memory, cache and swap against the quota; R15, which kills, memory
 * and swap against the limit ("Memory quota exceeded" and "Log runtime metrics" in
 * Heroku's Dev Center). The load of a dyno is the number of threads that run or
 * could, at the moment of each sample, damped over 1, 5 and 15 minutes.
 */
#include "base/base.h"
#include "runtime/runtime.h"

#define METER_LOADS 3
#define METER_TEXT_MAX 400

enum meter_verdict {
	METER_FINE,
	METER_R14,
	METER_R15,
};

uint64_t meter_total(const struct dyno_usage *u);	/* bytes */
enum meter_verdict meter_judge(const struct dyno_usage *u, uint64_t quota,
			       uint64_t limit);

/* usec since the sample before. */
void meter_load(double loads[METER_LOADS], uint64_t runnable, uint64_t usec);

/* Percent of one processor between two samples; both: usec. 0 if there was no time
 * between them, or the counter began anew. */
double meter_cpu(uint64_t cpu_before, uint64_t cpu, uint64_t elapsed);

/* "mem=590M(115.2%)" */
char *meter_text(char out[METER_TEXT_MAX], uint64_t bytes, uint64_t quota);

/* The two lines of log-runtime-metrics, without "source=... dyno=... ". */
char *meter_load_text(char out[METER_TEXT_MAX], const double loads[METER_LOADS]);
char *meter_memory_text(char out[METER_TEXT_MAX], const struct dyno_usage *u,
			uint64_t quota);
