/* classify.c - replies in, rows out. */
#include "mta/classify.h"

void
classify_add_cell(struct text *out, struct slice cell)
{
    for (size_t i = 0; i < cell.length; i++) {
        unsigned char c = (unsigned char)cell.at[i];

        text_add_char(out, c < ' ' || c == 127 ? ' ' : cell.at[i]);
    }
}

void
classify_add_verdict(struct text *out, const struct bounce *bounce)
{
    text_add_u64(out, bounce->verdict.class);
    text_add_char(out, '\t');
    text_add_string(out, reason_name((enum failure_reason)bounce->verdict.reason));
    text_add_char(out, '\t');
    text_add_string(out, type_name((enum failure_type)bounce->verdict.type));
    text_add_char(out, '\t');
    classify_add_cell(out, bounce->rule);
}

void
classify_header(struct text *out)
{
    text_add_string(out, "class\tadobe_reason\tadobe_type\trule\n");
}

void
classify_reply(const struct bounce_rules *rules, const struct classify_about *about,
    struct slice line, struct text *out)
{
    struct refusal refusal = {.stage = about->stage};
    struct bounce bounce;

    reply_find(line, &refusal.reply);
    bounce = bounce_qualify(rules, &refusal);
    classify_add_verdict(out, &bounce);
    text_add_char(out, '\n');
}
