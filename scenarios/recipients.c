/* recipients.c - whom a delivery is for: addresses by row. */
#include "scenarios/recipients.h"

enum { DIGITS_MAX = 20 };

static bool
list_is_pattern(const struct recipients_config *list)
{
    return list->addresses == NULL;
}

static bool
list_is_endless(const struct recipients_config *list)
{
    return list_is_pattern(list) && list->count == 0;
}

static uint64_t
list_count(const struct recipients_config *list)
{
    return list_is_pattern(list) ? list->count : list->addresses_count;
}

uint64_t
recipients_count(const struct delivery_config *delivery)
{
    uint64_t count = 0;

    for (size_t i = 0; i < delivery->to_count && !list_is_endless(&delivery->to[i]); i++)
        count += list_count(&delivery->to[i]);
    return count;
}

bool
recipients_are_endless(const struct delivery_config *delivery)
{
    for (size_t i = 0; i < delivery->to_count; i++)
        if (list_is_endless(&delivery->to[i]))
            return true;
    return false;
}

/* "ok-", 7, "@rows.example" with width 4: ok-0007@rows.example */
static void
add_numbered(const struct recipients_config *list, uint64_t number, struct text *out)
{
    char digits[DIGITS_MAX];
    int length = 0;

    for (uint64_t rest = number; rest > 0 || length == 0; rest /= 10)
        digits[DIGITS_MAX - ++length] = (char)('0' + rest % 10);
    text_add_slice(out, list->before);
    for (int width = list->width; width > length; width--)
        text_add_char(out, '0');
    text_add(out, digits + DIGITS_MAX - length, (size_t)length);
    text_add_slice(out, list->after);
}

void
recipients_address(const struct delivery_config *delivery, uint64_t row, struct text *out)
{
    const struct recipients_config *list = delivery->to;

    while (!list_is_endless(list) && row >= list_count(list)) {
        row -= list_count(list);
        list++;
        assert(list < delivery->to + delivery->to_count);
    }
    if (list_is_pattern(list))
        add_numbered(list, row + 1, out);
    else
        text_add_slice(out, list->addresses[row]);
}

/* Addresses that begin or end differently are different, whatever number stands between. */
static bool
patterns_may_meet(const struct recipients_config *a, const struct recipients_config *b)
{
    for (size_t i = 0; i < a->before.length && i < b->before.length; i++)
        if (a->before.at[i] != b->before.at[i])
            return false;
    for (size_t i = 1; i <= a->after.length && i <= b->after.length; i++)
        if (a->after.at[a->after.length - i] != b->after.at[b->after.length - i])
            return false;
    return true;
}

bool
recipients_may_repeat(const struct delivery_config *delivery)
{
    for (size_t i = 0; i < delivery->to_count; i++) {
        if (!list_is_pattern(&delivery->to[i]))
            return true;
        for (size_t j = 0; j < i; j++)
            if (patterns_may_meet(&delivery->to[i], &delivery->to[j]))
                return true;
    }
    return false;
}

/* A quoted local part may hold an '@', a domain never does: the last one parts them. */
static size_t
last_at(struct slice address)
{
    const char *at = address.length > 0 ? memrchr(address.at, '@', address.length) : NULL;

    return at != NULL ? (size_t)(at - address.at) + 1 : 0;
}

struct slice
recipient_local(struct slice address)
{
    size_t domain_start = last_at(address);

    return (struct slice){address.at, domain_start > 0 ? domain_start - 1 : address.length};
}

struct slice
recipient_domain(struct slice address)
{
    size_t domain_start = last_at(address);

    return slice_from(address, domain_start > 0 ? domain_start : address.length);
}
