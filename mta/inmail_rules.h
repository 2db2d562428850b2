/* inmail_rules.h - the rows of inbound.tsv, read.
 *
 * Between inmail_rules.c, which reads them, and inmail.c, which judges by them. */
#ifndef MTALAB_INMAIL_RULES_H
#define MTALAB_INMAIL_RULES_H

#include "base/tsv.h"
#include "mta/inmail.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

enum inmail_where {
    INMAIL_ANYWHERE, /* no expression */
    INMAIL_SUBJECT,
    INMAIL_FROM,
    INMAIL_DIAGNOSTIC,
    INMAIL_WORDS, /* that the text for people has for this recipient */
    INMAIL_TEXT,
    INMAIL_WHERES_COUNT,
};

struct inmail_rule {
    struct slice id;
    int kind; /* enum report_kind, or -1: any */
    enum inmail_where where;
    int status[3];     /* class, subject, detail; -1: any */
    pcre2_code *regex; /* NULL: none */
    bool is_reply;     /* the bounce rules are asked, about what `where` names */
    struct verdict verdict;
    enum inmail_state state;
    struct slice example;
};

struct inmail_rules {
    const struct bounce_rules *bounces;
    struct arena arena; /* the texts */
    pcre2_general_context *memory;
    pcre2_compile_context *compiling;
    pcre2_match_context *matching;
    pcre2_match_data *data;
    struct inmail_rule *rules;
    size_t rules_count, rules_capacity;
};

/* What the rules look at. */
struct inmail_content {
    enum report_kind kind;
    struct enhanced_code status;
    struct slice where[INMAIL_WHERES_COUNT];
};

/* The first rule from `start` on that matches; rules_count: none. *phrase gets what matched. */
size_t inmail_find_rule(const struct inmail_rules *rules, const struct inmail_content *content,
    size_t start, struct slice *phrase);

#endif
