/* verp.c - return paths with a token. */
#include "smtp/verp.h"

#include "base/map.h"
#include "base/mem.h"
#include "base/unit.h"

enum {
    MAC_BITS = 40,
    NEIGHBOURS = 64, /* tokens that are made together */
    BLOCKS = 64,     /* of neighbours, that a signer remembers */
    JUDGED_MAX = 64, /* deliveries that a judge remembers */
};

static const char digits36[] = "0123456789abcdefghijklmnopqrstuvwxyz"; /* the first 32: base32hex */

/* ---- the format ---- */

static int
hex_value(char c)
{
    c = char_lower(c);
    if (char_is_digit(c))
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool
verp_key_parse(struct slice hex, struct verp_key *key)
{
    if (hex.length != 2 * sizeof key->bytes)
        return false;
    for (size_t i = 0; i < sizeof key->bytes; i++) {
        int high = hex_value(hex.at[2 * i]), low = hex_value(hex.at[2 * i + 1]);

        if (high < 0 || low < 0)
            return false;
        key->bytes[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static bool
read_row(struct slice digits, uint64_t *row)
{
    if (digits.length == 0 || digits.length > VERP_ROW_DIGITS)
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

/* What stands behind the last hyphen; false: there is none, or nothing before it. */
static bool
cut_last(struct slice s, struct slice *before, struct slice *last)
{
    const char *hyphen = s.length > 0 ? memrchr(s.at, '-', s.length) : NULL;

    if (hyphen == NULL || hyphen == s.at)
        return false;
    *before = (struct slice){s.at, (size_t)(hyphen - s.at)};
    *last = slice_from(s, before->length + 1);
    return true;
}

static bool
is_token(struct slice s)
{
    if (s.length != VERP_TOKEN_CHARS)
        return false;
    for (size_t i = 0; i < s.length; i++)
        if (!char_is_digit(s.at[i]) && (s.at[i] < 'a' || s.at[i] > 'v'))
            return false;
    return true;
}

bool
verp_read_key(struct slice key, bool is_signed, struct verp_path *path)
{
    struct slice rest = key, row;

    *path = (struct verp_path){.key = key};
    if (is_signed && (!cut_last(rest, &rest, &path->token) || !is_token(path->token)))
        return false;
    return cut_last(rest, &path->delivery, &row) && read_row(row, &path->row);
}

static bool
begins_as_ours(struct slice local)
{
    return slice_starts_with(local, SLICE("b+")) || slice_starts_with(local, SLICE("u+"));
}

bool
verp_read(struct slice local, bool is_signed, struct verp_path *path)
{
    if (!begins_as_ours(local) || !verp_read_key(slice_from(local, 2), is_signed, path))
        return false;
    path->is_unsubscription = local.at[0] == 'u';
    return true;
}

bool
verp_has_token(struct slice local)
{
    struct verp_path path;

    return verp_read(local, true, &path);
}

void
verp_write_key(struct text *out, struct slice delivery, uint64_t row, struct slice token)
{
    char digits[VERP_ROW_DIGITS];
    size_t length = 0;

    do {
        assert(length < VERP_ROW_DIGITS);
        digits[VERP_ROW_DIGITS - ++length] = digits36[row % 36];
        row /= 36;
    } while (row > 0);
    text_add_slice(out, delivery);
    text_add_char(out, '-');
    text_add(out, digits + VERP_ROW_DIGITS - length, length);
    if (token.length > 0)
        text_add_char(out, '-');
    text_add_slice(out, token);
}

int64_t
verp_day(int64_t wall_us)
{
    return wall_us > 0 ? wall_us / US_PER_DAY : 0;
}

/* ---- tokens ---- */

struct neighbours {
    bool is_known;
    uint64_t first_row;
    int64_t day;
    char tokens[NEIGHBOURS][VERP_TOKEN_CHARS];
};

struct verp_signer {
    struct prf *prf;
    struct neighbours blocks[BLOCKS];
};

static struct prf *
prf_of(const struct verp_key *key, struct slice domain, struct slice delivery)
{
    uint8_t derived[PRF_BYTES];
    struct text message = {0};

    for (size_t i = 0; i < domain.length; i++)
        text_add_char(&message, char_lower(domain.at[i]));
    text_add_char(&message, '\0');
    text_add_slice(&message, delivery);
    prf_derive(key->bytes, text_slice(&message), derived);
    text_release(&message);
    return prf_new(derived);
}

struct verp_signer *
verp_signer_new(const struct verp_key *key, struct slice domain, struct slice delivery)
{
    struct verp_signer *signer = mem_alloc_zeroed(sizeof *signer);

    signer->prf = prf_of(key, domain, delivery);
    return signer;
}

void
verp_signer_free(struct verp_signer **signer)
{
    if (*signer == NULL)
        return;
    prf_free(&(*signer)->prf);
    mem_free(*signer);
    *signer = NULL;
}

static void
put_u64(uint8_t *out, uint64_t value)
{
    for (int i = 0; i < 8; i++)
        out[i] = (uint8_t)(value >> (56 - 8 * i));
}

static void
format_token(char out[VERP_TOKEN_CHARS], const uint8_t block[PRF_BYTES], int64_t day)
{
    uint64_t bits = (uint64_t)day % VERP_DAYS;

    for (int i = 0; i < MAC_BITS / 8; i++)
        bits = bits << 8 | block[i];
    for (int i = VERP_TOKEN_CHARS; i-- > 0; bits >>= 5)
        out[i] = digits36[bits & 31];
}

static void
make_tokens(struct prf *prf, uint64_t first_row, int64_t day, size_t count,
    char (*tokens)[VERP_TOKEN_CHARS])
{
    uint8_t in[NEIGHBOURS * PRF_BYTES], out[NEIGHBOURS * PRF_BYTES];

    for (size_t i = 0; i < count; i++) {
        put_u64(in + i * PRF_BYTES, first_row + i);
        put_u64(in + i * PRF_BYTES + 8, (uint64_t)day);
    }
    prf_blocks(prf, in, out, count);
    for (size_t i = 0; i < count; i++)
        format_token(tokens[i], out + i * PRF_BYTES, day);
}

struct slice
verp_token(struct verp_signer *signer, uint64_t row, int64_t day)
{
    uint64_t first_row = row - row % NEIGHBOURS;
    struct neighbours *block = &signer->blocks[row / NEIGHBOURS % BLOCKS];

    assert(day >= 0);
    if (!block->is_known || block->first_row != first_row || block->day != day) {
        make_tokens(signer->prf, first_row, day, NEIGHBOURS, block->tokens);
        block->is_known = true;
        block->first_row = first_row;
        block->day = day;
    }
    return (struct slice){block->tokens[row % NEIGHBOURS], VERP_TOKEN_CHARS};
}

/* ---- judging ---- */

struct verp_judge {
    struct verp_key key;
    struct map names; /* domain and delivery; the number is the index below */
    struct prf *prfs[JUDGED_MAX];
};

struct verp_judge *
verp_judge_new(const struct verp_key *key)
{
    struct verp_judge *judge = mem_alloc_zeroed(sizeof *judge);

    judge->key = *key;
    return judge;
}

static void
forget_all(struct verp_judge *judge)
{
    for (uint32_t i = 0; i < judge->names.count; i++)
        prf_free(&judge->prfs[i]);
    map_release(&judge->names);
}

void
verp_judge_free(struct verp_judge **judge)
{
    if (*judge == NULL)
        return;
    forget_all(*judge);
    mem_free(*judge);
    *judge = NULL;
}

/* Who makes up deliveries makes us forget, which costs a microsecond, and nothing else. */
static struct prf *
find_prf(struct verp_judge *judge, struct slice domain, struct slice delivery)
{
    struct text name = {0};
    bool is_new;
    uint32_t number;

    for (size_t i = 0; i < domain.length; i++)
        text_add_char(&name, char_lower(domain.at[i]));
    text_add_char(&name, '\0');
    text_add_slice(&name, delivery);
    if (judge->names.count == JUDGED_MAX && !map_find(&judge->names, text_slice(&name), &number))
        forget_all(judge);
    number = map_put(&judge->names, text_slice(&name), &is_new);
    if (is_new)
        judge->prfs[number] = prf_of(&judge->key, domain, delivery);
    text_release(&name);
    return judge->prfs[number];
}

static uint32_t
digit_value(char c)
{
    return (uint32_t)(c <= '9' ? c - '0' : c - 'a' + 10);
}

/* The latest day up to tomorrow that the token can mean. */
static int64_t
day_of(struct slice token, int64_t today)
{
    int64_t said = digit_value(token.at[0]) << 5 | digit_value(token.at[1]);
    int64_t back = (today + 1 - said) % VERP_DAYS;

    return today + 1 - (back < 0 ? back + VERP_DAYS : back);
}

/* Takes as long for a wrong token whichever of its digits is wrong. */
static bool
is_same_token(const char *a, const char *b)
{
    int differences = 0;

    for (int i = 0; i < VERP_TOKEN_CHARS; i++)
        differences |= a[i] ^ b[i];
    return differences == 0;
}

enum verp_finding
verp_judge(struct verp_judge *judge, struct slice local, struct slice domain, int64_t today,
    struct verp_path *path, int64_t *day)
{
    char expected[1][VERP_TOKEN_CHARS];

    if (!begins_as_ours(local))
        return VERP_FOREIGN;
    if (!verp_read(local, true, path))
        return VERP_MALFORMED;
    *day = day_of(path->token, today);
    if (*day < 0)
        return VERP_FORGED;
    make_tokens(find_prf(judge, domain, path->delivery), path->row, *day, 1, expected);
    return is_same_token(expected[0], path->token.at) ? VERP_GOOD : VERP_FORGED;
}
