/*
 * system-network.c - the network as the kernel sees it. Needs root.
 *
 * Everything happens in network namespaces of our own: "host" (the test
 * itself), "internet" behind it, and the dynos. The machine's own network is
 * not touched.
 */
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "runtime/network.h"
#include "runtime/network_link.h"
#include "tests/runtime/netns.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <cmocka.h>

#define HOST_ADDRESS "198.51.100.1"
#define INTERNET_ADDRESS "198.51.100.2"
#define METADATA_ADDRESS "169.254.169.254"
#define PORT 8080

struct world {
	struct network *network;
	struct netns internet;
	pid_t internet_server, metadata_server, host_server, gateway_server;
	char told[1024];
};

struct dyno_end {
	const char *uuid;
	struct in_addr address;
	char text[INET_ADDRSTRLEN];
	char link[IFNAMSIZ];
	struct netns ns;
};

static void on_tell(const char *what, void *userdata)
{
	struct world *w = userdata;

	snprintf(w->told, sizeof(w->told), "%s", what);
}

static int open_network(struct world *w, struct network **ret, int instance,
			const char *root, struct error *e)
{
	struct network_config config = {
		.instance = instance, .root_name = root, .ip_forward = true,
	};

	return network_open(ret, &config, on_tell, w, e);
}

/* ---- the world around ---- */

static void run(const struct netns *ns, const char *command)
{
	if (netns_run(ns, command) != 0)
		fail_msg("%s", command);
}

static int make_world(void **state)
{
	struct world *w = xcalloc(1, sizeof(*w));
	auto_free char *pair = NULL;
	struct error e = { 0 };

	assert_int_equal(unshare(CLONE_NEWNET), 0);
	netns_open(&w->internet);
	pair = xasprintf("ip link add up0 type veth peer name net0 netns %d",
			 (int)w->internet.pid);
	run(NULL, pair);
	/* With it, the filter for routed packets hides that of the bridge. */
	netns_run(NULL, "sysctl -w net.bridge.bridge-nf-call-iptables=0");
	run(NULL, "ip link set lo up");
	run(NULL, "ip addr add " HOST_ADDRESS "/24 dev up0");
	run(NULL, "ip link set up0 up");
	run(NULL, "ip route add default via " INTERNET_ADDRESS);
	run(&w->internet, "ip addr add " INTERNET_ADDRESS "/24 dev net0");
	run(&w->internet, "ip addr add " METADATA_ADDRESS "/32 dev net0");
	run(&w->internet, "ip link set net0 up");
	if (open_network(w, &w->network, -1, "/test/one", &e) < 0)
		fail_msg("%s", e.msg);
	w->internet_server = netns_serve(&w->internet, INTERNET_ADDRESS, PORT);
	w->metadata_server = netns_serve(&w->internet, METADATA_ADDRESS, PORT);
	w->host_server = netns_serve(NULL, HOST_ADDRESS, PORT);
	w->gateway_server = netns_serve(NULL, "172.16.0.1", PORT);
	*state = w;
	return 0;
}

static int end_world(void **state)
{
	struct world *w = *state;
	struct error e = { 0 };

	if (network_wipe(w->network, &e) < 0)
		fail_msg("%s", e.msg);
	network_close(w->network);
	netns_kill(w->internet_server);
	netns_kill(w->metadata_server);
	netns_kill(w->host_server);
	netns_kill(w->gateway_server);
	netns_close(&w->internet);
	free(w);
	return 0;
}

/* ---- a dyno ---- */

static struct {
	struct buf messages;
	unsigned acks;
} inside;

/* What the runtime's child does: one write, count the answers. */
static int send_inside(const void *arg)
{
	struct mnl_socket *s = mnl_socket_open(NETLINK_ROUTE);
	unsigned left = inside.acks;

	mnl_socket_bind(s, 0, MNL_SOCKET_AUTOPID);
	mnl_socket_sendto(s, inside.messages.data, inside.messages.len);
	while (left > 0) {
		char buf[8192] __attribute__((aligned(8)));
		ssize_t n = mnl_socket_recvfrom(s, buf, sizeof(buf));
		const struct nlmsghdr *h = (const void *)buf;
		int len = (int)n;

		for (; mnl_nlmsg_ok(h, len); h = mnl_nlmsg_next(h, &len), left--) {
			const struct nlmsgerr *err = mnl_nlmsg_get_payload(h);

			if (h->nlmsg_type != NLMSG_ERROR || err->error)
				return (int)h->nlmsg_seq;
		}
	}
	return 0;
}

static void dyno_open(struct world *w, struct dyno_end *d, const char *uuid)
{
	struct error e = { 0 };

	d->uuid = uuid;
	netns_open(&d->ns);
	assert_int_equal(network_reserve(w->network, &d->address, &e), 0);
	inet_ntop(AF_INET, &d->address, d->text, sizeof(d->text));
	if (network_attach(w->network, uuid, d->ns.pid, d->address,
			   NETWORK_EGRESS_INTERNET, &e) < 0)
		fail_msg("%s", e.msg);
	network_link_name(d->link, network_instance(w->network), uuid, d->address);
	buf_clear(&inside.messages);
	network_inside(w->network, d->address, &inside.messages, &inside.acks);
	assert_int_equal(netns_call(&d->ns, send_inside, NULL), 0);
}

static void dyno_close(struct world *w, struct dyno_end *d)
{
	struct error e = { 0 };

	netns_close(&d->ns);
	if (network_detach(w->network, d->address, &e) < 0 ||
	    network_detach(w->network, d->address, &e) < 0)
		fail_msg("%s", e.msg);
	network_release(w->network, d->address);
}

static void assert_no_link(const char *name)
{
	auto_free char *command = xasprintf("ip link show %s", name);

	assert_int_not_equal(netns_run(NULL, command), 0);
}

/* A port forwards from a moment after its carrier is there: on a busy machine
 * the first packet may be lost, and the next comes after our time-out. */
static void assert_reaches(const struct netns *ns, const char *source,
			   const char *address, char seen[INET_ADDRSTRLEN])
{
	int r = ETIMEDOUT;

	for (int i = 0; i < 8 && r == ETIMEDOUT; i++)
		r = netns_connect(ns, source, address, PORT, seen);
	assert_int_equal(r, 0);
}

/* ---- the tests ---- */

static void host_reaches_a_dyno(void **state)
{
	struct world *w = *state;
	char seen[INET_ADDRSTRLEN];
	struct dyno_end d;
	pid_t server;

	dyno_open(w, &d, "11111111-aaaa");
	server = netns_serve(&d.ns, "0.0.0.0", PORT);
	assert_reaches(NULL, NULL, d.text, seen);
	assert_string_equal(seen, "172.16.0.1");
	netns_kill(server);
	dyno_close(w, &d);
}

static void dyno_goes_out_under_the_hosts_address(void **state)
{
	struct world *w = *state;
	char seen[INET_ADDRSTRLEN];
	struct dyno_end d;

	dyno_open(w, &d, "22222222-aaaa");
	assert_reaches(&d.ns, NULL, INTERNET_ADDRESS, seen);
	assert_string_equal(seen, HOST_ADDRESS);
	dyno_close(w, &d);
}

static void nobody_comes_in_from_outside(void **state)
{
	struct world *w = *state;
	auto_free char *route = NULL;
	char seen[INET_ADDRSTRLEN];
	struct dyno_end d;
	pid_t server;

	dyno_open(w, &d, "2a222222-aaaa");
	assert_reaches(&d.ns, NULL, INTERNET_ADDRESS, seen);
	server = netns_serve(&d.ns, "0.0.0.0", PORT);
	route = xasprintf("ip route add %s via " HOST_ADDRESS, d.text);
	run(&w->internet, route);
	assert_int_not_equal(netns_connect(&w->internet, NULL, d.text, PORT,
					   seen), 0);
	netns_kill(server);
	dyno_close(w, &d);
}

static void services_of_the_host_are_out_of_reach(void **state)
{
	struct world *w = *state;
	char seen[INET_ADDRSTRLEN];
	struct dyno_end d;

	assert_reaches(NULL, NULL, HOST_ADDRESS, seen);
	assert_reaches(NULL, NULL, "172.16.0.1", seen);
	dyno_open(w, &d, "33333333-aaaa");
	assert_reaches(&d.ns, NULL, INTERNET_ADDRESS, seen);
	assert_int_not_equal(netns_connect(&d.ns, NULL, HOST_ADDRESS, PORT,
					   seen), 0);
	assert_int_not_equal(netns_connect(&d.ns, NULL, "172.16.0.1", PORT,
					   seen), 0);
	dyno_close(w, &d);
}

static void metadata_service_is_out_of_reach(void **state)
{
	struct world *w = *state;
	char seen[INET_ADDRSTRLEN];
	struct dyno_end d;

	run(NULL, "ip route replace " METADATA_ADDRESS "/32 dev up0");
	assert_reaches(NULL, NULL, METADATA_ADDRESS, seen);
	dyno_open(w, &d, "44444444-aaaa");
	assert_reaches(&d.ns, NULL, INTERNET_ADDRESS, seen);
	assert_int_not_equal(netns_connect(&d.ns, NULL, METADATA_ADDRESS, PORT,
					   seen), 0);
	dyno_close(w, &d);
}

/* What a dyno could do that has all rights in its namespace: the other one's
 * address is on the link, behind its hardware address. */
static void make_neighbour(const struct dyno_end *a, const struct dyno_end *b)
{
	uint32_t n = ntohl(b->address.s_addr);
	auto_free char *route = xasprintf("ip route add %s dev eth0", b->text);
	auto_free char *neighbour = xasprintf(
		"ip neigh replace %s lladdr 02:64:ac:10:%02x:%02x dev eth0",
		b->text, n >> 8 & 255, n & 255);

	run(&a->ns, route);
	run(&a->ns, neighbour);
}

static void dynos_do_not_reach_each_other(void **state)
{
	struct world *w = *state;
	char seen[INET_ADDRSTRLEN];
	struct dyno_end a, b;
	pid_t server;

	dyno_open(w, &a, "55555555-aaaa");
	dyno_open(w, &b, "66666666-aaaa");
	server = netns_serve(&b.ns, "0.0.0.0", PORT);
	assert_reaches(NULL, NULL, b.text, seen);
	assert_int_not_equal(netns_connect(&a.ns, NULL, b.text, PORT, seen), 0);
	make_neighbour(&a, &b);
	make_neighbour(&b, &a);
	assert_int_not_equal(netns_connect(&a.ns, NULL, b.text, PORT, seen), 0);
	netns_kill(server);
	dyno_close(w, &a);
	dyno_close(w, &b);
}

/* The way back is open for the wrong address, so that only the check of the
 * source is between the dyno and an answer. */
static void other_source_addresses_are_dropped(void **state)
{
	struct world *w = *state;
	auto_free char *back = NULL;
	char seen[INET_ADDRSTRLEN];
	struct dyno_end d;

	dyno_open(w, &d, "77777777-aaaa");
	back = xasprintf("ip neigh replace 172.16.9.9 lladdr 02:64:ac:10:%02x:%02x "
			 "dev dyno0", ntohl(d.address.s_addr) >> 8 & 255,
			 ntohl(d.address.s_addr) & 255);
	run(NULL, back);
	run(&d.ns, "ip addr add 172.16.9.9/32 dev eth0");
	assert_reaches(&d.ns, d.text, INTERNET_ADDRESS, seen);
	assert_int_equal(netns_connect(&d.ns, "172.16.9.9", INTERNET_ADDRESS,
				       PORT, seen), ETIMEDOUT);
	run(NULL, "ip neigh del 172.16.9.9 dev dyno0");
	dyno_close(w, &d);
}

static void other_hardware_addresses_are_dropped(void **state)
{
	struct world *w = *state;
	auto_free char *back = NULL, *fdb = NULL;
	char seen[INET_ADDRSTRLEN];
	struct dyno_end d;

	dyno_open(w, &d, "7a777777-aaaa");
	assert_reaches(&d.ns, NULL, INTERNET_ADDRESS, seen);
	back = xasprintf("ip neigh replace %s lladdr 02:64:00:00:00:77 dev dyno0",
			 d.text);
	run(NULL, back);
	fdb = xasprintf("bridge fdb replace 02:64:00:00:00:77 dev %s master "
			"static", d.link);
	run(NULL, fdb);
	run(&d.ns, "ip link set eth0 address 02:64:00:00:00:77");
	assert_int_equal(netns_connect(&d.ns, NULL, INTERNET_ADDRESS, PORT,
				       seen), ETIMEDOUT);
	dyno_close(w, &d);
}

static int ipv6_addresses(const void *arg)
{
	auto_buf text = BUF_INIT;

	if (file_read(AT_FDCWD, "/proc/net/if_inet6", 4096, &text, NULL) < 0)
		return 0;
	return strstr(buf_str(&text), "eth0") ? 1 : 0;
}

static void there_is_no_ipv6_on_eth0(void **state)
{
	struct world *w = *state;
	struct dyno_end d;

	dyno_open(w, &d, "88888888-aaaa");
	assert_int_equal(netns_call(&d.ns, ipv6_addresses, NULL), 0);
	dyno_close(w, &d);
}

static void a_second_open_keeps_living_dynos_connected(void **state)
{
	struct world *w = *state;
	struct network *again = NULL;
	char seen[INET_ADDRSTRLEN];
	struct error e = { 0 };
	struct dyno_end d;

	dyno_open(w, &d, "99999999-aaaa");
	assert_int_equal(open_network(w, &again, -1, "/test/one", &e), 0);
	assert_int_equal(network_instance(again), network_instance(w->network));
	assert_reaches(&d.ns, NULL, INTERNET_ADDRESS, seen);
	network_close(again);
	dyno_close(w, &d);
}

static void a_flushed_firewall_is_made_again_at_the_next_start(void **state)
{
	struct world *w = *state;
	char seen[INET_ADDRSTRLEN];
	struct dyno_end a, b;

	dyno_open(w, &a, "aaaaaaaa-aaaa");
	run(NULL, "nft flush ruleset");
	w->told[0] = '\0';
	dyno_open(w, &b, "bbbbbbbb-aaaa");
	assert_non_null(strstr(w->told, "somebody removed"));
	assert_reaches(&a.ns, NULL, INTERNET_ADDRESS, seen);
	assert_reaches(&b.ns, NULL, INTERNET_ADDRESS, seen);
	dyno_close(w, &a);
	dyno_close(w, &b);
}

static void another_root_gets_another_instance(void **state)
{
	struct world *w = *state;
	struct network *other = NULL;
	struct error e = { 0 };

	assert_int_equal(open_network(w, &other, 0, "/test/two", &e), -EBUSY);
	run(NULL, "ip addr add 172.16.65.1/24 dev up0");
	assert_int_equal(open_network(w, &other, -1, "/test/two", &e), 0);
	assert_int_equal(network_instance(other), 2);	/* 1 collides */
	assert_int_equal(network_wipe(other, &e), 0);
	assert_no_link("dyno2");
	network_close(other);
	run(NULL, "ip addr del 172.16.65.1/24 dev up0");
}

static int open_and_tell_instance(const void *arg)
{
	struct world w = { .told = "" };
	struct network *n = NULL;

	return open_network(&w, &n, -1, arg, NULL) < 0
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
		assert_int_equal(open_network(w, &n, -1, root, &e), 0);
		assert_int_equal(network_instance(n), WEXITSTATUS(status));
		assert_int_equal(network_wipe(n, &e), 0);
		network_close(n);
	}
	assert_no_link("dyno1");
}

static void uuids_that_begin_alike_get_links_of_their_own(void **state)
{
	struct world *w = *state;
	char seen[INET_ADDRSTRLEN];
	struct dyno_end a, b;

	dyno_open(w, &a, "cccccccc-cccc-4ccc-8ccc-cccccccccccc");
	dyno_open(w, &b, "cccccccc-cccc-4ccc-8ccc-cccccccccccd");
	assert_string_not_equal(a.link, b.link);
	assert_reaches(&a.ns, NULL, INTERNET_ADDRESS, seen);
	assert_reaches(&b.ns, NULL, INTERNET_ADDRESS, seen);
	dyno_close(w, &a);
	assert_reaches(&b.ns, NULL, INTERNET_ADDRESS, seen);
	dyno_close(w, &b);
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
	assert_no_link(link);
	inet_ntop(AF_INET, &address, text, sizeof(text));
	snprintf(command, sizeof(command), "ip neigh get %s dev dyno0", text);
	assert_int_not_equal(netns_run(NULL, command), 0);
}

static void wipe_leaves_nothing(void **state)
{
	struct world *w = *state;
	struct error e = { 0 };
	struct dyno_end d;

	run(NULL, "nft add table inet dynofoo");
	dyno_open(w, &d, "eeeeeeee-aaaa");
	assert_int_equal(network_wipe(w->network, &e), 0);
	assert_no_link("dyno0");
	assert_no_link(d.link);
	assert_int_not_equal(netns_run(NULL, "nft list table inet dyno0"), 0);
	assert_int_not_equal(netns_run(NULL, "nft list table bridge dyno0"), 0);
	run(NULL, "nft list table inet dynofoo");
	assert_int_equal(network_wipe(w->network, &e), 0);
	netns_close(&d.ns);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(host_reaches_a_dyno),
		cmocka_unit_test(dyno_goes_out_under_the_hosts_address),
		cmocka_unit_test(nobody_comes_in_from_outside),
		cmocka_unit_test(services_of_the_host_are_out_of_reach),
		cmocka_unit_test(metadata_service_is_out_of_reach),
		cmocka_unit_test(dynos_do_not_reach_each_other),
		cmocka_unit_test(other_source_addresses_are_dropped),
		cmocka_unit_test(other_hardware_addresses_are_dropped),
		cmocka_unit_test(there_is_no_ipv6_on_eth0),
		cmocka_unit_test(a_second_open_keeps_living_dynos_connected),
		cmocka_unit_test(a_flushed_firewall_is_made_again_at_the_next_start),
		cmocka_unit_test(another_root_gets_another_instance),
		cmocka_unit_test(roots_that_start_at_once_get_different_instances),
		cmocka_unit_test(uuids_that_begin_alike_get_links_of_their_own),
		cmocka_unit_test(a_failed_attach_leaves_nothing),
		cmocka_unit_test(wipe_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, make_world, end_world);
}
