/* test_delivery.c - from the queue to the hosts, against servers that follow a script. */
#include "tests/unit/delivery_world.h"

/* --- hosts ----------------------------------------------------------------------------------- */

static void
a_message_goes_to_the_best_host(void **state)
{
    static struct world w;

    world_start(&w);
    submit(&w, 1);
    run_until(&w, US_PER_HOUR);
    check_books(&w);
    assert_slice(text_slice(&w.servers[0].heard),
        "\nEHLO mta.campaign.example;\nMAIL FROM:<b@us.test> SIZE=7;RCPT TO:<u0@isp.test>;DATA;"
        "\n.;\nQUIT;");
    assert_slice(text_slice(&w.servers[0].content), "hello\r\n");
    assert_int_equal(w.servers[1].sessions_count, 0);
    assert_int_equal(w.rcpts[0].final, EFS_DELIVERED);
    assert_int_equal(w.rcpts[0].attempt, 1);
    assert_int_equal(totals_of(&w).connections, 1);
    world_stop(&w);
}

/* Whatever the first host does before the recipient has its answer, the second takes over. */
static void
another_host_is_tried_within_the_same_try(void **state)
{
    static const struct {
        const char *name;
        enum net_fault fault;
        struct script_row row;
    } cases[] = {
        {"refuses connections",           NET_FAULT_REFUSE, {0}                                },
        {"is not there",                  NET_FAULT_SILENT, {0}                                },
        {"resets",                        NET_FAULT_RESET,  {0}                                },
        {"has a 421 for a banner",        NET_FAULT_NONE,   {"", "421 busy\r\n" THEN_CLOSES, 0}},
        {"has a 554 for a banner",        NET_FAULT_NONE,   {"", "554 no\r\n", 0}              },
        {"talks nonsense",                NET_FAULT_NONE,   {"", "SSH-2.0\r\n", 0}             },
        {"hangs up at EHLO",              NET_FAULT_NONE,   {"EHLO", HANGS_UP, 0}              },
        {"hangs up at MAIL",              NET_FAULT_NONE,   {"MAIL", HANGS_UP, 0}              },
        {"resets at RCPT",                NET_FAULT_NONE,   {"RCPT", RESETS, 0}                },
        {"hangs up at DATA",              NET_FAULT_NONE,   {"DATA", HANGS_UP, 0}              },
        {"hangs up at the final dot",     NET_FAULT_NONE,   {".", HANGS_UP, 0}                 },
        {"says nothing at the final dot", NET_FAULT_NONE,   {".", SAYS_NOTHING, 0}             },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        static struct world w;

        print_message("  mx1 %s\n", cases[i].name);
        world_prepare(&w, 7);
        w.servers[0].rows[0] = cases[i].row;
        set_fault(&w, 0, cases[i].fault);
        world_open(&w);
        submit(&w, 3);
        run_until(&w, US_PER_HOUR);
        check_books(&w);
        assert_int_equal(totals_of(&w).delivered, 3);
        assert_int_equal(totals_of(&w).deferrals, 0);
        assert_int_equal(w.servers[1].taken_count, 3);
        world_stop(&w);
    }
}

static void
an_answer_to_the_recipient_ends_the_try(void **state)
{
    static const struct script_row rows[] = {
        {"MAIL", "451 not now\r\n",         1},
        {"RCPT", "450 not now\r\n",         1},
        {"RCPT", "421 bye\r\n" THEN_CLOSES, 1},
        {"DATA", "451 not now\r\n",         1},
        {".",    "452 not now\r\n",         1},
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        static struct world w;

        print_message("  %s", rows[i].reply);
        world_prepare(&w, 7);
        w.servers[0].rows[0] = rows[i];
        if (strcmp(rows[i].line, "MAIL") == 0)
            w.servers[0].rows[1] = (struct script_row){"EHLO", "250 mx\r\n", 0};
        world_open(&w);
        submit(&w, 1);
        run_until(&w, 10 * US_PER_MIN);
        assert_int_equal(totals_of(&w).deferrals, 1);
        assert_int_equal(w.rcpts[0].soft_count, 1);
        assert_int_equal(w.servers[1].sessions_count, 0);
        run_until(&w, US_PER_HOUR);
        check_books(&w);
        assert_int_equal(w.rcpts[0].attempt, 2);
        assert_in_range(w.rcpts[0].final_at_us, 20 * US_PER_MIN, 20 * US_PER_MIN + US_PER_S);
        world_stop(&w);
    }
}

static void
a_refusal_is_final_at_once(void **state)
{
    static struct world w;

    world_prepare(&w, 7);
    w.servers[0].rows[0] = (struct script_row){"RCPT", "550 5.1.1 no such user\r\n", 1};
    world_open(&w);
    submit_to(&w, "isp.test", 2);
    run_until(&w, 10 * US_PER_MIN);
    check_books(&w);
    assert_int_equal(w.rcpts[0].final, EFS_HARD);
    assert_int_equal(w.rcpts[0].code, 550);
    assert_int_equal(w.rcpts[1].final, EFS_DELIVERED);
    world_stop(&w);
}

static void
all_hosts_down_is_one_deferral_each(void **state)
{
    static const struct {
        const char *name;
        enum net_fault fault;
        struct script_row row;
    } cases[] = {
        {"refuse",                   NET_FAULT_REFUSE, {0}                                },
        {"time out",                 NET_FAULT_SILENT, {0}                                },
        {"have a 421 for a banner",  NET_FAULT_NONE,   {"", "421 busy\r\n" THEN_CLOSES, 0}},
        {"hang up at EHLO",          NET_FAULT_NONE,   {"EHLO", HANGS_UP, 0}              },
        {"hang up at MAIL",          NET_FAULT_NONE,   {"MAIL", HANGS_UP, 0}              },
        {"hang up at the final dot", NET_FAULT_NONE,   {".", HANGS_UP, 0}                 },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        static struct world w;

        print_message("  both %s\n", cases[i].name);
        world_prepare(&w, 7);
        for (size_t j = 0; j < HOSTS_COUNT; j++) {
            w.servers[j].rows[0] = cases[i].row;
            set_fault(&w, j, cases[i].fault);
        }
        world_open(&w);
        submit(&w, 100);
        run_until(&w, 19 * US_PER_MIN);
        assert_int_equal(totals_of(&w).deferrals, 100);
        assert_int_equal(totals_of(&w).attempts, 100);
        for (size_t j = 0; j < w.rcpts_count; j++)
            assert_int_equal(w.rcpts[j].soft_count, 1);
        for (size_t j = 0; j < HOSTS_COUNT; j++) {
            w.servers[j].rows_count = 0;
            set_fault(&w, j, NET_FAULT_NONE);
        }
        run_until(&w, US_PER_HOUR);
        check_books(&w);
        assert_int_equal(totals_of(&w).delivered, 100);
        world_stop(&w);
    }
}

static void
a_message_that_is_lost_at_every_host_asks_each_once(void **state)
{
    static struct world w;

    world_prepare(&w, 7);
    for (size_t i = 0; i < HOSTS_COUNT; i++)
        w.servers[i].rows[0] = (struct script_row){".", HANGS_UP, 0};
    world_open(&w);
    submit_to(&w, "isp.test", 3);
    run_until(&w, 19 * US_PER_MIN);
    assert_int_equal(totals_of(&w).deferrals, 3);
    assert_int_equal(w.servers[0].sessions_count, 1);
    assert_int_equal(w.servers[1].sessions_count, 1);
    world_stop(&w);
}

static void
a_host_that_failed_is_asked_last_for_a_minute(void **state)
{
    static struct world w;

    world_start(&w);
    set_fault(&w, 0, NET_FAULT_REFUSE);
    submit(&w, 1);
    run_until(&w, 10 * (int64_t)US_PER_S);
    set_fault(&w, 0, NET_FAULT_NONE);
    submit(&w, 1);
    run_until(&w, 58 * (int64_t)US_PER_S);
    assert_int_equal(w.servers[0].sessions_count, 0);
    assert_int_equal(w.servers[1].taken_count, 2);
    run_until(&w, 62 * (int64_t)US_PER_S);
    submit(&w, 1);
    run_until(&w, US_PER_HOUR);
    assert_int_equal(w.servers[0].taken_count, 1);
    check_books(&w);
    world_stop(&w);
}

static void
domains_without_a_host_are_told_what_dns_said(void **state)
{
    static struct world w;

    world_prepare(&w, 7);
    resolver_sim_add_zone(w.resolver, SLICE("null.test"));
    resolver_sim_add_mx(w.resolver, SLICE("null.test"), 0, SLICE("."));
    resolver_sim_add_zone(w.resolver, SLICE("dark.test"));
    resolver_sim_fail_zone(w.resolver, SLICE("dark.test"), DNS_SERVFAIL);
    world_open(&w);
    submit_to(&w, "gone.test", 2);
    submit_to(&w, "null.test", 1);
    submit_to(&w, "dark.test", 1);
    run_until(&w, US_PER_MIN);
    assert_int_equal(totals_of(&w).failed, 3);
    assert_int_equal(w.rcpts[0].code, 554);
    assert_int_equal(w.rcpts[2].code, 550);
    assert_int_equal(totals_of(&w).deferrals, 1);
    assert_int_equal(w.rcpts[3].soft_count, 1);
    run_until(&w, 85 * US_PER_HOUR);
    check_books(&w);
    assert_int_equal(w.rcpts[3].final, EFS_EXPIRED);
    assert_int_equal(totals_of(&w).connections, 0);
    world_stop(&w);
}

/* --- any world ------------------------------------------------------------------------------- */

static void
draw_script(struct script_server *server, struct rng *rng)
{
    static const char *const lines[] = {"", "EHLO", "MAIL", "RCPT", "DATA", ".", "RSET", "QUIT"};
    static const char *const replies[] = {"421 bye\r\n" THEN_CLOSES, "450 later\r\n",
        "550 never\r\n", "250 ok\r\n", HANGS_UP, RESETS, SAYS_NOTHING, "354 go on\r\n", "?\r\n"};

    server->rows_count = (size_t)rng_below(rng, 4);
    for (size_t i = 0; i < server->rows_count; i++) {
        server->used[i] = 0;
        server->rows[i] = (struct script_row){lines[rng_below(rng, COUNT_OF(lines))],
            replies[rng_below(rng, COUNT_OF(replies))], (int)rng_below(rng, 40)};
    }
}

/* Whatever the hosts do and when: each recipient comes to one end, in time, the books agree, and
 * nobody is called delivered whose message no host took. */
static void
everybody_comes_to_one_end_whatever_the_hosts_do(void **state)
{
    static const enum net_fault faults[] = {NET_FAULT_NONE, NET_FAULT_NONE, NET_FAULT_NONE,
        NET_FAULT_REFUSE, NET_FAULT_SILENT, NET_FAULT_RESET};

    for (uint64_t seed = 1; seed <= 60; seed++) {
        static struct world w;
        struct rng rng;

        world_prepare(&w, seed);
        rng = rng_child(&w.rng, "test");
        w.rule.connections = 1 + (uint32_t)rng_below(&rng, 10);
        w.rule.messages_per_connection = 1 + (uint32_t)rng_below(&rng, 30);
        w.rule.recipients_per_transaction = 1 + (uint32_t)rng_below(&rng, 5);
        w.rule.messages_per_hour = rng_below(&rng, 2) * (20 + rng_below(&rng, 200));
        w.config.validity_us = (int64_t)(1 + rng_below(&rng, 30)) * US_PER_HOUR;
        w.config.retry.jitter_ppm = (uint32_t)rng_below(&rng, 2) * 100000;
        world_open(&w);
        for (int step = 0; step < 60; step++) {
            for (uint64_t left = rng_below(&rng, 6); left > 0 && w.rcpts_count < 400; left--)
                submit_to(&w, rng_below(&rng, 2) == 0 ? "isp.test" : "other.test",
                    1 + (size_t)rng_below(&rng, 8));
            if (rng_below(&rng, 3) == 0) {
                size_t host = (size_t)rng_below(&rng, HOSTS_COUNT);

                draw_script(&w.servers[host], &rng);
                set_fault(&w, host, faults[rng_below(&rng, COUNT_OF(faults))]);
            }
            run_until(&w,
                loop_now_us(w.loop) +
                    (int64_t)rng_below(
                        &rng, rng_below(&rng, 2) == 0 ? US_PER_S : (uint64_t)US_PER_HOUR));
            assert_true(w.servers[0].open_count <= 30); /* those we reset may still be there */
        }
        run_until(&w, loop_now_us(w.loop) + w.config.validity_us + US_PER_HOUR);
        check_books(&w);
        assert_true(totals_of(&w).delivered <= w.servers[0].taken_count + w.servers[1].taken_count);
        world_stop(&w);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_goes_to_the_best_host),
        cmocka_unit_test(another_host_is_tried_within_the_same_try),
        cmocka_unit_test(an_answer_to_the_recipient_ends_the_try),
        cmocka_unit_test(a_refusal_is_final_at_once),
        cmocka_unit_test(all_hosts_down_is_one_deferral_each),
        cmocka_unit_test(a_message_that_is_lost_at_every_host_asks_each_once),
        cmocka_unit_test(a_host_that_failed_is_asked_last_for_a_minute),
        cmocka_unit_test(domains_without_a_host_are_told_what_dns_said),
        cmocka_unit_test(everybody_comes_to_one_end_whatever_the_hosts_do),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
