#pragma once

/*
 * keeper.h - the process that holds a sandbox's daemons up.
 */
#include "base/base.h"

/* The pipe whose other end "sandbox start" holds while it waits. */
#define KEEPER_TRIAL_FD 3

/* How long to wait before a restart after so many deaths in a row. */
uint64_t keeper_delay_usec(unsigned deaths);

/* A sentence why there can be no router here, or NULL. */
const char *keeper_why_no_router(void);
