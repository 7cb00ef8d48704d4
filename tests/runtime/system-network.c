/*
 * system-network.c - the network as the kernel sees it. Needs root.
 *
 * Everything happens in namespaces of our own (network_world.h); the machine's
 * own network is not touched. Here: the life of an instance and of a dyno's
 * link. Who reaches whom is in network_reach.c, and is tested with br_netfilter
 * and without.
 */
#include "base/clock.h"
#include "base/error.h"
#include "runtime/network/network.h"
#include "runtime/network/network_link.h"
#include "tests/runtime/netns.h"
#include "tests/runtime/network_reach.h"
#include "tests/runtime/network_world.h"

#include <arpa/inet.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <cmocka.h>

#define PATIENCE_MSEC 60000
#define STEP_MSEC 10

static void await_no_link(const char *name)
{
	auto_free char *command = xasprintf("ip link show %s", name);

	for (int i = 0; i < PATIENCE_MSEC / STEP_MSEC; i++) {
		if (netns_run(NULL, command) != 0)
			return;
		poll(NULL, 0, STEP_MSEC);
	}
	fail_msg("%s stays", name);
}

static bool is_readable(int fd, int msec)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, msec) == 1;
}

/* Serve until nothing is left to be told. */
static void serve(struct world *w)
{
	struct error e = { 0 };

	assert_true(is_readable(network_fd(w->network), PATIENCE_MSEC));
	do
		if (network_serve(w->network, &e) < 0)
			fail_msg("%s", e.msg);
	while (is_readable(network_fd(w->network), 0));
}

/* ---- links and addresses ---- */

static void a_link_ends_with_its_namespace(void **state)
{
	struct world *w = *state;
	struct world_dyno d;

	world_dyno_open(w, &d, "91999999-aaaa");
	world_dyno_close(w, &d);
	await_no_link(d.link);
}

static void the_neighbour_of_a_dyno_goes_with_the_next_start(void **state)
{
	struct world *w = *state;
	auto_free char *look = NULL;
	struct world_dyno a, b;

	world_dyno_open(w, &a, "92999999-aaaa");
	look = xasprintf("ip neigh get %s dev dyno0", a.text);
	world_run(NULL, look);
	world_dyno_close(w, &a);
	world_dyno_open(w, &b, "93999999-aaaa");
	assert_int_not_equal(netns_run(NULL, look), 0);
	world_dyno_close(w, &b);
}

static void an_address_whose_link_is_there_is_passed_over(void **state)
{
	struct world *w = *state;
	struct in_addr first, next, after;
	auto_free char *add = NULL;
	struct error e = { 0 };

	assert_int_equal(network_reserve(w->network, &first, &e), 0);
	next.s_addr = htonl(ntohl(first.s_addr) + 1);
	add = xasprintf("ip link add keeper0 index %u type bridge",
			network_link_index(next));
	world_run(NULL, add);
	assert_int_equal(network_reserve(w->network, &after, &e), 0);
	assert_int_not_equal(after.s_addr, next.s_addr);
	world_run(NULL, "ip link del keeper0");
	network_release(w->network, first);
	network_release(w->network, after);
}

static void a_second_open_keeps_living_dynos_connected(void **state)
{
	struct world *w = *state;
	struct network *again = NULL;
	char seen[INET_ADDRSTRLEN];
	struct error e = { 0 };
	struct world_dyno d;

	world_dyno_open(w, &d, "99999999-aaaa");
	assert_int_equal(world_network(w, &again, -1, "/test/one", &e), 0);
	assert_int_equal(network_instance(again), network_instance(w->network));
	world_assert_reaches(&d.ns, NULL, WORLD_INTERNET, seen);
	network_close(again);
	world_dyno_close(w, &d);
}

/* ---- what others do ---- */

static void a_flushed_firewall_is_made_again_at_once(void **state)
{
	struct world *w = *state;
	char seen[INET_ADDRSTRLEN];
	struct world_dyno d, none;

	world_dyno_open(w, &d, "a1aaaaaa-aaaa");
	world_dyno_open_as(w, &none, "a1aaaaaa-bbbb", NETWORK_EGRESS_NONE);
	world_assert_reaches(&d.ns, NULL, WORLD_INTERNET, seen);
	world_run(NULL, "nft flush ruleset");
	w->told[0] = '\0';
	serve(w);
	assert_non_null(strstr(w->told, "somebody removed"));
	world_assert_reaches(&d.ns, NULL, WORLD_INTERNET, seen);
	world_assert_refused(&d.ns, WORLD_HOST);
	world_assert_refused(&none.ns, WORLD_INTERNET);
	world_run(NULL, "nft flush table bridge dyno0");
	serve(w);
	world_assert_reaches(&d.ns, NULL, WORLD_INTERNET, seen);
	world_run(NULL, "nft delete table inet dyno0");
	serve(w);
	world_assert_reaches(&d.ns, NULL, WORLD_INTERNET, seen);
	world_assert_refused(&d.ns, WORLD_HOST);
	world_dyno_close(w, &d);
	world_dyno_close(w, &none);
}

static void a_flushed_firewall_is_made_again_at_the_next_start(void **state)
{
	struct world *w = *state;
	char seen[INET_ADDRSTRLEN];
	struct world_dyno a, b;

	world_dyno_open(w, &a, "aaaaaaaa-aaaa");
	world_run(NULL, "nft flush ruleset");
	w->told[0] = '\0';
	world_dyno_open(w, &b, "bbbbbbbb-aaaa");
	assert_non_null(strstr(w->told, "somebody removed"));
	world_assert_reaches(&a.ns, NULL, WORLD_INTERNET, seen);
	world_assert_reaches(&b.ns, NULL, WORLD_INTERNET, seen);
	world_run(NULL, "nft flush ruleset");
	world_dyno_close(w, &a);
	world_assert_reaches(&b.ns, NULL, WORLD_INTERNET, seen);
	world_dyno_close(w, &b);
}

static void others_tables_are_left_alone_and_wake_nobody(void **state)
{
	struct world *w = *state;
	struct world_dyno d;

	if (is_readable(network_fd(w->network), 0))
		serve(w);
	world_dyno_open(w, &d, "a2aaaaaa-aaaa");
	world_dyno_close(w, &d);
	assert_false(is_readable(network_fd(w->network), 0));
	w->told[0] = '\0';
	world_run(NULL, "nft add table inet dynofoo");
	world_run(NULL, "nft add chain inet dynofoo c");
	world_run(NULL, "nft delete chain inet dynofoo c");
	serve(w);
	assert_string_equal(w->told, "");
	world_run(NULL, "nft list table inet dynofoo");
	world_run(NULL, "nft delete table inet dynofoo");
	serve(w);
	assert_string_equal(w->told, "");
}

static void assert_asks(const struct world_dyno *d, const char *server)
{
	const char *const servers[] = { WORLD_GATEWAY, "172.16.0.2" };

	for (size_t i = 0; i < ARRAY_SIZE(servers); i++) {
		int udp = netns_ask_udp(&d->ns, NULL, servers[i], 53);
		char seen[INET_ADDRSTRLEN];
		int tcp = netns_connect(&d->ns, NULL, servers[i], 53, seen);

		if ((udp == 0) != (server != NULL) ||
		    (tcp == 0) != (server != NULL))
			fail_msg("%s: %s, %s", servers[i], strerror(udp),
				 strerror(tcp));
	}
}

static void names_follow_the_hosts_resolv_conf(void **state)
{
	struct world *w = *state;
	struct world_dyno d, none;
	pid_t udp, tcp;

	assert_string_equal(network_dns(w->network), WORLD_GATEWAY " 172.16.0.2");
	world_dyno_open(w, &d, "a3aaaaaa-aaaa");
	world_dyno_open_as(w, &none, "a4aaaaaa-aaaa", NETWORK_EGRESS_NONE);
	assert_asks(&d, NULL);		/* the host's is a loopback stub */

	udp = netns_serve_udp(&w->internet, WORLD_INTERNET, 53);
	tcp = netns_serve(&w->internet, WORLD_INTERNET, 53);
	world_resolv("nameserver 127.0.0.53\nnameserver " WORLD_INTERNET "\n");
	serve(w);
	assert_asks(&d, WORLD_INTERNET);
	assert_asks(&none, NULL);
	netns_kill(udp);
	netns_kill(tcp);

	/* Now it is the host itself, under an address that is closed else. */
	udp = netns_serve_udp(NULL, WORLD_BRIDGE, 53);
	tcp = netns_serve(NULL, WORLD_BRIDGE, 53);
	world_resolv("nameserver " WORLD_BRIDGE "\n");
	serve(w);
	assert_asks(&d, WORLD_BRIDGE);
	assert_int_not_equal(netns_ask_udp(&d.ns, NULL, WORLD_BRIDGE, 53), 0);
	netns_kill(udp);
	netns_kill(tcp);

	/* Or a link-local address, as in some clouds; it answers names only. */
	udp = netns_serve_udp(&w->internet, WORLD_METADATA, 53);
	tcp = netns_serve(&w->internet, WORLD_METADATA, 53);
	world_run(NULL, "mkdir -p /run/elsewhere");
	world_run(NULL, "cp /etc/resolv.conf /run/elsewhere/r");
	world_run(NULL, "sed -i s/" WORLD_BRIDGE "/" WORLD_METADATA
		  "/ /run/elsewhere/r");
	world_run(NULL, "ln -sf ../run/elsewhere/r /etc/resolv.conf");
	serve(w);
	assert_asks(&d, WORLD_METADATA);
	assert_int_not_equal(netns_ask_udp(&d.ns, NULL, WORLD_METADATA, 53), 0);
	netns_kill(udp);
	netns_kill(tcp);

	/* What the link points to is watched, too. */
	udp = netns_serve_udp(&w->internet, WORLD_SECOND, 53);
	tcp = netns_serve(&w->internet, WORLD_SECOND, 53);
	world_run(NULL, "sed -i s/" WORLD_METADATA "/" WORLD_SECOND
		  "/ /run/elsewhere/r");
	serve(w);
	assert_asks(&d, WORLD_SECOND);
	netns_kill(udp);
	netns_kill(tcp);
	world_run(NULL, "rm /etc/resolv.conf");
	world_resolv("nameserver 127.0.0.53\n");
	serve(w);
	world_dyno_close(w, &d);
	world_dyno_close(w, &none);
}

/* ---- instances ---- */

static void another_root_gets_another_instance(void **state)
{
	struct world *w = *state;
	struct network *other = NULL;
	struct error e = { 0 };

	assert_int_equal(world_network(w, &other, 0, "/test/two", &e), -EBUSY);
	world_run(NULL, "ip addr add 172.16.65.1/24 dev up0");
	assert_int_equal(world_network(w, &other, -1, "/test/two", &e), 0);
	assert_int_equal(network_instance(other), 2);	/* 1 collides */
	assert_int_equal(network_wipe(other, &e), 0);
	world_assert_no_link("dyno2");
	network_close(other);
	world_run(NULL, "ip addr del 172.16.65.1/24 dev up0");
}

static int open_and_tell_instance(const void *arg)
{
	struct world w = { .told = "" };
	struct network *n = NULL;

	return world_network(&w, &n, -1, arg, NULL) < 0
		? 100 : (int)network_instance(n);
}

static void roots_that_start_at_once_get_different_instances(void **state)
{
	struct world *w = *state;
	uint64_t seen = 1;		/* 0 is that of the world */
	pid_t pids[6];

	for (size_t i = 0; i < ARRAY_SIZE(pids); i++) {
		auto_free char *root = xasprintf("/test/race%zu", i);

		pids[i] = fork();
		if (pids[i] == 0)
			_exit(open_and_tell_instance(root));
	}
	for (size_t i = 0; i < ARRAY_SIZE(pids); i++) {
		auto_free char *root = xasprintf("/test/race%zu", i);
		struct network *n = NULL;
		struct error e = { 0 };
		int status;

		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_true(WEXITSTATUS(status) < NETWORK_INSTANCES);
		assert_false(seen >> WEXITSTATUS(status) & 1);
		seen |= 1ULL << WEXITSTATUS(status);
		assert_int_equal(world_network(w, &n, -1, root, &e), 0);
		assert_int_equal(network_instance(n), WEXITSTATUS(status));
		assert_int_equal(network_wipe(n, &e), 0);
		network_close(n);
	}
	world_assert_no_link("dyno1");
}

static void uuids_that_begin_alike_get_links_of_their_own(void **state)
{
	struct world *w = *state;
	char seen[INET_ADDRSTRLEN];
	struct world_dyno a, b;

	world_dyno_open(w, &a, "cccccccc-cccc-4ccc-8ccc-cccccccccccc");
	world_dyno_open(w, &b, "cccccccc-cccc-4ccc-8ccc-cccccccccccd");
	assert_string_not_equal(a.link, b.link);
	world_assert_reaches(&a.ns, NULL, WORLD_INTERNET, seen);
	world_assert_reaches(&b.ns, NULL, WORLD_INTERNET, seen);
	world_dyno_close(w, &a);
	world_assert_reaches(&b.ns, NULL, WORLD_INTERNET, seen);
	world_dyno_close(w, &b);
}

static void a_failed_attach_leaves_nothing(void **state)
{
	struct world *w = *state;
	struct error e = { 0 };
	struct in_addr address;

	char command[80], text[INET_ADDRSTRLEN], link[IFNAMSIZ];

	assert_int_equal(network_reserve(w->network, &address, &e), 0);
	assert_true(network_attach(w->network, "dddddddd-aaaa", 0x3fffffff,
				   address, NETWORK_EGRESS_INTERNET, &e) < 0);
	network_link_name(link, 0, "dddddddd-aaaa", address);
	assert_non_null(strstr(e.msg, link));
	world_assert_no_link(link);
	inet_ntop(AF_INET, &address, text, sizeof(text));
	snprintf(command, sizeof(command), "ip neigh get %s dev dyno0", text);
	assert_int_not_equal(netns_run(NULL, command), 0);
}

static void wipe_leaves_nothing(void **state)
{
	struct world *w = *state;
	struct error e = { 0 };
	struct world_dyno d;

	world_run(NULL, "nft add table inet dynofoo");
	world_dyno_open(w, &d, "eeeeeeee-aaaa");
	assert_int_equal(network_wipe(w->network, &e), 0);
	world_assert_no_link("dyno0");
	world_assert_no_link(d.link);
	assert_int_not_equal(netns_run(NULL, "nft list table inet dyno0"), 0);
	assert_int_not_equal(netns_run(NULL, "nft list table bridge dyno0"), 0);
	world_run(NULL, "nft list table inet dynofoo");
	assert_int_equal(network_wipe(w->network, &e), 0);
	netns_close(&d.ns);
}

#define REACH_TESTS \
	cmocka_unit_test(host_reaches_a_dyno), \
	cmocka_unit_test(dyno_goes_out_under_the_hosts_address), \
	cmocka_unit_test(nobody_comes_in_from_outside), \
	cmocka_unit_test(addresses_of_the_host_are_out_of_reach), \
	cmocka_unit_test(loopback_of_the_host_is_out_of_reach), \
	cmocka_unit_test(metadata_service_is_out_of_reach), \
	cmocka_unit_test(what_is_allowed_is_reached_though_it_is_the_hosts), \
	cmocka_unit_test(dynos_reach_no_more_than_their_egress_says), \
	cmocka_unit_test(dynos_do_not_reach_each_other), \
	cmocka_unit_test(frames_do_not_reach_another_dyno), \
	cmocka_unit_test(forged_frames_do_not_reach_the_host), \
	cmocka_unit_test(other_source_addresses_are_dropped), \
	cmocka_unit_test(other_hardware_addresses_are_dropped), \
	cmocka_unit_test(there_is_no_ipv6_on_eth0), \
	cmocka_unit_test(names_follow_the_hosts_resolv_conf)

int main(int argc, char **argv)
{
	const struct CMUnitTest with_br_netfilter[] = { REACH_TESTS };
	const struct CMUnitTest without_br_netfilter[] = { REACH_TESTS };
	const struct CMUnitTest life[] = {
		cmocka_unit_test(connections_of_a_dyno_are_bounded),
		cmocka_unit_test(a_link_ends_with_its_namespace),
		cmocka_unit_test(the_neighbour_of_a_dyno_goes_with_the_next_start),
		cmocka_unit_test(an_address_whose_link_is_there_is_passed_over),
		cmocka_unit_test(a_second_open_keeps_living_dynos_connected),
		cmocka_unit_test(a_flushed_firewall_is_made_again_at_once),
		cmocka_unit_test(a_flushed_firewall_is_made_again_at_the_next_start),
		cmocka_unit_test(others_tables_are_left_alone_and_wake_nobody),
		cmocka_unit_test(another_root_gets_another_instance),
		cmocka_unit_test(roots_that_start_at_once_get_different_instances),
		cmocka_unit_test(uuids_that_begin_alike_get_links_of_their_own),
		cmocka_unit_test(a_failed_attach_leaves_nothing),
		cmocka_unit_test(wipe_leaves_nothing),
	};

	if (argc > 1)			/* a pattern of names */
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(with_br_netfilter, world_open_filtered,
				      world_close) +
	       cmocka_run_group_tests(without_br_netfilter, world_open_plain,
				      world_close) +
	       cmocka_run_group_tests(life, world_open_plain, world_close);
}
