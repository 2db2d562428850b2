/* queue.h - the order in which recipients wait: for a route, for a connection, for the next try, and
 * at the latest for the end of their validity.
 *
 * A node is one recipient that is not settled: 24 bytes and a number. At any time it is in exactly one
 * place: in one line (FIFO), in flight, or deferred until an instant.
 *
 * Expiry is exact: messages of one validity expire in the order in which they arrived, so each
 * validity has a list, and only its head needs a timer.
 *
 * Ownership  lines belong to the caller, their nodes to the queue. */
#ifndef MTALAB_QUEUE_H
#define MTALAB_QUEUE_H

#include "base/loop.h"
#include "mta/spool.h"

struct queue;
typedef uint32_t queue_node; /* 0: none */

struct line { /* a FIFO of nodes; zeroed: empty */
    queue_node first, last;
    uint32_t count; /* gaps included, until they are passed over */
};

struct queue_events {
    /* Its instant has come: the node is in no line any more, waiting for one. */
    void (*on_due)(void *arg, queue_node node);
    /* Validity is over. The node is gone after this call; where it waited it leaves a gap that
     * line_pop() passes over. A node in flight is not told: its try may still end well. */
    void (*on_expired)(void *arg, queue_node node);
};

struct queue *queue_new(
    struct loop *loop, struct spool *spool, const struct queue_events *events, void *arg);
void queue_free(struct queue **queue);

/* In flight until it is put in a line or deferred. */
queue_node queue_add(struct queue *queue, struct spool_place place);
void queue_remove(struct queue *queue, queue_node node); /* in flight only */

struct spool_place queue_place(const struct queue *queue, queue_node node);
/* Those of an earlier process. */
void queue_set_attempts(struct queue *queue, queue_node node, uint32_t attempts);
uint32_t queue_attempts(const struct queue *queue, queue_node node);
uint32_t queue_count_attempt(struct queue *queue, queue_node node); /* the number of this try */
/* How often a host was lost under it within this try. */
uint32_t queue_losses(const struct queue *queue, queue_node node);
void queue_count_loss(struct queue *queue, queue_node node);

/* Arrival and validity, added; a node in flight may be past it. */
int64_t queue_expires_us(const struct queue *queue, queue_node node);

void line_push(struct queue *queue, struct line *line, queue_node node);
void line_push_front(struct queue *queue, struct line *line, queue_node node);
queue_node line_pop(struct queue *queue, struct line *line);
queue_node line_first(struct queue *queue, struct line *line); /* stays where it is; 0: empty */

/* Due at `due_us`, or never (the node then waits for its expiry) when that is not before it. */
void queue_defer(struct queue *queue, queue_node node, int64_t due_us);

/* For people who want something of the nodes that wait: all are looked at, in the order of numbers. */
typedef bool queue_match_fn(void *arg, queue_node node);
/* Deferred ones that match wait for their instant no more: they go to the end of `line`. */
void queue_withdraw(struct queue *queue, queue_match_fn *match, void *arg, struct line *line);
/* The same for those of another line; the others keep their order. */
void line_withdraw(
    struct queue *queue, struct line *from, queue_match_fn *match, void *arg, struct line *line);

enum queue_wait { QUEUE_IN_LINE, QUEUE_IN_FLIGHT, QUEUE_DEFERRED };
/* due_us: of a deferred one; 0: it waits for its expiry. */
typedef void queue_walk_fn(void *arg, queue_node node, enum queue_wait wait, int64_t due_us);
void queue_walk(const struct queue *queue, queue_walk_fn *fn, void *arg);

uint64_t queue_count(const struct queue *queue);
uint64_t queue_bytes(const struct queue *queue); /* memory in use */

#endif
