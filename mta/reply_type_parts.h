/* reply_type_parts.h - the rules as they were read; for reply_type*.c only.
 *
 *   reply_type_rules.c  reads the table and checks it
 *   reply_type.c        looks a reply up in it */
#ifndef MTALAB_REPLY_TYPE_PARTS_H
#define MTALAB_REPLY_TYPE_PARTS_H

#include "base/map.h"
#include "base/mem.h"
#include "base/tsv.h"
#include "mta/bounce.h"
#include "mta/reply_type.h"
#include "mta/reply_weights.h"

enum { PREFIX_BYTES = 4 };
static_assert((int)STAGES_COUNT < 32, "a set of stages is a number");

struct rule {
    struct slice hosts;         /* globs between commas; length 0: any */
    uint32_t stages;            /* bit by stage; 0: any */
    struct slice code;          /* "4xx"; length 0: any */
    struct slice status;        /* an enhanced code or its front; length 0: any */
    struct slice words;         /* phrases between '|'; length 0: any text */
    bool is_anywhere;           /* asides and links are searched for them too, and at once */
    bool is_aside;              /* its phrases begin an aside; it gives no type */
    bool is_weighed;            /* the weights give the type, if one group leads clearly */
    enum bounce_class class;    /* what the bounce rules read from the words; CLASS_NONE: any */
    enum failure_reason reason; /* and the reason; REASON_NONE: any */
    struct reply_type type;
    struct slice example;
    struct tsv_row row; /* while reading, for diagnostics */
};

struct filed { /* a phrase under its word */
    uint32_t rule;
    struct slice phrase;
    struct filed *next;
};

/* What asides begin with, in the order in which they are tried. */
struct openers {
    struct opener *all;
    uint32_t *rules; /* whose phrases they are */
    size_t count, all_capacity, rules_capacity;
};

struct reply_types {
    struct arena arena;
    struct rule *rules;
    size_t rules_count, rules_capacity;
    struct map words;     /* whole ones, and the front of longer ones with a '*' behind it */
    struct filed **files; /* by number of the word */
    size_t files_capacity;
    struct openers openers;
    uint32_t *wordless; /* rules that ask for no words, rising */
    size_t wordless_count, wordless_capacity;
    struct bounce_rules *bounces;  /* NULL: no rule asks for a class */
    struct reply_weights *weights; /* NULL: no rule asks for them */
    size_t weighed;                /* the number of that rule */
};

struct found {
    size_t rule; /* the number of the first that matches; one does, for the last takes the rest */
    struct weighed weighed;       /* if that rule asks for the weights */
    const struct rule *overruled; /* NULL, or the first, and the weights spoke against it */
};
/* `asks_weights` false: as if no group ever led clearly. */
struct found reply_type_search(const struct reply_types *types, struct slice host,
    enum smtp_stage stage, const struct smtp_reply *reply, bool asks_weights);
/* The number of the rule by which the first aside of a text is known; of the last one if none is. */
size_t reply_type_aside(const struct reply_types *types, struct slice text);

#endif
