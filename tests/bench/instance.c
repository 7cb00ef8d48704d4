#include "tests/bench/instance.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/process.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>

#define INSTANCE_SLUG \
	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define INSTANCE_HOST "11111111-2222-4333-8444-555555555555"
#define INSTANCE_SLUG_UID 64123		/* somebody without a name */
#define INSTANCE_NUMBERS 64
#define INSTANCE_PATIENCE_MSEC 30000
#define INSTANCE_FILES_PER_DIR 100

static bool instance_tell(const struct error *e)
{
	fprintf(stderr, "library: %s\n", e->msg);
	return false;
}

/* ---- open and close ---- */

static bool instance_dirs(struct instance *in, const char *below)
{
	static const char *const names[] = {
		"run", "stacks", "slugs", "slugs/trees",
		"slugs/trees/" INSTANCE_SLUG, "slugs/trees/" INSTANCE_SLUG "/app",
	};

	snprintf(in->dir, sizeof(in->dir), "%s/bench-XXXXXX", below);
	if (!mkdtemp(in->dir) || chmod(in->dir, 0755) < 0)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		auto_free char *path = xasprintf("%s/%s", in->dir, names[i]);

		if (mkdir(path, 0755) < 0 ||
		    (strncmp(names[i], "slugs", 5) == 0 &&
		     chown(path, INSTANCE_SLUG_UID, INSTANCE_SLUG_UID) < 0))
			return false;
	}
	return true;
}

static int instance_try(struct instance *in, int number, struct error *e)
{
	auto_free char *run = xasprintf("%s/run", in->dir);
	auto_free char *slugs = xasprintf("%s/slugs", in->dir);
	auto_free char *stacks = xasprintf("%s/stacks", in->dir);
	auto_free char *init = process_sibling("dyno-init");
	const struct runtime_config c = {
		.run_dir = run, .slug_dir = slugs, .stacks_dir = stacks,
		.root_name = in->dir, .stack = "host", .init_path = init,
		.instance = number, .slug_uid = INSTANCE_SLUG_UID,
		.slug_gid = INSTANCE_SLUG_UID,
	};

	return runtime_open(&in->runtime, &c, NULL, NULL, e);
}

bool instance_open(struct instance *in, const char *below)
{
	struct error e = { .code = EBUSY };
	int r = -EBUSY;

	*in = (struct instance){ .runtime = NULL };
	if (!instance_dirs(in, below)) {
		error_sys(&e, "make an instance below %s", below);
		return instance_tell(&e);
	}
	for (int n = INSTANCE_NUMBERS - 1; r == -EBUSY && n >= 0; n--)
		r = instance_try(in, n, &e);
	if (r == 0)
		return true;
	file_remove_tree(AT_FDCWD, in->dir, NULL);
	return instance_tell(&e);
}

bool instance_close(struct instance *in)
{
	struct error e;
	bool good = instance_alive(in, 0);
	int r = runtime_wipe(in->runtime, &e);

	runtime_close(in->runtime);
	if (r == 0)
		r = file_remove_tree(AT_FDCWD, in->dir, &e);
	return r < 0 ? instance_tell(&e) : good;
}

static bool instance_file(const char *path, size_t i)
{
	auto_free char *name = xasprintf("%s/%zu", path, i);
	auto_close int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
				 0644);

	return fd >= 0 && write(fd, "slug\n", 5) == 5 &&
	       fchown(fd, INSTANCE_SLUG_UID, INSTANCE_SLUG_UID) == 0;
}

bool instance_fill(struct instance *in, size_t files)
{
	auto_free char *path = NULL;
	struct error e;

	for (size_t i = 0; i < files; i++) {
		bool good = true;

		if (i % INSTANCE_FILES_PER_DIR == 0) {
			free(path);
			path = xasprintf("%s/slugs/trees/" INSTANCE_SLUG
					 "/app/d%zu", in->dir,
					 i / INSTANCE_FILES_PER_DIR);
			good = mkdir(path, 0755) == 0 &&
			       chown(path, INSTANCE_SLUG_UID,
				     INSTANCE_SLUG_UID) == 0;
		}
		if (!good || !instance_file(path, i)) {
			error_sys(&e, "fill %s", path);
			return instance_tell(&e);
		}
	}
	return true;
}

bool instance_serve(struct instance *in)
{
	struct pollfd p = { .fd = runtime_fd(in->runtime), .events = POLLIN };
	struct error e;

	if (p.fd < 0 || poll(&p, 1, 0) <= 0)
		return true;
	return runtime_serve(in->runtime, &e) < 0 ? instance_tell(&e) : true;
}

/* ---- dynos ---- */

struct dyno_spec instance_spec(char *const *argv, char uuid[UUID_TEXT_MAX])
{
	static char *const environment[] = {
		(char *)"PATH=/usr/bin:/bin", (char *)"HOME=/app", NULL,
	};

	return (struct dyno_spec){
		.uuid = id_uuid(uuid), .hostname = INSTANCE_HOST,
		.slug = INSTANCE_SLUG, .lease_fd = -1, .argv = argv, .envp = environment,
		.stdio = DYNO_STDIO_LOG,
		.limits = {
			.memory = 512 << 20, .memory_swap = 1 << 30,
			.tmpfs = 256 << 20, .inodes = 65536, .pids = 256,
			.cpu_shares = 1024, .cpus = 1, .files = 10000,
		},
	};
}

struct dyno *instance_start(struct instance *in, const char *program,
			    const char *argument)
{
	char *argv[] = { (char *)program, (char *)argument, NULL };
	char uuid[UUID_TEXT_MAX];
	const struct dyno_spec spec = instance_spec(argv, uuid);
	struct dyno *d = NULL;
	struct error e;

	if (runtime_start(in->runtime, &spec, &d, &e) < 0)
		instance_tell(&e);
	return d;
}

bool instance_await(struct dyno *d)
{
	struct pollfd p = { .fd = d->pidfd, .events = POLLIN };

	return poll(&p, 1, INSTANCE_PATIENCE_MSEC) == 1;
}

int instance_clear(struct instance *in, const char *uuid, struct error *e)
{
	uint64_t end = clock_mono_usec() + INSTANCE_PATIENCE_MSEC * USEC_PER_MSEC;
	int r;

	while ((r = runtime_remove(in->runtime, uuid, e)) == -EBUSY &&
	       clock_mono_usec() < end)
		poll(NULL, 0, 1);
	return r;
}

static bool instance_bury(struct instance *in, struct dyno *d, int *ret_status)
{
	struct dyno_exit x = { .status = -1 };
	struct error e;
	int r = dyno_exit(in->runtime, d, &x, &e);

	if (r == 0)
		r = instance_clear(in, d->uuid, &e);
	dyno_free(d);
	*ret_status = x.status;
	return r < 0 ? instance_tell(&e) : true;
}

bool instance_remove(struct instance *in, struct dyno *d)
{
	int status;
	bool good = instance_bury(in, d, &status);

	if (status != 0)
		fprintf(stderr, "library: a dyno ended with status %d\n", status);
	return good && status == 0;
}

static bool instance_end(struct instance *in, struct dyno *d)
{
	struct error e;
	int status;

	if (dyno_kill(in->runtime, d, &e) < 0)
		return instance_tell(&e);
	return instance_await(d) && instance_bury(in, d, &status);
}

bool instance_alive(struct instance *in, size_t n)
{
	bool good = true;

	while (in->n_alive > n)
		good = instance_end(in, in->alive[--in->n_alive]) && good;
	in->alive = xrealloc(in->alive, (n + 1) * sizeof(*in->alive));
	while (in->n_alive < n) {
		struct dyno *d = instance_start(in, "/bin/sleep", "1000000");

		if (!d)
			return false;
		in->alive[in->n_alive++] = d;
	}
	if (n == 0) {
		free(in->alive);
		in->alive = NULL;
	}
	return good;
}
