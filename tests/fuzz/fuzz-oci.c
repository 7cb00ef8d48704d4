/*
 * fuzz-oci.c - any bytes as a config.json: the parser never crashes; what it
 * refuses it names on one line; what it takes holds what oci.h promises, and
 * mount options, system call filter and plan can be made of it.
 *
 * By itself the program runs the files and directories it is given, each as it
 * is and in many mutations. With libFuzzer, from the top of the tree (bash):
 *
 *   clang -g -O1 -fsanitize=fuzzer,address,undefined -DFUZZ_LIBFUZZER \
 *     -D_GNU_SOURCE -DDYNO_VERSION='""' -DPKGLIBEXECDIR='""' -DBINDIR='""' -I. \
 *     tests/fuzz/{fuzz-oci,json_mutate}.c base/?*.c runtime/oci/{oci,plan}*.c \
 *     runtime/plan.c runtime/filter/seccomp*.c -ljansson -lseccomp -lcap -lmnl -lsystemd -linih \
 *     -o fuzz-oci
 *   ./fuzz-oci CORPUS tests/fuzz/oci
 */
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "runtime/oci/oci.h"
#include "runtime/oci/oci_mount.h"
#include "runtime/oci/plan_oci.h"
#include "tests/fuzz/corpus.h"
#include "tests/fuzz/json_mutate.h"

#include <fcntl.h>
#include <stdio.h>

#define FUZZ_MUTATIONS 300
#define FUZZ_INPUT_MAX (128 * 1024)
#define FUZZ_NAMES_MAX 24		/* the compiler of filters is slow */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* A failure must say what is wrong, on one line. */
static bool fuzz_good(int r, const struct error *e)
{
	assert(r == 0 || (r == -e->code && e->msg[0] && !strchr(e->msg, '\n')));
	return r == 0;
}

/* ---- what oci.h promises ---- */

static void fuzz_strings(const struct oci_strings *s)
{
	assert(s->v && !s->v[s->n]);
	for (size_t i = 0; i < s->n; i++)
		assert(s->v[i]);
}

static void fuzz_maps(const struct oci_id_map *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		assert(v[i].size > 0);
		assert(v[i].size <= UINT32_MAX - v[i].container);
		assert(v[i].size <= UINT32_MAX - v[i].host);
	}
}

static void fuzz_process(const struct oci_process *p)
{
	unsigned seen = 0;

	assert(p->args.n > 0 && *p->args.v[0] && p->cwd[0] == '/');
	assert(p->uid != UINT32_MAX && p->gid != UINT32_MAX);
	fuzz_strings(&p->args);
	fuzz_strings(&p->env);
	fuzz_strings(&p->capabilities.unknown);
	for (size_t i = 0; i < p->n_rlimits; i++) {
		unsigned bit = 1U << p->rlimits[i].resource;

		assert(!(seen & bit) && p->rlimits[i].soft <= p->rlimits[i].hard);
		seen |= bit;
	}
	for (size_t i = 0; i < p->n_groups; i++)
		assert(p->groups[i] != UINT32_MAX);
}

static void fuzz_mount(const struct oci_mount *m)
{
	struct oci_mount_options o;

	assert(m->destination[0] == '/');
	assert((m->n_uid_maps > 0) == (m->n_gid_maps > 0));
	fuzz_strings(&m->options);
	fuzz_maps(m->uid_maps, m->n_uid_maps);
	fuzz_maps(m->gid_maps, m->n_gid_maps);
	oci_mount_options(&o, &m->options);
	assert(!(o.one.set & o.one.clr & ~0x70ULL) && o.text);
	assert(o.n_spread <= OCI_MOUNT_SPREAD_MAX);
	for (size_t i = 0; i < o.n_data; i++)
		assert(*o.data[i].key && !strchr(o.data[i].key, '='));
	oci_mount_options_deinit(&o);
}

static void fuzz_paths(const struct oci_strings *s)
{
	fuzz_strings(s);
	for (size_t i = 0; i < s->n; i++)
		assert(s->v[i][0] == '/');
}

static void fuzz_config(const struct oci *o)
{
	assert(str_after(o->version, "1.") && *o->root_path);
	for (size_t i = 0; i < o->n_mounts; i++)
		fuzz_mount(&o->mounts[i]);
	for (int k = 0; k < OCI_HOOK_KINDS; k++)
		for (size_t i = 0; i < o->hooks[k].n; i++) {
			assert(o->hooks[k].v[i].path[0] == '/');
			fuzz_strings(&o->hooks[k].v[i].args);
			fuzz_strings(&o->hooks[k].v[i].env);
		}
	for (size_t i = 0; i < o->n_devices; i++)
		assert(strchr("bcp", o->devices[i].type) &&
		       o->devices[i].path[0] == '/' && o->devices[i].major >= 0);
	for (size_t i = 0; i < o->n_sysctl; i++)
		assert(o->sysctl[i].key[0] != '/' && !strstr(o->sysctl[i].key, "/../"));
	for (size_t i = 0; i < o->n_annotations; i++)
		assert(*o->annotations[i].key && o->annotations[i].value);
	fuzz_maps(o->uid_maps, o->n_uid_maps);
	fuzz_maps(o->gid_maps, o->n_gid_maps);
	fuzz_paths(&o->masked_paths);
	fuzz_paths(&o->readonly_paths);
}

/* ---- what is made of it ---- */

static size_t fuzz_names(const struct seccomp_profile *p)
{
	size_t n = p->n_rules;

	for (size_t i = 0; i < p->n_rules; i++)
		n += p->rules[i].n_names * (1 + p->rules[i].n_args);
	return n * (1 + p->n_arches);
}

static void fuzz_plan(const struct oci *o, const struct seccomp_filter *filter)
{
	auto_free struct plan_source *sources = xcalloc(o->n_mounts + 1,
							sizeof(*sources));
	struct plan_oci in = {
		.oci = o, .process = &o->process, .id = "fuzz", .rootfs = "/r",
		.root_fd = 3, .void_fd = 4, .null_fd = 5, .sources = sources,
		.filter = filter, .home = "/",
	};
	struct error e = { 0 };
	struct plan plan;

	for (size_t i = 0; i < o->n_mounts; i++)
		sources[i].fd = o->mounts[i].options.n % 2 ? 6 : -1;
	for (int k = 0; k < OCI_NS_KINDS; k++)
		in.namespace_fds[k] = o->namespaces[k].path ? 7 : -1;
	if (fuzz_good(plan_oci_build(&plan, &in, &e), &e))
		plan_deinit(&plan);
}

static void fuzz_use(const struct oci *o)
{
	struct seccomp_filter filter = { .listener = false };
	bool compiled = false;
	struct error e = { 0 };

	if (o->has_seccomp && fuzz_names(&o->seccomp) < FUZZ_NAMES_MAX)
		compiled = fuzz_good(seccomp_profile_compile(&filter, &o->seccomp,
							     NULL, &e), &e);
	if (o->has_process)
		fuzz_plan(o, compiled ? &filter : NULL);
	if (compiled)
		seccomp_filter_deinit(&filter);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	auto_(oci_free_p) struct oci *o = NULL, *p = NULL, *r = NULL;
	const char *text = (const char *)data;
	struct error e = { 0 };

	if (n > FUZZ_INPUT_MAX)
		return 0;
	if (fuzz_good(oci_parse(&o, text, n, &e), &e)) {
		fuzz_config(o);
		if (o->has_process)
			fuzz_process(&o->process);
		fuzz_use(o);
		return 0;
	}
	if (fuzz_good(oci_parse_process(&p, text, n, &e), &e))
		fuzz_process(&p->process);
	fuzz_good(oci_parse_resources(&r, text, n, &e), &e);
	return 0;
}

#ifdef FUZZ_LIBFUZZER
size_t LLVMFuzzerMutate(uint8_t *data, size_t n, size_t max);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t n, size_t max, unsigned seed);

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t n, size_t max, unsigned seed)
{
	auto_free char *text = seed % 4 ? json_mutate((char *)data, n, seed) : NULL;
	size_t len = text ? strlen(text) : 0;

	if (!text || len > max)
		return LLVMFuzzerMutate(data, n, max);
	memcpy(data, text, len);
	return len;
}
#else

static int fuzz_file(const char *path)
{
	auto_buf data = BUF_INIT;
	struct error e;

	if (file_read(AT_FDCWD, path, FUZZ_INPUT_MAX, &data, &e) < 0) {
		fprintf(stderr, "%s\n", e.msg);
		return 1;
	}
	LLVMFuzzerTestOneInput((const uint8_t *)buf_str(&data), data.len);
	for (uint32_t i = 1; i <= FUZZ_MUTATIONS; i++) {
		auto_free char *text = json_mutate(buf_str(&data), data.len,
						   i * 2654435761U);

		if (!text)
			break;
		LLVMFuzzerTestOneInput((const uint8_t *)text, strlen(text));
		/* And broken off. */
		LLVMFuzzerTestOneInput((const uint8_t *)text, strlen(text) * i /
				       FUZZ_MUTATIONS);
	}
	return 0;
}

int main(int argc, char **argv)
{
	return corpus_run(argc, argv, "oci", fuzz_file);
}
#endif
