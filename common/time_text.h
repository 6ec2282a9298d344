/*
 * Times and durations as text: RFC 3339 in UTC with milliseconds, civil dates, "2m30s". Pure, own
 * calendar arithmetic: no locale, no time zone, no clock.
 */
#ifndef COMMON_TIME_TEXT_H
#define COMMON_TIME_TEXT_H

#include <stdint.h>

#include "common/bytes.h"
#include "common/err.h"

#define TIME_MS_PER_SECOND INT64_C(1000)
#define TIME_MS_PER_MINUTE INT64_C(60000)
#define TIME_MS_PER_HOUR   INT64_C(3600000)
#define TIME_MS_PER_DAY    INT64_C(86400000)

/* 0001-01-01T00:00:00.000Z and 9999-12-31T23:59:59.999Z: what these texts can express. */
#define TIME_MS_MIN INT64_C(-62135596800000)
#define TIME_MS_MAX INT64_C(253402300799999)

enum {
    TIME_TEXT_SIZE = 25,     /* "2026-11-21T06:59:07.123Z" and NUL */
    DATE_TEXT_SIZE = 11,     /* "2026-11-21" and NUL */
    DURATION_TEXT_SIZE = 32, /* any int64_t of ms and NUL */
};

/* A moment of the proleptic Gregorian calendar in UTC. */
struct time_civil {
    int year;   /* 1…9999 */
    int month;  /* 1…12 */
    int day;    /* 1…31 */
    int hour;   /* 0…23 */
    int minute; /* 0…59 */
    int second; /* 0…59: Unix time knows no leap seconds */
    int millisecond;
};

/* `unix_ms` must be in TIME_MS_MIN…TIME_MS_MAX. */
struct time_civil time_civil_of(int64_t unix_ms);
/* ERR_MALFORMED if a field is out of range (30 February, hour 24, year 10000). */
MUST_CHECK enum err time_civil_to_ms(const struct time_civil *civil, int64_t *unix_ms);

/* "2026-11-21T06:59:07.123Z". A time outside TIME_MS_MIN…TIME_MS_MAX becomes "@<ms>ms", so that a
 * wrong time can still be shown; time_text_parse refuses that form. Returns `out`. */
const char *time_text_format(int64_t unix_ms, char out[TIME_TEXT_SIZE]);
/* "2026-11-21": the UTC date that holds `unix_ms`; outside the range "@". Returns `out`. */
const char *date_text_format(int64_t unix_ms, char out[DATE_TEXT_SIZE]);

/* "YYYY-MM-DDTHH:MM:SS[.f]Z" with 1 to 9 digits of fraction, cut (not rounded) to milliseconds.
 * Second 60 is refused. ERR_MALFORMED on anything else. */
MUST_CHECK enum err time_text_parse(struct bytes text, int64_t *unix_ms);
/* "YYYY-MM-DD": its first millisecond. */
MUST_CHECK enum err date_text_parse(struct bytes text, int64_t *unix_ms);
/* What people type: either of the two above, or "YYYY-MM-DDTHH:MMZ", or "YYYY-MM-DDTHHZ". */
MUST_CHECK enum err time_text_parse_loose(struct bytes text, int64_t *unix_ms);

/* "2m30s", "500ms", "24h", "30d", "0": numbers with units d h m s ms, largest first, each at most
 * once; a bare number other than 0 is refused. ERR_MALFORMED, or ERR_LIMIT if it overflows. */
MUST_CHECK enum err duration_parse(struct bytes text, int64_t *ms);
/* The shortest such text: "2m30s", "72h", "30d" (whole days from 4 days on), "0s". Negative values
 * get a '-', which duration_parse refuses. Returns `out`. */
const char *duration_format(int64_t ms, char out[DURATION_TEXT_SIZE]);

/* The first ms of the UTC hour or day that holds `unix_ms`; right for negative times too. */
int64_t time_hour_floor(int64_t unix_ms);
int64_t time_day_floor(int64_t unix_ms);

#endif
