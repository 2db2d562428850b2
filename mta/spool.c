/* spool.c - what was promised with a 250.
 *
 * Three kinds of record lie in the store, told apart by their first byte:
 *   'D' domain      the name; its number is the count of such records before it
 *   'T' template    number, what all its messages share, packed template
 *   'M' message     number of the template, arrival, key of the return path, recipients */
#include "mta/spool.h"

#include "base/mem.h"
#include "base/unit.h"
#include "mta/template.h"

enum {
    TEMPLATE_HASH_SLOTS = 4096,
    RECIPIENT_SETTLED = 0x80, /* in the byte that holds the length of its local part */
    MESSAGE_KEY_AT = 11,
};

struct shared { /* what the messages of one template have in common besides their content */
    int64_t validity_us;
    struct slice sender_prefix, sender_domain; /* in `names` */
    bool is_8bit;
};

struct spool_template {
    struct template template;
    struct shared shared;
    uint32_t messages_count;
    bool is_used;  /* else it is one of the free ones */
    uint32_t next; /* in its chain or in the list of free ones; number + 1 */
    uint64_t hash;
    store_handle handle;
};

struct spool {
    struct loop *loop;
    struct store *store;
    struct map domains;
    struct map names; /* of senders: prefixes and domains */
    struct spool_template *templates;
    size_t templates_capacity;
    uint32_t templates_count, templates_used, template_free, template_last;
    uint32_t chains[TEMPLATE_HASH_SLOTS];
    struct text record, scratch, address, date, date_before;
    int64_t date_s; /* the second for which the dates above stand */
};

/* A message's record, read. */
struct message_view {
    struct spool_template *template;
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
    spool->template_last = UINT32_MAX;
    return spool;
}

void
spool_free(struct spool **spool)
{
    struct spool *s = *spool;

    if (s == NULL)
        return;
    for (uint32_t i = 0; i < s->templates_count; i++)
        template_release(&s->templates[i].template);
    mem_free(s->templates);
    map_release(&s->domains);
    map_release(&s->names);
    text_release(&s->record);
    text_release(&s->scratch);
    text_release(&s->address);
    text_release(&s->date);
    text_release(&s->date_before);
    mem_free(s);
    *spool = NULL;
}

static uint64_t
read_le(const char *at, int bytes)
{
    uint64_t value = 0;

    memcpy(&value, at, (size_t)bytes);
    return value;
}

static void
add_le(struct text *out, uint64_t value, int bytes)
{
    text_add(out, (const char *)&value, (size_t)bytes);
}

static struct message_view
message_view(struct spool *spool, spool_message message)
{
    struct slice record = store_view(spool->store, message);
    size_t key_length = (uint8_t)record.at[MESSAGE_KEY_AT];
    uint32_t template = (uint32_t)read_le(record.at + 1, 4);

    assert(record.at[0] == 'M');
    assert(template <spool->templates_count);
    return (struct message_view){
        .template = &spool->templates[template],
        .arrival_us = (int64_t)read_le(record.at + 5, 6),
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
    view.domain = (uint32_t)read_le(record.at + at + 1, 4);
    view.local = (struct slice){record.at + at + 5, length};
    view.next_at = at + 5 + length;
    return view;
}

/* --- templates ------------------------------------------------------------------------------- */

static void
set_dates(struct spool *spool, int64_t arrival_us)
{
    int64_t wall_us = loop_wall_us(spool->loop) - loop_now_us(spool->loop) + arrival_us;
    int64_t second = wall_us / US_PER_S;

    if (second == spool->date_s)
        return;
    spool->date_s = second;
    text_clear(&spool->date);
    unit_format_rfc5322_date(&spool->date, second * US_PER_S);
    text_clear(&spool->date_before);
    unit_format_rfc5322_date(&spool->date_before, (second - 1) * US_PER_S);
}

/* As it will be read back: the domain in lower case. */
static void
set_address(struct spool *spool, const struct mail_address *address)
{
    text_clear(&spool->address);
    text_add_slice(&spool->address, address->local);
    text_add_char(&spool->address, '@');
    for (size_t i = 0; i < address->domain.length; i++)
        text_add_char(&spool->address, char_lower(address->domain.at[i]));
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

static bool
shared_equals(const struct shared *a, const struct shared *b)
{
    return a->validity_us == b->validity_us && a->is_8bit == b->is_8bit &&
        slice_equals(a->sender_prefix, b->sender_prefix) &&
        slice_equals(a->sender_domain, b->sender_domain);
}

static uint32_t
take_template_number(struct spool *spool)
{
    uint32_t number = spool->template_free;

    if (number != 0) {
        spool->template_free = spool->templates[number - 1].next;
        return number - 1;
    }
    spool->templates = mem_grow(spool->templates, &spool->templates_capacity,
        (size_t)spool->templates_count + 1, sizeof *spool->templates);
    return spool->templates_count++;
}

static struct slice
keep_name(struct spool *spool, struct slice name)
{
    return map_key(&spool->names, map_put(&spool->names, name, NULL));
}

static void
place_template(struct spool *spool, uint32_t number, struct template *template,
    const struct shared *shared, store_handle handle)
{
    struct spool_template *t = &spool->templates[number];
    uint64_t hash = template_hash(template);
    uint32_t *chain = &spool->chains[hash % TEMPLATE_HASH_SLOTS];

    *t = (struct spool_template){
        .template = *template, .shared = *shared, .is_used = true, .hash = hash};
    t->shared.sender_prefix = keep_name(spool, shared->sender_prefix);
    t->shared.sender_domain = keep_name(spool, shared->sender_domain);
    t->handle = handle;
    t->next = *chain;
    *chain = number + 1;
    spool->templates_used++;
}

static store_handle
store_template(struct spool *spool, uint32_t number, const struct template *template,
    const struct shared *shared)
{
    struct text *record = &spool->scratch;

    text_clear(record);
    text_add_char(record, 'T');
    add_le(record, number, 4);
    add_le(record, (uint64_t)shared->validity_us, 8);
    add_le(record, shared->is_8bit, 1);
    add_le(record, shared->sender_prefix.length, 1);
    add_le(record, shared->sender_domain.length, 1);
    text_add_slice(record, shared->sender_prefix);
    text_add_slice(record, shared->sender_domain);
    template_pack(template, record);
    return store_append(spool->store, text_slice(record));
}

static void
drop_template(struct spool *spool, uint32_t number)
{
    struct spool_template *t = &spool->templates[number];
    uint32_t *link = &spool->chains[t->hash % TEMPLATE_HASH_SLOTS];

    while (*link != number + 1)
        link = &spool->templates[*link - 1].next;
    *link = t->next;
    store_remove(spool->store, t->handle);
    template_release(&t->template);
    t->is_used = false;
    t->next = spool->template_free;
    spool->template_free = number + 1;
    spool->templates_used--;
}

/* The last one used is kept without messages too: the next message is likely to want it. */
static void
use_template(struct spool *spool, uint32_t number)
{
    uint32_t before = spool->template_last;

    spool->template_last = number;
    if (before != number && before < spool->templates_count && spool->templates[before].is_used &&
        spool->templates[before].messages_count == 0)
        drop_template(spool, before);
}

/* The template for this content: the last one used, one that was used before, or a new one. */
static uint32_t
template_for(struct spool *spool, struct slice content, const struct template_values *values,
    const struct shared *shared)
{
    struct template cut = {0};
    uint32_t number = spool->template_last;
    uint64_t hash;

    if (number < spool->templates_count && spool->templates[number].is_used &&
        shared_equals(&spool->templates[number].shared, shared) &&
        template_matches(&spool->templates[number].template, content, values))
        return number;
    template_cut(&cut, content, values);
    assert(template_matches(&cut, content, values));
    hash = template_hash(&cut);
    for (number = spool->chains[hash % TEMPLATE_HASH_SLOTS]; number != 0;
         number = spool->templates[number - 1].next) {
        const struct spool_template *t = &spool->templates[number - 1];

        if (t->hash == hash && shared_equals(&t->shared, shared) &&
            template_equals(&t->template, &cut)) {
            template_release(&cut);
            use_template(spool, number - 1);
            return number - 1;
        }
    }
    number = take_template_number(spool);
    place_template(spool, number, &cut, shared, store_template(spool, number, &cut, shared));
    use_template(spool, number);
    return number;
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
    for (size_t i = 0; i < domain.length; i++)
        text_add_char(lower, char_lower(domain.at[i]));
    number = map_put(&spool->domains, slice_from(text_slice(lower), 1), &is_new);
    if (is_new)
        store_append(spool->store, text_slice(lower));
    return number;
}

/* "b+spring-1z" is "b+spring-" and "1z": the first part is the same in all of a delivery. */
static void
cut_sender(struct slice local, struct slice *prefix, struct slice *key)
{
    size_t at = local.length;

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
    number = template_for(spool, submission->content, &values, &shared);
    spool->templates[number].messages_count++;

    text_clear(record);
    text_add_char(record, 'M');
    add_le(record, number, 4);
    add_le(record, (uint64_t)arrival_us, 6);
    add_le(record, key.length, 1);
    text_add_slice(record, key);
    for (size_t i = 0; i < submission->recipients_count; i++) {
        const struct mail_address *recipient = &submission->recipients[i];

        places[i].at = (uint16_t)record->length;
        add_le(record, recipient->local.length, 1);
        add_le(record, domain_number(spool, recipient->domain), 4);
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
    uint32_t number = (uint32_t)(view.template - spool->templates);
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
    if (--spool->templates[number].messages_count == 0 && number != spool->template_last)
        drop_template(spool, number);
}

struct spool_envelope
spool_envelope(struct spool *spool, spool_message message)
{
    struct message_view view = message_view(spool, message);
    const struct shared *shared = &view.template->shared;

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
add_sender_local(const struct message_view *view, struct text *out)
{
    text_add_slice(out, view->template->shared.sender_prefix);
    text_add_slice(out, view->key);
}

void
spool_sender(struct spool *spool, spool_message message, struct text *out)
{
    struct message_view view = message_view(spool, message);
    struct slice domain = view.template->shared.sender_domain;

    add_sender_local(&view, out);
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
    add_sender_local(view, &spool->scratch);
    return values_of(spool, view->arrival_us, recipient.local.length, text_slice(&spool->scratch));
}

uint64_t
spool_size(struct spool *spool, spool_message message)
{
    struct message_view view = message_view(spool, message);
    struct template_values values = values_of_message(spool, message, &view);

    return template_size(&view.template->template, &values);
}

void
spool_content(struct spool *spool, spool_message message, spool_write_fn *fn, void *arg)
{
    struct message_view view = message_view(spool, message);
    struct template_values values = values_of_message(spool, message, &view);

    for (size_t i = 0; i < view.template->template.pieces_count; i++) {
        struct slice bytes = template_piece_bytes(&view.template->template, i, &values);

        fn(arg, bytes.at, bytes.length);
    }
}

size_t
spool_templates_count(const struct spool *spool)
{
    return spool->templates_used;
}

/* --- after a crash --------------------------------------------------------------------------- */

struct recovery {
    struct spool *spool;
    spool_found_fn *fn;
    void *arg;
};

static void
recover_template(struct spool *spool, store_handle handle, struct slice record)
{
    enum { HEAD = 1 + 4 + 8 + 1 + 1 + 1 };
    struct template template = {0};
    uint32_t number = (uint32_t)read_le(record.at + 1, 4);
    size_t prefix_length = (uint8_t)record.at[14], domain_length = (uint8_t)record.at[15];
    struct shared shared = {
        .validity_us = (int64_t)read_le(record.at + 5, 8),
        .is_8bit = record.at[13] != 0,
        .sender_prefix = {record.at + HEAD,                 prefix_length},
        .sender_domain = {record.at + HEAD + prefix_length, domain_length}
    };

    while (spool->templates_count <= number) {
        spool->templates = mem_grow(spool->templates, &spool->templates_capacity,
            (size_t)spool->templates_count + 1, sizeof *spool->templates);
        spool->templates[spool->templates_count++] = (struct spool_template){0};
    }
    if (template_unpack(&template, slice_from(record, HEAD + prefix_length + domain_length)))
        place_template(spool, number, &template, &shared, handle);
    else
        template_release(&template);
}

static void
recover_record(void *arg, store_handle handle, struct slice record)
{
    struct recovery *recovery = arg;
    struct spool *spool = recovery->spool;

    switch (record.at[0]) {
    case 'D':
        map_put(&spool->domains, slice_from(record, 1), NULL);
        break;
    case 'T':
        recover_template(spool, handle, record);
        break;
    case 'M':
        message_view(spool, handle).template->messages_count++;
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
    store_scan(spool->store, find_recipients, &recovery);
}
