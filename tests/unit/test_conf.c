/* test_conf.c - YAML as trees of raw scalars with their places, and everything that is refused. */
#include "tests/unit.h"

#include "base/conf.h"

/* One line per diagnostic: "3:5: text (hint)", notes with "note: ". */
static void
describe(const struct diagnostics *diagnostics, struct text *out)
{
    for (size_t i = 0; i < diagnostics->count; i++) {
        const struct diagnostic *d = &diagnostics->list[i];

        text_printf(out, "%s%d:%d: %s", d->severity == DIAG_NOTE ? "note " : "", d->mark.line,
            d->mark.column, d->text);
        if (d->hint != NULL)
            text_printf(out, " (%s)", d->hint);
        text_add_char(out, '\n');
    }
}

/* A tree on one line: {key@1:1: value@1:6, …}, absent values as ~, quoted ones in quotes. */
static void
print_node(const struct conf_node *node, struct text *out)
{
    if (node->kind == CONF_SCALAR) {
        text_printf(out,
            node->is_absent       ? "~"
                : node->is_quoted ? "'%.*s'"
                                  : "%.*s",
            SLICE_ARGS(node->text));
        text_printf(out, "@%d:%d", node->mark.line, node->mark.column);
        return;
    }
    text_add_char(out, node->kind == CONF_LIST ? '[' : '{');
    for (size_t i = 0; i < node->count; i++) {
        if (i > 0)
            text_add_string(out, ", ");
        if (node->kind == CONF_MAP) {
            text_printf(out, "%.*s: ", SLICE_ARGS(node->pairs[i].key));
            print_node(node->pairs[i].value, out);
        } else {
            print_node(node->items[i], out);
        }
    }
    text_add_char(out, node->kind == CONF_LIST ? ']' : '}');
}

static void
trees_are_read_with_the_places_of_their_values(void **state)
{
    static const struct {
        const char *yaml, *tree;
    } cases[] = {
        {"a: 1",                                          "{a: 1@1:4}"                          },
        {"a: on\nb: 4.10\nc: 0x1F\nd: 12:30",
         "{a: on@1:4, b: 4.10@2:4, c: 0x1F@3:4, d: 12:30@4:4}"                                  },
        {"a: \"x, y\"\nb: 'it''s'",                       "{a: 'x, y'@1:5, b: 'it's'@2:5}"      },
        {"a: [1, {b: 2}]",                                "{a: [1@1:5, {b: 2@1:12}]}"           },
        {"a:\n  - x\n  - y z # not this",                 "{a: [x@2:5, y z@3:5]}"               },
        {"a:\nb: ''",                                     "{a: ~@1:1, b: ''@2:5}"               },
        {"\xef\xbb\xbf"
         "a: 1",                                 "{a: 1@1:4}"                          },
        {"\xc3\xa4: \xc3\xb6 x\r\nb: 2\r\n",              "{\xc3\xa4: \xc3\xb6 x@1:5, b: 2@2:4}"},
        {"a: |\n  one\n  two\n",                          "{a: one\ntwo\n@2:3}"                 },
        {"a: &x {b: 1}\nc: *x",                           "{a: {b: 1@1:11}, c: {b: 1@1:11}}"    },
        {"a: &x {b: 1, c: 2}\nd: {<<: *x, c: 3}",
         "{a: {b: 1@1:11, c: 2@1:17}, d: {c: 3@2:16, b: 1@1:11}}"                               },
        {"a: &x {b: 1}\nd: &y {c: 2}\ne: {<<: [*x, *y]}",
         "{a: {b: 1@1:11}, d: {c: 2@2:11}, e: {b: 1@1:11, c: 2@2:11}}"                          },
        {"--- \na: 1\n...\n",                             "{a: 1@2:4}"                          },
        {"just a text",                                   "just a text@1:1"                     },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct diagnostics diagnostics = {0};
        struct text text = {0};
        const struct conf_node *root;

        print_message("  %s\n", cases[i].yaml);
        root = conf_parse("t.yaml", slice_of(cases[i].yaml), &diagnostics.arena, &diagnostics);
        assert_non_null(root);
        print_node(root, &text);
        assert_slice(text_slice(&text), cases[i].tree);
        text_release(&text);
        diagnostics_release(&diagnostics);
    }
}

static void
wrong_files_get_one_clear_diagnostic(void **state)
{
    static const struct {
        const char *yaml, *expected;
    } cases[] = {
        {"",                  "0:0: the file is empty\n"                                                      },
        {"# nothing\n",       "0:0: the file is empty\n"                                                      },
        {"---\n",             "0:0: the file is empty\n"                                                      },
        {"a: 1\nb: 2\na: 3",  "3:1: \"a\" is given twice\nnote 1:1: it was first given here\n"                },
        {"a: 1\n---\nb: 2",   "2:1: a second document begins here; one file is one document\n"                },
        {"a: *.isp.example",
         "1:4: there is no anchor &.isp.example for the alias *.isp.example (a text that begins "
            "with "
            "* needs quotes)\n"                                                                               },
        {"a: &x [*x]",        "1:8: *x stands inside itself\n"                                                },
        {"a: [1, 2\nb: 3",    "2:5: flow sequence without a closing bracket\n"                                },
        {"a: 451 4.2.1 x: y",
         "1:15: invalid nested block mapping on the same line (a text that holds \": \" needs "
            "quotes)\n"                                                                                       },
        {"a: @x",             "1:4: plain scalar cannot start with '@' (a text that begins so needs quotes)\n"},
        {"a: %x",             "1:4: plain scalar cannot start with '%' (a text that begins so needs quotes)\n"},
        {"a:\n\tb: 1",        "2:1: tab character may not be used as indentation (indent with spaces)\n"      },
        {"a: \"x",            "1:5: double-quoted scalar without closing quote\n"                             },
        {"a: !!str x",        "1:4: tags are not used here (a text that begins with ! needs quotes)\n"        },
        {"a: {b: ${x}}",
         "1:9: missing comma in flow mapping (a parameter is written $name, without braces)\n"                },
        {"[a]: 1",            "1:1: a key must be a word, not a list or a map\n"                              },
        {": 1",               "1:1: a key is missing in front of the colon\n"                                 },
        {"a: \xff",           "1:4: byte 0xff is not UTF-8\n"                                                 },
        {"a: \xed\xa0\x80",   "1:4: byte 0xed is not UTF-8\n"                                                 },
        {"a: \x01",           "1:4: byte 0x01 has no place in a text file; is it a binary one?\n"             },
        {"a: 1\nb: {<<: 3}",  "2:5: << takes a map, or a list of maps\n"                                      },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct diagnostics diagnostics = {0};
        struct text text = {0};

        print_message("  %s\n", cases[i].yaml);
        assert_null(
            conf_parse("t.yaml", slice_of(cases[i].yaml), &diagnostics.arena, &diagnostics));
        describe(&diagnostics, &text);
        assert_slice(text_slice(&text), cases[i].expected);
        text_release(&text);
        diagnostics_release(&diagnostics);
    }
}

static void
assert_refused(struct slice yaml, const char *expected)
{
    struct diagnostics diagnostics = {0};
    struct text text = {0};

    assert_null(conf_parse("t.yaml", yaml, &diagnostics.arena, &diagnostics));
    describe(&diagnostics, &text);
    if (strstr(text_string(&text), expected) == NULL)
        fail_msg("\"%s\" instead of \"%s\"", text_string(&text), expected);
    text_release(&text);
    diagnostics_release(&diagnostics);
}

static void
a_nul_makes_a_file_binary(void **state)
{
    assert_refused(SLICE("a: 1\0b"), "1:5: byte 0x00 has no place in a text file");
}

static void
depth_is_bounded_also_through_aliases(void **state)
{
    struct text yaml = {0};

    text_add_string(&yaml, "a: ");
    text_add_repeated(&yaml, '[', CONF_DEPTH_MAX);
    text_add_repeated(&yaml, ']', CONF_DEPTH_MAX);
    assert_refused(text_slice(&yaml), "nested more than 32 deep");
    text_clear(&yaml);
    text_add_string(&yaml, "a0: &a0 [x]\n");
    for (int i = 1; i < CONF_DEPTH_MAX; i++)
        text_printf(&yaml, "a%d: &a%d [*a%d]\n", i, i, i - 1);
    assert_refused(text_slice(&yaml), "nested more than 32 deep");
    text_release(&yaml);
}

static void
an_alias_bomb_does_not_go_off(void **state)
{
    struct text yaml = {0};

    text_add_string(&yaml, "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for (int i = 1; i < 20; i++) {
        text_printf(&yaml, "a%d: &a%d [", i, i);
        for (int j = 0; j < 10; j++)
            text_printf(&yaml, "%s*a%d", j > 0 ? ", " : "", i - 1);
        text_add_string(&yaml, "]\n");
    }
    assert_refused(text_slice(&yaml), "more than 1000000 values, aliases counted as written out");
    text_release(&yaml);
}

static void
a_line_without_end_is_refused(void **state)
{
    struct text yaml = {0};

    text_add_string(&yaml, "a: 1\nb: ");
    text_add_repeated(&yaml, 'x', CONF_LINE_BYTES_MAX);
    assert_refused(text_slice(&yaml), "2:1: this line is longer than 1048576 bytes");
    text_release(&yaml);
}

static void
an_endless_file_is_refused_after_a_little_of_it(void **state)
{
    struct diagnostics diagnostics = {0};
    struct text text = {0};
    struct error err;

    assert_null(conf_load("/dev/zero", &diagnostics.arena, &diagnostics, &err));
    assert_int_equal(err.kind, ERROR_NONE);
    describe(&diagnostics, &text);
    assert_slice(text_slice(&text), "1:1: this line is longer than 1048576 bytes\n");
    assert_true(diagnostics.arena.total_bytes < 1024 * 1024);
    text_release(&text);
    diagnostics_release(&diagnostics);
}

static void
what_is_not_there_is_an_error_and_no_diagnostic(void **state)
{
    static const struct {
        const char *filename, *text;
    } cases[] = {
        {"tests/no-such.yaml",      "cannot read tests/no-such.yaml: No such file or directory"},
        {"tests",                   "cannot read tests: it is a directory"                     },
        {"tests/unit.h/below.yaml", "cannot read tests/unit.h/below.yaml: Not a directory"     },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct diagnostics diagnostics = {0};
        struct error err;

        assert_null(conf_load(cases[i].filename, &diagnostics.arena, &diagnostics, &err));
        assert_int_equal(err.kind, ERROR_NOT_FOUND);
        assert_string_equal(err.text, cases[i].text);
        assert_int_equal(diagnostics.count, 0);
        diagnostics_release(&diagnostics);
    }
}

static void
values_are_found_by_key(void **state)
{
    struct diagnostics diagnostics = {0};
    const struct conf_node *root =
        conf_parse("t.yaml", SLICE("a: 1\nb: [2]"), &diagnostics.arena, &diagnostics);

    assert_slice(conf_find(root, "a")->text, "1");
    assert_int_equal(conf_find(root, "b")->kind, CONF_LIST);
    assert_null(conf_find(root, "c"));
    assert_int_equal(conf_find_pair(root, SLICE("b"))->key_mark.line, 2);
    assert_int_equal(root->weight, 4);
    assert_int_equal(root->height, 3);
    diagnostics_release(&diagnostics);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trees_are_read_with_the_places_of_their_values),
        cmocka_unit_test(wrong_files_get_one_clear_diagnostic),
        cmocka_unit_test(a_nul_makes_a_file_binary),
        cmocka_unit_test(depth_is_bounded_also_through_aliases),
        cmocka_unit_test(an_alias_bomb_does_not_go_off),
        cmocka_unit_test(a_line_without_end_is_refused),
        cmocka_unit_test(an_endless_file_is_refused_after_a_little_of_it),
        cmocka_unit_test(what_is_not_there_is_an_error_and_no_diagnostic),
        cmocka_unit_test(values_are_found_by_key),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
