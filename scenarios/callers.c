/* callers.c - who rings at the providers' doors, open or shut. */
#include "scenarios/callers.h"

#include "base/mem.h"
#include "smtp/event.h"

struct door {
    struct net_address address; /* with the port */
    uint32_t isp, host;         /* names */
};

struct caller {
    struct net_address from;
    size_t door;
    int64_t asked_at_us;
};

struct callers {
    struct loop *loop;
    struct journal *journal;
    int64_t patience_us;
    struct door *doors;
    size_t doors_count;
    struct caller *waiting; /* in the order in which they asked */
    size_t waiting_count, waiting_capacity;
    struct timer patience;
};

static size_t
count_doors(const struct scenario *scenario)
{
    size_t count = 0;

    for (size_t i = 0; i < scenario->isps_count; i++)
        for (size_t j = 0; j < scenario->isps[i].hosts_count; j++)
            count += scenario->isps[i].hosts[j].addresses_count;
    return count;
}

static void
add_doors(struct callers *callers, const struct isp_config *isp)
{
    for (size_t i = 0; i < isp->hosts_count; i++)
        for (size_t j = 0; j < isp->hosts[i].addresses_count; j++)
            callers->doors[callers->doors_count++] =
                (struct door){.address = isp->hosts[i].addresses[j],
                    .isp = journal_name(callers->journal, isp->name),
                    .host = journal_name(callers->journal, isp->hosts[i].fqdn)};
}

struct callers *
callers_new(struct loop *loop, struct journal *journal, const struct scenario *scenario,
    int64_t patience_us)
{
    struct callers *callers = mem_alloc_zeroed(sizeof *callers);

    callers->loop = loop;
    callers->journal = journal;
    callers->patience_us = patience_us;
    callers->doors = mem_alloc_zeroed((count_doors(scenario) + 1) * sizeof *callers->doors);
    for (size_t i = 0; i < scenario->isps_count; i++)
        add_doors(callers, &scenario->isps[i]);
    return callers;
}

void
callers_free(struct callers **callers)
{
    if (*callers == NULL)
        return;
    timer_cancel((*callers)->loop, &(*callers)->patience);
    mem_free((*callers)->doors);
    mem_free((*callers)->waiting);
    mem_free(*callers);
    *callers = NULL;
}

/* callers->doors_count: none of ours. */
static size_t
find_door(const struct callers *callers, const struct net_address *address)
{
    size_t i = 0;

    while (i < callers->doors_count && !net_address_equals(&callers->doors[i].address, address))
        i++;
    return i;
}

/* callers->waiting_count: nobody. */
static size_t
find_caller(const struct callers *callers, const struct net_address *from, size_t door)
{
    size_t i = 0;

    while (i < callers->waiting_count &&
        !(callers->waiting[i].door == door && net_address_equals(&callers->waiting[i].from, from)))
        i++;
    return i;
}

/* The first of those who wait, or one of them, has an answer. */
static void
tell(struct callers *callers, size_t which, enum event_outcome outcome)
{
    struct caller caller = callers->waiting[which];
    const struct door *door = &callers->doors[caller.door];
    struct event event = {.at_us = loop_now_us(callers->loop),
        .kind = EVENT_CONNECT,
        .outcome = (uint8_t)outcome,
        .isp = door->isp,
        .host = door->host};
    struct text name = {0};

    net_address_format(&name, &caller.from);
    event.source_ip = journal_name(callers->journal, text_slice(&name));
    text_release(&name);
    callers->waiting_count--;
    memmove(&callers->waiting[which], &callers->waiting[which + 1],
        (callers->waiting_count - which) * sizeof caller);
    event_write(callers->journal, &event, SLICE(""), SLICE(""));
}

static void
patience_on_timer(void *arg)
{
    struct callers *callers = arg;
    int64_t now_us = loop_now_us(callers->loop);

    while (callers->waiting_count > 0 &&
        callers->waiting[0].asked_at_us + callers->patience_us <= now_us)
        tell(callers, 0, OUTCOME_TIMED_OUT);
    if (callers->waiting_count > 0)
        timer_arm(callers->loop, &callers->patience,
            callers->waiting[0].asked_at_us + callers->patience_us, patience_on_timer, callers);
}

static void
note_asking(struct callers *callers, const struct net_address *from, size_t door)
{
    if (callers->waiting_count == CALLERS_WAITING_MAX)
        tell(callers, 0, OUTCOME_TIMED_OUT);
    callers->waiting = mem_grow(callers->waiting, &callers->waiting_capacity,
        callers->waiting_count + 1, sizeof *callers->waiting);
    callers->waiting[callers->waiting_count++] =
        (struct caller){*from, door, loop_now_us(callers->loop)};
    if (!timer_is_armed(&callers->patience))
        timer_arm(callers->loop, &callers->patience,
            loop_now_us(callers->loop) + callers->patience_us, patience_on_timer, callers);
}

/* A reset of a connection that had its answer is news about a session, not about a door. */
void
callers_on_segment(void *arg, const struct segment *segment)
{
    struct callers *callers = arg;
    bool is_question = (segment->flags & (SEGMENT_SYN | SEGMENT_ACK | SEGMENT_RST)) == SEGMENT_SYN;
    const struct net_address *caller = is_question ? &segment->from : &segment->to;
    size_t door = find_door(callers, is_question ? &segment->to : &segment->from), which;

    if (door == callers->doors_count)
        return;
    which = find_caller(callers, caller, door);
    if (is_question && which == callers->waiting_count)
        note_asking(callers, caller, door);
    else if (!is_question && which < callers->waiting_count)
        tell(callers, which, (segment->flags & SEGMENT_RST) != 0 ? OUTCOME_REFUSED : OUTCOME_OK);
}
