/* removals.c - one timer per dyno that could not be removed at once. */
#include "base/clock.h"
#include "base/error.h"
#include "base/loop.h"
#include "manager/dynod/removals.h"

#include <stdio.h>

#define RETRY_MIN_USEC (2 * USEC_PER_MSEC)
#define RETRY_MAX_USEC (10 * USEC_PER_SEC)

struct removal {
	struct removals *rs;
	char uuid[37];
	uint64_t waited, pause;		/* usec; the pause is to come */
	bool stuck;			/* in quarantine */
	uint32_t serial;		/* of who awaits an answer, 0 = nobody */
	sd_event_source *timer;
};

static void PRINTF(2, 3)
removals_tell(struct removals *rs, const char *fmt, ...)
{
	char text[ERROR_MSG_MAX + 128];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	rs->ops->tell(text, rs->userdata);
}

static void removal_free(struct removal *m)
{
	loop_unref(m->timer);
	free(m);
}

static void removal_answer(struct removal *m, int r, const struct error *e)
{
	uint32_t serial = m->serial;

	m->serial = 0;
	if (serial)
		m->rs->ops->on_answer(m->uuid, serial, r, e, m->rs->userdata);
}

static int on_removal_timer(sd_event_source *src, uint64_t usec, void *userdata);

static void removal_arm(struct removal *m)
{
	struct error e;

	if (loop_deadline(m->rs->event, &m->timer, m->pause, on_removal_timer, m,
			  "removal", &e) < 0)
		removals_tell(m->rs, "%s, ignoring", e.msg);
	m->waited += m->pause;
	m->pause = 2 * m->pause < RETRY_MAX_USEC ? 2 * m->pause : RETRY_MAX_USEC;
}

/* r = 0: it is gone, and so is m. */
static int removal_try(struct removal *m, struct error *e)
{
	int r = runtime_remove(m->rs->rt, m->uuid, e);

	if (r < 0) {
		if (!m->stuck && m->waited >= REMOVALS_PATIENCE_SEC * USEC_PER_SEC) {
			m->stuck = true;
			removals_tell(m->rs, "%s; trying it again from time to time",
				      e->msg);
		}
		if (m->stuck)
			removal_answer(m, r, e);
		return r;
	}
	if (m->stuck)
		removals_tell(m->rs, "dyno %s is removed now", m->uuid);
	map_remove(&m->rs->items, m->uuid);
	m->rs->ops->on_gone(m->uuid, m->rs->userdata);
	removal_answer(m, 0, e);
	removal_free(m);
	return 0;
}

static int on_removal_timer(sd_event_source *src, uint64_t usec, void *userdata)
{
	struct removal *m = userdata;
	struct error e;

	m->timer = loop_unref(m->timer);
	if (removal_try(m, &e) < 0)
		removal_arm(m);
	return 0;
}

static struct removal *removal_new(struct removals *rs, const char *uuid)
{
	struct removal *m = xcalloc(1, sizeof(*m));

	m->rs = rs;
	snprintf(m->uuid, sizeof(m->uuid), "%s", uuid);
	m->pause = RETRY_MIN_USEC;
	map_set(&rs->items, uuid, m);
	removal_arm(m);
	return m;
}

bool removals_add(struct removals *rs, const char *uuid)
{
	struct error e;

	if (removals_has(rs, uuid))
		return false;
	if (runtime_remove(rs->rt, uuid, &e) == 0)
		return true;
	removal_new(rs, uuid);
	return false;
}

int removals_ask(struct removals *rs, const char *uuid, uint32_t serial,
		 struct error *e)
{
	struct removal *m = map_get(&rs->items, uuid);
	int r;

	if (!m) {
		if (runtime_remove(rs->rt, uuid, e) == 0)
			return 0;
		m = removal_new(rs, uuid);
	} else {
		r = removal_try(m, e);
		if (r == 0 || m->stuck)
			return r;
	}
	m->serial = serial;
	return REMOVALS_LATER;
}

void removals_forget(struct removals *rs)
{
	for (struct map_iter it = { 0 }; map_next(&rs->items, &it); ) {
		struct removal *m = it.value;

		m->serial = 0;
	}
}

bool removals_has(const struct removals *rs, const char *uuid)
{
	return map_get(&rs->items, uuid) != NULL;
}

size_t removals_count(const struct removals *rs)
{
	return rs->items.n;
}

void removals_init(struct removals *rs, sd_event *event, struct runtime *rt,
		   const struct removals_ops *ops, void *userdata)
{
	*rs = (struct removals){
		.event = event, .rt = rt, .ops = ops, .userdata = userdata,
		.items = MAP_INIT,
	};
}

void removals_deinit(struct removals *rs)
{
	for (struct map_iter it = { 0 }; map_next(&rs->items, &it); )
		removal_free(it.value);
	map_deinit(&rs->items);
}
