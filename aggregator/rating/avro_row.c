/*
 * What rows of our output files are made of; see the header.
 */
#include "aggregator/rating/avro_row.h"

#include "aggregator/rating/text.h"

void avro_row_put_text(struct avro_writer *w, struct bytes b)
{
    avro_put_long(w, (int64_t)text_utf8_length(b));
    text_put_utf8(w, b);
}

bool avro_row_put_branch(struct avro_writer *w, bool present)
{
    avro_put_long(w, present ? 1 : 0);
    return present;
}

void avro_row_put_text_or_null(struct avro_writer *w, bool present, struct bytes b)
{
    if (avro_row_put_branch(w, present))
        avro_row_put_text(w, b);
}

void avro_row_put_bytes_or_null(struct avro_writer *w, bool present, struct bytes b)
{
    if (avro_row_put_branch(w, present))
        avro_put_bytes(w, b);
}

void avro_row_put_long_or_null(struct avro_writer *w, bool present, int64_t value)
{
    if (avro_row_put_branch(w, present))
        avro_put_long(w, value);
}

void avro_row_put_time_or_null(struct avro_writer *w, int64_t time)
{
    avro_row_put_long_or_null(w, time != NO_TIME, time);
}
