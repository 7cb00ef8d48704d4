/*
 * test-doctor.c - names that tell whose a thing is, and lists of findings.
 */
#include "base/buf.h"
#include "cli/host/doctor.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <cmocka.h>

#define UUID "804f845c-fa3e-4349-bf90-5c088653c722"

static void a_link_is_named_after_uuid_and_address(void **state)
{
	struct in_addr address;
	auto_free char *name = NULL;

	assert_int_equal(inet_pton(AF_INET, "172.16.169.150", &address), 1);
	name = doctor_link_name("dyno2", UUID, address);
	assert_string_equal(name, "dyno2-804f8a996");
}

static void a_group_is_of_this_prefix_and_a_uuid(void **state)
{
	char uuid[37];

	assert_true(doctor_cgroup_uuid("4:memory:/dyno2/" UUID, "dyno2", uuid));
	assert_string_equal(uuid, UUID);
	assert_true(doctor_cgroup_uuid("0::/system.slice/dynod.service/dyno2/" UUID
				       "/app", "dyno2", uuid));
	assert_false(doctor_cgroup_uuid("4:memory:/dyno2/" UUID, "dyno22", uuid));
	assert_false(doctor_cgroup_uuid("4:memory:/dyno22/" UUID, "dyno2", uuid));
	assert_false(doctor_cgroup_uuid("4:memory:/dyno2/keeper", "dyno2", uuid));
	assert_false(doctor_cgroup_uuid("4:memory:/", "dyno2", uuid));
}

static void only_what_two_looks_have_in_common_stays(void **state)
{
	auto_(doctor_findings_deinit) struct doctor_findings a = DOCTOR_FINDINGS_INIT;
	auto_(doctor_findings_deinit) struct doctor_findings b = DOCTOR_FINDINGS_INIT;

	doctor_add(&a, DOCTOR_LINK, "x");
	doctor_add(&a, DOCTOR_LINK, "y");
	doctor_add(&a, DOCTOR_CGROUP, "z");
	doctor_add(&b, DOCTOR_CGROUP, "y");
	doctor_add(&b, DOCTOR_CGROUP, "z");
	doctor_add(&b, DOCTOR_LINK, "x");
	doctor_keep_common(&a, &b);
	assert_int_equal(a.n, 2);
	assert_string_equal(a.v[0].name, "x");
	assert_string_equal(a.v[1].name, "z");
}

static void each_finding_is_one_line_with_why_and_what_to_do(void **state)
{
	auto_(doctor_findings_deinit) struct doctor_findings f = DOCTOR_FINDINGS_INIT;
	auto_buf out = BUF_INIT;

	doctor_add(&f, DOCTOR_LINK, "dyno2-x");
	doctor_add(&f, DOCTOR_RECORD, UUID);
	doctor_add(&f, DOCTOR_PROCESS, "77");
	f.v[2].repaired = true;
	doctor_layout(&out, &f);
	assert_string_equal(buf_str(&out),
		"link dyno2-x: no dyno on record has it; --repair: delete it\n"
		"record " UUID ": dynod has it and the supervisor does not know it; a "
		"restart of dynod removes it; --repair: nothing\n"
		"process 77: it has a user id of dynos and is in none that is on record; "
		"repaired\n");
}

static void each_kind_has_a_name_of_its_own_and_a_reason(void **state)
{
	for (enum doctor_kind k = 0; k < DOCTOR_KIND_COUNT; k++) {
		assert_non_null(doctor_kind_why(k));
		for (enum doctor_kind o = 0; o < k; o++)
			assert_string_not_equal(doctor_kind_name(k), doctor_kind_name(o));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_link_is_named_after_uuid_and_address),
		cmocka_unit_test(a_group_is_of_this_prefix_and_a_uuid),
		cmocka_unit_test(only_what_two_looks_have_in_common_stays),
		cmocka_unit_test(each_finding_is_one_line_with_why_and_what_to_do),
		cmocka_unit_test(each_kind_has_a_name_of_its_own_and_a_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
