/*
 * Rows of any Avro container file as JSON, by the schema in the file: for people who look at a part
 * or a rollup. Bytes become hexadecimal text, times RFC 3339. Not for reading data back.
 */
#ifndef AGGREGATOR_EDGE_AVRO_JSON_H
#define AGGREGATOR_EDGE_AVRO_JSON_H

#include "common/bytes.h"
#include "common/err.h"

enum {
    AVRO_JSON_DEPTH_MAX = 24,
    AVRO_JSON_LINE_MAX = 64 * 1024 * 1024, /* bytes of one row as JSON */
};

/* Called with one JSON value per row, without line feed; before the rows of a part, with its
 * statement: {"enclave.part": {…}}. */
typedef void avro_json_visitor(void *context, struct bytes json);

/* ERR_MALFORMED, ERR_TRUNCATED, ERR_UNSUPPORTED (a codec, floating point), ERR_LIMIT, ERR_NOMEM. */
enum err avro_json_each_row(struct bytes file, avro_json_visitor *visit, void *context,
                            struct err_detail *detail) MUST_CHECK;

#endif
