/* test_dkim.c - what is sent is signed: once, with the same bytes, by whose domain it is.
 *
 * `test_dkim sign KEY SELECTOR DOMAIN` signs standard input for tests/dkim_test.sh instead. */
#include "tests/unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/unit.h"
#include "mta/dkim.h"
#include "smtp/message.h"

#define KEYS "scenarios/dkim/keys/campaign.example/"

enum { ARRIVAL_S = 1767225600, KEYS_MAX = 2 };

static const struct slice headers[] = {
    {"from",    4},
    {"to",      2},
    {"subject", 7},
};

struct world {
    struct arena arena;
    struct dkim_key keys[KEYS_MAX];
    struct text public_keys[KEYS_MAX];
    struct dkim_config config;
    struct dkim_signer *signer;
    struct text fields;
};

static struct slice
all_of(struct arena *arena, FILE *file)
{
    struct text text = {0};
    struct slice copy;
    int c;

    while ((c = fgetc(file)) != EOF)
        text_add_char(&text, (char)c);
    copy = (struct slice){arena_copy(arena, text.bytes, text.length), text.length};
    text_release(&text);
    return copy;
}

static void
add_key(struct world *w, const char *filename, const char *selector, const char *domain)
{
    struct dkim_key *key = &w->keys[w->config.keys_count];
    FILE *file = fopen(filename, "rb");
    struct key_facts facts;
    struct error err;

    if (file == NULL)
        fail_msg("cannot read %s; tests run at the top of the tree", filename);
    key->pem = all_of(&w->arena, file);
    fclose(file);
    if (!keys_know_private(key->pem, &facts, &err))
        fail_msg("%s", err.text);
    w->public_keys[w->config.keys_count++] = facts.public_key;
    key->domain = slice_of(domain);
    key->selector = slice_of(selector);
    key->kind = facts.kind;
    key->bits = facts.bits;
    key->public_key = text_slice(&facts.public_key);
}

static void
prepare(struct world *w)
{
    *w = (struct world){0};
    w->config = (struct dkim_config){.level = DKIM_LEVEL_REAL,
        .keys = w->keys,
        .relaxed = DKIM_RELAXED_HEADER | DKIM_RELAXED_BODY,
        .headers = headers,
        .headers_count = COUNT_OF(headers),
        .oversigned = headers,
        .oversigned_count = COUNT_OF(headers),
        .real_one_in = 1};
}

static void
start(struct world *w)
{
    prepare(w);
    add_key(w, KEYS "rsa.pem", "rsa", "us.example");
    w->signer = dkim_signer_new(&w->config);
}

static void
stop(struct world *w)
{
    dkim_signer_free(&w->signer);
    text_release(&w->fields);
    for (size_t i = 0; i < KEYS_MAX; i++)
        text_release(&w->public_keys[i]);
    arena_release(&w->arena);
}

static struct slice
sign(struct world *w, uint32_t message, int64_t arrival_s, const char *content)
{
    text_clear(&w->fields);
    dkim_signer_sign(w->signer, message, arrival_s, slice_of(content), &w->fields);
    return text_slice(&w->fields);
}

static bool
has(struct slice fields, const char *part)
{
    return slice_contains_nocase(fields, slice_of(part));
}

static const char letter[] =
    "From: kim@us.example\r\nTo: you@isp.test\r\nSubject: hi\r\n\r\nhello\r\n";

static void
a_message_is_signed_once_for_all_its_recipients(void **state)
{
    struct world w;
    struct text first = {0};

    start(&w);
    text_add_slice(&first, sign(&w, 1, ARRIVAL_S, letter));
    assert_true(slice_equals(text_slice(&first), sign(&w, 1, ARRIVAL_S, letter)));
    assert_int_equal(dkim_signer_signatures(w.signer), 1);
    for (uint32_t i = 2; i < 40; i++)
        sign(&w, i, ARRIVAL_S, letter);
    assert_true(slice_equals(text_slice(&first), sign(&w, 1, ARRIVAL_S, letter)));
    assert_int_equal(dkim_signer_signatures(w.signer), 40); /* made again, the same */
    text_release(&first);
    stop(&w);
}

static void
the_key_is_parsed_before_the_first_message_and_never_again(void **state)
{
    struct world w;
    uint64_t hits;

    start(&w);
    hits = keys_hits();
    for (uint32_t i = 0; i < 5; i++)
        sign(&w, i, ARRIVAL_S, letter);
    assert_int_equal(keys_hits() - hits, 5); /* or the linker has passed over ours */
    stop(&w);
}

static void
tags_say_who_when_and_what(void **state)
{
    struct world w;

    for (int level = DKIM_LEVEL_MODELLED; level <= DKIM_LEVEL_REAL; level++) {
        start(&w);
        w.config.level = (enum dkim_level)level;
        w.config.lifetime_us = 60 * (int64_t)US_PER_S;
        dkim_signer_free(&w.signer);
        w.signer = dkim_signer_new(&w.config);
        sign(&w, 1, ARRIVAL_S, letter);
        print_message("%s", text_string(&w.fields));
        assert_true(slice_starts_with(text_slice(&w.fields), SLICE("DKIM-Signature: v=1;")));
        assert_true(has(text_slice(&w.fields), "a=rsa-sha256; c=relaxed/relaxed; d=us.example"));
        assert_true(has(text_slice(&w.fields), "t=1767225600"));
        assert_true(has(text_slice(&w.fields), "x=1767225660"));
        assert_true(has(text_slice(&w.fields), "From:To:Subject:From:To:Subject"));
        assert_true(slice_ends_with_nocase(text_slice(&w.fields), SLICE("\r\n")));
        assert_int_equal(has(text_slice(&w.fields), DKIM_MODEL_TAG), level == DKIM_LEVEL_MODELLED);
        stop(&w);
    }
}

static void
a_modelled_field_has_the_size_of_a_real_one(void **state)
{
    static const char *const names[] = {KEYS "rsa.pem", KEYS "short.pem", KEYS "ed.pem"};

    for (size_t i = 0; i < COUNT_OF(names); i++) {
        size_t lengths[2];

        for (int j = 0; j < 2; j++) {
            struct world w;

            prepare(&w);
            w.config.level = j == 0 ? DKIM_LEVEL_REAL : DKIM_LEVEL_MODELLED;
            add_key(&w, names[i], "s", "us.example");
            w.signer = dkim_signer_new(&w.config);
            lengths[j] = sign(&w, 1, ARRIVAL_S, letter).length;
            assert_true(lengths[j] <= dkim_signer_bytes_max(w.signer));
            stop(&w);
        }
        print_message("  %s: %zu, %zu\n", names[i], lengths[0], lengths[1]);
        assert_true(lengths[1] * 10 >= lengths[0] * 9 && lengths[1] * 10 <= lengths[0] * 11);
    }
}

static void
the_domain_of_from_says_who_signs(void **state)
{
    static const struct {
        const char *content;
        enum dkim_judgement judgement;
        const char *domain; /* "": nobody */
    } cases[] = {
        {"From: a@us.example\r\n\r\n",                            DKIM_SIGNABLE,    "d=us.example;"     },
        {"from : A <a@US.example>\r\n\r\nx\r\n",                  DKIM_SIGNABLE,    "d=us.example;"     },
        {"From: \"a@else.example\"\r\n <a@b.us.example>\r\n\r\n", DKIM_SIGNABLE,    "d=us.example;"     },
        {"From: a@x.news.us.example\r\n\r\n",                     DKIM_SIGNABLE,    "d=news.us.example;"},
        {"From: a@notus.example\r\n\r\n",                         DKIM_WITHOUT_KEY, ""                  },
        {"From: nobody\r\n\r\n",                                  DKIM_WITHOUT_KEY, ""                  },
        {"Subject: hi\r\n\r\n",                                   DKIM_WITHOUT_KEY, ""                  },
        {"From: a@us.example\r\nno field\r\n\r\n",                DKIM_MALFORMED,   ""                  },
        {" From: a@us.example\r\n\r\n",                           DKIM_MALFORMED,   ""                  },
        {"From: a@us.example\r\n: nameless\r\n\r\n",              DKIM_MALFORMED,   ""                  },
        {"From: a@us.example\r\n",                                DKIM_SIGNABLE,    "d=us.example;"     },
        {"",                                                      DKIM_WITHOUT_KEY, ""                  },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct world w;
        struct slice fields;

        print_message("  %zu\n", i);
        prepare(&w);
        add_key(&w, KEYS "rsa.pem", "rsa", "us.example");
        add_key(&w, KEYS "ed.pem", "ed", "news.us.example");
        w.signer = dkim_signer_new(&w.config);
        assert_int_equal(
            dkim_signer_judge(w.signer, slice_of(cases[i].content)), cases[i].judgement);
        fields = sign(&w, 1, ARRIVAL_S, cases[i].content);
        assert_int_equal(fields.length > 0, cases[i].domain[0] != '\0');
        assert_true(has(fields, cases[i].domain));
        stop(&w);
    }
}

static void
one_message_of_so_many_is_signed_for_real(void **state)
{
    enum { MESSAGES = 400, ONE_IN = 8 };
    struct world w;
    char content[128];

    start(&w);
    w.config.real_one_in = ONE_IN;
    for (uint32_t i = 0; i < MESSAGES; i++) {
        snprintf(content, sizeof content, "From: kim@us.example\r\nTo: u%u@isp.test\r\n\r\n", i);
        assert_true(sign(&w, i, ARRIVAL_S, content).length > 0);
    }
    assert_in_range(dkim_signer_signatures(w.signer), MESSAGES / ONE_IN / 2, MESSAGES / ONE_IN * 2);
    stop(&w);
}

/* Content with CRLF comes out with the field in front. */
static int
sign_standard_input(char **argv)
{
    struct world w;
    struct text wire = {0}, plain = {0};

    prepare(&w);
    add_key(&w, argv[2], argv[3], argv[4]);
    w.signer = dkim_signer_new(&w.config);
    dot_stuff(&wire, all_of(&w.arena, stdin));
    dkim_signer_sign(w.signer, 1, ARRIVAL_S, text_slice(&wire), &plain);
    dot_unstuff(&plain, text_slice(&wire));
    fwrite(plain.bytes, 1, plain.length, stdout);
    text_release(&wire);
    text_release(&plain);
    stop(&w);
    return 0;
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_is_signed_once_for_all_its_recipients),
        cmocka_unit_test(the_key_is_parsed_before_the_first_message_and_never_again),
        cmocka_unit_test(tags_say_who_when_and_what),
        cmocka_unit_test(a_modelled_field_has_the_size_of_a_real_one),
        cmocka_unit_test(the_domain_of_from_says_who_signs),
        cmocka_unit_test(one_message_of_so_many_is_signed_for_real),
    };

    if (argc == 5 && strcmp(argv[1], "sign") == 0)
        return sign_standard_input(argv);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
