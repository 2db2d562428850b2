/* fuzz_resolver.c - whatever a name server says, what is read of it holds together.
 *
 * The first byte chooses what had been asked. */
#include "base/resolver_net_answer.h"
#include "base/unit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_answer(const struct packet_answer *read, size_t size)
{
    const struct dns_answer *answer = &read->answer;
    size_t records = answer->mx_count + answer->addresses_count + answer->texts_count;

    assert(answer->ttl_us >= 0);
    assert(answer->ttl_us <= (int64_t)INT32_MAX * US_PER_S);
    assert((answer->status == DNS_OK) == (records > 0));
    assert(records <= size);
    for (size_t i = 0; i < answer->mx_count; i++)
        for (size_t j = 0; j < answer->mx[i].host.length; j++)
            assert(answer->mx[i].host.at[j] == char_lower(answer->mx[i].host.at[j]));
    for (size_t i = 0; i < answer->addresses_count; i++)
        assert(answer->addresses[i].family == 4 || answer->addresses[i].family == 6);
    for (size_t i = 0; i < answer->texts_count; i++)
        assert(answer->texts[i].length <= size);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum record_type types[] = {RECORD_A, RECORD_AAAA, RECORD_MX, RECORD_TXT};
    struct packet_answer read = {0}, other = {0};

    if (size == 0)
        return 0;
    packet_answer_read(&read, types[data[0] % COUNT_OF(types)], data + 1, size - 1);
    check_answer(&read, size);
    packet_answer_read_negative(&other, DNS_NO_NAME, data + 1, size - 1);
    check_answer(&other, size);
    packet_answer_add(&other, &read);
    assert(other.answer.status == (read.answer.status == DNS_OK ? DNS_OK : DNS_NO_NAME));
    packet_answer_release(&read);
    packet_answer_release(&other);
    return 0;
}
