/*
 * fake_http.c - a child for each client, one answer each.
 */
#include "base/sock.h"
#include "tests/slugstore/fake_http.h"

#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#define FAKE_HTTP_PIECE 8192

const struct fake_http_way fake_http_ways[] = {
	{ "/slug", "the bytes" },
	{ "/short", "ten bytes too few each time, not to be continued",
	  .more = 10, .silent = true },
	{ "/moved", NULL, .status = "302 Found",
	  .headers = "Location: /slug\r\n" },
	{ "/loop", NULL, .status = "302 Found",
	  .headers = "Location: /loop\r\n" },
	{ "/file", NULL, .status = "302 Found",
	  .headers = "Location: file:///etc/passwd\r\n" },
	{ "/abroad", "localhost is another host than 127.0.0.1",
	  .status = "302 Found", .headers = "Location: http://localhost:@/slug\r\n" },
	{ "/home", "the same host", .status = "307 Temporary Redirect",
	  .headers = "Location: http://127.0.0.1:@/slug\r\n" },
	{ "/link-local", NULL, .status = "302 Found",
	  .headers = "Location: http://169.254.169.254:9/x\r\n" },
	{ "/link-local6", NULL, .status = "302 Found",
	  .headers = "Location: http://[::ffff:169.254.169.254]:9/x\r\n" },
	{ "/fail", NULL, .status = "500 Oops" },
	{ "/gone", NULL, .status = "404 Not Found" },
	{ "/secret", NULL, .status = "401 Unauthorized" },
	{ "/huge", "says 600 MiB", .more = 629145600 },
	{ "/endless", NULL, .endless = true },
	{ "/busy", "twice", .status = "503 Busy", .times = 2,
	  .headers = "Retry-After: 0\r\n" },
	{ "/later", NULL, .status = "503 Busy",
	  .headers = "Retry-After: 3600\r\n" },
	{ "/bad", NULL, .status = "400 Bad" },
	{ "/bad-endless", "a page without end", .status = "400 Bad",
	  .endless = true },
	{ "/gzip", NULL, .headers = "Content-Encoding: gzip\r\n" },
	{ "/cut", "breaks each time", .cut = 100000 },
	{ "/cut-once", NULL, .cut = 100000, .times = 1 },
	{ "/cut-whole", "knows no ranges", .cut = 100000, .times = 1,
	  .no_ranges = true },
	{ "/cut-weak", NULL, .cut = 100000, .times = 1, .etag = "W/\"one\"" },
	{ "/cut-modified", NULL, .cut = 100000, .times = 1, .etag = "",
	  .headers = "Date: Sat, 21 Nov 2026 09:00:00 GMT\r\n"
		     "Last-Modified: Fri, 20 Nov 2026 09:00:00 GMT\r\n" },
	{ "/cut-fresh", "changed in the second of the answer", .cut = 100000,
	  .times = 1, .etag = "",
	  .headers = "Date: Sat, 21 Nov 2026 09:00:00 GMT\r\n"
		     "Last-Modified: Sat, 21 Nov 2026 09:00:00 GMT\r\n" },
	{ "/cut-changed", NULL, .cut = 100000, .times = 1, .numbered = true },
	{ "/cut-wrong", "other bytes at first, of the same ETag", .cut = 100000,
	  .times = 1, .wrong = true },
	{ "/wrong", "other bytes, broken off or not", .wrong = true },
	{ "/cut-deaf", "the same, and If-Range is not heard", .cut = 100000,
	  .times = 1, .numbered = true, .deaf = true },
	{ "/cut-shifted", "ranges that begin elsewhere", .cut = 100000,
	  .times = 1, .shift = 7 },
	{ "/shifted", "and never comes to an end", .cut = 100000, .shift = 7 },
	{ "/slow", NULL, .pause_ms = 100 },
	{ "/more", "says a length that is too large", .more = 1000 },
	{ "/less", "says a length that is too small", .more = -1000 },
	{ NULL },
};

static void fake_http_send(int fd, const char *text)
{
	if (write(fd, text, strlen(text)) < 0)
		return;		/* the client went away: its business */
}

/* "@" is our port. */
static char *fake_http_headers(const struct fake_http_way *w, uint16_t port)
{
	const char *at = w->headers ? strchr(w->headers, '@') : NULL;

	if (!at)
		return xstrdup(w->headers ? w->headers : "");
	return xasprintf("%.*s%u%s", (int)(at - w->headers), w->headers,
			 (unsigned)port, at + 1);
}

static void fake_http_page(int fd, const struct fake_http_way *w, uint16_t port)
{
	auto_free char *headers = fake_http_headers(w, port);
	auto_free char *head = xasprintf("HTTP/1.1 %s\r\n%sContent-Length: 5\r\n"
					 "\r\npage\n", w->status, headers);

	fake_http_send(fd, head);
}

static void fake_http_body(int fd, const struct fake_http_way *w, const char *p,
			   size_t n, struct fake_http_note *note)
{
	const struct timespec pause = {
		.tv_nsec = (long)w->pause_ms * 1000 * 1000,
	};

	while (n || w->endless) {
		size_t want = n < FAKE_HTTP_PIECE && !w->endless
			? n : FAKE_HTTP_PIECE;
		ssize_t r;

		/* Before: the client may be through when write() returns. */
		note->sent += want;
		r = write(fd, p, want);
		if (r <= 0)
			return;
		if (!w->endless) {
			p += r;
			n -= (size_t)r;
		}
		if (w->pause_ms)
			nanosleep(&pause, NULL);
	}
}

static char *fake_http_read(int slug_fd, const struct fake_http_way *w,
			    size_t *ret_size)
{
	struct stat st;
	char *body;

	assert(fstat(slug_fd, &st) == 0);
	*ret_size = (size_t)st.st_size;
	body = xmalloc(*ret_size);
	assert(pread(slug_fd, body, *ret_size, 0) == st.st_size);
	for (size_t i = 0; w->wrong && i < *ret_size; i++)
		body[i] ^= 1;
	return body;
}

static void fake_http_slug(int fd, const struct fake_http_way *w, int slug_fd,
			   unsigned count, struct fake_http_note *note)
{
	auto_free char *head = NULL, *body = NULL, *etag = NULL, *length = NULL;
	char range[100] = "";
	size_t size, first = 0, n;
	bool part;

	body = fake_http_read(slug_fd, w, &size);
	etag = w->silent || (w->etag && !*w->etag) ? xstrdup("") :
	       w->numbered ? xasprintf("\"%u\"", count) :
	       xstrdup(w->etag ? w->etag : "\"one\"");
	part = note->ranged && !w->no_ranges && note->first < size &&
	       (w->deaf || !*note->if_range || !*etag || str_eq(note->if_range, etag));
	if (part) {
		first = (size_t)note->first;
		snprintf(range, sizeof(range), "Content-Range: bytes %ld-%zu/%zu"
			 "\r\n", (long)first + w->shift, size - 1, size);
	} else if (note->ranged && note->first == size && !w->no_ranges) {
		head = xasprintf("HTTP/1.1 416 Range\r\nContent-Range: bytes */"
				 "%zu\r\nContent-Length: 0\r\n\r\n", size);
		fake_http_send(fd, head);
		return;
	}
	n = size - first;
	length = w->endless ? xstrdup("")
			    : xasprintf("Content-Length: %ld\r\n",
					(long)n + w->more);
	head = xasprintf("HTTP/1.1 %s\r\n%s%s%s%s%s%s\r\n",
			 w->status ? w->status :
			 part ? "206 Partial Content" : "200 OK", length, range,
			 *etag ? "ETag: " : "", etag, *etag ? "\r\n" : "",
			 w->headers ? w->headers : "");
	fake_http_send(fd, head);
	if (w->cut && n > w->cut && (!w->times || count < (unsigned)w->times))
		n = w->cut;
	fake_http_body(fd, w, body + first, n, note);
}

/* What a header of the request says, up to the end of its line. */
static void fake_http_header(const char *request, const char *name, char *out,
			     size_t max)
{
	const char *at = strstr(request, name);
	size_t n = at ? strcspn(at += strlen(name), "\r") : 0;

	snprintf(out, max, "%.*s", (int)n, at ? at : "");
}

/* The note of this request; *ret_count = those to the same path before it. */
static struct fake_http_note *fake_http_remember(struct fake_http_log *log,
						 const char *request,
						 unsigned *ret_count)
{
	unsigned i = __atomic_fetch_add(&log->n, 1, __ATOMIC_SEQ_CST);
	struct fake_http_note *note = &log->notes[i % FAKE_HTTP_NOTES];
	char range[40], token[20];

	assert(i < FAKE_HTTP_NOTES);
	snprintf(note->path, sizeof(note->path), "%.*s",
		 (int)strcspn(request + 4, " "), request + 4);
	fake_http_header(request, "\r\nRange: bytes=", range, sizeof(range));
	fake_http_header(request, "\r\nX-Token: ", token, sizeof(token));
	fake_http_header(request, "\r\nIf-Range: ", note->if_range,
			 sizeof(note->if_range));
	note->ranged = *range;
	note->first = strtoull(range, NULL, 10);
	note->token = *token;
	*ret_count = 0;
	for (unsigned k = 0; k < i; k++)
		*ret_count += str_eq(log->notes[k].path, note->path);
	return note;
}

static void fake_http_answer(const struct fake_http *h, int fd,
			     const char *request, int slug_fd)
{
	static const struct fake_http_way plain = { "", NULL };
	const struct fake_http_way *w = fake_http_ways;
	unsigned count;
	struct fake_http_note *note;

	if (!str_after(request, "GET "))
		return;
	note = fake_http_remember(h->log, request, &count);
	while (w->path && !str_eq(w->path, note->path))
		w++;
	if (!w->path)
		return;
	if (strstr(request, "\r\nX-Token: t0ps3cret\r\n") && w->status &&
	    str_eq(w->path, "/secret"))
		w = &plain;
	/* What breaks a few times only is whole again then. */
	if (w->times && count >= (unsigned)w->times && (w->status || w->wrong))
		w = &plain;
	if (w->status && !w->endless)
		fake_http_page(fd, w, h->port);
	else
		fake_http_slug(fd, w, slug_fd, count, note);
}

static void fake_http_client(const struct fake_http *h, int fd, int slug_fd)
{
	char request[4096];
	size_t n = 0;

	while (n < sizeof(request) - 1) {
		ssize_t r = read(fd, request + n, sizeof(request) - 1 - n);

		if (r <= 0)
			return;
		n += (size_t)r;
		request[n] = '\0';
		if (strstr(request, "\r\n\r\n"))
			break;
	}
	fake_http_answer(h, fd, request, slug_fd);
}

static _Noreturn void fake_http_serve(const struct fake_http *h, int tcp_fd,
				      int unix_fd, int slug_fd)
{
	struct pollfd p[2] = {
		{ .fd = tcp_fd, .events = POLLIN },
		{ .fd = unix_fd, .events = POLLIN },
	};

	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_IGN);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		poll(p, 2, -1);
		for (int i = 0; i < 2; i++) {
			auto_close int fd = p[i].revents & POLLIN
				? accept(p[i].fd, NULL, NULL) : -1;

			if (fd < 0 || fork() != 0)
				continue;
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
			fake_http_client(h, fd, slug_fd);
			shutdown(fd, SHUT_RDWR);
			_exit(0);
		}
	}
}

void fake_http_start(struct fake_http *h, const char *unix_path, int slug_fd)
{
	auto_close int tcp_fd = sock_listen_tcp("127.0.0.1", 0, &h->port, NULL);
	auto_close int unix_fd = sock_listen_unix(unix_path, 0600, NULL);

	assert(tcp_fd >= 0 && unix_fd >= 0);
	h->log = mmap(NULL, sizeof(*h->log), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert(h->log != MAP_FAILED);
	h->pid = fork();
	assert(h->pid >= 0);
	if (h->pid == 0)
		fake_http_serve(h, tcp_fd, unix_fd, slug_fd);
}

void fake_http_stop(struct fake_http *h)
{
	kill(h->pid, SIGKILL);
	waitpid(h->pid, NULL, 0);
	munmap(h->log, sizeof(*h->log));
}
