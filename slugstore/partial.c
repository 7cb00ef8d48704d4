/*
 * partial.c - names below partial/ and their locks.
 *
 * The name may go while we wait for its lock: its writer has finished and
 * renamed it, or a collector has removed it. So who has got a lock looks
 * whether the name still means what it has locked.
 */
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "slugstore/incoming.h"
#include "slugstore/partial.h"
#include "slugstore/store_dir.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>

#define PARTIAL_NAME_MAX (SHA256_HEX_MAX + sizeof(".from"))

static const char *partial_from(const struct partial *p,
				char out[PARTIAL_NAME_MAX])
{
	snprintf(out, PARTIAL_NAME_MAX, "%s.from", p->sha256);
	return out;
}

int partial_claim(struct partial *ret, struct store *s, const char *sha256,
		  uint64_t *ret_size, struct error *e)
{
	for (;;) {
		auto_close int fd = openat(s->partial_fd, sha256, O_RDWR |
					   O_CREAT | O_CLOEXEC | O_NOFOLLOW,
					   0600);
		struct stat mine, there;

		if (fd < 0)
			return error_sys(e, "open %s/partial/%s", s->dir, sha256);
		if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
			if (errno == EWOULDBLOCK)
				return PARTIAL_BUSY;
			return error_sys(e, "lock %s/partial/%s", s->dir,
					 sha256);
		}
		if (fstat(fd, &mine) < 0 ||
		    fstatat(s->partial_fd, sha256, &there,
			    AT_SYMLINK_NOFOLLOW) < 0 ||
		    mine.st_ino != there.st_ino || mine.st_dev != there.st_dev)
			continue;
		*ret = (struct partial){ .store = s, .fd = take_fd(fd) };
		memcpy(ret->sha256, sha256, sizeof(ret->sha256));
		*ret_size = (uint64_t)mine.st_size;
		return 0;
	}
}

char *partial_read_from(const struct partial *p)
{
	auto_buf text = BUF_INIT;
	char name[PARTIAL_NAME_MAX];

	if (file_read(p->store->partial_fd, partial_from(p, name),
		      PARTIAL_FROM_MAX, &text, NULL) < 0 || text.len == 0)
		return NULL;
	return buf_take(&text);
}

int partial_write_from(const struct partial *p, const char *text,
		       struct error *e)
{
	char name[PARTIAL_NAME_MAX];

	return incoming_write(p->store, p->store->partial_fd,
			      partial_from(p, name), text, 0600, e);
}

int partial_forget_from(const struct partial *p, struct error *e)
{
	char name[PARTIAL_NAME_MAX];

	if (unlinkat(p->store->partial_fd, partial_from(p, name), 0) < 0 &&
	    errno != ENOENT)
		return error_sys(e, "remove %s/partial/%s", p->store->dir, name);
	return 0;
}

int partial_empty(const struct partial *p, struct error *e)
{
	int r = partial_forget_from(p, e);

	if (r < 0)
		return r;
	if (ftruncate(p->fd, 0) < 0 || lseek(p->fd, 0, SEEK_SET) < 0)
		return error_sys(e, "empty %s/partial/%s", p->store->dir,
				 p->sha256);
	return 0;
}

void partial_moved(struct partial *p)
{
	p->fd = fd_close(p->fd);
	p->store = NULL;
}

/* While the lock is held: afterwards the names may be somebody else's. */
void partial_drop(struct partial *p)
{
	if (p->store && partial_forget_from(p, NULL) >= 0)
		unlinkat(p->store->partial_fd, p->sha256, 0);
	partial_moved(p);
}

void partial_deinit(struct partial *p)
{
	struct stat st;

	if (p->store && fstat(p->fd, &st) == 0 && st.st_size == 0)
		partial_drop(p);
	p->fd = fd_close(p->fd);
	p->store = NULL;
}
