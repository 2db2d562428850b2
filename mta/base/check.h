/* check.h - what we ask of the compiler, and the few macros that every file may use.
 *
 * assert() is always on, in the release flavour too: it marks a bug of ours, never a failure of the
 * world (base/error.h) and never something a peer said (smtp/reply.h). */
#ifndef MTALAB_CHECK_H
#define MTALAB_CHECK_H

#ifdef NDEBUG
#error "mtalab is built with assertions on"
#endif

#include <assert.h>

#define PRINTF_LIKE(format_at, first_at) __attribute__((format(printf, format_at, first_at)))
#define NORETURN                         __attribute__((noreturn))
#define MUST_USE                         __attribute__((warn_unused_result))

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#endif
