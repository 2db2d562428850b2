/* test_spool.c - what was promised with a 250 is there, byte by byte, whatever happens. */
#include "tests/unit.h"

#include "base/mem.h"
#include "base/unit.h"
#include "mta/spool.h"

enum { MESSAGES_MAX = 400, RCPTS_MAX = 6, SYNC_US = 2000 };

#define START_US (INT64_C(1767600000) * US_PER_S) /* a Monday in January */

struct model_message {
    struct text sender, rcpts[RCPTS_MAX], content;
    size_t rcpts_count;
    int64_t arrival_us, validity_us;
    bool is_8bit;
    struct spool_place places[RCPTS_MAX];
    uint32_t open, durable_open, offered_open; /* a bit per recipient that is not settled */
};

struct world {
    struct loop *loop;
    struct store *store;
    struct spool *spool;
    struct rng rng;
    struct model_message messages[MESSAGES_MAX];
    size_t count;
    size_t found_message, found_rcpt; /* the next one that a recovery has to tell */
    bool is_synced;
    struct error err;
};

static void
world_start(struct world *w, uint64_t seed)
{
    *w = (struct world){.rng = rng_from_seed(seed)};
    w->loop = loop_sim_new(START_US);
    w->store = store_sim_new(w->loop, SYNC_US, &w->rng);
    w->spool = spool_new(w->loop, w->store);
}

static void
world_stop(struct world *w)
{
    for (size_t i = 0; i < w->count; i++) {
        text_release(&w->messages[i].sender);
        text_release(&w->messages[i].content);
        for (size_t j = 0; j < RCPTS_MAX; j++)
            text_release(&w->messages[i].rcpts[j]);
    }
    spool_free(&w->spool);
    store_free(&w->store);
    loop_free(&w->loop);
}

static void
pass(struct world *w, int64_t us)
{
    assert_true(loop_run(w->loop, loop_now_us(w->loop) + us, &w->err));
}

static struct mail_address
address_in(const struct text *text)
{
    struct mail_address address = {0};
    struct slice rest = text_slice(text);
    const char *at = rest.length > 0 ? memrchr(rest.at, '@', rest.length) : NULL;

    if (at != NULL) {
        address.local = (struct slice){rest.at, (size_t)(at - rest.at)};
        address.domain = slice_from(rest, address.local.length + 1);
    }
    return address;
}

static void
add(struct world *w, struct model_message *m)
{
    struct mail_address rcpts[RCPTS_MAX];
    const struct spool_submission submission = {.sender = address_in(&m->sender),
        .recipients = rcpts,
        .recipients_count = m->rcpts_count,
        .content = text_slice(&m->content),
        .validity_us = m->validity_us,
        .is_8bit = m->is_8bit};

    for (size_t i = 0; i < m->rcpts_count; i++)
        rcpts[i] = address_in(&m->rcpts[i]);
    m->arrival_us = loop_now_us(w->loop);
    m->open = (1U << m->rcpts_count) - 1;
    spool_add(w->spool, &submission, m->places);
}

static void
check_message(struct world *w, const struct model_message *m)
{
    struct text text = {0};
    struct spool_envelope envelope;

    for (size_t i = 0; i < m->rcpts_count; i++) {
        if ((m->open & 1U << i) == 0)
            continue;
        assert_int_equal(m->places[i].message, m->places[0].message);
        text_clear(&text);
        spool_recipient(w->spool, m->places[i], &text);
        assert_slice(text_slice(&text), text_string(&m->rcpts[i]));
        assert_true(slice_equals(spool_domain_name(w->spool, spool_domain(w->spool, m->places[i])),
            address_in(&m->rcpts[i]).domain));
    }
    text_clear(&text);
    spool_sender(w->spool, m->places[0].message, &text);
    assert_slice(text_slice(&text), text_string(&m->sender));
    text_clear(&text);
    spool_content(w->spool, m->places[0].message, &text);
    assert_true(slice_equals(text_slice(&text), text_slice(&m->content)));
    assert_int_equal(spool_size(w->spool, m->places[0].message), m->content.length);
    envelope = spool_envelope(w->spool, m->places[0].message);
    assert_int_equal(envelope.arrival_us, m->arrival_us);
    assert_int_equal(envelope.validity_us, m->validity_us);
    assert_int_equal(envelope.is_8bit, m->is_8bit);
    text_release(&text);
}

static void
check_all(struct world *w)
{
    for (size_t i = 0; i < w->count; i++)
        if (w->messages[i].open != 0)
            check_message(w, &w->messages[i]);
}

/* --- drawn messages -------------------------------------------------------------------------- */

static void
draw_address(struct rng *rng, struct text *out)
{
    static const char *const locals[] = {"kim", "robin", "a", "b+spring-1z",
        "b+spring-1z-v6fg8brgoj", "news+k-77", "\"a b\"", "x-y-z", "+", "-",
        "longer.than+most-of-them"};
    static const char *const domains[] = {"isp.test", "bigmail.test", "x.org.test", "[192.0.2.1]"};

    text_printf(out, "%s", locals[rng_below(rng, COUNT_OF(locals))]);
    if (rng_below(rng, 2) == 0)
        text_printf(out, "%u", (unsigned)rng_below(rng, 20));
    text_printf(out, "@%s", domains[rng_below(rng, COUNT_OF(domains))]);
}

/* Made of what the spool looks for, whole or in part, and of any byte. */
static void
draw_content(struct world *w, struct model_message *m)
{
    struct text values[6] = {{0}};
    struct rng *rng = &w->rng;
    struct slice local = address_in(&m->sender).local, base, key = {0};

    text_add_slice(&values[0], text_slice(&m->rcpts[0]));
    text_add_slice(&values[1], address_in(&m->rcpts[0]).local);
    text_add_slice(&values[2], local);
    if (verp_parse(local, &base, &key))
        text_add_slice(&values[3], key);
    unit_format_rfc5322_date(&values[4], loop_wall_us(w->loop) / US_PER_S * US_PER_S);
    unit_format_rfc5322_date(&values[5], (loop_wall_us(w->loop) / US_PER_S - 1) * US_PER_S);
    for (uint64_t left = rng_below(rng, 15); left > 0; left--) {
        struct slice value = text_slice(&values[rng_below(rng, COUNT_OF(values))]);

        if (rng_below(rng, 3) == 0)
            text_add_char(&m->content, (char)rng_below(rng, 256));
        else
            text_add(&m->content, value.at,
                rng_below(rng, 3) > 0 ? value.length : rng_below(rng, value.length + 1));
    }
    for (size_t i = 0; i < COUNT_OF(values); i++)
        text_release(&values[i]);
}

static void
add_drawn(struct world *w)
{
    struct model_message *m = &w->messages[w->count++];

    if (rng_below(&w->rng, 5) > 0)
        draw_address(&w->rng, &m->sender);
    m->rcpts_count = rng_below(&w->rng, 2) == 0 ? 1 : 1 + rng_below(&w->rng, RCPTS_MAX);
    for (size_t i = 0; i < m->rcpts_count; i++)
        draw_address(&w->rng, &m->rcpts[i]);
    m->validity_us = (int64_t)(1 + rng_below(&w->rng, 3)) * US_PER_HOUR;
    m->is_8bit = rng_below(&w->rng, 2) == 0;
    draw_content(w, m);
    add(w, m);
}

static void
settle_drawn(struct world *w)
{
    struct model_message *m = &w->messages[w->count > 0 ? rng_below(&w->rng, w->count) : 0];
    size_t rcpt = (size_t)rng_below(&w->rng, RCPTS_MAX);

    if ((m->open & 1U << rcpt) == 0)
        return;
    m->open &= ~(1U << rcpt);
    spool_settle(w->spool, m->places[rcpt]);
}

/* --- durability ------------------------------------------------------------------------------ */

static void
on_synced(void *arg, bool is_durable)
{
    struct world *w = arg;

    assert_true(is_durable);
    w->is_synced = true;
    for (size_t i = 0; i < w->count; i++)
        w->messages[i].durable_open = w->messages[i].offered_open;
}

static void
ask_for_sync(struct world *w)
{
    w->is_synced = false;
    for (size_t i = 0; i < w->count; i++)
        w->messages[i].offered_open = w->messages[i].open;
    spool_sync(w->spool, on_synced, w);
}

/* Told in the order of arrival, and as they lay in the record. */
static void
on_found(void *arg, struct spool_place place)
{
    struct world *w = arg;
    struct model_message *m;

    for (;; w->found_rcpt = 0, w->found_message++) {
        assert_true(w->found_message < w->count);
        m = &w->messages[w->found_message];
        while (w->found_rcpt < m->rcpts_count && (m->open & 1U << w->found_rcpt) == 0)
            w->found_rcpt++;
        if (w->found_rcpt < m->rcpts_count)
            break;
    }
    assert_int_equal(place.message, m->places[w->found_rcpt].message);
    assert_int_equal(place.at, m->places[w->found_rcpt].at);
    w->found_rcpt++;
}

static size_t
open_count(const struct world *w)
{
    size_t count = 0;

    for (size_t i = 0; i < w->count; i++)
        count += (size_t)__builtin_popcount(w->messages[i].open);
    return count;
}

static void
note_found(void *arg, struct spool_place place)
{
    ++*(size_t *)arg;
}

static void
crash(struct world *w)
{
    size_t found_count = 0;

    spool_free(&w->spool);
    store_sim_crash(w->store);
    for (size_t i = 0; i < w->count; i++)
        w->messages[i].open = w->messages[i].offered_open = w->messages[i].durable_open;
    w->spool = spool_new(w->loop, w->store);
    w->found_message = w->found_rcpt = 0;
    spool_recover(w->spool, on_found, w);
    spool_free(&w->spool); /* and once more: recovering changes nothing that matters */
    w->spool = spool_new(w->loop, w->store);
    spool_recover(w->spool, note_found, &found_count);
    assert_int_equal(found_count, open_count(w));
}

/* --- claims ---------------------------------------------------------------------------------- */

static void
any_message_comes_back_byte_by_byte(void **state)
{
    for (uint64_t seed = 1; seed <= 30; seed++) {
        static struct world w;

        world_start(&w, seed);
        while (w.count < MESSAGES_MAX) {
            add_drawn(&w);
            if (rng_below(&w.rng, 3) == 0)
                pass(&w, (int64_t)rng_below(&w.rng, 3 * US_PER_S));
            if (rng_below(&w.rng, 3) == 0)
                settle_drawn(&w);
        }
        check_all(&w);
        world_stop(&w);
    }
}

static void
a_crash_leaves_what_a_finished_sync_covers(void **state)
{
    for (uint64_t seed = 1; seed <= 60; seed++) {
        static struct world w;

        world_start(&w, seed);
        while (w.count < MESSAGES_MAX) {
            switch (rng_below(&w.rng, 12)) {
            case 0:
                ask_for_sync(&w);
                pass(&w, 2 * SYNC_US);
                assert_true(w.is_synced);
                break;
            case 1:
                ask_for_sync(&w); /* too late for the crash */
                settle_drawn(&w);
                crash(&w);
                assert_false(w.is_synced);
                check_all(&w);
                break;
            case 2:
            case 3:
            case 4:
                settle_drawn(&w);
                break;
            case 5:
                pass(&w, (int64_t)rng_below(&w.rng, 3 * US_PER_S));
                break;
            default:
                add_drawn(&w);
            }
        }
        check_all(&w);
        world_stop(&w);
    }
}

static void
when_all_is_settled_nothing_is_left(void **state)
{
    static struct world w;
    size_t found_count = 0;

    world_start(&w, 3);
    while (w.count < 100)
        add_drawn(&w);
    for (size_t i = 0; i < w.count; i++)
        for (size_t j = 0; j < w.messages[i].rcpts_count; j++) {
            w.messages[i].open &= ~(1U << j);
            spool_settle(w.spool, w.messages[i].places[j]);
            if (w.messages[i].open != 0)
                check_message(&w, &w.messages[i]);
        }
    assert_true(spool_templates_count(w.spool) <= 1); /* the last one used is kept */
    ask_for_sync(&w);
    pass(&w, 2 * SYNC_US);
    spool_free(&w.spool);
    w.spool = spool_new(w.loop, w.store);
    spool_recover(w.spool, note_found, &found_count);
    assert_int_equal(found_count, 0);
    assert_int_equal(spool_templates_count(w.spool), 0); /* nobody needs it any more */
    world_stop(&w);
}

static void
add_campaign_message(struct world *w, unsigned number)
{
    struct model_message *m = &w->messages[w->count++];

    m->rcpts_count = 1;
    text_printf(&m->rcpts[0], "user%05u@isp.test", number);
    text_printf(&m->sender, "b+spring-%05x@us.test", number);
    text_add_string(&m->content, "Date: ");
    unit_format_rfc5322_date(&m->content, loop_wall_us(w->loop) / US_PER_S * US_PER_S);
    text_printf(&m->content, "\r\nTo: user%05u@isp.test\r\n\r\nDear user%05u, see /spring-%05x\r\n",
        number, number, number);
    text_add_repeated(&m->content, 'x', 3000);
    m->validity_us = US_PER_HOUR;
    add(w, m);
}

static void
a_campaign_is_one_template_and_some_bytes_each(void **state)
{
    static struct world w;
    uint64_t bytes;

    world_start(&w, 1);
    add_campaign_message(&w, 0);
    bytes = store_sim_bytes(w.store);
    while (w.count < MESSAGES_MAX) {
        pass(&w, 100 * US_PER_MS);
        add_campaign_message(&w, (unsigned)w.count);
    }
    assert_int_equal(spool_templates_count(w.spool), 1);
    assert_true(store_sim_bytes(w.store) - bytes < 48 * (MESSAGES_MAX - 1));
    check_all(&w);
    world_stop(&w);
}

static void
templates_found_again_are_used_again(void **state)
{
    static struct world w;

    world_start(&w, 1);
    for (int round = 0; round < 10; round++) /* two deliveries by turns */
        for (int which = 0; which < 2; which++) {
            struct model_message *m = &w.messages[w.count++];

            m->rcpts_count = 1;
            text_printf(&m->rcpts[0], "user%d@isp.test", round);
            text_add_string(&m->content, which == 0 ? "one" : "two");
            add(&w, m);
        }
    assert_int_equal(spool_templates_count(w.spool), 2);
    for (size_t i = 0; i < w.count; i += 2) { /* the first one is over */
        w.messages[i].open = 0;
        spool_settle(w.spool, w.messages[i].places[0]);
    }
    assert_int_equal(spool_templates_count(w.spool), 1);
    check_all(&w);
    for (size_t i = 1; i < w.count; i += 2) {
        w.messages[i].open = 0;
        spool_settle(w.spool, w.messages[i].places[0]);
    }
    assert_int_equal(spool_templates_count(w.spool), 1); /* kept, as the last one used */
    add_campaign_message(&w, 1);
    assert_int_equal(spool_templates_count(w.spool), 1); /* until another one is */
    check_all(&w);
    world_stop(&w);
}

/* Same content, but what hangs on the template differs. */
static void
what_messages_share_is_part_of_their_template(void **state)
{
    static const struct {
        const char *sender;
        int64_t validity_us;
        bool is_8bit;
    } cases[] = {
        {"b+spring-1@us.test",   US_PER_S,     false},
        {"b+spring-1@us.test",   2 * US_PER_S, false},
        {"b+spring-1@us.test",   US_PER_S,     true },
        {"b+autumn-1@us.test",   US_PER_S,     false},
        {"b+spring-1@them.test", US_PER_S,     false},
        {"",                     US_PER_S,     false},
    };
    static struct world w;

    world_start(&w, 1);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct model_message *m = &w.messages[w.count++];

        m->rcpts_count = 1;
        text_add_string(&m->rcpts[0], "kim@isp.test");
        text_add_string(&m->sender, cases[i].sender);
        text_add_string(&m->content, "hello");
        m->validity_us = cases[i].validity_us;
        m->is_8bit = cases[i].is_8bit;
        add(&w, m);
    }
    assert_int_equal(spool_templates_count(w.spool), COUNT_OF(cases));
    check_all(&w);
    world_stop(&w);
}

static void
domains_are_lowered_and_numbered_once(void **state)
{
    static const struct {
        const char *rcpt, *read_back;
        uint32_t domain;
    } cases[] = {
        {"Kim@ISP.Test",   "Kim@isp.test",   0},
        {"kim@isp.test",   "kim@isp.test",   0},
        {"kim@other.test", "kim@other.test", 1},
        {"X@isp.TEST",     "X@isp.test",     0},
        {"x@third.test",   "x@third.test",   2},
    };
    static struct world w;

    world_start(&w, 1);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct model_message *m = &w.messages[w.count++];
        struct text text = {0};

        m->rcpts_count = 1;
        text_add_string(&m->rcpts[0], cases[i].rcpt);
        text_printf(&m->content, "To: %s and %s", cases[i].rcpt, cases[i].read_back);
        add(&w, m);
        assert_int_equal(spool_domain(w.spool, m->places[0]), cases[i].domain);
        spool_recipient(w.spool, m->places[0], &text);
        assert_slice(text_slice(&text), cases[i].read_back);
        text_clear(&text); /* content keeps its case all the same */
        spool_content(w.spool, m->places[0].message, &text);
        assert_slice(text_slice(&text), text_string(&m->content));
        text_release(&text);
    }
    world_stop(&w);
}

static void
as_many_recipients_as_allowed_fit(void **state)
{
    static struct mail_address rcpts[SPOOL_RECIPIENTS_MAX];
    static struct spool_place places[SPOOL_RECIPIENTS_MAX];
    static char locals[SPOOL_RECIPIENTS_MAX][ADDRESS_LOCAL_MAX + 1];
    static struct world w;
    struct text text = {0};

    world_start(&w, 1);
    for (size_t i = 0; i < SPOOL_RECIPIENTS_MAX; i++) {
        memset(locals[i], 'x', ADDRESS_LOCAL_MAX);
        snprintf(locals[i], 8, "u%05zu.", i);
        locals[i][7] = 'y';
        rcpts[i] = (struct mail_address){
            .local = {locals[i], ADDRESS_LOCAL_MAX},
              .domain = SLICE("isp.test")
        };
    }
    spool_add(w.spool,
        &(struct spool_submission){.recipients = rcpts,
            .recipients_count = SPOOL_RECIPIENTS_MAX,
            .content = SLICE("hello"),
            .validity_us = US_PER_S},
        places);
    for (size_t i = SPOOL_RECIPIENTS_MAX; i-- > 0;) {
        text_clear(&text);
        spool_recipient(w.spool, places[i], &text);
        assert_int_equal(text.length, ADDRESS_LOCAL_MAX + sizeof "isp.test");
        assert_true(slice_starts_with(text_slice(&text), rcpts[i].local));
        spool_settle(w.spool, places[i]);
    }
    text_release(&text);
    world_stop(&w);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_message_comes_back_byte_by_byte),
        cmocka_unit_test(a_crash_leaves_what_a_finished_sync_covers),
        cmocka_unit_test(when_all_is_settled_nothing_is_left),
        cmocka_unit_test(a_campaign_is_one_template_and_some_bytes_each),
        cmocka_unit_test(templates_found_again_are_used_again),
        cmocka_unit_test(what_messages_share_is_part_of_their_template),
        cmocka_unit_test(domains_are_lowered_and_numbered_once),
        cmocka_unit_test(as_many_recipients_as_allowed_fit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
