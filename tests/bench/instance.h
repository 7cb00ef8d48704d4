#pragma once

/*
 * instance.h - an instance of the runtime for benchmarks: all of it below a
 * directory of its own, and gone at the end. What fails is told on standard
 * error.
 */
#include "base/base.h"
#include "base/id.h"
#include "runtime/runtime.h"


struct instance {
	char dir[108];
	struct runtime *runtime;
	struct dyno **alive;		/* idle ones */
	size_t n_alive;
};

/* The instance number is the highest that nobody else has. */
bool instance_open(struct instance *ret, const char *below);
/* Ends what lives, and removes everything. */
bool instance_close(struct instance *in);

/* Put so many small files into the slug of its dynos. */
bool instance_fill(struct instance *in, size_t files);

/* What a daemon does between starts: follow what others change on the host. */
bool instance_serve(struct instance *in);

/* What dynos of benchmarks are like; uuid is filled with a new one. */
struct dyno_spec instance_spec(char *const *argv, char uuid[UUID_TEXT_MAX]);

/* A dyno that runs a program with one argument, or none; NULL: failed. */
struct dyno *instance_start(struct instance *in, const char *program,
			    const char *argument);
/* Wait until it has ended. */
bool instance_await(struct dyno *d);
/* runtime_remove(), until the last process has left its group. */
int instance_clear(struct instance *in, const char *uuid, struct error *e);
/* Remove what is left of it; it must have ended with status 0. Frees it. */
bool instance_remove(struct instance *in, struct dyno *d);

/* Start or end idle dynos until there are n. */
bool instance_alive(struct instance *in, size_t n);
