/* inmail_rules.h - the rows of inbound.tsv, read.
 *
 * Between inmail_rules.c, which reads them, and inmail.c, which judges by them. */
#ifndef MTALAB_INMAIL_RULES_H
#define MTALAB_INMAIL_RULES_H

#include "base/regexes.h"
#include "base/tsv.h"
#include "mta/inmail.h"

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
    int status[3]; /* class, subject, detail; -1: any */
    bool has_regex;
    uint32_t regex; /* its number in the set of `where` */
    bool is_reply;  /* the bounce rules are asked, about what `where` names */
    struct verdict verdict;
    enum inmail_state state;
    struct slice example;
    struct tsv_row row; /* while reading, for diagnostics */
};

struct inmail_rules {
    const struct bounce_rules *bounces;
    struct arena arena;                           /* the texts */
    struct regexes *regexes[INMAIL_WHERES_COUNT]; /* one set per place to look in */
    struct inmail_rule *rules;
    size_t rules_count, rules_capacity;
    size_t first_of_table; /* while judging */
};

/* What the rules look at; a text is searched when the first of its rules is reached. */
struct inmail_search {
    enum report_kind kind;
    struct enhanced_code status;
    struct slice where[INMAIL_WHERES_COUNT];
    bool is_marked[INMAIL_WHERES_COUNT];
    struct regex_marks marks[INMAIL_WHERES_COUNT];
};

/* Empty places everywhere. */
void inmail_search_begin(struct inmail_search *search, enum report_kind kind);
/* The first rule from `start` on that matches; rules_count: none. *phrase gets what matched. */
size_t inmail_find_rule(const struct inmail_rules *rules, struct inmail_search *search,
    size_t start, struct slice *phrase);

#endif
