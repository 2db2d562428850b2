/* dialect_letters.h - a letter of any dialect about a message of ours. */
#ifndef MTALAB_TESTS_DIALECT_LETTERS_H
#define MTALAB_TESTS_DIALECT_LETTERS_H

#include "tests/unit.h"

#include "fakeisp/aftermath_letter.h"
#include "smtp/message.h"
#include "smtp/report.h"

#define HEADER                                                                             \
    "From: News <news@campaign.example>\r\nTo: <kim@isp.test>\r\nSubject: Spring sale\r\n" \
    "Message-ID: <m1@campaign.example>\r\n"

struct letters {
    struct arena arena;
    struct dialects dialects;
    struct slice domain;
    struct net_address address;
    struct isp_host host;
    struct isp_config isp;
    struct isp_return what;
    struct letter_facts facts;
    struct text letter;
};

static inline void
prepare(struct letters *l)
{
    struct error err;

    *l = (struct letters){.domain = SLICE("isp.test")};
    if (!dialects_read_all(&l->dialects, &l->arena, &err))
        fail_msg("%s", err.text);
    assert_true(net_address_parse(SLICE("192.0.2.25"), &l->address));
    l->host = (struct isp_host){
        .fqdn = SLICE("mx1.isp.test"), .addresses = &l->address, .addresses_count = 1};
    l->isp = (struct isp_config){
        .domains = &l->domain, .domains_count = 1, .hosts = &l->host, .hosts_count = 1};
    l->what = (struct isp_return){
        .action = DSN_FAILED, .code = {5, 2, 2},
             .diagnostic = SLICE("552 5.2.2 the box is full")
    };
    l->facts = (struct letter_facts){.isp = &l->isp,
        .host = &l->host,
        .what = &l->what,
        .cause = CLASS_MAILBOX_FULL,
        .to = SLICE("b+spring-1z@campaign.example"),
        .sender = SLICE("b+spring-1z@campaign.example"),
        .rcpt = SLICE("kim@isp.test"),
        .header = SLICE(HEADER),
        .source = SLICE("198.51.100.7"),
        .accepted_wall_us = INT64_C(1767600000000000),
        .now_wall_us = INT64_C(1767772800000000),
        .number = 1};
}

static inline void
release(struct letters *l)
{
    text_release(&l->letter);
    arena_release(&l->arena);
}

static inline struct slice
write_in(struct letters *l, const struct dialect *dialect)
{
    static const enum isp_return_kind kinds[] = {
        [DIALECT_BOUNCE] = RETURN_REPORT,
        [DIALECT_AUTO_REPLY] = RETURN_AUTO_REPLY,
        [DIALECT_CHALLENGE] = RETURN_AUTO_REPLY,
        [DIALECT_COMPLAINT] = RETURN_COMPLAINT,
        [DIALECT_FEEDBACK] = RETURN_COMPLAINT,
    };

    l->facts.dialect = dialect;
    l->what.kind = kinds[dialect->kind];
    text_clear(&l->letter);
    returned_letter_write(&l->letter, &l->facts);
    return text_slice(&l->letter);
}

static inline const struct dialect *
find(const struct letters *l, enum dialect_kind kind, const char *name)
{
    for (size_t i = 0; i < l->dialects.count; i++)
        if (l->dialects.list[i].kind == kind &&
            slice_equals(l->dialects.list[i].name, slice_of(name)))
            return &l->dialects.list[i];
    fail_msg("there is no dialect %s", name);
    return NULL;
}

static inline bool
says(struct slice letter, const char *words)
{
    return memmem(letter.at, letter.length, words, strlen(words)) != NULL;
}

#endif
