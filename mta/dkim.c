/* dkim.c - signs what we send.
 *
 * libopendkim parses the key for every message; base/libcrypto_keys.h spares it that. What it
 * allocates for a message comes from an arena. */
#include "mta/dkim.h"

#include <opendkim/dkim.h>

#include "base/mem.h"
#include "base/unit.h"
#include "smtp/message.h"

enum {
    KEPT_COUNT = 16,        /* recipients of one message are sent to at about the same time */
    FIELD_BYTES_BASE = 512, /* tags without h=, d=, s= and b= */
    ED25519_BYTES = 64,
    BASE64_LINE = 68,
};

struct kept {
    bool is_used;
    uint32_t message;
    int64_t arrival_s;
    struct text fields;
};

struct dkim_signer {
    const struct dkim_config *config;
    DKIM_LIB *library;
    struct arena arena;           /* of the message that is being signed */
    struct text plain;            /* its content */
    struct text names, base64;    /* of a modelled signature */
    struct kept kept[KEPT_COUNT]; /* a ring */
    size_t kept_next;
    uint64_t signatures_count;
};

/* ---- the library ---- */

static void
set_option(struct dkim_signer *signer, dkim_opts_t option, void *value, size_t bytes)
{
    DKIM_STAT status = dkim_options(signer->library, DKIM_OP_SETOPT, option, value, bytes);

    assert(status == DKIM_STAT_OK);
}

/* As the library wants names: a list that ends in NULL, which it copies. */
static void
set_names(struct dkim_signer *signer, dkim_opts_t option, const struct slice *names, size_t count)
{
    struct arena arena = {0};
    const char **list = arena_alloc_zeroed(&arena, (count + 1) * sizeof *list);

    for (size_t i = 0; i < count; i++)
        list[i] = arena_copy(&arena, names[i].at, names[i].length);
    set_option(signer, option, list, sizeof list);
    arena_release(&arena);
}

struct dkim_signer *
dkim_signer_new(const struct dkim_config *config)
{
    struct dkim_signer *signer = mem_alloc_zeroed(sizeof *signer);
    uint64_t lifetime_s = (uint64_t)(config->lifetime_us / US_PER_S);
    unsigned int flags = DKIM_LIBFLAGS_NONE;

    assert(config->level != DKIM_LEVEL_OFF);
    assert(config->real_one_in >= 1);
    signer->config = config;
    signer->library = dkim_init(arena_or_mem_alloc, arena_or_mem_free);
    assert(signer->library != NULL);
    set_option(signer, DKIM_OPTS_FLAGS, &flags, sizeof flags);
    set_option(signer, DKIM_OPTS_SIGNATURETTL, &lifetime_s, sizeof lifetime_s);
    set_names(signer, DKIM_OPTS_SIGNHDRS, config->headers, config->headers_count);
    set_names(signer, DKIM_OPTS_OVERSIGNHDRS, config->oversigned, config->oversigned_count);
    return signer;
}

void
dkim_signer_free(struct dkim_signer **signer)
{
    struct dkim_signer *d = *signer;

    if (d == NULL)
        return;
    dkim_close(d->library);
    for (size_t i = 0; i < KEPT_COUNT; i++)
        text_release(&d->kept[i].fields);
    arena_release(&d->arena);
    text_release(&d->plain);
    text_release(&d->names);
    text_release(&d->base64);
    mem_free(d);
    *signer = NULL;
}

static bool
is_relaxed(const struct dkim_signer *signer, enum dkim_relaxed what)
{
    return (signer->config->relaxed & what) != 0;
}

/* ---- who signs ---- */

static bool
is_or_is_below(struct slice domain, struct slice above)
{
    return slice_ends_with_nocase(domain, above) &&
        (domain.length == above.length || domain.at[domain.length - above.length - 1] == '.');
}

/* The domain of the keys: that of From, or the nearest above it. Length 0: there is none. */
static struct slice
signing_domain(const struct dkim_signer *signer, struct slice domain)
{
    struct slice best = {"", 0};

    for (size_t i = 0; i < signer->config->keys_count; i++) {
        struct slice own = signer->config->keys[i].domain;

        if (own.length > best.length && is_or_is_below(domain, own))
            best = own;
    }
    return best;
}

/* Header fields have no leading dot to be doubled: a header in wire form is one in plain form. */
static enum dkim_judgement
judge(const struct dkim_signer *signer, struct slice content, struct slice *domain)
{
    struct header_field field;
    struct slice from = {"", 0};
    bool has_from = false, is_malformed;

    while (header_next(&content, &field, &is_malformed)) {
        if (has_from || !slice_equals_nocase(field.name, SLICE("From")))
            continue;
        has_from = true;
        from = from_domain(field.value);
    }
    *domain = signing_domain(signer, from);
    if (is_malformed)
        return DKIM_MALFORMED;
    return domain->length > 0 ? DKIM_SIGNABLE : DKIM_WITHOUT_KEY;
}

enum dkim_judgement
dkim_signer_judge(struct dkim_signer *signer, struct slice content)
{
    struct slice domain;

    return judge(signer, content, &domain);
}

/* ---- level real ---- */

/* The library takes bytes that it could change, and does not. */
static u_char *
bytes_for_library(struct text *text, struct slice part)
{
    return (u_char *)text->bytes + (part.at - text->bytes);
}

static DKIM_STAT
feed(struct dkim_signer *signer, DKIM *handle)
{
    struct slice rest = text_slice(&signer->plain);
    struct header_field field;
    DKIM_STAT status = DKIM_STAT_OK;
    bool is_malformed;

    while (status == DKIM_STAT_OK && header_next(&rest, &field, &is_malformed))
        if (!slice_equals_nocase(field.name, SLICE(DKIM_FIELD_NAME))) /* it would try to read it */
            status = dkim_header(
                handle, bytes_for_library(&signer->plain, field.whole), field.whole.length);
    if (status == DKIM_STAT_OK)
        status = dkim_eoh(handle);
    rest = slice_from(rest, rest.length < 2 ? rest.length : 2); /* the empty line */
    if (status == DKIM_STAT_OK && rest.length > 0)
        status = dkim_body(handle, bytes_for_library(&signer->plain, rest), rest.length);
    return status == DKIM_STAT_OK ? dkim_eom(handle, NULL) : status;
}

static void
sign_really(
    struct dkim_signer *signer, const struct dkim_key *key, int64_t arrival_s, struct text *fields)
{
    struct arena *arena = &signer->arena;
    uint64_t at_s = (uint64_t)arrival_s;
    size_t length;
    u_char *value;
    DKIM_STAT status;
    DKIM *handle;

    set_option(signer, DKIM_OPTS_FIXEDTIME, &at_s, sizeof at_s);
    handle = dkim_sign(signer->library, (const u_char *)"", arena,
        (dkim_sigkey_t)arena_copy(arena, key->pem.at, key->pem.length),
        (const u_char *)arena_copy(arena, key->selector.at, key->selector.length),
        (const u_char *)arena_copy(arena, key->domain.at, key->domain.length),
        is_relaxed(signer, DKIM_RELAXED_HEADER) ? DKIM_CANON_RELAXED : DKIM_CANON_SIMPLE,
        is_relaxed(signer, DKIM_RELAXED_BODY) ? DKIM_CANON_RELAXED : DKIM_CANON_SIMPLE,
        key->kind == KEY_ED25519 ? DKIM_SIGN_ED25519SHA256 : DKIM_SIGN_RSASHA256, -1, &status);
    assert(handle != NULL);
    status = feed(signer, handle);
    assert(status == DKIM_STAT_OK); /* the judge has seen the header, and the start the key */
    status = dkim_getsighdr_d(handle, sizeof DKIM_FIELD_NAME ": " - 1, &value, &length);
    assert(status == DKIM_STAT_OK);
    text_add_string(fields, DKIM_FIELD_NAME ": ");
    text_add(fields, (const char *)value, length);
    text_add_string(fields, "\r\n");
    dkim_free(handle);
    arena_release(arena);
    signer->signatures_count++;
}

/* ---- level modelled ---- */

static void
add_name(struct text *names, struct slice name)
{
    if (names->length > 0)
        text_add_char(names, ':');
    text_add_slice(names, name);
}

/* The value of h=: each name as often as it is there, and those over-signed once more. */
static void
add_names(const struct dkim_signer *signer, struct text *names)
{
    const struct dkim_config *config = signer->config;

    for (size_t i = 0; i < config->headers_count; i++) {
        struct slice rest = text_slice(&signer->plain);
        struct header_field field;
        bool is_malformed;

        while (header_next(&rest, &field, &is_malformed))
            if (slice_equals_nocase(field.name, config->headers[i]))
                add_name(names, config->headers[i]);
    }
    for (size_t i = 0; i < config->oversigned_count; i++)
        add_name(names, config->oversigned[i]);
}

static void
add_folded(struct text *out, struct slice base64)
{
    while (base64.length > BASE64_LINE) {
        text_add(out, base64.at, BASE64_LINE);
        text_add_string(out, "\r\n\t ");
        base64 = slice_from(base64, BASE64_LINE);
    }
    text_add_slice(out, base64);
}

static void
sign_by_model(
    struct dkim_signer *signer, const struct dkim_key *key, int64_t arrival_s, struct text *fields)
{
    const struct dkim_config *config = signer->config;
    struct slice plain = text_slice(&signer->plain);
    struct text *names = &signer->names, *base64 = &signer->base64;
    size_t start = fields->length;

    text_clear(names);
    add_names(signer, names);
    text_clear(base64);
    dkim_model_body(
        base64, slice_from(plain, header_length(plain)), is_relaxed(signer, DKIM_RELAXED_BODY));
    text_printf(fields,
        DKIM_FIELD_NAME ": v=1; a=%s-sha256; c=%s/%s; d=%.*s; s=%.*s;\r\n\t" DKIM_MODEL_TAG
                        "; t=%lld;",
        key->kind == KEY_ED25519 ? "ed25519" : "rsa",
        is_relaxed(signer, DKIM_RELAXED_HEADER) ? "relaxed" : "simple",
        is_relaxed(signer, DKIM_RELAXED_BODY) ? "relaxed" : "simple", SLICE_ARGS(key->domain),
        SLICE_ARGS(key->selector), (long long)arrival_s);
    if (config->lifetime_us > 0)
        text_printf(fields, " x=%lld;", (long long)(arrival_s + config->lifetime_us / US_PER_S));
    text_printf(fields, "\r\n\tbh=%s;\r\n\th=%s;\r\n\tb=", text_string(base64), text_string(names));
    text_clear(base64);
    dkim_model_signature(base64, plain, text_slice(names), slice_from(text_slice(fields), start),
        key->public_key, is_relaxed(signer, DKIM_RELAXED_HEADER),
        key->kind == KEY_ED25519 ? ED25519_BYTES : key->bits / 8);
    add_folded(fields, text_slice(base64));
    text_add_string(fields, "\r\n");
}

/* ---- signing ---- */

static bool
is_real(const struct dkim_signer *signer)
{
    const struct dkim_config *config = signer->config;

    return config->level == DKIM_LEVEL_REAL &&
        slice_hash(text_slice(&signer->plain), 0) % config->real_one_in == 0;
}

static void
make_fields(
    struct dkim_signer *signer, int64_t arrival_s, struct slice content, struct text *fields)
{
    const struct dkim_config *config = signer->config;
    struct slice domain;
    bool is_by_library;

    if (judge(signer, content, &domain) != DKIM_SIGNABLE)
        return;
    text_clear(&signer->plain);
    dot_unstuff(&signer->plain, content);
    is_by_library = is_real(signer);
    for (size_t i = 0; i < config->keys_count; i++) {
        const struct dkim_key *key = &config->keys[i];

        if (!slice_equals(key->domain, domain))
            continue;
        if (is_by_library)
            sign_really(signer, key, arrival_s, fields);
        else
            sign_by_model(signer, key, arrival_s, fields);
    }
}

void
dkim_signer_sign(struct dkim_signer *signer, uint32_t message, int64_t arrival_s,
    struct slice content, struct text *fields)
{
    struct kept *kept = &signer->kept[signer->kept_next];

    for (size_t i = 0; i < KEPT_COUNT; i++) {
        const struct kept *old = &signer->kept[i];

        if (old->is_used && old->message == message && old->arrival_s == arrival_s) {
            text_add_slice(fields, text_slice(&old->fields));
            return;
        }
    }
    signer->kept_next = (signer->kept_next + 1) % KEPT_COUNT;
    kept->is_used = true;
    kept->message = message;
    kept->arrival_s = arrival_s;
    text_clear(&kept->fields);
    make_fields(signer, arrival_s, content, &kept->fields);
    text_add_slice(fields, text_slice(&kept->fields));
}

/* Base64 and its folds take less than half as much again. h= may name a field several times, and a
 * field that often is worth more than its name. */
uint64_t
dkim_signer_bytes_max(const struct dkim_signer *signer)
{
    const struct dkim_config *config = signer->config;
    uint64_t names = 0, all = 0;

    for (size_t i = 0; i < config->headers_count; i++)
        names += 2 * (config->headers[i].length + 4);
    for (size_t i = 0; i < config->oversigned_count; i++)
        names += config->oversigned[i].length + 4;
    for (size_t i = 0; i < config->keys_count; i++) {
        const struct dkim_key *key = &config->keys[i];

        all += FIELD_BYTES_BASE + names + key->domain.length + key->selector.length +
            (key->bits > 512 ? key->bits : 512) / 8 * 3 / 2;
    }
    return all;
}

uint64_t
dkim_signer_signatures(const struct dkim_signer *signer)
{
    return signer->signatures_count;
}
