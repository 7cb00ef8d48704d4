/*
 * drain_backoff.c - logplex's formulas.
 */
#include "controller/logplex/drain_backoff.h"

#define HTTP_EXPONENT_MAX 10u
#define HTTP_UNIT_USEC (10 * USEC_PER_MSEC)
#define HTTP_PATIENCE_USEC (5 * 60 * USEC_PER_SEC)
#define SYSLOG_APART_USEC (30 * USEC_PER_SEC)
#define SYSLOG_EXPONENT_MAX 8u
#define SYSLOG_MAX_USEC (300 * USEC_PER_SEC)
#define SYSLOG_PATIENCE 10u

uint64_t drain_backoff_http(unsigned failures, uint32_t chance)
{
	unsigned top = failures < HTTP_EXPONENT_MAX ? failures : HTTP_EXPONENT_MAX;
	unsigned exponent = top ? 1 + chance % top : 0;

	return HTTP_UNIT_USEC * ((1u << exponent) - 1) / 2;
}

uint64_t drain_backoff_syslog(unsigned failures, uint64_t since_good)
{
	if (failures > SYSLOG_EXPONENT_MAX)
		return SYSLOG_MAX_USEC;
	if (failures)
		return USEC_PER_SEC << failures;
	return since_good < SYSLOG_APART_USEC ? SYSLOG_APART_USEC - since_good : 0;
}

static uint64_t drain_backoff_shrunk(uint64_t buffer)
{
	return buffer < DRAIN_BUFFER_SHRUNK ? buffer : DRAIN_BUFFER_SHRUNK;
}

uint64_t drain_backoff_buffer_http(uint64_t buffer, uint64_t failing)
{
	return failing >= HTTP_PATIENCE_USEC ? drain_backoff_shrunk(buffer) : buffer;
}

uint64_t drain_backoff_buffer_syslog(uint64_t buffer, unsigned failures, bool full)
{
	return failures >= SYSLOG_PATIENCE && full ? drain_backoff_shrunk(buffer)
						   : buffer;
}
