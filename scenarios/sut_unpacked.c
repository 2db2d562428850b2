/* sut_unpacked.c - a foreign MTA that is not installed, as a machine has but one, but unpacked.
 *
 * What it has in /usr is laid over ours and its users are added to /etc/passwd and /etc/group, in a
 * namespace, so that neither is there for anybody else. */
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/namespace_net.h"
#include "reports/program.h"
#include "scenarios/sut_parts.h"

enum { NUMBER_MIN = 64001 /* Debian gives those to nobody */, SPOOL_BYTES_MAX = 1 << 30 };

#define USR "/usr"

static bool
is_unpacked(const struct sut_kind *kind, struct text *usr)
{
    const char *directory = getenv("MTALAB_FOREIGN");
    struct text program = {0};
    bool is_there;

    if (kind->package == NULL || directory == NULL || *directory == '\0')
        return false;
    text_printf(usr, "%s/%s" USR, directory, kind->package);
    text_printf(&program, "%s%s", text_string(usr), kind->program + strlen(USR));
    is_there = access(text_string(&program), X_OK) == 0;
    text_release(&program);
    return is_there;
}

static unsigned
free_number(unsigned number)
{
    while (getpwuid(number) != NULL || getgrgid(number) != NULL)
        number++;
    return number;
}

static void
write_users(const struct sut_kind *kind, struct text *passwd, struct text *group)
{
    unsigned number = NUMBER_MIN;

    for (const char *const *user = kind->users; *user != NULL; user++, number++) {
        number = free_number(number);
        if (getpwnam(*user) == NULL)
            text_printf(
                passwd, "%s:x:%u:%u::/nonexistent:/usr/sbin/nologin\n", *user, number, number);
        if (getgrnam(*user) == NULL)
            text_printf(group, "%s:x:%u:\n", *user, number);
    }
}

static bool
add_users(const struct sut_kind *kind, struct error *err)
{
    struct text passwd = {0}, group = {0};
    bool is_done;

    sut_read_file("/etc/passwd", &passwd);
    sut_read_file("/etc/group", &group);
    write_users(kind, &passwd, &group);
    is_done = sut_write_file("passwd", text_slice(&passwd), err) &&
        sut_write_file("group", text_slice(&group), err) &&
        namespace_replace_file("/etc/passwd", SUT_DIRECTORY "/passwd", err) &&
        namespace_replace_file("/etc/group", SUT_DIRECTORY "/group", err);
    text_release(&passwd);
    text_release(&group);
    return is_done;
}

/* Neither installed nor unpacked: whoever starts it will say so. */
bool
sut_settle(const struct sut_kind *kind, struct error *err)
{
    struct text usr = {0};
    bool is_fine =
        namespace_mount_memory(SUT_SPOOL, SPOOL_BYTES_MAX, err) && sut_make_directory("", err);

    if (is_fine && access(kind->program, X_OK) != 0 && is_unpacked(kind, &usr))
        is_fine = add_users(kind, err) && namespace_lay_over(USR, text_string(&usr), err);
    text_release(&usr);
    return is_fine;
}

/* ---- asking it ---- */

struct question {
    const struct sut_kind *kind;
    const char *const *arguments;
    int limit_ms;
};

static bool
ask_there(void *arg, struct text *said, struct error *err)
{
    const struct question *question = arg;
    struct error ignored = {0};

    if (!sut_settle(question->kind, err))
        return false;
    if (program_ask(question->arguments, "/", question->limit_ms, said, &ignored) !=
        PROGRAM_MISSING)
        return true;
    *err = ignored;
    return false;
}

/* An unpacked program may not even tell its version where its users are unknown. */
bool
sut_ask(enum sut_kind_number number, const char *const *arguments, int limit_ms, struct text *said)
{
    const struct sut_kind *kind = sut_kind(number);
    struct question question = {kind, arguments, limit_ms};
    struct error ignored = {0};
    struct text usr = {0};
    bool has_answered;

    if (access(kind->program, X_OK) == 0)
        return program_ask(arguments, "/", limit_ms, said, &ignored) != PROGRAM_MISSING;
    has_answered = is_unpacked(kind, &usr) && namespace_run(ask_there, &question, said, &ignored);
    text_release(&usr);
    return has_answered;
}
