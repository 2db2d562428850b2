/* test_window.c - what can be foreseen of a window; what windows let through is in test_limit.c. */
#include "tests/unit.h"

#include "base/rng.h"
#include "fakeisp/window.h"

/* What is foreseen is what comes, and foreseeing changes nothing. */
static void
a_tally_knows_what_room_there_will_be(void **state)
{
    static const struct window windows[] = {
        {WINDOW_NONE,    0,    30, 0,  0  },
        {WINDOW_SLIDING, 1000, 13, 0,  0  },
        {WINDOW_FIXED,   1000, 13, 0,  0  },
        {WINDOW_CLOCK,   1000, 13, 0,  777},
        {WINDOW_FIRST,   1000, 13, 0,  0  },
        {WINDOW_BUCKET,  1000, 13, 50, 0  },
    };

    for (size_t i = 0; i < COUNT_OF(windows); i++) {
        struct rng rng = rng_from_seed(i);
        struct tally tally = {0};
        int64_t now_us = 100, eases_us;

        print_message("  window %zu\n", i);
        for (int round = 0; round < 2000; round++) {
            int64_t at_us = now_us + (int64_t)rng_below(&rng, 700);
            uint64_t room = tally_room(&tally, &windows[i], now_us), foreseen;

            if (room > 0)
                tally_take(&tally, &windows[i], now_us, 1 + rng_below(&rng, room));
            room = tally_room(&tally, &windows[i], now_us);
            foreseen = tally_room_at(&tally, &windows[i], at_us, &eases_us);
            assert_int_equal(tally_room(&tally, &windows[i], now_us), room);
            assert_int_equal(tally_room(&tally, &windows[i], at_us), foreseen);
            assert_true(tally_eases_at_us(&tally, &windows[i], at_us) == eases_us);
            now_us = at_us;
        }
        tally_release(&tally);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tally_knows_what_room_there_will_be),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
