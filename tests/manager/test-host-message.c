#include "base/buf.h"
#include "base/error.h"
#include "base/id.h"
#include "manager/protocol/host_message.h"

#include <setjmp.h>
#include <stdio.h>
#include <cmocka.h>

#define UUID "0b9e9e5e-3f0a-4a50-8c59-d3b1f2a1c001"
#define HOSTNAME "5f1d7084-4a5f-43f5-8f0c-0c7d6a8b9c02"
#define SHA "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define MUTATIONS 20000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static char *const argv_abc[] = {
	(char *)"/bin/bash", (char *)"-c", (char *)"echo hi", NULL,
};
static char *const envp_ab[] = {
	(char *)"A=1", (char *)"B=two words\nand a line", NULL,
};
static char *const none[] = { NULL };

static const struct dyno_spec spec_full = {
	.uuid = UUID, .hostname = HOSTNAME, .slug = SHA, .lease_fd = -1,
	.argv = argv_abc, .envp = envp_ab, .stdio = DYNO_STDIO_PTY,
	.rows = 40, .cols = 120, .egress = DYNO_EGRESS_ALLOWED,
	.limits = { .memory = 512 << 20, .pids = 256, .files = 10000 },
};

static int decode(struct buf *b, size_t n_fds, enum host_side from,
		  struct host_packet *p, struct error *e)
{
	return host_message_decode(b->data, b->len, n_fds, from, p, e);
}

static void start_message(struct buf *b, const struct dyno_spec *spec)
{
	struct error e;

	buf_clear(b);
	assert_int_equal(host_message_encode_spec(b, HOST_START, 7, spec, &e), 0);
}

static void a_start_comes_out_as_it_went_in(void **state)
{
	auto_buf b = BUF_INIT;
	struct host_packet p;
	struct dyno_spec s;
	struct error e;

	start_message(&b, &spec_full);
	assert_int_equal(decode(&b, 0, HOST_SUPERVISOR, &p, &e), 0);
	assert_int_equal(p.head.serial, 7);
	host_message_spec(&p, &s);
	assert_string_equal(s.uuid, UUID);
	assert_string_equal(s.hostname, HOSTNAME);
	assert_string_equal(s.slug, SHA);
	for (int i = 0; i < 3; i++)
		assert_string_equal(s.argv[i], argv_abc[i]);
	assert_null(s.argv[3]);
	for (int i = 0; i < 2; i++)
		assert_string_equal(s.envp[i], envp_ab[i]);
	assert_null(s.envp[2]);
	assert_int_equal(s.stdio, DYNO_STDIO_PTY);
	assert_int_equal(s.rows, 40);
	assert_int_equal(s.egress, DYNO_EGRESS_ALLOWED);
	assert_int_equal(s.cols, 120);
	assert_memory_equal(&s.limits, &spec_full.limits, sizeof(s.limits));
}

static void a_start_may_lack_slug_and_environment(void **state)
{
	struct dyno_spec spec = spec_full, s;
	auto_buf b = BUF_INIT;
	struct host_packet p;
	struct error e;

	spec.slug = NULL;
	spec.envp = none;
	start_message(&b, &spec);
	assert_int_equal(decode(&b, 0, HOST_SUPERVISOR, &p, &e), 0);
	host_message_spec(&p, &s);
	assert_null(s.slug);
	assert_string_equal(s.argv[2], "echo hi");
	assert_null(s.argv[3]);
	assert_null(s.envp[0]);
}

static void a_start_may_bring_the_lease_of_its_slug(void **state)
{
	struct dyno_spec spec = spec_full, s;
	auto_buf b = BUF_INIT;
	struct host_packet p;
	struct error e;

	spec.lease_fd = 0;
	start_message(&b, &spec);
	assert_int_equal(decode(&b, 1, HOST_SUPERVISOR, &p, &e), 0);
	assert_int_equal(p.head.fd_mask, 1U << HOST_FD_LEASE);
	host_message_spec(&p, &s);
	assert_int_equal(s.lease_fd, -1);
	assert_int_equal(decode(&b, 0, HOST_SUPERVISOR, &p, &e), -EBADMSG);
	assert_int_equal(decode(&b, 2, HOST_SUPERVISOR, &p, &e), -EBADMSG);
}

static void without_a_slug_there_is_no_lease(void **state)
{
	const uint32_t mask = 1U << HOST_FD_LEASE;
	struct dyno_spec spec = spec_full;
	auto_buf b = BUF_INIT;
	struct host_packet p;
	struct error e;

	spec.slug = NULL;
	spec.lease_fd = 0;
	start_message(&b, &spec);
	assert_int_equal(decode(&b, 0, HOST_SUPERVISOR, &p, &e), 0);
	memcpy(b.data + offsetof(struct host_message, fd_mask), &mask,
	       sizeof(mask));
	assert_int_equal(decode(&b, 1, HOST_SUPERVISOR, &p, &e), -EBADMSG);
}

static void a_start_without_a_command_is_refused(void **state)
{
	struct dyno_spec spec = spec_full;
	auto_buf b = BUF_INIT;
	struct host_packet p;
	struct error e;

	spec.argv = none;
	start_message(&b, &spec);
	assert_int_equal(decode(&b, 0, HOST_SUPERVISOR, &p, &e), -EBADMSG);
}

static void ids_and_slugs_are_checked(void **state)
{
	static const struct { const char *uuid, *hostname, *slug; } bad[] = {
		{ "../../etc", HOSTNAME, SHA },
		{ "", HOSTNAME, SHA },
		{ UUID, "localhost", SHA },
		{ UUID, HOSTNAME, "../../../etc/passwd" },
		{ UUID, HOSTNAME, "E3B0" },
		{ "0B9E9E5E-3F0A-4A50-8C59-D3B1F2A1C001", HOSTNAME, SHA },
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct dyno_spec spec = spec_full;
		auto_buf b = BUF_INIT;
		struct host_packet p;
		struct error e;

		spec.uuid = bad[i].uuid;
		spec.hostname = bad[i].hostname;
		spec.slug = bad[i].slug;
		start_message(&b, &spec);
		assert_int_equal(decode(&b, 0, HOST_SUPERVISOR, &p, &e),
				 -EBADMSG);
	}
}

static void too_much_is_refused_before_it_is_sent(void **state)
{
	auto_free char **many = xcalloc(HOST_STRINGS_MAX + 1, sizeof(*many));
	auto_free char *big = xcalloc(1, HOST_MESSAGE_MAX + 1);
	struct dyno_spec spec = spec_full;
	char *one[] = { big, NULL };
	auto_buf b = BUF_INIT;
	struct error e;

	for (size_t i = 0; i < HOST_STRINGS_MAX; i++)
		many[i] = (char *)"K=v";
	spec.envp = many;
	assert_int_equal(host_message_encode_spec(&b, HOST_START, 1, &spec, &e), -E2BIG);
	memset(big, 'x', HOST_MESSAGE_MAX);
	spec.envp = one;
	assert_int_equal(host_message_encode_spec(&b, HOST_START, 1, &spec, &e), -E2BIG);
	assert_int_equal(b.len, 0);
}

static void the_most_strings_fit(void **state)
{
	auto_free char **many = xcalloc(HOST_STRINGS_MAX, sizeof(*many));
	struct dyno_spec spec = spec_full, s;
	auto_buf b = BUF_INIT;
	struct host_packet p;
	struct error e;

	for (size_t i = 0; i < HOST_STRINGS_MAX - 3 - 3; i++)
		many[i] = (char *)"K=v";
	spec.envp = many;
	start_message(&b, &spec);
	assert_int_equal(decode(&b, 0, HOST_SUPERVISOR, &p, &e), 0);
	host_message_spec(&p, &s);
	assert_string_equal(s.envp[HOST_STRINGS_MAX - 3 - 3 - 1], "K=v");
	assert_null(s.envp[HOST_STRINGS_MAX - 3 - 3]);
}

/* A message of the type with everything right, to be spoilt. */
static void inside_message(struct buf *b)
{
	const struct dyno_spec spec = {
		.uuid = UUID, .hostname = HOSTNAME, .argv = argv_abc, .envp = envp_ab,
		.stdio = DYNO_STDIO_PTY, .rows = 24, .cols = 80,
	};
	struct error e;

	assert_int_equal(host_message_encode_spec(b, HOST_INSIDE, 7, &spec, &e), 0);
}

static void a_command_inside_has_a_client_and_no_slug(void **state)
{
	auto_buf b = BUF_INIT;
	struct host_message head;
	struct host_packet p;
	struct dyno_spec spec;
	struct error e;

	inside_message(&b);
	assert_int_equal(decode(&b, 0, HOST_SUPERVISOR, &p, &e), 0);
	host_message_spec(&p, &spec);
	assert_string_equal(spec.argv[2], "echo hi");
	assert_null(spec.argv[3]);
	assert_string_equal(spec.envp[0], "A=1");
	assert_null(spec.slug);
	assert_int_equal(decode(&b, 1, HOST_SUPERVISOR, &p, &e), -EBADMSG);
	memcpy(&head, b.data, sizeof(head));
	head.stdio = DYNO_STDIO_LOG;
	memcpy(b.data, &head, sizeof(head));
	assert_int_equal(decode(&b, 0, HOST_SUPERVISOR, &p, &e), -EBADMSG);
}

static void one_message(struct buf *b, enum host_type type)
{
	const char *const strings[] = { UUID, "record 48\n" };
	struct host_message head = {
		.type = type, .serial = 9, .signal = 15,
		.n_strings = type == HOST_STARTED ? 2 : 1,
	};
	struct error e;

	buf_clear(b);
	if (type == HOST_START) {
		start_message(b, &spec_full);
		return;
	}
	if (type == HOST_INSIDE) {
		inside_message(b);
		return;
	}
	if (type == HOST_ENTERED)
		head.fd_mask = 1U << HOST_FD_SESSION;
	if (type == HOST_HELLO)
		head.version = HOST_VERSION;
	if (type == HOST_READY)
		head.n_strings = 0;
	if (type <= HOST_MEMORY)
		head.serial = 0;
	assert_int_equal(host_message_encode(b, &head, strings, &e), 0);
}

static enum host_side side_of(enum host_type type)
{
	return type < HOST_START ? HOST_DYNOD : HOST_SUPERVISOR;
}

/* A session always comes along. */
static size_t fds_of(int type)
{
	return type == HOST_ENTERED;
}

static void every_type_is_accepted_from_its_own_side_only(void **state)
{
	for (int type = 0; type < HOST_TYPE_COUNT; type++) {
		enum host_side side = side_of((enum host_type)type);
		auto_buf b = BUF_INIT;
		struct host_packet p;
		struct error e;

		one_message(&b, (enum host_type)type);
		assert_int_equal(decode(&b, fds_of(type), side, &p, &e), 0);
		assert_int_equal(decode(&b, fds_of(type), !side, &p, &e), -EBADMSG);
	}
}

static void a_message_cut_anywhere_is_refused(void **state)
{
	for (int type = 0; type < HOST_TYPE_COUNT; type++) {
		auto_buf b = BUF_INIT;
		struct host_packet p;
		struct error e;

		one_message(&b, (enum host_type)type);
		for (size_t n = 0; n < b.len; n++)
			assert_int_equal(host_message_decode(
				b.data, n, fds_of(type),
				side_of((enum host_type)type), &p, &e), -EBADMSG);
		buf_add(&b, "x", 2);
		assert_int_equal(decode(&b, fds_of(type),
					side_of((enum host_type)type), &p, &e),
				 -EBADMSG);
	}
}

static void each_field_is_held_to_its_range(void **state)
{
	static const struct {
		enum host_type type;
		size_t offset;
		uint32_t value;
	} bad[] = {
		{ HOST_HELLO, offsetof(struct host_message, version), 99 },
		{ HOST_HELLO, offsetof(struct host_message, serial), 1 },
		{ HOST_HELLO, offsetof(struct host_message, type), 77 },
		{ HOST_READY, offsetof(struct host_message, n_strings), 1 },
		{ HOST_ADOPT, offsetof(struct host_message, stdio), 3 },
		{ HOST_ADOPT, offsetof(struct host_message, fd_mask), 8 },
		{ HOST_ADOPT, offsetof(struct host_message, fd_mask), 1 },
		{ HOST_START, offsetof(struct host_message, fd_mask), 2 },
		{ HOST_KILL, offsetof(struct host_message, serial), 0 },
		{ HOST_KILL, offsetof(struct host_message, n_argv), 1 },
		{ HOST_KILL, offsetof(struct host_message, n_strings), 2 },
		{ HOST_KILL, offsetof(struct host_message, n_strings), 0 },
		{ HOST_SIGNAL, offsetof(struct host_message, signal), 0 },
		{ HOST_SIGNAL, offsetof(struct host_message, signal), 65 },
		{ HOST_SIGNAL, offsetof(struct host_message, signal), 1U << 31 },
		{ HOST_START, offsetof(struct host_message, n_argv), 0 },
		{ HOST_START, offsetof(struct host_message, n_argv), 4 },
		{ HOST_START, offsetof(struct host_message, n_argv), UINT32_MAX },
		{ HOST_START, offsetof(struct host_message, n_envp), UINT32_MAX },
		{ HOST_START, offsetof(struct host_message, n_strings), 1 },
		{ HOST_START, offsetof(struct host_message, n_strings), UINT32_MAX },
		{ HOST_START, offsetof(struct host_message, stdio), UINT32_MAX },
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		auto_buf b = BUF_INIT;
		struct host_packet p;
		struct error e;

		one_message(&b, bad[i].type);
		memcpy(b.data + bad[i].offset, &bad[i].value,
		       sizeof(bad[i].value));
		assert_int_equal(decode(&b, 0, side_of(bad[i].type), &p, &e),
				 -EBADMSG);
	}
}

static void descriptors_come_only_where_they_belong(void **state)
{
	auto_buf b = BUF_INIT;
	struct host_packet p;
	uint32_t mask = 5;
	struct error e;

	one_message(&b, HOST_ADOPT);
	memcpy(b.data + offsetof(struct host_message, fd_mask), &mask,
	       sizeof(mask));
	assert_int_equal(decode(&b, 2, HOST_DYNOD, &p, &e), 0);
	assert_int_equal(decode(&b, 1, HOST_DYNOD, &p, &e), -EBADMSG);
	one_message(&b, HOST_START);
	memcpy(b.data + offsetof(struct host_message, fd_mask), &mask,
	       sizeof(mask));
	assert_int_equal(decode(&b, 2, HOST_SUPERVISOR, &p, &e), -EBADMSG);
	one_message(&b, HOST_KILL);
	assert_int_equal(decode(&b, 1, HOST_SUPERVISOR, &p, &e), -EBADMSG);
}

static void bytes_at_random_do_no_harm(void **state)
{
	for (int i = 0; i < MUTATIONS; i++) {
		auto_buf b = BUF_INIT;
		uint32_t hits = 1 + id_random(4);

		one_message(&b, (enum host_type)(i % HOST_TYPE_COUNT));
		while (hits--)
			b.data[id_random((uint32_t)b.len)] =
				(char)(id_random(3) ? id_random(8) : id_random(256));
		if (id_random(4) == 0)
			b.len = id_random((uint32_t)b.len);
		LLVMFuzzerTestOneInput((uint8_t *)b.data, b.len);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_start_comes_out_as_it_went_in),
		cmocka_unit_test(a_start_may_lack_slug_and_environment),
		cmocka_unit_test(a_command_inside_has_a_client_and_no_slug),
		cmocka_unit_test(a_start_may_bring_the_lease_of_its_slug),
		cmocka_unit_test(without_a_slug_there_is_no_lease),
		cmocka_unit_test(a_start_without_a_command_is_refused),
		cmocka_unit_test(ids_and_slugs_are_checked),
		cmocka_unit_test(too_much_is_refused_before_it_is_sent),
		cmocka_unit_test(the_most_strings_fit),
		cmocka_unit_test(every_type_is_accepted_from_its_own_side_only),
		cmocka_unit_test(a_message_cut_anywhere_is_refused),
		cmocka_unit_test(each_field_is_held_to_its_range),
		cmocka_unit_test(descriptors_come_only_where_they_belong),
		cmocka_unit_test(bytes_at_random_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
