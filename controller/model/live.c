/*
 * live.c - two maps: hosts by name, dynos by id.
 */
#include "base/map.h"
#include "controller/model/live.h"

#include <stdio.h>

struct live_host {
	char boot[40];
	uint64_t seen;
	uint64_t seq;			/* of the last report of this boot */
	bool up, complete;
};

struct live {
	struct map hosts;		/* name -> struct live_host */
	struct map dynos;		/* id -> struct live_dyno */
};

struct live *live_new(void)
{
	struct live *l = xcalloc(1, sizeof(*l));

	l->hosts = MAP_INIT;
	l->dynos = MAP_INIT;
	return l;
}

static void live_dyno_free(struct live_dyno *d)
{
	if (!d)
		return;
	free(d->since);
	free(d->address);
	json_decref(d->trace);
	free(d->error);
	free(d);
}

struct live *live_free(struct live *l)
{
	if (!l)
		return NULL;
	for (struct map_iter it = { 0 }; map_next(&l->hosts, &it); )
		free(it.value);
	for (struct map_iter it = { 0 }; map_next(&l->dynos, &it); )
		live_dyno_free(it.value);
	map_deinit(&l->hosts);
	map_deinit(&l->dynos);
	free(l);
	return NULL;
}

void live_host(struct live *l, const char *host, const char *boot, uint64_t now)
{
	struct live_host *h = map_get(&l->hosts, host);

	if (!h) {
		h = xcalloc(1, sizeof(*h));
		map_set(&l->hosts, host, h);
	}
	if (!str_eq(h->boot, boot)) {
		h->complete = false;
		h->seq = 0;
	}
	snprintf(h->boot, sizeof(h->boot), "%s", boot);
	h->seen = now;
	h->up = true;
}

bool live_host_known(const struct live *l, const char *host, const char *boot)
{
	const struct live_host *h = map_get(&l->hosts, host);

	return h && (!boot || str_eq(h->boot, boot));
}

bool live_host_up(const struct live *l, const char *host, uint64_t now)
{
	const struct live_host *h = map_get(&l->hosts, host);

	return h && now < h->seen + LIVE_SILENT_USEC;
}

bool live_host_complete(const struct live *l, const char *host)
{
	const struct live_host *h = map_get(&l->hosts, host);

	return h && h->complete;
}

void live_host_seen(struct live *l, const char *host, uint64_t now)
{
	struct live_host *h = map_get(&l->hosts, host);

	if (h)
		h->seen = now;
}

bool live_host_is_news(const struct live *l, const char *host, uint64_t seq)
{
	const struct live_host *h = map_get(&l->hosts, host);

	return h && seq > h->seq;
}

void live_host_told(struct live *l, const char *host, uint64_t seq)
{
	struct live_host *h = map_get(&l->hosts, host);

	if (h && seq > h->seq)
		h->seq = seq;
}

bool live_tick(struct live *l, uint64_t now)
{
	bool changed = false;

	for (struct map_iter it = { 0 }; map_next(&l->hosts, &it); ) {
		struct live_host *h = it.value;
		bool up = now < h->seen + LIVE_SILENT_USEC;

		changed |= up != h->up;
		h->up = up;
	}
	return changed;
}

static bool live_set(char **to, const char *from)
{
	if (*to ? from && str_eq(*to, from) : !from)
		return false;
	free(*to);
	*to = xstrdup(from);
	return true;
}

bool live_take(struct live *l, const char *host, const json_t *dyno)
{
	const char *id = json_str(dyno, "id"), *state = json_str(dyno, "state");
	struct live_dyno *d;
	bool changed;

	if (!id || !state)
		return false;
	d = map_get(&l->dynos, id);
	changed = !d;
	if (!d) {
		d = xcalloc(1, sizeof(*d));
		map_set(&l->dynos, id, d);
	}
	changed |= !str_eq(d->state, state) || d->port != json_int(dyno, "port", 0);
	snprintf(d->host, sizeof(d->host), "%s", host);
	snprintf(d->state, sizeof(d->state), "%s", state);
	d->port = json_int(dyno, "port", 0);
	d->pid = json_int(dyno, "pid", 0);
	d->exit_status = json_int(dyno, "exit_status", -1);
	live_set(&d->since, json_str(dyno, "since"));
	live_set(&d->error, json_str(dyno, "error"));
	json_decref(d->trace);
	d->trace = json_incref(json_object_get(dyno, "trace"));
	return live_set(&d->address, json_str(dyno, "address")) || changed;
}

static bool live_reported(const json_t *dynos, const char *id)
{
	json_t *d;
	size_t i;

	json_array_foreach(dynos, i, d) {
		const char *s = json_str(d, "id");

		if (s && str_eq(s, id))
			return true;
	}
	return false;
}

bool live_take_full(struct live *l, const char *host, const json_t *dynos)
{
	struct live_host *h = map_get(&l->hosts, host);
	bool changed = h && !h->complete;

	if (h)
		h->complete = true;
	for (struct map_iter it = { 0 }; map_next(&l->dynos, &it); ) {
		struct live_dyno *d = it.value;

		if (!str_eq(d->host, host) || live_reported(dynos, it.key))
			continue;
		live_forget(l, it.key);
		changed = true;
	}
	return changed;
}

const struct live_dyno *live_get(const struct live *l, const char *id)
{
	return map_get(&l->dynos, id);
}

void live_forget(struct live *l, const char *id)
{
	live_dyno_free(map_remove(&l->dynos, id));
}
