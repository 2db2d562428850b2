/* reply_words.c - the text of a reply as words, and patterns of words to look for. */
#include "mta/reply_words.h"

#include "base/unit.h"
#include "mta/reply_letter.h"

enum { GAP_MAX = 8 };

static bool
is_word_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || char_is_digit(c) ||
        (unsigned char)c >= 128;
}

static bool
is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

/* The run of bytes without a space that begins here. */
static struct slice
run_at(struct slice text)
{
    size_t length = 0;

    while (length < text.length && !is_space(text.at[length]))
        length++;
    return (struct slice){text.at, length};
}

/* What an address is made of; a full stop belongs to it only between two other letters. */
static bool
is_of_address(struct slice run, size_t at)
{
    if (run.at[at] == '.')
        return at > 0 && at + 1 < run.length && run.at[at - 1] != '.' && run.at[at + 1] != '.';
    return is_word_byte(run.at[at]) ||
        (run.at[at] != '\0' && strchr("@+-_=/#~^$%&*?'", run.at[at]) != NULL);
}

/* Cuts the run at its first address: what stands before it, and what behind ("<a@b>...unknown"). */
static struct slice
cut_address(struct slice run, struct slice *rest)
{
    const char *sign = memchr(run.at, '@', run.length);
    size_t from, to;

    *rest = (struct slice){0};
    if (sign == NULL)
        return run;
    from = to = (size_t)(sign - run.at);
    while (from > 0 && is_of_address(run, from - 1))
        from--;
    while (to < run.length && is_of_address(run, to))
        to++;
    *rest = slice_from(run, to);
    return (struct slice){run.at, from};
}

/* "4.7.0" and "192.0.2.1", also with a sign around: two dots or more between digits alone. */
static bool
is_numbers(struct slice run)
{
    size_t dots = 0;

    for (size_t i = 0; i < run.length; i++) {
        dots += run.at[i] == '.' && i + 1 < run.length;
        if (is_word_byte(run.at[i]) && !char_is_digit(run.at[i]))
            return false;
    }
    return dots >= 2;
}

static bool
is_link(struct slice run)
{
    return slice_starts_with(run, SLICE("www.")) || memmem(run.at, run.length, "://", 3) != NULL;
}

static bool
ends_with_any(struct slice run, const char *marks)
{
    return run.length > 0 && run.at[run.length - 1] != '\0' &&
        strchr(marks, run.at[run.length - 1]) != NULL;
}

static void
add_word(struct reply_words *words, size_t start, size_t end)
{
    words->marks[words->count] = 0;
    words->words[words->count++] = (struct slice){words->bytes + start, end - start};
}

/* What begins here: a sign, or a placeholder as a whole ("{ip}" of a template), which is no word. */
static struct letter
letter_at(struct slice run, size_t at)
{
    struct letter letter = {.kind = NO_LETTER, .taken = 1};
    const char *end;

    if (at == run.length)
        return letter;
    end = run.at[at] == '{' ? memchr(run.at + at, '}', run.length - at) : NULL;
    if (end == NULL)
        return letter_read(slice_from(run, at));
    letter.taken = (size_t)(end - run.at) - at + 1;
    return letter;
}

static void
add_words(struct reply_words *words, struct slice run, size_t *used)
{
    size_t start = *used;
    struct letter letter;

    for (size_t at = 0; at <= run.length && words->count < REPLY_WORDS_MAX; at += letter.taken) {
        letter = letter_at(run, at);
        if (letter.kind != LETTER && *used > start) {
            add_word(words, start, *used);
            start = *used;
        }
        if (letter.kind == NO_LETTER || *used + letter.length > REPLY_BYTES_MAX ||
            words->count == REPLY_WORDS_MAX)
            continue;
        memcpy(words->bytes + *used, letter.bytes, letter.length);
        *used += letter.length;
        if (letter.kind == WHOLE_WORD) {
            add_word(words, start, *used);
            start = *used;
        }
    }
}

/* The words of one run, and what its signs say of clauses. */
static void
add_run(struct reply_words *words, struct slice run, size_t from, size_t *used, bool *opens)
{
    size_t first = words->count;

    if (run.length == 0)
        return;
    for (struct slice part, rest = run; rest.length > 0 && !is_numbers(run);) {
        part = cut_address(rest, &rest);
        add_words(words, part, used);
    }
    if (words->count > first && (*opens || run.at[0] == '('))
        words->marks[first] |= WORD_OPENS;
    for (size_t i = first; i < words->count; i++) {
        words->from[i] = from;
        words->marks[i] |= is_link(run) ? WORD_OF_LINK : 0;
    }
    if (words->count > 0 && ends_with_any(run, ".!?;|)"))
        words->marks[words->count - 1] |= WORD_ENDS;
    *opens = (*opens && words->count == first) || ends_with_any(run, ".!?;:|,)]>-");
}

void
reply_words_of(struct reply_words *words, struct slice text)
{
    size_t used = 0;
    bool opens = true;

    words->count = 0;
    for (size_t from = 0;
         from < text.length && words->count < REPLY_WORDS_MAX && used < REPLY_BYTES_MAX;) {
        struct slice run = run_at(slice_from(text, from));

        add_run(words, run, from, &used, &opens);
        from += run.length;
        opens = opens || (from < text.length && text.at[from] == '\n');
        from++;
    }
}

/* --- phrases --------------------------------------------------------------------------------- */

bool
term_matches(struct slice term, struct slice word)
{
    struct slice choice;
    bool has_more = true;

    while (has_more) {
        has_more = slice_cut(term, '/', &choice, &term);
        if (choice.length > 0 && choice.at[choice.length - 1] == '*') {
            if (slice_starts_with(word, (struct slice){choice.at, choice.length - 1}))
                return true;
        } else if (slice_equals(choice, word)) {
            return true;
        }
    }
    return false;
}

static bool
is_gap(struct slice term)
{
    return slice_equals(term, SLICE(".."));
}

static bool
next_term(struct slice *part, struct slice *term)
{
    *part = slice_trim(*part);
    if (part->length == 0)
        return false;
    *term = run_at(*part);
    *part = slice_from(*part, term->length);
    return true;
}

/* The terms from here to the next gap, at exactly this word; how many words they are, or 0. */
static size_t
run_matches(struct slice *part, const struct reply_words *words, size_t at)
{
    struct slice term;
    size_t length = 0;

    while (next_term(part, &term)) {
        if (is_gap(term))
            break;
        if (at + length >= words->count || !term_matches(term, words->words[at + length]))
            return 0;
        length++;
    }
    return length;
}

/* What is between gaps is found one behind the other, each as early as it can be. */
static bool
part_matches_at(struct slice part, const struct reply_words *words, size_t at)
{
    struct slice rest = part;
    size_t length = run_matches(&rest, words, at);

    while (length > 0) {
        size_t from = at + length, limit = from + GAP_MAX;
        struct slice next = rest;

        rest = slice_trim(rest);
        if (rest.length == 0)
            return true;
        for (length = 0; from <= limit && from < words->count && length == 0; from++) {
            next = rest;
            length = run_matches(&next, words, from);
            at = from;
        }
        rest = next;
    }
    return false;
}

static bool
part_matches(struct slice part, const struct reply_words *words)
{
    for (size_t at = 0; at < words->count; at++)
        if (part_matches_at(part, words, at))
            return true;
    return false;
}

bool
phrase_matches(struct slice phrase, const struct reply_words *words)
{
    struct slice part;
    bool has_more = true;

    while (has_more) {
        bool is_unwanted;

        has_more = slice_cut(phrase, '&', &part, &phrase);
        part = slice_trim(part);
        is_unwanted = part.length > 0 && part.at[0] == '!';
        if (part_matches(slice_from(part, is_unwanted), words) == is_unwanted)
            return false;
    }
    return true;
}

static uint32_t
letter_bit(char c)
{
    return c >= 'a' && c <= 'z' ? UINT32_C(1) << (c - 'a') : UINT32_C(1) << 31;
}

struct opener
opener_of(struct slice phrase)
{
    struct opener opener = {.phrase = phrase};
    struct slice rest = phrase, term, choice;
    bool has_more = next_term(&rest, &term);

    while (has_more) {
        has_more = slice_cut(term, '/', &choice, &term);
        opener.letters |= choice.length > 0 ? letter_bit(choice.at[0]) : 0;
    }
    return opener;
}

static size_t
opener_at(
    const struct reply_words *words, size_t at, const struct opener *openers, size_t openers_count)
{
    uint32_t letter = letter_bit(words->words[at].at[0]);
    size_t i = 0;

    while (i < openers_count &&
        ((openers[i].letters & letter) == 0 || !part_matches_at(openers[i].phrase, words, at)))
        i++;
    return i;
}

size_t
reply_cause_of(const struct reply_words *words, const struct opener *openers, size_t count,
    struct reply_words *cause)
{
    size_t first = count;
    bool is_aside = false;

    cause->count = 0;
    for (size_t i = 0; i < words->count; i++) {
        if (!is_aside && (words->marks[i] & WORD_OPENS) != 0) {
            size_t opener = opener_at(words, i, openers, count);

            is_aside = opener < count;
            first = first < count ? first : opener;
        }
        if (!is_aside && (words->marks[i] & WORD_OF_LINK) == 0) {
            cause->from[cause->count] = words->from[i];
            cause->words[cause->count++] = words->words[i];
        }
        is_aside = is_aside && (words->marks[i] & WORD_ENDS) == 0;
    }
    return first;
}

struct slice
reply_cause_text(const struct reply_words *words, const struct reply_words *cause,
    struct slice text, char scratch[REPLY_BYTES_MAX])
{
    size_t used = 0, kept = 0;

    for (size_t i = 0; i < words->count && kept < cause->count; i++) {
        size_t end = text.length, length;

        if (words->from[i] != cause->from[kept])
            continue;
        while (kept < cause->count && cause->from[kept] == words->from[i])
            kept++;
        while (i + 1 < words->count && words->from[i + 1] == words->from[i])
            i++;
        if (i + 1 < words->count)
            end = words->from[i + 1];
        length = end - words->from[i];
        if (length > REPLY_BYTES_MAX - used)
            length = REPLY_BYTES_MAX - used;
        memcpy(scratch + used, text.at + words->from[i], length);
        used += length;
    }
    return (struct slice){scratch, used};
}

const char *
phrase_check(struct slice phrase)
{
    struct slice part, term;
    bool has_more = true;

    if (slice_trim(phrase).length == 0)
        return "an empty phrase";
    while (has_more) {
        size_t terms = 0;
        bool is_behind_gap = true;

        has_more = slice_cut(phrase, '&', &part, &phrase);
        part = slice_trim(part);
        if (part.length > 0 && part.at[0] == '!')
            part = slice_from(part, 1);
        while (next_term(&part, &term)) {
            if (is_gap(term) && is_behind_gap)
                return "a gap is between two words";
            is_behind_gap = is_gap(term);
            for (size_t i = 0; i < term.length && !is_gap(term); i++)
                if (!is_word_byte(term.at[i]) && term.at[i] != '/' && term.at[i] != '*')
                    return "a term is made of letters and digits, '/' between choices and '*' at "
                           "their end";
            for (size_t i = 0; i < term.length; i++)
                if ((term.at[i] >= 'A' && term.at[i] <= 'Z') ||
                    ((unsigned char)term.at[i] >= 0xc3 && (unsigned char)term.at[i] <= 0xc5))
                    return "words are in lower case, without accents";
            terms++;
        }
        if (terms == 0 || is_behind_gap)
            return "a part without words, or with a gap at its end";
        if (terms > PHRASE_TERMS_MAX)
            return "a part has at most twelve terms";
    }
    return NULL;
}

struct slice
phrase_anchor(struct slice phrase)
{
    struct slice part, rest, term, longest = {0};

    slice_cut(phrase, '&', &part, &rest);
    while (next_term(&part, &term))
        if (!is_gap(term) &&
            (longest.length == 0 ||
                (memchr(term.at, '/', term.length) == NULL && term.length > longest.length)))
            longest = term;
    return longest;
}

/* --- hints ----------------------------------------------------------------------------------- */

static int64_t
unit_of(struct slice word)
{
    static const struct {
        const char *term;
        int64_t us;
    } units[] = {
        {"s/sec/secs/second*/segundo*/seconde*/sekunde*",          US_PER_S   },
        {"m/mn/min/mins/minute*/minuto*/minuti",                   US_PER_MIN },
        {"h/hr/hrs/hour*/hora/horas/heure*/stunde*/ore/ora",       US_PER_HOUR},
        {"d/day/days/dia/dias/jour*/tag/tage/tagen/giorno/giorni", US_PER_DAY },
    };

    for (size_t i = 0; i < COUNT_OF(units); i++)
        if (term_matches(slice_of(units[i].term), word))
            return units[i].us;
    return 0;
}

/* "300s": a number with its unit in one word. */
static bool
split_number(struct slice word, uint64_t *number, struct slice *unit)
{
    size_t digits = 0;

    while (digits < word.length && char_is_digit(word.at[digits]))
        digits++;
    *unit = slice_from(word, digits);
    return digits > 0 && digits <= 6 && slice_to_u64((struct slice){word.at, digits}, number);
}

/* What is said of the past or of a limit's window is no hint: a word of waiting must be near. */
static bool
is_about_waiting(const struct reply_words *words, size_t at)
{
    const struct slice waiting = SLICE(
        "in/after/wait/retry/again/later/back/delay/delayed/for/within/dans/en/nach/tra/apres");
    size_t from = at > 4 ? at - 4 : 0;

    for (size_t i = from; i < at; i++)
        if (term_matches(waiting, words->words[i]))
            return !(i + 1 == at && term_matches(SLICE("within"), words->words[i]));
    return at + 2 < words->count && term_matches(SLICE("later"), words->words[at + 2]);
}

/* "00:05:00" */
static int64_t
clock_hint_us(struct slice text)
{
    for (size_t i = 0; i + 8 <= text.length; i++) {
        const char *t = text.at + i;
        bool is_clock = t[2] == ':' && t[5] == ':' && (i == 0 || !char_is_digit(t[-1])) &&
            (i + 8 == text.length || !char_is_digit(t[8]));

        for (size_t k = 0; k < 8 && is_clock; k++)
            is_clock = k == 2 || k == 5 || char_is_digit(t[k]);
        if (is_clock)
            return ((t[0] - '0') * 10 + t[1] - '0') * US_PER_HOUR +
                ((t[3] - '0') * 10 + t[4] - '0') * US_PER_MIN +
                ((t[6] - '0') * 10 + t[7] - '0') * (int64_t)US_PER_S;
    }
    return 0;
}

int64_t
reply_hold_hint_us(struct slice text)
{
    struct reply_words words;

    reply_words_of(&words, text);
    for (size_t i = 0; i < words.count; i++) {
        struct slice unit;
        uint64_t number;
        int64_t us;

        if (!split_number(words.words[i], &number, &unit))
            continue;
        if (unit.length == 0 && i + 1 < words.count)
            unit = words.words[i + 1];
        us = unit.length > 0 ? unit_of(unit) : 0;
        if (us > 0 && number > 0 && (int64_t)number <= 7 * US_PER_DAY / us &&
            is_about_waiting(&words, i))
            return (int64_t)number * us;
    }
    for (size_t i = 0; i < words.count; i++)
        if (term_matches(SLICE("wait/retry/again/back/later/greylist*"), words.words[i]))
            return clock_hint_us(
                text.length > REPLY_BYTES_MAX ? (struct slice){text.at, REPLY_BYTES_MAX} : text);
    return 0;
}
