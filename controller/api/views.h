#pragma once

/*
 * views.h - docs in the shape of the Platform API: every member that its
 * schema names, and a few of ours.
 */
#include "http/json.h"

struct engine;

struct views {
	struct engine *g;
	const char *base;		/* "http://127.0.0.1:5080" as the client sees us */
	const char *attach;		/* "rendezvous://127.0.0.1:5000", or NULL */
	uint64_t now;			/* monotonic microseconds */
};

json_t *views_account(const struct views *v, const json_t *account);
json_t *views_app(const struct views *v, const json_t *app);
json_t *views_release(const struct views *v, const json_t *app,
		      const json_t *release);
json_t *views_formation(const struct views *v, const json_t *app,
			const json_t *entry);
/* Additional members: address, port, exit_status, error. The attach_url is
 * only in the answer that made the dyno. release: the doc of its release. */
json_t *views_dyno(const struct views *v, const json_t *app,
		   const json_t *dyno, const json_t *release, bool created);
/* domain: NULL is the one that every app has, NAME.DOMAIN. */
json_t *views_domain(const struct views *v, const json_t *app,
		     const json_t *domain);
/* addon: as in addons.h. */
json_t *views_addon(const struct views *v, const json_t *app,
		    const json_t *addon);
json_t *views_attachment(const struct views *v, const json_t *app,
			 const json_t *addon, const json_t *attachment);
/* method: "put" or "get"; url: of the blob. */
json_t *views_slug(const struct views *v, const json_t *slug,
		   const char *method, const char *url);

json_t *views_stack(const char *name);		/* {id, name} */
json_t *views_region(void);			/* {id, name} */
json_t *views_user(const struct views *v);	/* who asks: {id, email} */
json_t *views_owner(const struct views *v, const json_t *app);

/* The state of a dyno as others see it: "starting", "up", ... */
const char *views_state(const struct views *v, const json_t *dyno);
