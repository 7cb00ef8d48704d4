#include "runtime/network/network_filter.h"
#include "base/error.h"
#include "runtime/network/network_link.h"
#include "runtime/network/network_netlink.h"
#include "runtime/network/network_pool.h"
#include "runtime/network/network_rules.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>

/* ---- requests ---- */

static struct nlmsghdr *filter_request(struct network_batch *b, uint16_t type,
				       uint16_t flags, uint8_t family,
				       int ignore, const char *what)
{
	struct nlmsghdr *nlh = network_batch_add(b, type, flags, ignore, "%s",
						 what);
	struct nfgenmsg *nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));

	nfg->nfgen_family = family;
	nfg->version = NFNETLINK_V0;
	nfg->res_id = type == NFNL_MSG_BATCH_BEGIN || type == NFNL_MSG_BATCH_END
		? htons(NFNL_SUBSYS_NFTABLES) : 0;
	return nlh;
}

static void filter_bound(struct network_batch *b, uint16_t type)
{
	filter_request(b, type, 0, AF_UNSPEC, NETWORK_BATCH_SILENT,
		       "commit to the packet filter");
}

static void filter_begin(struct network_batch *b, struct network_netlink *nl)
{
	network_batch_init(b, nl);
	filter_bound(b, NFNL_MSG_BATCH_BEGIN);
}

static int filter_commit(struct network_batch *b, struct error *e)
{
	filter_bound(b, NFNL_MSG_BATCH_END);
	return network_batch_send(b, e);
}

/* ---- elements ---- */

enum filter_data { FILTER_NONE, FILTER_VERDICT, FILTER_ADDRESS };

struct filter_element {
	uint8_t family;
	const char *set;
	const void *key;
	size_t key_len;
	enum filter_data data;
	int verdict;
	struct in_addr address;
};

static void filter_value(struct nlmsghdr *nlh, uint16_t type, const void *value,
			 size_t len)
{
	struct nlattr *nest = mnl_attr_nest_start(nlh, type);

	mnl_attr_put(nlh, NFTA_DATA_VALUE, len, value);
	mnl_attr_nest_end(nlh, nest);
}

static void filter_verdict(struct nlmsghdr *nlh, int verdict)
{
	struct nlattr *data = mnl_attr_nest_start(nlh, NFTA_SET_ELEM_DATA);
	struct nlattr *nest = mnl_attr_nest_start(nlh, NFTA_DATA_VERDICT);

	mnl_attr_put_u32(nlh, NFTA_VERDICT_CODE, htonl((uint32_t)verdict));
	mnl_attr_nest_end(nlh, nest);
	mnl_attr_nest_end(nlh, data);
}

/* Without a list of elements: about all of them. */
static struct nlmsghdr *filter_set(struct network_batch *b, uint16_t type,
				   uint8_t family, unsigned instance,
				   const char *set)
{
	bool add = type == NFT_MSG_NEWSETELEM;
	struct nlmsghdr *nlh = filter_request(b, NFNL_SUBSYS_NFTABLES << 8 | type,
					      add ? NLM_F_CREATE : 0, family,
					      add ? EEXIST : ENOENT,
					      "change the packet filter");
	char table[IFNAMSIZ];

	snprintf(table, sizeof(table), "dyno%u", instance);
	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_TABLE, table);
	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_SET, set);
	return nlh;
}

static void filter_change(struct network_batch *b, uint16_t type,
			  unsigned instance, const struct filter_element *x)
{
	struct nlmsghdr *nlh = filter_set(b, type, x->family, instance, x->set);
	struct nlattr *list, *element;

	list = mnl_attr_nest_start(nlh, NFTA_SET_ELEM_LIST_ELEMENTS);
	element = mnl_attr_nest_start(nlh, NFTA_LIST_ELEM);
	filter_value(nlh, NFTA_SET_ELEM_KEY, x->key, x->key_len);
	if (x->data == FILTER_VERDICT)
		filter_verdict(nlh, x->verdict);
	if (x->data == FILTER_ADDRESS)
		filter_value(nlh, NFTA_SET_ELEM_DATA, &x->address,
			     sizeof(x->address));
	mnl_attr_nest_end(nlh, element);
	mnl_attr_nest_end(nlh, list);
}

/* ---- a dyno ---- */

/* The set's key, as nft lays it out: each part on a multiple of four bytes. */
struct filter_source {
	uint32_t index;			/* of the link, in the host's order */
	uint8_t mac[8];
	struct in_addr address;
};

/* The same as in the rules' text. */
static const int filter_verdicts[NETWORK_EGRESS_COUNT] = {
	[NETWORK_EGRESS_INTERNET] = NF_ACCEPT,
	[NETWORK_EGRESS_ALLOWED] = NFT_RETURN,
	[NETWORK_EGRESS_NONE] = NF_DROP,
};

static void filter_source(struct network_batch *b, uint16_t type,
			  unsigned instance, struct in_addr address)
{
	struct filter_source key = {
		.index = network_link_index(address), .address = address,
	};
	struct filter_element x = {
		.family = NFPROTO_BRIDGE, .set = NETWORK_RULES_SOURCES,
		.key = &key, .key_len = sizeof(key),
	};

	network_link_mac(address, key.mac);
	filter_change(b, type, instance, &x);
}

static void filter_egress(struct network_batch *b, uint16_t type,
			  unsigned instance, struct in_addr address,
			  enum network_egress egress)
{
	struct filter_element x = {
		.family = NFPROTO_INET, .set = NETWORK_RULES_EGRESS,
		.key = &address, .key_len = sizeof(address),
		.data = type == NFT_MSG_NEWSETELEM ? FILTER_VERDICT : FILTER_NONE,
		.verdict = filter_verdicts[egress],
	};

	filter_change(b, type, instance, &x);
}

int network_filter_add(struct network_netlink *nl, unsigned instance,
		       bool sources, struct in_addr address,
		       enum network_egress egress, struct error *e)
{
	struct network_batch b;
	struct error own;
	int r;

	filter_begin(&b, nl);
	if (sources)
		filter_source(&b, NFT_MSG_NEWSETELEM, instance, address);
	filter_egress(&b, NFT_MSG_NEWSETELEM, instance, address, egress);
	r = filter_commit(&b, &own);
	if (r == -ENOENT)
		return NETWORK_FILTER_ABSENT;
	return r < 0 ? error_set(e, own.code, "%s", own.msg) : 0;
}

/* One that is absent undoes the transaction, and the kernel takes 30 ms and more
 * to do that. */
int network_filter_remove(struct network_netlink *nl, unsigned instance,
			  bool sources, struct in_addr address,
			  struct error *e)
{
	struct network_batch b;
	int r;

	filter_begin(&b, nl);
	if (sources)
		filter_source(&b, NFT_MSG_DELSETELEM, instance, address);
	filter_egress(&b, NFT_MSG_DELSETELEM, instance, address, 0);
	r = filter_commit(&b, e);
	for (size_t i = 0; r == 0 && i < b.n; i++)
		if (b.requests[i].ignored)
			r = NETWORK_FILTER_ABSENT;
	return r;
}

/* ---- name servers ---- */

int network_filter_set_servers(struct network_netlink *nl, unsigned instance,
			       const struct in_addr *servers, struct error *e)
{
	struct network_batch b;

	filter_begin(&b, nl);
	filter_set(&b, NFT_MSG_DELSETELEM, NFPROTO_INET, instance,
		   NETWORK_RULES_SERVERS);
	for (unsigned i = 0; servers && i < NETWORK_SERVERS; i++) {
		struct in_addr fixed = network_pool_server(instance, i);
		struct filter_element x = {
			.family = NFPROTO_INET, .set = NETWORK_RULES_SERVERS,
			.key = &fixed, .key_len = sizeof(fixed),
			.data = FILTER_ADDRESS, .address = servers[i],
		};

		filter_change(&b, NFT_MSG_NEWSETELEM, instance, &x);
	}
	return filter_commit(&b, e);
}

/* ---- tables ---- */

static int on_table(const struct nlmsghdr *nlh, void *userdata)
{
	return MNL_CB_OK;
}

static int filter_find_table(struct network_netlink *nl, unsigned instance,
			     uint8_t family, struct error *e)
{
	char buf[NETWORK_MESSAGE_MAX] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *nfg;
	char table[IFNAMSIZ];
	int r;

	nlh->nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETTABLE;
	nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));
	nfg->nfgen_family = family;
	nfg->version = NFNETLINK_V0;
	snprintf(table, sizeof(table), "dyno%u", instance);
	mnl_attr_put_strz(nlh, NFTA_TABLE_NAME, table);
	r = network_netlink_ask(nl, nlh, "look for the packet filter", on_table,
				NULL, e);
	return r == -ENOENT ? NETWORK_FILTER_ABSENT : r;
}

int network_filter_probe(struct network_netlink *nl, unsigned instance,
			 bool sources, struct error *e)
{
	int r = filter_find_table(nl, instance, NFPROTO_INET, e);

	return r == 0 && sources
		? filter_find_table(nl, instance, NFPROTO_BRIDGE, e) : r;
}

static int filter_drop_table(struct network_netlink *nl, unsigned instance,
			     uint8_t family, struct error *e)
{
	struct network_batch b;
	struct nlmsghdr *nlh;
	char table[IFNAMSIZ];

	snprintf(table, sizeof(table), "dyno%u", instance);
	filter_begin(&b, nl);
	nlh = filter_request(&b, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_DELTABLE, 0,
			     family, ENOENT, "remove the packet filter");
	mnl_attr_put_strz(nlh, NFTA_TABLE_NAME, table);
	return filter_commit(&b, e);
}

int network_filter_wipe(struct network_netlink *nl, unsigned instance,
			struct error *e)
{
	int r = filter_drop_table(nl, instance, NFPROTO_INET, e);
	int q = filter_drop_table(nl, instance, NFPROTO_BRIDGE,
				  r < 0 ? NULL : e);

	return r < 0 ? r : q;
}
