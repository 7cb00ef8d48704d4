/*
 * terminal.c - probes: the dyno's terminal, which is its standard input.
 *
 * What is pushed into a terminal is typed by its user: on the host's side, if
 * the other end were there. Ours is a pair of the dyno's own; still, no.
 */
#include "base/base.h"
#include "tests/escape/probe.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <termios.h>

static int terminal_name(const struct probe *p)
{
	char name[64];

	if (ttyname_r(0, name, sizeof(name)) != 0)
		return -1;
	probe_say("%s", name);
}

/* Line disciplines are modules of the kernel. */
static int terminal_discipline(const struct probe *p)
{
	int number = (int)(uintptr_t)p->args[0];

	return ioctl(0, TIOCSETD, &number);
}

#define IOCTL(number, arg) NULL, SYS_ioctl, { N(0), N(number), arg }
#define USER(want) { want, NULL, NULL }

const struct probe probe_terminal[] = {
	{ "name of the terminal", USER("/dev/pts/0"), terminal_name },
	{ "TIOCSTI", USER("EPERM"), IOCTL(TIOCSTI, "x") },
	{ "TIOCSTI behind a high bit", USER("EPERM"), IOCTL(1UL << 32 | TIOCSTI, "x") },
	{ "TIOCLINUX", USER("EPERM"), IOCTL(TIOCLINUX, "\6") },
	{ "TIOCLINUX behind a high bit", USER("EPERM"), IOCTL(1UL << 63 | TIOCLINUX,
	  "\6") },
	{ "TIOCCONS", USER("EPERM"), IOCTL(TIOCCONS, NULL) },
	{ "steal the terminal", USER("EPERM"), IOCTL(TIOCSCTTY, N(1)) },
	{ "hang the terminal up", USER("EPERM"), IOCTL(TIOCVHANGUP, NULL) },
	{ "a line discipline: N_SLIP", USER("EPERM|EINVAL"), terminal_discipline, 0,
	  { N(1) } },
	{ "a line discipline: N_HDLC", USER("EPERM|EINVAL"), terminal_discipline, 0,
	  { N(13) } },
	{ "a line discipline: N_GSM0710", USER("EPERM|EINVAL"), terminal_discipline, 0,
	  { N(21) } },
	{ NULL },
};
