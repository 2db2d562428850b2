/* test_dialect.c - the templates of what the field sends back: each renders into mail that can be
 * read, and what is wrong in one is told with its place. */
#include "tests/unit.h"

#include "fakeisp/aftermath_letter.h"
#include "smtp/message.h"
#include "smtp/report.h"

#define HEADER                                                                             \
    "From: News <news@campaign.example>\r\nTo: <kim@isp.test>\r\nSubject: Spring sale\r\n" \
    "Message-ID: <m1@campaign.example>\r\n"

struct letters {
    struct arena arena;
    struct dialects dialects;
    struct slice domain;
    struct net_address address;
    struct isp_host host;
    struct isp_config isp;
    struct isp_return what;
    struct letter_facts facts;
    struct text letter;
};

static void
prepare(struct letters *l)
{
    struct error err;

    *l = (struct letters){.domain = SLICE("isp.test")};
    if (!dialects_read_all(&l->dialects, &l->arena, &err))
        fail_msg("%s", err.text);
    assert_true(net_address_parse(SLICE("192.0.2.25"), &l->address));
    l->host = (struct isp_host){
        .fqdn = SLICE("mx1.isp.test"), .addresses = &l->address, .addresses_count = 1};
    l->isp = (struct isp_config){
        .domains = &l->domain, .domains_count = 1, .hosts = &l->host, .hosts_count = 1};
    l->what = (struct isp_return){
        .action = DSN_FAILED, .code = {5, 2, 2},
             .diagnostic = SLICE("552 5.2.2 the box is full")
    };
    l->facts = (struct letter_facts){.isp = &l->isp,
        .host = &l->host,
        .what = &l->what,
        .cause = CLASS_MAILBOX_FULL,
        .to = SLICE("b+spring-1z@campaign.example"),
        .sender = SLICE("b+spring-1z@campaign.example"),
        .rcpt = SLICE("kim@isp.test"),
        .header = SLICE(HEADER),
        .source = SLICE("198.51.100.7"),
        .accepted_wall_us = INT64_C(1767600000000000),
        .now_wall_us = INT64_C(1767772800000000),
        .number = 1};
}

static void
release(struct letters *l)
{
    text_release(&l->letter);
    arena_release(&l->arena);
}

static struct slice
write_in(struct letters *l, const struct dialect *dialect)
{
    static const enum isp_return_kind kinds[] = {
        [DIALECT_BOUNCE] = RETURN_REPORT,
        [DIALECT_AUTO_REPLY] = RETURN_AUTO_REPLY,
        [DIALECT_CHALLENGE] = RETURN_AUTO_REPLY,
        [DIALECT_COMPLAINT] = RETURN_COMPLAINT,
        [DIALECT_FEEDBACK] = RETURN_COMPLAINT,
    };

    l->facts.dialect = dialect;
    l->what.kind = kinds[dialect->kind];
    text_clear(&l->letter);
    returned_letter_write(&l->letter, &l->facts);
    return text_slice(&l->letter);
}

static const struct dialect *
find(const struct letters *l, enum dialect_kind kind, const char *name)
{
    for (size_t i = 0; i < l->dialects.count; i++)
        if (l->dialects.list[i].kind == kind &&
            slice_equals(l->dialects.list[i].name, slice_of(name)))
            return &l->dialects.list[i];
    fail_msg("there is no dialect %s", name);
    return NULL;
}

static bool
says(struct slice letter, const char *words)
{
    return memmem(letter.at, letter.length, words, strlen(words)) != NULL;
}

/* ---- every dialect, every action, every cause ---- */

static void
check_lines(struct slice letter)
{
    size_t length = 0;

    assert_true(slice_ends_with_nocase(letter, SLICE("\r\n")));
    for (size_t i = 0; i < letter.length; i++) {
        char c = letter.at[i];

        assert_int_not_equal(c, '\0');
        if (c == '\n')
            assert_true(i > 0 && letter.at[i - 1] == '\r');
        if (c == '\r')
            assert_true(i + 1 < letter.length && letter.at[i + 1] == '\n');
        length = c == '\n' ? 0 : length + 1;
        assert_true(length <= 998); /* RFC 5322 2.1.1 */
    }
    assert_false(says(letter, "%{"));
}

/* Fields, or lines that go on with one. */
static void
check_header(struct slice letter)
{
    static const char *const names[] = {"From", "To", "Date", "Message-ID", "Subject"};
    struct slice header = {letter.at, header_length(letter)}, line, value;

    assert_true(header.length < letter.length);
    while (slice_cut(header, '\n', &line, &header) && line.length > 1) {
        const char *colon = memchr(line.at, ':', line.length);

        if (line.at[0] != ' ' && line.at[0] != '\t') {
            assert_non_null(colon);
            assert_null(memchr(line.at, ' ', (size_t)(colon - line.at)));
        }
    }
    for (size_t i = 0; i < COUNT_OF(names); i++)
        assert_true(header_find(letter, slice_of(names[i]), &value));
}

/* What is announced is opened and closed. */
static void
check_boundaries(struct slice letter)
{
    struct slice rest = letter;

    for (const char *at; (at = memmem(rest.at, rest.length, "boundary=", 9)) != NULL;) {
        struct slice name = slice_from(letter, (size_t)(at - letter.at) + 9), ignored;
        struct text line = {0};

        rest = name;
        if (name.at[0] == '"')
            slice_cut(slice_from(name, 1), '"', &name, &ignored);
        else
            slice_cut(name, '\r', &name, &ignored);
        text_printf(&line, "\r\n--%.*s\r\n", SLICE_ARGS(name));
        assert_true(says(letter, text_string(&line)));
        text_clear(&line);
        text_printf(&line, "\r\n--%.*s--\r\n", SLICE_ARGS(name));
        assert_true(says(letter, text_string(&line)));
        text_release(&line);
    }
}

static const struct {
    enum dsn_kind action;
    struct enhanced_code code;
    enum bounce_class cause;
} reasons[] = {
    {DSN_FAILED,    {5, 1, 1}, CLASS_INVALID_RECIPIENT},
    {DSN_FAILED,    {5, 2, 1}, CLASS_INVALID_RECIPIENT},
    {DSN_FAILED,    {5, 2, 2}, CLASS_MAILBOX_FULL     },
    {DSN_FAILED,    {5, 3, 4}, CLASS_TOO_LARGE        },
    {DSN_FAILED,    {5, 1, 2}, CLASS_DNS_FAILURE      },
    {DSN_FAILED,    {5, 4, 7}, CLASS_TIMEOUT          },
    {DSN_FAILED,    {5, 7, 1}, CLASS_SPAM_BLOCK       },
    {DSN_FAILED,    {5, 7, 1}, CLASS_SPAM_CONTENT     },
    {DSN_FAILED,    {5, 7, 1}, CLASS_RELAYING_DENIED  },
    {DSN_DELAYED,   {4, 4, 1}, CLASS_SOFT_BOUNCE      },
    {DSN_DELIVERED, {2, 1, 5}, CLASS_NONE             },
};

static void
every_dialect_makes_well_formed_mail(void **state)
{
    size_t letters_count = 0;
    struct letters l;

    prepare(&l);
    for (size_t i = 0; i < l.dialects.count; i++) {
        const struct dialect *dialect = &l.dialects.list[i];

        for (size_t j = 0; j < 2 * COUNT_OF(reasons); j++) {
            struct slice letter;

            if (dialect->kind == DIALECT_BOUNCE &&
                (dialect->actions & 1U << reasons[j / 2].action) == 0)
                continue;
            l.what.action = reasons[j / 2].action;
            l.what.code = reasons[j / 2].code;
            l.facts.cause = reasons[j / 2].cause;
            l.what.diagnostic = j % 2 == 0 ? SLICE("") : SLICE("554 \"so\" <it> said & \\");
            letter = write_in(&l, dialect);
            check_lines(letter);
            check_header(letter);
            check_boundaries(letter);
            letters_count++;
        }
    }
    assert_true(letters_count > 500);
    release(&l);
}

/* The sender's own address is enough to find the row, and here is how else it can be found. */
static void
a_bounce_names_its_recipient_or_leaves_it_to_the_return_path(void **state)
{
    struct letters l;

    prepare(&l);
    for (size_t i = 0; i < l.dialects.count; i++) {
        const struct dialect *dialect = &l.dialects.list[i];
        struct slice letter = write_in(&l, dialect);
        bool is_in_base64 = says(letter, "base64");

        assert_true(says(letter, "b+spring-1z@campaign.example"));
        if (dialect->kind != DIALECT_BOUNCE || is_in_base64 ||
            slice_equals(dialect->name, SLICE("minimal")))
            continue;
        assert_true(says(letter, "kim@isp.test"));
    }
    assert_false(says(write_in(&l, find(&l, DIALECT_BOUNCE, "minimal")), "kim@isp.test"));
    assert_false(says(write_in(&l, find(&l, DIALECT_COMPLAINT, "redacted")), "kim@isp.test"));
    assert_true(says(write_in(&l, find(&l, DIALECT_COMPLAINT, "redacted")), "To: <redacted>"));
    release(&l);
}

/* ---- those that are RFC 3464 ---- */

static void
reports_say_what_happened_to_whom(void **state)
{
    static const struct {
        const char *name;
        uint32_t status;
        const char *diagnostic; /* its beginning */
        const char *message_id; /* NULL: its part is in base64, and not asked for */
    } cases[] = {
        {"postfix",       5002002, "552 5.2.2 the box is full",           "m1@campaign.example"},
        {"sendmail",      5002002, "552 5.2.2 the box is full",           "m1@campaign.example"},
        {"exim-dsn",      5002002, "552 5.2.2 the box is full",           "m1@campaign.example"},
        {"exchange-2007", 5002002, "552 5.2.2 the box is full",           "m1@campaign.example"},
        {"exchange-2016", 5002002, "552 5.2.2 the box is full",           "m1@campaign.example"},
        {"microsoft-365", 5002002, "552 5.2.2 the box is full [",         "m1@campaign.example"},
        {"gmail",         5002002, "552 5.2.2 the box is full",           "m1@campaign.example"},
        {"aol",           5002002, "552 5.2.2 <kim@isp.test>: Recipient", "m1@campaign.example"},
        {"amazon-ses",    5002002, "5.2.2 - the box is full '552",        "m1@campaign.example"},
        {"courier",       5002002, "552 5.2.2 the box is full",           "m1@campaign.example"},
        {"messagelabs",   5002002, "552 5.2.2 the box is full",           "m1@campaign.example"},
        {"barracuda",     5002002, "552 5.2.2 the box is full, id=",      "m1@campaign.example"},
        {"yandex",        5002002, "552 5.2.2 the box is full",           "m1@campaign.example"},
        {"docomo",        5000000, "552 the box is full",                 "m1@campaign.example"},
        {"no-original",   5002002, "552 5.2.2 the box is full",           ""                   },
        {"wrong-status",  5001001, "552 the box is full",                 "m1@campaign.example"},
        {"base64",        5002002, "552 5.2.2 the box is full",           NULL                 },
    };
    struct letters l;

    prepare(&l);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct report report;

        print_message("  %s\n", cases[i].name);
        report_read(write_in(&l, find(&l, DIALECT_BOUNCE, cases[i].name)), &report);
        assert_true(report.is_dsn);
        assert_int_equal(report.recipients_count, 1);
        assert_slice(report.recipients[0].address, "kim@isp.test");
        assert_int_equal(report.recipients[0].action, DSN_FAILED);
        assert_int_equal(enhanced_pack(report.recipients[0].code), cases[i].status);
        assert_true(
            slice_starts_with(report.recipients[0].diagnostic, slice_of(cases[i].diagnostic)));
        if (cases[i].message_id != NULL)
            assert_slice(report.message_id, cases[i].message_id);
        report_release(&report);
    }
    release(&l);
}

static void
reports_of_delay_say_so(void **state)
{
    size_t reports_count = 0;
    struct letters l;

    prepare(&l);
    l.what.action = DSN_DELAYED;
    l.what.code = (struct enhanced_code){4, 4, 1};
    l.what.diagnostic = SLICE("451 4.4.1 connection refused");
    l.facts.cause = CLASS_SOFT_BOUNCE;
    for (size_t i = 0; i < l.dialects.count; i++) {
        const struct dialect *dialect = &l.dialects.list[i];
        struct report report;

        if (dialect->kind != DIALECT_BOUNCE || (dialect->actions & 1U << DSN_DELAYED) == 0)
            continue;
        report_read(write_in(&l, dialect), &report);
        for (size_t j = 0; report.is_dsn && j < report.recipients_count; j++) {
            assert_int_equal(report.recipients[j].action, DSN_DELAYED);
            assert_int_equal(report.recipients[j].code.class, 4);
            reports_count++;
        }
        report_release(&report);
    }
    assert_true(reports_count >= 6);
    release(&l);
}

/* ---- values ---- */

static void
the_cause_chooses_the_words(void **state)
{
    static const struct {
        const char *name, *words;
        size_t reason; /* above */
    } cases[] = {
        {"qmail",     "Sorry, I couldn't find any host named isp.test. (#5.1.2)", 4},
        {"imail",     "Unknown user: kim@isp.test",                               0},
        {"imail",     "User mailbox exceeds allowed size: kim@isp.test",          2},
        {"imail",     "undeliverable to kim@isp.test",                            6},
        {"yahoo",     "This account has been disabled or discontinued",           1},
        {"domino",    "X-Notes; User kim (kim@isp.test) not listed in Domino",    0},
        {"opensmtpd", "kim@isp.test: Envelope expired",                           5},
        {"minimal",   "The mailbox is full.",                                     2},
        {"german",    "Das Postfach des Empf=E4ngers ist voll.",                  2},
        {"russian",   "\xF4\xC1\xCB\xCF\xC7\xCF",                                 0},
        {"kddi",      "As their mailbox is full.",                                2},
    };
    struct letters l;

    prepare(&l);
    l.what.diagnostic = SLICE("");
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        print_message("  %s\n", cases[i].name);
        l.what.code = reasons[cases[i].reason].code;
        l.facts.cause = reasons[cases[i].reason].cause;
        assert_true(says(write_in(&l, find(&l, DIALECT_BOUNCE, cases[i].name)), cases[i].words));
    }
    release(&l);
}

static void
the_same_facts_give_the_same_bytes(void **state)
{
    struct text first = {0};
    struct letters l;

    prepare(&l);
    for (size_t i = 0; i < l.dialects.count; i++) {
        text_clear(&first);
        l.facts.number = 1;
        text_add_slice(&first, write_in(&l, &l.dialects.list[i]));
        assert_true(slice_equals(write_in(&l, &l.dialects.list[i]), text_slice(&first)));
        l.facts.number = 2;
        assert_false(slice_equals(write_in(&l, &l.dialects.list[i]), text_slice(&first)));
    }
    text_release(&first);
    release(&l);
}

/* Who sends the message chooses its header, and who configures the provider the diagnostic. */
static void
foreign_bytes_stay_within_their_line(void **state)
{
    struct text header = {0};
    struct letters l;

    prepare(&l);
    l.facts.rcpt = SLICE("k\r\nBcc: all@isp.test\xFF@isp.test");
    l.what.diagnostic = SLICE("552 \r\n\r\n.\r\nQUIT \x01 gr\xC3\xBCn");
    for (size_t i = 0; i < l.dialects.count; i++) {
        struct slice letter = write_in(&l, &l.dialects.list[i]);

        check_lines(letter);
        assert_false(says(letter, "\nBcc:"));
        assert_false(says(letter, "\nQUIT"));
    }
    text_add_string(&header, "Subject: ");
    text_add_repeated(&header, 'x', 5000);
    text_add_string(&header, "\r\nFrom: nobody at all\r\n");
    l.facts.header = text_slice(&header);
    assert_true(
        write_in(&l, find(&l, DIALECT_BOUNCE, "exchange-2003")).length < 5000 + 3 * 500 + 3000);
    text_release(&header);
    release(&l);
}

static void
a_boundary_is_met_nowhere_in_the_header(void **state)
{
    struct text header = {0};
    struct slice letter, inner, rest;
    struct letters l;

    prepare(&l);
    letter = write_in(&l, find(&l, DIALECT_BOUNCE, "no-original"));
    inner = slice_from(letter, (size_t)(strstr(letter.at, "boundary=\"") - letter.at) + 10);
    slice_cut(inner, '"', &inner, &rest);
    text_printf(
        &header, HEADER "X-Evil: %.*s\r\n --%.*s--\r\n", SLICE_ARGS(inner), SLICE_ARGS(inner));
    l.facts.header = text_slice(&header);
    assert_true(says(write_in(&l, find(&l, DIALECT_BOUNCE, "no-original")), "x\"\r\n"));
    text_release(&header);
    release(&l);
}

static void
a_letter_goes_where_it_is_told(void **state)
{
    static const struct {
        enum isp_return_kind kind;
        enum isp_return_path path;
        const char *complaint_to, *header, *to;
    } cases[] = {
        {RETURN_REPORT,    RETURN_TO_SENDER, "",           HEADER,          "b+spring-1z@campaign.example"},
        {RETURN_REPORT,    RETURN_TO_FORGED, "",           HEADER,          "b+spring-10@campaign.example"},
        {RETURN_REPORT,    RETURN_TO_FROM,   "",           HEADER,          "news@campaign.example"       },
        {RETURN_REPORT,    RETURN_TO_FROM,   "",           "To: x\r\n",     ""                            },
        {RETURN_COMPLAINT, RETURN_TO_SENDER, "",           HEADER,          "fbl@campaign.example"        },
        {RETURN_COMPLAINT, RETURN_TO_SENDER, "me@us.test", HEADER,          "me@us.test"                  },
        {RETURN_COMPLAINT, RETURN_TO_SENDER, "",           "From: <>\r\n",  ""                            },
        {RETURN_COMPLAINT, RETURN_TO_SENDER, "",           "From: a\r\n",   ""                            },
        {RETURN_COMPLAINT, RETURN_TO_SENDER, "",           "From: a@b\r\n", "fbl@b"                       },
    };
    struct text to = {0};

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct isp_return what = {.kind = cases[i].kind,
            .path = cases[i].path,
            .complaint_to = slice_of(cases[i].complaint_to)};

        print_message("  %s\n", cases[i].to);
        text_clear(&to);
        returned_letter_address(
            &to, &what, SLICE("b+spring-1z@campaign.example"), slice_of(cases[i].header));
        assert_string_equal(text_string(&to), cases[i].to);
    }
    text_clear(&to);
    returned_letter_address(&to, &(const struct isp_return){.path = RETURN_TO_STRANGER},
        SLICE("b+spring-1z@campaign.example"), SLICE(""));
    assert_true(slice_glob(SLICE("nobody-????????@campaign.example"), text_slice(&to)));
    text_release(&to);
}

/* ---- reading ---- */

static void
what_is_wrong_in_a_template_is_told_with_its_place(void **state)
{
#define START "kind: bounce\n---\n"
    static const struct {
        const char *text, *complaint;
    } cases[] = {
        {"",                                               "t.txt:1:1: there is no letter: a line \"---\" is missing"      },
        {"kind: bounce\nHello\n",                          "t.txt:2:1: a key, a colon and its value are wanted, or \"---\""},
        {"kind: letter\n---\nx\n",
         "t.txt:1:7: a kind is bounce, auto_reply, challenge, complaint or feedback"                                       },
        {"---\nx\n",                                       "t.txt:1:1: its kind is missing"                                },
        {"kind: bounce\nactions: lost\n---\nx",            "t.txt:2:10: there is no action \"lost\""                       },
        {"kind: bounce\nsender: me\n---\nx",
         "t.txt:2:9: a sender is null, recipient or postmaster"                                                            },
        {"kind: bounce\ncolour: red\n---\nx",              "t.txt:2:1: there is no key \"colour\""                         },
        {START,                                            "t.txt:2:1: the letter is empty"                                },
        {START "To: %{whom}\n",                            "t.txt:3:7: there is no value \"whom\""                         },
        {START "To: %{}\n",                                "t.txt:3:7: there is no value \"\""                             },
        {START "a\nTo: %{to\n",                            "t.txt:4:5: \"%{\" is never closed"                             },
        {START "%{xml:to}\n",                              "t.txt:3:3: json, html, word or raw may stand before a colon"   },
        {START "%{word:klingon:x}\n",                      "t.txt:3:8: there is no charset \"klingon\" here"               },
        {START "%{word:koi8-r}\n",                         "t.txt:3:8: a charset, a colon and a text are wanted"           },
        {START "%{word:koi8-r:日}\n",                     "t.txt:3:15: this cannot be said in koi8-r"                     },
        {START "S: grün\n",                               "t.txt:3:1: only ASCII may stand outside of %encode"            },
        {START "%when full\n",                             "t.txt:3:1: there is no command \"%when\""                      },
        {START "%if\n",                                    "t.txt:3:1: a condition is missing"                             },
        {START "%if full empty\n",                         "t.txt:3:10: there is no condition \"empty\""                   },
        {START "%if full\nx\n",                            "t.txt:4:1: the block of line 3 has no %end"                    },
        {START "%else\n",                                  "t.txt:3:1: %else without %if"                                  },
        {START "%if full\n%else\n%elif large\n",           "t.txt:5:1: %elif behind %else"                                 },
        {START "%if full\n%else\n%else\n",                 "t.txt:5:1: %else behind %else"                                 },
        {START "%end\n",                                   "t.txt:3:1: %end without %if or %encode"                        },
        {START "%encode rot13 utf-8\n",
         "t.txt:3:1: %encode wants 7bit, 8bit, base64 or quoted-printable, and a charset"                                  },
        {START "%encode 7bit ebcdic\n",                    "t.txt:3:14: there is no charset \"ebcdic\" here"               },
        {START "%encode 7bit utf-8\n%encode 7bit utf-8\n", "t.txt:4:1: %encode within %encode"                             },
        {START "%encode 7bit utf-8\n%else\n",              "t.txt:4:1: %else without %if"                                  },
        {START "%encode 8bit koi8-r\nда\n日\n",         "t.txt:5:1: this cannot be said in koi8-r"                      },
        {START "%encode 7bit utf-8\n%{word:utf-8:x}\n",
         "t.txt:4:8: this stands in headers, not within %encode"                                                           },
        {START "%if full\n%if full\n%if full\n%if full\n%if full\n%if full\n%if full\n%if "
               "full\n%if full\n",                "t.txt:11:1: blocks are nested too deeply"                      },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct arena arena = {0};
        struct dialect dialect;
        struct error err = {0};

        assert_false(dialect_read(&dialect, "t.txt", slice_of(cases[i].text), &arena, &err));
        assert_int_equal(err.kind, ERROR_CONFIG);
        assert_string_equal(err.text, cases[i].complaint);
        arena_release(&arena);
    }
}

static void
branches_are_taken_as_they_stand(void **state)
{
    static const char text[] =
        START "%if full\nfull\n%if failed\nfailed\n%else\nlate\n%end\n%elif unknown disabled\nwho\n"
              "%else\nother\n%end\n%%if\n";
    static const struct {
        uint32_t conditions;
        const char *letter;
    } cases[] = {
        {IF_FULL | IF_FAILED,    "full\r\nfailed\r\n%if\r\n"},
        {IF_FULL | IF_DELAYED,   "full\r\nlate\r\n%if\r\n"  },
        {IF_UNKNOWN | IF_FAILED, "who\r\n%if\r\n"           },
        {IF_DISABLED,            "who\r\n%if\r\n"           },
        {0,                      "other\r\n%if\r\n"         },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct dialect_values values = {.conditions = cases[i].conditions};
        struct arena arena = {0};
        struct text out = {0};
        struct dialect dialect;
        struct error err;

        assert_true(dialect_read(&dialect, "a/t.txt", slice_of(text), &arena, &err));
        assert_slice(dialect.name, "t");
        dialect_render(&dialect, &values, &out);
        assert_string_equal(text_string(&out), cases[i].letter);
        text_release(&out);
        arena_release(&arena);
    }
}

static void
a_style_is_a_name_or_any_that_knows_the_action(void **state)
{
    const struct dialect *const *found;
    struct letters l;

    prepare(&l);
    assert_int_equal(
        dialects_find(&l.dialects, DIALECT_BOUNCE, SLICE("rfc3464"), DSN_FAILED, &found, &l.arena),
        1);
    assert_null(found[0]);
    assert_int_equal(
        dialects_find(&l.dialects, DIALECT_BOUNCE, SLICE("qmail"), DSN_FAILED, &found, &l.arena),
        1);
    assert_slice(found[0]->name, "qmail");
    assert_int_equal(
        dialects_find(&l.dialects, DIALECT_BOUNCE, SLICE("qmail"), DSN_DELAYED, &found, &l.arena),
        0);
    assert_int_equal(
        dialects_find(&l.dialects, DIALECT_BOUNCE, SLICE("arf"), DSN_FAILED, &found, &l.arena), 0);
    assert_int_equal(dialects_find(&l.dialects, DIALECT_AUTO_REPLY, SLICE("challenge"), DSN_NONE,
                         &found, &l.arena),
        1);
    assert_in_range(
        dialects_find(&l.dialects, DIALECT_BOUNCE, SLICE("any"), DSN_FAILED, &found, &l.arena), 50,
        100);
    assert_in_range(
        dialects_find(&l.dialects, DIALECT_BOUNCE, SLICE("any"), DSN_DELAYED, &found, &l.arena), 8,
        30);
    assert_in_range(
        dialects_find(&l.dialects, DIALECT_AUTO_REPLY, SLICE("any"), DSN_NONE, &found, &l.arena),
        10, 30);
    for (size_t i = 0; i <
         dialects_find(&l.dialects, DIALECT_COMPLAINT, SLICE("any"), DSN_NONE, &found, &l.arena);
         i++)
        assert_false(slice_equals(found[i]->name, SLICE("not-spam")));
    assert_string_equal(
        dialects_nearest(&l.dialects, DIALECT_BOUNCE, SLICE("qmial"), &l.arena), "qmail");
    assert_null(dialects_nearest(&l.dialects, DIALECT_BOUNCE, SLICE("something-else"), &l.arena));
    release(&l);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_dialect_makes_well_formed_mail),
        cmocka_unit_test(a_bounce_names_its_recipient_or_leaves_it_to_the_return_path),
        cmocka_unit_test(reports_say_what_happened_to_whom),
        cmocka_unit_test(reports_of_delay_say_so),
        cmocka_unit_test(the_cause_chooses_the_words),
        cmocka_unit_test(the_same_facts_give_the_same_bytes),
        cmocka_unit_test(foreign_bytes_stay_within_their_line),
        cmocka_unit_test(a_boundary_is_met_nowhere_in_the_header),
        cmocka_unit_test(a_letter_goes_where_it_is_told),
        cmocka_unit_test(what_is_wrong_in_a_template_is_told_with_its_place),
        cmocka_unit_test(branches_are_taken_as_they_stand),
        cmocka_unit_test(a_style_is_a_name_or_any_that_knows_the_action),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
