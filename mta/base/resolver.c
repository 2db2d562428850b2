/* resolver.c - the door to DNS: calls passed on to who implements. */
#include "base/resolver.h"

const char *
dns_status_name(enum dns_status status)
{
    static const char *const names[] = {
        [DNS_OK] = "ok",
        [DNS_NO_DATA] = "nodata",
        [DNS_NO_NAME] = "nxdomain",
        [DNS_SERVFAIL] = "servfail",
        [DNS_TIMED_OUT] = "timeout",
    };

    assert(status < COUNT_OF(names));
    return names[status];
}

struct query *
resolver_query(
    struct resolver *resolver, struct slice name, enum dns_type type, answer_fn *fn, void *arg)
{
    return resolver->door->query(resolver, name, type, fn, arg);
}

void
query_cancel(struct query **query)
{
    struct query *cancelled = *query;

    *query = NULL;
    if (cancelled != NULL)
        cancelled->door->cancel(cancelled);
}

void
resolver_free(struct resolver **resolver)
{
    struct resolver *freed = *resolver;

    *resolver = NULL;
    if (freed != NULL)
        freed->door->free(freed);
}
