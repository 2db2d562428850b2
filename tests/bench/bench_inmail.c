/* bench_inmail.c - what it costs to read and qualify mail that came back. Floor 250 us a mail, goal
 * 125 us (4,000 and 8,000 a second). The mails are those of tests/fixtures/returned, or of the folder
 * that is named. */
#include "tests/bench/bench.h"

#include <dirent.h>
#include <stdlib.h>

#include "base/mem.h"
#include "mta/inmail.h"

enum { MAILS_MAX = 1000 };

struct work {
    struct inmail_rules *rules;
    struct text mails[MAILS_MAX];
    size_t mails_count;
};

static uint64_t
read_mails(void *arg, uint64_t times)
{
    const struct work *work = arg;
    uint64_t sum = 0;

    for (uint64_t i = 0; i < times; i++) {
        struct report report;

        report_read(text_slice(&work->mails[i % work->mails_count]), &report);
        sum += report.recipients_count;
        report_release(&report);
    }
    return sum;
}

static uint64_t
read_and_qualify(void *arg, uint64_t times)
{
    const struct work *work = arg;
    uint64_t sum = 0;

    for (uint64_t i = 0; i < times; i++) {
        struct report report;

        report_read(text_slice(&work->mails[i % work->mails_count]), &report);
        for (size_t j = 0; j < report.recipients_count; j++)
            sum += inmail_qualify(work->rules, &report, j).verdict.class;
        report_release(&report);
    }
    return sum;
}

static bool
load(struct work *work, const char *folder)
{
    DIR *directory = opendir(folder);
    struct dirent *entry;
    struct text filename = {0};

    if (directory == NULL)
        return false;
    while ((entry = readdir(directory)) != NULL && work->mails_count < MAILS_MAX) {
        char block[65536];
        FILE *file;

        if (entry->d_name[0] == '.')
            continue;
        text_clear(&filename);
        text_printf(&filename, "%s/%s", folder, entry->d_name);
        file = fopen(text_string(&filename), "rb");
        if (file == NULL)
            continue;
        for (size_t got; (got = fread(block, 1, sizeof(block), file)) > 0;)
            text_add(&work->mails[work->mails_count], block, got);
        fclose(file);
        work->mails_count++;
    }
    closedir(directory);
    text_release(&filename);
    return work->mails_count > 0;
}

int
main(int argc, char **argv)
{
    struct work *work = mem_alloc_zeroed(sizeof(*work));
    struct bounce_rules *bounces = bounce_rules_new();
    size_t bytes = 0;
    double ns;

    work->rules = inmail_rules_new(bounces);
    if (!load(work, argc > 1 ? argv[1] : "tests/fixtures/returned"))
        return 1;
    for (size_t i = 0; i < work->mails_count; i++)
        bytes += work->mails[i].length;
    printf("%zu mails of %zu bytes on average\n", work->mails_count, bytes / work->mails_count);
    bench_print("read", read_mails, work, work->mails_count * 20);
    bench_print("read and qualified", read_and_qualify, work, work->mails_count * 20);
    ns = bench_ns(read_and_qualify, work, work->mails_count * 20);
    printf("%.0f mails a second\n", 1e9 / ns);
    for (size_t i = 0; i < work->mails_count; i++)
        text_release(&work->mails[i]);
    inmail_rules_free(&work->rules);
    bounce_rules_free(&bounces);
    mem_free(work);
    return 0;
}
