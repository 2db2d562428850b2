/* command.c - what a client says, one line at a time. */
#include "smtp/command.h"

enum argument {
    ARGUMENT_NONE, /* anything behind the verb is an error */
    ARGUMENT_OPTIONAL,
    ARGUMENT_NEEDED,
    ARGUMENT_PATH, /* FROM:<…> or TO:<…>, then parameters */
};

#define NAME(literal) literal, sizeof(literal) - 1

/* The frequent ones first. */
static const struct verb_row {
    enum verb verb;
    const char *name;
    size_t name_length;
    enum argument argument;
} verbs[] = {
    {VERB_MAIL,     NAME("MAIL"),     ARGUMENT_PATH    },
    {VERB_RCPT,     NAME("RCPT"),     ARGUMENT_PATH    },
    {VERB_DATA,     NAME("DATA"),     ARGUMENT_NONE    },
    {VERB_EHLO,     NAME("EHLO"),     ARGUMENT_NEEDED  },
    {VERB_QUIT,     NAME("QUIT"),     ARGUMENT_NONE    },
    {VERB_RSET,     NAME("RSET"),     ARGUMENT_NONE    },
    {VERB_HELO,     NAME("HELO"),     ARGUMENT_NEEDED  },
    {VERB_STARTTLS, NAME("STARTTLS"), ARGUMENT_NONE    },
    {VERB_AUTH,     NAME("AUTH"),     ARGUMENT_NEEDED  },
    {VERB_NOOP,     NAME("NOOP"),     ARGUMENT_OPTIONAL},
    {VERB_VRFY,     NAME("VRFY"),     ARGUMENT_NEEDED  },
    {VERB_EXPN,     NAME("EXPN"),     ARGUMENT_NEEDED  },
    {VERB_HELP,     NAME("HELP"),     ARGUMENT_OPTIONAL},
};
static_assert(COUNT_OF(verbs) == VERB_HELP, "a row per verb");

const char *
verb_name(enum verb verb)
{
    for (size_t i = 0; i < COUNT_OF(verbs); i++)
        if (verbs[i].verb == verb)
            return verbs[i].name;
    return "";
}

bool
verb_moves_on(enum verb verb)
{
    static const uint32_t idle_verbs = 1U << VERB_HELO | 1U << VERB_EHLO | 1U << VERB_RSET |
        1U << VERB_NOOP | 1U << VERB_VRFY | 1U << VERB_HELP;

    return (idle_verbs & 1U << verb) == 0;
}

typedef const char *parameter_reader(struct slice value, struct command *command);

static const char *
read_size(struct slice value, struct command *command)
{
    if (slice_to_u64(value, &command->size))
        return NULL;
    return "SIZE needs a number of bytes";
}

static const char *
read_body(struct slice value, struct command *command)
{
    command->is_8bit = slice_equals_nocase(value, SLICE("8BITMIME"));
    if (command->is_8bit || slice_equals_nocase(value, SLICE("7BIT")))
        return NULL;
    return "BODY is 7BIT or 8BITMIME";
}

static const char *
read_smtputf8(struct slice value, struct command *command)
{
    command->is_utf8 = value.length == 0;
    return command->is_utf8 ? NULL : "SMTPUTF8 takes no value";
}

static const char *
read_auth(struct slice value, struct command *command)
{
    (void)command;
    return value.length > 0 ? NULL : "AUTH needs a mailbox or <>";
}

/* RFC 2852 4: by-time ";" by-mode by-trace. A time that is already over could only be refused. */
static const char *
read_by(struct slice value, struct command *command)
{
    struct slice seconds, mode;
    uint64_t number;

    if (!slice_cut(value, ';', &seconds, &mode))
        return "BY needs seconds and a mode, such as 3600;R";
    if (seconds.length > 0 && seconds.at[0] == '+')
        seconds = slice_from(seconds, 1);
    if (!slice_to_u64(seconds, &number) || number == 0 || number > 999999999)
        return "the time of BY is 1 to 999999999 seconds";
    if (mode.length == 2 && char_lower(mode.at[1]) == 't')
        mode.length = 1;
    if (mode.length != 1 || (char_lower(mode.at[0]) != 'r' && char_lower(mode.at[0]) != 'n'))
        return "the mode of BY is R or N, with or without T";
    command->by_s = (int64_t)number;
    return NULL;
}

/* What MAIL may carry. None is known for RCPT. */
static const struct {
    const char *keyword;
    size_t keyword_length;
    parameter_reader *read;
} mail_parameters[] = {
    {NAME("SIZE"),     read_size    },
    {NAME("BODY"),     read_body    },
    {NAME("BY"),       read_by      },
    {NAME("SMTPUTF8"), read_smtputf8},
    {NAME("AUTH"),     read_auth    },
};

/* esmtp-keyword, RFC 5321 4.1.2. */
static bool
keyword_is_valid(struct slice keyword)
{
    for (size_t i = 0; i < keyword.length; i++)
        if (!char_is_letter(keyword.at[i]) && !char_is_digit(keyword.at[i]) &&
            (i == 0 || keyword.at[i] != '-'))
            return false;
    return keyword.length > 0;
}

/* esmtp-value; UTF-8 as RFC 6531 3.3 adds it. */
static bool
value_is_valid(struct slice value)
{
    for (size_t i = 0; i < value.length; i++)
        if ((value.at[i] >= 0 && value.at[i] <= ' ') || value.at[i] == '=' || value.at[i] == 0x7f)
            return false;
    return value.length > 0;
}

static int
read_parameter(struct slice word, struct command *command, const char **why)
{
    struct command_parameter parameter;
    bool has_value = slice_cut(word, '=', &parameter.keyword, &parameter.value);

    if (!keyword_is_valid(parameter.keyword) || (has_value && !value_is_valid(parameter.value))) {
        *why = "not a valid parameter";
        return 501;
    }
    for (size_t i = 0; i < command->parameters_count; i++) {
        if (slice_equals_nocase(command->parameters[i].keyword, parameter.keyword)) {
            *why = "a parameter stands there twice";
            return 501;
        }
    }
    if (command->parameters_count == COMMAND_PARAMETERS_MAX) {
        *why = "too many parameters";
        return 501;
    }
    command->parameters[command->parameters_count++] = parameter;
    for (size_t i = 0; command->verb == VERB_MAIL && i < COUNT_OF(mail_parameters); i++) {
        const struct slice keyword = {
            mail_parameters[i].keyword, mail_parameters[i].keyword_length};

        if (slice_equals_nocase(parameter.keyword, keyword)) {
            *why = mail_parameters[i].read(parameter.value, command);
            return *why == NULL ? 0 : 501;
        }
    }
    *why = "a parameter is not known";
    return 555;
}

/* An error of syntax is worse than a parameter that is not known: it is told first. */
static int
read_parameters(struct slice rest, struct command *command, const char **why)
{
    const char *unknown = NULL;
    struct slice word;

    if (rest.length > 0 && rest.at[0] != ' ') {
        *why = "a space is missing behind the address";
        return 501;
    }
    for (bool has_more = true; has_more;) {
        int code;

        has_more = slice_cut(rest, ' ', &word, &rest);
        if (word.length == 0)
            continue;
        code = read_parameter(word, command, why);
        if (code == 501)
            return 501;
        if (code == 555)
            unknown = *why;
    }
    *why = unknown;
    return unknown == NULL ? 0 : 555;
}

static int
read_path(struct slice argument, struct command *command, const char **why)
{
    struct slice front = command->verb == VERB_MAIL ? SLICE("FROM:") : SLICE("TO:");
    struct slice rest;

    if (!slice_starts_with_nocase(argument, front)) {
        *why = command->verb == VERB_MAIL ? "FROM:<address> is missing" : "TO:<address> is missing";
        return 501;
    }
    argument = slice_trim(slice_from(argument, front.length)); /* "FROM: <x>" is common */
    if (!address_parse_path(argument, &command->address, &rest, why))
        return 501;
    if (command->verb == VERB_RCPT && address_is_null(&command->address)) {
        *why = "nobody can be reached at <>";
        return 501;
    }
    if (command->verb == VERB_MAIL && !address_is_null(&command->address) &&
        command->address.domain.length == 0) {
        *why = "the domain is missing";
        return 501;
    }
    return read_parameters(rest, command, why);
}

static const struct verb_row *
find_verb(struct slice name)
{
    for (size_t i = 0; i < COUNT_OF(verbs); i++)
        if (slice_equals_nocase(name, (struct slice){verbs[i].name, verbs[i].name_length}))
            return &verbs[i];
    return NULL;
}

int
command_parse(struct slice line, struct command *command, const char **why)
{
    const struct verb_row *row;
    struct slice name, argument;

    memset(command, 0, offsetof(struct command, parameters));
    *why = NULL;
    slice_cut(slice_trim(line), ' ', &name, &argument);
    row = find_verb(name);
    if (row == NULL) {
        *why = "command not recognized";
        return 500;
    }
    command->verb = row->verb;
    argument = slice_trim(argument);
    if (row->argument == ARGUMENT_PATH)
        return read_path(argument, command, why);
    command->argument = argument;
    if (row->argument == ARGUMENT_NONE && argument.length > 0)
        *why = "this command takes no argument";
    if (row->argument == ARGUMENT_NEEDED && argument.length == 0)
        *why = "an argument is missing";
    return *why == NULL ? 0 : 501;
}

/* Up to and with the first CRLF; 0: there is none. A CR, LF or NUL by itself is passed over. */
static size_t
find_line_end(struct slice bytes, bool *is_malformed)
{
    *is_malformed = false;
    for (size_t i = 0; (i = slice_find_low(bytes, i)) < bytes.length; i++) {
        char sign = bytes.at[i];

        if (sign == '\r' && i + 1 < bytes.length && bytes.at[i + 1] == '\n')
            return i + 2;
        *is_malformed |= sign == '\r' || sign == '\n' || sign == '\0';
    }
    return 0;
}

/* Of an endless line the last `length_max` bytes stay: enough for whatever comes next to be known as
 * its end, without any memory between the calls. */
static size_t
drop_endless(struct slice bytes, size_t length_max, struct slice *line, bool *is_malformed)
{
    *line = (struct slice){0};
    *is_malformed = bytes.length > length_max;
    return *is_malformed ? bytes.length - length_max : 0;
}

size_t
line_next(struct slice bytes, size_t length_max, struct slice *line, bool *is_malformed)
{
    size_t used = find_line_end(bytes, is_malformed);

    if (used == 0)
        return drop_endless(bytes, length_max, line, is_malformed);
    *line = (struct slice){bytes.at, used - 2};
    *is_malformed |= used > length_max;
    return used;
}
