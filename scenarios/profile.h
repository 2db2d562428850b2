/* profile.h - profiles of providers as a program on real sockets needs them: hosts at addresses of
 * the loopback, and the zones that lead there.
 *
 * Each address of a host is replaced: the first by the one given, those that follow by the next ones
 * (127.0.0.1, 127.0.0.2, …), all with the same port, for DNS knows no ports. Zones say the same.
 *
 * A name without a file, such as gmail, is that of a profile that is built in.
 *
 * Ownership  profiles_free() takes back all that is below.
 * Errors     what is wrong in a file is in the diagnostics; a file that is not there, and two
 *            providers with one name or domain, in *err. */
#ifndef MTALAB_PROFILE_H
#define MTALAB_PROFILE_H

#include "base/diag.h"
#include "base/zone.h"
#include "fakeisp/service.h"

struct profiles {
    struct isp_config *isps;
    size_t isps_count;
    struct zones *zones;
    struct scenario **files; /* as many as were given */
    size_t *files_of_isps;   /* of each provider: its file, … */
    size_t *places_in_files; /* … and its place there */
    size_t files_count;
    struct arena arena;
};

bool profiles_load(struct profiles *profiles, const char *const *filenames, size_t count,
    const struct net_address *first, struct diagnostics *diagnostics, struct error *err) MUST_USE;
/* Those that are built in: a line each, its name and its title. */
void profiles_list(struct text *out);
void profiles_free(struct profiles *profiles);

/* A service_read_change_fn; its argument is a struct profiles. */
bool profiles_read_change(void *profiles, size_t isp, struct slice path, struct slice value,
    struct service_change *change, struct error *err);

#endif
