/* test_auth.c - where a message comes from: the example of RFC 8463, every verdict on a signature,
 * and SPF and DMARC from the records of a zone. Signatures are ours, really made or modelled.
 *
 * `test_auth verify NAME RECORD` says what it thinks of standard input, for tests/dkim_test.sh. */
#include "tests/unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/libcrypto_keys.h"
#include "base/mem.h"
#include "base/resolver_sim.h"
#include "base/unit.h"
#include "fakeisp/auth.h"
#include "mta/dkim.h"
#include "smtp/message.h"

#define START_S    INT64_C(1767225600) /* 2026-01-01 */
#define KEYS       "scenarios/dkim/keys/campaign.example/"
#define RSA_RECORD "v=DKIM1; k=rsa; p="

struct world {
    struct loop *loop;
    struct resolver *resolver;
    struct auth_config config;
    struct auth *auth;
    struct auth_mail mail;
    struct auth_results results;
    struct auth_check *check;
    struct net_address source;
    struct timer timer;
    struct text content;
    unsigned answers_count;
    struct arena arena;
};

static struct slice
file_of(struct world *w, const char *name)
{
    struct text text = {0};
    FILE *file = fopen(name, "rb");
    struct slice copy;
    int c;

    if (file == NULL)
        fail_msg("cannot read %s; tests run at the top of the tree", name);
    while ((c = fgetc(file)) != EOF)
        text_add_char(&text, (char)c);
    fclose(file);
    copy = (struct slice){arena_copy(&w->arena, text.bytes, text.length), text.length};
    text_release(&text);
    return copy;
}

static void
add_txt(struct world *w, const char *name, const char *text)
{
    resolver_sim_add_txt(w->resolver, slice_of(name), slice_of(text));
}

static void
start(struct world *w)
{
    *w = (struct world){
        .config = {.key_bits_min = 1024, .is_model_accepted = true}
    };
    w->loop = loop_sim_new(START_S * US_PER_S);
    w->resolver = resolver_sim_new(w->loop, 10000);
    resolver_sim_add_zone(w->resolver, SLICE("us.example"));
    resolver_sim_add_zone(w->resolver, SLICE("example.com"));
    w->auth = auth_new(&w->config, w->loop, w->resolver);
    net_address_parse(SLICE("192.0.2.1"), &w->source);
    w->mail = (struct auth_mail){
        .source = &w->source, .helo = SLICE("mta.us.example"), .sender = SLICE("b@us.example")};
}

static void
stop(struct world *w)
{
    auth_cancel(&w->check);
    auth_results_release(&w->results);
    auth_free(&w->auth);
    resolver_free(&w->resolver);
    loop_free(&w->loop);
    text_release(&w->content);
    arena_release(&w->arena);
}

static void
on_results(void *arg)
{
    struct world *w = arg;

    auth_cancel(&w->check);
    w->answers_count++;
}

static void
begin(void *arg)
{
    struct world *w = arg;

    w->mail.content = text_slice(&w->content);
    w->check = auth_begin(w->auth, &w->mail, &w->results, on_results, w);
    if (w->check == NULL)
        w->answers_count++;
}

/* In the loop, because the libraries read the clock. */
static void
check_after(struct world *w, int64_t us)
{
    struct error err;
    unsigned before = w->answers_count;

    timer_arm(w->loop, &w->timer, loop_now_us(w->loop) + us, begin, w);
    assert_true(loop_run(w->loop, INT64_MAX, &err));
    assert_int_equal(w->answers_count, before + 1);
}

static void
expect(const struct world *w, enum auth_method method, const char *word)
{
    assert_string_equal(auth_word(method, auth_result(&w->results, method)), word);
}

/* ---- the example of RFC 8463, appendix A ---- */

#define RFC_RSA                                                                                    \
    RSA_RECORD "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdO" \
               "Kb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hst" \
               "T5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB"
#define RFC_ED25519 "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="

static void
the_example_of_rfc_8463_passes_by_each_of_its_keys(void **state)
{
    static const struct {
        const char *ed25519, *rsa, *word, *selector;
    } cases[] = {
        {RFC_ED25519, RFC_RSA, "pass",   "brisbane"},
        {NULL,        RFC_RSA, "pass",   "test"    },
        {RFC_ED25519, NULL,    "pass",   "brisbane"},
        {NULL,        NULL,    "no_key", "brisbane"},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct world w;

        start(&w);
        if (cases[i].ed25519 != NULL)
            add_txt(&w, "brisbane._domainkey.football.example.com", cases[i].ed25519);
        if (cases[i].rsa != NULL)
            add_txt(&w, "test._domainkey.football.example.com", cases[i].rsa);
        text_add_slice(&w.content, file_of(&w, "tests/fixtures/dkim/rfc8463.eml"));
        check_after(&w, 0);
        expect(&w, AUTH_DKIM, cases[i].word);
        assert_string_equal(text_string(&w.results.dkim_selector), cases[i].selector);
        assert_string_equal(text_string(&w.results.dkim_domain), "football.example.com");
        stop(&w);
    }
}

/* ---- ours ---- */

static const char letter[] =
    "From: Kim <kim@us.example>\r\nTo: you@isp.test\r\nSubject: a letter\r\n"
    "Date: Thu, 01 Jan 2026 00:00:00 +0000\r\n\r\n"
    "Hello  you,\r\n\r\n..a dot that was doubled\r\n\r\n\r\n";

enum { LIFETIME_S = 3600 };

static struct dkim_config
config_of(enum dkim_level level, uint32_t relaxed, const struct dkim_key *key)
{
    static const struct slice headers[] = {
        {"from",    4},
        {"to",      2},
        {"subject", 7},
        {"date",    4},
    };

    return (struct dkim_config){.level = level,
        .keys = key,
        .keys_count = 1,
        .relaxed = relaxed,
        .headers = headers,
        .headers_count = COUNT_OF(headers),
        .oversigned = headers,
        .oversigned_count = 1,
        .lifetime_us = LIFETIME_S * (int64_t)US_PER_S,
        .real_one_in = 1};
}

/* Signed with the key of that name; its record is published unless the test has another. */
static void
sign_letter(
    struct world *w, enum dkim_level level, uint32_t relaxed, const char *name, const char *record)
{
    struct key_facts facts = {0};
    struct text line = {0}, filename = {0};
    struct dkim_key key = {.domain = SLICE("us.example"), .selector = SLICE("s")};
    struct dkim_config config = config_of(level, relaxed, &key);
    struct dkim_signer *signer;
    struct error err;

    text_printf(&filename, KEYS "%s.pem", name);
    key.pem = file_of(w, text_string(&filename));
    if (!keys_know_private(key.pem, &facts, &err))
        fail_msg("%s", err.text);
    key.kind = facts.kind;
    key.bits = facts.bits;
    key.public_key = text_slice(&facts.public_key);
    text_printf(&line, "v=DKIM1; k=%s; p=%s", facts.kind == KEY_RSA ? "rsa" : "ed25519",
        text_string(&facts.public_key));
    if (record == NULL || record[0] != '\0')
        add_txt(w, "s._domainkey.us.example", record != NULL ? record : text_string(&line));
    signer = dkim_signer_new(&config);
    dkim_signer_sign(signer, 1, START_S, slice_of(letter), &w->content);
    assert_true(w->content.length <= dkim_signer_bytes_max(signer));
    text_add_string(&w->content, letter);
    dkim_signer_free(&signer);
    text_release(&line);
    text_release(&filename);
    key_facts_release(&facts);
}

enum { RELAXED = DKIM_RELAXED_HEADER | DKIM_RELAXED_BODY, SIMPLE = 0 };

/* Real and modelled signatures have the same verdicts. */
static void
every_way_to_be_wrong_has_its_verdict(void **state)
{
    static const struct {
        const char *name;
        uint32_t relaxed;
        const char *key;
        const char *record; /* NULL: its own; "": none */
        uint32_t mutations, key_bits_min;
        int64_t after_s;
        const char *word;
        enum event_outcome outcome;
    } cases[] = {
        {"as it was",         RELAXED, "rsa",   NULL,          0,                         1024, 0,              "pass",          OUTCOME_PASS     },
        {"simple",            SIMPLE,  "rsa",   NULL,          0,                         1024, 0,              "pass",          OUTCOME_PASS     },
        {"Ed25519",           RELAXED, "ed",    NULL,          0,                         4096, 0,              "pass",          OUTCOME_PASS     },
        {"a fold",            RELAXED, "rsa",   NULL,          MUTATION_REFOLD_SUBJECT,   1024, 0,              "pass",          OUTCOME_PASS     },
        {"a fold, simple",    SIMPLE,  "rsa",   NULL,          MUTATION_REFOLD_SUBJECT,   1024, 0,              "bad_signature",
         OUTCOME_FAIL                                                                                                                             },
        {"blanks",            RELAXED, "rsa",   NULL,          MUTATION_ADD_BLANKS,       1024, 0,              "pass",          OUTCOME_PASS     },
        {"blanks, simple",    SIMPLE,  "rsa",   NULL,          MUTATION_ADD_BLANKS,       1024, 0,              "body_changed",
         OUTCOME_FAIL                                                                                                                             },
        {"a tag",             RELAXED, "ed",    NULL,          MUTATION_TAG_SUBJECT,      1024, 0,              "bad_signature",
         OUTCOME_FAIL                                                                                                                             },
        {"a footer",          RELAXED, "rsa",   NULL,          MUTATION_APPEND_FOOTER,    1024, 0,              "body_changed",
         OUTCOME_FAIL                                                                                                                             },
        {"stripped",          RELAXED, "rsa",   NULL,          MUTATION_STRIP_SIGNATURES, 1024, 0,              "none",
         OUTCOME_NONE_FOUND                                                                                                                       },
        {"no record",         RELAXED, "rsa",   "",            0,                         1024, 0,              "no_key",        OUTCOME_PERMERROR},
        {"revoked",           RELAXED, "rsa",   "v=DKIM1; p=", 0,                         1024, 0,              "revoked",       OUTCOME_PERMERROR},
        {"record of another", RELAXED, "rsa",   RFC_RSA,       0,                         1024, 0,              "bad_signature", OUTCOME_FAIL     },
        {"short",             RELAXED, "short", NULL,          0,                         2048, 0,              "short_key",     OUTCOME_POLICY   },
        {"its last second",   RELAXED, "rsa",   NULL,          0,                         1024, LIFETIME_S - 1, "pass",          OUTCOME_PASS     },
        {"expired",           RELAXED, "rsa",   NULL,          0,                         1024, LIFETIME_S + 1, "expired",       OUTCOME_POLICY   },
    };

    for (size_t i = 0; i < 2 * COUNT_OF(cases); i++) {
        enum dkim_level level = i % 2 == 0 ? DKIM_LEVEL_REAL : DKIM_LEVEL_MODELLED;
        struct world w;

        print_message(
            "  %s, %s\n", cases[i / 2].name, level == DKIM_LEVEL_REAL ? "real" : "modelled");
        start(&w);
        w.config.key_bits_min = cases[i / 2].key_bits_min;
        auth_free(&w.auth);
        w.auth = auth_new(&w.config, w.loop, w.resolver);
        sign_letter(&w, level, cases[i / 2].relaxed, cases[i / 2].key, cases[i / 2].record);
        w.mail.mutations = cases[i / 2].mutations;
        check_after(&w, cases[i / 2].after_s * US_PER_S);
        expect(&w, AUTH_DKIM, cases[i / 2].word);
        assert_int_equal(auth_outcome(AUTH_DKIM, w.results.dkim), cases[i / 2].outcome);
        stop(&w);
    }
}

static void
a_field_that_is_added_breaks_what_was_over_signed(void **state)
{
    for (int level = DKIM_LEVEL_MODELLED; level <= DKIM_LEVEL_REAL; level++) {
        struct text added = {0};
        struct world w;

        start(&w);
        sign_letter(&w, (enum dkim_level)level, RELAXED, "rsa", NULL);
        text_add_string(&added, "From: evil@elsewhere.example\r\n");
        text_add_slice(&added, text_slice(&w.content));
        text_release(&w.content);
        w.content = added;
        check_after(&w, 0);
        expect(&w, AUTH_DKIM, "bad_signature");
        stop(&w);
    }
}

static void
a_modelled_signature_is_worth_nothing_to_who_was_not_told(void **state)
{
    struct world w;

    start(&w);
    w.config.is_model_accepted = false;
    sign_letter(&w, DKIM_LEVEL_MODELLED, RELAXED, "rsa", NULL);
    check_after(&w, 0);
    expect(&w, AUTH_DKIM, "malformed");
    stop(&w);
}

static void
a_failure_of_dns_is_none_of_the_signature(void **state)
{
    static const enum dns_status failures[] = {DNS_SERVFAIL, DNS_TIMED_OUT};

    for (size_t i = 0; i < 2 * COUNT_OF(failures); i++) {
        struct world w;

        start(&w);
        sign_letter(&w, i % 2 == 0 ? DKIM_LEVEL_REAL : DKIM_LEVEL_MODELLED, RELAXED, "rsa", NULL);
        resolver_sim_fail_zone(w.resolver, SLICE("us.example"), failures[i / 2]);
        check_after(&w, 0);
        expect(&w, AUTH_DKIM, "dns_failed");
        expect(&w, AUTH_SPF, "temperror");
        expect(&w, AUTH_DMARC, "dns_failed");
        resolver_sim_fail_zone(w.resolver, SLICE("us.example"), DNS_OK);
        check_after(&w, 2 * (int64_t)US_PER_MIN); /* it is not believed for ever */
        expect(&w, AUTH_DKIM, "pass");
        stop(&w);
    }
}

static void
keys_are_asked_for_once_and_parsed_once(void **state)
{
    struct world w;
    int64_t asked_at_us;
    uint64_t hits;

    start(&w);
    sign_letter(&w, DKIM_LEVEL_REAL, RELAXED, "rsa", NULL);
    check_after(&w, 0);
    hits = keys_hits();
    asked_at_us = loop_now_us(w.loop);
    check_after(&w, 0);
    assert_int_equal(loop_now_us(w.loop), asked_at_us); /* nothing was waited for */
    assert_true(keys_hits() > hits);
    expect(&w, AUTH_DKIM, "pass");
    stop(&w);
}

/* ---- SPF and DMARC ---- */

static void
spf_follows_its_record_through_the_zones(void **state)
{
    static const struct {
        const char *record, *word;
    } cases[] = {
        {"v=spf1 ip4:192.0.2.1 -all",              "pass"     },
        {"v=spf1 ip4:192.0.2.2 -all",              "fail"     },
        {"v=spf1 ~all",                            "softfail" },
        {"v=spf1 ?all",                            "neutral"  },
        {"v=spf1 a:mta.us.example -all",           "pass"     },
        {"v=spf1 mx -all",                         "pass"     },
        {"v=spf1 include:_spf.us.example -all",    "pass"     },
        {"v=spf1 include:nowhere.us.example -all", "permerror"},
        {"v=spf1 redirect=_spf.us.example",        "pass"     },
        {"v=spf1 nonsense:1 -all",                 "permerror"},
        {"hello",                                  "none"     },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct world w;

        print_message("  %s\n", cases[i].record);
        start(&w);
        add_txt(&w, "us.example", cases[i].record);
        add_txt(&w, "_spf.us.example", "v=spf1 ip4:192.0.2.0/28 -all");
        resolver_sim_add_mx(w.resolver, SLICE("us.example"), 10, SLICE("mta.us.example"));
        resolver_sim_add_address(w.resolver, SLICE("mta.us.example"), &w.source);
        text_add_string(&w.content, letter);
        check_after(&w, 0);
        expect(&w, AUTH_SPF, cases[i].word);
        stop(&w);
    }
}

static void
a_null_sender_is_judged_by_its_helo(void **state)
{
    struct world w;

    start(&w);
    w.mail.sender = SLICE("");
    add_txt(&w, "mta.us.example", "v=spf1 ip4:192.0.2.1 -all");
    add_txt(&w, "_dmarc.us.example", "v=DMARC1; p=reject");
    text_add_string(&w.content, letter);
    check_after(&w, 0);
    expect(&w, AUTH_SPF, "pass");
    expect(&w, AUTH_DMARC, "pass");
    stop(&w);
}

static void
dmarc_wants_a_domain_that_passed_and_is_that_of_from(void **state)
{
    static const struct {
        const char *policy, *sender, *spf, *from, *word;
    } cases[] = {
        {NULL,                          "b@us.example",    "v=spf1 -all", "kim@us.example",      "none"      },
        {"v=DMARC1; p=reject",          "b@us.example",    "v=spf1 +all", "kim@us.example",      "pass"      },
        {"v=DMARC1; p=reject",          "b@us.example",    "v=spf1 -all", "kim@us.example",      "reject"    },
        {"v=DMARC1; p=quarantine",      "b@us.example",    "v=spf1 -all", "kim@us.example",      "quarantine"},
        {"v=DMARC1; p=none",            "b@us.example",    "v=spf1 -all", "kim@us.example",      "unaligned" },
        {"v=DMARC1; p=reject",          "b@a.example.com", "v=spf1 -all", "kim@us.example",      "reject"    },
        {"v=DMARC1; p=reject",          "b@us.example",    "v=spf1 +all", "kim@news.us.example", "pass"      },
        {"v=DMARC1; p=reject; aspf=s",  "b@us.example",    "v=spf1 +all", "kim@news.us.example",
         "reject"                                                                                            },
        {"v=DMARC1; p=reject; sp=none", "b@us.example",    "v=spf1 -all", "kim@news.us.example",
         "unaligned"                                                                                         },
        {"v=DMARC1",                    "b@us.example",    "v=spf1 -all", "kim@us.example",      "malformed" },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct world w;

        print_message("  %s, %s, %s\n", cases[i].policy != NULL ? cases[i].policy : "",
            cases[i].sender, cases[i].from);
        start(&w);
        if (cases[i].policy != NULL)
            add_txt(&w, "_dmarc.us.example", cases[i].policy);
        add_txt(&w, "us.example", cases[i].spf);
        add_txt(&w, "a.example.com", "v=spf1 +all");
        w.mail.sender = slice_of(cases[i].sender);
        text_printf(&w.content, "From: <%s>\r\n\r\nhello\r\n", cases[i].from);
        check_after(&w, 0);
        expect(&w, AUTH_DMARC, cases[i].word);
        stop(&w);
    }
}

static void
a_check_that_is_given_up_says_nothing(void **state)
{
    struct world w;
    struct error err;

    start(&w);
    text_add_string(&w.content, letter);
    begin(&w);
    assert_non_null(w.check);
    auth_cancel(&w.check);
    assert_true(loop_run(w.loop, INT64_MAX, &err));
    assert_int_equal(w.answers_count, 0);
    stop(&w);
}

static void
words_mean_what_rfc_8601_calls_them_or_what_it_was(void **state)
{
    assert_int_equal(auth_word_bits(AUTH_DKIM, SLICE("body_changed")), 1U << DKIM_BODY_CHANGED);
    assert_int_equal(auth_word_bits(AUTH_DKIM, SLICE("fail")),
        1U << DKIM_BODY_CHANGED | 1U << DKIM_BAD_SIGNATURE);
    assert_int_equal(auth_word_bits(AUTH_DMARC, SLICE("fail")),
        1U << DMARC_UNALIGNED | 1U << DMARC_QUARANTINE | 1U << DMARC_REJECT);
    assert_int_equal(auth_word_bits(AUTH_SPF, SLICE("nonsense")), 0);
}

static int
verify_standard_input(char **argv)
{
    struct text bytes = {0};
    struct world w;
    int c;

    start(&w);
    resolver_sim_add_zone(w.resolver, SLICE("campaign.example"));
    add_txt(&w, argv[2], argv[3]);
    while ((c = fgetc(stdin)) != EOF)
        text_add_char(&bytes, (char)c);
    dot_stuff(&w.content, text_slice(&bytes));
    check_after(&w, 365 * (int64_t)US_PER_DAY * 30); /* after any t= of today */
    puts(auth_word(AUTH_DKIM, w.results.dkim));
    text_release(&bytes);
    stop(&w);
    return 0;
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_example_of_rfc_8463_passes_by_each_of_its_keys),
        cmocka_unit_test(every_way_to_be_wrong_has_its_verdict),
        cmocka_unit_test(a_field_that_is_added_breaks_what_was_over_signed),
        cmocka_unit_test(a_modelled_signature_is_worth_nothing_to_who_was_not_told),
        cmocka_unit_test(a_failure_of_dns_is_none_of_the_signature),
        cmocka_unit_test(keys_are_asked_for_once_and_parsed_once),
        cmocka_unit_test(spf_follows_its_record_through_the_zones),
        cmocka_unit_test(a_null_sender_is_judged_by_its_helo),
        cmocka_unit_test(dmarc_wants_a_domain_that_passed_and_is_that_of_from),
        cmocka_unit_test(a_check_that_is_given_up_says_nothing),
        cmocka_unit_test(words_mean_what_rfc_8601_calls_them_or_what_it_was),
    };

    if (argc == 4 && strcmp(argv[1], "verify") == 0)
        return verify_standard_input(argv);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
