/* controller.c - the doors that all controllers have, and what they all do alike. */
#include "mta/controller_parts.h"

#include "base/mem.h"

enum { MESSAGES_WORTH_A_CONNECTION = 20 };

static const struct controller_ops *const kinds[] = {
    [CONTROLLER_STATIC] = &controller_static,
    [CONTROLLER_MOMENTUM] = &controller_momentum,
    [CONTROLLER_POSTFIX] = &controller_postfix,
    [CONTROLLER_KUMO] = &controller_kumo,
    [CONTROLLER_AIMD] = &controller_aimd,
    [CONTROLLER_TLE] = &controller_tle,
    [CONTROLLER_ORACLE] = &controller_oracle,
};
static_assert(COUNT_OF(kinds) == CONTROLLER_KINDS_COUNT, "every kind has its operations");

struct controller *
controller_new(const struct mx_rule *rule, int64_t now_us, controller_tell_fn *tell, void *arg)
{
    const struct controller_ops *ops = kinds[rule->controller];
    struct controller *controller = mem_alloc_zeroed(ops->size);

    controller->ops = ops;
    controller->rule = rule;
    controller->tell = tell;
    controller->arg = arg;
    controller->created_us = now_us;
    controller->messages_per_connection = rule->messages_per_connection;
    controller->recipients_per_transaction = rule->recipients_per_transaction;
    if (ops->init != NULL)
        ops->init(controller, now_us);
    return controller;
}

static void
forget_triggers(struct controller *controller)
{
    size_t count = controller->triggers != NULL
        ? automation_count(controller->automation, controller->ops->book)
        : 0;

    for (size_t i = 0; i < count; i++)
        moments_release(&controller->triggers[i].events);
    mem_free(controller->triggers);
    controller->triggers = NULL;
}

void
controller_free(struct controller **controller)
{
    if (*controller == NULL)
        return;
    forget_triggers(*controller);
    if ((*controller)->ops->release != NULL)
        (*controller)->ops->release(*controller);
    mem_free(*controller);
    *controller = NULL;
}

void
controller_ask(struct controller *controller, site_truth_fn *truth, void *arg, struct slice host)
{
    controller->truth = truth;
    controller->truth_arg = arg;
    controller->host = host;
}

void
controller_automate(struct controller *controller, struct automation *automation)
{
    forget_triggers(controller);
    controller->automation = automation;
}

struct controller_nature
controller_nature(const struct mx_rule *rule)
{
    struct controller_nature nature = kinds[rule->controller]->nature;

    nature.is_decoupled = nature.is_decoupled && !rule->settings.is_coupled;
    return nature;
}

const char *
controller_name(enum controller_kind kind)
{
    return kinds[kind]->name;
}

static void
advance(struct controller *controller, int64_t now_us)
{
    if (controller->ops->advance != NULL)
        controller->ops->advance(controller, now_us);
}

void
controller_signal(struct controller *controller, const struct signal *signal)
{
    if (controller->ops->signal == NULL)
        return;
    advance(controller, signal->now_us);
    controller->ops->signal(controller, signal);
}

void
controller_outcome(struct controller *controller, enum bounce_class class, int64_t now_us)
{
    if (controller->ops->outcome == NULL)
        return;
    advance(controller, now_us);
    controller->ops->outcome(controller, class, now_us);
}

void
controller_complaint(struct controller *controller, int64_t now_us)
{
    if (controller->ops->complaint == NULL)
        return;
    advance(controller, now_us);
    controller->ops->complaint(controller, now_us);
}

int64_t
controller_retry_us(const struct controller *controller)
{
    return controller->retry_us;
}

uint32_t
controller_worth(uint32_t waiting, uint32_t limit)
{
    uint32_t wanted = (uint32_t)(((uint64_t)waiting + MESSAGES_WORTH_A_CONNECTION - 1) /
        MESSAGES_WORTH_A_CONNECTION);

    return wanted < limit ? wanted : limit;
}

uint32_t
controller_connections(struct controller *controller, uint32_t waiting, int64_t now_us)
{
    uint32_t wanted;

    advance(controller, now_us);
    wanted = controller->ops->connections(controller, waiting, now_us);
    return wanted < controller->rule->connections ? wanted : controller->rule->connections;
}

uint32_t
controller_messages_per_connection(const struct controller *controller)
{
    return controller->messages_per_connection;
}

uint32_t
controller_recipients_per_transaction(const struct controller *controller)
{
    return controller->recipients_per_transaction;
}

int64_t
controller_ready_at_us(struct controller *controller, int64_t now_us)
{
    int64_t at_us;

    advance(controller, now_us);
    if (controller->ops->ready_at_us == NULL)
        return controller->held_until_us;
    at_us = controller->ops->ready_at_us(controller, now_us);
    return at_us > controller->held_until_us ? at_us : controller->held_until_us;
}

void
controller_take(struct controller *controller, int64_t now_us)
{
    if (controller->ops->take != NULL)
        controller->ops->take(controller, now_us);
}

void
controller_describe(const struct controller *controller, int64_t now_us, struct text *out)
{
    text_add_string(out, controller->ops->name);
    if (controller->ops->describe != NULL)
        controller->ops->describe(controller, now_us, out);
    if (controller->held_until_us > now_us) {
        text_add_string(out, ", held for ");
        unit_format_duration(out, controller->held_until_us - now_us);
    }
}

/* --- automation ------------------------------------------------------------------------------ */

const struct automation_rule *
controller_rule_for(struct controller *c, const struct signal *s)
{
    if (c->automation == NULL || s->reply == NULL)
        return NULL;
    return automation_find(c->automation, c->ops->book, s->host, s->reply, s->type.subject);
}

static void
drop_oldest(struct trigger *trigger)
{
    trigger->count -= moments_oldest(&trigger->events)->amount;
    moments_drop_oldest(&trigger->events);
}

bool
controller_is_triggered(
    struct controller *c, const struct automation_rule *rule, int64_t period_us, int64_t now_us)
{
    struct trigger *trigger;

    if (rule->events == 1)
        return true;
    if (c->triggers == NULL)
        c->triggers =
            mem_alloc_zeroed(automation_count(c->automation, c->ops->book) * sizeof *c->triggers);
    trigger = &c->triggers[rule->number];
    while (trigger->count > 0 && moments_oldest(&trigger->events)->at_us <= now_us - period_us)
        drop_oldest(trigger);
    moments_add(&trigger->events, now_us, 1);
    trigger->count++;
    while (trigger->count - moments_oldest(&trigger->events)->amount >= rule->events)
        drop_oldest(trigger);
    return trigger->count >= rule->events;
}

/* --- changes --------------------------------------------------------------------------------- */

/* In the unit in which people would say it, to three digits or so. */
void
pace_format(struct text *out, int64_t pace)
{
    static const struct {
        int64_t seconds;
        const char *name;
    } units[] = {
        {1,    "/s"  },
        {60,   "/min"},
        {3600, "/h"  },
    };
    size_t i = 0;

    while (i + 1 < COUNT_OF(units) && pace * units[i].seconds < PACE_PER_S)
        i++;
    unit_format_decimal(out, ratio_of(pace * units[i].seconds, PACE_PER_S),
        pace * units[i].seconds < 100 * PACE_PER_S ? 2 : 0);
    text_add_string(out, units[i].name);
}

static void
tell(struct controller *c, const struct change_note *note, struct slice from, struct slice to)
{
    const struct controller_change change = {.what = note->what,
        .from = from,
        .to = to,
        .because = note->because,
        .next_probe_us = note->next_probe_us,
        .evidence = note->evidence,
        .rule = note->rule};

    c->tell(c->arg, note->now_us, &change);
}

void
controller_tell_pace(struct controller *c, const struct change_note *note, int64_t from, int64_t to)
{
    struct text words[2] = {0};

    if (from == to)
        return;
    pace_format(&words[0], from);
    pace_format(&words[1], to);
    tell(c, note, text_slice(&words[0]), text_slice(&words[1]));
    text_release(&words[0]);
    text_release(&words[1]);
}

static void
format_count(struct text *out, uint64_t count)
{
    if (count >= CONTROLLER_NO_LIMIT)
        text_add_string(out, "no limit");
    else
        text_add_u64(out, count);
}

void
controller_tell_count(
    struct controller *c, const struct change_note *note, uint64_t from, uint64_t to)
{
    struct text words[2] = {0};

    if (from == to)
        return;
    format_count(&words[0], from);
    format_count(&words[1], to);
    tell(c, note, text_slice(&words[0]), text_slice(&words[1]));
    text_release(&words[0]);
    text_release(&words[1]);
}

void
controller_hold(struct controller *c, const struct change_note *note, int64_t until_us)
{
    struct text words = {0};

    if (until_us <= c->held_until_us)
        return;
    c->held_until_us = until_us;
    unit_format_duration(&words, until_us - note->now_us);
    tell(c, note, SLICE(""), text_slice(&words));
    text_release(&words);
}

/* ---- a pace and a number of connections ---- */

uint32_t
paced_connections(struct controller *c, uint32_t waiting, int64_t now_us)
{
    return controller_worth(waiting, ((struct paced *)c)->connections);
}

int64_t
paced_ready_at_us(struct controller *c, int64_t now_us)
{
    return pacer_ready_at_us(&((struct paced *)c)->pacer);
}

void
paced_take(struct controller *c, int64_t now_us)
{
    pacer_take(&((struct paced *)c)->pacer, now_us);
}

void
paced_describe(const struct controller *c, int64_t now_us, struct text *out)
{
    const struct paced *paced = (const struct paced *)c;

    text_add_char(out, ' ');
    pace_format(out, paced->pacer.pace);
    text_printf(out, ", connections %u", (unsigned)paced->connections);
}
