/* main.c - `mta`: reads the command line and starts what it asks for. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/control_net.h"
#include "base/mem.h"
#include "base/unit.h"
#include "mta/classify.h"
#include "mta/classify_mail.h"
#include "mta/classify_type.h"
#include "mta/daemon.h"
#include "mta/keys.h"

enum exit_code {
    EXIT_DONE = 0,
    EXIT_REFUSED = 1,
    EXIT_USAGE = 2,
    EXIT_INVALID = 3,
    EXIT_BROKEN = 4
};

#define CONTROL_TIMEOUT_US (60 * (int64_t)US_PER_S)

static const char usage[] =
    "usage: mta -c FILE            runs; FILE is as mta/mta.yaml\n"
    "       mta -c FILE --check    says what is wrong with FILE\n"
    "       mta ctl [-s SOCKET | -c FILE] [--json] COMMAND [WORD...]\n"
    "                              asks a running one; \"help\" lists the commands\n"
    "       mta explain [KEY]      what a key of FILE means\n"
    "       mta classify --smtp [--explain] [-c FILE] [--domain DOMAIN] [--stage STAGE]\n"
    "                              what refusals mean: one reply a line in, a row of TSV out;\n"
    "                              explained for people, by the rules that FILE names\n"
    "       mta classify --type [--domain DOMAIN] [--stage STAGE]\n"
    "                              which limit they speak of\n"
    "       mta classify [--explain] [-c FILE] --dsn MAIL...\n"
    "                              what mail that came back means: a row of TSV per recipient\n"
    "\n"
    "Exit status: 0 done, 1 the running mta said no, 2 usage, 3 FILE is wrong, 4 it cannot go on.\n"
    "Signals: TERM and INT stop, HUP reads FILE again, USR1 opens the logs anew.\n";

static enum exit_code
complain(const struct error *err)
{
    fprintf(stderr, "mta: %s\n", err->text);
    switch (err->kind) {
    case ERROR_NONE:
    case ERROR_WORLD:
        return EXIT_BROKEN;
    case ERROR_USAGE:
    case ERROR_NOT_FOUND:
        return EXIT_USAGE;
    case ERROR_CONFIG:
        return EXIT_INVALID;
    }
    return EXIT_BROKEN;
}

static enum exit_code
complain_of_usage(void)
{
    fputs(usage, stderr);
    return EXIT_USAGE;
}

/* NULL: what is wrong with it has been said. */
static struct settings *
load(const char *filename, enum exit_code *code)
{
    struct diagnostics diagnostics = {0};
    struct error err = {0};
    struct text rendered = {0};
    struct settings *settings = settings_load(filename, &diagnostics, &err);

    diagnostics_render(&diagnostics, &rendered, false);
    fwrite(text_string(&rendered), 1, rendered.length, stderr);
    *code = EXIT_INVALID;
    if (settings == NULL && diagnostics.errors_count == 0)
        *code = complain(&err);
    text_release(&rendered);
    diagnostics_release(&diagnostics);
    return settings;
}

static enum exit_code
check(const char *filename)
{
    enum exit_code code;
    struct settings *settings = load(filename, &code);
    struct bounce_rules *bounces;
    struct inmail_rules *inmails;
    struct error err;

    if (settings == NULL)
        return code;
    bounces = settings_bounce_rules(settings, &err);
    inmails = bounces != NULL ? settings_inmail_rules(settings, bounces, &err) : NULL;
    code = inmails != NULL ? EXIT_DONE : complain(&err);
    inmail_rules_free(&inmails);
    bounce_rules_free(&bounces);
    settings_free(&settings);
    return code;
}

static enum exit_code
run(const char *filename)
{
    enum exit_code code;
    struct settings *settings = load(filename, &code);
    struct daemon *daemon;
    struct error err = {0};
    bool is_done;

    if (settings == NULL)
        return code;
    daemon = daemon_new(filename, settings, &err);
    is_done = daemon != NULL && daemon_run(daemon, &err);
    daemon_free(&daemon);
    return is_done ? EXIT_DONE : complain(&err);
}

static enum exit_code
ask(const char *socket, char **words, int count)
{
    struct text line = {0}, answer = {0};
    struct error err = {0};
    bool is_done = false, is_heard;

    for (int i = 0; i < count; i++)
        text_printf(&line, "%s%s", i > 0 ? " " : "", words[i]);
    is_heard =
        control_net_ask(socket, text_slice(&line), CONTROL_TIMEOUT_US, &is_done, &answer, &err);
    fwrite(text_string(&answer), 1, answer.length, is_done ? stdout : stderr);
    text_release(&line);
    text_release(&answer);
    if (!is_heard)
        return complain(&err);
    return is_done ? EXIT_DONE : EXIT_REFUSED;
}

static enum exit_code
control(int argc, char **argv)
{
    const char *socket = NULL;
    struct settings *settings = NULL;
    enum exit_code code = EXIT_USAGE;

    while (argc >= 2 && argv[0][0] == '-' && argv[0][1] != '-') {
        if (strcmp(argv[0], "-s") == 0)
            socket = argv[1];
        else if (strcmp(argv[0], "-c") != 0)
            return complain_of_usage();
        else if ((settings = load(argv[1], &code)) == NULL)
            return code;
        argc -= 2;
        argv += 2;
    }
    if (socket == NULL && settings != NULL)
        socket = settings->control;
    if (argc == 0)
        code = complain_of_usage();
    else if (socket == NULL)
        fputs("mta: which one? Say -s SOCKET, or -c FILE with a key \"control\"\n", stderr);
    else
        code = ask(socket, argv, argc);
    settings_free(&settings);
    return code;
}

static enum exit_code
explain(const char *key)
{
    struct text out = {0};
    bool is_known = key == NULL || schema_explain(schema_program, slice_of(key), &out);

    for (const struct schema_key *k = schema_program; key == NULL && k->name != NULL; k++)
        text_printf(&out, "%-12s %s\n", k->name, k->doc);
    if (is_known)
        fwrite(text_string(&out), 1, out.length, stdout);
    else
        fprintf(stderr, "mta: no key \"%s\"; \"mta explain\" lists them\n", key);
    text_release(&out);
    return is_known ? EXIT_DONE : EXIT_USAGE;
}

/* Lines of the standard input, and what is answered to them. What was answered goes out before more is
 * waited for, so that another program can ask and listen in turn. */
struct lines {
    char block[65536];
    size_t next, end;
    struct text line, out;
};

static bool
read_block(struct lines *lines)
{
    ssize_t got;

    fwrite(text_string(&lines->out), 1, lines->out.length, stdout);
    fflush(stdout);
    text_clear(&lines->out);
    got = read(STDIN_FILENO, lines->block, sizeof lines->block);
    lines->next = 0;
    lines->end = got > 0 ? (size_t)got : 0;
    return lines->end > 0;
}

/* A line may be of any length; what is beyond REPLY_TEXT_MAX says nothing new. */
static bool
next_line(struct lines *lines)
{
    bool has_begun = false;

    text_clear(&lines->line);
    while (lines->next < lines->end || read_block(lines)) {
        const char *at = lines->block + lines->next;
        size_t left = lines->end - lines->next, room = REPLY_TEXT_MAX - lines->line.length;
        const char *end = memchr(at, '\n', left);
        size_t length = end != NULL ? (size_t)(end - at) : left;

        has_begun = true;
        text_add(&lines->line, at, length < room ? length : room);
        lines->next += length + (end != NULL);
        if (end != NULL)
            return true;
    }
    return has_begun;
}

static void
lines_free(struct lines **lines)
{
    text_release(&(*lines)->line);
    text_release(&(*lines)->out);
    mem_free(*lines);
    *lines = NULL;
}

struct classify_options {
    bool has_replies, is_explained, is_typed;
    const char *filename; /* of a configuration whose rules are asked; NULL: the built-in ones */
    struct classify_about about;
    char **mails; /* behind --dsn */
    int mails_count;
};

static bool
read_classify_options(int argc, char **argv, struct classify_options *options)
{
    for (; argc > 0; argc--, argv++) {
        if (strcmp(argv[0], "--smtp") == 0)
            options->has_replies = true;
        else if (strcmp(argv[0], "--explain") == 0)
            options->is_explained = true;
        else if (strcmp(argv[0], "--type") == 0)
            options->has_replies = options->is_typed = true;
        else if (argc == 1)
            return false;
        else if (strcmp(argv[0], "--dsn") == 0) {
            options->mails = argv + 1;
            options->mails_count = argc - 1;
            return !options->has_replies;
        } else if (strcmp(argv[0], "-c") == 0)
            options->filename = *++argv, argc--;
        else if (strcmp(argv[0], "--domain") == 0)
            options->about.domain = slice_of(*++argv), argc--;
        else if (strcmp(argv[0], "--stage") == 0 &&
            stage_from_name(slice_of(argv[1]), &options->about.stage))
            argv++, argc--;
        else
            return false;
    }
    return options->has_replies || options->is_explained;
}

static void
classify_replies(const struct bounce_rules *rules, const struct classify_options *options)
{
    struct lines *lines = mem_alloc_zeroed(sizeof *lines);

    if (!options->is_explained)
        classify_header(&lines->out);
    while (next_line(lines))
        if (options->is_explained)
            classify_explain(rules, &options->about, text_slice(&lines->line), &lines->out);
        else
            classify_reply(rules, &options->about, text_slice(&lines->line), &lines->out);
    lines_free(&lines);
}

/* --domain stands for the host that spoke: for most receivers its name ends in theirs. */
static void
classify_types(const struct classify_options *options)
{
    struct reply_types *types = reply_types_new();
    struct lines *lines = mem_alloc_zeroed(sizeof *lines);

    classify_type_header(&lines->out);
    while (next_line(lines))
        classify_type(types, options->about.domain, options->about.stage, text_slice(&lines->line),
            &lines->out);
    lines_free(&lines);
    reply_types_free(&types);
}

/* Of a mail no more is read than is looked at, and a byte, so that the reader sees that it is cut. */
static bool
read_mail(const char *filename, struct text *content, struct error *err)
{
    FILE *file = fopen(filename, "rb");
    char block[65536];
    size_t got = 0;
    bool is_read;

    text_clear(content);
    if (file == NULL)
        return error_set(err, ERROR_NOT_FOUND, "%s: %s", filename, strerror(errno));
    while (content->length <= REPORT_BYTES_MAX && (got = fread(block, 1, sizeof(block), file)) > 0)
        text_add(content, block, got);
    is_read = ferror(file) == 0 || error_set(err, ERROR_WORLD, "%s: %s", filename, strerror(errno));
    fclose(file);
    return is_read;
}

static enum exit_code
classify_mails(const struct inmail_rules *rules, const struct classify_options *options)
{
    struct text content = {0}, rows = {0};
    enum exit_code code = EXIT_DONE;

    classify_mail_header(options->is_explained, &rows);
    for (int i = 0; i < options->mails_count; i++) {
        const char *trouble = "";
        struct error err = {0};

        if (read_mail(options->mails[i], &content, &err))
            trouble = classify_mail(
                rules, options->mails[i], text_slice(&content), options->is_explained, &rows);
        else
            code = complain(&err);
        if (trouble[0] != '\0')
            fprintf(stderr, "mta: %s: %s\n", options->mails[i], trouble);
        fwrite(rows.bytes, 1, rows.length, stdout);
        text_clear(&rows);
    }
    text_release(&content);
    text_release(&rows);
    return code;
}

static enum exit_code
classify(int argc, char **argv)
{
    struct classify_options options = {0};
    struct settings *settings = NULL;
    struct bounce_rules *rules;
    struct inmail_rules *inmails = NULL;
    struct error err = {0};
    enum exit_code code = EXIT_DONE;

    if (!read_classify_options(argc, argv, &options))
        return complain_of_usage();
    if (options.is_typed) {
        classify_types(&options);
        return EXIT_DONE;
    }
    if (options.filename != NULL && (settings = load(options.filename, &code)) == NULL)
        return code;
    rules = settings != NULL ? settings_bounce_rules(settings, &err) : bounce_rules_new();
    if (rules != NULL && options.mails_count > 0)
        inmails = settings != NULL ? settings_inmail_rules(settings, rules, &err)
                                   : inmail_rules_new(rules);
    if (rules == NULL || (options.mails_count > 0 && inmails == NULL))
        code = complain(&err);
    else if (options.mails_count > 0)
        code = classify_mails(inmails, &options);
    else
        classify_replies(rules, &options);
    inmail_rules_free(&inmails);
    bounce_rules_free(&rules);
    settings_free(&settings);
    return code;
}

int
main(int argc, char **argv)
{
    enum exit_code code;

    if (argc >= 2 && strcmp(argv[1], "ctl") == 0)
        code = control(argc - 2, argv + 2);
    else if (argc >= 2 && strcmp(argv[1], "classify") == 0)
        code = classify(argc - 2, argv + 2);
    else if ((argc == 2 || argc == 3) && strcmp(argv[1], "explain") == 0)
        code = explain(argc == 3 ? argv[2] : NULL);
    else if (argc == 3 && strcmp(argv[1], "-c") == 0)
        code = run(argv[2]);
    else if (argc == 4 && strcmp(argv[1], "-c") == 0 && strcmp(argv[3], "--check") == 0)
        code = check(argv[2]);
    else if (argc == 2 && (strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0)) {
        fputs(usage, stdout);
        code = EXIT_DONE;
    } else {
        code = complain_of_usage();
    }
    return fflush(stdout) == 0 ? (int)code : (int)EXIT_BROKEN;
}
