#pragma once

/*
 * live.h - what the hosts say about their dynos, in memory.
 *
 * The state says what shall be, this what is. It is lost with the controller
 * and comes back with the hosts' full reports: a host that this process has
 * not seen yet is told to register again. Time is given by the caller
 * (monotonic microseconds).
 */
#include "http/json.h"

struct error;
struct live;

#define LIVE_SILENT_USEC (30 * USEC_PER_SEC)

struct live_dyno {
	char host[64];
	char state[16];
	char *since;			/* API time, or NULL */
	char *address;			/* or NULL */
	int64_t port, pid;		/* 0: none */
	int64_t exit_status;		/* < 0: none */
	char *error;
	json_t *trace;			/* what the stages of its start took, or NULL */
};

struct live *live_new(void);
struct live *live_free(struct live *l);

/* A host has registered: its reports count from now on. */
void live_host(struct live *l, const char *host, const char *boot, uint64_t now);
/* Whether it has registered with this boot id (NULL: any) here. */
bool live_host_known(const struct live *l, const char *host, const char *boot);
/* Whether it has been heard within LIVE_SILENT_USEC. */
bool live_host_up(const struct live *l, const char *host, uint64_t now);
/* Whether it has sent a full report to this process. */
bool live_host_complete(const struct live *l, const char *host);
/* It is heard (a long poll counts). */
void live_host_seen(struct live *l, const char *host, uint64_t now);

/* Whether a report with this number is news: numbers rise within a boot, and what is
 * late or comes again says what has been said better. */
bool live_host_is_news(const struct live *l, const char *host, uint64_t seq);
/* It was taken. */
void live_host_told(struct live *l, const char *host, uint64_t seq);

/* Take one dyno of a report.
 * Returns whether anything that others see has changed. */
bool live_take(struct live *l, const char *host, const json_t *dyno);
/* End of a full report: forget the host's dynos that are not in it. */
bool live_take_full(struct live *l, const char *host, const json_t *dynos);

/* NULL: nothing is known about it. */
const struct live_dyno *live_get(const struct live *l, const char *id);
void live_forget(struct live *l, const char *id);

/* Hosts that have fallen silent or come back since the last call. */
bool live_tick(struct live *l, uint64_t now);
