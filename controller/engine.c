/*
 * engine.c - open and close; the account is made once.
 */
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "controller/access/vault.h"
#include "controller/controller_conf.h"
#include "controller/engine.h"
#include "controller/model/live.h"
#include "controller/logplex/logs.h"
#include "controller/state/state_driver.h"
#include "slugstore/store.h"

#include <stdio.h>

static int engine_make_account(struct engine *g, struct error *e)
{
	struct state_txn txn = STATE_TXN_INIT;
	char now[CLOCK_TEXT_MAX], id[UUID_TEXT_MAX];
	auto_json *j = json_pack("{s:s, s:s}", "id", id_uuid(id), "created_at",
				 clock_api_text(now, clock_real_usec()));
	auto_free char *text = json_text(j);
	int r;

	state_txn_expect(&txn, "/account", 0);
	state_txn_put(&txn, "/account", text);
	r = state_commit(g->state, &txn, NULL, e);
	state_txn_deinit(&txn);
	return r < 0 ? r : 0;		/* a conflict: another one made it */
}

static int engine_account(struct engine *g, struct error *e)
{
	auto_doc d = DOC_INIT;
	int r = doc_get(g->state, &d, e, "/account");

	if (r == STATE_ABSENT) {
		r = engine_make_account(g, e);
		if (r == 0)
			r = doc_get(g->state, &d, e, "/account");
	}
	if (r != 0)
		return r < 0 ? r : error_set(e, EIO, "the account is missing");
	if (!json_str(d.j, "id") || !json_str(d.j, "created_at"))
		return error_set(e, EILSEQ, "state key /account: incomplete");
	snprintf(g->account_id, sizeof(g->account_id), "%s",
		 json_str(d.j, "id"));
	g->account_created = xstrdup(json_str(d.j, "created_at"));
	return 0;
}

int engine_new(struct engine **ret, const struct controller_conf *conf,
	       const char *dir, struct error *e)
{
	auto_(engine_free_p) struct engine *g = xcalloc(1, sizeof(*g));
	auto_free char *state = xasprintf("%s/state.db", dir);
	auto_free char *lines = xasprintf("%s/logs.db", dir);
	auto_free char *slugs = xasprintf("%s/slugs", dir);
	int r;

	g->conf = conf;
	g->live = live_new();
	r = state_sqlite_open(&g->state, state, e);
	if (r == 0)
		r = vault_new(&g->vault, dir, e);
	if (r == 0)
		r = logs_new(&g->logs, lines, e);
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
	logs_free(g->logs);
	state_free(g->state);
	vault_free(g->vault);
	live_free(g->live);
	free(g->account_created);
	free(g);
	return NULL;
}
