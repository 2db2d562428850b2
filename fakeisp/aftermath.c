/* aftermath.c - letters planned when a message is accepted, and sent when their time has come. */
#include "fakeisp/aftermath.h"

#include "base/mem.h"
#include "fakeisp/aftermath_letter.h"
#include "fakeisp/cause.h"
#include "fakeisp/mailer.h"
#include "fakeisp/pattern.h"
#include "fakeisp/wish.h"
#include "smtp/event.h"
#include "smtp/message.h"

struct returning { /* one entry of the config */
    const struct isp_return *config;
    struct pattern to;
    struct rng rng;         /* whose mail comes back */
    struct rng when, style; /* after how long, in which dialect */
};

struct letter_plan {
    struct aftermath *aftermath;
    struct letter_plan *next, *previous;
    struct timer timer;
    size_t host;
    struct isp_return what; /* its slices are the config's, or static */
    const struct dialect *dialect;
    enum bounce_class cause;
    struct net_address source;
    int64_t accepted_wall_us, sent_wall_us;
    uint64_t number;      /* from the first copy on, as sent_wall_us */
    uint32_t copies_left; /* 1 or more */
    struct text to, sender, rcpt, dkim_domain, header;
};

struct aftermath {
    const struct isp_config *config;
    struct isp_doors doors;
    struct returning *returns;
    struct mailer *mailer; /* NULL: nothing can come back */
    struct letter_plan *first;
    uint64_t planned_now, letters_count;
    uint32_t name;
    struct isp_reports totals;
    aftermath_complaint_fn *on_complaint; /* NULL: nobody wants to know */
    void *on_complaint_arg;
};

/* ---- sending ---- */

static void
plan_free(struct letter_plan *plan)
{
    struct aftermath *aftermath = plan->aftermath;

    timer_cancel(aftermath->doors.loop, &plan->timer);
    *(plan->previous != NULL ? &plan->previous->next : &aftermath->first) = plan->next;
    if (plan->next != NULL)
        plan->next->previous = plan->previous;
    aftermath->planned_now--;
    text_release(&plan->to);
    text_release(&plan->sender);
    text_release(&plan->rcpt);
    text_release(&plan->header);
    text_release(&plan->dkim_domain);
    mem_free(plan);
}

static void
on_mailed(void *arg, enum mailer_end end)
{
    struct aftermath *aftermath = arg;

    if (end == MAILER_TAKEN)
        aftermath->totals.taken++;
    else
        aftermath->totals.unsent++;
}

/* "qmail"; "auto_reply/german", for what is no report. */
static void
name_dialect(struct text *out, const struct letter_plan *plan)
{
    static const char *const kinds[] = {
        [RETURN_REPORT] = "",
        [RETURN_AUTO_REPLY] = "auto_reply/",
        [RETURN_COMPLAINT] = "complaint/",
    };

    text_add_string(out, kinds[plan->what.kind]);
    text_add_slice(out, plan->dialect != NULL ? plan->dialect->name : SLICE("rfc3464"));
}

static enum dsn_kind
kind_of(const struct letter_plan *plan)
{
    switch (plan->what.kind) {
    case RETURN_REPORT:
        return plan->what.action;
    case RETURN_AUTO_REPLY:
        return plan->cause == CLASS_CHALLENGE_RESPONSE ? DSN_CHALLENGE : DSN_AUTO_REPLY;
    case RETURN_COMPLAINT:
        break;
    }
    return plan->dialect != NULL && plan->dialect->kind == DIALECT_FEEDBACK ? DSN_OTHER
                                                                            : DSN_COMPLAINT;
}

static void
tell(const struct letter_plan *plan)
{
    struct aftermath *aftermath = plan->aftermath;
    struct journal *journal = aftermath->doors.journal;
    struct text dialect = {0};
    struct event event = {.at_us = loop_now_us(aftermath->doors.loop),
        .kind = EVENT_DSN_SENT,
        .dsn_kind = (uint8_t)kind_of(plan),
        .has_verdict = plan->cause != CLASS_NONE,
        .class = (uint8_t)plan->cause,
        .reason = plan->cause != CLASS_NONE ? REASON_NONE : 0,
        .enhanced = enhanced_pack(plan->what.code),
        .isp = aftermath->name,
        .host = journal_name(journal, aftermath->config->hosts[plan->host].fqdn),
        .text = journal_name(journal, plan->what.diagnostic)};

    name_dialect(&dialect, plan);
    event.rule = journal_name(journal, text_slice(&dialect));
    event_write(journal, &event, text_slice(&plan->sender), text_slice(&plan->rcpt));
    text_release(&dialect);
}

static void
write_letter(struct letter_plan *plan, struct text *out)
{
    struct aftermath *aftermath = plan->aftermath;
    struct text source = {0};
    struct letter_facts facts = {.isp = aftermath->config,
        .host = &aftermath->config->hosts[plan->host],
        .what = &plan->what,
        .dialect = plan->dialect,
        .cause = plan->cause,
        .to = text_slice(&plan->to),
        .sender = text_slice(&plan->sender),
        .rcpt = text_slice(&plan->rcpt),
        .header = text_slice(&plan->header),
        .accepted_wall_us = plan->accepted_wall_us};

    if (plan->number == 0) {
        plan->number = ++aftermath->letters_count;
        plan->sent_wall_us = loop_wall_us(aftermath->doors.loop);
    }
    facts.number = plan->number;
    facts.now_wall_us = plan->sent_wall_us;
    net_address_format(&source, &plan->source);
    facts.source = text_slice(&source);
    returned_letter_write(out, &facts);
    text_release(&source);
}

static void
choose_sender(struct text *out, const struct letter_plan *plan)
{
    enum dialect_sender sender = plan->dialect != NULL ? plan->dialect->sender : DIALECT_FROM_NULL;

    switch (sender) {
    case DIALECT_FROM_NULL:
        break;
    case DIALECT_FROM_RECIPIENT:
        text_add_slice(out, text_slice(&plan->rcpt));
        break;
    case DIALECT_FROM_POSTMASTER:
        text_printf(out, "postmaster@%.*s", SLICE_ARGS(plan->aftermath->config->domains[0]));
        break;
    }
}

/* The provider takes its own complaints to heart. */
static void
note_complaint(const struct letter_plan *plan)
{
    struct aftermath *aftermath = plan->aftermath;
    struct isp_sender sender = {.source = plan->source, .host = plan->host};

    if (plan->what.kind != RETURN_COMPLAINT || aftermath->on_complaint == NULL)
        return;
    sender.domain = address_domain(text_slice(&plan->sender));
    sender.dkim_domain = text_slice(&plan->dkim_domain);
    aftermath->on_complaint(aftermath->on_complaint_arg, &sender);
}

static void
send_letter(void *arg)
{
    struct letter_plan *plan = arg;
    struct aftermath *aftermath = plan->aftermath;
    struct loop *loop = aftermath->doors.loop;
    const struct isp_host *host = &aftermath->config->hosts[plan->host];
    struct text content = {0}, sender = {0};
    struct mailer_letter letter = {.rcpt = text_slice(&plan->to), .hostname = host->fqdn};
    bool is_first = plan->number == 0;

    if (host->addresses_count > 0)
        letter.from = host->addresses[0];
    write_letter(plan, &content);
    choose_sender(&sender, plan);
    letter.content = text_slice(&content);
    letter.sender = text_slice(&sender);
    aftermath->totals.sent++;
    tell(plan);
    if (is_first)
        note_complaint(plan);
    if (aftermath->mailer == NULL || !mailer_send(aftermath->mailer, &letter, on_mailed, aftermath))
        aftermath->totals.unsent++;
    text_release(&content);
    text_release(&sender);
    if (--plan->copies_left == 0)
        plan_free(plan);
    else
        timer_arm(
            loop, &plan->timer, loop_now_us(loop) + plan->what.copies_every_us, send_letter, plan);
}

/* ---- planning ---- */

/* As much of it as may go back, whole lines. */
static void
keep_header(struct text *kept, struct slice header)
{
    size_t length = header_length(header);

    if (length > AFTERMATH_HEADER_MAX) {
        length = AFTERMATH_HEADER_MAX;
        while (length > 0 && header.at[length - 1] != '\n')
            length--;
    }
    dot_unstuff(kept, (struct slice){header.at, length});
    while (slice_ends_with_nocase(text_slice(kept), SLICE("\r\n\r\n")))
        kept->length -= 2;
}

struct acceptance { /* of one recipient */
    const struct visit *visit;
    const struct isp_sender *who;
    struct slice sender, rcpt, header;
};

static enum bounce_class
true_cause(const struct isp_return *what, const struct dialect *dialect)
{
    switch (what->kind) {
    case RETURN_REPORT:
        if (what->cause == CLASS_NONE && what->action == DSN_DELAYED)
            return CLASS_TRANSIENT_FAILURE;
        return what->cause != CLASS_NONE ? what->cause : cause_of(0, what->code);
    case RETURN_AUTO_REPLY:
        return dialect != NULL && dialect->kind == DIALECT_CHALLENGE ? CLASS_CHALLENGE_RESPONSE
                                                                     : CLASS_AUTO_REPLY;
    case RETURN_COMPLAINT:
        break;
    }
    return CLASS_NONE;
}

static void
link_plan(struct aftermath *aftermath, struct letter_plan *plan)
{
    plan->next = aftermath->first;
    if (plan->next != NULL)
        plan->next->previous = plan;
    aftermath->first = plan;
    aftermath->planned_now++;
}

static void
plan_letter(struct aftermath *aftermath, const struct acceptance *of, const struct isp_return *what,
    const struct dialect *dialect, int64_t after_us)
{
    struct loop *loop = aftermath->doors.loop;
    struct letter_plan *plan;

    if (of->sender.length == 0) {
        aftermath->totals.kept_back++;
        return;
    }
    if (aftermath->planned_now == AFTERMATH_PLANNED_MAX) {
        aftermath->totals.unsent++;
        return;
    }
    plan = mem_alloc_zeroed(sizeof *plan);
    plan->aftermath = aftermath;
    plan->host = of->visit->host;
    plan->what = *what;
    plan->what.dialects = NULL; /* it is drawn */
    plan->dialect = dialect;
    plan->cause = true_cause(what, dialect);
    plan->source = of->visit->source;
    plan->accepted_wall_us = loop_wall_us(loop);
    plan->copies_left = what->copies > 0 ? what->copies : 1;
    text_add_slice(&plan->sender, of->sender);
    text_add_slice(&plan->rcpt, of->rcpt);
    text_add_slice(&plan->dkim_domain, of->who->dkim_domain);
    keep_header(&plan->header, of->header);
    link_plan(aftermath, plan);
    returned_letter_address(&plan->to, what, of->sender, text_slice(&plan->header));
    if (plan->to.length == 0) {
        aftermath->totals.unsent++;
        plan_free(plan);
        return;
    }
    timer_arm(loop, &plan->timer, loop_now_us(loop) + after_us, send_letter, plan);
}

static bool
comes_back(const struct returning *returning, struct slice rcpt)
{
    uint32_t share_ppm = returning->config->share_ppm;

    return pattern_matches(&returning->to, rcpt) &&
        (share_ppm >= PPM || rng_odds_of(&returning->rng, rcpt, share_ppm));
}

static uint64_t
draw(const struct rng *stream, struct slice rcpt, uint64_t bound)
{
    struct rng rng;

    if (bound <= 1)
        return 0;
    rng = rng_child_slice(stream, rcpt);
    return rng_below(&rng, bound);
}

static void
plan_as_drawn(
    struct aftermath *aftermath, const struct returning *returning, const struct acceptance *of)
{
    const struct isp_return *what = returning->config;
    const struct dialect *dialect = NULL;
    int64_t after_us = what->after_us;

    if (what->after_us_max > after_us)
        after_us += (int64_t)draw(
            &returning->when, of->rcpt, (uint64_t)(what->after_us_max - after_us) + 1);
    if (what->dialects_count > 0)
        dialect = what->dialects[draw(&returning->style, of->rcpt, what->dialects_count)];
    plan_letter(aftermath, of, what, dialect, after_us);
}

/* Where an address names no dialect that we know, nothing comes back: it means nothing. */
static void
plan_as_wished(struct aftermath *aftermath, const struct acceptance *of)
{
    static const enum dialect_kind kinds[] = {
        [RETURN_REPORT] = DIALECT_BOUNCE,
        [RETURN_AUTO_REPLY] = DIALECT_AUTO_REPLY,
        [RETURN_COMPLAINT] = DIALECT_COMPLAINT,
    };
    static const struct dialects none = {0};
    const struct dialects *all =
        aftermath->config->dialects != NULL ? aftermath->config->dialects : &none;
    struct isp_return what = {0};
    struct returning returning = {.config = &what, .style = *aftermath->doors.rng};
    struct arena arena = {0};
    struct wish wish;

    if (!wish_read(of->rcpt, &wish) || wish.report == DSN_NONE)
        return;
    what.kind = wish.back;
    what.action = wish.report;
    what.code = wish.report_code;
    what.after_us = wish.report_after_us;
    if (what.kind == RETURN_REPORT)
        what.diagnostic = SLICE("as the address asks");
    if (wish.style.length > 0)
        what.dialects_count = dialects_find(all, kinds[what.kind], wish.style,
            what.kind == RETURN_REPORT ? what.action : DSN_NONE, &what.dialects, &arena);
    if (wish.style.length == 0 || what.dialects_count > 0)
        plan_as_drawn(aftermath, &returning, of);
    arena_release(&arena);
}

void
aftermath_on_accepted(struct aftermath *aftermath, const struct visit *visit,
    const struct envelope *envelope, const struct isp_sender *who, struct slice header)
{
    const struct isp_config *config = aftermath->config;

    if (!aftermath_wants_header(aftermath))
        return;
    for (size_t i = 0; i < envelope->rcpts_count; i++) {
        const struct acceptance of = {
            visit, who, envelope_sender(envelope), envelope_rcpt(envelope, i), header};

        for (size_t j = 0; j < config->returns_count; j++)
            if (comes_back(&aftermath->returns[j], of.rcpt))
                plan_as_drawn(aftermath, &aftermath->returns[j], &of);
        if (config->is_by_address)
            plan_as_wished(aftermath, &of);
    }
}

/* ---- coming and going ---- */

bool
aftermath_wants_header(const struct aftermath *aftermath)
{
    return aftermath->config->returns_count > 0 || aftermath->config->is_by_address;
}

void
aftermath_on_complaint(struct aftermath *aftermath, aftermath_complaint_fn *fn, void *arg)
{
    aftermath->on_complaint = fn;
    aftermath->on_complaint_arg = arg;
}

struct isp_reports
aftermath_totals(const struct aftermath *aftermath)
{
    return aftermath->totals;
}

/* The stream is named after the entry, so that another line in the list moves nobody. */
static struct rng
rng_of(const struct isp_return *from, const struct rng *parent)
{
    struct text name = {0};
    struct rng rng;

    text_printf(&name, "after/%s/",
        from->kind == RETURN_REPORT           ? dsn_kind_name(from->action)
            : from->kind == RETURN_AUTO_REPLY ? "auto_reply"
                                              : "complaint");
    text_add_slice(&name, from->to);
    rng = rng_child_slice(parent, text_slice(&name));
    text_release(&name);
    return rng;
}

static struct returning
returning_of(const struct isp_config *config, size_t i, const struct rng *parent)
{
    const struct isp_return *from = &config->returns[i];
    const struct rng own = rng_of(from, parent);

    assert(from->entry < config->returns_count);
    return (struct returning){.config = from,
        .to = pattern_of(from->to),
        .rng = rng_of(&config->returns[from->entry], parent),
        .when = rng_child(&own, "when"),
        .style = rng_child(&own, "style")};
}

static void
open_mailer(struct aftermath *aftermath)
{
    const struct isp_doors *doors = &aftermath->doors;
    const struct mailer_setup setup = {.loop = doors->loop,
        .network = doors->network,
        .resolver = doors->resolver,
        .to = doors->return_to,
        .port = doors->return_port};

    if (aftermath_wants_header(aftermath) &&
        (doors->resolver != NULL || doors->return_to.family != 0))
        aftermath->mailer = mailer_new(&setup);
}

struct aftermath *
aftermath_new(const struct isp_config *config, const struct isp_doors *doors)
{
    struct aftermath *aftermath = mem_alloc_zeroed(sizeof *aftermath);

    aftermath->config = config;
    aftermath->doors = *doors;
    aftermath->name = journal_name(doors->journal, config->name);
    aftermath->returns = mem_alloc_zeroed((config->returns_count + 1) * sizeof(struct returning));
    for (size_t i = 0; i < config->returns_count; i++)
        aftermath->returns[i] = returning_of(config, i, doors->rng);
    open_mailer(aftermath);
    return aftermath;
}

void
aftermath_free(struct aftermath **aftermath)
{
    if (*aftermath == NULL)
        return;
    mailer_free(&(*aftermath)->mailer);
    while ((*aftermath)->first != NULL)
        plan_free((*aftermath)->first);
    mem_free((*aftermath)->returns);
    mem_free(*aftermath);
    *aftermath = NULL;
}
