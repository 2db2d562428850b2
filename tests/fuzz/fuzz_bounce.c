/* fuzz_bounce.c - any reply gets a verdict, and any table is read or refused.
 *
 * The first byte chooses what the rest is: a table of rules, or stage, code and text of a reply. */
#include "mta/bounce.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void
qualify(const struct bounce_rules *rules, const uint8_t *bytes, size_t length)
{
    struct refusal refusal = {.stage = (enum smtp_stage)(bytes[0] % STAGES_COUNT)};
    struct enhanced_code enhanced;
    struct slice rest;

    refusal.reply.code = (uint16_t)(200 + (bytes[1] * 256 + bytes[2]) % 400);
    refusal.reply.text = (struct slice){(const char *)bytes + 3, length - 3};
    if (enhanced_parse(refusal.reply.text, &enhanced, &rest)) {
        refusal.reply.enhanced = enhanced;
        refusal.reply.text = rest;
    }
    assert(class_is_known(bounce_qualify(rules, &refusal).verdict.class));
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    static struct bounce_rules *built_in;
    struct bounce_table table, classes = class_table_built_in();
    struct bounce_rules *rules;
    struct error err = {0};

    if (built_in == NULL)
        built_in = bounce_rules_new();
    if (length < 4)
        return 0;
    if (bytes[0] != 't') {
        qualify(built_in, bytes, length);
        return 0;
    }
    table = (struct bounce_table){
        "rules", {(const char *)bytes + 1, length - 1}
    };
    rules = bounce_rules_read(&table, 1, &classes, &err);
    assert(rules != NULL || err.kind == ERROR_CONFIG);
    bounce_rules_free(&rules);
    return 0;
}
