/*
 * process_user.c - names of users and groups. Apart from process.c, since a
 * static program must not contain the name service.
 */
#include "base/process.h"

#include "base/error.h"

#include <grp.h>
#include <pwd.h>

static bool process_number(const char *text, unsigned *ret)
{
	char *end;
	unsigned long x;

	errno = 0;
	x = strtoul(text, &end, 10);
	if (errno || end == text || *end || x >= UINT32_MAX)
		return false;
	*ret = (unsigned)x;
	return true;
}

int process_user(const char *text, uid_t *ret_uid, gid_t *ret_gid,
		 struct error *e)
{
	auto_free char *user = xstrdup(text);
	char *colon = strchr(user, ':');
	struct passwd *pw = NULL;
	struct group *gr;
	uid_t uid;
	gid_t gid;

	if (colon)
		*colon++ = '\0';
	if (!process_number(user, &uid)) {
		pw = getpwnam(user);
		if (!pw)
			return error_set(e, ENOENT, "no user \"%s\"", user);
		uid = pw->pw_uid;
	}
	gid = pw ? pw->pw_gid : uid;
	if (colon && !process_number(colon, &gid)) {
		gr = getgrnam(colon);
		if (!gr)
			return error_set(e, ENOENT, "no group \"%s\"", colon);
		gid = gr->gr_gid;
	}
	*ret_uid = uid;
	*ret_gid = gid;
	return 0;
}
