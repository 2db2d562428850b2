/* dns.c - what the providers' name server answers: one packet in, at most one packet out.
 *
 * The question is read piece by piece rather than by ldns_wire2pkt(), which loses memory over a
 * packet with two TSIG records. Every packet of the answer is built and written by libldns. */
#include "fakeisp/dns.h"

#include <ldns/ldns.h>

#include "base/mem.h"
#include "base/unit.h"

enum {
    LABEL_BYTES_MAX = 63,
    STRING_BYTES_MAX = 255,
    RDATA_BYTES_MAX = 65535,
    RCODE_BADVERS = 16, /* its upper bits live in the OPT record */
    SOA_SERIAL = 1,
    SOA_REFRESH_S = 3600,
    SOA_RETRY_S = 1200,
    SOA_EXPIRE_S = 604800,
};

struct question {
    uint16_t id;
    ldns_pkt_opcode opcode;
    bool is_recursion_desired;
    bool has_edns;
    uint8_t edns_version;
    uint16_t udp_bytes_max;
    ldns_rr *rr; /* NULL: it could not be read */
    char buffer[ZONE_NAME_BYTES_MAX];
    struct slice name; /* normal */
    const struct zone *zone;
};

/* An answer in the making. */
struct reply {
    const struct question *question;
    ldns_pkt *packet;
    bool is_broken; /* a record of the zone cannot be put on the wire */
};

/* libldns says NULL when memory runs out, which ends the program like everywhere else. */
static void *
have(void *memory)
{
    assert(memory != NULL);
    return memory;
}

/* ---- reading the question ---- */

/* A dot inside a label parts nothing: it becomes a NUL, which no name of a zone has. */
static struct slice
read_name(const ldns_rdf *dname, char buffer[ZONE_NAME_BYTES_MAX])
{
    const uint8_t *wire = ldns_rdf_data(dname);
    size_t size = ldns_rdf_size(dname), length = 0;

    for (size_t at = 0; at < size && wire[at] > 0; at += 1u + wire[at]) {
        assert(at + wire[at] < size);
        if (length > 0)
            buffer[length++] = '.';
        for (size_t i = 1; i <= wire[at]; i++) {
            char c = (char)wire[at + i];

            assert(length < ZONE_NAME_BYTES_MAX);
            buffer[length++] = c == '.' ? '\0' : char_lower(c);
        }
    }
    return (struct slice){buffer, length};
}

/* RFC 6891 6.1.1: one OPT at most, which belongs to the root. 6.2.3: less than 512 means 512. */
static bool
read_opt(struct question *question, const ldns_rr *rr)
{
    unsigned bytes_max = ldns_rr_get_class(rr);

    if (question->has_edns || ldns_rdf_size(ldns_rr_owner(rr)) != 1)
        return false;
    question->has_edns = true;
    question->edns_version = (uint8_t)(ldns_rr_ttl(rr) >> 16);
    if (bytes_max > DNS_UDP_BYTES_MAX)
        bytes_max = DNS_UDP_BYTES_MAX;
    if (bytes_max > DNS_UDP_BYTES_PLAIN)
        question->udp_bytes_max = (uint16_t)bytes_max;
    return true;
}

/* What else may come along is passed over: answers and authorities mean nothing in a question. */
static bool
read_records(struct question *question, struct slice packet, size_t *at, unsigned count,
    ldns_pkt_section section)
{
    for (unsigned i = 0; i < count; i++) {
        ldns_rr *rr = NULL;
        bool is_good = true;

        if (ldns_wire2rr(&rr, (const uint8_t *)packet.at, packet.length, at, section) !=
            LDNS_STATUS_OK)
            return false;
        if (section == LDNS_SECTION_ADDITIONAL && ldns_rr_get_type(rr) == LDNS_RR_TYPE_OPT)
            is_good = read_opt(question, rr);
        ldns_rr_free(rr);
        if (!is_good)
            return false;
    }
    return true;
}

static bool
read_body(struct question *question, struct slice packet)
{
    const uint8_t *wire = (const uint8_t *)packet.at;
    size_t at = LDNS_HEADER_SIZE;

    if (packet.length > DNS_QUESTION_BYTES_MAX || LDNS_QDCOUNT(wire) != 1 ||
        ldns_wire2rr(&question->rr, wire, packet.length, &at, LDNS_SECTION_QUESTION) !=
            LDNS_STATUS_OK)
        return false;
    question->name = read_name(ldns_rr_owner(question->rr), question->buffer);
    return read_records(question, packet, &at, LDNS_ANCOUNT(wire), LDNS_SECTION_ANSWER) &&
        read_records(question, packet, &at, LDNS_NSCOUNT(wire), LDNS_SECTION_AUTHORITY) &&
        read_records(question, packet, &at, LDNS_ARCOUNT(wire), LDNS_SECTION_ADDITIONAL) &&
        at == packet.length;
}

static void
read_header(struct question *question, const uint8_t *wire)
{
    question->id = LDNS_ID_WIRE(wire);
    question->opcode = (ldns_pkt_opcode)LDNS_OPCODE_WIRE(wire);
    question->is_recursion_desired = LDNS_RD_WIRE(wire);
    question->udp_bytes_max = DNS_UDP_BYTES_PLAIN;
}

/* ---- records ---- */

/* NULL: a label is empty or too long, or the name is. */
static ldns_rdf *
make_dname(struct slice name)
{
    uint8_t wire[LDNS_MAX_DOMAINLEN];
    size_t size = 0;
    struct slice label;

    for (bool has_more = name.length > 0; has_more;) {
        has_more = slice_cut(name, '.', &label, &name);
        if (label.length == 0 || label.length > LABEL_BYTES_MAX ||
            size + 1 + label.length + 1 > sizeof wire)
            return NULL;
        wire[size++] = (uint8_t)label.length;
        memcpy(wire + size, label.at, label.length);
        size += label.length;
    }
    wire[size++] = 0;
    return have(ldns_rdf_new_frm_data(LDNS_RDF_TYPE_DNAME, size, wire));
}

static ldns_rr *
make_record(ldns_rdf *owner, ldns_rr_type type)
{
    ldns_rr *rr = have(ldns_rr_new());

    ldns_rr_set_owner(rr, owner);
    ldns_rr_set_type(rr, type);
    ldns_rr_set_class(rr, LDNS_RR_CLASS_IN);
    ldns_rr_set_ttl(rr, ZONE_TTL_S);
    return rr;
}

/* Of the name that was asked for, as it was written. */
static ldns_rr *
begin_record(struct reply *reply, ldns_rr_type type)
{
    return make_record(have(ldns_rdf_clone(ldns_rr_owner(reply->question->rr))), type);
}

static void
push_rdata(ldns_rr *rr, ldns_rdf *rdata)
{
    bool is_pushed = ldns_rr_push_rdf(rr, have(rdata));

    assert(is_pushed);
}

static void
push_name(struct reply *reply, ldns_rr *rr, struct slice name)
{
    ldns_rdf *dname = make_dname(name);

    if (dname == NULL)
        reply->is_broken = true;
    else
        push_rdata(rr, dname);
}

static void
push_u32(ldns_rr *rr, uint32_t value)
{
    push_rdata(rr, ldns_native2rdf_int32(LDNS_RDF_TYPE_INT32, value));
}

static void
push_record(struct reply *reply, ldns_pkt_section section, ldns_rr *rr)
{
    bool is_pushed = ldns_pkt_push_rr(reply->packet, section, rr);

    assert(is_pushed);
}

static void
finish_record(struct reply *reply, ldns_rr *rr)
{
    push_record(reply, LDNS_SECTION_ANSWER, rr);
}

/* RFC 6303 3: as for the zones that every name server makes up. Its TTL and its minimum are how long
 * it is remembered that something is not there (RFC 2308 5). */
static void
push_soa(struct reply *reply, ldns_pkt_section section)
{
    struct slice zone = reply->question->zone->name;
    ldns_rdf *owner = make_dname(zone);
    ldns_rr *rr;

    if (owner == NULL) {
        reply->is_broken = true;
        return;
    }
    rr = make_record(owner, LDNS_RR_TYPE_SOA);
    push_name(reply, rr, zone);
    push_name(reply, rr, SLICE("nobody.invalid"));
    push_u32(rr, SOA_SERIAL);
    push_u32(rr, SOA_REFRESH_S);
    push_u32(rr, SOA_RETRY_S);
    push_u32(rr, SOA_EXPIRE_S);
    push_u32(rr, ZONE_TTL_S);
    push_record(reply, section, rr);
}

static bool
is_asked_at_apex(const struct reply *reply)
{
    return slice_equals(reply->question->name, reply->question->zone->name);
}

static void
add_soa(struct reply *reply, const struct zone_records *records)
{
    if (is_asked_at_apex(reply))
        push_soa(reply, LDNS_SECTION_ANSWER);
}

static void
add_ns(struct reply *reply, const struct zone_records *records)
{
    ldns_rr *rr;

    if (!is_asked_at_apex(reply))
        return;
    rr = begin_record(reply, LDNS_RR_TYPE_NS);
    push_name(reply, rr, reply->question->zone->name);
    finish_record(reply, rr);
}

static void
add_mx(struct reply *reply, const struct zone_records *records)
{
    for (size_t i = 0; i < records->mx_count; i++) {
        ldns_rr *rr = begin_record(reply, LDNS_RR_TYPE_MX);

        push_rdata(rr, ldns_native2rdf_int16(LDNS_RDF_TYPE_INT16, records->mx[i].preference));
        push_name(reply, rr, records->mx[i].host);
        finish_record(reply, rr);
    }
}

static void
add_addresses(struct reply *reply, const struct zone_records *records, uint8_t family)
{
    ldns_rr_type type = family == 4 ? LDNS_RR_TYPE_A : LDNS_RR_TYPE_AAAA;
    ldns_rdf_type kind = family == 4 ? LDNS_RDF_TYPE_A : LDNS_RDF_TYPE_AAAA;

    for (size_t i = 0; i < records->addresses_count; i++) {
        ldns_rr *rr;

        if (records->addresses[i].family != family)
            continue;
        rr = begin_record(reply, type);
        push_rdata(
            rr, ldns_rdf_new_frm_data(kind, family == 4 ? 4 : 16, records->addresses[i].bytes));
        finish_record(reply, rr);
    }
}

static void
add_a(struct reply *reply, const struct zone_records *records)
{
    add_addresses(reply, records, 4);
}

static void
add_aaaa(struct reply *reply, const struct zone_records *records)
{
    add_addresses(reply, records, 6);
}

static void
push_string(ldns_rr *rr, struct slice part)
{
    uint8_t string[1 + STRING_BYTES_MAX];

    string[0] = (uint8_t)part.length;
    if (part.length > 0)
        memcpy(string + 1, part.at, part.length);
    push_rdata(rr, ldns_rdf_new_frm_data(LDNS_RDF_TYPE_STR, 1 + part.length, string));
}

/* A text is one record of as many strings as it takes; an empty one has one empty string. */
static void
add_txt(struct reply *reply, const struct zone_records *records)
{
    for (size_t i = 0; i < records->texts_count; i++) {
        struct slice rest = records->texts[i];
        ldns_rr *rr;

        if (rest.length + rest.length / STRING_BYTES_MAX + 1 > RDATA_BYTES_MAX) {
            reply->is_broken = true;
            return;
        }
        rr = begin_record(reply, LDNS_RR_TYPE_TXT);
        do {
            size_t length = rest.length < STRING_BYTES_MAX ? rest.length : STRING_BYTES_MAX;

            push_string(rr, (struct slice){rest.at, length});
            rest = slice_from(rest, length);
        } while (rest.length > 0);
        finish_record(reply, rr);
    }
}

/* Adds what the name has of one type, if it has any. */
typedef void add_records(struct reply *reply, const struct zone_records *records);

static const struct kind {
    ldns_rr_type type;
    add_records *add;
} kinds[] = {
    {LDNS_RR_TYPE_SOA,  add_soa },
    {LDNS_RR_TYPE_NS,   add_ns  },
    {LDNS_RR_TYPE_MX,   add_mx  },
    {LDNS_RR_TYPE_A,    add_a   },
    {LDNS_RR_TYPE_AAAA, add_aaaa},
    {LDNS_RR_TYPE_TXT,  add_txt },
};

/* ---- the answer ---- */

static void
begin_reply(struct reply *reply, const struct question *question, int rcode)
{
    *reply = (struct reply){.question = question, .packet = have(ldns_pkt_new())};
    ldns_pkt_set_id(reply->packet, question->id);
    ldns_pkt_set_qr(reply->packet, true);
    ldns_pkt_set_opcode(reply->packet, question->opcode);
    ldns_pkt_set_rd(reply->packet, question->is_recursion_desired);
    ldns_pkt_set_aa(reply->packet, question->zone != NULL);
    ldns_pkt_set_rcode(reply->packet, (uint8_t)(rcode & 0xf));
    if (question->rr != NULL)
        push_record(reply, LDNS_SECTION_QUESTION, have(ldns_rr_clone(question->rr)));
    if (!question->has_edns)
        return;
    ldns_pkt_set_edns_udp_size(reply->packet, DNS_UDP_BYTES_MAX);
    ldns_pkt_set_edns_extended_rcode(reply->packet, (uint8_t)(rcode >> 4));
}

/* False: it does not fit. */
static bool
write_reply(struct reply *reply, size_t bytes_max, struct text *answer)
{
    uint8_t *wire = NULL;
    size_t size = 0;
    ldns_status status = ldns_pkt2wire(&wire, reply->packet, &size);

    assert(status == LDNS_STATUS_OK);
    ldns_pkt_free(reply->packet);
    reply->packet = NULL;
    if (size <= bytes_max)
        text_add(answer, (const char *)wire, size);
    LDNS_FREE(wire);
    return size <= bytes_max;
}

/* Without records: fits always. */
static void
write_bare(const struct question *question, int rcode, bool is_truncated, struct text *answer)
{
    struct reply reply;
    bool is_written;

    begin_reply(&reply, question, rcode);
    ldns_pkt_set_tc(reply.packet, is_truncated);
    is_written = write_reply(&reply, DNS_UDP_BYTES_PLAIN, answer);
    assert(is_written);
}

static int
answer_from_zone(struct reply *reply, const struct zone_records *records)
{
    ldns_rr_type type = ldns_rr_get_type(reply->question->rr);

    if (records == NULL)
        return LDNS_RCODE_NXDOMAIN;
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        if (type == kinds[i].type || type == LDNS_RR_TYPE_ANY)
            kinds[i].add(reply, records);
    return LDNS_RCODE_NOERROR;
}

static void
write_records(const struct question *question, const struct zone_records *records, bool is_tcp,
    struct text *answer)
{
    struct reply reply;
    int rcode;

    begin_reply(&reply, question, LDNS_RCODE_NOERROR);
    rcode = answer_from_zone(&reply, records);
    ldns_pkt_set_rcode(reply.packet, (uint8_t)rcode);
    if (ldns_pkt_ancount(reply.packet) == 0)
        push_soa(&reply, LDNS_SECTION_AUTHORITY);
    if (reply.is_broken) {
        ldns_pkt_free(reply.packet);
        write_bare(question, LDNS_RCODE_SERVFAIL, false, answer);
    } else if (!write_reply(&reply, is_tcp ? DNS_TCP_BYTES_MAX : question->udp_bytes_max, answer)) {
        write_bare(question, is_tcp ? LDNS_RCODE_SERVFAIL : rcode, !is_tcp, answer);
    }
}

static const struct zone_records no_records;

/* As the zone is told to fail; false: it is silent. */
static bool
answer_in_zone(
    const struct zones *zones, const struct question *question, bool is_tcp, struct text *answer)
{
    switch (question->zone->failure) {
    case DNS_OK:
        write_records(question, zones_find_records(zones, question->name), is_tcp, answer);
        return true;
    case DNS_NO_DATA:
        write_records(question, &no_records, is_tcp, answer);
        return true;
    case DNS_NO_NAME:
        write_records(question, NULL, is_tcp, answer);
        return true;
    case DNS_SERVFAIL:
        write_bare(question, LDNS_RCODE_SERVFAIL, false, answer);
        return true;
    case DNS_TIMED_OUT:
        return false;
    }
    return false;
}

/* Transfers, and what belongs to no zone (RFC 6895 3.1: from 128 on but for ANY). */
static bool
is_type_for_zones(ldns_rr_type type)
{
    return type == LDNS_RR_TYPE_ANY || (type != LDNS_RR_TYPE_OPT && (type < 128 || type > 255));
}

static int
judge_question(const struct question *question, bool is_read)
{
    ldns_rr_class class;

    if (question->opcode != LDNS_PACKET_QUERY)
        return LDNS_RCODE_NOTIMPL;
    if (!is_read)
        return LDNS_RCODE_FORMERR;
    if (question->edns_version != 0)
        return RCODE_BADVERS;
    class = ldns_rr_get_class(question->rr);
    if (class != LDNS_RR_CLASS_IN && class != LDNS_RR_CLASS_ANY)
        return LDNS_RCODE_REFUSED;
    if (question->zone == NULL || !is_type_for_zones(ldns_rr_get_type(question->rr)))
        return LDNS_RCODE_REFUSED;
    return LDNS_RCODE_NOERROR;
}

bool
dns_answer(const struct zones *zones, struct slice packet, bool is_tcp, struct text *answer,
    int64_t *delay_us)
{
    struct question question = {0};
    bool is_read, is_answered = true;
    int rcode;

    *delay_us = 0;
    if (packet.length < LDNS_HEADER_SIZE || LDNS_QR_WIRE((const uint8_t *)packet.at))
        return false;
    read_header(&question, (const uint8_t *)packet.at);
    is_read = question.opcode == LDNS_PACKET_QUERY && read_body(&question, packet);
    if (is_read)
        question.zone = zones_find_zone(zones, question.name);
    rcode = judge_question(&question, is_read);
    if (rcode != LDNS_RCODE_NOERROR) {
        question.zone = NULL; /* nothing we say has authority */
        write_bare(&question, rcode, false, answer);
    } else {
        *delay_us = question.zone->delay_us;
        is_answered = answer_in_zone(zones, &question, is_tcp, answer);
    }
    ldns_rr_free(question.rr);
    return is_answered;
}
