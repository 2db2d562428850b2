/* wish.h - addresses that say what shall happen to them: 550_5.1.1@…, dsn_20m_5.2.2@….
 *
 * The local part is words joined by '_', read from left to right; what stands behind a '+' is left
 * alone, and capitals do not matter. One table has the words, reads them and explains them. */
#ifndef MTALAB_WISH_H
#define MTALAB_WISH_H

#include "fakeisp/isp.h"

enum wish_kind {
    WISH_NOTHING, /* accepted */
    WISH_REPLY,
    WISH_CLOSE,
    WISH_RESET,
    WISH_SILENCE,
    WISH_HELP,
};

struct wish {
    enum wish_kind kind;
    enum smtp_stage stage; /* rcpt, data or dot: where it happens */
    uint16_t code;         /* of a reply, 200 .. 599 */
    struct enhanced_code enhanced;
    int64_t delay_us; /* before it, at most an hour */
    int64_t drip_us;  /* one byte of the reply per so long; 0: no */
    int64_t young_us; /* only while the address is known for less than this; 0: always */
    uint32_t times;   /* only the first so many times; 0: always */
    /* Once accepted: */
    enum dsn_kind report; /* DSN_NONE: none comes back */
    enum isp_return_kind back;
    int64_t report_after_us;
    struct enhanced_code report_code;
    struct slice style; /* a word that may name a dialect, of the address; empty: none */
};

/* False: the address means nothing, and *wish is WISH_NOTHING. */
bool wish_read(struct slice address, struct wish *wish);

void wish_help(struct text *out); /* lines, joined by '\n' */

#endif
