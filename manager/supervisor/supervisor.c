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
#include "manager/api/host_api.h"
#include "manager/life/life.h"
#include "manager/life/metering.h"
#include "manager/output/journal.h"
#include "manager/output/log_local.h"
#include "manager/output/log_sender.h"
#include "manager/protocol/host_client.h"
#include "manager/protocol/host_proto.h"
#include "manager/slug/slug_gc.h"
#include "manager/slug/slug_jobs.h"
#include "manager/slug/slug_pins.h"
#include "manager/supervisor/strays.h"
#include "manager/supervisor/supervisor.h"
#include "manager/upstream/desired_dir.h"
#include "manager/upstream/upstream.h"
#include "manager/upstream/webhook.h"
#include "slugstore/store.h"

#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>

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
		s->log_local = log_local_new(s);
		return s->conf.desired_dir ? desired_dir_new(&s->desired_dir, s, e) : 0;
	}
	if (r >= 0)
		r = log_sender_new(&s->log_sender, s, e);
	return r < 0 ? r : upstream_new(&s->upstream, s, e);
}

/* Who looks at this host sees all of it, so nobody does before dynod has told what
 * lives. Dynos do not depend on who may look at them. */
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

static void on_supervisor_ready(void *userdata)
{
	struct supervisor *s = userdata;
	struct life *l, *tmp;
	struct error e;

	fault_point("told all");
	s->ready = true;
	supervisor_listen(s);
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
	log_local_free(s->log_local);
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

/* Would it start? Errors are those of a start. */
static int supervisor_check(const char *root_dir)
{
	struct supervisor_conf conf = { .upstream = NULL };
	struct root root = ROOT_INIT;
	struct error e;
	int r = root_init(&root, root_dir, &e);

	if (r >= 0)
		r = supervisor_conf_load(&conf, &root, &e);
	if (r < 0)
		log_err("%s", e.msg);
	supervisor_conf_deinit(&conf);
	root_deinit(&root);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static const char *supervisor_options(int argc, char **argv)
{
	static const struct option options[] = {
		{ "check", no_argument, NULL, 'c' },
		{ "root", required_argument, NULL, 'r' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'v' },
		{ 0 },
	};
	const char *root = NULL;
	bool check = false;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'r') {
			root = optarg;
		} else if (c == 'c') {
			check = true;
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
	if (check)
		exit(supervisor_check(root));
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
	const char *root;
	struct error e;
	int r;

	log_open("dyno-supervisor");
	root = supervisor_options(argc, argv);
	id_uuid(s.boot_id);
	s.prefix = xstrdup("");
	r = supervisor_run(&s, root, &e);
	if (r < 0)
		log_err("%s", e.msg);
	supervisor_deinit(&s);
	return r < 0 ? EXIT_FAILURE : r;
}
