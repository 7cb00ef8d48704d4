#pragma once

/*
 * logs.h - lines come in from hosts and from ourselves; readers are woken.
 *
 * A host's batch is stored at once and shown over several turns of the loop, as
 * fast as readers can follow who take some hundred lines at a time. Who has more is
 * kept waiting meanwhile (logs_wait).
 */
#include "controller/logplex/log_store.h"

#include <systemd/sd-event.h>

struct error;
struct logs;
struct logs_wait;
struct logs_watch;

/* Opens (or makes) the file of lines. */
int logs_new(struct logs **ret, const char *path, struct error *e);
struct logs *logs_free(struct logs *l);
DEFINE_AUTO(struct logs, logs_free)

/* From here on in pieces, and old lines expire; without, all is shown at once. */
int logs_start(struct logs *l, sd_event *event, struct error *e);

/* For reading; who adds to it has to call logs_show() then. Borrowed. */
struct log_store *logs_store(struct logs *l);
void logs_show(struct logs *l);

/* A line of the control plane: source app, ps api, now. */
int logs_say(struct logs *l, const char *app, const char *message,
	     struct error *e);
/* The same of another source and process ("heroku", "logplex"). */
int logs_say_as(struct logs *l, const char *app, const char *source, const char *ps,
		const char *message, struct error *e);

struct logs_ops {
	/* Whether lines of an app are accepted (it exists). */
	bool (*known)(const char *app, void *userdata);
	/* NULL, or whether this host may speak for the dyno of this name. If not, the
	 * frame is dropped, and counted by refused(), once the rest is stored. */
	bool (*may)(const char *app, const char *ps, void *userdata);
	void (*refused)(uint64_t n, void *userdata);
	/* A frame that is no line: the record of a dyno's end. It may come again
	 * if what is behind it cannot be stored. */
	int (*death)(const char *app, const char *ps, const char *text, size_t n,
		     void *userdata, struct error *e);
};

/*
 * Store a host's frames; *ret_acked is the highest sequence stored for the
 * epoch afterwards. Lines of unknown apps are counted and dropped. EBADMSG:
 * the body is malformed; nothing of it was stored.
 */
int logs_take(struct logs *l, const char *host, const char *epoch,
	      const char *body, size_t n, const struct logs_ops *ops,
	      void *userdata, uint64_t *ret_acked, struct error *e);

/* Whether so much is not shown yet that nothing more should be stored now. */
bool logs_is_full(const struct logs *l);
/* When it is full: fn is called once, from the loop, when there is room again. The
 * wait is freed then; or by its owner before that. */
struct logs_wait *logs_wait_new(struct logs *l, void (*fn)(void *userdata),
				void *userdata);
struct logs_wait *logs_wait_free(struct logs_wait *w);

/* fn is called when lines of the app are shown, or when the app has
 * been forgotten. It must not free other watches. */
struct logs_watch *logs_watch_new(struct logs *l, const char *app,
				  void (*fn)(void *userdata), void *userdata);
struct logs_watch *logs_watch_free(struct logs_watch *w);

/* The app is gone. */
int logs_forget(struct logs *l, const char *app, struct error *e);

/* Forget all apps that keep() does not want: a crash may have come between the end
 * of an app and that of its lines. */
int logs_collect(struct logs *l, bool (*keep)(const char *app, void *userdata),
		 void *userdata, struct error *e);
