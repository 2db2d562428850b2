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

static struct refusal
refusal_of(const struct classify_about *about, struct slice line)
{
    struct refusal refusal = {.stage = about->stage, .domain = about->domain};

    reply_find(line, &refusal.reply);
    return refusal;
}

void
classify_reply(const struct bounce_rules *rules, const struct classify_about *about,
    struct slice line, struct text *out)
{
    const struct refusal refusal = refusal_of(about, line);
    struct bounce bounce = bounce_qualify(rules, &refusal);

    classify_add_verdict(out, &bounce);
    text_add_char(out, '\n');
}

static void
explain_rule(struct text *out, const char *role, const struct bounce *bounce, struct slice phrase)
{
    const struct verdict *verdict = &bounce->verdict;

    text_printf(out, "  %-10s%.*s", role, SLICE_ARGS(bounce->rule));
    if (phrase.length > 0)
        text_add_string(out, ", for \"");
    else if (verdict->class != CLASS_UNDETERMINED) /* else it takes the rest */
        text_add_string(out, ", for its codes");
    classify_add_cell(out, phrase);
    text_printf(out, "%s: class %d %s, %s, %s\n", phrase.length > 0 ? "\"" : "", verdict->class,
        class_name((enum bounce_class)verdict->class),
        reason_name((enum failure_reason)verdict->reason),
        type_name((enum failure_type)verdict->type));
}

void
classify_explain(const struct bounce_rules *rules, const struct classify_about *about,
    struct slice line, struct text *out)
{
    const struct refusal refusal = refusal_of(about, line);
    struct bounce_reasoning reasoning;

    bounce_explain(rules, &refusal, &reasoning);
    classify_add_cell(out, line);
    text_add_char(out, '\n');
    explain_rule(out, "rule", &reasoning.bounce, reasoning.phrase);
    if (reasoning.bounce.code != 0) {
        text_printf(out, "  %-10s%u ", "code", (unsigned)reasoning.bounce.code);
        enhanced_format(out, reasoning.bounce.enhanced);
        text_add_string(out, " from there on\n");
    }
    if (reasoning.runner_up.rule.length > 0)
        explain_rule(out, "runner-up", &reasoning.runner_up, reasoning.runner_up_phrase);
}
