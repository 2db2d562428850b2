/* test_template.c - content cut where its envelope stands in it. */
#include "tests/unit.h"

#include "base/mem.h"
#include "base/rng.h"
#include "mta/template.h"

struct person { /* an envelope as text, in the order of the slots */
    const char *slots[SLOTS_COUNT];
};

static const struct person kim = {
    {NULL, "kim@isp.test", "kim", "b+spring-1z", "spring-1z", "Mon, 05 Jan 2026 08:00:01 +0000",
     "Mon, 05 Jan 2026 08:00:00 +0000"}
};
static const struct person robin = {
    {NULL, "robin@other.test", "robin", "b+spring-20", "spring-20",
     "Mon, 05 Jan 2026 08:00:09 +0000", "Mon, 05 Jan 2026 08:00:08 +0000"}
};

static struct template_values
values_of(const struct person *person)
{
    struct template_values values = {0};

    for (size_t slot = 0; slot < SLOTS_COUNT; slot++)
        if (person->slots[slot] != NULL)
            values.slots[slot] = slice_of(person->slots[slot]);
    return values;
}

static void
fill_in(const struct template *template, const struct template_values *values, struct text *out)
{
    for (size_t i = 0; i < template->pieces_count; i++)
        text_add_slice(out, template_piece_bytes(template, i, values));
}

/* What was cut for Kim and is filled in for Robin. */
static void
what_names_the_envelope_is_cut_out(void **state)
{
    const struct template_values for_kim = values_of(&kim);
    const struct template_values for_robin = values_of(&robin);
    static const struct {
        const char *content, *for_robin;
        size_t pieces_count;
    } cases[] = {
        {"",                                  "",                                  0},
        {"hello",                             "hello",                             1},
        {"kim@isp.test",                      "robin@other.test",                  1},
        {"To: kim@isp.test\r\n",              "To: robin@other.test\r\n",          3},
        {"kim@isp.testkim@isp.test",          "robin@other.testrobin@other.test",  2},
        {"kim@isp.tes",                       "kim@isp.tes",                       1},
        {"kim",                               "kim",                               1}, /* too short */
        {"KIM@isp.test",                      "KIM@isp.test",                      1},
        {"b+spring-1z@us.test",               "b+spring-20@us.test",               2},
        {"/r?spring-1z",                      "/r?spring-20",                      2},
        {"Mon, 05 Jan 2026 08:00:00 +0000.",  "Mon, 05 Jan 2026 08:00:08 +0000.",  2},
        {"Mon, 05 Jan 2026 08:00:01 +0000\n", "Mon, 05 Jan 2026 08:00:09 +0000\n", 2},
        {"Mon, 05 Jan 2026 08:00:02 +0000",   "Mon, 05 Jan 2026 08:00:02 +0000",   1},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct template template = {0};
        struct text text = {0};

        print_message("  %s\n", cases[i].content);
        template_cut(&template, slice_of(cases[i].content), &for_kim);
        assert_int_equal(template.pieces_count, cases[i].pieces_count);
        assert_true(template_matches(&template, slice_of(cases[i].content), &for_kim));
        fill_in(&template, &for_robin, &text);
        assert_slice(text_slice(&text), cases[i].for_robin);
        assert_int_equal(template_size(&template, &for_robin), text.length);
        assert_true(template_matches(&template, text_slice(&text), &for_robin));
        text_release(&text);
        template_release(&template);
    }
}

static void
the_longest_value_wins(void **state)
{
    const struct template_values values = values_of(&robin);
    struct template template = {0};

    template_cut(&template, SLICE("robin and robin@other.test"), &values);
    assert_int_equal(template.pieces_count, 3);
    assert_int_equal(template.pieces[0].slot, SLOT_RCPT_LOCAL);
    assert_int_equal(template.pieces[1].slot, SLOT_LITERAL);
    assert_int_equal(template.pieces[2].slot, SLOT_RCPT);
    template_release(&template);
}

static void
a_match_is_of_the_whole_content(void **state)
{
    const struct template_values for_kim = values_of(&kim);
    const struct template_values for_robin = values_of(&robin);
    static const struct {
        const char *content;
        bool matches;
    } cases[] = {
        {"Dear robin@other.test!",  true },
        {"Dear robin@other.test",   false},
        {"Dear robin@other.test!!", false},
        {"Dear kim@isp.test!",      false},
        {"Dear ",                   false},
        {"",                        false},
        {" Dear robin@other.test!", false},
    };
    struct template template = {0};

    template_cut(&template, SLICE("Dear kim@isp.test!"), &for_kim);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        print_message("  %s\n", cases[i].content);
        assert_int_equal(
            template_matches(&template, slice_of(cases[i].content), &for_robin), cases[i].matches);
    }
    template_release(&template);
}

static void
templates_are_equal_when_cut_alike(void **state)
{
    const struct template_values for_kim = values_of(&kim);
    const struct template_values for_robin = values_of(&robin);
    static const struct {
        const char *for_kim, *for_robin;
        bool is_equal;
    } cases[] = {
        {"Dear kim@isp.test!", "Dear robin@other.test!", true },
        {"",                   "",                       true },
        {"x",                  "x",                      true },
        {"x",                  "y",                      false},
        {"kim@isp.test",       "spring-20",              false}, /* another slot */
        {"ab kim@isp.test c",  "a robin@other.testb  c", false}, /* the same letters */
        {"kim@isp.test",       "",                       false},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct template a = {0}, b = {0};

        print_message("  %s | %s\n", cases[i].for_kim, cases[i].for_robin);
        template_cut(&a, slice_of(cases[i].for_kim), &for_kim);
        template_cut(&b, slice_of(cases[i].for_robin), &for_robin);
        assert_int_equal(template_equals(&a, &b), cases[i].is_equal);
        if (cases[i].is_equal)
            assert_true(template_hash(&a) == template_hash(&b));
        template_release(&a);
        template_release(&b);
    }
}

/* Content in which nearly everything is a piece of a value: any byte, any place. */
static void
draw_content(struct rng *rng, struct text *content)
{
    const struct template_values for_kim = values_of(&kim);
    text_clear(content);
    for (uint64_t left = rng_below(rng, 12); left > 0; left--) {
        struct slice value = for_kim.slots[rng_below(rng, SLOTS_COUNT)];

        if (rng_below(rng, 3) == 0) {
            text_add_char(content, (char)rng_below(rng, 256));
            continue;
        }
        text_add(content, value.at,
            rng_below(rng, 2) == 0 ? value.length : rng_below(rng, value.length + 1));
    }
}

static void
whatever_is_cut_packed_and_unpacked_comes_back(void **state)
{
    const struct template_values for_kim = values_of(&kim);
    struct rng rng = rng_from_seed(11);
    struct text content = {0}, packed = {0}, again = {0};

    for (int round = 0; round < 20000; round++) {
        struct template template = {0}, copy = {0};

        draw_content(&rng, &content);
        template_cut(&template, text_slice(&content), &for_kim);
        assert_true(template_matches(&template, text_slice(&content), &for_kim));
        text_clear(&packed);
        template_pack(&template, &packed);
        assert_true(template_unpack(&copy, text_slice(&packed)));
        assert_true(template_equals(&template, &copy));
        assert_true(template_hash(&template) == template_hash(&copy));
        text_clear(&again);
        fill_in(&copy, &for_kim, &again);
        assert_true(slice_equals(text_slice(&again), text_slice(&content)));
        template_release(&template);
        template_release(&copy);
    }
    text_release(&content);
    text_release(&packed);
    text_release(&again);
}

static void
a_torn_record_is_refused(void **state)
{
    const struct template_values for_kim = values_of(&kim);
    struct template template = {0};
    struct text packed = {0};

    template_cut(&template, SLICE("Dear kim@isp.test, it is kim@isp.test?"), &for_kim);
    template_pack(&template, &packed);
    for (size_t length = 0; length < packed.length; length++) {
        struct template torn = {0};
        char *bytes = mem_alloc(length + 1); /* its own, so that a read past the end is seen */

        memcpy(bytes, packed.bytes, length);
        assert_false(template_unpack(&torn, (struct slice){bytes, length}));
        template_release(&torn);
        mem_free(bytes);
    }
    text_release(&packed);
    template_release(&template);
}

/* Any byte of the record may be any byte: an answer, but no crash. */
static void
a_spoiled_record_does_no_harm(void **state)
{
    const struct template_values for_kim = values_of(&kim);
    const struct template_values for_robin = values_of(&robin);
    struct template template = {0};
    struct text packed = {0};

    template_cut(&template, SLICE("Dear kim@isp.test!"), &for_kim);
    template_pack(&template, &packed);
    for (size_t at = 0; at < packed.length; at++) {
        char before = packed.bytes[at];

        for (int byte = 0; byte < 256; byte++) {
            struct template spoiled = {0};

            packed.bytes[at] = (char)byte;
            if (template_unpack(&spoiled, text_slice(&packed)))
                assert_true(template_size(&spoiled, &for_robin) < 1000);
            template_release(&spoiled);
        }
        packed.bytes[at] = before;
    }
    text_release(&packed);
    template_release(&template);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_names_the_envelope_is_cut_out),
        cmocka_unit_test(the_longest_value_wins),
        cmocka_unit_test(a_match_is_of_the_whole_content),
        cmocka_unit_test(templates_are_equal_when_cut_alike),
        cmocka_unit_test(whatever_is_cut_packed_and_unpacked_comes_back),
        cmocka_unit_test(a_torn_record_is_refused),
        cmocka_unit_test(a_spoiled_record_does_no_harm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
