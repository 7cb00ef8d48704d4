/* strays.c - one small object per instance that is to go. */
#include "base/error.h"
#include "base/fault.h"
#include "base/id.h"
#include "base/log.h"
#include "base/loop.h"
#include "manager/model/backoff.h"
#include "manager/protocol/host_client.h"
#include "manager/supervisor/strays.h"
#include "manager/supervisor/supervisor.h"

#define RETRY_MAX_USEC (30 * USEC_PER_SEC)

struct stray {
	struct supervisor *s;
	char *uuid;
	bool alive;
	bool busy;			/* a request is on its way */
	unsigned failures;
	char *error;			/* of the last try, or NULL */
	sd_event_source *timer;
};

static void stray_step(struct stray *t);

static struct stray *stray_free(struct stray *t)
{
	t->timer = loop_unref(t->timer);
	free(t->uuid);
	free(t->error);
	free(t);
	return NULL;
}

static int on_stray_timer(sd_event_source *src, uint64_t usec, void *userdata)
{
	stray_step(userdata);
	return 0;
}

static void stray_retry(struct stray *t, const char *why)
{
	struct error e;

	free(t->error);
	t->error = xstrdup(why);
	if (loop_timer(t->s->event, &t->timer,
		       backoff_jitter(++t->failures, RETRY_MAX_USEC,
				      id_random(BACKOFF_CHANCES)),
		       on_stray_timer, t, "stray", &e) < 0)
		log_err("instance %s: %s", t->uuid, e.msg);
}

static void on_stray_removed(int r, const char *message, void *userdata)
{
	struct stray *t = userdata;

	t->busy = false;
	if (r < 0) {
		log_warn("remove instance %s: %s, will retry", t->uuid, message);
		stray_retry(t, message);
		return;
	}
	map_remove(&t->s->strays, t->uuid);
	stray_free(t);
}

static void on_stray_killed(int r, const char *message, void *userdata)
{
	struct stray *t = userdata;

	t->busy = false;
	if (r == -ENOENT)
		t->alive = false;
	if (!t->alive) {
		stray_step(t);		/* it ended meanwhile */
	} else if (r < 0) {
		log_warn("kill instance %s: %s, will retry", t->uuid, message);
		stray_retry(t, message);
	}
}

static void stray_step(struct stray *t)
{
	struct error e;
	int r;

	t->timer = loop_unref(t->timer);
	if (t->busy)
		return;
	t->busy = true;
	fault_point("stray");
	if (t->alive)
		r = host_client_kill(t->s->host, t->uuid, on_stray_killed, t, &e);
	else
		r = host_client_remove(t->s->host, t->uuid, on_stray_removed, t, &e);
	if (r < 0) {
		t->busy = false;
		log_warn("instance %s: %s, will retry", t->uuid, e.msg);
		stray_retry(t, e.msg);
	}
}

void strays_add(struct supervisor *s, const char *uuid, bool alive)
{
	struct stray *t;

	if (map_get(&s->strays, uuid))
		return;
	t = xcalloc(1, sizeof(*t));
	t->s = s;
	t->uuid = xstrdup(uuid);
	t->alive = alive;
	map_set(&s->strays, uuid, t);
	stray_step(t);
}

bool strays_exited(struct supervisor *s, const char *uuid)
{
	struct stray *t = map_get(&s->strays, uuid);

	if (!t)
		return false;
	t->alive = false;
	stray_step(t);
	return true;
}

void strays_each(const struct supervisor *s,
		 void (*fn)(const struct stray_info *t, void *userdata), void *userdata)
{
	for (struct map_iter it = { 0 }; map_next(&s->strays, &it); ) {
		const struct stray *t = it.value;

		fn(&(struct stray_info){ t->uuid, t->alive, t->error, t->failures,
					 t->timer }, userdata);
	}
}

size_t strays_stuck(const struct supervisor *s)
{
	size_t n = 0;

	for (struct map_iter it = { 0 }; map_next(&s->strays, &it); ) {
		const struct stray *t = it.value;

		n += t->failures > 0;
	}
	return n;
}

size_t strays_count(const struct supervisor *s)
{
	return s->strays.n;
}

void strays_free(struct supervisor *s)
{
	for (struct map_iter it = { 0 }; map_next(&s->strays, &it); )
		stray_free(it.value);
	map_deinit(&s->strays);
}
