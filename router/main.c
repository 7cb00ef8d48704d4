/*
 * main.c - dyno-router: configuration, the listening socket, who we are, and
 * the loop. The socket is bound while we may still be root.
 */
#include "base/buf.h"
#include "base/conf.h"
#include "base/error.h"
#include "base/fdstore.h"
#include "base/file.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/process.h"
#include "base/root.h"
#include "base/sock.h"
#include "router/router.h"

#include <fcntl.h>
#include <getopt.h>
#include <grp.h>
#include <stdio.h>
#include <sys/prctl.h>

#define PORT_KEPT_TRIES 20
#define PORT_KEPT_PAUSE_USEC 100000

struct settings {
	char *user, *address, *haproxy;
	uint64_t port;
};

static const struct conf_key keys[] = {
	{ "user", CONF_STRING, offsetof(struct settings, user), 0, 0, "dyno",
	  "the user that the router and HAProxy run as" },
	{ "listen-address", CONF_STRING, offsetof(struct settings, address), 0, 0,
	  "127.0.0.1", "the IPv4 address that takes requests" },
	{ "port", CONF_UINT, offsetof(struct settings, port), 0, 65535, "8080",
	  "the port that takes requests; 0 picks a free one and keeps it" },
	{ "haproxy", CONF_STRING, offsetof(struct settings, haproxy), 0, 0,
	  "/usr/sbin/haproxy", "the path of HAProxy" },
};

static void print_usage(FILE *f)
{
	fprintf(f, "usage: dyno-router [--root DIR]\n\n"
		"  --root DIR  everything is below DIR\n"
		"  --help      print this\n"
		"  --version   print the version\n\n"
		"keys of DIR/etc/dyno/router.conf:\n");
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		fprintf(f, "  %-15s %s (default %s)\n", keys[i].name,
			keys[i].doc, keys[i].def);
}

/* Returns -1 to go on, else the exit status. */
static int parse_options(int argc, char **argv, const char **ret_root)
{
	static const struct option options[] = {
		{ "root", required_argument, NULL, 'r' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'v' },
		{ 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (c == 'r') {
			*ret_root = optarg;
		} else if (c == 'h') {
			print_usage(stdout);
			return 0;
		} else if (c == 'v') {
			printf("dyno-router %s\n", DYNO_VERSION);
			return 0;
		} else {
			return 2;
		}
	}
	if (optind == argc)
		return -1;
	print_usage(stderr);
	return 2;
}

/* The port of the last time, or 0. */
static uint16_t kept_port(const char *path)
{
	auto_buf text = BUF_INIT;
	unsigned long port;

	if (file_read(AT_FDCWD, path, 16, &text, NULL) < 0)
		return 0;
	port = strtoul(buf_str(&text), NULL, 10);
	return port <= 65535 ? (uint16_t)port : 0;
}

/* A port that we had may still be held by what is just ending. */
static int listen_kept(const char *address, uint16_t port)
{
	int fd = -1;

	for (int i = 0; port && i < PORT_KEPT_TRIES; i++) {
		fd = sock_listen_tcp(address, port, NULL, NULL);
		if (fd != -EADDRINUSE)
			return fd;
		usleep(PORT_KEPT_PAUSE_USEC);
	}
	return -1;
}

/* Under systemd the socket outlives us: whoever connects meanwhile waits. */
static int listen_socket(const struct settings *s, const struct root *root,
			 int *ret_fd, struct error *e)
{
	auto_free char *path = xasprintf("%s/router/port", root->run);
	uint16_t port = (uint16_t)s->port;
	int fd = fdstore_take_tcp("router", s->address, port, &port);

	if (fd >= 0) {
		*ret_fd = fd;
		return port;
	}
	if (!port) {
		port = kept_port(path);
		fd = listen_kept(s->address, port);
		port = fd >= 0 ? port : 0;
	}
	if (fd < 0)
		fd = sock_listen_tcp(s->address, port, &port, e);
	if (fd < 0)
		return fd;
	fdstore_keep("router", fd);
	*ret_fd = fd;
	return port;
}

static int write_port(const struct root *root, int port, struct error *e)
{
	auto_free char *path = xasprintf("%s/router/port", root->run);
	auto_free char *text = xasprintf("%d\n", port);

	return file_write_fast(AT_FDCWD, path, text, strlen(text), 0644, e);
}

static int become_user(const struct settings *s, uid_t uid, gid_t gid,
		       struct error *e)
{
	if (geteuid() != 0 || !uid)
		return 0;
	if (setgroups(0, NULL) < 0 || setresgid(gid, gid, gid) < 0 ||
	    setresuid(uid, uid, uid) < 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return error_sys(e, "become user %s", s->user);
	return 0;
}

static int serve(const struct settings *s, const struct root *root,
		 struct error *e)
{
	auto_(router_free_p) struct router *router = NULL;
	struct router_spec spec = { .root = root, .haproxy = s->haproxy };
	auto_free char *status = NULL;
	auto_close int fd = -1;
	sd_event *event = NULL;
	int r, port = 0;
	uid_t uid = 0;
	gid_t gid = 0;

	/* The layout is made by whoever of this package comes first as root. */
	r = geteuid() == 0 ? process_user(s->user, &uid, &gid, e) : 0;
	if (r >= 0 && geteuid() == 0)
		r = root_prepare(root, uid, gid, e);
	if (r >= 0)
		port = r = listen_socket(s, root, &fd, e);
	if (r >= 0)
		r = become_user(s, uid, gid, e);
	if (r >= 0)
		r = write_port(root, port, e);
	if (r >= 0)
		r = loop_new(&event, e);
	if (r < 0)
		return r;
	spec.listen_fd = fd;
	r = router_new(&router, event, &spec, e);
	if (r >= 0) {
		status = xasprintf("routing on %s:%d", s->address, port);
		loop_ready(status);
		r = loop_run(event, e);
	}
	router = router_free(router);
	sd_event_unref(event);
	return r;
}

static int run(const char *dir, struct error *e)
{
	struct settings s = { 0 };
	struct root root = ROOT_INIT;
	int r;

	conf_defaults(keys, ARRAY_SIZE(keys), &s);
	r = root_init(&root, dir, e);
	if (r >= 0)
		r = conf_load(keys, ARRAY_SIZE(keys), &s, root.etc, "router", e);
	if (r >= 0)
		r = serve(&s, &root, e);
	conf_free(keys, ARRAY_SIZE(keys), &s);
	root_deinit(&root);
	return r;
}

int main(int argc, char **argv)
{
	const char *dir = NULL;
	struct error e;
	int r = parse_options(argc, argv, &dir);

	if (r >= 0)
		return r;
	log_open("dyno-router");
	r = run(dir, &e);
	if (r < 0)
		log_err("%s", e.msg);
	return r < 0 ? 1 : r;
}
