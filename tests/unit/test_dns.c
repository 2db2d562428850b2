/* test_dns.c - what the providers' name server says to one packet. */
#include "tests/unit/dns_packet.h"

#include "fakeisp/dns.h"

enum {
    NOERROR = 0,
    FORMERR = 1,
    SERVFAIL = 2,
    NXDOMAIN = 3,
    NOTIMP = 4,
    REFUSED = 5,
};

struct world {
    struct zones *zones;
    struct text packet, answer;
    int64_t delay_us;
    bool is_answered;
};

static void
add_addresses(struct zones *zones, const char *name, const char *const *texts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct net_address address;

        assert_true(net_address_parse(slice_of(texts[i]), &address));
        zones_add_address(zones, slice_of(name), &address);
    }
}

static struct world
world_new(void)
{
    static const char *const addresses[] = {"192.0.2.1", "2001:db8::1", "192.0.2.2"};
    struct zones *zones = zones_new();
    struct text key = {0};

    zones_add_zone(zones, SLICE("BigMail.test"));
    zones_add_zone(zones, SLICE("sub.bigmail.test"));
    zones_add_zone(zones, SLICE("null.test"));
    zones_add_mx(zones, SLICE("bigmail.test"), 20, SLICE("mx2.bigmail.test"));
    zones_add_mx(zones, SLICE("bigmail.test"), 10, SLICE("mx1.bigmail.test"));
    add_addresses(zones, "mx1.bigmail.test", addresses, COUNT_OF(addresses));
    zones_add_mx(zones, SLICE("null.test"), 0, SLICE("."));
    zones_add_txt(zones, SLICE("bigmail.test"), SLICE("v=spf1 -all"));
    zones_add_txt(zones, SLICE("bigmail.test"), SLICE(""));
    zones_add_txt(zones, SLICE("sub.bigmail.test"), SLICE("in the zone below"));
    text_add_repeated(&key, 'k', 255);
    text_add_repeated(&key, 'q', 255);
    text_add_string(&key, "end");
    zones_add_txt(zones, SLICE("long._domainkey.bigmail.test"), text_slice(&key));
    text_release(&key);
    return (struct world){.zones = zones};
}

static void
world_free(struct world *w)
{
    zones_free(&w->zones);
    text_release(&w->packet);
    text_release(&w->answer);
}

static struct slice
hand_in(struct world *w, bool is_tcp)
{
    text_clear(&w->answer);
    w->is_answered = dns_answer(w->zones, text_slice(&w->packet), is_tcp, &w->answer, &w->delay_us);
    assert_true(w->is_answered || w->answer.length == 0);
    text_clear(&w->packet);
    return text_slice(&w->answer);
}

/* An OPT record when `udp_bytes` is not 0. */
static struct slice
ask(struct world *w, const char *name, unsigned type, unsigned udp_bytes, bool is_tcp)
{
    add_header(&w->packet, RD, 1, 0, 0, udp_bytes > 0);
    add_question(&w->packet, slice_of(name), type, CLASS_IN);
    if (udp_bytes > 0)
        add_record(&w->packet, TYPE_OPT, udp_bytes, 0);
    return hand_in(w, is_tcp);
}

/* ---- what is said, byte by byte ---- */

static void
add_dump(struct text *out, struct slice bytes)
{
    for (size_t i = 0; i < bytes.length; i += 16) {
        size_t length = bytes.length - i < 16 ? bytes.length - i : 16;

        text_printf(out, "  %04zx ", i);
        for (size_t j = 0; j < 16; j++)
            if (j < length)
                text_printf(out, " %02x", (unsigned char)bytes.at[i + j]);
            else
                text_add_string(out, "   ");
        text_add_string(out, "  ");
        for (size_t j = 0; j < length; j++) {
            char c = bytes.at[i + j];

            text_add_char(out, c > ' ' && c < '\x7f' ? c : '.');
        }
        text_add_char(out, '\n');
    }
}

static void
answers_are_these_bytes(void **state)
{
    static const struct {
        const char *what, *name;
        unsigned type, udp_bytes;
    } cases[] = {
        {"MX, as it was asked",      "bigMail.TEST",                 TYPE_MX,   0   },
        {"null MX (RFC 7505)",       "null.test",                    TYPE_MX,   0   },
        {"A",                        "mx1.bigmail.test",             TYPE_A,    0   },
        {"AAAA, with EDNS",          "mx1.bigmail.test",             TYPE_AAAA, 4096},
        {"TXT of several strings",   "long._domainkey.bigmail.test", TYPE_TXT,  1232},
        {"SOA",                      "bigmail.test",                 TYPE_SOA,  0   },
        {"NS",                       "bigmail.test",                 TYPE_NS,   0   },
        {"ANY",                      "bigmail.test",                 TYPE_ANY,  0   },
        {"NODATA (RFC 2308)",        "mx1.bigmail.test",             TYPE_MX,   0   },
        {"NODATA, names below it",   "_domainkey.bigmail.test",      TYPE_TXT,  0   },
        {"NXDOMAIN (RFC 2308)",      "no.such.bigmail.test",         TYPE_A,    0   },
        {"a zone inside another",    "sub.bigmail.test",             TYPE_TXT,  0   },
        {"TC, the text is too long", "long._domainkey.bigmail.test", TYPE_TXT,  0   },
        {"REFUSED, not ours",        "elsewhere.example",            TYPE_MX,   1232},
        {"REFUSED, a transfer",      "bigmail.test",                 TYPE_AXFR, 0   },
        {"REFUSED, root",            "",                             TYPE_NS,   0   },
    };
    struct world w = world_new();
    struct text out = {0};

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        ask(&w, cases[i].name, cases[i].type, cases[i].udp_bytes, false);
        assert_true(w.is_answered);
        text_printf(&out, "%s%s\n", i > 0 ? "\n" : "", cases[i].what);
        add_dump(&out, text_slice(&w.answer));
    }
    assert_golden(text_slice(&out), "tests/golden/dns.txt");
    text_release(&out);
    world_free(&w);
}

/* ---- size ---- */

static void
what_does_not_fit_is_asked_for_again_by_tcp(void **state)
{
    static const struct {
        unsigned records, udp_bytes;
        bool is_tcp, is_truncated;
    } cases[] = {
        {26,  0,     false, false}, /* 512 bytes hold them */
        {31,  0,     false, true },
        {31,  1,     false, true }, /* less than 512 means 512 */
        {31,  1232,  false, false},
        {74,  4096,  false, false}, /* the most that we send at once */
        {75,  4096,  false, true },
        {75,  0,     true,  false},
        {900, 65535, false, true },
        {900, 0,     true,  false},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct world w = world_new();
        struct net_address address = {
            .family = 4, .bytes = {192, 0, 2}
        };
        struct slice answer;

        for (unsigned j = 0; j < cases[i].records; j++)
            zones_add_address(w.zones, SLICE("m.null.test"), &address);
        answer = ask(&w, "m.null.test", TYPE_A, cases[i].udp_bytes, cases[i].is_tcp);
        print_message("  %u records: %zu bytes\n", cases[i].records, answer.length);
        assert_int_equal(packet_rcode(answer), NOERROR);
        assert_int_equal((u16_at(answer, 2) & TC) != 0, cases[i].is_truncated);
        assert_int_equal(u16_at(answer, 6), cases[i].is_truncated ? 0 : cases[i].records);
        assert_true(cases[i].is_tcp || answer.length <= DNS_UDP_BYTES_MAX);
        assert_true(cases[i].udp_bytes >= 512 || cases[i].is_tcp || answer.length <= 512);
        world_free(&w);
    }
}

/* What no packet can hold is our trouble, not the asker's. */
static void
what_cannot_be_written_is_servfail(void **state)
{
    static const struct {
        size_t text_bytes, texts_count;
        unsigned rcode;
    } cases[] = {
        {65238, 1, NOERROR }, /* 65535 bytes in all */
        {65239, 1, SERVFAIL},
        {60000, 2, SERVFAIL},
        {70000, 1, SERVFAIL}, /* its length would not even be written right */
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct world w = world_new();
        struct text text = {0};
        struct slice answer;

        text_add_repeated(&text, 't', cases[i].text_bytes);
        for (size_t j = 0; j < cases[i].texts_count; j++)
            zones_add_txt(w.zones, SLICE("t.null.test"), text_slice(&text));
        answer = ask(&w, "t.null.test", TYPE_TXT, 0, true);
        print_message("  %zu bytes of text: %zu bytes\n", text.length, answer.length);
        assert_int_equal(packet_rcode(answer), cases[i].rcode);
        text_release(&text);
        world_free(&w);
    }
}

static void
a_host_that_is_no_name_is_servfail(void **state)
{
    struct world w = world_new();
    struct text host = {0};

    text_add_repeated(&host, 'x', 64);
    text_add_string(&host, ".test");
    zones_add_mx(w.zones, SLICE("long.null.test"), 10, text_slice(&host));
    zones_add_mx(w.zones, SLICE("dots.null.test"), 10, SLICE("a..test"));
    assert_int_equal(packet_rcode(ask(&w, "long.null.test", TYPE_MX, 0, false)), SERVFAIL);
    assert_int_equal(packet_rcode(ask(&w, "dots.null.test", TYPE_MX, 0, false)), SERVFAIL);
    assert_int_equal(packet_rcode(ask(&w, "null.test", TYPE_MX, 0, false)), NOERROR);
    text_release(&host);
    world_free(&w);
}

/* ---- failures that were asked for ---- */

static void
a_zone_fails_as_it_is_told(void **state)
{
    static const struct {
        enum dns_status failure;
        bool is_answered;
        unsigned rcode, answers, authorities;
    } cases[] = {
        {DNS_SERVFAIL,  true,  SERVFAIL, 0, 0},
        {DNS_NO_NAME,   true,  NXDOMAIN, 0, 1},
        {DNS_NO_DATA,   true,  NOERROR,  0, 1},
        {DNS_TIMED_OUT, false, 0,        0, 0},
        {DNS_OK,        true,  NOERROR,  2, 0},
    };
    struct world w = world_new();

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct slice answer;

        print_message("  %s\n", dns_status_name(cases[i].failure));
        zones_fail_zone(w.zones, SLICE("bigmail.test"), cases[i].failure);
        answer = ask(&w, "bigmail.test", TYPE_MX, 0, false);
        assert_int_equal(w.is_answered, cases[i].is_answered);
        if (!w.is_answered)
            continue;
        assert_int_equal(packet_rcode(answer), cases[i].rcode);
        assert_int_equal(u16_at(answer, 6), cases[i].answers);
        assert_int_equal(u16_at(answer, 8), cases[i].authorities);
        assert_int_equal(packet_rcode(ask(&w, "null.test", TYPE_MX, 0, false)), NOERROR);
    }
    world_free(&w);
}

static void
a_slow_zone_says_how_slow(void **state)
{
    struct world w = world_new();

    zones_delay_zone(w.zones, SLICE("bigmail.test"), 7000);
    ask(&w, "nobody.bigmail.test", TYPE_MX, 0, false);
    assert_int_equal(w.delay_us, 7000);
    ask(&w, "sub.bigmail.test", TYPE_MX, 0, false);
    assert_int_equal(w.delay_us, 0);
    world_free(&w);
}

/* ---- packets that are not as they should be ---- */

static void
expect(struct world *w, unsigned rcode, unsigned questions)
{
    struct slice answer = hand_in(w, false);

    assert_true(w->is_answered);
    assert_int_equal(u16_at(answer, 0), PACKET_ID);
    assert_true(u16_at(answer, 2) & QR);
    assert_false(u16_at(answer, 2) & AA);
    assert_int_equal(packet_rcode(answer), rcode);
    assert_int_equal(u16_at(answer, 4), questions);
    assert_int_equal(u16_at(answer, 6), 0);
}

static void
what_is_no_question_gets_no_answer(void **state)
{
    struct world w = world_new();

    hand_in(&w, false);
    assert_false(w.is_answered);
    text_add_repeated(&w.packet, '\0', PACKET_HEADER_BYTES - 1);
    hand_in(&w, false);
    assert_false(w.is_answered);
    add_header(&w.packet, QR, 1, 0, 0, 0); /* two servers would talk for ever */
    add_question(&w.packet, SLICE("bigmail.test"), TYPE_MX, CLASS_IN);
    hand_in(&w, false);
    assert_false(w.is_answered);
    world_free(&w);
}

static void
a_broken_question_is_formerr(void **state)
{
    static const struct {
        const char *what;
        struct slice body; /* behind the counts; the first question is whole where there is one */
        uint8_t questions, answers, additionals, questions_back;
    } cases[] = {
        {"no question",         {"", 0},                                      0, 0, 0, 0},
        {"two questions",       {"\0\0\1\0\1\0\0\1\0\1", 10},                 2, 0, 0, 0},
        {"nothing there",       {"", 0},                                      1, 0, 0, 0},
        {"cut in the name",     {"\3abc", 4},                                 1, 0, 0, 0},
        {"cut in the class",    {"\3abc\0\0\1\0", 8},                         1, 0, 0, 0},
        {"a pointer to itself", {"\300\014\0\1\0\1", 6},                      1, 0, 0, 0},
        {"a pointer outside",   {"\377\377\0\1\0\1", 6},                      1, 0, 0, 0},
        {"a label of type 01",  {"\101a\0\0\1\0\1", 7},                       1, 0, 0, 0},
        {"an answer missing",   {"\0\0\1\0\1", 5},                            1, 1, 0, 1},
        {"65 KB of one record", {"\0\0\1\0\1\0\0\1\0\1\0\0\0\0\377\377", 16}, 1, 0, 1, 1},
        {"more than it says",   {"\0\0\1\0\1x", 6},                           1, 0, 0, 1},
    };
    struct world w = world_new();

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        print_message("  %s\n", cases[i].what);
        add_header(&w.packet, 0, cases[i].questions, cases[i].answers, 0, cases[i].additionals);
        text_add_slice(&w.packet, cases[i].body);
        expect(&w, FORMERR, cases[i].questions_back);
    }
    world_free(&w);
}

static void
a_question_cut_anywhere_is_survived(void **state)
{
    struct world w = world_new();
    struct text whole = {0};

    add_header(&whole, RD, 1, 0, 0, 1);
    add_question(&whole, SLICE("bigmail.test"), TYPE_MX, CLASS_IN);
    add_record(&whole, TYPE_OPT, 1232, 0);
    for (size_t length = PACKET_HEADER_BYTES; length < whole.length; length++) {
        text_add(&w.packet, whole.bytes, length);
        hand_in(&w, false);
        assert_true(w.is_answered);
        assert_int_equal(packet_rcode(text_slice(&w.answer)), FORMERR);
    }
    text_release(&whole);
    world_free(&w);
}

static void
a_packet_of_pointers_is_refused_without_effort(void **state)
{
    struct world w = world_new();

    add_header(&w.packet, 0, 1, 0, 0, 0);
    for (unsigned at = PACKET_HEADER_BYTES; at < 16000; at += 2)
        add_u16(&w.packet, 0xc000 | (at + 2));
    add_question(&w.packet, SLICE("bigmail.test"), TYPE_MX, CLASS_IN);
    expect(&w, FORMERR, 0); /* too long to be honest */
    world_free(&w);
}

static void
other_operations_are_not_implemented(void **state)
{
    struct world w = world_new();

    for (unsigned opcode = 1; opcode < 16; opcode++) {
        add_header(&w.packet, opcode << 11, 1, 0, 0, 0);
        add_question(&w.packet, SLICE("bigmail.test"), TYPE_SOA, CLASS_IN);
        expect(&w, NOTIMP, 0);
        assert_int_equal(u16_at(text_slice(&w.answer), 2) >> 11 & 0xf, opcode);
    }
    world_free(&w);
}

static void
other_classes_are_refused(void **state)
{
    struct world w = world_new();

    add_header(&w.packet, 0, 1, 0, 0, 0);
    add_question(&w.packet, SLICE("version.bind"), TYPE_TXT, CLASS_CHAOS);
    expect(&w, REFUSED, 1);
    add_header(&w.packet, 0, 1, 0, 0, 0);
    add_question(&w.packet, SLICE("bigmail.test"), TYPE_MX, CLASS_CHAOS);
    expect(&w, REFUSED, 1);
    world_free(&w);
}

static void
another_edns_is_badvers_and_two_are_formerr(void **state)
{
    struct world w = world_new();
    struct slice answer;

    add_header(&w.packet, 0, 1, 0, 0, 1);
    add_question(&w.packet, SLICE("bigmail.test"), TYPE_MX, CLASS_IN);
    add_record(&w.packet, TYPE_OPT, 1232, 1 << 16);
    expect(&w, 0, 1); /* the lower half of 16 */
    answer = text_slice(&w.answer);
    assert_int_equal(u16_at(answer, 10), 1);
    assert_int_equal(answer.at[answer.length - 6], 1); /* the upper half */
    assert_int_equal(answer.at[answer.length - 5], 0); /* the version that we speak */

    add_header(&w.packet, 0, 1, 0, 0, 2);
    add_question(&w.packet, SLICE("bigmail.test"), TYPE_MX, CLASS_IN);
    add_record(&w.packet, TYPE_OPT, 1232, 0);
    add_record(&w.packet, TYPE_OPT, 1232, 0);
    expect(&w, FORMERR, 1);
    world_free(&w);
}

/* libldns forgets the first of two; the sanitizer would tell. */
static void
other_records_are_passed_over(void **state)
{
    struct world w = world_new();

    add_header(&w.packet, 0, 1, 1, 1, 3);
    add_question(&w.packet, SLICE("null.test"), TYPE_MX, CLASS_IN);
    for (int i = 0; i < 2; i++)
        add_record(&w.packet, 10, CLASS_IN, 0); /* NULL, RFC 1035 3.3.10 */
    add_record(&w.packet, TYPE_TSIG, TYPE_ANY, 0);
    add_record(&w.packet, TYPE_OPT, 1232, 0);
    add_record(&w.packet, TYPE_TSIG, TYPE_ANY, 0);
    hand_in(&w, false);
    assert_true(w.is_answered);
    world_free(&w);
}

/* "a.b" as one label is not b's child: it must not be taken for a name of the zone. */
static void
a_dot_inside_a_label_parts_nothing(void **state)
{
    struct world w = world_new();

    add_header(&w.packet, 0, 1, 0, 0, 0);
    text_add(&w.packet, "\14mx1.bigmail\4test\0\0\1\0\1", 22);
    hand_in(&w, false);
    assert_int_equal(packet_rcode(text_slice(&w.answer)), FORMERR); /* one byte short */

    add_header(&w.packet, 0, 1, 0, 0, 0);
    text_add(&w.packet, "\13mx1.bigmail\4test\0\0\1\0\1", 22);
    expect(&w, REFUSED, 1);
    world_free(&w);
}

static void
with_a_root_everything_is_ours(void **state)
{
    struct world w = world_new();

    zones_add_zone(w.zones, SLICE("."));
    assert_int_equal(packet_rcode(ask(&w, "elsewhere.example", TYPE_MX, 0, false)), NXDOMAIN);
    assert_int_equal(u16_at(text_slice(&w.answer), 8), 1);
    assert_int_equal(packet_rcode(ask(&w, "", TYPE_SOA, 0, false)), NOERROR);
    assert_int_equal(u16_at(text_slice(&w.answer), 6), 1);
    world_free(&w);
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_are_these_bytes),
        cmocka_unit_test(what_does_not_fit_is_asked_for_again_by_tcp),
        cmocka_unit_test(what_cannot_be_written_is_servfail),
        cmocka_unit_test(a_host_that_is_no_name_is_servfail),
        cmocka_unit_test(a_zone_fails_as_it_is_told),
        cmocka_unit_test(a_slow_zone_says_how_slow),
        cmocka_unit_test(what_is_no_question_gets_no_answer),
        cmocka_unit_test(a_broken_question_is_formerr),
        cmocka_unit_test(a_question_cut_anywhere_is_survived),
        cmocka_unit_test(a_packet_of_pointers_is_refused_without_effort),
        cmocka_unit_test(other_operations_are_not_implemented),
        cmocka_unit_test(other_classes_are_refused),
        cmocka_unit_test(another_edns_is_badvers_and_two_are_formerr),
        cmocka_unit_test(other_records_are_passed_over),
        cmocka_unit_test(a_dot_inside_a_label_parts_nothing),
        cmocka_unit_test(with_a_root_everything_is_ours),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
