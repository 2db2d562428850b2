/* pattern.c - globs on mail addresses. */
#include "fakeisp/pattern.h"

static bool
cut_address(struct slice address, struct slice *local, struct slice *domain)
{
    for (size_t i = address.length; i > 0; i--)
        if (address.at[i - 1] == '@') {
            *local = (struct slice){address.at, i - 1};
            *domain = slice_from(address, i);
            return true;
        }
    *local = address;
    *domain = (struct slice){"", 0};
    return false;
}

struct slice
address_domain(struct slice address)
{
    struct slice local, domain;

    cut_address(address, &local, &domain);
    return domain;
}

struct pattern
pattern_of(struct slice text)
{
    struct pattern pattern = {.is_any = text.length == 0 || slice_equals(text, SLICE("*")),
        .is_null_sender = slice_equals(text, SLICE("<>"))};

    pattern.has_domain = cut_address(text, &pattern.local, &pattern.domain);
    return pattern;
}

bool
pattern_matches(const struct pattern *pattern, struct slice address)
{
    struct slice local, domain;

    if (pattern->is_any)
        return true;
    if (pattern->is_null_sender)
        return address.length == 0;
    cut_address(address, &local, &domain);
    if (pattern->has_domain && !slice_glob_nocase(pattern->domain, domain))
        return false;
    return slice_glob(pattern->local, local);
}
