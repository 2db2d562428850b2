/* test_namespace_net.c - a network of our own, and what is heard in it. Skipped where it is not to be
 * had. Each test runs in a process that is the first one of its namespace. */
#include "tests/unit.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/capture_net.h"
#include "base/loop_net.h"
#include "base/namespace_net.h"
#include "base/stream_net.h"
#include "base/unit.h"

enum { SEEN_MAX = 16 };

struct inside {
    struct loop *loop;
    struct network *network;
    struct capture *capture;
    struct segment seen[SEEN_MAX];
    size_t seen_count;
};

static struct net_address
address_of(const char *text, uint16_t port)
{
    struct net_address address = {0};

    if (!net_address_parse(slice_of(text), &address))
        _exit(2);
    address.port = port;
    return address;
}

static void
must(bool is_so, const char *what, const struct error *err)
{
    if (is_so)
        return;
    fprintf(stderr, "not so: %s %s\n", what, err != NULL ? err->text : "");
    _exit(1);
}

/* Asserts of cmocka jump; in a process of our own an exit code says the same. */
static void
run_inside(void (*test)(struct inside *inside))
{
    struct inside inside = {0};
    struct error err = {0};
    int status = 0;
    pid_t pid;

    if (!namespace_is_allowed(&err)) {
        print_message("  %s\n", err.text);
        skip();
    }
    pid = fork();
    if (pid == 0) {
        must(namespace_unshare(&err), "unshared", &err);
        pid = fork();
        if (pid != 0)
            _exit(waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : 3);
        must(namespace_settle("inside.example", &err), "settled", &err);
        test(&inside);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void
on_segment(void *arg, const struct segment *segment)
{
    struct inside *inside = arg;

    must(inside->seen_count < SEEN_MAX, "few packets", NULL);
    inside->seen[inside->seen_count++] = *segment;
}

static void
open_doors(struct inside *inside)
{
    static const struct network_net_options options = {.allow_any = true};
    struct error err = {0};

    inside->loop = loop_net_new(0, 1, &err);
    must(inside->loop != NULL, "a loop", &err);
    inside->network = network_net_new(inside->loop, &options);
    inside->capture = capture_net_new(inside->loop, on_segment, inside, &err);
    must(inside->capture != NULL, "a capture", &err);
}

static void
close_doors(struct inside *inside)
{
    capture_free(&inside->capture);
    network_free(&inside->network);
    loop_free(&inside->loop);
}

static void
on_accept(void *arg, struct stream *stream)
{
    stream_abort(&stream);
}

static void
on_connected(void *arg, struct stream *stream, enum trouble trouble)
{
    if (stream != NULL)
        stream_abort(&stream);
}

static void
must_have_heard(const struct inside *inside, size_t i, uint8_t flags, const char *from,
    const char *to, uint16_t from_port, uint16_t to_port)
{
    struct net_address from_address = address_of(from, 0), to_address = address_of(to, 0);
    const struct segment *segment = &inside->seen[i];

    must(i < inside->seen_count, "one more packet", NULL);
    must((segment->flags & (SEGMENT_SYN | SEGMENT_RST)) == (flags & (SEGMENT_SYN | SEGMENT_RST)),
        "the flags", NULL);
    must(net_address_same_host(&segment->from, &from_address), "from whom", NULL);
    must(net_address_same_host(&segment->to, &to_address), "to whom", NULL);
    must(from_port == 0 || segment->from.port == from_port, "from which port", NULL);
    must(to_port == 0 || segment->to.port == to_port, "to which port", NULL);
}

static void
hear_both(struct inside *inside, const char *client, const char *server)
{
    struct net_address from = address_of(client, 0), shut = address_of(server, 26),
                       open = address_of(server, 25);
    struct listener *listener;
    struct error err = {0};

    must(namespace_add_address(&from, &err), "the client's address", &err);
    must(namespace_add_address(&open, &err), "the server's address", &err);
    must(namespace_add_address(&open, &err), "the same again", &err);
    open_doors(inside);
    listener = network_listen(inside->network, &open, on_accept, inside, &err);
    must(listener != NULL, "port 25", &err);
    network_connect(inside->network, &from, &shut, US_PER_S, on_connected, inside);
    must(loop_run(inside->loop, 50 * US_PER_MS, &err), "time", &err);
    network_connect(inside->network, &from, &open, US_PER_S, on_connected, inside);
    must(loop_run(inside->loop, 200 * US_PER_MS, &err), "time", &err);
    must_have_heard(inside, 0, SEGMENT_SYN, client, server, 0, 26);
    must_have_heard(inside, 1, SEGMENT_RST, server, client, 26, 0);
    must_have_heard(inside, 2, SEGMENT_SYN, client, server, 0, 25);
    must_have_heard(inside, 3, SEGMENT_SYN, server, client, 25, 0);
    must(capture_lost_count(inside->capture) == 0, "nothing lost", NULL);
    listener_close(&listener);
    close_doors(inside);
}

static void
hear_both4(struct inside *inside)
{
    hear_both(inside, "198.51.100.25", "203.0.113.1");
}

static void
hear_both6(struct inside *inside)
{
    hear_both(inside, "2001:db8::25", "2001:db8:1::1");
}

static void
connections_are_heard_open_doors_and_shut_ones_alike(void **state)
{
    run_inside(hear_both4);
}

static void
by_ipv6_too(void **state)
{
    run_inside(hear_both6);
}

static void
mount_over(struct inside *inside)
{
    struct error err = {0};
    FILE *file;

    must(namespace_mount_memory("/var/spool", 1 << 20, &err), "mounted", &err);
    must(access("/var/spool/mail", F_OK) != 0, "the old content is out of sight", NULL);
    file = fopen("/var/spool/hosts", "w");
    must(file != NULL && fputs("x", file) >= 0 && fclose(file) == 0, "written", NULL);
    must(namespace_replace_file("/etc/hosts", "/var/spool/hosts", &err), "replaced", &err);
    file = fopen("/etc/hosts", "r");
    must(file != NULL && fgetc(file) == 'x', "read", NULL);
    must(!namespace_mount_memory("/no/such/place", 1 << 20, &err), "refused", NULL);
    must(strstr(err.text, "/no/such/place") != NULL, "said", &err);
}

static void
what_is_mounted_inside_is_not_seen_outside(void **state)
{
    run_inside(mount_over);
    assert_int_not_equal(access("/var/spool/hosts", F_OK), 0);
}

static void
lay_over(struct inside *inside)
{
    struct error err = {0};
    FILE *file;

    must(namespace_mount_memory("/var/spool", 1 << 20, &err), "mounted", &err);
    must(mkdir("/var/spool/a:b,c\\d", 0755) == 0, "made", NULL);
    file = fopen("/var/spool/a:b,c\\d/hosts", "w");
    must(file != NULL && fputs("y", file) >= 0 && fclose(file) == 0, "written", NULL);
    must(namespace_lay_over("/etc", "/var/spool/a:b,c\\d", &err), "laid over", &err);
    file = fopen("/etc/hosts", "r");
    must(file != NULL && fgetc(file) == 'y', "what lies above is read", NULL);
    must(access("/etc/passwd", R_OK) == 0, "what lies below is there", NULL);
    must(fopen("/etc/hosts", "a") == NULL, "nothing is written", NULL);
    must(!namespace_lay_over("/etc", "/no/such/place", &err), "refused", NULL);
    must(strstr(err.text, "/etc") != NULL, "said", &err);
}

static void
a_directory_is_laid_over_another_whatever_its_name(void **state)
{
    run_inside(lay_over);
}

static bool
say_much(void *arg, struct text *said, struct error *err)
{
    for (int i = 0; i < 100000; i++)
        text_add_string(said, arg);
    return true;
}

static bool
fail_there(void *arg, struct text *said, struct error *err)
{
    return error_set(err, ERROR_CONFIG, "not %s", (const char *)arg);
}

static bool
die_there(void *arg, struct text *said, struct error *err)
{
    _exit(0); /* without a word */
}

static void
an_errand_brings_back_what_it_was_told(void **state)
{
    static char word[] = "word";
    struct error err = {0};
    struct text said = {0};

    if (!namespace_is_allowed(&err))
        skip();
    assert_true(namespace_run(say_much, word, &said, &err));
    assert_int_equal(said.length, 400000);
    assert_false(namespace_run(fail_there, word, &said, &err));
    assert_int_equal(err.kind, ERROR_CONFIG);
    assert_string_equal(err.text, "not word");
    assert_false(namespace_run(die_there, word, &said, &err));
    assert_string_equal(err.text, "a process in a namespace died");
    text_release(&said);
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(connections_are_heard_open_doors_and_shut_ones_alike),
        cmocka_unit_test(by_ipv6_too),
        cmocka_unit_test(what_is_mounted_inside_is_not_seen_outside),
        cmocka_unit_test(a_directory_is_laid_over_another_whatever_its_name),
        cmocka_unit_test(an_errand_brings_back_what_it_was_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
