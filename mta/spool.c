/* spool.c - what was promised with a 250.
 *
 * Five kinds of record lie in the store, told apart by their first byte:
 *   'D' domain      the name; its number is the count of such records before it
 *   'T' template    as mta/shelf.c keeps it
 *   'H' hold        a suspension: when it ends, and the name of what is suspended
 *   'W' warm-up     the day, what was sent on it, and of which plan, IP and site
 *   'M' message     number of the template, arrival, key of the return path, recipients
 *
 * Instants are kept as wall-clock time: the loop of the next process begins at 0 again. */
#include "mta/spool.h"

#include "base/mem.h"
#include "base/unit.h"
#include "mta/shelf.h"
#include "smtp/verp.h"

enum {
    RECIPIENT_SETTLED = 0x80, /* in the byte that holds the length of its local part */
    MESSAGE_KEY_AT = 12,
    RECIPIENT_TRIES_AT = 5, /* behind length and domain: how many, and when the next one is due */
    RECIPIENT_LOCAL_AT = 9,
};
/* The next try is kept as so many of these after the arrival: three bytes last for 93 hours. */
#define DUE_UNIT_US (20 * (int64_t)US_PER_MS)
static_assert(0xffffff * DUE_UNIT_US > 84 * US_PER_HOUR, "longer than any message is tried");

struct spool {
    struct loop *loop;
    struct store *store;
    struct map domains;
    struct shelf shelf;
    struct text record, scratch, address, date, date_before;
    int64_t date_s; /* the second for which the dates above stand */
};

/* A message's record, read. */
struct message_view {
    uint32_t template;
    int64_t arrival_us;
    struct slice key;
    size_t recipients_at;
    struct slice record;
};

struct recipient_view {
    struct slice local;
    uint32_t domain;
    bool is_settled;
    size_t next_at;
};

struct spool *
spool_new(struct loop *loop, struct store *store)
{
    struct spool *spool = mem_alloc_zeroed(sizeof *spool);

    spool->loop = loop;
    spool->store = store;
    spool->date_s = INT64_MIN;
    shelf_init(&spool->shelf, store);
    return spool;
}

void
spool_free(struct spool **spool)
{
    struct spool *s = *spool;

    if (s == NULL)
        return;
    shelf_release(&s->shelf);
    map_release(&s->domains);
    text_release(&s->record);
    text_release(&s->scratch);
    text_release(&s->address);
    text_release(&s->date);
    text_release(&s->date_before);
    mem_free(s);
    *spool = NULL;
}

static int64_t
wall_at_start_us(const struct spool *spool)
{
    return loop_wall_us(spool->loop) - loop_now_us(spool->loop);
}

static struct message_view
message_view(struct spool *spool, spool_message message)
{
    struct slice record = store_view(spool->store, message);
    size_t key_length = (uint8_t)record.at[MESSAGE_KEY_AT];

    assert(record.at[0] == 'M');
    return (struct message_view){
        .template = (uint32_t)record_read(record.at + 1, 4),
        .arrival_us = (int64_t)record_read(record.at + 5, 7) - wall_at_start_us(spool),
        .key = {record.at + MESSAGE_KEY_AT + 1, key_length},
        .recipients_at = MESSAGE_KEY_AT + 1 + key_length,
        .record = record
    };
}

static struct recipient_view
recipient_view(struct slice record, size_t at)
{
    uint8_t length = (uint8_t)record.at[at];
    struct recipient_view view = {.is_settled = (length & RECIPIENT_SETTLED) != 0};

    length &= (uint8_t)~RECIPIENT_SETTLED;
    view.domain = (uint32_t)record_read(record.at + at + 1, 4);
    view.local = (struct slice){record.at + at + RECIPIENT_LOCAL_AT, length};
    view.next_at = at + RECIPIENT_LOCAL_AT + length;
    return view;
}

/* --- what stands in content ------------------------------------------------------------------ */

static void
set_dates(struct spool *spool, int64_t arrival_us)
{
    int64_t wall_us = wall_at_start_us(spool) + arrival_us;
    int64_t second = wall_us / US_PER_S;

    if (second == spool->date_s)
        return;
    spool->date_s = second;
    text_clear(&spool->date);
    unit_format_rfc5322_date(&spool->date, second * US_PER_S);
    text_clear(&spool->date_before);
    unit_format_rfc5322_date(&spool->date_before, (second - 1) * US_PER_S);
}

static void
add_lower(struct text *out, struct slice s)
{
    size_t start = out->length;

    text_add_slice(out, s);
    for (size_t i = start; i < out->length; i++)
        out->bytes[i] = char_lower(out->bytes[i]);
}

/* As it will be read back: the domain in lower case. */
static void
set_address(struct spool *spool, const struct mail_address *address)
{
    text_clear(&spool->address);
    text_add_slice(&spool->address, address->local);
    text_add_char(&spool->address, '@');
    add_lower(&spool->address, address->domain);
}

/* The recipient is spool->address. `sender_local` must stay where it is while the values are used. */
static struct template_values
values_of(struct spool *spool, int64_t arrival_us, size_t local_length, struct slice sender_local)
{
    struct template_values values = {0};
    struct slice base;

    set_dates(spool, arrival_us);
    values.slots[SLOT_RCPT] = text_slice(&spool->address);
    values.slots[SLOT_RCPT_LOCAL] = (struct slice){spool->address.bytes, local_length};
    values.slots[SLOT_SENDER_LOCAL] = sender_local;
    verp_parse(sender_local, &base, &values.slots[SLOT_SENDER_KEY]);
    values.slots[SLOT_DATE] = text_slice(&spool->date);
    values.slots[SLOT_DATE_BEFORE] = text_slice(&spool->date_before);
    return values;
}

/* --- messages -------------------------------------------------------------------------------- */

static uint32_t
domain_number(struct spool *spool, struct slice domain)
{
    struct text *lower = &spool->scratch;
    bool is_new;
    uint32_t number;

    text_clear(lower);
    text_add_char(lower, 'D');
    add_lower(lower, domain);
    number = map_put(&spool->domains, slice_from(text_slice(lower), 1), &is_new);
    if (is_new)
        store_append(spool->store, text_slice(lower));
    return number;
}

/* "b+spring-1z" is "b+spring-" and "1z", "b+spring-1z-TOKEN" is "b+spring-" and "1z-TOKEN": the first
 * part is the same in all of a delivery. */
static void
cut_sender(struct slice local, struct slice *prefix, struct slice *key)
{
    size_t at = local.length;

    if (verp_has_token(local))
        at -= VERP_TOKEN_CHARS + 1;
    while (at > 0 && local.at[at - 1] != '-' && local.at[at - 1] != '+')
        at--;
    *prefix = (struct slice){local.at, at};
    *key = slice_from(local, at);
}

void
spool_add(
    struct spool *spool, const struct spool_submission *submission, struct spool_place *places)
{
    const struct mail_address *first = &submission->recipients[0];
    int64_t arrival_us = loop_now_us(spool->loop);
    struct shared shared = {.validity_us = submission->validity_us, .is_8bit = submission->is_8bit};
    struct template_values values;
    struct text *record = &spool->record;
    struct slice key;
    uint32_t number;
    spool_message message;

    assert(submission->recipients_count > 0);
    assert(submission->recipients_count <= SPOOL_RECIPIENTS_MAX);
    set_address(spool, first);
    cut_sender(submission->sender.local, &shared.sender_prefix, &key);
    shared.sender_domain = submission->sender.domain;
    values = values_of(spool, arrival_us, first->local.length, submission->sender.local);
    number = shelf_take(&spool->shelf, submission->content, &values, &shared);

    text_clear(record);
    text_add_char(record, 'M');
    record_add(record, number, 4);
    record_add(record, (uint64_t)(wall_at_start_us(spool) + arrival_us), 7);
    record_add(record, key.length, 1);
    text_add_slice(record, key);
    for (size_t i = 0; i < submission->recipients_count; i++) {
        const struct mail_address *recipient = &submission->recipients[i];

        places[i].at = (uint16_t)record->length;
        record_add(record, recipient->local.length, 1);
        record_add(record, domain_number(spool, recipient->domain), 4);
        record_add(record, 0, RECIPIENT_LOCAL_AT - RECIPIENT_TRIES_AT);
        text_add_slice(record, recipient->local);
    }
    assert(record->length <= UINT16_MAX);
    message = store_append(spool->store, text_slice(record));
    for (size_t i = 0; i < submission->recipients_count; i++)
        places[i].message = message;
}

void
spool_sync(struct spool *spool, synced_fn *fn, void *arg)
{
    store_sync(spool->store, fn, arg);
}

void
spool_defer(struct spool *spool, struct spool_place place, const struct spool_tries *tries)
{
    int64_t wait_us = tries->due_us - message_view(spool, place.message).arrival_us;
    uint64_t units = wait_us > 0 ? (uint64_t)((wait_us + DUE_UNIT_US - 1) / DUE_UNIT_US) : 0;
    char packed[RECIPIENT_LOCAL_AT - RECIPIENT_TRIES_AT];

    packed[0] = (char)(tries->count < UINT8_MAX ? tries->count : UINT8_MAX);
    units = units < 0xffffff ? units : 0xffffff;
    memcpy(packed + 1, &units, 3); /* little-endian, as record_add() */
    store_update(spool->store, place.message, place.at + (size_t)RECIPIENT_TRIES_AT,
        (struct slice){packed, sizeof packed});
}

struct spool_tries
spool_tries(struct spool *spool, struct spool_place place)
{
    struct message_view view = message_view(spool, place.message);
    const char *at = view.record.at + place.at + RECIPIENT_TRIES_AT;

    return (struct spool_tries){.count = (uint32_t)record_read(at, 1),
        .due_us = view.arrival_us + (int64_t)record_read(at + 1, 3) * DUE_UNIT_US};
}

static bool
has_open_recipient(const struct message_view *view)
{
    for (size_t at = view->recipients_at; at < view->record.length;) {
        struct recipient_view recipient = recipient_view(view->record, at);

        if (!recipient.is_settled)
            return true;
        at = recipient.next_at;
    }
    return false;
}

void
spool_settle(struct spool *spool, struct spool_place place)
{
    struct message_view view = message_view(spool, place.message);
    uint8_t length = (uint8_t)view.record.at[place.at];

    assert((length & RECIPIENT_SETTLED) == 0);
    if (recipient_view(view.record, view.recipients_at).next_at != view.record.length) {
        char settled = (char)(length | RECIPIENT_SETTLED);

        store_update(spool->store, place.message, place.at, (struct slice){&settled, 1});
        view = message_view(spool, place.message);
        if (has_open_recipient(&view))
            return;
    }
    store_remove(spool->store, place.message);
    shelf_give_back(&spool->shelf, view.template);
}

struct spool_envelope
spool_envelope(struct spool *spool, spool_message message)
{
    struct message_view view = message_view(spool, message);
    const struct shared *shared = &shelf_entry(&spool->shelf, view.template)->shared;

    return (struct spool_envelope){.arrival_us = view.arrival_us,
        .validity_us = shared->validity_us,
        .sender_prefix = shared->sender_prefix,
        .sender_key = view.key,
        .sender_domain = shared->sender_domain,
        .is_8bit = shared->is_8bit};
}

uint32_t
spool_domain(struct spool *spool, struct spool_place place)
{
    return recipient_view(store_view(spool->store, place.message), place.at).domain;
}

bool
spool_find_domain(const struct spool *spool, struct slice name, uint32_t *domain)
{
    return map_find(&spool->domains, name, domain);
}

uint32_t
spool_domains_count(const struct spool *spool)
{
    return spool->domains.count;
}

struct slice
spool_domain_name(const struct spool *spool, uint32_t domain)
{
    return map_key(&spool->domains, domain);
}

void
spool_recipient(struct spool *spool, struct spool_place place, struct text *out)
{
    struct recipient_view recipient =
        recipient_view(store_view(spool->store, place.message), place.at);

    text_add_slice(out, recipient.local);
    text_add_char(out, '@');
    text_add_slice(out, spool_domain_name(spool, recipient.domain));
}

static void
add_sender_local(const struct spool *spool, const struct message_view *view, struct text *out)
{
    text_add_slice(out, shelf_entry(&spool->shelf, view->template)->shared.sender_prefix);
    text_add_slice(out, view->key);
}

void
spool_sender(struct spool *spool, spool_message message, struct text *out)
{
    struct message_view view = message_view(spool, message);
    struct slice domain = shelf_entry(&spool->shelf, view.template)->shared.sender_domain;

    add_sender_local(spool, &view, out);
    if (domain.length > 0) {
        text_add_char(out, '@');
        text_add_slice(out, domain);
    }
}

static struct template_values
values_of_message(struct spool *spool, spool_message message, const struct message_view *view)
{
    struct recipient_view recipient = recipient_view(view->record, view->recipients_at);
    struct spool_place first = {.message = message, .at = (uint16_t)view->recipients_at};

    text_clear(&spool->address);
    spool_recipient(spool, first, &spool->address);
    text_clear(&spool->scratch);
    add_sender_local(spool, view, &spool->scratch);
    return values_of(spool, view->arrival_us, recipient.local.length, text_slice(&spool->scratch));
}

uint64_t
spool_size(struct spool *spool, spool_message message)
{
    struct message_view view = message_view(spool, message);
    struct template_values values = values_of_message(spool, message, &view);

    return template_size(&shelf_entry(&spool->shelf, view.template)->template, &values);
}

void
spool_content(struct spool *spool, spool_message message, struct text *out)
{
    struct message_view view = message_view(spool, message);
    const struct template *template = &shelf_entry(&spool->shelf, view.template)->template;
    struct template_values values = values_of_message(spool, message, &view);

    for (size_t i = 0; i < template->pieces_count; i++)
        text_add_slice(out, template_piece_bytes(template, i, &values));
}

size_t
spool_templates_count(const struct spool *spool)
{
    return spool->shelf.used_count;
}

/* --- suspensions ----------------------------------------------------------------------------- */

store_handle
spool_keep_hold(struct spool *spool, struct slice name, int64_t until_us, store_handle old)
{
    struct text *record = &spool->record;

    if (old != 0)
        store_remove(spool->store, old);
    if (until_us == 0)
        return 0;
    text_clear(record);
    text_add_char(record, 'H');
    record_add(record,
        (uint64_t)(until_us == INT64_MAX ? INT64_MAX : wall_at_start_us(spool) + until_us), 8);
    text_add_slice(record, name);
    return store_append(spool->store, text_slice(record));
}

struct hold_search {
    struct spool *spool;
    spool_hold_fn *fn;
    void *arg;
};

static void
find_hold(void *arg, store_handle handle, struct slice record)
{
    struct hold_search *search = arg;
    int64_t until_us;

    if (record.at[0] != 'H' || record.length < 9)
        return;
    until_us = (int64_t)record_read(record.at + 1, 8);
    if (until_us < INT64_MAX)
        until_us -= wall_at_start_us(search->spool);
    search->fn(search->arg, handle, slice_from(record, 9), until_us);
}

void
spool_find_holds(struct spool *spool, spool_hold_fn *fn, void *arg)
{
    struct hold_search search = {.spool = spool, .fn = fn, .arg = arg};

    store_scan(spool->store, find_hold, &search);
}

/* --- days of a warm-up ----------------------------------------------------------------------- */

store_handle
spool_keep_day(
    struct spool *spool, struct slice key, const struct spool_day *day, store_handle record)
{
    struct text *words = &spool->record;

    text_clear(words);
    text_add_char(words, 'W');
    record_add(words, (uint64_t)(wall_at_start_us(spool) + day->start_us), 8);
    record_add(words, day->sent, 8);
    if (record != 0) {
        store_update(spool->store, record, 0, text_slice(words));
        return record;
    }
    text_add_slice(words, key);
    return store_append(spool->store, text_slice(words));
}

void
spool_forget_day(struct spool *spool, store_handle record)
{
    store_remove(spool->store, record);
}

struct day_search {
    struct spool *spool;
    spool_day_fn *fn;
    void *arg;
};

static void
find_day(void *arg, store_handle handle, struct slice record)
{
    struct day_search *search = arg;
    struct spool_day day;

    if (record.at[0] != 'W' || record.length < 17)
        return;
    day.start_us = (int64_t)record_read(record.at + 1, 8) - wall_at_start_us(search->spool);
    day.sent = record_read(record.at + 9, 8);
    search->fn(search->arg, handle, slice_from(record, 17), &day);
}

void
spool_find_days(struct spool *spool, spool_day_fn *fn, void *arg)
{
    struct day_search search = {.spool = spool, .fn = fn, .arg = arg};

    store_scan(spool->store, find_day, &search);
}

/* --- after a crash --------------------------------------------------------------------------- */

struct recovery {
    struct spool *spool;
    spool_found_fn *fn;
    void *arg;
};

static void
recover_record(void *arg, store_handle handle, struct slice record)
{
    struct recovery *recovery = arg;
    struct spool *spool = recovery->spool;

    switch (record.at[0]) {
    case 'D':
        map_put(&spool->domains, slice_from(record, 1), NULL);
        break;
    case SHELF_RECORD:
        shelf_recover(&spool->shelf, handle, record);
        break;
    case 'M':
        shelf_recover_message(&spool->shelf, message_view(spool, handle).template);
        break;
    }
}

static void
find_recipients(void *arg, store_handle handle, struct slice record)
{
    struct recovery *recovery = arg;

    if (record.at[0] != 'M')
        return;
    for (size_t at = message_view(recovery->spool, handle).recipients_at; at < record.length;) {
        struct recipient_view recipient = recipient_view(record, at);

        if (!recipient.is_settled)
            recovery->fn(recovery->arg, (struct spool_place){handle, (uint16_t)at});
        at = recipient.next_at;
    }
}

void
spool_recover(struct spool *spool, spool_found_fn *fn, void *arg)
{
    struct recovery recovery = {.spool = spool, .fn = fn, .arg = arg};

    store_scan(spool->store, recover_record, &recovery);
    shelf_recovered(&spool->shelf);
    store_scan(spool->store, find_recipients, &recovery);
}
