/* twins.c - the same run twice. */
#include "scenarios/twins.h"

#include <errno.h>

#include "base/mem.h"
#include "smtp/event.h"

struct telling { /* of one twin, read back from its journal */
    FILE *file;
    struct journal *names; /* those told so far: entries carry their numbers */
    struct text record;    /* 'n' or 'e', and the bytes; empty: the story is over */
};

/* TWINS_AGREE: so far nothing speaks against it. */
static enum twins_verdict
play(const struct scenario *scenario, const struct expect_plan *plan,
    const struct world_options *options, FILE *journal, struct error *err)
{
    struct world_options again = *options;
    bool was_stopped = false, is_fine;
    struct world *world;

    again.journal_file = journal;
    world = world_new(scenario, plan, &again, err);
    is_fine = world != NULL && world_run(world, &was_stopped, err);
    world_free(&world);
    rewind(journal);
    if (!is_fine)
        return TWINS_BROKEN;
    return was_stopped ? TWINS_STOPPED : TWINS_AGREE;
}

/* One record of journal_write_to()'s format. */
static void
read_record(struct telling *telling)
{
    struct text *record = &telling->record;
    uint32_t length;
    int byte;

    text_clear(record);
    if (fread(&length, sizeof length, 1, telling->file) != 1)
        return;
    for (uint64_t i = 0; i < 1 + (uint64_t)length; i++) {
        byte = fgetc(telling->file);
        if (byte == EOF) {
            text_clear(record);
            return;
        }
        text_add_char(record, (char)byte);
    }
    if (record->bytes[0] == 'n')
        journal_name(telling->names, slice_from(text_slice(record), 1));
}

static void
say_record(struct text *out, const struct telling *telling)
{
    struct slice record = text_slice(&telling->record);

    if (record.length == 0)
        text_add_string(out, "the end");
    else if (record.at[0] == 'n')
        text_printf(out, "the name \"%.*s\"", SLICE_ARGS(slice_from(record, 1)));
    else
        event_to_json(out, telling->names, slice_from(record, 1));
}

static enum twins_verdict
compare(struct telling *first, struct telling *second, struct error *err)
{
    struct text one = {0}, other = {0};
    uint64_t number = 0;
    bool is_same;

    do {
        read_record(first);
        read_record(second);
        number++;
        is_same = slice_equals(text_slice(&first->record), text_slice(&second->record));
    } while (is_same && first->record.length > 0);
    if (is_same)
        return TWINS_AGREE;
    say_record(&one, first);
    say_record(&other, second);
    error_set(err, ERROR_WORLD,
        "two runs with one seed differ from record %llu of the journal on: %.180s became %.180s",
        (unsigned long long)number, text_string(&one), text_string(&other));
    text_release(&one);
    text_release(&other);
    return TWINS_DIFFER;
}

static bool
telling_open(struct telling *telling)
{
    *telling = (struct telling){.file = tmpfile(), .names = journal_new()};
    return telling->file != NULL;
}

static void
telling_close(struct telling *telling)
{
    if (telling->file != NULL)
        fclose(telling->file);
    journal_free(&telling->names);
    text_release(&telling->record);
}

enum twins_verdict
twins_compare(const struct scenario *scenario, const struct expect_plan *plan,
    const struct world_options *options, struct error *err)
{
    struct telling first, second;
    enum twins_verdict verdict = TWINS_BROKEN;
    bool has_first = telling_open(&first), has_second = telling_open(&second);

    if (!has_first || !has_second)
        error_set(err, ERROR_WORLD, "no place for two journals: %s", strerror(errno));
    else
        verdict = play(scenario, plan, options, first.file, err);
    if (verdict == TWINS_AGREE)
        verdict = play(scenario, plan, options, second.file, err);
    if (verdict == TWINS_AGREE)
        verdict = compare(&first, &second, err);
    telling_close(&first);
    telling_close(&second);
    return verdict;
}
