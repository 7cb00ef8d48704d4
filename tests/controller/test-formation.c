/*
 * test-formation.c - updates, limits, the effect of a deploy, and which dynos
 * follow from it.
 */
#include "base/error.h"
#include "controller/model/dyno_plan.h"
#include "controller/model/formation.h"
#include "controller/model/names.h"
#include "controller/model/outcome.h"
#include "controller/model/placement.h"
#include "controller/model/sizes.h"

#include <setjmp.h>
#include <cmocka.h>

#define TWO_TYPES \
	"[{\"type\":\"web\",\"quantity\":2,\"size\":\"Basic\",\"command\":\"a\"}," \
	" {\"type\":\"worker\",\"quantity\":0,\"size\":\"Standard-1X\"," \
	"  \"command\":\"b\"}]"

static json_t *parse(const char *text)
{
	json_t *j = json_loads(text, 0, NULL);

	assert_non_null(j);
	return j;
}

/* Applies one update to TWO_TYPES; the result as text, or the outcome. */
static int update(const char *item, char **ret_text, bool *ret_resized)
{
	auto_json *formation = parse(TWO_TYPES), *j = parse(item);
	struct formation_update u;
	struct error e;
	int r = formation_parse(j, NULL, &u, &e);

	if (r == 0)
		r = formation_apply(formation, &u, ret_resized, &e);
	if (r == 0)
		r = formation_check(formation, false, &e);
	*ret_text = r == 0 ? formation_text(formation) : NULL;
	return r;
}

static void gives(const char *item, const char *want, bool want_resized)
{
	auto_free char *text = NULL;
	bool resized = false;

	assert_int_equal(update(item, &text, &resized), 0);
	assert_string_equal(text, want);
	assert_int_equal(resized, want_resized);
}

static void refused(const char *item, int outcome)
{
	auto_free char *text = NULL;
	bool resized;

	assert_int_equal(update(item, &text, &resized), outcome);
}

static void quantity_may_be_a_number_or_text_with_a_sign(void **state)
{
	gives("{\"type\":\"web\",\"quantity\":5}",
	      "web@5:Basic worker@0:Standard-1X", false);
	gives("{\"type\":\"web\",\"quantity\":\"5\"}",
	      "web@5:Basic worker@0:Standard-1X", false);
	gives("{\"type\":\"web\",\"quantity\":\"+1\"}",
	      "web@3:Basic worker@0:Standard-1X", false);
	gives("{\"type\":\"web\",\"quantity\":\"-1\"}",
	      "web@1:Basic worker@0:Standard-1X", false);
	gives("{\"type\":\"web\",\"quantity\":\"-9\"}",
	      "web@0:Basic worker@0:Standard-1X", false);
	refused("{\"type\":\"web\",\"quantity\":\"x\"}", OUTCOME_INVALID);
	refused("{\"type\":\"web\",\"quantity\":\"\"}", OUTCOME_INVALID);
	refused("{\"type\":\"web\",\"quantity\":\"99999999999\"}", OUTCOME_INVALID);
	refused("{\"type\":\"web\",\"quantity\":-1}", OUTCOME_INVALID);
	refused("{\"type\":\"web\",\"quantity\":1.5}", OUTCOME_INVALID);
}

static void size_has_two_names_and_any_case(void **state)
{
	gives("{\"type\":\"web\",\"size\":\"standard-2x\"}",
	      "web@2:Standard-2X worker@0:Standard-1X", true);
	gives("{\"type\":\"web\",\"dyno_size\":{\"name\":\"PERFORMANCE-M\"}}",
	      "web@2:Performance-M worker@0:Standard-1X", true);
	gives("{\"type\":\"web\",\"dyno_size\":\"basic\"}",
	      "web@2:Basic worker@0:Standard-1X", false);
	refused("{\"type\":\"web\",\"size\":\"huge\"}", OUTCOME_INVALID);
	refused("{\"type\":\"web\",\"size\":7}", OUTCOME_INVALID);
}

static void an_unknown_type_is_not_found(void **state)
{
	refused("{\"type\":\"clock\",\"quantity\":1}", OUTCOME_NO_TYPE);
	refused("{\"type\":\"a b\",\"quantity\":1}", OUTCOME_NO_TYPE);
	refused("{\"quantity\":1}", OUTCOME_INVALID);
	refused("[]", OUTCOME_BAD_REQUEST);
}

static void an_app_has_at_most_100_dynos(void **state)
{
	gives("{\"type\":\"web\",\"quantity\":100}",
	      "web@100:Basic worker@0:Standard-1X", false);
	refused("{\"type\":\"web\",\"quantity\":101}", OUTCOME_INVALID);
	refused("{\"type\":\"web\",\"quantity\":11,\"size\":\"Performance-L\"}",
		OUTCOME_INVALID);
}

static void eco_and_basic_may_be_limited_to_one(void **state)
{
	auto_json *formation = parse(TWO_TYPES);
	struct error e;

	assert_int_equal(formation_check(formation, false, &e), 0);
	assert_int_equal(formation_check(formation, true, &e), OUTCOME_INVALID);
	assert_string_equal(e.msg, "Cannot update to more than 1 Basic size dynos "
			    "per process type.");
}

static void the_first_deploy_starts_one_web_dyno(void **state)
{
	auto_json *none = json_array(), *old = parse(TWO_TYPES);
	auto_json *types = parse("{\"web\":\"x\",\"clock\":\"y\"}");
	auto_json *first = formation_deploy(none, types, true, "Eco");
	auto_json *later = formation_deploy(old, types, false, "Eco");
	auto_free char *a = formation_text(first), *b = formation_text(later);

	assert_string_equal(a, "web@1:Eco clock@0:Eco");
	/* worker leaves, web keeps its scale, clock comes with none */
	assert_string_equal(b, "web@2:Basic clock@0:Eco");
	assert_string_equal(json_str(formation_find(later, "web"), "command"), "x");
	assert_string_equal(json_str(formation_find(old, "web"), "command"), "a");
}

static void every_size_is_found_and_bounded(void **state)
{
	const struct size *s;

	for (size_t i = 0; (s = sizes_at(i)); i++) {
		assert_ptr_equal(sizes_find(s->name), s);
		assert_true(s->memory >= 512ULL << 20);
		assert_true(s->memory_max > s->memory);
		assert_true(s->pids >= 256 && s->cpus >= 1 && s->max_one_off >= 1);
	}
	assert_string_equal(sizes_find("STANDARD-1x")->name, "Standard-1X");
	assert_string_equal(sizes_find("2x")->name, "Standard-2X");
	assert_null(sizes_find("Standard"));
	assert_null(sizes_find(""));
}

/* ---- dynos ---- */

#define DYNO(id, name, type, kind) \
	"{\"id\":\"" id "\",\"name\":\"" name "\",\"type\":\"" type \
	"\",\"kind\":\"" kind "\"}"

static char *names(const json_t *list)
{
	char *out = xstrdup("");
	json_t *it;
	size_t i;

	json_array_foreach(list, i, it) {
		char *more = xasprintf("%s%s%s", out, i ? " " : "",
				       json_str(it, "name"));

		free(out);
		out = more;
	}
	return out;
}

static void plan(const char *formation, const char *dynos, enum dyno_scope scope,
		 const char *which, const char *removed, const char *added)
{
	auto_json *f = parse(formation), *d = parse(dynos);
	auto_json *types = which ? json_pack("[s]", which) : NULL;
	auto_(dyno_plan_deinit) struct dyno_plan p = { NULL, NULL };
	auto_free char *gone = NULL, *come = NULL;

	dyno_plan_make(&(struct dyno_plan_spec){
		.formation = f, .dynos = d, .scope = scope, .which = which,
		.types = types,
	}, &p);
	gone = names(p.remove);
	come = names(p.add);
	assert_string_equal(gone, removed);
	assert_string_equal(come, added);
}

#define WEB(n) "[{\"type\":\"web\",\"quantity\":" #n "}]"
#define PRESENT \
	"[" DYNO("1", "web.1", "web", "formation") "," \
	DYNO("2", "web.2", "web", "formation") "," \
	DYNO("3", "run.1234", "run", "run") "," \
	DYNO("4", "worker.1", "worker", "formation") "]"

static void scaling_touches_the_difference_only(void **state)
{
	const char *both = "[{\"type\":\"web\",\"quantity\":3},"
			   " {\"type\":\"worker\",\"quantity\":1}]";

	plan(both, PRESENT, DYNO_SCOPE_NONE, NULL, "", "web.3");
	plan(WEB(1), PRESENT, DYNO_SCOPE_NONE, NULL, "web.2 worker.1", "");
	plan(WEB(0), PRESENT, DYNO_SCOPE_NONE, NULL, "web.1 web.2 worker.1", "");
	plan(WEB(2), "[]", DYNO_SCOPE_NONE, NULL, "", "web.1 web.2");
}

static void a_restart_replaces_what_is_in_its_scope(void **state)
{
	const char *both = "[{\"type\":\"web\",\"quantity\":2},"
			   " {\"type\":\"worker\",\"quantity\":1}]";

	plan(both, PRESENT, DYNO_SCOPE_ALL, NULL, "web.1 web.2 worker.1",
	     "web.1 web.2 worker.1");
	plan(both, PRESENT, DYNO_SCOPE_TYPE, "web", "web.1 web.2", "web.1 web.2");
	plan(both, PRESENT, DYNO_SCOPE_TYPES, "worker", "worker.1", "worker.1");
	plan(both, PRESENT, DYNO_SCOPE_ID, "2", "web.2", "web.2");
	plan(both, PRESENT, DYNO_SCOPE_ID, "3", "", "");
}

static void the_host_with_the_fewest_dynos_is_chosen(void **state)
{
	struct placement p = { NULL, 0 };

	assert_string_equal(placement_pick(&p), "");
	placement_add(&p, "a", 2);
	placement_add(&p, "b", 0);
	assert_string_equal(placement_pick(&p), "b");
	assert_string_equal(placement_pick(&p), "b");
	assert_string_equal(placement_pick(&p), "a");
	assert_string_equal(placement_pick(&p), "b");
	placement_deinit(&p);
}

static void names_follow_the_patterns_of_the_api(void **state)
{
	auto_free char *random = names_app_random();

	assert_true(names_app_ok(random));
	assert_true(names_app_ok("abc"));
	assert_true(names_app_ok("a-1"));
	assert_false(names_app_ok("ab"));
	assert_false(names_app_ok("1ab"));
	assert_false(names_app_ok("abc-"));
	assert_false(names_app_ok("Abc"));
	assert_false(names_app_ok("a/b"));
	assert_false(names_app_ok("a234567890123456789012345678901"));
	assert_true(names_type_ok("my-web_1"));
	assert_false(names_type_ok(""));
	assert_false(names_type_ok("a.b"));
	assert_true(names_host_ok("h1.example"));
	assert_false(names_host_ok("-h"));
	assert_false(names_host_ok("a/b"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(quantity_may_be_a_number_or_text_with_a_sign),
		cmocka_unit_test(size_has_two_names_and_any_case),
		cmocka_unit_test(an_unknown_type_is_not_found),
		cmocka_unit_test(an_app_has_at_most_100_dynos),
		cmocka_unit_test(eco_and_basic_may_be_limited_to_one),
		cmocka_unit_test(the_first_deploy_starts_one_web_dyno),
		cmocka_unit_test(every_size_is_found_and_bounded),
		cmocka_unit_test(scaling_touches_the_difference_only),
		cmocka_unit_test(a_restart_replaces_what_is_in_its_scope),
		cmocka_unit_test(the_host_with_the_fewest_dynos_is_chosen),
		cmocka_unit_test(names_follow_the_patterns_of_the_api),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
