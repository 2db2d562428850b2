/* test_scenario.c - scenario files as they are read: what every key becomes. */
#include "tests/unit.h"

#include "scenarios/loader.h"

#define FIXTURES "tests/fixtures/scenarios/"
#define HOUR     (INT64_C(3600) * 1000000)
#define MINUTE   (INT64_C(60) * 1000000)

static struct scenario *
load(const char *filename, const struct setting *setting, struct diagnostics *diagnostics)
{
    struct error err;
    struct scenario *scenario =
        scenario_load(filename, setting, setting != NULL, diagnostics, &err);
    struct text text = {0};

    diagnostics_render(diagnostics, &text, false);
    if (scenario == NULL)
        print_message("%s", text_string(&text));
    text_release(&text);
    return scenario;
}

static void
every_key_becomes_what_it_says(void **state)
{
    struct diagnostics diagnostics = {0};
    struct scenario *s = load(FIXTURES "all.yaml", NULL, &diagnostics);

    assert_non_null(s);
    diagnostics_release(&diagnostics); /* a scenario stands on its own */
    assert_slice(s->name, "all-keys");
    assert_slice(s->title, "Every key, for everybody");
    assert_int_equal(s->tags_count, 2);
    assert_slice(s->requires[0], "netns");
    assert_false(s->is_profile);
    assert_int_equal(s->start_wall_us, INT64_C(1770091506) * 1000000);
    assert_int_equal(s->until_us, 48 * HOUR);
    assert_int_equal(s->wall_limit_us, HOUR);
    assert_int_equal(s->seed, 9);
    assert_int_equal(s->dns_delay_us, 30000);
    assert_int_equal(s->campaign_rtt_us, 4000);
    assert_slice(s->campaign.from.local, "post");
    assert_int_equal(s->campaign.soft_limit, 3);
    assert_int_equal(s->campaign.body_bytes, 2048);
    assert_slice(s->record_events, "journal.jsonl");
    assert_int_equal(s->plots_count, 2);
    assert_slice(s->params[1].value.text, "120/min");
    assert_int_equal(s->params[1].value.mark.line, 9);
    scenario_free(&s);
    assert_null(s);
}

static void
check_reputation(const struct isp_config *isp)
{
    const struct isp_reputation *reputation = &isp->reputation;
    const struct isp_warming *warming = &isp->warming;

    assert_int_equal(reputation->per, LIMIT_PER_SOURCE_IP | LIMIT_PER_SENDER_DOMAIN);
    assert_int_equal(reputation->start, 70);
    assert_int_equal(reputation->recover, 4);
    assert_int_equal(reputation->trap_points, 15);
    assert_int_equal(reputation->complaint_points, 30);
    assert_int_equal(reputation->unknown_points, 3);
    assert_int_equal(reputation->share_of_min, 50);
    assert_int_equal(reputation->jump_points, 12);
    assert_int_equal(reputation->jump_times, 3);
    assert_int_equal(reputation->jump_from, 500);
    assert_int_equal(reputation->bands_count, 2);
    assert_slice(reputation->bands[0].id, "band-1");
    assert_false(reputation->bands[0].reply.is_set);
    assert_int_equal(reputation->bands[0].scale_ppm, 250000);
    assert_int_equal(reputation->bands[1].share_ppm, 500000);
    assert_true(reputation->bands[1].is_closing);
    assert_int_equal(reputation->bands[1].stage, STAGE_RCPT);
    assert_int_equal(warming->per, LIMIT_PER_IP_24);
    assert_int_equal(warming->first, 100);
    assert_int_equal(warming->full, 5000);
    assert_int_equal(warming->grow.num * 2, warming->grow.den * 3);
    assert_int_equal(warming->shrink.den, 4);
    assert_int_equal(warming->complaint_share.den, 200);
    assert_int_equal(warming->unknown_share.den, 10);
    assert_int_equal(warming->share_of_min, 20);
    assert_int_equal(warming->traps_max, 1);
    assert_true(warming->is_closing);
    assert_int_equal(warming->stage, STAGE_DATA);
    assert_int_equal(warming->unseen.reply.code, 554);
    assert_int_equal(warming->unseen_us, 4 * HOUR);
    assert_int_equal(warming->forget_us, 60 * US_PER_DAY);
}

static void
check_rungs(const struct isp_config *isp)
{
    const struct isp_limit *shared = &isp->limits[6], *dirt = &isp->limits[7];
    const struct isp_rung *rungs = dirt->rungs;

    assert_int_equal(shared->per, LIMIT_PER_SITE);
    assert_int_equal(shared->window, WINDOW_BUCKET);
    assert_int_equal(shared->window_us, US_PER_S);
    assert_int_equal(shared->max, 20);
    assert_int_equal(shared->burst, 100);
    assert_int_equal(shared->stage, STAGE_DOT);
    assert_int_equal(shared->then, THEN_RESET);
    assert_true(shared->is_unscaled);
    assert_int_equal(dirt->share.num * 8, dirt->share.den);
    assert_int_equal(dirt->share_of_min, 50);
    assert_int_equal(dirt->window, WINDOW_CLOCK);
    assert_int_equal(dirt->decay_us, 6 * HOUR);
    assert_int_equal(dirt->hold_us, 0);
    assert_int_equal(dirt->rungs_count, 2);
    assert_slice(rungs[0].id, "rung-1");
    assert_int_equal(rungs[0].after, 20);
    assert_int_equal(rungs[0].within_us, 10 * MINUTE);
    assert_int_equal(rungs[0].over.reply.code, 421);
    assert_int_equal(rungs[0].stage, STAGE_BANNER);
    assert_int_equal(rungs[0].hold_us, HOUR);
    assert_int_equal(rungs[0].scale_ppm, 500000);
    assert_int_equal(rungs[1].within_us, HOUR);
    assert_int_equal(rungs[1].over.reply.code, 550);
    assert_int_equal(rungs[1].then, THEN_SILENT);
    assert_int_equal(rungs[1].stage, STAGE_CONNECT);
    assert_int_equal(rungs[1].scale_ppm, 1000000);
    assert_int_equal(isp->limits[8].window, WINDOW_NONE);
}

static void
a_provider_has_its_limits_rules_and_truths(void **state)
{
    struct diagnostics diagnostics = {0};
    struct scenario *s = load(FIXTURES "all.yaml", NULL, &diagnostics);
    const struct isp_config *isp = &s->isps[0];
    const struct isp_limit *limit = &isp->limits[0];
    const struct isp_rule *rule = &isp->rules[0];

    assert_int_equal(limit->max, 120);
    assert_int_equal(limit->window, WINDOW_SLIDING);
    assert_int_equal(limit->window_us, MINUTE);
    assert_int_equal(limit->per, LIMIT_PER_SOURCE_IP | LIMIT_PER_HOST);
    assert_int_equal(limit->then, THEN_CLOSE);
    assert_int_equal(limit->hold_us, 10 * MINUTE);
    assert_int_equal(limit->hold_factor.num * 2, limit->hold_factor.den * 3);
    assert_int_equal(isp->limits[1].window, WINDOW_NONE);
    assert_slice(isp->limits[1].over.reply.text, "too many connections open");
    assert_int_equal(isp->limits[2].window_us, HOUR); /* 500/h alone */
    assert_int_equal(isp->limits[2].max, 500);
    assert_int_equal(isp->limits[3].window_us, MINUTE); /* 600/min alone */
    assert_int_equal(isp->limits[3].max, 600);
    assert_int_equal(isp->limits[4].window_us, 2 * US_PER_S); /* 2.5/s is five in two seconds */
    assert_int_equal(isp->limits[4].max, 5);
    assert_int_equal(isp->limits[5].window_us, MINUTE); /* $pace / 2, and $pace is 120/min */
    assert_int_equal(isp->limits[5].max, 60);
    check_rungs(isp);
    check_reputation(isp);

    assert_int_equal(rule->attempt_min, 1);
    assert_int_equal(rule->attempt_max, 2);
    assert_int_equal(rule->conditions_count, 2);
    assert_int_equal(rule->conditions[0].what, CONDITION_AGE);
    assert_int_equal(rule->conditions[0].compare, IS_LESS);
    assert_int_equal(rule->conditions[0].value, 20 * MINUTE);
    assert_int_equal(rule->conditions[1].what, CONDITION_ATTEMPT);
    assert_int_equal(rule->conditions[1].compare, IS_AT_MOST);
    assert_int_equal(rule->share_ppm, 125000);
    assert_int_equal(rule->times, 3);
    assert_int_equal(rule->drip_us, 10000);
    assert_int_equal(isp->rules[1].action, ACTION_CLOSE);
    assert_slice(isp->rules[1].id, "rule-2");
    assert_int_equal(isp->rules[2].action, ACTION_SILENT);
    assert_int_equal(isp->limits[2].cause, CLASS_SPAM_BLOCK);
    assert_int_equal(isp->rules[0].cause, CLASS_NONE);
    assert_int_equal(isp->rules[1].cause, CLASS_SPAM_CONTENT);
    assert_int_equal(isp->returns_count, 0);

    assert_true(isp->greylist.is_on);
    assert_int_equal(isp->greylist.key, GREY_IP_24 | GREY_TO);
    assert_int_equal(isp->mailboxes[0].is, MAILBOX_FULL);
    assert_int_equal(isp->mailboxes[0].for_us, 6 * HOUR);
    assert_false(isp->mailboxes[1].reply.is_set);
    assert_true(isp->is_without_ehlo && isp->is_without_pipelining && isp->is_without_8bitmime);
    assert_int_equal(isp->size_max, 10000000);
    assert_false(s->isps[2].greylist.is_on);
    assert_int_equal(s->isps[2].size_max, 50 * 1024 * 1024);
    scenario_free(&s);
    diagnostics_release(&diagnostics);
}

static void
a_provider_sends_mail_back(void **state)
{
    struct diagnostics diagnostics = {0};
    struct scenario *s = load(FIXTURES "returns.yaml", NULL, &diagnostics);
    const struct isp_return *back = s->isps[0].returns;

    assert_int_equal(s->isps[0].returns_count, 8);
    assert_int_equal(back[0].kind, RETURN_REPORT);
    assert_int_equal(back[0].action, DSN_FAILED);
    assert_int_equal(back[0].after_us, 48 * HOUR);
    assert_int_equal(back[0].after_us_max, 72 * HOUR);
    assert_int_equal(back[0].share_ppm, 250000);
    assert_int_equal(back[0].cause, CLASS_GENERIC_BOUNCE);
    assert_int_equal(back[0].path, RETURN_TO_FORGED);
    assert_slice(back[0].forwarded_to, "old@elsewhere.example");
    assert_int_equal(back[0].copies, 2);
    assert_int_equal(back[0].copies_every_us, 5 * MINUTE);
    assert_int_equal(back[0].dialects_count, 1);
    assert_slice(back[0].dialects[0]->name, "qmail");

    for (size_t i = 1; i <= 2; i++) {
        assert_int_equal(back[i].action, DSN_DELAYED);
        assert_int_equal(enhanced_pack(back[i].code), 4004007);
        assert_int_equal(back[i].after_us, i == 1 ? 4 * HOUR : 24 * HOUR);
        assert_int_equal(back[i].after_us_max, back[i].after_us);
        assert_null(back[i].dialects[0]); /* qmail reports no delays */
    }
    assert_int_equal(back[3].kind, RETURN_AUTO_REPLY);
    assert_int_equal(back[3].dialects[0]->kind, DIALECT_CHALLENGE);
    assert_int_equal(back[3].path, RETURN_TO_FROM);
    assert_int_equal(back[4].kind, RETURN_COMPLAINT);
    assert_true(back[4].dialects_count > 1);
    assert_slice(back[4].complaint_to, "abuse@campaign.example");
    for (size_t i = 0; i <= 4; i++)
        assert_int_equal(back[i].entry, 0);
    assert_int_equal(back[5].entry, 5);
    assert_int_equal(back[5].after_us, HOUR);
    assert_int_equal(back[5].complaint_to.length, 0);
    assert_slice(back[6].dialects[0]->name, "provider");
    assert_int_equal(back[7].action, DSN_DELAYED);
    assert_null(back[7].dialects[0]);
    scenario_free(&s);
    diagnostics_release(&diagnostics);
}

/* "TYPE name preference host address|text" for each record. */
static void
print_records(const struct scenario *s, struct text *out)
{
    static const char *const types[] = {
        [DNS_MX] = "MX", [DNS_ADDRESS] = "address", [DNS_TXT] = "TXT"};

    for (size_t i = 0; i < s->records_count; i++) {
        const struct zone_record *record = &s->records[i];

        text_printf(out, "%.*s %s ", SLICE_ARGS(record->name), types[record->type]);
        if (record->type == DNS_MX)
            text_printf(out, "%d %.*s", record->preference, SLICE_ARGS(record->host));
        else if (record->type == DNS_TXT)
            text_add_slice(out, record->text);
        else
            net_address_format(out, &record->address);
        text_add_char(out, '\n');
    }
}

static void
zones_are_read_and_what_is_left_out_goes_without_saying(void **state)
{
    struct diagnostics diagnostics = {0};
    struct scenario *s = load(FIXTURES "all.yaml", NULL, &diagnostics);
    const struct isp_host *hosts = s->isps[0].hosts;
    struct text records = {0};

    print_records(s, &records);
    assert_slice(text_slice(&records),
        "big.example MX 10 mx1.big.example\n"
        "big.example MX 20 mx2.big.example\n"
        "mx1.big.example address 192.0.2.10\n"
        "mx1.big.example address 2001:db8::10\n"
        "mx2.big.example address 192.0.2.11\n"
        "big.example TXT v=spf1 -all\n"
        "_dmarc.big.example TXT v=DMARC1; p=none\n"
        "null.example MX 0 \n"
        "roll.example MX 10 mx1.big.example\n"
        "apex.example address 192.0.2.99\n"
        "mx3.late.example address 192.0.2.1\n"
        "late.example MX 10 mx1.big.example\n"
        "late.example MX 20 mx2.big.example\n"
        "late.example MX 30 mx3.late.example\n"
        "mx1.auto.example address 192.0.2.2\n"
        "auto.example MX 10 mx1.auto.example\n"
        "second.example MX 10 mx1.auto.example\n");
    text_release(&records);
    assert_int_equal(s->zones_count, 7);
    assert_slice(hosts[0].fqdn, "mx1.big.example");
    assert_int_equal(hosts[0].addresses_count, 2);
    assert_int_equal(hosts[0].addresses[0].port, 25);
    assert_int_equal(hosts[1].fault, NET_FAULT_SILENT);
    assert_int_equal(hosts[1].rtt_us, 20000);
    assert_slice(s->isps[1].hosts[0].fqdn, "apex.example"); /* without MX: the domain itself */
    scenario_free(&s);
    diagnostics_release(&diagnostics);
}

static void
the_mta_has_its_schedule_and_rules(void **state)
{
    struct diagnostics diagnostics = {0};
    struct scenario *s = load(FIXTURES "all.yaml", NULL, &diagnostics);

    assert_slice(s->mta.hostname, "out.campaign.example");
    assert_int_equal(s->mta.retry.first_us, 5 * MINUTE);
    assert_int_equal(s->mta.retry.cap_us, 6 * HOUR);
    assert_int_equal(s->mta.retry.jitter_ppm, 100000);
    assert_int_equal(s->mta.validity_us, 84 * HOUR); /* asked: five days */
    assert_int_equal(s->mta.source_ips_count, 2);
    assert_int_equal(s->mta.source_ips[1].bytes[3], 6);
    assert_int_equal(s->mta.efs_batch, 100);
    assert_int_equal(s->mta.mx_rules_count, 2);
    assert_int_equal(s->mta.mx_rules[0].recipients_per_transaction, 5);
    assert_int_equal(s->mta.mx_rules[0].messages_per_hour, 600);
    assert_int_equal(s->mta.mx_rules[1].connections, mx_rule_default.connections);
    scenario_free(&s);
    diagnostics_release(&diagnostics);
}

static void
deliveries_know_when_and_to_whom(void **state)
{
    struct diagnostics diagnostics = {0};
    struct scenario *s = load(FIXTURES "all.yaml", NULL, &diagnostics);
    const struct delivery_config *first = &s->campaign.deliveries[0];
    const struct delivery_config *second = &s->campaign.deliveries[1];

    assert_int_equal(first->at_us, HOUR);
    assert_int_equal(first->spread_us, 30 * MINUTE);
    assert_int_equal(first->validity_us, 12 * HOUR);
    assert_int_equal(first->recipients_per_message, 10);
    assert_int_equal(first->steps[1].what, DO_RESUME);
    assert_slice(first->to[0].before, "u");
    assert_slice(first->to[0].after, "@big.example");
    assert_int_equal(first->to[0].width, 4);
    assert_int_equal(first->to[0].count, 1000);
    assert_slice(first->to[1].addresses[0], "100%@big.example");
    assert_int_equal(first->to[2].addresses_count, 3); /* quotes, line ends and empty lines */
    assert_slice(first->to[2].addresses[1], "lee@big.example");
    assert_int_equal(second->arrivals, ARRIVALS_POISSON);
    assert_int_equal(second->arrivals_rate.num * 250000, second->arrivals_rate.den); /* 240/min */
    assert_int_equal(second->arrivals_from_us, MINUTE);
    assert_int_equal(second->at_us, MINUTE);
    assert_int_equal(second->to[0].count, 0);
    scenario_free(&s);
    diagnostics_release(&diagnostics);
}

static void
time_lines_change_what_their_paths_name(void **state)
{
    static const struct {
        int64_t at_us;
        const char *label, *text;
        enum change_kind kind;
        size_t isp, index;
        int64_t value;
    } expected[] = {
        {HOUR,      "cut",                "limits.pace.max: $pace / 2",              CHANGE_KNOB,    0,        0, 60         },
        {HOUR,      "",                   "hosts.mx1.rtt: 1s",                       CHANGE_RTT,     0,        0, 1000000    },
        {4 * HOUR,  "",                   "refuse: mx1",                             CHANGE_HOST,    0,        0, 0          },
        {4 * HOUR,  "",                   "dns: servfail",                           CHANGE_DNS,     0,        0, 0          },
        {5 * HOUR,  "rules",              "isps.big.rules.busy.share: 100%",         CHANGE_KNOB,    0,        0, 1000000    },
        {5 * HOUR,  "",                   "isps.big.mailboxes.traps.share: 10%",     CHANGE_KNOB,    0,        1, 100000     },
        {5 * HOUR,  "",                   "isps.big.greylist.delay: $nap",           CHANGE_KNOB,    0,        0, 10 * MINUTE},
        {6 * HOUR,  "",                   "reset: big.mx1",                          CHANGE_HOST,    0,        0, 0          },
        {6 * HOUR,  "",                   "reset: isps.auto.hosts.mx1",              CHANGE_HOST,    2,        0, 0          },
        {7 * HOUR,  "",                   "isps.big.limits.pace.window: sliding 2m", CHANGE_KNOB,    0,        0, 2 * MINUTE },
        {7 * HOUR,  "",                   "isps.big.mailboxes.mailbox-1.share: 0%",  CHANGE_KNOB,    0,        0, 0          },
        {7 * HOUR,  "",                   "isps.big.hosts.mx2.fault: none",          CHANGE_HOST,    0,        1, 0          },
        {8 * HOUR,  "nothing but a name", "nothing but a name",                      CHANGE_NOTHING, SIZE_MAX, 0, 0          },
        {9 * HOUR,  "by hand",            "suspend: mx1.big.example/198.51.100.6",   CHANGE_HOLD,    SIZE_MAX, 0, 0          },
        {9 * HOUR,  "",                   "suspend: second.example",                 CHANGE_HOLD,    SIZE_MAX, 0, 0          },
        {10 * HOUR, "",                   "resume: second.example",                  CHANGE_RELEASE, SIZE_MAX, 0, 0          },
    };
    struct diagnostics diagnostics = {0};
    struct scenario *s = load(FIXTURES "all.yaml", NULL, &diagnostics);

    assert_int_equal(s->changes_count, COUNT_OF(expected));
    for (size_t i = 0; i < COUNT_OF(expected); i++) {
        print_message("  %s\n", expected[i].text);
        assert_int_equal(s->changes[i].at_us, expected[i].at_us);
        assert_slice(s->changes[i].label, expected[i].label);
        assert_slice(s->changes[i].text, expected[i].text);
        assert_int_equal(s->changes[i].kind, expected[i].kind);
        assert_int_equal(s->changes[i].isp, expected[i].isp);
        assert_int_equal(s->changes[i].index, expected[i].index);
        if (expected[i].kind == CHANGE_KNOB || expected[i].kind == CHANGE_RTT)
            assert_int_equal(s->changes[i].value, expected[i].value);
    }
    assert_int_equal(s->changes[2].fault, NET_FAULT_REFUSE);
    assert_int_equal(s->changes[3].dns, DNS_SERVFAIL);
    assert_int_equal(s->changes[7].fault, NET_FAULT_RESET);
    assert_int_equal(s->changes[7].for_us, MINUTE);
    assert_slice(s->changes[13].target, "mx1.big.example/198.51.100.6");
    assert_int_equal(s->changes[14].for_us, HOUR);
    scenario_free(&s);
    diagnostics_release(&diagnostics);
}

static void
expectations_keep_their_texts_and_places(void **state)
{
    struct diagnostics diagnostics = {0};
    struct scenario *s = load(FIXTURES "all.yaml", NULL, &diagnostics);
    const struct expectation_config *a = &s->expectations[0];

    assert_int_equal(s->expectations_count, 6);
    assert_int_equal(a->form, EXPECT_AT);
    assert_slice(a->subject.text, "end");
    assert_int_equal(a->checks_count, 2);
    assert_slice(a->checks[1].text, "kpi.sent < 9");
    assert_int_equal(a->checks[1].mark.line, 107);
    assert_int_equal(a->checks[1].mark.column, 45); /* behind the quote */
    assert_string_equal(a->checks[1].mark.filename, FIXTURES "all.yaml");
    assert_slice(a->during.text, "cut");
    assert_true(a->may_end_open);
    assert_slice(s->expectations[1].subject.text, "$nap"); /* as typed */
    assert_int_equal(s->expectations[4].form, EXPECT_EVENTUALLY);
    assert_slice(s->expectations[4].by.text, "2h");
    assert_int_equal(s->expectations[5].form, EXPECT_WHEN);
    assert_slice(s->expectations[5].fires.text, "3..");
    assert_int_equal(s->expectations[5].by.text.length, 0);
    scenario_free(&s);
    diagnostics_release(&diagnostics);
}

static void
profiles_are_merged_by_map_list_and_id(void **state)
{
    struct diagnostics diagnostics = {0};
    struct scenario *s = load(FIXTURES "extending.yaml", NULL, &diagnostics);
    const struct isp_config *isp = &s->isps[0];

    assert_slice(s->name, "extending"); /* of the file */
    assert_slice(s->title, "A provider to extend");
    assert_int_equal(isp->hosts[0].rtt_us, 5000);
    assert_int_equal(isp->hosts[1].rtt_us, 60000);
    assert_int_equal(isp->limits_count, 2);
    assert_slice(isp->limits[0].id, "hourly");
    assert_slice(isp->limits[1].id, "size");
    assert_int_equal(isp->rules_count, 1);
    assert_slice(isp->rules[0].id, "wall");
    scenario_free(&s);
    diagnostics_release(&diagnostics);
}

static void
a_setting_replaces_the_default(void **state)
{
    struct diagnostics diagnostics = {0};
    struct setting setting = {SLICE("pace"), SLICE("60/min")};
    struct scenario *s = load(FIXTURES "all.yaml", &setting, &diagnostics);

    assert_int_equal(s->isps[0].limits[0].max, 60);
    assert_int_equal(s->changes[0].value, 30);
    assert_slice(s->params[1].value.text, "60/min");
    scenario_free(&s);
    diagnostics_release(&diagnostics);
}

static void
defaults_make_a_profile_of_almost_nothing(void **state)
{
    struct diagnostics diagnostics = {0};
    struct scenario *s = scenario_load_text("a/tiny.yaml", SLICE("mtalab: 1\n"), &diagnostics);

    assert_non_null(s);
    assert_true(s->is_profile);
    assert_slice(s->name, "tiny");
    assert_int_equal(s->until_us, 7 * 24 * HOUR);
    assert_int_equal(s->seed, 1);
    assert_slice(s->campaign.from.domain, "campaign.example");
    assert_int_equal(s->campaign.soft_limit, 5);
    assert_int_equal(s->mta.retry.first_us, 20 * MINUTE);
    assert_int_equal(s->mta.validity_us, 84 * HOUR);
    assert_int_equal(s->mta.source_ips_count, 1);
    assert_int_equal(s->mta.listen.port, 25);
    scenario_free(&s);
    diagnostics_release(&diagnostics);
}

/* Others may read it too. */

static void
the_merged_scenario_is_shown_with_its_origins(void **state)
{
    struct diagnostics diagnostics = {0};
    struct setting setting = {SLICE("pace"), SLICE("60/min")};
    struct error err;
    struct text text = {0};

    assert_true(scenario_show(FIXTURES "extending.yaml", NULL, 0, &text, &diagnostics, &err));
    text_add_char(&text, '\n');
    assert_true(scenario_show(FIXTURES "all.yaml", &setting, 1, &text, &diagnostics, &err));
    assert_golden(text_slice(&text), "tests/golden/scenario-show.txt");
    text_release(&text);
    diagnostics_release(&diagnostics);
}

static void
what_is_shown_can_be_loaded_again(void **state)
{
    struct diagnostics diagnostics = {0};
    struct scenario *again;
    struct error err;
    struct text text = {0};

    assert_true(scenario_show(FIXTURES "extending.yaml", NULL, 0, &text, &diagnostics, &err));
    again = scenario_load_text("again.yaml", text_slice(&text), &diagnostics);
    assert_non_null(again);
    assert_int_equal(again->isps[0].limits_count, 2);
    scenario_free(&again);
    text_release(&text);
    diagnostics_release(&diagnostics);
}

static void
keys_are_explained(void **state)
{
    static const char *const keys[] = {"run.until", "isps.limits.window", "isps.big.rules.stage",
        "deliveries.to", "isps.limits.count", "mta.mx.controller", "expect.when", "precision",
        "macro_f1"};
    static const char *const unknown[] = {
        "", "isp", "isps.limits.windw", "run.x.until", "precison"};
    struct text text = {0};

    for (size_t i = 0; i < COUNT_OF(keys); i++)
        assert_true(scenario_explain(slice_of(keys[i]), &text));
    assert_golden(text_slice(&text), "tests/golden/scenario-explain.txt");
    for (size_t i = 0; i < COUNT_OF(unknown); i++)
        assert_false(scenario_explain(slice_of(unknown[i]), &text));
    text_release(&text);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_key_becomes_what_it_says),
        cmocka_unit_test(a_provider_has_its_limits_rules_and_truths),
        cmocka_unit_test(a_provider_sends_mail_back),
        cmocka_unit_test(zones_are_read_and_what_is_left_out_goes_without_saying),
        cmocka_unit_test(the_mta_has_its_schedule_and_rules),
        cmocka_unit_test(deliveries_know_when_and_to_whom),
        cmocka_unit_test(time_lines_change_what_their_paths_name),
        cmocka_unit_test(expectations_keep_their_texts_and_places),
        cmocka_unit_test(profiles_are_merged_by_map_list_and_id),
        cmocka_unit_test(a_setting_replaces_the_default),
        cmocka_unit_test(defaults_make_a_profile_of_almost_nothing),
        cmocka_unit_test(the_merged_scenario_is_shown_with_its_origins),
        cmocka_unit_test(what_is_shown_can_be_loaded_again),
        cmocka_unit_test(keys_are_explained),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
