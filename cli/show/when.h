#pragma once

/*
 * when.h - times of the API in the form that people read.
 */
#include "base/base.h"

#define WHEN_TEXT_MAX 64

/* "2026/11/21 00:01:48 +0000" in local time; api_time as it came (NULL and
 * what is no time give "-"). Returns out. */
char *when_text(char out[WHEN_TEXT_MAX], const char *api_time);

/* The same with " (~ 2s ago)" behind it: s below a minute, m below an hour, h
 * below 25 hours, beyond that nothing. */
char *when_ago(char out[WHEN_TEXT_MAX], const char *api_time, uint64_t now_usec);
