/*
 * dynod - the privileged daemon: makes and removes dynos for one supervisor,
 * which it starts and keeps running. See doc/PROTOCOL.host and dynod(8).
 *
 * It parses its own configuration and the supervisor's messages, and nothing
 * else. It has one thread, since it clones: no library that makes threads may
 * be linked. Dynos outlive it; the supervisor does not.
 */
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/process.h"
#include "base/root.h"
#include "base/verb.h"
#include "manager/dyno_table.h"
#include "manager/dynod_conf.h"
#include "manager/dynod_wipe.h"
#include "manager/host_check.h"
#include "manager/host_server.h"
#include "manager/instance_lock.h"
#include "manager/keeper.h"
#include "manager/upgrade.h"
#include "runtime/runtime.h"

#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/epoll.h>
#include <systemd/sd-daemon.h>

#ifdef PTHREAD_CANCELED
#error "dynod clones: it must not know of threads"
#endif

#define DYNOD_OOM_SCORE "-900"

struct dynod {
	struct root root;
	struct dynod_conf conf;
	int lock_fd;
	sd_event *event;
	struct runtime *rt;
	struct dyno_table dynos;
	struct keeper *keeper;
	struct host_server *server;	/* NULL: no supervisor */
	size_t told;			/* number of dynos in systemd's STATUS */
	char *program;			/* this one's path, whatever is there now */
	struct upgrade *upgrade;	/* NULL: no trial */
};

/* ---- the supervisor ---- */

static void on_server_broken(const struct error *why, void *userdata)
{
	struct dynod *d = userdata;

	/* One that has just ended is told by on_supervisor_end(). */
	if (why->code != ECONNRESET)
		log_warn("connection to the supervisor: %s, killing it", why->msg);
	keeper_kill(d->keeper);
}

static void on_supervisor_start(int fd, pid_t pid, void *userdata)
{
	struct dynod *d = userdata;
	struct error e;

	/* Who asked for them is gone; the new one hears of their dynos. */
	dyno_table_settle(&d->dynos);
	log_info("supervisor started, pid %d, %zu dynos", (int)pid,
		 dyno_table_count(&d->dynos));
	if (host_server_new(&d->server, d->event, fd, &d->dynos,
			    runtime_prefix(d->rt), on_server_broken, d, &e) < 0) {
		log_err("%s", e.msg);
		fd_close(fd);
		keeper_kill(d->keeper);
	}
}

static void on_supervisor_end(const char *what, void *userdata)
{
	struct dynod *d = userdata;

	log_warn("%s", what);
	d->server = host_server_free(d->server);
}

/* ---- dynos ---- */

static void on_dyno_started(struct dyno_entry *entry, int r, const struct error *e,
			    void *userdata)
{
	struct dynod *d = userdata;

	if (d->server)
		host_server_started(d->server, entry, r, e);
}

static void on_dyno_ended(struct dyno_entry *entry, void *userdata)
{
	struct dynod *d = userdata;

	log_debug("dyno %s ended with status %d", entry->dyno->uuid,
		  entry->exit.status);
	if (d->server)
		host_server_exit(d->server, entry);
}

static void on_dyno_memory(struct dyno_entry *entry, void *userdata)
{
	struct dynod *d = userdata;

	if (d->server)
		host_server_memory(d->server, entry);
}

static void on_trouble(const char *what, void *userdata)
{
	log_warn("%s", what);
}

static int on_dynod_post(sd_event_source *src, void *userdata)
{
	struct dynod *d = userdata;

	if (d->told != dyno_table_count(&d->dynos)) {
		d->told = dyno_table_count(&d->dynos);
		sd_notifyf(0, "STATUS=%zu dynos", d->told);
	}
	return 0;
}

/* ---- life ---- */

static void dynod_lower_oom(void)
{
	auto_close int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, DYNOD_OOM_SCORE, strlen(DYNOD_OOM_SCORE)) < 0)
		log_info("cannot lower oom_score_adj: %s, ignoring",
			 strerror(errno));
}

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

/* What serving and wiping have in common. */
static int dynod_open(struct dynod *d, runtime_tell_fn tell, struct error *e)
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

static int on_dynod_runtime(sd_event_source *src, int fd, uint32_t events,
			    void *userdata)
{
	struct dynod *d = userdata;
	struct error e;

	if (runtime_serve(d->rt, &e) < 0)
		log_err("%s, will retry", e.msg);
	return 0;
}

/* ---- another version takes over ---- */

static void dynod_reloaded(const struct dynod *d)
{
	sd_notifyf(0, "READY=1\nSTATUS=instance %s, %zu dynos",
		   runtime_prefix(d->rt), d->told);
}

static void on_dynod_trial(const char *why, void *userdata)
{
	struct dynod *d = userdata;
	struct error e;

	d->upgrade = upgrade_free(d->upgrade);
	if (why) {
		log_err("%s is not executed: %s; carrying on", d->program, why);
		dynod_reloaded(d);
		return;
	}
	log_info("%s has proved itself, making place for it", d->program);
	dyno_table_settle(&d->dynos);
	keeper_stop(d->keeper);
	upgrade_exec(d->program, d->root.dir, &e);
	log_err("%s; carrying on", e.msg);
	d->server = host_server_free(d->server);
	keeper_start(d->keeper);
	dynod_reloaded(d);
}

static int on_dynod_hangup(sd_event_source *src, const struct signalfd_siginfo *si,
			   void *userdata)
{
	struct dynod *d = userdata;
	struct error e;

	if (d->upgrade)
		return 0;
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%llu",
		   (unsigned long long)clock_mono_usec());
	log_info("trying whether %s can take over", d->program);
	if (upgrade_new(&d->upgrade, d->event, d->program, d->root.dir,
			on_dynod_trial, d, &e) >= 0)
		return 0;
	log_err("%s is not executed: %s; carrying on", d->program, e.msg);
	dynod_reloaded(d);
	return 0;
}

/* One that came since the last version was executed waits to be read. */
static int dynod_watch_hangup(struct dynod *d)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return sd_event_add_signal(d->event, NULL, SIGHUP, on_dynod_hangup, d);
}

static int dynod_run_trial(struct dynod *d, struct error *e)
{
	size_t n;
	int r = dynod_open_runtime(d, NULL, &n, e);

	if (r < 0)
		return r;
	if (write(UPGRADE_FD, UPGRADE_PROOF, strlen(UPGRADE_PROOF)) !=
	    (ssize_t)strlen(UPGRADE_PROOF))
		return error_sys(e, "tell that this program can take over");
	log_info(DYNO_VERSION " can take over %zu dynos", n);
	return 0;
}

static int dynod_watch(struct dynod *d, struct error *e)
{
	int r = sd_event_add_post(d->event, NULL, on_dynod_post, d);

	if (r >= 0 && runtime_fd(d->rt) >= 0)
		r = sd_event_add_io(d->event, NULL, runtime_fd(d->rt), EPOLLIN,
				    on_dynod_runtime, d);
	if (r >= 0)
		r = dynod_watch_hangup(d);
	return r < 0 ? error_ret(e, r, "watch the loop") : 0;
}

static int dynod_serve(struct dynod *d, struct error *e)
{
	static const struct dyno_table_ops table_ops = {
		.on_started = on_dyno_started, .on_end = on_dyno_ended,
		.on_memory = on_dyno_memory,
		.tell = on_trouble,
	};
	static const struct keeper_ops keeper_ops = {
		.on_start = on_supervisor_start, .on_end = on_supervisor_end,
	};
	const struct keeper_config config = {
		.path = d->conf.supervisor, .root_dir = d->root.dir,
		.uid = d->conf.uid, .gid = d->conf.gid, .set_ids = true,
	};
	auto_free char *status = NULL;
	int r;

	dynod_lower_oom();
	r = dynod_open(d, on_trouble, e);
	if (r < 0)
		return r;
	dyno_table_init(&d->dynos, d->event, d->rt, &table_ops, d);
	r = dyno_table_adopt(&d->dynos, e);
	if (r >= 0)
		r = dynod_watch(d, e);
	if (r < 0)
		return r;

	d->keeper = keeper_new(d->event, &config, &keeper_ops, d);
	keeper_start(d->keeper);
	d->told = dyno_table_count(&d->dynos);
	status = xasprintf("instance %s, %zu dynos", runtime_prefix(d->rt),
			   d->told);
	loop_ready(status);
	r = loop_run(d->event, e);
	sd_notify(0, "STOPPING=1");
	keeper_stop(d->keeper);
	return r;
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
	d->keeper = keeper_free(d->keeper);
	dyno_table_deinit(&d->dynos);
	d->rt = runtime_close(d->rt);
	d->event = sd_event_unref(d->event);
	d->lock_fd = fd_close(d->lock_fd);
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
			   .lock_fd = -1 };
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
