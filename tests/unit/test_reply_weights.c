/* test_reply_weights.c - what all words of a reply speak for. */
#include "tests/unit.h"

#include "mta/reply_weights.h"

static void
bad_weights_say_where(void **state)
{
    static const struct {
        const char *rows, *where, *what;
    } cases[] = {
        {"term\n",                                   "w.tsv:1:",    ""        },
        {"term\tweights\nip\tblok 3\n",              "w.tsv:2:4:",  "no group"},
        {"term\tweights\nip\tnone 3\n",              "w.tsv:2:4:",  "no group"},
        {"term\tweights\nip\tblock\n",               "w.tsv:2:4:",  "no group"},
        {"term\tweights\nip\tblock 3, spam x\n",     "w.tsv:2:13:", "number"  },
        {"term\tweights\nip\tblock 1000\n",          "w.tsv:2:4:",  "number"  },
        {"term\tweights\nip\tblock 3\nip\tspam 3\n", "w.tsv:3:1:",  "one row" },
        {"term\tweights\n\tblock 3\n",               "w.tsv:2:1:",  "short"   },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct error err = {0};

        print_message("  %s\n", cases[i].rows);
        assert_null(reply_weights_read("w.tsv", slice_of(cases[i].rows), &err));
        assert_int_equal(err.kind, ERROR_CONFIG);
        if (strstr(err.text, cases[i].where) == NULL || strstr(err.text, cases[i].what) == NULL)
            fail_msg("\"%s\" has not \"%s\" and \"%s\"", err.text, cases[i].where, cases[i].what);
    }
}

struct weighing {
    const char *text;
    uint16_t code;
    enum reply_group against, group;
};

static void
check_weighings(const char *rows, const struct weighing *cases, size_t count)
{
    struct error err;
    struct reply_weights *weights = reply_weights_read("w.tsv", slice_of(rows), &err);

    for (size_t i = 0; i < count; i++) {
        const struct smtp_reply reply = {.code = cases[i].code};
        struct reply_words words;

        print_message(
            "  %d %s against %s\n", reply.code, cases[i].text, reply_group_name(cases[i].against));
        reply_words_of(&words, slice_of(cases[i].text));
        assert_int_equal(reply_weigh(weights, &words, &reply, STAGE_NONE, cases[i].against).group,
            cases[i].group);
    }
    reply_weights_free(&weights);
    assert_null(weights);
}

/* The same lead that suffices for a block is too short for a recipient's group. */
static void
a_user_must_outweigh_the_site_by_more(void **state)
{
    static const struct weighing cases[] = {
        {"gone",  450, GROUP_NONE, GROUP_NONE        },
        {"away",  450, GROUP_NONE, GROUP_USER_UNKNOWN},
        {"shut",  450, GROUP_NONE, GROUP_BLOCK       },
        {"shut",  550, GROUP_NONE, GROUP_NONE        }, /* the code alone would make a user of it */
        {"tiny",  450, GROUP_NONE, GROUP_NONE        },
        {"plugh", 450, GROUP_NONE, GROUP_NONE        },
    };

    check_weighings("term\tweights\n"
                    "gone\tuser-unknown 30, block 20\n"
                    "away\tuser-unknown 40, block 20\n"
                    "shut\tblock 30, user-unknown 20\n"
                    "tiny\tblock 5\n"
                    "@550\tuser-unknown 90\n",
        cases, COUNT_OF(cases));
}

/* Six letters, however many bytes they are. */
static void
longer_words_are_known_by_their_front(void **state)
{
    static const struct weighing cases[] = {
        {"\u043f\u0440\u0435\u0432\u044b\u0448\u0435\u043d", 450, GROUP_NONE, GROUP_THROTTLE},
        {"\u043f\u0440\u0435\u0432",                         450, GROUP_NONE, GROUP_NONE    },
        {"rebooting",                                        450, GROUP_NONE, GROUP_SYSTEM  },
        {"reboot",                                           450, GROUP_NONE, GROUP_SYSTEM  },
        {"short",                                            450, GROUP_NONE, GROUP_SIZE    },
        {"shortage",                                         450, GROUP_NONE, GROUP_NONE    },
    };

    check_weighings("term\tweights\n"
                    "\u043f\u0440\u0435\u0432\u044b\u0448*\tthrottle 30\n"
                    "reboot*\tsystem 30\n"
                    "short\tsize 30\n",
        cases, COUNT_OF(cases));
}

static void
neighbours_weigh_together(void **state)
{
    static const struct weighing cases[] = {
        {"too many hops",                      450, GROUP_NONE, GROUP_RELAY   },
        {"too many, hops",                     450, GROUP_NONE, GROUP_RELAY   },
        {"hops, many",                         450, GROUP_NONE, GROUP_THROTTLE},
        {"so many of the hops",                450, GROUP_NONE, GROUP_THROTTLE},
        {"exceedingly connectional",           450, GROUP_NONE, GROUP_BLOCK   },
        {"exceedingly a@b.test connectionist", 450, GROUP_NONE, GROUP_BLOCK   },
    };

    check_weighings("term\tweights\n"
                    "many\tthrottle 20\n"
                    "many hops\trelay 40\n"
                    "exceed* connec*\tblock 30\n",
        cases, COUNT_OF(cases));
}

/* A rule that knew one word is overruled by all the others, by a long lead only, and where it says that
 * it is about the site, never for the recipient. */
static void
what_a_rule_says_takes_more_to_outweigh(void **state)
{
    static const struct weighing cases[] = {
        {"rule some", 550, GROUP_NONE,     GROUP_SIZE        },
        {"rule some", 550, GROUP_POLICY,   GROUP_NONE        },
        {"rule many", 550, GROUP_POLICY,   GROUP_SIZE        },
        {"rule many", 550, GROUP_SIZE,     GROUP_NONE        },
        {"gone",      550, GROUP_POLICY,   GROUP_USER_UNKNOWN},
        {"gone",      550, GROUP_THROTTLE, GROUP_NONE        },
    };

    check_weighings("term\tweights\n"
                    "rule\tpolicy 10\n"
                    "some\tsize 20\n"
                    "many\tsize 40\n"
                    "gone\tuser-unknown 40\n",
        cases, COUNT_OF(cases));
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_weights_say_where),
        cmocka_unit_test(a_user_must_outweigh_the_site_by_more),
        cmocka_unit_test(longer_words_are_known_by_their_front),
        cmocka_unit_test(neighbours_weigh_together),
        cmocka_unit_test(what_a_rule_says_takes_more_to_outweigh),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
