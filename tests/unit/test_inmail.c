/* test_inmail.c - the Inbound-email rules: their order, their examples, and what they leave to others. */
#include "tests/unit.h"

#include "mta/classify_mail.h"
#include "mta/inmail.h"
#include "mta/inmail_mask.h"

#define HEADER "id\tkind\twhere\tstatus\tregex\tclass\ttype\treason\tstate\texample\n"

static struct bounce_rules *bounces;

static int
set_up(void **state)
{
    bounces = bounce_rules_new();
    return 0;
}

static int
tear_down(void **state)
{
    bounce_rules_free(&bounces);
    return 0;
}

static struct report
report_of(enum report_kind kind, struct report_recipient *recipient)
{
    return (struct report){.kind = kind,
        .from = SLICE("Mail Delivery System <mailer-daemon@mx.isp.test>"),
        .subject = SLICE("Undelivered Mail"),
        .text = SLICE("all of the text"),
        .recipients = recipient,
        .recipients_count = recipient != NULL ? 1 : 0};
}

static struct report_recipient
failed(struct slice diagnostic, struct enhanced_code code, struct slice words)
{
    return (struct report_recipient){.original = SLICE(""),
        .address = SLICE("kim@isp.test"),
        .action = DSN_FAILED,
        .code = code,
        .diagnostic = diagnostic,
        .words = words};
}

static void
each_kind_has_its_verdict(void **state)
{
    static const struct {
        enum report_kind kind;
        const char *rule;
        enum bounce_class class;
        enum failure_reason reason;
        enum failure_type type;
        enum inmail_state state;
    } cases[] = {
        {REPORT_AUTOREPLY, "Auto_replies",  CLASS_AUTO_REPLY,         REASON_UNREACHABLE, TYPE_IGNORED,
         INMAIL_IGNORE                                                                                             },
        {REPORT_CHALLENGE, "Challenges",    CLASS_CHALLENGE_RESPONSE, REASON_REFUSED,     TYPE_SOFT,
         INMAIL_KEEP                                                                                               },
        {REPORT_FBL,       "Feedback_loop", CLASS_NONE,               REASON_DENYLISTED,  TYPE_HARD,    INMAIL_KEEP},
    };
    struct inmail_rules *rules = inmail_rules_new(bounces);

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct report_recipient kim = failed(SLICE(""), (struct enhanced_code){0}, SLICE(""));
        struct report report = report_of(cases[i].kind, &kim);
        struct inmail_verdict answer = inmail_qualify(rules, &report, 0);

        print_message("  %s\n", cases[i].rule);
        assert_slice(answer.rule, cases[i].rule);
        assert_int_equal(answer.verdict.class, cases[i].class);
        assert_int_equal(answer.verdict.reason, cases[i].reason);
        assert_int_equal(answer.verdict.type, cases[i].type);
        assert_int_equal(answer.state, cases[i].state);
    }
    inmail_rules_free(&rules);
}

static void
success_and_ordinary_mail_have_none(void **state)
{
    struct inmail_rules *rules = inmail_rules_new(bounces);
    struct report_recipient kim = failed(SLICE(""), (struct enhanced_code){2, 0, 0}, SLICE(""));
    struct report report = report_of(REPORT_SUCCESS, &kim);

    kim.action = DSN_DELIVERED;
    assert_int_equal(inmail_qualify(rules, &report, 0).verdict.class, CLASS_NONE);
    report = report_of(REPORT_NOTBOUNCE, NULL);
    assert_int_equal(inmail_qualify(rules, &report, 0).verdict.class, CLASS_NONE);
    assert_slice(inmail_qualify(rules, &report, 0).rule, "");
    inmail_rules_free(&rules);
}

static void
a_bounce_of_nobody_is_class_30(void **state)
{
    struct inmail_rules *rules = inmail_rules_new(bounces);
    struct report report = report_of(REPORT_BOUNCE, NULL);

    assert_int_equal(inmail_qualify(rules, &report, 0).verdict.class, CLASS_GENERIC_BOUNCE_NO_RCPT);
    inmail_rules_free(&rules);
}

/* The diagnostic, then the codes, then the words; what says nothing is passed over. */
static void
the_most_telling_place_decides(void **state)
{
    static const struct {
        struct slice diagnostic, words;
        struct enhanced_code code;
        enum bounce_class class;
    } cases[] = {
        {{"550 5.1.1 no such user", sizeof("550 5.1.1 no such user") - 1},
         {"the mailbox is full", sizeof("the mailbox is full") - 1},                                                                 {5, 1, 1},
         CLASS_INVALID_RECIPIENT                                                                                                                                    },
        {{"554 5.0.0 failed", sizeof("554 5.0.0 failed") - 1},
         {"552 5.2.2 the mailbox is full", sizeof("552 5.2.2 the mailbox is full") - 1},
         {5, 0, 0},                                                                                                                             CLASS_MAILBOX_FULL  },
        {{"", sizeof("") - 1},                                               {"no such user here", sizeof("no such user here") - 1}, {5, 2, 2},
         CLASS_MAILBOX_FULL                                                                                                                                         },
        {{"", sizeof("") - 1},
         {"552 5.2.2 the mailbox is full", sizeof("552 5.2.2 the mailbox is full") - 1},
         {5, 0, 0},                                                                                                                             CLASS_MAILBOX_FULL  },
        {{"mail for isp.test loops back to myself",
             sizeof("mail for isp.test loops back to myself") - 1},
         {"", sizeof("") - 1},                                                                                                       {5, 4, 6}, CLASS_GENERIC_BOUNCE},
    };
    struct inmail_rules *rules = inmail_rules_new(bounces);

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct report_recipient kim = failed(cases[i].diagnostic, cases[i].code, cases[i].words);
        struct report report = report_of(REPORT_BOUNCE, &kim);

        print_message("  %zu\n", i);
        assert_int_equal(inmail_qualify(rules, &report, 0).verdict.class, cases[i].class);
    }
    inmail_rules_free(&rules);
}

/* Who waits has not failed. */
static void
the_same_trouble_is_milder_while_somebody_tries(void **state)
{
    struct inmail_rules *rules = inmail_rules_new(bounces);
    struct report_recipient kim = failed(SLICE("connect to mx.isp.test: Connection timed out"),
        (struct enhanced_code){4, 4, 1}, SLICE(""));
    struct report report = report_of(REPORT_BOUNCE, &kim);

    assert_int_equal(inmail_qualify(rules, &report, 0).verdict.class, CLASS_TIMEOUT);
    kim.action = DSN_DELAYED;
    report.kind = REPORT_DELAY;
    assert_int_equal(inmail_qualify(rules, &report, 0).verdict.class, CLASS_TRANSIENT_FAILURE);
    inmail_rules_free(&rules);
}

static void
rules_of_the_user_come_first(void **state)
{
    const struct slice rows = SLICE(HEADER
        "Ours\tbounce\tdiagnostic\t-\tpurple\t51\tsoft\trefused\tto_qualify\ta purple elephant\n"
        "Away\tautoreply\tsubject\t-\tparental\t60\t-\t-\tkeep\tparental leave\n");
    struct error err;
    struct inmail_rules *rules = inmail_rules_read(bounces, "mine.tsv", rows, &err);
    struct report_recipient kim =
        failed(SLICE("550 5.1.1 no such user, purple"), (struct enhanced_code){5, 1, 1}, SLICE(""));
    struct report report = report_of(REPORT_BOUNCE, &kim);
    struct inmail_verdict answer = inmail_qualify(rules, &report, 0);

    assert_slice(answer.rule, "Ours");
    assert_int_equal(answer.verdict.class, CLASS_SPAM_BLOCK);
    assert_int_equal(answer.verdict.type, TYPE_SOFT);
    assert_int_equal(answer.state, INMAIL_TO_QUALIFY);
    report.kind = REPORT_AUTOREPLY;
    assert_slice(inmail_qualify(rules, &report, 0).rule, "Auto_replies");
    report.subject = SLICE("on parental leave");
    assert_slice(inmail_qualify(rules, &report, 0).rule, "Away");
    inmail_rules_free(&rules);
}

static void
a_bad_row_is_refused_with_its_place(void **state)
{
    static const struct {
        const char *row, *complaint;
    } cases[] = {
        {"\tbounce\twords\t-\tx\t10\t-\t-\tkeep\tx\n",                                               "mine.tsv:2:1: a rule needs an id"     },
        {"A\tnotbounce\twords\t-\tx\t10\t-\t-\tkeep\tx\n",                                           "mine.tsv:2:3: one of bounce, delay"   },
        {"A\tbounce\tbody\t-\tx\t10\t-\t-\tkeep\tx\n",                                               "mine.tsv:2:10: one of -, subject, "   },
        {"A\tbounce\twords\t5.1\tx\t10\t-\t-\tkeep\tx\n",                                            "mine.tsv:2:16: a status, or its front"},
        {"A\tbounce\twords\t-\t(x\t10\t-\t-\tkeep\tx\n",                                             "mine.tsv:2:20: "                      },
        {"A\tbounce\t-\t-\tx\t10\t-\t-\tkeep\tx\n",                                                  "an expression, and where to look"     },
        {"A\tbounce\twords\t-\tx\t11\t-\t-\tkeep\tx\n",                                              "no bounce class has the number"       },
        {"A\tbounce\twords\t-\tx\t-\t-\t-\tkeep\tx\n",                                               "has to name type and reason"          },
        {"A\tbounce\twords\t-\tx\t10\tmild\t-\tkeep\tx\n",                                           "no such type: \"mild\""               },
        {"A\tbounce\twords\t-\tx\t10\t-\tbored\tkeep\tx\n",                                          "no such reason: \"bored\""            },
        {"A\tbounce\twords\t-\tx\t10\t-\t-\tlose\tx\n",                                              "keep, ignore (not \"lose\")"          },
        {"A\tbounce\twords\t-\tx\t10\t-\t-\tkeep\t-\n",                                              "needs an example"                     },
        {"A\tbounce\twords\t-\tx\t10\t-\t-\tkeep\ty\n",                                              "example of \"A\": it does not match"  },
        {"A\tbounce\tsubject\t-\t-\treply\t-\t-\tkeep\t-\n",                                         "a reply is looked for in"             },
        {"A\tbounce\twords\t-\tx\t10\t-\t-\tkeep\tx\nA\tbounce\twords\t-\ty\t10\t-\t-\tkeep\ty\n",
         "another rule has the id \"A\" too"                                                                                                },
        {"A\tbounce\twords\t-\tx\t10\t-\t-\tkeep\tx\nB\tbounce\twords\t-\txy\t10\t-\t-\tkeep\txy\n",
         "mine.tsv:3:33: this is no example of \"B\": the rule \"A\" of line 2 takes it"                                                    },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct text rows = {0};
        struct error err = {0};

        print_message("  %s\n", cases[i].complaint);
        text_printf(&rows, HEADER "%s", cases[i].row);
        assert_null(inmail_rules_read(bounces, "mine.tsv", text_slice(&rows), &err));
        assert_int_equal(err.kind, ERROR_CONFIG);
        if (strstr(err.text, cases[i].complaint) == NULL)
            fail_msg("%s", err.text);
        text_release(&rows);
    }
}

static void
an_explanation_names_phrase_and_runner_up(void **state)
{
    struct inmail_rules *rules = inmail_rules_new(bounces);
    struct report_recipient kim = failed(SLICE("the message has been in the queue too long"),
        (struct enhanced_code){0}, SLICE("the message has been in the queue too long"));
    struct report report = report_of(REPORT_BOUNCE, &kim);
    struct inmail_explanation why;

    assert_slice(inmail_explain(rules, &report, 0, &why).rule, "Gave_up");
    assert_slice(why.phrase, "in the queue too long");
    assert_true(why.runner_up.length > 0);
    assert_false(slice_equals(why.runner_up, SLICE("Gave_up")));

    kim.diagnostic = SLICE("550 5.1.1 no such user");
    assert_int_equal(
        inmail_explain(rules, &report, 0, &why).verdict.class, CLASS_INVALID_RECIPIENT);
    assert_slice(why.looked_at, "550 5.1.1 no such user");
    assert_true(slice_contains_nocase(why.phrase, SLICE("no such user")));
    inmail_rules_free(&rules);
}

/* What an address or the end of a link happens to say is nobody's judgement. */
static void
words_in_addresses_and_links_do_not_count(void **state)
{
    static const struct {
        const char *said, *masked;
    } cases[] = {
        {"550 <mailbox.full@spam.test>: no",  "550 <xxxxxxx.xxxx@xxxx.xxxx>: no" },
        {"see http://isp.test/help#spam now", "see http://isp.test/help#xxxx now"},
        {"a @ b",                             "a @ b"                            },
        {"#5.1.1 no",                         "#5.1.1 no"                        },
        {"https://isp.test/5",                "https://isp.test/5"               },
        {"",                                  ""                                 },
    };
    struct inmail_rules *rules = inmail_rules_new(bounces);
    struct report_recipient kim = failed(SLICE("550 5.1.1 <mailbox.full@isp.test> no such user"),
        (struct enhanced_code){5, 1, 1}, SLICE(""));
    struct report report = report_of(REPORT_BOUNCE, &kim);
    struct inmail_explanation why;
    struct text out = {0};

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        inmail_mask(slice_of(cases[i].said), &out);
        assert_slice(text_slice(&out), cases[i].masked);
    }
    assert_int_equal(
        inmail_explain(rules, &report, 0, &why).verdict.class, CLASS_INVALID_RECIPIENT);
    assert_slice(why.looked_at, "550 5.1.1 <mailbox.full@isp.test> no such user");
    assert_true(slice_contains_nocase(why.phrase, SLICE("no such user")));
    text_release(&out);
    inmail_rules_free(&rules);
}

static void
mails_become_rows(void **state)
{
    const struct slice mail = SLICE("From: mailer-daemon@isp.test\nSubject: failure notice\n\n"
                                    "Hi. This is the mail system. It could not be delivered.\n\n"
                                    "<kim@isp.test>:\n550 5.1.1 no\tsuch user\n");
    struct inmail_rules *rules = inmail_rules_new(bounces);
    struct text out = {0};

    classify_mail_header(false, &out);
    assert_slice(text_slice(&out),
        "file\tkind\trecipient\tstatus\tsmtp_code\tclass\tadobe_reason\tadobe_type\trule\n");
    text_clear(&out);
    classify_mail(rules, "a\tfile", mail, false, &out);
    assert_true(slice_starts_with(text_slice(&out),
        SLICE("a file\tbounce\tkim@isp.test\t5.1.1\t550\t10\tUser unknown\tHard\t")));
    text_clear(&out);
    classify_mail(rules, "f", SLICE("Subject: hello\n\nhello\n"), false, &out);
    assert_slice(text_slice(&out), "f\tnotbounce\t\t\t\t-\t\t\t\n");
    text_release(&out);
    inmail_rules_free(&rules);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_has_its_verdict),
        cmocka_unit_test(success_and_ordinary_mail_have_none),
        cmocka_unit_test(a_bounce_of_nobody_is_class_30),
        cmocka_unit_test(the_most_telling_place_decides),
        cmocka_unit_test(the_same_trouble_is_milder_while_somebody_tries),
        cmocka_unit_test(rules_of_the_user_come_first),
        cmocka_unit_test(a_bad_row_is_refused_with_its_place),
        cmocka_unit_test(an_explanation_names_phrase_and_runner_up),
        cmocka_unit_test(words_in_addresses_and_links_do_not_count),
        cmocka_unit_test(mails_become_rows),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
