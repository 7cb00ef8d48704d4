/*
 * sandbox_message.c - trust nothing that it says.
 */
#include "slugstore/unpack/entry.h"
#include "slugstore/unpack/sandbox_message.h"

#define SANDBOX_ERRNO_MAX 4095

static bool sandbox_message_check_text(struct sandbox_message *m)
{
	if (m->code <= 0 || m->code > SANDBOX_ERRNO_MAX || !m->body[0] ||
	    !memchr(m->body, '\0', ERROR_MSG_MAX))
		return false;
	entry_quote_text(m->body);
	return true;
}

bool sandbox_message_check(struct sandbox_message *m)
{
	switch (m->kind) {
	case SANDBOX_PROGRESS:
		return m->done <= m->total;
	case SANDBOX_RESULT:
		return true;
	case SANDBOX_ERROR:
		return sandbox_message_check_text(m);
	}
	return false;
}
