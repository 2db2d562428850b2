/* aftermath_world.h - a provider that sends mail back, and who gets it. */
#ifndef MTALAB_TESTS_AFTERMATH_WORLD_H
#define MTALAB_TESTS_AFTERMATH_WORLD_H

#include "tests/unit/isp_world.h"
#include "tests/unit/smtp_script.h"

#define HELLO   "EHLO client.test\r\n"
#define MAIL    "MAIL FROM:<b+spring-1z@campaign.example>\r\n"
#define CONTENT "DATA\r\nMessage-ID: <m1@campaign.example>\r\nSubject: x\r\n\r\nhello\r\n.\r\n"

struct back { /* where returned mail goes to */
    struct isp_world w;
    struct script_server server;
    struct net_address address;
};

static inline void
prepare(struct back *b)
{
    const struct slice zone = SLICE("campaign.example");

    *b = (struct back){0};
    isp_prepare(&b->w);
    assert_true(net_address_parse(SLICE("198.51.100.25"), &b->address));
    b->w.resolver = resolver_sim_new(b->w.loop, 1000);
    resolver_sim_add_zone(b->w.resolver, zone);
    resolver_sim_add_mx(b->w.resolver, zone, 20, SLICE("back2.campaign.example"));
    resolver_sim_add_mx(b->w.resolver, zone, 10, SLICE("back1.campaign.example"));
    resolver_sim_add_address(b->w.resolver, SLICE("back1.campaign.example"), &b->address);
    resolver_sim_add_address(b->w.resolver, SLICE("back2.campaign.example"), &b->address);
    b->address.port = 25;
}

static inline void
open(struct back *b)
{
    script_listen(&b->server, b->w.loop, b->w.network, &b->address);
    isp_open(&b->w);
    peer_connect(&b->w, 0);
}

static inline void
stop(struct back *b)
{
    script_stop(&b->server);
    isp_stop(&b->w);
}

static inline void
start_by_address(struct back *b)
{
    prepare(b);
    b->w.config.is_by_address = true;
    open(b);
}

static inline struct isp_return
failure_after(int64_t us)
{
    return (struct isp_return){
        .share_ppm = PPM,
        .after_us = us,
        .action = DSN_FAILED,
        .code = {5, 2, 2},
        .diagnostic = SLICE("552 5.2.2 mailbox full")
    };
}

#endif
