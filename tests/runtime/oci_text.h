#pragma once

/*
 * oci_text.h - configurations for tests, in C's own quotes: ' stands for ".
 */
#include "base/base.h"

#define TOP(members) "{'ociVersion':'1.2.0','root':{'path':'r'}," members "}"
#define PROCESS(members) \
	TOP("'process':{'cwd':'/','args':['sh']," members "}")
#define LINUX(members) TOP("'linux':{" members "}")
#define ALL_NAMESPACES \
	"'namespaces':[{'type':'user'},{'type':'mount'},{'type':'pid'}," \
	"{'type':'network'},{'type':'ipc'},{'type':'uts'},{'type':'cgroup'}," \
	"{'type':'time'}]"
#define ONE_ID "[{'containerID':0,'hostID':0,'size':1}]"
#define OWN(members) \
	LINUX(ALL_NAMESPACES ",'uidMappings':" ONE_ID ",'gidMappings':" ONE_ID "," \
	      members)
#define OWN_IDS(members) LINUX("'namespaces':[{'type':'user'}]," members)
#define RESOURCES(members) LINUX("'resources':{" members "}")
#define SECCOMP(members) \
	LINUX("'seccomp':{'defaultAction':'SCMP_ACT_ALLOW'," members "}")
#define RULE(members) \
	SECCOMP("'syscalls':[{'names':['read'],'action':'SCMP_ACT_ALLOW'," \
		members "}]")

/* The caller frees it. */
static inline char *oci_text(const char *quoted)
{
	char *s = xstrdup(quoted);

	for (char *p = s; *p; p++)
		if (*p == '\'')
			*p = '"';
	return s;
}
