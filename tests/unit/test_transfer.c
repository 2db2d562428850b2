/* test_transfer.c - charsets, transfer encodings and encoded words, as others read them. */
#include "tests/unit.h"

#include "base/charset.h"
#include "smtp/transfer.h"

static void
text_is_written_in_the_charsets_of_the_field(void **state)
{
    static const struct {
        const char *charset, *utf8, *bytes;
        bool is_whole;
    } cases[] = {
        {"us-ascii",     "plain",          "plain",                          true },
        {"us-ascii",     "naïve",         "na?ve",                          false},
        {"UTF-8",        "naïve",         "naïve",                         true },
        {"utf-8",        "\xC3(",          "?(",                             false},
        {"utf-8",        "a\xED\xA0\x80z", "a???z",                          false}, /* a surrogate */
        {"iso-8859-1",   "grün",          "gr\xFCn",                        true },
        {"iso-8859-1",   "5 €",          "5 ?",                            false},
        {"iso-8859-15",  "5 €",          "5 \xA4",                         true },
        {"iso-8859-2",   "żółw",        "\xBF\xF3\xB3w",                  true },
        {"koi8-r",       "да",           "\xC4\xC1",                       true },
        {"windows-1251", "да",           "\xE4\xE0",                       true },
        {"iso-2022-jp",  "a日本b",       "a\x1B$BF|K\\\x1B(Bb",            true },
        {"iso-2022-jp",  "日",            "\x1B$BF|\x1B(B",                 true },
        {"iso-2022-jp",  "日\xFF本",     "\x1B$BF|\x1B(B?\x1B$BK\\\x1B(B", false},
        {"shift_jis",    "日",            "\x93\xFA",                       true },
        {"gb2312",       "中",            "\xD6\xD0",                       true },
        {"iso-2022-jp",  "",               "",                               true },
    };
    struct text out = {0};

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        print_message("  %s %s\n", cases[i].charset, cases[i].utf8);
        text_clear(&out);
        assert_int_equal(charset_write(&out, slice_of(cases[i].charset), slice_of(cases[i].utf8)),
            cases[i].is_whole);
        assert_string_equal(text_string(&out), cases[i].bytes);
    }
    text_clear(&out);
    assert_true(charset_write(&out, SLICE("utf-16"), SLICE("a€")));
    assert_int_equal(out.length, 6);
    assert_memory_equal(out.bytes, "\xFE\xFF\0a\x20\xAC", 6);
    text_release(&out);
    assert_false(charset_is_known(SLICE("ebcdic")));
    assert_false(charset_is_known(SLICE("")));
}

/* More than the door takes at once. */
static void
long_text_is_written_whole(void **state)
{
    struct text in = {0}, out = {0};

    for (int i = 0; i < 5000; i++)
        text_add_string(&in, "я");
    assert_true(charset_write(&out, SLICE("koi8-r"), text_slice(&in)));
    assert_int_equal(out.length, 5000);
    for (size_t i = 0; i < out.length; i++)
        assert_int_equal((unsigned char)out.bytes[i], 0xD1);
    text_release(&in);
    text_release(&out);
}

static void
base64_is_as_rfc_4648_has_it(void **state)
{
    static const char *const pairs[][2] = {
        {"",       ""            },
        {"f",      "Zg==\r\n"    },
        {"fo",     "Zm8=\r\n"    },
        {"foo",    "Zm9v\r\n"    },
        {"foob",   "Zm9vYg==\r\n"},
        {"fooba",  "Zm9vYmE=\r\n"},
        {"foobar", "Zm9vYmFy\r\n"},
    };
    struct text out = {0};

    for (size_t i = 0; i < COUNT_OF(pairs); i++) {
        text_clear(&out);
        base64_write(&out, slice_of(pairs[i][0]));
        assert_string_equal(text_string(&out), pairs[i][1]);
    }
    text_clear(&out);
    base64_write(
        &out, (struct slice){"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 58});
    assert_int_equal(strstr(text_string(&out), "\r\n") - text_string(&out), 76);
    text_release(&out);
}

static void
quoted_printable_is_as_rfc_2045_has_it(void **state)
{
    static const char *const pairs[][2] = {
        {"",                                                                             ""                      },
        {"plain\r\n",                                                                    "plain\r\n"             },
        {"a=b",                                                                          "a=3Db\r\n"             },
        {"gr\xFCn",                                                                      "gr=FCn\r\n"            },
        {"end \r\nblank\t",                                                              "end=20\r\nblank=09\r\n"},
        {"\r\n\r\nx",                                                                    "\r\n\r\nx\r\n"         },
        {"bare\nfeed",                                                                   "bare=0Afeed\r\n"       },
        {"0123456789012345678901234567890123456789012345678901234567890123456789012345",
         "012345678901234567890123456789012345678901234567890123456789012345678901234="
            "\r\n5\r\n"                                                                                          },
    };
    struct text out = {0};

    for (size_t i = 0; i < COUNT_OF(pairs); i++) {
        text_clear(&out);
        quoted_printable_write(&out, slice_of(pairs[i][0]));
        assert_string_equal(text_string(&out), pairs[i][1]);
    }
    text_release(&out);
}

static void
an_encoded_word_is_short_and_cuts_no_sign(void **state)
{
    struct text out = {0};

    encoded_word_write(&out, SLICE("utf-8"), SLICE("Ä"));
    assert_string_equal(text_string(&out), "=?utf-8?B?w4Q=?=");
    text_clear(&out);
    encoded_word_write(&out, SLICE("iso-2022-jp"), SLICE("日本"));
    assert_string_equal(text_string(&out), "=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=");
    text_clear(&out);
    encoded_word_write(&out, SLICE("utf-8"), SLICE("0123456789012345678901234567890123456ÄÖÜ"));
    assert_string_equal(text_string(&out),
        "=?utf-8?B?MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDEyMzQ1?=\r\n "
        "=?utf-8?B?NsOEw5bDnA==?=");
    text_release(&out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_written_in_the_charsets_of_the_field),
        cmocka_unit_test(long_text_is_written_whole),
        cmocka_unit_test(base64_is_as_rfc_4648_has_it),
        cmocka_unit_test(quoted_printable_is_as_rfc_2045_has_it),
        cmocka_unit_test(an_encoded_word_is_short_and_cuts_no_sign),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
