/*
 * views.c - one function per object of the API.
 */
#include "controller/access/accounts.h"
#include "controller/controller_conf.h"
#include "controller/engine.h"
#include "controller/model/addons.h"
#include "controller/model/apps.h"
#include "controller/model/fixed_id.h"
#include "controller/model/live.h"
#include "controller/model/release_switch.h"
#include "controller/model/web_url.h"
#include "controller/api/views.h"

static json_t *views_named(const char *kind, const char *name)
{
	char id[UUID_TEXT_MAX];

	return json_pack("{s:s, s:s}", "id", fixed_id(id, kind, name),
			 "name", name);
}

json_t *views_stack(const char *name)
{
	return views_named("stack", name);
}

json_t *views_region(void)
{
	return views_named("region", APPS_REGION);
}

json_t *views_user(const struct views *v)
{
	const struct principal *by = engine_by(v->g);

	return json_pack("{s:s, s:s}", "id", by->id, "email", by->email);
}

json_t *views_owner(const struct views *v, const json_t *app)
{
	const char *id = apps_owner(v->g, app);
	char email[PRINCIPAL_EMAIL_MAX];

	return json_pack("{s:s, s:s}", "id", id,
			 "email", accounts_email(v->g, id, email));
}

/* Who made it; before that was noted, there was one account only. */
static json_t *views_maker(const struct views *v, const json_t *app,
			   const json_t *made)
{
	json_t *user = json_object_get(made, "user");

	return user ? json_incref(user) : views_owner(v, app);
}

static json_t *views_app_ref(const json_t *app)
{
	return json_pack("{s:O, s:O}", "id", json_object_get(app, "id"),
			 "name", json_object_get(app, "name"));
}

/* Copy members that are there; those that are not become null. */
static void views_copy(json_t *out, const json_t *doc, const char *const *keys,
		       size_t n)
{
	for (size_t i = 0; i < n; i++) {
		json_t *value = json_object_get(doc, keys[i]);

		if (value)
			json_object_set(out, keys[i], value);
		else
			json_object_set_new(out, keys[i], json_null());
	}
}

static void views_nulls(json_t *out, const char *const *keys, size_t n)
{
	for (size_t i = 0; i < n; i++)
		json_object_set_new(out, keys[i], json_null());
}

json_t *views_account(const struct views *v, const json_t *account)
{
	static const char *const none[] = {
		"identity_provider", "last_login", "sms_number", "delinquent_at",
		"country_of_residence",
		"eco_dynos_shutdown_at", "pipeline_cost_consent_at",
		"acknowledged_msa_at", "italian_customer_terms",
		"italian_partner_terms", "mfa_exemption_reason",
		"default_organization", "default_team",
	};
	static const char *const copied[] = { "name", "suspended_at" };
	json_t *out = json_pack(
		"{s:s, s:s, s:s, s:s, s:b, s:b, s:b, s:b, s:b, s:b, s:b, s:b, s:b,"
		" s:s}",
		"id", json_str(account, "id"), "email", json_str(account, "email"),
		"created_at", json_str(account, "created_at"),
		"updated_at", json_str(account, "updated_at"),
		"allow_tracking", 0, "beta", 0, "federated", 0,
		"two_factor_authentication", 0, "verified", 1,
		"eco_dynos_enabled", 1, "acknowledged_msa", 0,
		"mfa_enabled", 0, "mfa_exemption", 0,
		"mfa_experience", "legacy");

	views_copy(out, account, copied, ARRAY_SIZE(copied));
	views_nulls(out, none, ARRAY_SIZE(none));
	return out;
}

json_t *views_app(const struct views *v, const json_t *app)
{
	static const char *const copied[] = {
		"id", "name", "created_at", "updated_at", "maintenance",
		"released_at", "slug_size",
	};
	static const char *const none[] = {
		"archived_at", "base_image_name", "buildpack_provided_description",
		"buildpacks", "internal_routing", "organization", "team", "space",
	};
	const char *name = json_str(app, "name");
	auto_free char *git = xasprintf("%s/%s.git", v->base, name);
	auto_free char *web = web_url_of(v->g->conf, name);
	json_t *out = json_pack("{s:b, s:s, s:s, s:s, s:i, s:o, s:o, s:o, s:o, s:[]}",
		"acm", 0, "generation", "cedar", "git_url", git, "web_url", web,
		"repo_size", 0, "owner", views_owner(v, app), "region", views_region(),
		"stack", views_stack(json_str(app, "stack")),
		"build_stack", views_stack(json_str(app, "build_stack")),
		"current_build_architecture");

	views_copy(out, app, copied, ARRAY_SIZE(copied));
	views_nulls(out, none, ARRAY_SIZE(none));
	return out;
}

json_t *views_release(const struct views *v, const json_t *app,
		      const json_t *release)
{
	static const char *const copied[] = {
		"id", "version", "description", "status", "created_at",
		"updated_at",
	};
	const char *slug = json_str(release, "slug");
	bool current = release_switch_current(app) ==
		       json_int(release, "version", -1);
	bool eligible = slug && str_eq(json_str(release, "status"), "succeeded");
	json_t *out = json_pack("{s:o, s:o, s:[], s:b, s:b, s:n, s:n}",
		"app", views_app_ref(app),
		"user", views_maker(v, app, release),
		"addon_plan_names", "current", current,
		"eligible_for_rollback", eligible, "output_stream_url",
		"oci_image");

	views_copy(out, release, copied, ARRAY_SIZE(copied));
	json_object_set_new(out, "slug", slug ? json_pack("{s:s}", "id", slug)
					      : json_null());
	/* One of ours: why it has failed. */
	if (json_str(release, "failure"))
		json_object_set(out, "failure", json_object_get(release, "failure"));
	json_object_set_new(out, "artifacts", slug ?
		json_pack("[{s:s, s:s}]", "type", "slug", "id", slug) :
		json_array());
	return out;
}

json_t *views_formation(const struct views *v, const json_t *app,
			const json_t *entry)
{
	static const char *const copied[] = {
		"id", "type", "quantity", "size", "command", "created_at",
		"updated_at",
	};
	json_t *out = json_pack("{s:o, s:o}", "app", views_app_ref(app),
		"dyno_size", views_named("size", json_str(entry, "size")));

	views_copy(out, entry, copied, ARRAY_SIZE(copied));
	return out;
}

/* A dyno of a host that nobody hears is down for all that is known. */
const char *views_state(const struct views *v, const json_t *dyno)
{
	const struct live_dyno *d = live_get(v->g->live, json_str(dyno, "id"));
	const char *host = json_str(dyno, "host");

	if (!host || !*host)
		return "down";
	if (live_host_known(v->g->live, host, NULL) &&
	    !live_host_up(v->g->live, host, v->now))
		return "down";
	return d ? d->state : "starting";
}

static void views_live(json_t *out, const struct live_dyno *d)
{
	json_object_set_new(out, "address", d && d->address ?
			    json_string(d->address) : json_null());
	json_object_set_new(out, "port", d && d->port ?
			    json_integer(d->port) : json_null());
	json_object_set_new(out, "exit_status", d && d->exit_status >= 0 ?
			    json_integer(d->exit_status) : json_null());
	json_object_set_new(out, "error", d && d->error ?
			    json_string(d->error) : json_null());
	json_object_set_new(out, "trace", d && json_is_object(d->trace) ?
			    json_incref(d->trace) : json_null());
}

json_t *views_dyno(const struct views *v, const json_t *app,
		   const json_t *dyno, const json_t *release, bool created)
{
	static const char *const copied[] = {
		"id", "name", "type", "size", "command", "created_at",
	};
	const struct live_dyno *d = live_get(v->g->live, json_str(dyno, "id"));
	const char *secret = json_str(dyno, "secret");
	const char *since = d && d->since ? d->since
					  : json_str(dyno, "created_at");
	json_t *out = json_pack("{s:o, s:{s:O?, s:O?}, s:s, s:s, s:n}",
		"app", views_app_ref(app),
		"release", "id", json_object_get(release, "id"),
		"version", json_object_get(release, "version"),
		"state", views_state(v, dyno), "updated_at", since,
		"attach_url");

	views_copy(out, dyno, copied, ARRAY_SIZE(copied));
	views_live(out, d);
	if (created && secret && v->attach) {
		auto_free char *url = xasprintf("%s/%s", v->attach, secret);

		json_object_set_new(out, "attach_url", json_string(url));
	}
	return out;
}

json_t *views_domain(const struct views *v, const json_t *app,
		     const json_t *domain)
{
	static const char *const copied[] = {
		"id", "hostname", "created_at", "updated_at",
	};
	auto_free char *own = xasprintf("%s.%s", json_str(app, "name"),
					v->g->conf->domain);
	json_t *out = json_pack("{s:n, s:n, s:n, s:o, s:s, s:s}",
		"acm_status", "acm_status_reason", "sni_endpoint",
		"app", views_app_ref(app), "kind", domain ? "custom" : "heroku",
		"status", "none");

	views_copy(out, domain ? domain : app, copied, ARRAY_SIZE(copied));
	if (domain) {
		json_object_set_new(out, "cname", json_string(own));
		return out;
	}
	json_object_update_new(out, views_named("domain", own));
	json_object_del(out, "name");
	json_object_set_new(out, "hostname", json_string(own));
	json_object_set_new(out, "cname", json_null());
	return out;
}

/* Nobody is billed. */
static json_t *views_price(void)
{
	return json_pack("{s:i, s:b, s:b, s:s}", "cents", 0, "contract", 0,
			 "metered", 0, "unit", "month");
}

static json_t *views_plan(const struct views *v, const json_t *addon)
{
	const char *at = v->g->account_created;
	const char *name = json_str(addon, "plan");
	json_t *out = views_named("plan", name);

	json_object_update_new(out, json_pack(
		"{s:o, s:s, s:s, s:n, s:b, s:s, s:s, s:b, s:b, s:o, s:b, s:s, s:b}",
		"addon_service", views_named("addon-service",
					     json_str(addon, "service")),
		"created_at", at, "updated_at", at, "compliance", "default", 0,
		"description", "External resource", "human_name", name,
		"installable_inside_private_network", 0,
		"installable_outside_private_network", 1, "price", views_price(),
		"space_default", 0, "state", "public", "visible", 1));
	return out;
}

json_t *views_addon(const struct views *v, const json_t *app,
		    const json_t *addon)
{
	static const char *const copied[] = {
		"id", "name", "created_at", "updated_at",
	};
	json_t *out = json_pack(
		"{s:[], s:o, s:o, s:{s:O, s:O, s:s}, s:o, s:o, s:o, s:O, s:s, s:s, s:n}",
		"actions", "addon_service",
		views_named("addon-service", json_str(addon, "service")),
		"app", views_app_ref(app),
		"billing_entity", "id", json_object_get(app, "id"),
		"name", json_object_get(app, "name"), "type", "app",
		"billed_price", views_price(), "config_vars", addons_vars(addon),
		"plan", views_plan(v, addon),
		"provider_id", json_object_get(addon, "id"),
		"provision_message", "", "state", "provisioned", "web_url");

	views_copy(out, addon, copied, ARRAY_SIZE(copied));
	return out;
}

json_t *views_attachment(const struct views *v, const json_t *app,
			 const json_t *addon, const json_t *attachment)
{
	static const char *const copied[] = {
		"id", "name", "created_at", "updated_at",
	};
	json_t *out = json_pack("{s:{s:O, s:O, s:o}, s:o, s:n, s:n, s:n}",
		"addon", "id", json_object_get(addon, "id"),
		"name", json_object_get(addon, "name"), "app", views_app_ref(app),
		"app", views_app_ref(app), "namespace", "web_url",
		"log_input_url");

	views_copy(out, attachment, copied, ARRAY_SIZE(copied));
	return out;
}

json_t *views_slug(const struct views *v, const json_t *slug,
		   const char *method, const char *url)
{
	static const char *const copied[] = {
		"id", "process_types", "checksum", "commit",
		"commit_description", "buildpack_provided_description", "size",
		"created_at", "updated_at", "deleted_at",
	};
	json_t *out = json_pack("{s:{s:s, s:s}, s:o}",
		"blob", "method", method, "url", url,
		"stack", views_stack(json_str(slug, "stack")));

	views_copy(out, slug, copied, ARRAY_SIZE(copied));
	return out;
}
