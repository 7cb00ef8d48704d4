#include "runtime/network/network_watch.h"
#include "base/error.h"

#include <arpa/inet.h>
#include <libgen.h>
#include <libmnl/libmnl.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/socket.h>

#define WATCH_BUFFER 16384
#define WATCH_EVENTS (IN_CLOSE_WRITE | IN_MODIFY | IN_MOVED_FROM | IN_MOVED_TO | \
		      IN_CREATE | IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF)

/* ---- open ---- */

/*
 * Elements come and go with dynos, and every transaction ends with a message of
 * its own: to wake up for these would be a waste. What remains is rare. (One
 * datagram holds several messages of a transaction; the first one is looked at.)
 */
static int watch_ignore_elements(int fd, struct error *e)
{
#define IGNORED(type) htons(NFNL_SUBSYS_NFTABLES << 8 | (type))
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS,
			 offsetof(struct nlmsghdr, nlmsg_type)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
			 IGNORED(NFT_MSG_NEWSETELEM), 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
			 IGNORED(NFT_MSG_DELSETELEM), 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IGNORED(NFT_MSG_NEWGEN), 1, 0),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	const struct sock_fprog program = { ARRAY_SIZE(code), code };

	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program,
		       sizeof(program)) < 0)
		return error_sys(e, "choose events of the packet filter");
	return 0;
}

static int watch_open_filter(struct network_watch *w, struct error *e)
{
	const struct sockaddr_nl address = { .nl_family = AF_NETLINK };
	const int group = NFNLGRP_NFTABLES;
	int r;

	w->filter_fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
			      NETLINK_NETFILTER);
	if (w->filter_fd < 0)
		return error_sys(e, "open a netlink socket");
	r = watch_ignore_elements(w->filter_fd, e);
	if (r < 0)
		return r;
	if (bind(w->filter_fd, (const struct sockaddr *)&address,
		 sizeof(address)) < 0 ||
	    setsockopt(w->filter_fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group,
		       sizeof(group)) < 0)
		return error_sys(e, "listen to the packet filter");
	return 0;
}

static int watch_add(struct network_watch *w, int fd, unsigned bit,
		     struct error *e)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u32 = bit };

	if (epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
		return error_sys(e, "watch a descriptor");
	return 0;
}

int network_watch_open(struct network_watch *w, struct error *e)
{
	int r;

	w->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (w->epoll_fd < 0)
		return error_sys(e, "create an epoll descriptor");
	w->inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (w->inotify_fd < 0)
		return error_sys(e, "watch files");
	r = watch_open_filter(w, e);
	if (r >= 0)
		r = watch_add(w, w->inotify_fd, NETWORK_WATCH_RESOLV, e);
	if (r >= 0)
		r = watch_add(w, w->filter_fd, NETWORK_WATCH_FILTER, e);
	return r;
}

void network_watch_close(struct network_watch *w)
{
	w->epoll_fd = fd_close(w->epoll_fd);
	w->inotify_fd = fd_close(w->inotify_fd);
	w->filter_fd = fd_close(w->filter_fd);
}

/* ---- files ---- */

static void watch_path(struct network_watch *w, const char *path)
{
	auto_free char *copy = xstrdup(path);

	inotify_add_watch(w->inotify_fd, path, WATCH_EVENTS);
	inotify_add_watch(w->inotify_fd, dirname(copy), WATCH_EVENTS);
}

void network_watch_files(struct network_watch *w,
			 const char *const paths[NETWORK_WATCH_FILES])
{
	for (size_t i = 0; i < NETWORK_WATCH_FILES; i++) {
		auto_free char *target = realpath(paths[i], NULL);
		auto_free char *copy = xstrdup(target ? target : paths[i]);

		watch_path(w, paths[i]);
		if (target)
			watch_path(w, target);
		snprintf(w->names[i], sizeof(w->names[i]), "%s", basename(copy));
	}
}

/* Events of a directory bear a name; those of the file itself none. */
static bool watch_concerns(const struct network_watch *w,
			   const struct inotify_event *event)
{
	bool known = event->len == 0 || str_eq(event->name, "resolv.conf");

	for (size_t i = 0; i < NETWORK_WATCH_FILES && !known; i++)
		known = str_eq(event->name, w->names[i]);
	return known;
}

static unsigned watch_read_files(struct network_watch *w)
{
	char buf[WATCH_BUFFER] __attribute__((aligned(8)));
	unsigned bits = 0;
	ssize_t n, at;

	while ((n = read(w->inotify_fd, buf, sizeof(buf))) > 0)
		for (at = 0; at < n; ) {
			const struct inotify_event *event = (void *)(buf + at);

			if (watch_concerns(w, event))
				bits = NETWORK_WATCH_RESOLV;
			at += (ssize_t)(sizeof(*event) + event->len);
		}
	return bits;
}

/* ---- the packet filter ---- */

/* The name of the table is attribute 1 in all of these. */
static int on_table_name(const struct nlattr *attr, void *userdata)
{
	const char **name = userdata;

	if (mnl_attr_get_type(attr) == NFTA_TABLE_NAME &&
	    mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) == 0)
		*name = mnl_attr_get_str(attr);
	return MNL_CB_OK;
}

static bool watch_is_loss(const struct nlmsghdr *nlh, const char *table)
{
	const char *name = "";

	if (nlh->nlmsg_type >> 8 != NFNL_SUBSYS_NFTABLES)
		return false;
	switch (nlh->nlmsg_type & 0xff) {
	case NFT_MSG_DELTABLE:
	case NFT_MSG_DELCHAIN:
	case NFT_MSG_DELRULE:
	case NFT_MSG_DELSET:
		mnl_attr_parse(nlh, sizeof(struct nfgenmsg), on_table_name, &name);
		return str_eq(name, table);
	default:
		return false;
	}
}

static unsigned watch_read_filter(struct network_watch *w, const char *table)
{
	char buf[WATCH_BUFFER] __attribute__((aligned(NLMSG_ALIGNTO)));
	unsigned bits = 0;

	for (;;) {
		ssize_t n = recv(w->filter_fd, buf, sizeof(buf), 0);
		const struct nlmsghdr *nlh = (const void *)buf;
		int len = (int)n;

		if (n < 0 && errno == ENOBUFS)	/* too much to tell */
			bits = NETWORK_WATCH_FILTER;
		else if (n < 0)
			return bits;
		for (; n > 0 && mnl_nlmsg_ok(nlh, len);
		     nlh = mnl_nlmsg_next(nlh, &len))
			if (watch_is_loss(nlh, table))
				bits = NETWORK_WATCH_FILTER;
	}
}

unsigned network_watch_take(struct network_watch *w, const char *table)
{
	struct epoll_event events[2];
	unsigned bits = 0;
	int n = w->epoll_fd < 0 ? 0 : epoll_wait(w->epoll_fd, events, 2, 0);

	for (int i = 0; i < n; i++)
		bits |= events[i].data.u32 == NETWORK_WATCH_RESOLV
			? watch_read_files(w) : watch_read_filter(w, table);
	return bits;
}
