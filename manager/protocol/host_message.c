/*
 * A message is read in three steps: the head's size, the strings (counting
 * NULs), and what the type's row in the table demands.
 */
#include "base/buf.h"
#include "base/error.h"
#include "base/id.h"
#include "manager/protocol/host_message.h"

#define HOST_START_FIXED 3	/* strings before argv: uuid, hostname, slug */
#define HOST_SIGNAL_MAX 64

/* What a row of the table demands of a message. */
enum {
	HOST_HAS_SERIAL = 1 << 0,	/* serial is not 0 */
	HOST_HAS_UUID = 1 << 1,		/* string 0 is a uuid */
	HOST_HAS_FDS = 1 << 2,		/* descriptors of a dyno may come along */
	HOST_HAS_SIGNAL = 1 << 3,
	HOST_HAS_STDIO = 1 << 4,
	HOST_HAS_SPEC = 1 << 5,
	HOST_HAS_VERSION = 1 << 6,
	HOST_HAS_LEASE = 1 << 7,	/* and that of a lease, with a slug only */
	HOST_HAS_SESSION = 1 << 8,	/* and always that of a session */
};

static const struct {
	const char *name;
	enum host_side from;
	uint32_t min_strings, max_strings;
	unsigned has;
} host_rules[HOST_TYPE_COUNT] = {
	[HOST_HELLO] = { "hello", HOST_DYNOD, 1, 1, HOST_HAS_VERSION },
	[HOST_ADOPT] = { "adopt", HOST_DYNOD, 1, 1,
			 HOST_HAS_UUID | HOST_HAS_FDS | HOST_HAS_STDIO },
	[HOST_READY] = { "ready", HOST_DYNOD, 0, 0, 0 },
	[HOST_EXIT] = { "exit", HOST_DYNOD, 1, 1, HOST_HAS_UUID },
	[HOST_MEMORY] = { "memory", HOST_DYNOD, 1, 1, HOST_HAS_UUID },
	[HOST_REPLY] = { "reply", HOST_DYNOD, 1, 1, HOST_HAS_SERIAL },
	[HOST_STARTED] = { "started", HOST_DYNOD, 2, 2,
			   HOST_HAS_SERIAL | HOST_HAS_UUID | HOST_HAS_FDS |
			   HOST_HAS_STDIO },
	[HOST_USED] = { "used", HOST_DYNOD, 1, 1,
			HOST_HAS_SERIAL | HOST_HAS_UUID },
	[HOST_ENTERED] = { "entered", HOST_DYNOD, 1, 1,
			   HOST_HAS_SERIAL | HOST_HAS_UUID | HOST_HAS_SESSION },
	[HOST_START] = { "start", HOST_SUPERVISOR, HOST_START_FIXED + 1,
			 HOST_STRINGS_MAX,
			 HOST_HAS_SERIAL | HOST_HAS_UUID | HOST_HAS_STDIO |
			 HOST_HAS_SPEC | HOST_HAS_LEASE },
	[HOST_SIGNAL] = { "signal", HOST_SUPERVISOR, 1, 1,
			  HOST_HAS_SERIAL | HOST_HAS_UUID | HOST_HAS_SIGNAL },
	[HOST_KILL] = { "kill", HOST_SUPERVISOR, 1, 1,
			HOST_HAS_SERIAL | HOST_HAS_UUID },
	[HOST_REMOVE] = { "remove", HOST_SUPERVISOR, 1, 1,
			  HOST_HAS_SERIAL | HOST_HAS_UUID },
	[HOST_USAGE] = { "tell the usage of", HOST_SUPERVISOR, 1, 1,
			 HOST_HAS_SERIAL | HOST_HAS_UUID },
	[HOST_INSIDE] = { "run a command inside", HOST_SUPERVISOR,
			  HOST_START_FIXED + 1, HOST_STRINGS_MAX,
			  HOST_HAS_SERIAL | HOST_HAS_UUID | HOST_HAS_STDIO |
			  HOST_HAS_SPEC },
};

const char *host_message_name(uint32_t type)
{
	return type < HOST_TYPE_COUNT ? host_rules[type].name : "unknown";
}

/* ---- writing ---- */

int host_message_encode(struct buf *out, const struct host_message *head,
			const char *const *strings, struct error *e)
{
	size_t n = sizeof(*head);

	assert(head->type < HOST_TYPE_COUNT);
	for (uint32_t i = 0; i < head->n_strings; i++)
		n += strlen(strings[i]) + 1;
	if (n > HOST_MESSAGE_MAX)
		return error_set(e, E2BIG, "%zu bytes are too many, %d are "
				 "allowed", n, HOST_MESSAGE_MAX);

	buf_reserve(out, n);
	buf_add(out, head, sizeof(*head));
	for (uint32_t i = 0; i < head->n_strings; i++)
		buf_add(out, strings[i], strlen(strings[i]) + 1);
	return 0;
}

static size_t host_message_count(char *const *v)
{
	size_t n = 0;

	while (v && v[n])
		n++;
	return n;
}

int host_message_encode_spec(struct buf *out, enum host_type type, uint32_t serial,
			     const struct dyno_spec *spec, struct error *e)
{
	size_t n_argv = host_message_count(spec->argv);
	size_t n_envp = host_message_count(spec->envp);
	size_t n = HOST_START_FIXED + n_argv + n_envp;
	struct host_message head = {
		.type = type, .serial = serial,
		.n_strings = (uint32_t)n,
		.n_argv = (uint32_t)n_argv, .n_envp = (uint32_t)n_envp,
		.stdio = spec->stdio, .rows = spec->rows, .cols = spec->cols,
		.egress = spec->egress, .limits = spec->limits,
		.fd_mask = spec->slug && spec->lease_fd >= 0 ? 1U << HOST_FD_LEASE
							     : 0,
	};
	auto_free const char **strings = NULL;

	if (n > HOST_STRINGS_MAX)
		return error_set(e, E2BIG, "%zu arguments and environment "
				 "variables are too many, %d are allowed",
				 n_argv + n_envp,
				 HOST_STRINGS_MAX - HOST_START_FIXED);
	strings = xcalloc(n, sizeof(*strings));
	strings[0] = spec->uuid;
	strings[1] = spec->hostname;
	strings[2] = spec->slug ? spec->slug : "";
	for (size_t i = 0; i < n_argv; i++)
		strings[HOST_START_FIXED + i] = spec->argv[i];
	for (size_t i = 0; i < n_envp; i++)
		strings[HOST_START_FIXED + n_argv + i] = spec->envp[i];
	return host_message_encode(out, &head, strings, e);
}

/* ---- reading ---- */

static int host_message_head(const char *data, size_t n, enum host_side from,
			     struct host_message *ret, struct error *e)
{
	uint32_t first[2];		/* type and version */

	/* Another build may have another head: look at its version first. */
	if (n < sizeof(first))
		return error_set(e, EBADMSG, "a message of %zu bytes", n);
	memcpy(first, data, sizeof(first));
	if (first[0] >= HOST_TYPE_COUNT)
		return error_set(e, EBADMSG, "a message of unknown type %u",
				 (unsigned)first[0]);
	if (host_rules[first[0]].from != from)
		return error_set(e, EBADMSG, "a message \"%s\" of the wrong side",
				 host_rules[first[0]].name);
	if ((host_rules[first[0]].has & HOST_HAS_VERSION) &&
	    first[1] != HOST_VERSION)
		return error_set(e, EBADMSG, "protocol version %u, expected %u",
				 (unsigned)first[1], (unsigned)HOST_VERSION);
	if (n < sizeof(*ret))
		return error_set(e, EBADMSG, "a message of %zu bytes", n);
	memcpy(ret, data, sizeof(*ret));
	return 0;
}

static int host_message_strings(char *data, size_t n, struct host_packet *p,
				struct error *e)
{
	bool start = host_rules[p->head.type].has & HOST_HAS_SPEC;
	uint32_t end_argv = start ? HOST_START_FIXED + p->head.n_argv : UINT32_MAX;
	char *s = data, *end = data + n;
	size_t out = 0;

	for (uint32_t i = 0; i < p->head.n_strings; i++) {
		char *nul = s < end ? memchr(s, '\0', (size_t)(end - s)) : NULL;

		if (!nul)
			return error_set(e, EBADMSG, "string %u is cut off",
					 (unsigned)i);
		if (i == end_argv)
			p->strings[out++] = NULL;
		p->strings[out++] = s;
		s = nul + 1;
	}
	if (s != end)
		return error_set(e, EBADMSG, "%zu bytes behind the last string",
				 (size_t)(end - s));
	/* No environment: both lists end here. */
	if (start && !p->head.n_envp)
		p->strings[out++] = NULL;
	if (start)
		p->strings[out] = NULL;
	return 0;
}

static int host_message_counts(const struct host_message *h, size_t n_fds,
			       struct error *e)
{
	unsigned has = host_rules[h->type].has;
	uint32_t mask = h->fd_mask;
	uint32_t needed = has & HOST_HAS_SESSION ? 1U << HOST_FD_SESSION : 0;
	uint32_t allowed = has & HOST_HAS_FDS ? (1U << DYNO_FD_COUNT) - 1 :
		has & HOST_HAS_LEASE ? 1U << HOST_FD_LEASE : needed;

	if (h->n_strings < host_rules[h->type].min_strings ||
	    h->n_strings > host_rules[h->type].max_strings)
		return error_set(e, EBADMSG, "%u strings", (unsigned)h->n_strings);
	if ((has & HOST_HAS_SPEC)
	    ? (!h->n_argv || h->n_argv > h->n_strings - HOST_START_FIXED ||
	       h->n_envp != h->n_strings - HOST_START_FIXED - h->n_argv)
	    : (h->n_argv || h->n_envp))
		return error_set(e, EBADMSG, "%u arguments, %u environment "
				 "variables", (unsigned)h->n_argv,
				 (unsigned)h->n_envp);
	if ((mask & ~allowed) || (needed & ~mask) ||
	    (size_t)__builtin_popcount(mask) != n_fds)
		return error_set(e, EBADMSG, "%zu descriptors for mask %#x",
				 n_fds, (unsigned)mask);
	return 0;
}

static int host_message_values(const struct host_packet *p, struct error *e)
{
	const struct host_message *h = &p->head;
	unsigned has = host_rules[h->type].has;

	if (!(has & HOST_HAS_SERIAL) != !h->serial)
		return error_set(e, EBADMSG, "serial %u", (unsigned)h->serial);
	if ((has & HOST_HAS_SIGNAL) &&
	    (h->signal < 1 || h->signal > HOST_SIGNAL_MAX))
		return error_set(e, EBADMSG, "signal %d", (int)h->signal);
	if ((has & HOST_HAS_STDIO) && h->stdio > DYNO_STDIO_PTY)
		return error_set(e, EBADMSG, "stdio %u", (unsigned)h->stdio);
	if ((has & HOST_HAS_UUID) && !id_is_uuid(p->strings[0]))
		return error_set(e, EBADMSG, "the dyno's id is not a UUID");
	if ((has & HOST_HAS_SPEC) && !id_is_uuid(p->strings[1]))
		return error_set(e, EBADMSG, "the host name is not a UUID");
	if ((has & HOST_HAS_SPEC) && p->strings[2][0] &&
	    !id_is_sha256(p->strings[2]))
		return error_set(e, EBADMSG, "the slug is not a SHA-256");
	if ((has & HOST_HAS_LEASE) && h->fd_mask && !p->strings[2][0])
		return error_set(e, EBADMSG, "a lease without a slug");
	if (h->type == HOST_INSIDE && p->strings[2][0])
		return error_set(e, EBADMSG, "a slug for a command inside");
	if (h->type == HOST_INSIDE && h->stdio == DYNO_STDIO_LOG)
		return error_set(e, EBADMSG, "a log for a command inside");
	if ((has & HOST_HAS_SPEC) && p->head.egress >= DYNO_EGRESS_COUNT)
		return error_set(e, EBADMSG, "egress %u", (unsigned)p->head.egress);
	return 0;
}

int host_message_decode(char *data, size_t n, size_t n_fds, enum host_side from,
			struct host_packet *ret, struct error *e)
{
	struct host_message *h = &ret->head;
	int r;

	r = host_message_head(data, n, from, h, e);
	if (r < 0)
		return r;
	r = host_message_counts(h, n_fds, e);
	if (r >= 0)
		r = host_message_strings(data + sizeof(*h), n - sizeof(*h), ret, e);
	if (r >= 0)
		r = host_message_values(ret, e);
	return error_prefix(e, r, "message \"%s\"", host_rules[h->type].name);
}

void host_message_spec(struct host_packet *p, struct dyno_spec *ret)
{
	const struct host_message *h = &p->head;

	assert(host_rules[h->type].has & HOST_HAS_SPEC);
	*ret = (struct dyno_spec){
		.uuid = p->strings[0],
		.hostname = p->strings[1],
		.slug = p->strings[2][0] ? p->strings[2] : NULL,
		.argv = p->strings + HOST_START_FIXED,
		.envp = p->strings + HOST_START_FIXED + h->n_argv + 1,
		.limits = h->limits,
		.stdio = (enum dyno_stdio)h->stdio,
		.rows = h->rows,
		.cols = h->cols,
		.egress = (enum dyno_egress)h->egress,
		.lease_fd = -1,
	};
}
