/*
 * life_log.c - what the platform says about a dyno in its app's log. The words
 * are a contract: people's scripts and eyes look for them.
 */
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/strv.h"
#include "manager/life/life.h"
#include "manager/limits.h"
#include "manager/model/boot.h"
#include "manager/output/journal.h"

#include <stdio.h>

#define STATUS_NO_CLIENT 128		/* of a command that was never run */

/* The app's users read of its errors in the app's log; the operator here. */
static void life_log_code(const struct life *l, const char *text)
{
	const char *app = l->a->app_name ? l->a->app_name : "";
	char code[8];

	if (sscanf(text, "Error %7[A-Z0-9]", code) == 1)
		log_about(LOG_LEVEL_WARN, &(struct log_dyno){
			  .app = app, .name = l->a->name, .uuid = l->st.instance,
			  .code = code }, "%s %s: %s", app, l->a->name, text);
}

void life_log_line(struct life *l, const char *fmt, ...)
{
	auto_free char *text = NULL;
	struct journal_line line = {
		.app_id = l->a->app_id, .source = JOURNAL_HEROKU, .ps = l->a->name,
		.usec = clock_real_usec(),
	};
	struct error e;
	va_list ap;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	tally_line(&l->s->tally, text);
	line.message = text;
	line.n = strlen(text);
	life_log_code(l, text);
	if (journal_add(l->s->journal, &line) == JOURNAL_FULL)
		log_warn("%s: the journal is full, dropping \"%s\"", l->a->name, text);
	else if (journal_flush(l->s->journal, &e) < 0)
		log_warn("%s: %s, dropping \"%s\"", l->a->name, e.msg, text);
}

static void life_log_change(struct life *l, const char *from, const char *to)
{
	if (!str_eq(from, to))
		life_log_line(l, "State changed from %s to %s", from, to);
}

static void life_log_command(struct life *l, enum dyno_state from)
{
	auto_strv env = STRV_INIT;
	auto_free char *shown = NULL;

	life_env(l, &env);
	shown = boot_command_shown(l->a->command, &env);
	life_log_line(l, "Starting process with command `%s`", shown);
}

static void life_log_r15(struct life *l, enum dyno_state from)
{
	char text[METER_TEXT_MAX];

	l->st.vast = true;
	life_log_line(l, "Process running %s",
		      meter_text(text, l->over, (uint64_t)l->a->memory));
	life_log_line(l, "Error R15 (Memory quota vastly exceeded)");
	life_log_line(l, "Stopping process with SIGKILL");
}

static void life_log_exit(struct life *l, enum dyno_state from)
{
	/* The kernel may have been quicker than its own message. */
	if (l->exited && l->exit.oom_kills && !l->st.vast) {
		l->over = l->exit.memory_peak;
		life_log_r15(l, from);
	}
	life_log_line(l, "Process exited with status %lld",
		      (long long)l->st.exit_status);
}

static void life_log_r10(struct life *l, enum dyno_state from)
{
	l->st.late = true;
	life_log_line(l, "Error R10 (Boot timeout) -> Web process failed to bind to "
		      "$PORT within %llu seconds of launch",
		      (unsigned long long)l->s->conf.boot_timeout);
	life_log_line(l, "Stopping process with SIGKILL");
}

static void life_log_r12(struct life *l, enum dyno_state from)
{
	life_log_line(l, "Error R12 (Exit timeout) -> At least one process failed to "
		      "exit within %llu seconds of SIGTERM",
		      (unsigned long long)l->s->conf.stop_grace);
	life_log_line(l, "Stopping remaining processes with SIGKILL");
}

static void life_log_r13(struct life *l, enum dyno_state from)
{
	life_log_line(l, "Error R13 (Attach error) -> Failed to attach to process");
	l->st.exit_status = STATUS_NO_CLIENT;
	life_log_exit(l, from);
}

static void life_log_r16(struct life *l, enum dyno_state from)
{
	life_log_line(l, "Error R16 (Detached) -> An attached process is not "
		      "responding to SIGHUP after its external connection was closed.");
}

/* The missing "not" is in the original. */
static void life_log_r17(struct life *l, enum dyno_state from)
{
	life_log_line(l, "Error R17 (Checksum error) -> Checksum does match expected "
		      "value. Expected: SHA256:%s Actual: SHA256:%s", l->a->slug,
		      l->wrong_slug);
}

/* What went wrong is ours to know: it is in the daemon's log and the report. */
static void life_log_error(struct life *l, enum dyno_state from)
{
	life_log_line(l, "Error R99 (Platform error) -> Failed to %s",
		      from == DYNO_FETCHING ? "fetch and unpack the slug"
					    : "start the dyno");
}

/* A dyno that sleeps is "idle" to the API, and down in the log. */
static const char *life_logged(const struct life *l, enum dyno_state state)
{
	const char *shown = dyno_fsm_shown(l->a->kind, state);

	return state == DYNO_NEW || str_eq(shown, "idle") ? "down" : shown;
}

static void life_log_leave(struct life *l, enum dyno_state from)
{
	const char *shown = life_logged(l, from);

	if (l->st.state == DYNO_IDLING) {
		life_log_line(l, "Idling");
		life_log_change(l, shown, "down");
		return;
	}
	if (l->st.cycling == STATE_OVERLAPS)	/* said when it began */
		return;
	if (l->st.replaced && from != DYNO_CRASHED)
		life_log_line(l, l->st.cycling ? "Cycling" : "Restarting");
	life_log_change(l, shown, l->st.replaced ? "starting" : "down");
}

static void life_log_state(struct life *l, enum dyno_state from)
{
	if (from == DYNO_IDLE)
		life_log_line(l, "Unidling");
	/* For the reader a replacement goes on where the old one was. */
	if (from == DYNO_NEW && l->replaces)
		return;
	life_log_change(l, life_logged(l, from), life_shown(l));
}

static void life_log_term(struct life *l, enum dyno_state from)
{
	life_log_line(l, "Stopping all processes with SIGTERM");
}

static void life_log_hup(struct life *l, enum dyno_state from)
{
	l->st.hups++;
	life_log_line(l, "Client connection closed. Sending SIGHUP to all processes");
}

static void life_log_await(struct life *l, enum dyno_state from)
{
	life_log_line(l, "Awaiting client");
}

void life_log_effects(struct life *l, enum dyno_state from, unsigned effects)
{
	static const struct {
		unsigned effect;
		void (*fn)(struct life *l, enum dyno_state from);
	} table[] = {
		{ DYNO_DO_LOG_EXIT, life_log_exit },
		{ DYNO_DO_LOG_R10, life_log_r10 },
		{ DYNO_DO_LOG_R12, life_log_r12 },
		{ DYNO_DO_LOG_R13, life_log_r13 },
		{ DYNO_DO_LOG_R15, life_log_r15 },
		{ DYNO_DO_LOG_R16, life_log_r16 },
		{ DYNO_DO_LOG_R17, life_log_r17 },
		{ DYNO_DO_LOG_ERROR, life_log_error },
		{ DYNO_DO_LOG_COMMAND, life_log_command },
		{ DYNO_DO_LOG_LEAVE, life_log_leave },
		{ DYNO_DO_LOG_STATE, life_log_state },
		{ DYNO_DO_LOG_TERM, life_log_term },
		{ DYNO_DO_LOG_HUP, life_log_hup },
		{ DYNO_DO_LOG_AWAIT, life_log_await },
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (effects & table[i].effect)
			table[i].fn(l, from);
}
