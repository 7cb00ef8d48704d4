#include "tests/runtime/network_world.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "runtime/network/network_link.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <cmocka.h>

#define BRIDGE_FILTER "/proc/sys/net/bridge/bridge-nf-call-iptables"

static void on_tell(const char *what, void *userdata)
{
	struct world *w = userdata;

	snprintf(w->told, sizeof(w->told), "%s", what);
}

int world_network(struct world *w, struct network **ret, int instance,
		  const char *root, struct error *e)
{
	struct network_prefix allowed = { .length = 32 };
	struct network_config config = {
		.instance = instance, .root_name = root, .ip_forward = true,
		.run_dir = w->run_dir[0] ? w->run_dir : NULL,
		.allowed = &allowed, .n_allowed = 1,
	};

	inet_pton(AF_INET, WORLD_ALLOWED, &allowed.address);
	return network_open(ret, &config, on_tell, w, e);
}

/* ---- the world around ---- */

void world_run(const struct netns *ns, const char *command)
{
	if (netns_run(ns, command) != 0)
		fail_msg("%s", command);
}

void world_assert_no_link(const char *name)
{
	auto_free char *command = xasprintf("ip link show %s", name);

	assert_int_not_equal(netns_run(NULL, command), 0);
}

void world_resolv(const char *text)
{
	assert_int_equal(file_write_fast(AT_FDCWD, "/etc/resolv.conf", text,
					 strlen(text), 0644, NULL), 0);
}

/* br_netfilter shows bridged packets to the filter for routed ones. */
static void world_set_bridge_filter(bool on)
{
	auto_close int fd = open(BRIDGE_FILTER, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		print_message("no br_netfilter here\n");
	else
		assert_int_equal(write(fd, on ? "1" : "0", 1), 1);
}

static void world_unshare(void)
{
	assert_int_equal(unshare(CLONE_NEWNET | CLONE_NEWNS), 0);
	assert_int_equal(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	assert_int_equal(mount("etc", "/etc", "tmpfs", 0, NULL), 0);
	assert_int_equal(mount("run", "/run", "tmpfs", 0, NULL), 0);
}

static void world_connect(struct world *w)
{
	auto_free char *pair = NULL;

	netns_open(&w->internet);
	pair = xasprintf("ip link add up0 type veth peer name net0 netns %d",
			 (int)w->internet.pid);
	world_run(NULL, pair);
	world_run(NULL, "ip link set lo up");
	world_run(NULL, "ip addr add " WORLD_HOST "/24 dev up0");
	world_run(NULL, "ip addr add " WORLD_ALLOWED "/32 dev lo");
	world_run(NULL, "ip link set up0 up");
	world_run(NULL, "ip route add default via " WORLD_INTERNET);
	world_run(NULL, "ip link add other0 type bridge");
	world_run(NULL, "ip addr add " WORLD_BRIDGE "/24 dev other0");
	world_run(NULL, "ip link set other0 up");
	world_run(&w->internet, "ip addr add " WORLD_INTERNET "/24 dev net0");
	world_run(&w->internet, "ip addr add " WORLD_SECOND "/24 dev net0");
	world_run(&w->internet, "ip addr add " WORLD_METADATA "/32 dev net0");
	world_run(&w->internet, "ip link set net0 up");
	world_run(NULL, "ip route replace " WORLD_METADATA "/32 dev up0");
}

static int world_open(void **state, bool bridge_filter)
{
	struct world *w = xcalloc(1, sizeof(*w));
	struct error e = { 0 };

	world_unshare();
	world_connect(w);
	world_set_bridge_filter(bridge_filter);
	world_resolv("nameserver 127.0.0.53\n");
	snprintf(w->run_dir, sizeof(w->run_dir), "/run/one");
	assert_int_equal(mkdir(w->run_dir, 0755), 0);
	if (world_network(w, &w->network, -1, "/test/one", &e) < 0)
		fail_msg("%s", e.msg);
	w->servers[0] = netns_serve(&w->internet, "0.0.0.0", WORLD_PORT);
	w->servers[1] = netns_serve_udp(&w->internet, "0.0.0.0", WORLD_PORT);
	w->servers[2] = netns_serve(NULL, "0.0.0.0", WORLD_PORT);
	w->servers[3] = netns_serve_udp(NULL, "0.0.0.0", WORLD_PORT);
	*state = w;
	return 0;
}

int world_open_filtered(void **state)
{
	return world_open(state, true);
}

int world_open_plain(void **state)
{
	return world_open(state, false);
}

int world_close(void **state)
{
	struct world *w = *state;
	struct error e = { 0 };

	if (network_wipe(w->network, &e) < 0)
		fail_msg("%s", e.msg);
	network_close(w->network);
	for (size_t i = 0; i < WORLD_SERVERS; i++)
		netns_kill(w->servers[i]);
	netns_close(&w->internet);
	free(w);
	return 0;
}

/* ---- a dyno ---- */

struct world_inside {
	struct buf messages;
	unsigned acks;
};

/* What the runtime's child does: one write, count the answers. */
static int send_inside(const void *arg)
{
	const struct world_inside *inside = arg;
	struct mnl_socket *s = mnl_socket_open(NETLINK_ROUTE);
	unsigned left = inside->acks;

	mnl_socket_bind(s, 0, MNL_SOCKET_AUTOPID);
	mnl_socket_sendto(s, inside->messages.data, inside->messages.len);
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

void world_dyno_open_as(struct world *w, struct world_dyno *d, const char *uuid,
			enum network_egress egress)
{
	struct world_inside inside = { BUF_INIT, 0 };
	struct error e = { 0 };

	d->uuid = uuid;
	netns_open(&d->ns);
	assert_int_equal(network_reserve(w->network, &d->address, &e), 0);
	inet_ntop(AF_INET, &d->address, d->text, sizeof(d->text));
	if (network_attach(w->network, uuid, d->ns.pid, d->address, egress, &e) < 0)
		fail_msg("%s", e.msg);
	network_link_name(d->link, network_instance(w->network), uuid, d->address);
	network_inside(w->network, d->address, &inside.messages, &inside.acks);
	assert_int_equal(netns_call(&d->ns, send_inside, &inside), 0);
	buf_deinit(&inside.messages);
}

void world_dyno_open(struct world *w, struct world_dyno *d, const char *uuid)
{
	world_dyno_open_as(w, d, uuid, NETWORK_EGRESS_INTERNET);
}

void world_dyno_close(struct world *w, struct world_dyno *d)
{
	struct error e = { 0 };

	netns_close(&d->ns);
	if (network_detach(w->network, d->address, &e) < 0 ||
	    network_detach(w->network, d->address, &e) < 0)
		fail_msg("%s", e.msg);
	network_release(w->network, d->address);
}

/* ---- who reaches whom ---- */

/* A port forwards from a moment after its carrier is there: on a busy machine
 * the first packet may be lost, and the next comes after our time-out. */
void world_assert_reaches(const struct netns *ns, const char *source,
			  const char *address, char seen[INET_ADDRSTRLEN])
{
	int r = ETIMEDOUT;

	for (int i = 0; i < 8 && r == ETIMEDOUT; i++)
		r = netns_connect(ns, source, address, WORLD_PORT, seen);
	if (r)
		fail_msg("%s: %s", address, strerror(r));
}

void world_assert_refused(const struct netns *ns, const char *address)
{
	const char *answered = netns_try(ns, address, WORLD_PORT);

	if (answered)
		fail_msg("%s reaches %s", answered, address);
}
