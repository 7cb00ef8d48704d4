/*
 * desired_dir.c - inotify, and renames in one order: what is read is first taken
 * away under a name of our own, so that another "new" may come meanwhile.
 */
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/loop.h"
#include "manager/model/assignment.h"
#include "manager/model/desired.h"
#include "manager/supervisor/supervisor.h"
#include "manager/upstream/desired_dir.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/inotify.h>

#define FILE_MAX (16 * 1024 * 1024)

struct desired_dir {
	struct supervisor *s;
	int fd;
	sd_event_source *watch;
};

/* A pipe would keep us waiting, and a link leads elsewhere. */
static int desired_dir_read(struct desired_dir *d, const char *name, struct buf *text,
			    struct error *e)
{
	struct stat st;

	if (fstatat(d->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return error_sys(e, "%s", name);
	if (!S_ISREG(st.st_mode))
		return error_set(e, EINVAL, "it is not a regular file");
	return file_read(d->fd, name, FILE_MAX, text, e);
}

static int desired_dir_apply(struct desired_dir *d, const char *name, struct error *e)
{
	struct assignment_list list;
	auto_buf text = BUF_INIT;
	int r = desired_dir_read(d, name, &text, e);

	if (r >= 0)
		r = desired_parse(&list, buf_str(&text), text.len,
				  d->s->wanted.revision + 1, e);
	if (r >= 0)
		supervisor_assign(d->s, &list);
	return r;
}

static void desired_dir_reject(struct desired_dir *d, const char *why)
{
	auto_free char *text = xasprintf("%s\n", why);
	struct error e;

	log_err("%s/new is rejected: %s", d->s->conf.desired_dir, why);
	/* Whoever sees that it is rejected may read why. */
	if (file_write_atomic(d->fd, "last_error", text, strlen(text), 0644, &e) < 0)
		log_err("%s: %s", d->s->conf.desired_dir, e.msg);
	if (renameat(d->fd, "taken", d->fd, "rejected") < 0)
		log_err("%s: %s", d->s->conf.desired_dir, strerror(errno));
}

/* It is done before it is called loaded: if we are killed in between, it is done
 * again, and changes nothing. */
static void desired_dir_take(struct desired_dir *d)
{
	struct error e;

	if (desired_dir_apply(d, "taken", &e) < 0) {
		desired_dir_reject(d, e.msg);
		return;
	}
	unlinkat(d->fd, "rejected", 0);
	unlinkat(d->fd, "last_error", 0);
	if (renameat(d->fd, "taken", d->fd, "loaded") < 0)
		log_err("%s: %s", d->s->conf.desired_dir, strerror(errno));
	else if (file_sync_dir(d->fd, ".", &e) < 0)
		log_err("%s: %s", d->s->conf.desired_dir, e.msg);
}

static void desired_dir_look(struct desired_dir *d)
{
	if (renameat(d->fd, "new", d->fd, "taken") == 0)
		desired_dir_take(d);
	else if (errno != ENOENT)
		log_err("%s/new: %s", d->s->conf.desired_dir, strerror(errno));
}

static int on_desired_dir(sd_event_source *src, const struct inotify_event *event,
			  void *userdata)
{
	struct desired_dir *d = userdata;

	if (event->mask & IN_Q_OVERFLOW || (event->len && str_eq(event->name, "new")))
		desired_dir_look(d);
	return 0;
}

/* What an earlier supervisor was reading is newer than what it had loaded. */
static void desired_dir_begin(struct desired_dir *d)
{
	struct error e;

	if (faccessat(d->fd, "taken", F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		desired_dir_take(d);
	else if (faccessat(d->fd, "loaded", F_OK, AT_SYMLINK_NOFOLLOW) == 0 &&
		 desired_dir_apply(d, "loaded", &e) < 0)
		log_err("%s/loaded: %s", d->s->conf.desired_dir, e.msg);
	desired_dir_look(d);
}

int desired_dir_new(struct desired_dir **ret, struct supervisor *s, struct error *e)
{
	struct desired_dir *d = xcalloc(1, sizeof(*d));
	int r;

	d->s = s;
	d->fd = open(s->conf.desired_dir, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	r = d->fd < 0 ? error_sys(e, "desired-dir %s", s->conf.desired_dir) : 0;
	if (r >= 0) {
		/* A file that is still being written is seen when it is closed. */
		r = sd_event_add_inotify(s->event, &d->watch, s->conf.desired_dir,
					 IN_MOVED_TO | IN_CLOSE_WRITE, on_desired_dir, d);
		r = r < 0 ? error_ret(e, r, "watch %s", s->conf.desired_dir) : 0;
	}
	if (r < 0) {
		desired_dir_free(d);
		return r;
	}
	desired_dir_begin(d);
	*ret = d;
	return 0;
}

struct desired_dir *desired_dir_free(struct desired_dir *d)
{
	if (!d)
		return NULL;
	d->watch = loop_unref(d->watch);
	fd_close(d->fd);
	free(d);
	return NULL;
}
