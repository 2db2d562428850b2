/* needs.c - what a scenario may require of the machine, and whether it is there. */
#include "scenarios/needs.h"

#include <unistd.h>

#include "base/namespace_net.h"
#include "reports/program.h"
#include "scenarios/sut.h"

enum { ASK_MS = 10000, WORDS_MAX = 4 };

/* Programs of the administrator's are not in everybody's PATH, so they are looked for by filename;
 * a name without a slash is looked up in PATH. */
static const struct need {
    const char *name;
    const char *ask[WORDS_MAX + 1]; /* says the version; none: rights, see is_allowed */
    bool (*is_allowed)(struct error *err);
    enum sut_kind_number sut; /* may also be unpacked */
} needs[] = {
    {"exim",        {"/usr/sbin/exim4", "-bV"},                         NULL,                 SUT_EXIM     },
    {"gnuplot",     {"gnuplot", "--version"},                           NULL,                 SUT_NONE     },
    {"libfaketime", {"faketime", "--version"},                          NULL,                 SUT_NONE     },
    {"netns",       {NULL},                                             namespace_is_allowed, SUT_NONE     },
    {"opensmtpd",   {"/usr/sbin/smtpd", "-h"},                          NULL,                 SUT_OPENSMTPD},
    {"postfix",     {"/usr/sbin/postconf", "-d", "-h", "mail_version"}, NULL,                 SUT_NONE     },
};

static const struct need *
find(struct slice name)
{
    for (size_t i = 0; i < COUNT_OF(needs); i++)
        if (slice_equals(slice_of(needs[i].name), name))
            return &needs[i];
    return NULL;
}

bool
need_is_known(struct slice name)
{
    return find(name) != NULL;
}

size_t
needs_names(const char **names, size_t max)
{
    size_t count = 0;

    for (size_t i = 0; i < COUNT_OF(needs) && count < max; i++)
        names[count++] = needs[i].name;
    return count;
}

static bool
is_allowed(const struct need *need, const struct requirement *requirement, struct text *why)
{
    struct error err = {0};

    if (requirement->compare != VERSION_ANY) {
        text_add_string(why, "which has no version");
        return false;
    }
    if (need->is_allowed(&err))
        return true;
    text_printf(why, "which is not to be had here (%s)", err.text);
    return false;
}

static bool
has_version(const struct requirement *requirement, struct slice said, struct text *why)
{
    struct slice version;

    if (requirement->compare == VERSION_ANY)
        return true;
    if (!version_find(said, &version))
        text_add_string(why, "and the one here does not tell its version");
    else if (!requirement_is_met_by(requirement, version))
        text_printf(why, "and %.*s is here", SLICE_ARGS(version));
    else
        return true;
    return false;
}

static bool
ask(const struct need *need, struct text *said)
{
    struct error err = {0};

    if (need->sut != SUT_NONE)
        return sut_ask(need->sut, need->ask, ASK_MS, said);
    return (need->ask[0][0] != '/' || access(need->ask[0], X_OK) == 0) &&
        program_ask(need->ask, "/", ASK_MS, said, &err) != PROGRAM_MISSING;
}

/* A program that complains about how it was asked has said its version all the same. */
static bool
is_installed(const struct need *need, const struct requirement *requirement, struct text *why)
{
    struct text said = {0};
    bool is_met = false;

    if (!ask(need, &said))
        text_add_string(why, "which is not here");
    else if (slice_contains_nocase(
                 text_slice(&said), SLICE("error while loading shared libraries")))
        text_add_string(why, "and the one here lacks a library");
    else
        is_met = has_version(requirement, text_slice(&said), why);
    text_release(&said);
    return is_met;
}

bool
need_is_met(const struct requirement *requirement, struct text *why)
{
    const struct need *need = find(requirement->name);

    assert(need != NULL);
    return need->ask[0] == NULL ? is_allowed(need, requirement, why)
                                : is_installed(need, requirement, why);
}
