/* test_message.c - dots doubled and undone, the end of the content, and header fields. */
#include "tests/unit.h"

#include "smtp/message.h"

/* A slice that a static table may hold. */
#define BYTES(literal)                  \
    {                                   \
        "" literal, sizeof(literal) - 1 \
    }

static void
content_gets_its_wire_form_and_back(void **state)
{
    static const struct {
        const char *content, *wire, *back;
    } cases[] = {
        {"",                "",                       ""                    },
        {"a\r\n",           "a\r\n",                  "a\r\n"               },
        {"a\n",             "a\r\n",                  "a\r\n"               },
        {"a",               "a\r\n",                  "a\r\n"               },
        {"a\rb\r",          "a\r\nb\r\n",             "a\r\nb\r\n"          },
        {"a\n\rb\r\r\n",    "a\r\n\r\nb\r\n\r\n",     "a\r\n\r\nb\r\n\r\n"  },
        {".",               "..\r\n",                 ".\r\n"               },
        {".\r\n.",          "..\r\n..\r\n",           ".\r\n.\r\n"          },
        {"..a\n.b\n c.\n",  "...a\r\n..b\r\n c.\r\n", "..a\r\n.b\r\n c.\r\n"},
        {"a\r\n.\r\nb\r\n", "a\r\n..\r\nb\r\n",       "a\r\n.\r\nb\r\n"     },
        {"a\r.\nb",         "a\r\n..\r\nb\r\n",       "a\r\n.\r\nb\r\n"     },
        {"\n\n.\n",         "\r\n\r\n..\r\n",         "\r\n\r\n.\r\n"       },
        {"a\r\nb\nc\r\nd",  "a\r\nb\r\nc\r\nd\r\n",   "a\r\nb\r\nc\r\nd\r\n"},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct text wire = {0}, back = {0};

        print_message("  row %zu\n", i);
        dot_stuff(&wire, slice_of(cases[i].content));
        assert_slice(text_slice(&wire), cases[i].wire);
        dot_unstuff(&back, text_slice(&wire));
        assert_slice(text_slice(&back), cases[i].back);
        text_release(&wire);
        text_release(&back);
    }
}

static const struct {
    struct slice bytes;
    size_t content; /* its length */
    bool is_over;
    bool has_bare_line_end, has_nul, has_8bit;
} endings[] = {
    {BYTES(".\r\n"),                                        0,  true,  false, false, false},
    {BYTES("a\r\n.\r\n"),                                   3,  true,  false, false, false},
    {BYTES("a\r\n.\r\nMAIL"),                               3,  true,  false, false, false},
    {BYTES("a\r\n..\r\n.\r\n"),                             7,  true,  false, false, false},
    {BYTES("a\r\n.b\r\n\r\n.\r\n"),                         9,  true,  false, false, false},
    {BYTES(""),                                             0,  false, false, false, false},
    {BYTES("."),                                            0,  false, false, false, false},
    {BYTES(".\r"),                                          0,  false, false, false, false},
    {BYTES("a\r\n."),                                       3,  false, false, false, false},
    {BYTES("a\r\n.\r"),                                     3,  false, false, false, false},
    {BYTES("a\r"),                                          2,  false, false, false, false},
    {BYTES("a\r\n..\r"),                                    6,  false, false, false, false},
    {BYTES("a\n.\n"),                                       4,  false, true,  false, false},
    {BYTES("a\n.\r\n"),                                     5,  false, true,  false, false},
    {BYTES("a\r.\r"),                                       4,  false, true,  false, false},
    {BYTES("a\r\n.\n"),                                     5,  false, true,  false, false},
    {BYTES("a\r\n.\r\r\n"),                                 7,  false, true,  false, false},
    {BYTES("a\r\n.\rb\r\n.\r\n"),                           8,  true,  true,  false, false},
    {BYTES("a\n.\r\nb\r\n.\r\n"),                           8,  true,  true,  false, false},
    {BYTES("a\r\r\n.\r\n"),                                 4,  true,  true,  false, false},
    {BYTES("\r\r\r\n.\r\n"),                                4,  true,  true,  false, false},
    {BYTES("a\0\r\n.\r\n"),                                 4,  true,  false, true,  false},
    {BYTES("\xc3\xbc\r\n.\r\n"),                            4,  true,  false, false, true },
    {BYTES("a\r\n.\r\n\0\xff\n"),                           3,  true,  false, false, false},
    {BYTES("0123456789abcdef0123456789abcde\xff\r\n.\r\n"), 34, true,  false, false, true },
    {BYTES("0123456789abcdef0123456789abcd\r\n\0"),         33, false, false, true,  false},
    {BYTES(".0123456789abcdef0123456789abcdef\r\n.\r\n"),   35, true,  false, false, false},
};

static void
check_ending(const struct dot_scanner *scanner, size_t content, bool is_over, size_t i)
{
    assert_int_equal(content, endings[i].content);
    assert_int_equal(is_over, endings[i].is_over);
    assert_int_equal(scanner->has_bare_line_end, endings[i].has_bare_line_end);
    assert_int_equal(scanner->has_nul, endings[i].has_nul);
    assert_int_equal(scanner->has_8bit, endings[i].has_8bit);
}

/* Most content is looked at in blocks: whatever stands where in a block, the answer is that of a
 * scanner which is given one byte at a time. */
static void
blocks_see_what_single_bytes_show(void **state)
{
    static const struct slice specials[] = {BYTES("\0"), BYTES("\n"), BYTES("\r"), BYTES("\xfc"),
        BYTES("\r\n."), BYTES("\r\n.."), BYTES("\r\n.\r\n"), BYTES("\n."), BYTES("\r\r\n"),
        BYTES("\r\n\r\n"), BYTES(".")};
    enum { LENGTH = 3 * 64 + 20, CLEAN = 70 };

    for (size_t s = 0; s < COUNT_OF(specials); s++)
        for (size_t at = 0; at < LENGTH - specials[s].length; at++) {
            struct dot_scanner whole = {0}, single = {0};
            struct slice content;
            size_t got, seen = 0, after, offered = 0;
            bool is_over, is_single_over = false;
            char bytes[LENGTH];

            for (size_t i = 0; i < LENGTH; i++)
                bytes[i] = i % CLEAN == CLEAN - 2 ? '\r' : i % CLEAN == CLEAN - 1 ? '\n' : 'x';
            memcpy(bytes + at, specials[s].at, specials[s].length);
            content = (struct slice){bytes, LENGTH};
            got = dot_scan(&whole, content, &is_over, &after);
            while (offered < LENGTH && !is_single_over) { /* what is undecided is offered again */
                offered++;
                seen += dot_scan(
                    &single, (struct slice){bytes + seen, offered - seen}, &is_single_over, &after);
            }
            assert_int_equal(got, seen);
            assert_int_equal(is_over, is_single_over);
            assert_memory_equal(&whole, &single, sizeof whole);
        }
}

static void
only_crlf_dot_crlf_ends_the_content(void **state)
{
    for (size_t i = 0; i < COUNT_OF(endings); i++) {
        struct dot_scanner scanner = {0};
        size_t after, content;
        bool is_over;

        print_message("  row %zu\n", i);
        content = dot_scan(&scanner, endings[i].bytes, &is_over, &after);
        check_ending(&scanner, content, is_over, i);
        assert_int_equal(after, is_over ? content + 3 : content);
    }
}

static void
content_in_pieces_ends_at_the_same_place(void **state)
{
    for (size_t i = 0; i < COUNT_OF(endings); i++) {
        struct dot_scanner scanner = {0};
        size_t content = 0, seen = 0, after;
        bool is_over = false;

        print_message("  row %zu\n", i);
        while (!is_over && seen < endings[i].bytes.length) {
            struct slice part = {endings[i].bytes.at + content, ++seen - content};

            content += dot_scan(&scanner, part, &is_over, &after);
        }
        check_ending(&scanner, content, is_over, i);
    }
}

/* Every text of up to eight bytes over the four that matter, against a scanner too simple to be
 * wrong: the content ends at the first CRLF . CRLF of CRLF + text. */
static void
no_short_text_fools_the_scanner(void **state)
{
    static const char alphabet[] = {'\r', '\n', '.', 'a'};

    for (size_t length = 0; length <= 8; length++)
        for (unsigned number = 0; number < 1u << 2 * length; number++) {
            char bytes[2 + 8] = "\r\n";
            struct dot_scanner scanner = {0};
            const char *end;
            size_t after, content;
            bool is_over;

            for (size_t i = 0; i < length; i++)
                bytes[2 + i] = alphabet[number >> 2 * i & 3];
            end = memmem(bytes, length + 2, "\r\n.\r\n", 5);
            content = dot_scan(&scanner, (struct slice){bytes + 2, length}, &is_over, &after);
            assert_int_equal(is_over, end != NULL);
            if (is_over)
                assert_int_equal(content, end - bytes);
            if (is_over)
                assert_int_equal(after, content + 3);
        }
}

#define HEADER                \
    "Subject: news\r\n"       \
    "To : kim@isp.test,\r\n"  \
    "\tlee@isp.test\r\n"      \
    "X-Empty:\r\n"            \
    "Subject-Line: other\r\n" \
    "Subject: second\r\n"

static void
header_fields_are_found(void **state)
{
    static const struct {
        const char *content, *name, *value; /* NULL: not there */
    } cases[] = {
        {HEADER "\r\nFrom: body", "Subject",      "news"                           },
        {HEADER "\r\n",           "subject-line", "other"                          },
        {HEADER,                  "TO",           "kim@isp.test,\r\n\tlee@isp.test"},
        {HEADER,                  "x-empty",      ""                               },
        {HEADER "\r\nFrom: body", "From",         NULL                             },
        {HEADER,                  "Sub",          NULL                             },
        {HEADER,                  "lee@isp.test", NULL                             },
        {"",                      "Subject",      NULL                             },
        {"\r\nSubject: x\r\n",    "Subject",      NULL                             },
        {"\nSubject: x\r\n",      "Subject",      NULL                             },
        {"A: 1\nSubject: x\n y",  "Subject",      "x\n y"                          },
        {"Subject",               "Subject",      NULL                             },
        {"Subject:",              "Subject",      ""                               },
        {"Subject: a: b\r\n",     "Subject",      "a: b"                           },
        {"Subject x: y\r\n",      "Subject",      NULL                             },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct slice value;

        print_message("  row %zu: %s\n", i, cases[i].name);
        assert_int_equal(header_find(slice_of(cases[i].content), slice_of(cases[i].name), &value),
            cases[i].value != NULL);
        if (cases[i].value != NULL)
            assert_slice(value, cases[i].value);
    }
}

static void
folds_are_undone(void **state)
{
    static const struct {
        const char *value, *unfolded;
    } cases[] = {
        {"",              ""       },
        {"a b",           "a b"    },
        {"a\r\n b",       "a b"    },
        {"a\n\tb\r\n  c", "a\tb  c"},
        {"a\r\nb",        "a\r\nb" },
        {"a\rb",          "a\rb"   },
        {"a\r\n",         "a\r\n"  },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct text out = {0};

        print_message("  row %zu\n", i);
        header_unfold(&out, slice_of(cases[i].value));
        assert_slice(text_slice(&out), cases[i].unfolded);
        text_release(&out);
    }
}

static void
the_body_begins_behind_the_empty_line(void **state)
{
    assert_int_equal(header_length(SLICE("")), 0);
    assert_int_equal(header_length(SLICE("A: b\r\n")), 6);
    assert_int_equal(header_length(SLICE("A: b\r\n\r\n\r\nbody")), 8);
    assert_int_equal(header_length(SLICE("A: b\n\nbody")), 6);
    assert_int_equal(header_length(SLICE("\r\nbody")), 2);
    assert_int_equal(header_length(SLICE("no end at all")), 13);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(content_gets_its_wire_form_and_back),
        cmocka_unit_test(only_crlf_dot_crlf_ends_the_content),
        cmocka_unit_test(blocks_see_what_single_bytes_show),
        cmocka_unit_test(content_in_pieces_ends_at_the_same_place),
        cmocka_unit_test(no_short_text_fools_the_scanner),
        cmocka_unit_test(header_fields_are_found),
        cmocka_unit_test(folds_are_undone),
        cmocka_unit_test(the_body_begins_behind_the_empty_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
