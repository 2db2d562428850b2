/* twins.c - the same run twice. */
#include "scenarios/twins.h"

#include <errno.h>

#include "base/mem.h"

static bool
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
    return is_fine;
}

/* Reads one record of journal_write_to()'s format. */
static bool
read_record(FILE *file, struct text *record)
{
    uint32_t length;
    int kind;

    text_clear(record);
    if (fread(&length, sizeof length, 1, file) != 1 || (kind = fgetc(file)) == EOF)
        return false;
    text_add_char(record, (char)kind);
    for (uint32_t i = 0; i < length; i++) {
        int byte = fgetc(file);

        if (byte == EOF)
            return false;
        text_add_char(record, (char)byte);
    }
    return true;
}

static bool
compare(FILE *first, FILE *second, struct error *err)
{
    struct text a = {0}, b = {0};
    uint64_t number = 0;
    bool has_a, has_b, is_same;

    do {
        has_a = read_record(first, &a);
        has_b = read_record(second, &b);
        number++;
        is_same = has_a == has_b && slice_equals(text_slice(&a), text_slice(&b));
    } while (is_same && has_a);
    if (!is_same) {
        int64_t at_us = 0;

        if (a.length > sizeof at_us)
            memcpy(&at_us, a.bytes + 1, sizeof at_us);
        error_set(err, ERROR_WORLD,
            "two runs with one seed differ from record %llu of the journal on (at %lld us)",
            (unsigned long long)number, (long long)at_us);
    }
    text_release(&a);
    text_release(&b);
    return is_same;
}

bool
twins_agree(const struct scenario *scenario, const struct expect_plan *plan,
    const struct world_options *options, struct error *err)
{
    FILE *first = tmpfile(), *second = tmpfile();
    bool is_same = false;

    if (first == NULL || second == NULL)
        error_set(err, ERROR_WORLD, "no place for two journals: %s", strerror(errno));
    else if (play(scenario, plan, options, first, err) &&
        play(scenario, plan, options, second, err))
        is_same = compare(first, second, err);
    if (first != NULL)
        fclose(first);
    if (second != NULL)
        fclose(second);
    return is_same;
}
