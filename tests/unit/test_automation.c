/* test_automation.c - what a controller does about a reply, as tables. */
#include "tests/unit.h"

#include "base/embedded.h"
#include "base/unit.h"
#include "mta/automation.h"
#include "mta/pacer.h"

static const char head[] = "id\thost\ttype\ttext\ttrigger\taction\tfor\texample\n";

static struct automation *
read_rows(enum automation_book book, const char *rows, struct error *err)
{
    struct automation_tables tables = {0};
    struct automation *automation;
    struct text table = {0};

    text_printf(&table, "%s%s", head, rows);
    tables.of[book] = (struct automation_table){"own.tsv", text_slice(&table)};
    *err = (struct error){0};
    automation = automation_read(&tables, err);
    text_release(&table);
    return automation;
}

static const struct automation_rule *
find(struct automation *automation, enum automation_book book, const char *host, const char *words,
    enum reply_subject subject)
{
    struct smtp_reply reply;
    const char *why;

    assert_true(reply_parse(slice_of(words), &reply, &why));
    return automation_find(automation, book, slice_of(host), &reply, subject);
}

static void
assert_rule(const struct automation_rule *rule, const char *id)
{
    assert_non_null(rule);
    if (!slice_equals(rule->id, slice_of(id)))
        fail_msg("it is %.*s, not %s", SLICE_ARGS(rule->id), id);
}

/* Each by an example of its own: nothing stands in its way. */
static void
each_rule_of_ours_wins_its_example(void **state)
{
    static const char *const filenames[] = {"mta/rules/momentum.tsv", "mta/rules/kumo.tsv"};
    const struct automation_tables none = {0};
    struct reply_types *types = reply_types_new();
    struct error err;
    struct automation *automation = automation_read(&none, &err);

    assert_non_null(automation);
    for (int book = 0; book < AUTOMATION_BOOKS_COUNT; book++) {
        struct slice rest, line, id, example;
        size_t count = 0;

        assert_true(embedded_find(slice_of(filenames[book]), &rest));
        while (slice_cut(rest, '\n', &line, &rest)) {
            struct smtp_reply reply;
            const char *why, *tab = memrchr(line.at, '\t', line.length);

            if (line.at[0] == '#' || slice_starts_with(line, SLICE("id\t")))
                continue;
            slice_cut(line, '\t', &id, &example);
            example = slice_from(line, (size_t)(tab + 1 - line.at));
            print_message("  %.*s: %.*s\n", SLICE_ARGS(id), SLICE_ARGS(example));
            assert_true(reply_parse(example, &reply, &why));
            assert_true(slice_equals(id,
                automation_find(automation, (enum automation_book)book, SLICE("mx.isp.test"),
                    &reply,
                    reply_type_find(types, SLICE("mx.isp.test"), STAGE_MAIL, &reply).subject)
                    ->id));
            count++;
        }
        assert_int_equal(count, automation_count(automation, (enum automation_book)book));
    }
    automation_free(&automation);
    reply_types_free(&types);
}

static void
host_type_and_text_must_all_fit(void **state)
{
    struct error err;
    struct automation *a = read_rows(AUTOMATION_KUMO,
        "one\t*.big.test,*.bigger.test\trate\t\\[TS04\\]\tfirst\tsuspend\t1h\t421 4.7.0 [TS04] "
        "later\n"
        "two\t-\t-\t^550 5\\.7\\..*policy\tfirst\tsuspend\t2h\t-\n"
        "three\tmx.big.test\tgreylist\t-\tfirst\tnone\t-\t-\n",
        &err);

    assert_non_null(a);
    assert_rule(find(a, AUTOMATION_KUMO, "MX1.Big.test", "421 [ts04] later", REPLY_RATE), "one");
    assert_rule(find(a, AUTOMATION_KUMO, "x.bigger.test", "421 [ts04]", REPLY_RATE), "one");
    assert_rule(find(a, AUTOMATION_KUMO, "mx.small.test", "421 [ts04]", REPLY_RATE), "rate");
    assert_rule(find(a, AUTOMATION_KUMO, "mx.big.test", "421 later", REPLY_RATE), "rate");
    assert_null(find(a, AUTOMATION_KUMO, "mx.big.test", "421 [ts04]", REPLY_USER));
    assert_rule(find(a, AUTOMATION_KUMO, "", "550 5.7.1 our Policy", REPLY_USER), "two");
    assert_rule(find(a, AUTOMATION_KUMO, "mx.big.test", "451 wait", REPLY_GREYLIST), "three");
    assert_null(find(a, AUTOMATION_MOMENTUM, "mx.big.test", "451 wait", REPLY_GREYLIST));
    automation_free(&a);
}

static void
triggers_and_actions_are_read(void **state)
{
    static const struct {
        const char *trigger;
        uint32_t events;
        int64_t period_us;
    } triggers[] = {
        {"first", 1, 0              },
        {"5/h",   5, US_PER_HOUR    },
        {"5/hr",  5, US_PER_HOUR    },
        {">5/s",  6, US_PER_S       },
        {"2/4h",  2, 4 * US_PER_HOUR},
        {"3/10m", 3, 10 * US_PER_MIN},
        {"1/1h",  1, US_PER_HOUR    },
    };
    static const struct {
        enum automation_book book;
        const char *action, *lasts;
        enum automation_verb verb;
        int64_t value, for_us;
    } actions[] = {
        {AUTOMATION_MOMENTUM, "suspend",              "-",  AUTOMATION_SUSPEND,            0,               0              },
        {AUTOMATION_MOMENTUM, "suspend",              "2h", AUTOMATION_SUSPEND,            0,               2 * US_PER_HOUR},
        {AUTOMATION_MOMENTUM, "throttle_down",        "-",  AUTOMATION_THROTTLE_DOWN,      0,               0              },
        {AUTOMATION_MOMENTUM, "reduce_connections 2", "-",  AUTOMATION_REDUCE_CONNECTIONS, 2,               0              },
        {AUTOMATION_MOMENTUM, "reduce_deliveries 5",  "-",  AUTOMATION_REDUCE_DELIVERIES,  5,               0              },
        {AUTOMATION_MOMENTUM, "greylisted 15m",       "-",  AUTOMATION_GREYLISTED,         15 * US_PER_MIN, 0              },
        {AUTOMATION_MOMENTUM, "warmup 1s",            "-",  AUTOMATION_WARMUP,             US_PER_S,        0              },
        {AUTOMATION_KUMO,     "rate 10/min",          "1h", AUTOMATION_SET_RATE,           PACE_PER_S / 6,  US_PER_HOUR    },
        {AUTOMATION_KUMO,     "connections 5",        "1h", AUTOMATION_SET_CONNECTIONS,    5,               US_PER_HOUR    },
        {AUTOMATION_KUMO,     "deliveries 20",        "1h", AUTOMATION_SET_DELIVERIES,     20,              US_PER_HOUR    },
        {AUTOMATION_KUMO,     "none",                 "-",  AUTOMATION_NOTHING,            0,               0              },
    };
    struct text row = {0};
    struct error err;

    for (size_t i = 0; i < COUNT_OF(triggers); i++) {
        struct automation *a;
        const struct automation_rule *rule;

        print_message("  %s\n", triggers[i].trigger);
        text_clear(&row);
        text_printf(&row, "x\t-\tuser\t-\t%s\tsuspend\t1h\t-\n", triggers[i].trigger);
        a = read_rows(AUTOMATION_KUMO, text_string(&row), &err);
        assert_non_null(a);
        rule = find(a, AUTOMATION_KUMO, "", "550 no", REPLY_USER);
        assert_int_equal(rule->events, triggers[i].events);
        assert_int_equal(rule->period_us, triggers[i].period_us);
        automation_free(&a);
    }
    for (size_t i = 0; i < COUNT_OF(actions); i++) {
        struct automation *a;
        const struct automation_rule *rule;

        print_message("  %s\n", actions[i].action);
        text_clear(&row);
        text_printf(&row, "x\t-\tuser\t-\tfirst\t%s\t%s\t-\n", actions[i].action, actions[i].lasts);
        a = read_rows(actions[i].book, text_string(&row), &err);
        assert_non_null(a);
        rule = find(a, actions[i].book, "", "550 no", REPLY_USER);
        assert_int_equal(rule->actions_count, 1);
        assert_int_equal(rule->actions[0].verb, actions[i].verb);
        assert_int_equal(rule->actions[0].value, actions[i].value);
        assert_int_equal(rule->for_us, actions[i].for_us);
        automation_free(&a);
    }
    text_release(&row);
}

static void
a_bad_row_is_named_by_line_and_column(void **state)
{
    static const struct {
        enum automation_book book;
        const char *row, *said;
    } cases[] = {
        {AUTOMATION_KUMO,     "\t-\tuser\t-\tfirst\tsuspend\t1h\t-\n",
         "own.tsv:2:1: a rule needs an id"                                                                                                              },
        {AUTOMATION_KUMO,     "x\t-\tusers\t-\tfirst\tsuspend\t1h\t-\n",
         "own.tsv:2:5: no such type of a reply"                                                                                                         },
        {AUTOMATION_KUMO,     "x\t-\t-\t-\tfirst\tsuspend\t1h\t-\n",
         "own.tsv:2:5: this rule takes every reply"                                                                                                     },
        {AUTOMATION_KUMO,     "x\t-\t-\ta(b\tfirst\tsuspend\t1h\t-\n",                                  "own.tsv:2:10: "                                },
        {AUTOMATION_KUMO,     "x\t-\t-\t\tfirst\tsuspend\t1h\t-\n",                                     "own.tsv:2:7: an empty expression"              },
        {AUTOMATION_KUMO,     "x\t-\tuser\t-\tsecond\tsuspend\t1h\t-\n",
         "own.tsv:2:12: first, or so many in so long"                                                                                                   },
        {AUTOMATION_KUMO,     "x\t-\tuser\t-\t0/h\tsuspend\t1h\t-\n",
         "own.tsv:2:12: first, or so many in so long"                                                                                                   },
        {AUTOMATION_KUMO,     "x\t-\tuser\t-\t99999/h\tsuspend\t1h\t-\n",
         "own.tsv:2:12: first, or so many in so long"                                                                                                   },
        {AUTOMATION_KUMO,     "x\t-\tuser\t-\t5/year\tsuspend\t1h\t-\n",                                "own.tsv:2:14: no period"                       },
        {AUTOMATION_KUMO,     "x\t-\tuser\t-\tfirst\tsuspend\t-\t-\n",                                  "own.tsv:2:26: how long?"                       },
        {AUTOMATION_KUMO,     "x\t-\tuser\t-\tfirst\tsuspend\tlong\t-\n",                               "own.tsv:2:26: a duration"                      },
        {AUTOMATION_KUMO,     "x\t-\tuser\t-\tfirst\tthrottle_down\t-\t-\n",
         "own.tsv:2:18: kumo knows no action"                                                                                                           },
        {AUTOMATION_MOMENTUM, "x\t-\tuser\t-\tfirst\trate 1/s\t1h\t-\n",
         "own.tsv:2:18: momentum knows no action"                                                                                                       },
        {AUTOMATION_MOMENTUM, "x\t-\tuser\t-\tfirst\tthrottle_down\t1h\t-\n",
         "own.tsv:2:32: nothing that is done here ends"                                                                                                 },
        {AUTOMATION_MOMENTUM, "x\t-\tuser\t-\tfirst\tsuspend now\t1h\t-\n",
         "own.tsv:2:26: this action takes no argument"                                                                                                  },
        {AUTOMATION_MOMENTUM, "x\t-\tuser\t-\tfirst\treduce_deliveries\t-\t-\n",
         "own.tsv:2:35: a number from 1"                                                                                                                },
        {AUTOMATION_KUMO,     "x\t-\tuser\t-\tfirst\trate 0/s\t1h\t-\n",                                "own.tsv:2:23: a rate"                          },
        {AUTOMATION_KUMO,     "x\t-\tuser\t-\tfirst\tsuspend,suspend,suspend,suspend,suspend\t1h\t-\n",
         "own.tsv:2:50: a rule has at most 4 actions"                                                                                                   },
        {AUTOMATION_KUMO,     "x\t-\t-\tbusy\tfirst\tsuspend\t1h\t450 full\n",
         "own.tsv:2:29: this is no example of \"x\""                                                                                                    },
        {AUTOMATION_KUMO,     "x\t-\tuser\t-\tfirst\tsuspend\t1h\tbusy\n",                              "own.tsv:2:29: not a reply"                     },
        {AUTOMATION_KUMO,
         "x\t-\tuser\t-\tfirst\tsuspend\t1h\t-\nx\t-\tuser\t-\tfirst\tnone\t-\t-\n",                    "own.tsv:3:1: another rule has the id \"x\" too"},
        {AUTOMATION_KUMO,     "x\t-\tuser\n",                                                           "own.tsv:2:"                                    },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct error err;
        struct automation *a = read_rows(cases[i].book, cases[i].row, &err);

        print_message("  %s  %s\n", cases[i].row, err.text);
        assert_null(a);
        assert_int_equal(err.kind, ERROR_CONFIG);
        assert_int_equal(strncmp(err.text, cases[i].said, strlen(cases[i].said)), 0);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_rule_of_ours_wins_its_example),
        cmocka_unit_test(host_type_and_text_must_all_fit),
        cmocka_unit_test(triggers_and_actions_are_read),
        cmocka_unit_test(a_bad_row_is_named_by_line_and_column),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
