/*
 * oci_seccomp.c - tables of the seccomp object.
 */
#include "runtime/oci/oci_objects.h"
#include "runtime/filter/seccomp.h"

#define SECCOMP_ARGS 6			/* of a system call */
#define SECCOMP_ARGS_MAX 64		/* comparisons of a rule */
#define SECCOMP_ERRNO_MAX 65535		/* SECCOMP_RET_DATA has 16 bits */

/* The names are the compiler's; here a wrong one can be told by its path. */
static int name_check(const struct oci_reader *r, const struct oci_at *at,
		      const char *s, const char *const *known)
{
	for (; *known; known++)
		if (str_eq(*known, s))
			return 0;
	return oci_refuse(r, at, "%s is not known", oci_refuse_quote(s).text);
}

#define NAME_CHECK(fn, known) \
	static int fn(const struct oci_reader *r, const struct oci_at *at, \
		      const char *s) { return name_check(r, at, s, known); }
NAME_CHECK(action_check, seccomp_actions)
NAME_CHECK(operator_check, seccomp_operators)
NAME_CHECK(arch_check, seccomp_arches)
NAME_CHECK(flag_check, seccomp_flags)

static const struct oci_field arg_fields[] = {
	OCI_F_NUMBER(seccomp_arg, "index", index, 0, SECCOMP_ARGS - 1,
		     .required = true),
	OCI_F_NUMBER(seccomp_arg, "value", value, 0, UINT64_MAX, .required = true),
	OCI_F_NUMBER(seccomp_arg, "valueTwo", value_two, 0, UINT64_MAX),
	OCI_F(OCI_STRING, seccomp_arg, "op", op, .required = true,
	      .string = operator_check),
};
static const struct oci_object arg_object = OCI_TABLE(seccomp_arg, arg_fields);

static const struct oci_field rule_fields[] = {
	OCI_F_LIST(OCI_STRINGS, seccomp_rule, "names", names, n_names,
		   .required = true),
	OCI_F(OCI_STRING, seccomp_rule, "action", action, .required = true,
	      .string = action_check),
	OCI_F_NUMBER(seccomp_rule, "errnoRet", errno_ret, 0, SECCOMP_ERRNO_MAX,
		     .present = offsetof(struct seccomp_rule, has_errno)),
	OCI_F_ARRAY(seccomp_rule, "args", args, n_args, arg_object,
		    .max = SECCOMP_ARGS_MAX),
};
static const struct oci_object rule_object = OCI_TABLE(seccomp_rule, rule_fields);

static const struct oci_field profile_fields[] = {
	OCI_F(OCI_STRING, seccomp_profile, "defaultAction", default_action,
	      .required = true, .string = action_check),
	OCI_F_NUMBER(seccomp_profile, "defaultErrnoRet", default_errno, 0,
		     SECCOMP_ERRNO_MAX,
		     .present = offsetof(struct seccomp_profile, has_default_errno)),
	OCI_F_LIST(OCI_STRINGS, seccomp_profile, "architectures", arches, n_arches,
		   .max = 64, .string = arch_check),
	OCI_F_LIST(OCI_STRINGS, seccomp_profile, "flags", flags, n_flags,
		   .max = 64, .string = flag_check),
	OCI_F(OCI_STRING, seccomp_profile, "listenerPath", listener_path,
	      .string = oci_read_absolute),
	OCI_F(OCI_STRING, seccomp_profile, "listenerMetadata", listener_metadata),
	OCI_F_ARRAY(seccomp_profile, "syscalls", rules, n_rules, rule_object),
};

static int profile_check(const struct oci_reader *r, const struct oci_at *at,
			 void *out)
{
	const struct seccomp_profile *p = out;

	if (p->listener_metadata && !p->listener_path)
		return oci_refuse_member(r, at, "listenerMetadata",
					 "only with listenerPath");
	return 0;
}

const struct oci_object oci_seccomp_object =
	OCI_TABLE(seccomp_profile, profile_fields, .check = profile_check);
