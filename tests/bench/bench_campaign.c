/* bench_campaign.c - a campaign over three ISPs, every byte of SMTP really spoken, in virtual time.
 *
 * 5 % of the recipients are answered softly at first, 2 % do not exist; validity is 84 h. The journal
 * is hashed and written in binary. Each size runs in a process of its own, so that its memory is its
 * own. Speed is per CPU second of this machine and noisy; instructions (where the kernel lets us
 * count them) and the ratios between the sizes are not.
 *
 * Sizes: 10,000, 100,000 and 1,000,000, or those given as arguments. */
#include <inttypes.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scenarios/world.h"

struct figures { /* shared between a measuring process and us */
    uint64_t recipients, sent, failed, attempts, events, hash, instructions;
    uint64_t peak_bytes, base_bytes, queue_bytes;
    int64_t cpu_us;
};

static const char scenario_text[] =
    "mtalab: 1\n"
    "name: bench\n"
    "run: {until: 4d, seed: 7}\n"
    "isps:\n"
    "  one:\n"
    "    serves: [one.test]\n"
    "    rules:\n"
    "      - {id: busy, stage: rcpt, share: 5%%, attempt: 1, reply: 451 4.2.1 mailbox busy}\n"
    "      - {id: gone, stage: rcpt, share: 2%%, reply: 550 5.1.1 no such user}\n"
    "  two:\n"
    "    serves: [two.test]\n"
    "    rules:\n"
    "      - {id: busy, stage: rcpt, share: 5%%, attempt: 1, reply: 452 4.2.2 mailbox full}\n"
    "      - {id: gone, stage: rcpt, share: 2%%, reply: 550 5.1.1 no such user}\n"
    "  three:\n"
    "    serves: [three.test]\n"
    "    rules:\n"
    "      - {id: busy, stage: rcpt, share: 5%%, attempt: 1, reply: 451 4.7.1 try again later}\n"
    "      - {id: gone, stage: rcpt, share: 2%%, reply: 550 5.1.1 no such user}\n"
    "mta:\n"
    "  mx: [{host: \"*\", connections: 100, messages_per_connection: 1000}]\n"
    "deliveries:\n"
    "  all:\n"
    "    at: 0s\n"
    "    validity: 84h\n"
    "    to:\n"
    "      - {pattern: \"u%%07d@one.test\", count: %" PRIu64 "}\n"
    "      - {pattern: \"u%%07d@two.test\", count: %" PRIu64 "}\n"
    "      - {pattern: \"u%%07d@three.test\", count: %" PRIu64 "}\n"
    "expect:\n"
    "  - {id: settled, at: end, check: kpi.sent + kpi.failed == %" PRIu64 "}\n"
    "  - {id: never-falls, always: nondecreasing(kpi.success)}\n";

static struct scenario *
load(uint64_t recipients)
{
    char filename[] = "/tmp/mtalab-bench-XXXXXX";
    int fd = mkstemp(filename);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
    struct diagnostics diagnostics = {0};
    struct text rendered = {0};
    struct error err = {0};
    struct scenario *scenario;
    uint64_t third = recipients / 3;

    if (file == NULL)
        return NULL;
    fprintf(file, scenario_text, third, third, recipients - 2 * third, recipients);
    fclose(file);
    scenario = scenario_load(filename, NULL, 0, &diagnostics, &err);
    unlink(filename);
    diagnostics_render(&diagnostics, &rendered, false);
    fputs(text_string(&rendered), stderr);
    text_release(&rendered);
    return scenario;
}

static uint64_t
resident_bytes(void)
{
    unsigned long total = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");

    if (file == NULL)
        return 0;
    if (fscanf(file, "%lu %lu", &total, &resident) != 2)
        resident = 0;
    fclose(file);
    return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

static int
open_instructions(void)
{
    struct perf_event_attr attr = {.type = PERF_TYPE_HARDWARE,
        .size = sizeof attr,
        .config = PERF_COUNT_HW_INSTRUCTIONS,
        .exclude_kernel = 1,
        .exclude_hv = 1};

    return (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
}

static bool
has_counters(void)
{
    int fd = open_instructions();

    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

static uint64_t
read_instructions(int fd)
{
    uint64_t count = 0;

    if (fd < 0 || read(fd, &count, sizeof count) != sizeof count)
        return 0;
    return count;
}

static bool
watch_queue(void *arg, int64_t now_us)
{
    struct figures *figures = ((void **)arg)[0];
    struct world *world = *(struct world **)((void **)arg)[1];
    uint64_t bytes = mta_totals(world_mta(world)).queue_bytes;

    if (bytes > figures->queue_bytes)
        figures->queue_bytes = bytes;
    return true;
}

static void
measure(uint64_t recipients, struct figures *figures)
{
    struct world *world = NULL;
    void *watched[] = {figures, &world};
    struct world_options options = {.seed = 7,
        .journal_file = fopen("/dev/null", "w"),
        .on_progress = watch_queue,
        .progress_arg = watched};
    int fd = open_instructions();
    struct scenario *scenario = load(recipients);
    struct diagnostics diagnostics = {0};
    struct expect_plan *plan = scenario != NULL ? expect_compile(scenario, &diagnostics) : NULL;
    struct rusage before, after;
    struct result result = {0};
    struct error err = {0};
    bool was_stopped;

    if (plan == NULL)
        _exit(1);
    options.until_us = scenario->until_us;
    figures->base_bytes = resident_bytes();
    getrusage(RUSAGE_SELF, &before);
    figures->instructions = read_instructions(fd);
    world = world_new(scenario, plan, &options, &err);
    if (world == NULL || !world_run(world, &was_stopped, &err)) {
        fprintf(stderr, "%s\n", err.text);
        _exit(1);
    }
    figures->instructions = read_instructions(fd) - figures->instructions;
    getrusage(RUSAGE_SELF, &after);
    figures->cpu_us = (after.ru_utime.tv_sec - before.ru_utime.tv_sec) * INT64_C(1000000) +
        (after.ru_utime.tv_usec - before.ru_utime.tv_usec) +
        (after.ru_stime.tv_sec - before.ru_stime.tv_sec) * INT64_C(1000000) +
        (after.ru_stime.tv_usec - before.ru_stime.tv_usec);
    figures->peak_bytes = (uint64_t)after.ru_maxrss * 1024;
    world_result(world, &result);
    figures->recipients = recipients;
    figures->sent = result.kpi.sent;
    figures->failed = result.kpi.failed;
    figures->attempts = mta_totals(world_mta(world)).attempts;
    figures->events = result.events_count;
    figures->hash = result.journal_hash;
    if (!result_is_good(&result))
        fprintf(stderr, "%" PRIu64 " recipients: the run did not hold\n", recipients);
    _exit(result_is_good(&result) ? 0 : 1);
}

int
main(int argc, char **argv)
{
    static const char *const usual[] = {"10000", "100000", "1000000"};
    struct figures *figures =
        mmap(NULL, sizeof *figures, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    bool counts_instructions = has_counters();
    double first_cost = 0;
    int code = 0;

    printf("%12s %8s %12s ", "recipients", "CPU s", "per CPU-s");
    if (counts_instructions)
        printf("%12s ", "instr/rcpt");
    printf("%9s %11s %11s %16s\n", "x cost", "peak B/rcpt", "queue B/rc.", "trace");
    for (int i = 0; i < (argc > 1 ? argc - 1 : (int)COUNT_OF(usual)); i++) {
        uint64_t recipients = strtoull(argc > 1 ? argv[i + 1] : usual[i], NULL, 10);
        int status = 0;
        double cost;
        pid_t child;

        fflush(stdout);
        memset(figures, 0, sizeof *figures);
        child = fork();
        if (child == 0)
            measure(recipients, figures);
        waitpid(child, &status, 0);
        if (status != 0 || figures->recipients == 0) {
            code = 1;
            continue;
        }
        cost = (double)figures->cpu_us / (double)recipients;
        if (first_cost == 0)
            first_cost = cost;
        printf(
            "%12" PRIu64 " %8.2f %12.0f ", recipients, (double)figures->cpu_us / 1e6, 1e6 / cost);
        if (counts_instructions)
            printf("%12" PRIu64 " ", figures->instructions / recipients);
        printf("%9.2f %11" PRIu64 " %11" PRIu64 " %016" PRIx64 "\n", cost / first_cost,
            (figures->peak_bytes - figures->base_bytes) / recipients,
            figures->queue_bytes / recipients, figures->hash);
    }
    return code;
}
