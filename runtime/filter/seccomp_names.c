/*
 * seccomp_names.c - the words of a seccomp profile, each list written once: the
 * parser reads the values, "dynorun features" shows the names.
 */
#include "runtime/filter/seccomp.h"
#include "runtime/filter/seccomp_names.h"

#include <linux/seccomp.h>
#include <seccomp.h>

/* Those that carry an errno have none here; who uses the value adds it. */
#define ACTIONS(X) \
	X(SCMP_ACT_KILL,		SCMP_ACT_KILL) \
	X(SCMP_ACT_KILL_PROCESS,	SCMP_ACT_KILL_PROCESS) \
	X(SCMP_ACT_KILL_THREAD,		SCMP_ACT_KILL_THREAD) \
	X(SCMP_ACT_TRAP,		SCMP_ACT_TRAP) \
	X(SCMP_ACT_ERRNO,		SCMP_ACT_ERRNO(0)) \
	X(SCMP_ACT_TRACE,		SCMP_ACT_TRACE(0)) \
	X(SCMP_ACT_ALLOW,		SCMP_ACT_ALLOW) \
	X(SCMP_ACT_LOG,			SCMP_ACT_LOG) \
	X(SCMP_ACT_NOTIFY,		SCMP_ACT_NOTIFY)

#define OPERATORS(X) \
	X(SCMP_CMP_NE,			SCMP_CMP_NE) \
	X(SCMP_CMP_LT,			SCMP_CMP_LT) \
	X(SCMP_CMP_LE,			SCMP_CMP_LE) \
	X(SCMP_CMP_EQ,			SCMP_CMP_EQ) \
	X(SCMP_CMP_GE,			SCMP_CMP_GE) \
	X(SCMP_CMP_GT,			SCMP_CMP_GT) \
	X(SCMP_CMP_MASKED_EQ,		SCMP_CMP_MASKED_EQ)

/* Those that the specification names and the library (2.5) knows. */
#define ARCHES(X) \
	X(SCMP_ARCH_X86,		SCMP_ARCH_X86) \
	X(SCMP_ARCH_X86_64,		SCMP_ARCH_X86_64) \
	X(SCMP_ARCH_X32,		SCMP_ARCH_X32) \
	X(SCMP_ARCH_ARM,		SCMP_ARCH_ARM) \
	X(SCMP_ARCH_AARCH64,		SCMP_ARCH_AARCH64) \
	X(SCMP_ARCH_MIPS,		SCMP_ARCH_MIPS) \
	X(SCMP_ARCH_MIPS64,		SCMP_ARCH_MIPS64) \
	X(SCMP_ARCH_MIPS64N32,		SCMP_ARCH_MIPS64N32) \
	X(SCMP_ARCH_MIPSEL,		SCMP_ARCH_MIPSEL) \
	X(SCMP_ARCH_MIPSEL64,		SCMP_ARCH_MIPSEL64) \
	X(SCMP_ARCH_MIPSEL64N32,	SCMP_ARCH_MIPSEL64N32) \
	X(SCMP_ARCH_PPC,		SCMP_ARCH_PPC) \
	X(SCMP_ARCH_PPC64,		SCMP_ARCH_PPC64) \
	X(SCMP_ARCH_PPC64LE,		SCMP_ARCH_PPC64LE) \
	X(SCMP_ARCH_S390,		SCMP_ARCH_S390) \
	X(SCMP_ARCH_S390X,		SCMP_ARCH_S390X) \
	X(SCMP_ARCH_PARISC,		SCMP_ARCH_PARISC) \
	X(SCMP_ARCH_PARISC64,		SCMP_ARCH_PARISC64) \
	X(SCMP_ARCH_RISCV64,		SCMP_ARCH_RISCV64)

#define FLAGS(X) \
	X(SECCOMP_FILTER_FLAG_TSYNC,	SECCOMP_FILTER_FLAG_TSYNC) \
	X(SECCOMP_FILTER_FLAG_LOG,	SECCOMP_FILTER_FLAG_LOG) \
	X(SECCOMP_FILTER_FLAG_SPEC_ALLOW, SECCOMP_FILTER_FLAG_SPEC_ALLOW) \
	X(SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, \
	  SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV)

#define NAME(name, value) #name,
#define VALUE(name, value) (uint32_t)(value),

const char *const seccomp_actions[] = { ACTIONS(NAME) NULL };
const char *const seccomp_operators[] = { OPERATORS(NAME) NULL };
const char *const seccomp_arches[] = { ARCHES(NAME) NULL };
const char *const seccomp_flags[] = { FLAGS(NAME) NULL };

static const uint32_t action_values[] = { ACTIONS(VALUE) };
static const uint32_t operator_values[] = { OPERATORS(VALUE) };
static const uint32_t arch_values[] = { ARCHES(VALUE) };
static const uint32_t flag_values[] = { FLAGS(VALUE) };

static bool seccomp_find(const char *const *names, const uint32_t *values,
			 const char *name, uint32_t *ret)
{
	for (size_t i = 0; name && names[i]; i++)
		if (str_eq(names[i], name)) {
			*ret = values[i];
			return true;
		}
	return false;
}

bool seccomp_names_action(const char *name, uint32_t *ret)
{
	return seccomp_find(seccomp_actions, action_values, name, ret);
}

bool seccomp_names_operator(const char *name, uint32_t *ret)
{
	return seccomp_find(seccomp_operators, operator_values, name, ret);
}

bool seccomp_names_arch(const char *name, uint32_t *ret)
{
	return seccomp_find(seccomp_arches, arch_values, name, ret);
}

bool seccomp_names_flag(const char *name, uint32_t *ret)
{
	return seccomp_find(seccomp_flags, flag_values, name, ret);
}
