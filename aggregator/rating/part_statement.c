/*
 * The statement of completeness of a part; see the header.
 */
#include "aggregator/rating/part_statement.h"

#include "aggregator/rating/json_reader.h"
#include "aggregator/rating/part_codec.h"
#include "aggregator/rating/text.h"
#include "common/hex.h"

static const char *const status_names[] = {
    [PART_PROVISIONAL] = "PROVISIONAL", [PART_CLOSED] = "CLOSED", [PART_FINAL] = "FINAL"};

static const struct {
    uint32_t bit;
    const char *name;
} reason_names[] = {
    {REASON_LATE_EVENT, "LATE_EVENT"},
    {REASON_NEW_INSTANCE, "NEW_INSTANCE"},
    {REASON_WATERMARK_VIOLATION, "WATERMARK_VIOLATION"},
    {REASON_WATERMARK_ADVANCED, "WATERMARK_ADVANCED"},
    {REASON_IDENTITY, "IDENTITY"},
    {REASON_HOST_LIFE, "HOST_LIFE"},
};

enum {
    STATUS_N = sizeof status_names / sizeof status_names[0],
    REASONS_N = sizeof reason_names / sizeof reason_names[0],
    /* what the names, digits and punctuation of each can take */
    FIXED_BYTES = 1024,
    ENTRY_BYTES = 192,
    NUMBER_BYTES = 21,
};

const char *part_status_name(enum part_status status)
{
    return status_names[status];
}

size_t part_statement_bound(const struct part *part)
{
    size_t n = FIXED_BYTES + (size_t)part->dead_letters_n * NUMBER_BYTES;

    for (uint32_t i = 0; i < part->missing_n; i++)
        n += ENTRY_BYTES + part->missing[i].instance_id.len * TEXT_JSON_GROWTH;
    for (uint32_t i = 0; i < part->gaps_n; i++)
        n += ENTRY_BYTES + part->gaps[i].instance_id.len * TEXT_JSON_GROWTH;
    return n;
}

void statement_write_reasons(struct json_out *json, const char *key, uint32_t reasons)
{
    json_out_key(json, key);
    json_out_array_begin(json);
    for (size_t i = 0; i < REASONS_N; i++) {
        if ((reasons & reason_names[i].bit) != 0)
            json_out_text(json, reason_names[i].name);
    }
    json_out_array_end(json);
}

void statement_write_uuid(struct json_out *json, const char *key, const struct event_uuid *uuid)
{
    static const uint8_t dashes_before[] = {4, 6, 8, 10};
    char hex[2 * EVENT_UUID_BYTES + 1], text[2 * EVENT_UUID_BYTES + sizeof dashes_before + 1];
    size_t n = 0, dash = 0;

    (void)hex_format(bytes_of(uuid->bytes, EVENT_UUID_BYTES), hex);
    for (size_t i = 0; i < EVENT_UUID_BYTES; i++) {
        if (dash < sizeof dashes_before && i == dashes_before[dash]) {
            text[n++] = '-';
            dash++;
        }
        memcpy(text + n, hex + 2 * i, 2);
        n += 2;
    }
    json_out_key_string(json, key, bytes_of(text, n));
}

static void write_gaps(struct json_out *json, const struct part *part)
{
    json_out_key(json, "gaps");
    json_out_array_begin(json);
    for (uint32_t i = 0; i < part->gaps_n; i++) {
        json_out_object_begin(json);
        statement_write_uuid(json, "epoch", &part->gaps[i].epoch);
        json_out_key_int(json, "first_seq", part->gaps[i].first_seq);
        json_out_key_string(json, "instance_id", part->gaps[i].instance_id);
        json_out_key_int(json, "last_seq", part->gaps[i].last_seq);
        json_out_object_end(json);
    }
    json_out_array_end(json);
}

static void write_missing(struct json_out *json, const struct part *part)
{
    json_out_key(json, "missing");
    json_out_array_begin(json);
    for (uint32_t i = 0; i < part->missing_n; i++) {
        json_out_object_begin(json);
        json_out_key_string(json, "instance_id", part->missing[i].instance_id);
        json_out_key_bool(json, "lost", part->missing[i].lost);
        text_json_time(json, "watermark", part->missing[i].watermark);
        json_out_object_end(json);
    }
    json_out_array_end(json);
}

static void write_expected(struct json_out *json, const struct part *part)
{
    json_out_key(json, "expected");
    json_out_object_begin(json);
    json_out_key_int(json, "count", part->expected_n);
    json_out_key_hex(json, "sha256", bytes_of(part->expected_sha256, PART_EXPECTED_HASH_BYTES));
    json_out_object_end(json);
}

void part_statement_write(struct json_out *json, const struct part *part)
{
    json_out_object_begin(json);
    json_out_key_bool(json, "complete", part->complete);
    text_json_time(json, "cut_log_time", part->cut_log_time);
    json_out_key(json, "dead_letters");
    json_out_array_begin(json);
    for (uint32_t i = 0; i < part->dead_letters_n; i++)
        json_out_int(json, part->dead_letters[i]);
    json_out_array_end(json);
    json_out_key_int(json, "era", part->era);
    write_expected(json, part);
    write_gaps(json, part);
    text_json_time(json, "hour", part->hour);
    json_out_key_bool(json, "lead_in", part->lead_in);
    write_missing(json, part);
    json_out_key_int(json, "offset_first", part->offset_first);
    json_out_key_int(json, "offset_next", part->offset_next);
    json_out_key_int(json, "partition", part->partition);
    json_out_key_int(json, "policy_version", part->policy_version);
    statement_write_reasons(json, "reasons", part->reasons);
    json_out_key_int(json, "revision", part->revision);
    json_out_key_int(json, "rules_version", part->rules_version);
    json_out_key_text(json, "status", part_status_name(part->status));
    json_out_object_end(json);
}

/* ---- reading ----------------------------------------------------------------------------------
 */

static int64_t get_time_or_null(struct json_reader *r)
{
    int64_t time = NO_TIME;

    if (json_take_null(r))
        return NO_TIME;
    if (text_parse_time(json_get_string(r), &time) != ERR_OK)
        json_fail(r, ERR_MALFORMED);
    return time;
}

static void get_uuid(struct json_reader *r, struct event_uuid *uuid)
{
    static const uint8_t dashes[] = {8, 13, 18, 23};
    struct bytes text = json_get_string(r);
    uint8_t hex[2 * EVENT_UUID_BYTES] = {0};
    size_t n = 0;

    if (text.len != sizeof hex + sizeof dashes) {
        json_fail(r, ERR_MALFORMED);
        return;
    }
    for (size_t i = 0, dash = 0; i < text.len; i++) {
        if (dash < sizeof dashes && i == dashes[dash]) {
            dash++;
            if (text.ptr[i] != '-')
                json_fail(r, ERR_MALFORMED);
        } else {
            hex[n++] = text.ptr[i];
        }
    }
    if (hex_parse(bytes_of(hex, sizeof hex), uuid->bytes, EVENT_UUID_BYTES) != ERR_OK)
        json_fail(r, ERR_MALFORMED);
}

static void get_missing(struct json_reader *r, const struct part_statement_arena *arena,
                        struct part *part)
{
    struct bytes key;

    json_array_begin(r);
    while (json_array_next(r)) {
        struct part_missing m = {.watermark = NO_TIME};

        json_object_begin(r);
        while (json_object_next(r, &key)) {
            if (json_key_is(key, "instance_id"))
                m.instance_id = json_get_string(r);
            else if (json_key_is(key, "lost"))
                m.lost = json_get_bool(r);
            else if (json_key_is(key, "watermark"))
                m.watermark = get_time_or_null(r);
            else
                json_skip(r);
        }
        if (part->missing_n == PART_LINES_MAX)
            json_fail(r, ERR_LIMIT);
        else if (arena->missing != NULL && part->missing_n == arena->missing_cap)
            json_fail(r, ERR_CAPACITY);
        else if (arena->missing != NULL)
            arena->missing[part->missing_n] = m;
        part->missing_n++;
    }
    part->missing = arena->missing;
}

static void get_gaps(struct json_reader *r, const struct part_statement_arena *arena,
                     struct part *part)
{
    struct bytes key;

    json_array_begin(r);
    while (json_array_next(r)) {
        struct part_gap g = {0};

        json_object_begin(r);
        while (json_object_next(r, &key)) {
            if (json_key_is(key, "epoch"))
                get_uuid(r, &g.epoch);
            else if (json_key_is(key, "first_seq"))
                g.first_seq = json_get_int(r);
            else if (json_key_is(key, "instance_id"))
                g.instance_id = json_get_string(r);
            else if (json_key_is(key, "last_seq"))
                g.last_seq = json_get_int(r);
            else
                json_skip(r);
        }
        if (part->gaps_n == PART_LINES_MAX)
            json_fail(r, ERR_LIMIT);
        else if (arena->gaps != NULL && part->gaps_n == arena->gaps_cap)
            json_fail(r, ERR_CAPACITY);
        else if (arena->gaps != NULL)
            arena->gaps[part->gaps_n] = g;
        part->gaps_n++;
    }
    part->gaps = arena->gaps;
}

static void get_dead_letters(struct json_reader *r, const struct part_statement_arena *arena,
                             struct part *part)
{
    json_array_begin(r);
    while (json_array_next(r)) {
        int64_t offset = json_get_int(r);

        if (part->dead_letters_n == PART_LINES_MAX)
            json_fail(r, ERR_LIMIT);
        else if (arena->dead_letters != NULL && part->dead_letters_n == arena->dead_letters_cap)
            json_fail(r, ERR_CAPACITY);
        else if (arena->dead_letters != NULL)
            arena->dead_letters[part->dead_letters_n] = offset;
        part->dead_letters_n++;
    }
    part->dead_letters = arena->dead_letters;
}

static void get_expected(struct json_reader *r, struct part *part)
{
    struct bytes key;

    json_object_begin(r);
    while (json_object_next(r, &key)) {
        if (json_key_is(key, "count"))
            part->expected_n = (uint32_t)json_get_int_in(r, 0, UINT32_MAX);
        else if (!json_key_is(key, "sha256"))
            json_skip(r);
        else if (hex_parse(json_get_string(r), part->expected_sha256, PART_EXPECTED_HASH_BYTES) !=
                 ERR_OK)
            json_fail(r, ERR_MALFORMED);
    }
}

/* Names that a later version adds are not known here: they are left out. */
uint32_t statement_get_reasons(struct json_reader *r)
{
    uint32_t reasons = 0;

    json_array_begin(r);
    while (json_array_next(r)) {
        struct bytes name = json_get_string(r);

        for (size_t i = 0; i < REASONS_N; i++) {
            if (json_key_is(name, reason_names[i].name))
                reasons |= reason_names[i].bit;
        }
    }
    return reasons;
}

enum part_status statement_get_status(struct json_reader *r)
{
    struct bytes name = json_get_string(r);

    for (size_t i = 0; i < STATUS_N; i++) {
        if (json_key_is(name, status_names[i]))
            return (enum part_status)i;
    }
    json_fail(r, ERR_MALFORMED);
    return PART_PROVISIONAL;
}

enum member {
    HAS_COMPLETE = 1 << 0,
    HAS_CUT_LOG_TIME = 1 << 1,
    HAS_DEAD_LETTERS = 1 << 2,
    HAS_ERA = 1 << 3,
    HAS_EXPECTED = 1 << 4,
    HAS_GAPS = 1 << 5,
    HAS_HOUR = 1 << 6,
    HAS_LEAD_IN = 1 << 7,
    HAS_MISSING = 1 << 8,
    HAS_OFFSET_FIRST = 1 << 9,
    HAS_OFFSET_NEXT = 1 << 10,
    HAS_PARTITION = 1 << 11,
    HAS_POLICY_VERSION = 1 << 12,
    HAS_REASONS = 1 << 13,
    HAS_REVISION = 1 << 14,
    HAS_RULES_VERSION = 1 << 15,
    HAS_STATUS = 1 << 16,
    HAS_ALL = (1 << 17) - 1,
};

static enum member member_of(struct bytes key)
{
    static const char *const names[] = {
        "complete",      "cut_log_time", "dead_letters",   "era",     "expected",
        "gaps",          "hour",         "lead_in",        "missing", "offset_first",
        "offset_next",   "partition",    "policy_version", "reasons", "revision",
        "rules_version", "status"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (json_key_is(key, names[i]))
            return (enum member)(1 << i);
    }
    return 0;
}

static void get_member(struct json_reader *r, enum member member,
                       const struct part_statement_arena *arena, struct part *part)
{
    switch (member) {
    case HAS_COMPLETE: part->complete = json_get_bool(r); break;
    case HAS_CUT_LOG_TIME: part->cut_log_time = get_time_or_null(r); break;
    case HAS_DEAD_LETTERS: get_dead_letters(r, arena, part); break;
    case HAS_ERA: part->era = (uint32_t)json_get_int_in(r, 0, UINT32_MAX); break;
    case HAS_EXPECTED: get_expected(r, part); break;
    case HAS_GAPS: get_gaps(r, arena, part); break;
    case HAS_HOUR: part->hour = get_time_or_null(r); break;
    case HAS_LEAD_IN: part->lead_in = json_get_bool(r); break;
    case HAS_MISSING: get_missing(r, arena, part); break;
    case HAS_OFFSET_FIRST: part->offset_first = json_get_int(r); break;
    case HAS_OFFSET_NEXT: part->offset_next = json_get_int(r); break;
    case HAS_PARTITION: part->partition = (int32_t)json_get_int_in(r, 0, INT32_MAX); break;
    case HAS_POLICY_VERSION: part->policy_version = json_get_int(r); break;
    case HAS_REASONS: part->reasons = statement_get_reasons(r); break;
    case HAS_REVISION: part->revision = (uint32_t)json_get_int_in(r, 1, UINT32_MAX); break;
    case HAS_RULES_VERSION:
        part->rules_version = (int32_t)json_get_int_in(r, INT32_MIN, INT32_MAX);
        break;
    case HAS_STATUS: part->status = statement_get_status(r); break;
    default: json_skip(r); break;
    }
}

enum err part_statement_read(struct bytes json, const struct part_statement_arena *arena,
                             struct part *part, size_t *text_bytes)
{
    struct json_reader r = json_reader_over(json, arena->text, arena->text_cap);
    struct bytes key;
    int seen = 0;

    *part = (struct part){0};
    json_object_begin(&r);
    while (json_object_next(&r, &key)) {
        enum member member = member_of(key);

        if ((seen & (int)member) != 0)
            json_fail(&r, ERR_MALFORMED);
        seen |= (int)member;
        get_member(&r, member, arena, part);
    }
    *text_bytes = r.text_len;
    if (json_finish(&r) != ERR_OK)
        return json_finish(&r);
    if (seen != HAS_ALL || part->hour == NO_TIME)
        return ERR_MALFORMED;
    return ERR_OK;
}
