/*
 * Two keys have a default that depends on whose instance it is: the one of the
 * system is number 0 and may route; a private one below --root takes any free
 * number and leaves the machine's settings alone.
 */
#include "base/conf.h"
#include "base/error.h"
#include "base/process.h"
#include "base/root.h"
#include "manager/dynod/dynod_conf.h"

#include <stdio.h>

#define DYNOD_INSTANCES 64

static const struct conf_key dynod_conf_keys[] = {
	{ "user", CONF_STRING, offsetof(struct dynod_conf, user), 0, 0, "dyno",
	  "whose the supervisor and the slugs are: a name or a number" },
	{ "instance", CONF_STRING, offsetof(struct dynod_conf, instance_text),
	  0, 0, NULL,
	  "number 0 to 63 of this instance on the machine, or auto" },
	{ "stack", CONF_STRING, offsetof(struct dynod_conf, stack), 0, 0, "host",
	  "base image of all dynos: host, or a name in var/lib/dyno/stacks" },
	{ "dns", CONF_STRING, offsetof(struct dynod_conf, dns), 0, 0, NULL,
	  "name servers for dynos, separated by blanks; default: the host's" },
	{ "allowed", CONF_STRING, offsetof(struct dynod_conf, allowed), 0, 0, NULL,
	  "networks that dynos may reach in any case, separated by blanks" },
	{ "ip-forward", CONF_STRING, offsetof(struct dynod_conf, ip_forward_text),
	  0, 0, "auto",
	  "may switch on net.ipv4.ip_forward: yes, no or auto" },
	{ "slug-images", CONF_BOOL, offsetof(struct dynod_conf, slug_images),
	  0, 0, "no",
	  "may slugs be erofs or squashfs images, which the kernel reads as root" },
	{ "supervisor", CONF_STRING, offsetof(struct dynod_conf, supervisor),
	  0, 0, NULL, "path of the supervisor program" },
};

static int dynod_conf_instance(struct dynod_conf *conf, bool private,
			       struct error *e)
{
	const char *text = conf->instance_text;
	unsigned long n;
	char *end;

	if (!text) {
		conf->instance = private ? -1 : 0;
		return 0;
	}
	if (str_eq(text, "auto")) {
		conf->instance = -1;
		return 0;
	}
	n = strtoul(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end || n >= DYNOD_INSTANCES)
		return error_set(e, EINVAL, "instance = %s: allowed are auto and "
				 "0 to %d", text, DYNOD_INSTANCES - 1);
	conf->instance = (int)n;
	return 0;
}

static int dynod_conf_forward(struct dynod_conf *conf, bool private,
			      struct error *e)
{
	const char *text = conf->ip_forward_text;

	if (str_eq(text, "auto"))
		conf->ip_forward = !private;
	else if (str_eq(text, "yes") || str_eq(text, "no"))
		conf->ip_forward = str_eq(text, "yes");
	else
		return error_set(e, EINVAL, "ip-forward = %s: allowed are yes, no "
				 "and auto", text);
	return 0;
}

static int dynod_conf_resolve(struct dynod_conf *conf, bool private,
			      struct error *e)
{
	int r;

	r = dynod_conf_instance(conf, private, e);
	if (r >= 0)
		r = dynod_conf_forward(conf, private, e);
	if (r >= 0)
		r = process_user(conf->user, &conf->uid, &conf->gid, e);
	if (r >= 0 && conf->uid == 0)
		r = error_set(e, EINVAL, "user = %s: the supervisor must not be "
			      "root", conf->user);
	if (r < 0)
		return r;

	if (!conf->supervisor)
		conf->supervisor = process_sibling("dyno-supervisor");
	if (conf->supervisor[0] != '/')
		return error_set(e, EINVAL, "supervisor = %s: not an absolute path",
				 conf->supervisor);
	return 0;
}

int dynod_conf_load(struct dynod_conf *conf, const struct root *root,
		    struct error *e)
{
	int r;

	conf_defaults(dynod_conf_keys, ARRAY_SIZE(dynod_conf_keys), conf);
	r = conf_load(dynod_conf_keys, ARRAY_SIZE(dynod_conf_keys), conf,
		      root->etc, "dynod", e);
	if (r < 0)
		return r;
	r = dynod_conf_resolve(conf, root->dir[0], e);
	return error_prefix(e, r, "%s/dynod.conf", root->etc);
}

void dynod_conf_deinit(struct dynod_conf *conf)
{
	conf_free(dynod_conf_keys, ARRAY_SIZE(dynod_conf_keys), conf);
}
