/*
 * fuzz-api.c - any request at a whole controller in this process: it never fails
 * (500), and what it answers as JSON is JSON.
 *
 * An input is the request line, headers and body as they go over the wire, but
 * with bare newlines; "@webhook@" in the head is the id of the app's webhook. What
 * has an Authorization comes over TCP, all else over the unix socket. The state is
 * small, in memory, and made again now and then; passwords are hashed cheaply.
 *
 * By itself the program runs the files and directories it is given, each as it is
 * and in many mutations. With libFuzzer, in a build tree of CC=clang CFLAGS="-g -O1
 * -fsanitize=fuzzer-no-link" --enable-asan, without a network (unshare -n, lo up):
 *
 *   make libcontroller.a && clang -g -O1 -fsanitize=fuzzer,address,undefined \
 *     -DFUZZ_LIBFUZZER -D_GNU_SOURCE -I$top $top/tests/fuzz/fuzz-api.c \
 *     $top/tests/fuzz/json_mutate.c libcontroller.a libslugstore.a libhttp.a \
 *     libbase.a -lmicrohttpd -lcurl -lgnutls -ljansson -lsystemd -linih -lsqlite3 \
 *     -larchive -lisal -llzma -lseccomp -o fuzz-api
 *   ./fuzz-api -detect_leaks=0 CORPUS $top/tests/fuzz/api
 *
 * (Leaks are found at the exit all the same; to look for them after each input takes
 * twice as long as the input.)
 */
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/root.h"
#include "controller/controller.h"
#include "http/json.h"
#include "tests/fuzz/corpus.h"
#include "tests/fuzz/json_mutate.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <gnutls/crypto.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#define FUZZ_MUTATIONS 8
#define FUZZ_INPUT_MAX (64 * 1024)
#define FUZZ_LIFE 2000			/* requests until all begins anew */
#define FUZZ_TURN_USEC 3000		/* nothing happens: it waits for something */
#define FUZZ_TURNS 2000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t n, size_t max, unsigned seed);
#ifdef FUZZ_LIBFUZZER
size_t LLVMFuzzerMutate(uint8_t *data, size_t n, size_t max);
#endif

/* One per process, as the fuzzer's interface has no object to hand on. */
static struct {
	char dir[64];
	sd_event *event;
	struct root root;
	struct controller_conf conf;
	struct controller *controller;
	char *webhook;
	unsigned calls;
} fuzz;

/* What the inputs find: the app "fuzz" and one of each thing in it. */
static const char *const fuzz_world[] = {
	"PUT /upstream/v1/hosts/h1\n\n{\"boot\":\"6e7f5a52-6c22-4b6c-9a3b-7d9f4b1f8f01\","
	"\"version\":\"1\",\"draining\":false}",
	"POST /apps\n\n{\"name\":\"fuzz\"}",
	"PATCH /apps/fuzz/config-vars\n\n{\"A\":\"1\",\"B\":\"2\"}",
	"POST /apps/fuzz/dynos\n\n{\"command\":\"true\",\"attach\":true}",
	"POST /apps/fuzz/domains\n\n{\"hostname\":\"www.example.com\"}",
	"POST /apps/fuzz/log-drains\n\n{\"url\":\"syslog://example.com:514\"}",
	"POST /apps/fuzz/addons\n\n{\"plan\":\"db:x\",\"name\":\"db-1\","
	"\"config\":{\"url\":\"x\"}}",
	"POST /accounts\n\n{\"email\":\"a@example.com\",\"password\":\"a long one 1\"}",
	"POST /apps/fuzz/collaborators\n\n{\"user\":\"a@example.com\"}",
	"POST /apps/fuzz/webhooks\n\n{\"include\":[\"api:app\"],\"level\":\"notify\","
	"\"url\":\"http://example.com/x\"}",
};

/* A password costs as much as a hundred requests: here it is hashed in one round. */
int gnutls_pbkdf2(gnutls_mac_algorithm_t mac, const gnutls_datum_t *key,
		  const gnutls_datum_t *salt, unsigned rounds, void *ret, size_t n)
{
	static __typeof__(gnutls_pbkdf2) *real;

	if (!real)
		real = (__typeof__(real))dlsym(RTLD_NEXT, "gnutls_pbkdf2");
	assert(real && rounds > 0);
	return real(mac, key, salt, 1, ret, n);
}

/* ---- the wire ---- */

static int fuzz_connect(bool tcp)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct sockaddr_in in = { .sin_family = AF_INET };
	int r, fd = socket(tcp ? AF_INET : AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(un.sun_path, sizeof(un.sun_path), "%s/run/api.sock", fuzz.dir);
	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	in.sin_port = htons((uint16_t)atoi(strrchr(fuzz.controller->base, ':') + 1));
	r = tcp ? connect(fd, (struct sockaddr *)&in, sizeof(in))
		: connect(fd, (struct sockaddr *)&un, sizeof(un));
	assert(r == 0);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}

/* What is there; true: it was the end. */
static bool fuzz_receive(int fd, struct buf *answer)
{
	char piece[16384];
	ssize_t n;

	while ((n = recv(fd, piece, sizeof(piece), 0)) > 0)
		buf_add(answer, piece, (size_t)n);
	return n == 0 || errno != EAGAIN;
}

/* Runs the server until it has closed, or has nothing to do. */
static void fuzz_exchange(int fd, const struct buf *request, struct buf *answer)
{
	size_t sent = 0;
	int idle = 0;

	for (int i = 0; i < FUZZ_TURNS && idle < 2; i++) {
		ssize_t n = sent < request->len
			? send(fd, request->data + sent, request->len - sent,
			       MSG_NOSIGNAL) : 0;

		if (n > 0)
			sent += (size_t)n;
		idle = sd_event_run(fuzz.event, FUZZ_TURN_USEC) > 0 ? 0 : idle + 1;
		if (fuzz_receive(fd, answer))
			return;
	}
}

static void fuzz_judge(struct buf *request, struct buf *answer)
{
	const char *text = buf_str(answer), *sent = buf_str(request);
	const char *body = strstr(text, "\r\n\r\n"), *end;
	auto_json *j = NULL;

	if (str_after(text, "HTTP/1.1 500")) {
		fprintf(stderr, "%s\n---\n%s\n", sent, text);
		abort();
	}
	if (!body || !strstr(text, "application/json") ||
	    strstr(text, "Transfer-Encoding") || str_after(sent, "HEAD"))
		return;
	end = strstr(text, "Content-Length: ");
	body += 4;
	if (!end || strlen(body) != strtoul(end + 16, NULL, 10) || !*body)
		return;
	assert(json_parse(body, strlen(body), &j, NULL) == 0);
}

/* The head with its line ends, and so that the connection ends with the answer. */
static void fuzz_head(const char *data, size_t n, size_t body, struct buf *out)
{
	bool first = true;

	for (size_t at = 0; at < n; first = false) {
		const char *end = memchr(data + at, '\n', n - at), *mark;
		size_t len = end ? (size_t)(end - data) - at : n - at;
		auto_free char *line = xstrndup(data + at, len);

		at += len + 1;
		mark = strstr(line, "@webhook@");
		if (mark && fuzz.webhook)
			buf_addf(out, "%.*s%s%s", (int)(mark - line), line,
				 fuzz.webhook, mark + strlen("@webhook@"));
		else
			buf_addf(out, "%s", line);
		buf_addf(out, "%s\r\n", first ? " HTTP/1.1\r\nHost: x\r\n"
				"Connection: close" : "");
	}
	buf_addf(out, "Content-Length: %zu\r\n\r\n", body);
}

static void fuzz_call(const char *data, size_t n, struct buf *answer)
{
	const char *blank = memmem(data, n, "\n\n", 2);
	size_t head = blank ? (size_t)(blank - data) : n;
	size_t body = blank ? n - head - 2 : 0;
	auto_buf request = BUF_INIT;
	int fd;

	fuzz_head(data, head, body, &request);
	buf_add(&request, data + n - body, body);
	buf_str(&request);
	fd = fuzz_connect(strcasestr(request.data, "\nauthorization:"));
	fuzz_exchange(fd, &request, answer);
	fd_close(fd);
	while (sd_event_run(fuzz.event, 0) > 0)
		;
	fuzz_judge(&request, answer);
}

/* ---- a life ---- */

static void fuzz_end(void)
{
	controller_free(fuzz.controller);
	fuzz.controller = NULL;
	sd_event_unref(fuzz.event);
	root_deinit(&fuzz.root);
	controller_conf_free(&fuzz.conf);
	free(fuzz.webhook);
	fuzz.webhook = NULL;
	file_remove_tree(AT_FDCWD, fuzz.dir, NULL);
}

static void fuzz_populate(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(fuzz_world); i++) {
		auto_buf answer = BUF_INIT;
		const char *body;
		auto_json *j = NULL;

		fuzz_call(fuzz_world[i], strlen(fuzz_world[i]), &answer);
		assert(str_after(buf_str(&answer), "HTTP/1.1 20"));
		body = strstr(answer.data, "\r\n\r\n") + 4;
		if (strstr(fuzz_world[i], "/webhooks") &&
		    json_parse(body, strlen(body), &j, NULL) == 0)
			fuzz.webhook = xstrdup(json_str(j, "id"));
	}
}

static void fuzz_begin(void)
{
	static const char text[] = "port = 0\nhttps = no\nrendezvous-port = 0\n"
		"failed-logins = 0\nrate-limit = 0\n";
	auto_free char *lib = NULL, *run = NULL, *etc = NULL, *file = NULL;
	struct error e;
	int r;

	snprintf(fuzz.dir, sizeof(fuzz.dir), "%s/dyno-fuzz-XXXXXX",
		 access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	assert(mkdtemp(fuzz.dir));
	lib = xasprintf("%s/lib", fuzz.dir);
	run = xasprintf("%s/run", fuzz.dir);
	etc = xasprintf("%s/etc/dyno", fuzz.dir);
	file = xasprintf("%s/controller.conf", etc);
	r = file_make_dirs(lib, 0700, &e);
	if (r == 0)
		r = file_make_dirs(run, 0755, &e);
	if (r == 0)
		r = file_make_dirs(etc, 0755, &e);
	if (r == 0)
		r = file_write_fast(AT_FDCWD, file, text, strlen(text), 0644, &e);
	if (r == 0)
		r = root_init(&fuzz.root, fuzz.dir, &e);
	if (r == 0)
		r = controller_conf_load(&fuzz.conf, &fuzz.root, &e);
	if (r == 0)
		r = loop_new(&fuzz.event, &e);
	if (r == 0)
		r = controller_new(&fuzz.controller, fuzz.event, &fuzz.conf, lib,
				   file, &e);
	if (r == 0)
		r = controller_listen(fuzz.controller, lib, run, &e);
	if (r < 0) {
		fprintf(stderr, "%s\n", e.msg);
		abort();
	}
	fuzz.calls = 0;
	fuzz_populate();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	auto_buf answer = BUF_INIT;

	if (n == 0 || n > FUZZ_INPUT_MAX)
		return 0;
	if (fuzz.controller && ++fuzz.calls > FUZZ_LIFE)
		fuzz_end();
	if (!fuzz.controller) {
		atexit(fuzz_end);
		fuzz_begin();
	}
	fuzz_call((const char *)data, n, &answer);
	return 0;
}

/* ---- mutations ---- */

static size_t fuzz_mutate_body(uint8_t *data, size_t n, size_t max, unsigned seed)
{
	const uint8_t *blank = memmem(data, n, "\n\n", 2);
	size_t at = blank ? (size_t)(blank - data) + 2 : n, len;
	auto_free char *text = NULL;

	if (at < n)
		text = json_mutate((const char *)data + at, n - at, seed | 1);
	if (!text)
		return 0;
	len = strlen(text);
	if (at + len > max)
		return 0;
	memcpy(data + at, text, len);
	return at + len;
}

#ifdef FUZZ_LIBFUZZER
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t n, size_t max, unsigned seed)
{
	size_t r = seed % 2 ? fuzz_mutate_body(data, n, max, seed) : 0;

	return r ? r : LLVMFuzzerMutate(data, n, max);
}
#else
static size_t fuzz_mutate(uint8_t *data, size_t n, int i, uint32_t *x)
{
	static const char likely[] = "/:=,;.*\"@% []{}0123456789abcxyz-_+?&";
	size_t r = corpus_random(x) % 3
		? fuzz_mutate_body(data, n, FUZZ_INPUT_MAX, *x) : 0;

	if (r)
		return r;
	corpus_overwrite(data, n, likely, sizeof(likely) - 1, 8, 4, x);
	return n;
}

int main(int argc, char **argv)
{
	return corpus_run_bytes(argc, argv, &(struct corpus){
		.name = "api", .input_max = FUZZ_INPUT_MAX, .room = FUZZ_INPUT_MAX,
		.mutations = FUZZ_MUTATIONS, .run = LLVMFuzzerTestOneInput,
		.mutate = fuzz_mutate,
	});
}
#endif
