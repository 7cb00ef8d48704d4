/* prometheus.c - lines, and what has to be escaped in them. */
#include "base/buf.h"
#include "manager/api/prometheus.h"

void prometheus_family(struct buf *out, const char *name, const char *type,
		       const char *help)
{
	buf_addf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void prometheus_value(struct buf *out, const char *s)
{
	for (; *s; s++) {
		if (*s == '\\' || *s == '"')
			buf_adds(out, "\\");
		if (*s == '\n')
			buf_adds(out, "\\n");
		else
			buf_add(out, s, 1);
	}
}

void prometheus_sample(struct buf *out, const char *name,
		       const struct prometheus_label *labels, double value)
{
	buf_adds(out, name);
	for (size_t i = 0; labels && labels[i].name; i++) {
		buf_addf(out, "%s%s=\"", i ? "," : "{", labels[i].name);
		prometheus_value(out, labels[i].value ? labels[i].value : "");
		buf_adds(out, "\"");
	}
	/* Whole numbers are whole: counters of bytes pass a double's 15 digits late. */
	buf_addf(out, "%s %.15g\n", labels && labels[0].name ? "}" : "", value);
}
