/* test_greylist.c - strangers are asked to come again later. */
#include "tests/unit/isp_world.h"

#define HELLO "EHLO client.test\r\n"

static void
open_with(struct isp_world *w, uint32_t key, int64_t delay_us, int64_t forget_us)
{
    isp_prepare(w);
    w->config.greylist = (struct isp_greylist){
        .is_on = true, .key = key, .delay_us = delay_us, .forget_us = forget_us};
    isp_open(w);
}

/* One session, one recipient: the code of its RCPT. */
static const char *
ask_from(struct isp_world *w, const char *source, const char *sender, const char *rcpt)
{
    struct text says = {0};
    const char *codes;

    peer_connect_from(w, 0, source);
    text_printf(&says, HELLO "MAIL FROM:<%s>\r\nRCPT TO:<%s>\r\nRSET\r\nQUIT\r\n", sender, rcpt);
    codes = peer_codes(w, 0, text_string(&says));
    text_release(&says);
    assert_int_equal(strlen(codes), 20);
    return codes + 8;
}

static void
a_stranger_waits_out_the_delay_and_no_longer(void **state)
{
    static const struct {
        int64_t at_us;
        const char *codes;
    } cases[] = {
        {0,                              "451 250 221 "},
        {1,                              "451 250 221 "},
        {15 * 60 * INT64_C(1000000) - 1, "451 250 221 "}, /* trying does not prolong it */
        {15 * 60 * INT64_C(1000000),     "250 250 221 "},
        {40 * 86400 * INT64_C(1000000),  "451 250 221 "}, /* forgotten after 35 days */
    };
    struct isp_world w;

    open_with(&w, GREY_IP_24 | GREY_FROM | GREY_TO, 15 * US_PER_MIN, 0);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        isp_run(&w, cases[i].at_us);
        assert_string_equal(ask_from(&w, "198.51.100.1", "a@x.test", "b@isp.test"), cases[i].codes);
    }
    isp_stop(&w);
}

static void
the_key_says_who_is_a_stranger(void **state)
{
    static const struct {
        uint32_t key;
        const char *source, *sender, *rcpt;
        bool is_known;
    } cases[] = {
        {GREY_IP | GREY_FROM | GREY_TO,    "198.51.100.1", "a@x.test", "b@isp.test", true },
        {GREY_IP | GREY_FROM | GREY_TO,    "198.51.100.2", "a@x.test", "b@isp.test", false},
        {GREY_IP_24 | GREY_FROM | GREY_TO, "198.51.100.2", "a@x.test", "b@isp.test", true },
        {GREY_IP_24 | GREY_FROM | GREY_TO, "198.51.101.1", "a@x.test", "b@isp.test", false},
        {GREY_IP | GREY_FROM | GREY_TO,    "198.51.100.1", "A@x.test", "b@isp.test", false},
        {GREY_IP | GREY_FROM | GREY_TO,    "198.51.100.1", "a@X.TEST", "b@ISP.test", true },
        {GREY_IP | GREY_TO,                "198.51.100.1", "",         "b@isp.test", true },
        {GREY_IP | GREY_FROM,              "198.51.100.1", "a@x.test", "c@isp.test", true },
        {GREY_FROM | GREY_TO,              "203.0.113.1",  "a@x.test", "b@isp.test", true },
        {GREY_IP,                          "198.51.100.1", "",         "postmaster", true },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct isp_world w;

        open_with(&w, cases[i].key, US_PER_MIN, 0);
        ask_from(&w, "198.51.100.1", "a@x.test", "b@isp.test");
        isp_pass(&w, US_PER_MIN);
        print_message("  %s %s %s\n", cases[i].source, cases[i].sender, cases[i].rcpt);
        assert_string_equal(ask_from(&w, cases[i].source, cases[i].sender, cases[i].rcpt),
            cases[i].is_known ? "250 250 221 " : "451 250 221 ");
        isp_stop(&w);
    }
}

static void
the_delay_can_be_turned(void **state)
{
    struct isp_world w;

    open_with(&w, GREY_TO, US_PER_HOUR, 0);
    ask_from(&w, "198.51.100.1", "", "b@isp.test");
    isp_turn(w.isp, KNOB_GREYLIST_DELAY, 0, US_PER_MIN);
    assert_int_equal(isp_knob(w.isp, KNOB_GREYLIST_DELAY, 0), US_PER_MIN);
    isp_pass(&w, US_PER_MIN);
    assert_string_equal(ask_from(&w, "198.51.100.1", "", "b@isp.test"), "250 250 221 ");
    isp_stop(&w);
}

static void
a_greylisted_recipient_is_written_down(void **state)
{
    struct isp_world w;

    open_with(&w, GREY_TO, US_PER_HOUR, 0);
    ask_from(&w, "198.51.100.1", "a@x.test", "b@isp.test");
    assert_non_null(
        strstr(text_string(&w.story), "refused rcpt 451 greylist a@x.test>b@isp.test\n"));
    assert_int_equal(isp_totals(w.isp).recipients_refused_4xx, 1);
    isp_stop(&w);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stranger_waits_out_the_delay_and_no_longer),
        cmocka_unit_test(the_key_says_who_is_a_stranger),
        cmocka_unit_test(the_delay_can_be_turned),
        cmocka_unit_test(a_greylisted_recipient_is_written_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
