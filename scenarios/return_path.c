/* return_path.c - envelopes that say which row of which delivery they are about. */
#include "scenarios/return_path.h"

#include "scenarios/recipients.h"

enum {
    NAME_MAX_BYTES =
        ADDRESS_LOCAL_MAX - 4 - VERP_ROW_DIGITS - VERP_TOKEN_CHARS /* beside "b+" and two hyphens */
};

void
return_paths_init(struct return_paths *paths, struct slice domain, const struct verp_key *key)
{
    *paths = (struct return_paths){.domain = domain, .key = key};
}

void
return_paths_release(struct return_paths *paths)
{
    for (uint32_t i = 0; i < paths->names.count; i++)
        verp_signer_free(&paths->signers[i]);
    mem_free(paths->signers);
    map_release(&paths->names);
}

void
return_paths_add(struct return_paths *paths, struct slice delivery)
{
    struct text name = {0};
    bool is_new;

    for (size_t i = 0; i < delivery.length; i++) {
        char c = delivery.at[i];

        if (char_is_letter(c) || char_is_digit(c) || c == '-')
            text_add_char(&name, c);
        else
            text_printf(&name, "=%02X", (unsigned char)c);
    }
    if (name.length == 0 || name.length > NAME_MAX_BYTES) {
        text_clear(&name);
        text_printf(&name, "=N%u", (unsigned)paths->names.count);
    }
    map_put(&paths->names, text_slice(&name), &is_new);
    assert(is_new);
    paths->signers = mem_grow(
        paths->signers, &paths->signers_capacity, paths->names.count, sizeof(struct verp_signer *));
    paths->signers[paths->names.count - 1] =
        paths->key != NULL ? verp_signer_new(paths->key, paths->domain, text_slice(&name)) : NULL;
    text_release(&name);
}

void
return_path_write(
    const struct return_paths *paths, size_t delivery, uint64_t row, int64_t day, struct text *out)
{
    struct verp_signer *signer = paths->signers[delivery];

    text_add(out, "b+", 2);
    verp_write_key(out, map_key(&paths->names, (uint32_t)delivery), row,
        signer != NULL ? verp_token(signer, row, day) : SLICE(""));
    text_add_char(out, '@');
    text_add_slice(out, paths->domain);
}

struct slice
return_path_key(struct slice path)
{
    return slice_from(recipient_local(path), 2);
}

bool
return_path_read(
    const struct return_paths *paths, struct slice address, size_t *delivery, uint64_t *row)
{
    struct verp_path path;
    uint32_t number;

    if (!verp_read(recipient_local(address), paths->key != NULL, &path) || path.is_unsubscription)
        return false;
    if (!slice_equals_nocase(recipient_domain(address), paths->domain))
        return false;
    if (!map_find(&paths->names, path.delivery, &number))
        return false;
    *delivery = number;
    *row = path.row;
    return true;
}
