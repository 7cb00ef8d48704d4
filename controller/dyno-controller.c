/*
 * dyno-controller - the control plane: apps, releases, formation, logs, API.
 *
 * Started by root it makes the instance's directories and becomes the service
 * user for good; started by anybody else it serves as that user. It can be
 * killed at any moment: what it has acknowledged is on disk.
 */
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/process.h"
#include "base/root.h"
#include "controller/controller.h"

#include <getopt.h>
#include <grp.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#define EXIT_USAGE 2

static const char usage[] =
	"usage: dyno-controller [--root DIR]\n"
	"\n"
	"The control plane: keeps apps, releases and logs, serves the API.\n"
	"\n"
	"  --root DIR   keep all files below DIR (default: the system's)\n"
	"  --help       show this\n"
	"  --version    show the version\n";

/* Returns -1 to go on, or an exit status. */
static int main_options(int argc, char **argv, const char **ret_root)
{
	static const struct option options[] = {
		{ "root", required_argument, NULL, 'r' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		switch (c) {
		case 'r':
			*ret_root = optarg;
			break;
		case 'h':
			fputs(usage, stdout);
			return EXIT_SUCCESS;
		case 'V':
			puts("dyno-controller " DYNO_VERSION);
			return EXIT_SUCCESS;
		default:
			fputs(usage, stderr);
			return EXIT_USAGE;
		}
	}
	if (optind == argc)
		return -1;
	fputs(usage, stderr);
	return EXIT_USAGE;
}

static int main_become(uid_t uid, gid_t gid, struct error *e)
{
	if (setgroups(0, NULL) < 0 || setresgid(gid, gid, gid) < 0 ||
	    setresuid(uid, uid, uid) < 0)
		return error_sys(e, "become user %u", (unsigned)uid);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return error_sys(e, "give up new privileges");
	return 0;
}

/* As an ordinary user: the parts of the layout that are ours. */
static int main_own_dirs(const struct root *root, const char *lib,
			 const char *run, struct error *e)
{
	auto_free char *link = xasprintf("%s/api.sock", root->run);
	int r = file_make_dirs(lib, 0700, e);

	if (r == 0)
		r = file_make_dirs(run, 0755, e);
	if (r == 0 && symlink("controller/api.sock", link) < 0 && errno != EEXIST)
		log_warn("create link %s: %m, ignoring", link);
	return r;
}

static int main_prepare(const struct root *root, const struct controller_conf *conf,
			const char *lib, const char *run, struct error *e)
{
	uid_t uid;
	gid_t gid;
	int r;

	umask(022);
	if (geteuid() != 0)
		return main_own_dirs(root, lib, run, e);
	r = process_user(conf->user, &uid, &gid, e);
	if (r == 0)
		r = root_prepare(root, uid, gid, e);
	if (r == 0)
		r = main_become(uid, gid, e);
	return r;
}

static int main_serve(const struct controller_conf *conf, const char *etc,
		      const char *lib, const char *run, struct error *e)
{
	auto_free char *slugs_conf = xasprintf("%s/slugs.conf", etc);
	struct controller *c = NULL;
	sd_event *event = NULL;
	auto_free char *status = NULL;
	int r = loop_new(&event, e);

	if (r == 0)
		r = controller_new(&c, event, conf, lib, slugs_conf, e);
	if (r == 0)
		r = controller_listen(c, lib, run, e);
	if (r == 0) {
		status = xasprintf("serving on %s and %s/api.sock", c->base, run);
		loop_ready(status);
		r = loop_run(event, e);
	}
	controller_free(c);
	sd_event_unref(event);
	return r;
}

int main(int argc, char **argv)
{
	auto_(controller_conf_free) struct controller_conf conf = { NULL };
	auto_(root_deinit) struct root root = ROOT_INIT;
	auto_free char *lib = NULL, *run = NULL;
	const char *dir = NULL;
	struct error e;
	int r = main_options(argc, argv, &dir);

	if (r >= 0)
		return r;
	log_open("dyno-controller");
	r = root_init(&root, dir, &e);
	if (r == 0)
		r = controller_conf_load(&conf, &root, &e);
	if (r == 0) {
		lib = xasprintf("%s/controller", root.lib);
		run = xasprintf("%s/controller", root.run);
		r = main_prepare(&root, &conf, lib, run, &e);
	}
	if (r == 0)
		r = main_serve(&conf, root.etc, lib, run, &e);
	if (r < 0)
		log_err("%s", e.msg);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
