/* test_json.c - what is written is JSON, whatever goes in. */
#include "tests/unit.h"

#include "base/json.h"
#include "base/rng.h"

static void
strings_are_escaped(void **state)
{
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"",                                          "\"\""                                                },
        {"plain",                                     "\"plain\""                                           },
        {"a\"b\\c",                                   "\"a\\\"b\\\\c\""                                     },
        {"\b\f\n\r\t",                                "\"\\b\\f\\n\\r\\t\""                                 },
        {"\x01\x1f\x7f",                              "\"\\u0001\\u001f\\u007f\""                           },
        {"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x93\xa7",
         "\"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x93\xa7\""                                                    },
        {"caf\xe9",                                   "\"caf\xef\xbf\xbd\""                                 }, /* Latin-1 */
        {"\xc3",                                      "\"\xef\xbf\xbd\""                                    }, /* cut in the middle */
        {"\xe2\x82x",                                 "\"\xef\xbf\xbd\xef\xbf\xbdx\""                       },
        {"\xc0\x80",                                  "\"\xef\xbf\xbd\xef\xbf\xbd\""                        }, /* NUL, too long a form */
        {"\xed\xa0\x80",                              "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""            }, /* half a surrogate pair */
        {"\xf4\x90\x80\x80",                          "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
        {"\xed\x9f\xbf\xf4\x8f\xbf\xbf",
         "\"\xed\x9f\xbf\xf4\x8f\xbf\xbf\""                                                                 }, /* the last good ones */
        {"</script>",                                 "\"</script>\""                                       },
    };
    struct text out = {0};

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        text_clear(&out);
        json_string(&out, slice_of(cases[i].in));
        assert_string_equal(text_string(&out), cases[i].out);
    }
    text_clear(&out);
    json_string(&out, (struct slice){"a\0b", 3});
    assert_string_equal(text_string(&out), "\"a\\u0000b\"");
    text_release(&out);
}

static void
write_sample(struct json *json)
{
    json_open(json, '{');
    json_key(json, "name");
    json_text(json, SLICE("x"));
    json_key(json, "empty");
    json_open(json, '[');
    json_close(json, ']');
    json_key(json, "list");
    json_open(json, '[');
    json_int(json, INT64_MIN);
    json_bool(json, true);
    json_null(json);
    json_raw(json, "0.5");
    json_open(json, '{');
    json_close(json, '}');
    json_close(json, ']');
    json_close(json, '}');
}

static void
commas_and_indents_are_in_their_places(void **state)
{
    struct text out = {0};
    struct json json = json_begin(&out, 0);

    write_sample(&json);
    assert_string_equal(text_string(&out),
        "{\"name\":\"x\",\"empty\":[],\"list\":[-9223372036854775808,true,null,0.5,{}]}");
    text_clear(&out);
    json = json_begin(&out, 2);
    write_sample(&json);
    assert_string_equal(text_string(&out),
        "{\n"
        "  \"name\": \"x\",\n"
        "  \"empty\": [],\n"
        "  \"list\": [\n"
        "    -9223372036854775808,\n"
        "    true,\n"
        "    null,\n"
        "    0.5,\n"
        "    {}\n"
        "  ]\n"
        "}");
    text_release(&out);
}

static void
nesting_may_be_deep(void **state)
{
    struct text out = {0}, expected = {0};
    struct json json = json_begin(&out, 0);

    for (int i = 0; i < 63; i++)
        json_open(&json, '[');
    for (int i = 0; i < 63; i++)
        json_close(&json, ']');
    text_add_repeated(&expected, '[', 63);
    text_add_repeated(&expected, ']', 63);
    assert_string_equal(text_string(&out), text_string(&expected));
    text_release(&out);
    text_release(&expected);
}

/* No quote, backslash or control character stands bare, and what was good stays as it was. */
static void
any_bytes_become_one_string(void **state)
{
    struct rng rng = rng_from_seed(11);
    struct text out = {0}, again = {0};

    for (int i = 0; i < 5000; i++) {
        char bytes[24];
        size_t length = rng_below(&rng, sizeof bytes + 1);

        for (size_t j = 0; j < length; j++)
            bytes[j] = (char)rng_u64(&rng);
        text_clear(&out);
        json_string(&out, (struct slice){bytes, length});
        for (size_t j = 1; j + 1 < out.length; j++) {
            assert_true((unsigned char)out.bytes[j] >= 0x20);
            assert_int_not_equal(out.bytes[j], '"');
            j += out.bytes[j] == '\\';
        }
        for (size_t j = 0; j < out.length; j++) /* no escapes left: a second pass changes nothing */
            if (out.bytes[j] == '\\' || out.bytes[j] == '"')
                out.bytes[j] = '.';
        text_clear(&again);
        json_string(&again, text_slice(&out));
        assert_true(
            slice_equals((struct slice){again.bytes + 1, again.length - 2}, text_slice(&out)));
    }
    text_release(&out);
    text_release(&again);
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(strings_are_escaped),
        cmocka_unit_test(commas_and_indents_are_in_their_places),
        cmocka_unit_test(nesting_may_be_deep),
        cmocka_unit_test(any_bytes_become_one_string),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
