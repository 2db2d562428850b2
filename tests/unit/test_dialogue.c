/* test_dialogue.c - dialogues from RFCs (tests/fixtures/smtp/), read by both of our readers.
 *
 * Our client and our server could share a mistake and agree with each other. These bytes were
 * written by others. */
#include "tests/unit.h"

#include "smtp/command.h"
#include "smtp/message.h"
#include "smtp/reply.h"

/* clang-format 14 crashes on tables with strings over several lines, hence it is off for two. */

struct dialogue {
    struct text said_by_server, said_by_client; /* as on the wire */
};

static void
load(struct dialogue *dialogue, const char *filename)
{
    char line[512];
    FILE *file = fopen(filename, "rb");

    if (file == NULL)
        fail_msg("%s is not there", filename);
    while (fgets(line, sizeof(line), file) != NULL) {
        struct text *side = line[0] == 'S' ? &dialogue->said_by_server : &dialogue->said_by_client;

        assert_true(strlen(line) >= 4);
        text_add(side, line + 3, strlen(line) - 4); /* without "C: " and the newline */
        text_add_string(side, "\r\n");
    }
    fclose(file);
}

/* The replies as people would note them, a line each. */
static void
hear_server(struct slice bytes, struct text *notes)
{
    struct text scratch = {0};

    while (bytes.length > 0) {
        struct smtp_reply reply;
        size_t used = 0;

        assert_int_equal(reply_read(bytes, &scratch, &reply, &used), REPLY_COMPLETE);
        reply_format(notes, &reply);
        text_add_char(notes, '\n');
        bytes = slice_from(bytes, used);
    }
    text_release(&scratch);
}

static size_t
hear_content(struct slice bytes, struct text *notes)
{
    struct dot_scanner scanner = {0};
    size_t after, length;
    bool is_over;

    length = dot_scan(&scanner, bytes, &is_over, &after);
    assert_true(is_over);
    assert_false(scanner.has_bare_line_end);
    text_printf(notes, "(%zu bytes)\n", length);
    return after;
}

static void
hear_client(struct slice bytes, struct text *notes)
{
    while (bytes.length > 0) {
        struct command command;
        struct slice line;
        bool is_malformed;
        const char *why;

        bytes = slice_from(bytes, line_next(bytes, COMMAND_LINE_MAX, &line, &is_malformed));
        assert_non_null(line.at);
        assert_false(is_malformed);
        assert_int_equal(command_parse(line, &command, &why), 0);
        text_add_string(notes, verb_name(command.verb));
        text_add_char(notes, ' ');
        text_add_slice(notes, command.argument);
        address_format(notes, &command.address);
        text_add_char(notes, '\n');
        if (command.verb == VERB_DATA)
            bytes = slice_from(bytes, hear_content(bytes, notes));
    }
}

static void
dialogues_of_rfcs_are_understood(void **state)
{
    /* clang-format off */
    static const struct {
        const char *filename, *replies, *commands;
    } cases[] = {
        {"tests/fixtures/smtp/rfc5321-d1.txt",
         "220 foo.com Simple Mail Transfer Service Ready\n"
         "250 foo.com greets bar.com 8BITMIME SIZE DSN HELP\n250 OK\n250 OK\n"
         "550 No such user here\n250 OK\n354 Start mail input; end with <CRLF>.<CRLF>\n250 OK\n"
         "221 foo.com Service closing transmission channel\n",
         "EHLO bar.com\nMAIL Smith@bar.com\nRCPT Jones@foo.com\nRCPT Green@foo.com\n"
         "RCPT Brown@foo.com\nDATA \n(38 bytes)\nQUIT \n"},
        {"tests/fixtures/smtp/rfc5321-d2.txt",
         "220 foo.com Simple Mail Transfer Service Ready\n"
         "250 foo.com greets bar.com 8BITMIME SIZE DSN HELP\n250 OK\n250 OK\n"
         "550 No such user here\n250 OK\n221 foo.com Service closing transmission channel\n",
         "EHLO bar.com\nMAIL Smith@bar.com\nRCPT Jones@foo.com\nRCPT Green@foo.com\nRSET \nQUIT \n"},
        {"tests/fixtures/smtp/rfc5321-d3.txt",
         "220 xyz.com Simple Mail Transfer Service Ready\n250 xyz.com is on the air\n250 OK\n250 OK\n"
         "354 Start mail input; end with <CRLF>.<CRLF>\n250 OK\n"
         "221 foo.com Service closing transmission channel\n",
         "EHLO foo.com\nMAIL JQP@bar.com\nRCPT Jones@XYZ.COM\nDATA \n(314 bytes)\nQUIT \n"},
        {"tests/fixtures/smtp/rfc5321-d4.txt",
         "220 foo.com Simple Mail Transfer Service Ready\n"
         "250 foo.com greets bar.com 8BITMIME SIZE DSN VRFY HELP\n"
         "250 Mark Crispin <Admin.MRC@foo.com>\n250 OK\n250 OK\n"
         "354 Start mail input; end with <CRLF>.<CRLF>\n250 OK\n"
         "221 foo.com Service closing transmission channel\n",
         "EHLO bar.com\nVRFY Crispin\nMAIL EAK@bar.com\nRCPT Admin.MRC@foo.com\nDATA \n"
         "(38 bytes)\nQUIT \n"},
        {"tests/fixtures/smtp/rfc2034.txt",
         "220 dbc.mtview.ca.us SMTP service ready\n"
         "250 dbc.mtview.ca.us says hello ENHANCEDSTATUSCODES\n"
         "250 2.1.0 Originator <ned@ymir.claremont.edu> ok\n"
         "250 2.1.5 Recipient <mrose@dbc.mtview.ca.us> ok\n"
         "550 5.1.1 Mailbox \"nosuchuser\" does not exist\n"
         "551 5.7.1 Forwarding to remote hosts disabled "
         "Select another host to act as your forwarder\n"
         "354 Send message, ending in CRLF.CRLF.\n250 2.6.0 Message accepted\n221 2.0.0 Goodbye\n",
         "EHLO ymir.claremont.edu\nMAIL ned@ymir.claremont.edu\nRCPT mrose@dbc.mtview.ca.us\n"
         "RCPT nosuchuser@dbc.mtview.ca.us\nRCPT remoteuser@isi.edu\nDATA \n(46 bytes)\nQUIT \n"},
    };
    /* clang-format on */

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct dialogue dialogue = {0};
        struct text replies = {0}, commands = {0};

        print_message("  %s\n", cases[i].filename);
        load(&dialogue, cases[i].filename);
        hear_server(text_slice(&dialogue.said_by_server), &replies);
        hear_client(text_slice(&dialogue.said_by_client), &commands);
        assert_slice(text_slice(&replies), cases[i].replies);
        assert_slice(text_slice(&commands), cases[i].commands);
        text_release(&replies);
        text_release(&commands);
        text_release(&dialogue.said_by_server);
        text_release(&dialogue.said_by_client);
    }
}

/* The other way round: what we write in answer is, byte for byte, what the RFC prints. */
static void
replies_are_written_as_the_rfc_prints_them(void **state)
{
    /* clang-format off */
    const struct {
        struct smtp_reply reply;
        const char *wire;
    } cases[] = {
        {{551, {5, 7, 1},
             SLICE("Forwarding to remote hosts disabled\n"
                   "Select another host to act as your forwarder")},
         "551-5.7.1 Forwarding to remote hosts disabled\r\n"
         "551 5.7.1 Select another host to act as your forwarder\r\n"},
        {{250, {0}, SLICE("foo.com greets bar.com\n8BITMIME\nSIZE\nDSN\nHELP")},
         "250-foo.com greets bar.com\r\n250-8BITMIME\r\n250-SIZE\r\n250-DSN\r\n250 HELP\r\n"},
        {{250, {2, 1, 0}, SLICE("Originator <ned@ymir.claremont.edu> ok")},
         "250 2.1.0 Originator <ned@ymir.claremont.edu> ok\r\n"},
    };
    /* clang-format on */

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct text wire = {0};

        reply_write(&wire, &cases[i].reply);
        assert_slice(text_slice(&wire), cases[i].wire);
        text_release(&wire);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dialogues_of_rfcs_are_understood),
        cmocka_unit_test(replies_are_written_as_the_rfc_prints_them),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
