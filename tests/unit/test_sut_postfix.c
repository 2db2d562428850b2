/* test_sut_postfix.c - what Postfix is told when it goes on the bench. */
#include "tests/unit.h"

#include "scenarios/sut_postfix.c" /* what it writes is static, and it is what we test */

static const struct sut_setting settings[] = {
    {{"queue_run_delay", 15},         {"60s", 3}      },
    {{"smtp_tls_security_level", 23}, {"none", 4}     },
    {{"header_checks", 13},           {"static:$x", 9}},
};

static const struct sut_config config = {
    .kind = SUT_POSTFIX, .settings = settings, .settings_count = COUNT_OF(settings)};

static struct sut_setup
setup_of(const struct sut_config *of, const char *source, const char *campaign)
{
    struct sut_setup setup = {
        .config = of, .hostname = {"mta.example", 11},
             .speed = 300
    };

    assert_true(net_address_parse(SLICE("198.51.100.24"), &setup.listen));
    assert_true(net_address_parse(slice_of(source), &setup.source));
    assert_true(net_address_parse(slice_of(campaign), &setup.campaign));
    return setup;
}

/* How many lines begin like that. */
static size_t
count_lines(const struct text *text, const char *start)
{
    struct slice rest = text_slice(text), line;
    size_t count = 0;

    while (rest.length > 0) {
        slice_cut(rest, '\n', &line, &rest);
        count += slice_starts_with(line, slice_of(start));
    }
    return count;
}

static void
settings_stand_as_they_are_and_only_once(void **state)
{
    const struct sut_setup setup = setup_of(&config, "198.51.100.25", "198.19.255.1");
    struct text text = {0};

    sut_postfix_main_cf(&setup, &text);
    assert_int_equal(count_lines(&text, "queue_run_delay = 60s"), 1);
    assert_int_equal(count_lines(&text, "header_checks = static:$x"), 1);
    assert_int_equal(count_lines(&text, "smtp_tls_security_level = "), 1);
    assert_int_equal(count_lines(&text, "smtp_tls_security_level = none"), 1);
    assert_int_equal(count_lines(&text, "compatibility_level = 3.6"), 1);
    text_release(&text);
}

static void
it_sends_from_its_own_address_and_trusts_nobody_but_the_campaign(void **state)
{
    const struct sut_setup setup4 = setup_of(&config, "198.51.100.25", "198.19.255.1");
    const struct sut_setup setup6 = setup_of(&config, "2001:db8::25", "2001:db8::1");
    struct text text = {0};

    sut_postfix_main_cf(&setup4, &text);
    assert_int_equal(count_lines(&text, "smtp_bind_address = 198.51.100.25"), 1);
    assert_int_equal(count_lines(&text, "inet_interfaces = 198.51.100.24"), 1);
    assert_int_equal(count_lines(&text, "mynetworks = 198.19.255.1/32"), 1);
    text_clear(&text);
    sut_postfix_main_cf(&setup6, &text);
    assert_int_equal(count_lines(&text, "smtp_bind_address6 = 2001:db8::25"), 1);
    assert_int_equal(count_lines(&text, "mynetworks = [2001:db8::1]/128"), 1);
    text_release(&text);
}

/* Whatever is written here must not be overridden by a setting: the last line of a name counts. */
static void
all_that_places_it_is_reserved(void **state)
{
    static const struct sut_config none = {.kind = SUT_POSTFIX};
    static const char *const may_be_set[] = {"compatibility_level", "smtp_tls_security_level"};
    const struct sut_setup setup = setup_of(&none, "198.51.100.25", "198.19.255.1");
    struct text text = {0};
    struct slice rest, line, name, value;

    sut_postfix_main_cf(&setup, &text);
    rest = text_slice(&text);
    while (rest.length > 0) {
        bool is_known = false;

        slice_cut(rest, '\n', &line, &rest);
        slice_cut(line, '=', &name, &value);
        name = slice_trim(name);
        print_message("  %.*s\n", SLICE_ARGS(name));
        for (const char *const *word = reserved; *word != NULL; word++)
            is_known = is_known || slice_equals(name, slice_of(*word));
        for (size_t i = 0; i < COUNT_OF(may_be_set); i++)
            is_known = is_known || slice_equals(name, slice_of(may_be_set[i]));
        assert_true(is_known);
    }
    text_release(&text);
}

/* A name in private/ is another socket than the same one in public/: Postfix's programs find each
 * other by these. */
static void
services_are_eight_columns_and_none_is_in_a_chroot(void **state)
{
    static const char *const open[] = {"smtp inet n", "pickup unix n", "cleanup unix n",
        "qmgr unix n", "showq unix n", "flush unix n"};
    struct text text = {0};
    struct slice rest, line, word;

    sut_postfix_master_cf(&text);
    for (size_t i = 0; i < COUNT_OF(open); i++)
        assert_int_equal(count_lines(&text, open[i]), 1);
    rest = text_slice(&text);
    while (rest.length > 0) {
        size_t columns = 0;

        slice_cut(rest, '\n', &line, &rest);
        while (line.length > 0) {
            slice_cut(line, ' ', &word, &line);
            if (++columns == 5)
                assert_slice(word, "n");
        }
        assert_int_equal(columns, 8);
    }
    text_release(&text);
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_stand_as_they_are_and_only_once),
        cmocka_unit_test(it_sends_from_its_own_address_and_trusts_nobody_but_the_campaign),
        cmocka_unit_test(all_that_places_it_is_reserved),
        cmocka_unit_test(services_are_eight_columns_and_none_is_in_a_chroot),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
