#include "base/terminal.h"

#include "base/error.h"

#include <signal.h>
#include <sys/ioctl.h>
#include <termios.h>

static struct termios terminal_saved;
static volatile sig_atomic_t terminal_is_changed;

void terminal_restore(void)
{
	int saved = errno;

	if (terminal_is_changed)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &terminal_saved);
	terminal_is_changed = 0;
	errno = saved;
}

static void terminal_on_fatal(int sig)
{
	terminal_restore();
	raise(sig);		/* SA_RESETHAND: this time it kills */
}

static void terminal_guard(const int *fatal, size_t n)
{
	struct sigaction sa = {
		.sa_handler = terminal_on_fatal,
		.sa_flags = SA_RESETHAND | SA_NODEFER,
	};

	for (size_t i = 0; i < n; i++)
		sigaction(fatal[i], &sa, NULL);
}

static int terminal_set(const struct termios *mode, const char *name, struct error *e)
{
	terminal_is_changed = 1;
	if (tcsetattr(STDIN_FILENO, TCSADRAIN, mode) == 0)
		return 0;
	terminal_is_changed = 0;
	return error_sys(e, "set the terminal to %s", name);
}

int terminal_raw(struct error *e)
{
	static const int fatal[] = { SIGSEGV, SIGBUS, SIGABRT, SIGILL, SIGFPE };
	struct termios raw;

	if (terminal_is_changed)
		return 0;
	if (tcgetattr(STDIN_FILENO, &terminal_saved) < 0)
		return error_sys(e, "read the terminal's mode");
	terminal_guard(fatal, ARRAY_SIZE(fatal));
	raw = terminal_saved;
	cfmakeraw(&raw);
	return terminal_set(&raw, "raw mode", e);
}

int terminal_quiet(struct error *e)
{
	static const int fatal[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGABRT };
	struct termios quiet;

	if (tcgetattr(STDIN_FILENO, &terminal_saved) < 0)
		return error_sys(e, "read the terminal's mode");
	terminal_guard(fatal, ARRAY_SIZE(fatal));
	quiet = terminal_saved;
	quiet.c_lflag &= ~(tcflag_t)ECHO;
	return terminal_set(&quiet, "show nothing", e);
}

bool terminal_size(int fd, uint16_t *ret_rows, uint16_t *ret_cols)
{
	struct winsize ws;

	if (ioctl(fd, TIOCGWINSZ, &ws) < 0 || ws.ws_row == 0 || ws.ws_col == 0)
		return false;
	*ret_rows = ws.ws_row;
	*ret_cols = ws.ws_col;
	return true;
}
