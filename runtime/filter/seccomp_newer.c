/*
 * seccomp_newer.c - calls that are newer than a profile do not exist.
 */
#include "base/buf.h"
#include "runtime/filter/seccomp.h"
#include "runtime/filter/seccomp_newer.h"

#include <linux/seccomp.h>
#include <seccomp.h>

#define X32_BIT 0x40000000U
#define ARM_PRIVATE 0xf0000U		/* cacheflush() and its kin */

/* Where the numbers of an architecture end. */
static uint32_t newer_end(uint32_t arch)
{
	switch (arch) {
	case SCMP_ARCH_X86_64:
		return X32_BIT;
	case SCMP_ARCH_ARM:
		return ARM_PRIVATE;
	default:
		return UINT32_MAX;	/* -1: "skip the call", a tracer's word */
	}
}

/* < 0: the profile names none. */
static int64_t newer_max(const struct seccomp_profile *p, uint32_t arch)
{
	const uint32_t end = newer_end(arch);
	int64_t max = -1;

	for (size_t i = 0; i < p->n_rules; i++)
		for (size_t j = 0; j < p->rules[i].n_names; j++) {
			/* Unknown ones, and parts of socketcall(), are negative. */
			int nr = seccomp_syscall_resolve_name_arch(
				arch, p->rules[i].names[j]);

			if (nr > max && (uint32_t)nr < end)
				max = nr;
		}
	return max;
}

void seccomp_newer_add(struct buf *code, const struct seccomp_profile *p,
		       uint32_t arch)
{
	const int64_t max = newer_max(p, arch);
	const uint32_t audit = arch == SCMP_ARCH_X32 ? SCMP_ARCH_X86_64 : arch;
	const uint32_t first = arch == SCMP_ARCH_X32 ? X32_BIT : 0;
	const struct sock_filter test[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, audit, 0, 4),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, (uint32_t)max | first, 0, 2),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, newer_end(arch), 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
	};

	if (max >= 0)
		buf_add(code, test, sizeof(test));
}
