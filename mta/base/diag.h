/* diag.h - what is wrong with somebody's file: several diagnostics per run, each with its place.
 *
 *   scenarios/bigmail.yaml:31:7: error: unknown key "windw" in isps.bigmail.limits.rate
 *      31 |       windw: sliding 60s
 *         |       ^~~~~ did you mean "window"?
 *   profiles/isp-bigmail.yaml:12:5: note: limits was opened here (extended by bigmail)
 *
 * Ownership  diagnostics copy what they are told. Files' texts are added by who read them, so that
 *            the line can be shown; they must outlive the diagnostics.
 * Errors     none; diagnostics are the errors. */
#ifndef MTALAB_DIAG_H
#define MTALAB_DIAG_H

#include <stdio.h>

#include "base/mem.h"
#include "base/text.h"

struct mark {
    const char *filename; /* as the user named it; outlives the diagnostics */
    int line, column;     /* from 1; 0: the file as a whole */
    int length;           /* bytes to underline, at least 1 where there is a column */
};

enum diag_severity {
    DIAG_ERROR,
    DIAG_WARNING,
    DIAG_NOTE, /* belongs to the diagnostic before it */
};

struct diagnostic {
    enum diag_severity severity;
    struct mark mark;
    const char *text;
    const char *hint; /* after the caret: "did you mean \"window\"?"; may be NULL */
};

enum { DIAG_MAX = 50 }; /* more are counted, not kept */

struct diagnostics {
    struct diagnostic *list;
    size_t count, capacity;
    size_t errors_count;  /* also those not kept */
    size_t dropped_count; /* errors and warnings not kept */
    struct diag_file *files;
    size_t files_count, files_capacity;
    struct arena arena;
};

void diagnostics_release(struct diagnostics *diagnostics);
void diagnostics_add_file(struct diagnostics *diagnostics, const char *filename, struct slice text);

/* Always returns false, so that a failing branch is one line. `hint` may be NULL. */
bool diagnose(struct diagnostics *diagnostics, struct mark mark, const char *hint,
    const char *format, ...) PRINTF_LIKE(4, 5);
void diagnose_warning(struct diagnostics *diagnostics, struct mark mark, const char *hint,
    const char *format, ...) PRINTF_LIKE(4, 5);
void diagnose_note(struct diagnostics *diagnostics, struct mark mark, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* The nearest of `words` to what was written, if near enough to be a slip; NULL otherwise. */
const char *nearest_word(struct slice written, const char *const *words, size_t count);

/* The sketch above. A long line is shown as a window around the caret; a hint that has no caret to
 * stand behind stands behind the text, in parentheses. With colour if asked. */
void diagnostics_render(const struct diagnostics *diagnostics, struct text *out, bool in_colour);

#endif
