/*
 * dynorun.c - an OCI runtime's command line: the program's own options, then a
 * command from the table.
 */
#include "runtime/dynorun/dynorun.h"

#include "base/error.h"
#include "runtime/oci/oci.h"

#include <fcntl.h>
#include <stdio.h>
#include <signal.h>
#include <sys/prctl.h>

static const struct dynorun_verb *const verbs[] = {
	&dynorun_verb_create, &dynorun_verb_delete, &dynorun_verb_events,
	&dynorun_verb_exec, &dynorun_verb_features, &dynorun_verb_kill,
	&dynorun_verb_list, &dynorun_verb_pause, &dynorun_verb_plan,
	&dynorun_verb_ps, &dynorun_verb_resume, &dynorun_verb_run,
	&dynorun_verb_spec, &dynorun_verb_start, &dynorun_verb_state,
	&dynorun_verb_update,
};

static const struct dynorun_option options[] = {
#define OPTION(name, key, type, member, arg, doc) \
	{ name, key, type, offsetof(struct dynorun, member), arg, doc }
	OPTION("root", 0, OPTION_TEXT, root, "DIR",
	       "where containers are kept, on a tmpfs (/run/dynorun)"),
	OPTION("log", 0, OPTION_TEXT, log, "FILE", "add messages to this file"),
	OPTION("log-format", 0, OPTION_TEXT, log_format, "FORMAT",
	       "text or json"),
	OPTION("debug", 0, OPTION_FLAG, debug, NULL, "tell each step"),
	OPTION("cgroup-manager", 0, OPTION_TEXT, cgroup_manager, "MANAGER",
	       "cgroupfs, systemd or disabled"),
	OPTION("systemd-cgroup", 0, OPTION_FLAG, systemd_cgroup, NULL,
	       "cgroupsPath has the form slice:prefix:name"),
	OPTION("rootless", 0, OPTION_TEXT, rootless, "VALUE",
	       "accepted: true, false or auto"),
	OPTION("help", 'h', OPTION_FLAG, help, NULL, "show this text"),
	OPTION("version", 'v', OPTION_FLAG, version, NULL, "show the version"),
#undef OPTION
};


static const struct dynorun_option option_help = {
	"help", 'h', OPTION_FLAG, 0, NULL, "show this text",
};

static int help(void)
{
	printf("NAME:\n   dynorun - run containers of the Open Container "
	       "Initiative\n\nUSAGE:\n"
	       "   dynorun [OPTION...] COMMAND [OPTION...] [ARGUMENT...]\n\n"
	       "COMMANDS:\n");
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		printf("   %-10s  %s\n", verbs[i]->name, verbs[i]->doc);
	printf("\nOPTIONS:\n");
	dynorun_option_print(options, ARRAY_SIZE(options));
	return EXIT_SUCCESS;
}

static int help_verb(const struct dynorun_verb *v)
{
	printf("NAME:\n   dynorun %s - %s\n\nUSAGE:\n"
	       "   dynorun [OPTION...] %s [OPTION...] %s\n\nOPTIONS:\n",
	       v->name, v->doc, v->name, v->args);
	dynorun_option_print(v->options, v->n_options);
	dynorun_option_print(&option_help, 1);
	return EXIT_SUCCESS;
}

static int version(void)
{
	printf("dynorun version %s\nspec: %s\n", DYNO_VERSION, OCI_VERSION);
	return EXIT_SUCCESS;
}

static const struct dynorun_verb *find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		if (str_eq(verbs[i]->name, name))
			return verbs[i];
	return NULL;
}

/* "help" among the options of a command, before "--" and before what belongs to
 * another program. */
static bool wants_help(const struct dynorun_verb *v, int argc, char **argv)
{
	for (int i = 0; i < argc && !str_eq(argv[i], "--"); i++) {
		if (str_eq(argv[i], "--help") || str_eq(argv[i], "-help") ||
		    str_eq(argv[i], "-h"))
			return true;
		if (v->stop_at_arg && argv[i][0] != '-')
			return false;
	}
	return false;
}

static int call(struct dynorun *d, const struct dynorun_verb *v, int argc,
		char **argv, struct error *e)
{
	auto_free void *out = xcalloc(1, v->size ? v->size : 1);
	int r = dynorun_option_parse(v->options, v->n_options, v->stop_at_arg, argc,
				     argv, out, &argc, e);

	if (r < 0)
		return r;
	if (argc < v->min_args || (v->max_args >= 0 && argc > v->max_args))
		return error_set(e, EINVAL, "%s: too %s arguments; usage: dynorun %s "
				 "[OPTION...] %s", v->name,
				 argc < v->min_args ? "few" : "many", v->name,
				 v->args);
	return v->fn(d, out, argc, argv, e);
}

/* A descriptor that is closed at the start would become one of ours. */
static void fill_stdio(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	fd_close(fd);
}

static int settle(struct dynorun *d, struct error *e)
{
	const char *m = d->cgroup_manager;

	if (m && str_eq(m, "systemd"))
		d->systemd_cgroup = true;
	else if (m && !str_eq(m, "cgroupfs") && !str_eq(m, "disabled"))
		return error_set(e, EINVAL, "unknown cgroup manager \"%s\"", m);
	if (!d->root)
		d->root = "/run/dynorun";
	return 0;
}

static int fail(const struct dynorun *d, const struct dynorun_verb *v,
		const struct error *e)
{
	dynorun_log_error(d, e);
	return v && v->failure ? v->failure : EXIT_FAILURE;
}

/* The vector is needed once more, as it was, for the protected image. */
static char **copy_of(int argc, char **argv)
{
	return xmemdup(argv, ((size_t)argc + 1) * sizeof(*argv));
}

int main(int argc, char **argv)
{
	auto_free char **words = copy_of(argc, argv);
	struct dynorun d = { .log_fd = -1 };
	const struct dynorun_verb *v = NULL;
	struct error e = { 0 };
	int n, r;

	fill_stdio();
	r = dynorun_option_parse(options, ARRAY_SIZE(options), true, argc - 1,
				 words + 1, &d, &n, &e);
	if (r == 0)
		r = dynorun_log_open(&d, &e);
	if (r == 0)
		r = settle(&d, &e);
	if (r < 0)
		return fail(&d, NULL, &e);
	if (d.version)
		return version();
	if (d.help || n == 0 || str_eq(words[1], "help")) {
		v = n > 1 ? find(words[2]) : NULL;
		return v ? help_verb(v) : help();
	}
	v = find(words[1]);
	if (!v) {
		error_set(&e, EINVAL, "unknown command \"%s\"; try \"dynorun "
			  "--help\"", words[1]);
		return fail(&d, NULL, &e);
	}
	if (wants_help(v, n - 1, words + 2))
		return help_verb(v);
	if (v->protect && dynorun_self_protect(argv, &e) < 0)
		return fail(&d, v, &e);
	if (v->protect)		/* that process may be dead when it is told to go on */
		signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_NAME, "dynorun");
	r = call(&d, v, n - 1, words + 2, &e);
	return r < 0 ? fail(&d, v, &e) : r;
}
