/* error.c - a failure of the world, told in one sentence. */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool
error_set(struct error *err, enum error_kind kind, const char *format, ...)
{
    va_list args;

    assert(kind != ERROR_NONE);
    err->kind = kind;
    va_start(args, format);
    vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    return false;
}

bool
error_prefix(struct error *err, const char *format, ...)
{
    char context[sizeof err->text];
    size_t used, kept;
    va_list args;

    assert(err->kind != ERROR_NONE);
    va_start(args, format);
    vsnprintf(context, sizeof context - 2, format, args);
    va_end(args);
    strcat(context, ": ");
    used = strlen(context);
    kept = strlen(err->text);
    if (kept > sizeof err->text - 1 - used)
        kept = sizeof err->text - 1 - used;
    memmove(err->text + used, err->text, kept);
    err->text[used + kept] = '\0';
    memcpy(err->text, context, used);
    return false;
}
