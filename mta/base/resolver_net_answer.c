/* resolver_net_answer.c - what one packet of DNS said. */
#include "base/resolver_net_answer.h"

#include <ares.h>
#include <limits.h>
#include <stdlib.h>

#include "base/unit.h"

enum {
    HEADER_BYTES = 12,
    QUESTION_BYTES = 4, /* what follows the name: type and class */
    RECORD_BYTES = 10,  /* and of a record: TTL and length too */
    RECORD_BYTES_MIN = 11,
    SOA_BYTES_MIN = 22,
    RCODE_MASK = 0xf,
};

/* ---- times to live ---- */

struct cursor {
    const uint8_t *packet;
    size_t length, at;
};

struct record {
    unsigned type;
    uint32_t ttl_s;
    const uint8_t *data;
    unsigned data_bytes;
};

static unsigned
u16_at(const uint8_t *bytes)
{
    return (unsigned)bytes[0] << 8 | bytes[1];
}

/* RFC 2181 8: a TTL with the highest bit set is none. */
static uint32_t
ttl_at(const uint8_t *bytes)
{
    uint32_t ttl_s = (uint32_t)u16_at(bytes) << 16 | u16_at(bytes + 2);

    return ttl_s > INT32_MAX ? 0 : ttl_s;
}

/* Past a name and `more` bytes behind it. */
static bool
skip_name(struct cursor *cursor, size_t more)
{
    char *name;
    long used;

    if (ares_expand_name(cursor->packet + cursor->at, cursor->packet, (int)cursor->length, &name,
            &used) != ARES_SUCCESS)
        return false;
    ares_free_string(name);
    if ((size_t)used + more > cursor->length - cursor->at)
        return false;
    cursor->at += (size_t)used + more;
    return true;
}

static bool
next_record(struct cursor *cursor, struct record *record)
{
    const uint8_t *end;

    if (!skip_name(cursor, RECORD_BYTES))
        return false;
    end = cursor->packet + cursor->at;
    record->type = u16_at(end - 10);
    record->ttl_s = ttl_at(end - 6);
    record->data_bytes = u16_at(end - 2);
    record->data = end;
    if (record->data_bytes > cursor->length - cursor->at)
        return false;
    cursor->at += record->data_bytes;
    return true;
}

/* RFC 2308 5: nothing is remembered for as long as its SOA says. */
static uint32_t
negative_ttl_s(const struct record *record)
{
    uint32_t minimum_s;

    if (record->type != RECORD_SOA || record->data_bytes < SOA_BYTES_MIN)
        return UINT32_MAX;
    minimum_s = ttl_at(record->data + record->data_bytes - 4);
    return minimum_s < record->ttl_s ? minimum_s : record->ttl_s;
}

/* Of the answers, or else of the SOA beside a negative answer. 0: not to be remembered. */
static int64_t
smallest_ttl_us(const uint8_t *packet, size_t length)
{
    struct cursor cursor = {packet, length, HEADER_BYTES};
    unsigned answers = u16_at(packet + 6), authorities = u16_at(packet + 8);
    uint32_t smallest_s = UINT32_MAX;
    struct record record;

    for (unsigned i = 0; i < u16_at(packet + 4); i++)
        if (!skip_name(&cursor, QUESTION_BYTES))
            return 0;
    for (unsigned i = 0; i < (answers > 0 ? answers : authorities); i++) {
        uint32_t ttl_s;

        if (!next_record(&cursor, &record))
            return 0;
        ttl_s = answers > 0 ? record.ttl_s : negative_ttl_s(&record);
        if (ttl_s < smallest_s)
            smallest_s = ttl_s;
    }
    return smallest_s == UINT32_MAX ? 0 : (int64_t)smallest_s * US_PER_S;
}

/* ---- records ---- */

static struct net_address *
grow_addresses(struct packet_answer *read, size_t more)
{
    size_t count = read->answer.addresses_count;

    read->addresses = mem_grow(
        read->addresses, &read->addresses_capacity, count + more, sizeof read->addresses[0]);
    return &read->addresses[count];
}

/* No packet holds more records than this, whatever its header says. */
static int
records_max(const uint8_t *packet, int length)
{
    int count = (int)u16_at(packet + 6), most = length / RECORD_BYTES_MIN + 1;

    return count < most ? count : most;
}

static int
read_v4(struct packet_answer *read, const uint8_t *packet, int length)
{
    int count = records_max(packet, length);
    struct ares_addrttl *found = mem_alloc_zeroed((size_t)count * sizeof *found + 1);
    int status = ares_parse_a_reply(packet, length, NULL, found, &count);

    if (status == ARES_SUCCESS)
        for (int i = 0; i < count; i++) {
            struct net_address *address = grow_addresses(read, 1);

            *address = (struct net_address){.family = 4};
            memcpy(address->bytes, &found[i].ipaddr, 4);
            read->answer.addresses_count++;
        }
    mem_free(found);
    return status;
}

static int
read_v6(struct packet_answer *read, const uint8_t *packet, int length)
{
    int count = records_max(packet, length);
    struct ares_addr6ttl *found = mem_alloc_zeroed((size_t)count * sizeof *found + 1);
    int status = ares_parse_aaaa_reply(packet, length, NULL, found, &count);

    if (status == ARES_SUCCESS)
        for (int i = 0; i < count; i++) {
            struct net_address *address = grow_addresses(read, 1);

            *address = (struct net_address){.family = 6};
            memcpy(address->bytes, &found[i].ip6addr, 16);
            read->answer.addresses_count++;
        }
    mem_free(found);
    return status;
}

static struct slice
keep_lower(struct packet_answer *read, const char *name)
{
    struct slice s = slice_of(name);
    char *kept = arena_copy(&read->arena, s.at, s.length);

    if (s.length > 0 && kept[s.length - 1] == '.')
        s.length--;
    for (size_t i = 0; i < s.length; i++)
        kept[i] = char_lower(kept[i]);
    return (struct slice){kept, s.length};
}

static int
read_mx(struct packet_answer *read, const uint8_t *packet, int length)
{
    struct ares_mx_reply *found;
    int status = ares_parse_mx_reply(packet, length, &found);

    if (status != ARES_SUCCESS)
        return status;
    for (const struct ares_mx_reply *mx = found; mx != NULL; mx = mx->next) {
        size_t count = read->answer.mx_count++;

        read->mx = mem_grow(read->mx, &read->mx_capacity, count + 1, sizeof read->mx[0]);
        read->mx[count] = (struct dns_mx){mx->priority, keep_lower(read, mx->host)};
    }
    ares_free_data(found);
    return status;
}

static void
keep_text(struct packet_answer *read, struct slice text)
{
    size_t count = read->answer.texts_count++;

    read->texts = mem_grow(read->texts, &read->texts_capacity, count + 1, sizeof read->texts[0]);
    read->texts[count] =
        (struct slice){arena_copy(&read->arena, text.at, text.length), text.length};
}

/* RFC 7208 3.3: the strings of a record are one text, with nothing between them. */
static int
read_txt(struct packet_answer *read, const uint8_t *packet, int length)
{
    struct ares_txt_ext *found;
    struct text joined = {0};
    int status = ares_parse_txt_reply_ext(packet, length, &found);

    if (status != ARES_SUCCESS)
        return status;
    for (const struct ares_txt_ext *string = found; string != NULL; string = string->next) {
        text_add(&joined, (const char *)string->txt, string->length);
        if (string->next != NULL && !string->next->record_start)
            continue;
        keep_text(read, text_slice(&joined));
        text_clear(&joined);
    }
    text_release(&joined);
    ares_free_data(found);
    return status;
}

static const struct reader {
    enum record_type type;
    int (*read)(struct packet_answer *read, const uint8_t *packet, int length);
} readers[] = {
    {RECORD_A,    read_v4 },
    {RECORD_AAAA, read_v6 },
    {RECORD_MX,   read_mx },
    {RECORD_TXT,  read_txt},
};

static int
read_records(struct packet_answer *read, enum record_type type, const uint8_t *packet, int length)
{
    size_t i = 0;

    while (readers[i].type != type) {
        i++;
        assert(i < COUNT_OF(readers)); /* no other type is ever asked for */
    }
    return readers[i].read(read, packet, length);
}

static void
show_arrays(struct packet_answer *read)
{
    read->answer.mx = read->mx;
    read->answer.addresses = read->addresses;
    read->answer.texts = read->texts;
}

void
packet_answer_read(
    struct packet_answer *read, enum record_type type, const uint8_t *packet, size_t length)
{
    struct dns_answer *answer = &read->answer;
    int status;

    answer->status = DNS_SERVFAIL;
    if (length < HEADER_BYTES || length > INT_MAX || (packet[3] & RCODE_MASK) != 0)
        return; /* c-ares passes on the codes that it does not know */
    status = read_records(read, type, packet, (int)length);
    if (status != ARES_SUCCESS && status != ARES_ENODATA)
        return;
    answer->ttl_us = smallest_ttl_us(packet, length);
    answer->status =
        answer->mx_count + answer->addresses_count + answer->texts_count > 0 ? DNS_OK : DNS_NO_DATA;
    show_arrays(read);
}

void
packet_answer_read_negative(
    struct packet_answer *read, enum dns_status status, const uint8_t *packet, size_t length)
{
    read->answer.status = status;
    if (length >= HEADER_BYTES && length <= INT_MAX)
        read->answer.ttl_us = smallest_ttl_us(packet, length);
}

void
packet_answer_release(struct packet_answer *read)
{
    mem_free(read->mx);
    mem_free(read->addresses);
    mem_free(read->texts);
    arena_release(&read->arena);
    *read = (struct packet_answer){0};
}

/* ---- two answers in one ---- */

void
packet_answer_add(struct packet_answer *read, const struct packet_answer *other)
{
    static const int weights[] = {
        [DNS_NO_DATA] = 0,
        [DNS_SERVFAIL] = 1,
        [DNS_TIMED_OUT] = 2,
        [DNS_NO_NAME] = 3,
        [DNS_OK] = 4,
    };
    struct dns_answer *answer = &read->answer;
    enum dns_status status = other->answer.status;
    size_t count = other->answer.addresses_count;

    if (count > 0)
        memcpy(grow_addresses(read, count), other->addresses, count * sizeof other->addresses[0]);
    answer->addresses_count += count;
    if (weights[status] > weights[answer->status]) {
        answer->status = status;
        answer->ttl_us = other->answer.ttl_us;
    } else if (status == answer->status && other->answer.ttl_us < answer->ttl_us) {
        answer->ttl_us = other->answer.ttl_us;
    }
    show_arrays(read);
}
