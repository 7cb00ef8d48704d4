#include "base/terminal.h"

#include "base/error.h"

#include <signal.h>
#include <sys/ioctl.h>
#include <termios.h>

static struct termios terminal_saved;
static volatile sig_atomic_t terminal_is_raw;

void terminal_restore(void)
{
	int saved = errno;

	if (terminal_is_raw)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &terminal_saved);
	terminal_is_raw = 0;
	errno = saved;
}

static void terminal_on_fatal(int sig)
{
	terminal_restore();
	raise(sig);		/* SA_RESETHAND: this time it kills */
}

static void terminal_guard(void)
{
	static const int fatal[] = { SIGSEGV, SIGBUS, SIGABRT, SIGILL, SIGFPE };
	struct sigaction sa = {
		.sa_handler = terminal_on_fatal,
		.sa_flags = SA_RESETHAND | SA_NODEFER,
	};

	for (size_t i = 0; i < ARRAY_SIZE(fatal); i++)
		sigaction(fatal[i], &sa, NULL);
}

int terminal_raw(struct error *e)
{
	struct termios raw;

	if (terminal_is_raw)
		return 0;
	if (tcgetattr(STDIN_FILENO, &terminal_saved) < 0)
		return error_sys(e, "read the terminal's mode");
	terminal_guard();
	raw = terminal_saved;
	cfmakeraw(&raw);
	terminal_is_raw = 1;
	if (tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) < 0) {
		terminal_is_raw = 0;
		return error_sys(e, "set the terminal to raw mode");
	}
	return 0;
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
