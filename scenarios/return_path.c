/* return_path.c - envelopes that say which row of which delivery they are about. */
#include "scenarios/return_path.h"

#include "scenarios/recipients.h"

enum {
    ROW_DIGITS_MAX = 12,                                    /* of base 36: beyond 10^18 */
    NAME_MAX_BYTES = ADDRESS_LOCAL_MAX - 3 - ROW_DIGITS_MAX /* beside "b+" and the hyphen */
};

static const char digits36[] = "0123456789abcdefghijklmnopqrstuvwxyz";

void
return_paths_init(struct return_paths *paths, struct slice domain)
{
    *paths = (struct return_paths){.domain = domain};
}

void
return_paths_release(struct return_paths *paths)
{
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
    text_release(&name);
}

void
return_path_key(const struct return_paths *paths, size_t delivery, uint64_t row, struct text *out)
{
    char digits[ROW_DIGITS_MAX];
    size_t length = 0;

    do {
        assert(length < ROW_DIGITS_MAX);
        digits[ROW_DIGITS_MAX - ++length] = digits36[row % 36];
        row /= 36;
    } while (row > 0);
    text_add_slice(out, map_key(&paths->names, (uint32_t)delivery));
    text_add_char(out, '-');
    text_add(out, digits + ROW_DIGITS_MAX - length, length);
}

void
return_path_write(const struct return_paths *paths, size_t delivery, uint64_t row, struct text *out)
{
    text_add(out, "b+", 2);
    return_path_key(paths, delivery, row, out);
    text_add_char(out, '@');
    text_add_slice(out, paths->domain);
}

/* Only as we write it: small letters, no zeros in front. */
static bool
read_row(struct slice digits, uint64_t *row)
{
    if (digits.length == 0 || digits.length > ROW_DIGITS_MAX)
        return false;
    if (digits.length > 1 && digits.at[0] == '0')
        return false;
    *row = 0;
    for (size_t i = 0; i < digits.length; i++) {
        char c = digits.at[i];

        if (!char_is_digit(c) && (c < 'a' || c > 'z'))
            return false;
        *row = *row * 36 + (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    return true;
}

bool
return_path_read(
    const struct return_paths *paths, struct slice address, size_t *delivery, uint64_t *row)
{
    struct slice local = recipient_local(address);
    size_t hyphen = local.length;
    uint32_t number;

    if (!slice_starts_with(local, SLICE("b+")))
        return false;
    if (!slice_equals_nocase(recipient_domain(address), paths->domain))
        return false;
    while (hyphen > 2 && local.at[hyphen - 1] != '-')
        hyphen--;
    if (hyphen <= 2 || !read_row(slice_from(local, hyphen), row))
        return false;
    if (!map_find(&paths->names, (struct slice){local.at + 2, hyphen - 3}, &number))
        return false;
    *delivery = number;
    return true;
}
