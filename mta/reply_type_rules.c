/* reply_type_rules.c - the table of rules, read and checked.
 *
 * Nothing changes after reading. Phrases are filed under a word; reply_type.c says why. */
#include "mta/reply_type_parts.h"

#include "base/embedded.h"
#include "base/unit.h"
#include "mta/reply_words.h"

static const char *const subject_names[] = {
    [REPLY_UNTYPED] = "untyped",
    [REPLY_CONNECTION] = "connection",
    [REPLY_MESSAGES_PER_CONNECTION] = "messages_per_connection",
    [REPLY_RECIPIENTS] = "recipients",
    [REPLY_RATE] = "rate",
    [REPLY_QUOTA] = "quota",
    [REPLY_PER_RECIPIENT] = "per_recipient",
    [REPLY_GREYLIST] = "greylist",
    [REPLY_BLOCK] = "block",
    [REPLY_SYSTEM] = "system",
    [REPLY_USER] = "user",
    [REPLY_CONTENT] = "content",
};
static_assert(COUNT_OF(subject_names) == REPLY_SUBJECTS_COUNT, "every subject has a name");

static const struct {
    const char *name;
    enum reply_subject subject; /* of the groups that a rule names beside its subject */
} groups[] = {
    [GROUP_NONE] = {"none",         REPLY_UNTYPED},
    [GROUP_THROTTLE] = {"throttle",     REPLY_UNTYPED},
    [GROUP_GREYLIST] = {"greylist",     REPLY_UNTYPED},
    [GROUP_BLOCK] = {"block",        REPLY_UNTYPED},
    [GROUP_SYSTEM] = {"system",       REPLY_UNTYPED},
    [GROUP_USER_UNKNOWN] = {"user-unknown", REPLY_USER   },
    [GROUP_INACTIVE] = {"inactive",     REPLY_USER   },
    [GROUP_MAILBOX_FULL] = {"mailbox-full", REPLY_USER   },
    [GROUP_SPAM] = {"spam",         REPLY_CONTENT},
    [GROUP_VIRUS] = {"virus",        REPLY_CONTENT},
    [GROUP_POLICY] = {"policy",       REPLY_CONTENT},
    [GROUP_AUTH] = {"auth",         REPLY_CONTENT},
    [GROUP_TLS] = {"tls",          REPLY_CONTENT},
    [GROUP_SYNTAX] = {"syntax",       REPLY_CONTENT},
    [GROUP_SIZE] = {"size",         REPLY_CONTENT},
    [GROUP_RELAY] = {"relay",        REPLY_CONTENT},
    [GROUP_DNS] = {"dns",          REPLY_CONTENT},
};
static_assert(COUNT_OF(groups) == REPLY_GROUPS_COUNT, "every group has a name");

static const char *const scope_names[] = {
    [SCOPE_SITE] = "site",
    [SCOPE_IP] = "ip",
    [SCOPE_NETBLOCK] = "netblock",
    [SCOPE_DOMAIN] = "domain",
    [SCOPE_DKIM] = "dkim",
    [SCOPE_RECIPIENT] = "recipient",
};
static_assert(COUNT_OF(scope_names) == REPLY_SCOPES_COUNT, "every scope has a name");
static const char columns[] =
    "id\thost\tstage\tcode\tstatus\twords\tclass\ttype\tscope\thold\texample";
enum {
    CELL_ID,
    CELL_HOST,
    CELL_STAGE,
    CELL_CODE,
    CELL_STATUS,
    CELL_WORDS,
    CELL_CLASS,
    CELL_TYPE,
    CELL_SCOPE,
    CELL_HOLD,
    CELL_EXAMPLE,
};

const char *
reply_subject_name(enum reply_subject subject)
{
    assert(subject < REPLY_SUBJECTS_COUNT);
    return subject_names[subject];
}

const char *
reply_group_name(enum reply_group group)
{
    assert(group < REPLY_GROUPS_COUNT);
    return groups[group].name;
}

const char *
reply_scope_name(enum reply_scope scope)
{
    assert(scope < REPLY_SCOPES_COUNT);
    return scope_names[scope];
}

static struct slice
cell_of(const struct tsv_row *row, size_t cell)
{
    return slice_equals(row->cells[cell], SLICE("-")) ? SLICE("") : row->cells[cell];
}

static bool
read_stages(const struct tsv *tsv, const struct tsv_row *row, uint32_t *stages, struct error *err)
{
    struct slice rest = cell_of(row, CELL_STAGE), name;
    bool has_more = rest.length > 0;

    while (has_more) {
        enum smtp_stage stage = STAGE_NONE;

        has_more = slice_cut(rest, ',', &name, &rest);
        if (!stage_from_name(name, &stage) || stage == STAGE_NONE)
            return tsv_error(
                tsv, row, CELL_STAGE, 0, err, "no such SMTP stage: \"%.*s\"", SLICE_ARGS(name));
        *stages |= UINT32_C(1) << stage;
    }
    return true;
}

static bool
read_code(const struct tsv *tsv, const struct tsv_row *row, struct slice *code, struct error *err)
{
    *code = cell_of(row, CELL_CODE);
    if (code->length == 0)
        return true;
    for (size_t i = 0; i < code->length; i++)
        if (!char_is_digit(code->at[i]) && code->at[i] != 'x')
            return tsv_error(tsv, row, CELL_CODE, i, err, "a code has three digits, x for any");
    return code->length == 3 ||
        tsv_error(tsv, row, CELL_CODE, 0, err, "a code has three digits, x for any");
}

/* "anywhere: tss04 | tss05" */
static void
read_words(const struct tsv_row *row, struct rule *rule)
{
    const struct slice mark = SLICE("anywhere:");

    rule->words = cell_of(row, CELL_WORDS);
    rule->is_anywhere = slice_starts_with(rule->words, mark);
    if (rule->is_anywhere)
        rule->words = slice_trim(slice_from(rule->words, mark.length));
}

static bool
read_type(
    const struct tsv *tsv, const struct tsv_row *row, struct reply_type *type, struct error *err)
{
    static const enum reply_group usual[] = {
        [REPLY_UNTYPED] = GROUP_NONE,
        [REPLY_CONNECTION] = GROUP_THROTTLE,
        [REPLY_MESSAGES_PER_CONNECTION] = GROUP_THROTTLE,
        [REPLY_RECIPIENTS] = GROUP_THROTTLE,
        [REPLY_RATE] = GROUP_THROTTLE,
        [REPLY_QUOTA] = GROUP_THROTTLE,
        [REPLY_PER_RECIPIENT] = GROUP_THROTTLE,
        [REPLY_GREYLIST] = GROUP_GREYLIST,
        [REPLY_BLOCK] = GROUP_BLOCK,
        [REPLY_SYSTEM] = GROUP_SYSTEM,
        [REPLY_CONTENT] = GROUP_NONE,
    };
    struct slice name = row->cells[CELL_TYPE];

    for (size_t i = 0; i < COUNT_OF(usual); i++)
        if (usual[i] != GROUP_NONE && slice_equals(name, slice_of(subject_names[i]))) {
            type->subject = (enum reply_subject)i;
            type->group = usual[i];
            return true;
        }
    for (size_t i = 0; i < COUNT_OF(groups); i++)
        if (groups[i].subject != REPLY_UNTYPED && slice_equals(name, slice_of(groups[i].name))) {
            type->subject = groups[i].subject;
            type->group = (enum reply_group)i;
            return true;
        }
    if (slice_equals(name, SLICE("untyped")) || slice_equals(name, SLICE("weighed")))
        return true;
    return tsv_error(tsv, row, CELL_TYPE, 0, err, "no such type: \"%.*s\"", SLICE_ARGS(name));
}

/* "22", or with the reason that goes with it: "20 refused". */
static bool
read_class(const struct tsv *tsv, const struct tsv_row *row, struct rule *rule, struct error *err)
{
    struct slice cell = cell_of(row, CELL_CLASS), number, reason;
    uint64_t class;

    rule->reason = REASON_NONE;
    if (cell.length == 0)
        return true;
    if (!slice_cut(cell, ' ', &number, &reason))
        reason = SLICE("none");
    if (!slice_to_u64(number, &class) || !class_is_known(class))
        return tsv_error(tsv, row, CELL_CLASS, 0, err, "no bounce class has the number \"%.*s\"",
            SLICE_ARGS(number));
    rule->class = (enum bounce_class) class;
    return reason_from_id(reason, &rule->reason) ||
        tsv_error(tsv, row, CELL_CLASS, number.length + 1, err, "no such reason: \"%.*s\"",
            SLICE_ARGS(reason));
}

static bool
read_scope(
    const struct tsv *tsv, const struct tsv_row *row, enum reply_scope *scope, struct error *err)
{
    struct slice name = cell_of(row, CELL_SCOPE);

    *scope = SCOPE_SITE;
    for (size_t i = 0; i < COUNT_OF(scope_names); i++)
        if (slice_equals(name, slice_of(scope_names[i]))) {
            *scope = (enum reply_scope)i;
            return true;
        }
    return name.length == 0 ||
        tsv_error(tsv, row, CELL_SCOPE, 0, err, "no such scope: \"%.*s\"", SLICE_ARGS(name));
}

static bool
read_hold(const struct tsv *tsv, const struct tsv_row *row, int64_t *hold_us, struct error *err)
{
    struct slice cell = cell_of(row, CELL_HOLD);
    struct error why;

    if (cell.length == 0 || unit_parse_duration(cell, hold_us, &why))
        return true;
    return tsv_error(tsv, row, CELL_HOLD, 0, err, "%s", why.text);
}

static bool
check_phrase(const struct tsv *tsv, const struct rule *rule, struct slice phrase, struct error *err)
{
    const char *why = phrase_check(phrase);

    if (why == NULL && slice_trim(phrase).at[0] == '!')
        why = "the first part of a phrase is one that must be there";
    if (why == NULL && rule->is_aside && memchr(phrase.at, '&', phrase.length) != NULL)
        why = "what an aside begins with has one part";
    return why == NULL ||
        tsv_error(tsv, &rule->row, CELL_WORDS, (size_t)(phrase.at - rule->row.cells[CELL_WORDS].at),
            err, "%s", why);
}

static void
add_opener(struct openers *openers, uint32_t rule, struct slice phrase)
{
    openers->all =
        mem_grow(openers->all, &openers->all_capacity, openers->count + 1, sizeof *openers->all);
    openers->rules = mem_grow(
        openers->rules, &openers->rules_capacity, openers->count + 1, sizeof *openers->rules);
    openers->all[openers->count] = opener_of(phrase);
    openers->rules[openers->count++] = rule;
}

/* Under each choice of its anchor; a front shorter than those that are looked for would be missed. */
static bool
file_phrase(struct reply_types *types, const struct tsv *tsv, const struct rule *rule,
    struct slice phrase, struct error *err)
{
    struct slice anchor = phrase_anchor(phrase), choice;
    bool has_more = true;

    if (!check_phrase(tsv, rule, phrase, err))
        return false;
    if (rule->is_aside) {
        add_opener(&types->openers, (uint32_t)(rule - types->rules), phrase);
        return true;
    }
    while (has_more) {
        struct filed *filed = arena_alloc_zeroed(&types->arena, sizeof *filed);
        char front[PREFIX_BYTES + 1];
        uint32_t number;
        bool is_new;

        has_more = slice_cut(anchor, '/', &choice, &anchor);
        if (choice.length > 0 && choice.at[choice.length - 1] == '*') {
            if (choice.length <= PREFIX_BYTES)
                return tsv_error(tsv, &rule->row, CELL_WORDS,
                    (size_t)(choice.at - rule->row.cells[CELL_WORDS].at), err,
                    "a front that a phrase is found by has four letters or more");
            memcpy(front, choice.at, PREFIX_BYTES);
            front[PREFIX_BYTES] = '*';
            choice = (struct slice){front, sizeof front};
        }
        number = map_put(&types->words, choice, &is_new);
        types->files = mem_grow(
            types->files, &types->files_capacity, (size_t)number + 1, sizeof(struct filed *));
        *filed = (struct filed){.rule = (uint32_t)(rule - types->rules),
            .phrase = phrase,
            .next = is_new ? NULL : types->files[number]};
        types->files[number] = filed;
    }
    return true;
}

static bool
file_rule(
    struct reply_types *types, const struct tsv *tsv, const struct rule *rule, struct error *err)
{
    struct slice rest = rule->words, phrase;
    bool has_more = rest.length > 0;

    if (!has_more) {
        types->wordless = mem_grow(types->wordless, &types->wordless_capacity,
            types->wordless_count + 1, sizeof *types->wordless);
        types->wordless[types->wordless_count++] = (uint32_t)(rule - types->rules);
    }
    while (has_more) {
        has_more = slice_cut(rest, '|', &phrase, &rest);
        if (!file_phrase(types, tsv, rule, phrase, err))
            return false;
    }
    return true;
}

static bool
read_rule(
    struct reply_types *types, const struct tsv *tsv, const struct tsv_row *row, struct error *err)
{
    struct rule *rule;

    types->rules =
        mem_grow(types->rules, &types->rules_capacity, types->rules_count + 1, sizeof *rule);
    rule = &types->rules[types->rules_count++];
    *rule = (struct rule){.hosts = cell_of(row, CELL_HOST),
        .status = cell_of(row, CELL_STATUS),
        .is_aside = slice_equals(row->cells[CELL_TYPE], SLICE("aside")),
        .is_weighed = slice_equals(row->cells[CELL_TYPE], SLICE("weighed")),
        .type = {.rule = row->cells[CELL_ID]},
        .example = row->cells[CELL_EXAMPLE],
        .row = *row};
    read_words(row, rule);
    if (rule->type.rule.length == 0)
        return tsv_error(tsv, row, CELL_ID, 0, err, "a rule needs an id");
    if (rule->is_aside)
        return rule->words.length > 0 ||
            tsv_error(tsv, row, CELL_WORDS, 0, err, "an aside is known by its words");
    return read_stages(tsv, row, &rule->stages, err) && read_code(tsv, row, &rule->code, err) &&
        read_class(tsv, row, rule, err) && read_type(tsv, row, &rule->type, err) &&
        read_scope(tsv, row, &rule->type.scope, err) &&
        read_hold(tsv, row, &rule->type.hold_us, err);
}

/* A host that the first of its globs takes. */
static void
example_host(struct text *host, const struct rule *rule)
{
    struct slice glob, rest;

    slice_cut(rule->hosts, ',', &glob, &rest);
    for (size_t i = 0; i < glob.length; i++)
        text_add_char(host, glob.at[i] == '*' || glob.at[i] == '?' ? 'x' : glob.at[i]);
}

static enum smtp_stage
example_stage(const struct rule *rule)
{
    for (int stage = STAGE_CONNECT; stage < STAGES_COUNT; stage++)
        if ((rule->stages & UINT32_C(1) << stage) != 0)
            return (enum smtp_stage)stage;
    return STAGE_RCPT;
}

/* A rule hidden behind an earlier one never acts, and its own example shows it. Weights, which are
 * fitted anew from time to time, hide none: what stands below them has its turn where they are silent. */
static bool
example_wins(const struct reply_types *types, const struct tsv *tsv, const struct rule *rule,
    struct error *err)
{
    struct smtp_reply reply;
    struct text host = {0};
    const struct rule *winner;
    const char *why;

    if (!reply_parse(rule->example, &reply, &why))
        return tsv_error(tsv, &rule->row, CELL_EXAMPLE, 0, err, "not a reply: %s", why);
    example_host(&host, rule);
    winner = &types->rules[rule->is_aside ? reply_type_aside(types, reply.text)
                                          : reply_type_search(types, text_slice(&host),
                                                example_stage(rule), &reply, rule->is_weighed)
                                                .rule];
    text_release(&host);
    return winner == rule ||
        tsv_error(tsv, &rule->row, CELL_EXAMPLE, 0, err,
            "this is no example of \"%.*s\": the rule \"%.*s\" of line %d takes it",
            SLICE_ARGS(rule->type.rule), SLICE_ARGS(winner->type.rule), winner->row.line);
}

static struct reply_weights *
weights_built_in(void)
{
    static const char filename[] = "mta/rules/reply_weights.tsv";
    struct slice rows;
    struct error err;
    bool is_built_in = embedded_find(slice_of(filename), &rows);
    struct reply_weights *weights;

    assert(is_built_in);
    weights = reply_weights_read(filename, rows, &err);
    assert(weights != NULL); /* a bad row of ours does not pass the tests */
    return weights;
}

static bool
file_rules(struct reply_types *types, const struct tsv *tsv, struct error *err)
{
    const struct rule *last = types->rules_count > 0 ? &types->rules[types->rules_count - 1] : NULL;
    bool is_good = true;

    if (last == NULL ||
        last->hosts.length + last->code.length + last->status.length + last->words.length +
                last->stages + (size_t)last->class
            != 0)
        return error_set(err, ERROR_CONFIG,
            "%s:%d:1: the last rule must take the rest: \"-\" for host, stage, code, status, "
            "words and class",
            tsv->filename, tsv->line);
    for (size_t i = 0; i < types->rules_count && is_good; i++) {
        if (types->rules[i].class != CLASS_NONE && types->bounces == NULL)
            types->bounces = bounce_rules_new();
        if (types->rules[i].is_weighed && types->weights == NULL) {
            types->weights = weights_built_in();
            types->weighed = i;
        }
        is_good = file_rule(types, tsv, &types->rules[i], err);
    }
    return is_good;
}

static bool
check_rules(const struct reply_types *types, const struct tsv *tsv, struct error *err)
{
    struct map ids = {0};
    bool is_good = true, is_new = true;

    for (size_t i = 0; i < types->rules_count && is_good; i++) {
        const struct rule *rule = &types->rules[i];

        map_put(&ids, rule->type.rule, &is_new);
        is_good = (is_new ||
                      tsv_error(tsv, &rule->row, CELL_ID, 0, err,
                          "another rule has the id \"%.*s\" too", SLICE_ARGS(rule->type.rule))) &&
            example_wins(types, tsv, rule, err);
    }
    map_release(&ids);
    return is_good;
}

static bool
read_rules(struct reply_types *types, const char *filename, struct slice text, struct tsv *tsv,
    struct error *err)
{
    struct tsv_row row;
    enum tsv_status status;

    if (!tsv_open(tsv, filename, text, columns, err))
        return false;
    while ((status = tsv_next(tsv, &row, err)) == TSV_ROW)
        if (!read_rule(types, tsv, &row, err))
            return false;
    return status == TSV_END && file_rules(types, tsv, err);
}

struct reply_types *
reply_types_read(const char *filename, struct slice rows, struct error *err)
{
    struct reply_types *types = mem_alloc_zeroed(sizeof *types);
    char *copy = arena_copy(&types->arena, rows.at, rows.length);
    struct tsv tsv;

    if (!read_rules(types, filename, (struct slice){copy, rows.length}, &tsv, err) ||
        !check_rules(types, &tsv, err))
        reply_types_free(&types);
    return types;
}

/* Ids and examples of these are checked by the tests, not at each start. */
struct reply_types *
reply_types_new(void)
{
    static const char filename[] = "mta/rules/reply_type.tsv";
    struct reply_types *types = mem_alloc_zeroed(sizeof *types);
    struct slice rows;
    struct tsv tsv;
    struct error err;
    bool is_good = embedded_find(slice_of(filename), &rows);

    is_good = is_good && read_rules(types, filename, rows, &tsv, &err);
    assert(is_good);
    return types;
}

void
reply_types_free(struct reply_types **types)
{
    if (*types == NULL)
        return;
    mem_free((*types)->rules);
    mem_free((*types)->files);
    mem_free((*types)->wordless);
    mem_free((*types)->openers.all);
    mem_free((*types)->openers.rules);
    bounce_rules_free(&(*types)->bounces);
    reply_weights_free(&(*types)->weights);
    map_release(&(*types)->words);
    arena_release(&(*types)->arena);
    mem_free(*types);
    *types = NULL;
}
