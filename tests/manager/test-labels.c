#include "base/error.h"
#include "manager/model/labels.h"

#include <setjmp.h>
#include <cmocka.h>

static void reads(const char *text, const char *json)
{
	auto_json *j = NULL;
	struct error e;
	auto_free char *got = NULL;

	assert_int_equal(labels_parse(&j, text, &e), 0);
	got = json_text(j);
	assert_string_equal(got, json);
}

static void pairs_become_an_object(void **state)
{
	reads(NULL, "{}");
	reads("", "{}");
	reads(" , ", "{}");
	reads("zone=a", "{\"zone\":\"a\"}");
	reads(" zone = a , disk=ssd,", "{\"zone\":\"a\",\"disk\":\"ssd\"}");
	reads("note=two words, x=1=2, empty=", "{\"note\":\"two words\",\"x\":\"1=2\","
	      "\"empty\":\"\"}");
	reads("example.org/rack=7", "{\"example.org/rack\":\"7\"}");
}

static void what_is_no_label_is_refused_by_name(void **state)
{
	static const struct { const char *text, *says; } bad[] = {
		{ "zone", "zone" }, { "=a", "KEY=VALUE" }, { "zo ne=a", "zo ne" },
		{ "a=1, a=2", "twice" }, { "a=\x01", "\"a\"" }, { "a=\xff", "\"a\"" },
		{ "ok=1, b@d=2", "b@d" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		auto_json *j = NULL;
		struct error e;

		assert_int_equal(labels_parse(&j, bad[i].text, &e), -EINVAL);
		assert_non_null(strstr(e.msg, bad[i].says));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pairs_become_an_object),
		cmocka_unit_test(what_is_no_label_is_refused_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
