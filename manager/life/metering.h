#pragma once

/*
 * metering.h - the memory and load of every running dyno, sampled about every
 * 20 s, and the kernel's own word when it kills for want of memory.
 *
 * What follows: R14 with each sample above the quota; at the limit R15 and a kill
 * of the whole dyno, also when the kernel has picked a single process of it.
 */
#include "base/base.h"

struct dyno_usage;
struct life;

/* A process runs: begin. Ends by itself, or at once. */
void metering_start(struct life *l);
/* Somebody looks: a sample more, for the eyes only (no verdict, no line); at most
 * one a second however many look. */
void metering_peek(struct life *l);

/* Percent of one processor, of the last two samples; < 0: there are no two. */
double metering_cpu(const struct life *l);

void metering_stop(struct life *l);

/* dynod tells of a kill. */
void metering_killed(struct life *l, const struct dyno_usage *usage);
