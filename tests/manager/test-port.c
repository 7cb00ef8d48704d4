#include "base/error.h"
#include "base/sock.h"
#include "manager/life/port.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdio.h>
#include <cmocka.h>

#define HEAD "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when " \
	     "retrnsmt   uid  timeout inode\n"
#define REST " 00000000:00000000 00:00000000 00000000  1000        0 4242 1 0 100\n"

static struct in_addr dyno = { 0 };

static int setup(void **state)
{
	return inet_pton(AF_INET, "172.16.0.9", &dyno) == 1 ? 0 : -1;
}

static bool in(const char *text)
{
	return port_in_table(text, 5000, dyno);	/* 5000 = 0x1388 */
}

static void a_listener_on_the_wildcard_counts(void **state)
{
	assert_true(in(HEAD "   0: 00000000:1388 00000000:0000 0A" REST));
	assert_true(in(HEAD "   0: 00000000:0050 00000000:0000 0A" REST
		       "  12: 00000000:1388 00000000:0000 0A" REST));
}

static void a_listener_on_the_own_address_counts(void **state)
{
	char line[256];

	snprintf(line, sizeof(line), HEAD "   0: %08X:1388 00000000:0000 0A" REST,
		 dyno.s_addr);
	assert_true(in(line));
}

static void loopback_and_strange_addresses_do_not_count(void **state)
{
	assert_false(in(HEAD "   0: 0100007F:1388 00000000:0000 0A" REST));
	assert_false(in(HEAD "   0: 0A0010AC:1388 00000000:0000 0A" REST));
}

static void other_ports_and_states_do_not_count(void **state)
{
	assert_false(in(HEAD "   0: 00000000:1389 00000000:0000 0A" REST));
	assert_false(in(HEAD "   0: 00000000:1388 00000000:0000 01" REST));
	assert_false(in(HEAD "   0: 00000000:0050 00000000:1388 0A" REST));
}

static void ipv6_wildcard_and_mapped_addresses_count(void **state)
{
	char line[256];

	assert_true(in(HEAD "   0: 00000000000000000000000000000000:1388 "
		       "00000000000000000000000000000000:0000 0A" REST));
	snprintf(line, sizeof(line), HEAD "   0: 0000000000000000FFFF0000%08X:1388 "
		 "00000000000000000000000000000000:0000 0A" REST, dyno.s_addr);
	assert_true(in(line));
	assert_false(in(HEAD "   0: 00000000000000000000000001000000:1388 "
			"00000000000000000000000000000000:0000 0A" REST));
}

static void nonsense_is_no_listener(void **state)
{
	assert_false(in(""));
	assert_false(in(HEAD));
	assert_false(in("   0: 00000000:1388"));
	assert_false(in("   0: 00000000000:1388 00000000:0000 0A" REST));
	assert_false(in("\n\n\n::::\n"));
}

static void the_kernels_own_table_is_read(void **state)
{
	auto_close int proc_fd = open("/proc/self", O_RDONLY | O_DIRECTORY);
	uint16_t port = 0;
	int fd = sock_listen_tcp("0.0.0.0", 0, &port, NULL);
	struct error e;

	assert_true(proc_fd >= 0 && fd >= 0);
	assert_int_equal(port_is_bound(proc_fd, port, dyno, &e), 1);
	close(fd);
	assert_int_equal(port_is_bound(proc_fd, port, dyno, &e), 0);
	fd = sock_listen_tcp("127.0.0.1", 0, &port, NULL);
	assert_int_equal(port_is_bound(proc_fd, port, dyno, &e), 0);
	close(fd);
}

static void ports_are_chosen_within_bounds(void **state)
{
	for (int i = 0; i < 1000; i++) {
		uint16_t p = port_choose(3000, 3003);

		assert_in_range(p, 3000, 3003);
	}
	assert_int_equal(port_choose(7, 7), 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_listener_on_the_wildcard_counts),
		cmocka_unit_test(a_listener_on_the_own_address_counts),
		cmocka_unit_test(loopback_and_strange_addresses_do_not_count),
		cmocka_unit_test(other_ports_and_states_do_not_count),
		cmocka_unit_test(ipv6_wildcard_and_mapped_addresses_count),
		cmocka_unit_test(nonsense_is_no_listener),
		cmocka_unit_test(the_kernels_own_table_is_read),
		cmocka_unit_test(ports_are_chosen_within_bounds),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
