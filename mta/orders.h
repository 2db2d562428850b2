/* orders.h - what may be asked of a running MTA through its control socket (base/control.h).
 *
 * Ownership  the struct is the caller's and outlives the control. */
#ifndef MTALAB_ORDERS_H
#define MTALAB_ORDERS_H

#include "base/control.h"
#include "mta/mta.h"

struct orders {
    struct loop *loop;
    struct mta *mta;
    /* Both are the program's: false, and why in the answer. */
    bool (*reload)(void *arg, struct text *answer);
    void (*stop)(void *arg);
    void *arg;
};

extern const struct control_command orders_table[]; /* for a control whose arg is a struct orders */

#endif
