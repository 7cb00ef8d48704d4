#include "cli/client/procfile.h"

#include "base/error.h"
#include "http/json.h"

#define PROCFILE_TYPE "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ" \
		      "0123456789-_"
#define PROCFILE_TYPE_MAX 128

static size_t procfile_span(const char *p, size_t n, const char *set)
{
	size_t i = 0;

	while (i < n && p[i] && strchr(set, p[i]))
		i++;
	return i;
}

/* Returns false if a well-formed line holds what is not UTF-8. */
static bool procfile_line(json_t *types, const char *line, size_t n)
{
	size_t n_type = procfile_span(line, n, PROCFILE_TYPE);
	auto_free char *type = NULL;
	size_t at = n_type + 1;
	json_t *command;

	if (n_type == 0 || n_type > PROCFILE_TYPE_MAX || at >= n ||
	    line[n_type] != ':')
		return true;
	at += procfile_span(line + at, n - at, " \t");
	while (n > at && strchr(" \t\r", line[n - 1]))
		n--;
	if (at >= n)
		return true;
	command = json_stringn(line + at, n - at);
	if (!command)
		return false;
	type = xstrndup(line, n_type);
	json_object_set_new(types, type, command);
	return true;
}

int procfile_parse(const char *text, size_t n, json_t **ret, struct error *e)
{
	auto_json *types = json_object();
	int number = 1;

	for (size_t at = 0; at < n; number++) {
		const char *end = memchr(text + at, '\n', n - at);
		size_t len = end ? (size_t)(end - text) - at : n - at;

		if (!procfile_line(types, text + at, len))
			return error_set(e, EINVAL, "Procfile line %d: not UTF-8 "
					 "text", number);
		at += len + 1;
	}
	if (json_object_size(types) == 0)
		return error_set(e, EINVAL, "the Procfile defines no process "
				 "type (\"TYPE: COMMAND\")");
	*ret = take_ptr(types);
	return 0;
}
