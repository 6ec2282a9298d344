/*
 * An event as one JSON line: the names of DESIGN.md §3, times as RFC 3339 with milliseconds, enums
 * by name, bytes in hex. What is not known is left out, never null. Pure; for `parse`, `dump` and
 * golden traces. Not a format to read back.
 */
#ifndef PRODUCER_CORE_EVENT_JSON_H
#define PRODUCER_CORE_EVENT_JSON_H

#include "common/err.h"
#include "schemas/c/event.h"

enum { EVENT_JSON_MAX = 4 * 1024 * 1024 }; /* always enough: 64 runs, every byte escaped */

/* Ends with a newline, not with a NUL. ERR_CAPACITY: `cap` is too small. */
enum err event_json_write(const struct event *event, void *out, size_t cap, size_t *len) MUST_CHECK;

#endif
