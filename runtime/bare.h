#pragma once

/*
 * bare.h - a program without a C library: system calls, and where it begins.
 *
 * The start-up code of a static libc costs 0.3 ms (it asks the processor for
 * its features, which a virtual machine has to answer by hand, and relocates)
 * and has some 600 KiB, of which every process touches 40 KiB of its own. PID 1
 * of each dyno can do without.
 *
 * Include it in the one file of such a program, which defines
 *
 *	static int bare_main(int argc, char **argv, char **envp);
 *
 * Further files of the program define BARE_PART before they include it, and have
 * the calls alone. There is no errno: calls return -errno.
 */
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>

#if defined(__x86_64__)

static inline long bare_call6(long nr, long a, long b, long c, long d, long e,
			      long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long ret;

	__asm__ volatile("syscall" : "=a"(ret)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8),
			   "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
}

#ifndef BARE_PART
/* The kernel leaves argc at the top of the stack. */
__asm__(".globl _start\n"
	".type _start, @function\n"
	"_start:\n"
	"	xorl %ebp, %ebp\n"
	"	movq %rsp, %rdi\n"
	"	andq $-16, %rsp\n"
	"	call bare_begin\n");
#endif

#elif defined(__aarch64__)

static inline long bare_call6(long nr, long a, long b, long c, long d, long e,
			      long f)
{
	register long x8 __asm__("x8") = nr;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = f;

	__asm__ volatile("svc #0" : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			 : "memory");
	return x0;
}

#ifndef BARE_PART
__asm__(".globl _start\n"
	".type _start, %function\n"
	"_start:\n"
	"	mov x29, #0\n"
	"	mov x30, #0\n"
	"	mov x0, sp\n"
	"	bl bare_begin\n");
#endif

#else
#error "bare.h knows x86-64 and arm64 only"
#endif

/* bare_call(nr, up to five arguments): numbers or pointers. */
#define BARE_ARG(x) ((long)(uintptr_t)(x))
#define BARE_PICK(nr, a, b, c, d, e, ...) \
	bare_call6(nr, BARE_ARG(a), BARE_ARG(b), BARE_ARG(c), BARE_ARG(d), \
		   BARE_ARG(e), 0)
#define bare_call(...) BARE_PICK(__VA_ARGS__, 0, 0, 0, 0, 0, 0)

_Noreturn static inline void bare_exit(int status)
{
	for (;;)
		bare_call(SYS_exit_group, status);
}

/* The compiler may call these for whatever it copies or clears. */
void *memset(void *p, int c, size_t n);
void *memcpy(void *restrict to, const void *restrict from, size_t n);

#ifndef BARE_PART
static int bare_main(int argc, char **argv, char **envp);

void *memset(void *p, int c, size_t n)
{
	for (size_t i = 0; i < n; i++)
		((volatile unsigned char *)p)[i] = (unsigned char)c;
	return p;
}

void *memcpy(void *restrict to, const void *restrict from, size_t n)
{
	for (size_t i = 0; i < n; i++)
		((volatile unsigned char *)to)[i] = ((const unsigned char *)from)[i];
	return to;
}

/* Where _start goes on; it never returns. */
_Noreturn void bare_begin(long *stack) __attribute__((used));
_Noreturn void bare_begin(long *stack)
{
	char **argv = (char **)(stack + 1);

	bare_exit(bare_main((int)stack[0], argv, argv + stack[0] + 1));
}
#endif
