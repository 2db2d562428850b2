/* arrived.h - which of the numbers 1, 2, 3, … have come already, in bounded memory.
 *
 * Numbers mostly come in order and without gaps. Kept are the first that has not come and a window
 * of bits behind it. A number beyond the window moves it on: what is still missing at its lower end
 * then counts as having come, because telling a thing twice does more harm than losing one that is
 * a million others late. */
#ifndef MTALAB_ARRIVED_H
#define MTALAB_ARRIVED_H

#include <stdbool.h>
#include <stdint.h>

enum { ARRIVED_WINDOW = 1 << 20 };

struct arrived {
    uint64_t next;  /* the first that has not come, minus 1: a zeroed struct is valid */
    uint64_t *bits; /* a ring; of next + 1 and those behind it. NULL: none came out of order yet */
    uint64_t early_count; /* bits that are set */
    uint64_t given_up_count;
};

void arrived_release(struct arrived *arrived);
/* True: it is new, and has come from now on. Numbers start at 1. */
bool arrived_put(struct arrived *arrived, uint64_t number);

#endif
