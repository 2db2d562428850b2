/* site_transaction.c - what goes into a transaction: recipients that may share one, and the message. */
#include "mta/site_parts.h"

#include "base/mem.h"

static void
add_recipient(struct site_context *context, struct smtp_transaction *t, queue_node node)
{
    uint32_t at = (uint32_t)t->addresses.length;

    spool_recipient(context->spool, queue_place(context->queue, node), &t->addresses);
    t->recipients = mem_grow(
        t->recipients, &t->recipients_capacity, t->recipients_count + 1, sizeof *t->recipients);
    t->recipients[t->recipients_count++] =
        (struct smtp_recipient){.id = node, .at = at, .length = (uint32_t)t->addresses.length - at};
}

static uint32_t
domain_of(const struct site_context *context, queue_node node)
{
    return spool_domain(context->spool, queue_place(context->queue, node));
}

/* RFC 9422 4.3: one more recipient must not be of one domain too many. */
static bool
has_room_for_domain(
    const struct site_context *context, const struct smtp_transaction *t, queue_node node)
{
    uint32_t domain = domain_of(context, node), count = 1;

    if (t->domains_max > t->recipients_count)
        return true;
    for (size_t i = 0; i < t->recipients_count; i++) {
        uint32_t other = domain_of(context, t->recipients[i].id);
        bool is_new = true;

        if (other == domain)
            return true;
        for (size_t j = 0; is_new && j < i; j++)
            is_new = domain_of(context, t->recipients[j].id) != other;
        count += is_new;
    }
    return count <= t->domains_max;
}

/* Recipients of one message that wait one behind the other share a transaction. */
void
site_fill_transaction(struct site *site, struct smtp_transaction *t, uint32_t recipients_max)
{
    struct site_context *context = site->context;
    struct queue *queue = context->queue;
    queue_node node = line_first(queue, &site->ready);
    spool_message message = queue_place(queue, node).message;

    do
        add_recipient(context, t, line_pop(queue, &site->ready));
    while ((node = line_first(queue, &site->ready)) != 0 &&
        queue_place(queue, node).message == message && t->recipients_count < recipients_max &&
        has_room_for_domain(context, t, node));
    spool_sender(context->spool, message, &t->sender);
    t->size = spool_size(context->spool, message);
    if (context->signer != NULL)
        t->size += dkim_signer_bytes_max(context->signer);
    t->is_8bit = spool_envelope(context->spool, message).is_8bit;
    t->content_id = message;
}

/* t= is the arrival, so that it is the same signature however often the content is sent. */
static void
write_signature(struct site_context *context, spool_message message, struct stream *stream)
{
    const struct loop *loop = context->doors->loop;
    int64_t arrival_us = spool_envelope(context->spool, message).arrival_us;
    int64_t wall_us = loop_wall_us(loop) - loop_now_us(loop) + arrival_us;
    struct text fields = {0};

    dkim_signer_sign(
        context->signer, message, wall_us / US_PER_S, text_slice(&context->scratch), &fields);
    if (fields.length > 0)
        stream_write(stream, fields.bytes, fields.length);
    text_release(&fields);
}

/* A message has many pieces, and a write costs more than a piece: they leave together. */
void
site_write_content(void *arg, uint32_t content_id, struct stream *stream)
{
    struct session *session = arg;
    struct site_context *context = session->site->context;
    struct text *content = &context->scratch;

    text_clear(content);
    spool_content(context->spool, content_id, content);
    if (context->signer != NULL)
        write_signature(context, content_id, stream);
    stream_write(stream, content->bytes, content->length);
}
