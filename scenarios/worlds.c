/* worlds.c - the same scenario in virtual time and on real sockets. */
#include "scenarios/worlds.h"

#include "base/map.h"
#include "base/mem.h"
#include "smtp/event.h"

enum party { CAMPAIGN, MTA, ISP, PARTIES };

struct stories { /* of one recipient; one line per event, in order */
    struct text of[PARTIES];
};

struct shape { /* of a run */
    struct map recipients;
    struct stories *stories;
    size_t stories_capacity;
    uint64_t counts[EVENT_KINDS_COUNT];
};

static bool
is_about_connections(uint8_t kind)
{
    return kind == EVENT_CONNECT || kind == EVENT_TLS || kind == EVENT_SESSION ||
        kind == EVENT_LIMIT_HIT || kind == EVENT_MX_CHANGED;
}

static enum party
party_of(uint8_t kind)
{
    switch (kind) {
    case EVENT_ATTEMPT:
    case EVENT_DEFERRED:
    case EVENT_DSN_RECEIVED:
    case EVENT_DSN_TROUBLE:
        return MTA;
    case EVENT_ACCEPTED:
    case EVENT_REFUSED:
    case EVENT_DSN_SENT:
        return ISP;
    default:
        return CAMPAIGN;
    }
}

/* "attempt 2 deferred 451 4.7.1 70": what does not depend on when and over which connection. */
static void
tell(struct text *story, const struct event *event)
{
    text_add_string(story, event_kind_name(event->kind));
    if (event->attempt > 0)
        text_printf(story, " %u", (unsigned)event->attempt);
    if (event->outcome != OUTCOME_NONE)
        text_printf(story, " %s", outcome_name(event->outcome));
    if (event->code > 0) {
        text_printf(story, " %u ", (unsigned)event->code);
        enhanced_format(story, enhanced_unpack(event->enhanced));
    }
    if (event->has_verdict)
        text_printf(story, " class %u", (unsigned)event->class);
    text_add_char(story, '\n');
}

static void
on_entry(void *arg, struct slice entry)
{
    struct shape *shape = arg;
    struct slice sender, rcpt;
    struct event event;
    bool is_new;
    uint32_t number;

    event_read(entry, &event, &sender, &rcpt);
    if (is_about_connections(event.kind))
        return;
    shape->counts[event.kind]++;
    if (rcpt.length == 0)
        return;
    number = map_put(&shape->recipients, rcpt, &is_new);
    if (is_new) {
        shape->stories = mem_grow(
            shape->stories, &shape->stories_capacity, number + 1, sizeof shape->stories[0]);
        shape->stories[number] = (struct stories){0};
    }
    tell(&shape->stories[number].of[party_of(event.kind)], &event);
}

static void
shape_release(struct shape *shape)
{
    for (uint32_t i = 0; i < shape->recipients.count; i++)
        for (int party = 0; party < PARTIES; party++)
            text_release(&shape->stories[i].of[party]);
    mem_free(shape->stories);
    map_release(&shape->recipients);
}

static enum worlds_verdict
play(const struct scenario *scenario, const struct expect_plan *plan,
    const struct world_options *options, struct shape *shape, struct error *err)
{
    struct world *world = world_new(scenario, plan, options, err);
    bool was_stopped = false, is_fine;

    if (world == NULL)
        return WORLDS_BROKEN;
    journal_observe(world_journal(world), on_entry, shape);
    is_fine = world_run(world, &was_stopped, err);
    world_free(&world);
    return !is_fine ? WORLDS_BROKEN : was_stopped ? WORLDS_STOPPED : WORLDS_AGREE;
}

/* The first line in which two stories part. */
static void
find_parting(struct slice one, struct slice other, struct slice *line, struct slice *other_line)
{
    bool has_more = true, has_other = true;

    do {
        has_more = slice_cut(one, '\n', line, &one);
        has_other = slice_cut(other, '\n', other_line, &other);
    } while (has_more && has_other && slice_equals(*line, *other_line));
    if (line->length == 0)
        *line = SLICE("nothing more");
    if (other_line->length == 0)
        *other_line = SLICE("nothing more");
}

static bool
stories_of_one_agree(
    struct slice rcpt, const struct stories *virtual, const struct stories *real, struct error *err)
{
    struct slice line, other_line;

    for (int party = 0; party < PARTIES; party++) {
        struct slice story = text_slice(&virtual->of[party]);
        struct slice other = text_slice(&real->of[party]);

        if (slice_equals(story, other))
            continue;
        find_parting(story, other, &line, &other_line);
        return error_set(err, ERROR_WORLD,
            "the two worlds part at %.*s: in virtual time \"%.*s\", on real sockets \"%.*s\"",
            SLICE_ARGS(rcpt), SLICE_ARGS(line), SLICE_ARGS(other_line));
    }
    return true;
}

static bool
stories_agree(const struct shape *virtual, const struct shape *real, struct error *err)
{
    static const struct stories none;

    for (uint32_t i = 0; i < virtual->recipients.count; i++) {
        struct slice rcpt = map_key(&virtual->recipients, i);
        uint32_t number;
        const struct stories *other =
            map_find(&real->recipients, rcpt, &number) ? &real->stories[number] : &none;

        if (!stories_of_one_agree(rcpt, &virtual->stories[i], other, err))
            return false;
    }
    return true;
}

static bool
counts_agree(const struct shape *virtual, const struct shape *real, struct error *err)
{
    for (unsigned kind = 1; kind < EVENT_KINDS_COUNT; kind++)
        if (virtual->counts[kind] != real->counts[kind])
            return error_set(err, ERROR_WORLD,
                "the two worlds differ: %llu events \"%s\" in virtual time, %llu on real sockets",
                (unsigned long long)virtual->counts[kind], event_kind_name((enum event_kind)kind),
                (unsigned long long)real->counts[kind]);
    return true;
}

enum worlds_verdict
worlds_compare(const struct scenario *scenario, const struct expect_plan *plan,
    const struct world_options *options, struct error *err)
{
    struct world_options virtual_options = *options, real_options = *options;
    struct shape virtual = {0}, real = {0};
    enum worlds_verdict verdict;

    virtual_options.is_real = false;
    real_options.is_real = true;
    virtual_options.journal_file = real_options.journal_file = NULL;
    verdict = play(scenario, plan, &virtual_options, &virtual, err);
    if (verdict == WORLDS_AGREE)
        verdict = play(scenario, plan, &real_options, &real, err);
    if (verdict == WORLDS_AGREE &&
        (!stories_agree(&virtual, &real, err) || !counts_agree(&virtual, &real, err)))
        verdict = WORLDS_DIFFER;
    shape_release(&virtual);
    shape_release(&real);
    return verdict;
}
