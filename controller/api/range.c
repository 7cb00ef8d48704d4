/*
 * range.c - parse, sort, cut.
 */
#include "base/error.h"
#include "controller/model/outcome.h"
#include "controller/api/range.h"

#include <stdio.h>

#define RANGE_TIE '|'		/* between a value and an id */
#define RANGE_ID_CHARS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-"

static int range_param(struct range *r, char *param, struct error *e)
{
	char *eq = strchr(param, '='), *end;
	unsigned long n;

	if (!eq)
		return 0;
	*eq = '\0';
	if (str_eq(param, "order"))
		r->desc = str_eq(eq + 1, "desc");
	if (!str_eq(param, "max"))
		return 0;
	n = strtoul(eq + 1, &end, 10);
	if (*end || end == eq + 1 || n < 1 || n > RANGE_MAX)
		return outcome_set(e, OUTCOME_BAD_RANGE,
				   "Range: max must be between 1 and %d.",
				   RANGE_MAX);
	r->max = n;
	return 0;
}

/* "VALUE" or "VALUE|ID"; behind the "|" of an email address there is an "@". */
static bool range_value(char *out, char *id, const char *from, size_t n)
{
	const char *bar = memrchr(from, RANGE_TIE, n);
	size_t n_id = bar ? (size_t)(from + n - bar) - 1 : 0;

	if (n_id && n_id < RANGE_ID_MAX && strspn(bar + 1, RANGE_ID_CHARS) >= n_id) {
		memcpy(id, bar + 1, n_id);
		id[n_id] = '\0';
		n = (size_t)(bar - from);
	}
	if (n >= RANGE_VALUE_MAX)
		return false;
	memcpy(out, from, n);
	out[n] = '\0';
	return true;
}

/* "[start]..[end]" */
static bool range_bounds(struct range *r, const char *s)
{
	const char *dots = strstr(s, ".."), *end;
	size_t n;

	if (!dots)
		return false;
	r->start_excl = *s == ']';
	s += r->start_excl;
	end = dots + 2;
	n = strlen(end);
	r->end_excl = n && end[n - 1] == '[';
	n -= r->end_excl;
	return s <= dots && range_value(r->start, r->start_id, s, (size_t)(dots - s)) &&
	       range_value(r->end, r->end_id, end, n);
}

static bool range_attr(struct range *r, const char *attr,
		       const char *const *attrs)
{
	for (; *attrs; attrs++)
		if (str_eq(attr, *attrs)) {
			snprintf(r->attr, sizeof(r->attr), "%s", attr);
			return true;
		}
	return false;
}

int range_parse(struct range *ret, const char *text, const char *const *attrs,
		struct error *e)
{
	auto_free char *copy = xstrdup(text ? text : "");
	char *save = NULL, *word;
	int ret_code = 0, n = 0;

	*ret = (struct range){ .max = RANGE_PAGE };
	range_attr(ret, attrs[0], attrs);
	for (word = strtok_r(copy, " ;,", &save); word && ret_code == 0;
	     word = strtok_r(NULL, " ;,", &save), n++) {
		if (n == 0 && !range_attr(ret, word, attrs))
			return outcome_set(e, OUTCOME_BAD_RANGE, "Range: this list "
				"cannot be sorted by \"%.60s\".", word);
		if (n == 1 && !range_bounds(ret, word))
			return outcome_set(e, OUTCOME_BAD_RANGE, "Range: \"%.60s\" "
				"is not a range like \"a..b\".", word);
		if (n > 1)
			ret_code = range_param(ret, word, e);
	}
	return ret_code;
}

static int range_compare_value(const json_t *have, const char *want)
{
	long long a, b;

	if (!json_is_integer(have))
		return strcmp(json_is_string(have) ? json_string_value(have) : "",
			      want);
	a = json_integer_value(have);
	b = strtoll(want, NULL, 10);
	return a < b ? -1 : a > b;
}

static int range_compare_id(const json_t *item, const char *id)
{
	return *id ? range_compare_value(json_object_get(item, "id"), id) : 0;
}

static bool range_holds(const struct range *r, const json_t *item)
{
	const json_t *v = json_object_get(item, r->attr);
	int lo = *r->start ? range_compare_value(v, r->start) : 1;
	int hi = *r->end ? range_compare_value(v, r->end) : -1;

	lo = lo ? lo : range_compare_id(item, r->start_id);
	hi = hi ? hi : range_compare_id(item, r->end_id);
	return (r->start_excl ? lo > 0 : lo >= 0) &&
	       (r->end_excl ? hi < 0 : hi <= 0);
}

static char *range_text(const json_t *item, const char *attr)
{
	const json_t *v = json_object_get(item, attr);

	return json_is_integer(v)
		? xasprintf("%lld", (long long)json_integer_value(v))
		: xstrdup(json_is_string(v) ? json_string_value(v) : "");
}

static int range_compare(const json_t *a, const json_t *b, const char *attr)
{
	auto_free char *text = range_text(b, attr);

	return range_compare_value(json_object_get(a, attr), text);
}

static int range_order(const void *a, const void *b, void *userdata)
{
	const json_t *x = *(json_t *const *)a, *y = *(json_t *const *)b;
	const struct range *r = userdata;
	int c = range_compare(x, y, r->attr);

	c = c ? c : range_compare(x, y, "id");
	return r->desc ? -c : c;
}

static char *range_bound(const char *value, const char *id)
{
	return *id ? xasprintf("%s%c%s", value, RANGE_TIE, id) : xstrdup(value);
}

/* Ascending pages go on behind their last item; descending ones end there. */
static char *range_next(const struct range *r, const json_t *last, const json_t *next)
{
	bool tie = range_compare(last, next, r->attr) == 0;
	auto_free char *value = range_text(last, r->attr), *id = range_text(last, "id");
	auto_free char *at = range_bound(value, tie ? id : "");
	auto_free char *start = range_bound(r->start, r->start_id);
	auto_free char *end = range_bound(r->end, r->end_id);

	if (r->desc)
		return xasprintf("%s %s%s..%s[; max=%zu, order=desc", r->attr,
				 r->start_excl ? "]" : "", start, at, r->max);
	return xasprintf("%s ]%s..%s%s; max=%zu", r->attr, at, end,
			 r->end_excl ? "[" : "", r->max);
}

json_t *range_page(const struct range *r, const json_t *list, char **ret_next)
{
	size_t n = json_array_size(list), used = 0;
	auto_free json_t **v = xcalloc(n + 1, sizeof(*v));
	json_t *page = json_array();

	for (size_t i = 0; i < n; i++) {
		json_t *item = json_array_get(list, i);

		if (range_holds(r, item))
			v[used++] = item;
	}
	qsort_r(v, used, sizeof(*v), range_order, (void *)(uintptr_t)r);
	for (size_t i = 0; i < used && i < r->max; i++)
		json_array_append(page, v[i]);
	*ret_next = used > r->max ? range_next(r, v[r->max - 1], v[r->max]) : NULL;
	return page;
}
