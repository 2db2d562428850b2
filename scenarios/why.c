/* why.c - one recipient's story. */
#include "scenarios/why.h"

#include "base/map.h"
#include "base/unit.h"
#include "scenarios/world.h"
#include "smtp/event.h"

struct listener_notes { /* of one world */
    struct world *world;
    struct slice wanted;
    struct map recipients;
    struct text stories[WHY_RECIPIENTS_MAX];
    uint64_t left_out; /* recipients beyond the bound */
};

static bool
is_wanted(struct slice wanted, struct slice rcpt)
{
    struct slice local = rcpt;

    for (size_t i = rcpt.length; i-- > 0;) {
        if (rcpt.at[i] == '@') {
            local.length = i;
            break;
        }
    }
    return slice_glob(wanted, rcpt) || slice_glob(wanted, local);
}

static void
add_field(struct text *out, const char *name, struct slice value)
{
    if (value.length > 0)
        text_printf(out, "  %s %.*s", name, SLICE_ARGS(value));
}

static void
add_reply(struct text *out, const struct journal *journal, const struct event *event)
{
    if (event->code > 0)
        text_printf(out, "  %u", event->code);
    if (event->enhanced != 0) {
        text_add_char(out, ' ');
        enhanced_format(out, enhanced_unpack(event->enhanced));
    }
    if (event->text != 0) {
        struct slice text = journal_name_text(journal, event->text);

        text_add_string(out, event->code > 0 ? " " : "  ");
        for (size_t i = 0; i < text.length; i++)
            text_add_char(out, (unsigned char)text.at[i] < ' ' ? ' ' : text.at[i]);
    }
}

static void
tell_event(struct text *out, const struct journal *journal, const struct event *event)
{
    struct text clock = {0};

    unit_format_clock(&clock, event->at_us);
    text_printf(out, "  %14s  %-12s", text_string(&clock), event_kind_name(event->kind));
    text_release(&clock);
    if (event->attempt > 0)
        text_printf(out, "  try %u", event->attempt);
    if (event->stage != STAGE_NONE)
        add_field(out, "at", slice_of(stage_name(event->stage)));
    add_field(out, "host", journal_name_text(journal, event->host));
    add_reply(out, journal, event);
    if (event->has_verdict) {
        text_printf(out, "  -> class %u %s: %s, %s", event->class, class_name(event->class),
            reason_name(event->reason), type_name(event->type));
    }
    add_field(out, "by rule", journal_name_text(journal, event->rule));
    add_field(out, "limit", journal_name_text(journal, event->limit));
    text_add_char(out, '\n');
}

static void
note(void *arg, struct slice entry)
{
    struct listener_notes *notes = arg;
    const struct journal *journal = world_journal(notes->world);
    struct event event;
    struct slice sender, rcpt;
    uint32_t number;
    bool is_new;

    event_read(entry, &event, &sender, &rcpt);
    if (rcpt.length == 0 || !is_wanted(notes->wanted, rcpt))
        return;
    if (!map_find(&notes->recipients, rcpt, &number) &&
        notes->recipients.count == WHY_RECIPIENTS_MAX) {
        notes->left_out++;
        return;
    }
    number = map_put(&notes->recipients, rcpt, &is_new);
    tell_event(&notes->stories[number], journal, &event);
}

static void
tell_end(struct listener_notes *notes, uint32_t number, struct text *out)
{
    const struct campaign *campaign = world_campaign(notes->world);
    struct slice address = map_key(&notes->recipients, number);

    text_printf(out, "%.*s\n", SLICE_ARGS(address));
    text_add_slice(out, text_slice(&notes->stories[number]));
    if (campaign_is_quarantined(campaign, address))
        text_add_string(out, "  in quarantine at the end\n");
}

bool
why_tell(const struct scenario *scenario, uint64_t seed, struct slice recipient, struct text *out,
    struct error *err)
{
    struct listener_notes notes = {.wanted = recipient};
    const struct world_options options = {.seed = seed, .until_us = scenario->until_us};
    struct diagnostics none = {0};
    struct expect_plan *plan = expect_compile(scenario, &none);
    bool was_stopped = false, is_fine = false;

    if (plan == NULL)
        error_set(err, ERROR_CONFIG, "%s: its expectations are not valid; see mtalab check",
            scenario->filename);
    else
        notes.world = world_new(scenario, plan, &options, err);
    if (notes.world != NULL) {
        journal_observe(world_journal(notes.world), note, &notes);
        is_fine = world_run(notes.world, &was_stopped, err);
    }
    if (is_fine && notes.recipients.count == 0)
        is_fine = error_set(err, ERROR_USAGE, "%s has no recipient like \"%.*s\"",
            scenario->filename, SLICE_ARGS(recipient));
    for (uint32_t i = 0; is_fine && i < notes.recipients.count; i++)
        tell_end(&notes, i, out);
    if (notes.left_out > 0)
        text_printf(out, "... and more: a narrower pattern shows them\n");
    for (size_t i = 0; i < WHY_RECIPIENTS_MAX; i++)
        text_release(&notes.stories[i]);
    map_release(&notes.recipients);
    world_free(&notes.world);
    expect_plan_free(&plan);
    diagnostics_release(&none);
    return is_fine;
}
