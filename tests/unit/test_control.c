/* test_control.c - orders to a running program, over the simulated network. */
#include "tests/unit/stream_pair.h"

#include "base/control.h"
#include "base/mem.h"

struct door {
    struct world world;
    struct control *control;
    struct side client;
    int calls_count;
};

static bool
greet(void *arg, const struct control_request *request, struct text *answer)
{
    struct door *door = arg;

    door->calls_count++;
    if (request->words_count == 2 && slice_equals(request->words[1], SLICE("nobody"))) {
        text_add_string(answer, "nobody \"is\" there");
        return false;
    }
    text_printf(answer, request->wants_json ? "{\"hello\":\"%.*s\"}" : "hello %.*s",
        SLICE_ARGS(request->words[0]));
    return true;
}

static bool
say_nothing(void *arg, const struct control_request *request, struct text *answer)
{
    return true;
}

static bool
say_much(void *arg, const struct control_request *request, struct text *answer)
{
    text_add_repeated(answer, 'x', 100000);
    return true;
}

static const struct control_command commands[] = {
    {"greet", 1, 2, "NAME [nobody]", "Says hello.",   greet      },
    {"rest",  0, 0, "",              "Says nothing.", say_nothing},
    {"much",  0, 0, "",              "Says much.",    say_much   },
    {NULL,    0, 0, NULL,            NULL,            NULL       },
};

static void
door_open(struct door *door)
{
    struct rng rng = rng_from_seed(7);

    *door = (struct door){0};
    door->world = (struct world){.loop = loop_sim_new(0), .host = address_of("192.0.2.1", 25)};
    door->world.network = network_sim_new(door->world.loop, &rng);
    door->control = control_new(door->world.loop, commands, door);
    door->world.listener = network_listen(
        door->world.network, &door->world.host, control_accept, door->control, &door->world.err);
    assert_non_null(door->world.listener);
    start_connecting(&door->world, &door->client, &door->world.host);
    run_until(&door->world, 0);
    assert_non_null(door->client.stream);
}

static void
door_close(struct door *door)
{
    if (door->client.stream != NULL)
        stream_close(&door->client.stream);
    control_free(&door->control);
    text_release(&door->client.heard);
    network_free(&door->world.network);
    loop_free(&door->world.loop);
}

static void
ask(struct door *door, const char *text)
{
    text_clear(&door->client.heard);
    stream_write(door->client.stream, text, strlen(text));
    run_until(&door->world, loop_now_us(door->world.loop));
}

static void
a_line_is_a_command_and_has_one_answer(void **state)
{
    static const struct {
        const char *line, *answer;
    } cases[] = {
        {"greet kim\n",               "ok 10\nhello kim\n"                                   },
        {"  greet   kim  \r\n",       "ok 10\nhello kim\n"                                   },
        {"greet kim --json\n",        "ok 16\n{\"hello\":\"kim\"}\n"                         },
        {"--json greet kim\n",        "ok 16\n{\"hello\":\"kim\"}\n"                         },
        {"greet kim nobody\n",        "no 18\nnobody \"is\" there\n"                         },
        {"greet kim nobody --json\n", "no 32\n{\"error\":\"nobody \\\"is\\\" there\"}\n"     },
        {"rest\n",                    "ok 0\n"                                               },
        {"\n",                        ""                                                     },
        {"greet\n",                   "no 27\nusage: greet NAME [nobody]\n"                  },
        {"gret kim\n",                "no 41\nno command \"gret\"; did you mean \"greet\"?\n"},
        {"x\n",                       "no 34\nno command \"x\"; \"help\" lists them\n"       },
        {"rest\nrest\n",              "ok 0\nok 0\n"                                         },
        {"help\n",
         "ok 100\ngreet NAME [nobody]  Says hello.\n"
            "rest                 Says nothing.\n"
            "much                 Says much.\n"                                              },
    };
    struct door door;

    door_open(&door);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        print_message("  %s", cases[i].line);
        ask(&door, cases[i].line);
        assert_string_equal(text_string(&door.client.heard), cases[i].answer);
    }
    ask(&door, "help --json\n");
    assert_non_null(strstr(door.client.heard.bytes, "{\"command\":\"rest\",\"usage\":\"\""));
    door_close(&door);
}

static void
a_line_may_come_in_pieces(void **state)
{
    struct door door;

    door_open(&door);
    ask(&door, "gre");
    assert_int_equal(door.client.heard.length, 0);
    ask(&door, "et kim\ngreet lee");
    assert_string_equal(text_string(&door.client.heard), "ok 10\nhello kim\n");
    ask(&door, "\n");
    assert_string_equal(text_string(&door.client.heard), "ok 10\nhello lee\n");
    door_close(&door);
}

static void
an_endless_line_ends_the_session(void **state)
{
    struct door door;
    struct text line = {0};

    door_open(&door);
    text_add_repeated(&line, 'x', CONTROL_LINE_MAX + 1);
    ask(&door, text_string(&line));
    assert_string_equal(text_string(&door.client.heard), "no 21\nthis line has no end\n");
    assert_int_equal(door.client.ends_count, 1);
    text_release(&line);
    door_close(&door);
}

static void
too_many_words_are_refused(void **state)
{
    struct door door;
    struct text line = {0};

    door_open(&door);
    for (size_t i = 0; i < CONTROL_WORDS_MAX + 1; i++)
        text_add_string(&line, "greet ");
    text_add_char(&line, '\n');
    ask(&door, text_string(&line));
    assert_string_equal(text_string(&door.client.heard), "no 15\ntoo many words\n");
    assert_int_equal(door.calls_count, 0);
    text_release(&line);
    door_close(&door);
}

/* A client that half-closes behind its question hears the answer, and then the end. */
static void
who_half_closes_is_answered(void **state)
{
    struct door door;

    door_open(&door);
    stream_write(door.client.stream, "greet kim\n", 10);
    stream_shut(door.client.stream);
    run_until(&door.world, 0);
    assert_string_equal(text_string(&door.client.heard), "ok 10\nhello kim\n");
    assert_int_equal(door.client.ends_count, 1);
    door_close(&door);
}

static void
who_does_not_listen_is_not_asked_for_more(void **state)
{
    struct door door;
    struct text lines = {0};

    door_open(&door);
    for (int i = 0; i < 100; i++)
        text_add_string(&lines, "much\n");
    stream_pause(door.client.stream);
    ask(&door, text_string(&lines));
    assert_true(door.client.heard.length < 10 * 100000);
    stream_resume(door.client.stream);
    run_until(&door.world, 0);
    assert_int_equal(door.client.heard.length, 100 * (strlen("ok 100001\n") + 100001));
    text_release(&lines);
    door_close(&door);
}

static void
who_says_nothing_for_long_is_let_go(void **state)
{
    struct door door;

    door_open(&door);
    run_until(&door.world, 299 * INT64_C(1000000));
    assert_int_equal(door.client.ends_count, 0);
    run_until(&door.world, 301 * INT64_C(1000000));
    assert_int_equal(door.client.ends_count, 1);
    door_close(&door);
}

static void
sessions_have_a_bound(void **state)
{
    struct door door;
    struct side *more = mem_alloc_zeroed(CONTROL_SESSIONS_MAX * sizeof *more);

    door_open(&door);
    for (size_t i = 0; i < CONTROL_SESSIONS_MAX; i++)
        start_connecting(&door.world, &more[i], &door.world.host);
    run_until(&door.world, 0);
    assert_int_equal(more[CONTROL_SESSIONS_MAX - 2].heard.length, 0);
    assert_string_equal(
        text_string(&more[CONTROL_SESSIONS_MAX - 1].heard), "no 18\ntoo many sessions\n");
    for (size_t i = 0; i < CONTROL_SESSIONS_MAX; i++) {
        stream_close(&more[i].stream);
        text_release(&more[i].heard);
    }
    run_until(&door.world, 0);
    ask(&door, "greet kim\n");
    assert_string_equal(text_string(&door.client.heard), "ok 10\nhello kim\n");
    mem_free(more);
    door_close(&door);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_a_command_and_has_one_answer),
        cmocka_unit_test(a_line_may_come_in_pieces),
        cmocka_unit_test(an_endless_line_ends_the_session),
        cmocka_unit_test(too_many_words_are_refused),
        cmocka_unit_test(who_half_closes_is_answered),
        cmocka_unit_test(who_does_not_listen_is_not_asked_for_more),
        cmocka_unit_test(who_says_nothing_for_long_is_let_go),
        cmocka_unit_test(sessions_have_a_bound),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
