/* test_inbound.c - mail that comes back is taken, read and told. */
#include "tests/unit/isp_world.h"

#include "base/store.h"
#include "mta/inbound.h"

#define HELLO       "EHLO mx1.isp.test\r\n"
#define NULL_SENDER "MAIL FROM:<>\r\n"
#define RETURN_PATH "RCPT TO:<b+spring-1z@campaign.example>\r\n"
#define REPORT                                                                                     \
    "DATA\r\nSubject: sorry\r\nContent-Type: multipart/report; "                                   \
    "boundary=b\r\n\r\n--b\r\n\r\nsorry\r\n"                                                       \
    "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx1.isp.test\r\n\r\n" \
    "Final-Recipient: rfc822; kim@isp.test\r\nAction: failed\r\nStatus: 5.1.1\r\n"                 \
    "Diagnostic-Code: smtp; 550 nobody\r\n\r\n"                                                    \
    "Original-Recipient: rfc822; lou@isp.test\r\nFinal-Recipient: rfc822; l@other.test\r\n"        \
    "Action: delayed\r\nStatus: 4.4.1\r\n\r\n--b--\r\n.\r\n"

struct returns {
    struct isp_world w;
    struct mta_config config;
    struct mta_doors doors;
    struct bounce_rules *rules;
    struct slice domain;
    struct inbound *inbound;
};

static void
start(struct returns *r)
{
    *r = (struct returns){.domain = SLICE("campaign.example")};
    isp_prepare(&r->w);
    r->config = mta_config_default();
    r->config.inbound = r->w.address;
    r->config.return_domains = &r->domain;
    r->config.return_domains_count = 1;
    r->config.size_max = 100000;
    r->rules = bounce_rules_new();
    r->doors = (struct mta_doors){.loop = r->w.loop,
        .network = r->w.network,
        .journal = r->w.journal,
        .rng = &r->w.rng,
        .bounce_rules = r->rules};
    r->inbound = inbound_new(&r->config, &r->doors, NULL, &r->w.err);
    assert_non_null(r->inbound);
    peer_connect(&r->w, 0);
}

static void
stop(struct returns *r)
{
    inbound_free(&r->inbound);
    bounce_rules_free(&r->rules);
    isp_stop(&r->w);
}

static void
a_report_is_told_recipient_by_recipient(void **state)
{
    const struct event *events;
    struct returns r;

    start(&r);
    assert_string_equal(
        peer_codes(&r.w, 0, HELLO NULL_SENDER RETURN_PATH REPORT), "250 250 250 354 250 ");
    assert_int_equal(events_of(&r.w, EVENT_DSN_RECEIVED), 2);
    assert_non_null(
        strstr(text_string(&r.w.story), " b+spring-1z@campaign.example>kim@isp.test\n"));
    assert_non_null(
        strstr(text_string(&r.w.story), " b+spring-1z@campaign.example>lou@isp.test\n"));
    events = r.w.events;
    assert_int_equal(events[0].dsn_kind, DSN_FAILED);
    assert_int_equal(events[0].enhanced, 5001001);
    assert_slice(journal_name_text(r.w.journal, events[0].text), "550 nobody");
    assert_slice(journal_name_text(r.w.journal, events[0].host), "mx1.isp.test");
    assert_int_equal(events[1].dsn_kind, DSN_DELAYED);
    assert_int_equal(events[1].enhanced, 4004001);
    assert_int_equal(inbound_totals(r.inbound).bounces, 1);
    stop(&r);
}

/* ---- with a key, a store and EFS ---- */

struct told {
    size_t count;
    enum efs_kind kinds[8];
    struct verdict verdict; /* of the last */
    char rcpt[64], sender[96], message_id[64];
    const struct journal *journal;
};

static bool
take_told(void *arg, const struct efs_event *events, size_t count)
{
    struct told *told = arg;

    for (size_t i = 0; i < count; i++) {
        assert_true(told->count < COUNT_OF(told->kinds));
        told->kinds[told->count++] = events[i].kind;
        told->verdict = events[i].verdict;
        assert_int_equal(events[i].stage, STAGE_OUT_OF_BAND);
        snprintf(told->rcpt, sizeof told->rcpt, "%.*s", SLICE_ARGS(events[i].rcpt));
        snprintf(told->sender, sizeof told->sender, "%.*s", SLICE_ARGS(events[i].sender));
        snprintf(told->message_id, sizeof told->message_id, "%.*s",
            SLICE_ARGS(journal_name_text(told->journal, events[i].message_id)));
    }
    return true;
}

struct house_of_returns {
    struct returns r;
    struct store *store;
    struct efs *efs;
    struct told told;
    struct text path, forged, key; /* "b+spring-1z-TOKEN@campaign.example" */
};

static const struct verp_key verp_key = {
    {3, 1, 4}
};

static void
start_signed(struct house_of_returns *h)
{
    struct returns *r = &h->r;
    struct verp_signer *signer =
        verp_signer_new(&verp_key, SLICE("campaign.example"), SLICE("spring"));

    *h = (struct house_of_returns){0};
    start(r);
    inbound_free(&r->inbound);
    h->told.journal = r->w.journal;
    h->store = store_sim_new(r->w.loop, 0, &r->w.rng);
    h->efs = efs_new(r->w.loop, 1, US_PER_S, take_told, &h->told);
    r->doors.store = h->store;
    r->doors.verp_key = &verp_key;
    r->config.inmail.instance = SLICE("prod");
    r->inbound = inbound_new(&r->config, &r->doors, h->efs, &r->w.err);
    assert_non_null(r->inbound);
    verp_write_key(
        &h->key, SLICE("spring"), 71, verp_token(signer, 71, verp_day(loop_wall_us(r->w.loop))));
    text_printf(&h->path, "b+%s@campaign.example", text_string(&h->key));
    text_add_slice(&h->forged, text_slice(&h->path));
    h->forged.bytes[9] = h->forged.bytes[9] == 'z' ? 'y' : 'z'; /* another row */
    verp_signer_free(&signer);
    peer_connect(&r->w, 1);
    peer_say(&r->w, 1, HELLO);
}

static void
stop_signed(struct house_of_returns *h)
{
    inbound_free(&h->r.inbound);
    efs_free(&h->efs);
    store_free(&h->store);
    text_release(&h->path);
    text_release(&h->forged);
    text_release(&h->key);
    stop(&h->r);
}

/* The codes for a mail to this address. */
static const char *
send_to(struct house_of_returns *h, const char *path, const char *mail)
{
    struct text dialogue = {0};
    const char *codes;

    text_printf(&dialogue, NULL_SENDER "RCPT TO:<%s>\r\n%s", path, mail);
    codes = peer_codes(&h->r.w, 1, text_string(&dialogue));
    text_release(&dialogue);
    return codes;
}

static void
wait_for_poll(struct house_of_returns *h)
{
    struct error err;

    assert_true(loop_run(h->r.w.loop, loop_now_us(h->r.w.loop) + 6 * US_PER_MIN, &err));
}

static void
a_bounce_waits_for_the_poll_and_counts_once(void **state)
{
    struct house_of_returns h;
    struct mta_returns totals;

    start_signed(&h);
    assert_string_equal(send_to(&h, text_string(&h.path), REPORT), "250 250 354 250 ");
    assert_int_equal(h.told.count, 0);
    assert_int_equal(inbound_totals(h.r.inbound).waiting, 2);
    assert_string_equal(send_to(&h, text_string(&h.path), REPORT), "250 250 354 250 ");
    wait_for_poll(&h);
    assert_int_equal(h.told.count, 2);
    assert_int_equal(h.told.kinds[0], EFS_RETURNED);
    assert_int_equal(h.told.kinds[1], EFS_NOTED); /* delayed */
    assert_string_equal(h.told.sender, text_string(&h.path));
    assert_string_equal(h.told.rcpt, "lou@isp.test");
    totals = inbound_totals(h.r.inbound);
    assert_int_equal(totals.bounces, 2);
    assert_int_equal(totals.delays, 2);
    assert_int_equal(totals.duplicates, 2);
    assert_int_equal(totals.waiting, 0);
    assert_int_equal(h.r.w.events[0].outcome, OUTCOME_NONE);
    assert_true(h.r.w.events[0].has_verdict);
    assert_int_equal(h.r.w.events[0].class, CLASS_INVALID_RECIPIENT);
    assert_int_equal(h.r.w.events[2].outcome, OUTCOME_DUPLICATE);
    stop_signed(&h);
}

static void
what_nobody_with_the_key_made_is_refused(void **state)
{
    struct house_of_returns h;
    struct mta_returns totals;

    start_signed(&h);
    assert_string_equal(send_to(&h, text_string(&h.forged), "RSET\r\n"), "250 550 250 ");
    assert_string_equal(send_to(&h, "b+spring-1z@campaign.example", "RSET\r\n"), "250 550 250 ");
    assert_string_equal(send_to(&h, "kim@else.example", "RSET\r\n"), "250 550 250 ");
    assert_string_equal(send_to(&h, text_string(&h.path), "RSET\r\n"), "250 250 250 ");
    assert_string_equal(send_to(&h, "news@campaign.example", "RSET\r\n"), "250 250 250 ");
    h.r.w.events_count = 0;
    totals = inbound_totals(h.r.inbound);
    assert_int_equal(totals.forged, 2);
    assert_int_equal(totals.misaddressed, 1);
    assert_int_equal(totals.late, 0);
    stop_signed(&h);
}

static void
a_path_that_is_too_old_is_refused(void **state)
{
    struct house_of_returns h;
    struct error err;

    start_signed(&h);
    assert_true(loop_run(h.r.w.loop, loop_now_us(h.r.w.loop) + 13 * US_PER_DAY, &err));
    peer_connect(&h.r.w, 2);
    assert_string_equal(peer_codes(&h.r.w, 2, HELLO NULL_SENDER), "250 250 ");
    {
        struct text rcpt = {0};

        text_printf(&rcpt, "RCPT TO:<%s>\r\n", text_string(&h.path));
        assert_string_equal(peer_codes(&h.r.w, 2, text_string(&rcpt)), "550 ");
        text_release(&rcpt);
    }
    assert_int_equal(inbound_totals(h.r.inbound).late, 1);
    assert_int_equal(inbound_totals(h.r.inbound).forged, 0);
    stop_signed(&h);
}

/* Somebody's bounce, sent to an address that anybody knows. */
static void
a_report_about_a_message_we_never_sent_changes_nothing(void **state)
{
    struct house_of_returns h;

    start_signed(&h);
    assert_string_equal(send_to(&h, "news@campaign.example", REPORT), "250 250 354 250 ");
    wait_for_poll(&h);
    assert_int_equal(h.told.count, 0);
    assert_int_equal(inbound_totals(h.r.inbound).unmatched, 2);
    assert_int_equal(h.r.w.events[0].outcome, OUTCOME_UNMATCHED);
    stop_signed(&h);
}

#define COMPLAINT                                                                                 \
    "DATA\r\nFrom: fbl@isp.test\r\nMIME-Version: 1.0\r\nContent-Type: multipart/report; "         \
    "report-type=feedback-report; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n"      \
    "a complaint\r\n--b\r\nContent-Type: message/feedback-report\r\n\r\nFeedback-Type: abuse\r\n" \
    "User-Agent: fbl/1\r\nVersion: 1\r\nOriginal-Rcpt-To: <kim@isp.test>\r\n\r\n--b\r\n"          \
    "Content-Type: text/rfc822-headers\r\n\r\nMessage-ID: <%s.%s@campaign.example>\r\n"           \
    "Subject: hi\r\n\r\n--b--\r\n.\r\n"

static void
a_complaint_is_known_by_the_message_id_it_quotes(void **state)
{
    static const char *const instances[] = {"test", "prod"};
    struct house_of_returns h;

    start_signed(&h);
    for (size_t i = 0; i < COUNT_OF(instances); i++) {
        struct text mail = {0};

        text_printf(&mail, COMPLAINT, text_string(&h.key), instances[i]);
        assert_string_equal(
            send_to(&h, "fbl@campaign.example", text_string(&mail)), "250 250 354 250 ");
        text_release(&mail);
    }
    wait_for_poll(&h);
    assert_int_equal(inbound_totals(h.r.inbound).complaints, 2);
    assert_int_equal(inbound_totals(h.r.inbound).unmatched, 1); /* another instance's */
    assert_int_equal(h.told.count, 1);
    assert_int_equal(h.told.kinds[0], EFS_COMPLAINT);
    assert_int_equal(h.told.verdict.reason, REASON_DENYLISTED);
    assert_int_equal(h.told.verdict.type, TYPE_HARD);
    assert_string_equal(h.told.sender, text_string(&h.path));
    assert_string_equal(h.told.rcpt, "kim@isp.test");
    assert_int_equal(events_of(&h.r.w, EVENT_FBL_RECEIVED), 2);
    stop_signed(&h);
}

static void
mail_to_the_address_of_list_unsubscribe_is_an_unsubscription(void **state)
{
    struct house_of_returns h;

    start_signed(&h);
    h.path.bytes[0] = 'u';
    assert_string_equal(send_to(&h, text_string(&h.path),
                            "DATA\r\nFrom: kim@isp.test\r\nSubject: unsubscribe\r\n\r\n.\r\n"),
        "250 250 354 250 ");
    wait_for_poll(&h);
    assert_int_equal(h.told.count, 1);
    assert_int_equal(h.told.kinds[0], EFS_UNSUBSCRIBED);
    assert_int_equal(h.told.sender[0], 'b');
    assert_int_equal(inbound_totals(h.r.inbound).unsubscriptions, 1);
    stop_signed(&h);
}

static void
what_is_no_report_is_taken_and_counted(void **state)
{
    struct returns r;

    start(&r);
    assert_string_equal(peer_codes(&r.w, 0,
                            HELLO "MAIL FROM:<kim@isp.test>\r\n" RETURN_PATH
                                  "DATA\r\nSubject: lunch\r\n\r\nat noon?\r\n.\r\n"),
        "250 250 250 354 250 ");
    assert_string_equal(
        text_string(&r.w.story), "dsn.received  0  b+spring-1z@campaign.example>\n");
    assert_int_equal(r.w.events[0].dsn_kind, DSN_OTHER);
    assert_int_equal(inbound_totals(r.inbound).others, 1);
    assert_int_equal(inbound_totals(r.inbound).bounces, 0);
    stop(&r);
}

/* Five hundred addresses times two recipients, in one mail. */
static void
no_more_is_heard_of_one_mail_than_of_one_report(void **state)
{
    struct text dialogue = {0};
    struct returns r;

    start(&r);
    text_add_string(&dialogue, HELLO NULL_SENDER);
    for (int i = 0; i < 400; i++)
        text_printf(&dialogue, "RCPT TO:<b+spring-%d@campaign.example>\r\n", 1 + i % 9);
    text_add_string(&dialogue, REPORT);
    peer_say(&r.w, 0, text_string(&dialogue));
    assert_int_equal(inbound_totals(r.inbound).bounces, REPORT_RECIPIENTS_MAX / 2);
    assert_int_equal(inbound_totals(r.inbound).delays, REPORT_RECIPIENTS_MAX / 2);
    text_release(&dialogue);
    stop(&r);
}

/* One line, however many addresses it came to, and what was read before counts. */
static void
what_cuts_a_mail_short_is_told_once(void **state)
{
    struct text dialogue = {0};
    struct returns r;

    start(&r);
    text_add_string(&dialogue, HELLO NULL_SENDER RETURN_PATH RETURN_PATH "DATA\r\n");
    for (int i = 0; i <= REPORT_HOPS_MAX; i++)
        text_printf(&dialogue, "Received: by mx%d.isp.test; now\r\n", i);
    text_add_string(&dialogue, &REPORT[strlen("DATA\r\n")]);
    peer_say(&r.w, 0, text_string(&dialogue));
    text_release(&dialogue);
    assert_int_equal(events_of(&r.w, EVENT_DSN_TROUBLE), 1);
    assert_int_equal(events_of(&r.w, EVENT_DSN_RECEIVED), 4);
    assert_int_equal(r.w.events[0].outcome, OUTCOME_CUT);
    assert_slice(
        journal_name_text(r.w.journal, r.w.events[0].text), report_trouble_text(REPORT_LOOP));
    assert_non_null(
        strstr(text_string(&r.w.story), "dsn.trouble  0  b+spring-1z@campaign.example>\n"));
    assert_int_equal(inbound_totals(r.inbound).cut_short, 1);
    assert_int_equal(inbound_totals(r.inbound).too_large, 0);
    stop(&r);
}

static void
what_is_refused_for_its_size_is_told(void **state)
{
    struct text dialogue = {0};
    struct returns r;

    start(&r);
    assert_string_equal(
        peer_codes(&r.w, 0, HELLO "MAIL FROM:<> SIZE=100001\r\n" NULL_SENDER RETURN_PATH),
        "250 552 250 250 ");
    text_add_string(&dialogue, "DATA\r\n\r\n");
    while (dialogue.length <= 100000)
        text_add_string(&dialogue, "once more, and once more, and once more\r\n");
    text_add_string(&dialogue, ".\r\n");
    assert_string_equal(peer_codes(&r.w, 0, text_string(&dialogue)), "354 552 ");
    text_release(&dialogue);
    assert_int_equal(events_of(&r.w, EVENT_DSN_TROUBLE), 2);
    assert_int_equal(r.w.events[1].outcome, OUTCOME_REFUSED);
    assert_int_equal(inbound_totals(r.inbound).too_large, 2);
    assert_int_equal(inbound_totals(r.inbound).cut_short, 0);
    stop(&r);
}

static void
only_return_paths_and_the_postmaster_are_known(void **state)
{
    struct returns r;

    start(&r);
    peer_say(&r.w, 0, HELLO NULL_SENDER);
    assert_string_equal(peer_codes(&r.w, 0, "RCPT TO:<kim@isp.test>\r\n"), "550 ");
    assert_string_equal(peer_codes(&r.w, 0, "RCPT TO:<>\r\n"), "501 ");
    assert_string_equal(peer_codes(&r.w, 0, "RCPT TO:<b@sub.campaign.example>\r\n"), "550 ");
    assert_string_equal(peer_codes(&r.w, 0, "RCPT TO:<postmaster>\r\n"), "250 ");
    assert_string_equal(peer_codes(&r.w, 0, "RCPT TO:<B+X-1@Campaign.EXAMPLE>\r\n"), "250 ");
    stop(&r);
}

static void
what_submission_offers_is_not_offered_here(void **state)
{
    struct returns r;

    start(&r);
    assert_null(strstr(peer_say(&r.w, 0, HELLO), "DELIVERBY"));
    assert_string_equal(peer_codes(&r.w, 0, "MAIL FROM:<> BY=60;R\r\n"), "555 ");
    stop(&r);
}

static void
one_message_may_come_back_after_the_other(void **state)
{
    struct returns r;

    start(&r);
    peer_say(&r.w, 0, HELLO);
    for (int i = 0; i < 30; i++)
        assert_string_equal(
            peer_codes(&r.w, 0, NULL_SENDER RETURN_PATH REPORT), "250 250 354 250 ");
    assert_int_equal(inbound_totals(r.inbound).bounces, 30);
    stop(&r);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_report_is_told_recipient_by_recipient),
        cmocka_unit_test(a_bounce_waits_for_the_poll_and_counts_once),
        cmocka_unit_test(what_nobody_with_the_key_made_is_refused),
        cmocka_unit_test(a_path_that_is_too_old_is_refused),
        cmocka_unit_test(a_report_about_a_message_we_never_sent_changes_nothing),
        cmocka_unit_test(a_complaint_is_known_by_the_message_id_it_quotes),
        cmocka_unit_test(mail_to_the_address_of_list_unsubscribe_is_an_unsubscription),
        cmocka_unit_test(what_is_no_report_is_taken_and_counted),
        cmocka_unit_test(no_more_is_heard_of_one_mail_than_of_one_report),
        cmocka_unit_test(what_cuts_a_mail_short_is_told_once),
        cmocka_unit_test(what_is_refused_for_its_size_is_told),
        cmocka_unit_test(only_return_paths_and_the_postmaster_are_known),
        cmocka_unit_test(what_submission_offers_is_not_offered_here),
        cmocka_unit_test(one_message_may_come_back_after_the_other),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
