/*
 * Times and durations from arbitrary text: what is accepted is in range, is written in the module's
 * own form, and that form is read back as the same value.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "common/time_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition)
        abort();
}

static void check_time(int64_t ms)
{
    char text[TIME_TEXT_SIZE];
    char date[DATE_TEXT_SIZE];
    int64_t back;

    require(ms >= TIME_MS_MIN && ms <= TIME_MS_MAX);
    require(time_text_parse(bytes_of_string(time_text_format(ms, text)), &back) == ERR_OK);
    require(back == ms);
    require(date_text_parse(bytes_of_string(date_text_format(ms, date)), &back) == ERR_OK);
    require(back == time_day_floor(ms) && back <= ms && ms - back < TIME_MS_PER_DAY);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes text = bytes_of(data, size);
    char out[DURATION_TEXT_SIZE];
    int64_t ms;
    int64_t back;

    if (time_text_parse(text, &ms) == ERR_OK) {
        check_time(ms);
        require(time_text_parse_loose(text, &back) == ERR_OK && back == ms);
    }
    if (time_text_parse_loose(text, &ms) == ERR_OK)
        check_time(ms);
    if (duration_parse(text, &ms) == ERR_OK) {
        require(ms >= 0);
        require(duration_parse(bytes_of_string(duration_format(ms, out)), &back) == ERR_OK);
        require(back == ms);
    }
    if (size >= sizeof ms) {
        memcpy(&ms, data, sizeof ms);
        time_text_format(ms, (char[TIME_TEXT_SIZE]){0});
        duration_format(ms, out);
    }
    return 0;
}
