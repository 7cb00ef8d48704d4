/*
 * Any bytes from the other side: decoding them never reads or writes outside,
 * and what it accepts encodes to the same bytes again. test-host-message feeds
 * it with mutations; for libFuzzer:
 *	clang -g -fsanitize=fuzzer,address,undefined -D_GNU_SOURCE -I. \
 *		tests/manager/fuzz_host_message.c manager/protocol/host_message.c \
 *		base/{alloc,buf,error,id}.c -o /tmp/fuzz
 */
#include "base/buf.h"
#include "manager/protocol/host_message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void fuzz_start(struct host_packet *p, const char *bytes, size_t n)
{
	struct dyno_spec spec;
	auto_buf again = BUF_INIT;
	struct host_message *head;

	host_message_spec(p, &spec);
	if (host_message_encode_spec(&again, (enum host_type)p->head.type,
				     p->head.serial, &spec, NULL) < 0)
		abort();
	head = (struct host_message *)(void *)again.data;
	if (again.len != n || head->n_argv != p->head.n_argv ||
	    head->n_envp != p->head.n_envp ||
	    memcmp(again.data + sizeof(*head), bytes + sizeof(*head),
		   n - sizeof(*head)) != 0)
		abort();
}

static void fuzz_other(const struct host_packet *p, const char *bytes, size_t n)
{
	auto_buf again = BUF_INIT;

	if (host_message_encode(&again, &p->head,
				(const char *const *)p->strings, NULL) < 0)
		abort();
	if (again.len != n || memcmp(again.data, bytes, n) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct host_packet *p = xmalloc(sizeof(*p));
	char *copy = xmalloc(n);

	if (n)
		memcpy(copy, data, n);
	for (int from = HOST_DYNOD; from <= HOST_SUPERVISOR; from++) {
		struct host_message head;
		size_t n_fds = 0;

		if (n >= sizeof(head)) {
			memcpy(&head, data, sizeof(head));
			n_fds = (size_t)__builtin_popcount(head.fd_mask);
		}
		if (n > HOST_MESSAGE_MAX ||
		    host_message_decode(copy, n, n_fds, (enum host_side)from, p,
					NULL) < 0)
			continue;
		if (p->head.type == HOST_START || p->head.type == HOST_INSIDE)
			fuzz_start(p, copy, n);
		else
			fuzz_other(p, copy, n);
	}
	free(copy);
	free(p);
	return 0;
}
