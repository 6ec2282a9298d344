/*
 * The clocks of this machine, in milliseconds. Only edges read clocks; cores are told the time by
 * their events.
 */
#ifndef COMMON_CLOCK_H
#define COMMON_CLOCK_H

#include <stdint.h>

/* Unix time (CLOCK_REALTIME): may step in either direction. */
int64_t clock_wall_ms(void);
/* Since boot, suspend included (CLOCK_BOOTTIME): never goes back. */
int64_t clock_boot_ms(void);
/* For deadlines (CLOCK_MONOTONIC): never goes back. */
int64_t clock_monotonic_ms(void);

/* Wall and boot clock of one moment. */
struct clock_pair {
    int64_t wall_ms;
    int64_t boot_ms;
};

/* Reads both clocks together: of a few attempts the one with the least time between the reads. */
struct clock_pair clock_read_pair(void);

#endif
