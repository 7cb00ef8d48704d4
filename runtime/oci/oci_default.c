/*
 * oci_default.c - the configuration that "dynorun spec" writes: a shell, few
 * capabilities, a read-only root. Where the user has no privileges, the network
 * and /sys stay the host's, and one id is mapped.
 */
#include "base/buf.h"
#include "runtime/oci/oci.h"

#define CAPABILITIES \
	"[\n" \
	"        \"CAP_AUDIT_WRITE\",\n" \
	"        \"CAP_KILL\",\n" \
	"        \"CAP_NET_BIND_SERVICE\"\n" \
	"      ]"

static const char head[] =
	"{\n"
	"  \"ociVersion\": \"" OCI_VERSION "\",\n"
	"  \"root\": {\n"
	"    \"path\": \"rootfs\",\n"
	"    \"readonly\": true\n"
	"  },\n"
	"  \"hostname\": \"dynorun\",\n"
	"  \"process\": {\n"
	"    \"terminal\": true,\n"
	"    \"user\": { \"uid\": 0, \"gid\": 0 },\n"
	"    \"args\": [ \"sh\" ],\n"
	"    \"env\": [\n"
	"      \"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\",\n"
	"      \"TERM=xterm\"\n"
	"    ],\n"
	"    \"cwd\": \"/\",\n"
	"    \"capabilities\": {\n"
	"      \"bounding\": " CAPABILITIES ",\n"
	"      \"effective\": " CAPABILITIES ",\n"
	"      \"permitted\": " CAPABILITIES "\n"
	"    },\n"
	"    \"rlimits\": [\n"
	"      { \"type\": \"RLIMIT_NOFILE\", \"soft\": 1024, \"hard\": 1024 }\n"
	"    ],\n"
	"    \"noNewPrivileges\": true\n"
	"  },\n";

enum default_when { ALWAYS, PRIVILEGED, ROOTLESS };

static const struct {
	const char *destination, *type, *source, *options;
	enum default_when when;
} mounts[] = {
	{ "/proc", "proc", "proc", NULL, ALWAYS },
	{ "/dev", "tmpfs", "tmpfs",
	  "\"nosuid\", \"strictatime\", \"mode=755\", \"size=65536k\"", ALWAYS },
	{ "/dev/pts", "devpts", "devpts",
	  "\"nosuid\", \"noexec\", \"newinstance\", \"ptmxmode=0666\", "
	  "\"mode=0620\", \"gid=5\"", PRIVILEGED },
	{ "/dev/pts", "devpts", "devpts",
	  "\"nosuid\", \"noexec\", \"newinstance\", \"ptmxmode=0666\", "
	  "\"mode=0620\"", ROOTLESS },
	{ "/dev/shm", "tmpfs", "shm",
	  "\"nosuid\", \"noexec\", \"nodev\", \"mode=1777\", \"size=65536k\"",
	  ALWAYS },
	{ "/dev/mqueue", "mqueue", "mqueue",
	  "\"nosuid\", \"noexec\", \"nodev\"", ALWAYS },
	{ "/sys", "sysfs", "sysfs",
	  "\"nosuid\", \"noexec\", \"nodev\", \"ro\"", PRIVILEGED },
	{ "/sys", "none", "/sys",
	  "\"rbind\", \"nosuid\", \"noexec\", \"nodev\", \"ro\"", ROOTLESS },
	{ "/sys/fs/cgroup", "cgroup", "cgroup",
	  "\"nosuid\", \"noexec\", \"nodev\", \"relatime\", \"ro\"", ALWAYS },
};

static const char privileged[] =
	"    \"resources\": {\n"
	"      \"devices\": [ { \"allow\": false, \"access\": \"rwm\" } ]\n"
	"    },\n";

/* Those of runc: a cgroup namespace where there is one hierarchy only. */
static const struct {
	const char *type;
	enum default_when when;
	bool unified;
} namespaces[] = {
	{ "pid", ALWAYS, false },
	{ "network", PRIVILEGED, false },
	{ "ipc", ALWAYS, false },
	{ "uts", ALWAYS, false },
	{ "mount", ALWAYS, false },
	{ "cgroup", ALWAYS, true },
	{ "user", ROOTLESS, false },
};

static const char tail[] =
	"    \"maskedPaths\": [\n"
	"      \"/proc/acpi\",\n"
	"      \"/proc/asound\",\n"
	"      \"/proc/interrupts\",\n"
	"      \"/proc/kcore\",\n"
	"      \"/proc/keys\",\n"
	"      \"/proc/latency_stats\",\n"
	"      \"/proc/sched_debug\",\n"
	"      \"/proc/scsi\",\n"
	"      \"/proc/timer_list\",\n"
	"      \"/proc/timer_stats\",\n"
	"      \"/sys/devices/virtual/powercap\",\n"
	"      \"/sys/firmware\"\n"
	"    ],\n"
	"    \"readonlyPaths\": [\n"
	"      \"/proc/bus\",\n"
	"      \"/proc/fs\",\n"
	"      \"/proc/irq\",\n"
	"      \"/proc/sys\",\n"
	"      \"/proc/sysrq-trigger\"\n"
	"    ]\n"
	"  }\n"
	"}\n";

static void default_mounts(struct buf *b, bool rootless)
{
	const char *between = "\n";

	buf_adds(b, "  \"mounts\": [");
	for (size_t i = 0; i < ARRAY_SIZE(mounts); i++) {
		if (mounts[i].when == (rootless ? PRIVILEGED : ROOTLESS))
			continue;
		buf_addf(b, "%s    {\n      \"destination\": \"%s\",\n"
			 "      \"type\": \"%s\",\n      \"source\": \"%s\"", between,
			 mounts[i].destination, mounts[i].type, mounts[i].source);
		if (mounts[i].options)
			buf_addf(b, ",\n      \"options\": [ %s ]",
				 mounts[i].options);
		buf_adds(b, "\n    }");
		between = ",\n";
	}
	buf_adds(b, "\n  ],\n");
}

static void default_namespaces(struct buf *b, bool rootless, bool unified)
{
	const char *between = "\n";

	buf_adds(b, "    \"namespaces\": [");
	for (size_t i = 0; i < ARRAY_SIZE(namespaces); i++) {
		if (namespaces[i].when == (rootless ? PRIVILEGED : ROOTLESS) ||
		    (namespaces[i].unified && !unified))
			continue;
		buf_addf(b, "%s      { \"type\": \"%s\" }", between,
			 namespaces[i].type);
		between = ",\n";
	}
	buf_adds(b, "\n    ],\n");
}

static void default_maps(struct buf *b)
{
	buf_addf(b, "    \"uidMappings\": [\n"
		 "      { \"containerID\": 0, \"hostID\": %u, \"size\": 1 }\n    ],\n"
		 "    \"gidMappings\": [\n"
		 "      { \"containerID\": 0, \"hostID\": %u, \"size\": 1 }\n    ],\n",
		 geteuid(), getegid());
}

char *oci_default_config(bool rootless, bool unified)
{
	auto_buf b = BUF_INIT;

	buf_adds(&b, head);
	default_mounts(&b, rootless);
	buf_adds(&b, "  \"linux\": {\n");
	if (rootless)
		default_maps(&b);
	else
		buf_adds(&b, privileged);
	default_namespaces(&b, rootless, unified);
	buf_adds(&b, tail);
	return buf_take(&b);
}
