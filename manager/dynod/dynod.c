/*
 * dynod - the privileged daemon: makes and removes dynos for one supervisor,
 * which it starts and keeps running. See doc/PROTOCOL.host and dynod(8).
 *
 * It parses its own configuration and the supervisor's messages, and nothing
 * else. It has one thread, since it clones: no library that makes threads may
 * be linked. Dynos outlive it; the supervisor does not.
 */
#include "base/error.h"
#include "base/fdstore.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/process.h"
#include "base/verb.h"
#include "manager/dynod/dynod.h"
#include "manager/dynod/dynod_wipe.h"
#include "manager/dynod/host_check.h"
#include "manager/dynod/instance_lock.h"

#include <getopt.h>
#include <stdio.h>
#include <sys/stat.h>

#ifdef PTHREAD_CANCELED
#error "dynod clones: it must not know of threads"
#endif

/* ---- what serving, trying and wiping have in common ---- */

/* tell NULL: only try whether it could be opened; *ret_dynos: see there. */
static int dynod_open_runtime(struct dynod *d, runtime_tell_fn tell,
			      size_t *ret_dynos, struct error *e)
{
	auto_free char *slugs = xasprintf("%s/slugs", d->root.lib);
	auto_free char *stacks = xasprintf("%s/stacks", d->root.lib);
	auto_free char *init = process_sibling("dyno-init");
	const struct runtime_config config = {
		.run_dir = d->root.run,
		.slug_dir = slugs,
		.stacks_dir = stacks,
		.root_name = d->root.dir[0] ? d->root.dir : "/",
		.stack = d->conf.stack,
		.init_path = init,
		.dns = d->conf.dns,
		.allowed = d->conf.allowed,
		.instance = d->conf.instance,
		.slug_images = d->conf.slug_images,
		.slug_uid = d->conf.uid,
		.slug_gid = d->conf.gid,
		.ip_forward = d->conf.ip_forward,
	};

	return tell ? runtime_open(&d->rt, &config, tell, d, e)
		    : runtime_trial(&config, ret_dynos, e);
}

int dynod_open(struct dynod *d, runtime_tell_fn tell, struct error *e)
{
	int r;

	d->lock_fd = instance_lock(&d->root, e);
	if (d->lock_fd < 0)
		return d->lock_fd;
	r = root_prepare(&d->root, d->conf.uid, d->conf.gid, e);
	if (r >= 0)
		r = loop_new(&d->event, e);
	if (r >= 0)
		r = dynod_open_runtime(d, tell, NULL, e);
	return r;
}

struct keeper_config dynod_supervisor(const struct dynod *d)
{
	return (struct keeper_config){
		.path = d->conf.supervisor, .root_dir = d->root.dir,
		.uid = d->conf.uid, .gid = d->conf.gid, .set_ids = true,
		.listen_fd = d->listen_fd,
	};
}

/* ---- one run ---- */

static int dynod_run_trial(struct dynod *d, struct error *e)
{
	const struct keeper_config config = dynod_supervisor(d);
	size_t n;
	int r = dynod_open_runtime(d, NULL, &n, e);

	if (r >= 0)
		r = keeper_try(&config, e);
	if (r < 0)
		return r;
	if (write(UPGRADE_FD, UPGRADE_PROOF, strlen(UPGRADE_PROOF)) !=
	    (ssize_t)strlen(UPGRADE_PROOF))
		return error_sys(e, "tell that this program can take over");
	log_info(DYNO_VERSION " can take over %zu dynos", n);
	return 0;
}

/* What the host lacks is of no interest any more. */
static void on_trouble_ignored(const char *what, void *userdata)
{
	log_debug("%s", what);
}

static int dynod_run_wipe(struct dynod *d, struct error *e)
{
	size_t n;
	int r = dynod_open(d, on_trouble_ignored, e);

	if (r >= 0)
		r = dynod_wipe(d->rt, &d->root, &n, e);
	if (r >= 0)
		log_info("wiped, %zu dynos removed", n);
	return r;
}

static void dynod_deinit(struct dynod *d)
{
	d->upgrade = upgrade_free(d->upgrade);
	d->server = host_server_free(d->server);
	d->supervisor_fd = fd_close(d->supervisor_fd);
	d->keeper = keeper_free(d->keeper);
	dyno_table_deinit(&d->dynos);
	d->rt = runtime_close(d->rt);
	d->event = sd_event_unref(d->event);
	d->lock_fd = fd_close(d->lock_fd);
	d->listen_fd = fd_close(d->listen_fd);
	dynod_conf_deinit(&d->conf);
	free(d->program);
	root_deinit(&d->root);
}

/* ---- command line ---- */

enum { OPT_ROOT = 1, OPT_CHECK, OPT_TRIAL, OPT_WIPE, OPT_HELP, OPT_VERSION };

static const struct option dynod_options[] = {
	{ "root", required_argument, NULL, OPT_ROOT },
	{ "check", no_argument, NULL, OPT_CHECK },
	{ "trial", no_argument, NULL, OPT_TRIAL },
	{ "wipe", no_argument, NULL, OPT_WIPE },
	{ "help", no_argument, NULL, OPT_HELP },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ NULL, 0, NULL, 0 },
};

static const char dynod_usage[] =
	"usage: dynod [--root DIR]           serve; SIGHUP: become the program on\n"
	"                                    disk, if that passes its trial\n"
	"       dynod --check [--root DIR]   print what this machine offers\n"
	"       dynod --wipe [--root DIR]    end all dynos, remove everything of\n"
	"                                    the instance but its data\n"
	"       dynod --help | --version\n";

static int dynod_check(const char *root_dir)
{
	auto_(root_deinit) struct root root = ROOT_INIT;
	struct error e;

	if (root_init(&root, root_dir, &e) < 0) {
		log_err("%s", e.msg);
		return EXIT_FAILURE;
	}
	return host_check(&root) ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int dynod_main(const char *root_dir,
		      int (*run)(struct dynod *d, struct error *e))
{
	struct dynod d = { .root = ROOT_INIT, .conf = DYNOD_CONF_INIT,
			   .lock_fd = -1, .supervisor_fd = -1,
			   .listen_fd = fdstore_take("host.sock") };
	struct error e;
	int r;

	umask(022);
	d.program = process_sibling("dynod");
	r = root_init(&d.root, root_dir, &e);
	if (r >= 0)
		r = dynod_conf_load(&d.conf, &d.root, &e);
	if (r >= 0)
		r = run(&d, &e);
	if (r < 0)
		log_err("%s", e.msg);
	dynod_deinit(&d);
	return r ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	const char *root_dir = NULL;
	int (*run)(struct dynod *d, struct error *e) = dynod_serve;
	bool check = false;
	int opt;

	log_open("dynod");
	while ((opt = getopt_long(argc, argv, "", dynod_options, NULL)) != -1) {
		switch (opt) {
		case OPT_ROOT:
			root_dir = optarg;
			break;
		case OPT_CHECK:
			check = true;
			break;
		case OPT_WIPE:
			run = dynod_run_wipe;
			break;
		case OPT_TRIAL:
			run = dynod_run_trial;
			break;
		case OPT_HELP:
			fputs(dynod_usage, stdout);
			return EXIT_SUCCESS;
		case OPT_VERSION:
			puts("dynod " DYNO_VERSION);
			return EXIT_SUCCESS;
		default:
			fputs(dynod_usage, stderr);
			return EXIT_USAGE;
		}
	}
	if (optind < argc || (check && run != dynod_serve)) {
		fputs(dynod_usage, stderr);
		return EXIT_USAGE;
	}
	if (geteuid() != 0) {
		log_err("dynod must be started as root");
		return EXIT_FAILURE;
	}
	if (check)
		return dynod_check(root_dir);
	return dynod_main(root_dir, run);
}
