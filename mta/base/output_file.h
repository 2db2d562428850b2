/* output_file.h - a file or pipe to which lines are appended, now and again under a new file.
 *
 * Lines are gathered and leave with output_flush(), whole. A pipe whose reader is slow is never waited
 * for: what it did not take stays in memory, up to OUTPUT_WAITING_MAX.
 *
 * Ownership  the name is copied.
 * Errors     a flush that fails keeps what it could not write, and the next one tries again. */
#ifndef MTALAB_OUTPUT_FILE_H
#define MTALAB_OUTPUT_FILE_H

#include "base/error.h"
#include "base/text.h"

enum { OUTPUT_WAITING_MAX = 64 * 1024 * 1024 };

struct output;

/* Made if it is not there, with mode 0640. */
struct output *output_open(const char *filename, struct error *err);
void output_close(struct output **output); /* after a last flush; NULL is left alone */

/* Where the next lines are to be added. What is added beyond OUTPUT_WAITING_MAX is dropped by the
 * next flush, line by line, and counted. */
struct text *output_text(struct output *output);
/* True: everything is with the kernel. */
bool output_flush(struct output *output, struct error *err) MUST_USE;
/* For what must be there even after a loss of power. */
bool output_sync(struct output *output, struct error *err) MUST_USE;
/* What was added but not written is not: as if it had never been added. */
void output_take_back(struct output *output, size_t length);
/* The same name anew, for who has moved the file away (logrotate). On failure the old file stays. */
bool output_reopen(struct output *output, struct error *err) MUST_USE;

uint64_t output_dropped(const struct output *output); /* bytes */

#endif
