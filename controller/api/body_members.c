/*
 * body_members.c - the kinds of members, and their names for people.
 */
#include "base/error.h"
#include "controller/api/body_members.h"
#include "controller/model/outcome.h"

static const char *const kind_names[] = {
	[BODY_STRING] = "a string", [BODY_INTEGER] = "an integer",
	[BODY_BOOLEAN] = "true or false",
};

static bool body_member_fits(const json_t *value, enum body_kind kind)
{
	switch (kind) {
	case BODY_STRING:
		return json_is_string(value);
	case BODY_INTEGER:
		return json_is_integer(value);
	case BODY_BOOLEAN:
		return json_is_boolean(value);
	}
	return false;
}

int body_members_check(const json_t *body, const struct body_member *v, size_t n,
		       struct error *e)
{
	for (size_t i = 0; i < n; i++) {
		const json_t *value = json_object_get(body, v[i].name);

		if (value && !json_is_null(value) &&
		    !body_member_fits(value, v[i].kind))
			return outcome_set(e, OUTCOME_INVALID, "%s must be %s.",
					   v[i].name, kind_names[v[i].kind]);
	}
	return 0;
}
