#pragma once

/*
 * prometheus.h - the text format of Prometheus, version 0.0.4. Pure.
 */
#include "base/base.h"

struct buf;

#define PROMETHEUS_TYPE "text/plain; version=0.0.4; charset=utf-8"

struct prometheus_label {
	const char *name, *value;	/* value: any bytes */
};

/* The two lines before the samples of a name. type: "gauge", "counter". */
void prometheus_family(struct buf *out, const char *name, const char *type,
		       const char *help);

/* labels ends with a NULL name; NULL = none. */
void prometheus_sample(struct buf *out, const char *name,
		       const struct prometheus_label *labels, double value);
