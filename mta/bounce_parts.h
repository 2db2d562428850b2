/* bounce_parts.h - the rules as they were read; for bounce*.c only.
 *
 *   bounce_rules.c  reads the tables and checks them
 *   bounce_fold.c   a reply's text as the rules want to read it
 *   bounce.c        looks a refusal up in them */
#ifndef MTALAB_BOUNCE_PARTS_H
#define MTALAB_BOUNCE_PARTS_H

#include "base/mem.h"
#include "base/regexes.h"
#include "base/tsv.h"
#include "mta/bounce.h"

enum {
    ANY = -1,
    DIGITS_COUNT = 10,
    SUBJECTS_COUNT = 10, /* no enhanced code, X.0 to X.7, any other */
    CLASSES_MAX = CLASS_CHALLENGE_RESPONSE,
};

struct rule {
    struct slice id;
    struct slice domain;   /* glob; empty: any */
    enum smtp_stage stage; /* STAGE_NONE: any */
    int code[3];           /* digits, or ANY */
    int enhanced[3];       /* class, subject, detail, or ANY */
    bool has_enhanced;     /* a reply without an enhanced code does not match */
    bool has_words;        /* it asks for some; its expression has the number of the rule */
    struct verdict verdict;
    struct smtp_reply transcode; /* code 0: none */
    struct slice example;
    int line; /* of its table */
};

struct bounce_rules {
    struct arena arena;                       /* the texts and the buckets */
    struct verdict verdicts[CLASSES_MAX + 1]; /* by class; class 0: unknown */
    struct rule *rules;
    size_t count, capacity;
    bool ask_domains;
    bool are_ours; /* all of them are built in: their expressions and examples pass the tests */
    struct regexes *words;
    size_t words_count; /* 64 rules each */
    /* What is cheap to know of a reply, the first digit of its code and the subject of its enhanced
     * code, says which rules are for it: a bit for each. */
    uint64_t *buckets[DIGITS_COUNT][SUBJECTS_COUNT];
};

static inline bool
number_matches(int pattern, int number)
{
    return pattern == ANY || pattern == number;
}

static inline size_t
subject_bucket(struct enhanced_code enhanced)
{
    if (enhanced.class == 0)
        return 0;
    return enhanced.subject <= 7 ? (size_t)enhanced.subject + 1 : SUBJECTS_COUNT - 1;
}

/* Blanks and ends of lines are one space, codes that are said again are left out, addresses are masked;
 * what is beyond BOUNCE_TEXT_MAX is not looked at. The answer points into `out`. */
struct slice bounce_fold(const struct smtp_reply *reply, char out[BOUNCE_TEXT_MAX]);

/* The first rule from number `from` on that matches; rules->count: none does. */
size_t bounce_find(const struct bounce_rules *rules, const struct refusal *refusal, size_t from);

#endif
