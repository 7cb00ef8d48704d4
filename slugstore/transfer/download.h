#pragma once

/*
 * download.h - from a target into an import, in as many requests as it takes.
 *
 * What is there is asked for no more: "Range: bytes=N-" with If-Range. An
 * answer that does not continue exactly there, or is of another version, starts
 * over. A transfer that breaks goes on after a pause (retry.h).
 */
#include "base/base.h"

struct error;
struct source_watch;
struct store_import;
struct target;

/* 0 or the outcomes of source_read(). EFBIG: more than the configured size;
 * EPROTO: an answer that makes no sense, or an encoded body; EACCES: not
 * allowed; ETIMEDOUT: the time of all tries is over. */
int download_run(const struct target *t, struct store_import *imp,
		 const struct source_watch *watch, struct error *e);
