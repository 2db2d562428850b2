/* fuzz_verp.c - whatever a return path, a Message-ID or a quoted sender says, nobody without the key is
 * believed, and what is read is written the same again. */
#include "base/unit.h"
#include "mta/correlate.h"
#include "mta/mta.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct verp_key key = {
    {8, 3, 5}
};
static const struct slice domains[] = {
    {"campaign.example", 16}
};

static void
check_key(struct slice text, bool is_signed)
{
    struct verp_path path;
    struct text again = {0};

    if (!verp_read_key(text, is_signed, &path))
        return;
    assert(path.delivery.length > 0);
    assert((path.token.length > 0) == is_signed);
    verp_write_key(&again, path.delivery, path.row, path.token);
    assert(slice_equals(text_slice(&again), text));
    text_release(&again);
}

static void
check_correlation(struct slice text, const struct verp_key *with)
{
    const struct correlator_setup setup = {.domains = domains,
        .domains_count = 1,
        .key = with,
        .instance = SLICE("prod"),
        .window_us = 7 * US_PER_DAY};
    struct correlator *correlator = correlator_new(&setup);
    struct correlation correlation = {0};
    struct report report = {
        .message_id = text, .return_path = text, .feedback = {.mail_from = text}};
    struct mail_address address;
    const char *why;

    if (address_parse(text, &address, &why)) {
        correlator_ask(correlator, &address, 20454 * US_PER_DAY);
        correlate(correlator, &address, &report, 20454 * US_PER_DAY, &correlation);
        assert(with == NULL || correlation.by == CORRELATED_BY_NOTHING);
    }
    correlation_release(&correlation);
    correlator_free(&correlator);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = {(const char *)data, size};

    check_key(text, true);
    check_key(text, false);
    check_correlation(text, &key);
    check_correlation(text, NULL);
    return 0;
}
