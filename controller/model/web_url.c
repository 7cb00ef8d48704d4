/*
 * web_url.c - scheme, host and port.
 *
 * The port is read each time: the router may start later, or anew on another one.
 */
#include "base/buf.h"
#include "base/file.h"
#include "controller/controller_conf.h"
#include "controller/model/web_url.h"

#include <fcntl.h>

#define PORT_FILE_MAX 16
#define PORT_HTTP 80
#define PORT_HTTPS 443

/* 0 = not known. */
static unsigned long web_url_port(const struct controller_conf *conf)
{
	auto_buf text = BUF_INIT;
	unsigned long port;

	if (conf->web_port)
		return conf->web_port;
	if (!conf->router_port_file ||
	    file_read(AT_FDCWD, conf->router_port_file, PORT_FILE_MAX, &text, NULL) < 0)
		return 0;
	port = strtoul(buf_str(&text), NULL, 10);
	return port <= UINT16_MAX ? port : 0;
}

char *web_url_of(const struct controller_conf *conf, const char *app)
{
	unsigned long port = web_url_port(conf);

	if (port == PORT_HTTPS)
		return xasprintf("https://%s.%s/", app, conf->domain);
	if (!port || port == PORT_HTTP)
		return xasprintf("http://%s.%s/", app, conf->domain);
	return xasprintf("http://%s.%s:%lu/", app, conf->domain, port);
}
