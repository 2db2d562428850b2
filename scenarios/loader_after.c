/* loader_after.c - what a provider sends back after it accepted: reports, answers, complaints.
 *
 * One entry of the file may become several letters, which are about the same share of recipients. */
#include "scenarios/loader.h"

enum { DELAYS_MAX = 20 };

struct letters { /* of one provider, while they are read */
    const struct section *entry;
    struct isp_return *list;
    size_t count, capacity;
};

/* Of the entry: `first` is the letter that stands for its share. */
static struct isp_return
letter_of(const struct letters *letters, size_t first, enum isp_return_kind kind)
{
    return (struct isp_return){.to = section_text(letters->entry, "to"),
        .share_ppm = section_ppm(letters->entry, "share"),
        .entry = first,
        .kind = kind,
        .action = DSN_OTHER};
}

static void
add_letter(struct letters *letters, const struct isp_return *letter)
{
    letters->list =
        mem_grow(letters->list, &letters->capacity, letters->count + 1, sizeof letters->list[0]);
    letters->list[letters->count++] = *letter;
}

static void
load_times(const struct section *section, struct isp_return *letter)
{
    struct scalar after = section_scalar(section, "after");

    letter->after_us = (int64_t)after.min;
    letter->after_us_max = (int64_t)after.max;
    letter->copies = (uint32_t)section_whole(section, "copies");
    letter->copies_every_us = section_whole(section, "apart");
}

/* ---- dialects ---- */

static const struct dialects *
dialects_of(struct loader *loader)
{
    struct dialects *dialects = &parts_of(loader)->dialects;
    struct mark nowhere = {.filename = loader->filename};
    struct error err;

    if (dialects->list == NULL && !dialects_read_all(dialects, loader->arena, &err))
        diagnose(loader->diagnostics, nowhere, NULL, "%s", err.text);
    return dialects;
}

static bool
find_style(
    struct loader *loader, enum dialect_kind kind, struct slice style, struct isp_return *letter)
{
    letter->dialects_count = dialects_find(dialects_of(loader), kind, style,
        kind == DIALECT_BOUNCE ? letter->action : DSN_NONE, &letter->dialects, loader->arena);
    return letter->dialects_count > 0;
}

static bool
read_template(
    const struct section *section, const char *filename, struct dialect *dialect, struct error *err)
{
    static const struct conf_bounds bounds = {DIALECT_BYTES_MAX, DIALECT_BYTES_MAX};
    struct loader *loader = section->loader;
    struct slice text = {"", 0};
    struct mark mark;

    if (parts_of(loader)->extends.is_alone)
        return error_set(err, ERROR_NOT_FOUND, "no other file is read");
    if (conf_read_file(filename, &bounds, loader->arena, &text, &mark, err) != CONF_READ)
        return error_prefix(err, "cannot read %s", filename);
    diagnostics_add_file(loader->diagnostics, filename, text);
    return conf_check_text(filename, text, &bounds, loader->diagnostics) &&
        dialect_read(dialect, filename, text, loader->arena, err);
}

/* Of a letter that has one dialect, and a file that could be read. */
static bool
knows_action(const struct isp_return *letter)
{
    return letter->kind != RETURN_REPORT || letter->dialects[0]->actions & 1U << letter->action;
}

/* A file of the user's. */
static void
load_template(const struct section *section, enum dialect_kind kind, struct isp_return *letter)
{
    struct loader *loader = section->loader;
    struct mark named = section_mark(section, "template");
    const char *filename =
        filename_beside(loader->arena, named.filename, section_text(section, "template"));
    struct dialect *dialect = arena_alloc_zeroed(loader->arena, sizeof *dialect);
    const struct dialect **list = arena_alloc(loader->arena, sizeof(*list));
    struct error err = {0};

    *list = dialect;
    letter->dialects = list;
    letter->dialects_count = 1;
    if (section_has(section, "style"))
        diagnose(loader->diagnostics, named, NULL, "a letter has one of style and template");
    else if (!read_template(section, filename, dialect, &err) && err.kind != ERROR_NONE)
        diagnose(loader->diagnostics, named, NULL, "%s", err.text);
    else if (err.kind == ERROR_NONE && !dialect_serves_as(dialect, kind))
        diagnose(loader->diagnostics, named, NULL, "%s is of another kind", filename);
    else if (err.kind == ERROR_NONE && !knows_action(letter))
        diagnose(loader->diagnostics, named, NULL, "%s has no report that mail is %s", filename,
            dsn_kind_name(letter->action));
}

static void
load_style(const struct section *section, enum dialect_kind kind, struct isp_return *letter)
{
    struct loader *loader = section->loader;
    struct slice style = section_text(section, "style");
    struct mark mark = section_mark(section, "style");
    struct isp_return whatever = {.action = DSN_NONE};
    struct text hint = {0};
    const char *near;

    if (section_has(section, "template")) {
        load_template(section, kind, letter);
        return;
    }
    if (find_style(loader, kind, style, letter))
        return;
    if (find_style(loader, kind, style, &whatever)) {
        diagnose(loader->diagnostics, mark, NULL, "%.*s has no report that mail is %s",
            SLICE_ARGS(style), dsn_kind_name(letter->action));
        return;
    }
    near = dialects_nearest(dialects_of(loader), kind, style, loader->arena);
    if (near != NULL)
        text_printf(&hint, "did you mean \"%s\"?", near);
    diagnose(loader->diagnostics, mark, near != NULL ? text_string(&hint) : NULL,
        "there is no style \"%.*s\"", SLICE_ARGS(style));
    text_release(&hint);
}

/* ---- reports ---- */

static enum dsn_kind
action_of(struct enhanced_code code)
{
    return code.class == 5 ? DSN_FAILED : code.class == 4 ? DSN_DELAYED : DSN_DELIVERED;
}

static struct slice
mailbox_of(const struct section *section, const char *key)
{
    struct scalar scalar;

    if (!section_has(section, key))
        return SLICE("");
    scalar = section_scalar(section, key);
    return keep_slice(section->loader, scalar.text);
}

/* What it says of the time before: in its dialect, or as RFC 3464 has it. */
static void
add_delay(struct letters *letters, const struct section *dsn, size_t i, struct isp_return letter)
{
    int64_t after_us = section_item_scalar(dsn, "delays", i).whole;

    if (after_us >= letter.after_us)
        diagnose(dsn->loader->diagnostics, section_item_mark(dsn, "delays", i), NULL,
            "the delay is reported before the end, which comes after %.*s",
            SLICE_ARGS(section_scalar(dsn, "after").text));
    letter.after_us = letter.after_us_max = after_us;
    letter.action = DSN_DELAYED;
    letter.code.class = 4;
    letter.cause = CLASS_NONE; /* that it is late */
    if (section_has(dsn, "template")
            ? !knows_action(&letter)
            : !find_style(dsn->loader, DIALECT_BOUNCE, section_text(dsn, "style"), &letter))
        find_style(dsn->loader, DIALECT_BOUNCE, SLICE("rfc3464"), &letter);
    add_letter(letters, &letter);
}

static void
load_dsn(struct letters *letters, size_t first)
{
    struct section dsn = section_nested(letters->entry, "dsn");
    struct isp_return letter = letter_of(letters, first, RETURN_REPORT);
    struct slice rest = {0};
    size_t delays_count = section_count(&dsn, "delays");

    load_times(&dsn, &letter);
    if (!enhanced_parse(section_text(&dsn, "status"), &letter.code, &rest) || rest.length > 0)
        diagnose(dsn.loader->diagnostics, section_mark(&dsn, "status"), NULL,
            "an enhanced status code looks like 5.1.1");
    letter.action = section_has(&dsn, "action") ? (enum dsn_kind)section_whole(&dsn, "action")
                                                : action_of(letter.code);
    letter.diagnostic = section_text(&dsn, "text");
    letter.cause = load_cause(&dsn);
    letter.path = (enum isp_return_path)section_whole(&dsn, "return_to");
    letter.forwarded_to = mailbox_of(&dsn, "forwarded_to");
    load_style(&dsn, DIALECT_BOUNCE, &letter);
    add_letter(letters, &letter);
    if (delays_count > DELAYS_MAX)
        diagnose(dsn.loader->diagnostics, section_mark(&dsn, "delays"), NULL,
            "at most %d delays are reported", DELAYS_MAX);
    for (size_t i = 0; i < delays_count && i < DELAYS_MAX; i++)
        add_delay(letters, &dsn, i, letter);
}

/* ---- answers and complaints ---- */

static void
load_auto_reply(struct letters *letters, size_t first)
{
    struct section reply = section_nested(letters->entry, "auto_reply");
    struct isp_return letter = letter_of(letters, first, RETURN_AUTO_REPLY);

    load_times(&reply, &letter);
    letter.path = (enum isp_return_path)section_whole(&reply, "return_to");
    load_style(&reply, DIALECT_AUTO_REPLY, &letter);
    add_letter(letters, &letter);
}

static void
load_complaint(struct letters *letters, size_t first)
{
    struct section complaint = section_nested(letters->entry, "complaint");
    struct isp_return letter = letter_of(letters, first, RETURN_COMPLAINT);

    load_times(&complaint, &letter);
    letter.complaint_to = mailbox_of(&complaint, "to");
    load_style(&complaint, DIALECT_COMPLAINT, &letter);
    add_letter(letters, &letter);
}

static void
load_entry(struct letters *letters)
{
    static const struct {
        const char *key;
        void (*load)(struct letters *letters, size_t first);
    } parts[] = {
        {"dsn",        load_dsn       },
        {"auto_reply", load_auto_reply},
        {"complaint",  load_complaint },
    };
    size_t first = letters->count;

    for (size_t i = 0; i < COUNT_OF(parts); i++)
        if (section_has(letters->entry, parts[i].key))
            parts[i].load(letters, first);
    if (letters->count == first)
        diagnose(letters->entry->loader->diagnostics, section_mark(letters->entry, "to"), NULL,
            "nothing comes back: dsn, auto_reply or complaint is missing");
}

void
load_returns(const struct section *section, struct isp_config *isp)
{
    struct letters letters = {0};
    struct isp_return *kept;

    for (size_t i = 0; i < section_count(section, "after_accept"); i++) {
        struct section entry = section_item(section, "after_accept", i);

        letters.entry = &entry;
        load_entry(&letters);
    }
    kept = arena_alloc(section->loader->arena, letters.count * sizeof *kept + 1);
    if (letters.count > 0)
        memcpy(kept, letters.list, letters.count * sizeof *kept);
    isp->returns = kept;
    isp->returns_count = letters.count;
    mem_free(letters.list);
}

bool
mail_comes_back(const struct scenario *scenario)
{
    for (size_t i = 0; i < scenario->isps_count; i++)
        if (scenario->isps[i].returns_count > 0)
            return true;
    return scenario->sut.kind != SUT_NONE; /* it returns mail by itself */
}
