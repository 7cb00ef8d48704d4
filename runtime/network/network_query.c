#include "runtime/network/network_query.h"
#include "base/error.h"
#include "runtime/network/network_netlink.h"

#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <sys/ioctl.h>

static int query_attr(const struct nlattr *attr, void *userdata)
{
	const struct nlattr **tb = userdata;
	uint16_t type = mnl_attr_get_type(attr);

	if (type <= IFLA_MAX)
		tb[type] = attr;
	return MNL_CB_OK;
}

static int on_link(const struct nlmsghdr *nlh, void *userdata)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *tb[IFLA_MAX + 1] = { NULL };
	struct network_link *link = userdata;

	mnl_attr_parse(nlh, sizeof(*ifi), query_attr, tb);
	*link = (struct network_link){ .index = (unsigned)ifi->ifi_index };
	if (tb[IFLA_IFNAME])
		snprintf(link->name, sizeof(link->name), "%s",
			 mnl_attr_get_str(tb[IFLA_IFNAME]));
	if (tb[IFLA_IFALIAS])
		snprintf(link->alias, sizeof(link->alias), "%s",
			 mnl_attr_get_str(tb[IFLA_IFALIAS]));
	return MNL_CB_OK;
}

int network_query_link(struct network_netlink *nl, const char *name,
		       struct network_link *ret, struct error *e)
{
	char buf[NETWORK_MESSAGE_MAX] __attribute__((aligned(NLMSG_ALIGNTO)));
	auto_free char *what = xasprintf("look for link %s", name);
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct network_link link;
	int r;

	nlh->nlmsg_type = RTM_GETLINK;
	mnl_nlmsg_put_extra_header(nlh, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(nlh, IFLA_IFNAME, name);
	r = network_netlink_ask(nl, nlh, what, on_link, &link, e);
	if (r == -ENODEV)		/* the kernel's word for "none" */
		return NETWORK_QUERY_ABSENT;
	if (r < 0)
		return r;
	*ret = link;
	return 0;
}

/* Without a lock of the kernel, unlike the request for a link. */
int network_query_index(struct network_netlink *nl, unsigned index,
			struct error *e)
{
	struct ifreq q = { .ifr_ifindex = (int)index };

	if (ioctl(mnl_socket_get_fd(nl->socket), SIOCGIFNAME, &q) == 0)
		return 0;
	return errno == ENODEV ? NETWORK_QUERY_ABSENT
			       : error_sys(e, "look for link %u", index);
}

struct query_listing {
	const char *prefix;
	network_link_fn fn;
	void *userdata;
};

static int on_listed_link(const struct nlmsghdr *nlh, void *userdata)
{
	struct query_listing *l = userdata;
	struct network_link link;

	on_link(nlh, &link);
	if (str_after(link.name, l->prefix))
		l->fn(&link, l->userdata);
	return MNL_CB_OK;
}

int network_query_links(struct network_netlink *nl, const char *prefix,
			network_link_fn fn, void *userdata, struct error *e)
{
	char buf[NETWORK_MESSAGE_MAX] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct query_listing listing = { prefix, fn, userdata };
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);

	nlh->nlmsg_type = RTM_GETLINK;
	nlh->nlmsg_flags = NLM_F_DUMP;
	mnl_nlmsg_put_extra_header(nlh, sizeof(struct ifinfomsg));
	mnl_attr_put_u32(nlh, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	return network_netlink_ask(nl, nlh, "list links", on_listed_link,
				   &listing, e);
}

struct query_prefixes {
	network_prefix_fn fn;
	void *userdata;
};

static int on_address(const struct nlmsghdr *nlh, void *userdata)
{
	const struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *tb[IFLA_MAX + 1] = { NULL };
	struct query_prefixes *p = userdata;
	const struct nlattr *a;

	mnl_attr_parse(nlh, sizeof(*ifa), query_attr, tb);
	a = tb[IFA_LOCAL] ? tb[IFA_LOCAL] : tb[IFA_ADDRESS];
	if (ifa->ifa_family == AF_INET && a)
		p->fn((struct in_addr){ mnl_attr_get_u32(a) },
		      ifa->ifa_prefixlen, ifa->ifa_index, p->userdata);
	return MNL_CB_OK;
}

static int on_route(const struct nlmsghdr *nlh, void *userdata)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *tb[IFLA_MAX + 1] = { NULL };
	struct query_prefixes *p = userdata;

	mnl_attr_parse(nlh, sizeof(*rtm), query_attr, tb);
	if (rtm->rtm_family == AF_INET && rtm->rtm_dst_len > 0 && tb[RTA_DST])
		p->fn((struct in_addr){ mnl_attr_get_u32(tb[RTA_DST]) },
		      rtm->rtm_dst_len,
		      tb[RTA_OIF] ? mnl_attr_get_u32(tb[RTA_OIF]) : 0,
		      p->userdata);
	return MNL_CB_OK;
}

int network_query_prefixes(struct network_netlink *nl, network_prefix_fn fn,
			   void *userdata, struct error *e)
{
	char buf[NETWORK_MESSAGE_MAX] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct query_prefixes prefixes = { fn, userdata };
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct ifaddrmsg *ifa;
	struct rtmsg *rtm;
	int r;

	nlh->nlmsg_type = RTM_GETADDR;
	nlh->nlmsg_flags = NLM_F_DUMP;
	ifa = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifa));
	ifa->ifa_family = AF_INET;
	r = network_netlink_ask(nl, nlh, "list addresses", on_address,
				&prefixes, e);
	if (r < 0)
		return r;
	nlh = mnl_nlmsg_put_header(buf);
	nlh->nlmsg_type = RTM_GETROUTE;
	nlh->nlmsg_flags = NLM_F_DUMP;
	rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));
	rtm->rtm_family = AF_INET;
	return network_netlink_ask(nl, nlh, "list routes", on_route, &prefixes,
				   e);
}
