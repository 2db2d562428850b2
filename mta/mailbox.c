/* mailbox.c - what came back and waits to be read. */
#include "mta/mailbox.h"

#include "base/mem.h"
#include "mta/shelf.h"

#define RETURNED_RECORD 'R'

enum { STRINGS = 6, STRING_MAX = 0xffff };

struct slot {
    uint64_t number;
    store_handle handle;
    bool is_ready; /* durable */
};

struct mailbox {
    struct mailbox_setup setup;
    struct slot *slots; /* in the order of their numbers */
    size_t count, capacity;
    uint64_t last_number;
    struct timer poll;
    struct text record;
};

struct mailbox *
mailbox_new(const struct mailbox_setup *setup)
{
    struct mailbox *mailbox = mem_alloc_zeroed(sizeof *mailbox);

    assert(setup->poll_us >= 0);
    mailbox->setup = *setup;
    return mailbox;
}

void
mailbox_free(struct mailbox **mailbox)
{
    struct mailbox *m = *mailbox;

    if (m == NULL)
        return;
    timer_cancel(m->setup.loop, &m->poll);
    mem_free(m->slots);
    text_release(&m->record);
    mem_free(m);
    *mailbox = NULL;
}

bool
mailbox_is_full(const struct mailbox *mailbox)
{
    return mailbox->count >= MAILBOX_MAX;
}

uint64_t
mailbox_waiting(const struct mailbox *mailbox)
{
    return mailbox->count;
}

/* --- records --------------------------------------------------------------------------------- */

static int64_t
wall_at_start_us(const struct mailbox *mailbox)
{
    return loop_wall_us(mailbox->setup.loop) - loop_now_us(mailbox->setup.loop);
}

static void
write_record(struct mailbox *mailbox, const struct returned *returned)
{
    const struct slice strings[STRINGS] = {returned->sender, returned->rcpt, returned->text,
        returned->rule, returned->host, returned->message_id};
    struct text *record = &mailbox->record;

    text_clear(record);
    text_add_char(record, RETURNED_RECORD);
    record_add(record, (uint64_t)(wall_at_start_us(mailbox) + returned->at_us), 8);
    record_add(record, returned->fingerprint, 8);
    record_add(record, returned->kind, 1);
    record_add(record, returned->verdict.class, 1);
    record_add(record, returned->verdict.reason, 1);
    record_add(record, returned->verdict.type, 1);
    record_add(record, returned->code, 2);
    record_add(record, returned->enhanced, 4);
    for (size_t i = 0; i < STRINGS; i++) {
        size_t length = strings[i].length < STRING_MAX ? strings[i].length : STRING_MAX;

        record_add(record, length, 2);
        text_add(record, strings[i].length > 0 ? strings[i].at : "", length);
    }
}

static uint64_t
take_number(struct slice *rest, int bytes)
{
    uint64_t value = record_read(rest->at, bytes);

    *rest = slice_from(*rest, (size_t)bytes);
    return value;
}

static struct slice
take_string(struct slice *rest)
{
    size_t length = (size_t)take_number(rest, 2);
    struct slice string = {rest->at, length};

    *rest = slice_from(*rest, length);
    return string;
}

/* Points into the record. */
static struct returned
read_record(const struct mailbox *mailbox, struct slice record)
{
    struct slice rest = slice_from(record, 1);
    struct returned returned = {
        .at_us = (int64_t)take_number(&rest, 8) - wall_at_start_us(mailbox)};

    returned.fingerprint = take_number(&rest, 8);
    returned.kind = (enum efs_kind)take_number(&rest, 1);
    returned.verdict.class = (uint8_t)take_number(&rest, 1);
    returned.verdict.reason = (uint8_t)take_number(&rest, 1);
    returned.verdict.type = (uint8_t)take_number(&rest, 1);
    returned.code = (uint16_t)take_number(&rest, 2);
    returned.enhanced = (uint32_t)take_number(&rest, 4);
    returned.sender = take_string(&rest);
    returned.rcpt = take_string(&rest);
    returned.text = take_string(&rest);
    returned.rule = take_string(&rest);
    returned.host = take_string(&rest);
    returned.message_id = take_string(&rest);
    return returned;
}

/* --- the clock ------------------------------------------------------------------------------- */

static void
tell_one(struct mailbox *mailbox, store_handle handle)
{
    struct journal *journal = mailbox->setup.journal;
    struct returned returned = read_record(mailbox, store_view(mailbox->setup.store, handle));
    const struct efs_event event = {.at_us = returned.at_us,
        .kind = returned.kind,
        .sender = returned.sender,
        .rcpt = returned.rcpt,
        .code = returned.code,
        .stage = STAGE_OUT_OF_BAND,
        .verdict = returned.verdict,
        .enhanced = returned.enhanced,
        .text = returned.text.length > 0 ? journal_text(journal, returned.text) : 0,
        .rule = journal_name(journal, returned.rule),
        .host = journal_name(journal, returned.host),
        .message_id =
            returned.message_id.length > 0 ? journal_text(journal, returned.message_id) : 0};

    efs_add(mailbox->setup.efs, &event);
    store_remove(mailbox->setup.store, handle);
}

/* What EFS has is forgotten with this sync; whether it was, is nobody's concern: else it is told twice. */
static void
on_forgotten(void *arg, bool is_durable)
{
}

void
mailbox_tell(struct mailbox *mailbox)
{
    size_t kept = 0, before = mailbox->count;

    for (size_t i = 0; i < mailbox->count; i++) {
        if (mailbox->slots[i].is_ready)
            tell_one(mailbox, mailbox->slots[i].handle);
        else
            mailbox->slots[kept++] = mailbox->slots[i];
    }
    mailbox->count = kept;
    if (kept < before)
        store_sync(mailbox->setup.store, on_forgotten, NULL);
}

static void
poll_on_timer(void *arg)
{
    mailbox_tell(arg);
}

static void
wait_for_poll(struct mailbox *mailbox)
{
    struct loop *loop = mailbox->setup.loop;
    int64_t poll_us = mailbox->setup.poll_us, now_us = loop_now_us(loop);

    if (timer_is_armed(&mailbox->poll))
        return;
    if (poll_us == 0)
        loop_post(loop, &mailbox->poll, poll_on_timer, mailbox);
    else
        timer_arm(loop, &mailbox->poll, (now_us / poll_us + 1) * poll_us, poll_on_timer, mailbox);
}

/* --- coming and going ------------------------------------------------------------------------ */

static void
add_slot(struct mailbox *mailbox, store_handle handle, bool is_ready)
{
    mailbox->slots =
        mem_grow(mailbox->slots, &mailbox->capacity, mailbox->count + 1, sizeof mailbox->slots[0]);
    mailbox->slots[mailbox->count++] = (struct slot){++mailbox->last_number, handle, is_ready};
}

uint64_t
mailbox_put(struct mailbox *mailbox, const struct returned *returned)
{
    write_record(mailbox, returned);
    add_slot(mailbox, store_append(mailbox->setup.store, text_slice(&mailbox->record)), false);
    return mailbox->last_number;
}

static void
forget(struct mailbox *mailbox, const struct slot *slot)
{
    struct slice record = store_view(mailbox->setup.store, slot->handle);

    replays_forget(mailbox->setup.replays, read_record(mailbox, record).fingerprint);
    store_remove(mailbox->setup.store, slot->handle);
}

void
mailbox_settle(struct mailbox *mailbox, uint64_t first, uint64_t count, bool is_durable)
{
    size_t i = mailbox->count, kept;

    while (i > 0 && mailbox->slots[i - 1].number >= first)
        i--;
    for (kept = i; i < mailbox->count; i++) {
        struct slot *slot = &mailbox->slots[i];
        bool is_meant = slot->number - first < count;

        slot->is_ready |= is_meant && is_durable;
        if (is_meant && !is_durable)
            forget(mailbox, slot);
        else
            mailbox->slots[kept++] = *slot;
    }
    mailbox->count = kept;
    if (mailbox->count > 0)
        wait_for_poll(mailbox);
}

static void
recover_record(void *arg, store_handle handle, struct slice record)
{
    struct mailbox *mailbox = arg;

    if (record.at[0] != RETURNED_RECORD)
        return;
    replays_put(mailbox->setup.replays, read_record(mailbox, record).fingerprint,
        loop_now_us(mailbox->setup.loop));
    add_slot(mailbox, handle, true);
}

void
mailbox_recover(struct mailbox *mailbox)
{
    store_scan(mailbox->setup.store, recover_record, mailbox);
    if (mailbox->count > 0)
        wait_for_poll(mailbox);
}
