/* loop_diary.h - what fired on a loop, in order. */
#ifndef MTALAB_TESTS_LOOP_DIARY_H
#define MTALAB_TESTS_LOOP_DIARY_H

#include "tests/unit.h"

#include "base/loop.h"

enum { NOTES_MAX = 64 };

struct diary {
    struct loop *loop;
    int notes[NOTES_MAX];
    int64_t at_us[NOTES_MAX];
    int count;
};

struct alarm {
    struct timer timer;
    struct diary *diary;
    int number;
};

static inline void
write_down(void *arg)
{
    struct alarm *alarm = arg;
    struct diary *diary = alarm->diary;

    assert_true(diary->count < NOTES_MAX);
    diary->at_us[diary->count] = loop_now_us(diary->loop);
    diary->notes[diary->count++] = alarm->number;
}

static inline void
run(struct loop *loop, int64_t until_us)
{
    struct error err;

    assert_true(loop_run(loop, until_us, &err));
}

#endif
