#pragma once

/*
 * log_sender.h - sends what is in the journal upstream, one batch at a time,
 * and again until it is acknowledged.
 */
#include "base/base.h"

struct error;
struct log_sender;
struct supervisor;

/* s->journal must live longer. */
int log_sender_new(struct log_sender **ret, struct supervisor *s,
		   struct error *e);
struct log_sender *log_sender_free(struct log_sender *g);
