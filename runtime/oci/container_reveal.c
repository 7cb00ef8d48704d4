#include "runtime/oci/container_reveal.h"

#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "base/strv.h"
#include "runtime/cgroup/cgroup_mounts.h"

#include <fcntl.h>
#include <stdio.h>

#define REVEAL_MOUNTINFO_MAX (4 * 1024 * 1024)

/* "22 1 0:20 / /proc rw,relatime - proc proc rw" -> "/proc" */
static char *reveal_place(const char *line)
{
	const char *dash = strstr(line, " - "), *place = line;
	const char *type = dash ? dash + 3 : "";

	if (!str_after(type, "proc ") && !str_after(type, "sysfs "))
		return NULL;
	for (int i = 0; i < 4; i++) {
		place += strcspn(place, " ");
		place += strspn(place, " ");
	}
	return cgroup_mounts_unescape(place, strcspn(place, " "));
}

int container_reveal_find(struct strv *ret, struct error *e)
{
	auto_buf text = BUF_INIT;
	auto_strv found = STRV_INIT;
	char *next;
	int r = file_read(AT_FDCWD, "/proc/self/mountinfo", REVEAL_MOUNTINFO_MAX, &text,
			  e);

	if (r < 0)
		return r;
	next = text.data;
	for (char *line = strsep(&next, "\n"); line; line = strsep(&next, "\n")) {
		auto_free char *place = reveal_place(line);

		if (place)
			strv_add(&found, place);
	}
	for (size_t i = found.n; i > 0; i--)
		strv_add(ret, found.v[i - 1]);
	return 0;
}
