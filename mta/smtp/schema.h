/* schema.h - the keys of a file: type, range, default and one sentence about each.
 *
 * One table serves the check of a file, the defaults, `explain` and the JSON Schema, so that none of
 * them can say something else than the others. A key that this version knows and cannot honour
 * carries the reason: it is refused, never passed over.
 *
 * It stands on the floor of mail because replies, domains and mail addresses are types of it. */
#ifndef MTALAB_SCHEMA_H
#define MTALAB_SCHEMA_H

#include "base/text.h"

enum schema_type {
    SCHEMA_TEXT,
    SCHEMA_ID, /* letters, digits, '-' and '_' */
    SCHEMA_GLOB,
    SCHEMA_EXPRESSION, /* left as written, for who knows better */
    SCHEMA_WORD,       /* one of `words` */
    SCHEMA_YES_NO,
    SCHEMA_COUNT,
    SCHEMA_NUMBER,
    SCHEMA_PERCENT,
    SCHEMA_DURATION,
    SCHEMA_RATE,
    SCHEMA_SIZE,
    SCHEMA_TIME,
    SCHEMA_DURATION_RANGE, /* 5m..2h, 10m */
    SCHEMA_COUNT_RANGE,    /* 2..3, 1, 3.. */
    SCHEMA_LIMIT,          /* 20, 500/h, 5% */
    SCHEMA_WINDOW,         /* sliding 60s; its word is one of `words` */
    SCHEMA_REPLY,
    SCHEMA_IP,
    SCHEMA_ENDPOINT, /* 127.0.0.1:25, [::1]:25 */
    SCHEMA_MAILBOX,  /* kim@isp.test */
    SCHEMA_DOMAIN,
    SCHEMA_FILENAME,
    SCHEMA_MAP,      /* with the keys of `nested` */
    SCHEMA_ANYTHING, /* checked elsewhere */
};

enum {
    KEY_REQUIRED = 1,
    KEY_LIST = 2,        /* a list of the type */
    KEY_ONE_OR_LIST = 4, /* one of the type, or a list of them */
    KEY_NAMED = 8,       /* a map of names to the type (or to lists of it) */
};

struct word {
    const char *name;
    int value;
    const char *unsupported; /* why this version refuses it; NULL: it does not */
};

struct schema_key {
    const char *name;
    enum schema_type type;
    unsigned flags;
    const char *initial;             /* the default as one would write it; NULL: none */
    const char *min, *max;           /* as one would write them; NULL: none */
    const struct word *words;        /* ends with a row without name */
    const struct schema_key *nested; /* the same */
    const char *unsupported;
    const char *doc;
};

/* NULL: no such key. */
const struct schema_key *schema_find(const struct schema_key *keys, struct slice name);
const char *schema_type_phrase(enum schema_type type); /* "a duration, such as 90s or 5d2h" */

/* Tells people about the key at `path`, such as "isps.limits.window"; a name or an id on the way, as
 * in isps.bigmail.limits.rate.window, is passed over. False: there is none. */
bool schema_explain(const struct schema_key *keys, struct slice path, struct text *out);

#endif
