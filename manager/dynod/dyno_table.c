#include "base/error.h"
#include "base/fault.h"
#include "base/loop.h"
#include "base/strv.h"
#include "manager/dynod/dyno_table.h"
#include "manager/limits.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>

static void PRINTF(2, 3)
dyno_table_tell(struct dyno_table *t, const char *fmt, ...)
{
	char text[ERROR_MSG_MAX + 128];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	t->ops->tell(text, t->userdata);
}

/* ---- entries ---- */

static struct dyno_entry *dyno_entry_free(struct dyno_entry *entry)
{
	if (!entry)
		return NULL;
	entry->watch = loop_unref(entry->watch);
	entry->memory = loop_unref(entry->memory);
	entry->deadline = loop_unref(entry->deadline);
	runtime_cancel(entry->start);
	dyno_free(entry->dyno);
	free(entry);
	return NULL;
}
DEFINE_AUTO(struct dyno_entry, dyno_entry_free)

/* Learn how it ended. What nobody knows any more is reported as a kill. */
static void dyno_entry_end(struct dyno_entry *entry)
{
	struct dyno_table *t = entry->table;
	struct error e;

	fault_point("dyno ended");
	entry->watch = loop_unref(entry->watch);
	entry->memory = loop_unref(entry->memory);
	entry->ended = true;
	if (dyno_exit(t->rt, entry->dyno, &entry->exit, &e) < 0) {
		entry->exit = (struct dyno_exit){
			.status = 128 + SIGKILL, .signal = SIGKILL,
		};
		dyno_table_tell(t, "dyno %s has ended, cannot tell how: %s",
				entry->dyno->uuid, e.msg);
	}
}

static int on_dyno_end(sd_event_source *src, int fd, uint32_t events,
		       void *userdata)
{
	struct dyno_entry *entry = userdata;

	dyno_entry_end(entry);
	entry->table->ops->on_end(entry, entry->table->userdata);
	return 0;
}

static int on_dyno_memory(sd_event_source *src, int fd, uint32_t events,
			  void *userdata)
{
	struct dyno_entry *entry = userdata;
	uint64_t kills = 0;
	int r = dyno_memory_event(entry->dyno, &kills, NULL);

	if (r != 0)		/* broken, or it is ending */
		entry->memory = loop_unref(entry->memory);
	if (kills)
		entry->table->ops->on_memory(entry, entry->table->userdata);
	return 0;
}

/* Without it the end of the dyno still tells, and samples do. */
static void dyno_table_watch_memory(struct dyno_table *t, struct dyno_entry *entry)
{
	struct error e;
	int r = dyno_watch_memory(t->rt, entry->dyno, &e);

	if (r == 0 && sd_event_add_io(t->event, &entry->memory,
				      entry->dyno->memory_fd, EPOLLIN,
				      on_dyno_memory, entry) < 0)
		r = error_set(&e, EIO, "watch the memory of dyno %s", entry->uuid);
	if (r < 0)
		dyno_table_tell(t, "%s, ignoring", e.msg);
}

static int dyno_table_watch(struct dyno_table *t, struct dyno_entry *entry,
			    struct error *e)
{
	int r = sd_event_add_io(t->event, &entry->watch, entry->dyno->pidfd,
				EPOLLIN, on_dyno_end, entry);

	if (r < 0)
		return error_ret(e, r, "watch the dyno");
	sd_event_source_set_description(entry->watch, "dyno-end");
	dyno_table_watch_memory(t, entry);
	return 0;
}

/* ---- adoption ---- */

/* Nobody could stop a dyno that is not in the table: it must go. */
static void dyno_table_discard(struct dyno_table *t, const char *uuid,
			       const struct error *why)
{
	dyno_table_tell(t, "cannot adopt dyno %s, removing it: %s", uuid,
			why->msg);
	removals_add(&t->removals, uuid);
}

static int dyno_table_adopt_one(struct dyno_table *t, const char *uuid,
				struct error *e)
{
	auto_(dyno_entry_free_p) struct dyno_entry *entry =
		xcalloc(1, sizeof(*entry));
	int r;

	entry->table = t;
	snprintf(entry->uuid, sizeof(entry->uuid), "%s", uuid);
	fault_point("adopt");
	r = runtime_adopt(t->rt, uuid, &entry->dyno, e);
	if (r < 0)
		return r;
	if (r == RUNTIME_GONE)
		dyno_entry_end(entry);
	else
		r = dyno_table_watch(t, entry, e);
	if (r < 0)
		return r;
	map_set(&t->entries, uuid, take_ptr(entry));
	return 0;
}

int dyno_table_adopt(struct dyno_table *t, struct error *e)
{
	auto_strv uuids = STRV_INIT;
	int r;

	r = runtime_list(t->rt, &uuids, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < uuids.n; i++) {
		struct error why;

		if (dyno_table_adopt_one(t, uuids.v[i], &why) < 0)
			dyno_table_discard(t, uuids.v[i], &why);
	}
	return 0;
}

/* ---- table ---- */

static void on_table_gone(const char *uuid, void *userdata)
{
	struct dyno_table *t = userdata;
	struct dyno_entry *entry = dyno_table_get(t, uuid);

	map_remove(&t->entries, uuid);
	dyno_entry_free(entry);
}

static void on_table_answer(const char *uuid, uint32_t serial, int r,
			    const struct error *e, void *userdata)
{
	struct dyno_table *t = userdata;

	t->ops->on_removed(serial, r, e, t->userdata);
}

static void on_table_tell(const char *what, void *userdata)
{
	struct dyno_table *t = userdata;

	t->ops->tell(what, t->userdata);
}

void dyno_table_init(struct dyno_table *t, sd_event *event, struct runtime *rt,
		     const struct dyno_table_ops *ops, void *userdata)
{
	static const struct removals_ops removals_ops = {
		.on_gone = on_table_gone, .on_answer = on_table_answer,
		.tell = on_table_tell,
	};

	*t = (struct dyno_table){
		.event = event, .rt = rt, .ops = ops, .userdata = userdata,
		.entries = MAP_INIT,
	};
	removals_init(&t->removals, event, rt, &removals_ops, t);
}

struct dyno_entry *dyno_table_get(const struct dyno_table *t, const char *uuid)
{
	return map_get(&t->entries, uuid);
}

size_t dyno_table_count(const struct dyno_table *t)
{
	return t->entries.n;
}

size_t dyno_table_starting(const struct dyno_table *t)
{
	size_t n = 0;

	for (struct map_iter it = { 0 }; map_next(&t->entries, &it); ) {
		struct dyno_entry *entry = it.value;

		n += entry->start != NULL;
	}
	return n;
}

/* ---- starts ---- */

/* The outcome, once: the entry becomes a dyno's, or goes. */
static void dyno_entry_started(struct dyno_entry *entry, int r, struct error *e)
{
	struct dyno_table *t = entry->table;

	entry->deadline = loop_unref(entry->deadline);
	if (r == 0)
		r = dyno_table_watch(t, entry, e);
	if (r < 0) {
		map_remove(&t->entries, entry->uuid);
		removals_add(&t->removals, entry->uuid);
	}
	t->ops->on_started(entry, r, e, t->userdata);
	if (r < 0)
		dyno_entry_free(entry);
}

static void dyno_entry_finish(struct dyno_entry *entry)
{
	struct start *start = take_ptr(entry->start);
	struct error e;

	/* Before its descriptor is closed. */
	fault_point("start finished");
	entry->watch = loop_unref(entry->watch);
	dyno_entry_started(entry, runtime_finish(start, &entry->dyno, &e), &e);
}

static int on_dyno_start(sd_event_source *src, int fd, uint32_t events,
			 void *userdata)
{
	dyno_entry_finish(userdata);
	return 0;
}

static int on_dyno_deadline(sd_event_source *src, uint64_t usec, void *userdata)
{
	struct dyno_entry *entry = userdata;
	struct error e;
	int r = error_set(&e, ETIMEDOUT, "start a dyno: not ready after %d s",
			  RUNTIME_START_SEC);

	entry->watch = loop_unref(entry->watch);
	entry->start = runtime_cancel(entry->start);
	dyno_entry_started(entry, r, &e);
	return 0;
}

static int dyno_table_begin(struct dyno_table *t, const struct dyno_spec *spec,
			    struct dyno_entry *entry, struct error *e)
{
	int fd, r = runtime_begin(t->rt, spec, &entry->start, &fd, e);

	if (r < 0)
		return r;
	r = sd_event_add_io(t->event, &entry->watch, fd, EPOLLIN, on_dyno_start,
			    entry);
	if (r < 0)
		return error_ret(e, r, "watch a start");
	sd_event_source_set_description(entry->watch, "dyno-start");
	return loop_deadline(t->event, &entry->deadline,
			     RUNTIME_START_SEC * USEC_PER_SEC, on_dyno_deadline,
			     entry, "dyno-start-deadline", e);
}

static size_t dyno_table_on_record(const struct dyno_table *t)
{
	size_t n = dyno_table_count(t) + removals_count(&t->removals);

	for (struct map_iter it = { 0 }; map_next(&t->entries, &it); )
		n -= removals_has(&t->removals, it.key);
	return n;
}

int dyno_table_start(struct dyno_table *t, const struct dyno_spec *spec,
		     uint32_t serial, struct error *e)
{
	auto_(dyno_entry_free_p) struct dyno_entry *entry = NULL;
	int r;

	if (dyno_table_get(t, spec->uuid) || removals_has(&t->removals, spec->uuid))
		return error_set(e, EEXIST, "dyno %s is on record already",
				 spec->uuid);
	if (dyno_table_on_record(t) >= DYNOS_MAX)
		return error_set(e, ENOSPC, "%d dynos are on this host, no more "
				 "are allowed", DYNOS_MAX);
	entry = xcalloc(1, sizeof(*entry));
	entry->table = t;
	entry->serial = serial;
	snprintf(entry->uuid, sizeof(entry->uuid), "%s", spec->uuid);
	r = dyno_table_begin(t, spec, entry, e);
	if (r < 0) {
		dyno_entry_free(take_ptr(entry));
		removals_add(&t->removals, spec->uuid);
		return r;
	}
	map_set(&t->entries, spec->uuid, take_ptr(entry));
	return 0;
}

/* ---- end ---- */

static bool dyno_entry_is_ready(const struct dyno_entry *entry)
{
	struct pollfd p = { .fd = sd_event_source_get_io_fd(entry->watch),
			    .events = POLLIN };

	return poll(&p, 1, 0) > 0;
}

/* A start that is over is a dyno, which lives on; any other goes with us. */
void dyno_table_deinit(struct dyno_table *t)
{
	for (struct map_iter it = { 0 }; map_next(&t->entries, &it); ) {
		struct dyno_entry *entry = it.value;

		if (entry->start && dyno_entry_is_ready(entry))
			runtime_finish(take_ptr(entry->start), &entry->dyno, NULL);
		dyno_entry_free(entry);
	}
	map_deinit(&t->entries);
	removals_deinit(&t->removals);
}

int dyno_table_remove(struct dyno_table *t, const char *uuid, uint32_t serial,
		      struct error *e)
{
	struct dyno_entry *entry = dyno_table_get(t, uuid);
	int r;

	if (!entry && !removals_has(&t->removals, uuid))
		return 0;
	if (entry && !entry->ended)
		return error_set(e, EBUSY, "dyno %s %s", uuid,
				 entry->start ? "is starting" : "lives");
	r = removals_ask(&t->removals, uuid, serial, e);
	if (r == 0)
		on_table_gone(uuid, t);
	return r;
}
