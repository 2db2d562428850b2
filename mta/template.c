/* template.c - content cut where its envelope stands in it. */
#include "mta/template.h"

#include "base/mem.h"

void
template_release(struct template *template)
{
    text_release(&template->literals);
    mem_free(template->pieces);
    *template = (struct template){0};
}

static void
add_piece(struct template *template, uint8_t slot, struct slice literal)
{
    template->pieces = mem_grow(template->pieces, &template->pieces_capacity,
        template->pieces_count + 1, sizeof *template->pieces);
    template->pieces[template->pieces_count++] = (struct template_piece){.slot = slot,
        .at = (uint32_t) template->literals.length,
        .length = (uint32_t)literal.length};
    text_add_slice(&template->literals, literal);
}

/* The longest value that stands at the front of `content`, so that an address wins over its own
 * local part. */
static enum template_slot
slot_at(struct slice content, const struct template_values *values)
{
    enum template_slot best = SLOT_LITERAL;
    size_t best_length = SLOT_BYTES_MIN - 1;

    for (int slot = SLOT_LITERAL + 1; slot < SLOTS_COUNT; slot++) {
        struct slice value = values->slots[slot];

        if (value.length > best_length && slice_starts_with(content, value)) {
            best = (enum template_slot)slot;
            best_length = value.length;
        }
    }
    return best;
}

void
template_cut(struct template *template, struct slice content, const struct template_values *values)
{
    size_t literal_start = 0, i = 0;
    bool begins_value[UINT8_MAX + 1] = {false};

    assert(template->pieces_count == 0);
    for (int slot = SLOT_LITERAL + 1; slot < SLOTS_COUNT; slot++)
        if (values->slots[slot].length >= SLOT_BYTES_MIN)
            begins_value[(uint8_t)values->slots[slot].at[0]] = true;
    while (i < content.length) {
        enum template_slot slot = begins_value[(uint8_t)content.at[i]]
            ? slot_at(slice_from(content, i), values)
            : SLOT_LITERAL;

        if (slot == SLOT_LITERAL) {
            i++;
            continue;
        }
        if (i > literal_start)
            add_piece(template, SLOT_LITERAL,
                (struct slice){content.at + literal_start, i - literal_start});
        add_piece(template, (uint8_t)slot, SLICE(""));
        i += values->slots[slot].length;
        literal_start = i;
    }
    if (i > literal_start)
        add_piece(
            template, SLOT_LITERAL, (struct slice){content.at + literal_start, i - literal_start});
}

struct slice
template_piece_bytes(
    const struct template *template, size_t piece, const struct template_values *values)
{
    const struct template_piece *p = &template->pieces[piece];

    if (p->slot == SLOT_LITERAL)
        return (struct slice){template->literals.bytes + p->at, p->length};
    return values->slots[p->slot];
}

bool
template_matches(
    const struct template *template, struct slice content, const struct template_values *values)
{
    for (size_t i = 0; i < template->pieces_count; i++) {
        struct slice bytes = template_piece_bytes(template, i, values);

        if (!slice_starts_with(content, bytes))
            return false;
        content = slice_from(content, bytes.length);
    }
    return content.length == 0;
}

uint64_t
template_size(const struct template *template, const struct template_values *values)
{
    uint64_t size = 0;

    for (size_t i = 0; i < template->pieces_count; i++)
        size += template_piece_bytes(template, i, values).length;
    return size;
}

bool
template_equals(const struct template *a, const struct template *b)
{
    if (a->pieces_count != b->pieces_count ||
        !slice_equals(text_slice(&a->literals), text_slice(&b->literals)))
        return false;
    for (size_t i = 0; i < a->pieces_count; i++)
        if (a->pieces[i].slot != b->pieces[i].slot || a->pieces[i].length != b->pieces[i].length)
            return false;
    return true;
}

uint64_t
template_hash(const struct template *template)
{
    return slice_hash(text_slice(&template->literals), template->pieces_count);
}

void
template_pack(const struct template *template, struct text *out)
{
    uint32_t count = (uint32_t) template->pieces_count;

    text_add(out, (const char *)&count, sizeof count);
    for (size_t i = 0; i < template->pieces_count; i++) {
        text_add_char(out, (char)template->pieces[i].slot);
        text_add(out, (const char *)&template->pieces[i].length, sizeof(uint32_t));
    }
    text_add_slice(out, text_slice(&template->literals));
}

bool
template_unpack(struct template *template, struct slice packed)
{
    enum { PIECE_BYTES = 1 + sizeof(uint32_t) };
    struct slice literals;
    uint32_t count;

    if (packed.length < sizeof count)
        return false;
    memcpy(&count, packed.at, sizeof count);
    if (count > (packed.length - sizeof count) / PIECE_BYTES)
        return false;
    literals = slice_from(packed, sizeof count + (size_t)count * PIECE_BYTES);
    for (uint32_t i = 0; i < count; i++) {
        const char *piece = packed.at + sizeof count + (size_t)i * PIECE_BYTES;
        uint32_t length;

        memcpy(&length, piece + 1, sizeof length);
        if (length > literals.length || (uint8_t)piece[0] >= SLOTS_COUNT)
            return false;
        add_piece(template, (uint8_t)piece[0], (struct slice){literals.at, length});
        literals = slice_from(literals, length);
    }
    return literals.length == 0;
}
