#include "base/buf.h"
#include "base/error.h"
#include "runtime/network/network.h"
#include "runtime/network/network_dns.h"
#include "runtime/network/network_link.h"
#include "runtime/network/network_netlink.h"
#include "runtime/network/network_pool.h"
#include "runtime/network/network_rules.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <setjmp.h>
#include <stdio.h>
#include <cmocka.h>

static struct in_addr ip(const char *text)
{
	struct in_addr a;

	assert_int_equal(inet_pton(AF_INET, text, &a), 1);
	return a;
}

static void assert_ip(struct in_addr a, const char *text)
{
	char out[INET_ADDRSTRLEN];

	assert_string_equal(inet_ntop(AF_INET, &a, out, sizeof(out)), text);
}

/* ---- addresses ---- */

static void instances_have_blocks_side_by_side(void **state)
{
	assert_ip(network_pool_network(0), "172.16.0.0");
	assert_ip(network_pool_gateway(0), "172.16.0.1");
	assert_ip(network_pool_gateway(1), "172.16.64.1");
	assert_ip(network_pool_gateway(63), "172.31.192.1");
}

static void blocks_and_networks_overlap_both_ways(void **state)
{
	assert_true(network_pool_overlaps(1, ip("172.16.64.9"), 32));
	assert_true(network_pool_overlaps(1, ip("172.16.0.0"), 12));
	assert_true(network_pool_overlaps(63, ip("172.16.0.0"), 12));
	assert_true(network_pool_overlaps(5, ip("0.0.0.0"), 0));
	assert_false(network_pool_overlaps(0, ip("172.16.64.9"), 32));
	assert_false(network_pool_overlaps(0, ip("172.32.0.0"), 16));
	assert_false(network_pool_overlaps(0, ip("10.0.0.0"), 8));
}

static void networks_are_read_and_what_is_none_is_named(void **state)
{
	static const char *const wrong[] = {
		"10.1.0.0/33", "10.1.0.0/", "10.1.0.0/x", "10.1.2.0/16", "ten", "::1",
		"10.1.0.0/16/2", "10.1.0/24",
	};
	struct network_prefix v[NETWORK_ALLOWED_MAX];
	auto_buf many = BUF_INIT;
	struct error e;
	size_t n;

	assert_int_equal(network_prefixes("", v, &n, &e), 0);
	assert_int_equal(n, 0);
	assert_int_equal(network_prefixes(" 10.1.0.0/16, 192.168.4.7\t0.0.0.0/0", v,
					  &n, &e), 0);
	assert_int_equal(n, 3);
	assert_int_equal(ntohl(v[0].address.s_addr), 0x0a010000);
	assert_int_equal(v[0].length, 16);
	assert_int_equal(v[1].length, 32);
	assert_int_equal(v[2].length, 0);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		assert_int_equal(network_prefixes(wrong[i], v, &n, &e), -EINVAL);
		assert_non_null(strstr(e.msg, wrong[i]));
	}
	for (int i = 0; i <= NETWORK_ALLOWED_MAX; i++)
		buf_adds(&many, "1.2.3.4 ");
	assert_int_equal(network_prefixes(buf_str(&many), v, &n, &e), -E2BIG);
}

static void addresses_are_taken_one_after_another(void **state)
{
	struct network_pool p = NETWORK_POOL_INIT;
	struct in_addr a;

	assert_int_equal(network_pool_open(&p, NULL, 1, 0, 0, NULL), 0);
	assert_true(network_pool_take(&p, 0, &a));
	assert_ip(a, "172.16.64.3");
	assert_true(network_pool_take(&p, 0, &a));
	assert_ip(a, "172.16.64.4");
	network_pool_close(&p);
}

static void adopted_addresses_are_not_handed_out(void **state)
{
	struct network_pool p = NETWORK_POOL_INIT;
	struct in_addr a;

	assert_int_equal(network_pool_open(&p, NULL, 0, 0, 0, NULL), 0);
	network_pool_occupy(&p, ip("172.16.0.3"));
	assert_true(network_pool_take(&p, 0, &a));
	assert_ip(a, "172.16.0.4");
	network_pool_close(&p);
}

static void an_address_rests_before_it_is_used_again(void **state)
{
	const uint64_t rest = NETWORK_QUARANTINE_SEC * USEC_PER_SEC;
	struct network_pool p = NETWORK_POOL_INIT;
	struct in_addr a;

	assert_int_equal(network_pool_open(&p, NULL, 0, 0, 0, NULL), 0);
	for (uint32_t i = 3; i <= NETWORK_POOL_SIZE - 2; i++)
		assert_true(network_pool_take(&p, 1, &a));
	assert_ip(a, "172.16.63.254");
	assert_false(network_pool_take(&p, 1, &a));

	network_pool_release(&p, ip("172.16.7.7"), 1000);
	/* A second release does not prolong the rest. */
	network_pool_release(&p, ip("172.16.7.7"), 1000 + rest / 2);
	assert_false(network_pool_take(&p, 1000 + rest - 1, &a));
	assert_true(network_pool_take(&p, 1000 + rest, &a));
	assert_ip(a, "172.16.7.7");
	network_pool_close(&p);
}

static void foreign_addresses_leave_the_pool_alone(void **state)
{
	static const char *const foreign[] = {
		"172.16.0.0", "172.16.0.1", "172.16.0.2", "172.16.63.255", "172.16.64.2",
		"10.0.0.1", "255.255.255.255", "0.0.0.0",
	};
	struct network_pool p = NETWORK_POOL_INIT;

	assert_int_equal(network_pool_open(&p, NULL, 0, 0, 0, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(foreign); i++) {
		network_pool_occupy(&p, ip(foreign[i]));
		network_pool_release(&p, ip(foreign[i]), 5);
	}
	for (uint32_t i = 0; i < NETWORK_POOL_SIZE; i++)
		assert_int_equal(p.until_usec[i], 0);
	network_pool_close(&p);
}

static void the_search_may_start_anywhere(void **state)
{
	struct network_pool p = NETWORK_POOL_INIT;
	struct in_addr a;

	assert_int_equal(network_pool_open(&p, NULL, 0, UINT32_MAX, 0, NULL),
			 0);
	for (int i = 0; i < 3; i++) {
		assert_true(network_pool_take(&p, 0, &a));
		assert_true(network_pool_overlaps(0, a, 32));
	}
	network_pool_close(&p);
}

/* ---- the file of addresses ---- */

static const uint64_t rest_usec = NETWORK_QUARANTINE_SEC * USEC_PER_SEC;

/* How many can be had at that time. */
static unsigned count_free(const char *path, unsigned instance, uint64_t now,
			   struct in_addr not_this)
{
	struct network_pool p = NETWORK_POOL_INIT;
	struct in_addr a;
	unsigned n = 0;

	assert_int_equal(network_pool_open(&p, path, instance, 7, now, NULL), 0);
	while (network_pool_take(&p, now, &a)) {
		assert_int_not_equal(a.s_addr, not_this.s_addr);
		network_pool_release(&p, a, 0);
		p.until_usec[network_pool_slot(&p, a)] = rest_usec + now;
		n++;
	}
	network_pool_close(&p);
	unlink(path);
	return n;
}

static void make_file(char path[32], unsigned instance, struct in_addr *resting)
{
	struct network_pool p = NETWORK_POOL_INIT;

	snprintf(path, 32, "/tmp/dyno-pool-XXXXXX");
	close(mkstemp(path));
	assert_int_equal(network_pool_open(&p, path, instance, 7, 1000, NULL), 0);
	assert_true(network_pool_take(&p, 1000, resting));
	network_pool_release(&p, *resting, 1000);
	network_pool_close(&p);
}

#define POOL_ALL (NETWORK_POOL_SIZE - 4)
static const struct in_addr no_address;

static void an_address_rests_though_the_daemon_is_started_again(void **state)
{
	struct in_addr resting;
	char path[32];

	make_file(path, 0, &resting);
	assert_int_equal(count_free(path, 0, 1000 + rest_usec - 1, resting),
			 POOL_ALL - 1);
	make_file(path, 0, &resting);
	assert_int_equal(count_free(path, 0, 1000 + rest_usec, no_address),
			 POOL_ALL);
}

static void an_address_that_was_in_use_rests_first(void **state)
{
	struct network_pool p = NETWORK_POOL_INIT;
	struct in_addr resting;
	char path[32];

	make_file(path, 0, &resting);
	assert_int_equal(network_pool_open(&p, path, 0, 7, 2000, NULL), 0);
	network_pool_occupy(&p, resting);
	network_pool_close(&p);
	assert_int_equal(network_pool_open(&p, path, 0, 7, 3000, NULL), 0);
	assert_int_equal(p.until_usec[network_pool_slot(&p, resting)],
			 3000 + rest_usec);
	network_pool_close(&p);
	unlink(path);
}

static void a_file_without_sense_is_emptied(void **state)
{
	struct in_addr resting;
	char path[32];
	int fd;

	make_file(path, 3, &resting);
	assert_int_equal(count_free(path, 4, 2000, no_address), POOL_ALL);
	make_file(path, 0, &resting);
	fd = open(path, O_WRONLY);
	assert_int_equal(pwrite(fd, "x", 1, 30), 1);	/* of another boot */
	close(fd);
	assert_int_equal(count_free(path, 0, 2000, no_address), POOL_ALL);
	make_file(path, 0, &resting);
	assert_int_equal(truncate(path, 100), 0);
	assert_int_equal(count_free(path, 0, 2000, no_address), POOL_ALL);
}

static void a_file_that_cannot_be_is_an_error(void **state)
{
	struct network_pool p = NETWORK_POOL_INIT;
	struct error e;

	assert_true(network_pool_open(&p, "/proc/nowhere/a", 0, 0, 0, &e) < 0);
	assert_non_null(strstr(e.msg, "/proc/nowhere/a"));
	network_pool_close(&p);
}

/* ---- names ---- */

static void links_are_named_after_instance_uuid_and_address(void **state)
{
	const char *uuid = "01234567-89ab-4cde-8f01-23456789abcd";
	char name[IFNAMSIZ];

	network_link_name(name, 3, uuid, ip("172.16.192.10"));
	assert_string_equal(name, "dyno3-01234c00a");
	network_link_name(name, 63, uuid, ip("172.31.193.255"));
	assert_string_equal(name, "dyno63-0123c1ff");
	assert_true(strlen(name) <= 15);
}

static void hardware_address_and_index_follow_from_the_address(void **state)
{
	const uint8_t want[] = { 0x02, 0x64, 172, 16, 64, 9 };
	uint8_t mac[NETWORK_MAC_BYTES];

	network_link_mac(ip("172.16.64.9"), mac);
	assert_memory_equal(mac, want, sizeof(want));
	assert_int_equal(network_link_index(ip("172.16.64.9")), 0x20004009);
	assert_int_equal(network_link_index(ip("172.31.255.254")), 0x200ffffe);
}

/* ---- messages ---- */

static void inside_is_a_row_of_complete_requests(void **state)
{
	static const uint16_t want[] = {
		RTM_NEWLINK, RTM_NEWLINK, RTM_NEWADDR, RTM_NEWLINK,
		RTM_NEWNEIGH, RTM_NEWROUTE,
	};
	struct network_batch b;
	const struct nlmsghdr *nlh = (const void *)b.data;
	unsigned i = 0;
	int len;

	network_batch_init(&b, NULL);
	network_link_inside(&b, ip("172.16.0.9"), ip("172.16.0.1"), true);
	len = (int)network_batch_len(&b);
	for (; mnl_nlmsg_ok(nlh, len); nlh = mnl_nlmsg_next(nlh, &len)) {
		assert_true(i < ARRAY_SIZE(want));
		assert_int_equal(nlh->nlmsg_type, want[i++]);
		assert_int_equal(nlh->nlmsg_seq, i);
		assert_true(nlh->nlmsg_flags & NLM_F_ACK);
	}
	assert_int_equal(len, 0);
	assert_int_equal(i, ARRAY_SIZE(want));
	assert_int_equal(b.n, i);
}

static void without_ipv6_nothing_is_said_about_it(void **state)
{
	struct network_batch with, without;

	network_batch_init(&with, NULL);
	network_batch_init(&without, NULL);
	network_link_inside(&with, ip("172.16.0.9"), ip("172.16.0.1"), true);
	network_link_inside(&without, ip("172.16.0.9"), ip("172.16.0.1"), false);
	assert_int_equal(without.n + 1, with.n);
}

static void a_full_batch_still_takes_a_request(void **state)
{
	struct network_batch b;

	network_batch_init(&b, NULL);
	while (!network_batch_full(&b))
		network_batch_add(&b, RTM_DELLINK, 0, ENODEV, "remove %zu", b.n);
	network_batch_add(&b, RTM_DELLINK, 0, ENODEV, "one more");
	assert_true(b.n <= NETWORK_BATCH_MAX);
	assert_true(network_batch_len(&b) <= NETWORK_BATCH_BYTES);
}

/* ---- the packet filter's text ---- */

static void filter_names_nothing_but_the_instance(void **state)
{
	const struct network_rules rules = { .instance = 7 };
	auto_buf inet = BUF_INIT, bridge = BUF_INIT;

	network_rules_inet(&rules, &inet);
	network_rules_bridge(&rules, &bridge);
	assert_non_null(strstr(inet.data, "table inet dyno7 {"));
	assert_non_null(strstr(inet.data, "172.17.192.0/18"));
	assert_non_null(strstr(bridge.data, "iifname \"dyno7-*\" jump port"));
	assert_null(strstr(inet.data, "flush ruleset"));
	assert_null(strstr(bridge.data, "flush ruleset"));
	assert_null(strstr(inet.data, "elements"));
	assert_null(strstr(bridge.data, "elements"));
}

static void tables_are_made_with_the_elements_of_living_dynos(void **state)
{
	const struct network_member members[] = {
		{ ip("172.16.64.9"), NETWORK_EGRESS_INTERNET },
		{ ip("172.16.64.10"), NETWORK_EGRESS_NONE },
	};
	const struct in_addr servers[NETWORK_SERVERS] = {
		ip("192.0.2.1"), ip("192.0.2.2"),
	};
	const struct network_prefix allowed[] = { { ip("10.1.0.0"), 16 } };
	const struct network_rules rules = {
		.instance = 1, .members = members, .n_members = 2,
		.servers = servers, .allowed = allowed, .n_allowed = 1,
	};
	auto_buf inet = BUF_INIT, bridge = BUF_INIT;

	network_rules_inet(&rules, &inet);
	network_rules_bridge(&rules, &bridge);
	assert_non_null(strstr(inet.data, "elements = { 172.16.64.9 : accept, "
			       "172.16.64.10 : drop }"));
	assert_non_null(strstr(inet.data, "elements = { 172.16.64.1 : 192.0.2.1, "
			       "172.16.64.2 : 192.0.2.2 }"));
	assert_non_null(strstr(inet.data, "elements = { 10.1.0.0/16 }"));
	assert_non_null(strstr(bridge.data,
			       "elements = { 536887305 . 02:64:ac:10:40:09 . "
			       "172.16.64.9, "));
}

/* ---- name servers ---- */

static void assert_servers(const char *configured, const char *text,
			   const char *first, const char *second)
{
	struct in_addr servers[NETWORK_SERVERS];

	assert_int_equal(network_dns_parse(configured, text, servers),
			 first != NULL);
	if (!first)
		return;
	assert_ip(servers[0], first);
	assert_ip(servers[1], second);
}

static void name_servers_are_those_that_a_dyno_can_reach(void **state)
{
	assert_servers(NULL, "search a\nnameserver 192.0.2.1\n"
		       "nameserver\t192.0.2.2\nnameserver 192.0.2.3",
		       "192.0.2.1", "192.0.2.2");
	assert_servers(NULL, "nameserver 127.0.0.53\noptions edns0\n\n"
		       "nameserver 2001:db8::1\nnameserver 0.0.0.0\n"
		       "nameserver ::1\n;nameserver 192.0.2.8\n"
		       "nameserver 192.0.2.9\n", "192.0.2.9", "192.0.2.9");
	assert_servers(NULL, "nameserver 127.0.0.1\nnameserver 192.0.2.", NULL,
		       NULL);
	assert_servers(NULL, "nameserver192.0.2.1\nnameserver\n192.0.2.2\n",
		       NULL, NULL);
	assert_servers(NULL, "", NULL, NULL);
}

static void configured_name_servers_go_before_the_hosts(void **state)
{
	assert_servers("192.0.2.7  192.0.2.8", "nameserver 192.0.2.1\n",
		       "192.0.2.7", "192.0.2.8");
	assert_servers("", "nameserver 192.0.2.1\n", "192.0.2.1", "192.0.2.1");
	assert_servers("127.0.0.53", "nameserver 192.0.2.1\n", NULL, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(instances_have_blocks_side_by_side),
		cmocka_unit_test(blocks_and_networks_overlap_both_ways),
		cmocka_unit_test(networks_are_read_and_what_is_none_is_named),
		cmocka_unit_test(addresses_are_taken_one_after_another),
		cmocka_unit_test(adopted_addresses_are_not_handed_out),
		cmocka_unit_test(an_address_rests_before_it_is_used_again),
		cmocka_unit_test(foreign_addresses_leave_the_pool_alone),
		cmocka_unit_test(the_search_may_start_anywhere),
		cmocka_unit_test(an_address_rests_though_the_daemon_is_started_again),
		cmocka_unit_test(an_address_that_was_in_use_rests_first),
		cmocka_unit_test(a_file_without_sense_is_emptied),
		cmocka_unit_test(a_file_that_cannot_be_is_an_error),
		cmocka_unit_test(links_are_named_after_instance_uuid_and_address),
		cmocka_unit_test(hardware_address_and_index_follow_from_the_address),
		cmocka_unit_test(inside_is_a_row_of_complete_requests),
		cmocka_unit_test(without_ipv6_nothing_is_said_about_it),
		cmocka_unit_test(a_full_batch_still_takes_a_request),
		cmocka_unit_test(filter_names_nothing_but_the_instance),
		cmocka_unit_test(tables_are_made_with_the_elements_of_living_dynos),
		cmocka_unit_test(name_servers_are_those_that_a_dyno_can_reach),
		cmocka_unit_test(configured_name_servers_go_before_the_hosts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
