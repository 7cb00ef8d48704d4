/*
 * release_follow.c - ask, read the stream to its end, ask again.
 */
#include "cli/client/release_follow.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "cli/cli.h"
#include "cli/client/api.h"
#include "http/client.h"
#include "http/json.h"

#include <time.h>

#define FOLLOW_POLL_NSEC (500 * 1000 * 1000)
/* A controller that restarts is back by then. */
#define FOLLOW_LOST_USEC (30 * USEC_PER_SEC)

struct follow {
	struct cli *cli;
	char *path;
	int fd;
	uint64_t at;			/* bytes of the output that were copied */
	int r;				/* what writing said */
	uint64_t heard;			/* when the API has answered last */
	uint64_t deadline;
	struct error error;
};

static int follow_on_data(const void *data, size_t n, void *userdata)
{
	struct follow *f = userdata;

	f->r = file_write_all(f->fd, data, n, &f->error);
	f->at += n;
	return f->r;
}

static bool follow_is_pending(const json_t *release)
{
	const char *status = json_str(release, "status");

	return status && str_eq(status, "pending");
}

/* 0: to its end. Else it is not there yet, or the connection was lost. */
static int follow_stream(struct follow *f, const json_t *release, struct error *e)
{
	auto_free char *range = xasprintf("Range: bytes=%llu-",
					  (unsigned long long)f->at);
	const char *headers[] = { "Accept: text/plain", f->at ? range : NULL, NULL };
	const char *url = json_str(release, "output_stream_url");
	int r;

	if (!url || f->fd < 0)
		return 0;
	r = api_call(f->cli, &(struct http_call_spec){
		.method = "GET", .path = url, .headers = headers,
		.timeout_usec = UINT64_MAX, .on_data = follow_on_data, .userdata = f,
	}, e);
	if (f->r < 0 && e)
		*e = f->error;
	return f->r < 0 ? f->r : r;
}

/* 0, and *ret is the release that is not pending; > 0: ask again. */
static int follow_once(struct follow *f, json_t **ret, struct error *e)
{
	auto_json *before = NULL, *after = NULL;
	int r = api_get(f->cli, f->path, &before, e);

	if (r < 0)
		return r;
	f->heard = clock_mono_usec();
	r = follow_stream(f, before, e);
	if (f->r < 0)
		return r;
	/* What is over has no more to say: nothing to come back for. */
	if (r < 0 && !follow_is_pending(before) && f->at > 0)
		r = 0;
	if (r < 0 && !follow_is_pending(before))
		return r;
	r = api_get(f->cli, f->path, &after, e);
	if (r < 0 || follow_is_pending(after) || follow_is_pending(before))
		return r < 0 ? r : 1;
	*ret = take_ptr(after);
	return 0;
}

static bool follow_goes_on(const struct follow *f, int r)
{
	uint64_t now = clock_mono_usec();

	return f->r == 0 && now < f->deadline &&
	       (r > 0 || now < f->heard + FOLLOW_LOST_USEC) && r != 0 &&
	       r != -EREMOTEIO;		/* refused: it will be again */
}

int release_follow(struct cli *cli, const char *app, const char *which, int fd,
		   long timeout_sec, json_t **ret, struct error *e)
{
	auto_free char *path = api_path(app, "/releases/%s", which);
	uint64_t now = clock_mono_usec();
	struct follow f = {
		.cli = cli, .path = path, .fd = fd, .heard = now,
		.deadline = now + (uint64_t)timeout_sec * USEC_PER_SEC,
	};
	int r;

	while (follow_goes_on(&f, r = follow_once(&f, ret, e)))
		nanosleep(&(struct timespec){ .tv_nsec = FOLLOW_POLL_NSEC }, NULL);
	if (r > 0)
		return error_set(e, ETIMEDOUT, "the release is still pending after "
				 "%ld seconds", timeout_sec);
	return r;
}

int release_follow_check(const json_t *release, struct error *e)
{
	const char *status = json_str(release, "status");
	const char *failure = json_str(release, "failure");

	if (!status || !str_eq(status, "failed"))
		return 0;
	return error_set(e, ECHILD, "the release command of v%d failed%s%s; what runs "
			 "has not changed", (int)json_int(release, "version", 0),
			 failure ? ": " : "", failure ? failure : "");
}

int release_follow_made(struct cli *cli, const char *app, json_t **release,
			struct error *e)
{
	auto_free char *which = xasprintf("%d", (int)json_int(*release, "version", 0));
	json_t *after = NULL;
	int r;

	if (!follow_is_pending(*release))
		return 0;
	r = release_follow(cli, app, which, cli->json ? STDERR_FILENO : STDOUT_FILENO,
			   RELEASE_FOLLOW_TIMEOUT_SEC, &after, e);
	if (r < 0)
		return r;
	json_decref(*release);
	*release = after;
	return release_follow_check(after, e);
}
