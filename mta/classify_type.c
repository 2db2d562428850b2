/* classify_type.c - replies in, their types out. */
#include "mta/classify_type.h"

#include "base/unit.h"

void
classify_type_header(struct text *out)
{
    text_add_string(out, "type\tgroup\tscope\thold\trule\n");
}

void
classify_type(const struct reply_types *types, struct slice host, enum smtp_stage stage,
    struct slice line, struct text *out)
{
    struct smtp_reply reply;
    struct reply_type type;
    struct text why = {0};

    reply_find(line, &reply);
    type = reply_type_explain(types, host, stage, &reply, &why);
    text_printf(out, "%s\t%s\t%s\t", reply_subject_name(type.subject), reply_group_name(type.group),
        reply_scope_name(type.scope));
    if (type.hold_us > 0)
        unit_format_duration(out, type.hold_us);
    text_printf(out, "\t%.*s\n", SLICE_ARGS(text_slice(&why)));
    text_release(&why);
}
