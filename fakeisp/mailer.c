/* mailer.c - letters wait for their turn, are tried, and tried again. */
#include "fakeisp/mailer.h"

#include "base/mem.h"
#include "base/unit.h"
#include "fakeisp/mailer_letter.h"
#include "smtp/message.h"

/* After the first try, after the second, … */
static const int pauses_s[] = {60, 5 * 60, 30 * 60, 2 * 3600, 12 * 3600};
static_assert(COUNT_OF(pauses_s) == MAILER_TRIES_MAX - 1, "a pause between two tries");

static void
letter_free(struct letter *letter)
{
    struct mailer *mailer = letter->mailer;

    route_stop(letter);
    session_stop(letter);
    timer_cancel(mailer->setup.loop, &letter->timer);
    *(letter->previous != NULL ? &letter->previous->next : &mailer->first) = letter->next;
    if (letter->next != NULL)
        letter->next->previous = letter->previous;
    mailer->letters_count--;
    text_release(&letter->sender);
    text_release(&letter->rcpt);
    text_release(&letter->hostname);
    text_release(&letter->content);
    text_release(&letter->hosts);
    text_release(&letter->scratch);
    mem_free(letter);
}

static void
try_letter(struct letter *letter)
{
    letter->mailer->sessions_count++;
    letter->is_in_session = true;
    letter->tries++;
    route_begin(letter);
}

static void
queue_up(void *arg)
{
    struct letter *letter = arg;
    struct mailer *mailer = letter->mailer;

    if (mailer->sessions_count < MAILER_SESSIONS_MAX) {
        try_letter(letter);
        return;
    }
    letter->next_waiting = NULL;
    *mailer->waiting_end = letter;
    mailer->waiting_end = &letter->next_waiting;
}

static void
give_turn_to_next(struct mailer *mailer)
{
    struct letter *letter = mailer->waiting_first;

    if (letter == NULL)
        return;
    mailer->waiting_first = letter->next_waiting;
    if (mailer->waiting_first == NULL)
        mailer->waiting_end = &mailer->waiting_first;
    loop_post(mailer->setup.loop, &letter->timer, queue_up, letter);
}

void
letter_end_try(struct letter *letter, enum mailer_end end)
{
    struct mailer *mailer = letter->mailer;
    int64_t now_us = loop_now_us(mailer->setup.loop);

    route_stop(letter);
    session_stop(letter);
    letter->is_in_session = false;
    mailer->sessions_count--;
    give_turn_to_next(mailer);
    if (end == MAILER_GAVE_UP && letter->tries < MAILER_TRIES_MAX) {
        timer_arm(mailer->setup.loop, &letter->timer,
            now_us + pauses_s[letter->tries - 1] * (int64_t)US_PER_S, queue_up, letter);
        return;
    }
    letter->fn(letter->arg, end);
    letter_free(letter);
}

struct mailer *
mailer_new(const struct mailer_setup *setup)
{
    struct mailer *mailer = mem_alloc_zeroed(sizeof *mailer);

    assert(setup->resolver != NULL || setup->to.family != 0);
    mailer->setup = *setup;
    if (mailer->setup.port == 0)
        mailer->setup.port = 25;
    mailer->waiting_end = &mailer->waiting_first;
    return mailer;
}

void
mailer_free(struct mailer **mailer)
{
    if (*mailer == NULL)
        return;
    while ((*mailer)->first != NULL)
        letter_free((*mailer)->first);
    mem_free(*mailer);
    *mailer = NULL;
}

bool
mailer_send(struct mailer *mailer, const struct mailer_letter *from, mailer_fn *fn, void *arg)
{
    struct letter *letter;

    if (mailer->letters_count == MAILER_LETTERS_MAX)
        return false;
    letter = mem_alloc_zeroed(sizeof *letter);
    letter->mailer = mailer;
    letter->fn = fn;
    letter->arg = arg;
    letter->from = from->from;
    letter->from.port = 0;
    text_add_slice(&letter->sender, from->sender);
    text_add_slice(&letter->rcpt, from->rcpt);
    text_add_slice(&letter->hostname, from->hostname);
    dot_stuff(&letter->content, from->content);
    text_add_string(&letter->content, ".\r\n");
    letter->next = mailer->first;
    if (mailer->first != NULL)
        mailer->first->previous = letter;
    mailer->first = letter;
    mailer->letters_count++;
    loop_post(mailer->setup.loop, &letter->timer, queue_up, letter);
    return true;
}
