/*
 * supervisor_load.c - what our own files say: journal, slug store, the last list,
 * lives. Whatever is damaged costs what it is about, and nothing else.
 */
#include "base/error.h"
#include "base/file.h"
#include "base/id.h"
#include "base/log.h"
#include "manager/life/life.h"
#include "manager/life/state.h"
#include "manager/limits.h"
#include "manager/output/journal.h"
#include "manager/slug/slug_gc.h"
#include "manager/slug/slug_jobs.h"
#include "manager/slug/slug_pins.h"
#include "manager/supervisor/draining.h"
#include "manager/supervisor/supervisor.h"
#include "slugstore/store.h"

#include <dirent.h>
#include <fcntl.h>

static int supervisor_load_lives(struct supervisor *s, struct error *e)
{
	auto_free char *path = xasprintf("%s/dynos", s->dir);
	struct dirent *de;
	struct life *l;
	DIR *d;
	int r;

	r = file_make_dirs(path, 0700, e);
	if (r < 0)
		return r;
	d = opendir(path);
	if (!d)
		return error_sys(e, "read %s", path);
	while ((de = readdir(d))) {
		struct error why;

		if (!id_is_uuid(de->d_name))
			continue;
		if (life_load(&l, s, de->d_name, &why) >= 0)
			continue;
		/* It was being made when we were killed. */
		log_warn("%s, removing it", why.msg);
		file_remove_tree(dirfd(d), de->d_name, NULL);
	}
	closedir(d);
	return 0;
}

static void supervisor_tell_skipped(const char *what, void *userdata)
{
	struct supervisor *s = userdata;

	s->wanted_known = false;
	log_err("assignments.json: %s, awaiting upstream", what);
}

/* What runs is in files of its own; it stays until upstream has said what is
 * wanted. */
static void supervisor_load_wanted(struct supervisor *s)
{
	struct error e;

	s->wanted_known = true;
	if (state_load_list(s->dir, &s->wanted, supervisor_tell_skipped, s, &e) < 0) {
		log_err("%s, awaiting upstream", e.msg);
		s->wanted = ASSIGNMENT_LIST_INIT;
	}
	if (s->wanted.revision == 0)
		s->wanted_known = false;
	/* Have it sent again, whatever number it had. */
	if (!s->wanted_known)
		s->wanted.revision = 0;
}

/* The token goes to slug jobs in a file: an argv is there for all to read. */
static int supervisor_start_slugs(struct supervisor *s, struct error *e)
{
	auto_free char *path = xasprintf("%s/upstream-header", s->dir);
	auto_free char *arg = s->conf.token ? xasprintf("@%s", path) : NULL;
	struct slug_jobs_spec jobs = { &s->store_command, &s->conf.client, arg };
	int r;

	s->store_dir = xasprintf("%s/slugs", s->root.lib);
	s->store_conf = xasprintf("%s/slugs.conf", s->root.etc);
	s->store_command = (struct slug_command){
		.event = s->event, .store_dir = s->store_dir,
		.config = s->store_conf,
	};
	r = store_open(&s->store, s->store_dir, e);
	if (r >= 0 && s->conf.token) {
		auto_free char *line = xasprintf("Authorization: Bearer %s\n",
						 s->conf.token);

		r = file_write_fast(AT_FDCWD, path, line, strlen(line), 0600, e);
	}
	if (r < 0)
		return r;
	s->slugs = slug_jobs_new(&jobs);
	s->pins = slug_pins_new(&s->store_command, supervisor_pinned, s);
	s->gc = slug_gc_new(&s->store_command, s->conf.slug_gc_interval);
	return r;
}

int supervisor_load(struct supervisor *s, struct error *e)
{
	auto_free char *journal = xasprintf("%s/journal", s->dir);
	int r;

	r = file_make_dirs(journal, 0700, e);
	if (r >= 0)
		r = file_remove_temporary(AT_FDCWD, s->dir, e);
	if (r >= 0)
		r = journal_open(&s->journal, journal, LOG_JOURNAL_MAX, e);
	if (r == JOURNAL_DAMAGED)
		log_err("%s was damaged: lines in it are lost", journal);
	if (r >= 0)
		r = supervisor_start_slugs(s, e);
	if (r < 0)
		return r;
	supervisor_load_wanted(s);
	draining_load(s);
	return supervisor_load_lives(s, e);
}
