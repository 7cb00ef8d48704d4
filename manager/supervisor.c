/*
 * supervisor.c - dyno-supervisor: everything of a worker host that needs no
 * privilege. Started by dynod, with the connection to it as descriptor 3, and
 * ends with that connection.
 *
 * At start: own files are read, dynod tells what lives, both are matched;
 * only then upstream is asked. From there on every change leads to the same
 * function, which compares what is wanted with what is there.
 */
#include "base/error.h"
#include "base/fault.h"
#include "base/file.h"
#include "base/id.h"
#include "base/log.h"
#include "base/loop.h"
#include "manager/cycling.h"
#include "manager/draining.h"
#include "manager/desired_dir.h"
#include "manager/host_api.h"
#include "manager/host_client.h"
#include "manager/host_proto.h"
#include "manager/journal.h"
#include "manager/life.h"
#include "manager/limits.h"
#include "manager/metering.h"
#include "manager/log_local.h"
#include "manager/log_sender.h"
#include "manager/pass.h"
#include "manager/report.h"
#include "manager/slug_gc.h"
#include "manager/slug_jobs.h"
#include "manager/slug_pins.h"
#include "manager/state.h"
#include "manager/strays.h"
#include "manager/supervisor.h"
#include "manager/upstream.h"
#include "manager/webhook.h"
#include "slugstore/store.h"

#include <dirent.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>

#define CREATE_RETRY_USEC (5 * USEC_PER_SEC)

/* ---- reconciling ---- */

static int on_supervisor_create_retry(sd_event_source *src, uint64_t usec,
				      void *userdata)
{
	struct supervisor *s = userdata;

	s->create_retry = loop_unref(s->create_retry);
	supervisor_settle(s);
	return 0;
}

void supervisor_create(struct supervisor *s, const struct assignment *w,
		       const char *slot, bool replaces, bool renewed)
{
	auto_(assignment_free_p) struct assignment *a = NULL;
	const struct assignment *now;	/* w may be a life's own, of an older list */
	char id[UUID_TEXT_MAX];
	struct life *l;
	struct error e;

	/* A life outlives the list it came from. */
	if (assignment_new(&a, w->json, &e) < 0 ||
	    life_new(&l, s, a, renewed ? id_uuid(id) : w->id, slot, replaces,
		     &e) < 0) {
		log_err("%s %s: %s, will retry", w->app_name ? w->app_name : "",
			w->name, e.msg);
		if (!s->create_retry)
			loop_timer(s->event, &s->create_retry, CREATE_RETRY_USEC,
				   on_supervisor_create_retry, s, "create", NULL);
		return;
	}
	a = NULL;
	l->succeeds = renewed;
	now = assignment_list_find(&s->wanted, slot);
	life_event(l, now && now->idle ? DYNO_EV_SLEEP : DYNO_EV_START);
}

static void supervisor_reconcile(struct supervisor *s)
{
	auto_(pass_deinit) struct pass p = PASS_INIT;
	const struct assignment *w;

	pass_make(s, &p);
	for (size_t k = 0; k < p.n; k++) {
		const struct reconcile_action *a = &p.actions[k];

		switch (a->verb) {
		case RECONCILE_CREATE:
			w = s->wanted.items[a->index];
			if (!pass_is_held(s, a))
				supervisor_create(s, w, w->id, a->replaces, a->renewed);
			break;
		case RECONCILE_STOP:
			life_stop(p.lives[a->index], a->replaces);
			break;
		case RECONCILE_FORGET:
			life_forget(p.lives[a->index]);
			break;
		case RECONCILE_SLEEP:
			life_event(p.lives[a->index], DYNO_EV_SLEEP);
			break;
		case RECONCILE_WAKE:
			life_event(p.lives[a->index], DYNO_EV_WAKE);
			break;
		}
	}
}

/* Dynos of one app stand together, most of the time. */
static void supervisor_add_slug(struct strv *slugs, const char *slug)
{
	if (slug && !(slugs->n && str_eq(slugs->v[slugs->n - 1], slug)))
		strv_add(slugs, slug);
}

/* What is to run here or runs; said to the store before anything is done for it. */
static bool supervisor_pin(struct supervisor *s)
{
	auto_strv slugs = STRV_INIT;
	struct life *l;

	for (size_t i = 0; i < s->wanted.n; i++)
		supervisor_add_slug(&slugs, s->wanted.items[i]->slug);
	list_for_each(l, &s->lives, link)
		if (!dyno_fsm_is_final(l->st.state))
			supervisor_add_slug(&slugs, l->a->slug);
	return slug_pins_want(s->pins, &slugs);
}

static void on_supervisor_pinned(bool shrunk, void *userdata)
{
	struct supervisor *s = userdata;

	fault_point("pinned");
	if (shrunk && s->conf.slug_gc_interval)
		slug_gc_soon(s->gc, SLUG_GC_DELAY_SEC);
	supervisor_settle(s);
}

static int on_supervisor_settle(sd_event_source *src, uint64_t usec,
				void *userdata)
{
	struct supervisor *s = userdata;

	s->settle = loop_unref(s->settle);
	cycling_settle(s);
	/* Nothing is ended because a file of ours is. */
	s->pinned = s->wanted_known && supervisor_pin(s);
	if (s->pinned) {
		supervisor_reconcile(s);
		cycling_run(s);
	}
	if (s->webhook)
		webhook_report(s->webhook);
	if (s->upstream)
		upstream_report(s->upstream);
	else
		report_alone(s);
	return 0;
}

void supervisor_settle(struct supervisor *s)
{
	struct error e;

	if (s->ready && !s->settle &&
	    loop_timer(s->event, &s->settle, 0, on_supervisor_settle, s,
		       "settle", &e) < 0)
		log_err("%s", e.msg);
}

void supervisor_assign(struct supervisor *s, struct assignment_list *list)
{
	struct error e;

	fault_point("list came");
	if (state_save_list(s->dir, list, &e) < 0) {
		/* Better none than the one before: see wanted_known. */
		log_err("%s, acting on the list without storing it", e.msg);
		state_forget_list(s->dir);
	}
	fault_point("list stored");
	log_info("revision %lld: %zu dynos", (long long)list->revision, list->n);
	assignment_list_deinit(&s->wanted);
	s->wanted = *list;
	s->wanted_known = true;
	*list = ASSIGNMENT_LIST_INIT;
	supervisor_settle(s);
}

/* ---- dynod ---- */

static void on_supervisor_hello(const char *prefix, void *userdata)
{
	struct supervisor *s = userdata;

	free(s->prefix);
	s->prefix = xstrdup(prefix);
}

static void on_supervisor_adopt(struct host_dyno *d, void *userdata)
{
	struct supervisor *s = userdata;
	struct life *l = map_get(&s->instances, d->uuid);

	if (l) {
		life_adopt(l, d);
		return;
	}
	log_warn("instance %s is in no file of ours, removing it", d->uuid);
	strays_add(s, d->uuid, d->alive);
}

static int supervisor_connect(struct supervisor *s, struct error *e)
{
	int r = 0;

	if (s->conf.report_url)
		r = webhook_new(&s->webhook, s, e);
	if (r >= 0 && supervisor_conf_is_alone(&s->conf)) {
		log_local_start(s);
		return s->conf.desired_dir ? desired_dir_new(&s->desired_dir, s, e) : 0;
	}
	if (r >= 0)
		r = log_sender_new(&s->log_sender, s, e);
	return r < 0 ? r : upstream_new(&s->upstream, s, e);
}

static void on_supervisor_ready(void *userdata)
{
	struct supervisor *s = userdata;
	struct life *l, *tmp;
	struct error e;

	fault_point("told all");
	s->ready = true;
	list_for_each_safe(l, tmp, &s->lives, link)
		life_resume(l);
	if (supervisor_connect(s, &e) < 0) {
		log_err("%s", e.msg);
		sd_event_exit(s->event, EXIT_FAILURE);
		return;
	}
	supervisor_settle(s);
	loop_ready("supervising");
}

static void on_supervisor_exit(const char *uuid, const struct dyno_exit *how,
			       void *userdata)
{
	struct supervisor *s = userdata;
	struct life *l = map_get(&s->instances, uuid);

	if (l)
		life_exited(l, how);
	else if (!strays_exited(s, uuid))
		log_warn("instance %s has ended, and nobody knows it", uuid);
}

static void on_supervisor_memory(const char *uuid, const struct dyno_usage *usage,
				 void *userdata)
{
	struct supervisor *s = userdata;
	struct life *l = map_get(&s->instances, uuid);

	if (l && !l->exited)
		metering_killed(l, usage);
}

static void on_supervisor_lost(const char *why, void *userdata)
{
	struct supervisor *s = userdata;

	log_info("dynod is gone (%s), stopping", why);
	sd_event_exit(s->event, EXIT_SUCCESS);
}

/* ---- start ---- */

static int supervisor_load_lives(struct supervisor *s, struct error *e)
{
	auto_free char *path = xasprintf("%s/dynos", s->dir);
	struct dirent *de;
	struct life *l;
	DIR *d;
	int r;

	r = file_make_dirs(path, 0700, e);
	if (r < 0)
		return r;
	d = opendir(path);
	if (!d)
		return error_sys(e, "read %s", path);
	while ((de = readdir(d))) {
		struct error why;

		if (!id_is_uuid(de->d_name))
			continue;
		if (life_load(&l, s, de->d_name, &why) >= 0)
			continue;
		/* It was being made when we were killed. */
		log_warn("%s, removing it", why.msg);
		file_remove_tree(dirfd(d), de->d_name, NULL);
	}
	closedir(d);
	return 0;
}

static void supervisor_tell_skipped(const char *what, void *userdata)
{
	struct supervisor *s = userdata;

	s->wanted_known = false;
	log_err("assignments.json: %s, awaiting upstream", what);
}

/* What runs is in files of its own; it stays until upstream has said what is
 * wanted. */
static void supervisor_load_wanted(struct supervisor *s)
{
	struct error e;

	s->wanted_known = true;
	if (state_load_list(s->dir, &s->wanted, supervisor_tell_skipped, s, &e) < 0) {
		log_err("%s, awaiting upstream", e.msg);
		s->wanted = ASSIGNMENT_LIST_INIT;
	}
	if (s->wanted.revision == 0)
		s->wanted_known = false;
	/* Have it sent again, whatever number it had. */
	if (!s->wanted_known)
		s->wanted.revision = 0;
}

/* The token goes to slug jobs in a file: an argv is there for all to read. */
static int supervisor_start_slugs(struct supervisor *s, struct error *e)
{
	auto_free char *path = xasprintf("%s/upstream-header", s->dir);
	auto_free char *arg = s->conf.token ? xasprintf("@%s", path) : NULL;
	struct slug_jobs_spec jobs = { &s->store_command, &s->conf.client, arg };
	int r;

	s->store_dir = xasprintf("%s/slugs", s->root.lib);
	s->store_conf = xasprintf("%s/slugs.conf", s->root.etc);
	s->store_command = (struct slug_command){
		.event = s->event, .store_dir = s->store_dir,
		.config = s->store_conf,
	};
	r = store_open(&s->store, s->store_dir, e);
	if (r >= 0 && s->conf.token) {
		auto_free char *line = xasprintf("Authorization: Bearer %s\n",
						 s->conf.token);

		r = file_write_fast(AT_FDCWD, path, line, strlen(line), 0600, e);
	}
	if (r < 0)
		return r;
	s->slugs = slug_jobs_new(&jobs);
	s->pins = slug_pins_new(&s->store_command, on_supervisor_pinned, s);
	s->gc = slug_gc_new(&s->store_command, s->conf.slug_gc_interval);
	return r;
}

static int supervisor_load(struct supervisor *s, struct error *e)
{
	auto_free char *journal = xasprintf("%s/journal", s->dir);
	int r;

	r = file_make_dirs(journal, 0700, e);
	if (r >= 0)
		r = file_remove_temporary(AT_FDCWD, s->dir, e);
	if (r >= 0)
		r = journal_open(&s->journal, journal, LOG_JOURNAL_MAX, e);
	if (r == JOURNAL_DAMAGED)
		log_err("%s was damaged: lines in it are lost", journal);
	if (r >= 0)
		r = supervisor_start_slugs(s, e);
	if (r < 0)
		return r;
	supervisor_load_wanted(s);
	draining_load(s);
	return supervisor_load_lives(s, e);
}

/* Dynos do not depend on who may look at them. */
static void supervisor_listen(struct supervisor *s)
{
	auto_free char *path = xasprintf("%s/host.sock", s->dir);
	struct error e;

	if (host_api_new(&s->api, s, &e) >= 0)
		return;
	log_err("%s, removing what is there", e.msg);
	file_remove_tree(AT_FDCWD, path, NULL);
	if (host_api_new(&s->api, s, &e) < 0)
		log_err("%s, going on without", e.msg);
}

static int supervisor_run(struct supervisor *s, const char *root, struct error *e)
{
	static const struct host_client_ops ops = {
		.on_hello = on_supervisor_hello,
		.on_adopt = on_supervisor_adopt,
		.on_ready = on_supervisor_ready,
		.on_exit = on_supervisor_exit,
		.on_memory = on_supervisor_memory,
		.on_lost = on_supervisor_lost,
	};
	int r;

	if (fcntl(HOST_FD, F_SETFD, FD_CLOEXEC) < 0)
		return error_set(e, EBADF, "this program is started by dynod "
				 "(descriptor %d is not open)", HOST_FD);
	r = root_init(&s->root, root, e);
	if (r >= 0)
		r = supervisor_conf_load(&s->conf, &s->root, e);
	if (r < 0)
		return r;
	s->dir = xasprintf("%s/supervisor", s->root.run);
	r = loop_new(&s->event, e);
	if (r >= 0)
		r = supervisor_load(s, e);
	if (r >= 0)
		r = lag_start(&s->lag, s->event, e);
	if (r >= 0)
		supervisor_listen(s);
	if (r >= 0)
		r = host_client_new(&s->host, s->event, HOST_FD, &ops, s, e);
	return r < 0 ? r : loop_run(s->event, e);
}

static void supervisor_deinit(struct supervisor *s)
{
	struct life *l, *tmp;

	/* First those who could still call somebody. */
	host_client_free(s->host);
	host_api_free(s->api);
	desired_dir_free(s->desired_dir);
	webhook_free(s->webhook);
	upstream_free(s->upstream);
	log_sender_free(s->log_sender);
	list_for_each_safe(l, tmp, &s->lives, link)
		life_free(l);
	strays_free(s);
	slug_pins_free(s->pins);
	slug_gc_free(s->gc);
	slug_jobs_free(s->slugs);
	journal_free(s->journal);
	store_free(s->store);
	assignment_list_deinit(&s->wanted);
	map_deinit(&s->instances);
	loop_unref(s->settle);
	loop_unref(s->create_retry);
	loop_unref(s->cycle_timer);
	loop_unref(s->drain_timer);
	lag_deinit(&s->lag);
	sd_event_unref(s->event);
	supervisor_conf_deinit(&s->conf);
	root_deinit(&s->root);
	free(s->store_dir);
	free(s->store_conf);
	free(s->drain_path);
	free(s->dir);
	free(s->prefix);
}

static const char *supervisor_options(int argc, char **argv)
{
	static const struct option options[] = {
		{ "root", required_argument, NULL, 'r' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'v' },
		{ 0 },
	};
	const char *root = NULL;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'r') {
			root = optarg;
		} else if (c == 'h') {
			supervisor_conf_usage();
			exit(EXIT_SUCCESS);
		} else if (c == 'v') {
			printf("dyno-supervisor %s\n", DYNO_VERSION);
			exit(EXIT_SUCCESS);
		} else {
			exit(2);
		}
	}
	return root;
}

int main(int argc, char **argv)
{
	struct supervisor s = {
		.root = ROOT_INIT, .wanted = ASSIGNMENT_LIST_INIT,
		.instances = MAP_INIT, .strays = MAP_INIT,
		.lives = LIST_INIT(s.lives),
		.start_queue = LIST_INIT(s.start_queue),
	};
	const char *root = supervisor_options(argc, argv);
	struct error e;
	int r;

	log_open("dyno-supervisor");
	id_uuid(s.boot_id);
	s.prefix = xstrdup("");
	r = supervisor_run(&s, root, &e);
	if (r < 0)
		log_err("%s", e.msg);
	supervisor_deinit(&s);
	return r < 0 ? EXIT_FAILURE : r;
}
