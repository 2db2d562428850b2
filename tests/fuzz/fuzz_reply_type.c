/* fuzz_reply_type.c - any reply has a type, and any table is read or refused.
 *
 * The first byte chooses what the rest is: a table of rules or of weights, or stage, code and text of a
 * reply. */
#include "base/unit.h"
#include "mta/reply_type.h"
#include "mta/reply_weights.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    static struct reply_types *built_in;
    struct reply_types *types;
    struct reply_weights *weights;
    struct error err = {0};

    if (built_in == NULL)
        built_in = reply_types_new();
    if (length < 4)
        return 0;
    if (bytes[0] == 't') {
        types =
            reply_types_read("types", (struct slice){(const char *)bytes + 1, length - 1}, &err);
        assert(types != NULL || err.kind == ERROR_CONFIG);
        reply_types_free(&types);
    } else if (bytes[0] == 'w') {
        weights = reply_weights_read(
            "weights", (struct slice){(const char *)bytes + 1, length - 1}, &err);
        assert(weights != NULL || err.kind == ERROR_CONFIG);
        reply_weights_free(&weights);
    } else {
        struct smtp_reply reply = {
            .code = (uint16_t)(200 + (bytes[1] * 256 + bytes[2]) % 400),
            .text = {(const char *)bytes + 3, length - 3}
        };
        struct reply_type type = reply_type_find(
            built_in, SLICE("mx.qq.test"), (enum smtp_stage)(bytes[0] % STAGES_COUNT), &reply);

        assert(type.subject < REPLY_SUBJECTS_COUNT);
        assert(type.hold_us >= 0);
        assert(type.hold_us <= 7 * US_PER_DAY);
    }
    return 0;
}
