/* test_cause.c - the ISP knows why it says no, and writes it down. */
#include "tests/unit/isp_world.h"

#include "fakeisp/cause.h"

#define HELLO "EHLO client.test\r\n"
#define MAIL  "MAIL FROM:<a@x.test>\r\n"

static void
a_status_means_a_cause(void **state)
{
    static const struct {
        uint16_t code;
        struct enhanced_code enhanced;
        enum bounce_class class;
    } cases[] = {
        {550, {5, 1, 1},   CLASS_INVALID_RECIPIENT},
        {450, {4, 1, 1},   CLASS_INVALID_RECIPIENT},
        {550, {5, 1, 2},   CLASS_DNS_FAILURE      },
        {553, {5, 1, 8},   CLASS_MAIL_BLOCK       },
        {556, {5, 1, 10},  CLASS_DNS_FAILURE      },
        {551, {5, 1, 6},   CLASS_INVALID_RECIPIENT},
        {550, {5, 2, 1},   CLASS_INVALID_RECIPIENT},
        {450, {4, 2, 1},   CLASS_TRANSIENT_FAILURE},
        {552, {5, 2, 2},   CLASS_MAILBOX_FULL     },
        {452, {4, 2, 2},   CLASS_MAILBOX_FULL     },
        {552, {5, 3, 4},   CLASS_TOO_LARGE        },
        {452, {4, 3, 1},   CLASS_TRANSIENT_FAILURE},
        {554, {5, 4, 7},   CLASS_TIMEOUT          },
        {554, {5, 4, 6},   CLASS_GENERIC_BOUNCE   },
        {452, {4, 5, 3},   CLASS_TRANSIENT_FAILURE},
        {550, {5, 6, 0},   CLASS_SPAM_CONTENT     },
        {550, {5, 7, 1},   CLASS_MAIL_BLOCK       },
        {421, {4, 7, 0},   CLASS_TRANSIENT_FAILURE},
        {550, {5, 7, 26},  CLASS_MAIL_BLOCK       },
        {554, {5, 0, 0},   CLASS_GENERIC_BOUNCE   },
        {550, {5, 99, 99}, CLASS_GENERIC_BOUNCE   },
        {0,   {5, 1, 1},   CLASS_INVALID_RECIPIENT},
        {550, {0, 0, 0},   CLASS_INVALID_RECIPIENT},
        {552, {0, 0, 0},   CLASS_MAILBOX_FULL     },
        {554, {0, 0, 0},   CLASS_MAIL_BLOCK       },
        {503, {0, 0, 0},   CLASS_GENERIC_BOUNCE   },
        {451, {0, 0, 0},   CLASS_TRANSIENT_FAILURE},
        {250, {2, 1, 5},   CLASS_NONE             },
        {0,   {2, 1, 5},   CLASS_NONE             },
        {0,   {0, 0, 0},   CLASS_NONE             },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        print_message("  %u %u.%u.%u\n", cases[i].code, cases[i].enhanced.class,
            cases[i].enhanced.subject, cases[i].enhanced.detail);
        assert_int_equal(cause_of(cases[i].code, cases[i].enhanced), cases[i].class);
    }
}

static struct isp_reply
reply_of(uint16_t code, uint16_t subject, uint16_t detail)
{
    return (struct isp_reply){
        true, {code, {(uint8_t)(code / 100), subject, detail}, {"no", 2}}
    };
}

static const struct event *
only_event(const struct isp_world *w, enum event_kind kind)
{
    const struct event *found = NULL;

    assert_int_equal(events_of(w, kind), 1);
    for (size_t i = 0; i < w->events_count; i++)
        if (w->events[i].kind == kind)
            found = &w->events[i];
    return found;
}

static void
refuse_one(struct isp_world *w, const char *rcpt, enum bounce_class class)
{
    const struct event *event;

    isp_open(w);
    peer_connect(w, 0);
    peer_say(w, 0, HELLO MAIL);
    peer_say(w, 0, rcpt);
    event = only_event(w, EVENT_REFUSED);
    assert_true(event->has_verdict);
    assert_int_equal(event->class, class);
    assert_int_equal(event->reason, REASON_NONE);
    assert_int_equal(event->type, TYPE_NONE);
    isp_stop(w);
}

/* Whatever the reply says: it may be as misleading as those of the field. */
static void
a_mailbox_knows_its_own_cause(void **state)
{
    static const struct {
        enum mailbox_truth is;
        enum bounce_class class;
    } cases[] = {
        {MAILBOX_UNKNOWN,  CLASS_INVALID_RECIPIENT},
        {MAILBOX_FULL,     CLASS_MAILBOX_FULL     },
        {MAILBOX_DISABLED, CLASS_INVALID_RECIPIENT},
    };

    for (size_t i = 0; i < 2 * COUNT_OF(cases); i++) {
        struct isp_mailbox mailbox = {.to = SLICE("kim"), .is = cases[i / 2].is, .share_ppm = PPM};
        struct isp_world w;

        if (i % 2 == 1)
            mailbox.reply = reply_of(554, 7, 1);
        isp_prepare(&w);
        w.config.mailboxes = &mailbox;
        w.config.mailboxes_count = 1;
        refuse_one(&w, "RCPT TO:<kim@isp.test>\r\n", cases[i / 2].class);
    }
}

static void
a_rule_has_the_cause_it_is_given(void **state)
{
    static const struct {
        uint16_t code, subject, detail;
        enum bounce_class given, class;
    } cases[] = {
        {554, 7, 1, CLASS_SPAM_BLOCK, CLASS_SPAM_BLOCK       },
        {554, 7, 1, CLASS_NONE,       CLASS_MAIL_BLOCK       },
        {451, 7, 1, CLASS_NONE,       CLASS_TRANSIENT_FAILURE},
        {550, 1, 1, CLASS_MAIL_BLOCK, CLASS_MAIL_BLOCK       },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct isp_rule rule = {.id = SLICE("r"),
            .stage = STAGE_RCPT,
            .share_ppm = PPM,
            .action = ACTION_REPLY,
            .reply = reply_of(cases[i].code, cases[i].subject, cases[i].detail),
            .cause = cases[i].given};
        struct isp_world w;

        isp_prepare(&w);
        w.config.rules = &rule;
        w.config.rules_count = 1;
        refuse_one(&w, "RCPT TO:<kim@isp.test>\r\n", cases[i].class);
    }
}

static void
greylist_and_foreign_domains_have_theirs(void **state)
{
    struct isp_world w;

    isp_prepare(&w);
    w.config.greylist =
        (struct isp_greylist){.is_on = true, .delay_us = US_PER_MIN, .reply = reply_of(550, 1, 1)};
    refuse_one(&w, "RCPT TO:<kim@isp.test>\r\n", CLASS_TRANSIENT_FAILURE);
    isp_prepare(&w);
    refuse_one(&w, "RCPT TO:<kim@elsewhere.test>\r\n", CLASS_RELAYING_DENIED);
}

static void
a_limit_means_later_unless_it_says_never(void **state)
{
    static const struct {
        uint16_t code;
        enum limit_then then;
        enum bounce_class given, class;
    } cases[] = {
        {421, THEN_KEEP, CLASS_NONE,       CLASS_TRANSIENT_FAILURE},
        {550, THEN_KEEP, CLASS_NONE,       CLASS_SOFT_BOUNCE      },
        {550, THEN_DROP, CLASS_NONE,       CLASS_TRANSIENT_FAILURE},
        {550, THEN_KEEP, CLASS_SPAM_BLOCK, CLASS_SPAM_BLOCK       },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct isp_limit limit = {.id = SLICE("rcpts"),
            .count = LIMIT_RECIPIENTS_PER_TRANSACTION,
            .per = LIMIT_PER_SOURCE_IP,
            .max = 1,
            .over = reply_of(cases[i].code, 7, 0),
            .then = cases[i].then,
            .cause = cases[i].given};
        struct isp_world w;

        isp_prepare(&w);
        w.config.limits = &limit;
        w.config.limits_count = 1;
        isp_open(&w);
        peer_connect(&w, 0);
        peer_say(&w, 0, HELLO MAIL "RCPT TO:<a@isp.test>\r\nRCPT TO:<b@isp.test>\r\n");
        assert_true(only_event(&w, EVENT_LIMIT_HIT)->has_verdict);
        assert_int_equal(only_event(&w, EVENT_LIMIT_HIT)->class, cases[i].class);
        if (cases[i].then == THEN_KEEP)
            assert_int_equal(only_event(&w, EVENT_REFUSED)->class, cases[i].class);
        isp_stop(&w);
    }
}

/* Where the ISP speaks for an MTA that keeps no journal, the truth stays with the ISP. */
static void
the_truth_is_not_told_in_the_name_of_others(void **state)
{
    struct isp_world w;

    isp_prepare(&w);
    w.tells_attempts = true;
    w.config.greylist = (struct isp_greylist){.is_on = true, .delay_us = US_PER_MIN};
    isp_open(&w);
    peer_connect(&w, 0);
    peer_say(&w, 0, HELLO MAIL "RCPT TO:<kim@isp.test>\r\n");
    assert_true(only_event(&w, EVENT_REFUSED)->has_verdict);
    assert_false(only_event(&w, EVENT_DEFERRED)->has_verdict);
    assert_int_equal(only_event(&w, EVENT_DEFERRED)->class, 0);
    assert_false(only_event(&w, EVENT_ATTEMPT)->has_verdict);
    isp_stop(&w);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_status_means_a_cause),
        cmocka_unit_test(a_mailbox_knows_its_own_cause),
        cmocka_unit_test(a_rule_has_the_cause_it_is_given),
        cmocka_unit_test(greylist_and_foreign_domains_have_theirs),
        cmocka_unit_test(a_limit_means_later_unless_it_says_never),
        cmocka_unit_test(the_truth_is_not_told_in_the_name_of_others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
