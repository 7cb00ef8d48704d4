#pragma once

/*
 * output_capture.h - copies the lines of release commands from the log into their
 * outputs.
 *
 * It follows the log of each app in /release-phases from the line at which the phase
 * began, and goes on behind the end of the phase until the host says that the process
 * has exited, or for a while.
 */
#include "base/base.h"

struct engine;
struct error;
struct output_capture;

/* Begins with the phases that are; those to come are seen in the state. */
int output_capture_new(struct output_capture **ret, struct engine *g,
		       struct error *e);
struct output_capture *output_capture_free(struct output_capture *c);
DEFINE_AUTO(struct output_capture, output_capture_free)

/* To be called about every second. now: monotonic microseconds. */
void output_capture_tick(struct output_capture *c, uint64_t now);
