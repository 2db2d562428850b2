/* test_verdict.c - the words for classes, reasons, types and stages. */
#include "tests/unit.h"

#include "smtp/stage.h"
#include "smtp/verdict.h"

static void
classes_have_the_names_of_the_field(void **state)
{
    static const struct {
        int class;
        const char *name;
    } cases[] = {
        {1,   "Undetermined"           },
        {10,  "Invalid Recipient"      },
        {22,  "Mailbox Full"           },
        {30,  "Generic Bounce: No RCPT"},
        {54,  "Relaying Denied"        },
        {100, "Challenge-Response"     },
        {0,   ""                       },
        {2,   ""                       },
        {255, ""                       },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        print_message("  %d\n", cases[i].class);
        assert_string_equal(class_name((enum bounce_class)cases[i].class), cases[i].name);
        assert_int_equal(class_is_known((uint64_t)cases[i].class), cases[i].name[0] != '\0');
    }
    assert_false(class_is_known(UINT64_MAX));
    assert_false(class_is_known((UINT64_C(1) << 32) + 10));
}

static void
classes_come_back_from_their_ids(void **state)
{
    enum bounce_class back, last = CLASS_NONE;

    for (size_t i = 0; i < CLASSES_COUNT; i++) {
        enum bounce_class class = class_at(i);

        assert_true(class > last); /* in the order of their numbers */
        assert_true(class_from_id(slice_of(class_id(class)), &back));
        assert_int_equal(back, class);
        last = class;
    }
    assert_string_equal(class_id(CLASS_GENERIC_BOUNCE_NO_RCPT), "generic_bounce_no_rcpt");
    assert_string_equal(class_id(CLASS_NONE), "");
    assert_false(class_from_id(SLICE(""), &back));
    assert_false(class_from_id(SLICE("Mailbox Full"), &back));
}

static void
reasons_come_back_from_their_ids(void **state)
{
    int known = 0;

    for (int i = 0; i <= 255; i++) {
        enum failure_reason reason = (enum failure_reason)i, back;

        if (reason_id(reason)[0] == '\0')
            continue;
        known++;
        assert_true(reason_from_id(slice_of(reason_id(reason)), &back));
        assert_int_equal(back, reason);
    }
    assert_int_equal(known, 12);
    assert_string_equal(reason_id(REASON_NONE), "none");
    assert_string_equal(reason_name(REASON_NONE), "");
    assert_string_equal(reason_name(REASON_QUARANTINED), "Address in quarantine");
}

static void
types_come_back_in_either_case(void **state)
{
    enum failure_type type;

    for (int i = TYPE_NONE; i <= TYPE_IGNORED; i++) {
        assert_true(type_from_id(slice_of(type_id((enum failure_type)i)), &type));
        assert_int_equal(type, i);
    }
    assert_true(type_from_id(SLICE("Hard"), &type));
    assert_int_equal(type, TYPE_HARD);
    assert_string_equal(type_name(TYPE_IGNORED), "Ignored");
    assert_string_equal(type_name(TYPE_NONE), "");
}

static void
stages_come_back_from_their_names(void **state)
{
    enum smtp_stage stage;

    for (int i = STAGE_CONNECT; i < STAGES_COUNT; i++) {
        assert_true(stage_from_name(slice_of(stage_name((enum smtp_stage)i)), &stage));
        assert_int_equal(stage, i);
    }
    assert_string_equal(stage_name(STAGE_NONE), "");
    assert_string_equal(stage_name(STAGE_DOT), "dot");
}

static void
unknown_words_are_refused(void **state)
{
    static const char *const words[] = {"", "x", "hard ", "user unknown?", "rcptt", "Rcpt"};

    for (size_t i = 0; i < COUNT_OF(words); i++) {
        struct slice word = slice_of(words[i]);
        enum failure_reason reason;
        enum failure_type type;
        enum smtp_stage stage;

        print_message("  \"%s\"\n", words[i]);
        assert_false(reason_from_id(word, &reason));
        assert_false(type_from_id(word, &type));
        assert_false(stage_from_name(word, &stage));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classes_have_the_names_of_the_field),
        cmocka_unit_test(classes_come_back_from_their_ids),
        cmocka_unit_test(reasons_come_back_from_their_ids),
        cmocka_unit_test(types_come_back_in_either_case),
        cmocka_unit_test(stages_come_back_from_their_names),
        cmocka_unit_test(unknown_words_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
