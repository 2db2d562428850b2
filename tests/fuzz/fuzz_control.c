/* fuzz_control.c - whatever comes in at a control socket, each answer has the length it says. */
#include <stddef.h>
#include <stdint.h>

#include "base/control.h"
#include "base/stream_sim.h"

struct client {
    struct stream *stream;
    struct text heard;
};

static size_t
on_bytes(void *arg, struct slice bytes)
{
    struct client *client = arg;

    text_add_slice(&client->heard, bytes);
    return bytes.length;
}

static void
on_end(void *arg)
{
}

static void
on_broken(void *arg, enum trouble trouble)
{
}

static void
on_connected(void *arg, struct stream *stream, enum trouble trouble)
{
    static const struct stream_events events = {
        .on_bytes = on_bytes, .on_end = on_end, .on_broken = on_broken};
    struct client *client = arg;

    assert(stream != NULL);
    client->stream = stream;
    stream_set_events(stream, &events, client);
}

static bool
echo(void *arg, const struct control_request *request, struct text *answer)
{
    assert(request->words_count <= 3);
    for (size_t i = 0; i < request->words_count; i++) {
        assert(request->words[i].length > 0);
        text_add_slice(answer, request->words[i]);
    }
    return request->words_count != 2;
}

static const struct control_command commands[] = {
    {"echo", 0, 3, "[WORD...]", "Says it again.", echo},
    {NULL,   0, 0, NULL,        NULL,             NULL},
};

static void
check_answers(struct slice heard)
{
    struct slice head, word, length;
    uint64_t bytes;

    while (heard.length > 0) {
        assert(slice_cut(heard, '\n', &head, &heard));
        assert(slice_cut(head, ' ', &word, &length));
        assert(slice_equals(word, SLICE("ok")) || slice_equals(word, SLICE("no")));
        assert(slice_to_u64(length, &bytes) && bytes <= heard.length);
        heard = slice_from(heard, (size_t)bytes);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    static const struct net_address any;
    struct net_address address = {
        .family = 4, .bytes = {192, 0, 2, 1},
             .port = 1
    };
    struct rng rng = rng_from_seed(1);
    struct loop *loop = loop_sim_new(0);
    struct network *network = network_sim_new(loop, &rng);
    struct net_link link = {.cut = length > 0 ? bytes[0] % 3 : NET_CUT_WHOLE};
    struct control *control = control_new(loop, commands, NULL);
    struct client client = {NULL, {0}};
    struct error err;
    struct listener *listener = network_listen(network, &address, control_accept, control, &err);
    bool is_done;

    assert(listener != NULL);
    network_sim_set_link(network, &address, &link);
    network_connect(network, &any, &address, 1000000, on_connected, &client);
    is_done = loop_run(loop, 0, &err);
    assert(is_done && client.stream != NULL);
    if (length > 1)
        stream_write(client.stream, (const char *)bytes + 1, length - 1);
    stream_shut(client.stream);
    is_done = loop_run(loop, 1000000, &err);
    assert(is_done);
    check_answers(text_slice(&client.heard));
    stream_close(&client.stream);
    text_release(&client.heard);
    control_free(&control);
    network_free(&network);
    loop_free(&loop);
    return 0;
}
