/*
 * api_certificates.c - the instance's CA for everybody, and certificates by which
 * worker hosts show who they are.
 */
#include "base/buf.h"
#include "base/error.h"
#include "base/log.h"
#include "controller/access/authority.h"
#include "controller/access/instance_identity.h"
#include "controller/access/principal.h"
#include "controller/api/api_handlers.h"
#include "controller/model/names.h"
#include "controller/model/outcome.h"

#include <inttypes.h>

#define DAY_SEC (24 * 3600LL)
#define DAYS_DEFAULT 397
#define DAYS_MAX 3650

static int ca_call(struct api_call *call, struct error *e)
{
	const char *pem = authority_pem(instance_identity_authority(
		call->c->identity));

	http_reply_text(call->req, 200, "application/x-pem-file", pem,
			strlen(pem));
	call->taken = true;
	return 0;
}

/* A private key goes along: never in the clear. */
static bool certificate_is_private(const struct api_call *call)
{
	return http_request_is_tls(call->req) || http_request_peer(call->req, NULL);
}

/* A token that is revoked must leave nothing behind that goes on. */
static int certificate_may(const struct principal *p, int64_t days,
			   struct error *e)
{
	if (p->scope != PRINCIPAL_HOST)
		return 0;
	if (*p->token)
		return outcome_set(e, OUTCOME_FORBIDDEN, "A token makes no "
			"certificate: only root, the service user, and a host's "
			"own certificate do.");
	if (days > DAYS_DEFAULT)
		return outcome_set(e, OUTCOME_FORBIDDEN, "A host renews its "
				   "certificate for at most %d days.", DAYS_DEFAULT);
	return 0;
}

static int certificate_call(struct api_call *call, struct error *e)
{
	struct authority *a = instance_identity_authority(call->c->identity);
	const char *host = http_request_param(call->req, "host");
	int64_t days = json_int(call->body, "days", DAYS_DEFAULT);
	auto_buf pem = BUF_INIT;
	int r;

	if (!names_host_ok(host))
		return outcome_set(e, OUTCOME_INVALID,
				   "This is not a name for a host.");
	if (days < 1 || days > DAYS_MAX)
		return outcome_set(e, OUTCOME_INVALID,
				   "The days have to be between 1 and %d.", DAYS_MAX);
	r = certificate_may(call->principal, days, e);
	if (r != 0)
		return r;
	if (!certificate_is_private(call))
		return outcome_set(e, OUTCOME_FORBIDDEN, "A key is told over TLS and "
				   "the unix socket only.");
	r = authority_sign_client(a, host, days * DAY_SEC, &pem, e);
	if (r < 0)
		return r;
	log_info("host %s: signed a certificate for %" PRId64 " days", host, days);
	call->status = 201;
	call->reply = json_pack("{s:s, s:s, s:s, s:I}", "host", host,
				"certificate", buf_str(&pem), "ca", authority_pem(a),
				"days", (json_int_t)days);
	explicit_bzero(pem.data, pem.len);
	return 0;
}

API_HANDLER(api_ca, ca_call, 0)
API_HANDLER(api_host_certificate, certificate_call, API_BODY)
