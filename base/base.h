#pragma once

/*
 * base.h - what every .c file sees first: safe defaults, ownership macros,
 * memory that never fails.
 *
 * Allocation aborts the program when memory is out: every program here can be
 * killed and started again at any time, and no test would ever reach the other
 * branch. What a user can make us allocate is limited where it comes in.
 */
#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef NDEBUG
#error "assertions are part of the program: do not build with NDEBUG"
#endif

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define container_of(ptr, type, member) \
	((type *)(void *)((char *)(ptr) - offsetof(type, member)))
#define PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

#define USEC_PER_SEC  1000000ULL
#define USEC_PER_MSEC 1000ULL
#define NSEC_PER_USEC 1000ULL

/* Scope-bound ownership. The variable must be initialised (NULL, -1). */
#define auto_(fn)  __attribute__((cleanup(fn)))
#define auto_free  auto_(free_p)
#define auto_close auto_(close_p)

/* Hand ownership over: yields the value, leaves the variable empty. */
#define take_ptr(p) ({ __typeof__(p) *tp_ = &(p), tv_ = *tp_; *tp_ = NULL; tv_; })
#define take_fd(fd) ({ int *tf_ = &(fd), tv_ = *tf_; *tf_ = -1; tv_; })

/* Defines foo_free_p() for auto_(foo_free_p) from foo_free(). */
#define DEFINE_AUTO(type, fn) \
	static inline void fn##_p(type **p) { fn(*p); }

static inline void free_p(void *p)
{
	free(*(void **)p);
}

/* Closes and returns -1, so that "fd = fd_close(fd);" cannot dangle. */
static inline int fd_close(int fd)
{
	int saved = errno;

	if (fd >= 0)
		close(fd);
	errno = saved;
	return -1;
}

static inline void close_p(int *fd)
{
	fd_close(*fd);
}

static inline bool str_eq(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

/* Returns the rest of s behind prefix, or NULL. */
static inline const char *str_after(const char *s, const char *prefix)
{
	size_t n = strlen(prefix);

	return strncmp(s, prefix, n) == 0 ? s + n : NULL;
}

/* These never return NULL: they abort with a message when memory is out. */
void *xmalloc(size_t n);
void *xcalloc(size_t n, size_t size);
void *xrealloc(void *p, size_t n);
void *xmemdup(const void *p, size_t n);
char *xstrdup(const char *s);			/* NULL gives NULL */
char *xstrndup(const char *s, size_t max);
char *xasprintf(const char *fmt, ...) PRINTF(1, 2);
char *xvasprintf(const char *fmt, va_list ap) PRINTF(1, 0);
