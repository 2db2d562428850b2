/* vocabulary.h - the words that expressions may use for what has a fixed set of values, and the
 * fields of events. A word that is not in its list is an error of the scenario, never a comparison
 * that is quietly false. */
#ifndef MTALAB_VOCABULARY_H
#define MTALAB_VOCABULARY_H

#include "scenarios/campaign.h"
#include "smtp/event.h"

enum vocabulary {
    WORDS_STATUS, /* log.status */
    WORDS_REASON,
    WORDS_TYPE,
    WORDS_STAGE,
    WORDS_OUTCOME,
    WORDS_DSN_KIND, /* RFC 3464 2.3.3, failed first: it is the usual one */
    WORDS_FREE,     /* no list: anything may be said */
};
enum { WORDS_MAX = 64 };

/* The words in the order of their numbers; how many there are. */
size_t vocabulary_words(enum vocabulary vocabulary, const char *words[WORDS_MAX]);
/* Bit i: word i is meant by `pattern`. 0: none. */
uint64_t vocabulary_match(enum vocabulary vocabulary, struct slice pattern);
unsigned vocabulary_reason_number(enum failure_reason reason); /* its place among WORDS_REASON */

enum event_field {
    FIELD_RCPT,
    FIELD_DELIVERY,
    FIELD_ISP,
    FIELD_HOST,
    FIELD_SOURCE_IP,
    FIELD_SESSION,
    FIELD_ATTEMPT,
    FIELD_STAGE,
    FIELD_CODE,
    FIELD_ENHANCED,
    FIELD_TEXT,
    FIELD_CLASS,
    FIELD_REASON,
    FIELD_TYPE,
    FIELD_KIND,
    FIELD_OUTCOME,
    FIELD_RULE,
    FIELD_LIMIT,
    FIELDS_COUNT,
};

const char *field_name(enum event_field field);
bool field_from_name(struct slice name, enum event_field *field);
bool field_is_number(enum event_field field); /* session, attempt, code, class */
enum vocabulary field_vocabulary(enum event_field field);

/* What is written about an address or a name is a pattern if it holds `*` or `?`. */
bool pattern_is_glob(struct slice pattern);

/* Every combination of status, reason and type that a row of the delivery log can show. */
enum { ROW_STATUSES = 6, ROW_REASONS = 12, ROW_TYPES = 4 };
enum { ROW_COMBINATIONS = ROW_STATUSES * ROW_REASONS * ROW_TYPES };
struct row vocabulary_combination(unsigned number);

#endif
