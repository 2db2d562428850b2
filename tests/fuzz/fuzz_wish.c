/* fuzz_wish.c - whatever an address says, what it wishes for stays within its bounds. */
#include "fakeisp/wish.h"

#include "base/unit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wish wish;
    bool means = wish_read((struct slice){(const char *)data, size}, &wish);

    assert(means || (wish.kind == WISH_NOTHING && wish.report == DSN_NONE && wish.delay_us == 0));
    assert(wish.stage == STAGE_RCPT || wish.stage == STAGE_DATA || wish.stage == STAGE_DOT);
    assert(wish.delay_us >= 0 && wish.delay_us <= US_PER_HOUR);
    assert(wish.drip_us >= 0 && wish.drip_us <= US_PER_HOUR);
    assert(wish.report_after_us >= 0 && wish.report_after_us <= 7 * US_PER_DAY);
    if (wish.kind == WISH_REPLY) {
        assert(wish.code >= 200 && wish.code < 600 && wish.code / 100 != 3);
        assert(wish.enhanced.class == wish.code / 100);
    }
    return 0;
}
