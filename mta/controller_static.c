/* controller_static.c - the MX rule as it stands, whatever the site says to it. */
#include "mta/controller_parts.h"

static uint32_t
connections(struct controller *c, uint32_t waiting, int64_t now_us)
{
    return controller_worth(waiting, c->rule->connections);
}

const struct controller_ops controller_static = {
    .name = "static", .size = sizeof(struct controller), .connections = connections};
