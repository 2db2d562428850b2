/* evidence.c - one event as a judge sees it, and what may be asked about it. */
#include "scenarios/evidence.h"

void
evidence_init(struct evidence *evidence, const struct scenario *scenario,
    const struct journal *journal, const struct campaign *campaign, size_t memories_count)
{
    *evidence = (struct evidence){
        .scenario = scenario,
        .journal = journal,
        .campaign = campaign,
        .delivery = DELIVERY_ALL,
        .memories = mem_alloc_zeroed((memories_count + 1) * sizeof(struct name_memory)),
        .memories_count = memories_count,
    };
}

void
evidence_release(struct evidence *evidence)
{
    for (size_t i = 0; i < evidence->memories_count; i++)
        mem_free(evidence->memories[i].verdicts);
    mem_free(evidence->memories);
    mem_free(evidence->isp_by_name.verdicts);
    mem_free(evidence->isp_by_host.verdicts);
    mem_free(evidence->delivery_by_name.verdicts);
    *evidence = (struct evidence){0};
}

void
evidence_read(struct evidence *evidence, struct sighting *seen, struct slice entry)
{
    *seen =
        (struct sighting){.number = evidence->entry_number, .delivery = DELIVERY_ALL, .isp = -1};
    event_read(entry, &seen->event, &seen->sender, &seen->rcpt);
    evidence->seen = seen;
}

/* Where the verdict about a name is kept: 0 as long as there is none. */
static uint32_t *
remember(struct name_memory *memory, uint32_t name)
{
    if (name >= memory->count) {
        size_t capacity = memory->count;

        memory->verdicts =
            mem_grow(memory->verdicts, &capacity, (size_t)name + 1, sizeof memory->verdicts[0]);
        memset(memory->verdicts + memory->count, 0,
            (capacity - memory->count) * sizeof memory->verdicts[0]);
        memory->count = capacity;
    }
    return &memory->verdicts[name];
}

static int
find_isp(const struct scenario *scenario, struct slice name)
{
    for (size_t i = 0; i < scenario->isps_count; i++)
        if (slice_equals(scenario->isps[i].name, name))
            return (int)i;
    return -1;
}

static bool
has_host(const struct isp_config *isp, struct slice host)
{
    for (size_t i = 0; i < isp->hosts_count; i++)
        if (slice_equals_nocase(isp->hosts[i].fqdn, host))
            return true;
    return false;
}

static int
find_isp_of_host(const struct scenario *scenario, struct slice host)
{
    for (size_t i = 0; i < scenario->isps_count; i++)
        if (has_host(&scenario->isps[i], host))
            return (int)i;
    return -1;
}

static int
find_isp_of_domain(const struct scenario *scenario, struct slice domain)
{
    for (size_t i = 0; i < scenario->isps_count; i++)
        for (size_t j = 0; j < scenario->isps[i].domains_count; j++)
            if (slice_equals_nocase(scenario->isps[i].domains[j], domain))
                return (int)i;
    return -1;
}

static int
find_delivery(const struct scenario *scenario, struct slice name)
{
    for (size_t i = 0; i < scenario->campaign.deliveries_count; i++)
        if (slice_equals(scenario->campaign.deliveries[i].name, name))
            return (int)i;
    return -1;
}

typedef int find_fn(const struct scenario *scenario, struct slice name);

/* Verdicts are kept as index + 2, so that 1 says "none of ours" and 0 "not asked yet". */
static int
recall(struct evidence *evidence, struct name_memory *memory, uint32_t name, find_fn *find)
{
    uint32_t *verdict = remember(memory, name);

    if (*verdict == 0)
        *verdict =
            (uint32_t)(find(evidence->scenario, journal_name_text(evidence->journal, name)) + 2);
    return (int)*verdict - 2;
}

static struct slice
domain_of(struct slice address)
{
    for (size_t i = address.length; i > 0; i--)
        if (address.at[i - 1] == '@')
            return slice_from(address, i);
    return (struct slice){address.at, 0};
}

int
sighting_isp(struct evidence *evidence, struct sighting *seen)
{
    const struct event *event = &seen->event;

    if (seen->is_isp_looked_up)
        return seen->isp;
    seen->is_isp_looked_up = true;
    if (event->isp != 0)
        seen->isp = recall(evidence, &evidence->isp_by_name, event->isp, find_isp);
    if (seen->isp < 0 && seen->rcpt.length > 0)
        seen->isp = find_isp_of_domain(evidence->scenario, domain_of(seen->rcpt));
    if (seen->isp < 0 && event->host != 0)
        seen->isp = recall(evidence, &evidence->isp_by_host, event->host, find_isp_of_host);
    return seen->isp;
}

static void
look_up_row(struct evidence *evidence, struct sighting *seen)
{
    size_t delivery;

    if (seen->is_row_looked_up)
        return;
    seen->is_row_looked_up = true;
    if (seen->event.delivery != 0) {
        seen->delivery =
            recall(evidence, &evidence->delivery_by_name, seen->event.delivery, find_delivery);
        seen->row = seen->event.row;
        seen->has_row = seen->delivery >= 0 && seen->rcpt.length > 0;
    } else if (seen->rcpt.length > 0) {
        seen->has_row =
            campaign_find_row(evidence->campaign, seen->sender, seen->rcpt, &delivery, &seen->row);
        seen->delivery = seen->has_row ? (int)delivery : DELIVERY_ALL;
    }
}

int
sighting_delivery(struct evidence *evidence, struct sighting *seen)
{
    look_up_row(evidence, seen);
    return seen->delivery;
}

bool
sighting_row(struct evidence *evidence, struct sighting *seen, struct row *row)
{
    look_up_row(evidence, seen);
    if (!seen->has_row)
        return false;
    *row = campaign_row(evidence->campaign, (size_t)seen->delivery, seen->row);
    return true;
}

bool
sighting_age_us(struct evidence *evidence, struct sighting *seen, int64_t *age_us)
{
    int64_t relayed_us;

    look_up_row(evidence, seen);
    if (!seen->has_row)
        return false;
    relayed_us = campaign_row_relayed_us(evidence->campaign, (size_t)seen->delivery, seen->row);
    *age_us = seen->event.at_us - relayed_us;
    return relayed_us >= 0;
}

uint64_t
sighting_number(const struct sighting *seen, enum event_field field)
{
    assert(field_is_number(field));
    return field == FIELD_SESSION ? seen->event.session
        : field == FIELD_ATTEMPT  ? seen->event.attempt
        : field == FIELD_CODE     ? seen->event.code
                                  : seen->event.class;
}

/* Fields that are names of the journal. */
static uint32_t
name_of(const struct event *event, enum event_field field)
{
    return field == FIELD_HOST     ? event->host
        : field == FIELD_SOURCE_IP ? event->source_ip
        : field == FIELD_TEXT      ? event->text
        : field == FIELD_RULE      ? event->rule
        : field == FIELD_LIMIT     ? event->limit
        : field == FIELD_DELIVERY  ? event->delivery
        : field == FIELD_ISP       ? event->isp
                                   : 0;
}

/* Fields with a vocabulary: the number of the word. */
static unsigned
word_of(const struct event *event, enum event_field field)
{
    return field == FIELD_STAGE  ? event->stage
        : field == FIELD_OUTCOME ? event->outcome
        : field == FIELD_KIND    ? event->dsn_kind
        : !event->has_verdict    ? 0 /* no verdict: type none, reason none */
        : field == FIELD_TYPE    ? event->type
                                 : vocabulary_reason_number((enum failure_reason)event->reason);
}

/* "mx1" means mx1.rows.example too; and who wrote only "mx1" is found by its full name. */
static bool
host_matches(const struct evidence *evidence, struct slice pattern, struct slice host)
{
    struct slice label, rest;

    if (slice_glob_nocase(pattern, host))
        return true;
    if (slice_cut(host, '.', &label, &rest))
        return slice_glob_nocase(pattern, label);
    for (size_t i = 0; i < evidence->scenario->isps_count; i++) {
        const struct isp_config *isp = &evidence->scenario->isps[i];

        for (size_t j = 0; j < isp->hosts_count; j++)
            if (slice_equals_nocase(isp->hosts[j].name, host) &&
                slice_glob_nocase(pattern, isp->hosts[j].fqdn))
                return true;
    }
    return false;
}

/* Case matters in the local part, not in the domain. */
static bool
rcpt_matches(const struct field_match *match, struct slice rcpt)
{
    struct slice domain = domain_of(rcpt), pattern_domain = domain_of(match->pattern);
    struct slice local = {rcpt.at, rcpt.length - domain.length};
    struct slice pattern_local = {match->pattern.at, match->pattern.length - pattern_domain.length};

    if (match->is_local_part) {
        if (local.length > 0)
            local.length--; /* the '@' */
        return slice_glob(match->pattern, local);
    }
    return slice_glob(pattern_local, local) && slice_glob_nocase(pattern_domain, domain);
}

static bool
name_matches(struct evidence *evidence, const struct field_match *match, uint32_t name)
{
    uint32_t *verdict = remember(&evidence->memories[match->memory], name);
    struct slice text;

    if (*verdict == 0) {
        text = journal_name_text(evidence->journal, name);
        *verdict = 1 +
            (match->field == FIELD_HOST ? host_matches(evidence, match->pattern, text)
                                        : slice_glob(match->pattern, text));
    }
    return *verdict == 2;
}

static bool
text_matches(struct evidence *evidence, struct sighting *seen, const struct field_match *match)
{
    struct text text = {0};
    bool is_match;

    sighting_field(evidence, seen, match->field, &text);
    is_match = slice_glob(match->pattern, text_slice(&text));
    text_release(&text);
    return is_match;
}

bool
sighting_matches(struct evidence *evidence, struct sighting *seen, const struct field_match *match)
{
    int index;

    if (match->words != 0)
        return (match->words >> word_of(&seen->event, match->field) & 1) != 0;
    if (match->hits != NULL) {
        index = match->field == FIELD_ISP ? sighting_isp(evidence, seen)
                                          : sighting_delivery(evidence, seen);
        return index >= 0 && match->hits[index];
    }
    if (match->has_number)
        return sighting_number(seen, match->field) == match->number;
    if (match->field == FIELD_RCPT)
        return rcpt_matches(match, seen->rcpt);
    if (match->field == FIELD_ENHANCED || field_is_number(match->field))
        return text_matches(evidence, seen, match);
    return name_matches(evidence, match, name_of(&seen->event, match->field));
}

void
sighting_field(
    struct evidence *evidence, struct sighting *seen, enum event_field field, struct text *out)
{
    const char *words[WORDS_MAX];
    int index = -1;

    if (field_is_number(field)) {
        text_add_u64(out, sighting_number(seen, field));
    } else if (field_vocabulary(field) != WORDS_FREE) {
        unsigned number = word_of(&seen->event, field);

        if (number < vocabulary_words(field_vocabulary(field), words))
            text_add_string(out, words[number]);
    } else if (field == FIELD_RCPT) {
        text_add_slice(out, seen->rcpt);
    } else if (field == FIELD_ENHANCED) {
        enhanced_format(out, enhanced_unpack(seen->event.enhanced));
    } else if (field == FIELD_ISP && (index = sighting_isp(evidence, seen)) >= 0) {
        text_add_slice(out, evidence->scenario->isps[index].name);
    } else if (field == FIELD_DELIVERY && (index = sighting_delivery(evidence, seen)) >= 0) {
        text_add_slice(out, evidence->scenario->campaign.deliveries[index].name);
    } else {
        text_add_slice(out, journal_name_text(evidence->journal, name_of(&seen->event, field)));
    }
}

static void
count_success(struct kpi_memory *memory, const struct kpi *kpi)
{
    bool is_same = memory->sent == kpi->sent && memory->to_deliver == kpi->to_deliver;

    memory->sent = kpi->sent;
    memory->to_deliver = kpi->to_deliver;
    if (kpi->to_deliver == 0)
        memory->success = value_unknown();
    else if (!is_same || !memory->success.is_known)
        memory->success = value_number(ratio_of((int64_t)kpi->sent, (int64_t)kpi->to_deliver));
}

const struct kpi_memory *
evidence_kpi(struct evidence *evidence, int delivery)
{
    struct kpi_memory *memory;

    if (evidence->scenario->campaign.deliveries_count == 1)
        delivery = DELIVERY_ALL; /* the same, so remembered once */
    memory = &evidence->kpis[delivery == DELIVERY_ALL ? 0 : 1];
    /* Between two entries the counters may move again, so only what an event shows is kept. */
    if (evidence->seen != NULL && memory->number == evidence->entry_number &&
        memory->delivery == delivery)
        return memory;
    memory->kpi = campaign_kpi_now(evidence->campaign, delivery);
    count_success(memory, memory->kpi);
    memory->delivery = delivery;
    memory->number = evidence->seen != NULL ? evidence->entry_number : 0;
    return memory;
}
