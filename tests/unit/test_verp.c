/* test_verp.c - return paths that nobody else can make. */
#include "tests/unit.h"

#include "base/unit.h"
#include "smtp/verp.h"

enum { TODAY = 20454 }; /* 2026-01-01 */

static struct verp_key
a_key(void)
{
    struct verp_key key;

    assert_true(verp_key_parse(SLICE("000102030405060708090a0B0C0D0e0f"), &key));
    return key;
}

/* RFC 4493 4, examples 1, 2 and 3. */
static void
messages_of_any_length_have_the_mac_of_the_rfc(void **state)
{
    static const struct {
        const char *message, *mac;
        size_t length;
    } cases[] = {
        {"",                                 "bb1d6929e95937287fa37d129b756746", 0 },
        {"6bc1bee22e409f96e93d7e117393172a", "070a16b46b4d4144f79bdd9dd04a287c", 16},
        {"6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
         "30c81c46a35ce411",        "dfa66747de9ae63030ca32611497c827", 40},
    };
    struct verp_key key, expected;

    assert_true(verp_key_parse(SLICE("2b7e151628aed2a6abf7158809cf4f3c"), &key));
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        uint8_t message[48] = {0}, mac[PRF_BYTES];

        for (size_t j = 0; j < cases[i].length; j++)
            assert_int_equal(sscanf(cases[i].message + 2 * j, "%2hhx", &message[j]), 1);
        prf_derive(key.bytes, (struct slice){(char *)message, cases[i].length}, mac);
        assert_true(verp_key_parse(slice_of(cases[i].mac), &expected));
        assert_memory_equal(mac, expected.bytes, sizeof mac);
    }
}

/* Made by `openssl mac` and `openssl enc`, after the construction in smtp/verp.h. */
static void
a_token_is_what_the_header_promises(void **state)
{
    static const struct {
        uint64_t row;
        int64_t day;
        const char *token;
    } cases[] = {
        {71,      TODAY,     "v6fg8brgoj"},
        {0,       TODAY,     "v662utpdbn"},
        {1000000, TODAY + 1, "v7sg9pahhm"},
        {71,      TODAY,     "v6fg8brgoj"},
    };
    struct verp_key key = a_key();
    struct verp_signer *signer = verp_signer_new(&key, SLICE("Campaign.EXAMPLE"), SLICE("spring"));

    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_slice(verp_token(signer, cases[i].row, cases[i].day), cases[i].token);
    verp_signer_free(&signer);
    assert_null(signer);
}

static void
only_a_key_of_sixteen_bytes_is_one(void **state)
{
    struct verp_key key;

    assert_false(verp_key_parse(SLICE(""), &key));
    assert_false(verp_key_parse(SLICE("000102030405060708090a0b0c0d0e0"), &key));
    assert_false(verp_key_parse(SLICE("000102030405060708090a0b0c0d0e0f0"), &key));
    assert_false(verp_key_parse(SLICE("000102030405060708090a0b0c0d0e0g"), &key));
}

static void
paths_are_read_as_they_are_written(void **state)
{
    static const struct {
        const char *local;
        bool is_signed, is_read, is_unsubscription;
        const char *delivery;
        uint64_t row;
    } cases[] = {
        {"b+spring-1z",                       false, true,  false, "spring",   71                 },
        {"b+spring-2-z",                      false, true,  false, "spring-2", 35                 },
        {"b+spring-1z-v6fg8brgoj",            true,  true,  false, "spring",   71                 },
        {"u+spring-2-0-v6fg8brgoj",           true,  true,  true,  "spring-2", 0                  },
        {"b+s-zzzzzzzzzzzz-v6fg8brgoj",       true,  true,  false, "s",        4738381338321616895},
        {"b+spring-1z",                       true,  false, false, NULL,       0                  },
        {"b+spring-1z-v6fg8brgo",             true,  false, false, NULL,       0                  },
        {"b+spring-1z-v6fg8brgow",            true,  false, false, NULL,       0                  },
        {"b+spring-1z-V6fg8brgoj",            true,  false, false, NULL,       0                  },
        {"b+spring-01z-v6fg8brgoj",           true,  false, false, NULL,       0                  },
        {"b+spring--v6fg8brgoj",              true,  false, false, NULL,       0                  },
        {"b+-1z-v6fg8brgoj",                  true,  false, false, NULL,       0                  },
        {"b+v6fg8brgoj",                      true,  false, false, NULL,       0                  },
        {"x+spring-1z-v6fg8brgoj",            true,  false, false, NULL,       0                  },
        {"b+spring-1234567890123-v6fg8brgoj", true,  false, false, NULL,       0                  },
        {"",                                  true,  false, false, NULL,       0                  },
        {"b+",                                false, false, false, NULL,       0                  },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct verp_path path;

        print_message("  %s\n", cases[i].local);
        assert_int_equal(
            verp_read(slice_of(cases[i].local), cases[i].is_signed, &path), cases[i].is_read);
        if (!cases[i].is_read)
            continue;
        assert_slice(path.delivery, cases[i].delivery);
        assert_int_equal(path.row, cases[i].row);
        assert_int_equal(path.is_unsubscription, cases[i].is_unsubscription);
        assert_int_equal(path.token.length > 0, cases[i].is_signed);
    }
}

static enum verp_finding
find(struct verp_judge *judge, const char *local, const char *domain, int64_t today, int64_t *day)
{
    struct verp_path path;

    return verp_judge(judge, slice_of(local), slice_of(domain), today, &path, day);
}

static void
a_token_is_good_for_one_message_alone(void **state)
{
    static const struct {
        const char *local, *domain;
        enum verp_finding finding;
    } cases[] = {
        {"b+spring-1z-v6fg8brgoj", "campaign.example", VERP_GOOD     },
        {"u+spring-1z-v6fg8brgoj", "CAMPAIGN.example", VERP_GOOD     },
        {"b+spring-1y-v6fg8brgoj", "campaign.example", VERP_FORGED   }, /* another row */
        {"b+Spring-1z-v6fg8brgoj", "campaign.example", VERP_FORGED   }, /* delivery */
        {"b+spring-1z-v6fg8brgoj", "other.example",    VERP_FORGED   }, /* domain */
        {"b+spring-1z-v5fg8brgoj", "campaign.example", VERP_FORGED   }, /* day */
        {"b+spring-1z-v6fg8brgok", "campaign.example", VERP_FORGED   },
        {"b+spring-1z-v662utpdbn", "campaign.example", VERP_FORGED   }, /* that of row 0 */
        {"b+spring-1z",            "campaign.example", VERP_MALFORMED},
        {"b+nonsense",             "campaign.example", VERP_MALFORMED},
        {"news",                   "campaign.example", VERP_FOREIGN  },
    };
    struct verp_key key = a_key();
    struct verp_judge *judge = verp_judge_new(&key);
    int64_t day;

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        print_message("  %s@%s\n", cases[i].local, cases[i].domain);
        assert_int_equal(
            find(judge, cases[i].local, cases[i].domain, TODAY + 3, &day), cases[i].finding);
        if (cases[i].finding == VERP_GOOD)
            assert_int_equal(day, TODAY);
    }
    verp_judge_free(&judge);
}

static void
the_day_is_known_for_years(void **state)
{
    static const struct {
        int64_t today;
        enum verp_finding finding;
    } cases[] = {
        {TODAY - 2,             VERP_FORGED}, /* two days before it was made */
        {TODAY - 1,             VERP_GOOD  }, /* clocks differ */
        {TODAY,                 VERP_GOOD  },
        {TODAY + VERP_DAYS - 2, VERP_GOOD  },
        {TODAY + VERP_DAYS - 1, VERP_FORGED},
    };
    struct verp_key key = a_key();
    struct verp_judge *judge = verp_judge_new(&key);
    int64_t day;

    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_int_equal(
            find(judge, "b+spring-1z-v6fg8brgoj", "campaign.example", cases[i].today, &day),
            cases[i].finding);
    verp_judge_free(&judge);
}

/* Whoever makes up deliveries cannot make the judge forget for good, or grow. */
static void
made_up_deliveries_change_nothing(void **state)
{
    struct verp_key key = a_key();
    struct verp_judge *judge = verp_judge_new(&key);
    int64_t day;

    for (int i = 0; i < 1000; i++) {
        char local[64];

        snprintf(local, sizeof local, "b+made-up-%d-1-v6fg8brgoj", i);
        assert_int_equal(find(judge, local, "campaign.example", TODAY, &day), VERP_FORGED);
        assert_int_equal(
            find(judge, "b+spring-1z-v6fg8brgoj", "campaign.example", TODAY, &day), VERP_GOOD);
    }
    verp_judge_free(&judge);
}

/* Every token of a signer is good with a judge, in whatever order they are asked for. */
static void
signer_and_judge_agree(void **state)
{
    struct verp_key key = a_key();
    struct verp_judge *judge = verp_judge_new(&key);
    struct verp_signer *signer = verp_signer_new(&key, SLICE("a.test"), SLICE("d"));

    for (uint64_t i = 0; i < 3000; i++) {
        uint64_t row = i * 7919 % 10007;
        int64_t made = TODAY + (int64_t)(i % 3), day;
        struct text local = {0};

        text_add_string(&local, "b+");
        verp_write_key(&local, SLICE("d"), row, verp_token(signer, row, made));
        assert_int_equal(find(judge, text_string(&local), "a.test", TODAY + 2, &day), VERP_GOOD);
        assert_int_equal(day, made);
        text_release(&local);
    }
    verp_signer_free(&signer);
    verp_judge_free(&judge);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_of_any_length_have_the_mac_of_the_rfc),
        cmocka_unit_test(a_token_is_what_the_header_promises),
        cmocka_unit_test(only_a_key_of_sixteen_bytes_is_one),
        cmocka_unit_test(paths_are_read_as_they_are_written),
        cmocka_unit_test(a_token_is_good_for_one_message_alone),
        cmocka_unit_test(the_day_is_known_for_years),
        cmocka_unit_test(made_up_deliveries_change_nothing),
        cmocka_unit_test(signer_and_judge_agree),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
