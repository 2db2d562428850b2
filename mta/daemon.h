/* daemon.h - the MTA as a program on real sockets: its doors, chosen and put together.
 *
 * It runs until SIGTERM, SIGINT or `mta ctl stop`: then nothing new is taken in or begun, open
 * transactions end within `stop_within`, EFS is told, and the spool is synced. SIGHUP and `mta ctl
 * reload` read the file again, and its MX rules, retries, validity and bounce rules hold from then on;
 * a file with mistakes changes nothing. SIGUSR1 (and a reload) opens logs anew.
 *
 * Errors     daemon_new: what cannot be opened, listened at or read. */
#ifndef MTALAB_DAEMON_H
#define MTALAB_DAEMON_H

#include "mta/settings.h"

struct daemon;

/* Takes the settings over, also when it fails. `filename` is read again by a reload. */
struct daemon *daemon_new(const char *filename, struct settings *settings, struct error *err);
void daemon_free(struct daemon **daemon);

/* False: *err. True: it was told to stop, and has. */
bool daemon_run(struct daemon *daemon, struct error *err) MUST_USE;

#endif
