/*
 * What rows of our output files are made of, over the Avro primitives: text as UTF-8, ["null", …]
 * unions. Shared by the writers of parts and rollups. Pure.
 */
#ifndef AGGREGATOR_RATING_AVRO_ROW_H
#define AGGREGATOR_RATING_AVRO_ROW_H

#include "aggregator/core/part.h"
#include "schemas/c/avro_buffer.h"

/* A string; what is not UTF-8 is replaced by U+FFFD. */
void avro_row_put_text(struct avro_writer *w, struct bytes b);
/* The branch of a ["null", …] union: true if the value is to follow. */
bool avro_row_put_branch(struct avro_writer *w, bool present);
void avro_row_put_text_or_null(struct avro_writer *w, bool present, struct bytes b);
void avro_row_put_bytes_or_null(struct avro_writer *w, bool present, struct bytes b);
void avro_row_put_long_or_null(struct avro_writer *w, bool present, int64_t value);
/* NO_TIME is null. */
void avro_row_put_time_or_null(struct avro_writer *w, int64_t time);

#endif
