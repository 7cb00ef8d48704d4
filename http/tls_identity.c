/*
 * tls_identity.c - files that are looked at by their inode, size and times.
 */
#include "base/clock.h"
#include "base/error.h"
#include "http/tls_identity.h"

#include <sys/stat.h>

#define FILES 3
#define LOOK_USEC USEC_PER_SEC

struct file_stamp {
	ino_t ino;
	off_t size;
	struct timespec mtime, ctime;
};

struct tls_identity {
	char *files[FILES];		/* certificate, key, CA; may be NULL */
	struct file_stamp stamps[FILES];	/* when they were last read */
	uint64_t looked;		/* monotonic usec */
	struct tls_creds *creds;
	void (*fn)(const struct error *e, void *userdata);
	void *userdata;
};

static void tls_identity_stamp(const struct tls_identity *id,
			       struct file_stamp stamps[FILES])
{
	memset(stamps, 0, FILES * sizeof(*stamps));
	for (size_t i = 0; i < FILES; i++) {
		struct stat st;

		if (!id->files[i] || stat(id->files[i], &st) < 0)
			continue;
		stamps[i].ino = st.st_ino;
		stamps[i].size = st.st_size;
		stamps[i].mtime = st.st_mtim;
		stamps[i].ctime = st.st_ctim;
	}
}

int tls_identity_reload(struct tls_identity *id, struct error *e)
{
	const struct tls_creds_spec spec = {
		.cert_file = id->files[0], .key_file = id->files[1],
		.ca_file = id->files[2], .server = true,
	};
	struct tls_creds *creds;
	int r;

	/* Stamped before reading: what changes meanwhile is read once more. */
	tls_identity_stamp(id, id->stamps);
	id->looked = clock_mono_usec();
	r = tls_creds_load(&creds, &spec, e);
	if (r < 0)
		return r;
	tls_creds_unref(id->creds);
	id->creds = creds;
	return 0;
}

int tls_identity_new(struct tls_identity **ret, const struct tls_creds_spec *spec,
		     struct error *e)
{
	auto_(tls_identity_free_p) struct tls_identity *id =
		xcalloc(1, sizeof(*id));
	int r;

	id->files[0] = xstrdup(spec->cert_file);
	id->files[1] = xstrdup(spec->key_file);
	id->files[2] = xstrdup(spec->ca_file);
	r = tls_identity_reload(id, e);
	if (r < 0)
		return r;
	*ret = take_ptr(id);
	return 0;
}

struct tls_identity *tls_identity_free(struct tls_identity *id)
{
	if (!id)
		return NULL;
	for (size_t i = 0; i < FILES; i++)
		free(id->files[i]);
	tls_creds_unref(id->creds);
	free(id);
	return NULL;
}

void tls_identity_on_change(struct tls_identity *id,
			    void (*fn)(const struct error *e, void *userdata),
			    void *userdata)
{
	id->fn = fn;
	id->userdata = userdata;
}

static void tls_identity_look(struct tls_identity *id)
{
	struct file_stamp now[FILES];
	struct error e;
	int r;

	tls_identity_stamp(id, now);
	if (memcmp(now, id->stamps, sizeof(now)) == 0)
		return;
	r = tls_identity_reload(id, &e);
	if (id->fn)
		id->fn(r < 0 ? &e : NULL, id->userdata);
}

struct tls_creds *tls_identity_creds(struct tls_identity *id)
{
	uint64_t now = clock_mono_usec();

	if (now >= id->looked + LOOK_USEC) {
		id->looked = now;
		tls_identity_look(id);
	}
	return tls_creds_ref(id->creds);
}
