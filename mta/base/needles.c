/* needles.c - an automaton over the bytes of a text.
 *
 * It is a tree of the words, in which every state also knows where to go on when the next byte is
 * none of its children: to the longest suffix of what was read that begins a word. States in which
 * nothing ends have the low numbers, so that one comparison per byte is enough. */
#include "base/needles.h"

enum { STATES_MAX = UINT16_MAX };

struct needle_end {
    uint32_t word;   /* number + 1; 0: only words that end in `suffix` */
    uint16_t suffix; /* the next shorter ending; 0: none */
    uint16_t length; /* of the word */
};

/* While the automaton is made: states as they came, class by class. */
struct tree {
    const struct needles *needles;
    uint16_t *next;   /* 0: no child, for nobody has the root as a child */
    uint16_t *fail;   /* the longest suffix */
    uint16_t *suffix; /* the next shorter ending */
    uint32_t *word;   /* number + 1 */
    uint16_t *order;  /* states by depth */
    uint32_t count;
};

void
needles_release(struct needles *needles)
{
    map_release(&needles->words);
    mem_free(needles->ends);
    mem_free(needles->next);
    *needles = (struct needles){0};
}

bool
needles_add(struct needles *needles, struct slice word, uint32_t *number)
{
    char lower[NEEDLE_BYTES_MAX];
    size_t length = word.length < NEEDLE_BYTES_MAX ? word.length : NEEDLE_BYTES_MAX;
    bool is_new;

    assert(length > 0 && needles->next == NULL);
    for (size_t i = 0; i < length; i++)
        lower[i] = char_lower(word.at[i]);
    if (map_find(&needles->words, (struct slice){lower, length}, number))
        return true;
    if (needles_count(needles) == NEEDLES_MAX || needles->bytes + length >= STATES_MAX)
        return false;
    *number = map_put(&needles->words, (struct slice){lower, length}, &is_new);
    needles->bytes += length;
    return true;
}

/* ---- making the automaton ---- */

static void
sort_bytes_into_classes(struct needles *needles)
{
    unsigned count = 1;

    for (uint32_t i = 0; i < needles_count(needles); i++) {
        struct slice word = map_key(&needles->words, i);

        for (size_t j = 0; j < word.length; j++) {
            uint8_t *class = &needles->class_of[(unsigned char)word.at[j]];

            if (*class == 0)
                *class = (uint8_t)(count < 256 ? count++ : 0); /* capitals never occur: < 256 */
        }
    }
    for (char c = 'A'; c <= 'Z'; c++)
        needles->class_of[(unsigned char)c] = needles->class_of[(unsigned char)char_lower(c)];
    while ((1u << needles->classes_shift) < count)
        needles->classes_shift++;
}

static uint16_t *
child(const struct tree *tree, uint32_t state, unsigned class)
{
    return &tree->next[((size_t)state << tree->needles->classes_shift) + class];
}

static void
plant(struct tree *tree, uint32_t number)
{
    struct slice word = map_key(&tree->needles->words, number);
    uint32_t state = 0;

    for (size_t i = 0; i < word.length; i++) {
        uint16_t *next = child(tree, state, tree->needles->class_of[(unsigned char)word.at[i]]);

        if (*next == 0)
            *next = (uint16_t)tree->count++;
        state = *next;
    }
    tree->word[state] = number + 1;
}

/* By depth, so that the shorter suffixes are complete when they are wanted. */
static void
connect(struct tree *tree)
{
    unsigned classes = 1u << tree->needles->classes_shift;
    uint32_t known = 1;

    tree->order[0] = 0;
    for (uint32_t i = 0; i < known; i++) {
        uint16_t state = tree->order[i], fail = tree->fail[state];

        for (unsigned class = 0; class < classes; class ++) {
            uint16_t *next = child(tree, state, class);
            uint16_t otherwise = state == 0 ? 0 : *child(tree, fail, class);

            if (*next == 0) {
                *next = otherwise;
                continue;
            }
            tree->order[known++] = *next;
            tree->fail[*next] = otherwise;
            tree->suffix[*next] = tree->word[otherwise] != 0 ? otherwise : tree->suffix[otherwise];
        }
    }
    assert(known == tree->count);
}

static bool
is_end(const struct tree *tree, uint32_t state)
{
    return tree->word[state] != 0 || tree->suffix[state] != 0;
}

/* New numbers: first the states in which nothing ends, the root before all. */
static void
renumber(struct needles *needles, const struct tree *tree)
{
    uint16_t *renamed = mem_alloc(tree->count * sizeof *renamed);
    uint32_t count = 0;

    for (unsigned ends = 0; ends < 2; ends++) {
        if (ends == 1)
            needles->first_end = count;
        for (uint32_t i = 0; i < tree->count; i++)
            if (is_end(tree, tree->order[i]) == ends)
                renamed[tree->order[i]] = (uint16_t)count++;
    }
    needles->states_count = count;
    needles->next = mem_alloc(((size_t)count << needles->classes_shift) * sizeof *needles->next);
    needles->ends = mem_alloc((count - needles->first_end + 1) * sizeof *needles->ends);
    for (uint32_t state = 0; state < count; state++) {
        uint16_t *row = needles->next + ((size_t)renamed[state] << needles->classes_shift);

        for (unsigned class = 0; class < 1u << needles->classes_shift; class ++)
            row[class] = renamed[*child(tree, state, class)];
        if (is_end(tree, state))
            needles->ends[renamed[state] - needles->first_end] =
                (struct needle_end){.word = tree->word[state],
                    .length = tree->word[state] == 0
                        ? 0
                        : (uint16_t)map_key(&needles->words, tree->word[state] - 1).length,
                    .suffix = tree->suffix[state] == 0 ? 0 : renamed[tree->suffix[state]]};
    }
    mem_free(renamed);
}

void
needles_close(struct needles *needles)
{
    size_t room = needles->bytes + 1;
    struct tree tree = {.needles = needles, .count = 1};

    assert(needles->next == NULL);
    sort_bytes_into_classes(needles);
    tree.next = mem_alloc_zeroed((room << needles->classes_shift) * sizeof *tree.next);
    tree.fail = mem_alloc_zeroed(room * sizeof *tree.fail);
    tree.suffix = mem_alloc_zeroed(room * sizeof *tree.suffix);
    tree.word = mem_alloc_zeroed(room * sizeof *tree.word);
    tree.order = mem_alloc_zeroed(room * sizeof *tree.order);
    for (uint32_t i = 0; i < needles_count(needles); i++)
        plant(&tree, i);
    connect(&tree);
    renumber(needles, &tree);
    mem_free(tree.next);
    mem_free(tree.fail);
    mem_free(tree.suffix);
    mem_free(tree.word);
    mem_free(tree.order);
}

/* ---- looking ---- */

static size_t
note_ends(const struct needles *needles, uint32_t state, size_t end_at, struct needle_hit *hits,
    size_t room, size_t count)
{
    while (state != 0) {
        const struct needle_end *end = &needles->ends[state - needles->first_end];

        if (end->word != 0) {
            if (count < room)
                hits[count] = (struct needle_hit){end->word - 1, (uint32_t)(end_at - end->length)};
            count++;
        }
        state = end->suffix;
    }
    return count;
}

size_t
needles_find(const struct needles *needles, struct slice text, struct needle_hit *hits, size_t room)
{
    const uint16_t *next = needles->next;
    uint32_t state = 0;
    size_t count = 0;

    assert(next != NULL && text.length <= UINT32_MAX);
    for (size_t i = 0; i < text.length; i++) {
        unsigned class = needles->class_of[(unsigned char)text.at[i]];

        state = next[((size_t)state << needles->classes_shift) + class];
        if (state >= needles->first_end)
            count = note_ends(needles, state, i + 1, hits, room, count);
    }
    return count;
}
