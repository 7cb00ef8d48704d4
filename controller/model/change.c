/*
 * change.c - a transaction and its consequences.
 */
#include "base/error.h"
#include "base/log.h"
#include "controller/access/vault.h"
#include "controller/model/change.h"
#include "controller/engine.h"
#include "controller/model/live.h"
#include "controller/logplex/logs.h"
#include "controller/model/outcome.h"

struct change change_begin(struct engine *g)
{
	struct change c = { .g = g, .txn = STATE_TXN_INIT };

	clock_api_text(c.now, clock_real_usec());
	return c;
}

void change_deinit(struct change *c)
{
	state_txn_deinit(&c->txn);
	strv_deinit(&c->hosts);
	strv_deinit(&c->lines);
	placement_deinit(&c->placement);
}

void change_expect(struct change *c, const struct doc *d)
{
	state_txn_expect(&c->txn, d->key, d->revision);
}

void change_expect_absent(struct change *c, const char *fmt, ...)
{
	auto_free char *key = NULL;
	va_list ap;

	va_start(ap, fmt);
	key = xvasprintf(fmt, ap);
	va_end(ap);
	state_txn_expect(&c->txn, key, 0);
}

void change_put(struct change *c, const json_t *j, const char *fmt, ...)
{
	auto_free char *text = json_text(j), *key = NULL;
	va_list ap;

	va_start(ap, fmt);
	key = xvasprintf(fmt, ap);
	va_end(ap);
	state_txn_put(&c->txn, key, text);
}

void change_put_sealed(struct change *c, const json_t *j, const char *member,
		       const char *fmt, ...)
{
	auto_json *copy = json_copy((json_t *)(uintptr_t)j);
	const json_t *plain = json_object_get(j, member);
	auto_free char *key = NULL;
	va_list ap;

	va_start(ap, fmt);
	key = xvasprintf(fmt, ap);
	va_end(ap);
	if (plain && !json_is_null(plain))
		json_object_set_new(copy, member,
				    vault_seal_json(c->g->vault, key, plain));
	change_put(c, copy, "%s", key);
}

void change_delete(struct change *c, const char *fmt, ...)
{
	auto_free char *key = NULL;
	va_list ap;

	va_start(ap, fmt);
	key = xvasprintf(fmt, ap);
	va_end(ap);
	state_txn_delete(&c->txn, key);
}

void change_app(struct change *c, const struct doc *app)
{
	json_object_set_new(app->j, "updated_at", json_string(c->now));
	change_expect(c, app);
	change_put(c, app->j, "%s", app->key);
}

void change_touch_host(struct change *c, const char *host)
{
	if (*host && !strv_has(&c->hosts, host))
		strv_add(&c->hosts, host);
}

void change_say(struct change *c, const char *app_id, const char *fmt, ...)
{
	auto_free char *line = NULL;
	va_list ap;

	va_start(ap, fmt);
	line = xvasprintf(fmt, ap);
	va_end(ap);
	/* Users' words are in it, commands for instance. */
	for (char *p = line; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = ' ';
	strv_add(&c->lines, app_id);
	strv_add(&c->lines, line);
}

static bool change_host_fits(const struct change *c, const struct doc *host)
{
	return !json_flag(host->j, "draining", false) &&
	       (!c->awake || live_host_up(c->g->live, doc_name(host), c->awake));
}

static int change_read_hosts(struct change *c, struct error *e)
{
	auto_doc_list hosts = DOC_LIST_INIT;
	int r = doc_list(c->g->state, &hosts, e, "/hosts/");

	for (size_t i = 0; r == 0 && i < hosts.n; i++) {
		auto_doc_list dynos = DOC_LIST_INIT;
		const char *name = doc_name(&hosts.v[i]);

		if (!change_host_fits(c, &hosts.v[i]))
			continue;
		r = doc_list(c->g->state, &dynos, e, "/host-dynos/%s/", name);
		if (r == 0)
			placement_add(&c->placement, name, dynos.n);
	}
	c->placement_read = r == 0;
	return r;
}

int change_place(struct change *c, const char **ret_host, struct error *e)
{
	if (!c->placement_read) {
		int r = change_read_hosts(c, e);

		if (r < 0)
			return r;
	}
	*ret_host = placement_pick(&c->placement);
	return 0;
}

static void change_say_lines(struct change *c)
{
	struct error e;

	for (size_t i = 0; i + 1 < c->lines.n; i += 2)
		if (logs_say(c->g->logs, c->lines.v[i], c->lines.v[i + 1],
			     &e) < 0)
			log_err("store a log line: %s, ignoring", e.msg);
}

int change_commit(struct change *c, struct error *e)
{
	auto_json *touched = json_pack("{s:s}", "at", c->now);
	int r;

	for (size_t i = 0; i < c->hosts.n; i++)
		change_put(c, touched, "/assignments/%s", c->hosts.v[i]);
	r = state_commit(c->g->state, &c->txn, NULL, e);
	if (r == STATE_CONFLICT)
		return outcome_set(e, OUTCOME_RACE, "This was changed by "
				   "somebody else at the same time. Try again.");
	if (r == 0)
		change_say_lines(c);
	return r;
}
