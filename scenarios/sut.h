/* sut.h - a foreign MTA on the bench: the system under test, as it was installed.
 *
 * Each kind (sut_KIND.c) knows how its program is told what to do; what is common stands here. The
 * program runs in the namespace that this process is the first one of (base/namespace_net.h), with
 * its files in memory there, so that nothing of it is left behind.
 *
 * Its settings are its own, written as it would have them; those that the bench needs to stay what
 * they are cannot be set. With `clock: shared` its time goes as fast as ours, by libfaketime.
 *
 * Ownership  the setup is borrowed and outlives the sut.
 * Errors     it cannot be started, does not answer, or does not know a setting: with its own words. */
#ifndef MTALAB_SUT_H
#define MTALAB_SUT_H

#include <sys/types.h>

#include "base/stream.h"

enum sut_clock { SUT_CLOCK_SHARED, SUT_CLOCK_OWN };
enum sut_kind_number { SUT_NONE, SUT_POSTFIX, SUT_EXIM, SUT_OPENSMTPD, SUT_KINDS_COUNT };

struct sut_setting {
    struct slice name, value;
};

struct sut_config {
    enum sut_kind_number kind; /* SUT_NONE: our own MTA runs */
    enum sut_clock clock;
    const struct sut_setting *settings;
    size_t settings_count;
};

struct sut_setup {
    const struct sut_config *config;
    struct slice hostname;
    struct net_address listen;   /* takes mail to be sent here */
    struct net_address source;   /* sends from here */
    struct net_address campaign; /* may have mail sent */
    uint32_t speed;
};

enum { SUT_ARGUMENTS_MAX = 16 };

/* What a kind is. Files are written into the directory of sut_directory(). */
struct sut_kind {
    const char *name;
    const char *program;      /* filename below /usr */
    const char *package;      /* where it is not installed it may be unpacked; NULL: it may not */
    const char *const *users; /* it runs as them; ends with NULL */
    uint32_t speed_max;       /* with a shared clock; 1: it cannot be scaled */
    const char *const *reserved; /* settings that are the bench's; ends with NULL */
    const char *log;             /* filename in the directory; NULL: it speaks to stderr */
    bool (*write_files)(const struct sut_setup *setup, struct error *err);
    /* Command line that stays in the foreground; ends with NULL. */
    const char *const *command;
};

const struct sut_kind *sut_kind(enum sut_kind_number number);
/* False: its clock cannot go that fast, and was to. */
bool sut_can_keep_pace(const struct sut_config *config, uint32_t speed, struct error *err);
extern const struct sut_kind sut_postfix, sut_exim, sut_opensmtpd;

/* Asks the program of a kind, installed or unpacked; what it says is added. False: it is not here. */
bool sut_ask(
    enum sut_kind_number number, const char *const *arguments, int limit_ms, struct text *said);

/* In memory, and gone with the namespace. */
#define SUT_SPOOL     "/var/spool"
#define SUT_DIRECTORY SUT_SPOOL "/mtalab"

struct sut;

/* Starts it and waits until it takes mail. *wall_us is the time its clock shows then. */
struct sut *sut_start(const struct sut_setup *setup, int64_t *wall_us, struct error *err);
void sut_free(struct sut **sut); /* stops it */

/* False: it has ended by itself; *err has its last words. Cheap; also takes in its orphans. */
bool sut_is_running(struct sut *sut, struct error *err);
/* Everything that one of this kind wrote into its log in this namespace. */
void sut_log(enum sut_kind_number kind, struct text *out);
/* The first line in there about something that it gave up for, added to `words`; false: none. */
bool sut_complains(enum sut_kind_number kind, struct text *words);

#endif
