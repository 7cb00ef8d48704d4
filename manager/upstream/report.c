/* report.c - marks on lives. */
#include "base/list.h"
#include "manager/life/life.h"
#include "manager/supervisor/cycling.h"
#include "manager/supervisor/supervisor.h"
#include "manager/upstream/report.h"

/* One whose last words still wait for a client is not over for upstream: a client that
 * comes again finds it there, by the dyno that it asks for. */
static bool report_is_held(const struct life *l)
{
	return dyno_fsm_is_final(l->st.state) && !life_is_over(l);
}

bool report_is_due(const struct supervisor *s)
{
	struct life *l;

	list_for_each(l, &s->lives, link)
		if (l->dirty && !cycling_is_hidden(l) && !report_is_held(l))
			return true;
	return false;
}

static json_t *report_held(const struct life *l)
{
	json_t *j = life_json(l);

	json_object_set_new(j, "state", json_string(dyno_fsm_shown(l->a->kind, DYNO_UP)));
	json_object_set_new(j, "exit_status", json_null());
	json_object_set_new(j, "error", json_null());
	return j;
}

json_t *report_collect(struct supervisor *s, bool full)
{
	json_t *dynos = json_array();
	struct life *l;

	list_for_each(l, &s->lives, link) {
		bool held = report_is_held(l);

		if ((!full && (!l->dirty || held)) || cycling_is_hidden(l))
			continue;
		if (held) {
			json_array_append_new(dynos, report_held(l));
			continue;
		}
		l->dirty = false;
		l->reporting = true;
		l->reported = l->st.state;
		json_array_append_new(dynos, life_json(l));
	}
	return dynos;
}

void report_settle(struct supervisor *s, bool ok)
{
	struct life *l;

	list_for_each(l, &s->lives, link) {
		if (!l->reporting)
			continue;
		l->reporting = false;
		if (!ok) {
			l->dirty = true;
			continue;
		}
		if (dyno_fsm_is_final(l->reported))
			l->told = true;
		if (l->reported == DYNO_UP)
			l->known_up = true;
		if ((l->reported == DYNO_LEAVING || l->reported == DYNO_IDLING) &&
		    l->st.state == l->reported)
			life_event(l, DYNO_EV_WITHDRAWN);
	}
	supervisor_settle(s);
}

void report_alone(struct supervisor *s)
{
	if (!report_is_due(s))
		return;
	json_decref(report_collect(s, false));
	report_settle(s, true);
}
