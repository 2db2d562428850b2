/* submitter.h - brings messages to the MTA: up to 20 SMTP sessions, opened as there is work.
 *
 * The submitter asks its source for one message after the other, as fast as the MTA takes them and no
 * faster, and tells what the MTA said. Nothing is ever lost here: a message that got no final answer
 * goes back to the source, which offers it again (at least once).
 *
 * An MTA that cannot be reached, or closes before it took anything, is tried again after a minute,
 * then after twice as long, up to half an hour. A session with nothing to do for 30 s says QUIT.
 *
 * Callbacks  the source is called from the loop only, and must not free the submitter.
 * Ownership  doors and source are borrowed. */
#ifndef MTALAB_SUBMITTER_H
#define MTALAB_SUBMITTER_H

#include "scenarios/campaign.h"
#include "smtp/reply.h"
#include "smtp/stage.h"

/* One message on its way to the MTA. */
struct submission {
    size_t delivery;
    uint64_t first_row;
    uint64_t *rows; /* its recipients; what is on offer now. Owned by who holds the submission */
    size_t rows_count, rows_capacity;
    int64_t deadline_us; /* not to be relayed from then on */
    uint32_t deferrals;  /* how often the MTA said "later" */
};

enum submission_end {
    SUBMISSION_SETTLED,  /* every row was relayed or refused */
    SUBMISSION_DEFERRED, /* the MTA wants the rest later */
    SUBMISSION_PARTLY, /* the same, but some were relayed in this try: the rest may follow at once */
    SUBMISSION_LOST,   /* the connection went before the answer came */
};

struct submission_source {
    /* What is to be offered next, into a submission whose `rows` may be reused; false: nothing now. */
    bool (*next)(void *arg, struct submission *submission);
    uint64_t (*count_waiting)(void *arg); /* messages that next() would give */
    void (*write_sender)(void *arg, const struct submission *submission, struct text *out);
    void (*write_rcpt)(
        void *arg, const struct submission *submission, uint64_t row, struct text *out);
    void (*write_content)(void *arg, const struct submission *submission, struct text *out);
    int64_t (*validity_us)(void *arg, const struct submission *submission); /* 0: none asked */

    void (*on_validity_unsupported)(void *arg, const struct submission *submission);
    void (*on_offered)(void *arg, const struct submission *submission);
    void (*on_relayed)(void *arg, const struct submission *submission, uint64_t row);
    void (*on_refused)(void *arg, const struct submission *submission, uint64_t row,
        enum smtp_stage stage, const struct smtp_reply *reply);
    /* After the rows were told of. Rows that were not are unsettled. */
    void (*on_end)(void *arg, const struct submission *submission, enum submission_end end);
};

struct submitter;
struct submitter *submitter_new(
    const struct campaign_doors *doors, const struct submission_source *source, void *arg);
void submitter_free(struct submitter **submitter);

/* There may be work: looks for it from the loop. */
void submitter_kick(struct submitter *submitter);

#endif
