#pragma once

/*
 * drain_sink.h - the far end of a drain: takes one frame at a time and says what
 * became of it. It makes, keeps and closes its connection, and waits as long as it
 * has to after failures.
 */
#include "controller/logplex/drain_frame.h"
#include "controller/logplex/drain_url.h"

#include <sys/socket.h>
#include <systemd/sd-event.h>

struct drain_networks;
struct drain_sink;
struct error;

enum drain_verdict {
	DRAIN_ACCEPTED,
	DRAIN_REFUSED,			/* this frame is not wanted */
	DRAIN_FAILED,			/* it may be sent again */
};

struct drain_outcome {
	enum drain_verdict verdict;
	char why[128];			/* for people, without the URL; "" if accepted */
	bool certificate;		/* it failed since the certificate is not good */
	size_t sent;			/* failed: bytes that are gone nevertheless */
};

struct drain_message {
	const char *data;		/* borrowed until the outcome */
	size_t len;
	size_t count;			/* messages in it */
	char id[DRAIN_FRAME_ID_MAX];
};

struct drain_sink_spec {
	sd_event *event;
	const struct drain_networks *networks;
	const char *ca_file;		/* NULL: the system's */
	const char *token;
	struct drain_url url;
	/* The outcome of what was sent; another may be sent right here. May also be
	 * called inside of send(). */
	void (*on_done)(const struct drain_outcome *outcome, void *userdata);
	void *userdata;
};

struct drain_sink_kind {
	enum drain_form form;
	size_t frame_bytes;		/* what a frame should not exceed */
	unsigned tries;			/* of a frame; 0 = no limit */
	void (*send)(struct drain_sink *s, const struct drain_message *m);
	/* How many lines may wait, with that buffer. full: it is. */
	uint64_t (*buffer)(const struct drain_sink *s, uint64_t buffer, bool full);
	void (*free)(struct drain_sink *s);
};

struct drain_sink {
	const struct drain_sink_kind *kind;
	struct drain_sink_spec spec;	/* strings are borrowed; the URL is owned */
};

/* Takes spec->url. */
int drain_sink_new(struct drain_sink **ret, struct drain_sink_spec *spec,
		   struct error *e);
struct drain_sink *drain_sink_free(struct drain_sink *s);

/* ---- for the kinds ---- */
struct drain_sink *drain_http_new(void);
struct drain_sink *drain_syslog_new(void);

void drain_sink_done(struct drain_sink *s, const struct drain_outcome *outcome);
/* What a failed call means, in words without the URL. */
void drain_sink_failure(struct drain_outcome *ret, int r);
/* For http_call_spec: userdata is the sink. */
bool drain_sink_address(const struct sockaddr *address, void *userdata);
