#pragma once

/*
 * host_proto.h - what dynod and its supervisor say to each other.
 *
 * One SEQPACKET socket pair, which dynod hands to the supervisor as descriptor
 * 3. One message = one struct host_message head, then the strings that the
 * head counts, each ending in NUL. Native byte order: both ends are one build
 * on one machine; HOST_HELLO carries the version and the reader refuses
 * another. Bytes that came from outside (commands, environment) pass through
 * dynod unread: it counts NULs, and nothing else. host_message.h reads and
 * writes messages, host_link.h moves them.
 *
 * dynod -> supervisor at start: HELLO, an ADOPT for every dyno on record
 * (living or ended), READY. Then any time: EXIT. A reply carries the serial of
 * its request. A message that is unknown, malformed or of the wrong side ends
 * the connection (dynod kills the supervisor and starts another).
 */
#include "base/base.h"

#include "runtime/runtime.h"

#define HOST_VERSION 5
#define HOST_FD 3			/* the supervisor's end */
#define HOST_LISTEN_FD 4		/* it listens at host.sock; may be missing */
#define HOST_MESSAGE_MAX (160 * 1024)	/* 64 KiB of config vars and room */
#define HOST_STRINGS_MAX 4096
#define HOST_FD_LEASE 0			/* place of START's descriptor, */
#define HOST_FD_SESSION 0		/* and of ENTERED's */

enum host_type {
	/* dynod -> supervisor */
	HOST_HELLO,		/* strings: prefix */
	HOST_ADOPT,		/* a dyno on record; fds as DYNO_FD_* */
	HOST_READY,		/* all dynos have been told */
	HOST_EXIT,		/* a dyno has ended: exit */
	HOST_MEMORY,		/* strings: uuid; the kernel has killed in it for want
				 * of memory: usage */
	HOST_REPLY,		/* result of a request: error, strings: message */
	HOST_STARTED,		/* result of HOST_START: dyno, fds; strings: uuid,
				 * dyno_trace_text() */
	HOST_USED,		/* result of HOST_USAGE: usage; strings: uuid */
	HOST_ENTERED,		/* result of HOST_INSIDE: strings: uuid; fds:
				 * HOST_FD_SESSION */
	/* supervisor -> dynod */
	HOST_START,		/* spec; strings: uuid hostname slug (or "")
				 * argv... envp...; fds: HOST_FD_LEASE, or none */
	HOST_SIGNAL,		/* strings: uuid */
	HOST_KILL,		/* strings: uuid */
	HOST_REMOVE,		/* strings: uuid; after HOST_EXIT */
	HOST_USAGE,		/* strings: uuid */
	HOST_INSIDE,		/* a command inside of a living dyno: stdio, rows, cols;
				 * strings: as HOST_START, no slug */
	HOST_TYPE_COUNT
};

struct host_message {
	uint32_t type;
	uint32_t version;		/* HELLO: HOST_VERSION */
	uint32_t serial;		/* 0 in what is not a reply or request */
	int32_t error;			/* REPLY: 0 or errno */
	int32_t signal;			/* SIGNAL */
	uint32_t n_strings;
	uint32_t n_argv, n_envp;	/* START, INSIDE: how many of the strings */
	uint32_t stdio;			/* enum dyno_stdio */
	uint16_t rows, cols;
	uint32_t egress;		/* START: enum dyno_egress */
	uint32_t fd_mask;		/* bit DYNO_FD_x or HOST_FD_x: such a
					 * descriptor follows */
	uint32_t alive;			/* ADOPT: 1 lives, 0 has ended */
	int32_t pid;
	uint32_t address;		/* network order */
	uint64_t started_usec;
	struct dyno_limits limits;
	struct dyno_exit exit;		/* EXIT; ADOPT when not alive */
	struct dyno_usage usage;	/* MEMORY, USED */
};
