/* journal.c - everything that happened, once, in order: the only thing a verdict may rest on. */
#include "base/journal.h"

#include "base/mem.h"

#include <errno.h>

enum { SINK_BYTES = 1024 * 1024, RECORD_HEAD_BYTES = 5 };

struct observer {
    journal_observer_fn *fn;
    void *arg;
};

struct sink {
    FILE *file; /* NULL: none */
    char *bytes;
    size_t length;
    int first_errno; /* of the first write that failed */
};

/* Texts of two generations; a name is FORGETTABLE | the number of the text, counted on and on. */
struct texts {
    uint32_t kept; /* in a generation; 0: texts are names like others */
    struct map now, before;
    uint32_t first_now; /* number of the first text of `now` */
};
#define FORGETTABLE UINT32_C(0x80000000)

struct journal {
    uint64_t hash;
    uint64_t entries_count;
    struct observer *observers;
    size_t observers_count, observers_capacity;
    struct sink sink;
    bool is_over;
    struct map names; /* number + 1 is the name */
    struct texts texts;
    uint64_t *milestones;
    size_t milestones_count, milestones_capacity;
};

/* ---- the hash: 16 bytes per multiplication, independent of what came before until the end ---- */

__extension__ typedef unsigned __int128 u128;

static uint64_t
fold(uint64_t a, uint64_t b)
{
    u128 product = (u128)a * b;

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t
load(const char *bytes)
{
    uint64_t word;

    memcpy(&word, bytes, sizeof word);
    return word;
}

/* Odd and irregular numbers: the fractional parts of pi, e and the golden ratio. */
#define KEY_A UINT64_C(0x243f6a8885a308d3)
#define KEY_B UINT64_C(0xb7e151628aed2a6b)
#define KEY_C UINT64_C(0x9e3779b97f4a7c15)

/* The last 16 bytes are read as such, whether or not the loop has seen some of them already. */
static uint64_t
hash_bytes(const char *bytes, size_t length, uint64_t kind)
{
    uint64_t a = KEY_A ^ kind, b = KEY_B ^ length;
    uint64_t words[2] = {0};
    size_t i = 0;

    for (; i + 32 < length; i += 32) {
        a = fold(a ^ load(bytes + i), KEY_C ^ load(bytes + i + 8));
        b = fold(b ^ load(bytes + i + 16), KEY_A ^ load(bytes + i + 24));
    }
    if (i + 16 < length)
        a = fold(a ^ load(bytes + i), KEY_B ^ load(bytes + i + 8));
    if (length >= 16) {
        words[0] = load(bytes + length - 16);
        words[1] = load(bytes + length - 8);
    } else if (length > 0) {
        memcpy(words, bytes, length);
    }
    b = fold(b ^ words[0], KEY_C ^ words[1]);
    return fold(a ^ KEY_B, b ^ KEY_C);
}

/* The order matters: what came first is multiplied most often. */
static void
hash_record(struct journal *journal, char kind, const void *bytes, size_t length)
{
    uint64_t mixed = journal->hash ^ hash_bytes(bytes, length, (uint64_t)kind);

    journal->hash = (mixed << 27 | mixed >> 37) * KEY_C;
}

/* ---- the sink ---- */

static void
sink_write(struct sink *sink, const char *bytes, size_t length)
{
    if (length > 0 && sink->first_errno == 0 && fwrite(bytes, 1, length, sink->file) != length)
        sink->first_errno = errno != 0 ? errno : EIO;
}

static void
sink_empty(struct sink *sink)
{
    sink_write(sink, sink->bytes, sink->length);
    sink->length = 0;
}

/* What is longer than the buffer goes past it. */
static void
write_record(struct journal *journal, char kind, const void *bytes, size_t length)
{
    struct sink *sink = &journal->sink;
    uint32_t length_32 = (uint32_t)length; /* little-endian, as every machine we run on */
    char *at;

    if (sink->file == NULL)
        return;
    assert(length <= UINT32_MAX);
    if (sink->length + RECORD_HEAD_BYTES + length > SINK_BYTES)
        sink_empty(sink);
    at = sink->bytes + sink->length;
    memcpy(at, &length_32, sizeof length_32);
    at[4] = kind;
    sink->length += RECORD_HEAD_BYTES;
    if (RECORD_HEAD_BYTES + length > SINK_BYTES) {
        sink_empty(sink);
        sink_write(sink, bytes, length);
        return;
    }
    memcpy(at + RECORD_HEAD_BYTES, bytes, length);
    sink->length += length;
}

void
journal_write_to(struct journal *journal, FILE *file)
{
    assert(journal->sink.file == NULL);
    journal->sink.file = file;
    journal->sink.bytes = mem_alloc(SINK_BYTES);
    for (uint32_t i = 0; i < journal->names.count; i++) {
        struct slice name = map_key(&journal->names, i);

        write_record(journal, 'n', name.at, name.length);
    }
}

bool
journal_flush(struct journal *journal, struct error *err)
{
    struct sink *sink = &journal->sink;

    if (sink->file == NULL)
        return true;
    sink_empty(sink);
    if (sink->first_errno == 0 && fflush(sink->file) != 0)
        sink->first_errno = errno;
    if (sink->first_errno != 0)
        return error_set(
            err, ERROR_WORLD, "writing the journal: %s", strerrordesc_np(sink->first_errno));
    return true;
}

/* ---- names, entries, observers ---- */

struct journal *
journal_new(void)
{
    return mem_alloc_zeroed(sizeof(struct journal));
}

void
journal_free(struct journal **journal)
{
    if (*journal == NULL)
        return;
    map_release(&(*journal)->names);
    map_release(&(*journal)->texts.now);
    map_release(&(*journal)->texts.before);
    mem_free((*journal)->observers);
    mem_free((*journal)->milestones);
    mem_free((*journal)->sink.bytes);
    mem_free(*journal);
    *journal = NULL;
}

uint32_t
journal_name(struct journal *journal, struct slice text)
{
    bool is_new;
    uint32_t number;

    if (text.length == 0)
        return 0;
    number = map_put(&journal->names, text, &is_new);
    if (is_new && !journal->is_over) {
        hash_record(journal, 'n', text.at, text.length);
        write_record(journal, 'n', text.at, text.length);
    }
    return number + 1;
}

void
journal_forget_texts(struct journal *journal, uint32_t kept)
{
    assert(journal->sink.file == NULL);
    assert(kept > 0);
    journal->texts.kept = kept;
}

uint32_t
journal_text(struct journal *journal, struct slice text)
{
    struct texts *texts = &journal->texts;
    uint32_t number;

    if (texts->kept == 0 || text.length == 0)
        return journal_name(journal, text);
    if (texts->now.count == texts->kept && !map_find(&texts->now, text, &number)) {
        map_release(&texts->before);
        texts->before = texts->now;
        texts->now = (struct map){0};
        texts->first_now += texts->kept;
    }
    number = texts->first_now + map_put(&texts->now, text, NULL);
    return FORGETTABLE | number;
}

static struct slice
text_of(const struct texts *texts, uint32_t name)
{
    uint32_t age = (texts->first_now - name) & ~FORGETTABLE; /* 0: the first of now */
    uint32_t number = (name - texts->first_now) & ~FORGETTABLE;

    if (number < texts->now.count)
        return map_key(&texts->now, number);
    if (age <= texts->kept && texts->kept - age < texts->before.count)
        return map_key(&texts->before, texts->kept - age);
    return SLICE("");
}

struct slice
journal_name_text(const struct journal *journal, uint32_t name)
{
    if ((name & FORGETTABLE) != 0)
        return text_of(&journal->texts, name);
    return name > 0 ? map_key(&journal->names, name - 1) : SLICE("");
}

static void
keep_milestone(struct journal *journal)
{
    journal->milestones = mem_grow(journal->milestones, &journal->milestones_capacity,
        journal->milestones_count + 1, sizeof journal->milestones[0]);
    journal->milestones[journal->milestones_count++] = journal->hash;
}

void
journal_append(struct journal *journal, const void *entry, size_t bytes)
{
    assert(bytes >= sizeof(int64_t));
    if (journal->is_over)
        return;
    hash_record(journal, 'e', entry, bytes);
    write_record(journal, 'e', entry, bytes);
    if (++journal->entries_count % JOURNAL_MILESTONE_ENTRIES == 0)
        keep_milestone(journal);
    for (size_t i = 0; i < journal->observers_count; i++)
        journal->observers[i].fn(journal->observers[i].arg, (struct slice){entry, bytes});
}

void
journal_end(struct journal *journal)
{
    journal->is_over = true;
}

void
journal_observe(struct journal *journal, journal_observer_fn *fn, void *arg)
{
    journal->observers = mem_grow(journal->observers, &journal->observers_capacity,
        journal->observers_count + 1, sizeof journal->observers[0]);
    journal->observers[journal->observers_count++] = (struct observer){fn, arg};
}

uint64_t
journal_hash(const struct journal *journal)
{
    return journal->hash;
}

uint64_t
journal_entries_count(const struct journal *journal)
{
    return journal->entries_count;
}

size_t
journal_milestones(const struct journal *journal, const uint64_t **hashes)
{
    *hashes = journal->milestones;
    return journal->milestones_count;
}
