/*
 * instance_identity.c - put CA, certificate and their files together.
 */
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/loop.h"
#include "controller/access/authority.h"
#include "controller/access/certificate.h"
#include "controller/access/instance_identity.h"
#include "http/tls_identity.h"

#include <fcntl.h>
#include <signal.h>

#define DAY_USEC (24 * 3600 * USEC_PER_SEC)

struct instance_identity {
	sd_event *event;		/* borrowed */
	struct authority *authority;
	struct tls_identity *tls;
	char *own_path;			/* NULL: the operator's is shown */
	char *names;
	sd_event_source *daily, *hup;
};

static void on_identity_change(const struct error *e, void *userdata)
{
	if (e)
		log_err("certificate: %s, going on with the old one", e->msg);
	else
		log_info("certificate: the changed files are in use");
}

static int on_identity_hup(sd_event_source *src, const struct signalfd_siginfo *si,
			   void *userdata)
{
	struct instance_identity *i = userdata;
	struct error e;
	int r = tls_identity_reload(i->tls, &e);

	on_identity_change(r < 0 ? &e : NULL, i);
	return 0;
}

/* What it writes is noticed by the next connection. */
static int on_identity_daily(sd_event_source *src, uint64_t usec, void *userdata)
{
	struct instance_identity *i = userdata;
	struct error e;

	if (certificate_ensure(i->authority, i->own_path, i->names, &e) < 0)
		log_err("renew the certificate: %s, will retry", e.msg);
	loop_timer(i->event, &i->daily, DAY_USEC, on_identity_daily, i,
		   "certificate", NULL);
	return 0;
}

static int identity_files(struct instance_identity *i,
			  const struct instance_identity_spec *spec,
			  struct error *e)
{
	const char *pem;
	int r = authority_open(&i->authority, spec->dir, e);

	if (r < 0)
		return r;
	pem = authority_pem(i->authority);
	r = file_write_fast(AT_FDCWD, spec->ca_path, pem, strlen(pem), 0644, e);
	if (r < 0 || spec->certificate_file)
		return r;
	i->own_path = xasprintf("%s/server.pem", spec->dir);
	r = certificate_ensure(i->authority, i->own_path, spec->names, e);
	return r < 0 ? r : loop_timer(i->event, &i->daily, DAY_USEC,
				      on_identity_daily, i, "certificate", e);
}

static int identity_watch(struct instance_identity *i, struct error *e)
{
	sigset_t set;
	int r;

	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	r = sd_event_add_signal(i->event, &i->hup, SIGHUP, on_identity_hup, i);
	if (r < 0)
		return error_ret(e, r, "wait for SIGHUP");
	sd_event_source_set_description(i->hup, "reload of the certificate");
	return 0;
}

int instance_identity_new(struct instance_identity **ret, sd_event *event,
			  const struct instance_identity_spec *spec,
			  struct error *e)
{
	auto_(instance_identity_free_p) struct instance_identity *i =
		xcalloc(1, sizeof(*i));
	auto_free char *ca = xasprintf("%s/ca.pem", spec->dir);
	int r;

	i->event = event;
	i->names = xstrdup(spec->names);
	r = identity_files(i, spec, e);
	if (r == 0)
		r = tls_identity_new(&i->tls, &(struct tls_creds_spec){
			.cert_file = i->own_path ? i->own_path
						 : spec->certificate_file,
			.key_file = i->own_path ? NULL : spec->key_file,
			.ca_file = spec->client_ca_file ? spec->client_ca_file : ca,
		}, e);
	if (r == 0)
		r = identity_watch(i, e);
	if (r < 0)
		return r;
	tls_identity_on_change(i->tls, on_identity_change, i);
	*ret = take_ptr(i);
	return 0;
}

struct instance_identity *instance_identity_free(struct instance_identity *i)
{
	if (!i)
		return NULL;
	i->daily = loop_unref(i->daily);
	i->hup = loop_unref(i->hup);
	tls_identity_free(i->tls);
	authority_free(i->authority);
	free(i->own_path);
	free(i->names);
	free(i);
	return NULL;
}

struct tls_identity *instance_identity_tls(struct instance_identity *i)
{
	return i->tls;
}

struct authority *instance_identity_authority(struct instance_identity *i)
{
	return i->authority;
}
