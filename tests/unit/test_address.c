/* test_address.c - what is an address, and which two are the same mailbox. */
#include "tests/unit.h"

#include "smtp/address.h"

#define LOCAL_64 "0123456789012345678901234567890123456789012345678901234567890123"
#define LABEL_63 "012345678901234567890123456789012345678901234567890123456789012"
#define DOMAIN_189 \
    "1234567890123456789012345678901234567890123456789012345678901." LABEL_63 "." LABEL_63

static const struct {
    const char *text, *local, *domain;
} proper[] = {
    {"kim@isp.test",                     "kim",                 "isp.test"               },
    {"Kim.Lee+news@Mail.ISP.test",       "Kim.Lee+news",        "Mail.ISP.test"          },
    {"!#$%&'*+-/=?^_`{|}~@x",            "!#$%&'*+-/=?^_`{|}~", "x"                      },
    {"\"a b\"@isp.test",                 "\"a b\"",             "isp.test"               },
    {"\"a@b\"@isp.test",                 "\"a@b\"",             "isp.test"               },
    {"\"a\\\"b\\\\\"@isp.test",          "\"a\\\"b\\\\\"",      "isp.test"               },
    {"\"\"@isp.test",                    "\"\"",                "isp.test"               },
    {"x@[192.0.2.1]",                    "x",                   "[192.0.2.1]"            },
    {"x@[IPv6:2001:db8::1]",             "x",                   "[IPv6:2001:db8::1]"     },
    {"x@[ipv6:::]",                      "x",                   "[ipv6:::]"              },
    {"x@[IPv6:::ffff:192.0.2.1]",        "x",                   "[IPv6:::ffff:192.0.2.1]"},
    {"x@[IPv6:1:2:3:4:5:6:7:8]",         "x",                   "[IPv6:1:2:3:4:5:6:7:8]" },
    {"j\xc3\xbcrgen@m\xc3\xbcller.test", "j\xc3\xbcrgen",       "m\xc3\xbcller.test"     },
    {"\xf0\x9f\x93\xa7@isp.test",        "\xf0\x9f\x93\xa7",    "isp.test"               },
    {"1@2.3",                            "1",                   "2.3"                    },
    {"x@a-b--c.test",                    "x",                   "a-b--c.test"            },
    {LOCAL_64 "@isp.test",               LOCAL_64,              "isp.test"               },
    {"x@" LABEL_63 ".test",              "x",                   LABEL_63 ".test"         },
    {LOCAL_64 "@" DOMAIN_189,            LOCAL_64,              DOMAIN_189               },
};

static void
proper_addresses_are_cut_in_two(void **state)
{
    for (size_t i = 0; i < COUNT_OF(proper); i++) {
        struct mail_address address;
        struct text again = {0};
        const char *why;

        print_message("  %s\n", proper[i].text);
        assert_true(address_parse(slice_of(proper[i].text), &address, &why));
        assert_slice(address.local, proper[i].local);
        assert_slice(address.domain, proper[i].domain);
        address_format(&again, &address);
        assert_slice(text_slice(&again), proper[i].text);
        text_release(&again);
    }
}

static void
what_is_no_address_is_refused_with_a_reason(void **state)
{
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"",                            "not a valid local part"                },
        {"@isp.test",                   "not a valid local part"                },
        {"kim",                         "the domain is missing"                 },
        {"kim@",                        "the domain is missing"                 },
        {".kim@isp.test",               "not a valid local part"                },
        {"kim.@isp.test",               "not a valid local part"                },
        {"k..im@isp.test",              "not a valid local part"                },
        {"k im@isp.test",               "not a valid local part"                },
        {"k(im)@isp.test",              "not a valid local part"                },
        {"\"kim@isp.test",              "not a valid local part"                },
        {"\"ki\"m@isp.test",            "not a valid local part"                },
        {"\"kim\\",                     "not a valid local part"                },
        {"\"k\tm\"@isp.test",           "not a valid local part"                },
        {"a\xc3@isp.test",              "not a valid local part"                },
        {"\xc0\xaf@isp.test",           "not a valid local part"                },
        {"\xed\xa0\x80@isp.test",       "not a valid local part"                },
        {"\xf4\x90\x80\x80@isp.test",   "not a valid local part"                },
        {"kim@isp..test",               "not a valid domain name"               },
        {"kim@isp.test.",               "not a valid domain name"               },
        {"kim@-isp.test",               "not a valid domain name"               },
        {"kim@isp-.test",               "not a valid domain name"               },
        {"kim@is_p.test",               "not a valid domain name"               },
        {"kim@isp.test>",               "not a valid domain name"               },
        {"kim@lee@isp.test",            "not a valid domain name"               },
        {"kim@" LABEL_63 "3.test",      "not a valid domain name"               },
        {"kim@[192.0.2.256]",           "not a valid address literal"           },
        {"kim@[192.0.2]",               "not a valid address literal"           },
        {"kim@[192.0.2.01]",            "not a valid address literal"           },
        {"kim@[192.0.2.1",              "not a valid address literal"           },
        {"kim@[",                       "not a valid address literal"           },
        {"kim@[]",                      "not a valid address literal"           },
        {"kim@[IPv6:]",                 "not a valid address literal"           },
        {"kim@[IPv6:1:2:3:4:5:6:7]",    "not a valid address literal"           },
        {"kim@[IPv6:1:2:3:4::5:6:7:8]", "not a valid address literal"           },
        {"kim@[IPv6:1::2::3]",          "not a valid address literal"           },
        {"kim@[IPv6:1.2.3.4::1]",       "not a valid address literal"           },
        {"kim@[IPv6:12345::]",          "not a valid address literal"           },
        {LOCAL_64 "4@isp.test",         "the local part is longer than 64 bytes"},
        {LOCAL_64 "@1" DOMAIN_189 ".1", "the address is longer than 254 bytes"  },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct mail_address address;
        const char *why = NULL;

        print_message("  %s\n", cases[i].text);
        assert_false(address_parse(slice_of(cases[i].text), &address, &why));
        assert_string_equal(why, cases[i].why);
    }
}

static void
paths_stand_in_brackets(void **state)
{
    static const struct {
        const char *text, *local, *domain, *rest;
    } cases[] = {
        {"<kim@isp.test>",                 "kim",         "isp.test",    ""          },
        {"<kim@isp.test> SIZE=5",          "kim",         "isp.test",    " SIZE=5"   },
        {"<>",                             "",            "",            ""          },
        {"<> BODY=7BIT",                   "",            "",            " BODY=7BIT"},
        {"<postmaster>",                   "postmaster",  "",            ""          },
        {"<PostMaster>",                   "PostMaster",  "",            ""          },
        {"<@a.test,@b.test:kim@isp.test>", "kim",         "isp.test",    ""          },
        {"<@a.test:kim@[192.0.2.1]>",      "kim",         "[192.0.2.1]", ""          },
        {"<\"a>b\"@isp.test>x",            "\"a>b\"",     "isp.test",    "x"         },
        {"<\"a\\\">b\"@isp.test>",         "\"a\\\">b\"", "isp.test",    ""          },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct mail_address address;
        struct slice rest;
        const char *why;

        print_message("  %s\n", cases[i].text);
        assert_true(address_parse_path(slice_of(cases[i].text), &address, &rest, &why));
        assert_slice(address.local, cases[i].local);
        assert_slice(address.domain, cases[i].domain);
        assert_slice(rest, cases[i].rest);
        assert_int_equal(address_is_null(&address), cases[i].local[0] == '\0');
    }
}

static void
broken_paths_are_refused(void **state)
{
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"",                          "an address stands in < and >"},
        {"kim@isp.test",              "an address stands in < and >"},
        {"<kim@isp.test",             "an address stands in < and >"},
        {"<\"kim@isp.test>",          "an address stands in < and >"},
        {"<kim>",                     "the domain is missing"       },
        {"< kim@isp.test>",           "not a valid local part"      },
        {"<kim@isp.test >",           "not a valid domain name"     },
        {"<@a.test>",                 "not a valid source route"    },
        {"<@a.test:>",                "not a valid source route"    },
        {"<@a.test,b.test:k@x.test>", "not a valid source route"    },
        {"<@:k@x.test>",              "not a valid source route"    },
        {"<<k@x.test>>",              "not a valid local part"      },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct mail_address address;
        struct slice rest;
        const char *why = NULL;

        print_message("  %s\n", cases[i].text);
        assert_false(address_parse_path(slice_of(cases[i].text), &address, &rest, &why));
        assert_string_equal(why, cases[i].why);
    }
}

static void
the_same_mailbox_may_be_written_in_two_ways(void **state)
{
    static const struct {
        const char *a, *b;
        bool is_same;
    } cases[] = {
        {"kim@isp.test",       "kim@ISP.Test",       true },
        {"kim@isp.test",       "Kim@isp.test",       false},
        {"\"kim\"@isp.test",   "kim@isp.test",       true },
        {"\"k\\im\"@isp.test", "kim@isp.test",       true },
        {"\"a b\"@isp.test",   "\"a\\ b\"@isp.test", true },
        {"\"a b\"@isp.test",   "\"a  b\"@isp.test",  false},
        {"\"a\\\"\"@isp.test", "\"a\"@isp.test",     false},
        {"kim@isp.test",       "kim@isp2.test",      false},
        {"kim@isp.test",       "kimi@isp.test",      false},
        {"\"kim\"@isp.test",   "\"kimi\"@isp.test",  false},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct mail_address a, b;
        const char *why;

        print_message("  %s %s\n", cases[i].a, cases[i].b);
        assert_true(address_parse(slice_of(cases[i].a), &a, &why));
        assert_true(address_parse(slice_of(cases[i].b), &b, &why));
        assert_int_equal(address_equals(&a, &b), cases[i].is_same);
        assert_int_equal(address_equals(&b, &a), cases[i].is_same);
        assert_true(address_equals(&a, &a));
    }
}

static void
domains_are_names_without_a_final_dot(void **state)
{
    assert_true(domain_is_valid(SLICE("isp.test")));
    assert_true(domain_is_valid(SLICE("localhost")));
    assert_true(domain_is_valid(SLICE("xn--mller-kva.test")));
    assert_false(domain_is_valid(SLICE("")));
    assert_false(domain_is_valid(SLICE(".")));
    assert_false(domain_is_valid(SLICE("isp.test.")));
    assert_false(domain_is_valid(SLICE("isp test")));
    assert_false(domain_is_valid(SLICE("[192.0.2.1]")));
    assert_true(domain_is_valid(
        SLICE(LABEL_63 "." LABEL_63 "." LABEL_63 "."
                       "0123456789012345678901234567890123456789012345678901234567890")));
    assert_false(domain_is_valid(
        SLICE(LABEL_63 "." LABEL_63 "." LABEL_63 "."
                       "01234567890123456789012345678901234567890123456789012345678901")));
}

static void
verp_keys_come_back(void **state)
{
    static const struct {
        const char *local, *base, *key; /* base NULL: not VERP */
    } cases[] = {
        {"bounce+k=1-Z", "bounce", "k=1-Z"},
        {"a+b+c",        "a+b",    "c"    },
        {"bounce",       NULL,     NULL   },
        {"bounce+",      NULL,     NULL   },
        {"+key",         NULL,     NULL   },
        {"bounce+a.b",   NULL,     NULL   },
        {"bounce+a_b",   NULL,     NULL   },
        {"",             NULL,     NULL   },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct slice base, key;
        struct text again = {0};

        print_message("  %s\n", cases[i].local);
        assert_int_equal(verp_parse(slice_of(cases[i].local), &base, &key), cases[i].base != NULL);
        if (cases[i].base == NULL)
            continue;
        assert_slice(base, cases[i].base);
        assert_slice(key, cases[i].key);
        verp_format(&again, base, key);
        assert_slice(text_slice(&again), cases[i].local);
        text_release(&again);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(proper_addresses_are_cut_in_two),
        cmocka_unit_test(what_is_no_address_is_refused_with_a_reason),
        cmocka_unit_test(paths_stand_in_brackets),
        cmocka_unit_test(broken_paths_are_refused),
        cmocka_unit_test(the_same_mailbox_may_be_written_in_two_ways),
        cmocka_unit_test(domains_are_names_without_a_final_dot),
        cmocka_unit_test(verp_keys_come_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
