/* evidence.h - one event as a judge sees it, and what may be asked about it.
 *
 * Some events do not say which ISP or which row of the delivery log they are about: then it follows
 * from the recipient's domain, from the host, or from the envelope. All of that is looked up once per
 * event at most, and only when somebody asks.
 *
 * Ownership  evidence borrows what it points to; the memories are its own. */
#ifndef MTALAB_EVIDENCE_H
#define MTALAB_EVIDENCE_H

#include "scenarios/scenario.h"
#include "scenarios/value.h"
#include "scenarios/vocabulary.h"

/* "host == mx2", "rcpt ~ never-*", "isp=bigmail": one field against one constant. */
struct field_match {
    enum event_field field;
    struct slice pattern;
    bool is_local_part; /* a recipient without '@' in the pattern */
    uint64_t words;     /* fields with a vocabulary: bit per word */
    const bool *hits;   /* isp, delivery: per index in the scenario */
    uint64_t number;    /* fields that are numbers, without a glob */
    bool has_number;
    size_t memory; /* which of the evidence's memories is its own */
};

struct sighting { /* the event at hand */
    struct event event;
    struct slice sender, rcpt;
    uint64_t number; /* of the entry, from 1 */
    int delivery;    /* index; DELIVERY_ALL: none */
    int isp;         /* index; -1: none */
    uint64_t row;
    bool has_row;
    bool is_row_looked_up, is_isp_looked_up;
};

struct name_memory { /* what was found out about the names of the journal: 0 nothing yet */
    uint32_t *verdicts;
    size_t count;
};

struct kpi_memory {            /* many checks ask for the same counters after the same entry */
    const struct kpi *kpi;     /* the campaign's own */
    uint64_t sent, to_deliver; /* of which `success` was made */
    struct value success;      /* sent / to_deliver; no value while there is nothing to deliver */
    int delivery;
    uint64_t number; /* of the entry; 0: nothing kept */
};

struct evidence {
    const struct scenario *scenario;
    const struct journal *journal;
    const struct campaign *campaign;
    struct isp *const *isps;     /* NULL: there are none to ask */
    struct confusion *confusion; /* the same */
    struct score *score;         /* the same */
    int64_t now_us;
    int64_t tolerance_us;  /* where times are compared; 0: none */
    bool is_over;          /* the run has ended, at now_us */
    struct sighting *seen; /* NULL: no event is being judged */
    int delivery;          /* of kpi.X without a name */
    const struct row *row; /* instead of the event's; NULL: the event's */

    struct name_memory *memories; /* one per field_match that needs it, and the four below */
    size_t memories_count;
    struct name_memory isp_by_name, isp_by_host, delivery_by_name;

    struct kpi_memory kpis[2]; /* of all together, and of the delivery asked for last */
    uint64_t entry_number;     /* entries seen so far */
};

void evidence_init(struct evidence *evidence, const struct scenario *scenario,
    const struct journal *journal, const struct campaign *campaign, size_t memories_count);
void evidence_release(struct evidence *evidence);

/* `entry` becomes the event at hand. */
void evidence_read(struct evidence *evidence, struct sighting *seen, struct slice entry);

int sighting_isp(struct evidence *evidence, struct sighting *seen); /* index; -1: none */
int sighting_delivery(
    struct evidence *evidence, struct sighting *seen); /* index, DELIVERY_ALL: none */
bool sighting_row(struct evidence *evidence, struct sighting *seen, struct row *row);
/* Age of the recipient's message; false: it was never relayed. */
bool sighting_age_us(struct evidence *evidence, struct sighting *seen, int64_t *age_us);

bool sighting_matches(
    struct evidence *evidence, struct sighting *seen, const struct field_match *match);
uint64_t sighting_number(
    const struct sighting *seen, enum event_field field); /* fields that are numbers */
/* The field as text, for people and for globs; may be empty. */
void sighting_field(
    struct evidence *evidence, struct sighting *seen, enum event_field field, struct text *out);

/* The counters right now, of one delivery or of all together. */
const struct kpi_memory *evidence_kpi(struct evidence *evidence, int delivery);

#endif
