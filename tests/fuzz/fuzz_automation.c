/* fuzz_automation.c - any table of what to do about replies is read or refused, and then asked.
 *
 * The first byte chooses whose table it is; up to a NUL it is the table, then a reply. */
#include "mta/automation.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct automation_tables tables = {0};
    enum automation_book book;
    struct automation *automation;
    struct slice rows, words;
    struct error err = {0};

    if (length < 2)
        return 0;
    book = bytes[0] % 2 == 0 ? AUTOMATION_MOMENTUM : AUTOMATION_KUMO;
    slice_cut((struct slice){(const char *)bytes + 1, length - 1}, '\0', &rows, &words);
    tables.of[book] = (struct automation_table){"own.tsv", rows};
    automation = automation_read(&tables, &err);
    assert(automation != NULL || err.kind == ERROR_CONFIG);
    if (automation != NULL) {
        const struct smtp_reply reply = {.code = 451, .text = words};
        const struct automation_rule *rule = automation_find(automation, book, SLICE("mx.isp.test"),
            &reply, (enum reply_subject)(bytes[0] / 2 % REPLY_SUBJECTS_COUNT));

        assert(rule == NULL || rule->actions_count > 0);
        assert(rule == NULL || rule->number < automation_count(automation, book));
    }
    automation_free(&automation);
    return 0;
}
