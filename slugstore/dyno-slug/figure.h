#pragma once

/*
 * figure.h - bytes, times and names as a person or a program wants them: on a
 * terminal short, else exact.
 */
#include "base/base.h"
#include "base/clock.h"

#define FIGURE_MAX CLOCK_TEXT_MAX

/* Is standard output read by a person? */
bool figure_is_short(void);

/* "12.3 MiB" or "12897484"; returns out. */
char *figure_bytes(char out[FIGURE_MAX], uint64_t bytes);

/* "12.3 MiB" or "12897484 bytes", for a sentence; returns out. */
char *figure_size(char out[FIGURE_MAX], uint64_t bytes);

/* ISO 8601 in UTC; "never" for 0. */
char *figure_time(char out[FIGURE_MAX], uint64_t real_usec);

/* How many digits of a SHA-256 to print. */
int figure_digits(void);
