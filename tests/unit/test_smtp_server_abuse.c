/* test_smtp_server_abuse.c - what clients do that they should not: their sessions end with the right
 * reply, and the others go on. */
#include "tests/unit/isp_world.h"

#include "fakeisp/smtp_server.h"

#define HELLO    "EHLO client.test\r\n"
#define ENVELOPE "MAIL FROM:<a@x.test>\r\nRCPT TO:<b@isp.test>\r\n"
#define MESSAGE  "DATA\r\nSubject: hi\r\n\r\nhello\r\n.\r\n"

/* Peer 0 misbehaves. Peer 1 was there before and is served as ever. */
static void
start(struct isp_world *w)
{
    isp_start(w);
    peer_connect(w, 0);
    peer_connect(w, 1);
    peer_say(w, 1, HELLO);
    peer_say(w, 0, HELLO);
}

static void
stop(struct isp_world *w)
{
    uint64_t before = isp_totals(w->isp).messages_accepted;

    assert_string_equal(peer_codes(w, 1, ENVELOPE MESSAGE), "250 250 354 250 ");
    assert_int_equal(isp_totals(w->isp).messages_accepted, before + 1);
    isp_stop(w);
}

static void
a_flood_of_commands_for_nothing_ends(void **state)
{
    static const char *const floods[] = {
        "NOOP\r\n", "RSET\r\n", "HELP\r\n", "VRFY kim\r\n", "EHLO again.test\r\n"};

    for (size_t i = 0; i < COUNT_OF(floods); i++) {
        struct isp_world w;

        print_message("  %s", floods[i]);
        start(&w);
        for (int j = 1; j < SERVER_IDLE_COMMANDS_MAX; j++) /* the first EHLO was one already */
            assert_int_equal(peer_codes(&w, 0, floods[i])[0], '2');
        assert_false(w.peers[0].is_ended);
        assert_string_equal(peer_codes(&w, 0, floods[i]), "421 ");
        assert_true(w.peers[0].is_ended);
        stop(&w);
    }
}

static void
commands_between_messages_are_no_flood(void **state)
{
    struct isp_world w;

    start(&w);
    for (int i = 0; i < 10 * SERVER_IDLE_COMMANDS_MAX; i++)
        assert_string_equal(
            peer_codes(&w, 0, "NOOP\r\nMAIL FROM:<a@x.test>\r\nRSET\r\n"), "250 250 250 ");
    stop(&w);
}

static void
a_flood_in_one_batch_ends_with_one_421(void **state)
{
    struct text flood = {0};
    const char *codes;
    struct isp_world w;

    start(&w);
    for (int i = 0; i < 3 * SERVER_IDLE_COMMANDS_MAX; i++)
        text_add_string(&flood, "RSET\r\n");
    codes = peer_codes(&w, 0, text_string(&flood));
    assert_string_equal(codes + strlen(codes) - 8, "250 421 ");
    assert_int_equal(strlen(codes), 4 * SERVER_IDLE_COMMANDS_MAX);
    text_release(&flood);
    stop(&w);
}

/* Slow loris: each byte comes in time, the line never does. */
static void
half_a_line_keeps_nobody_alive(void **state)
{
    struct isp_world w;
    int minutes = 0;

    start(&w);
    while (!w.peers[0].is_ended && minutes < 20) {
        peer_say(&w, 0, "N");
        isp_pass(&w, US_PER_MIN);
        peer_say(&w, 1, "NOOP\r\n");
        minutes++;
    }
    assert_string_equal(codes_of(text_string(&w.peers[0].heard)), "421 ");
    assert_int_equal(minutes, SERVER_IDLE_S / 60);
    stop(&w);
}

static int
minutes_of_content(const char *per_minute)
{
    struct isp_world w;
    int minutes = 0;

    start(&w);
    peer_say(&w, 0, ENVELOPE "DATA\r\n");
    while (!w.peers[0].is_ended && minutes < 60) {
        peer_say(&w, 0, per_minute);
        isp_pass(&w, US_PER_MIN);
        peer_say(&w, 1, "NOOP\r\n");
        minutes++;
        if (minutes % 50 == 0)
            peer_say(&w, 1, ENVELOPE "RSET\r\n");
    }
    stop(&w);
    return minutes;
}

static void
content_must_come_at_a_pace(void **state)
{
    char fast[SERVER_CONTENT_BYTES_PER_S * 60 + 3];

    assert_in_range(minutes_of_content("x\r\n"), 11, 16);
    memset(fast, 'x', sizeof fast);
    memcpy(fast + sizeof fast - 3, "\r\n", 3);
    assert_int_equal(minutes_of_content(fast), 60);
}

/* SMTP smuggling: nothing but CRLF.CRLF ends the content, so what follows is content, too. */
static void
only_crlf_dot_crlf_ends_the_content(void **state)
{
    static const char *const ends[] = {"\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r.\r\n", "\r\n.\r",
        "\n.\r", "\r\r\n.\r\r\n", "\r\n.\r\r\n", "\r\n.\n\r\n", "\r\n .\r\n", "\r\n. \r\n"};

    for (size_t i = 0; i < COUNT_OF(ends); i++) {
        bool is_clean = strcmp(ends[i], "\r\n .\r\n") == 0 || strcmp(ends[i], "\r\n. \r\n") == 0;
        struct isp_world w;
        struct text wire = {0};

        print_message("  %zu\n", i);
        start(&w);
        text_printf(&wire, ENVELOPE "DATA\r\nSubject: outer\r\n\r\nhello%s", ends[i]);
        text_add_string(&wire, "MAIL FROM:<evil@x.test>\r\nRCPT TO:<victim@isp.test>\r\n");
        text_add_string(&wire, "DATA\r\nSubject: smuggled\r\n\r\n");
        text_add_string(&wire, "\r\n.\r\n");
        assert_string_equal(peer_codes(&w, 0, text_string(&wire)),
            is_clean ? "250 250 354 250 " : "250 250 354 550 ");
        assert_null(strstr(text_string(&w.story), "victim@"));
        assert_int_equal(isp_totals(w.isp).messages_accepted, is_clean);
        assert_string_equal(peer_codes(&w, 0, ENVELOPE MESSAGE), "250 250 354 250 ");
        text_release(&wire);
        stop(&w);
    }
}

/* Wherever a connection is cut, by its end or by a reset, only what was promised counts. */
static void
a_dialogue_may_be_cut_at_every_byte(void **state)
{
    static const char dialogue[] = HELLO ENVELOPE MESSAGE "QUIT\r\n";
    size_t taken_at = sizeof dialogue - 1 - 6; /* the final dot has come */

    for (size_t length = 0; length < sizeof dialogue; length++) {
        for (int is_reset = 0; is_reset <= 1; is_reset++) {
            struct isp_world w;

            start(&w);
            peer_connect(&w, 0);
            peer_say_bytes(&w, 0, dialogue, length);
            if (is_reset)
                stream_abort(&w.peers[0].stream);
            else
                stream_close(&w.peers[0].stream);
            isp_pass(&w, US_PER_S);
            assert_int_equal(isp_sessions_open(w.isp, 0), 1);
            assert_int_equal(isp_totals(w.isp).messages_accepted, length >= taken_at);
            stop(&w);
        }
    }
}

static void
commands_before_the_banner_are_heard_after_it(void **state)
{
    struct isp_rule rule = {.id = SLICE("slow"),
        .stage = STAGE_BANNER,
        .share_ppm = PPM,
        .action = ACTION_DELAY,
        .delay_us = 5 * US_PER_S};
    struct isp_world w;

    isp_prepare(&w);
    w.config.rules = &rule;
    w.config.rules_count = 1;
    isp_open(&w);
    peer_connect(&w, 0);
    assert_string_equal(peer_say(&w, 0, HELLO ENVELOPE MESSAGE), "");
    isp_pass(&w, 6 * US_PER_S);
    assert_string_equal(codes_of(text_string(&w.peers[0].heard)), "220 250 250 250 354 250 ");
    isp_stop(&w);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_flood_of_commands_for_nothing_ends),
        cmocka_unit_test(commands_between_messages_are_no_flood),
        cmocka_unit_test(a_flood_in_one_batch_ends_with_one_421),
        cmocka_unit_test(half_a_line_keeps_nobody_alive),
        cmocka_unit_test(content_must_come_at_a_pace),
        cmocka_unit_test(only_crlf_dot_crlf_ends_the_content),
        cmocka_unit_test(a_dialogue_may_be_cut_at_every_byte),
        cmocka_unit_test(commands_before_the_banner_are_heard_after_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
