/* test_bounce.c - what a refusal means: the built-in rules, and tables that are refused. */
#include "tests/unit.h"

#include "base/rng.h"
#include "mta/bounce_parts.h"

#define BOUNCE_COLUMNS "id\tstage\tcode\tenhanced\tregex\tclass\treason\texample\n"
#define REST           "rest\t-\t-\t-\t-\t1\t-\t-\n"

/* With the built-in classes. */
static struct bounce_rules *
read_rows(const char *rows, struct error *err)
{
    const struct bounce_table table = {"b.tsv", slice_of(rows)}, classes = class_table_built_in();

    return bounce_rules_read(&table, 1, &classes, err);
}

static struct bounce
qualify(const struct bounce_rules *rules, enum smtp_stage stage, const char *reply)
{
    struct refusal refusal = {.stage = stage};
    const char *why;

    if (!reply_parse(slice_of(reply), &refusal.reply, &why))
        fail_msg("\"%s\" is not a reply: %s", reply, why);
    return bounce_qualify(rules, &refusal);
}

/* Reading checks that every example is won by its own rule. */
static void
the_built_in_rules_are_good_and_each_wins_its_example(void **state)
{
    struct error err = {0};
    const struct bounce_table table = bounce_table_built_in(), classes = class_table_built_in();
    struct bounce_rules *rules = bounce_rules_read(&table, 1, &classes, &err);

    if (rules == NULL)
        fail_msg("%s", err.text);
    bounce_rules_free(&rules);
    assert_null(rules);
    bounce_rules_free(&rules); /* nothing left to free: no harm */
}

static void
known_replies_get_their_verdict(void **state)
{
    static const struct {
        const char *reply;
        enum smtp_stage stage;
        enum bounce_class class;
        enum failure_reason reason;
        enum failure_type type;
    } cases[] = {
  /* what the scenarios and the fake ISPs say */
        {"550 5.1.1 user unknown",                                     STAGE_RCPT,     10, REASON_USER_UNKNOWN,     TYPE_HARD   },
        {"550 5.1.1 sorry, no mailbox here by that name",              STAGE_RCPT,     10, REASON_USER_UNKNOWN,
         TYPE_HARD                                                                                                              },
        {"450 4.1.1 user unknown",                                     STAGE_RCPT,     10, REASON_USER_UNKNOWN,     TYPE_HARD   },
        {"550 5.2.1 mailbox disabled",                                 STAGE_RCPT,     10, REASON_ACCOUNT_DISABLED, TYPE_HARD   },
        {"552 5.2.2 mailbox full",                                     STAGE_RCPT,     22, REASON_MAILBOX_FULL,     TYPE_SOFT   },
        {"452 4.2.2 mailbox full",                                     STAGE_RCPT,     22, REASON_MAILBOX_FULL,     TYPE_SOFT   },
        {"552 Mailbox is Over Quota",                                  STAGE_DOT,      22, REASON_MAILBOX_FULL,     TYPE_SOFT   },
        {"552 5.3.4 message too large",                                STAGE_MAIL,     23, REASON_REFUSED,          TYPE_IGNORED},
        {"451 4.7.1 greylisted, come back later",                      STAGE_RCPT,     70, REASON_UNREACHABLE,      TYPE_SOFT   },
        {"450 4.7.1 Greylisting in action, please try later",          STAGE_RCPT,     70, REASON_UNREACHABLE,
         TYPE_SOFT                                                                                                              },
        {"421 4.7.28 rate limit exceeded",                             STAGE_MAIL,     70, REASON_REFUSED,          TYPE_SOFT   },
        {"421 too many connections",                                   STAGE_BANNER,   70, REASON_REFUSED,          TYPE_SOFT   },
        {"550 domain frequency limited",                               STAGE_DOT,      20, REASON_REFUSED,          TYPE_SOFT   },
        {"450 4.2.1 this account is suspended",                        STAGE_RCPT,     20, REASON_ACCOUNT_DISABLED, TYPE_SOFT   },
        {"451 4.2.1 mailbox busy",                                     STAGE_RCPT,     70, REASON_UNREACHABLE,      TYPE_SOFT   },
        {"451 4.3.0 temporary local problem",                          STAGE_DATA,     70, REASON_UNREACHABLE,      TYPE_SOFT   },
        {"554 5.7.1 blocked, see the block list",                      STAGE_BANNER,   51, REASON_REFUSED,          TYPE_IGNORED},
        {"550 5.7.1 message identified as spam",                       STAGE_DOT,      52, REASON_REFUSED,          TYPE_IGNORED},
        {"552 5.7.0 attachment type not allowed",                      STAGE_DOT,      53, REASON_REFUSED,          TYPE_IGNORED},
        {"550 5.7.1 relaying denied",                                  STAGE_RCPT,     54, REASON_UNREACHABLE,      TYPE_SOFT   },
        {"550 5.7.1 refused by policy",                                STAGE_RCPT,     50, REASON_REFUSED,          TYPE_IGNORED},
        {"550 5.7.26 DMARC check failed",                              STAGE_DOT,      50, REASON_REFUSED,          TYPE_IGNORED},
        {"554 never seen before",                                      STAGE_DOT,      1,  REASON_NOT_DEFINED,      TYPE_IGNORED},
        {"599",                                                        STAGE_DOT,      1,  REASON_NOT_DEFINED,      TYPE_IGNORED},
        {"450",                                                        STAGE_RCPT,     70, REASON_UNREACHABLE,      TYPE_SOFT   },
        {"550",                                                        STAGE_RCPT,     10, REASON_USER_UNKNOWN,     TYPE_HARD   },
        {"554 transaction failed",                                     STAGE_DOT,      40, REASON_UNREACHABLE,      TYPE_IGNORED},
 /* what never became a reply, in the words of our own MTA */
        {"451 4.4.1 connection refused",                               STAGE_CONNECT,  20, REASON_UNREACHABLE,      TYPE_SOFT   },
        {"451 4.4.2 connection reset by peer",                         STAGE_RCPT,     20, REASON_UNREACHABLE,      TYPE_SOFT   },
        {"451 4.4.2 peer closed the connection",                       STAGE_DOT,      20, REASON_UNREACHABLE,      TYPE_SOFT   },
        {"451 4.4.1 connection reset by peer",                         STAGE_CONNECT,  20, REASON_UNREACHABLE,      TYPE_SOFT   },
        {"451 4.4.1 no route to host",                                 STAGE_CONNECT,  20, REASON_UNREACHABLE,      TYPE_SOFT   },
        {"451 4.4.2 the server does not speak SMTP",                   STAGE_BANNER,   20, REASON_UNREACHABLE,
         TYPE_SOFT                                                                                                              },
        {"451 4.4.2 reply out of place",                               STAGE_RCPT,     20, REASON_UNREACHABLE,      TYPE_SOFT   },
        {"451 4.4.1 no valid hosts",                                   STAGE_CONNECT,  20, REASON_UNREACHABLE,      TYPE_SOFT   },
        {"421 4.4.0 no MX of the domain reachable now",                STAGE_CONNECT,  20, REASON_UNREACHABLE,
         TYPE_SOFT                                                                                                              },
        {"451 4.7.5 STARTTLS refused or negotiation failed",           STAGE_STARTTLS, 20, REASON_UNREACHABLE,
         TYPE_SOFT                                                                                                              },
        {"451 4.7.6 STARTTLS required but not offered",                STAGE_EHLO,     20, REASON_UNREACHABLE,
         TYPE_SOFT                                                                                                              },
        {"450 4.4.1 connection timed out",                             STAGE_CONNECT,  24, REASON_UNREACHABLE,      TYPE_IGNORED},
        {"451 4.4.2 timed out waiting for the banner",                 STAGE_BANNER,   24, REASON_UNREACHABLE,
         TYPE_IGNORED                                                                                                           },
        {"451 4.4.2 timed out waiting for the reply to the final dot", STAGE_DOT,      24,
         REASON_UNREACHABLE,                                                                                        TYPE_IGNORED},
        {"554 5.4.7 validity period is over",                          STAGE_NONE,     24, REASON_UNREACHABLE,      TYPE_IGNORED},
        {"451 4.4.3 DNS failure: SERVFAIL",                            STAGE_CONNECT,  21, REASON_INVALID_DOMAIN,   TYPE_SOFT   },
        {"454 4.4.4 DNS failure: domain has neither MX nor A",         STAGE_CONNECT,  21,
         REASON_INVALID_DOMAIN,                                                                                     TYPE_SOFT   },
        {"554 5.4.7 time limit reached",                               STAGE_NONE,     24, REASON_UNREACHABLE,      TYPE_IGNORED},
        {"451 4.4.3 no answer from DNS",                               STAGE_CONNECT,  21, REASON_INVALID_DOMAIN,   TYPE_SOFT   },
        {"451 4.4.3 DNS failure",                                      STAGE_CONNECT,  21, REASON_INVALID_DOMAIN,   TYPE_SOFT   },
        {"454 4.4.4 domain has neither MX nor A",                      STAGE_CONNECT,  21, REASON_INVALID_DOMAIN,
         TYPE_SOFT                                                                                                              },
        {"554 5.4.4 domain does not exist",                            STAGE_CONNECT,  21, REASON_INVALID_DOMAIN,   TYPE_SOFT   },
        {"550 5.4.4 null MX, domain takes no mail",                    STAGE_CONNECT,  21, REASON_INVALID_DOMAIN,
         TYPE_SOFT                                                                                                              },
        {"554 5.4.4 domain lookup failed",                             STAGE_CONNECT,  21, REASON_INVALID_DOMAIN,   TYPE_SOFT   },
        {"554 5.7.0 blackholed internally",                            STAGE_NONE,     25, REASON_REFUSED,          TYPE_IGNORED},
    };
    struct bounce_rules *rules = bounce_rules_new();

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct bounce bounce = qualify(rules, cases[i].stage, cases[i].reply);
        print_message("  %s -> %.*s\n", cases[i].reply, SLICE_ARGS(bounce.rule));
        assert_int_equal(bounce.verdict.class, cases[i].class);
        assert_int_equal(bounce.verdict.reason, cases[i].reason);
        assert_int_equal(bounce.verdict.type, cases[i].type);
        assert_true(bounce.rule.length > 0);
    }
    bounce_rules_free(&rules);
}

static void
a_class_alone_has_its_usual_verdict(void **state)
{
    struct bounce_rules *rules = bounce_rules_new();
    struct bounce bounce = bounce_of_class(rules, CLASS_TIMEOUT);

    assert_int_equal(bounce.verdict.class, CLASS_TIMEOUT);
    assert_int_equal(bounce.verdict.reason, REASON_UNREACHABLE);
    assert_int_equal(bounce.verdict.type, TYPE_IGNORED);
    assert_int_equal(bounce.rule.length, 0);
    for (unsigned class = 1; class <= 100; class ++)
        if (class_is_known(class))
            assert_int_equal(
                bounce_of_class(rules, (enum bounce_class) class).verdict.class, class);
    bounce_rules_free(&rules);
}

static void
the_first_rule_that_matches_wins(void **state)
{
    static const char rows[] =
        BOUNCE_COLUMNS "at-rcpt\trcpt\t550\t-\t-\t10\t-\t550 no\n"
                       "digit\t-\t45x\t-\tbusy\t70\t-\t452 Busy\n"
                       "subject\t-\t-\tx.7.\t-\t50\t-\t451 4.7.9 no\n"
                       "detail\t-\t-\t5.2.1\t-\t10\taccount_disabled\t554 5.2.1 no\n"
                       "far\t-\t-\t5.99.\t-\t40\t-\t554 5.99.7 no\n"
                       "class\t-\t-\t5.\t-\t15\t-\t554 5.3.0 no\n"
                       "lines\t-\t-\t-\tone.two\t23\t-\t-\n" REST;
    static const struct {
        enum smtp_stage stage;
        const char *reply, *rule;
    } cases[] = {
        {STAGE_RCPT, "550 5.7.1 no",      "at-rcpt"},
        {STAGE_DOT,  "550 5.7.1 no",      "subject"},
        {STAGE_RCPT, "551 no",            "rest"   },
        {STAGE_RCPT, "459 too busy now",  "digit"  },
        {STAGE_RCPT, "441 too busy now",  "rest"   },
        {STAGE_DOT,  "451 4.7.0 no",      "subject"},
        {STAGE_DOT,  "550 5.2.1 no",      "detail" },
        {STAGE_DOT,  "550 5.2.10 no",     "class"  },
        {STAGE_DOT,  "550 5.99.10 no",    "far"    },
        {STAGE_DOT,  "550 5.98.10 no",    "class"  },
        {STAGE_DOT,  "450 4.2.1 no",      "rest"   },
        {STAGE_DOT,  "450 line ONE\ntwo", "lines"  },
    };
    struct error err = {0};
    struct bounce_rules *rules = read_rows(rows, &err);

    if (rules == NULL)
        fail_msg("%s", err.text);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        print_message("  %s\n", cases[i].reply);
        assert_slice(qualify(rules, cases[i].stage, cases[i].reply).rule, cases[i].rule);
    }
    bounce_rules_free(&rules);
}

static struct bounce
qualify_for(const struct bounce_rules *rules, const char *domain, const char *reply)
{
    struct refusal refusal = {.stage = STAGE_RCPT, .domain = slice_of(domain)};

    reply_find(slice_of(reply), &refusal.reply);
    return bounce_qualify(rules, &refusal);
}

#define OWN_COLUMNS "id\tstage\tcode\tenhanced\tregex\tclass\treason\texample\tdomain\ttranscode\n"

/* Ours hide nothing of theirs, and theirs may hide ours: that is what they are for. */
static void
rules_of_ones_own_come_first(void **state)
{
    static const char rows[] =
        OWN_COLUMNS "odd\t-\t-\t-\tuser unknown\t70\t-\t550 user unknown\t*.odd.test\t450 4.2.0\n"
                    "busy\t-\t5xx\t-\tcome back\t70\t-\t554 come back\t-\t454\n";
    const struct bounce_table tables[] = {
        {"own.tsv", slice_of(rows)},
        bounce_table_built_in()
    };
    const struct bounce_table classes = class_table_built_in();
    struct error err = {0};
    struct bounce_rules *rules = bounce_rules_read(tables, 2, &classes, &err);
    struct bounce bounce;

    if (rules == NULL)
        fail_msg("%s", err.text);
    assert_true(bounce_rules_ask_domains(rules));
    bounce = qualify_for(rules, "mx.odd.test", "550 5.1.1 user unknown");
    assert_slice(bounce.rule, "odd");
    assert_int_equal(bounce.code, 450);
    assert_int_equal(enhanced_pack(bounce.enhanced), 4002000);
    bounce = qualify_for(rules, "even.test", "550 5.1.1 user unknown");
    assert_int_equal(bounce.verdict.class, CLASS_INVALID_RECIPIENT);
    assert_int_equal(bounce.code, 0);
    bounce = qualify_for(rules, "", "554 5.7.1 come back");
    assert_slice(bounce.rule, "busy");
    assert_int_equal(bounce.code, 454);
    assert_int_equal(bounce.enhanced.class, 0);
    bounce = qualify_for(rules, "", "451 4.7.1 come back");
    assert_int_equal(bounce.code, 0);
    bounce_rules_free(&rules);
}

static void
without_a_code_the_enhanced_one_speaks(void **state)
{
    struct bounce_rules *rules = bounce_rules_new();

    assert_int_equal(
        qualify_for(rules, "", "5.2.2 mailbox full").verdict.class, CLASS_MAILBOX_FULL);
    assert_int_equal(qualify_for(rules, "", "#4.3.0 sorry").verdict.class, CLASS_TRANSIENT_FAILURE);
    assert_int_equal(qualify_for(rules, "", "").verdict.class, CLASS_UNDETERMINED);
    bounce_rules_free(&rules);
}

/* Rules see one line, without what says nothing and without what others are called. */
static void
a_text_is_folded_before_it_is_read(void **state)
{
    static const struct {
        const char *reply, *folded;
    } cases[] = {
        {"550 5.7.1 not permitted to\n5.7.1 relay",     "not permitted to relay"              },
        {"421 4.7.0 sent 421-4.7.0 too 421 much 4.7.0", "sent too much"                       },
        {"421 4.7.0 422 4.7.1 421a 4.7.0.1",            "422 4.7.1 421a 4.7.0.1"              },
        {"550  a \t\r\n b ",                            "a b"                                 },
        {"550 <spam.9@virus.test>: no (a@b, @c d@)",    "<xxxx.9@xxxxx.xxxx>: no (x@x, @x x@)"},
        {"550 spam to virus@x y",                       "spam to xxxxx@x y"                   },
        {"550",                                         ""                                    },
        {"5.1.1 5.1.1 no",                              "no"                                  },
    };
    char folded[BOUNCE_TEXT_MAX];

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct smtp_reply reply;

        reply_find(slice_of(cases[i].reply), &reply);
        assert_slice(bounce_fold(&reply, folded), cases[i].folded);
    }
}

static void
a_verdict_is_explained(void **state)
{
    static const char rows[] = BOUNCE_COLUMNS "full\t-\t-\t-\tbox .{0,9}full\t22\t-\t-\n"
                                              "also-full\t-\t-\t-\tfull\t22\t-\t550 full\n"
                                              "user\t-\t550\t-\t-\t10\t-\t550 -\n" REST;
    struct error err = {0};
    struct bounce_rules *rules = read_rows(rows, &err);
    struct refusal refusal = {.stage = STAGE_RCPT};
    struct bounce_reasoning why;

    assert_non_null(rules);
    reply_find(SLICE("550 the box is FULL"), &refusal.reply);
    bounce_explain(rules, &refusal, &why);
    assert_slice(why.bounce.rule, "full");
    assert_slice(why.phrase, "box is FULL");
    assert_slice(why.runner_up.rule, "user"); /* the next of another class */
    assert_int_equal(why.runner_up_phrase.length, 0);
    reply_find(SLICE("555 no"), &refusal.reply);
    bounce_explain(rules, &refusal, &why);
    assert_slice(why.bounce.rule, "rest");
    assert_int_equal(why.runner_up.rule.length, 0);
    bounce_rules_free(&rules);
}

#define REST_OWN "rest\t-\t-\t-\t-\t1\t-\t-\t-\t-\n"

static void
bad_rules_are_refused_with_their_place(void **state)
{
    static const struct {
        const char *rows, *error;
    } cases[] = {
        {"",                                                                         "b.tsv:1:1: no row names the columns"        },
        {"id\tstage\n",                                                              "b.tsv:1:1: the columns are not "            },
        {BOUNCE_COLUMNS,                                                             "b.tsv:1:1: the last rule must take the rest"},
        {BOUNCE_COLUMNS "a\t-\t5xx\t-\t-\t1\t-\t-\n",                                "b.tsv:2:1: the last rule must"              },
        {BOUNCE_COLUMNS "a\t-\t-\n",                                                 "b.tsv:2:6: a row has 8 cells, this one 3"   },
        {BOUNCE_COLUMNS "\t-\t-\t-\t-\t1\t-\t-\n",                                   "b.tsv:2:1: a rule needs an id"              },
        {BOUNCE_COLUMNS "a\trctp\t-\t-\t-\t1\t-\t-\n",                               "b.tsv:2:3: no such SMTP stage: \"rctp\""    },
        {BOUNCE_COLUMNS "a\t-\t55\t-\t-\t1\t-\t-\n",                                 "b.tsv:2:5: a code has three digits"         },
        {BOUNCE_COLUMNS "a\t-\t5z1\t-\t-\t1\t-\t-\n",                                "b.tsv:2:6: a code has three digits"         },
        {BOUNCE_COLUMNS "a\t-\t650\t-\t-\t1\t-\t-\n",                                "b.tsv:2:5: a code has three digits"         },
        {BOUNCE_COLUMNS "a\t-\t-\t5\t-\t1\t-\t-\n",                                  "b.tsv:2:7: an enhanced code, or its front"  },
        {BOUNCE_COLUMNS "a\t-\t-\t5.1\t-\t1\t-\t-\n",                                "b.tsv:2:7: an enhanced code, or its front"  },
        {BOUNCE_COLUMNS "a\t-\t-\t3.1.1\t-\t1\t-\t-\n",                              "b.tsv:2:7: an enhanced code, or its fro"    },
        {BOUNCE_COLUMNS "a\t-\t-\t5.1.1.\t-\t1\t-\t-\n",                             "b.tsv:2:13: an enhanced code has three"     },
        {BOUNCE_COLUMNS "a\t-\t-\t5..1\t-\t1\t-\t-\n",                               "b.tsv:2:7: an enhanced code, or its fron"   },
        {BOUNCE_COLUMNS "a\t-\t-\t-\tuser (unknown\t1\t-\t-\n",
         "b.tsv:2:22: missing closing parenthesis"                                                                                },
        {BOUNCE_COLUMNS "a\t-\t-\t-\t\t1\t-\t-\n",                                   "b.tsv:2:9: an empty expression"             },
        {BOUNCE_COLUMNS "a\t-\t-\t-\tx\t11\t-\t-\n",                                 "b.tsv:2:11: no bounce class has the number" },
        {BOUNCE_COLUMNS "a\t-\t-\t-\tx\t1\tlazy\t-\n",                               "b.tsv:2:13: no such reason: \"lazy\""       },
        {BOUNCE_COLUMNS "a\t-\t5xx\t-\t-\t1\t-\thello\n" REST,                       "b.tsv:2:17: not a reply: "                  },
        {BOUNCE_COLUMNS "a\t-\t5xx\t-\t-\t1\t-\t-\na\t-\t4xx\t-\t-\t1\t-\t-\n" REST,
         "b.tsv:3:1: another rule has the id \"a\" too"                                                                           },
        {OWN_COLUMNS "a\t-\t-\t-\tx\t1\t-\t-\t-\t250\n" REST_OWN,
         "b.tsv:2:19: a code of 400 to 599, and an enhanced code if"                                                              },
        {OWN_COLUMNS "a\t-\t-\t-\tx\t1\t-\t-\t-\t454 later\n" REST_OWN,
         "b.tsv:2:19: a code of 400 to 599, and an enhanced code if"                                                              },
        {BOUNCE_COLUMNS "wide\t-\t5xx\t-\t-\t1\t-\t550 no\n"
                        "hidden\t-\t552\t-\tfull\t22\t-\t552 full\n" REST,
         "b.tsv:3:26: this is no example of \"hidden\": the rule \"wide\" of line 2 takes it"                                     },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct error err = {0};
        print_message("  %s\n", cases[i].error);
        assert_null(read_rows(cases[i].rows, &err));
        assert_int_equal(err.kind, ERROR_CONFIG);
        if (strncmp(err.text, cases[i].error, strlen(cases[i].error)) != 0)
            fail_msg("%s", err.text);
    }
}

static void
bad_classes_are_refused_with_their_place(void **state)
{
    static const struct {
        const char *rows, *error;
    } cases[] = {
        {"",                                                                                    "c.tsv:1:1: no row names"                    },
        {"class\tname\treason\ttype\n",                                                         "c.tsv:1:1: no row for class 1, Undetermined"},
        {"class\tname\treason\ttype\nten\tx\tnone\tnone\n",                                     "c.tsv:2:1: no bounce class"                 },
        {"class\tname\treason\ttype\n10\tNobody\tnone\tnone\n",
         "c.tsv:2:4: the name of class 10 is \"Invalid Recipient\""                                                                          },
        {"class\tname\treason\ttype\n60\tAuto-Reply\taway\tnone\n",                             "c.tsv:2:15: no such reason"                 },
        {"class\tname\treason\ttype\n60\tAuto-Reply\trefused\tmild\n",                          "c.tsv:2:23: no such type"                   },
        {"class\tname\treason\ttype\n60\tAuto-Reply\tnone\tsoft\n60\tAuto-Reply\tnone\tsoft\n",
         "c.tsv:3:1: class 60 has a row already"                                                                                             },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct bounce_table table = {"b.tsv", SLICE(BOUNCE_COLUMNS REST)};
        const struct bounce_table classes = {"c.tsv", slice_of(cases[i].rows)};
        struct error err = {0};
        print_message("  %s\n", cases[i].error);
        assert_null(bounce_rules_read(&table, 1, &classes, &err));
        assert_int_equal(err.kind, ERROR_CONFIG);
        if (strncmp(err.text, cases[i].error, strlen(cases[i].error)) != 0)
            fail_msg("%s", err.text);
    }
}

static void
any_bytes_get_a_verdict(void **state)
{
    struct bounce_rules *rules = bounce_rules_new();
    struct rng rng = rng_from_seed(1);
    char bytes[REPLY_TEXT_MAX];

    for (int round = 0; round < 300; round++) {
        struct refusal refusal = {.stage = (enum smtp_stage)rng_below(&rng, STAGES_COUNT)};
        size_t length = rng_below(&rng, round % 10 == 0 ? sizeof(bytes) : 80);
        for (size_t i = 0; i < length; i++)
            bytes[i] = (char)rng_below(&rng, 256);
        refusal.reply = (struct smtp_reply){
            .code = (uint16_t)(200 + rng_below(&rng, 400)), .text = {bytes, length}
        };
        if (rng_below(&rng, 2) == 1)
            refusal.reply.enhanced = (struct enhanced_code){.class = 5,
                .subject = (uint16_t)rng_below(&rng, 1000),
                .detail = (uint16_t)rng_below(&rng, 1000)};
        assert_true(class_is_known(bounce_qualify(rules, &refusal).verdict.class));
    }
    bounce_rules_free(&rules);
}

/* A reply may hold NULs, and what stands behind one counts. */
static void
a_nul_does_not_end_the_text(void **state)
{
    struct bounce_rules *rules = bounce_rules_new();
    struct refusal refusal = {
        .stage = STAGE_DOT, .reply = {.code = 554, .text = SLICE("\0mailbox is full\0")}
    };

    assert_int_equal(bounce_qualify(rules, &refusal).verdict.class, CLASS_MAILBOX_FULL);
    refusal.reply.text = (struct slice){NULL, 0};
    assert_int_equal(bounce_qualify(rules, &refusal).verdict.class, CLASS_UNDETERMINED);
    bounce_rules_free(&rules);
}

/* An expression that would try for ever gives up, and the rest takes the reply. */
static void
a_costly_expression_gives_up(void **state)
{
    struct error err = {0};
    struct bounce_rules *rules =
        read_rows(BOUNCE_COLUMNS "bad\t-\t-\t-\t(x+x+)+y\t10\t-\t-\n" REST, &err);

    assert_non_null(rules);
    assert_slice(
        qualify(rules, STAGE_DOT, "554 xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx").rule, "rest");
    bounce_rules_free(&rules);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_built_in_rules_are_good_and_each_wins_its_example),
        cmocka_unit_test(known_replies_get_their_verdict),
        cmocka_unit_test(a_class_alone_has_its_usual_verdict),
        cmocka_unit_test(the_first_rule_that_matches_wins),
        cmocka_unit_test(rules_of_ones_own_come_first),
        cmocka_unit_test(without_a_code_the_enhanced_one_speaks),
        cmocka_unit_test(a_text_is_folded_before_it_is_read),
        cmocka_unit_test(a_verdict_is_explained),
        cmocka_unit_test(bad_rules_are_refused_with_their_place),
        cmocka_unit_test(bad_classes_are_refused_with_their_place),
        cmocka_unit_test(any_bytes_get_a_verdict),
        cmocka_unit_test(a_nul_does_not_end_the_text),
        cmocka_unit_test(a_costly_expression_gives_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
