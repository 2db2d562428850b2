/* shaping.h - what the operator allows: connections, messages on each of them, messages per hour.
 * Whatever a controller finds out (mta/controller.h) stays within.
 *
 * The MX rule of a site is the first that fits. Scopes then say single options otherwise for a part
 * of the traffic, in Momentum's order; who is above wins:
 *
 *      domain, source IP and pool        an exact domain before a pattern,
 *      domain and source IP              and of patterns the one that stands first
 *      domain and pool
 *      source IP (and pool)
 *      pool
 *      domain
 *      the MX rule, where it says the option itself
 *      the scope of everything
 *
 * Ownership  rules and scopes are borrowed. */
#ifndef MTALAB_SHAPING_H
#define MTALAB_SHAPING_H

#include "mta/mta.h"

/* The first rule that fits; NULL host or domain never fits a glob that is given. */
const struct mx_rule *mx_rule_for(const struct mta_config *config, struct slice domain,
    const struct slice *hosts, size_t hosts_count);

/* Whether the scope may say something about mail to this domain. */
bool mx_scope_fits(const struct mx_scope *scope, struct slice domain);

struct mx_terms {                                    /* what holds for one of our IPs at one site */
    struct mx_rule rule;                             /* each option as the winner has it */
    const struct mx_scope *connections_of, *hour_of; /* who that is; NULL: the MX rule */
};
#define MX_NO_SOURCE UINT32_MAX /* what holds where no scope names an IP */

/* The scopes are those that fit the domain, in their order. */
struct mx_terms mx_terms_resolve(const struct mx_rule *rule, const struct mx_scope *const *scopes,
    size_t scopes_count, const struct pool *pool, uint32_t source);

#endif
