#pragma once

/*
 * run.h - the command line of a one-off dyno.
 */
#include "base/base.h"

/* As the Heroku CLI joins them: one word is the command as it is; of several,
 * those with blanks or double quotes get double quotes. Owned by the caller. */
char *run_join(int argc, char **argv);
