/*
 * state.c - the part that all drivers share: transactions as lists, watches.
 */
#include "base/list.h"
#include "controller/state/state_driver.h"

struct state {
	const struct state_driver *driver;
	void *data;
	struct list watches;
};

struct state_watch {
	struct list link;
	char *prefix;
	state_watch_fn fn;
	void *userdata;
};

struct state *state_new(const struct state_driver *driver, void *data)
{
	struct state *s = xcalloc(1, sizeof(*s));

	s->driver = driver;
	s->data = data;
	list_init(&s->watches);
	return s;
}

struct state *state_free(struct state *s)
{
	struct state_watch *w, *tmp;

	if (!s)
		return NULL;
	list_for_each_safe(w, tmp, &s->watches, link)
		state_watch_free(w);
	s->driver->close(s->data);
	free(s);
	return NULL;
}

int state_get(struct state *s, const char *key, char **ret_value,
	      uint64_t *ret_revision, struct error *e)
{
	return s->driver->get(s->data, key, ret_value, ret_revision, e);
}

int state_list(struct state *s, const char *prefix, struct state_items *ret,
	       struct error *e)
{
	*ret = STATE_ITEMS_INIT;
	return s->driver->list(s->data, prefix, ret, e);
}

int state_revision(struct state *s, uint64_t *ret, struct error *e)
{
	return s->driver->revision(s->data, ret, e);
}

void state_changed(struct state *s, const char *key, const char *value,
		   uint64_t revision)
{
	struct state_watch *w, *tmp;

	list_for_each_safe(w, tmp, &s->watches, link)
		if (str_after(key, w->prefix))
			w->fn(key, value, revision, w->userdata);
}

int state_commit(struct state *s, const struct state_txn *txn,
		 uint64_t *ret_revision, struct error *e)
{
	uint64_t revision;
	int r = s->driver->commit(s->data, txn, &revision, e);

	if (r != 0)
		return r;
	for (size_t i = 0; !s->driver->tells_changes && i < txn->n_ops; i++)
		state_changed(s, txn->ops[i].key, txn->ops[i].value, revision);
	if (ret_revision)
		*ret_revision = revision;
	return 0;
}

static void state_ops_add(struct state_op **v, size_t *n, const char *key,
			  const char *value, uint64_t revision)
{
	assert(strlen(key) < STATE_KEY_MAX);
	*v = xrealloc(*v, (*n + 1) * sizeof(**v));
	(*v)[(*n)++] = (struct state_op){
		.key = xstrdup(key), .value = xstrdup(value),
		.revision = revision,
	};
}

void state_txn_expect(struct state_txn *txn, const char *key, uint64_t revision)
{
	state_ops_add(&txn->expects, &txn->n_expects, key, NULL, revision);
}

void state_txn_put(struct state_txn *txn, const char *key, const char *value)
{
	assert(value);
	state_ops_add(&txn->ops, &txn->n_ops, key, value, 0);
}

void state_txn_delete(struct state_txn *txn, const char *key)
{
	state_ops_add(&txn->ops, &txn->n_ops, key, NULL, 0);
}

static void state_ops_free(struct state_op *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(v[i].key);
		free(v[i].value);
	}
	free(v);
}

void state_txn_deinit(struct state_txn *txn)
{
	state_ops_free(txn->expects, txn->n_expects);
	state_ops_free(txn->ops, txn->n_ops);
	*txn = STATE_TXN_INIT;
}

void state_items_add(struct state_items *items, char *key, char *value,
		     uint64_t revision)
{
	if ((items->n & (items->n - 1)) == 0)	/* full at powers of two */
		items->v = xrealloc(items->v, (items->n ? 2 * items->n : 1) *
				    sizeof(*items->v));
	items->v[items->n++] = (struct state_item){ key, value, revision };
}

void state_items_deinit(struct state_items *items)
{
	for (size_t i = 0; i < items->n; i++) {
		free(items->v[i].key);
		free(items->v[i].value);
	}
	free(items->v);
	*items = STATE_ITEMS_INIT;
}

struct state_watch *state_watch_new(struct state *s, const char *prefix,
				    state_watch_fn fn, void *userdata)
{
	struct state_watch *w = xcalloc(1, sizeof(*w));

	w->prefix = xstrdup(prefix);
	w->fn = fn;
	w->userdata = userdata;
	list_add_tail(&s->watches, &w->link);
	return w;
}

struct state_watch *state_watch_free(struct state_watch *w)
{
	if (!w)
		return NULL;
	list_unlink(&w->link);
	free(w->prefix);
	free(w);
	return NULL;
}
