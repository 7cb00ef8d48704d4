/*
 * host_doctor.c - look twice, tell, and repair if asked to.
 */
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "base/process.h"
#include "base/root.h"
#include "cli/cli.h"
#include "cli/client/api.h"
#include "cli/host/census.h"
#include "cli/host/doctor.h"
#include "cli/host/host.h"
#include "cli/verbs.h"
#include "http/json.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <time.h>

#define HOST_DOCTOR_PAUSE_SEC 1
#define HOST_DOCTOR_TEXT_MAX (1024 * 1024)

struct host_doctor {
	struct cli *cli;
	struct root root;
	struct doctor d;
	struct buf machine;		/* what dynod --check says */
	bool machine_ok;
};

static void host_doctor_forget(struct doctor *d)
{
	free(d->prefix);
	strv_deinit(&d->uuids);
	strv_deinit(&d->links);
	strv_deinit(&d->addresses);
	strv_deinit(&d->instances);
	strv_deinit(&d->dynos);
	*d = (struct doctor){ NULL };
}

static void host_doctor_deinit(struct host_doctor *h)
{
	host_doctor_forget(&h->d);
	root_deinit(&h->root);
	buf_deinit(&h->machine);
}

/* ---- what is known ---- */

static void host_doctor_members(const json_t *list, const char *key, struct strv *ret)
{
	json_t *it;
	size_t i;

	json_array_foreach((json_t *)(uintptr_t)list, i, it)
		if (json_str(it, key))
			strv_add(ret, json_str(it, key));
}

static void host_doctor_stuck(const json_t *strays, struct doctor_findings *f)
{
	json_t *it;
	size_t i;

	json_array_foreach((json_t *)(uintptr_t)strays, i, it)
		if (json_int(it, "tries", 0) && json_str(it, "instance"))
			doctor_add(f, DOCTOR_STUCK, json_str(it, "instance"));
}

static void host_doctor_ask(struct host_doctor *h, struct doctor_findings *f)
{
	auto_json *dynos = NULL, *plan = NULL, *info = NULL;

	h->d.answered = host_call(h->cli, "GET", "/", NULL, &info, NULL) == 0 &&
			json_flag(info, "ready", false) &&
			host_call(h->cli, "GET", "/dynos", NULL, &dynos, NULL) == 0 &&
			host_call(h->cli, "GET", "/plan", NULL, &plan, NULL) == 0;
	if (!h->d.answered)
		return;
	host_doctor_members(dynos, "instance", &h->d.instances);
	host_doctor_members(dynos, "id", &h->d.dynos);
	host_doctor_members(json_object_get(plan, "strays"), "instance", &h->d.instances);
	host_doctor_stuck(json_object_get(plan, "strays"), f);
}

static int host_doctor_look(struct host_doctor *h, struct doctor_findings *f,
			    struct error *e)
{
	auto_free char *name = xasprintf("%s/host.sock", h->root.run);
	int r;

	host_doctor_forget(&h->d);
	h->d.run = h->root.run;
	h->d.lib = h->root.lib;
	h->d.prefix = census_prefix(*h->root.dir ? h->root.dir : "/");
	r = doctor_files_own(&h->d, e);
	if (r < 0)
		return r;
	host_doctor_ask(h, f);
	if (!h->d.answered)
		doctor_add(f, DOCTOR_SUPERVISOR, name);
	if (!h->machine_ok)
		doctor_add(f, DOCTOR_MACHINE, "dynod --check");
	doctor_files_look(&h->d, f);
	doctor_kernel_look(&h->d, f);
	return 0;
}

static void host_doctor_machine(struct host_doctor *h)
{
	auto_free char *path = process_sibling("dynod");
	char *argv[] = { path, (char *)"--check", (char *)"--root",
			 *h->root.dir ? h->root.dir : (char *)"/", NULL };
	auto_close int fd = memfd_create("check", MFD_CLOEXEC);
	auto_free char *text = xasprintf("/proc/self/fd/%d", fd);
	struct process_spec spec = PROCESS_SPEC_INIT;
	auto_close int pidfd = -1;
	int status = 1;
	pid_t pid;

	spec.path = path;
	spec.argv = argv;
	spec.stdout_fd = spec.stderr_fd = fd;
	if (fd >= 0 && process_spawn(&spec, &pid, &pidfd, NULL) == 0)
		process_wait(pidfd, &status, NULL);
	file_read(AT_FDCWD, text, HOST_DOCTOR_TEXT_MAX, &h->machine, NULL);
	h->machine_ok = status == 0;
}

/* ---- repair ---- */

static void host_doctor_repair(struct host_doctor *h, struct doctor_findings *f)
{
	for (size_t i = 0; i < f->n; i++) {
		struct doctor_finding *x = &f->v[i];

		/* A number of a process may be that of a new dyno's by now. */
		if (!doctor_kind_repair(x->kind) || doctor_files_own(&h->d, NULL) < 0)
			continue;
		x->repaired = x->kind >= DOCTOR_FILES ? doctor_files_repair(&h->d, x)
						      : doctor_kernel_repair(&h->d, x);
	}
}

/* ---- tell ---- */

static json_t *host_doctor_lines(const struct host_doctor *h)
{
	auto_free char *text = xstrdup(buf_str(&h->machine));
	json_t *list = json_array();
	char *rest = text, *line;

	while ((line = strsep(&rest, "\n")))
		if (*line)
			json_array_append_new(list, json_bytes(line, strlen(line)));
	return list;
}

static int host_doctor_tell(struct host_doctor *h, const struct doctor_findings *f)
{
	auto_buf out = BUF_INIT;
	size_t left = f->n;

	for (size_t i = 0; i < f->n; i++)
		left -= f->v[i].repaired;
	if (h->cli->json) {
		auto_json *j = json_pack("{s:o, s:o}", "findings", doctor_json(f),
					 "machine", host_doctor_lines(h));

		api_print(j);
		return left ? EXIT_FAILURE : 0;
	}
	doctor_layout(&out, f);
	if (f->n == 0)
		buf_adds(&out, "Nothing is there that nobody owns.\n");
	buf_addf(&out, "\nThis machine:\n%s", buf_str(&h->machine));
	fputs(buf_str(&out), stdout);
	return left ? EXIT_FAILURE : 0;
}

static int host_doctor_run(struct host_doctor *h, bool repair)
{
	auto_(doctor_findings_deinit) struct doctor_findings f = DOCTOR_FINDINGS_INIT;
	auto_(doctor_findings_deinit) struct doctor_findings again = DOCTOR_FINDINGS_INIT;

	struct error e;

	host_doctor_machine(h);
	if (host_doctor_look(h, &f, &e) < 0)
		return cli_fail(&e);
	if (f.n) {
		nanosleep(&(struct timespec){ .tv_sec = HOST_DOCTOR_PAUSE_SEC }, NULL);
		if (host_doctor_look(h, &again, &e) < 0)
			return cli_fail(&e);
		doctor_keep_common(&f, &again);
	}
	if (repair)
		host_doctor_repair(h, &f);
	return host_doctor_tell(h, &f);
}

int host_doctor(int argc, char **argv, void *userdata)
{
	static const struct option options[] = {
		{ "repair", no_argument, NULL, 'r' },
		{ NULL, 0, NULL, 0 },
	};
	struct cli *cli = userdata;
	auto_(host_doctor_deinit) struct host_doctor h = {
		.cli = cli, .root = ROOT_INIT, .machine = BUF_INIT,
	};
	const char *dir;
	bool repair = false;
	struct error e;
	int c;

	while ((c = cli_getopt(cli, argc, argv, "", options)) != -1) {
		if (c != 'r')
			return cli->status;
		repair = true;
	}
	dir = cli->root ? cli->root : getenv("DYNO_ROOT");
	if (geteuid() != 0) {
		error_set(&e, EPERM, "host doctor has to be root");
		return cli_fail(&e);
	}
	if (root_init(&h.root, dir && *dir ? dir : NULL, &e) < 0)
		return cli_fail(&e);
	return host_doctor_run(&h, repair);
}
