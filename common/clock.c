/*
 * The kernel's clocks.
 */
#include "common/clock.h"

#include <assert.h>
#include <time.h>

static int64_t read_nanos(clockid_t clock)
{
    struct timespec now;
    int failed = clock_gettime(clock, &now);

    assert(failed == 0); /* these clocks exist on every kernel that we run on */
    (void)failed;
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t clock_wall_ms(void)
{
    return read_nanos(CLOCK_REALTIME) / 1000000;
}

int64_t clock_boot_ms(void)
{
    return read_nanos(CLOCK_BOOTTIME) / 1000000;
}

int64_t clock_monotonic_ms(void)
{
    return read_nanos(CLOCK_MONOTONIC) / 1000000;
}

struct clock_pair clock_read_pair(void)
{
    enum { ATTEMPTS = 5 };
    struct clock_pair best = {0};
    int64_t best_nanos = INT64_MAX;

    for (int i = 0; i < ATTEMPTS; i++) {
        int64_t boot = read_nanos(CLOCK_BOOTTIME);
        int64_t wall = read_nanos(CLOCK_REALTIME);
        int64_t apart = read_nanos(CLOCK_BOOTTIME) - boot;

        if (apart >= best_nanos)
            continue;
        best_nanos = apart;
        best =
            (struct clock_pair){.wall_ms = wall / 1000000, .boot_ms = (boot + apart / 2) / 1000000};
    }
    return best;
}
