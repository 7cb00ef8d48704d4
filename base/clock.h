#pragma once

/*
 * clock.h - time in microseconds, and its printed forms.
 */
#include "base/base.h"

#define CLOCK_TEXT_MAX 40

uint64_t clock_mono_usec(void);		/* CLOCK_MONOTONIC */
uint64_t clock_real_usec(void);		/* since 1970, UTC */

/* "2026-11-21T00:13:42Z": the Platform API's form. Returns out. */
char *clock_api_text(char out[CLOCK_TEXT_MAX], uint64_t real_usec);

/* "2026-11-21T00:13:42.662932+00:00": the log's form. Returns out. */
char *clock_log_text(char out[CLOCK_TEXT_MAX], uint64_t real_usec);

/* Reads either form; returns false if text is neither. */
bool clock_parse(const char *text, uint64_t *ret_real_usec);
