#include "runtime/dynorun/dynorun_format.h"

#include "base/error.h"

#include <stdio.h>

int dynorun_format_check(const struct dynorun_format *f, bool *ret_json,
			 struct error *e)
{
	bool json = f->name && str_eq(f->name, "json");

	if (f->name && f->name[0] && !json && !str_eq(f->name, "table"))
		return error_set(e, EINVAL, "unknown format \"%s\"; there are "
				 "\"table\" and \"json\"", f->name);
	*ret_json = json || f->json;
	return 0;
}

void dynorun_format_print(const json_t *json)
{
	auto_free char *text = json_dumps(json, JSON_COMPACT);

	puts(text ? text : "null");
	fflush(stdout);
}
