/*
 * sandbox_address.c - where the parts of a running sandbox can be reached: the
 * ports were chosen by the programs, which wrote them down in run/.
 */
#include "cli/sandbox/sandbox.h"

#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "base/process.h"
#include "cli/app/config.h"
#include "cli/cli.h"

#include <fcntl.h>
#include <stdio.h>

#define SANDBOX_ADDRESS_MAX 4096

void sandbox_address_deinit(struct sandbox_address *a)
{
	free(a->api_url);
	free(a->api_socket);
	free(a->token);
	free(a->ca_file);
	free(a->router_url);
	*a = SANDBOX_ADDRESS_INIT;
}

/* The first line of a small file, NULL if there is none. */
static char *sandbox_address_line(const char *dir, const char *name)
{
	auto_free char *path = xasprintf("%s/%s", dir, name);
	auto_buf text = BUF_INIT;
	size_t n;

	if (file_read(AT_FDCWD, path, SANDBOX_ADDRESS_MAX, &text, NULL) < 0)
		return NULL;
	n = strcspn(buf_str(&text), "\r\n");
	return n > 0 ? xstrndup(text.data, n) : NULL;
}

static char *sandbox_address_url(const char *dir, const char *name)
{
	auto_free char *text = sandbox_address_line(dir, name);
	long port;

	if (!text || !cli_number(text, 1, 65535, &port))
		return NULL;
	return xasprintf("http://127.0.0.1:%ld", port);
}

static char *sandbox_address_file(const char *dir, const char *name)
{
	auto_free char *path = xasprintf("%s/%s", dir, name);

	return access(path, F_OK) == 0 ? take_ptr(path) : NULL;
}

void sandbox_address_find(struct sandbox_address *ret, const struct root *root)
{
	*ret = (struct sandbox_address){
		.api_url = sandbox_address_url(root->run, "controller/port"),
		.api_socket = sandbox_address_file(root->run, "api.sock"),
		.token = sandbox_address_line(root->lib, "controller/token"),
		.ca_file = sandbox_address_file(root->run, "controller/ca.pem"),
		.router_url = sandbox_address_url(root->run, "router/port"),
	};
}

static void sandbox_address_export(struct buf *out, const char *key,
				   const char *value)
{
	auto_free char *quoted = value ? config_shell_quote(value) : NULL;

	if (quoted)
		buf_addf(out, "export %s=%s\n", key, quoted);
}

int sandbox_address_write(const struct sandbox_address *a,
			  const struct root *root, struct error *e)
{
	auto_free char *path = xasprintf("%s/env", root->dir);
	auto_free char *programs = process_sibling("dynoctl");
	auto_buf out = BUF_INIT;

	buf_adds(&out, "# Leads to the sandbox: read it with \".\" in a shell.\n");
	sandbox_address_export(&out, "HEROKU_HOST", a->api_url);
	sandbox_address_export(&out, "HEROKU_API_KEY", a->token);
	sandbox_address_export(&out, "HEROKU_PARTICLEBOARD_URL", a->api_url);
	sandbox_address_export(&out, "NODE_EXTRA_CA_CERTS", a->ca_file);
	sandbox_address_export(&out, "DYNO_API_SOCKET", a->api_socket);
	sandbox_address_export(&out, "DYNO_ROUTER_URL", a->router_url);
	sandbox_address_export(&out, "DYNO_ROOT", root->dir);
	*strrchr(programs, '/') = '\0';
	buf_addf(&out, "case :$PATH: in *:'%s':*) ;; *) export PATH='%s':\"$PATH\" "
		 ";; esac\n", programs, programs);
	return file_write_atomic(AT_FDCWD, path, out.data, out.len, 0600, e);
}
