#pragma once

/*
 * slug_file.h - slugs as files: one is made of a directory by dyno-slug, our
 * sibling, and the Procfile is read out of one that exists.
 */
#include "base/base.h"

#include <jansson.h>

struct buf;
struct error;

/* Write the slug of a directory to out_fd, an empty file. *ret: what
 * "dyno-slug create --json" says. Errors are those of dyno-slug. */
int slug_file_create(const char *dir, int out_fd, json_t **ret, struct error *e);

/* Append ./app/Procfile of the slug in fd, which is read from its start.
 * ENOENT: it has none. EINVAL: no tar. */
int slug_file_procfile(int fd, struct buf *ret, struct error *e);
