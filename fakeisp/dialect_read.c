/* dialect_read.c - a template read into steps, which the renderer takes one after another. */
#include "fakeisp/dialect.h"

#include <stdarg.h>

#include "base/charset.h"

struct name_row {
    const char *name;
    unsigned value;
};

static const struct name_row slots[] = {
    {"to",                VALUE_TO               },
    {"rcpt",              VALUE_RCPT             },
    {"rcpt.local",        VALUE_RCPT_LOCAL       },
    {"rcpt.domain",       VALUE_RCPT_DOMAIN      },
    {"rcpt.original",     VALUE_RCPT_ORIGINAL    },
    {"sender",            VALUE_SENDER           },
    {"sender.local",      VALUE_SENDER_LOCAL     },
    {"sender.domain",     VALUE_SENDER_DOMAIN    },
    {"from",              VALUE_FROM             },
    {"from.domain",       VALUE_FROM_DOMAIN      },
    {"subject",           VALUE_SUBJECT          },
    {"message.id",        VALUE_MESSAGE_ID       },
    {"header",            VALUE_HEADER           },
    {"header.redacted",   VALUE_HEADER_REDACTED  },
    {"diagnostic",        VALUE_DIAGNOSTIC       },
    {"text",              VALUE_TEXT             },
    {"code",              VALUE_CODE             },
    {"status",            VALUE_STATUS           },
    {"host",              VALUE_HOST             },
    {"domain",            VALUE_DOMAIN           },
    {"address",           VALUE_ADDRESS          },
    {"source",            VALUE_SOURCE           },
    {"date",              VALUE_DATE             },
    {"date.iso",          VALUE_DATE_ISO         },
    {"date.unix",         VALUE_DATE_UNIX        },
    {"date.accepted",     VALUE_DATE_ACCEPTED    },
    {"date.accepted.iso", VALUE_DATE_ACCEPTED_ISO},
    {"hours",             VALUE_HOURS            },
    {"id",                VALUE_ID               },
    {"queue",             VALUE_QUEUE            },
    {"boundary",          VALUE_BOUNDARY         },
};
static_assert(COUNT_OF(slots) == DIALECT_SLOTS_COUNT, "every slot has a name");

static const struct name_row conditions[] = {
    {"failed",    IF_FAILED   },
    {"delayed",   IF_DELAYED  },
    {"delivered", IF_DELIVERED},
    {"unknown",   IF_UNKNOWN  },
    {"disabled",  IF_DISABLED },
    {"full",      IF_FULL     },
    {"large",     IF_LARGE    },
    {"domain",    IF_DOMAIN   },
    {"network",   IF_NETWORK  },
    {"expired",   IF_EXPIRED  },
    {"blocked",   IF_BLOCKED  },
    {"content",   IF_CONTENT  },
    {"refused",   IF_REFUSED  },
    {"relay",     IF_RELAY    },
    {"header",    IF_HEADER   },
};

static const struct name_row kinds[] = {
    {"bounce",     DIALECT_BOUNCE    },
    {"auto_reply", DIALECT_AUTO_REPLY},
    {"challenge",  DIALECT_CHALLENGE },
    {"complaint",  DIALECT_COMPLAINT },
    {"feedback",   DIALECT_FEEDBACK  },
};

static const struct name_row senders[] = {
    {"null",       DIALECT_FROM_NULL      },
    {"recipient",  DIALECT_FROM_RECIPIENT },
    {"postmaster", DIALECT_FROM_POSTMASTER},
};

static const struct name_row actions[] = {
    {"failed",    1U << DSN_FAILED   },
    {"delayed",   1U << DSN_DELAYED  },
    {"delivered", 1U << DSN_DELIVERED},
};

static const struct name_row encodings[] = {
    {"7bit",             ENCODE_PLAIN           },
    {"8bit",             ENCODE_PLAIN           },
    {"base64",           ENCODE_BASE64          },
    {"quoted-printable", ENCODE_QUOTED_PRINTABLE},
};

static bool
name_find(const struct name_row *rows, size_t count, struct slice name, unsigned *value)
{
    for (size_t i = 0; i < count; i++)
        if (slice_equals(name, slice_of(rows[i].name))) {
            *value = rows[i].value;
            return true;
        }
    return false;
}
#define FIND(rows, name, value) name_find(rows, COUNT_OF(rows), name, value)

#define NOWHERE SIZE_MAX

struct block { /* open, and where its steps lead that are not known yet */
    bool is_encode, has_else;
    size_t unless; /* the step that goes to the next branch; NOWHERE: none */
    size_t gone;   /* the last step that goes to the end, each to the one before; NOWHERE */
    int line;
};

struct reader {
    const char *filename;
    struct slice rest, line_text;
    int line;
    struct error *err;
    struct dialect *dialect;
    struct dialect_op *ops;
    size_t ops_capacity;
    struct block blocks[DIALECT_DEPTH_MAX];
    size_t depth;
    struct slice charset; /* of the encoded block we are in; empty: none */
    struct text scratch;
};

/* Points at `at`, which lies in the line that is read. Always false. */
static bool bad(struct reader *r, const char *at, const char *format, ...) PRINTF_LIKE(3, 4);

static bool
bad(struct reader *r, const char *at, const char *format, ...)
{
    struct text why = {0};
    va_list args;

    va_start(args, format);
    text_vprintf(&why, format, args);
    va_end(args);
    error_set(r->err, ERROR_CONFIG, "%s:%d:%d: %s", r->filename, r->line > 0 ? r->line : 1,
        (int)(at - r->line_text.at) + 1, text_string(&why));
    text_release(&why);
    return false;
}

static bool
next_line(struct reader *r)
{
    struct slice rest;

    if (r->rest.length == 0)
        return false;
    slice_cut(r->rest, '\n', &r->line_text, &rest);
    r->rest = rest;
    r->line++;
    if (r->line_text.length > 0 && r->line_text.at[r->line_text.length - 1] == '\r')
        r->line_text.length--;
    return true;
}

static struct dialect_op *
add_op(struct reader *r, enum dialect_op_kind kind)
{
    struct dialect *dialect = r->dialect;

    r->ops = mem_grow(r->ops, &r->ops_capacity, dialect->ops_count + 1, sizeof r->ops[0]);
    r->ops[dialect->ops_count] = (struct dialect_op){.kind = kind};
    return &r->ops[dialect->ops_count++];
}

static struct slice
next_word(struct slice *rest)
{
    struct slice word;

    *rest = slice_trim(*rest);
    slice_cut(*rest, ' ', &word, rest);
    return word;
}

/* ---- commands ---- */

static bool
open_block(struct reader *r, bool is_encode)
{
    if (r->depth == DIALECT_DEPTH_MAX)
        return bad(r, r->line_text.at, "blocks are nested too deeply");
    r->blocks[r->depth++] =
        (struct block){.is_encode = is_encode, .unless = NOWHERE, .gone = NOWHERE, .line = r->line};
    return true;
}

static bool
add_unless(struct reader *r, struct slice words)
{
    uint32_t wanted = 0;
    unsigned bit;

    while ((words = slice_trim(words)).length > 0) {
        struct slice word = next_word(&words);

        if (!FIND(conditions, word, &bit))
            return bad(r, word.at, "there is no condition \"%.*s\"", SLICE_ARGS(word));
        wanted |= bit;
    }
    if (wanted == 0)
        return bad(r, r->line_text.at, "a condition is missing");
    r->blocks[r->depth - 1].unless = r->dialect->ops_count;
    add_op(r, OP_UNLESS)->conditions = wanted;
    return true;
}

/* From the end of a branch to that of all, and the next branch begins here. */
static bool
end_branch(struct reader *r, const char *command)
{
    struct block *block = r->depth > 0 ? &r->blocks[r->depth - 1] : NULL;

    if (block == NULL || block->is_encode)
        return bad(r, r->line_text.at, "%%%s without %%if", command);
    if (block->has_else)
        return bad(r, r->line_text.at, "%%%s behind %%else", command);
    add_op(r, OP_GO)->target = block->gone;
    block->gone = r->dialect->ops_count - 1;
    r->ops[block->unless].target = r->dialect->ops_count;
    block->unless = NOWHERE;
    return true;
}

static bool
command_if(struct reader *r, struct slice rest)
{
    return open_block(r, false) && add_unless(r, rest);
}

static bool
command_elif(struct reader *r, struct slice rest)
{
    return end_branch(r, "elif") && add_unless(r, rest);
}

static bool
command_else(struct reader *r, struct slice rest)
{
    if (!end_branch(r, "else"))
        return false;
    r->blocks[r->depth - 1].has_else = true;
    return true;
}

static bool
command_encode(struct reader *r, struct slice rest)
{
    struct slice encoding = next_word(&rest), charset = next_word(&rest);
    struct dialect_op *op;
    unsigned value;

    if (r->charset.length > 0)
        return bad(r, r->line_text.at, "%%encode within %%encode");
    if (!FIND(encodings, encoding, &value))
        return bad(r, r->line_text.at,
            "%%encode wants 7bit, 8bit, base64 or quoted-printable, and a charset");
    if (!charset_is_known(charset))
        return bad(r, charset.at, "there is no charset \"%.*s\" here", SLICE_ARGS(charset));
    if (!open_block(r, true))
        return false;
    op = add_op(r, OP_ENCODE);
    op->encoding = value;
    op->charset = r->charset = charset;
    return true;
}

static bool
command_end(struct reader *r, struct slice rest)
{
    struct block *block;

    if (r->depth == 0)
        return bad(r, r->line_text.at, "%%end without %%if or %%encode");
    block = &r->blocks[--r->depth];
    if (block->is_encode) {
        add_op(r, OP_END_ENCODE);
        r->charset = SLICE("");
        return true;
    }
    if (block->unless != NOWHERE)
        r->ops[block->unless].target = r->dialect->ops_count;
    while (block->gone != NOWHERE) {
        size_t before = r->ops[block->gone].target;

        r->ops[block->gone].target = r->dialect->ops_count;
        block->gone = before;
    }
    return true;
}

static bool
read_command(struct reader *r)
{
    static const struct {
        const char *name;
        bool (*read)(struct reader *r, struct slice rest);
    } commands[] = {
        {"if",     command_if    },
        {"elif",   command_elif  },
        {"else",   command_else  },
        {"encode", command_encode},
        {"end",    command_end   },
    };
    struct slice rest = slice_from(r->line_text, 1), word = next_word(&rest);

    for (size_t i = 0; i < COUNT_OF(commands); i++)
        if (slice_equals(word, slice_of(commands[i].name)))
            return commands[i].read(r, rest);
    return bad(r, r->line_text.at, "there is no command \"%%%.*s\"", SLICE_ARGS(word));
}

/* ---- lines of the letter ---- */

/* What is said must be sayable where it stands. */
static bool
check_charset(struct reader *r, struct slice charset, struct slice text)
{
    text_clear(&r->scratch);
    if (charset_write(&r->scratch, charset.length > 0 ? charset : SLICE("us-ascii"), text))
        return true;
    if (charset.length == 0)
        return bad(r, text.at, "only ASCII may stand outside of %%encode");
    return bad(r, text.at, "this cannot be said in %.*s", SLICE_ARGS(charset));
}

static bool
add_text(struct reader *r, struct slice text)
{
    if (text.length == 0)
        return true;
    if (!check_charset(r, r->charset, text))
        return false;
    add_op(r, OP_TEXT)->text = text;
    return true;
}

static bool
add_in_charset(struct reader *r, enum dialect_op_kind kind, struct slice rest)
{
    struct slice charset, text;
    struct dialect_op *op;

    if (!slice_cut(rest, ':', &charset, &text) || text.length == 0)
        return bad(r, rest.at, "a charset, a colon and a text are wanted");
    if (!charset_is_known(charset))
        return bad(r, charset.at, "there is no charset \"%.*s\" here", SLICE_ARGS(charset));
    if (r->charset.length > 0)
        return bad(r, charset.at, "this stands in headers, not within %%encode");
    if (!check_charset(r, charset, text))
        return false;
    op = add_op(r, kind);
    op->charset = charset;
    op->text = text;
    return true;
}

static bool
add_placeholder(struct reader *r, struct slice inner)
{
    struct slice head = {"", 0}, name = inner, rest;
    enum dialect_op_kind kind = OP_VALUE;
    unsigned slot;

    if (slice_cut(inner, ':', &head, &rest)) {
        if (slice_equals(head, SLICE("word")))
            return add_in_charset(r, OP_WORD, rest);
        if (slice_equals(head, SLICE("raw")))
            return add_in_charset(r, OP_RAW, rest);
        if (slice_equals(head, SLICE("json")))
            kind = OP_JSON_VALUE;
        else if (slice_equals(head, SLICE("html")))
            kind = OP_HTML_VALUE;
        else
            return bad(r, inner.at, "json, html, word or raw may stand before a colon");
        name = rest;
    }
    if (!FIND(slots, name, &slot))
        return bad(r, name.at, "there is no value \"%.*s\"", SLICE_ARGS(name));
    add_op(r, kind)->slot = slot;
    return true;
}

static bool
read_text_line(struct reader *r)
{
    struct slice rest = r->line_text;

    if (slice_starts_with(rest, SLICE("%%")))
        rest = slice_from(rest, 1);
    while (rest.length > 0) {
        const char *open = memmem(rest.at, rest.length, "%{", 2), *close;
        size_t before = open != NULL ? (size_t)(open - rest.at) : rest.length;

        if (!add_text(r, (struct slice){rest.at, before}))
            return false;
        rest = slice_from(rest, before);
        if (rest.length == 0)
            break;
        close = memchr(rest.at, '}', rest.length);
        if (close == NULL)
            return bad(r, rest.at, "\"%%{\" is never closed");
        if (!add_placeholder(r, (struct slice){rest.at + 2, (size_t)(close - rest.at) - 2}))
            return false;
        rest = slice_from(rest, (size_t)(close - rest.at) + 1);
    }
    add_op(r, OP_TEXT)->text = SLICE("\r\n");
    return true;
}

/* ---- keys ---- */

static bool
read_actions(struct reader *r, struct slice words)
{
    unsigned bit;

    r->dialect->actions = 0;
    while ((words = slice_trim(words)).length > 0) {
        struct slice word = next_word(&words);

        if (!FIND(actions, word, &bit))
            return bad(r, word.at, "there is no action \"%.*s\"", SLICE_ARGS(word));
        r->dialect->actions |= bit;
    }
    return true;
}

static bool
read_key(struct reader *r, bool *has_kind)
{
    struct slice key, value;
    unsigned number;

    if (!slice_cut(r->line_text, ':', &key, &value))
        return bad(r, r->line_text.at, "a key, a colon and its value are wanted, or \"---\"");
    value = slice_trim(value);
    if (slice_equals(key, SLICE("kind"))) {
        if (!FIND(kinds, value, &number))
            return bad(
                r, value.at, "a kind is bounce, auto_reply, challenge, complaint or feedback");
        r->dialect->kind = number;
        *has_kind = true;
        return true;
    }
    if (slice_equals(key, SLICE("sender"))) {
        if (!FIND(senders, value, &number))
            return bad(r, value.at, "a sender is null, recipient or postmaster");
        r->dialect->sender = number;
        return true;
    }
    if (slice_equals(key, SLICE("actions")))
        return read_actions(r, value);
    return bad(r, key.at, "there is no key \"%.*s\"", SLICE_ARGS(key));
}

static bool
read_keys(struct reader *r)
{
    bool has_kind = false;

    while (next_line(r)) {
        if (r->line_text.length == 0 || r->line_text.at[0] == '#')
            continue;
        if (slice_equals(r->line_text, SLICE("---")))
            return has_kind || bad(r, r->line_text.at, "its kind is missing");
        if (!read_key(r, &has_kind))
            return false;
    }
    return bad(r, r->line_text.at, "there is no letter: a line \"---\" is missing");
}

static bool
read_letter(struct reader *r)
{
    while (next_line(r)) {
        bool is_command = r->line_text.length > 1 && r->line_text.at[0] == '%' &&
            char_is_letter(r->line_text.at[1]);

        if (!(is_command ? read_command(r) : read_text_line(r)))
            return false;
    }
    if (r->depth > 0)
        return bad(
            r, r->line_text.at, "the block of line %d has no %%end", r->blocks[r->depth - 1].line);
    if (r->dialect->ops_count == 0)
        return bad(r, r->line_text.at, "the letter is empty");
    return true;
}

static struct slice
name_of_file(const char *filename)
{
    struct slice name = slice_of(filename);

    for (size_t i = name.length; i > 0; i--)
        if (filename[i - 1] == '/') {
            name = slice_from(name, i);
            break;
        }
    if (slice_ends_with_nocase(name, SLICE(".txt")))
        name.length -= 4;
    return name;
}

bool
dialect_read(struct dialect *dialect, const char *filename, struct slice text, struct arena *arena,
    struct error *err)
{
    struct reader r = {
        .filename = filename, .rest = text, .line_text = text, .err = err, .dialect = dialect};
    struct dialect_op *ops;
    bool is_good;

    *dialect = (struct dialect){.name = name_of_file(filename), .actions = 1U << DSN_FAILED};
    if (text.length > DIALECT_BYTES_MAX)
        return error_set(
            err, ERROR_CONFIG, "%s: a dialect has at most %d bytes", filename, DIALECT_BYTES_MAX);
    is_good = read_keys(&r) && read_letter(&r);
    ops = arena_alloc(arena, dialect->ops_count * sizeof *ops + 1);
    if (dialect->ops_count > 0)
        memcpy(ops, r.ops, dialect->ops_count * sizeof *ops);
    dialect->ops = ops;
    mem_free(r.ops);
    text_release(&r.scratch);
    return is_good;
}
