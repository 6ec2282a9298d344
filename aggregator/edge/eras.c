/*
 * eras.json; see the header. The file is a list, so that a later era can be told from the first.
 */
#include "aggregator/edge/eras.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "aggregator/core/part.h"
#include "aggregator/rating/json_reader.h"
#include "aggregator/rating/text.h"

enum { ERAS_FORMAT = 1, ERAS_BYTES_MAX = 8192 };

static const char eras_name[] = "eras.json";

static void write_era(struct avro_writer *w, const struct era *era)
{
    struct json_out json = text_json_begin(w);

    json_out_object_begin(&json);
    json_out_key(&json, "eras");
    json_out_array_begin(&json);
    json_out_object_begin(&json);
    json_out_key_int(&json, "era", era->era);
    text_json_time(&json, "first_hour", era->first_hour);
    json_out_key_int(&json, "partitions", era->partitions_n);
    json_out_key_text(&json, "topic", era->topic);
    json_out_key_text(&json, "topic_id", era->topic_id);
    json_out_object_end(&json);
    json_out_array_end(&json);
    json_out_key_int(&json, "format", ERAS_FORMAT);
    json_out_object_end(&json);
    text_json_end(w, &json);
}

static void get_text(struct json_reader *r, char text[ERA_TEXT_MAX])
{
    struct bytes b = json_get_string(r);

    if (b.len >= ERA_TEXT_MAX)
        json_fail(r, ERR_LIMIT);
    else if (b.len > 0)
        memcpy(text, b.ptr, b.len);
}

static struct era get_era(struct json_reader *r)
{
    struct era era = {0};
    struct bytes key;

    json_object_begin(r);
    while (json_object_next(r, &key)) {
        if (json_key_is(key, "era"))
            era.era = (uint32_t)json_get_int_in(r, 1, UINT32_MAX);
        else if (json_key_is(key, "first_hour") &&
                 text_parse_time(json_get_string(r), &era.first_hour) != ERR_OK)
            json_fail(r, ERR_MALFORMED);
        else if (json_key_is(key, "first_hour"))
            continue;
        else if (json_key_is(key, "partitions"))
            era.partitions_n = (int32_t)json_get_int_in(r, 1, INT32_MAX);
        else if (json_key_is(key, "topic"))
            get_text(r, era.topic);
        else if (json_key_is(key, "topic_id"))
            get_text(r, era.topic_id);
        else
            json_skip(r);
    }
    if (era.era == 0 || era.partitions_n == 0 || era.first_hour % HOUR_MS != 0)
        json_fail(r, ERR_MALFORMED);
    return era;
}

enum err eras_read(struct store *store, struct era *recorded, struct err_detail *detail)
{
    uint8_t *content, text[ERAS_BYTES_MAX];
    size_t len;
    struct bytes key;
    bool any = false, known_format = false;
    enum err e = store_read(store, eras_name, &content, &len, detail);

    if (e != ERR_OK)
        return e;
    struct json_reader r = json_reader_over(bytes_of(content, len), text, sizeof text);

    json_object_begin(&r);
    while (json_object_next(&r, &key)) {
        if (json_key_is(key, "eras")) {
            for (json_array_begin(&r); json_array_next(&r); any = true)
                *recorded = get_era(&r);
        } else if (json_key_is(key, "format")) {
            known_format = json_get_int(&r) == ERAS_FORMAT;
        } else {
            json_skip(&r);
        }
    }
    e = json_finish(&r);
    free(content);
    if (e != ERR_OK || !any)
        return err_set(detail, ERR_MALFORMED, "%s of the sink is damaged: %s", eras_name,
                       e != ERR_OK ? err_text(e) : "it names no era");
    if (!known_format)
        return err_set(detail, ERR_UNSUPPORTED,
                       "%s of the sink is of a format that this version does "
                       "not know",
                       eras_name);
    return ERR_OK;
}

static enum err compare(const struct era *wanted, const struct era *recorded,
                        struct err_detail *detail)
{
    if (strcmp(wanted->topic, recorded->topic) != 0)
        return err_set(
            detail, ERR_CONFIG,
            "this sink holds the usage of topic %s, not of %s: set the topic back, or use "
            "another sink",
            recorded->topic, wanted->topic);
    if (strcmp(wanted->topic_id, recorded->topic_id) != 0)
        return err_set(
            detail, ERR_CONFIG,
            "topic %s is not the one this sink was made from (its id is %s, the sink's %s): "
            "it was deleted and created again, or this is another cluster; use another "
            "sink",
            wanted->topic, wanted->topic_id, recorded->topic_id);
    if (wanted->partitions_n != recorded->partitions_n)
        return err_set(detail, ERR_CONFIG,
                       "topic %s has %d partitions, and had %d when this sink was made: instances "
                       "have moved between partitions and would be billed twice; make a new topic "
                       "with the new count and another sink for it",
                       wanted->topic, wanted->partitions_n, recorded->partitions_n);
    return ERR_OK;
}

enum err eras_ensure(struct store *store, const struct era *wanted, struct era *recorded,
                     struct err_detail *detail)
{
    uint8_t buffer[ERAS_BYTES_MAX];
    struct avro_writer w = avro_writer_over(buffer, sizeof buffer);
    size_t len = 0;
    enum err e = eras_read(store, recorded, detail);

    if (e == ERR_OK)
        return compare(wanted, recorded, detail);
    if (e != ERR_NOT_FOUND)
        return e;
    if (wanted->era == 0 || wanted->partitions_n < 1 || wanted->first_hour % HOUR_MS != 0)
        return err_set(detail, ERR_MALFORMED, "an era needs a number, partitions and a whole hour");
    write_era(&w, wanted);
    e = avro_writer_finish(&w, &len);
    assert(e == ERR_OK); /* two names within ERA_TEXT_MAX, escaped, fit */
    e = store_create(store, eras_name, bytes_of(buffer, len), detail);
    if (e != ERR_OK && e != ERR_EXISTS)
        return e;
    e = eras_read(store, recorded, detail); /* somebody else may have been first */
    return e != ERR_OK ? e : compare(wanted, recorded, detail);
}
