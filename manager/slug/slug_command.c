/* slug_command.c - one command line for all jobs. */
#include "base/error.h"
#include "base/fault.h"
#include "base/strv.h"
#include "manager/slug/slug_command.h"

int slug_command_run(const struct slug_command *c, const struct strv *args,
		     uint64_t timeout_sec, job_done_fn on_done, void *userdata,
		     struct job **ret, struct error *e)
{
	auto_free char *program = c->program ? xstrdup(c->program)
					     : process_sibling("dyno-slug");
	struct process_spec spec = PROCESS_SPEC_INIT;
	auto_strv argv = STRV_INIT;

	strv_add(&argv, program);
	strv_add(&argv, "--store");
	strv_add(&argv, c->store_dir);
	strv_add(&argv, "--config");
	strv_add(&argv, c->config);
	for (size_t i = 0; i < args->n; i++)
		strv_add(&argv, args->v[i]);
	fault_point("slug command");
	spec.path = program;
	spec.argv = strv_argv(&argv);
	return job_new(ret, c->event, &spec, timeout_sec * USEC_PER_SEC, on_done,
		       userdata, e);
}
