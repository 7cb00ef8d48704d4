/*
 * life_death.c - the record of an end, taken while all is still known, and sent
 * the way of the log: it is stored first, and arrives once.
 */
#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "manager/life/life.h"
#include "manager/model/death.h"
#include "manager/output/capture.h"
#include "manager/output/journal.h"

#define TAIL_MAX (8 * 1024)		/* bytes of output */

/* NULL: upstream does not want it any more. */
static const char *life_reason(const struct life *l)
{
	if (l->st.cycling != STATE_STAYS)
		return "its daily restart was due";
	if (l->st.replaced)
		return "a restart or a new release takes its place";
	if (l->s->drain.mode == DRAIN_STOPPED)
		return "all dynos of this host were stopped";
	return l->expired ? "its time to live was over" : NULL;
}

static struct death_facts life_facts(const struct life *l)
{
	enum dyno_state state = l->st.state;

	return (struct death_facts){
		.vast = l->st.vast, .late = l->st.late,
		.killing = state == DYNO_KILLING || state == DYNO_IDLE_KILLING,
		.stopping = state == DYNO_STOPPING || state == DYNO_IDLE_STOPPING,
		.hangup = state == DYNO_HANGUP || state == DYNO_DETACHED,
		.reason = life_reason(l), .exit = l->exit,
	};
}

/* Zero would be a claim. */
static json_t *life_pressure(const struct life *l)
{
	uint64_t usec = l->exit.memory_stall_usec;

	return usec == DYNO_STALL_UNKNOWN ? json_null() : json_integer((json_int_t)usec);
}

static json_t *life_death_json(const struct life *l)
{
	char started[CLOCK_TEXT_MAX], ended[CLOCK_TEXT_MAX];
	struct death_facts f = life_facts(l);
	enum death_cause cause = death_judge(&f);
	auto_free char *sentence = death_sentence(cause, &f);

	clock_api_text(started, (uint64_t)l->st.started);
	clock_api_text(ended, clock_real_usec());
	return json_pack(
		"{s:s, s:s, s:s, s:s, s:s, s:I, s:s, s:s, s:s, s:s, s:i, s:o, s:s,"
		" s:s, s:I, s:I, s:I, s:I, s:o, s:o}",
		"name", l->a->name, "id", l->id, "instance", l->st.instance,
		"type", l->a->type, "host", l->s->conf.host,
		"release", (json_int_t)l->a->release,
		"size", l->a->size ? l->a->size : "",
		"cause", death_name(cause), "by", death_by(cause, &f),
		"sentence", sentence,
		"status", l->exit.status,
		"signal", l->exit.signal ? json_integer(l->exit.signal) : json_null(),
		"started_at", started, "ended_at", ended,
		"memory_peak", (json_int_t)l->exit.memory_peak,
		"memory_quota", (json_int_t)l->a->memory,
		"oom_kills", (json_int_t)l->exit.oom_kills,
		"cpu_usec", (json_int_t)l->exit.cpu_usec,
		"pressure_usec", life_pressure(l),
		"trace", life_trace(l));
}

void life_tell_death(struct life *l)
{
	auto_json *record = NULL;
	auto_buf tail = BUF_INIT;
	auto_free char *text = NULL;
	struct journal_line line = {
		.app_id = l->a->app_id, .source = JOURNAL_DEATH, .ps = l->a->name,
		.usec = clock_real_usec(),
	};
	struct error e;

	if (!l->st.instance)
		return;
	record = life_death_json(l);
	if (l->capture)
		capture_tail(l->capture, TAIL_MAX, &tail);
	death_add_lines(record, tail.data, tail.len);
	text = json_text(record);
	line.message = text;
	line.n = strlen(text);
	if (journal_add(l->s->journal, &line) == JOURNAL_FULL)
		log_warn("%s: the journal is full, dropping the record of its end",
			 l->a->name);
	else if (journal_flush(l->s->journal, &e) < 0)
		log_warn("%s: %s, dropping the record of its end", l->a->name, e.msg);
}
