/* aftermath.c - reports planned when a message is accepted, and sent when their time has come. */
#include "fakeisp/aftermath.h"

#include "base/mem.h"
#include "fakeisp/cause.h"
#include "fakeisp/mailer.h"
#include "fakeisp/pattern.h"
#include "fakeisp/wish.h"
#include "smtp/event.h"
#include "smtp/message.h"
#include "smtp/report.h"

struct returning { /* one entry of the config */
    const struct isp_return *config;
    struct pattern to;
    struct rng rng; /* whose mail comes back */
};

struct report_plan {
    struct aftermath *aftermath;
    struct report_plan *next, *previous;
    struct timer timer;
    size_t host;
    enum dsn_kind action;
    struct enhanced_code code;
    struct slice diagnostic; /* the config's, or static */
    enum bounce_class cause;
    struct text sender, rcpt, header;
};

struct aftermath {
    const struct isp_config *config;
    struct isp_doors doors;
    struct returning *returns;
    struct mailer *mailer; /* NULL: nothing can come back */
    struct report_plan *first;
    uint64_t planned_now, reports_count;
    uint32_t name;
    struct isp_reports totals;
};

/* ---- sending ---- */

static void
plan_free(struct report_plan *plan)
{
    struct aftermath *aftermath = plan->aftermath;

    timer_cancel(aftermath->doors.loop, &plan->timer);
    *(plan->previous != NULL ? &plan->previous->next : &aftermath->first) = plan->next;
    if (plan->next != NULL)
        plan->next->previous = plan->previous;
    aftermath->planned_now--;
    text_release(&plan->sender);
    text_release(&plan->rcpt);
    text_release(&plan->header);
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

static void
tell(const struct report_plan *plan)
{
    struct aftermath *aftermath = plan->aftermath;
    struct journal *journal = aftermath->doors.journal;
    struct event event = {.at_us = loop_now_us(aftermath->doors.loop),
        .kind = EVENT_DSN_SENT,
        .dsn_kind = (uint8_t)plan->action,
        .has_verdict = plan->cause != CLASS_NONE,
        .class = (uint8_t)plan->cause,
        .reason = plan->cause != CLASS_NONE ? REASON_NONE : 0,
        .enhanced = enhanced_pack(plan->code),
        .isp = aftermath->name,
        .rule = journal_name(journal, SLICE("rfc3464")),
        .host = journal_name(journal, aftermath->config->hosts[plan->host].fqdn),
        .text = journal_name(journal, plan->diagnostic)};

    event_write(journal, &event, text_slice(&plan->sender), text_slice(&plan->rcpt));
}

static void
write_report(const struct report_plan *plan, struct text *out)
{
    struct aftermath *aftermath = plan->aftermath;
    const struct isp_host *host = &aftermath->config->hosts[plan->host];
    const struct report_recipient recipient = {.address = text_slice(&plan->rcpt),
        .action = plan->action,
        .code = plan->code,
        .diagnostic = plan->diagnostic};
    struct text from = {0}, id = {0};
    const struct report_letter letter = {.to = text_slice(&plan->sender),
        .host = host->fqdn,
        .wall_us = loop_wall_us(aftermath->doors.loop),
        .recipients = &recipient,
        .recipients_count = 1,
        .returned_header = text_slice(&plan->header)};
    struct report_letter said = letter;

    text_printf(&from, "mailer-daemon@%.*s", SLICE_ARGS(host->fqdn));
    text_printf(&id, "dsn-%llu-%lld", (unsigned long long)++aftermath->reports_count,
        (long long)(letter.wall_us / US_PER_S));
    said.from = text_slice(&from);
    said.id = text_slice(&id);
    report_write(out, &said);
    text_release(&from);
    text_release(&id);
}

static void
send_report(void *arg)
{
    struct report_plan *plan = arg;
    struct aftermath *aftermath = plan->aftermath;
    const struct isp_host *host = &aftermath->config->hosts[plan->host];
    struct text content = {0};
    struct mailer_letter letter = {.rcpt = text_slice(&plan->sender), .hostname = host->fqdn};

    if (host->addresses_count > 0)
        letter.from = host->addresses[0];
    write_report(plan, &content);
    letter.content = text_slice(&content);
    aftermath->totals.sent++;
    tell(plan);
    if (aftermath->mailer == NULL || !mailer_send(aftermath->mailer, &letter, on_mailed, aftermath))
        aftermath->totals.unsent++;
    text_release(&content);
    plan_free(plan);
}

/* ---- planning ---- */

/* As much of it as may go back, whole lines. */
static void
keep_header(struct report_plan *plan, struct slice header)
{
    size_t length = header_length(header);

    if (length > AFTERMATH_HEADER_MAX) {
        length = AFTERMATH_HEADER_MAX;
        while (length > 0 && header.at[length - 1] != '\n')
            length--;
    }
    dot_unstuff(&plan->header, (struct slice){header.at, length});
    while (slice_ends_with_nocase(text_slice(&plan->header), SLICE("\r\n\r\n")))
        plan->header.length -= 2;
}

struct report_request {
    enum dsn_kind action;
    struct enhanced_code code;
    struct slice diagnostic;
    int64_t after_us;
    enum bounce_class cause;
};

static void
plan_report(struct aftermath *aftermath, const struct report_request *request, size_t host,
    struct slice sender, struct slice rcpt, struct slice header)
{
    struct loop *loop = aftermath->doors.loop;
    struct report_plan *plan;

    if (sender.length == 0) {
        aftermath->totals.kept_back++;
        return;
    }
    if (aftermath->planned_now == AFTERMATH_PLANNED_MAX) {
        aftermath->totals.unsent++;
        return;
    }
    plan = mem_alloc_zeroed(sizeof *plan);
    plan->aftermath = aftermath;
    plan->host = host;
    plan->action = request->action;
    plan->code = request->code;
    plan->diagnostic = request->diagnostic;
    plan->cause = request->cause != CLASS_NONE ? request->cause : cause_of(0, request->code);
    text_add_slice(&plan->sender, sender);
    text_add_slice(&plan->rcpt, rcpt);
    keep_header(plan, header);
    plan->next = aftermath->first;
    if (plan->next != NULL)
        plan->next->previous = plan;
    aftermath->first = plan;
    aftermath->planned_now++;
    timer_arm(loop, &plan->timer, loop_now_us(loop) + request->after_us, send_report, plan);
}

static bool
comes_back(const struct returning *returning, struct slice rcpt)
{
    uint32_t share_ppm = returning->config->share_ppm;

    return pattern_matches(&returning->to, rcpt) &&
        (share_ppm >= PPM || rng_odds_of(&returning->rng, rcpt, share_ppm));
}

static void
plan_as_wished(struct aftermath *aftermath, size_t host, struct slice sender, struct slice rcpt,
    struct slice header)
{
    struct report_request request = {.diagnostic = SLICE("as the address asks")};
    struct wish wish;

    if (!wish_read(rcpt, &wish) || wish.report == DSN_NONE)
        return;
    request.action = wish.report;
    request.code = wish.report_code;
    request.after_us = wish.report_after_us;
    plan_report(aftermath, &request, host, sender, rcpt, header);
}

void
aftermath_on_accepted(struct aftermath *aftermath, const struct visit *visit,
    const struct envelope *envelope, struct slice header)
{
    const struct isp_config *config = aftermath->config;
    struct slice sender = envelope_sender(envelope);

    if (!aftermath_wants_header(aftermath))
        return;
    for (size_t i = 0; i < envelope->rcpts_count; i++) {
        struct slice rcpt = envelope_rcpt(envelope, i);

        for (size_t j = 0; j < config->returns_count; j++) {
            const struct isp_return *from = &config->returns[j];
            const struct report_request request = {
                from->action, from->code, from->diagnostic, from->after_us, from->cause};

            if (comes_back(&aftermath->returns[j], rcpt))
                plan_report(aftermath, &request, visit->host, sender, rcpt, header);
        }
        if (config->is_by_address)
            plan_as_wished(aftermath, visit->host, sender, rcpt, header);
    }
}

/* ---- coming and going ---- */

bool
aftermath_wants_header(const struct aftermath *aftermath)
{
    return aftermath->config->returns_count > 0 || aftermath->config->is_by_address;
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

    text_printf(&name, "after/%s/", dsn_kind_name(from->action));
    text_add_slice(&name, from->to);
    rng = rng_child_slice(parent, text_slice(&name));
    text_release(&name);
    return rng;
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
        aftermath->returns[i] = (struct returning){.config = &config->returns[i],
            .to = pattern_of(config->returns[i].to),
            .rng = rng_of(&config->returns[i], doors->rng)};
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
