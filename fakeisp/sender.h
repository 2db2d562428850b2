/* sender.h - who a provider counts by, and what it remembers of each.
 *
 * A sender is told apart by its address, its network, its domain, who signed, the host it talks to,
 * or several of these (limit_key bits). What is remembered of each is a value in a `senders`: values
 * of one size, zeroed when new. There is a bound: when SENDERS_MAX are known, those that are idle are
 * forgotten; if too few are, newcomers share one value.
 *
 * Ownership  the caller's. A struct senders with nothing but its size set is valid and empty. A
 *            pointer to a value is good until the next senders_at(). */
#ifndef MTALAB_SENDER_H
#define MTALAB_SENDER_H

#include "base/map.h"
#include "fakeisp/isp.h"
#include "smtp/address.h"

enum { SENDERS_MAX = 1 << 20 };

struct sender_key {
    char bytes[64 + 2 * (ADDRESS_DOMAIN_MAX + 1)];
    size_t length;
};
struct sender_key sender_key(uint32_t per, const struct isp_sender *sender);

struct senders {
    size_t size; /* of a value */
    size_t max;  /* 0: SENDERS_MAX */
    struct map keys;
    char *values;
    size_t capacity;
    size_t misses; /* since the idle ones were forgotten last */
};

/* Whatever `release` must give back, may it be forgotten? */
struct senders_care {
    bool (*is_idle)(void *value, void *arg);
    void (*release)(void *value);
    void *arg;
};

void senders_release(struct senders *senders, const struct senders_care *care);
void *senders_at(
    struct senders *senders, const struct sender_key *key, const struct senders_care *care);
void *senders_find(const struct senders *senders, const struct sender_key *key); /* NULL: unknown */
void *senders_nth(const struct senders *senders, uint32_t number); /* below keys.count */

#endif
