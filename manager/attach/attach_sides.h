#pragma once

/*
 * attach_sides.h - inside of attach.h: what its three files share.
 *
 * attach_stream.c has the side of upstream, attach_dyno.c the side of the
 * dyno, attach.c what is between them.
 */
#include "base/buf.h"
#include "manager/attach/attach.h"
#include "manager/attach/attach_frame.h"
#include "manager/limits.h"

struct dial;

enum attach_phase {
	ATTACH_CONNECTING,	/* dials, or waits to dial again */
	ATTACH_OPEN,
	ATTACH_LOST,
	ATTACH_DONE,
};

struct attach_side {
	int fd;			/* -1 = none, or at its end */
	sd_event_source *source;
};

struct attach {
	sd_event *event;
	const struct http_client_spec *upstream;	/* borrowed */
	char *path;
	const struct attach_ops *ops;
	void *userdata;

	enum attach_phase phase;
	struct dial *dial;
	struct attach_side stream;
	sd_event_source *redial, *idle, *linger, *reopen;
	unsigned failures;
	uint64_t broken_since;	/* monotonic; 0 = not broken */
	uint64_t idle_usec;
	uint64_t active;	/* monotonic: when a byte moved last */
	bool client;		/* has come */
	bool ending;		/* the last frame is queued */
	bool old;		/* upstream speaks the old protocol */
	bool adopted;		/* another supervisor has begun it */

	struct buf in;		/* from the stream, not parsed */
	struct replay out;	/* to the stream; keep: the client may come again */
	uint64_t in_count, in_told;	/* of the client's frames: had, told that */
	struct buf input;	/* for the dyno */
	bool input_ended;

	bool serving, draining, drained, tty;
	struct attach_side dyno[DYNO_FD_COUNT];
};

/* ---- attach.c ---- */

/* Say again which side is watched for what. */
void attach_update(struct attach *a);
/* Events 0 switches the side off: EPOLLHUP cannot be masked otherwise. */
void attach_side_watch(struct attach_side *side, uint32_t events);
void attach_side_close(struct attach_side *side);
void attach_lose(struct attach *a, const char *why);
void attach_finish(struct attach *a);

/* ---- attach_stream.c ---- */
int attach_stream_start(struct attach *a, struct error *e);
void attach_stream_close(struct attach *a);
void attach_stream_parse(struct attach *a);
void attach_stream_write(struct attach *a);
void attach_stream_put(struct attach *a, enum attach_type type, const void *data,
		       size_t n);

/* ---- attach_dyno.c ---- */
void attach_dyno_write(struct attach *a);
void attach_dyno_set_window(struct attach *a, uint16_t rows, uint16_t cols);
void attach_dyno_check_drained(struct attach *a);
int on_attach_dyno(sd_event_source *src, int fd, uint32_t revents, void *userdata);
