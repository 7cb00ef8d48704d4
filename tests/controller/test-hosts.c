/*
 * test-hosts.c - what a real controller makes of hosts' labels, of reports that are
 * late, and of packed bodies.
 */
#include "base/buf.h"
#include "base/error.h"
#include "http/gzip.h"
#include "tests/controller/instance.h"

#include <setjmp.h>
#include <cmocka.h>

#define WEB "{\"web\":\"run web\"}"
#define BOOT "aaaaaaaa-2222-4333-8444-555555555555"
#define BOOT2 "bbbbbbbb-2222-4333-8444-555555555555"
#define HOST "/upstream/v1/hosts/h1"

static void host_register(struct instance *in, const char *boot)
{
	auto_free char *body = xasprintf("{\"boot\":\"%s\",\"version\":\"1\","
		"\"capacity\":{\"memory\":1,\"cpus\":1},\"labels\":{\"zone\":\"a\"}}", boot);
	auto_json *j = NULL;

	assert_int_equal(instance_call(in, "PUT", HOST, body, &j), 200);
	assert_string_equal(json_string_value(json_array_get(
		json_object_get(j, "encodings"), 0)), "gzip");
}

static void labels_stand_with_the_host(void **state)
{
	struct instance *in = *state;
	auto_json *hosts = NULL;
	json_t *h;

	host_register(in, BOOT);
	assert_int_equal(instance_call(in, "GET", "/upstream/v1/hosts", NULL, &hosts), 200);
	assert_int_equal(json_array_size(hosts), 1);
	h = json_array_get(hosts, 0);
	assert_string_equal(json_str(h, "name"), "h1");
	assert_string_equal(json_str(json_object_get(h, "labels"), "zone"), "a");
	assert_int_equal(json_int(json_object_get(h, "capacity"), "cpus", 0), 1);
	assert_true(json_flag(h, "up", false));
	assert_int_equal(instance_call(in, "PUT", HOST, "{\"boot\":\"" BOOT "\","
				       "\"labels\":{\"a\":1}}", NULL), 422);
	assert_int_equal(instance_call(in, "PUT", HOST, "{\"boot\":\"" BOOT "\","
				       "\"labels\":[]}", NULL), 422);
	assert_int_equal(instance_call(in, "PUT", HOST, "{\"boot\":\"" BOOT "\"}", NULL),
			 200);
}

static char *web_id(struct instance *in)
{
	auto_json *j = NULL;

	assert_int_equal(instance_call(in, "GET", "/apps/app1/dynos/web.1", NULL, &j), 200);
	return xstrdup(json_str(j, "id"));
}

static void shows(struct instance *in, const char *state)
{
	auto_json *j = NULL;

	assert_int_equal(instance_call(in, "GET", "/apps/app1/dynos/web.1", NULL, &j), 200);
	assert_string_equal(json_str(j, "state"), state);
}

static int report(struct instance *in, const char *boot, int seq, const char *state,
		  bool full)
{
	auto_free char *id = web_id(in);
	auto_free char *body = xasprintf("{\"boot\":\"%s\",\"seq\":%d,\"full\":%s,"
		"\"dynos\":[{\"id\":\"%s\",\"state\":\"%s\"}]}", boot, seq,
		full ? "true" : "false", id, state);

	return instance_call(in, "POST", HOST "/report", body, NULL);
}

static void a_late_or_repeated_report_changes_nothing(void **state)
{
	struct instance *in = *state;

	instance_deploy(in, "app1", WEB);
	assert_int_equal(report(in, BOOT, 5, "up", true), 200);
	shows(in, "up");
	assert_int_equal(report(in, BOOT, 4, "crashed", false), 200);
	assert_int_equal(report(in, BOOT, 5, "crashed", true), 200);
	shows(in, "up");
	assert_int_equal(report(in, BOOT, 7, "crashed", false), 200);
	shows(in, "crashed");
	assert_int_equal(report(in, BOOT, 0, "up", false), 422);
	/* It registers again, and still is the same one. */
	host_register(in, BOOT);
	assert_int_equal(report(in, BOOT, 7, "up", true), 200);
	shows(in, "crashed");
}

static void a_host_says_nothing_of_the_dynos_of_another(void **state)
{
	struct instance *in = *state;
	auto_free char *id = web_id(in);
	auto_free char *body = xasprintf("{\"boot\":\"" BOOT2 "\",\"seq\":1,"
		"\"full\":false,\"dynos\":[{\"id\":\"%s\",\"state\":\"up\"}]}", id);

	assert_int_equal(instance_call(in, "PUT", "/upstream/v1/hosts/h2",
				       "{\"boot\":\"" BOOT2 "\",\"draining\":true}",
				       NULL), 200);
	assert_int_equal(instance_call(in, "POST", "/upstream/v1/hosts/h2/report", body,
				       NULL), 200);
	shows(in, "crashed");
}

static void what_a_host_cannot_remove_stands_with_it(void **state)
{
	struct instance *in = *state;
	static const int numbers[] = { 2, 0 };

	for (int i = 0; i < 2; i++) {
		auto_free char *body = xasprintf("{\"boot\":\"" BOOT "\",\"seq\":%d,"
			"\"full\":true,\"stuck\":%d,\"dynos\":[]}", 8 + i, numbers[i]);
		auto_json *hosts = NULL;

		assert_int_equal(instance_call(in, "POST", HOST "/report", body, NULL), 200);
		assert_int_equal(instance_call(in, "GET", "/upstream/v1/hosts", NULL, &hosts),
				 200);
		assert_int_equal(json_int(json_array_get(hosts, 0), "stuck", -1), numbers[i]);
	}
}

static void a_new_boot_counts_anew_and_the_old_one_is_over(void **state)
{
	struct instance *in = *state;

	host_register(in, BOOT2);
	assert_int_equal(report(in, BOOT2, 1, "up", true), 200);
	shows(in, "up");
	assert_int_equal(report(in, BOOT, 100, "crashed", true), 404);
	shows(in, "up");
}

static int send_packed(struct instance *in, const char *text, size_t n,
		       const char *encoding)
{
	const char *headers[] = { encoding, NULL };
	auto_buf packed = BUF_INIT, answer = BUF_INIT;

	assert_int_equal(gzip_pack(text, n, &packed, NULL), 0);
	return instance_raw(in->client, "POST", HOST "/report", packed.data, packed.len,
			    headers, &answer);
}

static void a_packed_report_is_taken(void **state)
{
	struct instance *in = *state;
	auto_free char *id = web_id(in);
	auto_free char *body = xasprintf("{\"boot\":\"" BOOT2 "\",\"seq\":2,\"full\":true,"
		"\"dynos\":[{\"id\":\"%s\",\"state\":\"crashed\"}]}", id);

	assert_int_equal(send_packed(in, body, strlen(body), "Content-Encoding: gzip"), 200);
	shows(in, "crashed");
	assert_int_equal(send_packed(in, body, strlen(body), "Content-Encoding: br"), 415);
	assert_int_equal(send_packed(in, "[", 1, "Content-Encoding: gzip"), 400);
}

static void a_bomb_is_refused(void **state)
{
	struct instance *in = *state;
	const char *headers[] = { "Content-Encoding: gzip", NULL };
	auto_free char *zeros = xcalloc(1, 64 << 20);
	auto_buf answer = BUF_INIT;

	assert_int_equal(send_packed(in, zeros, 64 << 20, headers[0]), 413);
	assert_int_equal(instance_raw(in->client, "POST", HOST "/report", "{}", 2, headers,
				      &answer), 400);
	shows(in, "crashed");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(labels_stand_with_the_host),
		cmocka_unit_test(a_late_or_repeated_report_changes_nothing),
		cmocka_unit_test(a_host_says_nothing_of_the_dynos_of_another),
		cmocka_unit_test(what_a_host_cannot_remove_stands_with_it),
		cmocka_unit_test(a_new_boot_counts_anew_and_the_old_one_is_over),
		cmocka_unit_test(a_packed_report_is_taken),
		cmocka_unit_test(a_bomb_is_refused),
	};

	return cmocka_run_group_tests(tests, instance_setup, instance_teardown);
}
