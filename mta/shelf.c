/* shelf.c - the templates of a spool. Their record: number, what all messages share, packed template. */
#include "mta/shelf.h"

#include "base/mem.h"

void
shelf_init(struct shelf *shelf, struct store *store)
{
    *shelf = (struct shelf){.store = store, .last = UINT32_MAX};
}

void
shelf_release(struct shelf *shelf)
{
    for (uint32_t i = 0; i < shelf->entries_count; i++)
        template_release(&shelf->entries[i].template);
    mem_free(shelf->entries);
    map_release(&shelf->names);
    text_release(&shelf->record);
    *shelf = (struct shelf){0};
}

static bool
shared_equals(const struct shared *a, const struct shared *b)
{
    return a->validity_us == b->validity_us && a->is_8bit == b->is_8bit &&
        slice_equals(a->sender_prefix, b->sender_prefix) &&
        slice_equals(a->sender_domain, b->sender_domain);
}

static uint32_t
take_template_number(struct shelf *shelf)
{
    uint32_t number = shelf->free;

    if (number != 0) {
        shelf->free = shelf->entries[number - 1].next;
        return number - 1;
    }
    shelf->entries = mem_grow(shelf->entries, &shelf->entries_capacity,
        (size_t)shelf->entries_count + 1, sizeof *shelf->entries);
    return shelf->entries_count++;
}

static struct slice
keep_name(struct shelf *shelf, struct slice name)
{
    return map_key(&shelf->names, map_put(&shelf->names, name, NULL));
}

static void
place_template(struct shelf *shelf, uint32_t number, struct template *template,
    const struct shared *shared, store_handle handle)
{
    struct shelf_entry *t = &shelf->entries[number];
    uint64_t hash = template_hash(template);
    uint32_t *chain = &shelf->chains[hash % SHELF_CHAINS];

    *t = (struct shelf_entry){
        .template = *template, .shared = *shared, .is_used = true, .hash = hash};
    t->shared.sender_prefix = keep_name(shelf, shared->sender_prefix);
    t->shared.sender_domain = keep_name(shelf, shared->sender_domain);
    t->handle = handle;
    t->next = *chain;
    *chain = number + 1;
    shelf->used_count++;
}

static store_handle
store_template(struct shelf *shelf, uint32_t number, const struct template *template,
    const struct shared *shared)
{
    struct text *record = &shelf->record;

    text_clear(record);
    text_add_char(record, SHELF_RECORD);
    record_add(record, number, 4);
    record_add(record, (uint64_t)shared->validity_us, 8);
    record_add(record, shared->is_8bit, 1);
    record_add(record, shared->sender_prefix.length, 1);
    record_add(record, shared->sender_domain.length, 1);
    text_add_slice(record, shared->sender_prefix);
    text_add_slice(record, shared->sender_domain);
    template_pack(template, record);
    return store_append(shelf->store, text_slice(record));
}

static void
drop_template(struct shelf *shelf, uint32_t number)
{
    struct shelf_entry *t = &shelf->entries[number];
    uint32_t *link = &shelf->chains[t->hash % SHELF_CHAINS];

    while (*link != number + 1)
        link = &shelf->entries[*link - 1].next;
    *link = t->next;
    store_remove(shelf->store, t->handle);
    template_release(&t->template);
    t->is_used = false;
    t->next = shelf->free;
    shelf->free = number + 1;
    shelf->used_count--;
}

static void
use_template(struct shelf *shelf, uint32_t number)
{
    uint32_t before = shelf->last;

    shelf->last = number;
    if (before != number && before < shelf->entries_count && shelf->entries[before].is_used &&
        shelf->entries[before].messages_count == 0)
        drop_template(shelf, before);
}

static uint32_t
find_or_add(struct shelf *shelf, struct slice content, const struct template_values *values,
    const struct shared *shared)
{
    struct template cut = {0};
    uint32_t number = shelf->last;
    uint64_t hash;

    if (number < shelf->entries_count && shelf->entries[number].is_used &&
        shared_equals(&shelf->entries[number].shared, shared) &&
        template_matches(&shelf->entries[number].template, content, values))
        return number;
    template_cut(&cut, content, values);
    assert(template_matches(&cut, content, values));
    hash = template_hash(&cut);
    for (number = shelf->chains[hash % SHELF_CHAINS]; number != 0;
         number = shelf->entries[number - 1].next) {
        const struct shelf_entry *t = &shelf->entries[number - 1];

        if (t->hash == hash && shared_equals(&t->shared, shared) &&
            template_equals(&t->template, &cut)) {
            template_release(&cut);
            use_template(shelf, number - 1);
            return number - 1;
        }
    }
    number = take_template_number(shelf);
    place_template(shelf, number, &cut, shared, store_template(shelf, number, &cut, shared));
    use_template(shelf, number);
    return number;
}

uint32_t
shelf_take(struct shelf *shelf, struct slice content, const struct template_values *values,
    const struct shared *shared)
{
    uint32_t number = find_or_add(shelf, content, values, shared);

    shelf->entries[number].messages_count++;
    return number;
}

void
shelf_give_back(struct shelf *shelf, uint32_t number)
{
    assert(shelf_entry(shelf, number)->messages_count > 0);
    if (--shelf->entries[number].messages_count == 0 && number != shelf->last)
        drop_template(shelf, number);
}

/* --- after a crash --------------------------------------------------------------------------- */

void
shelf_recover(struct shelf *shelf, store_handle handle, struct slice record)
{
    enum { HEAD = 1 + 4 + 8 + 1 + 1 + 1 };
    struct template template = {0};
    uint32_t number = (uint32_t)record_read(record.at + 1, 4);
    size_t prefix_length = (uint8_t)record.at[14], domain_length = (uint8_t)record.at[15];
    struct shared shared = {
        .validity_us = (int64_t)record_read(record.at + 5, 8),
        .is_8bit = record.at[13] != 0,
        .sender_prefix = {record.at + HEAD,                 prefix_length},
        .sender_domain = {record.at + HEAD + prefix_length, domain_length}
    };

    while (shelf->entries_count <= number) {
        shelf->entries = mem_grow(shelf->entries, &shelf->entries_capacity,
            (size_t)shelf->entries_count + 1, sizeof *shelf->entries);
        shelf->entries[shelf->entries_count++] = (struct shelf_entry){0};
    }
    if (template_unpack(&template, slice_from(record, HEAD + prefix_length + domain_length)))
        place_template(shelf, number, &template, &shared, handle);
    else
        template_release(&template);
}

void
shelf_recover_message(struct shelf *shelf, uint32_t number)
{
    shelf_entry(shelf, number);
    shelf->entries[number].messages_count++;
}

/* Numbers without a template are free, and one that was kept for a message to come is not wanted. */
void
shelf_recovered(struct shelf *shelf)
{
    for (uint32_t number = 0; number < shelf->entries_count; number++) {
        struct shelf_entry *t = &shelf->entries[number];

        if (t->is_used && t->messages_count == 0) {
            drop_template(shelf, number);
        } else if (!t->is_used) {
            t->next = shelf->free;
            shelf->free = number + 1;
        }
    }
}
