/*
 * routes.c - from JSON to the table, and the strict look at each name.
 */
#include "base/error.h"
#include "base/map.h"
#include "http/json.h"
#include "router/routes.h"

#include <arpa/inet.h>
#include <stdio.h>

/* Letters and digits at both ends, dots and dashes between them. */
static bool routes_name_ok(const char *s, size_t max)
{
	static const char ends[] = "abcdefghijklmnopqrstuvwxyz0123456789";
	size_t n = s ? strlen(s) : 0;

	return n > 0 && n <= max && strchr(ends, s[0]) &&
	       strchr(ends, s[n - 1]) &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789.-") == n;
}

static enum routes_state routes_state_of(const char *word)
{
	static const struct { const char *word; enum routes_state state; } words[] = {
		{ "starting", ROUTES_STARTING },
		{ "up", ROUTES_UP },
		{ "crashed", ROUTES_CRASHED },
		{ "idle", ROUTES_IDLE },
	};

	for (size_t i = 0; word && i < ARRAY_SIZE(words); i++)
		if (str_eq(words[i].word, word))
			return words[i].state;
	return ROUTES_OTHER;
}

static bool routes_dyno_address(struct routes_dyno *d, const json_t *j)
{
	const char *address = json_str(j, "address");
	int64_t port = json_int(j, "port", 0);
	struct in_addr in;

	if (port < 0 || port > 65535)
		return false;
	d->port = (uint16_t)port;
	if (!address)
		return true;
	return inet_pton(AF_INET, address, &in) == 1 &&
	       inet_ntop(AF_INET, &in, d->address, sizeof(d->address));
}

static bool routes_dyno_read(struct routes_dyno *d, const json_t *j)
{
	const char *name = json_str(j, "name"), *id = json_str(j, "id");

	if (!routes_name_ok(name, ROUTES_NAME_MAX) || !id || !id_is_uuid(id))
		return false;
	snprintf(d->name, sizeof(d->name), "%s", name);
	snprintf(d->id, sizeof(d->id), "%s", id);
	d->state = routes_state_of(json_str(j, "state"));
	return routes_dyno_address(d, j);
}

static bool routes_dyno_known(const struct routes_app *a, const char *id)
{
	for (size_t i = 0; i < a->n_dynos; i++)
		if (str_eq(a->dynos[i].id, id))
			return true;
	return false;
}

static void routes_app_dynos(struct routes *r, struct routes_app *a,
			     const json_t *list)
{
	size_t i;
	json_t *j;

	a->dynos = xcalloc(json_array_size(list), sizeof(*a->dynos));
	json_array_foreach(list, i, j) {
		struct routes_dyno d = { 0 };

		if (routes_dyno_read(&d, j) && !routes_dyno_known(a, d.id))
			a->dynos[a->n_dynos++] = d;
		else
			r->left_out++;
	}
}

/* "*.x.y": any label before it. */
static bool routes_host_ok(const char *s)
{
	const char *rest = s ? str_after(s, "*.") : NULL;

	return routes_name_ok(rest ? rest : s, ROUTES_HOST_MAX - (rest ? 2 : 0));
}

static void routes_app_hosts(struct routes *r, struct routes_app *a,
			     const json_t *list)
{
	size_t i;
	json_t *j;

	json_array_foreach(list, i, j) {
		const char *host = json_string_value(j);

		if (routes_host_ok(host))
			strv_add(&a->hosts, host);
		else
			r->left_out++;
	}
}

static void routes_app_read(struct routes *r, struct map *seen, const json_t *j)
{
	struct routes_app *a = &r->apps[r->n_apps];
	const char *name = json_str(j, "app");

	if (!routes_name_ok(name, ROUTES_NAME_MAX) || map_get(seen, name)) {
		r->left_out++;
		return;
	}
	map_set(seen, name, a);
	r->n_apps++;
	snprintf(a->name, sizeof(a->name), "%s", name);
	a->maintenance = json_flag(j, "maintenance", false);
	a->blank = json_flag(j, "blank", false);
	a->idle = json_flag(j, "idle", false);
	a->web = json_int(j, "web", 0);
	routes_app_hosts(r, a, json_object_get(j, "hosts"));
	routes_app_dynos(r, a, json_object_get(j, "dynos"));
}

int routes_parse(struct routes *r, const char *text, size_t n, struct error *e)
{
	auto_json *top = NULL;
	struct map seen = MAP_INIT;
	json_t *list, *j;
	size_t i;
	int ret;

	assert(!r->apps);
	ret = json_parse(text, n, &top, e);
	if (ret < 0)
		return ret;
	list = json_object_get(top, "routes");
	if (!json_is_integer(json_object_get(top, "revision")) ||
	    !json_is_array(list))
		return error_set(e, EINVAL, "expected \"revision\" and \"routes\"");
	r->revision = json_int(top, "revision", 0);
	r->activity = (uint64_t)json_int(top, "activity", 0);
	r->apps = xcalloc(json_array_size(list), sizeof(*r->apps));
	json_array_foreach(list, i, j)
		routes_app_read(r, &seen, j);
	map_deinit(&seen);
	return 0;
}

void routes_deinit(struct routes *r)
{
	for (size_t i = 0; i < r->n_apps; i++) {
		strv_deinit(&r->apps[i].hosts);
		free(r->apps[i].dynos);
	}
	free(r->apps);
	*r = ROUTES_INIT;
}

const struct routes_app *routes_find(const struct routes *r, const char *app)
{
	for (size_t i = 0; i < r->n_apps; i++)
		if (str_eq(r->apps[i].name, app))
			return &r->apps[i];
	return NULL;
}

size_t routes_count(const struct routes_app *a, enum routes_state state)
{
	size_t n = 0;

	for (size_t i = 0; i < a->n_dynos; i++)
		n += a->dynos[i].state == state && a->dynos[i].port &&
		     a->dynos[i].address[0];
	return n;
}

bool routes_app_waits(const struct routes_app *a)
{
	if (a->maintenance || a->blank || a->web <= 0)
		return false;
	if (a->idle)
		return true;
	if (routes_count(a, ROUTES_UP) || routes_count(a, ROUTES_STARTING))
		return false;
	for (size_t i = 0; i < a->n_dynos; i++)
		if (a->dynos[i].state == ROUTES_IDLE ||
		    a->dynos[i].state == ROUTES_STARTING)
			return true;
	return false;
}
