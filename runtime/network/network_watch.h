#pragma once

/*
 * network_watch.h - hears what others change on the host: resolv.conf, and our
 * tables of the packet filter.
 */
#include "base/base.h"

struct error;

#define NETWORK_WATCH_FILES 2
#define NETWORK_WATCH_NAME_MAX 256

struct network_watch {
	int epoll_fd;			/* readable: call network_watch_take() */
	int inotify_fd;
	int filter_fd;			/* netlink */
	char names[NETWORK_WATCH_FILES][NETWORK_WATCH_NAME_MAX];
};

#define NETWORK_WATCH_INIT ((struct network_watch){ -1, -1, -1, { "", "" } })

int network_watch_open(struct network_watch *w, struct error *e);
void network_watch_close(struct network_watch *w);

/* Watch these files, their directories, and those of what they are links to.
 * What is absent is not watched: call it again after NETWORK_WATCH_RESOLV. */
void network_watch_files(struct network_watch *w,
			 const char *const paths[NETWORK_WATCH_FILES]);

#define NETWORK_WATCH_RESOLV 1		/* one of the files may have changed */
#define NETWORK_WATCH_FILTER 2		/* something was removed from the table */

/* What happened since the last call: bits. Cheap, never waits. table: name of
 * ours, in any family. */
unsigned network_watch_take(struct network_watch *w, const char *table);
