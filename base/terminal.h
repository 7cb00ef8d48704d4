#pragma once

/*
 * terminal.h - modes of the terminal on standard input, and giving it back.
 *
 * The only state of the program that outlives it: so it is kept at file scope
 * here, where the handler of fatal signals can reach it.
 */
#include "base/base.h"

struct error;

/* Raw mode: every key becomes bytes, nothing is echoed. Also after the
 * terminal was restored (a stop and a continue). */
int terminal_raw(struct error *e);

/* What is typed is not shown: for passwords. SIGINT and the like restore it. */
int terminal_quiet(struct error *e);

/* As it was. Safe to call at any time, also from a signal handler. */
void terminal_restore(void);

/* Rows and columns of the terminal fd; false: it is none, or knows no size. */
bool terminal_size(int fd, uint16_t *ret_rows, uint16_t *ret_cols);
