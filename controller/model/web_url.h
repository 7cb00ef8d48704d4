#pragma once

/*
 * web_url.h - where a browser finds an app.
 *
 * The router stands on the controller's machine, and writes down the port that it has
 * got. Who puts a proxy before it says the proxy's port instead (web-port).
 */
#include "base/base.h"

struct controller_conf;

/* "http://NAME.DOMAIN:PORT/" without the port if it is 80, or not known because there
 * is no router; "https://NAME.DOMAIN/" if it is 443. The caller frees. */
char *web_url_of(const struct controller_conf *conf, const char *app);
