/* test_sut_exim.c - what Exim is told when it goes on the bench. */
#include "tests/unit.h"

#include "scenarios/sut_exim.c" /* what it writes is static, and it is what we test */

static struct sut_setup
setup_of(const struct sut_config *config)
{
    struct sut_setup setup = {
        .config = config, .hostname = {"mta.example", 11},
             .speed = 1
    };

    assert_true(net_address_parse(SLICE("198.51.100.24"), &setup.listen));
    assert_true(net_address_parse(SLICE("2001:db8::25"), &setup.source));
    assert_true(net_address_parse(SLICE("198.19.255.1"), &setup.campaign));
    return setup;
}

/* Where this line begins; it must be there, once. */
static size_t
place_of(const struct text *text, const char *line)
{
    const char *found = strstr(text_string(text), line);

    print_message("  %s", line);
    assert_non_null(found);
    assert_null(strstr(found + 1, line));
    return (size_t)(found - text->bytes);
}

static void
each_setting_stands_in_its_part(void **state)
{
    static const struct sut_setting settings[] = {
        {{"remote_smtp.connect_timeout", 27}, {"10s", 3}    },
        {{"smtp_accept_max", 15},             {"50", 2}     },
        {{"retry", 5},                        {"F,1m,6s", 7}},
    };
    static const struct sut_config config = {
        .kind = SUT_EXIM, .settings = settings, .settings_count = COUNT_OF(settings)};
    const struct sut_setup setup = setup_of(&config);
    struct text text = {0};
    size_t acl, transports, retry;

    write_config(&setup, &text);
    acl = place_of(&text, "begin acl\n");
    transports = place_of(&text, "begin transports\n");
    retry = place_of(&text, "begin retry\n* * F,1m,6s\n");
    assert_true(place_of(&text, "\nsmtp_accept_max = 50\n") < acl);
    assert_true(place_of(&text, "\nconnect_timeout = 10s\n") > transports);
    assert_true(place_of(&text, "\nconnect_timeout = 10s\n") < retry);
    assert_null(strstr(text_string(&text), "\nretry = "));
    text_release(&text);
}

/* A colon separates items unless another separator is named, and IPv6 is full of them. */
static void
addresses_are_lists_of_one(void **state)
{
    static const struct sut_config config = {.kind = SUT_EXIM};
    const struct sut_setup setup = setup_of(&config);
    struct text text = {0};

    write_config(&setup, &text);
    place_of(&text, "\nlocal_interfaces = <; 198.51.100.24\n");
    place_of(&text, "\ninterface = <; 2001:db8::25\n");
    place_of(&text, "\naccept hosts = <; 198.19.255.1\n");
    place_of(&text, "\n* * F,2h,15m;");
    text_release(&text);
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_setting_stands_in_its_part),
        cmocka_unit_test(addresses_are_lists_of_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
