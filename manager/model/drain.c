/* drain.c - three modes, one file. */
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "http/json.h"
#include "manager/model/drain.h"

#include <fcntl.h>

#define DRAIN_FILE_MAX 4096

static const char *const modes[DRAIN_MODE_COUNT] = {
	[DRAIN_OPEN] = "open",
	[DRAIN_DRAINING] = "draining",
	[DRAIN_STOPPED] = "stopped",
};

const char *drain_mode_name(enum drain_mode mode)
{
	assert(mode < DRAIN_MODE_COUNT);
	return modes[mode];
}

size_t drain_wanted(const struct drain *d, size_t n)
{
	return d->mode == DRAIN_STOPPED ? 0 : n;
}

bool drain_admits(const struct drain *d, bool in_place)
{
	return d->mode == DRAIN_OPEN || (d->mode == DRAIN_DRAINING && in_place);
}

bool drain_expire(struct drain *d, int64_t now)
{
	if (drain_left(d, now) != 0)
		return false;
	*d = (struct drain){ DRAIN_STOPPED, 0 };
	return true;
}

uint64_t drain_left(const struct drain *d, int64_t now)
{
	if (d->mode != DRAIN_DRAINING || !d->deadline)
		return UINT64_MAX;
	return d->deadline > now ? (uint64_t)(d->deadline - now) : 0;
}

static int drain_parse(const json_t *j, struct drain *ret, struct error *e)
{
	const char *name = json_str(j, "mode");

	for (enum drain_mode m = 0; name && m < DRAIN_MODE_COUNT; m++) {
		if (!str_eq(modes[m], name))
			continue;
		ret->mode = m;
		ret->deadline = json_int(j, "deadline", 0);
		return 0;
	}
	return error_set(e, EINVAL, "no known mode");
}

int drain_load(const char *path, struct drain *ret, struct error *e)
{
	auto_json *j = NULL;
	auto_buf text = BUF_INIT;
	int r;

	*ret = (struct drain){ DRAIN_OPEN, 0 };
	if (access(path, F_OK) < 0 && errno == ENOENT)
		return 0;
	r = file_read(AT_FDCWD, path, DRAIN_FILE_MAX, &text, e);
	if (r < 0)
		return r;
	r = json_parse(buf_str(&text), text.len, &j, e);
	if (r == 0)
		r = drain_parse(j, ret, e);
	return error_prefix(e, r, "%s", path);
}

int drain_save(const char *path, const struct drain *d, struct error *e)
{
	auto_json *j = json_pack("{s:s, s:I}", "mode", drain_mode_name(d->mode),
				 "deadline", (json_int_t)d->deadline);
	auto_free char *text = json_text(j);

	return file_write_atomic(AT_FDCWD, path, text, strlen(text), 0600, e);
}
