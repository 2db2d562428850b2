/* mailer_route.c - where a letter goes: the exchangers of the recipient's domain, best first, each at
 * its addresses. */
#include "base/mem.h"
#include "fakeisp/mailer_letter.h"
#include "fakeisp/pattern.h"

static void on_mx(void *arg, const struct dns_answer *answer);

static void
ask(struct letter *letter, struct slice name, enum dns_type type, answer_fn *fn)
{
    letter->query = resolver_query(letter->mailer->setup.resolver, name, type, fn, letter);
}

void
route_stop(struct letter *letter)
{
    if (letter->query != NULL)
        query_cancel(&letter->query);
    text_clear(&letter->hosts);
    letter->hosts_count = letter->host = 0;
    letter->addresses_count = letter->address = 0;
}

void
route_begin(struct letter *letter)
{
    const struct mailer_setup *setup = &letter->mailer->setup;

    if (setup->to.family != 0) {
        letter->addresses[letter->addresses_count++] = setup->to;
        route_next(letter);
        return;
    }
    ask(letter, address_domain(text_slice(&letter->rcpt)), DNS_MX, on_mx);
}

static void
add_host(struct letter *letter, struct slice name)
{
    if (letter->hosts_count == ROUTE_HOSTS_MAX)
        return;
    text_add_slice(&letter->hosts, name);
    letter->host_ends[letter->hosts_count++] = letter->hosts.length;
}

static struct slice
host_name(const struct letter *letter, size_t host)
{
    size_t start = host > 0 ? letter->host_ends[host - 1] : 0;

    return (struct slice){letter->hosts.bytes + start, letter->host_ends[host] - start};
}

/* By preference; equal ones as DNS gave them. */
static void
add_hosts(struct letter *letter, const struct dns_answer *answer)
{
    int32_t done = -1;

    while (letter->hosts_count < answer->mx_count && letter->hosts_count < ROUTE_HOSTS_MAX) {
        int32_t best = INT32_MAX;

        for (size_t i = 0; i < answer->mx_count; i++)
            if (answer->mx[i].preference > done && answer->mx[i].preference < best)
                best = answer->mx[i].preference;
        for (size_t i = 0; i < answer->mx_count; i++)
            if (answer->mx[i].preference == best)
                add_host(letter, answer->mx[i].host);
        done = best;
    }
}

static void
on_mx(void *arg, const struct dns_answer *answer)
{
    struct letter *letter = arg;

    letter->query = NULL;
    switch (answer->status) {
    case DNS_OK:
        if (answer->mx_count == 1 && answer->mx[0].host.length == 0)
            break; /* null MX (RFC 7505) */
        add_hosts(letter, answer);
        route_next(letter);
        return;
    case DNS_NO_DATA:
        add_host(letter, address_domain(text_slice(&letter->rcpt)));
        route_next(letter);
        return;
    case DNS_SERVFAIL:
    case DNS_TIMED_OUT:
        letter_end_try(letter, MAILER_GAVE_UP);
        return;
    case DNS_NO_NAME:
        break;
    }
    letter_end_try(letter, MAILER_REFUSED);
}

static void
on_address(void *arg, const struct dns_answer *answer)
{
    struct letter *letter = arg;
    size_t count = answer->status == DNS_OK ? answer->addresses_count : 0;

    letter->query = NULL;
    letter->addresses_count = letter->address = 0;
    for (size_t i = 0; i < count && i < ROUTE_ADDRESSES_MAX; i++) {
        letter->addresses[i] = answer->addresses[i];
        letter->addresses[i].port = letter->mailer->setup.port;
        letter->addresses_count++;
    }
    route_next(letter);
}

void
route_next(struct letter *letter)
{
    if (letter->address < letter->addresses_count)
        session_begin_at(letter, &letter->addresses[letter->address++]);
    else if (letter->host < letter->hosts_count)
        ask(letter, host_name(letter, letter->host++), DNS_ADDRESS, on_address);
    else
        letter_end_try(letter, MAILER_GAVE_UP);
}
