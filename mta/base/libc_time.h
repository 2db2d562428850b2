/* libc_time.h - the time that libraries read by themselves (libssl for its tickets, libcrypto for
 * certificates, libopendkim for t= and x=) is the time of the world that is running.
 *
 * The C library's time(), gettimeofday() and clock_gettime(CLOCK_REALTIME) are defined in
 * libc_time.c, in front of the real ones: the dynamic linker binds the libraries to them. While a
 * loop runs they answer its loop_wall_us(); otherwise, and for every other clock, the kernel's time.
 * A program that never follows a loop keeps the kernel's time.
 *
 * Ownership  the loop is borrowed until libc_time_follow() is called with another one. */
#ifndef MTALAB_LIBC_TIME_H
#define MTALAB_LIBC_TIME_H

#include "base/loop.h"

/* Answers whom it followed before, to be handed back; NULL: nobody, which is how a program starts. */
const struct loop *libc_time_follow(const struct loop *loop);

#endif
