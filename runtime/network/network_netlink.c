#include "runtime/network/network_netlink.h"
#include "base/error.h"

#include <linux/netlink.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>

#define ANSWER_SEC 10
#define ANSWER_BYTES 32768

int network_netlink_open(struct network_netlink *nl, int family,
			 struct error *e)
{
	struct timeval limit = { .tv_sec = ANSWER_SEC };
	int on = 1;

	nl->seq = 1;
	nl->socket = mnl_socket_open2(family, SOCK_CLOEXEC);
	if (!nl->socket)
		return error_sys(e, "open a netlink socket");
	if (mnl_socket_bind(nl->socket, 0, MNL_SOCKET_AUTOPID) < 0)
		return error_sys(e, "bind a netlink socket");
	if (setsockopt(mnl_socket_get_fd(nl->socket), SOL_SOCKET, SO_RCVTIMEO,
		       &limit, sizeof(limit)) < 0)
		return error_sys(e, "set a netlink time-out");
	/* Short answers with a reason in words; without them it works too. */
	mnl_socket_setsockopt(nl->socket, NETLINK_CAP_ACK, &on, sizeof(on));
	mnl_socket_setsockopt(nl->socket, NETLINK_EXT_ACK, &on, sizeof(on));
	return 0;
}

void network_netlink_close(struct network_netlink *nl)
{
	if (nl->socket)
		mnl_socket_close(nl->socket);
	nl->socket = NULL;
}

/* ---- building ---- */

void network_batch_init(struct network_batch *b, struct network_netlink *nl)
{
	b->nl = nl;
	b->seq = nl ? nl->seq : 1;
	b->len = b->n = 0;
}

size_t network_batch_len(struct network_batch *b)
{
	/* Only its header knows how long the last request has become. */
	if (b->n > 0) {
		size_t at = 0;

		while (at < b->len)
			at += MNL_ALIGN(((struct nlmsghdr *)(void *)
					 (b->data + at))->nlmsg_len);
		b->len = at;
	}
	assert(b->len <= sizeof(b->data));
	return b->len;
}

bool network_batch_full(const struct network_batch *b)
{
	return b->n + 2 > NETWORK_BATCH_MAX ||
	       b->len + 3 * NETWORK_MESSAGE_MAX > sizeof(b->data);
}

struct nlmsghdr *network_batch_add(struct network_batch *b, uint16_t type,
				   uint16_t flags, int ignore,
				   const char *fmt, ...)
{
	struct network_request *q = &b->requests[b->n];
	struct nlmsghdr *nlh;
	va_list ap;

	network_batch_len(b);
	assert(b->n < NETWORK_BATCH_MAX);
	assert(b->len + NETWORK_MESSAGE_MAX <= sizeof(b->data));
	nlh = mnl_nlmsg_put_header(b->data + b->len);
	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	q->acked = ignore == NETWORK_BATCH_SILENT;
	q->ignore = q->acked ? 0 : ignore;
	q->ignored = false;
	if (!q->acked)
		nlh->nlmsg_flags |= NLM_F_ACK;
	nlh->nlmsg_seq = b->seq + (uint32_t)b->n;
	va_start(ap, fmt);
	vsnprintf(q->what, sizeof(q->what), fmt, ap);
	va_end(ap);
	b->len += nlh->nlmsg_len;
	b->n++;
	return nlh;
}

/* ---- answers ---- */

static int netlink_attr(const struct nlattr *attr, void *userdata)
{
	const char **text = userdata;

	if (mnl_attr_get_type(attr) == NLMSGERR_ATTR_MSG &&
	    mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) == 0)
		*text = mnl_attr_get_str(attr);
	return MNL_CB_OK;
}

/* The kernel's own words for its refusal, or "". With NETLINK_CAP_ACK the
 * attributes follow the header that is sent back, else the whole request. */
static const char *netlink_reason(const struct nlmsghdr *nlh)
{
	const struct nlmsgerr *err = mnl_nlmsg_get_payload(nlh);
	size_t offset = sizeof(*err);
	const char *text = "";

	if (!(nlh->nlmsg_flags & NLM_F_ACK_TLVS))
		return text;
	if (!(nlh->nlmsg_flags & NLM_F_CAPPED))
		offset += err->msg.nlmsg_len - sizeof(err->msg);
	if (mnl_nlmsg_get_payload_len(nlh) > offset)
		mnl_attr_parse(nlh, (unsigned)offset, netlink_attr, &text);
	return text;
}

static int netlink_refused(const struct nlmsghdr *nlh, const char *what,
			   struct error *e)
{
	const struct nlmsgerr *err = mnl_nlmsg_get_payload(nlh);
	const char *reason = netlink_reason(nlh);
	int code = err->error < 0 ? -err->error : EIO;

	if (!*reason)
		return error_ret(e, -code, "%s", what);
	return error_set(e, code, "%s: %s (%s)", what, strerror(code), reason);
}

/* One acknowledgement; r is what failed before. */
static int batch_answer(struct network_batch *b, const struct nlmsghdr *nlh,
			int r, struct error *e)
{
	const struct nlmsgerr *err = mnl_nlmsg_get_payload(nlh);
	size_t i = nlh->nlmsg_seq - b->seq;

	if (nlh->nlmsg_type != NLMSG_ERROR || i >= b->n ||
	    mnl_nlmsg_get_payload_len(nlh) < sizeof(*err))
		return r;
	/* A silent one only speaks when the whole transaction failed. */
	if (b->requests[i].acked && err->error)
		for (size_t k = 0; k < b->n; k++)
			b->requests[k].acked = true;
	b->requests[i].acked = true;
	b->requests[i].ignored = err->error && err->error == -b->requests[i].ignore;
	if (err->error == 0 || b->requests[i].ignored || r < 0)
		return r;
	return netlink_refused(nlh, b->requests[i].what, e);
}

static bool batch_complete(const struct network_batch *b)
{
	for (size_t i = 0; i < b->n; i++)
		if (!b->requests[i].acked)
			return false;
	return true;
}

static int batch_receive(struct network_batch *b, struct error *e)
{
	char buf[ANSWER_BYTES] __attribute__((aligned(NLMSG_ALIGNTO)));
	int r = 0;

	while (!batch_complete(b)) {
		ssize_t n = mnl_socket_recvfrom(b->nl->socket, buf, sizeof(buf));
		const struct nlmsghdr *nlh = (const void *)buf;
		int len = (int)n;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return r < 0 ? r : error_sys(e, "wait for an answer to "
						     "\"%s\"",
						     b->requests[0].what);
		for (; mnl_nlmsg_ok(nlh, len); nlh = mnl_nlmsg_next(nlh, &len))
			r = batch_answer(b, nlh, r, e);
	}
	return r;
}

int network_batch_send(struct network_batch *b, struct error *e)
{
	if (b->n == 0)
		return 0;
	b->nl->seq = b->seq + (uint32_t)b->n;
	if (mnl_socket_sendto(b->nl->socket, b->data, network_batch_len(b)) < 0)
		return error_sys(e, "%s", b->requests[0].what);
	return batch_receive(b, e);
}

/* NETLINK_DONE: the last answer. A dump that the kernel marks as interrupted
 * (something changed meanwhile) is as good to us as one a moment earlier. */
#define NETLINK_DONE 1
static int netlink_answers(const char *buf, int len, uint32_t seq, bool dump,
			   const char *what, mnl_cb_t fn, void *userdata,
			   struct error *e)
{
	const struct nlmsghdr *nlh = (const void *)buf;

	for (; mnl_nlmsg_ok(nlh, len); nlh = mnl_nlmsg_next(nlh, &len)) {
		const struct nlmsgerr *err = mnl_nlmsg_get_payload(nlh);

		if (nlh->nlmsg_seq != seq)
			continue;
		if (nlh->nlmsg_type == NLMSG_DONE)
			return NETLINK_DONE;
		if (nlh->nlmsg_type == NLMSG_ERROR)
			return err->error ? netlink_refused(nlh, what, e)
					  : NETLINK_DONE;
		fn(nlh, userdata);
		if (!dump)
			return NETLINK_DONE;
	}
	return 0;
}

int network_netlink_ask(struct network_netlink *nl, struct nlmsghdr *nlh,
			const char *what, mnl_cb_t fn, void *userdata,
			struct error *e)
{
	char buf[ANSWER_BYTES] __attribute__((aligned(NLMSG_ALIGNTO)));
	bool dump = nlh->nlmsg_flags & NLM_F_DUMP;
	int r = 0;

	nlh->nlmsg_flags |= NLM_F_REQUEST;
	nlh->nlmsg_seq = nl->seq++;
	if (mnl_socket_sendto(nl->socket, nlh, nlh->nlmsg_len) < 0)
		return error_sys(e, "%s", what);
	while (r == 0) {
		ssize_t n = mnl_socket_recvfrom(nl->socket, buf, sizeof(buf));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_sys(e, "%s", what);
		r = netlink_answers(buf, (int)n, nlh->nlmsg_seq, dump, what, fn,
				    userdata, e);
	}
	return r < 0 ? r : 0;
}
