/* vocabulary.c - the words that expressions may use for what has a fixed set of values. */
#include "scenarios/vocabulary.h"

static const enum failure_reason reasons[] = {REASON_NONE, REASON_NOT_DEFINED, REASON_USER_UNKNOWN,
    REASON_INVALID_DOMAIN, REASON_UNREACHABLE, REASON_ACCOUNT_DISABLED, REASON_MAILBOX_FULL,
    REASON_NOT_CONNECTED, REASON_DENYLISTED, REASON_QUARANTINED, REASON_DOUBLE, REASON_REFUSED};
static_assert(COUNT_OF(reasons) == ROW_REASONS, "all reasons that a row can have");

static const struct {
    const char *name;
    enum vocabulary vocabulary;
    bool is_number;
} fields[] = {
    [FIELD_RCPT] = {"rcpt",      WORDS_FREE,     false},
    [FIELD_DELIVERY] = {"delivery",  WORDS_FREE,     false},
    [FIELD_ISP] = {"isp",       WORDS_FREE,     false},
    [FIELD_HOST] = {"host",      WORDS_FREE,     false},
    [FIELD_SOURCE_IP] = {"source_ip", WORDS_FREE,     false},
    [FIELD_SESSION] = {"session",   WORDS_FREE,     true },
    [FIELD_ATTEMPT] = {"attempt",   WORDS_FREE,     true },
    [FIELD_STAGE] = {"stage",     WORDS_STAGE,    false},
    [FIELD_CODE] = {"code",      WORDS_FREE,     true },
    [FIELD_ENHANCED] = {"enhanced",  WORDS_FREE,     false},
    [FIELD_TEXT] = {"text",      WORDS_FREE,     false},
    [FIELD_CLASS] = {"class",     WORDS_FREE,     true },
    [FIELD_REASON] = {"reason",    WORDS_REASON,   false},
    [FIELD_TYPE] = {"type",      WORDS_TYPE,     false},
    [FIELD_KIND] = {"kind",      WORDS_DSN_KIND, false},
    [FIELD_OUTCOME] = {"outcome",   WORDS_OUTCOME,  false},
    [FIELD_RULE] = {"rule",      WORDS_FREE,     false},
    [FIELD_LIMIT] = {"limit",     WORDS_FREE,     false},
};
static_assert(COUNT_OF(fields) == FIELDS_COUNT, "a row per field");

static const char *
word(enum vocabulary vocabulary, unsigned number)
{
    switch (vocabulary) {
    case WORDS_STATUS:
        return number < ROW_STATUSES ? row_status_id((enum row_status)number) : NULL;
    case WORDS_REASON:
        return number < COUNT_OF(reasons) ? reason_id(reasons[number]) : NULL;
    case WORDS_TYPE:
        return number < ROW_TYPES ? type_id((enum failure_type)number) : NULL;
    case WORDS_STAGE:
        return number < STAGES_COUNT ? stage_name((enum smtp_stage)number) : NULL;
    case WORDS_OUTCOME:
        return number < OUTCOMES_COUNT ? outcome_name((enum event_outcome)number) : NULL;
    case WORDS_DSN_KIND:
        return number < DSN_KINDS_COUNT ? dsn_kind_name((enum dsn_kind)number) : NULL;
    case WORDS_FREE:
        break;
    }
    return NULL;
}

size_t
vocabulary_words(enum vocabulary vocabulary, const char *words[WORDS_MAX])
{
    size_t count = 0;

    while (count < WORDS_MAX && (words[count] = word(vocabulary, (unsigned)count)) != NULL)
        count++;
    return count;
}

uint64_t
vocabulary_match(enum vocabulary vocabulary, struct slice pattern)
{
    const char *words[WORDS_MAX];
    size_t count = vocabulary_words(vocabulary, words);
    uint64_t hits = 0;

    for (size_t i = 0; i < count; i++)
        if (slice_glob(pattern, slice_of(words[i])))
            hits |= UINT64_C(1) << i;
    return hits;
}

unsigned
vocabulary_reason_number(enum failure_reason reason)
{
    for (unsigned i = 0; i < COUNT_OF(reasons); i++)
        if (reasons[i] == reason)
            return i;
    return 1; /* not_defined */
}

const char *
field_name(enum event_field field)
{
    return fields[field].name;
}

bool
field_from_name(struct slice name, enum event_field *field)
{
    for (size_t i = 0; i < FIELDS_COUNT; i++) {
        if (slice_equals(name, slice_of(fields[i].name))) {
            *field = (enum event_field)i;
            return true;
        }
    }
    return false;
}

bool
field_is_number(enum event_field field)
{
    return fields[field].is_number;
}

enum vocabulary
field_vocabulary(enum event_field field)
{
    return fields[field].vocabulary;
}

bool
pattern_is_glob(struct slice pattern)
{
    for (size_t i = 0; i < pattern.length; i++)
        if (pattern.at[i] == '*' || pattern.at[i] == '?')
            return true;
    return false;
}

struct row
vocabulary_combination(unsigned number)
{
    assert(number < ROW_COMBINATIONS);
    return (struct row){
        .status = (enum row_status)(number / (ROW_REASONS * ROW_TYPES)),
        .reason = reasons[number / ROW_TYPES % ROW_REASONS],
        .type = (enum failure_type)(number % ROW_TYPES),
    };
}
