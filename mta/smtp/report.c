/* report.c - the words for kinds of reports and for what cut them short. */
#include "smtp/report.h"

static const char *const kind_names[REPORT_KINDS_COUNT] = {
    "notbounce", "bounce", "delay", "success", "autoreply", "challenge", "fbl"};

static const char *const trouble_texts[REPORT_TROUBLES_COUNT] = {"",
    "larger than a mebibyte: the rest was not read",
    "more than 10 levels of parts: not read deeper", "more than 64 parts: the rest was not read",
    "more than 1000 header fields: the rest was not read",
    "more than 500 recipients: the rest was not read", "more than 50 hops: a loop"};
static_assert(REPORT_BYTES_MAX == 1048576 && REPORT_DEPTH_MAX == 10 && REPORT_PARTS_MAX == 64 &&
        REPORT_FIELDS_MAX == 1000 && REPORT_RECIPIENTS_MAX == 500 && REPORT_HOPS_MAX == 50,
    "the texts say so");

const char *
report_kind_name(enum report_kind kind)
{
    assert((size_t)kind < COUNT_OF(kind_names));
    return kind_names[kind];
}

bool
report_kind_from_name(struct slice name, enum report_kind *kind)
{
    for (size_t i = 0; i < COUNT_OF(kind_names); i++)
        if (slice_equals(name, slice_of(kind_names[i]))) {
            *kind = (enum report_kind)i;
            return true;
        }
    return false;
}

const char *
report_trouble_text(enum report_trouble trouble)
{
    assert((size_t)trouble < COUNT_OF(trouble_texts));
    return trouble_texts[trouble];
}
