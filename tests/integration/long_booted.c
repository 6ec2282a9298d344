/*
 * A host that booted ten days ago, for producers under test: preloaded, it moves CLOCK_BOOTTIME.
 *
 * Runs cannot begin before their host did (R4), but the hours that tests meter lie in the past and
 * the machine that runs the tests may have booted a minute ago. Not part of the product.
 */
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { LONGER_UP_S = 10 * 24 * 3600 };

int clock_gettime(clockid_t clock, struct timespec *now)
{
    int result = (int)syscall(SYS_clock_gettime, clock, now);

    if (result == 0 && clock == CLOCK_BOOTTIME)
        now->tv_sec += LONGER_UP_S;
    return result;
}
