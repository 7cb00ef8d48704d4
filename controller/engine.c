/*
 * engine.c - open and close; the account is made once.
 */
#include "base/error.h"
#include "base/file.h"
#include "controller/access/accounts.h"
#include "controller/access/vault.h"
#include "controller/controller_conf.h"
#include "controller/engine.h"
#include "controller/model/live.h"
#include "controller/model/seats.h"
#include "controller/logplex/logs.h"
#include "controller/logplex/outputs.h"
#include "controller/state/state_driver.h"
#include "slugstore/store.h"

static int engine_account(struct engine *g, struct error *e)
{
	auto_doc d = DOC_INIT;
	int r = accounts_open(g, &g->self, e);

	if (r == 0)
		r = doc_get(g->state, &d, e, "/account");
	if (r != 0)
		return r < 0 ? r : error_set(e, EIO, "the account is missing");
	g->account_created = xstrdup(json_str(d.j, "created_at"));
	return 0;
}

int engine_new(struct engine **ret, const struct controller_conf *conf,
	       const char *dir, struct error *e)
{
	auto_(engine_free_p) struct engine *g = xcalloc(1, sizeof(*g));
	auto_free char *state = xasprintf("%s/state.db", dir);
	auto_free char *lines = xasprintf("%s/logs.db", dir);
	auto_free char *outputs = xasprintf("%s/outputs.db", dir);
	auto_free char *seats = xasprintf("%s/seats.db", dir);
	auto_free char *slugs = xasprintf("%s/slugs", dir);
	int r;

	g->conf = conf;
	g->live = live_new();
	r = state_sqlite_open(&g->state, state, e);
	if (r == 0)
		r = seats_open(&g->seats, g->state, seats, e);
	if (r == 0)
		r = vault_new(&g->vault, dir, e);
	if (r == 0)
		r = logs_new(&g->logs, lines, e);
	if (r == 0)
		r = outputs_open(&g->outputs, outputs, e);
	if (r == 0)
		r = store_open(&g->slugs, slugs, e);
	if (r == 0)
		r = engine_account(g, e);
	if (r < 0)
		return r;
	*ret = take_ptr(g);
	return 0;
}

struct engine *engine_free(struct engine *g)
{
	if (!g)
		return NULL;
	store_free(g->slugs);
	outputs_free(g->outputs);
	logs_free(g->logs);
	state_free(g->state);		/* and its watches, so before: */
	seats_free(g->seats);
	vault_free(g->vault);
	live_free(g->live);
	free(g->account_created);
	free(g);
	return NULL;
}

const struct principal *engine_by(const struct engine *g)
{
	return g->by ? g->by : &g->self;
}
