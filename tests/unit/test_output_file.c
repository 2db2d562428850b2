/* test_output_file.c - lines to files and pipes, whatever becomes of them. */
#include "tests/unit.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/output_file.h"

static char directory[] = "/tmp/test_output.XXXXXX";

static int
enter(void **state)
{
    return mkdtemp(directory) != NULL && chdir(directory) == 0 ? 0 : -1;
}

static int
leave(void **state)
{
    static const char *const names[] = {"log", "old", "pipe"};

    for (size_t i = 0; i < COUNT_OF(names); i++)
        unlink(names[i]);
    return chdir("/") == 0 && rmdir(directory) == 0 ? 0 : -1;
}

static void
assert_content(const char *filename, const char *expected)
{
    char bytes[256];
    int fd = open(filename, O_RDONLY);
    ssize_t length = read(fd, bytes, sizeof bytes);

    assert_true(length >= 0);
    assert_slice((struct slice){bytes, (size_t)length}, expected);
    close(fd);
}

static void
lines_leave_with_a_flush_and_are_appended(void **state)
{
    struct error err = {0};

    unlink("log");
    for (int i = 0; i < 2; i++) {
        struct output *output = output_open("log", &err);

        assert_non_null(output);
        text_add_string(output_text(output), "one\n");
        text_add_string(output_text(output), "two\n");
        assert_content("log", i == 0 ? "" : "one\ntwo\n");
        assert_true(output_flush(output, &err));
        assert_true(output_sync(output, &err));
        output_close(&output);
        assert_null(output);
    }
    assert_content("log", "one\ntwo\none\ntwo\n");
}

static void
closing_flushes(void **state)
{
    struct error err = {0};
    struct output *output;

    unlink("log");
    output = output_open("log", &err);
    text_add_string(output_text(output), "last words\n");
    output_close(&output);
    assert_content("log", "last words\n");
}

static void
a_file_that_was_moved_away_is_made_anew(void **state)
{
    struct error err = {0};
    struct output *output;

    unlink("log");
    output = output_open("log", &err);
    text_add_string(output_text(output), "before\n");
    assert_int_equal(rename("log", "old"), 0);
    assert_true(output_reopen(output, &err));
    text_add_string(output_text(output), "after\n");
    assert_true(output_flush(output, &err));
    assert_content("old", "before\n");
    assert_content("log", "after\n");
    output_close(&output);
}

static void
what_cannot_be_opened_is_told(void **state)
{
    struct error err = {0};

    assert_null(output_open("no/such/directory", &err));
    assert_int_equal(err.kind, ERROR_WORLD);
    assert_non_null(strstr(err.text, "no/such/directory"));
}

/* Nobody reads: what the pipe does not hold waits, up to a bound, and nothing blocks. */
static void
a_pipe_without_reader_is_not_waited_for(void **state)
{
    struct error err = {0};
    struct output *output;
    char block[65536];
    size_t heard = 0;
    ssize_t got;
    int fd;

    assert_int_equal(mkfifo("pipe", 0600), 0);
    output = output_open("pipe", &err);
    assert_non_null(output);
    for (int i = 0; i < 100000; i++)
        text_add_string(output_text(output), "0123456789\n");
    assert_false(output_flush(output, &err));
    assert_non_null(strstr(err.text, "nobody takes it"));
    assert_true(output_text(output)->length > 0);
    fd = open("pipe", O_RDONLY | O_NONBLOCK);
    while (heard < 1100000) {
        got = read(fd, block, sizeof block);
        assert_true(got > 0);
        heard += (size_t)got;
        if (!output_flush(output, &err))
            assert_non_null(strstr(err.text, "nobody takes it"));
    }
    assert_int_equal(heard, 1100000);
    assert_int_equal(output_dropped(output), 0);
    close(fd);
    output_close(&output);
}

static void
beyond_the_bound_whole_lines_are_dropped(void **state)
{
    struct error err = {0};
    struct output *output = output_open("pipe", &err);
    struct text *waiting = output_text(output);

    while (waiting->length <= OUTPUT_WAITING_MAX + (1 << 20))
        text_add_string(waiting, "0123456789\n");
    assert_false(output_flush(output, &err));
    assert_true(waiting->length <= OUTPUT_WAITING_MAX);
    assert_int_equal(waiting->bytes[waiting->length - 1], '\n');
    assert_true(output_dropped(output) > 0);
    assert_int_equal(output_dropped(output) % 11, 0);
    output_close(&output);
}

static void
what_was_not_written_can_be_taken_back(void **state)
{
    struct error err = {0};
    struct output *output;

    unlink("log");
    output = output_open("log", &err);
    text_add_string(output_text(output), "stays\ngoes\n");
    output_take_back(output, 5);
    assert_true(output_flush(output, &err));
    assert_content("log", "stays\n");
    output_close(&output);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_leave_with_a_flush_and_are_appended),
        cmocka_unit_test(closing_flushes),
        cmocka_unit_test(a_file_that_was_moved_away_is_made_anew),
        cmocka_unit_test(what_cannot_be_opened_is_told),
        cmocka_unit_test(a_pipe_without_reader_is_not_waited_for),
        cmocka_unit_test(beyond_the_bound_whole_lines_are_dropped),
        cmocka_unit_test(what_was_not_written_can_be_taken_back),
    };

    return cmocka_run_group_tests(tests, enter, leave);
}
