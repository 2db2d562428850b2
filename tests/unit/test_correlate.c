/* test_correlate.c - which message of ours a mail is about, and what only says to be. */
#include "tests/unit.h"

#include "base/unit.h"
#include "mta/correlate.h"
#include "mta/mta.h"

#define DOMAIN "campaign.example"

enum { TODAY = 20454 };

static const struct verp_key key = {
    {7, 7, 7}
};
static const struct slice domains[] = {
    {DOMAIN,        sizeof DOMAIN - 1},
    {"two.example", 11               }
};

/* "spring-1z-TOKEN", made today. */
static void
sign(struct text *out, const char *domain, const char *delivery, uint64_t row)
{
    struct verp_signer *signer = verp_signer_new(&key, slice_of(domain), slice_of(delivery));

    text_clear(out);
    verp_write_key(out, slice_of(delivery), row, verp_token(signer, row, TODAY));
    verp_signer_free(&signer);
}

/* With the key in place of '$'. */
static struct slice
filled(struct text *out, const char *format, const struct text *made)
{
    for (; format != NULL && *format != '\0'; format++) {
        if (*format == '$')
            text_add_slice(out, text_slice(made));
        else
            text_add_char(out, *format);
    }
    return text_slice(out);
}

static struct correlator *
begin(const struct verp_key *with, bool is_any_instance)
{
    const struct correlator_setup setup = {.domains = domains,
        .domains_count = COUNT_OF(domains),
        .key = with,
        .instance = SLICE("prod"),
        .is_any_instance = is_any_instance,
        .window_us = 7 * US_PER_DAY};

    return correlator_new(&setup);
}

static struct mail_address
address(const struct text *text)
{
    struct mail_address parsed;
    const char *why;

    assert_true(address_parse(text_slice(text), &parsed, &why));
    return parsed;
}

static void
only_good_return_paths_may_come_in(void **state)
{
    static const struct {
        const char *format; /* $: the key */
        enum correlator_answer with_key, without;
    } cases[] = {
        {"b+$@campaign.example",         CORRELATOR_TAKES,     CORRELATOR_TAKES    },
        {"u+$@Campaign.Example",         CORRELATOR_TAKES,     CORRELATOR_TAKES    },
        {"b+$@two.example",              CORRELATOR_FORGED,    CORRELATOR_TAKES    },
        {"b+$@three.example",            CORRELATOR_ELSEWHERE, CORRELATOR_ELSEWHERE},
        {"b+x$@campaign.example",        CORRELATOR_FORGED,    CORRELATOR_TAKES    },
        {"b+$x@campaign.example",        CORRELATOR_FORGED,    CORRELATOR_TAKES    },
        {"news@campaign.example",        CORRELATOR_TAKES,     CORRELATOR_TAKES    },
        {"b+spring-1z@campaign.example", CORRELATOR_FORGED,    CORRELATOR_TAKES    },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct text made = {0}, path = {0};

        print_message("  %s\n", cases[i].format);
        sign(&made, DOMAIN, "spring", 71);
        filled(&path, cases[i].format, &made);
        for (int is_signed = 0; is_signed < 2; is_signed++) {
            struct correlator *correlator = begin(is_signed ? &key : NULL, false);
            struct mail_address parsed = address(&path);

            assert_int_equal(correlator_ask(correlator, &parsed, TODAY * US_PER_DAY),
                is_signed ? cases[i].with_key : cases[i].without);
            correlator_free(&correlator);
        }
        text_release(&made);
        text_release(&path);
    }
}

/* The last message of the day, tried for 84 h, may come back for seven days. */
static void
a_path_is_refused_once_it_is_surely_too_late(void **state)
{
    struct correlator *correlator = begin(&key, false);
    int64_t last_us = (TODAY + 1) * US_PER_DAY + MTA_VALIDITY_US_MAX + 7 * US_PER_DAY;
    struct text made = {0}, path = {0};
    struct mail_address parsed;

    sign(&made, DOMAIN, "spring", 71);
    text_printf(&path, "b+%s@campaign.example", text_string(&made));
    parsed = address(&path);
    assert_int_equal(correlator_ask(correlator, &parsed, last_us), CORRELATOR_TAKES);
    assert_int_equal(correlator_ask(correlator, &parsed, last_us + 1), CORRELATOR_LATE);
    text_release(&made);
    text_release(&path);
    correlator_free(&correlator);
}

struct quote {
    const char *name;
    const char *came_to, *message_id, *return_path, *mail_from; /* $: the key */
    enum correlated_by by;
    bool is_forged;
};

static void
check_quote(const struct quote *quote, struct correlator *correlator)
{
    struct text made = {0}, came_to = {0}, id = {0}, path = {0}, from = {0}, expected = {0};
    struct correlation correlation = {0};
    struct report report = {0};
    struct mail_address parsed;

    print_message("  %s\n", quote->name);
    sign(&made, DOMAIN, "spring", 71);
    filled(&came_to, quote->came_to, &made);
    report.message_id = filled(&id, quote->message_id, &made);
    report.return_path = filled(&path, quote->return_path, &made);
    report.feedback.mail_from = filled(&from, quote->mail_from, &made);
    parsed = address(&came_to);
    correlate(correlator, &parsed, &report, TODAY * US_PER_DAY, &correlation);
    assert_int_equal(correlation.by, quote->by);
    assert_int_equal(correlation.is_forged, quote->is_forged);
    if (quote->by != CORRELATED_BY_NOTHING)
        text_printf(&expected, "b+%s@campaign.example", text_string(&made));
    else
        text_add_slice(&expected, text_slice(&came_to));
    assert_string_equal(text_string(&correlation.return_path), text_string(&expected));
    correlation_release(&correlation);
    text_release(&made);
    text_release(&came_to);
    text_release(&id);
    text_release(&path);
    text_release(&from);
    text_release(&expected);
}

#define FBL    "fbl@campaign.example"
#define PATH   "b+$@campaign.example"
#define FORGED "b+x$@campaign.example"
#define ID     "$.prod@campaign.example"

static void
three_ways_lead_to_a_message_in_this_order(void **state)
{
    static const struct quote quotes[] = {
        {"return path",                    PATH, NULL,                       NULL,                           NULL, CORRELATED_BY_RETURN_PATH, false},
        {"return path before Message-ID",  PATH, ID,                         NULL,                           NULL, CORRELATED_BY_RETURN_PATH, false},
        {"Message-ID",                     FBL,  ID,                         NULL,                           NULL, CORRELATED_BY_MESSAGE_ID,  false},
        {"another instance",               FBL,  "$.test@campaign.example",  NULL,                           NULL, CORRELATED_BY_NOTHING,
         false                                                                                                                                     },
        {"no instance",                    FBL,  "$@campaign.example",       NULL,                           NULL, CORRELATED_BY_NOTHING,     false},
        {"another domain",                 FBL,  "$.prod@else.example",      NULL,                           NULL, CORRELATED_BY_NOTHING,     false},
        {"forged Message-ID",              FBL,  "x$.prod@campaign.example", NULL,                           NULL, CORRELATED_BY_NOTHING,
         true                                                                                                                                      },
        {"quoted sender",                  FBL,  NULL,                       PATH,                           NULL, CORRELATED_BY_SENDER,      false},
        {"sender of a complaint",          FBL,  NULL,                       NULL,                           PATH, CORRELATED_BY_SENDER,      false},
        {"Message-ID before sender",       FBL,  ID,                         PATH,                           NULL, CORRELATED_BY_MESSAGE_ID,  false},
        {"sender, after another instance", FBL,  "$.test@campaign.example",  PATH,                           NULL,
         CORRELATED_BY_SENDER,                                                                                                                false},
        {"forged sender",                  FBL,  NULL,                       FORGED,                         NULL, CORRELATED_BY_NOTHING,     true },
        {"unsigned sender",                FBL,  NULL,                       "b+spring-1z@campaign.example", NULL, CORRELATED_BY_NOTHING,
         true                                                                                                                                      },
        {"nobody's",                       FBL,  "",                         "not an address",               NULL, CORRELATED_BY_NOTHING,     false},
    };
    struct correlator *correlator = begin(&key, false);

    for (size_t i = 0; i < COUNT_OF(quotes); i++)
        check_quote(&quotes[i], correlator);
    correlator_free(&correlator);
}

static void
the_instance_may_be_anything_where_nobody_looks(void **state)
{
    static const struct quote quotes[] = {
        {"another instance", FBL, "$.test@campaign.example", NULL, NULL, CORRELATED_BY_MESSAGE_ID,
         false                                                                                          },
        {"no instance",      FBL, "$@campaign.example",      NULL, NULL, CORRELATED_BY_MESSAGE_ID, false},
        {"forged",           FBL, "x$@campaign.example",     NULL, NULL, CORRELATED_BY_NOTHING,    true },
    };
    struct correlator *correlator = begin(&key, true);

    for (size_t i = 0; i < COUNT_OF(quotes); i++)
        check_quote(&quotes[i], correlator);
    correlator_free(&correlator);
}

/* Without a key, a foreign platform's own return paths are as good as ours. */
static void
unsigned_paths_of_any_form_are_known(void **state)
{
    struct correlator *correlator = begin(NULL, false);
    struct correlation correlation = {0};
    struct report report = {.message_id = SLICE("spring-1z.prod@campaign.example")};
    struct text came_to = {0};
    struct mail_address parsed;

    text_add_string(&came_to, "bounce-4711@campaign.example");
    parsed = address(&came_to);
    correlate(correlator, &parsed, &report, 0, &correlation);
    assert_int_equal(correlation.by, CORRELATED_BY_MESSAGE_ID);
    assert_string_equal(text_string(&correlation.return_path), "b+spring-1z@campaign.example");
    report = (struct report){.return_path = SLICE("bounce-12@two.example")};
    correlate(correlator, &parsed, &report, 0, &correlation);
    assert_int_equal(correlation.by, CORRELATED_BY_SENDER);
    assert_string_equal(text_string(&correlation.return_path), "bounce-12@two.example");
    report = (struct report){0};
    correlate(correlator, &parsed, &report, 0, &correlation);
    assert_int_equal(correlation.by, CORRELATED_BY_NOTHING);
    assert_string_equal(text_string(&correlation.return_path), "bounce-4711@campaign.example");
    correlation_release(&correlation);
    text_release(&came_to);
    correlator_free(&correlator);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_good_return_paths_may_come_in),
        cmocka_unit_test(a_path_is_refused_once_it_is_surely_too_late),
        cmocka_unit_test(three_ways_lead_to_a_message_in_this_order),
        cmocka_unit_test(the_instance_may_be_anything_where_nobody_looks),
        cmocka_unit_test(unsigned_paths_of_any_form_are_known),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
