/*
 * life_slug.c - a dyno has its slug: leased at once if it is unpacked, else by a job.
 */
#include "base/error.h"
#include "base/log.h"
#include "manager/life/life.h"
#include "manager/slug/slug_jobs.h"
#include "slugstore/store.h"

bool life_lease(struct life *l, struct error *e)
{
	int r;

	if (!l->a->slug || l->lease_fd >= 0)
		return true;
	r = store_lease(l->s->store, l->a->slug, &l->lease_fd, e);
	if (r > 0)
		error_set(e, ENOENT, "slug %s is not unpacked", l->a->slug);
	return r == 0;
}

/* It is the host that has no room, and no fault of the app: a dyno of the
 * formation goes on starting. Of a one-off somebody waits for the outcome. */
static bool life_waits_for_space(struct life *l)
{
	if (l->a->kind != DYNO_FORMATION)
		return false;
	life_save(l);
	l->dirty = l->hook_dirty = true;
	supervisor_settle(l->s);
	return true;
}

static void on_life_slug(enum slug_outcome outcome, const char *message,
			 void *userdata)
{
	enum dyno_event event = DYNO_EV_NO_SLUG;
	struct life *l = userdata;
	struct error e;

	if (outcome != SLUG_READY)
		life_set_error(l, message);
	if (outcome == SLUG_NO_SPACE && life_waits_for_space(l))
		return;
	if (outcome == SLUG_WRONG &&
	    slug_jobs_parse_wrong(message, l->wrong_slug))
		event = DYNO_EV_BAD_SLUG;
	if (outcome == SLUG_READY && life_lease(l, &e))
		event = DYNO_EV_SLUG;
	else if (outcome == SLUG_READY)
		life_set_error(l, e.msg);
	slug_jobs_cancel(&l->slug_wait);
	life_event(l, event);
}

void life_fetch(struct life *l)
{
	struct error e;

	if (life_lease(l, &e)) {
		life_event(l, DYNO_EV_SLUG);
		return;
	}
	log_info("%s %s: %s, having it fetched", l->a->app_name ? l->a->app_name : "",
		 l->a->name, e.msg);
	l->slug_wait.fn = on_life_slug;
	l->slug_wait.userdata = l;
	slug_jobs_want(l->s->slugs, l->a->slug, l->a->slug_path, &l->slug_wait);
}
