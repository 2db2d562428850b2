/* test_journal.c - everything that happened, once, in order. */
#include "tests/unit.h"

#include "base/journal.h"
#include "base/mem.h"

struct entry {
    int64_t at_us;
    uint32_t what, padding;
};

static void
append(struct journal *journal, int64_t at_us, uint32_t what)
{
    struct entry entry = {.at_us = at_us, .what = what};

    journal_append(journal, &entry, sizeof entry);
}

static void
names_are_numbered_once(void **state)
{
    struct journal *journal = journal_new();
    uint32_t a = journal_name(journal, SLICE("bigmail")), b = journal_name(journal, SLICE("mx1"));

    assert_int_equal(journal_name(journal, SLICE("")), 0);
    assert_int_not_equal(a, 0);
    assert_int_not_equal(a, b);
    assert_int_equal(journal_name(journal, SLICE("bigmail")), a);
    assert_slice(journal_name_text(journal, a), "bigmail");
    assert_slice(journal_name_text(journal, b), "mx1");
    assert_slice(journal_name_text(journal, 0), "");
    journal_free(&journal);
    assert_null(journal);
    journal_free(&journal);
}

/* Each variant differs from the first in one respect. */
static void
any_difference_changes_the_hash(void **state)
{
    static const struct {
        const char *name, *first_name, *second_name;
        uint32_t first, second;
        int64_t at_us;
    } cases[] = {
        {"the story itself", "a",  "b", 1, 2, 10},
        {"another instant",  "a",  "b", 1, 2, 11},
        {"another entry",    "a",  "b", 1, 3, 10},
        {"another order",    "a",  "b", 2, 1, 10},
        {"another name",     "a",  "c", 1, 2, 10},
        {"names swapped",    "b",  "a", 1, 2, 10},
        {"a name longer",    "ab", "b", 1, 2, 10},
    };
    uint64_t hashes[COUNT_OF(cases)];

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        for (int again = 0; again < 2; again++) {
            struct journal *journal = journal_new();

            journal_name(journal, slice_of(cases[i].first_name));
            append(journal, cases[i].at_us, cases[i].first);
            journal_name(journal, slice_of(cases[i].second_name));
            append(journal, cases[i].at_us, cases[i].second);
            assert_int_equal(journal_entries_count(journal), 2);
            if (again != 0)
                assert_true(journal_hash(journal) == hashes[i]);
            hashes[i] = journal_hash(journal);
            journal_free(&journal);
        }
        for (size_t j = 0; j < i; j++) {
            print_message("  %s / %s\n", cases[i].name, cases[j].name);
            assert_true(hashes[i] != hashes[j]);
        }
    }
}

/* Every bit of every length reaches the hash, in the blocks as in the rest. */
static void
no_bit_is_overlooked(void **state)
{
    for (size_t length = 8; length <= 140; length++) {
        char bytes[140] = {0};
        uint64_t plain = 0;

        for (size_t bit = 0; bit <= length * 8; bit++) {
            struct journal *journal = journal_new();

            if (bit > 0)
                bytes[(bit - 1) / 8] = (char)(1 << (bit - 1) % 8);
            journal_append(journal, bytes, length);
            if (bit == 0)
                plain = journal_hash(journal);
            else
                assert_true(journal_hash(journal) != plain);
            if (bit > 0)
                bytes[(bit - 1) / 8] = 0;
            journal_free(&journal);
        }
    }
}

static void
count_entries(void *arg, struct slice entry)
{
    struct text *seen = arg;
    struct entry copy;

    assert_int_equal(entry.length, sizeof copy);
    memcpy(&copy, entry.at, sizeof copy);
    text_printf(seen, "%u ", copy.what);
}

static void
observers_see_every_entry_in_order(void **state)
{
    struct journal *journal = journal_new();
    struct text early = {0}, late = {0};

    journal_observe(journal, count_entries, &early);
    append(journal, 1, 7);
    journal_observe(journal, count_entries, &late);
    append(journal, 2, 8);
    assert_string_equal(text_string(&early), "7 8 ");
    assert_string_equal(text_string(&late), "8 ");
    text_release(&early);
    text_release(&late);
    journal_free(&journal);
}

static void
count_entry(void *arg, struct slice entry)
{
    ++*(int *)arg;
}

/* Whoever listened may be gone by then, and the file closed. */
static void
after_its_end_nothing_is_told(void **state)
{
    struct journal *journal = journal_new();
    uint64_t hash;
    int seen = 0;

    journal_observe(journal, count_entry, &seen);
    append(journal, 10, 1);
    hash = journal_hash(journal);
    journal_end(journal);
    append(journal, 20, 2);
    assert_slice(journal_name_text(journal, journal_name(journal, SLICE("late"))), "late");
    assert_int_equal(seen, 1);
    assert_int_equal(journal_entries_count(journal), 1);
    assert_true(journal_hash(journal) == hash);
    journal_free(&journal);
}

static void
milestones_show_where_two_runs_part(void **state)
{
    struct journal *one = journal_new(), *other = journal_new();
    const uint64_t *hashes, *others;

    for (uint32_t i = 0; i < 5 * JOURNAL_MILESTONE_ENTRIES + 1; i++) {
        append(one, i, i);
        append(other, i, i != 3 * JOURNAL_MILESTONE_ENTRIES ? i : 0);
    }
    assert_int_equal(journal_milestones(one, &hashes), 5);
    assert_int_equal(journal_milestones(other, &others), 5);
    for (int i = 0; i < 5; i++)
        assert_int_equal(hashes[i] == others[i], i < 3);
    journal_free(&one);
    journal_free(&other);
}

/* Reads records back and writes them as a story: "n:bigmail e:16 …". */
static struct text
read_records(const char *bytes, size_t length)
{
    struct text story = {0};

    for (size_t at = 0; at < length;) {
        uint32_t record;

        assert_true(length - at >= 5);
        memcpy(&record, bytes + at, 4);
        assert_true(length - at - 5 >= record);
        if (bytes[at + 4] == 'n' && record < 100)
            text_printf(&story, "n:%.*s ", (int)record, bytes + at + 5);
        else
            text_printf(&story, "%c:%u ", bytes[at + 4], record);
        at += 5 + record;
    }
    return story;
}

static void
the_sink_receives_names_before_their_use(void **state)
{
    struct journal *journal = journal_new();
    char *bytes = NULL, *huge = mem_alloc_zeroed(3 << 20);
    size_t length = 0;
    FILE *file = open_memstream(&bytes, &length);
    struct error err;
    struct text story;

    journal_name(journal, SLICE("before"));
    journal_write_to(journal, file);
    journal_name(journal, SLICE("bigmail"));
    append(journal, 1, 1);
    journal_name(journal, SLICE("bigmail"));
    journal_append(journal, huge, 3 << 20); /* longer than the buffer */
    append(journal, 2, 2);
    assert_true(journal_flush(journal, &err));
    story = read_records(bytes, length);
    assert_string_equal(text_string(&story), "n:before n:bigmail e:16 e:3145728 e:16 ");
    for (int i = 0; i < 100000; i++) /* more than one block */
        append(journal, i, 3);
    assert_true(journal_flush(journal, &err));
    assert_int_equal(length, 5 * 5 + 6 + 7 + 32 + (3 << 20) + 100000 * 21);
    text_release(&story);
    journal_free(&journal);
    fclose(file);
    free(bytes);
    mem_free(huge);
}

static void
a_full_disk_is_reported_at_the_flush(void **state)
{
    struct journal *journal = journal_new();
    FILE *file = fopen("/dev/full", "wb");
    struct error err = {0};

    if (file == NULL)
        skip();
    journal_write_to(journal, file);
    append(journal, 1, 1);
    assert_false(journal_flush(journal, &err));
    assert_int_equal(err.kind, ERROR_WORLD);
    assert_non_null(strstr(err.text, "No space left"));
    assert_false(journal_flush(journal, &err)); /* and it stays so */
    journal_free(&journal);
    fclose(file);
}

/* A program that runs for months hears millions of texts. */
static void
texts_can_be_forgotten_and_names_stay(void **state)
{
    struct journal *journal = journal_new();
    uint32_t host = journal_name(journal, SLICE("mx1.isp.test")), names[25];
    char text[32];

    journal_forget_texts(journal, 10);
    for (int i = 0; i < 25; i++) {
        snprintf(text, sizeof text, "text %d", i);
        names[i] = journal_text(journal, slice_of(text));
        assert_int_equal(journal_text(journal, slice_of(text)), names[i]);
        for (int j = 0; j <= i; j++) {
            snprintf(text, sizeof text, "text %d", j);
            assert_slice(journal_name_text(journal, names[j]), j / 10 + 1 >= i / 10 ? text : "");
        }
    }
    assert_slice(journal_name_text(journal, host), "mx1.isp.test");
    assert_int_equal(journal_text(journal, SLICE("")), 0);
    journal_free(&journal);
}

static void
a_text_is_a_name_where_nothing_is_forgotten(void **state)
{
    struct journal *journal = journal_new();

    assert_int_equal(journal_text(journal, SLICE("a")), journal_name(journal, SLICE("a")));
    journal_free(&journal);
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_numbered_once),
        cmocka_unit_test(any_difference_changes_the_hash),
        cmocka_unit_test(no_bit_is_overlooked),
        cmocka_unit_test(observers_see_every_entry_in_order),
        cmocka_unit_test(after_its_end_nothing_is_told),
        cmocka_unit_test(milestones_show_where_two_runs_part),
        cmocka_unit_test(the_sink_receives_names_before_their_use),
        cmocka_unit_test(a_full_disk_is_reported_at_the_flush),
        cmocka_unit_test(texts_can_be_forgotten_and_names_stay),
        cmocka_unit_test(a_text_is_a_name_where_nothing_is_forgotten),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
