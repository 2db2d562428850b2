/* test_dialect.c - the templates of what the field sends back: each renders into mail that can be
 * read. */
#include "tests/unit/dialect_letters.h"

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
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
