#pragma once

/*
 * attach.h - the client of an attached one-off: a stream to upstream
 * (PROTOCOL.attach) on one side, the dyno's terminal or pipes on the other.
 *
 * Life: new (connects) -> on_client -> serve -> drain -> end or fail -> done.
 * Both directions have a bounded queue; who cannot pass bytes on stops
 * reading. When the stream breaks it is connected again; the client is lost
 * when upstream says so ('H', 404), when it cannot be reached for 30 s, or
 * when no byte moved for an hour. After that, output is read and thrown away.
 */
#include "base/base.h"
#include "runtime/runtime.h"

#include <systemd/sd-event.h>

struct attach;
struct error;
struct http_client_spec;

struct attach_ops {
	void (*on_client)(uint16_t rows, uint16_t cols, void *userdata);
	void (*on_lost)(void *userdata);	/* at most once */
	void (*on_signal)(int sig, void *userdata);
	void (*on_drained)(void *userdata);
	void (*on_done)(void *userdata);	/* nothing is left to be sent */
};

struct attach_spec {
	const struct http_client_spec *upstream;	/* borrowed */
	const char *path;
	uint64_t idle_usec;			/* without a byte: the client is lost */
	bool lost;				/* there is no client any more */
	const struct attach_ops *ops;		/* borrowed, all set */
	void *userdata;
};

/* Callbacks come from the loop, never from inside, except on_drained. None of
 * them may free the attach. */
int attach_new(struct attach **ret, sd_event *event,
	       const struct attach_spec *spec, struct error *e);
struct attach *attach_free(struct attach *a);
DEFINE_AUTO(struct attach, attach_free)

/* The command runs. Takes the descriptors out of fds[]. started: tell the
 * client (not again after an adoption). */
int attach_serve(struct attach *a, enum dyno_stdio stdio,
		 int fds[DYNO_FD_COUNT], bool started, struct error *e);

/* The dyno has ended: read its output to the end, then on_drained. */
void attach_drain(struct attach *a);

/* The last frame. After it only on_done comes. */
void attach_end(struct attach *a, int status);
void attach_fail(struct attach *a, const char *sentence);

bool attach_is_done(const struct attach *a);
