/*
 * Facts about this machine as the kernel states them: which boot, which instance, what the clocks
 * say. Reads files of /proc and /sys whose paths are configured, so that tests can bring their own.
 */
#ifndef PRODUCER_EDGE_HOST_H
#define PRODUCER_EDGE_HOST_H

#include "common/err.h"
#include "producer/edge/settings.h"
#include "schemas/c/event.h"

enum { HOST_INSTANCE_ID_MAX = 255 }; /* bytes, without NUL */

/* Who this host is, for as long as the program runs. */
struct host {
    char instance_id[HOST_INSTANCE_ID_MAX + 1];
    struct event_uuid boot_id;
    struct event_pair tags[EVENT_PAIRS_MAX];
    struct event_host
        facts; /* points into the settings and into `tags`; clocks by host_read_clocks */
};

/* ERR_CONFIG: no instance id is configured and DMI has none; ERR_NOT_FOUND, ERR_IO, ERR_MALFORMED:
 * the boot id. `settings` must outlive `host`. */
enum err host_init(struct host *host, const struct producer_settings *settings,
                   struct err_detail *detail) MUST_CHECK;

/* Brings host->facts.wall_time, boottime_ms, clock_error_us, clock_synchronised up to date. */
void host_read_clocks(struct host *host);

#endif
