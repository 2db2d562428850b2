/* wish.c - the words of an address. */
#include "fakeisp/wish.h"

#include "base/unit.h"

#define DELAY_US_MAX  US_PER_HOUR
#define REPORT_US_MAX (7 * US_PER_DAY)
#define YOUNG_US_MAX  (7 * US_PER_DAY)

struct reading {
    struct slice rest; /* words not read yet, behind the one at hand */
    struct wish *wish;
};

struct word;
static bool is_word(struct slice name);
typedef bool word_reader(struct reading *reading, const struct word *word);

static struct slice
peek(const struct reading *reading)
{
    struct slice head, rest;

    slice_cut(reading->rest, '_', &head, &rest);
    return head;
}

static void
step_over(struct reading *reading)
{
    struct slice head, rest;

    slice_cut(reading->rest, '_', &head, &rest);
    reading->rest = rest;
}

/* These two leave what is none of theirs to the next word. */
static bool
take_duration(struct reading *reading, int64_t us_max, int64_t *us)
{
    struct error err;
    int64_t value;

    if (!unit_parse_duration(peek(reading), &value, &err) || value > us_max)
        return false;
    *us = value;
    step_over(reading);
    return true;
}

static bool
take_status(struct reading *reading, struct enhanced_code *code)
{
    struct slice word = peek(reading), rest;

    if (!enhanced_parse(word, code, &rest) || rest.length > 0)
        return false;
    step_over(reading);
    return true;
}

struct word {
    const char *name;
    word_reader *read;
    int value; /* for `read` */
    const char *usage, *help;
};

static bool
read_stage(struct reading *reading, const struct word *word)
{
    reading->wish->stage = (enum smtp_stage)word->value;
    return reading->rest.length > 0;
}

static bool
read_kind(struct reading *reading, const struct word *word)
{
    reading->wish->kind = (enum wish_kind)word->value;
    return true;
}

static bool
read_delay(struct reading *reading, const struct word *word)
{
    return take_duration(reading, DELAY_US_MAX, &reading->wish->delay_us);
}

static bool
read_drip(struct reading *reading, const struct word *word)
{
    return take_duration(reading, DELAY_US_MAX, &reading->wish->drip_us);
}

static bool
read_times(struct reading *reading, const struct word *word)
{
    uint64_t times;

    if (!slice_to_u64(peek(reading), &times) || times < 1 || times > 1000)
        return false;
    reading->wish->times = (uint32_t)times;
    step_over(reading);
    return reading->rest.length > 0;
}

static void
wish_reply(struct wish *wish, int code, uint16_t subject, uint16_t detail)
{
    wish->kind = WISH_REPLY;
    wish->code = (uint16_t)code;
    wish->enhanced = (struct enhanced_code){(uint8_t)(code / 100), subject, detail};
}

static bool
read_greylist(struct reading *reading, const struct word *word)
{
    wish_reply(reading->wish, 451, 7, 1);
    reading->wish->young_us = 5 * US_PER_MIN;
    take_duration(reading, YOUNG_US_MAX, &reading->wish->young_us);
    return true;
}

/* 550, or 550_5.1.1. */
static bool
read_code(struct reading *reading, int code)
{
    struct wish *wish = reading->wish;

    wish_reply(wish, code, 0, 0);
    take_status(reading, &wish->enhanced);
    return wish->enhanced.class == code / 100;
}

/* Whatever is no word of ours, and no code, may be the name of a dialect. */
static bool
take_style(struct reading *reading, struct slice *style)
{
    struct slice word = peek(reading);
    struct error ignored;
    uint64_t code;
    int64_t us;

    if (word.length == 0 || style->length > 0 || is_word(word) || slice_to_u64(word, &code) ||
        unit_parse_duration(word, &us, &ignored)) /* too long a time is no name */
        return false;
    *style = word;
    step_over(reading);
    return true;
}

/* Status, time and dialect in any order. */
static bool
read_report(struct reading *reading, const struct word *word)
{
    static const struct enhanced_code usual[] = {
        [DSN_FAILED] = {5, 1, 1},
        [DSN_DELAYED] = {4, 4, 1},
        [DSN_DELIVERED] = {2, 1, 5},
    };
    struct wish *wish = reading->wish;

    wish->report = (enum dsn_kind)word->value;
    wish->report_code = usual[word->value];
    wish->report_after_us = 10 * (int64_t)US_PER_S;
    for (int i = 0; i < 3 && reading->rest.length > 0; i++)
        if (!take_status(reading, &wish->report_code) &&
            !take_duration(reading, REPORT_US_MAX, &wish->report_after_us))
            take_style(reading, &wish->style);
    return true;
}

static bool
read_back(struct reading *reading, const struct word *word)
{
    static const struct slice usual[] = {
        [RETURN_REPORT] = {"",        0},
        [RETURN_AUTO_REPLY] = {"english", 7},
        [RETURN_COMPLAINT] = {"arf",     3},
    };
    struct wish *wish = reading->wish;

    wish->report = DSN_OTHER;
    wish->back = (enum isp_return_kind)word->value;
    wish->report_after_us = 10 * (int64_t)US_PER_S;
    for (int i = 0; i < 2 && reading->rest.length > 0; i++)
        if (!take_duration(reading, REPORT_US_MAX, &wish->report_after_us))
            take_style(reading, &wish->style);
    if (wish->style.length == 0)
        wish->style = usual[wish->back];
    return true;
}

struct truth_word {
    uint16_t code, subject, detail;
};
static const struct truth_word truths[] = {
    {550, 1, 1},
    {452, 2, 2},
    {550, 2, 1},
    {554, 7, 1}
};

static bool
read_truth(struct reading *reading, const struct word *word)
{
    const struct truth_word *truth = &truths[word->value];

    wish_reply(reading->wish, truth->code, truth->subject, truth->detail);
    return true;
}

/* clang-format off */
static const struct word words[] = {
    {"rcpt",      read_stage,    STAGE_RCPT,    "rcpt_550", "at RCPT, as without it"},
    {"data",      read_stage,    STAGE_DATA,    "data_552_5.3.4", "the answer to DATA"},
    {"dot",       read_stage,    STAGE_DOT,     "dot_421", "the answer to the final dot"},
    {"delay",     read_delay,    0,             "delay_5s", "answers late; delay_5s_550 says 550 late"},
    {"drip",      read_drip,     0,             "drip_1s_550", "a byte of the answer per second"},
    {"times",     read_times,    0,             "times_3_451", "the first three times, then accepted"},
    {"greylist",  read_greylist, 0,             "greylist_15m", "451 4.7.1 for 15 minutes, then accepted"},
    {"unknown",   read_truth,    0,             "unknown", "550 5.1.1"},
    {"full",      read_truth,    1,             "full", "452 4.2.2"},
    {"disabled",  read_truth,    2,             "disabled", "550 5.2.1"},
    {"blocked",   read_truth,    3,             "blocked", "554 5.7.1"},
    {"close",     read_kind,     WISH_CLOSE,    "close", "hangs up instead of an answer"},
    {"reset",     read_kind,     WISH_RESET,    "reset", "resets the connection"},
    {"silent",    read_kind,     WISH_SILENCE,  "silent", "never answers again"},
    {"dsn",       read_report,   DSN_FAILED,    "dsn_20m_5.2.2", "accepted; after 20 minutes a bounce comes back (dsn_qmail_20m: as qmail writes)"},
    {"delayed",   read_report,   DSN_DELAYED,   "delayed_1h", "accepted; then a report that it is late"},
    {"delivered", read_report,   DSN_DELIVERED, "delivered_10s", "accepted; then a report of success"},
    {"reply",     read_back,     RETURN_AUTO_REPLY, "reply_german_10s", "accepted; then an automatic reply"},
    {"complaint", read_back,     RETURN_COMPLAINT, "complaint_arf_1h", "accepted; then a complaint to fbl@ the domain of From"},
    {"help",      read_kind,     WISH_HELP,     "help", "this list"},
    {"accept",    read_kind,     WISH_NOTHING,  "accept", "accepted, as whatever means nothing"},
};
/* clang-format on */

static bool
is_word(struct slice name)
{
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (slice_equals_nocase(name, slice_of(words[i].name)))
            return true;
    return false;
}

static bool
read_word(struct reading *reading)
{
    struct slice name = peek(reading);
    uint64_t code;

    step_over(reading);
    if (name.length == 3 && slice_to_u64(name, &code))
        return code >= 200 && code < 600 && code / 100 != 3 && read_code(reading, (int)code);
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (slice_equals_nocase(name, slice_of(words[i].name)))
            return words[i].read(reading, &words[i]);
    return false;
}

bool
wish_read(struct slice address, struct wish *wish)
{
    struct slice local, domain, plain, tag;
    struct reading reading;

    *wish = (struct wish){.stage = STAGE_RCPT};
    slice_cut(address, '@', &local, &domain);
    slice_cut(local, '+', &plain, &tag);
    reading = (struct reading){plain, wish};
    do {
        if (!read_word(&reading)) {
            *wish = (struct wish){.stage = STAGE_RCPT};
            return false;
        }
    } while (reading.rest.length > 0);
    return true;
}

void
wish_help(struct text *out)
{
    text_add_string(out,
        "an address here says what shall happen:\n"
        "550_5.1.1         any code, with or without its enhanced status");
    for (size_t i = 0; i < COUNT_OF(words); i++)
        text_printf(out, "\n%-17s %s", words[i].usage, words[i].help);
    text_add_string(
        out, "\nwords may be joined: delay_5s_dot_451_4.3.0; what means nothing is accepted");
}
