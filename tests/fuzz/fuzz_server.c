/* fuzz_server.c - any bytes into a session: it answers, waits or ends, and nothing is left behind.
 *
 * The first byte chooses how the bytes are cut, the second one where pauses fall in between. */
#include <stdint.h>

#include "base/stream_sim.h"
#include "base/unit.h"
#include "fakeisp/isp.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

struct client {
    struct stream *stream;
    struct text heard;
};

static size_t
hear(void *arg, struct slice bytes)
{
    struct client *client = arg;

    text_add_slice(&client->heard, bytes);
    return bytes.length;
}

static void
note_end(void *arg)
{
}

static void
note_broken(void *arg, enum trouble trouble)
{
}

static void
on_connected(void *arg, struct stream *stream, enum trouble trouble)
{
    static const struct stream_events events = {
        .on_bytes = hear, .on_end = note_end, .on_broken = note_broken};
    struct client *client = arg;

    client->stream = stream;
    stream_set_events(stream, &events, client);
}

/* Every reply is a line with a code and ends in CRLF. */
static void
check_replies(const struct text *heard)
{
    for (size_t i = 0; i < heard->length;) {
        const char *line = heard->bytes + i;
        const char *end = memmem(line, heard->length - i, "\r\n", 2);

        assert(end != NULL);
        assert(end - line >= 4);
        assert(line[0] >= '2' && line[0] <= '5');
        assert(char_is_digit(line[1]) && char_is_digit(line[2]));
        assert(line[3] == ' ' || line[3] == '-');
        i = (size_t)(end - heard->bytes) + 2;
    }
}

static const struct isp_condition young = {CONDITION_AGE, IS_LESS, 1000000};
static const struct isp_rule rules[] = {
    {.id = {"slow", 4},
     .stage = STAGE_MAIL,
     .share_ppm = PPM / 2,
     .action = ACTION_DELAY,
     .delay_us = 1000      },
    { .id = {"drip", 4},
     .stage = STAGE_RSET,
     .share_ppm = PPM,
     .action = ACTION_REPLY,
     .reply = {true, {250, {2, 0, 0}, {"ok", 2}}},
     .drip_us = 1000},
    {        .id = {"young", 5},
     .stage = STAGE_RCPT,
     .to = {"y*", 2},
     .conditions = &young,
     .conditions_count = 1,
     .share_ppm = PPM,
     .action = ACTION_REPLY,
     .reply = {true, {451, {4, 7, 1}, {"later", 5}}}},
    {   .id = {"body", 4},
     .stage = STAGE_BODY,
     .header = {"X: close", 8},
     .share_ppm = PPM,
     .action = ACTION_CLOSE      },
    {   .id = {"dot", 3},
     .stage = STAGE_DOT,
     .header = {"X: *a*", 6},
     .share_ppm = PPM,
     .action = ACTION_REPLY,
     .reply = {true, {550, {5, 7, 1}, {"two\nlines", 9}}}},
};
static const struct isp_band bands[] = {
    {.id = {"bad", 3},
     .below = 20,
     .reply = {true, {550, {5, 7, 1}, {"bad", 3}}},
     .share_ppm = PPM,
     .is_closing = true,
     .stage = STAGE_RCPT,
     .scale_ppm = 500000},
};
static const struct isp_rung rungs[] = {
    {.id = {"worse", 5},
     .after = 3,
     .within_us = 1000000,
     .over = {true, {451, {4, 7, 1}, {"worse", 5}}},
     .stage = STAGE_CONNECT,
     .hold_us = 500000,
     .scale_ppm = 500000},
};
static const struct isp_limit limits[] = {
    {.id = {"share", 5},
     .count = LIMIT_UNKNOWN_USERS,
     .per = LIMIT_PER_SOURCE_IP,
     .share = {1, 2},
     .share_of_min = 5,
     .window = WINDOW_FIRST,
     .window_us = 1000000,
     .stage = STAGE_EHLO,
     .over = {true, {421, {4, 7, 0}, {"share", 5}}},
     .then = THEN_SILENT},
    {.id = {"domains", 7},
     .count = LIMIT_DOMAINS_PER_TRANSACTION,
     .per = LIMIT_PER_HOST,
     .max = 2,
     .over = {true, {452, {4, 5, 3}, {"domains", 7}}},
     .rungs = rungs,
     .rungs_count = 1,
     .decay_us = 1000000},
    {.id = {"unknown", 7},
     .count = LIMIT_UNKNOWN_USERS,
     .per = LIMIT_PER_SENDER_DOMAIN,
     .max = 2,
     .window = WINDOW_SLIDING,
     .window_us = 1000000,
     .over = {true, {421, {4, 7, 0}, {"enough", 6}}},
     .then = THEN_CLOSE},
    {.id = {"rcpt", 4},
     .count = LIMIT_RECIPIENTS,
     .per = LIMIT_PER_SOURCE_IP,
     .max = 8,
     .window = WINDOW_BUCKET,
     .window_us = 1000000,
     .hold_us = 1000,
     .hold_factor = {2, 1},
     .over = {true, {450, {4, 7, 0}, {"slowly", 6}}}},
    {.id = {"bytes", 5},
     .count = LIMIT_BYTES,
     .per = LIMIT_PER_IP_24,
     .max = 2000,
     .window = WINDOW_FIXED,
     .window_us = 1000000,
     .over = {true, {452, {4, 3, 1}, {"much", 4}}}},
};
static const struct isp_mailbox mailboxes[] = {
    {.to = {"n*", 2}, .is = MAILBOX_UNKNOWN, .share_ppm = PPM},
};

static void
run(struct loop *loop, int64_t us)
{
    struct error err;
    bool is_fine = loop_run(loop, loop_now_us(loop) + us, &err);

    assert(is_fine);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    static const struct slice domain = {"isp.test", 8};
    struct net_address address =
                           {
                               4, {192, 0, 2, 1},
                                25
    },
                       from = {4, {192, 0, 2, 2}, 0};
    struct isp_host host = {
        .name = {"mx",          2 },
        .fqdn = {"mx.isp.test", 11},
        .addresses = &address,
        .addresses_count = 1
    };
    struct isp_config config = {
        .name = {"isp",                          3},
        .domains = &domain,
        .domains_count = 1,
        .hosts = &host,
        .hosts_count = 1,
        .rules = rules,
        .rules_count = COUNT_OF(rules),
        .limits = limits,
        .limits_count = COUNT_OF(limits),
        .reputation = { .is_on = true,
                 .per = LIMIT_PER_SENDER_DOMAIN,
                 .start = 50,
                 .unknown_points = 10,
                 .share_of_min = 1,
                 .jump_points = 20,
                 .jump_times = 2,
                 .jump_from = 1,
                 .bands = bands,
                 .bands_count = COUNT_OF(bands)},
        .warming = {                .is_on = length > 2 && bytes[1] & 2,
                 .per = LIMIT_PER_SOURCE_IP,
                 .first = 2,
                 .full = 9,
                 .grow = {2, 1},
                 .shrink = {1, 2},
                 .over = {true, {421, {4, 7, 0}, {"new", 3}}},
                 .stage = STAGE_DATA,
                 .forget_us = 30 * US_PER_DAY},
        .mailboxes = mailboxes,
        .mailboxes_count = COUNT_OF(mailboxes),
        .size_max = 3000,
        .recipients_max = 5,
        .greylist = {                      .is_on = length > 2 && bytes[1] & 1, .key = GREY_TO,  .delay_us = 1000}
    };
    struct rng rng = rng_from_seed(1);
    struct loop *loop = loop_sim_new(0);
    struct network *network = network_sim_new(loop, &rng);
    struct journal *journal = journal_new();
    struct isp_doors doors = {.loop = loop, .network = network, .journal = journal, .rng = &rng};
    struct net_link link = {.cut = length > 2 ? bytes[0] % 3 : NET_CUT_WHOLE};
    size_t pause_every = length > 2 ? 1 + bytes[1] / 2 * 16U : 1;
    struct client client = {NULL, {0}};
    struct error err;
    struct isp *isp = isp_new(&config, &doors, &err);

    assert(isp != NULL);
    network_sim_set_link(network, &address, &link);
    network_connect(network, &from, &address, 1000000, on_connected, &client);
    run(loop, 0);
    assert(client.stream != NULL);
    for (size_t i = 2; i < length; i += pause_every) {
        size_t piece = length - i < pause_every ? length - i : pause_every;

        stream_write(client.stream, (const char *)bytes + i, piece);
        run(loop, 100);
    }
    run(loop, US_PER_MIN);
    check_replies(&client.heard);
    run(loop, US_PER_HOUR); /* long enough for everybody to lose patience */
    check_replies(&client.heard);
    assert(isp_sessions_open(isp, 0) == 0);
    assert(isp_totals(isp).recipients_accepted >= isp_totals(isp).messages_accepted);
    stream_close(&client.stream);
    text_release(&client.heard);
    isp_free(&isp);
    network_free(&network);
    journal_free(&journal);
    loop_free(&loop);
    return 0;
}
