#include "runtime/dynorun/dynorun_process.h"

#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"

#include <fcntl.h>
#include <stdio.h>
#include <strings.h>
#include <sys/capability.h>

void dynorun_process_deinit(struct dynorun_process *p)
{
	strv_deinit(&p->env);
	free(p->groups);
	oci_free(p->file);
	*p = (struct dynorun_process){ 0 };
}

int dynorun_process_load(struct dynorun_process *ret, const char *path,
			 struct error *e)
{
	auto_buf text = BUF_INIT;
	int r;

	*ret = (struct dynorun_process){ 0 };
	r = file_read(AT_FDCWD, str_eq(path, "-") ? "/dev/stdin" : path,
		      OCI_CONFIG_MAX, &text, e);
	if (r == 0)
		r = error_prefix(e, oci_parse_process(&ret->file, buf_str(&text),
						      text.len, e), "%s", path);
	if (r == 0)
		ret->process = ret->file->process;
	return r;
}

static bool process_number(const char *text, size_t len, uint32_t *ret)
{
	uint64_t x = 0;

	if (len == 0 || len > 10)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		x = x * 10 + (uint64_t)(text[i] - '0');
	}
	*ret = (uint32_t)x;
	return x < UINT32_MAX;
}

/* "UID" or "UID:GID": names are the container's, and it is not asked. */
static int process_user(struct oci_process *p, const char *user, struct error *e)
{
	size_t len;

	if (!user)
		return 0;
	len = strcspn(user, ":");
	if (!process_number(user, len, &p->uid) ||
	    (user[len] && !process_number(user + len + 1, strlen(user + len + 1),
					  &p->gid)))
		return error_set(e, EINVAL, "--user: \"%s\" has not the form "
				 "UID[:GID]", user);
	return 0;
}

static int process_groups(struct dynorun_process *p,
			  const struct dynorun_list *gids, struct error *e)
{
	size_t n = p->process.n_groups;

	if (gids->n == 0)
		return 0;
	p->groups = xcalloc(n + gids->n, sizeof(*p->groups));
	if (n > 0)
		memcpy(p->groups, p->process.groups, n * sizeof(*p->groups));
	for (size_t i = 0; i < gids->n; i++)
		if (!process_number(gids->v[i], strlen(gids->v[i]),
				    &p->groups[n + i]))
			return error_set(e, EINVAL, "--additional-gids: \"%s\" is "
					 "no number", gids->v[i]);
	p->process.groups = p->groups;
	p->process.n_groups = n + gids->n;
	return 0;
}

static void process_caps(struct dynorun_process *ret,
			 const struct dynorun_list *caps)
{
	struct oci_process *p = &ret->process;

	for (size_t i = 0; i < caps->n; i++) {
		bool whole = strncasecmp(caps->v[i], "CAP_", 4) == 0;
		auto_free char *name = xasprintf("%s%s", whole ? "" : "CAP_",
						 caps->v[i]);
		cap_value_t cap;

		if (cap_from_name(name, &cap) < 0 || cap >= 64) {
			ret->unknown_cap = caps->v[i];
			continue;
		}
		p->has_capabilities = true;
		p->capabilities.bounding |= UINT64_C(1) << cap;
		p->capabilities.effective |= UINT64_C(1) << cap;
		p->capabilities.permitted |= UINT64_C(1) << cap;
	}
}

static int process_env(struct dynorun_process *p, const struct dynorun_list *env,
		       struct error *e)
{
	const struct oci_strings *base = &p->process.env;

	if (env->n == 0)
		return 0;
	for (size_t i = 0; i < base->n; i++)
		strv_add(&p->env, base->v[i]);
	for (size_t i = 0; i < env->n; i++) {
		const char *equals = strchr(env->v[i], '=');
		auto_free char *key = NULL;

		if (!equals || equals == env->v[i])
			return error_set(e, EINVAL, "--env: \"%s\" has not the form "
					 "NAME=VALUE", env->v[i]);
		key = xstrndup(env->v[i], (size_t)(equals - env->v[i]));
		strv_setenv(&p->env, key, equals + 1);
	}
	p->process.env = (struct oci_strings){ (const char *const *)p->env.v,
					       p->env.n };
	return 0;
}

int dynorun_process_change(struct dynorun_process *ret,
			   const struct oci_process *base,
			   const struct dynorun_process_changes *c,
			   struct error *e)
{
	struct oci_process *p = &ret->process;
	int r;

	*ret = (struct dynorun_process){ .process = *base };
	p->args = (struct oci_strings){ (const char *const *)c->args,
					(size_t)c->n_args };
	p->terminal = c->tty;
	p->cwd = c->cwd ? c->cwd : p->cwd;
	p->apparmor = c->apparmor ? c->apparmor : p->apparmor;
	p->selinux = c->label ? c->label : p->selinux;
	p->no_new_privileges |= c->no_new_privs;
	r = process_user(p, c->user, e);
	if (r == 0)
		r = process_groups(ret, &c->gids, e);
	process_caps(ret, &c->caps);
	if (r == 0)
		r = process_env(ret, &c->env, e);
	return r;
}
