/* queue.c - the order in which recipients wait.
 *
 * Deferred nodes lie in a binary heap by (instant, number of the deferral); the number keeps equal
 * instants in order. A deferral past the end of validity is not made: the node waits for that end. */
#include "mta/queue.h"

#include "base/mem.h"

enum node_state { NODE_FREE, NODE_IN_FLIGHT, NODE_IN_LINE, NODE_DEFERRED, NODE_GAP };

struct node {
    queue_node next;         /* in its line, or of the free ones */
    queue_node older, newer; /* of the same validity */
    spool_message message;
    uint32_t attempts : 22;
    uint32_t state : 3; /* enum node_state */
    uint32_t losses : 7;
    uint16_t at;
};

struct deferral {
    int64_t due_us;
    uint32_t number;
    queue_node node;
};

struct validity {
    int64_t us;
    queue_node oldest, newest;
    struct timer timer;
    struct queue *queue;
};

struct queue {
    struct loop *loop;
    struct spool *spool;
    struct queue_events events;
    void *arg;
    struct node *nodes; /* [0] is nobody */
    size_t nodes_capacity;
    uint32_t nodes_count;
    queue_node free;
    uint64_t count;
    struct deferral *heap;
    size_t heap_count, heap_capacity;
    uint32_t deferrals_number;
    struct timer due_timer;
    struct validity **validities; /* allocated singly: their timers must stay where they are */
    size_t validities_count, validities_capacity;
};

static void on_due_timer(void *arg);
static void on_expiry_timer(void *arg);

struct queue *
queue_new(struct loop *loop, struct spool *spool, const struct queue_events *events, void *arg)
{
    struct queue *queue = mem_alloc_zeroed(sizeof *queue);

    queue->loop = loop;
    queue->spool = spool;
    queue->events = *events;
    queue->arg = arg;
    queue->nodes = mem_grow(NULL, &queue->nodes_capacity, 64, sizeof *queue->nodes);
    queue->nodes_count = 1;
    return queue;
}

void
queue_free(struct queue **queue)
{
    struct queue *q = *queue;

    if (q == NULL)
        return;
    timer_cancel(q->loop, &q->due_timer);
    for (size_t i = 0; i < q->validities_count; i++) {
        timer_cancel(q->loop, &q->validities[i]->timer);
        mem_free(q->validities[i]);
    }
    mem_free(q->validities);
    mem_free(q->nodes);
    mem_free(q->heap);
    mem_free(q);
    *queue = NULL;
}

static struct node *
node_of(const struct queue *queue, queue_node number)
{
    assert(number > 0);
    assert(number < queue->nodes_count);
    assert(queue->nodes[number].state != NODE_FREE);
    return &queue->nodes[number];
}

/* --- validity -------------------------------------------------------------------------------- */

static struct validity *
validity_for(struct queue *queue, int64_t us)
{
    struct validity *validity;

    for (size_t i = 0; i < queue->validities_count; i++)
        if (queue->validities[i]->us == us)
            return queue->validities[i];
    queue->validities = mem_grow(queue->validities, &queue->validities_capacity,
        queue->validities_count + 1, sizeof(struct validity *));
    validity = mem_alloc_zeroed(sizeof *validity);
    validity->us = us;
    validity->queue = queue;
    queue->validities[queue->validities_count++] = validity;
    return validity;
}

int64_t
queue_expires_us(const struct queue *queue, queue_node node)
{
    struct spool_envelope envelope = spool_envelope(queue->spool, node_of(queue, node)->message);

    return envelope.arrival_us + envelope.validity_us;
}

static void
watch_oldest(struct queue *queue, struct validity *validity)
{
    if (validity->oldest == 0)
        timer_cancel(queue->loop, &validity->timer);
    else
        timer_arm(queue->loop, &validity->timer, queue_expires_us(queue, validity->oldest),
            on_expiry_timer, validity);
}

static void
enlist(struct queue *queue, queue_node number, struct validity *validity)
{
    queue->nodes[number].older = validity->newest;
    if (validity->newest != 0)
        queue->nodes[validity->newest].newer = number;
    validity->newest = number;
    if (validity->oldest == 0) {
        validity->oldest = number;
        watch_oldest(queue, validity);
    }
}

/* The timer of a list whose head leaves early stays: it fires, finds nobody old enough, and is
 * armed for the new head. Moving it at every delivery would cost more. */
static void
delist(struct queue *queue, queue_node number)
{
    struct node *node = &queue->nodes[number];

    if (node->older != 0)
        queue->nodes[node->older].newer = node->newer;
    if (node->newer != 0)
        queue->nodes[node->newer].older = node->older;
    for (size_t i = 0; i < queue->validities_count; i++) {
        struct validity *validity = queue->validities[i];

        if (validity->oldest == number)
            validity->oldest = node->newer;
        if (validity->newest == number)
            validity->newest = node->older;
    }
    node->older = node->newer = 0;
}

static void
expire(struct queue *queue, queue_node number)
{
    struct node *node = node_of(queue, number);
    enum node_state state = (enum node_state)node->state;

    delist(queue, number);
    if (state == NODE_IN_FLIGHT)
        return;
    queue->events.on_expired(queue->arg, number);
    queue->count--;
    node = node_of(queue, number);
    if (state == NODE_IN_LINE) {
        node->state = NODE_GAP;
        return;
    }
    node->state = NODE_FREE;
    node->next = queue->free;
    queue->free = number;
}

static void
on_expiry_timer(void *arg)
{
    struct validity *validity = arg;
    struct queue *queue = validity->queue;

    while (validity->oldest != 0 &&
        queue_expires_us(queue, validity->oldest) <= loop_now_us(queue->loop))
        expire(queue, validity->oldest);
    watch_oldest(queue, validity);
}

/* --- nodes ----------------------------------------------------------------------------------- */

queue_node
queue_add(struct queue *queue, struct spool_place place)
{
    struct spool_envelope envelope = spool_envelope(queue->spool, place.message);
    queue_node number = queue->free;

    if (number != 0) {
        queue->free = queue->nodes[number].next;
    } else {
        queue->nodes = mem_grow(queue->nodes, &queue->nodes_capacity,
            (size_t)queue->nodes_count + 1, sizeof *queue->nodes);
        number = queue->nodes_count++;
    }
    queue->nodes[number] =
        (struct node){.message = place.message, .at = place.at, .state = NODE_IN_FLIGHT};
    enlist(queue, number, validity_for(queue, envelope.validity_us));
    queue->count++;
    return number;
}

void
queue_remove(struct queue *queue, queue_node number)
{
    struct node *node = node_of(queue, number);

    assert(node->state == NODE_IN_FLIGHT);
    delist(queue, number);
    node->state = NODE_FREE;
    node->next = queue->free;
    queue->free = number;
    queue->count--;
}

void
queue_set_attempts(struct queue *queue, queue_node node, uint32_t attempts)
{
    node_of(queue, node)->attempts = attempts & 0x3fffff;
}

struct spool_place
queue_place(const struct queue *queue, queue_node number)
{
    const struct node *node = node_of(queue, number);

    return (struct spool_place){.message = node->message, .at = node->at};
}

uint32_t
queue_attempts(const struct queue *queue, queue_node node)
{
    return node_of(queue, node)->attempts;
}

uint32_t
queue_count_attempt(struct queue *queue, queue_node number)
{
    struct node *node = node_of(queue, number);

    node->losses = 0;
    return ++node->attempts;
}

uint32_t
queue_losses(const struct queue *queue, queue_node node)
{
    return node_of(queue, node)->losses;
}

void
queue_count_loss(struct queue *queue, queue_node number)
{
    struct node *node = node_of(queue, number);

    if (node->losses < 127)
        node->losses++;
}

/* --- lines ----------------------------------------------------------------------------------- */

void
line_push(struct queue *queue, struct line *line, queue_node number)
{
    struct node *node = node_of(queue, number);

    assert(node->state == NODE_IN_FLIGHT);
    node->state = NODE_IN_LINE;
    node->next = 0;
    if (line->last != 0)
        queue->nodes[line->last].next = number;
    else
        line->first = number;
    line->last = number;
    line->count++;
}

void
line_push_front(struct queue *queue, struct line *line, queue_node number)
{
    struct node *node = node_of(queue, number);

    assert(node->state == NODE_IN_FLIGHT);
    node->state = NODE_IN_LINE;
    node->next = line->first;
    line->first = number;
    if (line->last == 0)
        line->last = number;
    line->count++;
}

static queue_node
unlink_first(struct queue *queue, struct line *line)
{
    queue_node number = line->first;

    line->first = queue->nodes[number].next;
    if (line->first == 0)
        line->last = 0;
    line->count--;
    return number;
}

queue_node
line_first(struct queue *queue, struct line *line)
{
    while (line->first != 0 && queue->nodes[line->first].state == NODE_GAP) {
        queue_node gap = unlink_first(queue, line);

        queue->nodes[gap].state = NODE_FREE;
        queue->nodes[gap].next = queue->free;
        queue->free = gap;
    }
    return line->first;
}

queue_node
line_pop(struct queue *queue, struct line *line)
{
    queue_node number = line_first(queue, line);

    if (number == 0)
        return 0;
    unlink_first(queue, line);
    assert(queue->nodes[number].state == NODE_IN_LINE);
    queue->nodes[number].state = NODE_IN_FLIGHT;
    return number;
}

/* --- deferrals ------------------------------------------------------------------------------- */

static bool
is_earlier(const struct deferral *a, const struct deferral *b)
{
    if (a->due_us != b->due_us)
        return a->due_us < b->due_us;
    return a->number < b->number;
}

static void
heap_push(struct queue *queue, struct deferral deferral)
{
    size_t i = queue->heap_count++;

    queue->heap =
        mem_grow(queue->heap, &queue->heap_capacity, queue->heap_count, sizeof *queue->heap);
    while (i > 0 && is_earlier(&deferral, &queue->heap[(i - 1) / 2])) {
        queue->heap[i] = queue->heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    queue->heap[i] = deferral;
}

static void
heap_sift(struct queue *queue, size_t i)
{
    struct deferral moved = queue->heap[i];

    for (;;) {
        size_t child = 2 * i + 1;

        if (child >= queue->heap_count)
            break;
        if (child + 1 < queue->heap_count &&
            is_earlier(&queue->heap[child + 1], &queue->heap[child]))
            child++;
        if (!is_earlier(&queue->heap[child], &moved))
            break;
        queue->heap[i] = queue->heap[child];
        i = child;
    }
    queue->heap[i] = moved;
}

static struct deferral
heap_pop(struct queue *queue)
{
    struct deferral first = queue->heap[0];

    queue->heap[0] = queue->heap[--queue->heap_count];
    if (queue->heap_count > 0)
        heap_sift(queue, 0);
    return first;
}

static void
watch_heap(struct queue *queue)
{
    if (queue->heap_count > 0)
        timer_arm(queue->loop, &queue->due_timer, queue->heap[0].due_us, on_due_timer, queue);
}

static void
on_due_timer(void *arg)
{
    struct queue *queue = arg;
    int64_t now_us = loop_now_us(queue->loop);

    while (queue->heap_count > 0 && queue->heap[0].due_us <= now_us) {
        queue_node number = heap_pop(queue).node;
        struct node *node = node_of(queue, number);

        assert(node->state == NODE_DEFERRED);
        node->state = NODE_IN_FLIGHT;
        queue->events.on_due(queue->arg, number);
    }
    watch_heap(queue);
}

void
queue_defer(struct queue *queue, queue_node number, int64_t due_us)
{
    struct node *node = node_of(queue, number);

    assert(node->state == NODE_IN_FLIGHT);
    node->state = NODE_DEFERRED;
    if (due_us >= queue_expires_us(queue, number))
        return;
    heap_push(queue,
        (struct deferral){.due_us = due_us, .number = queue->deferrals_number++, .node = number});
    if (!timer_is_armed(&queue->due_timer) || queue->due_timer.at_us > due_us)
        watch_heap(queue);
}

/* --- what people ask for --------------------------------------------------------------------- */

/* Deferrals of nodes that are deferred no more go. */
static void
rebuild_heap(struct queue *queue)
{
    size_t kept = 0;

    for (size_t i = 0; i < queue->heap_count; i++)
        if (queue->nodes[queue->heap[i].node].state == NODE_DEFERRED)
            queue->heap[kept++] = queue->heap[i];
    queue->heap_count = kept;
    for (size_t i = kept / 2; i > 0; i--)
        heap_sift(queue, i - 1);
    if (kept == 0)
        timer_cancel(queue->loop, &queue->due_timer);
    else
        watch_heap(queue);
}

void
queue_withdraw(struct queue *queue, queue_match_fn *match, void *arg, struct line *line)
{
    for (queue_node number = 1; number < queue->nodes_count; number++) {
        if (queue->nodes[number].state != NODE_DEFERRED || !match(arg, number))
            continue;
        queue->nodes[number].state = NODE_IN_FLIGHT;
        line_push(queue, line, number);
    }
    rebuild_heap(queue);
}

void
line_withdraw(
    struct queue *queue, struct line *from, queue_match_fn *match, void *arg, struct line *line)
{
    struct line all = *from;
    queue_node node;

    *from = (struct line){0};
    while ((node = line_pop(queue, &all)) != 0)
        line_push(queue, match(arg, node) ? line : from, node);
}

void
queue_walk(const struct queue *queue, queue_walk_fn *fn, void *arg)
{
    int64_t *due_us = mem_alloc_zeroed(queue->nodes_count * sizeof *due_us);

    for (size_t i = 0; i < queue->heap_count; i++)
        due_us[queue->heap[i].node] = queue->heap[i].due_us;
    for (queue_node number = 1; number < queue->nodes_count; number++) {
        const struct node *node = &queue->nodes[number];
        enum queue_wait wait;

        if (node->state == NODE_FREE || node->state == NODE_GAP)
            continue;
        wait = node->state == NODE_IN_FLIGHT ? QUEUE_IN_FLIGHT
            : node->state == NODE_IN_LINE    ? QUEUE_IN_LINE
                                             : QUEUE_DEFERRED;
        fn(arg, number, wait, wait == QUEUE_DEFERRED ? due_us[number] : 0);
    }
    mem_free(due_us);
}

uint64_t
queue_count(const struct queue *queue)
{
    return queue->count;
}

uint64_t
queue_bytes(const struct queue *queue)
{
    return queue->nodes_capacity * sizeof *queue->nodes +
        queue->heap_capacity * sizeof *queue->heap;
}
